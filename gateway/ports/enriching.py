"""What another system knows of people: how it is asked, and what was answered, as the record keeps it.

All instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from gateway.domain.ids import digest
from gateway.domain.people import ACCOUNT, EMAIL, PHONE, Key
from gateway.ports.http import Call

#: the fields of a ticket that can be known of its requester, as rules name them
FIELDS = ("tier", "org.id", "org.name", "org.plan", "org.account_manager", "language", "region")


class Question(msgspec.Struct, frozen=True):
    """Whom a source is asked about: exactly these, in the forms of `gateway.domain.people`."""

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    #: the ids that they have at the source itself
    accounts: tuple[str, ...] = ()

    @staticmethod
    def of(keys: Iterable[Key], connection: str) -> Question:
        """Return what a source can be asked of somebody; `connection` is its name."""
        known = sorted(keys)
        found = {kind: tuple(k.value for k in known if k.kind == kind and k.value) for kind in (EMAIL, PHONE)}
        own = tuple(k.value for k in known if k.kind == f"{ACCOUNT}{connection}" and k.value)
        return Question(found[EMAIL], found[PHONE], own)

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to ask by."""
        return not (self.emails or self.phones or self.accounts)

    def key(self, source: str) -> str:
        """Name the question to one source, without saying whom it is about."""
        return digest("enrich", source, self.emails, self.phones, self.accounts)


class Answer(msgspec.Struct, frozen=True):
    """What a source knows: field -> value (empty ones left out), and of how many people it could be."""

    values: dict[str, str] = {}
    #: 0: nobody; 1: this one; more: it cannot be told who, so nothing is said
    matches: int = 0

    @staticmethod
    def among(found: Sequence[Mapping[str, str]]) -> Answer:
        """Return the answer where so many people were found."""
        return (
            Answer({name: value for name, value in found[0].items() if value}, 1)
            if len(found) == 1
            else Answer(matches=len(found))
        )


@runtime_checkable
class Enriching(Protocol):
    """A connector whose system knows people."""

    def enrich(self, question: Question, fields: Mapping[str, str]) -> Call[Answer]:
        """Look somebody up, exactly, by reads only: by their account, else by e-mail, else by telephone.

        `fields` maps fields of `FIELDS` to what they are called there, where the site says it.
        """
        ...


class AnswerState(StrEnum):
    """What came of asking."""

    FOUND = "found"
    NOBODY = "nobody"
    #: several people there fit
    SEVERAL = "several"
    FAILED = "failed"
    #: nobody has asked yet
    WANTED = "wanted"


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is kept. After a failure the values are those of before."""

    question: str
    source: str
    person: str = ""
    state: AnswerState = AnswerState.WANTED
    values: dict[str, str] = {}
    #: when it was answered; None: never
    answered_at: datetime | None = None
    #: from when on it is asked again, as soon as somebody needs it
    due_at: datetime
    wanted: bool = False
    tries: int = 0
    trouble: str = ""


class Answers(Protocol):
    """Answers in the record."""

    def get(self, questions: Collection[str]) -> Mapping[str, AnswerRow]:
        """Return answers by the name of their question."""
        ...

    def save(self, row: AnswerRow) -> None:
        """Insert or replace one."""
        ...

    def wanted(self, now: datetime, limit: int) -> Sequence[AnswerRow]:
        """Return what is to be asked now, the longest due first."""
        ...

    def drop(self, question: str) -> None:
        """Forget one."""
        ...

    def of_person(self, person: str) -> Sequence[AnswerRow]:
        """Return what is known of a person."""
        ...
