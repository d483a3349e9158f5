"""`gateway tickets`: the tickets of a site, wherever they live."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
import msgspec

from dead_letters import DeadLetter, Filter
from gateway.bootstrap import Gateway
from gateway.cli import crosslinks, duplicates
from gateway.cli.choosing import Duration
from gateway.cli.opening import opened, ticket_named
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, age, block, tame, utc, write_json, write_table
from gateway.cli.why import write as write_decisions
from gateway.domain.duplicate import PairState
from gateway.domain.ticket import Category
from gateway.errors import NotFoundError
from gateway.flow.originals import ACTION as TEXT_LOST
from gateway.ports.ways import Way
from gateway.store.people_view import TicketLine
from gateway.web.console.ticket import CommentLine, OriginalLine, TicketPage, read_ticket
from gateway.web.console.why import explain_all
from rules.duration import words
from rules.route_words import headline
from rules.routed import Outcome, Routed

#: so many other tickets of a requester are shown
RECENT = 5


@click.group()
def tickets() -> None:
    """Look at the tickets of this site, and say which repeat which."""


for each in (*duplicates.COMMANDS, *crosslinks.COMMANDS):
    tickets.add_command(each)


@tickets.command("list")
@click.option("--text", default="", help="Words of the title, a ticket's id, or a number at a desk.")
@click.option("--status", type=click.Choice([each.value for each in Category]), help="Only tickets in this status.")
@click.option("--connection", default="", help="Only tickets that live there.")
@click.option(
    "--in-stage-for",
    type=Duration(),
    metavar="TIME",
    help="Only open tickets that have been in their stage for longer, such as 5d; the longest first.",
)
@click.option(
    "--routed",
    type=click.Choice([each.value for each in Outcome]),
    help="Only tickets of which routing said so last, such as unroutable or frozen.",
)
@LIMIT
@JSON
@pass_site
def list_tickets(
    site: SiteChoice,
    text: str,
    status: str | None,
    connection: str,
    in_stage_for: float | None,
    routed: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List tickets, those that changed last first."""
    with opened(site) as gateway:
        before = gateway.clock.now() - timedelta(seconds=in_stage_for) if in_stage_for is not None else None
        with gateway.store.read() as tx:
            found = tx.view.tickets(
                limit=limit, text=text, category=status or "", connection=connection, in_stage_before=before,
                routed=routed or "",
            )  # fmt: skip
        if as_json:
            write_json(found)
            return
        now = gateway.clock.now()
        rows = [
            (
                line.id[-12:],
                line.category,
                line.priority,
                ", ".join(f"{name} #{place[0] or '?'}" for name, place in sorted(line.links.items())),
                age(line.created_at, now),
                line.title,
            )
            for line in found
        ]
    write_table(("ID", "STATUS", "PRIORITY", "AT", "AGE", "TITLE"), rows, grows="TITLE", empty="No ticket matches.")


@tickets.command()
@click.argument("ticket")
@JSON
@pass_site
def show(site: SiteChoice, ticket: str, as_json: bool) -> None:
    """Show one ticket: fields, links, comments, updates, audit trail.

    TICKET is its id, the beginning or the end of it, or its number at a desk (35, acme-zendesk:35).
    """
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            ticket_id = ticket_named(tx, ticket)
        found = read_ticket(gateway.store, ticket_id)
        held, recent = _held(gateway, ticket_id), _recent(gateway, ticket_id)
    if found is None:
        raise NotFoundError(f"ticket {ticket_id} is gone: gateway tickets list shows those that are there")
    if as_json:
        write_json(found)
    else:
        _write(found, held)
        _write_recent(recent)


@tickets.command()
@click.argument("ticket")
@JSON
@pass_site
def why(site: SiteChoice, ticket: str, as_json: bool) -> None:
    """Explain every decision on one ticket by the rules of that time.

    For each rule: whether it matched, and if not, the condition that failed with the value that it saw. TICKET is what
    show takes.
    """
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            ticket_id = ticket_named(tx, ticket)
        decisions = explain_all(gateway.store, gateway.rules_of, ticket_id)
        held = _held(gateway, ticket_id)
    if as_json:
        write_json(decisions)
    else:
        write_decisions(decisions)
        _write_held(held)


