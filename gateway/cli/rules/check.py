"""`gateway rules check`: lint, for a person, for a program, and for the page of a pull request."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from gateway.cli.check import Examined, examine, unreadable, write_problems
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, write_json, write_table
from gateway.config import FileError, environment, read_site
from gateway.errors import ConfigError
from rules import PolicyEffect, Problem
from rules.problem import tamed

FORMATS = ("text", "github", "json")


@click.command()
@click.option("--strict", is_flag=True, help="A warning fails, too.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="github: annotations of a workflow.")
@click.option("--policies/--no-policies", default=True, help="Also print which clocks start, pause and stop when.")
@JSON
@pass_site
def check(site: SiteChoice, strict: bool, form: str, policies: bool, as_json: bool) -> None:
    """Say what is wrong with the rules, and what each policy comes to.

    It finds what `gateway check` finds. Ends with 0 when there is no error, 1 when there is one (with --strict: also
    for a warning), 2 when there is no site. Each code is explained in docs/rules/lint.md and docs/rules/problems.md.
    """
    form = "json" if as_json else form
    folder = site.folder
    try:
        files = read_site(folder)
    except ConfigError as error:
        _unreadable(folder, error, form)
        sys.exit(1)
    examined = examine(site, files, {**environment(), "GATEWAY_SITE": str(folder)})
    errors = sum(problem.is_error for problem in examined.problems)
    failed = errors > 0 or (strict and len(examined.problems) + len(examined.notes) > 0)
    if form == "json":
        _write_json(folder, examined, errors, ok=not failed)
    elif form == "github":
        for problem in examined.problems:
            click.echo(annotation(problem, folder))
        for note in examined.notes:
            click.echo(f"::warning::{_data(note)}")
    else:
        write_problems(examined.problems, examined.notes, len(files))
        if policies:
            _write_policies(examined.policies)
    if failed:
        sys.exit(1)


def _unreadable(folder: Path, error: ConfigError, form: str) -> None:
    if form == "json":
        write_json(unreadable(folder, error))
    elif form == "github":
        click.echo(
            annotation(error.problem, folder) if isinstance(error, FileError) else f"::error::{_data(str(error))}"
        )
    else:
        click.echo(str(error))


def _write_json(folder: Path, examined: Examined, errors: int, *, ok: bool) -> None:
    write_json(
        {
            "ok": ok,
            "site": str(folder),
            "errors": errors,
            "warnings": len(examined.problems) - errors,
            "problems": [problem.as_json() for problem in examined.problems],
            "policies": msgspec.to_builtins(examined.policies),
            "connectors_not_loaded": examined.notes,
        }
    )


def _write_policies(policies: tuple[PolicyEffect, ...]) -> None:
    """Write a table for each policy."""
    for policy in policies:
        calendar = f"  calendar {policy.calendar}" if policy.calendar else ""
        click.echo(f"\npolicy {policy.name} ({policy.file}:{policy.line})  for {tamed(policy.applies)}{calendar}")
        rows = [(clock.metric, clock.targets, clock.starts, clock.stops, clock.pauses) for clock in policy.clocks]
        if rows:
            write_table(("METRIC", "TARGET", "STARTS", "STOPS", "PAUSES WHILE"), rows, grows="TARGET", empty="")
        else:
            click.echo("It has no targets, so it keeps no clock.")


def annotation(problem: Problem, folder: Path) -> str:
    """Return a problem as a workflow of GitHub shows it beside the line, wherever in its repository the site is."""
    file = os.path.relpath(folder / problem.file).replace(os.sep, "/")
    place = f"file={_property(file)},line={problem.line},col={problem.column},title={_property(problem.code)}"
    message = problem.message + (f"; {problem.hint}" if problem.hint else "")
    return f"::{problem.severity} {place}::{_data(message)}"


def _data(text: str) -> str:
    """Escape a message: a workflow command ends at the end of the line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property, in which a colon and a comma mean something, too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
