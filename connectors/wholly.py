"""What of an update would say nothing in a request to its desk is named: no field is left out in silence (ADR 95).

A connector renders the fields of an intent into one request, and what a desk has no word or no place for gives nothing
there. Each field is rendered alone here, so that what gives nothing is found whatever else goes along.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from gateway.domain.ticket import Level
from gateway.domain.update import Done, Intent, Operation, Outcome, Reason, Rejected
from gateway.errors import UnmappedError
from gateway.ports import Call

_WHY: Mapping[str, str] = {
    "assignee": "nobody there is known by the account of whoever is asked for (people: accounts:)",
    "body": "a text stays there as it was first written",
}
_NO_WORD = "there is no such field there, or no word for this value"


def wholly(
    intent: Intent,
    rendered: Callable[[Intent], Collection[Any]],
    writing: Call[Outcome],
    *,
    apart: Collection[str] = (),
    kept: Collection[str] = (),
) -> Call[Outcome]:
    """Run the write of a ticket's fields, and name each of which nothing would be sent.

    `rendered` gives what a request holds for an intent: nothing where the desk has no place for it; or it raises
    UnmappedError. It is asked for one field at a time, as of a change. `apart`: fields that are written by other means,
    whoever is to be the assignee by account or address.
    A change is refused for such fields before anything is sent, and the others go without them. What a desk keeps by
    its nature (a kind that it has no word for, a priority or a queue where there always is one, and those that are
    `kept`) is no refusal: it is said in `Done.detail`; so is all that a new ticket does not get.
    """
    silent, refused = _unsaid(intent, rendered, apart)
    if intent.operation is Operation.SET_FIELDS:
        refused |= {
            name: _WHY.get(name, _NO_WORD)
            for name in silent
            if name not in kept and not _stays(name, intent.fields[name])
        }
        if refused:
            words = "; ".join(dict.fromkeys(_words(name, why) for name, why in refused.items()))
            named = tuple(name for name in intent.fields if name in refused)
            return Rejected(words, Reason.UNMAPPED, named)
    outcome = yield from writing
    if not isinstance(outcome, Done):
        return outcome
    said = [outcome.detail] if outcome.detail else []
    said += [f"left as it is, for the desk has no word for it: {', '.join(silent)}"] if silent else []
    if "assignee" not in silent and _is_nobodys(intent, outcome):
        said.append("assignee: nobody has the new ticket there, though somebody was to have it")
    return msgspec.structs.replace(outcome, detail="; ".join(said)) if said else outcome


def _is_nobodys(intent: Intent, outcome: Done) -> bool:
    """Say whether a new ticket is nobody's that was to be somebody's: desks drop whom they do not know on creation."""
    seen = outcome.receipt.observed
    asked = intent.operation is Operation.CREATE and bool(intent.fields.get("assignee"))
    return asked and seen is not None and seen.assignee is None


def _unsaid(
    intent: Intent, rendered: Callable[[Intent], Collection[Any]], apart: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """Return the fields that give nothing, and the words of those that have no word there."""
    silent: list[str] = []
    refused: dict[str, str] = {}
    for name, value in intent.fields.items():
        if name in apart and not _means_nobody(name, value):
            continue
        if intent.operation is Operation.CREATE and not _asks(name, value):
            continue
        try:
            if not rendered(Intent(Operation.SET_FIELDS, {name: value}, params=intent.params)):
                silent.append(name)
        except UnmappedError as error:
            refused[name] = str(error)
    return silent, refused


#: a new ticket has them in its first words, or in a place of their own
_OF_CREATE = frozenset({"title", "body", "requester"})


def _asks(name: str, value: Any) -> bool:
    """Say whether a value asks a new ticket for something beside its first words."""
    return bool(value) and name not in _OF_CREATE and not _is_no_priority(name, value)


def _is_no_priority(name: str, value: Any) -> bool:
    """Say whether a value means a ticket without a priority: no level is left out of plain JSON."""
    if name != "priority" or not isinstance(value, Mapping) or value.get("native"):
        return False
    return bool(value.get("level", Level.UNSET.value) == Level.UNSET.value)


def _means_nobody(name: str, value: Any) -> bool:
    """Say whether a value names none of those of whom it should name one: nobody can look that up."""
    if name == "assignee" and isinstance(value, Mapping) and value:
        return not value.get("external_id") and not value.get("email")
    return name == "queue" and not value


def _stays(name: str, value: Any) -> bool:
    """Say whether a desk keeps a field by its nature: the pages of the desks name what is left alone there."""
    return name == "kind" or (name == "queue" and not value) or _is_no_priority(name, value)


def _words(name: str, why: str) -> str:
    return why if why not in {_NO_WORD, *_WHY.values()} else f"{name}: {why}"