def _held(gateway: Gateway, ticket_id: str) -> list[DeadLetter]:
    """Return the dead letters behind which updates of a ticket wait, or will."""
    with gateway.store.read() as tx:
        found = tx.letters.page(Filter(ticket_id=ticket_id, what="update"))
    return [each for each in found if each.holds]


def _recent(gateway: Gateway, ticket_id: str) -> list[TicketLine]:
    """Return the last other tickets of who asked, wherever they live."""
    with gateway.store.read() as tx:
        ticket = tx.tickets.get(ticket_id)
        if ticket is None or not ticket.requester_id:
            return []
        found = tx.people_view.tickets(ticket.requester_id, RECENT + 1)
    return [line for line in found if line.id != ticket_id][:RECENT]


def _write_recent(recent: list[TicketLine]) -> None:
    if recent:
        _head("Other tickets of the same person")
    for line in recent:
        click.echo(f"  {utc(line.created_at)}  {line.id[-12:]}  {line.category:<16} {line.source}  {tame(line.title)}")


def _write_held(held: list[DeadLetter]) -> None:
    if held:
        _head("Held")
    for each in held:
        reason = each.reason or each.state
        click.echo(f"  what comes for {each.connection} waits behind {each.id[-12:]} ({reason}): {tame(each.detail)}")
        click.echo(f"      gateway dead-letters show {each.id[-12:]}")


def _write(page: TicketPage, held: list[DeadLetter]) -> None:
    click.echo(click.style(tame(page.title) or "(no title)", bold=True))
    click.echo(
        f"{page.id}, from {page.source}, opened {utc(page.created_at)} UTC by {tame(page.requester) or 'unknown'}"
    )
    if page.body:
        click.echo(f"\n{_indented(page.body)}")
    for original in page.originals:
        click.echo(f"  {_more_there(original)}")
    _head("Fields")
    for field in page.fields:
        if field.value:
            by = f"  ({field.setter} {tame(field.by)}, {utc(field.at)})" if field.by else ""
            click.echo(f"  {field.name:<10} {tame(field.value)}{by}")
    _head("At the desks")
    for link in page.links:
        where = f"#{(link.key or link.remote_id).removeprefix('#')}" if link.remote_id else "not there yet"
        click.echo(f"  {link.connection}  {tame(where)}  {link.state}  {tame(link.url)}".rstrip())
    _write_related(page)
    if page.comments:
        _head("Comments")
    if page.earlier:
        click.echo(f"  … {page.earlier} earlier ones, at the desks")
    for comment in page.comments:
        where = f"{comment.connection}{_edited(comment)}"
        click.echo(f"  {utc(comment.at)}  {comment.visibility}  {tame(comment.author)} at {where}")
        click.echo(f"{_indented(comment.body, 4)}")
        if comment.original is not None:
            click.echo(f"    {_more_there(comment.original)}")
    _write_held(held)
    _write_record(page)


def _edited(comment: CommentLine) -> str:
    """Say when the words of a comment were changed at its desk."""
    return f", edited {utc(comment.edited_at)}" if comment.edited_at is not None else ""


def _more_there(original: OriginalLine) -> str:
    """Say what a text has at its desk that cannot be shown here."""
    also = f"(at {original.connection} it has also: {tame(', '.join(original.lost))}"
    return f"{also}; as it is there: --json)" if original.raw else f"{also})"


