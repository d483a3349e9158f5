"""Each desk is asked who of the site's people works there and how they are: routing gives nothing to the absent.

What is heard is kept with the moment until which it counts: a desk that does not answer keeps nobody from work.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.domain.availability import AgentState, DeskAgent, KnownAgent
from gateway.domain.person import RemotePerson
from gateway.errors import GatewayError
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.pace import is_about_pace, note_read, open_to_reads
from gateway.flow.prepare import is_no_fault_of_it
from gateway.ports import AgentsRead, Clock, Connector, DeskState, Ids, Staffed, Store, Transport, Tx
from gateway.telemetry import tell_defect
from rules.routes import Routing

log = logging.getLogger(__name__)

LEASE_SECONDS = 120.0
#: so many looks may fail before what was heard counts no more
MISSED = 3
_WORKS = frozenset({AgentState.AVAILABLE, AgentState.UNKNOWN})


class NobodyListedError(GatewayError):
    """A desk lists none of those whom it listed before: our account there sees less, rather than that all have gone."""


def asked(site: LiveSite) -> Mapping[str, timedelta]:
    """Return the connections whose agents are read, with the time between two looks: none where nothing is routed."""
    if not site.rules.routing:
        return {}
    every = {name: connector.settings.agents_every for name, connector in site.connectors.items()}
    return {name: each for name, each in every.items() if each and isinstance(site.connectors[name], Staffed)}


def agents_due(tx: Tx, site: LiveSite, desks: Mapping[str, DeskState], now: datetime) -> list[str]:
    """Return the connections whose agents are to be read now; those that are paused or asked us to wait are not."""
    names = asked(site)
    if not names:
        return []
    due = {read.connection: read.due_at for read in tx.staff.reads()}
    return [name for name in open_to_reads(sorted(names), desks, now) if name not in due or due[name] <= now]


class AgentReader:
    """Reads the agents of the connections of one site."""

    def __init__(self, *, store: Store, site: LiveSite, transport: Transport, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._clock = clock
        self._ids = ids

    def read_due(self, *, holder: str, seconds: float) -> int:
        """Read every connection that is due; return how many were read."""
        end = self._clock.monotonic() + seconds
        with self._store.read() as tx:
            due = agents_due(tx, self._site, tx.desks.all(), self._clock.now())
        done = 0
        for name in due:
            if self._clock.monotonic() > end:
                break
            done += self.read(name, holder=holder)
        return done

    def read(self, name: str, *, holder: str) -> bool:
        """Read the agents of one connection; False where that failed, or somebody else is at it."""
        lease = f"agents:{name}"
        epoch = self._store.write(lambda tx: tx.leases.acquire(lease, holder, LEASE_SECONDS))
        if epoch is None:
            return False
        try:
            return self._read(name)
        finally:
            self._store.write(lambda tx: tx.leases.release(lease, epoch))

    def _read(self, name: str) -> bool:
        connector = self._site.connectors[name]
        try:
            found = self._listed(name, connector)
        except GatewayError as error:
            return self._failed(name, error)
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            tell_defect(log, "a connector broke while it listed agents", error, connection=name)
            return self._failed(name, error)
        if self._store.write(lambda tx: self._keep(tx, name, found)):
            return True
        return self._failed(name, NobodyListedError(f"{name} lists nobody whom it listed before"))

    def _listed(self, name: str, connector: Connector) -> Sequence[DeskAgent]:
        if not isinstance(connector, Staffed):  # pragma: no cover - `asked` has looked
            return ()
        people = self._site.rules.routing.people
        accounts = frozenset(account for connection, account in people if connection == name)
        return run_reads(
            connector.agents(accounts),
            connector,
            self._transport,
            deadline=connector.settings.deadline,
            trace_id=self._ids.new().replace("-", ""),
        )

    def _failed(self, name: str, error: Exception) -> bool:
        """Note that a look failed: what was heard before it counts for a while."""
        # not why: that may be in words of the desk
        log.warning("the agents of a desk were not read", extra={"connection": name, "error": type(error).__name__})

        def work(tx: Tx) -> None:
            now = self._clock.now()
            if isinstance(error, GatewayError) and is_about_pace(error):
                note_read(tx, name, error, now)
            due, trouble = now + asked(self._site)[name], type(error).__name__[:60]
            tx.staff.save_read(msgspec.structs.replace(_before(tx, name, now), due_at=due, trouble=trouble))

        self._store.write(work)
        return False

    def _keep(self, tx: Tx, name: str, found: Sequence[DeskAgent]) -> bool:
        """Store what was heard; False where it cannot be: that everybody has gone at once."""
        now, every = self._clock.now(), asked(self._site)[name]
        known = tx.staff.known(now, name)
        there = {each.account_id for each in found}
        if any(each.active for each in known) and not any(each.account_id in there for each in known):
            return False
        kept = ours(self._site.rules.routing, name, found, known, now)
        tx.staff.keep(name, kept)
        before = _before(tx, name, now)
        read = AgentsRead(
            connection=name, due_at=now + every, read_at=now, fresh_until=now + MISSED * every,
            news_at=now if frees(known, kept) else before.news_at,
        )  # fmt: skip
        tx.staff.save_read(read)
        return True


def _before(tx: Tx, name: str, now: datetime) -> AgentsRead:
    return next((read for read in tx.staff.reads() if read.connection == name), AgentsRead(name, now))


def ours(
    routing: Routing, connection: str, found: Iterable[DeskAgent], known: Iterable[KnownAgent], now: datetime
) -> list[KnownAgent]:
    """Return the accounts of the site's people among those that a desk lists.

    Who has an account there by the files is known by it alone, others by their address. An account that was there and
    is not listed any more is deactivated. Nothing is kept of anybody else.
    """
    named = {name for (where, _), name in routing.people.items() if where == connection}
    before = {each.account_id: each for each in known}
    kept: dict[str, KnownAgent] = {}
    for agent in found:
        person = routing.people.get((connection, agent.account_id), "")
        if not person:
            person = routing.name_of(RemotePerson(email=agent.email))
            if not person or person in named:
                continue
        kept[agent.account_id] = _known(connection, agent, person, before.get(agent.account_id), now)
    for account, each in before.items():
        still = routing.people.get((connection, account)) == each.person or each.person not in named
        if account not in kept and still and each.person in routing.people.values():
            since = each.since if not each.active else now
            gone = {"active": False, "state": AgentState.UNKNOWN, "since": since, "seen_at": now}
            kept[account] = msgspec.structs.replace(each, **gone)
    return [kept[account] for account in sorted(kept)]


def _known(connection: str, agent: DeskAgent, person: str, before: KnownAgent | None, now: datetime) -> KnownAgent:
    same = before is not None and (before.active, before.state) == (agent.active, agent.state)
    since = agent.since or (before.since if same and before is not None else now)
    return KnownAgent(connection, agent.account_id, person, agent.active, agent.state, since, now)


def frees(before: Sequence[KnownAgent], after: Sequence[KnownAgent]) -> bool:
    """Say whether somebody may be given tickets now who might not before: the queue is to be looked at."""
    kept_away = {each.account_id for each in before if not each.active or each.state not in _WORKS}
    shown = {each.account_id for each in before if each.active and each.state is AgentState.AVAILABLE}
    working = {each.account_id: each.state for each in after if each.active and each.state in _WORKS}
    # whom this desk did not show as available, another may show as offline: then this counts
    newly = {account for account, state in working.items() if state is AgentState.AVAILABLE} - shown
    gone = kept_away - {each.account_id for each in after}
    return bool(newly or gone or kept_away & working.keys())


__all__ = ["MISSED", "AgentReader", "agents_due", "asked", "frees", "ours"]
