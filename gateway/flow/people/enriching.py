"""What other systems know of a requester: asked before the transaction of apply, kept with its age, put on the ticket.

An answer is *new* for a while; then it is still used while it is asked anew behind the tickets' backs. Nothing here
lets a ticket wait for longer than a short deadline: without an answer the rules run with what is known, and run again
when the answer comes (an event in our own form, through the inbox).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway import crashpoint
from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.people import Key, Terms, keys_of
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Setter, Stamp, Ticket
from gateway.errors import GatewayError
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.pace import closed, is_about_pace, note_read
from gateway.ports import Clock, Ids, NewDelivery, Store, Transport, Tx
from gateway.ports.enriching import FIELDS, Answer, AnswerRow, AnswerState, Enriching, Question
from gateway.telemetry import tell_defect
from rules.enriching import Enrichment, Source

log = logging.getLogger(__name__)

#: origin of a delivery that lets the rules run again, beside webhook, poll and write
ORIGIN = "enrich"
#: before the name of a source, where a ticket says who set a field
SET_BY = "enrich:"
#: so long a ticket waits for one request of a source, at most
DEADLINE = 2.0
#: behind the tickets' backs there is more time
LATER_DEADLINE = 10.0
#: that somebody is not known is asked again so soon; a file is looked at again so soon
NOBODY_FOR = timedelta(minutes=10)
FILE_FOR = timedelta(minutes=1)
#: after a failure: so soon, then ever later
SOON, LATEST = timedelta(seconds=30), timedelta(hours=1)
#: an answer that cannot be had anew is used for so long
OLDEST = timedelta(days=7)
LEASE, LEASE_SECONDS = "enrich", 60.0
TOGETHER = 50
#: open tickets of a person whose rules run again
MOST_TICKETS = 50
_UNKNOWN = frozenset({"", "und"})


#: who was asked what, the answer before, and this one
Answered = tuple[Source, Question, AnswerRow | None, Answer | GatewayError]


class Asking:
    """Asks the sources of one site."""

    def __init__(self, *, store: Store, site: LiveSite, transport: Transport, clock: Clock) -> None:
        self._store, self._site, self._transport, self._clock = store, site, transport, clock

    @property
    def enrichment(self) -> Enrichment:
        """What the site asks."""
        return self._site.rules.enrichment

    def before(self, told: Iterable[tuple[str, Event, RemoteTicket | None]], pool: ThreadPoolExecutor) -> None:
        """Ask about requesters whom nobody has asked about, before their tickets are decided on.

        `told` is what came from which connection, and the ticket where it was read.
        """
        if not self.enrichment.sources:
            return
        tickets = [(connection, read or event.snapshot) for connection, event, read in told]
        who = [(connection, each.requester) for connection, each in tickets if each is not None]
        shown = list(dict.fromkeys((name, person) for name, person in who if isinstance(person, RemotePerson)))
        if not shown:
            return
        with self._store.read() as tx:
            asked = [
                (source, question)
                for connection, who in shown
                for source, question in self.questions(everything(tx, who, connection, self._site.stitch))
            ]
            known = tx.answers.get([question.key(source.key) for source, question in asked])
            desks = tx.desks.all()
        now = self._clock.now()
        new = {
            question.key(source.key): (source, question)
            for source, question in asked
            if question.key(source.key) not in known and closed(desks, source.connection, now) is None
        }
        answers = pool.map(lambda each: self.ask(*each, deadline=DEADLINE), new.values())
        self.keep([(*each, None, answer) for each, answer in zip(new.values(), answers, strict=True)])

    def questions(self, keys: Iterable[Key]) -> list[tuple[Source, Question]]:
        """Return what is asked about somebody, of each source."""
        known = list(keys)
        found = [(source, Question.of(known, source.connection)) for source in self.enrichment.sources]
        return [(source, question) for source, question in found if not question.is_empty]

    def ask(self, source: Source, question: Question, *, deadline: float) -> Answer | GatewayError:
        """Ask one source, outside of any transaction; what goes wrong is an answer, too."""
        try:
            if source.file:
                directory = self._site.directories(source) if self._site.directories is not None else None
                return directory.answer(question) if directory is not None else GatewayError("no file can be read")
            if source.connection not in self._site.connectors:
                return GatewayError(f"{source.connection} takes no part")
            connector = self._site.connectors[source.connection]
            if not isinstance(connector, Enriching):
                return GatewayError(f"{source.connection} cannot be asked about people")
            call = connector.enrich(question, source.names)
            until = self._clock.monotonic() + deadline
            # whoever asks with several requests has no more time than with one
            return run_reads(
                call,
                connector,
                self._transport,
                deadline=deadline,
                trace_id="",
                left=lambda: until - self._clock.monotonic(),
            )
        except GatewayError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a connector may raise anything, and the tickets go on
            tell_defect(log, "asking about somebody broke", error, connection=source.name)
            return GatewayError(f"asking {source.name} broke: {type(error).__name__}")

    def keep(
        self, answered: Sequence[Answered], then: Callable[[Tx, AnswerRow], None] | None = None
    ) -> list[AnswerRow]:
        """Store answers; return the rows that say something else than before.

        With each of these `then` is called in the same transaction: an answer is never kept without what follows.
        """
        if not answered:
            return []
        now = self._clock.now()
        rows = [
            (before, self._row(source, question, before, answer, now)) for source, question, before, answer in answered
        ]

        others = [row for before, row in rows if before is None or row.values != before.values]

        def work(tx: Tx) -> None:
            for _, row in rows:
                tx.answers.save(row)
            crashpoint.reach("enrich.keeping")
            if then is not None:
                for row in others:
                    then(tx, row)
            for source, _, _, answer in answered:
                if source.connection and isinstance(answer, GatewayError) and is_about_pace(answer):
                    note_read(tx, source.connection, answer, now)

        self._store.write(work)
        return others

    def _row(
        self, source: Source, question: Question, before: AnswerRow | None, answer: Answer | GatewayError, now: datetime
    ) -> AnswerRow:
        fresh = AnswerRow(question=question.key(source.key), source=source.name, due_at=now)
        row = before or fresh
        if isinstance(answer, GatewayError):
            wait = min(LATEST, SOON * 2 ** min(row.tries, 10))
            old = row.answered_at is None or now - row.answered_at > OLDEST
            log.warning("nothing could be asked about a person", extra={"source": source.name, "tries": row.tries + 1})
            return msgspec.structs.replace(
                row,
                state=AnswerState.FAILED,
                values={} if old else row.values,
                due_at=now + wait,
                tries=row.tries + 1,
                trouble=str(answer)[:300],
                # it is asked again although nobody comes: its tickets wait to be decided better
                wanted=True,
            )
        lasts = FILE_FOR if source.file else timedelta(seconds=self.enrichment.fresh)
        state = (AnswerState.NOBODY, AnswerState.FOUND, AnswerState.SEVERAL)[min(answer.matches, 2)]
        return msgspec.structs.replace(
            row,
            state=state,
            values={name: value for name, value in answer.values.items() if name in FIELDS and source.takes(name)},
            answered_at=now,
            due_at=now + (lasts if state is AnswerState.FOUND else min(lasts, NOBODY_FOR)),
            tries=0,
            trouble="",
            wanted=False,
        )


class Enricher:
    """Asks again about whom no ticket could wait; where the answer is another one, the rules run again."""

    def __init__(
        self, *, store: Store, site: LiveSite, transport: Transport, clock: Clock, ids: Ids, ring: Callable[[str], None]
    ) -> None:
        self._asking = Asking(store=store, site=site, transport=transport, clock=clock)
        self._store, self._site, self._clock, self._ids, self._ring = store, site, clock, ids, ring

    def ask_due(self, *, holder: str, seconds: float) -> int:
        """Ask what is wanted for at most about `seconds`; return how many answers are other ones than before."""
        if not self._asking.enrichment.sources:
            return 0
        epoch = self._store.write(lambda tx: tx.leases.acquire(LEASE, holder, LEASE_SECONDS))
        if epoch is None:
            return 0
        end = self._clock.monotonic() + seconds
        changed = 0
        try:
            while self._clock.monotonic() < end:
                with self._store.read() as tx:
                    rows = tx.answers.wanted(self._clock.now(), TOGETHER)
                if not rows:
                    break
                for row in rows:
                    if self._clock.monotonic() > end:
                        break
                    changed += self._again(row)
        finally:
            self._store.write(lambda tx: tx.leases.release(LEASE, epoch))
        if changed:
            self._ring("apply")
        return changed

    def _again(self, row: AnswerRow) -> bool:
        with self._store.read() as tx:
            members = tx.people.members(row.person) if row.person else ()
            desks = tx.desks.all()
        found = {
            question.key(source.key): (source, question)
            for source, question in self._asking.questions(each.key for each in members if each.value)
        }.get(row.question)
        if found is None:
            # merged, parted or forgotten since, or the site asks something else now
            self._store.write(lambda tx: tx.answers.drop(row.question))
            return False
        source, question = found
        shut = closed(desks, source.connection, self._clock.now())
        answer: Answer | GatewayError = (
            GatewayError(shut.why) if shut is not None else self._asking.ask(source, question, deadline=LATER_DEADLINE)
        )
        changed = self._asking.keep(
            [(source, question, row, answer)], lambda tx, other: self._let_decide(tx, other.person)
        )
        return bool(changed)

    def _let_decide(self, tx: Tx, person: str) -> None:
        """Let the rules run again on what somebody has open."""
        now = self._clock.now()
        deliveries = []
        for connection, remote_id in tx.people.open_at(person, MOST_TICKETS):
            if connection not in self._site.connectors:
                continue
            trace = self._ids.new().replace("-", "")
            key = f"enrich:{trace}"
            event = Event(EventKind.ENRICHED, remote_id, key, now, automatic=True)
            deliveries.append(
                NewDelivery(
                    id=self._ids.new(),
                    connection=connection,
                    source_event_id=key,
                    ref=remote_id,
                    received_at=now,
                    headers={},
                    body=msgspec.json.encode(event),
                    trace_id=trace,
                    origin=ORIGIN,
                )
            )
        if deliveries:
            tx.inbox.add(deliveries)


def everything(tx: Tx, who: RemotePerson, connection: str, terms: Terms) -> frozenset[Key]:
    """Return all keys of somebody whom a desk shows: those that it shows, and those that are known of them."""
    keys = keys_of(who, connection, terms)
    known = tx.people.find(keys[:1])
    members = tx.people.members(known[0].person) if known else ()
    return frozenset(keys) | {each.key for each in members if each.value}


def enriched(tx: Tx, ticket: Ticket, enrichment: Enrichment, now: datetime) -> Ticket:
    """Return a ticket with what is known of its requester, for the rules; what is missing is asked for.

    A value that a person or a rule has set stays, and so does what a desk has told.
    """
    if not enrichment.sources or not ticket.requester_id or ticket.redacted_at is not None:
        return ticket
    keys = [each.key for each in tx.people.members(ticket.requester_id) if each.value]
    asked = [(source, Question.of(keys, source.connection)) for source in enrichment.sources]
    asked = [(source, question) for source, question in asked if not question.is_empty]
    known = tx.answers.get([question.key(source.key) for source, question in asked])
    values: dict[str, tuple[str, Source, datetime]] = {}
    certain = True
    for source, question in asked:
        name = question.key(source.key)
        row = known.get(name)
        _want(tx, row, name, source, ticket.requester_id, now)
        if row is None or row.answered_at is None:
            certain = False
            continue
        for field, value in row.values.items():
            values.setdefault(field, (value, source, row.answered_at))
    for field in FIELDS:
        if field in values:
            value, source, at = values[field]
            ticket = _put(ticket, field, value, Stamp(Setter.DESK, f"{SET_BY}{source.name}", at))
        elif certain and _is_ours(ticket.stamps.get(field)):
            ticket = _without(ticket, field)
    return ticket


def _want(tx: Tx, row: AnswerRow | None, name: str, source: Source, person: str, now: datetime) -> None:
    """Let a question be asked, or asked anew; know whom it is about, to forget the answer with them."""
    if row is None:
        tx.answers.save(AnswerRow(question=name, source=source.name, person=person, due_at=now, wanted=True))
        return
    wanted = row.wanted or row.due_at <= now
    if row.person != person or row.wanted != wanted:
        tx.answers.save(msgspec.structs.replace(row, person=person, wanted=wanted))


def _is_ours(stamp: Stamp | None) -> bool:
    return stamp is not None and stamp.by is Setter.DESK and stamp.name.startswith(SET_BY)


def _value(ticket: Ticket, field: str) -> str:
    outer, _, inner = field.partition(".")
    value = getattr(ticket, outer)
    return str(getattr(value, inner) if inner else value)


def _put(ticket: Ticket, field: str, value: str, stamp: Stamp) -> Ticket:
    there, before = _value(ticket, field), ticket.stamps.get(field)
    if _is_ours(before):
        if there == value and before is not None and before.name == stamp.name:
            return ticket
    elif there not in _UNKNOWN or (before is not None and before.by is not Setter.DESK):
        return ticket
    return _set(ticket, field, value, {**ticket.stamps, field: stamp})


def _without(ticket: Ticket, field: str) -> Ticket:
    rest = {name: stamp for name, stamp in ticket.stamps.items() if name != field}
    return _set(ticket, field, "und" if field == "language" else "", rest)


def _set(ticket: Ticket, field: str, value: str, stamps: Mapping[str, Stamp]) -> Ticket:
    outer, _, inner = field.partition(".")
    made: Any = msgspec.structs.replace(getattr(ticket, outer), **{inner: value}) if inner else value
    return msgspec.structs.replace(ticket, **{outer: made}, stamps=dict(stamps))
