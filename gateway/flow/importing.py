"""Day one: the tickets that a desk has already are brought in, so that a team starts with what it works on.

What changed in the last weeks comes whole, of what is older only what is still open. Each ticket becomes a delivery as
a poll makes it, so apply takes it as any other; the page and where to go on are one commit, and an import that was
broken off goes on there. Nothing that was due before it began is anybody's alarm (`live_since`).

A desk of messages has no tickets to list (`ports.Backfilling`): its messages come in their order, stored and named as a
poll stores them, and what opens no ticket is set aside as ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from gateway.domain.crosslink import Crosslink, found_in
from gateway.domain.event import Event, RemoteTicket
from gateway.domain.ticket import CLOSED_CATEGORIES, Status
from gateway.errors import ConfigError, SetAsideError
from gateway.flow.calls import run_patiently, run_reads
from gateway.flow.crosslinks import places_of
from gateway.flow.desks import IMPORT, LIVE_SINCE, LiveSite
from gateway.flow.receive import message
from gateway.flow.skew import ahead_of, here, there
from gateway.ports import (
    Backfilling,
    Call,
    ChangePage,
    Clock,
    Connector,
    Doorbell,
    Ids,
    NewDelivery,
    RawDelivery,
    Store,
    Transport,
    Tx,
)

T = TypeVar("T")


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an import is; kept as a fact of the connection."""

    begun_at: datetime
    #: what changed since then comes whole; of what is older, what is open
    since: datetime
    open_since: datetime
    cursor: str = ""
    #: tickets that were taken, and older ones that are over and were left out
    taken: int = 0
    left: int = 0
    #: messages that were taken, and those of them that open no ticket and are set aside
    messages: int = 0
    aside: int = 0
    #: the newest change that was looked at
    reached: datetime | None = None
    ended_at: datetime | None = None


class Trial(msgspec.Struct, frozen=True):
    """What an import would bring: nothing was stored."""

    taken: int = 0
    left: int = 0
    #: (connection, how a ticket there is named) -> how many tickets name one; and how many of these are known already
    named: dict[str, int] = {}
    known: int = 0
    #: of a desk of messages: those that would come, in how many conversations, and how many would be set aside
    messages: int = 0
    conversations: int = 0
    aside: int = 0


class _Heard(msgspec.Struct, frozen=True):
    """What the messages of a page say."""

    events: tuple[Event, ...] = ()
    #: those that may open nothing
    aside: frozenset[str] = frozenset()


