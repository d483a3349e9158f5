"""The clock of leases: the database's own on PostgreSQL, the boot's on SQLite (one host), never a process's wall clock.

A lease of another boot has ended by definition, so that a restarted machine need not wait.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from gateway.system import boot_id, boottime

_NOW = text("SELECT extract(epoch FROM clock_timestamp())")


class LeaseClock:
    """Reads "now" for leases, in seconds, and the boot that the number belongs to."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self.boot = "database" if backend == "postgresql" else boot_id()

    def now(self, connection: Connection) -> float:
        """Return seconds on a clock that every worker of this database shares."""
        if self._backend == "postgresql":
            return float(connection.execute(_NOW).scalar_one())
        return boottime()
