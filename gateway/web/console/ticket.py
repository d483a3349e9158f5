"""Everything about one ticket, as plain values, for its page and for the read API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.clock_instance import Instance
from gateway.domain.duplicate import Pair
from gateway.domain.link import Link
from gateway.domain.stage import StageMove
from gateway.domain.ticket import SYNCED_FIELDS, Stamp, Ticket
from gateway.flow.sla.acknowledging import acknowledged
from gateway.flow.sla.timekeeping import tell
from gateway.flow.telling import moment
from gateway.ports import CommentRow
from gateway.ports.originals import Original
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.store.view import UpdateLine
from gateway.web.console.routed import Whereabouts, whereabouts
from rules.notices import timeline

EVENTS = 50
UPDATES = 50
AUDIT = 100
#: so many comments are shown, the newest, and so much of each
COMMENTS = 100
LONGEST = 20_000

#: what the page lists beside the synced fields, when it is known
_MORE = ("issue", "intent", "tier", "team", "stage", "region", "channel")


class FieldLine(msgspec.Struct, frozen=True):
    """One field: its value in words, and who set it when."""

    name: str
    value: str
    by: str
    setter: str
    at: datetime | None


class LinkLine(msgspec.Struct, frozen=True):
    """The ticket in one desk."""

    connection: str
    state: str
    role: str
    remote_id: str
    key: str
    url: str
    rule: str


class TryLine(msgspec.Struct, frozen=True):
    """One attempt, without its content."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    status: int
    outcome: str
    detail: str


class UpdateWithTries(msgspec.Struct, frozen=True):
    """One update and the attempts at it."""

    update: UpdateLine
    attempts: tuple[TryLine, ...]


class OriginalLine(msgspec.Struct, frozen=True):
    """A text of which Markdown cannot show all: what that is, and how the desk has it."""

    connection: str
    source_format: str
    lost: tuple[str, ...]
    #: without secrets in its addresses; empty where it is not known
    raw: str
    is_cut: bool


class CommentLine(msgspec.Struct, frozen=True):
    """One comment."""

    connection: str
    at: datetime
    visibility: str
    author: str
    body: str
    automatic: bool
    original: OriginalLine | None = None
    #: when its words were changed at its desk
    edited_at: datetime | None = None


class ClockLine(msgspec.Struct, frozen=True):
    """One clock, as it stands now, and what it went through."""

    instance: Instance
    #: a line each
    story: tuple[str, ...]
    #: it goes on, has broken its promise, and nobody has said that they know
    open_breach: bool = False
    #: who knows of the breach, and since when
    known: str = ""


class TicketPage(msgspec.Struct, frozen=True):
    """One ticket with all that belongs to it."""

    id: str
    title: str
    body: str
    source: str
    category: str
    native: str
    priority: str
    language: str
    requester: str
    org: str
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    duplicate_of: str
    #: what was said of this ticket and others, the newest first
    pairs: tuple[Pair, ...]
    stages: tuple[StageMove, ...]
    clocks: tuple[ClockLine, ...]
    routing: Whereabouts | None
    fields: tuple[FieldLine, ...]
    unmapped: tuple[str, ...]
    links: tuple[LinkLine, ...]
    comments: tuple[CommentLine, ...]
    #: of the description, at each desk where it has more than is shown
    originals: tuple[OriginalLine, ...]
    #: how many more there are before these
    earlier: int
    events: tuple[dict[str, Any], ...]
    updates: tuple[UpdateWithTries, ...]
    audit: tuple[dict[str, Any], ...]


def clocks_of(tx: SqlTx, ticket_id: str, now: datetime) -> tuple[ClockLine, ...]:
    """Return the clocks of a ticket that people see: those that go on first, by their due time."""
    found = []
    for chain in tell(tx, ticket_id, now).chains.values():
        for instance in chain.instances:
            name = (instance.cycle, instance.version)
            steps = [each for each in chain.transitions if (each.cycle, each.version) == name]
            if instance.shown:
                last_one = chain.clock is not None and instance is chain.instances[-1]
                step = acknowledged(chain) if last_one else None
                known = f"{step.note.partition(',')[0]}, {moment(step.at)}" if step is not None else ""
                open_breach = last_one and instance.breached_at is not None and step is None
                found.append(ClockLine(instance, tuple(timeline(steps)), open_breach, known))
    last = datetime.max.replace(tzinfo=UTC)
    found.sort(key=lambda line: (line.instance.ended is not None, line.instance.ended or line.instance.due or last))
    return tuple(found)


