"""`gateway rules explain`: why a ticket was decided as it was, or what other rules would make of it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.opening import opened, ticket_named
from gateway.cli.rules.reading import Read, read_candidate, read_files, show, text_of
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, RELEASE, tame, utc, write_json
from gateway.cli.why import write, write_compared, write_lines
from gateway.errors import ConfigError, NotFoundError
from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from gateway.web.console.why import compare_last, explain_last
from rules import RuleSet
from rules.cases import CaseError, Moment, Words, load_given
from rules.cases.escalated import line as fired
from rules.cases.told import summary
from rules.duration import words
from rules.route_words import lines

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("ticket", required=False)
@click.option(
    "--given",
    "given_file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="A ticket in a file, written as under `given` of a case.",
)
@click.option("--rules", "folder", type=_FOLDER, help="By the files of this folder, which need not be released.")
@click.option("--release", "number", type=RELEASE, help="By this release.")
@JSON
@pass_site
def explain(
    site: SiteChoice,
    ticket: str | None,
    given_file: Path | None,
    folder: Path | None,
    number: int | None,
    as_json: bool,
) -> None:
    """Say of every rule whether it matched, and if not, why not.

    TICKET is its id, six characters or more of either end of it, or its number at a desk. Its last decision is
    explained by the release that made it; with --rules or --release it is decided anew, and what would differ is
    shown. --given takes a ticket that need not exist, and the files of this site.
    """
    if (ticket is None) is (given_file is None):
        raise click.UsageError("name a ticket, or a file with --given")
    if folder is not None and number is not None:
        raise click.UsageError("--rules and --release exclude each other")
    if given_file is not None:
        _given(site, given_file, folder, number, as_json=as_json)
    elif ticket is not None:
        _stored(site, ticket, folder, number, as_json=as_json)


# ---------------------------------------------------------------- a stored ticket


def _stored(site: SiteChoice, word: str, folder: Path | None, number: int | None, *, as_json: bool) -> None:
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            ticket_id = ticket_named(tx, word)
        if folder is None and number is None:
            last = explain_last(gateway.store, gateway.rules_of, ticket_id)
            if last is None:
                raise NotFoundError(f"no decision on ticket {ticket_id} is kept any more")
            if as_json:
                write_json(last)
            else:
                write([last])
                click.echo(f"\nEvery decision on it: gateway tickets why {ticket_id[-12:]}")
            return
        name = f"release {number}" if number is not None else f"the files in {folder}"
        other = (
            _released(gateway, number) if number is not None else _candidate(site, folder, as_json=as_json).site.rules
        )
        compared = compare_last(gateway.store, gateway.rules_of, ticket_id, other)
    if compared is None:
        raise NotFoundError(f"what the last decision on ticket {ticket_id} was made from is not kept any more")
    if as_json:
        write_json(compared)
    else:
        write_compared(compared, name)


def _released(gateway: Gateway, number: int) -> RuleSet:
    with gateway.store.read() as tx:
        ids = {each: release for release, each in tx.releases.numbers().items()}
    if number not in ids:
        last = max(ids, default=0)
        raise NotFoundError(
            f"there is no release {number}; the last one is {last}" if last else "there is no release yet"
        )
    return gateway.rules_of(ids[number])


def _candidate(site: SiteChoice, folder: Path | None, *, as_json: bool) -> Read:
    if folder is None:
        return read_files(site.folder, as_json=as_json)
    return read_candidate(site.folder, folder.resolve(), as_json=as_json)


# ---------------------------------------------------------------- a ticket in a file


def _given(site: SiteChoice, file: Path, folder: Path | None, number: int | None, *, as_json: bool) -> None:
    if number is not None:
        raise click.UsageError("--given is decided by files: take --rules DIR, or this site's own")
    read = _candidate(site, folder, as_json=as_json)
    text = sys.stdin.read() if str(file) == "-" else text_of(file)
    given, problems = load_given(str(file), text, Words.of(read.site))
    if given is None:
        show(problems, as_json=as_json)
        sys.exit(2)
    try:
        moments = rehearse(given, read.site.rules, rehearsed_desks(read.site, read.specs))
    except CaseError as error:
        hint = f"; {error.hint}" if error.hint else ""
        raise ConfigError(f"{error.place}: {error.message}{hint}") from None
    if as_json:
        write_json([_as_json(moment) for moment in moments])
    else:
        for moment in moments:
            _write(moment)


def _as_json(moment: Moment) -> dict[str, object]:
    """Return a moment for machines: of each clock how it stands, and what it went through."""
    clocks = {
        metric: {"now": msgspec.to_builtins(chain.instances[-1]), "steps": msgspec.to_builtins(chain.transitions)}
        for metric, chain in moment.clocks.items()
        if chain.instances
    }
    told = msgspec.to_builtins(msgspec.structs.replace(moment, clocks={}))
    return {**told, "clocks": clocks}


def _write(moment: Moment) -> None:
    sets = ", ".join(f"{name} = {value}" for name, value in moment.sets.items()) or "nothing"
    policy = f"; policy {moment.policy}" if moment.policy else ""
    click.echo(f"\n{click.style(utc(moment.at), bold=True)}  at {moment.connection}  {tame(f'set {sets}{policy}')}")
    for line in (*(f"escalation {fired(each)}" for each in moment.fired), moment.parked, *moment.lost):
        if line:
            click.echo(f"  {tame(line)}")
    if not moment.trace:
        click.echo("  the rules were not asked: nothing changed")
    write_lines(moment.trace)
    if moment.route is not None:
        click.echo(f"  {click.style('who has it', bold=True)}")
        for said in lines(moment.route):
            click.echo(f"    {tame(said)}")
    if moment.told:
        click.echo(f"  {click.style('then', bold=True)}")
    for told in moment.told:
        refused = f"; not sent: {told.refused}" if told.refused else ""
        click.echo(f"    {tame(told.connection)}  {tame(summary(told))}{tame(refused)}")
    clocks = [chain.instances[-1] for chain in moment.clocks.values() if chain.instances[-1].shown]
    if clocks:
        click.echo(f"  {click.style('clocks', bold=True)}")
    for clock in clocks:
        due = f", due {utc(clock.due)}" if clock.due is not None and clock.ended is None else ""
        left = words(abs(clock.remaining_s)) + (" left" if clock.remaining_s >= 0 else " over")
        click.echo(f"    {tame(clock.metric)}  {clock.status.value}, {left}{due}")
