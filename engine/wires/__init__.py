"""Payload formats: bytes in, bytes out; pure, synchronous, no I/O. `table` lists them by name."""
