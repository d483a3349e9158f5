from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from gateway.cli import main
from gateway.cli.rules import COMMANDS, rules
from rules.schema import NAMES


def test_the_help_lists_every_command_in_its_own_words() -> None:
    """The list is written without importing a command, so it must agree with what the commands say."""
    shown = CliRunner().invoke(main, ["rules", "--help"]).output
    for name, (_, line) in COMMANDS.items():
        command = rules.get_command(click.Context(rules), name)
        assert command is not None
        assert (command.help or "").splitlines()[0] == line
        assert f"  {name} " in shown


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_printed_for_editors(name: str) -> None:
    """It is a schema by itself, and names what it is for."""
    done = CliRunner().invoke(main, ["rules", "schema", name])
    assert done.exit_code == 0
    schema = json.loads(done.output)
    Draft7Validator.check_schema(schema)
    assert schema["title"].startswith("Desk Gateway: ")


def test_the_schema_of_rules_is_the_default() -> None:
    """It is the one that people ask for."""
    runner = CliRunner()
    assert runner.invoke(main, ["rules", "schema"]).output == runner.invoke(main, ["rules", "schema", "rules"]).output
