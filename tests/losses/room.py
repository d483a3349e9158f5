"""One desk and its gateway, with a clock that stands still unless it is put forward: it tells how late changes arrive.

Nothing waits here. A request of a poll costs as much virtual time as one to a desk over the internet, and the sweep
looks every second, as it does in a real site.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors import registry
from connectors.testing.bench import Bench, Lacking, benches
from connectors.testing.outgoing import Weather
from gateway.config import POLL_EVERY
from gateway.domain.ticket import Category
from gateway.flow.reconcile import Reconciler
from gateway.http import HttpTransport
from gateway.ports import Connector, HttpRequest, HttpResponse
from gateway.store import SqlStore
from gateway.system import SystemClock
from gateway.talking import DeskTransport
from tests.flows.world import Bridge, Silent

DESK = "the-desk"
#: the desks whose lost webhooks polls make good
POLLED = tuple(each for each in benches() if registry.load(points=()).plugin(each.connector).spec.polling)
#: how often a site asks that says nothing of it
EVERY = POLL_EVERY
#: what is promised, beside the lag that the desk documents for what it lists
PROMISE = timedelta(seconds=60)
LOOK = timedelta(seconds=1)
#: what a request over the internet takes
LATENCY = timedelta(milliseconds=250)
#: names under which desks list the id of a ticket
IDS = ("id", "key", "iid", "number", "Id", "sys_id", "incidentid")


class StandingClock(SystemClock):
    """The gateway's clock, which a test moves."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        """Return the instant at which it stands."""
        return self.at


class Distant:
    """A transport of polls: each request takes its time, and a list does not show what changed within `lag`."""

    def __init__(self, inner: DeskTransport, room: Room) -> None:
        self._inner = inner
        self._room = room

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:
        """Send it, and let time pass."""
        answer = self._inner.send(connector, request, deadline=deadline, trace_id=trace_id)
        hidden = self._room.hidden()
        self._room.between()
        self._room.advance(LATENCY)
        if not hidden or answer.status != 200:
            return answer
        return msgspec.structs.replace(answer, body=_without(answer.body, hidden))


