"""Lanes in SQL: the lease of each, and when its head falls due.

`next_due` is derived from the head and written in the transaction that changed it; NULL means that nothing can be done
(empty, or the head waits for a person). A lane is claimable when it is due and no live lease is on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Integer,
    Select,
    bindparam,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)

from gateway.domain.update import UpdateState
from gateway.ports import LaneClaim
from gateway.store.leasing import LeaseClock
from gateway.store.tables import lanes, updates

_SET_LANE = (
    update(lanes)
    .where(lanes.c.link_id == bindparam("the_link"))
    .values(next_due=bindparam("the_due"), hold_until=bindparam("the_hold"))
)

_NEXT_SEQ = (
    update(lanes)
    .where(lanes.c.link_id == bindparam("the_link"))
    .values(next_seq=lanes.c.next_seq + 1)
    .returning(lanes.c.next_seq)
)
_THE_LINKS = lanes.c.link_id.in_(bindparam("the_links", expanding=True))
_FIRST = updates.alias("first")
_LOWEST = select(_FIRST.c.seq).where(_FIRST.c.standing, _FIRST.c.link_id == lanes.c.link_id).order_by(_FIRST.c.seq)
#: one step into the index for each lane: a minimum by groups would read every update that stands in it
_HEADS = (
    select(updates)
    .join(lanes, lanes.c.link_id == updates.c.link_id)
    .where(updates.c.standing, updates.c.seq == _LOWEST.limit(1).correlate(lanes).scalar_subquery(), _THE_LINKS)
)
_STANDING = select(updates).where(updates.c.standing, updates.c.link_id == lanes.c.link_id).order_by(updates.c.seq)
_HEAD = _STANDING.limit(1).correlate(lanes).lateral("head")
#: PostgreSQL would join the whole lane to its lowest; SQLite knows no other way than the one above
_PG_HEADS = select(_HEAD).select_from(lanes).join(_HEAD, true()).where(_THE_LINKS)
_HOLDS = select(lanes.c.link_id, lanes.c.hold_until).where(lanes.c.link_id.in_(bindparam("the_links", expanding=True)))
_LOCKED_HOLDS = _HOLDS.order_by(lanes.c.link_id).with_for_update()
_EPOCHS = select(lanes.c.link_id, lanes.c.epoch, lanes.c.lease_until).where(_THE_LINKS).order_by(lanes.c.link_id)
_LOCKED_EPOCHS = _EPOCHS.with_for_update()
_PROLONG = update(lanes).where(_THE_LINKS).values(lease_until=bindparam("the_end"))
_RELEASE = (
    update(lanes)
    # the ids by themselves let the key answer; of the pairs SQLite would look at every lane
    .where(_THE_LINKS, tuple_(lanes.c.link_id, lanes.c.epoch).in_(bindparam("the_pairs", expanding=True)))
    .values(lease_until=None, lease_holder=None)
)
_IS_FREE = or_(
    lanes.c.lease_until.is_(None),
    lanes.c.lease_until < bindparam("the_lease_now"),
    lanes.c.lease_boot != bindparam("the_boot"),
)
_IS_DUE = lanes.c.next_due <= bindparam("the_now", type_=lanes.c.next_due.type)
_TAKE = (
    update(lanes)
    .where(_THE_LINKS, _IS_FREE)
    .values(
        epoch=lanes.c.epoch + 1,
        lease_until=bindparam("the_end"),
        lease_boot=bindparam("the_boot"),
        lease_holder=bindparam("the_holder"),
    )
    .returning(lanes.c.link_id, lanes.c.connection, lanes.c.epoch)
)
_HAS_DUE = (
    select(lanes.c.link_id)
    .where(_IS_DUE, _IS_FREE, lanes.c.connection.in_(bindparam("the_connections", expanding=True)))
    .limit(1)
)


def _due_at(number: int) -> Select[Any]:
    """Return how to ask for the due lanes of the connection that is called by this number."""
    return (
        select(lanes.c.link_id, lanes.c.connection)
        .where(lanes.c.connection == bindparam(f"the_connection_{number}"), _IS_DUE, _IS_FREE)
        .order_by(lanes.c.next_due)
        .limit(bindparam(f"the_most_{number}", type_=Integer()))
    )


@cache
def _due_at_each(connections: int) -> CompoundSelect[Any]:
    return union_all(*(select(_due_at(number).subquery()) for number in range(connections)))


_LOCKED_DUE = _due_at(0).with_for_update(skip_locked=True)


class Lanes:
    """Claims, fences and schedules lanes."""

    def __init__(self, connection: Connection, clock: LeaseClock) -> None:
        self._connection = connection
        self._clock = clock
        #: lane -> (id, reason) of the dead letter at its head, as of the last time that it was looked at here
        self.blocked: dict[str, tuple[str, str]] = {}
        self._is_postgres = connection.dialect.name == "postgresql"

    def claim(
        self,
        *,
        holder: str,
        limit: int,
        lease: float,
        now: datetime,
        budgets: Mapping[str, int],
        busy: Mapping[str, int],
    ) -> list[LaneClaim]:
        """Claim due lanes within the budget of each connection, every connection its share, the longest due first."""
        open_to = {name: min(budget, limit) for name, budget in budgets.items() if budget > 0 and limit > 0}
        if not open_to:
            return []
        lease_now = self._clock.now(self._connection)
        waiting = self._waiting(open_to, now, lease_now)
        chosen: list[str] = []
        for name, share in shares({each: len(found) for each, found in waiting.items()}, busy, limit).items():
            chosen += self._locked(name, share, now, lease_now) if self._is_postgres else waiting[name][:share]
        if not chosen:
            return []
        taken = self._connection.execute(
            _TAKE,
            {
                "the_links": chosen, "the_lease_now": lease_now, "the_boot": self._clock.boot,
                "the_end": lease_now + lease, "the_holder": holder,
            },
        )  # fmt: skip
        return [LaneClaim(row.link_id, row.connection, row.epoch) for row in taken]

    def _waiting(self, open_to: Mapping[str, int], now: datetime, lease_now: float) -> dict[str, list[str]]:
        """Return the due lanes of each connection, the longest due first, no more of each than it may have."""
        given = {"the_now": now, "the_lease_now": lease_now, "the_boot": self._clock.boot}
        for number, (name, most) in enumerate(sorted(open_to.items())):
            given |= {f"the_connection_{number}": name, f"the_most_{number}": most}
        found: dict[str, list[str]] = {}
        for row in self._connection.execute(_due_at_each(len(open_to)), given):
            found.setdefault(row.connection, []).append(row.link_id)
        return found

    def _locked(self, name: str, number: int, now: datetime, lease_now: float) -> Sequence[str]:
        """Lock due lanes of one connection that no other worker is just taking: never more than will be taken."""
        given = {
            "the_now": now, "the_lease_now": lease_now, "the_boot": self._clock.boot,
            "the_connection_0": name, "the_most_0": number,
        }  # fmt: skip
        return self._connection.execute(_LOCKED_DUE, given).scalars().all()

    def held(self, epochs: Mapping[str, int], *, live: bool) -> frozenset[str]:
        """Lock lanes in ascending order; return those whose epoch is still ours (and, if `live`, whose lease runs)."""
        if not epochs:
            return frozenset()
        asked = _LOCKED_EPOCHS if self._is_postgres else _EPOCHS
        rows = self._connection.execute(asked, {"the_links": list(epochs)}).all()
        lease_now = self._clock.now(self._connection) if live else 0.0
        return frozenset(
            row.link_id
            for row in rows
            if row.epoch == epochs[row.link_id] and (not live or (row.lease_until or 0.0) > lease_now)
        )

    def prolong(self, link_ids: Collection[str], lease: float) -> None:
        """Let the lease of lanes that we hold run on."""
        if link_ids:
            until = self._clock.now(self._connection) + lease
            self._connection.execute(_PROLONG, {"the_links": list(link_ids), "the_end": until})

    def release(self, claims: Sequence[LaneClaim]) -> None:
        """Give lanes back, each only if its epoch is still ours."""
        if claims:
            pairs = [(claim.link_id, claim.epoch) for claim in claims]
            self._connection.execute(_RELEASE, {"the_links": [link_id for link_id, _ in pairs], "the_pairs": pairs})

    def next_seq(self, link_id: str) -> int:
        """Return the next place in a lane and take it."""
        return int(self._connection.execute(_NEXT_SEQ, {"the_link": link_id}).scalar_one()) - 1

    def heads(self, link_ids: Collection[str]) -> dict[str, Any]:
        """Return the row of the lowest standing update of each lane."""
        if not link_ids:
            return {}
        asked = _PG_HEADS if self._is_postgres else _HEADS
        rows = self._connection.execute(asked, {"the_links": list(link_ids)}).mappings()
        return {row["link_id"]: row for row in rows}

    def schedule(self, link_ids: Collection[str], now: datetime, holds: Mapping[str, datetime] | None = None) -> None:
        """Derive `next_due` of lanes from their heads; `holds` moves the hold of some lanes forward."""
        if not link_ids:
            return
        # locked before the heads are read: what another is just recording must not be written over by what was before
        asked = _LOCKED_HOLDS if self._is_postgres else _HOLDS
        stored = {row.link_id: row.hold_until for row in self._connection.execute(asked, {"the_links": list(link_ids)})}
        heads = self.heads(link_ids)
        parameters = []
        for link_id in sorted(link_ids):
            hold = _latest(stored.get(link_id), (holds or {}).get(link_id))
            if hold is not None and hold <= now:
                hold = None
            self._note(link_id, heads.get(link_id))
            parameters.append({"the_link": link_id, "the_due": _due(heads.get(link_id), hold, now), "the_hold": hold})
        self._connection.execute(_SET_LANE, parameters)

    def look(self, link_id: str) -> None:
        """Note whether a dead letter stands at the head of a lane."""
        self._note(link_id, self.heads([link_id]).get(link_id))

    def _note(self, link_id: str, head: Any | None) -> None:
        self.blocked.pop(link_id, None)
        if head is not None and head["state"] in {UpdateState.DEAD.value, UpdateState.AMBIGUOUS.value}:
            self.blocked[link_id] = (str(head["id"]), str(head["reason"] or head["state"]))

    def has_due(self, now: datetime, connections: Collection[str]) -> bool:
        """Say whether any lane of these connections has a due head and no live lease."""
        given = {
            "the_now": now, "the_lease_now": self._clock.now(self._connection), "the_boot": self._clock.boot,
            "the_connections": list(connections),
        }  # fmt: skip
        return self._connection.execute(_HAS_DUE, given).first() is not None

    def next_due(self) -> datetime | None:
        """Return the time at which the next lane falls due, or None."""
        found: datetime | None = self._connection.execute(
            select(lanes.c.next_due).where(lanes.c.next_due.is_not(None)).order_by(lanes.c.next_due).limit(1)
        ).scalar_one_or_none()
        return found


def shares(waiting: Mapping[str, int], busy: Mapping[str, int], limit: int) -> dict[str, int]:
    """Share `limit` lanes among the connections that wait: each next one goes to whom the fewest are worked on.

    So the backlog of one connection never holds up another, and what the others do not need is not left idle.
    """
    line = [(busy.get(name, 0), name) for name, number in waiting.items() if number]
    heapq.heapify(line)
    given: dict[str, int] = {}
    while line and sum(given.values()) < limit:
        held, name = heapq.heappop(line)
        given[name] = given.get(name, 0) + 1
        if given[name] < waiting[name]:
            heapq.heappush(line, (held + 1, name))
    return given


def _latest(*moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def _due(head: Any | None, hold: datetime | None, now: datetime) -> datetime | None:
    """Return when the head can be worked on, or None when it cannot."""
    if head is None:
        return None
    state = UpdateState(head["state"])
    if state in {UpdateState.AMBIGUOUS, UpdateState.DEAD}:
        return None
    if state is UpdateState.SENDING:
        return now
    if state is UpdateState.UNKNOWN:
        return _latest(head["not_before"], now)
    return _latest(head["not_before"], hold, now)
