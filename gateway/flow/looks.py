"""After the fact: is what landed there once? What no protocol can prevent is found, listed and, where allowed, undone.

A process that is stopped between its last look and its send wakes up and sends; a desk applies a request long after it
was given up; an index that lags hides an effect from a probe. Each leaves an attempt whose outcome nobody heard, so the
update gets a few looks at growing distances when it is resolved, and one at once when the sender tells of it itself or
a copy is seen. A look only reads. What is there more than once becomes a dead letter, reason `doubled`, which holds no
lane and is never sent again; an undo is an update of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.ids import effect_key
from gateway.domain.link import Link
from gateway.domain.ticket import Setter
from gateway.domain.update import GIVEN_UP, Copy, Intent, Operation, Sighting, UpdateState
from gateway.errors import GatewayError
from gateway.flow import limits
from gateway.flow.attempt import context_for
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.fold import observe
from gateway.flow.pace import is_about_pace, note_read, open_to_reads
from gateway.flow.prepare import is_no_fault_of_it
from gateway.flow.render import render
from gateway.ports import (
    AuditEntry,
    Clock,
    Connector,
    Doorbell,
    Ids,
    Look,
    NewUpdate,
    Overwritten,
    Store,
    Transport,
    Tx,
    UpdateRow,
)

log = logging.getLogger(__name__)

TOGETHER = 50
#: a desk that did not answer is left alone for so long
AGAIN = timedelta(minutes=1)
#: a write of ours that landed while the desk was read makes what was read old
MEANWHILE = timedelta(seconds=5)
_LANDED = frozenset({UpdateState.DONE, UpdateState.OBSERVED})


class Double(msgspec.Struct, frozen=True):
    """What was found of an update that took effect more than once, and what to do about it."""

    detail: str
    copies: tuple[Copy, ...] = ()
    #: those to take back; empty where it is not known which one to keep
    extra: tuple[Copy, ...] = ()
    kept: str = ""
    #: fields that show an older value
    fields: tuple[str, ...] = ()
    #: those that can be written again: not where the older value was taken for an edit since
    again: tuple[Overwritten, ...] = ()


class _Seen(msgspec.Struct, frozen=True):
    """One look: what it is about, and what the desk showed."""

    look: Look
    update: UpdateRow
    link: Link
    began: datetime
    sighting: Sighting


class Looker:
    """Takes the looks of one site that are due.

    Two that do so at once do no harm: each result is a compare-and-set.
    """

    def __init__(
        self, *, store: Store, site: LiveSite, transport: Transport, doorbell: Doorbell, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids

    def look_due(self, *, seconds: float) -> int:
        """Take looks for at most `seconds`; return how many were taken."""
        end = self._clock.monotonic() + seconds
        taken = 0
        while self._clock.monotonic() < end:
            now = self._clock.now()
            with self._store.read() as tx:
                due = tx.looks.due(now, open_to_reads(self._site.connectors, tx.desks.all(), now), TOGETHER)
            if not due:
                break
            silent: set[str] = set()
            for look in due:
                if look.connection in silent:
                    continue
                if self._clock.monotonic() > end:
                    break
                taken += 1
                if not self._take(look):
                    silent.add(look.connection)
        return taken

    def _take(self, look: Look) -> bool:
        """Take one look; False when the desk did not answer: it is left alone for a while."""
        began = self._clock.now()
        connector = self._site.connectors[look.connection]
        with self._store.read() as tx:
            update = tx.outbox.get(look.update_id)
            link = tx.links.get(update.link_id) if update is not None else None
            known = tx.tickets.known_comments(link.id) if link is not None else frozenset[str]()
            mine = _comment_of(tx, update)
            desk = tx.desks.all().get(look.connection)
        if (
            update is None
            or link is None
            or update.operation not in connector.spec.sees
            # it is looked at when it is resolved, for then an attempt is there whose outcome nobody heard in time
            or not _is_resolved(update)
        ):
            self._store.write(lambda tx: tx.looks.taken(look, None))
            return True
        context = context_for(update, link, known - {mine}, ahead=desk.ahead if desk is not None else 0)
        try:
            sighting = run_reads(
                connector.effects(update.intent, context),
                connector,
                self._transport,
                deadline=connector.settings.deadline,
                trace_id=update.trace_id,
            )
        except GatewayError as error:
            self._leave(look, error)
            return False
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            log.exception("a connector broke while it counted", extra={"update": update.id})
            self._store.write(lambda tx: tx.looks.taken(look, _next(look, began)))
            return True
        seen = _Seen(look, update, link, began, sighting)
        if self._store.write(lambda tx: self._conclude(tx, seen, connector)):
            self._doorbell.ring("deliver")
        return True

    def _leave(self, look: Look, error: GatewayError) -> None:
        """Let every look at a desk that does not answer wait."""
        log.info("a look had no answer", extra={"connection": look.connection, "why": type(error).__name__})
        now = self._clock.now()

        def work(tx: Tx) -> None:
            if is_about_pace(error):
                note_read(tx, look.connection, error, now)
            tx.looks.postpone(look.connection, now, now + AGAIN)

        self._store.write(work)

    def _conclude(self, tx: Tx, seen: _Seen, connector: Connector) -> bool:
        """Record what a look showed; say whether there is something to deliver now."""
        now = self._clock.now()
        look, update = seen.look, seen.update
        if tx.outbox.landed_since(update.link_id, seen.began):
            tx.looks.again(look, now + MEANWHILE)
            return False
        found = self._found(tx, seen, connector)
        known = update.state is UpdateState.DOUBLED
        if known:
            found = _one_more(found, tx.looks.copies(update.id))
        if found is None:
            tx.looks.taken(look, None if known else _next(look, now))
            return False
        undone = self._undone(seen, found, connector)
        detail = f"{found.detail}; {'it is undone' if undone else 'it is left to a person'}"
        if not tx.looks.double(look, found.copies, detail, now, known=known):
            tx.looks.again(look, now + AGAIN)
            return False
        told: dict[str, Any] = {"update": update.id, "connection": update.connection, "what": update.summary}
        told |= {"copies": [each.remote_id for each in found.copies]} if found.copies else {}
        told |= {"fields": list(found.fields)} if found.fields else {}
        told |= {"undone by": [each.id for each in undone]} if undone else {}
        tx.audit.add([AuditEntry(now, "gateway", "effect doubled", update.ticket_id, told, update.trace_id)])
        log.warning("effect doubled", extra={"update": update.id, "connection": update.connection})
        return sum(tx.outbox.add(each) for each in undone) > 0

    # ------------------------------------------------------------ what it means

    def _found(self, tx: Tx, seen: _Seen, connector: Connector) -> Double | None:
        """Say whether it took effect more than once, and whether that shows."""
        update, sighting, began = seen.update, seen.sighting, seen.began
        if update.operation is Operation.SET_FIELDS:
            link = tx.links.get(update.link_id) or seen.link
            written = came_back(connector, update.intent, link, sighting)
            if not written:
                return None
            # what is still to be written puts it right
            pending = tx.outbox.pending_fields(update.link_id)
            written = {field: value for field, value in written.items() if field not in pending}
            # and what a reply of ours has put back as it stood is no older value of this update
            put_back = {
                each for each, seen in link.observed.items() if seen.kept and seen.at > (update.done_at or began)
            }
            written = {field: value for field, value in written.items() if field not in put_back}
            newer = {each.field: each for each in tx.looks.newer(update.id, written)}
            standing, edited = self._standing(tx, link, written)
            taken = {field for field, at in edited.items() if update.done_at is not None and at > update.done_at}
            return overwritten(connector, written, newer, standing, frozenset(edited) - taken, taken)
        kept = seen.link.remote_id if update.operation is Operation.CREATE else _comment_of(tx, update)
        return doubled(sighting.copies, kept)

    def _standing(
        self, tx: Tx, link: Link, fields: Collection[str]
    ) -> tuple[Mapping[str, Overwritten], Mapping[str, datetime]]:
        """Return what the ticket holds of some fields in the words of this desk, and when a person set which there."""
        ticket = tx.tickets.get(link.ticket_id)
        if ticket is None or not fields:
            return {}, {}
        rule = next((each for each in self._site.rules.sync_rules if each.name == link.rule), None)
        people = self._site.rules.sections.get("people") or {}
        words = render({field: getattr(ticket, field) for field in fields}, link, rule, people)
        standing = {field: Overwritten(field, value, words.ours.get(field)) for field, value in words.fields.items()}
        by_hand = (Setter.PERSON, link.connection)
        stamps = {field: ticket.stamps[field] for field in fields if field in ticket.stamps}
        return standing, {field: stamp.at for field, stamp in stamps.items() if (stamp.by, stamp.name) == by_hand}

    def _undone(self, seen: _Seen, found: Double, connector: Connector) -> Sequence[NewUpdate]:
        """Return the updates that undo a double, where the connection allows it and the connector can."""
        if not connector.settings.undo_doubles or self._site.observes(seen.link.connection, self._clock.now()):
            return ()
        update = seen.update
        if found.again:
            names = ", ".join(each.field for each in found.again)
            fields = {each.field: each.value for each in found.again}
            ours = {each.field: each.ours for each in found.again if each.ours is not None}
            again = Intent(Operation.SET_FIELDS, fields=fields, ours=ours)
            return (self._new(update, again, names, f"set {names} again"),)
        if update.operation not in connector.spec.undoes:
            return ()
        return [
            self._new(
                update,
                Intent(
                    Operation.UNDO,
                    params={"copy": each.remote_id, "of": update.operation.value, "kept": found.kept},
                ),
                each.remote_id,
                f"take back {each.remote_id}, a copy of {found.kept}",
            )
            for each in found.extra
        ]

    def _new(self, update: UpdateRow, intent: Intent, subject: str, summary: str) -> NewUpdate:
        key = effect_key(update.link_id, update.effect_key, Operation.UNDO.value, subject)
        return NewUpdate(
            id=self._ids.new(),
            link_id=update.link_id,
            ticket_id=update.ticket_id,
            connection=update.connection,
            operation=intent.operation,
            effect_key=key,
            intent=intent,
            summary=summary,
            delivery_id="",
            event_key=key,
            rule="",
            release=self._site.release,
            trace_id=update.trace_id,
            created_at=self._clock.now(),
            blocks=False,
        )


def _next(look: Look, now: datetime) -> datetime | None:
    """Return when an update is looked at again after this look; None when that was the last."""
    return now + limits.LOOKS[look.step] if look.step < len(limits.LOOKS) else None


def _one_more(found: Double | None, known: Sequence[Copy]) -> Double | None:
    """Return a double with those copies that are new, if any: a process that stood still has sent once more."""
    seen = {each.remote_id for each in known}
    if found is None or not seen or seen.issuperset(each.remote_id for each in found.copies):
        return None
    extra = tuple(each for each in found.extra if each.remote_id not in seen)
    fresh = [each for each in found.copies if each.remote_id not in seen]
    return msgspec.structs.replace(found, copies=(*known, *fresh), extra=extra)


def _is_resolved(update: UpdateRow) -> bool:
    return update.state in {*_LANDED, UpdateState.DOUBLED} or (update.state in GIVEN_UP and bool(update.resolution))


def _comment_of(tx: Tx, update: UpdateRow | None) -> str:
    """Return the desk's id of the comment that an update wrote, as far as it is known."""
    if update is None or update.intent.comment is None:
        return ""
    return tx.looks.comment_of(update.link_id, update.intent.comment.comment_id)


