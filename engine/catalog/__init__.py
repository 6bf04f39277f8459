"""The catalog: documents in, problems or a snapshot out. Pure: no network, no clock, no environment."""
