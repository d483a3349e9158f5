"""`gateway roster now`, `away` and `back`: who is given tickets now, by shifts, desks and by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import click
import msgspec

from gateway.cli.choosing import Duration, Instant
from gateway.cli.doing import by_person
from gateway.cli.opening import author, glance, opened
from gateway.cli.rules.reading import read_files
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, age, tame, utc, write_json, write_table
from gateway.domain.availability import Absence, KnownAgent
from gateway.domain.presence import Snapshot
from gateway.errors import NotFoundError
from gateway.flow.routing.counting import counted
from gateway.ports import AuditEntry, Tx
from gateway.store.unit import SqlTx
from gateway.system import SystemClock
from rules.problem import nearest
from rules.routes import Routing

#: so many of those that are away are named below a picture
NAMED = 20


class Present(msgspec.Struct, frozen=True):
    """One person of the roster, now."""

    person: str
    teams: tuple[str, ...]
    on_shift: bool
    #: is given tickets: on shift, and neither away nor deactivated
    accepts: bool
    #: why not, of desks and by hand
    why: str
    #: units in use, and how many there are; None: never full
    used: int
    units: int | None
    desks: tuple[KnownAgent, ...] = ()


def present(tx: Tx, routing: Routing, now: datetime) -> list[Present]:
    """Return everybody of the roster as they are now."""
    desks: dict[str, list[KnownAgent]] = {}
    for each in tx.staff.known(now):
        desks.setdefault(each.person, []).append(each)
    return _listed(routing, counted(tx, routing, now), desks)


def _listed(routing: Routing, snapshot: Snapshot, desks: dict[str, list[KnownAgent]]) -> list[Present]:
    roster, found = routing.roster, []
    for person, bits in sorted(roster.of_person.items()):
        agents, state = roster.people(bits), snapshot.state(person)
        found.append(
            Present(
                person=person,
                teams=tuple(agent.team for agent in agents),
                on_shift=bool(bits & snapshot.on_shift),
                accepts=bool(bits & snapshot.on_shift & snapshot.accepting),
                why=state.why,
                used=state.used,
                units=agents[0].units,
                desks=tuple(sorted(desks.get(person, ()), key=lambda each: (each.connection, each.account_id))),
            )
        )
    return found


def write_absent(site: SiteChoice, routing: Routing) -> None:
    """Say who of those on shift is given nothing now; nothing where there is no record."""
    now = SystemClock().now()
    nobody: list[Present] = []
    found = glance(site, lambda tx: present(tx, routing, now), nobody)
    there = [each for each in found if each.on_shift]
    absent = [each for each in there if not each.accepts]
    if not found:
        return
    click.echo(f"\nNow {len(there)} of {len(found)} are on shift, and {len(there) - len(absent)} of them accept.")
    for each in absent[:NAMED]:
        click.echo(f"  {tame(each.person)}: {tame(each.why)}")
    if len(absent) > NAMED:
        click.echo(f"  … and {len(absent) - NAMED} more: gateway roster now")


@click.command("now")
@click.option("--away", "only_away", is_flag=True, help="Only those who are kept from work by a desk or by hand.")
@LIMIT
@JSON
@pass_site
def show_now(site: SiteChoice, *, only_away: bool, limit: int, as_json: bool) -> None:
    """List who is given tickets now, and why others are not: by their shifts, by their desks, by hand."""
    routing = _routing(site, as_json=as_json)
    now = SystemClock().now()
    with opened(site) as gateway, gateway.store.read() as tx:
        found = [each for each in present(tx, routing, now) if each.why or not only_away]
        reads = tx.staff.reads()
    if as_json:
        write_json({"people": found[:limit], "desks": reads})
        return
    rows = [
        (
            each.person,
            ", ".join(each.teams),
            "on" if each.on_shift else "off",
            "yes" if each.accepts else "no",
            f"{each.used}" if each.units is None else f"{each.used} of {each.units}",
            each.why or ", ".join(f"{one.state} at {one.connection}" for one in each.desks if one.fresh),
        )
        for each in found[:limit]
    ]
    columns = ("PERSON", "TEAM", "SHIFT", "ACCEPTS", "IN HAND", "AS SHOWN")
    nobody = "Nobody is away." if routing.roster.agents else "This site has no agents: see docs/routing.md."
    write_table(columns, rows, grows="AS SHOWN", empty=nobody)
    if len(found) > limit:
        click.echo(f"… and {len(found) - limit} more: --limit")
    for read in reads:
        state = f"read {age(read.read_at, now)} ago" if read.read_at is not None else "never read"
        failed = f"; the last look failed ({read.trouble})" if read.trouble else ""
        stale = "" if read.fresh_until is not None and read.fresh_until > now else "; its states do not count"
        click.echo(f"{tame(read.connection)}: {state}{failed}{stale}", err=True)


class _DryRunError(Exception):
    """Takes what was tried back."""


@click.command()
@click.argument("person")
@click.option("--until", type=Instant(), help="Until this instant, such as 2026-03-10T13:00+01:00.")
@click.option("--for", "length", type=Duration(), help="For so long, such as 2h.")
@by_person
@pass_site
def away(
    site: SiteChoice,
    person: str,
    until: datetime | None,
    length: float | None,
    *,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give somebody no more tickets, for desks that do not know who is away: for a time, or until `roster back`.

    PERSON is a name under people. What they have in hand stays with them; they are not called either.
    """
    _known(site, person, as_json=as_json)
    now = SystemClock().now()
    if until is not None and length is not None:
        raise click.UsageError("say --until or --for, not both")
    if length is not None:
        until = now + timedelta(seconds=length)
    if until is not None and until <= now:
        raise click.BadParameter("this is over already: take an instant that is to come", param_hint="--until or --for")
    absence = Absence(person, now, until, who or author())

    def work(tx: SqlTx) -> None:
        tx.staff.leave(absence)
        detail = {"person": person, "until": until.isoformat() if until is not None else ""}
        tx.audit.add([AuditEntry(now, f"person:{absence.by}", "roster away", "", detail)])
        if dry_run:
            raise _DryRunError

    _do(site, work)
    if as_json:
        write_json({"dry_run": dry_run, "person": person, "until": until})
        return
    end = f"until {utc(until)} UTC" if until is not None else f"until gateway roster back {person}"
    click.echo(f"{tame(person)} {'would be' if dry_run else 'is'} given nothing more {tame(end)}")


