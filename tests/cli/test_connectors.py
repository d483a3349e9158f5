"""`gateway connectors`: what is installed, and what each can do."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from connectors import registry
from gateway.cli import main


def run(*words: str) -> tuple[int, str]:
    """Run a command; returns its exit code and what it wrote."""
    done = CliRunner().invoke(main, ["connectors", *words])
    return done.exit_code, done.output


def test_every_connector_is_listed_with_its_strategies() -> None:
    """As a table, and as JSON."""
    code, text = run("list")
    assert code == 0
    for name, plugin in registry.load().plugins.items():
        assert name in text
        assert plugin.spec.title in text
    assert "create (key)" in text
    code, text = run("list", "--json")
    found = {each["name"]: each for each in json.loads(text)}
    assert found["zendesk"]["operations"]["public_reply"] == "probe"
    assert found["request_tracker"]["operations"]["create"] == "probe, needs marker_ticket"
    assert found["slack"]["webhooks"] is True
    assert found["webhook"]["polling"] is False


@pytest.mark.parametrize("name", registry.BUILT_INS)
def test_one_is_shown_with_its_settings(name: str) -> None:
    """Each setting with its help, the secret ones marked."""
    code, text = run("show", name)
    assert code == 0
    spec = registry.load().plugin(name).spec
    for setting in (*spec.settings, *spec.create_params):
        assert setting.name in text
        assert setting.help in text
    assert json.loads(run("show", name, "--json")[1])["name"] == name


def test_a_name_that_nobody_has_is_told() -> None:
    """With the names that there are."""
    code, text = run("show", "zendsek")
    assert code == 3
    assert "'zendsek' is not installed (there are:" in text
    assert "zendesk" in text