def _without(body: bytes, hidden: set[str]) -> bytes:
    """Return a list of JSON without the objects of these ids."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    return msgspec.json.encode(_strip(found, hidden))


def _strip(value: Any, hidden: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _strip(each, hidden) for name, each in value.items()}
    if isinstance(value, list):
        return [_strip(each, hidden) for each in value if not _is_hidden(each, hidden)]
    return value


def _is_hidden(value: Any, hidden: set[str]) -> bool:
    return isinstance(value, dict) and any(str(value.get(name)) in hidden for name in IDS)


class Change(msgspec.Struct):
    """Something that somebody did at the desk."""

    ticket: str
    what: str
    value: str
    made_at: datetime
    arrived_at: datetime | None = None

    @property
    def late(self) -> timedelta:
        """How long it took; for ever when it never arrived."""
        return timedelta.max if self.arrived_at is None else self.arrived_at - self.made_at


class Room(Bridge):
    """A gateway that keeps the tickets of one desk; nothing is written anywhere."""

    def __init__(
        self,
        store: SqlStore,
        bench: type[Bench],
        *,
        every: timedelta = EVERY,
        lag: timedelta = timedelta(0),
        seed: int = 1,
    ) -> None:
        self.time = StandingClock()
        super().__init__(store, self.time)
        self.transport = DeskTransport(http=HttpTransport(files=self.files, now=self.time.now))
        self.random = random.Random(seed)
        self.lag = lag
        self.between: Callable[[], None] = lambda: None
        self.changes: list[Change] = []
        self.open: list[Change] = []
        self.tickets: list[str] = []
        #: the status that an agent has set last, and the desk's word for it
        self._set: dict[str, tuple[Category, str]] = {}
        self.bench = bench()
        self.bench.desk.clock.frozen = self.time.at
        self.bench.__enter__()
        self.webhooks_lost = True
        # some desks sign the address, which their connection names
        self.bench.desk.webhooks.url = self.hook(DESK)
        self.join((self.bench.desk,), [self.bench.settings(DESK, every=every)], ())
        self.distant = Distant(self.transport, self)
        # the first poll finds out who we are; what was there before is for the import
        self.poll()

    def close(self) -> None:
        """Stop the desk."""
        super().close()
        self.bench.__exit__()

    # ------------------------------------------------------------ time

    def advance(self, span: timedelta) -> None:
        """Put the clocks of both forward."""
        self.time.at += span
        self.bench.desk.clock.frozen = self.time.at

    def live(self, seconds: float) -> None:
        """Let time pass: the sweep looks every second, polls when that is due, and what has come is applied."""
        end = self.time.at + timedelta(seconds=seconds)
        while self.time.at < end:
            self.advance(min(max(self._idle(), LOOK), end - self.time.at))
            self.look()

    def _idle(self) -> timedelta:
        """Return for how long each look would find nothing: nothing has come, and no poll is due."""
        with self.store.read() as tx:
            state, pending = tx.desks.all()[DESK], tx.inbox.pending()
        if pending or self.bench.desk.webhooks.paused or state.poll_due is None:
            return LOOK
        return -((self.time.at - state.poll_due) // LOOK) * LOOK

    def look(self) -> None:
        """Do what is due now."""
        if not self.bench.desk.webhooks.paused:
            self.bench.desk.webhooks.flush(5)
        self.poller().poll_due(holder="losses", seconds=60)
        self.apply()

    def poller(self) -> Reconciler:
        """Return a reconciler whose requests go far."""
        return Reconciler(
            store=self.store,
            site=self.site,
            transport=self.distant,
            doorbell=Silent(),
            clock=self.time,
            ids=self.ids,
        )

    def poll(self) -> int:
        """Poll now, whether that is due or not; return how many deliveries were stored."""
        stored = self.poller().poll(DESK, holder="losses")
        self.apply()
        with self.store.read() as tx:
            trouble = tx.desks.all()[DESK].poll_error
        assert not trouble, trouble
        return stored

    def apply(self) -> None:
        """Apply what has come, and note which changes are known now."""
        with self.store.read() as tx:
            due = tx.inbox.has_due(self.time.at)
        if not due:
            return
        self.applier().drain(holder="losses", seconds=60)
        known = [each for each in self.open if self._is_known(each)]
        for each in known:
            each.arrived_at = self.time.at
        self.open = [each for each in self.open if each.arrived_at is None]

    # ------------------------------------------------------------ what happens at the desk

    def hidden(self) -> set[str]:
        """Return the tickets that the desk's lists do not show yet."""
        if not self.lag:
            return set()
        return {name for each in self.changes if self.time.at - each.made_at < self.lag for name in self._names(each)}

    def _names(self, change: Change) -> set[str]:
        """Return the ids under which a list may show a ticket: `owner/name#7` is 7 there."""
        return {change.ticket, change.ticket.rpartition("#")[2], change.ticket.rpartition(":")[2]}

    def made(self, ticket: str, what: str, value: str) -> Change:
        """Note that something was done."""
        change = Change(ticket, what, value, self.time.at)
        self.changes.append(change)
        self.open.append(change)
        return change

    def opened(self) -> Change:
        """Let a customer open a ticket."""
        number = len(self.tickets)
        ticket = self.bench.open_ticket(f"Ticket {number}", "It burns", email=f"kim{number % 7}@customer.example")
        self.tickets.append(ticket)
        return self.made(ticket, "opened", "")

    def said(self, ticket: str) -> Change:
        """Let an agent say something."""
        text = f"Word {len(self.changes)}"
        public = "public_reply" in {str(each) for each in self.site.connectors[DESK].spec.operations}
        self.bench.say(ticket, text, public=public)
        if ticket in self._set and self.bench.shown(ticket).status != self._set[ticket][1]:
            # the desk itself has opened it again because of a reply
            self._superseded(ticket, "status")
            del self._set[ticket]
        return self.made(ticket, "said", text)

    def retitled(self, ticket: str) -> Change:
        """Let an agent change a title; where nobody can, say something instead."""
        text = f"Title {len(self.changes)}"
        try:
            self.bench.set_title(ticket, text)
        except Lacking:
            return self.said(ticket)
        self._superseded(ticket, "title")
        return self.made(ticket, "title", text)

    def moved(self, ticket: str) -> Change:
        """Let an agent resolve a ticket, or open it again."""
        for category in (Category.RESOLVED, Category.OPEN):
            if category in self.bench.categories and category not in self._set.get(ticket, ()):
                try:
                    self.bench.set_status(ticket, category)
                except Lacking:
                    break
                self._superseded(ticket, "status")
                self._set[ticket] = category, self.bench.shown(ticket).status
                return self.made(ticket, "status", category.value)
        return self.said(ticket)

    def anything(self) -> Change:
        """Let one thing happen."""
        if len(self.tickets) < 6 or self.random.random() < 0.15:
            return self.opened()
        doing = self.random.choice((self.said, self.said, self.retitled, self.moved))
        # of a ticket that changes again and again a lagging list shows what was; here it would show nothing
        stirred = {
            each.ticket for each in self.changes if self.lag and self.time.at - each.made_at < self.lag + 2 * EVERY
        }
        calm = [ticket for ticket in self.tickets if ticket not in stirred]
        return doing(self.random.choice(calm)) if calm else self.opened()

    def _superseded(self, ticket: str, what: str) -> None:
        """Forget a value that nobody can see any more: another has taken its place before it was heard of."""
        gone = [each for each in self.open if (each.ticket, each.what) == (ticket, what)]
        self.open = [each for each in self.open if each not in gone]
        self.changes = [each for each in self.changes if each not in gone]

    # ------------------------------------------------------------ what the record has

    def _ticket_id(self, ticket: str) -> str | None:
        with self.store.read() as tx:
            link = tx.links.by_remote([(DESK, ticket)]).get((DESK, ticket))
        return link.ticket_id if link is not None else None

    def _is_known(self, change: Change) -> bool:
        found = self._ticket_id(change.ticket)
        if found is None or change.what == "opened":
            return found is not None
        with self.store.read() as tx:
            ticket = tx.tickets.get(found)
            if change.what == "said":
                return any(change.value in each.body for each in tx.tickets.comments(found))
        assert ticket is not None
        return change.value == (ticket.title if change.what == "title" else ticket.status.category.value)

    def words(self) -> list[str]:
        """Return every word of the record, once for each time that it stands there."""
        found: list[str] = []
        for ticket in self.tickets:
            ticket_id = self._ticket_id(ticket)
            if ticket_id is not None:
                with self.store.read() as tx:
                    found += [each.body.strip().splitlines()[-1] for each in tx.tickets.comments(ticket_id)]
        return found

    # ------------------------------------------------------------ a time of losses

    def suffer(self, number: int, *, seconds: float, weather: Weather | None = None) -> list[Change]:
        """Let `number` things happen over so many seconds, and return them; without `weather` no webhook arrives."""
        if weather is not None:
            self.webhooks_lost = False
            self.bench.desk.webhooks.weather = weather
        moments = sorted(self.random.uniform(0, seconds) for _ in range(number))
        begin = self.time.at
        for moment in moments:
            self.live(moment - (self.time.at - begin).total_seconds())
            if weather is not None and self.random.random() < 0.1:
                # what leaves now comes late, after the next poll
                flip = self.bench.desk.webhooks
                (flip.resume if flip.paused else flip.pause)()
            self.anything()
        self.bench.desk.webhooks.resume()
        limit = self.time.at + timedelta(minutes=5)
        while self.open and self.time.at < limit:
            self.live(1)
        return self.changes
