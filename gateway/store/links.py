"""Links in SQL: which ticket is which remote ticket, and what was last observed there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from gateway.domain.link import Link, LinkState, Observed, Role
from gateway.store.columns import by_first, in_pairs, in_pieces
from gateway.store.sealing import Sealer
from gateway.store.tables import echoes, effect_keys, lanes, links, tickets

_OBSERVED = "link"
#: what landed was planned no longer ago: the rest is not looked through
LONGEST_WRITE = timedelta(days=1)
_decode = msgspec.json.Decoder(dict[str, Observed])

_GET = select(links).where(links.c.id == bindparam("the_id"))
_OF_TICKET = select(links).where(links.c.ticket_id == bindparam("the_ticket"))
_MANY = select(links).where(links.c.id.in_(bindparam("the_ids", expanding=True)))
_ADD = insert(links)
_ADD_LANE = insert(lanes)
_SAVE = update(links).where(links.c.id == bindparam("the_id"))
_SYNCED = select(links.c.synced_version).where(links.c.id == bindparam("the_id"))
_SET_SYNCED = (
    update(links)
    .where(links.c.id == bindparam("the_id"), links.c.synced_version < bindparam("the_version"))
    .values(synced_version=bindparam("the_version"))
)


@cache
def _by_remote(connections: int) -> Select[Any]:
    return select(links).where(in_pairs(links.c.connection, links.c.remote_id, connections))


def _living(asked: Select[Any], connection: str, since: datetime | None) -> Select[Any]:
    asked = asked.where(links.c.connection == connection, links.c.state == LinkState.LIVE.value)
    if since is None:
        return asked
    return asked.join(tickets, tickets.c.id == links.c.ticket_id).where(tickets.c.updated_at >= since)


class SqlLinks:
    """Implements ports.Links."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def of_ticket(self, ticket_id: str) -> Sequence[Link]:
        """Return the links of a ticket, the source first."""
        rows = self._connection.execute(_OF_TICKET, {"the_ticket": ticket_id}).mappings()
        return sorted((self._link(row) for row in rows), key=lambda link: (link.role is not Role.SOURCE, link.id))

    def by_remote(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Link]:
        """Return the links of (connection, remote id) pairs."""
        found: dict[tuple[str, str], Link] = {}
        for some in in_pieces(pairs):
            connections, given = by_first(some)
            for row in self._connection.execute(_by_remote(connections), given).mappings():
                found[row["connection"], row["remote_id"]] = self._link(row)
        return found

    def newest_in_thread(self, connection: str, thread: str) -> Link | None:
        """Return the live link that was begun last by a conversation (its remote ids begin with `<thread>:`)."""
        # a range of the index on (connection, remote_id): `;` comes after `:`, in the order of their bytes
        remote_id = links.c.remote_id
        by_bytes = remote_id.collate("C") if self._connection.dialect.name == "postgresql" else remote_id
        row = (
            self._connection.execute(
                select(links)
                .where(links.c.connection == connection, by_bytes > f"{thread}:", by_bytes < f"{thread};")
                .where(links.c.state == LinkState.LIVE.value)
                .order_by(links.c.created_at.desc(), links.c.id.desc())
                .limit(1)
            )
            .mappings()
            .first()
        )
        return self._link(row) if row else None

    def by_effect_key(self, connection: str, effect_key: str) -> Link | None:
        """Return the link whose lane holds the update of that effect key."""
        row = (
            self._connection.execute(
                select(links)
                .join(effect_keys, effect_keys.c.link_id == links.c.id)
                .where(effect_keys.c.effect_key == effect_key, links.c.connection == connection)
            )
            .mappings()
            .first()
        )
        return self._link(row) if row else None

    def begun(
        self, connection: str, identities: Collection[str], since: datetime, until: datetime, limit: int
    ) -> Sequence[Link]:
        """Return live links of tickets that began at a connection then, asked by one of these identities."""
        asked = (
            select(links)
            .join(tickets, tickets.c.id == links.c.ticket_id)
            .where(tickets.c.asked_as.in_(list(identities)), tickets.c.created_at.between(since, until))
            .where(links.c.connection == connection, links.c.state == LinkState.LIVE.value)
            .where(links.c.role == Role.SOURCE.value)
            .order_by(links.c.id)
            .limit(limit)
        )
        return [self._link(row) for row in self._connection.execute(asked).mappings()]

    def get(self, link_id: str) -> Link | None:
        """Read one link."""
        row = self._connection.execute(_GET, {"the_id": link_id}).mappings().first()
        return self._link(row) if row else None

    def many(self, link_ids: Collection[str]) -> Mapping[str, Link]:
        """Read several links by id."""
        rows = self._connection.execute(_MANY, {"the_ids": list(link_ids)}).mappings()
        return {row["id"]: self._link(row) for row in rows}

    def add(self, link: Link, now: datetime) -> None:
        """Insert a link and its empty lane."""
        self._connection.execute(_ADD, {**self._values(link), "id": link.id, "synced_version": 0, "created_at": now})
        lane = {"link_id": link.id, "connection": link.connection, "epoch": 0, "next_seq": 1}
        self._connection.execute(_ADD_LANE, lane)

    def save(self, link: Link) -> None:
        """Store what was observed."""
        self._connection.execute(_SAVE, {"the_id": link.id, **self._values(link)})

    def written(self, connection: str, since: datetime, until: datetime) -> Sequence[str]:
        """Return the remote ids of live links where writes of ours landed then that no event has told of yet."""
        asked = (
            select(links.c.remote_id)
            .distinct()
            .join(echoes, echoes.c.link_id == links.c.id)
            .where(links.c.connection == connection, links.c.state == LinkState.LIVE.value)
            .where(echoes.c.sent_at >= since - LONGEST_WRITE, echoes.c.landed_at >= since, echoes.c.landed_at < until)
            .order_by(links.c.remote_id)
        )
        return self._connection.execute(asked).scalars().all()

    def count_at(self, connection: str, since: datetime | None) -> int:
        """Return how many live links a connection has, of tickets that changed since then."""
        asked = _living(select(func.count()).select_from(links), connection, since)
        return int(self._connection.execute(asked).scalar_one())

    def page_at(self, connection: str, after: str, since: datetime | None, limit: int) -> Sequence[Link]:
        """Return live links of a connection by id, those after one, of tickets that changed since then."""
        asked = _living(select(links).where(links.c.id > after), connection, since).order_by(links.c.id).limit(limit)
        return [self._link(row) for row in self._connection.execute(asked).mappings()]

    def synced_version(self, link_id: str) -> int:
        """Return the version up to which the remote ticket was read whole."""
        return int(self._connection.execute(_SYNCED, {"the_id": link_id}).scalar_one())

    def set_synced_version(self, link_id: str, version: int) -> None:
        """Remember a whole read."""
        self._connection.execute(_SET_SYNCED, {"the_id": link_id, "the_version": version})

    def _values(self, link: Link) -> dict[str, Any]:
        return {
            "ticket_id": link.ticket_id,
            "connection": link.connection,
            "remote_id": link.remote_id or None,
            "state": link.state.value,
            "role": link.role.value,
            "rule": link.rule,
            "key": link.key,
            "url": link.url,
            "version": link.version,
            "version_token": link.version_token,
            "merged_into": link.merged_into or None,
            "observed_sealed": self._sealer.seal(_OBSERVED, msgspec.json.encode(link.observed)),
        }

    def _link(self, row: Any) -> Link:
        sealed = row["observed_sealed"]
        return Link(
            id=row["id"],
            ticket_id=row["ticket_id"],
            connection=row["connection"],
            state=LinkState(row["state"]),
            role=Role(row["role"]),
            remote_id=row["remote_id"] or "",
            key=row["key"],
            url=row["url"],
            rule=row["rule"],
            version=row["version"],
            version_token=row["version_token"],
            merged_into=row["merged_into"] or "",
            observed=_decode.decode(self._sealer.open(_OBSERVED, sealed)) if sealed is not None else {},
        )
