"""Alembic runs this file; the connection, inside its transaction, is handed over by `engine.ledger.schema.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
