"""The data plane: answers requests from the current snapshot."""
