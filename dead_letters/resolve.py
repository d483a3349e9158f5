"""What a person does with a dead letter, in one transaction with its line in the audit."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from dead_letters.model import DeadLetterError, Letter, LetterTx, Terms
from dead_letters.replay import Replay, decide, may_have_landed, require_undone
from gateway import crashpoint
from gateway.domain.event import RemoteTicket
from gateway.domain.ids import effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.update import Intent, Operation, Reason
from gateway.flow.fold import observe
from gateway.ports import AuditEntry, NewDelivery


class Person(msgspec.Struct, frozen=True):
    """Who does it, and why."""

    name: str
    why: str = ""
    #: the bulk action that it is part of
    bulk: str = ""


class Resolved(msgspec.Struct, frozen=True):
    """What was done."""

    what: str
    id: str
    #: which step has work now; empty: none
    ring: str
    state: str
    warnings: tuple[str, ...] = ()
    #: updates that were resolved with it
    others: tuple[str, ...] = ()
    #: updates that waited behind it and go on now
    freed: int = 0


class There(msgspec.Struct, frozen=True):
    """A remote ticket that a person (or a marker) says is the one that an update made."""

    remote: RemoteTicket
    #: the fields of the update as the desk reads them back
    written: dict[str, Any]
    #: id of the delivery by which what has happened there since is read
    hint: str


def replay_update(
    tx: LetterTx,
    update_id: str,
    terms: Terms,
    now: datetime,
    person: Person,
    *,
    accept_duplicate: bool,
) -> Resolved:
    """Try a given-up update again. Raises DeadLetterError when that cannot be right."""
    letter = _letter(tx, update_id)
    replay = plan_replay(letter, terms, now, accept_duplicate=accept_duplicate, among_many=bool(person.bulk))
    tx.dead_letters.reopen(update_id, replay.how, now)
    crashpoint.reach("replay.reopening")
    told: dict[str, Any] = {"state": replay.how.state.value}
    if accept_duplicate:
        told["accept_duplicate"] = True
    if replay.how.intent is not None:
        told["rendered_again"] = True
    if replay.how.effect_key:
        told["effect_key"] = replay.how.effect_key
    tx.audit.add([_entry(letter, "dead letter replayed", now, person, told)])
    state = "stored" if replay.stored else replay.how.state.value
    return Resolved("update", update_id, "deliver", state, replay.warnings)


def plan_replay(
    letter: Letter, terms: Terms, now: datetime, *, accept_duplicate: bool, among_many: bool = False
) -> Replay:
    """Say how a letter would be replayed; what an edited one is now has a name of its own.

    Raises DeadLetterError when that cannot be right; `among_many`, also where it would go over a newer value, for
    nobody reads the warnings of many.
    """
    update = letter.update
    key = effect_key(update.link_id, update.effect_key, update.operation.value, f"edit {update.payload_version}")
    replay = decide(letter, terms, now, accept_duplicate=accept_duplicate, new_key=key)
    if among_many and replay.over:
        raise DeadLetterError(f"{'; '.join(replay.over)}: replay it by itself, or discard it")
    return replay


def edit_update(tx: LetterTx, update_id: str, intent: Intent, now: datetime, person: Person) -> Resolved:
    """Put another intent in the place of the one that was asked for; it stays a dead letter until it is replayed."""
    letter = _letter(tx, update_id)
    require_undone(letter)
    old = letter.update.intent
    changed = sorted(
        name
        for name in {**old.fields, **intent.fields, **old.params, **intent.params}
        if old.fields.get(name) != intent.fields.get(name) or old.params.get(name) != intent.params.get(name)
    )
    if old.comment != intent.comment:
        changed.append("comment")
    if not changed:
        raise DeadLetterError("nothing was changed")
    summary = "set " + ", ".join(intent.fields) if letter.update.operation is Operation.SET_FIELDS else ""
    tx.dead_letters.edit(update_id, intent, summary or letter.update.summary)
    told = {"changed": changed, "version": letter.update.payload_version + 1}
    tx.audit.add([_entry(letter, "dead letter edited", now, person, told)])
    warnings: tuple[str, ...] = ()
    if may_have_landed(letter):
        warnings = ("an earlier attempt may have landed as it was before: a replay looks first where it can",)
    return Resolved("update", update_id, "", "edited", warnings)


def confirm_update(
    tx: LetterTx, update_id: str, now: datetime, person: Person, *, there: There | None = None, comment: str = ""
) -> Resolved:
    """Note that a given-up update did land, and let what it holds go on.

    A creation needs to know which ticket it made (`there`): the lane is linked to it. `comment` is the desk's id of the
    comment that an update wrote.
    """
    letter = _letter(tx, update_id)
    require_undone(letter)
    update, told = letter.update, {}
    if update.operation is Operation.CREATE and not letter.made:
        if there is None:
            msg = f"no ticket with our mark was found at {update.connection}: name it with --remote-id"
            raise DeadLetterError(msg)
        _adopt(tx, letter, there, now)
        told["remote"] = there.remote.remote_id
    elif there is not None and there.remote.remote_id != letter.link.remote_id:
        msg = f"its ticket at {update.connection} is {letter.link.remote_id}, not {there.remote.remote_id}"
        raise DeadLetterError(msg)
    if comment and update.intent.comment is not None:
        tx.tickets.bind_comment(letter.link.id, comment, update.intent.comment.comment_id)
        told["comment"] = comment
    tx.dead_letters.land(update_id, now)
    tx.audit.add([_entry(letter, "dead letter confirmed", now, person, told)])
    ring = "deliver" if letter.held else "apply" if there is not None else ""
    return Resolved("update", update_id, ring, "confirmed", freed=letter.held)


def _adopt(tx: LetterTx, letter: Letter, there: There, now: datetime) -> None:
    """Link the lane of a creation to the ticket that it made, and have that ticket read."""
    link, remote = letter.link, there.remote
    pair = (link.connection, remote.remote_id)
    other = tx.links.by_remote([pair]).get(pair)
    if other is not None and other.id != link.id:
        tx.tickets.lock([pair])
        _give_way(tx, other, link)
    seen = observe(msgspec.structs.replace(link, observed={}), remote, ours=True)
    # where it shows another value than was asked for, somebody has changed it since: that edit is still to be taken
    observed = {
        field: value
        for field, value in seen.observed.items()
        if field not in there.written or value.value == there.written[field]
    }
    tx.links.save(
        msgspec.structs.replace(
            seen, remote_id=remote.remote_id, state=LinkState.LIVE, observed={**link.observed, **observed}
        )
    )
    hint = RemoteTicket(remote.remote_id, remote.updated_at, version=remote.version)
    tx.inbox.add(
        [
            NewDelivery(
                id=there.hint,
                connection=link.connection,
                source_event_id=f"confirmed:{letter.update.id}",
                ref=remote.remote_id,
                received_at=now,
                headers={},
                body=msgspec.json.encode(hint),
                trace_id=letter.update.trace_id,
                origin="poll",
            )
        ]
    )


def _give_way(tx: LetterTx, other: Link, link: Link) -> None:
    """Take a remote ticket from a ticket of ours that began with it, because nobody knew whose it was."""
    alone = len(tx.links.of_ticket(other.ticket_id)) == 1 and other.role is Role.SOURCE
    ticket = tx.tickets.get(other.ticket_id)
    if not alone or ticket is None or other.ticket_id == link.ticket_id:
        msg = (
            f"{other.remote_id} at {other.connection} belongs to the ticket {other.ticket_id} already, which lives in "
            f"other desks, too: it is not the one that this update made, or two tickets must be merged at the desk"
        )
        raise DeadLetterError(msg)
    tx.links.save(msgspec.structs.replace(other, remote_id="", state=LinkState.MERGED))
    tx.tickets.save(msgspec.structs.replace(ticket, duplicate_of=link.ticket_id))


def discard_update(
    tx: LetterTx, update_id: str, now: datetime, person: Person, named: Collection[str] | None = None
) -> Resolved:
    """Give an update up for good, and let what it holds go on.

    What waits behind one whose ticket is out of sight goes with it, and the ticket counts as deleted there.
    What waits behind a create would be written to a ticket that is never made, so it is discarded with it; unless the
    ticket was made after all and only a later step of its creation failed. `named`: the connections of the site; what
    waits for another one can be discarded, too.
    """
    letter = _letter(tx, update_id, named)
    others: tuple[str, ...] = ()
    gone = letter.update.reason is Reason.HIDDEN and letter.made
    if letter.standing and (gone or (letter.update.operation is Operation.CREATE and not letter.made)):
        others = tuple(tx.dead_letters.held_behind(update_id))
    for each in (*others, update_id):
        tx.dead_letters.close(each, "discarded", now)
    told = {"with": len(others)} if others else {}
    tx.audit.add([_entry(letter, "dead letter discarded", now, person, told)])
    if gone:
        tx.inbox.add([_deletion(letter.link.connection, letter.link.remote_id, update_id, now)])
        return Resolved("update", update_id, "apply", "discarded", (), others)
    freed = letter.held - len(others)
    return Resolved("update", update_id, "deliver" if freed > 0 else "", "discarded", (), others, freed)


def _deletion(connection: str, remote_id: str, letter_id: str, now: datetime) -> NewDelivery:
    """Return a delivery that says what a person said: a ticket that is out of sight was deleted there."""
    return NewDelivery(
        # the letter goes with it, and is as unique
        id=str(uuid5(UUID(letter_id), "deleted")),
        connection=connection,
        source_event_id=f"given up:{letter_id}",
        ref=remote_id,
        received_at=now,
        headers={},
        body=msgspec.json.encode(RemoteTicket(remote_id, now, deleted=True)),
        trace_id=UUID(letter_id).hex,
        origin="poll",
    )


def replay_delivery(tx: LetterTx, delivery_id: str, now: datetime, person: Person, *, pinned: bool = False) -> Resolved:
    """Put a parked delivery back in line, in its old place, to be decided by the rules of today (or of then)."""
    if not tx.inbox.reopen(delivery_id, pinned=pinned):
        raise _gone(delivery_id)
    told = {"rules": "pinned" if pinned else "current"}
    tx.audit.add([_about_delivery(tx, delivery_id, "dead letter replayed", now, person, told)])
    return Resolved("delivery", delivery_id, "apply", "pending")


def discard_delivery(tx: LetterTx, delivery_id: str, now: datetime, person: Person) -> Resolved:
    """Give a parked delivery up for good."""
    row = tx.inbox.get(delivery_id)
    if not tx.inbox.discard(delivery_id, now):
        raise _gone(delivery_id)
    told = {}
    if row is not None and row.reason == Reason.HIDDEN.value and not row.ref:
        # it tells of all tickets of the connection that we only heard of
        told["tickets"] = tx.hidden.abandon(row.connection)
    tx.audit.add([_about_delivery(tx, delivery_id, "dead letter discarded", now, person, told)])
    if row is not None and row.reason == Reason.HIDDEN.value and row.ref:
        tx.inbox.add([_deletion(row.connection, row.ref, delivery_id, now)])
        return Resolved("delivery", delivery_id, "apply", "discarded")
    return Resolved("delivery", delivery_id, "", "discarded")


def _letter(tx: LetterTx, update_id: str, named: Collection[str] | None = None) -> Letter:
    letter = tx.dead_letters.letter(update_id, named)
    if letter is None:
        raise _gone(update_id)
    return letter


def _gone(letter_id: str) -> DeadLetterError:
    return DeadLetterError(f"{letter_id} is no dead letter any more: somebody has dealt with it in the meantime")


def _entry(letter: Letter, action: str, now: datetime, person: Person, told: dict[str, Any]) -> AuditEntry:
    update = letter.update
    detail = {
        "update": update.id,
        "connection": update.connection,
        "what": update.summary,
        "was": update.state.value,
        "reason": update.reason.value if update.reason else "",
        "why": person.why,
        **({"bulk": person.bulk} if person.bulk else {}),
        **told,
    }
    return AuditEntry(now, f"person:{person.name}", action, update.ticket_id, detail, update.trace_id)


def _about_delivery(
    tx: LetterTx, delivery_id: str, action: str, now: datetime, person: Person, told: dict[str, Any]
) -> AuditEntry:
    """Return the line of the trail: in that of the ticket, where the delivery is about one that we know."""
    row = tx.inbox.get(delivery_id)
    pair = (row.connection, row.ref) if row is not None else ("", "")
    link = tx.links.by_remote([pair]).get(pair) if row is not None and row.ref else None
    part = {"bulk": person.bulk} if person.bulk else {}
    detail = {"delivery": delivery_id, "connection": pair[0], "why": person.why, **part, **told}
    return AuditEntry(now, f"person:{person.name}", action, link.ticket_id if link is not None else "", detail)
