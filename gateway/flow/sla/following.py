"""What follows from a decision beside the updates that carry it to the desks: stages, duplicates, clocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.domain.event import Event
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import forwarded, say
from gateway.flow.edits import Lost
from gateway.flow.plan import Cause, Planned
from gateway.flow.sla import timekeeping
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.merging import Merger
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
    #: edits that came after newer ones
    lost: Sequence[Lost] = ()
    links: Sequence[Link]


class Followed(msgspec.Struct, frozen=True):
    """Who is told of it, and what the audit trail says."""

    planned: tuple[Planned, ...]
    audit: tuple[AuditEntry, ...]


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
        lost=made.lost,
        automatic=event.automatic,
        gone=any(link.role is Role.SOURCE and link.state is LinkState.GONE for link in made.links),
    )
    keep(tx, happened, site.rules, ids)
    if decided.duplicate_of:
        merger = Merger(tx, rules=site.rules, ids=ids, now=now)
        if before is None or not before.duplicate_of:
            merger.join(decided, decided.duplicate_of)
        elif made.comments:
            merger.hear(decided, made.comments)
    forward = forwarded(tx, decided, made.comments, origin, site.connectors)
    return Followed((*said.planned, *forward), (*audit, *said.audit))