@click.command()
@click.argument("person")
@by_person
@pass_site
def back(site: SiteChoice, person: str, *, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Give somebody tickets again who is away by `gateway roster away`: what waits is looked at at once.

    What a desk shows of them still counts.
    """
    now = SystemClock().now()
    routing = _routing(site, as_json=as_json)
    still: list[str] = []

    def work(tx: SqlTx) -> None:
        if not tx.staff.come_back(person, now):
            raise NotFoundError(f"{person} is not away by hand: gateway roster now --away lists who is")
        tx.audit.add([AuditEntry(now, f"person:{who or author()}", "roster back", "", {"person": person})])
        still[:] = [counted(tx, routing, now).state(person).why]
        if dry_run:
            raise _DryRunError

    _do(site, work)
    shown = "".join(still)
    if as_json:
        write_json({"dry_run": dry_run, "person": person, "still": shown})
        return
    also = f", but is {shown}" if shown else ""
    click.echo(f"{tame(person)} {'would be' if dry_run else 'is'} back{tame(also)}")


def _do(site: SiteChoice, work: Callable[[SqlTx], None]) -> None:
    with opened(site) as gateway:
        try:
            gateway.store.write(work)
        except _DryRunError:
            return


def _routing(site: SiteChoice, *, as_json: bool) -> Routing:
    return read_files(site.folder, as_json=as_json).site.rules.routing


def _known(site: SiteChoice, person: str, *, as_json: bool) -> None:
    routing = _routing(site, as_json=as_json)
    names: Sequence[str] = sorted(
        {*routing.roster.of_person, *routing.people.values(), *(line.person for line in routing.roster.call)}
    )
    if person not in names:
        hint = nearest(person, names)
        raise NotFoundError(f"nobody under people: is named {person!r}" + (f"; {hint}" if hint else ""))
