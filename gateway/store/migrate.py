"""Schema migrations with Alembic, run in code: `gateway up` brings the database up to date before it starts."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from gateway.store.engine import gate_for


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; safe when two do it at once (SQLite: the gate; PostgreSQL: a lock)."""
    with gate_for(engine).hold(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7241903)")
        command.upgrade(_config(connection), "head")


def schema_is_current(engine: Engine) -> bool:
    """Say whether the database has the newest schema."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect().execution_options(read_only=True) as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest
