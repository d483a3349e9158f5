"""Phase duplicates: the customer who asks twice, or in two desks.

A rule names what two tickets of one customer must share (`same`) and how far apart they may have been opened
(`within`). What a ticket shares becomes a *key*, a digest that says nothing to its reader; the tickets with that key
are looked up by whoever calls `decide` (`Earlier`), so that the phase itself stays pure. A part that is empty makes no
key: nothing is ever a duplicate because nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.duplicate import Candidate, Key
from gateway.domain.ids import digest
from gateway.domain.ticket import OPEN_CATEGORIES, Kind, Setter, Stamp, Ticket
from rules.conditions import Condition
from rules.duration import words
from rules.fields import Facts, Reader
from rules.operators import is_empty
from rules.text import fold
from rules.trace import TraceLine


class DuplicateAction(StrEnum):
    """What becomes of a ticket that repeats another."""

    #: a person is asked
    PROPOSE = "propose"
    MERGE = "merge"


class OriginalChoice(StrEnum):
    """Which tickets one may be a duplicate of."""

    OPEN = "open"
    #: also one that is resolved, closed or cancelled
    ANY = "any"


class Duplicate(msgspec.Struct, frozen=True):
    """What a rule says: `ticket` repeats `of`."""

    rule: str
    #: id of the ticket that it repeats
    of: str
    action: DuplicateAction
    #: id of the ticket that repeats it: the one that is decided on, or one opened after it
    ticket: str = ""


class DuplicateRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of phase duplicates."""

    name: str
    when: Condition
    #: names of the fields that must be the same
    same: tuple[str, ...]
    #: read them
    parts: tuple[Reader, ...]
    #: seconds that may lie between the openings of the two
    within: int
    action: DuplicateAction = DuplicateAction.PROPOSE
    original: OriginalChoice = OriginalChoice.OPEN
    #: read everything that the rule depends on, to see whether it has changed
    readers: tuple[Reader, ...] = ()


#: looks up the other tickets with a key that were opened between two instants
Earlier = Callable[[str, datetime, datetime], Sequence[Candidate]]


def nobody(_key: str, _since: datetime, _until: datetime) -> Sequence[Candidate]:
    """Know of no other ticket."""
    return ()


class Found(msgspec.Struct, frozen=True):
    """What the phase came to."""

    ticket: Ticket
    duplicates: tuple[Duplicate, ...] = ()
    #: what the ticket is to be found by from now on; None: as before
    keys: tuple[Key, ...] | None = None
    trace: tuple[TraceLine, ...] = ()


def key_of(rule: DuplicateRule, facts: Facts) -> tuple[str, str]:
    """Return the key of a ticket in a rule, and the name of the part that is empty where there is none."""
    parts = []
    for name, read in zip(rule.same, rule.parts, strict=True):
        value = read(facts.ticket, facts)
        if is_empty(value) or value is Kind.OTHER:
            return "", name
        parts.append(_plain(value))
    return digest("duplicate", rule.name, parts), ""


def _plain(value: Any) -> Any:
    """Return a part as it is compared: texts without regard to case and white space, lists without their order."""
    if isinstance(value, str):
        return " ".join(fold(value).split())
    if isinstance(value, list | tuple):
        return sorted(" ".join(fold(str(each)).split()) for each in value)
    return value


def _asked(rule: DuplicateRule, facts: Facts) -> bool:
    previous = facts.previous
    if previous is None or rule.when.volatile:
        return True
    return any(read(facts.ticket, facts) != read(previous, facts) for read in rule.readers)


def run(rules: tuple[DuplicateRule, ...], facts: Facts, earlier: Earlier, *, explain: bool) -> Found:
    """Look for the ticket that this one repeats: the first rule that finds one decides."""
    if not any(_asked(rule, facts) for rule in rules):
        lines = (_line(rule, "nothing that it reads has changed", ran=False) for rule in rules) if explain else ()
        return Found(facts.ticket, trace=tuple(lines))
    search = _Search(facts, earlier)
    for rule in rules:
        search.ask(rule)
    trace = tuple(line for line in search.trace if explain or line.matched)
    return Found(search.ticket, tuple(search.found), tuple(search.keys), trace)


def _line(rule: DuplicateRule, reason: str, *, ran: bool = True) -> TraceLine:
    return TraceLine("duplicates", rule.name, matched=False, reason=reason, ran=ran)


class _Search:
    """One pass over the rules for one ticket."""

    def __init__(self, facts: Facts, earlier: Earlier) -> None:
        self.facts = facts
        self.earlier = earlier
        self.ticket = facts.ticket
        self.found: list[Duplicate] = []
        self.keys: list[Key] = []
        self.trace: list[TraceLine] = []

    def ask(self, rule: DuplicateRule) -> None:
        if not rule.when.holds(self.facts):
            self.trace.append(_line(rule, rule.when.why(self.facts)))
            return
        key, empty = key_of(rule, self.facts)
        if not key:
            self.trace.append(_line(rule, f"{empty} is empty: there is nothing to compare"))
            return
        # a ticket that is no candidate itself may still be the one that others repeat
        self.keys.append(Key(rule.name, key, self.ticket.created_at + timedelta(seconds=rule.within)))
        why_not = self._settled()
        if why_not:
            self.trace.append(_line(rule, why_not, ran=False))
            return
        span = timedelta(seconds=rule.within)
        others = self.earlier(key, self.ticket.created_at - span, self.ticket.created_at + span)
        reasons = []
        for duplicate, refused in self._judged(rule, others):
            if duplicate is not None:
                self._take(rule, duplicate)
                return
            reasons.append(refused)
        same = " and ".join(rule.same)
        none = f"no other ticket with the same {same} was opened within {words(rule.within)}"
        self.trace.append(_line(rule, "; ".join(reasons) or none))

    def _settled(self) -> str:
        """Return why nothing needs to be looked up, or nothing."""
        if self.found:
            return f"not asked: '{self.found[0].rule}' stands above it and has found one"
        if self.ticket.duplicate_of:
            return f"it is a duplicate of {self.ticket.duplicate_of} already"
        category = self.ticket.status.category
        return "" if category in OPEN_CATEGORIES else f"status is '{category}': it is done with"

    def _judged(self, rule: DuplicateRule, others: Sequence[Candidate]) -> Iterator[tuple[Duplicate | None, str]]:
        """Go through the others: each is what this ticket repeats, or repeats it, or there is a reason against it."""
        mine = self.ticket
        for other in sorted(others, key=lambda each: (each.created_at, each.id)):
            original = other.original or other.id
            if mine.id in {other.id, original} or other.requester_id != mine.requester_id:
                continue
            if other.judged:
                yield None, f"{original} and this one: {other.judged} before"
            elif not other.open and rule.original is OriginalChoice.OPEN:
                yield None, f"{original} is done with (`original: any` would count it)"
            elif self.facts.previous is None or other.created_at <= mine.created_at:
                yield Duplicate(rule.name, original, self._action(rule), mine.id), ""
            elif not other.original:
                # it was opened after this one, which came to share its key only now
                yield Duplicate(rule.name, mine.id, DuplicateAction.PROPOSE, other.id), ""

    def _action(self, rule: DuplicateRule) -> DuplicateAction:
        """Merge only what has just come in: on a ticket that is known people may have worked, and so they are asked."""
        return rule.action if self.facts.previous is None else DuplicateAction.PROPOSE

    def _take(self, rule: DuplicateRule, duplicate: Duplicate) -> None:
        self.found.append(duplicate)
        same = f"the same {' and '.join(rule.same)}, opened within {words(rule.within)}"
        if duplicate.action is DuplicateAction.MERGE:
            stamp = Stamp(Setter.RULE, rule.name, self.facts.now)
            self.ticket = merged(self.ticket, duplicate.of, stamp)
            effect = f"duplicate_of = {duplicate.of}"
        elif duplicate.ticket == self.ticket.id:
            effect = f"proposed as a duplicate of {duplicate.of}"
        else:
            effect = f"{duplicate.ticket} proposed as a duplicate of it"
        self.trace.append(
            TraceLine("duplicates", rule.name, matched=True, reason=f"{effect}: {same}", effects=(effect,))
        )


def merged(ticket: Ticket, of: str, stamp: Stamp) -> Ticket:
    """Return the ticket as a duplicate of another."""
    return msgspec.structs.replace(ticket, duplicate_of=of, stamps={**ticket.stamps, "duplicate_of": stamp})


def parted(ticket: Ticket) -> Ticket:
    """Return the ticket as one of its own again."""
    stamps = {field: stamp for field, stamp in ticket.stamps.items() if field != "duplicate_of"}
    return msgspec.structs.replace(ticket, duplicate_of="", stamps=stamps)
