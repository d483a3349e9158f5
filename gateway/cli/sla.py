"""`gateway sla`: which clocks are near or broken, what each went through, and what a person says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.choosing import Duration
from gateway.cli.doing import by_person
from gateway.cli.opening import author, opened, ring, ticket_named
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, tame, write_json, write_table
from gateway.domain.clock_instance import Chain, Instance, Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.errors import ConflictError, NotFoundError
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause, new_update
from gateway.flow.sla.acknowledging import Known, Word
from gateway.flow.sla.acknowledging import acknowledge as acknowledge_clock
from gateway.flow.sla.following import view_of
from gateway.flow.sla.timekeeping import Told, tell, terms_now, told, told_by_desks
from gateway.ports import AuditEntry
from gateway.store.unit import SqlTx
from rules.clocks import GATEWAY
from rules.duration import words
from rules.notices import timeline


@click.group()
def sla() -> None:
    """Look at the clocks of tickets, and say what a person knows of them."""


@sla.command("list")
@click.option(
    "--status",
    type=click.Choice([each.value for each in Status if each not in {Status.SUCCEEDED, Status.CANCELED}]),
    help="Only clocks in this status.",
)
@click.option("--metric", default="", help="Only clocks of this metric.")
@click.option(
    "--waiting-for",
    type=Duration(),
    metavar="TIME",
    help="Only clocks that have been paused for longer, such as 10d; the longest first.",
)
@LIMIT
@JSON
@pass_site
def list_clocks(
    site: SiteChoice, status: str | None, metric: str, waiting_for: float | None, limit: int, as_json: bool
) -> None:
    """List the clocks that go on, those that are due first at the top."""
    if waiting_for is not None and status is not None:
        raise click.BadOptionUsage("status", "--waiting-for is about clocks that are paused: leave --status out")
    with opened(site) as gateway:
        now = gateway.clock.now()
        with gateway.store.read() as tx:
            if waiting_for is None:
                found = tx.clocks.going(status=status or "", metric=metric, limit=limit)
            else:
                found = tx.clocks.waiting(now - timedelta(seconds=waiting_for), metric=metric, limit=limit)
            titles = {ticket: tx.tickets.get(ticket) for ticket in {line.ticket_id for line in found}}
        if as_json:
            write_json(found)
            return
        rows = [
            (
                line.ticket_id[-12:],
                line.instance.metric,
                line.instance.policy,
                line.instance.level,
                line.instance.status.value,
                _when(line.instance.due, UTC),
                _left(line.instance, now),
                ticket.title if (ticket := titles[line.ticket_id]) is not None else "",
            )
            for line in found
        ]
    columns = ("TICKET", "METRIC", "POLICY", "PRIORITY", "STATUS", "DUE", "LEFT", "TITLE")
    write_table(columns, rows, grows="TITLE", empty="No clock goes on.")


@sla.command()
@click.argument("ticket")
@JSON
@pass_site
def explain(site: SiteChoice, ticket: str, as_json: bool) -> None:
    """Say what each clock of a ticket went through: when it ran, waited, was closed, and got another target.

    TICKET is its id, the beginning or the end of it, or its number at a desk.
    """
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            now = gateway.clock.now()
            found = tell(tx, ticket_named(tx, ticket), now)
            others = told_by_desks(tx, found, now)
        if as_json:
            write_json(_as_json(found, others))
            return
        zones = _zones(gateway)
    if not found.chains:
        click.echo("No policy promises anything for this ticket.")
    for place, chain in enumerate(found.chains.values()):
        if place:
            click.echo()
        for line in explained(chain, zones):
            click.echo(tame(line))
    silent = [each for each in authority_of(found).items() if each[0] not in found.chains]
    for metric, connection in silent:
        click.echo(f"{metric}: {connection} counts it, and has said nothing of it yet.")
    for connection, chain in others:
        click.echo(tame(_beside(connection, chain, found, zones)))


def authority_of(found: Told) -> Mapping[str, str]:
    """Return the metrics that a desk counts, by the terms that hold now."""
    terms = terms_now(found)
    return terms.authority if terms is not None else {}


def _as_json(found: Told, others: list[tuple[str, Chain]]) -> dict[str, object]:
    """Return the chains by metric, with who counts each and what other desks say of it."""
    authority = authority_of(found)
    return {
        name: {
            "authority": authority.get(name, GATEWAY),
            "instances": chain.instances,
            "transitions": chain.transitions,
            "beside": {at: each.instances for at, each in others if each.metric == name},
        }
        for name, chain in found.chains.items()
    }


def _beside(connection: str, theirs: Chain, found: Told, zones: Mapping[str, tzinfo]) -> str:
    """Say how a desk sees a clock of which it is not the authority, and whether that differs."""
    there, ours = theirs.instances[-1], found.current(theirs.metric)
    said = f"{there.status.value}" + (f", due {_when(there.due, UTC)}" if there.due is not None else "")
    counts = authority_of(found).get(theirs.metric, GATEWAY)
    if ours is None:
        return f"{theirs.metric}: {connection} says {said}; {counts} counts it, and promises nothing."
    same = (there.status, there.due, there.breached_at) == (ours.status, ours.due, ours.breached_at)
    zone = zones.get(ours.calendar.partition("@")[0], UTC)
    here = f"{ours.status.value}" + (f", due {_when(ours.due, zone)}" if ours.due is not None else "")
    what = "the same" if same else f"which differs: {counts} counts it, and says {here}"
    return f"{theirs.metric}: {connection} says {said}, {what}."


def explained(chain: Chain, zones: Mapping[str, tzinfo]) -> list[str]:
    """Return the story of a chain as lines: a head for each instance, then what it went through."""
    lines = []
    for instance in chain.instances:
        zone = zones.get(instance.calendar.partition("@")[0], UTC)
        lines.append(_head(instance, zone))
        steps = [each for each in chain.transitions if (each.cycle, each.version) == (instance.cycle, instance.version)]
        lines += [f"  {line}" for line in timeline(steps, zone)]
    return lines


def _head(instance: Instance, zone: tzinfo) -> str:
    used = f"{words(instance.elapsed_s)} of {words(instance.target_s)} used"
    left = instance.remaining_s
    rest = f"{words(-left)} over" if left < 0 else f"{words(left)} left"
    due = f", due {_when(instance.due, zone)}" if instance.due is not None else ""
    by = f"{instance.policy or 'no policy'}, {instance.level}, calendar {instance.calendar.partition('@')[0]}"
    by += f", counted by {instance.authority}" if instance.authority else ""
    why = f" ({instance.reason})" if instance.reason else ""
    number = f" #{instance.cycle}" if instance.cycle > 1 else ""
    return f"{instance.metric}{number} ({by}): {instance.status.value}{why}, {used}, {rest}{due}"


@sla.command()
@click.argument("ticket")
@click.argument("metric")
@click.option("--why", default="", help="Why, for the audit trail.")
@by_person
@pass_site
def acknowledge(
    site: SiteChoice, ticket: str, metric: str, *, why: str, who: str | None, dry_run: bool, as_json: bool
) -> None:
    """Say that you know of a breach: what is repeated until then is repeated no more."""
    with opened(site) as gateway:
        live = gateway.site()
        actor = who or author()

        def work(tx: SqlTx) -> Known:
            ticket_id = ticket_named(tx, ticket)
            tx.tickets.hold([ticket_id])
            word = Word(ticket_id=ticket_id, metric=metric, by=actor, way="command", why=why)
            cause = Cause(live.release, "", gateway.clock.now())
            return acknowledge_clock(tx, word, live.rules, gateway.ids, cause, dry_run=dry_run)

        known = gateway.store.write(work)
    if as_json:
        told = {"dry_run": dry_run, "new": known.is_new, "by": known.by, "at": known.step.at}
        write_json({**told, "clock": msgspec.to_builtins(known.instance)})
        return
    word = "would be" if dry_run else "is"
    said = "acknowledged" if known.is_new else f"acknowledged already, by {known.by}, {_when(known.step.at, UTC)}"
    click.echo(tame(f"{metric} {word} {said}: {_head(known.instance, UTC)}"))


@sla.command()
@click.argument("ticket")
@click.argument("metric")
@click.argument("instant", required=False)
@click.option("--clear", is_flag=True, help="Take the due time that was set by hand back.")
@click.option("--why", default="", help="Why, for the audit trail.")
@by_person
@pass_site
def due(
    site: SiteChoice,
    ticket: str,
    metric: str,
    instant: str | None,
    *,
    clear: bool,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Set the due time of a clock by hand: it holds until it is taken back.

    INSTANT is a time with its zone, such as 2026-03-10T17:00+01:00.
    """
    wanted = None if clear else _instant(instant)

    def entry(_found: Instance, now: datetime, actor: str, number: str) -> LogEntry:
        if wanted is not None and wanted < now:
            msg = f"{wanted.isoformat()} is over: a due time lies ahead"
            raise ConflictError(msg)
        return LogEntry(
            id=number, kind=EntryKind.OVERRIDE, at=now, arrived=now, metric=metric, due=wanted, by=actor, reason=why
        )

    said = "counted by its target again" if clear else "due by hand"
    _say(site, ticket, metric, entry, said, why=why, who=who, dry_run=dry_run, as_json=as_json)


