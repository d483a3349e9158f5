"""What an event means for the clocks of its ticket: the entries of its log, pure, so that it can be rehearsed.

Nothing here looks at a clock: an entry says what happened, and `gateway.domain.clock_chain` what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry, counting
from gateway.domain.report.context import OWNER, context_of
from gateway.domain.terms import Terms
from gateway.domain.ticket import OPEN_CATEGORIES, Category, Ticket, Visibility
from gateway.flow.edits import Lost
from gateway.ports import CommentRow, Ids
from rules.clocks import Clockwork, digest
from rules.fields import Facts

_OPENING = frozenset({EntryKind.OPENED, EntryKind.REOPENED, EntryKind.SOLVED, EntryKind.ENDED})
#: entries of which the last one says what stands
_TOGETHER = {
    **dict.fromkeys(_OPENING, _OPENING),
    **{
        kind: frozenset({kind})
        for kind in (EntryKind.TERMS, EntryKind.STATUS, EntryKind.STAGE, EntryKind.PAUSES, EntryKind.CONTEXT)
    },
    EntryKind.TEAM: frozenset({EntryKind.TEAM, EntryKind.ACCEPTED}),
}


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """What an event did to a ticket."""

    before: Ticket | None
    ticket: Ticket
    #: name of the policy that applies now, empty when there is none
    policy: str
    links: frozenset[str]
    #: those that are new
    comments: Sequence[CommentRow] = ()
    #: when it happened
    at: datetime
    #: when it was heard of
    now: datetime
    #: edits that were heard of after newer ones
    lost: Sequence[Lost] = ()
    #: done by a machine
    automatic: bool = False
    #: the ticket was deleted where it was opened
    gone: bool = False


class Standing(msgspec.Struct, frozen=True):
    """What the log of a ticket says of an instant."""

    is_open: bool = False
    has_begun: bool = False
    terms: str = ""
    waiting: tuple[str, ...] = ()
    status: str = ""
    stage: str = ""
    team: str = ""
    accepted: bool = False
    context: dict[str, str] = {}


def standing(log: Iterable[LogEntry], *, known_at: datetime, at: datetime) -> Standing:
    """Return what a log says of an instant."""
    found = Standing()
    for entry in counting(log, known_at=known_at, until=at):
        match entry.kind:
            case EntryKind.OPENED | EntryKind.REOPENED:
                found = msgspec.structs.replace(found, is_open=True, has_begun=True)
            case EntryKind.SOLVED | EntryKind.ENDED:
                found = msgspec.structs.replace(found, is_open=False)
            case EntryKind.TERMS:
                found = msgspec.structs.replace(found, terms=entry.terms)
            case EntryKind.PAUSES:
                found = msgspec.structs.replace(found, waiting=entry.metrics)
            case EntryKind.STATUS:
                found = msgspec.structs.replace(found, status=entry.name)
            case EntryKind.STAGE:
                found = msgspec.structs.replace(found, stage=entry.name)
            case EntryKind.TEAM:
                found = msgspec.structs.replace(found, team=entry.name, accepted=False)
            case EntryKind.ACCEPTED:
                found = msgspec.structs.replace(found, accepted=True)
            case EntryKind.CONTEXT:
                found = msgspec.structs.replace(found, context=entry.context)
            case _:
                pass
    return found


def entries_of(
    happened: Happened, log: Sequence[LogEntry], clockwork: Clockwork, ids: Ids
) -> tuple[list[LogEntry], Terms]:
    """Return what is to be added to the log of a ticket, and the terms that hold now."""
    ticket, now = happened.ticket, happened.now
    begins = min(ticket.created_at, now) if not log else None
    at = begins if begins is not None else min(happened.at, now)
    stood = standing(log, known_at=now, at=max(at, now))
    terms = clockwork.terms(happened.policy, ticket.priority.level)
    facts = Facts(ticket, happened.before, happened.links, now)
    found: list[LogEntry] = []

    def add(kind: EntryKind, when: datetime = at, **more: Any) -> None:
        last = max((each.at for each in log if each.kind in _TOGETHER.get(kind, ())), default=None)
        if last is not None and when <= last:
            # the clocks of two desks differ: what stands now came last
            when = min(last + timedelta(microseconds=1), max(last, now))
        found.append(LogEntry(id=ids.new(), kind=kind, at=when, arrived=now, **more))

    if not stood.has_begun:
        add(EntryKind.OPENED)
    name = digest(terms)
    if name != stood.terms or _again(happened, "priority"):
        add(EntryKind.TERMS, terms=name)
    # of a ticket that we meet when it is over, the desk says since when
    met_open = begins if ticket.status.category in OPEN_CATEGORIES else None
    changed = _since(ticket, "status", at, now, met_open)
    category = ticket.status.category
    if category.value != stood.status or _again(happened, "status"):
        add(EntryKind.STATUS, changed, name=category.value)
    _opening(add, happened, stood, changed)
    if ticket.stage != stood.stage:
        add(EntryKind.STAGE, _since(ticket, "stage", at, now, begins), name=ticket.stage)
    team = ticket.team or ticket.queue
    if team != stood.team:
        add(EntryKind.TEAM, _since(ticket, "team" if ticket.team else "queue", at, now, begins), name=team)
    if ticket.assignee is not None and team and (team != stood.team or not stood.accepted):
        add(EntryKind.ACCEPTED, _since(ticket, "assignee", at, now, begins))
    _context(add, ticket, stood, _since(ticket, "assignee", at, now, begins))
    for comment in happened.comments:
        kind = said_by(comment, ticket)
        if kind is not None and not (kind is EntryKind.AGENT and happened.automatic):
            add(kind, min(comment.at, now))
    waiting = clockwork.waiting(terms, facts)
    if waiting != stood.waiting:
        # since that of its reasons which came last
        why = [each.at for each in found if each.kind in {EntryKind.STATUS, EntryKind.STAGE}]
        add(EntryKind.PAUSES, max(why, default=at), metrics=waiting, reason=_why(ticket))
    return found, terms


def _opening(add: Callable[..., None], happened: Happened, stood: Standing, changed: datetime) -> None:
    """Note that a ticket is done, is over, or is not done after all."""
    ticket = happened.ticket
    category = ticket.status.category
    was_open = stood.is_open or not stood.has_begun
    over = "merged" if ticket.duplicate_of else "deleted" if happened.gone else ""
    if over or category is Category.CANCELLED:
        if was_open:
            add(EntryKind.ENDED, happened.now if over else changed, reason=over or "called off")
    elif category in OPEN_CATEGORIES:
        if not was_open:
            add(EntryKind.REOPENED, changed)
    elif was_open:
        add(EntryKind.SOLVED, changed)


def _context(add: Callable[..., None], ticket: Ticket, stood: Standing, assigned: datetime) -> None:
    """Note what reports count a ticket by, unless the words about people were taken out of it."""
    context = context_of(ticket)
    if context == stood.context or ticket.redacted_at is not None:
        return
    if context.get(OWNER) == stood.context.get(OWNER):
        add(EntryKind.CONTEXT, context=context)
    else:
        add(EntryKind.CONTEXT, assigned, context=context)


def said_by(comment: CommentRow, ticket: Ticket) -> EntryKind | None:
    """Say whose public word a comment is: the customer's or ours; None for what is no such word.

    Where a desk does not say what its author is, the requester is the customer and everybody else one of us.
    """
    author = comment.author
    if comment.visibility is not Visibility.PUBLIC or comment.automatic or (author and author.role == "system"):
        return None
    if author is not None and author.role:
        return EntryKind.CUSTOMER if author.role == "customer" else EntryKind.AGENT
    asked = ticket.requester
    same = (
        author is not None
        and asked is not None
        and (
            (bool(author.email) and author.email.casefold() == asked.email.casefold())
            or (
                comment.connection == ticket.source
                and bool(author.external_id)
                and author.external_id == asked.external_id
            )
        )
    )
    return EntryKind.CUSTOMER if same else EntryKind.AGENT


def _since(ticket: Ticket, field: str, at: datetime, now: datetime, begins: datetime | None) -> datetime:
    """Return since when a field is as it is: the time of its edit, but never before the ticket or after now."""
    stamp = ticket.stamps.get(field)
    if begins is not None or stamp is None:
        return at
    return min(max(stamp.at, ticket.created_at), now)


def _again(happened: Happened, field: str) -> bool:
    """Say whether a desk has set a field to what it was: an edit before that may still be heard of."""
    before, now = (each.stamps.get(field) if each is not None else None for each in (happened.before, happened.ticket))
    return before is not None and now is not None and before.at < now.at


def _why(ticket: Ticket) -> str:
    """Say in a word why clocks wait."""
    reason = ticket.status.hold_reason
    words = ticket.status.category.value + (f" ({reason.value})" if reason is not None else "")
    return f"{words}, in stage {ticket.stage}" if ticket.stage else words
