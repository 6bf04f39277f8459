"""Brings a ledger's database to the shape that this engine knows, and refuses one that is newer."""

from pathlib import Path

from sqlalchemy import Connection, inspect

from engine.errors import UserError
from engine.ledger.tables import SCHEMA_REVISION

_MIGRATIONS = Path(__file__).with_name("migrations")
NEWER_SCHEMA_HINT = "Run the newer engine, or give this one another state directory; nothing was changed."
_VERSION_TABLE = "alembic_version"


def revision_of(connection: Connection) -> str | None:
    """The migration that the database is at; None where it has none of our tables yet."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION_TABLE}").scalar_one_or_none()  # noqa: S608


def migrate(connection: Connection) -> None:
    """Run what migrations are missing, in the connection's transaction: all of them or, if killed midway, none.

    Raises:
        UserError: a newer engine wrote this database.
    """
    current = revision_of(connection)
    if current == SCHEMA_REVISION:
        return
    # Alembic is slow to import, and seldom needed.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    if current is not None and current not in {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise UserError(newer_schema(current), hint=NEWER_SCHEMA_HINT)
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA_REVISION)


def newer_schema(current: str) -> str:
    """What to say of a database at an unknown migration."""
    return f"The ledger was written by a newer engine (schema {current}; this one knows {SCHEMA_REVISION})."