class Importer:
    """Brings in the tickets of one connection, page by page. `wait` sleeps."""

    def __init__(
        self,
        *,
        store: Store,
        site: LiveSite,
        transport: Transport,
        doorbell: Doorbell,
        clock: Clock,
        ids: Ids,
        wait: Callable[[float], None],
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        self._wait = wait

    def known(self, name: str) -> Progress | None:
        """Return how far the import of a connection is; raises NotFoundError, or ConfigError where it has no list."""
        connector = self._site.connector(name)
        if not connector.spec.polling:
            msg = f"{connector.spec.title} cannot be asked for its tickets: they come by webhooks only"
            raise ConfigError(msg)
        with self._store.read() as tx:
            noted = tx.desks.get(name).facts.get(IMPORT)
        return msgspec.convert(noted, Progress) if noted else None

    def begin(self, name: str, since: timedelta, open_since: timedelta) -> Progress:
        """Begin an import, or go on with one that has not ended."""
        before = self.known(name)
        if before is not None and before.ended_at is None:
            return before
        now = self._clock.now()
        fresh = self._fresh(self._site.connector(name), now, since, open_since)

        def work(tx: Tx) -> None:
            facts = tx.desks.get(name).facts
            noted = {IMPORT: msgspec.to_builtins(fresh), LIVE_SINCE: facts.get(LIVE_SINCE) or now.isoformat()}
            tx.desks.save(msgspec.structs.replace(tx.desks.get(name), facts={**facts, **noted}))

        self._store.write(work)
        return fresh

    def pages(self, name: str, progress: Progress) -> Iterator[Progress]:
        """Bring in page after page; yields how far it is after each. Raises GatewayError when the desk gives up."""
        connector = self._site.connector(name)
        while progress.ended_at is None:
            # an empty cursor begins a little before the time that is given
            at = progress.open_since if not progress.cursor else self._clock.now()
            at, cursor = there(at, self._ahead(name)), progress.cursor
            page = self._ask(lambda cursor=cursor, at=at: connector.changes(cursor, at), connector)  # type: ignore[misc]
            progress = self._keep(name, page, progress, connector)
            self._doorbell.ring("apply")
            yield progress

    def trial(self, name: str, since: timedelta, open_since: timedelta) -> Trial:
        """Say what an import would bring, and what its tickets name elsewhere; each ticket is read, none stored."""
        connector, now = self._site.connector(name), self._clock.now()
        progress = self._fresh(connector, now, since, open_since)
        fields, places = connector.settings.cross_links, places_of(self._site.connectors)
        found: list[Crosslink] = []
        taken = left = messages = aside = 0
        threads: dict[str, str] = {}
        looked_at: set[str] = set()
        cursor, at, over = progress.cursor, progress.open_since if not progress.cursor else now, False
        while not over:
            at = there(at, self._ahead(name))
            page = self._ask(lambda cursor=cursor, at=at: connector.changes(cursor, at), connector)  # type: ignore[misc]
            ahead = self._ahead(name)
            for each in page.tickets:
                if each.remote_id in looked_at:
                    continue
                looked_at.add(each.remote_id)
                if not self._is_wanted(each, progress, connector, ahead):
                    left += 1
                    continue
                taken += 1
                read = each if each.complete else self._ask(lambda one=each: connector.read(one.remote_id), connector)  # type: ignore[misc]
                found += found_in(read or each, name, places, fields)
            heard = _hear(page, connector, now)
            messages, aside = messages + len(page.deliveries) - len(heard.aside), aside + len(heard.aside)
            for event in heard.events:
                _note_thread(event, threads)
            for event in heard.events:
                found += found_in(event.snapshot, name, places, fields) if event.snapshot is not None else []
            over = _is_over(page, cursor)
            cursor, at = page.cursor, now
        with self._store.read() as tx:
            known = tx.crosslinks.named([(each.at, each.name) for each in found])
        named = Counter(f"{each.at}: {each.evidence}" for each in found)
        told = sum((each.at, each.name) in known for each in found)
        return Trial(taken, left, dict(sorted(named.items())), told, messages, len(set(threads.values())), aside)

    @staticmethod
    def _fresh(connector: Connector, now: datetime, since: timedelta, open_since: timedelta) -> Progress:
        fresh = Progress(now, now - since, now - max(since, open_since))
        if not isinstance(connector, Backfilling):
            return fresh
        return msgspec.structs.replace(fresh, cursor=connector.backfill(fresh.since, fresh.open_since))

    def _keep(self, name: str, page: ChangePage, progress: Progress, connector: Connector) -> Progress:
        now, ahead = self._clock.now(), self._ahead(name)
        wanted = [each for each in page.tickets if self._is_wanted(each, progress, connector, ahead)]
        rows = [self._delivery(name, each, now) for each in wanted]
        said = [message(name, each, self._ids, now) for each in page.deliveries]
        heard = _hear(page, connector, now)
        times = [*(each.updated_at for each in page.tickets), *(each.at for each in heard.events)]
        newest = max((here(at, ahead, now) for at in times), default=None)
        reached = max((at for at in (progress.reached, newest) if at is not None), default=None)
        over = _is_over(page, progress.cursor)

        def work(tx: Tx) -> Progress:
            fresh = tx.inbox.add([*rows, *said])
            new = {each.source_event_id for each in said if each.id in fresh}
            after = msgspec.structs.replace(
                progress,
                cursor=page.cursor or progress.cursor,
                taken=progress.taken + len(fresh) - len(new),
                messages=progress.messages + len(new - heard.aside),
                aside=progress.aside + len(new & heard.aside),
                left=progress.left + len(page.tickets) - len(wanted),
                reached=reached,
                ended_at=now if over else None,
            )
            state = tx.desks.get(name)
            facts = {**state.facts, IMPORT: msgspec.to_builtins(after)}
            # what comes from now on is for the poll, which would begin with what comes after its first look
            goes_on = after.cursor if over and isinstance(connector, Backfilling) else ""
            tx.desks.save(msgspec.structs.replace(state, facts=facts, cursor=state.cursor or goes_on))
            return after

        return self._store.write(work)

    def _ahead(self, name: str) -> int:
        """Return by how many seconds the desk's clock is ahead, as far as its answers have told by now."""
        return ahead_of(self._store, self._transport, name, self._clock.now())

    def _is_wanted(self, each: RemoteTicket, progress: Progress, connector: Connector, ahead: int) -> bool:
        """Say whether a ticket is to come: it is young, or open. A list that does not say is followed by a look."""
        if each.deleted or each.merged_into or each.updated_at < there(progress.open_since, ahead):
            return False
        if each.updated_at >= there(progress.since, ahead):
            return True
        status = each.status
        if not isinstance(status, Status):
            read = self._ask(lambda: connector.read(each.remote_id), connector)
            if read is None:
                return False
            status = read.status
        return not (isinstance(status, Status) and status.category in CLOSED_CATEGORIES)

    def _delivery(self, name: str, each: RemoteTicket, now: datetime) -> NewDelivery:
        # two ways of listing may give one state two tokens
        named = f"import:{each.remote_id}:{int(each.updated_at.timestamp())}"
        return NewDelivery(
            id=self._ids.new(),
            connection=name,
            source_event_id=named[:300],
            ref=each.remote_id,
            received_at=now,
            headers={},
            body=msgspec.json.encode(each),
            trace_id=self._ids.new().replace("-", ""),
            origin="poll",
        )

    def _ask(self, call: Callable[[], Call[T]], connector: Connector) -> T:
        """Run one call; a desk that says to wait is waited for."""

        def run(made: Call[T]) -> T:
            return run_reads(
                made,
                connector,
                self._transport,
                deadline=connector.settings.deadline,
                trace_id=self._ids.new().replace("-", ""),
            )

        return run_patiently(call, run, self._wait)


def _hear(page: ChangePage, connector: Connector, now: datetime) -> _Heard:
    """Look at what messages say, to count them: apply reads them again, and parks what cannot be read."""
    events: list[Event] = []
    aside: set[str] = set()
    for each in page.deliveries:
        try:
            events += connector.parse(RawDelivery(each.source_event_id, now, {}, each.body))
        except SetAsideError:
            aside.add(each.source_event_id)
        except Exception:  # noqa: BLE001, S110 - a parser may raise anything: it will be a dead letter of its own
            pass
    return _Heard(tuple(events), frozenset(aside))


def _note_thread(event: Event, threads: dict[str, str]) -> None:
    """Note by its key which conversation a message belongs to: that of what it answers, as apply places it."""
    if event.thread:
        answered = (threads[each] for each in event.answers if each in threads)
        # what is answered is named by how its key begins
        threads[event.key.rpartition(":")[0]] = next(answered, event.thread)


def _is_over(page: ChangePage, cursor: str) -> bool:
    """Say whether an import ends with this page, which was asked for with `cursor`.

    Never with the first: it was asked for as if it were the time at which the import begins, and a desk that is asked
    for what is younger than so many minutes has answered with what is young now. Where it ended is what counts.
    """
    return not page.cursor or (bool(cursor) and (page.end or page.cursor == cursor))


def writes_of(site: LiveSite, name: str, now: datetime) -> list[str]:
    """Return the connections in which sync rules would create copies of what comes, for those are live."""
    return sorted(
        {
            rule.target
            for rule in site.rules.sync_rules
            if rule.active and rule.source == name and not site.observes(rule.target, now)
        }
    )


def as_facts(progress: Progress) -> dict[str, Any]:
    """Return how far an import is, for machines."""
    found: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(progress))
    return {key: value for key, value in found.items() if key != "cursor"}
