"""What a person does with a dead letter: replay it or discard it, in one transaction with its line in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from dead_letters.model import DeadLetterError, Letter, LetterTx
from dead_letters.replay import decide
from gateway import crashpoint
from gateway.domain.update import Operation, UpdateState
from gateway.ports import AuditEntry, OperationClaim


class Person(msgspec.Struct, frozen=True):
    """Who does it, and why."""

    name: str
    why: str = ""


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


def replay_update(
    tx: LetterTx, update_id: str, claim: OperationClaim, now: datetime, person: Person, *, accept_duplicate: bool
) -> Resolved:
    """Try a given-up update again. Raises DeadLetterError when that cannot be right."""
    letter = _letter(tx, update_id)
    replay = decide(letter, claim, now, accept_duplicate=accept_duplicate)
    tx.dead_letters.reopen(update_id, replay.state, now, not_before=replay.not_before, tail=replay.tail)
    crashpoint.reach("replay.reopening")
    told = {"state": replay.state.value, "accept_duplicate": accept_duplicate} if accept_duplicate else {}
    tx.audit.add([_entry(letter, "dead letter replayed", now, person, told)])
    return Resolved("update", update_id, "deliver", replay.state.value, replay.warnings)


def discard_update(tx: LetterTx, update_id: str, now: datetime, person: Person) -> Resolved:
    """Give an update up for good, and let what it holds go on.

    What waits behind a create would be written to a ticket that is never made, so it is discarded with it; unless the
    ticket was made after all and only a later step of its creation failed.
    """
    letter = _letter(tx, update_id)
    others: tuple[str, ...] = ()
    if letter.update.operation is Operation.CREATE and letter.standing and not letter.made:
        others = tuple(tx.dead_letters.held_behind(update_id))
    for each in (*others, update_id):
        tx.dead_letters.close(each, "discarded", now)
    told = {"with": len(others)} if others else {}
    tx.audit.add([_entry(letter, "dead letter discarded", now, person, told)])
    return Resolved("update", update_id, "deliver" if letter.held > len(others) else "", "discarded", (), others)


def replay_delivery(tx: LetterTx, delivery_id: str, now: datetime, person: Person) -> Resolved:
    """Put a parked delivery back in line, in its old place."""
    if not tx.inbox.reopen(delivery_id):
        raise _gone(delivery_id)
    tx.audit.add([_about_delivery(delivery_id, "dead letter replayed", now, person)])
    return Resolved("delivery", delivery_id, "apply", "pending")


def discard_delivery(tx: LetterTx, delivery_id: str, now: datetime, person: Person) -> Resolved:
    """Give a parked delivery up for good."""
    if not tx.inbox.discard(delivery_id):
        raise _gone(delivery_id)
    tx.audit.add([_about_delivery(delivery_id, "dead letter discarded", now, person)])
    return Resolved("delivery", delivery_id, "", "discarded")


def _letter(tx: LetterTx, update_id: str) -> Letter:
    letter = tx.dead_letters.letter(update_id)
    if letter is None or letter.update.state not in {UpdateState.DEAD, UpdateState.AMBIGUOUS}:
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
        **told,
    }
    return AuditEntry(now, f"person:{person.name}", action, update.ticket_id, detail, update.trace_id)


def _about_delivery(delivery_id: str, action: str, now: datetime, person: Person) -> AuditEntry:
    return AuditEntry(now, f"person:{person.name}", action, "", {"delivery": delivery_id, "why": person.why})
