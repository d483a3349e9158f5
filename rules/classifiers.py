"""Classifiers: what a program guesses of a ticket, where neither a person nor a rule has said it.

A classifier is a pure function of a ticket. It is asked before the decision; what it said goes into the decision's
inputs, so that the decision can be explained, and made again, without it. In phase classify it stands below every
rule: it sets only what nobody has filled in, under the name `classifier:<name>`, and a rule or a person takes that over
at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.domain.ticket import Kind, Priority, Setter, Ticket
from rules.clues import is_empty
from rules.fields import LEVEL_NAMES

PREFIX = "classifier:"
#: the fields that a classifier may fill in, beside custom ones: those of a rule
GUESSABLE = frozenset({"kind", "issue", "intent", "priority", "tier", "stage", "language", "region", "tags"})
#: a text that is guessed is a word or a few, not a letter
LONGEST = 200

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Guess(msgspec.Struct, frozen=True):
    """A value, and how sure the classifier is: from 0 to 1."""

    value: Any
    confidence: float


class Known(msgspec.Struct, frozen=True):
    """What a site says that a classifier may want to know."""

    #: the languages that the site speaks, primary subtags such as `en`; empty: any
    languages: frozenset[str] = frozenset()


class Classifier(msgspec.Struct, frozen=True, kw_only=True):
    """What a package offers."""

    name: str
    #: the fields that it may fill in
    sets: tuple[str, ...]
    #: pure: the same ticket and site give the same guesses
    guess: Callable[[Ticket, Known], Mapping[str, Guess]]
    #: the fields of the ticket that it looks at; it is asked again when one of them has changed
    reads: tuple[str, ...] = ("title", "body")
    #: guesses that are less sure are not taken
    least: float = 0.8
    #: loads what it needs; called in a worker before that begins, so that its children share it
    warm: Callable[[], None] | None = None


class Said(msgspec.Struct, frozen=True):
    """One guess that is sure enough, as it is kept with the decision."""

    classifier: str
    field: str
    value: Any
    confidence: float


def model_value(field: str, value: Any) -> Any:
    """Return a guessed value as the ticket holds it; raises ValueError when it is none for that field."""
    if field == "tags":
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each for each in value):
            raise ValueError(f"{value!r} is no list of tags")
        return tuple(dict.fromkeys(value))
    if field.startswith("custom.") and isinstance(value, int | float | bool):
        return value
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise ValueError(f"{value!r} is no word for {field}")
    if field == "kind":
        return Kind(value)
    if field == "priority":
        if value not in LEVEL_NAMES:
            raise ValueError(f"{value!r} is no priority")
        return Priority(LEVEL_NAMES[value])
    if field == "language" and not _LANGUAGE.fullmatch(value):
        raise ValueError(f"{value!r} is no language tag")
    return value


def current(ticket: Ticket, field: str) -> Any:
    """Return what a field holds that a classifier can fill in."""
    return ticket.custom.get(field.removeprefix("custom.")) if field.startswith("custom.") else getattr(ticket, field)


def is_open(ticket: Ticket, field: str, classifier: str) -> bool:
    """Say whether nobody has filled a field in: nobody at all, or only this classifier itself, earlier."""
    stamp = ticket.stamps.get(field)
    if stamp is not None and stamp.by is Setter.PERSON:
        return False
    if stamp is not None and stamp.by is Setter.RULE:
        return stamp.name == PREFIX + classifier
    value = current(ticket, field)
    return is_empty(value.level if isinstance(value, Priority) else value) or value is Kind.OTHER


def is_asked(classifier: Classifier, ticket: Ticket, before: Ticket | None) -> bool:
    """Say whether it has anything to say: a field is open, and what it reads is new."""
    if not any(is_open(ticket, field, classifier.name) for field in classifier.sets):
        return False
    return before is None or any(getattr(ticket, name) != getattr(before, name) for name in classifier.reads)


def listen(classifier: Classifier, ticket: Ticket, known: Known) -> tuple[Said, ...]:
    """Ask a classifier; return what is sure enough, and is a value of a field that it may fill in."""
    said = []
    for field, guess in classifier.guess(ticket, known).items():
        if field not in classifier.sets or not classifier.least <= guess.confidence <= 1:
            continue
        model_value(field, guess.value)
        said.append(Said(classifier.name, field, guess.value, round(guess.confidence, 3)))
    return tuple(said)