def steady(page: TicketPage) -> TicketPage:
    """Return a page without what changes by every second, so that a poll brings only what a person would see."""

    def still(line: ClockLine) -> ClockLine:
        one = line.instance
        still = {name: getattr(one, name) // 60 for name in ("elapsed_s", "remaining_s", "paused_s")}
        return msgspec.structs.replace(line, instance=msgspec.structs.replace(one, **still))

    return msgspec.structs.replace(page, clocks=tuple(still(line) for line in page.clocks))


def read_ticket(store: SqlStore, word: str) -> TicketPage | None:
    """Return the page of the ticket that `word` names (its id, a prefix, a remote id, a key); None without one."""
    with store.read() as tx:
        ticket = tx.tickets.get(word)
        if ticket is None:
            found = tx.view.find_ticket(word)
            ticket = tx.tickets.get(found) if found else None
        if ticket is None:
            return None
        updates = [
            UpdateWithTries(line, tuple(_try(attempt) for attempt in tx.view.attempts(line.id)))
            for line in tx.view.updates(ticket_id=ticket.id, limit=UPDATES)
        ]
        (said, earlier), links = tx.tickets.newest_comments(ticket.id, COMMENTS), tx.links.of_ticket(ticket.id)
        originals = tx.tickets.originals([*(each.id for each in said), *(link.id for link in links)])
        return TicketPage(
            id=ticket.id,
            title=ticket.heading,
            body=ticket.body,
            source=ticket.source,
            category=ticket.status.category.value,
            native=ticket.status.native,
            priority=ticket.priority.level.value,
            language=ticket.language,
            requester=ticket.requester.label if ticket.requester else "",
            org=ticket.org.name or ticket.org.id,
            created_at=ticket.created_at,
            updated_at=ticket.updated_at,
            resolved_at=ticket.resolved_at,
            duplicate_of=ticket.duplicate_of,
            pairs=tuple(tx.duplicates.of_ticket(ticket.id)),
            stages=tuple(tx.stages.of_ticket(ticket.id)),
            clocks=clocks_of(tx, ticket.id, store.clock.now()),
            routing=whereabouts(tx, ticket.id),
            fields=tuple(_fields(ticket)),
            unmapped=tuple(f"{each.field} {each.native!r} of {each.connection}" for each in ticket.unmapped),
            links=tuple(_link(link) for link in links),
            comments=tuple(_comment(row, originals.get(row.id)) for row in said),
            originals=tuple(_original(originals[link.id]) for link in links if link.id in originals),
            earlier=earlier,
            events=tuple(dict(row) for row in tx.view.recent_events(ticket_id=ticket.id, limit=EVENTS)),
            updates=tuple(updates),
            audit=tuple(dict(row) for row in tx.view.audit(ticket_id=ticket.id, limit=AUDIT)),
        )


def _fields(ticket: Ticket) -> Sequence[FieldLine]:
    lines = []
    shown = [name for name in SYNCED_FIELDS if name not in {"title", "body"}]
    for name in [*shown, *(name for name in _MORE if getattr(ticket, name))]:
        stamp: Stamp | None = ticket.stamps.get(name)
        lines.append(
            FieldLine(
                name=name,
                value=in_words(getattr(ticket, name)),
                by=stamp.name if stamp else "",
                setter=stamp.by.value if stamp else "",
                at=stamp.at if stamp else None,
            )
        )
    return lines


def in_words(value: Any) -> str:
    """Return the value of a field as a person reads it."""
    if value is None or value in ("", ()):
        return ""
    for name in ("label", "category", "level"):
        found = getattr(value, name, None)
        if found is not None:
            native = getattr(value, "native", "")
            plain = str(found)
            return f"{plain} ({native})" if native and native.casefold() != plain.casefold() else plain
    if isinstance(value, tuple | list):
        return ", ".join(str(each) for each in value)
    return str(value)


def _link(link: Link) -> LinkLine:
    return LinkLine(
        connection=link.connection,
        state=link.state.value,
        role=link.role.value,
        remote_id=link.remote_id,
        key=link.key,
        url=link.url,
        rule=link.rule,
    )


def _try(attempt: Any) -> TryLine:
    return TryLine(
        number=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        status=attempt.status,
        outcome=attempt.outcome,
        detail=attempt.detail,
    )


def _original(found: Original) -> OriginalLine:
    is_cut = found.is_cut or len(found.raw) > LONGEST
    return OriginalLine(found.connection, found.source_format, found.lost, found.raw[:LONGEST], is_cut)


def _comment(row: CommentRow, original: Original | None) -> CommentLine:
    return CommentLine(
        connection=row.connection,
        at=row.at,
        visibility=row.visibility.value,
        author=row.author.label if row.author else "unknown",
        body=row.body if len(row.body) <= LONGEST else f"{row.body[:LONGEST]}…",
        automatic=row.automatic,
        original=_original(original) if original is not None else None,
        edited_at=row.edited_at,
    )
