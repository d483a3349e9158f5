"""What runs a case in processes that die: one for a module on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import PostgresProcess
from tests.faults.forks import Bench


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> str:
    """Name each of the two databases."""
    return str(request.param)


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give what runs cases on each database: each begins with an empty one."""
    folder = tmp_path_factory.mktemp("bench")
    if kind == "sqlite":
        yield Bench(f"sqlite:///{folder / 'gateway.db'}", folder)
        return
    process: PostgresProcess = request.getfixturevalue("postgres_process")
    url = process.migrated_database()
    yield Bench(url, folder)
    process.drop(url)
