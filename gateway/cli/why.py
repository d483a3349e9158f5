"""Decisions on the terminal: phase by phase, a line for every rule."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gateway.cli.tables import tame, utc
from gateway.web.console.why import Compared, Explained, by_phase
from rules import TraceLine
from rules.duration import words


def write(decisions: Sequence[Explained]) -> None:
    """Print each decision with a line for every rule."""
    for each in decisions:
        click.echo(f"\n{head(each)}")
        if each.trouble:
            click.echo(f"  cannot be explained: {tame(each.trouble)}")
        if each.enriched:
            click.echo(f"  {click.style('what other systems knew', bold=True)}")
        for known in each.enriched:
            click.echo(f"    {tame(known.field)} = {tame(known.value)}: from {tame(known.source)}, {_since(known.age)}")
        write_lines(each.rules)
        for answer in each.routed:
            click.echo(f"  {click.style('who has it', bold=True)}  {utc(answer.at)}")
            for line in answer.lines:
                click.echo(f"    {tame(line)}")


def _since(seconds: int) -> str:
    return f"known for {words(seconds)}" if seconds else "asked then"


def head(each: Explained) -> str:
    """Return the line above a decision: when, by which release, what it came to."""
    said = [f"set {came_to(each)}"]
    if each.policy:
        said.append(f"policy {each.policy}")
    if each.created:
        said.append(f"created in {', '.join(each.created)}")
    return f"{click.style(utc(each.at), bold=True)}  release {each.release or '?'}  {tame('; '.join(said))}"


def came_to(each: Explained) -> str:
    """Return what rules set, in a line."""
    return ", ".join(f"{name} = {value}" for name, value in each.sets.items()) or "nothing"


def write_lines(lines: Sequence[TraceLine]) -> None:
    """Print a trace phase by phase."""
    for phase, rules in by_phase(lines):
        click.echo(f"  {click.style(phase, bold=True)}")
        for line in rules:
            mark = click.style("yes", fg="green") if line.matched else "no " if line.ran else "-  "
            click.echo(f"    {mark}  {tame(line.rule)}: {tame(line.reason)}".rstrip(": "))


def write_compared(compared: Compared, name: str) -> None:
    """Print what other rules make of a ticket, and what would differ."""
    click.echo(
        f"By {name}, as if it came in as it stood at {utc(compared.at)}: set {tame(came_to(compared.explained))}"
    )
    write_lines(compared.explained.rules)
    click.echo()
    if not compared.differs:
        click.echo(f"Nothing differs from release {compared.release or '?'}.")
        return
    click.echo(f"What differs from release {compared.release or '?'}:")
    for each in compared.differs:
        click.echo(f"  {tame(each.what)}: {tame(each.before)} -> {tame(each.after)}")
