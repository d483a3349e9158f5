"""What lists and pages read: tickets with their links, updates in flight, dead letters, counts. Read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, text

from dead_letters import DeadLetter, Filter
from gateway.domain.ticket import heading
from gateway.domain.update import UpdateState
from gateway.store.audit import INPUTS
from gateway.store.contents import AttemptLine, tried
from gateway.store.journeys import Journey, Journeys
from gateway.store.letters import SqlLetters
from gateway.store.release_tables import releases
from gateway.store.routing_tables import ways
from gateway.store.rows import UpdateRows
from gateway.store.sealing import Sealer
from gateway.store.tables import (
    LETTER,
    PENDING,
    audit,
    deliveries,
    events,
    links,
    tickets,
    updates,
)

_LIVE = frozenset({UpdateState.READY, UpdateState.SENDING, UpdateState.UNKNOWN})


#: A shorter part of an id would name too much.
_SHORTEST = 6


class TicketLine(msgspec.Struct, frozen=True):
    """One ticket in a list."""

    id: str
    title: str
    source: str
    category: str
    priority: str
    kind: str
    language: str
    created_at: datetime
    updated_at: datetime
    #: connection -> (remote id, state, url)
    links: dict[str, tuple[str, str, str]]


class UpdateLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One update in a list."""

    id: str
    ticket_id: str
    connection: str
    operation: str
    state: str
    summary: str
    attempts: int
    created_at: datetime
    done_at: datetime | None
    not_before: datetime | None
    detail: str
    reason: str
    seq: int
    link_id: str
    rule: str
    effect_key: str
    trace_id: str


_ALL_TICKETS = select(func.count()).select_from(tickets)
#: by far the most, and counted in an index alone
_ENDED = {
    kind: select(table.c.state, func.count()).where(end.is_not(None)).group_by(table.c.state)
    for kind, table, end in (
        ("deliveries", deliveries, deliveries.c.applied_at),
        ("updates", updates, updates.c.done_at),
    )
}
_ALL_PENDING = select(func.count()).select_from(deliveries).where(text(PENDING))
_ALL_LIVE = (
    select(updates.c.state, func.count())
    .where(updates.c.standing, updates.c.state.in_(sorted(_LIVE)))
    .group_by(updates.c.state)
)
_ALL_LETTERS = select(func.count()).select_from(updates).where(text(LETTER))

#: the order of decisions on one ticket
_TIMES = (audit.c.at, audit.c.id)


def _decided(ticket_id: str) -> Select[Any]:
    return select(audit.c.at, audit.c.detail, audit.c.inputs_sealed).where(
        audit.c.ticket_id == ticket_id, audit.c.action == "decided"
    )


