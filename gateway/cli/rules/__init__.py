"""`gateway rules`: everything an admin does with rule files. A command's module is imported when it is used."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

#: name → where it is, and its line in the help (the same as the first line of its docstring; a test compares them).
COMMANDS = {
    "test": ("gateway.cli.rules.test:test", "Run the cases beside the rules, in simulated time."),
    "explain": (
        "gateway.cli.rules.explain:explain",
        "Say of every rule whether it matched, and if not, why not.",
    ),
    "schema": ("gateway.cli.rules.schema:schema", "Print the JSON Schema by which an editor completes and checks."),
    "simulate": (
        "gateway.cli.rules.simulate:simulate_command",
        "Replay the past through other rules, and say what would differ from what happened.",
    ),
    "export-history": (
        "gateway.cli.rules.simulate:export_history",
        "Write the decisions of the past into a file that simulate reads elsewhere.",
    ),
    "release": ("gateway.cli.rules.releases:release", "Make the files of the folder a release, and the active one."),
    "list": ("gateway.cli.rules.releases:listing", "List the releases, the newest first."),
    "diff": ("gateway.cli.rules.releases:diff", "Show how two releases differ, or a release and the folder."),
    "activate": ("gateway.cli.rules.releases:activate", "Make a release of before the active one again."),
    "rollback": ("gateway.cli.rules.releases:rollback", "Go back to the release that was active before this one."),
}


@click.group("rules", cls=LazyGroup, commands_at=COMMANDS)
def rules() -> None:
    """Write, check, test, explain and release the rules of this site."""
