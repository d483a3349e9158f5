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
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, literal, or_, select, text, true

from dead_letters.cause import cause_of
from dead_letters.filters import Filter
from dead_letters.model import WITHOUT_EFFECT, DeadLetter, Group, Share
from gateway.domain.update import Operation
from gateway.store.contents import AttemptLine, Content, contents, tried
from gateway.store.rows import DETAIL
from gateway.store.sealing import Sealer
from gateway.store.tables import LETTER, PARKED, attempts, deliveries, links, updates

GIVEN_UP = ("dead", "ambiguous", "doubled")
LIVE = ("ready", "sending", "unknown")
#: why an update waits that nobody will write
WAITS = "it waits for a connection that gateway.yaml names no more"
PAGE = 500
#: causes in which a word is sought
MOST_CAUSES = 2000


class Side(msgspec.Struct, frozen=True):
    """One part of the list: the lines of a table, its time, its key, which of its rows are meant."""

    lines: Select[Any]
    at: Any
    key: Any
    conditions: list[Any]
    #: updates that were not given up, and wait for a connection that is gone
    waits: bool = False

    @property
    def table(self) -> Table:
        """The table."""
        found: Table = self.key.table
        return found


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
#: of what was not given up, the columns that say so
_WAITING = {"state": literal("waiting").label("state"), "reason": literal("removed").label("reason")}
_WAITING_LINE = select(*(_WAITING.get(str(each.key), each) for each in _UPDATE_LINE.selected_columns))
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
        for side in self._sides(chosen):
            asked = side.lines.where(*side.conditions).order_by(side.at, side.key).limit(limit)
            if after is not None:
                asked = asked.where(side.at >= after[0], or_(side.at > after[0], side.key > after[1]))
            rows = self._connection.execute(asked).mappings()
            found.append([self._line(row, chosen, waits=side.waits) for row in rows])
        return list(heapq.merge(*found, key=lambda line: (line.at, line.id)))[:limit]

    def pages(self, chosen: Filter, size: int = PAGE) -> Iterator[Sequence[DeadLetter]]:
        """Return all of them, a page at a time."""
        after: Place | None = None
        while page := self.page(chosen, limit=size, after=after):
            yield page
            after = (page[-1].at, page[-1].id)

    def contents(self, lines: Sequence[DeadLetter]) -> Mapping[str, Content]:
        """Return what is behind the lines of a page, by their ids."""
        return contents(self._connection, self._sealer, lines)

    def tried(self, lines: Sequence[DeadLetter]) -> Mapping[str, Sequence[AttemptLine]]:
        """Return the attempts at the updates of a page, by their ids."""
        return tried(self._connection, self._sealer, [each.id for each in lines if each.what == "update"])

    def count(self, chosen: Filter) -> int:
        """Return how many there are."""
        return sum(
            int(self._connection.execute(select(func.count(side.key)).where(*side.conditions)).scalar_one())
            for side in self._sides(chosen)
        )

    def groups(self, chosen: Filter, *, limit: int) -> Sequence[Group]:
        """Return what they have in common, the most frequent cause first."""
        return self._groups(self._sides(chosen), limit, chosen)

    def _groups(self, sides: Iterable[Side], limit: int, chosen: Filter) -> list[Group]:
        found: list[Group] = []
        for side in sides:
            table = side.table
            grouped = () if side.waits else _GROUPED
            parts = (table.c.connection, *(func.coalesce(table.c[name], "").label(name) for name in grouped))
            number = func.count(side.key).label("number")
            oldest, newest = func.min(side.at).label("oldest"), func.max(side.at).label("newest")
            asked = (
                select(*parts, number, oldest, newest, func.min(side.key).label("example"))
                .where(*side.conditions)
                .group_by(table.c.connection, *(table.c[name] for name in grouped))
                .order_by(number.desc())
                .limit(limit)
            )
            rows = self._connection.execute(asked).mappings().all()
            details = {} if side.waits else self._details(table, [row["example"] for row in rows])
            for row in rows:
                about = {"what": "update" if table is updates else "delivery", "removed": _gone(row, chosen), **row}
                if side.waits:
                    found.append(Group(reason="removed", error_class="", cause=WAITS, **about))
                    continue
                detail = details.get(row["example"], "")
                found.append(Group(cause=cause_of(detail, row["reason"]), detail=detail, **about))
        return sorted(found, key=lambda group: (-group.number, group.connection, group.cause))[:limit]

    def _details(self, table: Table, ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for first in range(0, len(ids), PAGE):
            some = table.c.id.in_(ids[first : first + PAGE])
            rows = self._connection.execute(select(table.c.id, table.c.detail_sealed).where(some))
            found |= {row.id: self._sealer.open_text(DETAIL, row.detail_sealed) for row in rows}
        return found

    def _line(self, row: Any, chosen: Filter, *, waits: bool) -> DeadLetter:
        detail = WAITS if waits else self._sealer.open_text(DETAIL, row["detail"])
        cause = WAITS if waits else cause_of(detail, row["reason"] or row["state"])
        return DeadLetter(**{**row, "detail": detail, "cause": cause, "removed": _gone(row, chosen)})

    def shares(self, chosen: Filter, keys_until: Mapping[tuple[str, str], datetime]) -> Sequence[Share]:
        """Return how many can be replayed in which way.

        `keys_until` says per connection and operation since when a desk still remembers an idempotency key, where
        nothing else can tell what became of an attempt.
        """
        found: list[Share] = []
        for side in self._sides(msgspec.structs.replace(chosen, named=None)):
            key, conditions = side.key, side.conditions
            if side.table is deliveries:
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
            if not chosen.cause and not chosen.text:
                yield side
                continue
            cause = side.table.c.cause_key
            causes = {group.cause_key: group.cause for group in self._groups([side], MOST_CAUSES, chosen)}
            if chosen.cause:
                begun = [name for name, words in causes.items() if words.startswith(chosen.cause)]
                # what waits has no cause of its own: its one group stands for all of it
                side.conditions.append(true() if side.waits and begun else cause.in_(begun))
            if chosen.text:
                said = deliveries.c.source_event_id if side.table is deliveries else updates.c.summary
                word = chosen.text.casefold()
                named = [name for name, words in causes.items() if word in words.casefold()]
                told = true() if side.waits and named else cause.in_(named)
                side.conditions.append(or_(said.icontains(chosen.text, autoescape=True), told))
            yield side


def _plain_sides(chosen: Filter) -> Iterator[Side]:
    if chosen.what != "delivery" and chosen.state not in {"parked", "waiting"}:
        yield Side(_UPDATE_LINE, updates.c.created_at, updates.c.id, [text(LETTER), *_of_updates(chosen)])
    if chosen.what != "update" and chosen.state in {"", "parked"} and not chosen.rule:
        yield Side(_DELIVERY_LINE, deliveries.c.received_at, deliveries.c.id, [text(PARKED), *_of_deliveries(chosen)])
    if chosen.named is not None and _may_wait(chosen):
        bare = msgspec.structs.replace(chosen, reason="", state="", no_ambiguous=False)
        asked = [*waiting(chosen.named), *_of_updates(bare)]
        yield Side(_WAITING_LINE, updates.c.created_at, updates.c.id, asked, waits=True)


def _may_wait(chosen: Filter) -> bool:
    """Say whether a filter can mean what was not given up."""
    return (
        chosen.what != "delivery"
        and chosen.state in {"", "waiting"}
        and chosen.reason in {"", "removed"}
        and not (chosen.error_class or chosen.cause_key or chosen.given_up_since)
    )


def waiting(named: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return what holds for an update that waits for a connection which is none of these."""
    return [updates.c.standing, updates.c.state.in_(LIVE), updates.c.connection.not_in(list(named))]


def _gone(row: Any, chosen: Filter) -> bool:
    return chosen.named is not None and row["connection"] not in chosen.named


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