class SqlView:
    """Read-only queries for people."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._rows = UpdateRows(sealer)

    def tickets(
        self,
        *,
        limit: int = 50,
        text: str = "",
        category: str = "",
        connection: str = "",
        in_stage_before: datetime | None = None,
        routed: str = "",
    ) -> Sequence[TicketLine]:
        """Return the tickets that changed last; `text` is sought in titles, ids and remote ids.

        With `in_stage_before` those that have been in their stage since before then, the longest first; with `routed`
        those of which the router said so last.
        """
        order = [tickets.c.updated_at.desc(), tickets.c.id.desc()]
        statement = select(tickets).order_by(*order).limit(limit)
        if in_stage_before is not None:
            over = tickets.c.stage_since < in_stage_before
            statement = select(tickets).where(over).order_by(tickets.c.stage_since, *order).limit(limit)
        if category:
            statement = statement.where(tickets.c.category == category)
        if routed:
            # written out, so that the index of that outcome is found
            said = ways.c.outcome == bindparam("routed", routed, literal_execute=True)
            statement = statement.where(tickets.c.id.in_(select(ways.c.ticket_id).where(said)))
        if connection:
            linked = select(links.c.ticket_id).where(links.c.connection == connection)
            statement = statement.where(tickets.c.id.in_(linked))
        if text:
            remote = select(links.c.ticket_id).where(or_(links.c.remote_id == text, links.c.key == text))
            statement = statement.where(
                or_(
                    tickets.c.title.icontains(text, autoescape=True),
                    tickets.c.id.startswith(text, autoescape=True),
                    tickets.c.id.in_(remote),
                )
            )
        rows = self._connection.execute(statement).mappings().all()
        found = self._links_of([row["id"] for row in rows])
        return [
            TicketLine(
                id=row["id"],
                title=heading(row["title"], row["redacted_at"]),
                source=row["source"],
                category=row["category"],
                priority=row["priority"],
                kind=row["kind"],
                language=row["doc"].get("language", "und"),
                created_at=row["created_at"],
                updated_at=row["updated_at"],
                links=found.get(row["id"], {}),
            )
            for row in rows
        ]

    def _links_of(self, ticket_ids: Sequence[str]) -> Mapping[str, dict[str, tuple[str, str, str]]]:
        found: dict[str, dict[str, tuple[str, str, str]]] = {}
        if not ticket_ids:
            return found
        rows = self._connection.execute(
            select(links.c.ticket_id, links.c.connection, links.c.remote_id, links.c.state, links.c.url)
            .where(links.c.ticket_id.in_(list(ticket_ids)))
            # of several at one desk the one that goes on is named
            .order_by(links.c.merged_into.is_(None))
        )
        for row in rows:
            found.setdefault(row.ticket_id, {})[row.connection] = (row.remote_id or "", row.state, row.url)
        return found

    def find_ticket(self, word: str) -> str | None:
        """Return the id of the one ticket that `word` names; None when it names none, or several.

        A number or key at a desk comes first, also behind the name of the connection and a colon, or as lists show it
        (`acme-zendesk #35`); a beginning or an end of our own id has six characters at least.
        """
        named = [links.c.remote_id == word, links.c.key == word]
        for sign in ":#":
            connection, _, number = (part.strip() for part in word.partition(sign))
            if not (connection and number):
                continue
            there = or_(links.c.remote_id == number, links.c.key == number)
            named.append(and_(links.c.connection == connection, there))
        at_a_desk = select(links.c.ticket_id).where(or_(*named))
        ours = tickets.c.id == word
        if len(word) >= _SHORTEST:
            ours = or_(
                ours, tickets.c.id.startswith(word, autoescape=True), tickets.c.id.endswith(word, autoescape=True)
            )
        for statement in (at_a_desk, select(tickets.c.id).where(ours)):
            found = set(self._connection.execute(statement.limit(20)).scalars())
            if found:
                return str(found.pop()) if len(found) == 1 else None
        return None

    def updates(
        self, *, ticket_id: str = "", states: Sequence[str] = (), connection: str = "", limit: int = 100
    ) -> Sequence[UpdateLine]:
        """Return updates, the newest first."""
        statement = select(updates).limit(limit)
        few = bool(ticket_id) or (bool(states) and _LIVE.issuperset(states))
        if few:
            statement = statement.order_by(updates.c.created_at.desc(), updates.c.seq.desc())
        else:
            # ids grow with time, exactly enough for a list: the key has this order, and nothing needs to be sorted
            statement = statement.order_by(updates.c.id.desc())
        if connection:
            statement = statement.where(updates.c.connection == connection)
        if states and _LIVE.issuperset(states):
            # says nothing new of these, but lets the index of the standing ones answer
            statement = statement.where(updates.c.standing)
        if ticket_id:
            statement = statement.where(updates.c.ticket_id == ticket_id)
        if states:
            statement = statement.where(updates.c.state.in_(list(states)))
        return [self._update_line(row) for row in self._connection.execute(statement).mappings()]

    def _update_line(self, row: Any) -> UpdateLine:
        return UpdateLine(
            id=row["id"],
            ticket_id=row["ticket_id"],
            connection=row["connection"],
            operation=row["operation"],
            state=row["state"],
            summary=row["summary"],
            attempts=row["attempts"],
            created_at=row["created_at"],
            done_at=row["done_at"],
            not_before=row["not_before"],
            detail=self._rows.open_detail(row["detail_sealed"]),
            reason=row["reason"] or "",
            seq=row["seq"],
            link_id=row["link_id"],
            rule=row["rule"],
            effect_key=row["effect_key"],
            trace_id=row["trace_id"],
        )

    def attempts(self, update_id: str) -> Sequence[AttemptLine]:
        """Return the attempts at an update, oldest first."""
        return tried(self._connection, self._sealer, [update_id])[update_id]

    def dead_letters(
        self, *, limit: int = 100, connection: str = "", reason: str = "", ticket_id: str = ""
    ) -> Sequence[DeadLetter]:
        """Return what was given up, oldest first: dead and ambiguous updates, parked deliveries."""
        chosen = Filter(connection=connection, reason=reason, ticket_id=ticket_id)
        return SqlLetters(self._connection, self._sealer).page(chosen, limit=limit)

    def counts(self) -> dict[str, int]:
        """Return the numbers of the page: deliveries and updates by state, tickets."""
        found = {"tickets": self._count(_ALL_TICKETS)}
        for kind, statement in _ENDED.items():
            found |= {f"{kind}_{state}": number for state, number in self._connection.execute(statement)}
        pending = self._count(_ALL_PENDING)
        found |= {"deliveries_pending": pending} if pending else {}
        found |= {f"updates_{state}": number for state, number in self._connection.execute(_ALL_LIVE)}
        letters = self._count(_ALL_LETTERS)
        found["dead_letters"] = found.get("deliveries_parked", 0) + letters
        return found

    def _count(self, statement: Any) -> int:
        return int(self._connection.execute(statement).scalar_one())

    def journeys(self, ticket_ids: Sequence[str], *, limit: int = 30) -> Sequence[Journey]:
        """Return the last events of some tickets with the updates that they led to."""
        return Journeys(self._connection).latest(ticket_ids, limit)

    def recent_events(self, *, limit: int = 30, ticket_id: str = "") -> Sequence[Mapping[str, Any]]:
        """Return the last recorded events with their times: at the desk, received, applied."""
        statement = (
            select(
                events.c.connection,
                events.c.kind,
                events.c.event_key,
                events.c.ticket_id,
                events.c.at,
                events.c.recorded_at,
                events.c.outcome,
                events.c.delivery_id,
                deliveries.c.received_at,
                deliveries.c.origin,
                deliveries.c.trace_id,
            )
            .join(deliveries, deliveries.c.id == events.c.delivery_id, isouter=True)
            .order_by(events.c.recorded_at.desc())
            .limit(limit)
        )
        if ticket_id:
            statement = statement.where(events.c.ticket_id == ticket_id)
        return [dict(row) for row in self._connection.execute(statement).mappings()]

    def audit(self, *, ticket_id: str = "", limit: int = 100) -> Sequence[Mapping[str, Any]]:
        """Return the last lines of the audit trail."""
        statement = (
            select(audit.c.at, audit.c.actor, audit.c.action, audit.c.detail, audit.c.ticket_id, audit.c.trace_id)
            .order_by(*((audit.c.at.desc(), audit.c.id.desc()) if ticket_id else (audit.c.id.desc(),)))
            .limit(limit)
        )
        if ticket_id:
            statement = statement.where(audit.c.ticket_id == ticket_id)
        return [dict(row) for row in self._connection.execute(statement).mappings()]

    def waiting(self) -> Mapping[str, int]:
        """Return how many updates are still to be written, by connection."""
        statement = (
            select(updates.c.connection, func.count())
            .where(updates.c.standing, updates.c.state.in_(_LIVE))
            .group_by(updates.c.connection)
        )
        return {name: int(number) for name, number in self._connection.execute(statement)}

    def decisions(self, ticket_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the decisions on a ticket, oldest first: at, detail, and `inputs` (the stored bytes) where known."""
        return [self._decision(row) for row in self._connection.execute(_decided(ticket_id).order_by(*_TIMES))]

    def last_decision(self, ticket_id: str) -> Mapping[str, Any] | None:
        """Return the last of them; None without one."""
        newest = _decided(ticket_id).order_by(*(column.desc() for column in _TIMES)).limit(1)
        row = self._connection.execute(newest).one_or_none()
        return self._decision(row) if row is not None else None

    def _decision(self, row: Any) -> Mapping[str, Any]:
        inputs = self._sealer.open(INPUTS, row.inputs_sealed) if row.inputs_sealed else b""
        return {"at": row.at, "detail": row.detail or {}, "inputs": inputs}

    def routed(self, ticket_id: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return the last answers of routing about a ticket, oldest first: at, detail."""
        statement = (
            select(audit.c.at, audit.c.detail)
            .where(audit.c.ticket_id == ticket_id, audit.c.action == "routed")
            .order_by(audit.c.at.desc(), audit.c.id.desc())
            .limit(limit)
        )
        return [dict(row) for row in self._connection.execute(statement).mappings()][::-1]

    def release_number(self) -> int:
        """Return the number of the active release, 0 without one."""
        statement = select(releases.c.number).where(releases.c.active)
        return int(self._connection.execute(statement).scalar_one_or_none() or 0)