def _instant(text: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.BadParameter("write a time with its zone, such as 2026-03-10T17:00+01:00, or --clear")
    return found.astimezone(UTC)


def _say(
    site: SiteChoice,
    ticket: str,
    metric: str,
    entry: Callable[[Instance, datetime, str, str], LogEntry],
    said: str,
    *,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Enter what a person says of a clock that goes on, and tell the clocks anew."""
    with opened(site) as gateway:
        live = gateway.site()
        actor = who or author()

        def work(tx: SqlTx) -> Instance:
            ticket_id = ticket_named(tx, ticket)
            tx.tickets.hold([ticket_id])
            now = gateway.clock.now()
            chain = tell(tx, ticket_id, now).chains.get(metric)
            if chain is None or chain.clock is None:
                going = ", ".join(name for name, each in tell(tx, ticket_id, now).chains.items() if each.clock)
                raise NotFoundError(f"no clock {metric!r} goes on there; those that do: {going or 'none'}")
            made: LogEntry = entry(chain.instances[-1], now, actor, gateway.ids.new())
            if dry_run:
                return chain.instances[-1]
            tx.clocks.add(ticket_id, [made])
            detail = {"metric": metric, "what": made.kind.value, "why": why}
            detail |= {"due": made.due.isoformat()} if made.due is not None else {}
            tx.audit.add([AuditEntry(now, f"person:{actor}", f"clock {made.kind.value}", ticket_id, detail)])
            kept = told(tx, ticket_id, now, live.rules)
            _show(tx, ticket_id, kept, live, gateway, made)
            return kept.chains[metric].instances[-1]

        found = gateway.store.write(work)
        if not dry_run:
            ring(gateway, "deliver")
    if as_json:
        write_json({"dry_run": dry_run, "clock": msgspec.to_builtins(found)})
        return
    word = "would be" if dry_run else "is"
    click.echo(f"{metric} {word} {said}: {_head(found, UTC)}")


def _show(tx: SqlTx, ticket_id: str, kept: Told, site: LiveSite, gateway: Gateway, made: LogEntry) -> None:
    """Let the desks show what a person has said of a clock."""
    ticket = tx.tickets.get(ticket_id)
    if ticket is None:  # pragma: no cover - clocks without their ticket are a defect of the store
        return
    cause = Cause(site.release, gateway.ids.new().replace("-", ""), made.at, skipping=site.skipping)
    for each in view_of(tx, ticket, kept, site=site, event_key=f"person:{made.id}", now=made.at):
        if site.observes(each.link.connection, made.at):
            told_ = {"at": each.link.connection, "what": each.summary}
            tx.audit.add([AuditEntry(made.at, "gateway", "withheld", ticket_id, told_)])
        else:
            tx.outbox.add(new_update(each, gateway.ids.new(), cause))


def _zones(gateway: Gateway) -> dict[str, tzinfo]:
    calendars = gateway.site().rules.calendars
    return {name: ZoneInfo(each.timezone) for name, each in calendars.items() if each.timezone}


def _when(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if at is not None else "-"


def _left(instance: Instance, now: datetime) -> str:
    """Say how much real time is left until the due time."""
    if instance.due is None:
        since = instance.waits_since
        return f"waits for {words(max(0, int((now - since).total_seconds())))}" if since is not None else "waits"
    left = int((instance.due - now).total_seconds())
    return f"{words(-left)} ago" if left < 0 else words(left)
