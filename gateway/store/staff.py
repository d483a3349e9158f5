"""Who is available, in SQL: the agents of desks as they were heard last, and who is away by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, Select, and_, bindparam, delete, insert, or_, select, update

from gateway.domain.availability import Absence, AgentState, KnownAgent
from gateway.ports.staff import AgentsRead
from gateway.store.columns import per_dialect
from gateway.store.staff_tables import absences, agent_reads, desk_agents

_KNOWN = select(
    desk_agents.c.connection, desk_agents.c.account_id, desk_agents.c.person, desk_agents.c.active,
    desk_agents.c.state, desk_agents.c.since,
)  # fmt: skip
#: of one desk nobody has to hear who is available there
_ABSENT = _KNOWN.where(
    or_(~desk_agents.c.active, desk_agents.c.state.in_([AgentState.AWAY.value, AgentState.OFFLINE.value]))
)
_STATES = {each.value: each for each in AgentState}
_READS = select(
    agent_reads.c.connection, agent_reads.c.due_at, agent_reads.c.read_at, agent_reads.c.fresh_until,
    agent_reads.c.news_at, agent_reads.c.trouble,
).order_by(agent_reads.c.connection)  # fmt: skip
#: a state that has gone stale counts no more, and whoever it was said of may be given tickets again
_READ_NEWS = or_(agent_reads.c.news_at <= bindparam("then"), agent_reads.c.fresh_until <= bindparam("then"))
_OVER = and_(absences.c.away, absences.c.until <= bindparam("then"))
_ABSENCE_NEWS = or_(absences.c.news_at <= bindparam("then"), _OVER)


def _replacing(into: Any, table: Any, key: str) -> Executable:
    statement = into(table)
    changed = {column.name: statement.excluded[column.name] for column in table.c if column.name != key}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[table.c[key]], set_=changed)
    return renewed


_SAVE_READ = per_dialect(lambda into: _replacing(into, agent_reads, "connection"))
_LEAVE = per_dialect(lambda into: _replacing(into, absences, "person"))
_COLUMNS = tuple(column.name for column in desk_agents.c)


def _is_fresh(read: AgentsRead, now: datetime) -> bool:
    return read.fresh_until is not None and read.fresh_until > now


class SqlStaff:
    """Implements ports.Staff."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name

    def reads(self) -> Sequence[AgentsRead]:
        """Return how it went with the agents of each connection."""
        return [AgentsRead(*row) for row in self._connection.execute(_READS)]

    def save_read(self, read: AgentsRead) -> None:
        """Store how it went."""
        values = {name: getattr(read, name) for name in AgentsRead.__struct_fields__}
        self._connection.execute(_SAVE_READ[self._dialect], values)

    def known(self, now: datetime, connection: str = "") -> Sequence[KnownAgent]:
        """Return the accounts of our people."""
        statement = _KNOWN.where(desk_agents.c.connection == connection) if connection else _KNOWN
        return self._agents(statement, {read.connection: read for read in self.reads()}, now)

    def absent(self, now: datetime) -> Sequence[KnownAgent]:
        """Return the accounts that may keep somebody from work, and what another desk says of them."""
        reads = {read.connection: read for read in self.reads()}
        alone = len([read for read in reads.values() if _is_fresh(read, now)]) < 2
        return self._agents(_ABSENT if alone else _KNOWN, reads, now)

    def _agents(self, statement: Select[Any], reads: Mapping[str, AgentsRead], now: datetime) -> Sequence[KnownAgent]:
        never = {each: read.read_at or read.due_at for each, read in reads.items()}
        fresh = {each for each, read in reads.items() if _is_fresh(read, now)}
        # asked for each ticket that is given out, so without a name or a call more
        return [
            KnownAgent(each, account, person, active, _STATES[state], since, never.get(each, since), each in fresh)
            for each, account, person, active, state, since in self._connection.execute(statement)
        ]

    def keep(self, connection: str, agents: Sequence[KnownAgent]) -> None:
        """Let these be the accounts of a connection: what has not changed is not written again."""
        rows = {each.account_id: (each.person, each.active, each.state.value, each.since) for each in agents}
        mine = desk_agents.c.connection == connection
        statement = _KNOWN.where(mine).with_only_columns(
            desk_agents.c.account_id, desk_agents.c.person, desk_agents.c.active, desk_agents.c.state,
            desk_agents.c.since,
        )  # fmt: skip
        before = {row[0]: tuple(row[1:]) for row in self._connection.execute(statement)}
        changed = [account for account, row in rows.items() if before.get(account) != row]
        gone = [*(before.keys() - rows.keys()), *(account for account in changed if account in before)]
        if gone:
            self._connection.execute(delete(desk_agents).where(mine, desk_agents.c.account_id.in_(gone)))
        new = [dict(zip(_COLUMNS, (connection, account, *rows[account]), strict=True)) for account in changed]
        if new:
            self._connection.execute(insert(desk_agents), new)

    def absences(self) -> Sequence[Absence]:
        """Return who is away by a person's word."""
        statement = select(absences.c.person, absences.c.since, absences.c.until, absences.c.by).where(absences.c.away)
        return [Absence(*row) for row in self._connection.execute(statement.order_by(absences.c.person))]

    def leave(self, absence: Absence) -> None:
        """Let somebody be away."""
        values = {
            "person": absence.person, "since": absence.since, "until": absence.until, "by": absence.by, "away": True,
            "news_at": None,
        }  # fmt: skip
        self._connection.execute(_LEAVE[self._dialect], values)

    def come_back(self, person: str, now: datetime) -> bool:
        """Let somebody be back; False when they were not away."""
        mine = (absences.c.person == person, absences.c.away, or_(absences.c.until.is_(None), absences.c.until > now))
        statement = update(absences).where(*mine).values(away=False, news_at=now).returning(absences.c.person)
        return self._connection.execute(statement).first() is not None

    def is_news(self, now: datetime) -> bool:
        """Say whether somebody has become available since the queue was looked at."""
        then = {"then": now}
        return any(
            self._connection.execute(statement.limit(1), then).first() is not None
            for statement in (
                select(agent_reads.c.connection).where(_READ_NEWS),
                select(absences.c.person).where(_ABSENCE_NEWS),
            )
        )

    def looked_at(self, until: datetime) -> None:
        """Note that the queue was looked at for whoever was available by then."""
        then = {"then": until}
        for table, column in ((agent_reads, "news_at"), (agent_reads, "fresh_until"), (absences, "news_at")):
            is_over = table.c[column] <= bindparam("then")
            self._connection.execute(update(table).where(is_over).values({column: None}), then)
        self._connection.execute(update(absences).where(_OVER).values(away=False), then)
