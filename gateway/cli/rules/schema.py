"""`gateway rules schema`: for editors, which complete and check a file while it is being written."""

from __future__ import annotations

import click

from gateway.extensions import installed
from rules.schema import NAMES, schema_text


@click.command()
@click.argument("file", type=click.Choice(NAMES), default="rules")
def schema(file: str) -> None:
    """Print the JSON Schema by which an editor completes and checks.

    FILE is what it is for: gateway (gateway.yaml), rules (rules/*.yaml) or cases (*.cases.yaml). Save it beside the
    site and begin a file with: # yaml-language-server: $schema=../rules.schema.json
    Operators and actions of installed packages are in it.
    """
    added = installed()
    actions = {action.name: action.schema for action in added.actions.values()}
    click.echo(schema_text(file, added.operators, actions), nl=False)
