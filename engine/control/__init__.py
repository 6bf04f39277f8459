"""The control plane of one host: follows a source, compiles, publishes, keeps the ledger and answers the operator."""