def doubled(copies: Sequence[Copy], kept: str) -> Double | None:
    """Say which of several copies are too many: all but the one that we know."""
    if len(copies) < 2:
        return None
    ids = [each.remote_id for each in copies]
    extra = tuple(each for each in copies if each.remote_id != kept) if kept in ids else ()
    return Double(f"it is there {len(copies)} times: {', '.join(ids)}", tuple(copies), extra, kept)


def came_back(connector: Connector, intent: Intent, link: Link, sighting: Sighting) -> dict[str, Any]:
    """Return the fields that read now as this update wrote them, and that our account changed last."""
    if sighting.ticket is None:
        return {}
    now = observe(msgspec.structs.replace(link, observed={}, version=0), sighting.ticket).observed
    written = connector.as_read(intent)
    mine = set(intent.fields) & set(written) & sighting.ours
    return {field: written[field] for field in mine if field in now and now[field].value == written[field]}


def overwritten(
    connector: Connector,
    written: Mapping[str, Any],
    newer: Mapping[str, Overwritten],
    standing: Mapping[str, Overwritten],
    edited: Collection[str],
    taken: Collection[str],
) -> Double | None:
    """Say which fields show an old value of ours again although something newer stood there.

    `written` are the fields that read now as the old update wrote them, `newer` what later updates wrote there,
    `standing` what the ticket holds. Of that a person set `edited` at this very desk before the update landed, and
    `taken` after it. Where the ticket holds the old value as such an edit, although the desk says that our account set
    it last, our old write was taken for a person's: nobody but a person can say now which of them stands.
    """

    def differs(value: Overwritten | None) -> bool:
        if value is None:
            return False
        reads = connector.as_read(Intent(Operation.SET_FIELDS, fields={value.field: value.value}))
        return value.field in reads and reads[value.field] != written[value.field]

    names: list[str] = []
    again: list[Overwritten] = []
    for field in sorted(written):
        later = newer.get(field)
        if later is not None and not differs(later):
            # we wrote it again since: that is what stands there
            continue
        stood = later or (standing.get(field) if field in {*edited, *taken} else None)
        if stood is not None and differs(stood) and differs(standing.get(field)):
            again.append(stood)
        elif field not in taken and (stood is None or not differs(stood)):
            continue
        names.append(field)
    if not names:
        return None
    detail = f"an older value of ours came late and stands there again: {', '.join(names)}"
    return Double(detail, fields=tuple(names), again=tuple(again))
