"""Dead letters as lists read them: in pages by their age, in groups by their cause, in constant memory.

Two queries, one a table, each along the partial index of what was given up, put together here: a union in SQL would be
sorted whole by one of the two databases.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, literal, or_, select, text, true

from dead_letters.cause import cause_of
from dead_letters.filters import Filter
from dead_letters.model import WITHOUT_EFFECT, DeadLetter, Group, Share
from gateway.domain.update import Operation
from gateway.store.rows import DETAIL
from gateway.store.sealing import Sealer
from gateway.store.tables import LETTER, PARKED, attempts, deliveries, links, updates

GIVEN_UP = ("dead", "ambiguous", "doubled")
PAGE = 500
#: causes in which a word is sought
MOST_CAUSES = 2000

#: the lines of a table, its time, its key, which of its rows are meant
Side = tuple[Any, Any, Any, list[Any]]

_UPDATE_LINE = select(
    updates.c.id,
    literal("update").label("what"),
    updates.c.connection,
    func.coalesce(updates.c.reason, "").label("reason"),
    updates.c.detail_sealed.label("detail"),
    updates.c.summary,
    updates.c.ticket_id,
    updates.c.created_at.label("at"),
    updates.c.attempts,
    updates.c.state,
    updates.c.operation,
    updates.c.trace_id,
    func.coalesce(updates.c.error_class, "").label("error_class"),
    updates.c.rule,
    updates.c.done_at.label("given_up_at"),
    updates.c.standing.label("holds"),
)
_DELIVERY_LINE = select(
    deliveries.c.id,
    literal("delivery").label("what"),
    deliveries.c.connection,
    func.coalesce(deliveries.c.reason, "").label("reason"),
    deliveries.c.detail_sealed.label("detail"),
    (literal("delivery ") + deliveries.c.source_event_id).label("summary"),
    literal("").label("ticket_id"),
    deliveries.c.received_at.label("at"),
    deliveries.c.tries.label("attempts"),
    deliveries.c.state,
    deliveries.c.origin.label("operation"),
    deliveries.c.trace_id,
    func.coalesce(deliveries.c.error_class, "").label("error_class"),
    literal("").label("rule"),
    deliveries.c.applied_at.label("given_up_at"),
    literal(value=False).label("holds"),
)

Place = tuple[datetime, str]


class SqlLetters:
    """Implements dead_letters.Letters."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def page(self, chosen: Filter, *, limit: int = PAGE, after: Place | None = None) -> Sequence[DeadLetter]:
        """Return the next dead letters, the oldest first."""
        found: list[list[DeadLetter]] = []
        for statement, at, key, conditions in self._sides(chosen):
            asked = statement.where(*conditions).order_by(at, key).limit(limit)
            if after is not None:
                asked = asked.where(at >= after[0], or_(at > after[0], key > after[1]))
            found.append([self._line(row) for row in self._connection.execute(asked).mappings()])
        return list(heapq.merge(*found, key=lambda line: (line.at, line.id)))[:limit]

    def pages(self, chosen: Filter, size: int = PAGE) -> Iterator[Sequence[DeadLetter]]:
        """Return all of them, a page at a time."""
        after: Place | None = None
        while page := self.page(chosen, limit=size, after=after):
            yield page
            after = (page[-1].at, page[-1].id)

    def count(self, chosen: Filter) -> int:
        """Return how many there are."""
        total = 0
        for _, _, key, conditions in self._sides(chosen):
            total += int(self._connection.execute(select(func.count(key)).where(*conditions)).scalar_one())
        return total

    def groups(self, chosen: Filter, *, limit: int) -> Sequence[Group]:
        """Return what they have in common, the most frequent cause first."""
        return self._groups(self._sides(chosen), limit)

    def _groups(self, sides: Iterable[Side], limit: int) -> list[Group]:
        found: list[Group] = []
        for _, at, key, conditions in sides:
            table = key.table
            parts = (table.c.connection, *(func.coalesce(table.c[name], "").label(name) for name in _GROUPED))
            number = func.count(key).label("number")
            told = (func.min(at).label("oldest"), func.max(at).label("newest"), func.min(key).label("example"))
            asked = (
                select(*parts, number, *told)
                .where(*conditions)
                .group_by(table.c.connection, *(table.c[name] for name in _GROUPED))
                .order_by(number.desc())
                .limit(limit)
            )
            rows = self._connection.execute(asked).mappings().all()
            details = self._details(table, [row["example"] for row in rows])
            what = "update" if table is updates else "delivery"
            for row in rows:
                detail = details.get(row["example"], "")
                cause = cause_of(detail, row["reason"])
                found.append(Group(what=what, cause=cause, detail=detail, **row))
        return sorted(found, key=lambda group: (-group.number, group.connection, group.cause))[:limit]

    def _details(self, table: Table, ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for first in range(0, len(ids), PAGE):
            some = table.c.id.in_(ids[first : first + PAGE])
            rows = self._connection.execute(select(table.c.id, table.c.detail_sealed).where(some))
            found |= {row.id: self._sealer.open_text(DETAIL, row.detail_sealed) for row in rows}
        return found

    def _line(self, row: Any) -> DeadLetter:
        detail = self._sealer.open_text(DETAIL, row["detail"])
        return DeadLetter(**{**row, "detail": detail, "cause": cause_of(detail, row["reason"] or row["state"])})

    def shares(self, chosen: Filter, keys_until: Mapping[tuple[str, str], datetime]) -> Sequence[Share]:
        """Return how many can be replayed in which way.

        `keys_until` says per connection and operation since when a desk still remembers an idempotency key, where
        nothing else can tell what became of an attempt.
        """
        found: list[Share] = []
        for _, _, key, conditions in self._sides(chosen):
            if key.table is deliveries:
                rows = self._connection.execute(
                    select(deliveries.c.connection, func.count(key).label("number"), func.min(key).label("example"))
                    .where(*conditions)
                    .group_by(deliveries.c.connection)
                ).mappings()
                found += [Share(what="delivery", **row) for row in rows]
                continue
            maybe = case((or_(updates.c.state == "ambiguous", _MAYBE), 1), else_=0).label("maybe")
            remembered = case(
                *(
                    (
                        and_(updates.c.connection == name, updates.c.operation == operation),
                        case((updates.c.first_sent_at > since, 1), else_=0),
                    )
                    for (name, operation), since in keys_until.items()
                ),
                (true(), 1),
                else_=1,
            ).label("remembered")
            made = case((_MADE, 1), else_=0).label("made")
            lacking = case((updates.c.reason == "unmapped", updates.c.cause_key), else_="").label("lacking")
            parts = (updates.c.connection, updates.c.operation, updates.c.state, maybe, remembered, made, lacking)
            rows = self._connection.execute(
                select(*parts, func.count(key).label("number"), func.min(key).label("example"))
                .where(*conditions)
                .group_by(*parts)
            ).mappings()
            found += [Share(what="update", **row) for row in rows]
        return found

    # ------------------------------------------------------------ inside

    def _sides(self, chosen: Filter) -> Iterator[Side]:
        """Return for each table that can hold such letters: its lines, its time, its key, the conditions.

        The words of reasons are encrypted, so what is sought in them is sought in the causes that there are.
        """
        for side in _plain_sides(msgspec.structs.replace(chosen, cause="", text="")):
            lines, at, key, conditions = side
            if not chosen.cause and not chosen.text:
                yield side
                continue
            causes = {group.cause_key: group.cause for group in self._groups([side], MOST_CAUSES)}
            if chosen.cause:
                begun = [name for name, cause in causes.items() if cause.startswith(chosen.cause)]
                conditions.append(key.table.c.cause_key.in_(begun))
            if chosen.text:
                said = updates.c.summary if key.table is updates else deliveries.c.source_event_id
                word = chosen.text.casefold()
                named = [name for name, cause in causes.items() if word in cause.casefold()]
                conditions.append(or_(said.icontains(chosen.text, autoescape=True), key.table.c.cause_key.in_(named)))
            yield lines, at, key, conditions


def _plain_sides(chosen: Filter) -> Iterator[Side]:
    if chosen.what != "delivery" and chosen.state != "parked":
        yield _UPDATE_LINE, updates.c.created_at, updates.c.id, [text(LETTER), *_of_updates(chosen)]
    if chosen.what != "update" and chosen.state in {"", "parked"} and not chosen.rule:
        yield _DELIVERY_LINE, deliveries.c.received_at, deliveries.c.id, [text(PARKED), *_of_deliveries(chosen)]


_GROUPED = ("reason", "error_class", "cause_key")
_MAYBE = (
    select(attempts.c.id)
    .where(
        attempts.c.update_id == updates.c.id,
        or_(attempts.c.outcome.is_(None), attempts.c.outcome.not_in(sorted(WITHOUT_EFFECT))),
    )
    .exists()
)

_MADE = and_(
    updates.c.operation == Operation.CREATE.value,
    updates.c.steps.is_(None),
    select(links.c.id).where(links.c.id == updates.c.link_id, links.c.remote_id.is_not(None)).exists(),
)


def _of_updates(chosen: Filter) -> Iterator[ColumnElement[bool]]:
    yield from _of_both(chosen, updates, updates.c.created_at, updates.c.done_at)
    if chosen.ticket_id:
        yield updates.c.ticket_id == chosen.ticket_id
    if chosen.rule:
        yield updates.c.rule == chosen.rule
    if chosen.state:
        yield updates.c.state == chosen.state
    if chosen.no_ambiguous:
        yield updates.c.state != "ambiguous"
    if chosen.no_doubled:
        yield updates.c.state != "doubled"


def _of_deliveries(chosen: Filter) -> Iterator[ColumnElement[bool]]:
    at, given_up = deliveries.c.received_at, deliveries.c.applied_at
    yield from _of_both(chosen, deliveries, at, given_up)
    if chosen.ticket_id:
        mine = select(links.c.id).where(
            links.c.ticket_id == chosen.ticket_id,
            links.c.connection == deliveries.c.connection,
            links.c.remote_id == deliveries.c.ref,
        )
        yield mine.exists()


def _of_both(chosen: Filter, table: Any, at: Any, given_up: Any) -> Iterator[ColumnElement[bool]]:
    for name in ("connection", "reason", "error_class", "cause_key"):
        if word := getattr(chosen, name):
            yield table.c[name] == word
    if chosen.before is not None:
        yield at < chosen.before
    if chosen.after is not None:
        yield at >= chosen.after
    if chosen.given_up_since is not None:
        yield given_up > chosen.given_up_since
