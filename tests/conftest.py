"""Fixtures that tests of several packages share: real servers, started the way the product starts them."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis

from gateway.embedded import Running, find_server
from gateway.store import SqlStore
from tests.both import needs_both
from tests.databases import PostgresProcess, migrated_cluster, migrated_file, open_warm_store
from tests.length import FULL, length
from tests.prepared import prepared, shared_folder

# a shared, noisy machine: how long an example takes to make or to run says nothing
hypothesis.settings.register_profile(
    "gateway",
    deadline=None,
    max_examples=length(50, 500),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("gateway")

# Many a test starts processes of ours. Each would compile every module again where nothing compiled may be kept
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

#: each file and folder in it gets a random name, as in any temporary folder
_MEMORY = "/dev/shm"
#: bytes that a whole run may need there
_ROOM = 3 * 1024**3


def _only_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection to another machine: a test that needs the network is a defect of the test."""
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test connects to {address!r}; only loopback is allowed")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        if host and not _is_loopback(host if isinstance(host, str) else host.decode()):
            raise socket.gaierror(socket.EAI_NONAME, "tests resolve no names")


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost") or host == socket.gethostname()
    return address.is_loopback or address.is_unspecified


def _keep_files_in_memory() -> None:
    """Let the tests' files lie in memory, where the machine offers that and nobody chose another place (TMPDIR).

    A commit waits for the disk, and there are tens of thousands. What a lost power supply would do no test can tell.
    """
    try:
        there = os.statvfs(_MEMORY)
    except OSError:
        return
    if os.environ.get("TMPDIR") or there.f_flag & os.ST_NOEXEC or there.f_bavail * there.f_frsize < _ROOM:
        return
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY


def pytest_configure(config: pytest.Config) -> None:
    """Put the guard in place once for the process; it cannot be taken off again."""
    sys.addaudithook(_only_loopback)
    _keep_files_in_memory()


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run one Redis-compatible server for the whole session. Tests that stop or kill a server start their own."""
    running = Running(find_server(tmp_path_factory.mktemp("redis"))).start()
    yield running
    running.stop()


@pytest.fixture
def redis_server(redis_process: Running) -> str:
    """Give the URL of an empty server."""
    with redis.Redis.from_url(redis_process.url) as client:
        client.flushall()
    return redis_process.url


@pytest.fixture(scope="session")
def postgres_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresProcess]:
    """Run one PostgreSQL for the whole session, in a short path (a unix socket's name is limited)."""
    made = prepared(shared_folder(tmp_path_factory), "postgresql", migrated_cluster)
    folder = Path(tempfile.mkdtemp(prefix="gwpg"))
    folder.chmod(0o755)
    process = PostgresProcess(folder, made).start()
    yield process
    process.remove()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite database that has its tables and no rows, the same for the whole run: tests copy it."""
    return prepared(shared_folder(tmp_path_factory), "gateway.db", migrated_file)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the URL of a SQLite database that has its tables and no rows."""
    shutil.copyfile(sqlite_template, tmp_path / "gateway.db")
    return f"sqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a database that has its tables and no rows, on each of the two."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    process: PostgresProcess = request.getfixturevalue("postgres_process")
    url = process.migrated_database()
    yield url
    process.drop(url)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[SqlStore]:
    """Open a store on each database."""
    opened = open_warm_store(database_url, tmp_path / "keys")
    yield opened
    opened.close()


#: the files that take longest, most of it waiting: they begin first, so that at the end no process works alone
_LONGEST = (
    "tests/desks/test_journey.py",
    "tests/desks/test_redmine_journey.py",
    "tests/demo/test_demo.py",
    "tests/faults/test_storm.py",
    "tests/desks/test_request_tracker.py",
    "tests/soak/test_soak.py",
    "tests/faults/test_enumeration.py",
    "tests/desks/test_redmine.py",
    "tests/flows/edges/test_enormous.py",
    "tests/rules/test_tutorial.py",
)


#: files that share one real server, which takes seconds of processor to start: one process runs them, one after another
_TOGETHER = {
    f"tests/desks/{file}.py": desk
    for desk, files in {
        "a real RT": ("test_request_tracker", "test_files", "test_rt_lifecycle", "test_rt_setup"),
        "a real Redmine": ("test_redmine", "test_redmine_journey", "test_redmine_texts"),
    }.items()
    for file in files
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let `--dist loadfile` give some files to one process."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler = import_module("xdist.scheduler").LoadFileScheduling(config, log)

    def split_scope(nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _TOGETHER.get(file, file)

    scheduler._split_scope = split_scope
    return scheduler


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what stays to the end: tens of thousands of tests and every module."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the longest files begin first; more examples, and what PostgreSQL does as SQLite does, are `make long`'s."""
    rank = {file: place for place, file in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(_LONGEST)))
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.long)
    both = {item: needs_both(item.nodeid) for item in items if item.get_closest_marker("postgres")}
    for item, needed in both.items():
        if not needed:
            item.add_marker(pytest.mark.long)
    if FULL:
        return
    left = {item for item in items if not both.get(item, True) or _is_only_long(item)}
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]


def _is_only_long(item: pytest.Item) -> bool:
    """Say whether other tests prove in `make test` what this one proves at its length."""
    return any(mark.kwargs.get("only") for mark in item.iter_markers("long"))
