"""Do both sides still say the same? Each ticket that lives at a desk is read there and compared with ours.

Three things can have gone apart. A desk shows what we never heard of (a lost webhook where nothing polls, a poll that
was set back): it is read again, as if it had been told. We hold a value that the desk ought to show and does not (a
dead letter that was discarded, a restored backup of the desk): it is written again. A ticket of a source is not known
to us at all: it is read. What is on its way, or was given up and waits for a person, is no drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from gateway.domain.event import RemoteTicket
from gateway.domain.link import Link, Role
from gateway.domain.ticket import SYNCED_FIELDS, Level, Priority, Setter, Status, Ticket
from gateway.flow.brought import is_seen, plain
from gateway.flow.calls import run_patiently, run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.fold import observe
from gateway.flow.plan import DECIDED_FIELDS, Cause, Planned, Planner, new_update
from gateway.flow.sight import note_gone
from gateway.flow.skew import ahead_of, there
from gateway.ports import AuditEntry, Call, Clock, Connector, Doorbell, Ids, NewDelivery, Store, Transport, Tx
from rules.sync import SyncRule, owner_allows

T = TypeVar("T")

#: links that are looked up together
TOGETHER = 100


class Drift(msgspec.Struct, frozen=True):
    """One thing in which a desk and the gateway are apart."""

    remote_id: str
    #: empty: we do not know the ticket
    ticket_id: str
    #: missed, unwritten, unknown or gone
    kind: str
    #: the field; `comments`, `ticket`
    what: str
    #: what we have, and what the desk shows, for people: of long texts only that they differ
    ours: str = ""
    theirs: str = ""
    #: read, written, parked or nothing
    repaired: str = ""


class Comparer:
    """Compares the tickets of one connection. `wait` sleeps; `repair`: what is apart is put right."""

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
        repair: bool = False,
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        self._wait = wait
        self._repair = repair

    def count(self, name: str, since: datetime | None) -> int:
        """Return how many of our tickets there are to be looked at."""
        with self._store.read() as tx:
            return tx.links.count_at(name, since)

    def compare(self, name: str, since: datetime | None, looked: Callable[[], None] = lambda: None) -> Iterator[Drift]:
        """Yield what is apart: of tickets that changed since then, with us or there; `looked` is told of each.

        Raises NotFoundError for a name that is no connection, GatewayError where the desk does not answer.
        """
        connector = self._site.connector(name)
        yield from self._known(name, since, looked)
        if since is not None and self._is_source(name) and connector.spec.polling:
            yield from self._strangers(name, since)
        if self._repair:
            self._doorbell.ring("apply")
            self._doorbell.ring("deliver")

    # ------------------------------------------------------------ what we know

    def _known(self, name: str, since: datetime | None, looked: Callable[[], None]) -> Iterator[Drift]:
        after = ""
        while True:
            with self._store.read() as tx:
                page = tx.links.page_at(name, after, since, TOGETHER)
            for link in page:
                yield from self._of_link(link)
                looked()
            if len(page) < TOGETHER:
                return
            after = page[-1].id

    def _of_link(self, link: Link) -> list[Drift]:
        connector = self._site.connectors[link.connection]
        began = self._clock.now()
        read = self._run(lambda: connector.read(link.remote_id), connector)
        with self._store.read() as tx:
            hidden = tx.hidden.get(link.connection, link.remote_id) is not None
            ticket, link = tx.tickets.get(link.ticket_id), tx.links.get(link.id) or link
            if ticket is None or ticket.redacted_at is not None:
                return []
            if tx.outbox.landed_since(link.id, began):
                # what was read is from before a write of ours, for all we know
                return []
            if read is None:
                drift = Drift(link.remote_id, link.ticket_id, "gone", "ticket", ticket.title, "")
                return [] if hidden else [self._left_to_a_person(link, drift)]
            pending = tx.outbox.pending_fields(link.id)
            known = tx.tickets.known_comments(link.id)
            under_way = bool(tx.outbox.heads_in_flight([link.id]))
        missed = self._missed(ticket, link, read, known) if not under_way else []
        if hidden and not missed:
            missed = [Drift(link.remote_id, ticket.id, "missed", "ticket", "out of sight", "there again")]
        if missed:
            # what the desk shows is taken first: who was right is for the rules of conflicts to say
            return self._read_again(link, missed, read)
        return self._unwritten(ticket, link, read, pending, connector)

    def _missed(self, ticket: Ticket, link: Link, read: RemoteTicket, known: frozenset[str]) -> list[Drift]:
        """Return what the desk shows otherwise than we saw it last."""
        found = []
        for field in SYNCED_FIELDS:
            value = getattr(read, field)
            seen = link.observed.get(field)
            if value is msgspec.UNSET or seen is None:
                continue
            if is_seen(field, seen.value, read) or same(seen.value, plain(field, value)):
                continue
            ours, theirs = in_short(seen.value), in_short(plain(field, value))
            found.append(Drift(link.remote_id, ticket.id, "missed", field, ours, theirs))
        strangers = [each for each in read.comments if each.remote_id not in known]
        if strangers:
            number = f"{len(strangers)} that we do not have"
            found.append(Drift(link.remote_id, ticket.id, "missed", "comments", "", number))
        return found

    def _unwritten(
        self, ticket: Ticket, link: Link, read: RemoteTicket, pending: Mapping[str, Any], connector: Connector
    ) -> list[Drift]:
        """Return what we hold and the desk ought to show; where that is asked for, it is written."""
        stood, link = link, observe(link, read)
        rules = self._site.rules.sync_rules
        wanted = [
            field for field in _ours(link, rules, ticket) if field not in pending and not _means(field, ticket, read)
        ]
        planner = Planner(
            links=(link,),
            rules=rules,
            connectors=self._site.connectors,
            people=self._site.rules.sections.get("people") or {},
            pending=lambda _: {},
            event_key=f"reconcile:{self._ids.new()}",
        )
        planned = planner.overruled(ticket, wanted, link) if connector.settings.write_back and wanted else []
        found = []
        for each in planned:
            # what does not read back (a first message that a desk keeps as it was) cannot be compared
            shown = connector.as_read(each.intent)
            fields = {field: value for field, value in each.intent.fields.items() if field in shown}
            if not fields:
                continue
            kept = msgspec.structs.replace(each, intent=msgspec.structs.replace(each.intent, fields=fields))
            done = self._write(kept, ticket, stood) if self._repair else ""
            for field, value in fields.items():
                theirs = in_short(plain(field, getattr(read, field)))
                found.append(Drift(link.remote_id, ticket.id, "unwritten", field, in_short(value), theirs, done))
        return found

    # ------------------------------------------------------------ what we do not know

    def _is_source(self, name: str) -> bool:
        return any(rule.active and rule.source == name for rule in self._site.rules.sync_rules)

    def _strangers(self, name: str, since: datetime) -> Iterator[Drift]:
        connector = self._site.connectors[name]
        cursor, begin = "", since
        told: set[str] = set()
        while True:
            # asked for, and answered, in the desk's own time
            ahead = ahead_of(self._store, self._transport, name, self._clock.now())
            page = self._run(partial(connector.changes, cursor, there(begin, ahead)), connector)
            with self._store.read() as tx:
                linked = tx.links.by_remote([(name, each.remote_id) for each in page.tickets])
            for each in page.tickets:
                # with an empty cursor a desk may begin a little earlier
                if (name, each.remote_id) in linked or each.deleted or each.merged_into:
                    continue
                if each.updated_at < there(since, ahead) or each.remote_id in told:
                    continue
                # pages overlap
                told.add(each.remote_id)
                title = each.title if isinstance(each.title, str) else ""
                drift = Drift(each.remote_id, "", "unknown", "ticket", "", title)
                if self._repair:
                    self._store.write(lambda tx, each=each: tx.inbox.add([self._delivery(name, each)]))  # type: ignore[misc]
                    drift = msgspec.structs.replace(drift, repaired="read")
                yield drift
            if page.end or not page.cursor:
                return
            cursor, begin = page.cursor, self._clock.now()

    # ------------------------------------------------------------ putting it right

    def _read_again(self, link: Link, missed: list[Drift], read: RemoteTicket) -> list[Drift]:
        """Take a ticket as it was just read: once, for all that was missed of it."""
        if not self._repair:
            return missed
        self._store.write(lambda tx: tx.inbox.add([self._delivery(link.connection, read)]))
        return [msgspec.structs.replace(each, repaired="read") for each in missed]

    def _left_to_a_person(self, link: Link, drift: Drift) -> Drift:
        """Park what cannot be read: it need not be deleted."""
        if not self._repair:
            return drift
        where = (link.connection, link.remote_id, self._ids, self._clock.now(), self._site.release)
        self._store.write(lambda tx: note_gone(tx, *where))
        return msgspec.structs.replace(drift, repaired="parked")

    def _write(self, planned: Planned, ticket: Ticket, stood: Link) -> str:
        """Write what the desk ought to show, unless the ticket, or what is known of the desk, has changed meanwhile."""
        now = self._clock.now()
        if self._site.observes(planned.link.connection, now):
            return ""
        cause = Cause(self._site.release, self._ids.new().replace("-", ""), now, skipping=self._site.skipping)
        note = AuditEntry(
            now,
            "gateway",
            "reconciled",
            planned.link.ticket_id,
            {"at": planned.link.connection, "what": planned.summary},
        )

        def work(tx: Tx) -> bool:
            tx.tickets.hold([ticket.id])
            ours, link = tx.tickets.get(ticket.id), tx.links.get(stood.id)
            pending = tx.outbox.pending_fields(stood.id)
            if link is None or link.ticket_id != ticket.id:
                return False
            for field in planned.intent.fields:
                is_same = ours is not None and getattr(ours, field) == getattr(ticket, field)
                if not is_same or link.observed.get(field) != stood.observed.get(field) or field in pending:
                    return False
            tx.outbox.add(new_update(planned, self._ids.new(), cause))
            tx.audit.add([note])
            return True

        return "written" if self._store.write(work) else ""

    def _delivery(self, name: str, read: RemoteTicket) -> NewDelivery:
        now = self._clock.now()
        return NewDelivery(
            id=self._ids.new(),
            connection=name,
            source_event_id=f"reconcile:{read.remote_id}:{self._ids.new()}"[:300],
            ref=read.remote_id,
            received_at=now,
            headers={},
            body=msgspec.json.encode(read),
            trace_id=self._ids.new().replace("-", ""),
            origin="poll",
        )

    def _run(self, call: Callable[[], Call[T]], connector: Connector) -> T:
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


def _ours(link: Link, rules: Sequence[SyncRule], ticket: Ticket) -> list[str]:
    """Return the fields in which a desk follows the others."""
    if not link.is_covered:
        return []
    out = next((rule for rule in rules if link.role is Role.TARGET and rule.name == link.rule), None)
    back = [rule for rule in rules if link.role is Role.SOURCE and rule.source == link.connection]
    found = []
    for field, stamp in ticket.stamps.items():
        if field not in SYNCED_FIELDS:
            continue
        if stamp.by is Setter.RULE and field in DECIDED_FIELDS:
            follows = all(rule.write_back for rule in (*back, *([out] if out else [])))
        elif out is not None:
            follows = owner_allows(out, field, True)
        else:
            follows = stamp.name != link.connection and any(owner_allows(rule, field, False) for rule in back)
        if follows:
            found.append(field)
    return found


def _means(field: str, ticket: Ticket, read: RemoteTicket) -> bool:
    """Say whether a desk's own word means what we hold: there may be many for one of ours.

    Of a ticket to which nobody ever gave a priority any will do: a desk that has no ticket without one filled it in.
    """
    if field == "priority" and isinstance(read.priority, Priority):
        stamp = ticket.stamps["priority"]
        never = stamp.by is Setter.DESK and stamp.at <= ticket.created_at
        return read.priority.level is ticket.priority.level or (never and ticket.priority.level is Level.UNSET)
    return field == "status" and isinstance(read.status, Status) and read.status.category is ticket.status.category


def same(one: Any, other: Any) -> bool:
    """Compare two values as JSON has them."""
    return bool(msgspec.json.encode(one) == msgspec.json.encode(other))


def in_short(value: Any) -> str:
    """Return a value for people: of long texts their beginning."""
    if isinstance(value, dict):
        value = value.get("native") or value.get("category") or value.get("level") or value.get("external_id") or ""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:57] + "..."
