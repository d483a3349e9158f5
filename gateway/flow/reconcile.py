"""Step five: each desk is asked what changed, so that a lost webhook heals itself.

A poll reads pages of changes with overlap and stores each changed ticket as a delivery named (remote id, version): what
the webhooks brought already costs one look. Apply then reads the ticket whole and folds in what was missed.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway import crashpoint
from gateway.domain.event import RemoteTicket
from gateway.errors import GatewayError
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite, with_learned
from gateway.flow.pace import is_about_pace, note_read
from gateway.flow.plan import Cause
from gateway.flow.receive import message
from gateway.flow.sight import look_again
from gateway.flow.skew import note, there
from gateway.flow.sla.desks import delivery_of
from gateway.flow.sweep import poll_is_due
from gateway.ports import (
    ChangePage,
    Clock,
    Connector,
    Doorbell,
    Ids,
    NewDelivery,
    Store,
    Transport,
    Tx,
)

log = logging.getLogger(__name__)

LEASE_SECONDS = 120.0
#: desks state times to the second: what changed this shortly before the poll may change again unseen
GRAIN = timedelta(seconds=3)
MAX_PAGES = 1000
LEARN_EVERY = timedelta(days=1)


class Reconciler:
    """Polls the connections of one site."""

    def __init__(
        self, *, store: Store, site: LiveSite, transport: Transport, doorbell: Doorbell, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids

    def poll_due(self, *, holder: str, seconds: float) -> int:
        """Poll every connection that is due; return how many changes were stored."""
        end = self._clock.monotonic() + seconds
        stored = 0
        for name, connector in sorted(self._site.connectors.items()):
            if self._clock.monotonic() > end:
                break
            with self._store.read() as tx:
                state = tx.desks.all().get(name)
            if poll_is_due(connector, state, self._clock.now()):
                stored += self.poll(name, holder=holder, seconds=end - self._clock.monotonic())
        return stored

    def _learn(self, name: str, connector: Connector) -> None:
        """Find out, once a day, who we are there and which claims hold (marker fields): the strategies rest on it."""
        with self._store.read() as tx:
            state = tx.desks.all().get(name)
        if state is not None and state.facts and float(state.facts.get("learned_at", 0)) > self._fresh():
            return
        deadline, trace_id = connector.settings.deadline, self._ids.new().replace("-", "")
        me = run_reads(connector.whoami(), connector, self._transport, deadline=deadline, trace_id=trace_id)
        checks = run_reads(connector.check(), connector, self._transport, deadline=deadline, trace_id=trace_id)
        facts: dict[str, Any] = {"account_id": me.person.external_id}
        for check in checks:
            facts |= check.facts
            if not check.ok:
                log.warning(
                    "a claim does not hold", extra={"connection": name, "check": check.name, "why": check.detail}
                )
        facts["learned_at"] = self._clock.now().timestamp()

        def work(tx: Tx) -> None:
            state = note(tx, self._transport, name, self._clock.now())
            tx.desks.save(msgspec.structs.replace(state, facts=with_learned(state.facts, facts)))

        self._store.write(work)

    def _fresh(self) -> float:
        return (self._clock.now() - LEARN_EVERY).timestamp()

    def poll(self, name: str, *, holder: str, seconds: float = 60.0) -> int:
        """Poll one connection to the end of its changes (or of its time); return how many were stored."""
        lease = f"poll:{name}"
        epoch = self._store.write(lambda tx: tx.leases.acquire(lease, holder, LEASE_SECONDS))
        if epoch is None:
            return 0
        connector = self._site.connectors[name]
        end = self._clock.monotonic() + seconds
        stored = 0
        trouble, kind = "", ""
        try:
            self._learn(name, connector)
            polls = connector.spec.polling and connector.settings.reconcile_every is not None
            for _ in range(MAX_PAGES if polls else 0):
                page = self._page(name, connector)
                stored += self._keep(name, page)
                if page.end or self._clock.monotonic() > end:
                    break
        except GatewayError as error:
            trouble, failure, kind = str(error), error, type(error).__name__
            if is_about_pace(failure):
                self._store.write(lambda tx: note_read(tx, name, failure, self._clock.now()))
        if not trouble:
            stored += self._store.write(lambda tx: look_again(tx, name, self._ids, self._clock.now()))
        self._store.write(lambda tx: self._finish(tx, name, lease, epoch, trouble))
        if trouble:
            # not why: that may be in words of the desk, and is sealed; gateway connections list shows it
            log.warning("poll failed", extra={"connection": name, "error": kind})
        if stored:
            self._doorbell.ring("apply")
        return stored

    def _page(self, name: str, connector: Connector) -> ChangePage:
        with self._store.read() as tx:
            state = tx.desks.all().get(name)
        return run_reads(
            connector.changes(state.cursor if state else "", there(self._clock.now(), state.ahead if state else 0)),
            connector,
            self._transport,
            deadline=connector.settings.deadline,
            trace_id=self._ids.new().replace("-", ""),
        )

    def _keep(self, name: str, page: ChangePage) -> int:
        """Store a page's changes and the cursor behind them in one transaction."""
        now = self._clock.now()
        with self._store.read() as tx:
            known = tx.desks.all().get(name)
        ahead = known.ahead if known is not None else 0
        rows = [self._delivery(name, remote, now, ahead) for remote in page.tickets]
        rows += [message(name, each, self._ids, now) for each in page.deliveries]
        if page.compared is not None:
            told = {each.remote_id for each in page.tickets}
            hints = self._written(name, page.compared, ahead)
            rows += [self._delivery(name, each, now, ahead) for each in hints if each.remote_id not in told]
        settings = self._site.connectors[name].settings
        for event in page.events:
            cause = Cause(self._site.release, self._ids.new().replace("-", ""), now)
            rows.append(delivery_of(event, settings, self._ids, cause))

        def work(tx: Tx) -> int:
            fresh = tx.inbox.add(rows)
            crashpoint.reach("poll.keeping")
            state = tx.desks.get(name)
            tx.desks.save(msgspec.structs.replace(state, cursor=page.cursor or state.cursor))
            return len(fresh)

        return self._store.write(work)

    def _written(self, name: str, compared: tuple[datetime, datetime], ahead: int) -> list[RemoteTicket]:
        """Return hints of what we wrote between two rounds that were compared with each other."""
        since, until = (there(at, -ahead) for at in compared)
        with self._store.read() as tx:
            found = tx.links.written(name, since - GRAIN, until)
        return [RemoteTicket(each, compared[1], version_token=f"written before {until:%FT%TZ}") for each in found]

    def _delivery(self, name: str, remote: RemoteTicket, now: datetime, ahead: int) -> NewDelivery:
        # seen within the desk's own grain of time, it may still change without a new version: look again next time
        early = f":{int(now.timestamp())}" if there(now, ahead) - remote.updated_at < GRAIN else ""
        return NewDelivery(
            id=self._ids.new(),
            connection=name,
            source_event_id=f"poll:{remote.remote_id}:{remote.version}:{remote.version_token}{early}"[:300],
            ref=remote.remote_id,
            received_at=now,
            headers={},
            body=msgspec.json.encode(remote),
            trace_id=self._ids.new().replace("-", ""),
            origin="poll",
        )

    def _finish(self, tx: Tx, name: str, lease: str, epoch: int, trouble: str) -> None:
        now = self._clock.now()
        every = self._site.connectors[name].settings.reconcile_every or timedelta(minutes=5)
        state = note(tx, self._transport, name, now)
        tx.desks.save(
            msgspec.structs.replace(
                state,
                polled_at=state.polled_at if trouble else now,
                poll_due=now + every,
                poll_error=trouble[:500],
            )
        )
        tx.leases.release(lease, epoch)
