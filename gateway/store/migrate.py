"""Schema migrations with Alembic, run in code: `gateway up` brings the database up to date before it starts.

Alembic takes a quarter of the time in which a command starts, so it is loaded where there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect

from gateway.store.engine import gate_for, in_reach
from gateway.store.migrations import NEWEST

if TYPE_CHECKING:
    from alembic.config import Config


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; safe when two do it at once (SQLite: the gate; PostgreSQL: a lock).

    Raises StoreError when the database is away, or is none.
    """
    with in_reach(engine), gate_for(engine).hold(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7241903)")
        if _version(connection) != NEWEST:
            from alembic import command  # noqa: PLC0415 - see above

            command.upgrade(_config(connection), "head")


def schema_is_current(engine: Engine) -> bool:
    """Say whether the database has the newest schema; raises StoreError when it is away, or is none."""
    with in_reach(engine), engine.connect().execution_options(read_only=True) as connection:
        return _version(connection) == NEWEST


def _version(connection: Connection) -> str:
    """Return what Alembic has noted in the database; empty: nothing."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")
