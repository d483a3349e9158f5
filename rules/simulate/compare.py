"""What differs between what happened and what would have happened: one comparer a theme.

Clocks are compared by those who can tell them (`gateway.flow.sla.simulated`), routes by those who can walk them
(`gateway.flow.routing.simulated`): a comparer is a function, and the report asks nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from gateway.domain.ticket import Ticket
from rules.simulate.history import Outcome, TicketHistory


class Lived(msgspec.Struct, frozen=True):
    """One ticket, twice."""

    history: TicketHistory
    #: what each decision would have come to
    would: tuple[Outcome, ...]
    #: how often the candidate asked for duplicates by what nobody had looked up
    not_looked_up: int = 0
    #: the ticket after each decision
    tickets: tuple[Ticket, ...] = ()

    @property
    def was(self) -> tuple[Outcome, ...]:
        """What each decision came to."""
        return tuple(each.outcome for each in self.history.decisions)


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs for one ticket."""

    theme: str
    #: what it is, the same words for every ticket that it holds for
    what: str
    #: how many; a field counts once a ticket, updates each
    number: int = 1


Comparer = Callable[[Lived], Iterator[Difference]]


def fields(lived: Lived) -> Iterator[Difference]:
    """Compare what the ticket says in the end."""
    was, would = lived.was[-1].fields, lived.would[-1].fields
    for name in sorted({*was, *would}):
        if was.get(name) != would.get(name):
            yield Difference("field", f"{name}: {was.get(name, 'nothing')} → {would.get(name, 'nothing')}")


def policies(lived: Lived) -> Iterator[Difference]:
    """Compare which policy applies in the end."""
    was, would = lived.was[-1].policy, lived.would[-1].policy
    if was != would:
        yield Difference("policy", f"{was or 'none'} → {would or 'none'}")


def copies(lived: Lived) -> Iterator[Difference]:
    """Compare in which other desks the ticket is created."""
    was, would = _created(lived.was), _created(lived.would)
    for name in sorted(would - was):
        yield Difference("copy", f"created in {name}, too")
    for name in sorted(was - would):
        yield Difference("copy", f"not created in {name}")


def _created(outcomes: Sequence[Outcome]) -> set[str]:
    return {name for outcome in outcomes for name in outcome.created}


def duplicates(lived: Lived) -> Iterator[Difference]:
    """Compare which tickets are found to repeat others."""
    was, would = _duplicates(lived.was), _duplicates(lived.would)
    for action, number in sorted((would - was).items()):
        yield Difference("duplicate", f"{action}d, and was not", number)
    for action, number in sorted((was - would).items()):
        yield Difference("duplicate", f"not {action}d, and was", number)


def _duplicates(outcomes: Sequence[Outcome]) -> Counter[str]:
    found = {each for outcome in outcomes for each in outcome.duplicates}
    return Counter(each.partition(" ")[0] for each in found)


def updates(lived: Lived) -> Iterator[Difference]:
    """Compare what the desks are told, decision by decision: creations, and changes of fields."""
    added: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    was, would = _updates(lived.was), _updates(lived.would)
    for before, after in zip(was, would, strict=True):
        added.update(after - before)
        dropped.update(before - after)
    for what, number in sorted(added.items()):
        yield Difference("update", f"added: {what}", number)
    for what, number in sorted(dropped.items()):
        yield Difference("update", f"dropped: {what}", number)


def _updates(outcomes: Sequence[Outcome]) -> list[Counter[str]]:
    """Return for each decision what is told to whom."""
    known: dict[str, dict[str, str]] = {}
    found = []
    for number, outcome in enumerate(outcomes):
        told: Counter[str] = Counter(f"create in {name}" for name in outcome.created)
        for connection, shown in outcome.told.items():
            # what a desk shows already at the first look was told before, or is told by the creation
            before = known.get(connection, shown)
            changed = sorted(field for field, words in shown.items() if before.get(field) != words)
            if changed and number and connection not in outcome.created:
                told.update(f"{field} to {connection}" for field in changed)
        known = {**known, **outcome.told}
        found.append(told)
    return found


#: everything that is compared
COMPARERS: tuple[Comparer, ...] = (fields, policies, copies, duplicates, updates)
