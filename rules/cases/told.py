"""What other desks are told in a rehearsal, held against the words of a case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rules.cases.model import Moment, Told
from rules.cases.values import as_words, shown
from rules.cases.words import Words

#: operations whose word is the text of a comment
COMMENTS = frozenset({"public_reply", "internal_note"})


def to(moments: Sequence[Moment], connection: str) -> Iterator[Told]:
    """Go through what one desk is told."""
    for moment in moments:
        yield from (each for each in moment.told if each.connection == connection)


def created_in(moments: Sequence[Moment]) -> tuple[str, ...]:
    """Return the connections in which the ticket is created."""
    made = [each for moment in moments for each in moment.told if each.operation == "create" and not each.refused]
    return tuple(dict.fromkeys(each.connection for each in made))


def word(field: str, value: Any) -> Any:
    """Return a value as the desk itself would say it."""
    if isinstance(value, dict):
        for name in ("native", "category", "level", "external_id", "email", "name"):
            if value.get(name):
                return value[name]
        return "new" if field == "status" else "unset" if field == "priority" else ""
    return value


def in_words(field: str, value: Any) -> str:
    """Return a value as a report shows it."""
    return shown(word(field, value))


def is_word(field: str, wanted: Any, value: Any, connection: str, words: Words) -> bool:
    """Say whether a desk is told what is wanted."""
    if field == "assignee" and isinstance(value, dict):
        address, account = words.account(str(wanted), connection)
        return bool((account and account == value.get("external_id")) or (address and address == value.get("email")))
    said = word(field, value)
    if isinstance(wanted, list):
        return isinstance(said, list | tuple) and sorted(map(str, wanted)) == sorted(map(str, said))
    if isinstance(said, str):
        return said == as_words(wanted)
    return bool(said == wanted)


def summary(told: Told) -> str:
    """Return one update in a line."""
    if told.comment:
        return f"{told.operation}: {told.comment.splitlines()[-1][:60]}"
    fields = ", ".join(f"{name}: {in_words(name, value)}" for name, value in told.fields.items())
    return f"{told.operation} {{{fields[:160]}}}"


def why(moments: Sequence[Moment], connection: str) -> list[str]:
    """Return what a desk is told instead, and what was not taken or has no word."""
    found = [f"{connection} is told: {summary(each)} (rule '{each.rule}')" for each in to(moments, connection)]
    found += [f"{connection}: {each.refused}" for each in to(moments, connection) if each.refused]
    found += [lost for moment in moments for lost in moment.lost]
    found += [moment.parked for moment in moments if moment.parked]
    return found or [f"{connection} is told nothing"]
