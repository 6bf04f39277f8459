"""Alembic migrations of the ledger's database, run by `engine.ledger.schema`."""
