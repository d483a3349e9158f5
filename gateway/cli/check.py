"""`gateway check`: everything that is wrong with a site, each with its place."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from connectors import registry
from gateway.bootstrap import build
from gateway.cli import accounts, feeding, removed
from gateway.cli.opening import has_record, require_keys
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, tame, write_json
from gateway.config import FileError, Settings, environment, read_site, resolve_settings, secrets_in
from gateway.errors import ConfigError, StoreError
from gateway.extensions import installed
from gateway.languages import NAME as LANGUAGE
from gateway.languages import is_installed
from gateway.references import Directories, missing_directories, missing_feeds
from rules import PolicyEffect, Problem, Severity, check_site
from rules.cases import Words, cases_of, load_cases
from rules.reach import unreached
from rules.routes import Routing
from rules.site import NO_COPIES

NO_LANGUAGE = (
    "no library for languages is installed, so a ticket whose desk names no language stays `und`; "
    "install desk-gateway[lang] to have it told from the text"
)


@click.command()
@click.option("--strict", is_flag=True, help="A warning fails, too.")
@click.option("--offline", is_flag=True, help="Fetch no rota.")
@JSON
@pass_site
def check(site: SiteChoice, strict: bool, offline: bool, as_json: bool) -> None:
    """Say what is wrong with this site, with file, line and column.

    Rotas that are fetched are fetched, and what is found is said; nothing of it is kept. --offline asks nobody.

    Ends with 0 when nothing is wrong, 1 when something is (with --strict: also for a warning), 2 when there is no
    site. A secret that is not in this environment is a warning, for it may be in another; gateway up insists on it.
    """
    folder = site.folder
    try:
        files = read_site(folder)
    except ConfigError as error:
        if as_json:
            write_json(unreadable(folder, error))
        else:
            click.echo(str(error))
        sys.exit(1)
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    seen = [] if offline else feeding.look(files, environ)
    site.redactor.add(*secrets_in(files, environ))
    examined = examine(site, files, environ, {each.feed.key: each.text for each in seen if each.text})
    examined.problems.extend(each.problem for each in seen if each.problem is not None)
    problems, notes = examined.problems, examined.notes
    remarks = [] if is_installed() or LANGUAGE in examined.classifiers_off else [NO_LANGUAGE]
    remarks += examined.unreached
    record = _record(environ)
    if not record and examined.routing is not None:
        remarks += accounts.remarks(site, examined.routing)
    errors = [problem for problem in problems if problem.is_error]
    failed = bool(errors) or bool(record) or (strict and len(problems) > 0)
    if as_json:
        write_json(
            {
                "ok": not failed,
                "site": str(folder),
                "errors": len(errors) + bool(record),
                "warnings": len(problems) - len(errors),
                "problems": [problem.as_json() for problem in problems],
                "connectors_not_loaded": notes,
                "remarks": remarks,
                **({"feeds": [each.as_json() for each in seen]} if seen else {}),
                **({"record": record} if record else {}),
            }
        )
    else:
        if record:
            click.echo(f"error: {record}\n")
        write_problems(problems, notes, len(files), more=bool(record))
        for each in seen:
            click.echo(tame(each.said))
        for remark in remarks:
            click.echo(f"note: {remark}")
    if failed:
        sys.exit(1)


def unreadable(folder: Path, error: ConfigError) -> dict[str, Any]:
    """Return what is told, as JSON, where the files cannot even be read."""
    problems = [error.problem.as_json()] if isinstance(error, FileError) else []
    return {"ok": False, "site": str(folder), "error": str(error), "problems": problems}


class Examined(NamedTuple):
    """What is said of a site's files, by every command that checks them."""

    problems: list[Problem]
    #: connectors that could not be loaded
    notes: list[str]
    policies: tuple[PolicyEffect, ...]
    #: classifiers that the site does not want
    classifiers_off: frozenset[str] = frozenset()
    #: where desks are not told what routing decides
    unreached: tuple[str, ...] = ()
    routing: Routing | None = None


def examine(
    site: SiteChoice,
    files: Mapping[str, str],
    environ: Mapping[str, str],
    copies: Mapping[str, str] = NO_COPIES,
) -> Examined:
    """Check the files of a site with the connectors and the secrets of this environment.

    `copies` are what was fetched of its feeds.
    """
    connectors = registry.load()
    specs = connectors.specs
    extensions = installed()
    checked = check_site(files, specs, extensions=extensions, copies=copies)
    problems = list(checked.problems)
    if checked.site is not None:
        _, missing = resolve_settings(checked.site, environ, specs)
        people = missing_directories(checked.site, Directories(site.folder))
        missing = (*missing, *missing_feeds(checked.site, environ), *people)
        problems += [
            msgspec.structs.replace(each, severity=Severity.WARNING) if each.code.startswith("missing-") else each
            for each in missing
        ]
        problems += removed.problems(removed.removed(site, checked.site.connections))
        problems += load_cases(cases_of(checked.site), Words.of(checked.site))[1]
    notes = [f"connector {each.name}: {each.reason}" for each in connectors.quarantined]
    notes += [f"extension {each.name}: {each.reason}" for each in extensions.broken]
    off = checked.site.classifiers_off if checked.site is not None else frozenset()
    left = tuple(unreached(checked.site, specs)) if checked.site is not None else ()
    routing = checked.site.rules.routing if checked.site is not None else None
    return Examined(problems, notes, checked.policies, off, left, routing)


def _record(environ: dict[str, str]) -> str:
    """Say why what is stored cannot be used as it is; empty where nothing is stored yet, or not within reach."""
    settings = Settings.from_env(environ)
    if not has_record(settings):
        return ""
    gateway = build(settings, environ)
    try:
        require_keys(gateway)
    except ConfigError as error:
        return str(error)
    except StoreError:
        return ""
    finally:
        gateway.close()
    return ""


def write_problems(problems: list[Problem], notes: list[str], files: int, *, more: bool = False) -> None:
    """Write each problem with its line and a caret, and how many there are."""
    for problem in problems:
        click.echo(f"{problem.text}\n")
    for note in notes:
        click.echo(f"warning: {note}\n")
    errors = sum(problem.is_error for problem in problems) + more
    warnings = len(problems) - sum(problem.is_error for problem in problems) + len(notes)
    if not problems and not notes and not more:
        click.echo(f"Nothing is wrong in {files} files.")
    else:
        click.echo(
            f"{errors} error{'s' * (errors != 1)} and {warnings} warning{'s' * (warnings != 1)} in {files} files."
        )
