"""`gateway rules test`: the cases of a site, run in simulated time, without a desk and without a record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from gateway.cli.rules.reading import Read, read_files, show, text_of
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, tame, write_json
from gateway.errors import ConfigError
from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules.cases import Outcome, Words, cases_of, cover, load_cases, run_cases
from rules.cases.junit import junit
from rules.cases.report import coverage_text, plain, text


@click.command("test")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-k", "words", default="", metavar="WORDS", help="Only cases with all these words in their name.")
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write JUnit XML.")
@click.option("--coverage", is_flag=True, help="Also say which rules match in no case.")
@click.option("--strict", is_flag=True, help="Fail, too, while something cannot be judged yet.")
@JSON
@pass_site
def test(
    site: SiteChoice,
    files: tuple[Path, ...],
    words: str,
    junit_file: Path | None,
    coverage: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Run the cases beside the rules, in simulated time.

    FILES are files of cases; without any, every *.cases.yaml in rules/. Ends with 0 when every case passes, with 1 when
    one fails, with 2 when files cannot be used. What waits for a part of the gateway that is not built yet is pending:
    neither passed nor, without --strict, a failure.
    """
    read = read_files(site.folder, as_json=as_json)
    known = Words.of(read.site)
    found, problems = load_cases(_chosen(site.folder, files, read), known)
    if any(problem.is_error for problem in problems):
        show(problems, as_json=as_json)
        sys.exit(2)
    desks = rehearsed_desks(read.site, read.specs)
    wanted = words.casefold().split()
    cases = [case for each in found for case in each.cases if all(word in case.name.casefold() for word in wanted)]
    if not cases:
        raise ConfigError(_nothing(files, words))
    run = run_cases(cases, known, lambda given: rehearse(given, read.site.rules, desks))
    phases = cover(read.site, [moment for result in run.results for moment in result.moments]) if coverage else None
    if junit_file is not None:
        _save(junit_file, junit(run))
    if as_json:
        write_json(plain(run, phases))
    else:
        for line in text(run):
            click.echo(tame(line))
        for line in coverage_text(phases) if phases is not None else ():
            click.echo(tame(line))
    if run.count(Outcome.BROKEN):
        sys.exit(2)
    if run.count(Outcome.FAILED) or (strict and run.count(Outcome.PENDING)):
        sys.exit(1)


def _chosen(folder: Path, files: tuple[Path, ...], read: Read) -> Mapping[str, str]:
    """Return the files to run; one outside the site is read where it is."""
    mine = cases_of(read.site)
    if not files:
        return mine
    found = {}
    for path in files:
        real = path.resolve()
        name = real.relative_to(folder).as_posix() if real.is_relative_to(folder) else str(path)
        found[name] = mine[name] if name in mine else text_of(path)
    return found


def _nothing(files: tuple[Path, ...], words: str) -> str:
    if words:
        return f"no case has {words!r} in its name"
    where = "these files" if files else "rules/"
    return f"there is no case in {where}: write one into rules/first.cases.yaml (docs/rules/cases.md)"


def _save(path: Path, written: str) -> None:
    try:
        path.write_text(written, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
