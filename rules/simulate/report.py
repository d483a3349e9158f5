"""The numbers of a simulation, and some of the tickets behind each."""

from __future__ import annotations

from collections import Counter

import msgspec

from rules.simulate.compare import COMPARERS, Comparer, Difference, Lived

#: more different lines than these are only counted: a report is read by a person, and memory stays bounded
MOST_ROWS = 2000
#: characters of a line: a value of a field may be long
WIDTH = 160


class Example(msgspec.Struct, frozen=True):
    """A ticket behind a number."""

    id: str
    title: str


class Row(msgspec.Struct):
    """One line of the report."""

    theme: str
    what: str
    #: how many tickets differ so
    tickets: int = 0
    #: how often in all: updates count each
    number: int = 0
    examples: list[Example] = []


class Report:
    """Gathers what differs, ticket by ticket."""

    def __init__(self, *, examples: int = 5, comparers: tuple[Comparer, ...] = COMPARERS) -> None:
        self._most = examples
        self._comparers = comparers
        self._rows: dict[tuple[str, str], Row] = {}
        self.tickets = 0
        self.decisions = 0
        #: tickets for which anything differs
        self.differing = 0
        #: why tickets could not be simulated → how many
        self.left_out: Counter[str] = Counter()
        #: lines that are only counted, by theme
        self.more: Counter[str] = Counter()
        #: decisions for which the candidate asked for duplicates by what nobody had looked up
        self.not_looked_up = 0
        #: tickets whose bodies were left out of the history
        self.bodiless = 0

    def add(self, lived: Lived) -> tuple[Difference, ...]:
        """Take one ticket in; return what differs."""
        self.tickets += 1
        self.decisions += len(lived.would)
        self.not_looked_up += lived.not_looked_up
        self.bodiless += lived.history.bodiless
        found = tuple(each for comparer in self._comparers for each in comparer(lived))
        self.differing += bool(found)
        for each in found:
            self._count(each, Example(lived.history.ticket_id, lived.history.title))
        return found

    def also(self, comparer: Comparer) -> None:
        """Let one more theme be compared."""
        self._comparers = (*self._comparers, comparer)

    def leave_out(self, why: str) -> None:
        """Count a ticket that cannot be simulated."""
        self.left_out[why] += 1

    def _count(self, difference: Difference, ticket: Example) -> None:
        key = (difference.theme, difference.what[:WIDTH])
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MOST_ROWS:
                self.more[difference.theme] += 1
                return
            row = self._rows[key] = Row(*key, examples=[])
        row.tickets += 1
        row.number += difference.number
        if len(row.examples) < self._most:
            row.examples.append(ticket)

    @property
    def rows(self) -> list[Row]:
        """The lines, theme by theme, the largest first."""
        order = list(dict.fromkeys(theme for theme, _ in self._rows))
        return sorted(self._rows.values(), key=lambda row: (order.index(row.theme), -row.tickets, row.what))
