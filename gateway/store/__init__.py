"""The record: SQLAlchemy Core on SQLite (default) or PostgreSQL. Every fact is committed here before it is acted on."""

from gateway.store.engine import open_engine, parse_url
from gateway.store.intake import GroupCommitIntake
from gateway.store.migrate import migrate, schema_is_current
from gateway.store.sealing import Sealer, load_keys
from gateway.store.unit import SqlStore, open_store

__all__ = [
    "GroupCommitIntake",
    "Sealer",
    "SqlStore",
    "load_keys",
    "migrate",
    "open_engine",
    "open_store",
    "parse_url",
    "schema_is_current",
]