def _write_related(page: TicketPage) -> None:
    """Print the stages that it went through, and the tickets that it repeats or that repeat it."""
    if page.clocks:
        _head("Clocks")
    for line in page.clocks:
        clock = line.instance
        due = f"  due {utc(clock.due)}" if clock.due is not None else ""
        used = f"{words(clock.elapsed_s)} of {words(clock.target_s)}"
        click.echo(f"  {clock.metric}  {clock.status}  {used}{due}  {clock.policy}, {clock.level}")
    if page.routing is not None:
        _write_way(page.routing.way)
    if page.stages:
        _head("Stages")
    for move in page.stages:
        click.echo(f"  {utc(move.at)}  {tame(move.stage) or '(none)'}  by {move.by} {tame(move.name)}".rstrip())
    if page.pairs:
        _head("Duplicates")
    for pair in page.pairs:
        said = f"a duplicate of {pair.of}" if pair.ticket == page.id else f"{pair.ticket} is a duplicate of it"
        by = pair.by or f"rule {pair.rule}"
        click.echo(
            f"  {utc(pair.decided_at or pair.at)}  {pair.state}  {said}  by {tame(by)}  {tame(pair.why)}".rstrip()
        )
        if pair.state is PairState.PROPOSED:
            click.echo(f"      gateway tickets merge {pair.ticket[-12:]} {pair.of[-12:]}, or reject")


def _write_way(way: Way) -> None:
    """Print who has it, or since when it waits, and why."""
    _head("Routing")
    waits = f"waits since {utc(way.waiting_since)}" if way.waiting_since is not None else "nobody has it"
    who = f"{way.person} has it" if way.holds else "done with" if way.closed else waits
    click.echo(f"  {way.outcome or 'new'}  {tame(who)}  {tame(way.reason)}".rstrip())
    for connection, reason in way.left:
        click.echo(f"  not shown at {tame(connection)}: {tame(reason)}")
    for offer in way.offers:
        if not offer.declined:
            click.echo(f"  offered to {tame(offer.to)} until {utc(offer.until)}")


def _write_record(page: TicketPage) -> None:
    """Print what was done about it: updates and audit trail."""
    if page.updates:
        _head("Updates")
    for each in page.updates:
        line = each.update
        tries = f", {len(each.attempts)} attempts" if each.attempts else ""
        click.echo(f"  {utc(line.created_at)}  {line.state:<10} {line.connection}  {tame(line.summary)}{tries}")
        if line.detail:
            click.echo(f"      {tame(line.detail)}")
    if page.audit:
        _head("Audit trail")
    for entry in page.audit:
        told = _told(entry["action"], entry["detail"] or {})
        click.echo(f"  {utc(entry['at'])}  {tame(entry['actor'])}  {tame(entry['action'])}{told}")
    if any(entry["action"] == "decided" for entry in page.audit):
        click.echo(f"\nWhy each was decided so: gateway tickets why {page.id[-12:]}")


def _told(action: str, detail: dict[str, Any]) -> str:
    """Return what a line of the trail has to add, for its end."""
    if action == "decided":
        return _decided(detail)
    if action == "held":
        what = ", ".join(detail.get("what", ()))
        behind = f"behind {str(detail.get('behind', ''))[-12:]} ({detail.get('reason', '')})"
        return tame(f": {what} at {detail.get('at', '')}, {behind}")
    if action == TEXT_LOST:
        return tame(f": {detail.get('of', '')} at {detail.get('at', '')} has also {', '.join(detail.get('lost', ()))}")
    if action == "routed":
        return tame(f": {headline(msgspec.convert(detail['route'], Routed))}")
    if action.startswith(("handoff", "assign", "team", "frozen")):
        return tame(": " + ", ".join(f"{name} {value}" for name, value in detail.items() if value))
    if action.startswith("dead letter"):
        what = detail.get("what") or f"delivery {str(detail.get('delivery', ''))[-12:]}"
        because = f", because: {detail['why']}" if detail.get("why") else ""
        return tame(f": {what} at {detail.get('connection', '')}{because}")
    return ""


def _decided(detail: dict[str, Any]) -> str:
    """Return what a decision came to, for the end of its line."""
    sets = ", ".join(f"{name} = {value}" for name, value in detail.get("sets", {}).items())
    return f": {tame(sets)}" if sets else ": nothing to set"


def _head(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


def _indented(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in block(text).splitlines())
