"""`gateway tickets why`: each decision on a ticket, explained by the rules of that time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.tables import tame, utc
from gateway.errors import GatewayError
from rules import RuleSet, TraceLine
from rules.inputs import decoded


class Explained(msgspec.Struct, frozen=True):
    """One decision: when, by which release, what it set, and what became of every rule."""

    at: datetime
    #: number of the release, 0 where it is not known
    release: int
    sets: dict[str, str]
    rules: tuple[TraceLine, ...]
    #: why the rules cannot be asked again; empty when they were
    trouble: str = ""


def explain(gateway: Gateway, ticket_id: str) -> list[Explained]:
    """Explain every decision on a ticket, oldest first."""
    with gateway.store.read() as tx:
        decisions = tx.view.decisions(ticket_id)
        numbers = tx.releases.numbers()
    known: dict[str, RuleSet | GatewayError] = {}
    body = ""
    found = []
    for each in decisions:
        inputs = decoded(each["inputs"]).with_body(body) if each["inputs"] else None
        body = inputs.ticket.body if inputs is not None else body
        release = str(each["detail"].get("release", ""))
        if release not in known:
            known[release] = _rules(gateway, release)
        rules = known[release]
        trouble, trace = "", tuple[TraceLine, ...]()
        if isinstance(rules, GatewayError):
            trouble = str(rules)
        elif inputs is None:
            trouble = "what it was made from has been redacted"
        else:
            trace = inputs.again(rules).trace
        found.append(Explained(each["at"], numbers.get(release, 0), _sets(each["detail"]), trace, trouble))
    return found


def _sets(detail: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in detail.get("sets", {}).items()}


def _rules(gateway: Gateway, release: str) -> RuleSet | GatewayError:
    try:
        return gateway.rules_of(release)
    except GatewayError as error:
        return error


def write(decisions: list[Explained]) -> None:
    """Print each decision with a line for every rule."""
    for each in decisions:
        sets = ", ".join(f"{name} = {value}" for name, value in each.sets.items()) or "nothing"
        click.echo(f"\n{click.style(utc(each.at), bold=True)}  release {each.release or '?'}  set {tame(sets)}")
        if each.trouble:
            click.echo(f"  cannot be explained: {tame(each.trouble)}")
        for line in each.rules:
            mark = click.style("yes", fg="green") if line.matched else "no " if line.ran else "-  "
            click.echo(f"  {mark}  {line.phase}: {tame(line.rule)}: {tame(line.reason)}".rstrip(": "))
