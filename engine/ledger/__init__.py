"""The durable record of attempts and costs: a record, the spool it is written to first, and the store that keeps it."""
