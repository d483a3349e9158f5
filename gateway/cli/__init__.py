"""The `gateway` command. A command's module is imported when the command is used, so that `gateway --help` is quick."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.lazy import LazyGroup
from gateway.cli.site import SiteChoice

#: name → where it is, and its line in the help (the same as the first line of its docstring; a test compares them).
COMMANDS = {
    "up": ("gateway.cli.up:up", "Run the whole gateway for this site, until Ctrl-C."),
    "demo": ("gateway.cli.demo:demo", "Run a gateway with two simulated desks and live traffic."),
    "status": ("gateway.cli.status:status", "Show the processes of this site."),
    "init": ("gateway.cli.init:init", "Make a folder to start a site from."),
    "check": ("gateway.cli.check:check", "Say what is wrong with this site, with file, line and column."),
    "rules": ("gateway.cli.rules:rules", "Write, check, test, explain and release the rules of this site."),
    "connectors": ("gateway.cli.connectors:connectors", "Look at the kinds of desks that can be connected."),
    "connections": ("gateway.cli.connections:connections", "Look at the connections of this site, and test them."),
    "reconcile": (
        "gateway.cli.reconciling:reconcile",
        "Compare the tickets of a connection with ours, and repair what is apart.",
    ),
    "tickets": ("gateway.cli.tickets:tickets", "Look at the tickets of this site, and say which repeat which."),
    "people": ("gateway.cli.people:people", "Look at who is who across desks, and say who is one person."),
    "sla": ("gateway.cli.sla:sla", "Look at the clocks of tickets, and say what a person knows of them."),
    "reports": ("gateway.cli.reports:reports", "Say how the promises of a period were kept."),
    "roster": ("gateway.cli.roster:roster", "Look at who works when, who is there now, and when nobody is."),
    "handoffs": (
        "gateway.cli.handoffs:handoffs",
        "Look at tickets that are offered before a shift ends, and accept or decline them.",
    ),
    "dead-letters": (
        "gateway.cli.dead_letters:dead_letters",
        "Look at what was given up, and replay or discard it.",
    ),
}
#: What `gateway up` starts (people have no use for it, except one host a role), and a shorter name.
HIDDEN = {"process": "gateway.cli.processes:process", "dlq": "gateway.cli.dead_letters:dead_letters"}


@click.group(cls=LazyGroup, commands_at=COMMANDS, hidden_at=HIDDEN, context_settings={"max_content_width": 100})
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    envvar="GATEWAY_SITE",
    help="Folder with gateway.yaml. Default: the current folder or the nearest above it.",
)
@click.version_option(package_name="desk-gateway", prog_name="gateway")
@click.pass_context
def main(context: click.Context, site: Path | None) -> None:
    """One ticket across several help desks: rules, SLA clocks, and each write delivered exactly once.

    Every command works on one site: the folder that holds gateway.yaml and rules/.
    """
    context.obj = SiteChoice(site)
