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


def test_the_list_is_the_matrix() -> None:
    """Fields, files, and by what one can be sure of each, as docs/connectors/matrix.md shows it."""
    code, text = run("list")
    assert code == 0
    _, fields, sure = text.split("\n\n")
    assert fields.splitlines()[0].split("  ")[0] == "NAME"
    (zendesk,) = [line for line in fields.splitlines() if line.startswith("zendesk ")]
    assert "with what is said, to 50 MB" in zendesk
    assert "assignee" in zendesk
    assert len(sure.strip().splitlines()) == len(registry.load().plugins) + 1
    for mechanism in ("SIGNED WEBHOOK", "IDEMPOTENCY KEY", "CONDITIONAL WRITE"):
        assert mechanism in sure.splitlines()[0]
    found = {each["name"]: each["mechanisms"] for each in json.loads(run("list", "--json")[1])}
    assert found["zendesk"]["idempotency_key"] is True
    assert found["github"]["internal_note"] is False


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
