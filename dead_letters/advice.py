"""What a person can do about a dead letter: in words, and the commands that do it."""

from __future__ import annotations

import msgspec

from dead_letters.model import DeadLetter, Letter
from gateway.domain.update import Operation, Reason, UpdateState

_WORDS = {
    Reason.REJECTED: "the desk refused it: mend what it complains about, there or in the rules, then replay; or edit",
    Reason.EXHAUSTED: "every attempt failed: see that the desk answers (gateway connections test), then replay",
    Reason.AUTH: "the credentials do not hold: mend them, gateway connections test, then replay",
    Reason.POISON: "the connector failed on it, which is a defect: report it; after the repair, replay",
    Reason.UNREADABLE: "the desk sent what nobody can read: mend its webhook or template; replay, or discard",
    Reason.UNMAPPED: "no map covers a value: add a line to it in rules/, gateway rules release, then replay",
    Reason.BOUNCE: "automations answer each other, at two desks or by mail: switch one off, then replay, or discard",
    Reason.CONFLICT: "two desks changed the same field: set the right value at one of them, then discard",
    Reason.REMOVED: (
        "its connection was taken out of gateway.yaml: name it again, gateway rules release, then replay; or discard"
    ),
    Reason.DOUBLED: (
        "it landed more than once, which no protocol can prevent (docs/delivery.md, section 6): look at the copies, "
        "remove those too many at the desk where nothing did that for you, then discard this note of it"
    ),
    Reason.PRIVATE: (
        "its ticket is private elsewhere, and everybody could read it here: make it public there, or let the rule "
        "create it as private, then replay; else discard. It is looked at again before anything leaves"
    ),
    Reason.CLOSED: (
        "its ticket is closed there for good, and only a public reply begins a follow-up: tell whoever has to know, "
        "then discard; or say it publicly at the other desk"
    ),
    Reason.HIDDEN: (
        "the desk does not show us its ticket any more: give our account the right to it back, and it goes on by "
        "itself (or replay); if the ticket was deleted there, discard this, and it counts as deleted here, too. "
        "A letter that names several tickets is of such that we only heard of"
    ),
    Reason.AMBIGUOUS: "it may have landed: look at the desk (diff); if it is there, confirm it, else replay",
}

_WAITS = (
    "its connection was taken out of gateway.yaml: name it again, gateway rules release, and it goes on by itself; "
    "or discard"
)


class Advice(msgspec.Struct, frozen=True):
    """What to do next."""

    words: str
    #: what follows `gateway dead-letters`
    commands: tuple[str, ...]


def for_update(letter: Letter, *, removed: bool = False) -> Advice:
    """Advise on an update; `removed`: its connection is not there any more."""
    update = letter.update
    short = update.id[-12:]
    if removed:
        words = _WAITS if letter.waits else _WORDS[Reason.REMOVED]
        return Advice(words, (f"discard {short} --reason '…'",))
    reason = update.reason or Reason.AMBIGUOUS
    maybe = update.state is UpdateState.AMBIGUOUS
    words = _WORDS[Reason.AMBIGUOUS if maybe else reason]
    if update.state is UpdateState.DOUBLED:
        return Advice(words, (f"diff {short}", f"discard {short} --reason 'seen: …'"))
    known = " --remote-id ID" if update.operation is Operation.CREATE and not letter.made else ""
    confirm = f"confirm {short}{known} --why '…'"
    commands = [f"diff {short}", confirm] if maybe else [f"replay {short} --dry-run"]
    return Advice(words, (*commands, f"replay {short}", f"edit {short}", f"discard {short} --reason '…'"))


def for_delivery(delivery_id: str, reason: str, *, removed: bool = False) -> Advice:
    """Advise on a parked delivery; `removed`: its connection is not there any more."""
    known = Reason(reason) if reason in set(Reason) else Reason.UNREADABLE
    short = delivery_id[-12:]
    if removed:
        return Advice(_WORDS[Reason.REMOVED], (f"discard {short} --reason '…'",))
    if known is Reason.REMOVED:
        return Advice("its connection is in gateway.yaml again: replay", (f"replay {short}",))
    return Advice(_WORDS[known], (f"replay {short}", f"discard {short} --reason '…'"))


def in_short(letter: DeadLetter) -> str:
    """Advise in one line, for a list."""
    if letter.state == "ambiguous":
        return _WORDS[Reason.AMBIGUOUS]
    return _WORDS[Reason(letter.reason) if letter.reason in set(Reason) else Reason.UNREADABLE]
