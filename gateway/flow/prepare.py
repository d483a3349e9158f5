"""What apply does before its transaction: parse deliveries, and read the tickets of which they say too little.

Nothing here writes to a desk; of the record only the pace of a connection, when a read was told to slow down.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import LinkState
from gateway.domain.update import Reason
from gateway.errors import (
    AuthenticationError,
    ConfigError,
    GatewayError,
    NotFoundError,
    SetAsideError,
    ThrottledError,
    TooLargeError,
    TransportError,
    UnreadableError,
)
from gateway.flow import undone, unseen
from gateway.flow.brought import whole
from gateway.flow.calls import run_reads, whoami
from gateway.flow.desks import LiveSite
from gateway.flow.fold import new_ticket
from gateway.flow.listening import Listener
from gateway.flow.pace import Closed, closed, is_about_pace, note_read, seconds_of
from gateway.flow.people import enriching
from gateway.flow.receive import MAX_ID, MAX_REF
from gateway.flow.skew import note_news, set_right, ticket_set_right
from gateway.flow.sla import desks
from gateway.flow.sla.asking import ORIGIN as ASKED
from gateway.flow.thin import (
    BEGIN_TRIES,
    begins_thin,
    is_nothing_without,
    must_read,
    parts,
    with_first_reads,
    with_person,
)
from gateway.flow.waiting import PATIENCE_SECONDS
from gateway.ports import Clock, DeliveryRow, RawDelivery, Store, Transport
from gateway.telemetry import tell_defect
from rules.decide import RuleSet

log = logging.getLogger(__name__)

READ_DEADLINE = 6.0
READERS = 16
#: tries of a delivery whose desk cannot be read before it is applied with what it says, or parked
READ_TRIES = 6
_NOT_SHOWN = "the desk shows no such ticket"

#: deliveries of which the body is an event in our own form
_OURS: Mapping[str, Callable[[DeliveryRow], Event]] = {
    undone.ORIGIN: undone.event_of,
    ASKED: undone.event_of,
    desks.ORIGIN: desks.event_of,
    enriching.ORIGIN: undone.event_of,
}
#: and of those the ones in which no desk says when something happened
_OUR_TIME = _OURS.keys() - {desks.ORIGIN}


class Ready(msgspec.Struct, frozen=True):
    """A delivery with its facts, or with the reason why it has none (yet)."""

    row: DeliveryRow
    events: tuple[Event, ...] = ()
    reads: dict[str, RemoteTicket] = {}
    #: before the reads began
    read_at: datetime | None = None
    parked: tuple[Reason, str] | None = None
    #: why it does nothing
    aside: str = ""
    #: seconds to wait before another try
    deferred: tuple[float, str] | None = None
    #: and that costs no try: its desk is paused, or asked us to wait
    waits: bool = False
    #: tickets in it that the desk does not show
    hidden: tuple[str, ...] = ()
    #: the rules of the release that is to decide, where it is not the active one
    pinned: RuleSet | None = None
    #: a portion of it (portions.py), which more follow
    goes_on: bool = False


#: connection, remote id, trace id of a ticket to read
Want = tuple[str, str, str]
#: what came of it: the ticket, nothing there, a failure, or a desk that is to be left alone
Answer = RemoteTicket | GatewayError | Closed | None


class Preparer:
    """Prepares deliveries of one site, batch by batch."""

    def __init__(
        self,
        *,
        store: Store,
        site: LiveSite,
        transport: Transport,
        clock: Clock,
        listener: Listener,
        rules_of: Callable[[str], RuleSet] | None = None,
    ) -> None:
        self._listener = listener
        self._store = store
        self._site = site
        self._transport = transport
        self._clock = clock
        self._rules_of = rules_of
        self._asking = enriching.Asking(store=store, site=site, transport=transport, clock=clock)
        self._silent: dict[str, float] = {}
        #: connections that refused a read of this batch: no token, or too many requests
        self._shut: dict[str, GatewayError] = {}
        #: of this batch: tickets that we know, those that have ended, and those of the first that are out of sight
        self._linked: frozenset[tuple[str, str]] = frozenset()
        self._gone: frozenset[tuple[str, str]] = frozenset()
        self._hidden: frozenset[tuple[str, str]] = frozenset()
        #: connections that do not show us tickets that we only heard of, as a letter says already
        self._told: set[str] = set()

    def prepare(self, rows: Sequence[DeliveryRow], pool: ThreadPoolExecutor) -> list[Ready]:
        """Return each delivery with its facts, in order."""
        self._shut = {}
        parsed = [self._parse(row) for row in rows]
        parsed, wanted, unasked = self._wanted(parsed)
        read_at = self._clock.now()
        answers = dict(zip(wanted, pool.map(lambda want: self._read(*want), wanted), strict=True)) if wanted else {}
        self._note_pace(answers)
        joined = self._in_our_time(self._join(parsed, {**answers, **unasked}))
        for each in joined:
            self._listen(each)
        going = [each for each in joined if each.parked is None and each.deferred is None]
        shown = [(ready.row.connection, one, ready.reads.get(one.remote_id)) for ready in going for one in ready.events]
        self._asking.before(shown, pool)
        return [msgspec.structs.replace(each, read_at=read_at) for each in joined]

    def _in_our_time(self, joined: list[Ready]) -> list[Ready]:
        """Put right what desks say of times; what we stored ourselves of other things is in our time already."""
        now = self._clock.now()
        with self._store.read() as tx:
            states = tx.desks.all()
        ahead = note_news(self._store, self._transport, states, {each.row.connection for each in joined}, now)
        return [
            msgspec.structs.replace(
                each,
                events=tuple(set_right(event, ahead[each.row.connection], now) for event in each.events),
                reads={
                    name: ticket_set_right(one, ahead[each.row.connection], now) for name, one in each.reads.items()
                },
            )
            if each.row.origin not in _OUR_TIME
            else each
            for each in joined
        ]

    def _listen(self, ready: Ready) -> None:
        """Ask the classifiers about what a delivery shows, so that the transaction finds their answers."""
        rules = ready.pinned or self._site.rules
        if not rules.classifiers:
            return
        for event in ready.events:
            remote = ready.reads.get(event.remote_id) or event.snapshot
            if remote is not None and remote.title is not msgspec.UNSET:
                self._listener.about(rules, new_ticket("", ready.row.connection, remote, event), None)

    def _parse(self, row: DeliveryRow) -> Ready:
        ready = self._parsed(row)
        if ready.parked is not None or self._rules_of is None or row.release in {"", self._site.release}:
            return ready
        try:
            return msgspec.structs.replace(ready, pinned=self._rules_of(row.release))
        except (ConfigError, NotFoundError) as error:
            why = f"the release that is to decide it does not load any more; replay it by the current one: {error}"
            return Ready(row, parked=(Reason.POISON, why[:500]))

    def _parsed(self, row: DeliveryRow) -> Ready:  # noqa: PLR0911 - a table
        connector = self._site.connectors.get(row.connection)
        if connector is None:
            return Ready(row, parked=(Reason.REMOVED, _removed(row.connection)))
        if row.origin == "poll":
            return self._parse_poll(row)
        if row.origin == unseen.ORIGIN:
            return Ready(row)
        if row.origin in _OURS:
            try:
                return Ready(row, (_OURS[row.origin](row),))
            except msgspec.MsgspecError as error:
                return Ready(row, parked=(Reason.POISON, f"what we stored ourselves does not decode: {error}"))
        try:
            events = connector.parse(RawDelivery(row.source_event_id, row.received_at, row.headers, row.body))
        except UnreadableError as error:
            return Ready(row, parked=(Reason(error.reason), str(error)))
        except SetAsideError as error:
            return Ready(row, aside=str(error))
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            tell_defect(log, "a delivery broke its parser", error, delivery=row.id, connection=row.connection)
            why = f"the parser of {connector.spec.name} broke: {type(error).__name__}: {error}"
            return Ready(row, parked=(Reason.POISON, why[:500]))
        if any(not _is_name(event.remote_id, MAX_REF) or not _is_name(event.key, MAX_ID) for event in events):
            return Ready(row, parked=(Reason.UNREADABLE, "the id of a ticket or of an event in it is no id"))
        return Ready(row, tuple(with_person(event, row.connection, self._site) for event in events))

    @staticmethod
    def _parse_poll(row: DeliveryRow) -> Ready:
        """Read a polled change: a hint, or a whole ticket, in our own form."""
        try:
            remote = msgspec.json.decode(row.body, type=RemoteTicket)
        except msgspec.DecodeError as error:
            return Ready(row, parked=(Reason.POISON, f"a stored poll does not decode: {error}"))
        if not _is_name(remote.remote_id, MAX_REF):
            return Ready(row, parked=(Reason.UNREADABLE, "the id of the ticket is no id"))
        event = Event(
            kind=EventKind.OBSERVED,
            remote_id=remote.remote_id,
            key=row.source_event_id,
            at=remote.updated_at,
            version=remote.version,
            snapshot=remote,
            needs_read=not (remote.complete or remote.deleted or remote.merged_into),
        )
        return Ready(row, (event,))

    def _wanted(self, parsed: list[Ready]) -> tuple[list[Ready], list[Want], dict[Want, Answer]]:
        """Return the tickets that must be read first, each once; and those whose desk is to be left alone for now."""
        thin = {
            (each.row.connection, event.remote_id): each.row.trace_id
            for each in parsed
            for event in each.events
            if event.needs_read or (begins_thin(event) and self._reads(each))
        }
        if not thin:
            return parsed, [], {}
        now = self._clock.now()
        with self._store.read() as tx:
            desks = tx.desks.all()
            known = tx.links.by_remote(list(thin))
            # of one that ended there, only a look tells whether it is there again
            self._gone = frozenset(pair for pair, link in known.items() if link.state is LinkState.GONE)
            self._linked = frozenset(known) - self._gone
            self._hidden = tx.hidden.among(list(thin))
            self._told = {name for name, _ in thin if tx.hidden.unseen(name, 0) is not None}
            synced = {pair: tx.links.synced_version(link.id) for pair, link in known.items()}
            said = parts((each.row.connection, each.events) for each in parsed)
            heard = {pair: tx.tickets.known_comments(known[pair].id, said[pair]) for pair in said.keys() & known.keys()}
        told = [(each.row.connection, each.events, self._reads(each)) for each in parsed]
        made = with_first_reads(told, self._linked)
        parsed = [msgspec.structs.replace(each, events=events) for each, events in zip(parsed, made, strict=True)]
        wanted: dict[tuple[str, str], str] = {}
        for each in parsed:
            for event in each.events:
                pair = (each.row.connection, event.remote_id)
                is_news = pair in self._gone or must_read(event, synced.get(pair), heard.get(pair, frozenset()))
                if event.needs_read and is_news:
                    wanted[pair] = thin[pair]
        wants = [(connection, remote_id, trace) for (connection, remote_id), trace in wanted.items()]
        shut = {want: closed(desks, want[0], now) for want in wants}
        waiting: dict[Want, Answer] = {want: why for want, why in shut.items() if why is not None}
        return parsed, [want for want in wants if want not in waiting], waiting

    def _reads(self, each: Ready) -> bool:
        """Say whether what a delivery tells of can be read at its desk."""
        return each.row.origin not in _OURS and self._site.connectors[each.row.connection].spec.reads

    def _note_pace(self, answers: Mapping[Want, Answer]) -> None:
        """Let what a desk said about its pace hold for everything that is asked of it, reads and writes alike."""
        said = {want[0]: answer for want, answer in answers.items() if isinstance(answer, GatewayError)}
        said |= self._shut
        now = self._clock.now()
        for connection, error in sorted(said.items()):
            if is_about_pace(error):
                self._store.write(lambda tx, name=connection, why=error: note_read(tx, name, why, now))  # type: ignore[misc]

    def _read(self, connection: str, remote_id: str, trace_id: str) -> Answer:
        """Read one ticket in a thread; a desk that just did not answer is left alone for a few seconds."""
        if connection in self._shut:
            return self._shut[connection]
        if self._silent.get(connection, 0.0) > self._clock.monotonic():
            return TransportError(f"{connection} does not answer")
        connector = self._site.connectors[connection]
        pair = (connection, remote_id)
        try:
            found = run_reads(
                connector.read(remote_id), connector, self._transport, deadline=READ_DEADLINE, trace_id=trace_id
            )
            # the first time for each ticket that we have, and as long as no letter tells of those that we only heard of
            news = pair not in self._hidden | self._gone and (pair in self._linked or connection not in self._told)
            if found is None and news and whoami(connector, self._transport, trace_id) is False:
                self._shut[connection] = AuthenticationError(f"{connection} does not know us any more")
                return self._shut[connection]
            return found
        except (ThrottledError, AuthenticationError) as error:
            # the reads of this batch that have not begun yet leave the desk alone, too
            self._shut[connection] = error
            return error
        except TransportError as error:
            # a ticket that is too large says nothing of the others
            if not isinstance(error, TooLargeError):
                self._silent[connection] = self._clock.monotonic() + 5.0
            return error
        except GatewayError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a connector may raise anything, and the batch goes on
            tell_defect(log, "reading a ticket broke", error, connection=connection, remote_id=remote_id)
            return UnreadableError(f"reading it from {connection} broke: {type(error).__name__}")

    def _join(self, parsed: Sequence[Ready], answers: Mapping[Want, Answer]) -> list[Ready]:
        """Put what was read beside the events, or decide to wait, to go on without, or to park."""
        by_pair = {(connection, remote_id): answer for (connection, remote_id, _), answer in answers.items()}
        return [self._joined(each, by_pair) for each in parsed]

    def _joined(self, each: Ready, by_pair: Mapping[tuple[str, str], Answer]) -> Ready:
        reads: dict[str, RemoteTicket] = {}
        dark: list[str] = []
        trouble, lasting, wait = "", False, None
        for event in each.events:
            pair = (each.row.connection, event.remote_id)
            if not event.needs_read or pair not in by_pair:
                continue
            answer = by_pair[pair]
            if isinstance(answer, RemoteTicket):
                reads[event.remote_id] = answer
            elif isinstance(answer, Closed) or is_about_pace(answer):
                if is_nothing_without(event, known=pair in self._linked) or self._is_patient(each.row):
                    trouble = answer.why if isinstance(answer, Closed) else str(answer)
                    wait = max(wait or 0.0, min(seconds_of(answer), PATIENCE_SECONDS))
            elif pair in self._gone and answer is None:
                continue
            elif is_nothing_without(event, known=pair in self._linked) or each.row.tries < BEGIN_TRIES:
                # of one that we only heard of, what tells enough to begin it does so
                if answer is None and (pair in self._linked or is_nothing_without(event, known=False)):
                    dark.append(event.remote_id)
                    continue
                trouble = _NOT_SHOWN if answer is None else str(answer)
                lasting = answer is None or isinstance(answer, UnreadableError | TooLargeError)
        if wait is not None:
            return msgspec.structs.replace(each, deferred=(wait, trouble), waits=True)
        if trouble:
            # what is out of sight is told when the others have been read: nothing of theirs is lost with it
            return self._troubled(each, trouble, lasting=lasting)
        unknown = [name for name in dark if (each.row.connection, name) not in self._hidden]
        if unknown and each.row.tries < READ_TRIES:
            return self._troubled(each, _NOT_SHOWN, lasting=True)
        rest = tuple(event for event in each.events if event.remote_id not in dark)
        return _whole(msgspec.structs.replace(each, hidden=tuple(dict.fromkeys(dark)), events=rest), reads)

    def _is_patient(self, row: DeliveryRow) -> bool:
        return (self._clock.now() - row.received_at).total_seconds() < PATIENCE_SECONDS

    @staticmethod
    def _troubled(each: Ready, trouble: str, *, lasting: bool) -> Ready:
        """Let a delivery wait; park it when what is wrong will not pass by itself."""
        tries = each.row.tries
        if tries >= READ_TRIES and lasting:
            return msgspec.structs.replace(each, parked=(Reason.UNREADABLE, f"{trouble}; replay it when it is back"))
        return msgspec.structs.replace(each, deferred=(min(60.0, 0.5 * 2**tries), trouble))


def _whole(each: Ready, reads: dict[str, RemoteTicket]) -> Ready:
    """Return a delivery with what was read for it, by which what its events told in part is made whole."""
    events = []
    for event in each.events:
        made, read = whole(event, reads.get(event.remote_id))
        events.append(made)
        reads |= {event.remote_id: read} if read is not None else {}
    return msgspec.structs.replace(each, events=tuple(events), reads=reads)


def _is_name(text: str, most: int) -> bool:
    """Say whether a desk's name for something can be one: not empty, not longer than names are, no NUL in it."""
    return 0 < len(text) <= most and "\x00" not in text


def _removed(connection: str) -> str:
    return f"the connection {connection!r} is not in the active release any more: name it again, then replay"


def names(each: Ready, event: Event) -> set[str]:
    """Return the remote tickets that an event is about: its own, and the one that it was merged into."""
    told = (each.reads.get(event.remote_id), event.snapshot)
    named = (event.remote_id, event.merged_into, *(one.merged_into for one in told if one is not None))
    return {name for name in named if _is_name(name, MAX_REF)}


def is_no_fault_of_it(error: Exception) -> bool:
    """Deadlocks and busy databases are never poison (the store runs the transaction again), nor is a job's time-out."""
    return type(error).__module__.partition(".")[0] in {"sqlalchemy", "rq"}
