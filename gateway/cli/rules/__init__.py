"""`gateway rules`: everything an admin does with rule files. A command's module is imported when it is used."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

#: name → where it is, and its line in the help (the same as the first line of its docstring; a test compares them).
COMMANDS = {
    "check": ("gateway.cli.rules.check:check", "Say what is wrong with the rules, and what each policy comes to."),
    "schema": ("gateway.cli.rules.schema:schema", "Print the JSON Schema by which an editor completes and checks."),
}


@click.group("rules", cls=LazyGroup, commands_at=COMMANDS)
def rules() -> None:
    """Write, check, test, explain and release the rules of this site."""
