"""A site with a record, for commands: the demo site's files, its desks not asked unless a test starts them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.request_tracker.simulated.reading import TOKENS
from gateway.bootstrap import Gateway, build
from gateway.cli import main
from gateway.config import Settings, environment
from rules.examples import example
from tests.records import Recorder

VARIABLES = {
    "DEMO_ZENDESK_URL": "http://127.0.0.1:9",
    "DEMO_ZENDESK_TOKEN": "zendesk-token-of-tests",
    "DEMO_ZENDESK_SECRET": "zendesk-secret-of-tests",
    "DEMO_RT_URL": "http://127.0.0.1:9",
    "DEMO_RT_TOKEN": TOKENS["gateway"],
    "DEMO_RT_SECRET": "rt-secret-of-tests",
}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of a site, and set the variables that it names."""
    made = tmp_path / "site"
    for name, text in example("demo").items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("REDIS_URL", "GATEWAY_DATABASE_URL", "GATEWAY_TOKEN", "GATEWAY_STATE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command on the site; returns its exit code, what it wrote, and what it complained."""

    def command(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, ["--site", str(folder), *words])
        return result.exit_code, result.stdout, result.stderr

    return command


@pytest.fixture
def gateway(folder: Path, sqlite_template: Path) -> Iterator[Gateway]:
    """Give the site a record and an active release."""
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    settings = Settings.from_env(environ)
    if settings.database_url.startswith("sqlite"):
        settings.state.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sqlite_template, settings.state / "gateway.db")
    made = build(settings, environ)
    made.activate_folder(author="tests")
    yield made
    made.close()


@pytest.fixture
def recorder(gateway: Gateway) -> Recorder:
    """Write records into the site."""
    return Recorder(gateway.store, gateway.ids, gateway.clock.now())
