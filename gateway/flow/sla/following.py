"""What follows from a decision beside the updates that carry it to the desks: stages, duplicates, clocks, routing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from gateway.domain import bounce
from gateway.domain.event import Event
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import forwarded, say
from gateway.flow.fold import Fold
from gateway.flow.plan import Cause, Planned, stopped
from gateway.flow.routing.giving import give
from gateway.flow.sla import timekeeping
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.merging import Merger
from gateway.flow.sla.showing import View, show
from gateway.flow.sla.timekeeping import Told
from gateway.flow.stages import move_of
from gateway.ports import AuditEntry, CommentRow, Ids, Tx
from rules.decide import Decision, RuleSet

#: enters what happened into the log of a ticket's clocks
Keep = Callable[[Tx, Happened, RuleSet, Ids], object]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and what it was made on."""

    before: Ticket | None
    decision: Decision
    event: Event
    #: the comments that are new
    comments: Sequence[CommentRow]
    #: where it happened
    origin: Link
    links: Sequence[Link]
    #: what it changed of a ticket that was there before
    folded: Fold | None = None


class Followed(msgspec.Struct, frozen=True):
    """Who is told of it, and what the audit trail says."""

    planned: tuple[Planned, ...]
    audit: tuple[AuditEntry, ...]
    #: as it is stored: routing may have given it to somebody
    ticket: Ticket


def follow(tx: Tx, made: Decided, *, site: LiveSite, cause: Cause, ids: Ids, keep: Keep = timekeeping.keep) -> Followed:
    """Store the stage that a ticket has entered, the tickets that it repeats and what its clocks say now."""
    before, decision, event, origin = made.before, made.decision, made.event, made.origin
    decided, now = decision.ticket, cause.now
    audit: list[AuditEntry] = []
    move = move_of(before, decided, event.at, now)
    if move is not None:
        tx.stages.add(move)
        told = {"stage": move.stage, "from": before.stage if before is not None else "", "by": move.name}
        action = "stage entered" if move.stage else "stage left"
        audit.append(AuditEntry(now, f"desk:{origin.connection}", action, decided.id, told, cause.trace_id))
    said = say(tx, decision, cause, site.connectors)
    happened = Happened(
        before=before,
        ticket=decided,
        policy=decision.policy,
        links=frozenset(link.connection for link in made.links),
        comments=made.comments,
        at=event.at,
        now=now,
        lost=made.folded.lost if made.folded is not None else (),
        automatic=event.automatic,
        gone=any(link.role is Role.SOURCE and link.state is LinkState.GONE for link in made.links),
    )
    kept = keep(tx, happened, site.rules, ids)
    shown = shown_by(tx, kept, decided, made, site=site, now=now) if isinstance(kept, Told) else []
    if decided.duplicate_of:
        merger = Merger(tx, rules=site.rules, ids=ids, now=now)
        if before is None or not before.duplicate_of:
            merger.join(decided, decided.duplicate_of)
        elif made.comments:
            merger.hear(decided, made.comments)
    forward = forwarded(tx, decided, made.comments, origin, site.connectors)
    given = give(tx, happened, made.links, site=site, cause=cause, ids=ids, keep=keep)
    planned = (*said.planned, *forward, *shown, *given.planned)
    return Followed(planned, (*audit, *said.audit, *given.audit), given.ticket)


def shown_by(tx: Tx, kept: Told, ticket: Ticket, made: Decided, *, site: LiveSite, now: datetime) -> list[Planned]:
    """Return what the desks are to show of the clocks; what an automation there answers at once is left to a person."""
    event_key = f"{made.origin.connection}:{made.event.key}"
    planned = view_of(tx, ticket, kept, site=site, event_key=event_key, now=now)
    bounced = made.folded.bounced if made.folded is not None else ()
    why = bounce.told(" and ".join(bounced), made.origin.connection) if bounced else ""
    return [
        each for one in planned for each in (stopped([one], why) if why and one.link.id == made.origin.id else [one])
    ]


def view_of(tx: Tx, ticket: Ticket, kept: Told, *, site: LiveSite, event_key: str, now: datetime) -> list[Planned]:
    """Return what the desks of a ticket are to show of its clocks as they were just told."""
    if not kept.changes and all(site.observes(name, now) for name in site.connectors):
        # nothing is written there, so what differs would be said again with each event
        return []
    view = View(
        ticket=ticket,
        links=tx.links.of_ticket(ticket.id),
        chains=kept.chains,
        rules=site.rules,
        connectors=site.connectors,
        pending=tx.outbox.pending_fields,
        event_key=event_key,
        now=now,
    )
    return show(view)
