"""Engines for both databases, and the write gate of SQLite.

SQLite: WAL, synchronous=FULL (an intent must survive a power cut), BEGIN IMMEDIATE for every write behind a `flock`
gate (measured in docs/delivery.md: without it a writer waited up to 20 s beside two busy ones), plain BEGIN for reads.
PostgreSQL: READ COMMITTED by psycopg. Engines are opened after a fork, never shared across one.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from gateway.errors import ConfigError, StoreError

BUSY_TIMEOUT_MS = 30_000


def parse_url(text: str) -> URL:
    """Read a database URL; raises ConfigError without repeating a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        msg = "GATEWAY_DATABASE_URL is not a database URL: expected postgresql://user@host/name or sqlite:///path"
        raise ConfigError(msg) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            msg = "a SQLite database must be a file: several processes share it"
            raise ConfigError(msg)
        return url
    msg = f"database {backend!r} is not supported: use postgresql:// or sqlite:///path"
    raise ConfigError(msg)


def told(error: DBAPIError) -> str:
    """Say in one line what the database refused, without parameters (they may hold personal data)."""
    first = str(error.orig).strip().splitlines()
    return f"the database refused: {first[0] if first else type(error.orig).__name__}"


@contextmanager
def in_reach(engine: Engine) -> Iterator[None]:
    """Raise StoreError, with the place to look at, where a database is away or is none."""
    try:
        yield
    except DBAPIError as error:
        is_file = engine.url.get_backend_name() == "sqlite"
        where = f"it is the file {engine.url.database}" if is_file else "GATEWAY_DATABASE_URL says where it is"
        raise StoreError(f"{told(error)}; {where}") from None


def open_engine(text: str) -> Engine:
    """Open an engine with the settings above; no connection is made yet."""
    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
        )
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=4, max_overflow=8)
    except ModuleNotFoundError:
        msg = "PostgreSQL needs the extra: pip install 'desk-gateway[postgres]'"
        raise ConfigError(msg) from None


def _on_sqlite_connect(raw: Any, record: Any) -> None:
    del record
    raw.isolation_level = None
    cursor = raw.cursor()
    # both belong to the file: setting them again would wait for whoever writes at the moment
    if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


class WriteGate:
    """Lets one writer at a time into a SQLite file, in every process, before it asks SQLite itself.

    `flock` is not fair: who has just let go takes it again before a waiting process wakes up. So there is a turnstile
    before the gate; one waits in it, and everybody else, the last holder too, waits behind.
    """

    def __init__(self, database: str) -> None:
        self._path = f"{database}.gate"
        self._turnstile = f"{database}.turn"
        self._mine = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the gate and hold it."""
        with self._mine:
            turn = _open(self._turnstile)
            fd = -1
            try:
                fcntl.flock(turn, fcntl.LOCK_EX)
                fd = _open(self._path)
                fcntl.flock(fd, fcntl.LOCK_EX)
                os.close(turn)
                turn = -1
                yield
            finally:
                for each in (turn, fd):
                    if each >= 0:
                        os.close(each)

    def is_wanted(self) -> bool:
        """Say whether another process waits for the gate."""
        turn = _open(self._turnstile)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(turn)
        return False


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class OpenGate:
    """PostgreSQL needs no gate."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Go straight in."""
        yield

    def is_wanted(self) -> bool:
        """Say that nobody waits."""
        return False


def gate_for(engine: Engine) -> WriteGate | OpenGate:
    """Return the gate of an engine's database."""
    if engine.url.get_backend_name() == "sqlite":
        return WriteGate(str(engine.url.database))
    return OpenGate()
