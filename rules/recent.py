"""What rules ask of a requester's other tickets, and how far back gateway.yaml says that is (`recent:`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from gateway.domain.recent import WITHIN
from rules.duration import seconds
from rules.problem import Problem
from rules.source import Document

PREFIX = "recent."
#: further back is no more recent, and each decision has to look through it
LONGEST = timedelta(days=366)


class Counting(msgspec.Struct, frozen=True):
    """What is counted before the rules run."""

    #: a ticket that was opened earlier before the decision is not counted
    within: timedelta = WITHIN
    #: the fields that a rule looks at, such as `recent.requester.tickets`; empty: nothing is counted
    names: frozenset[str] = frozenset()

    def needs(self, whose: str) -> bool:
        """Say whether a rule looks at the tickets of the `requester`, or of the `org`."""
        return any(name.startswith(f"{PREFIX}{whose}.") for name in self.names)


def counting(gateway: Document | None, sections: Any, problems: list[Problem]) -> Counting:
    """Read `recent:` and find what the rules look at; more than a year is a problem."""
    names = frozenset(_asked(sections))
    if gateway is None or not isinstance(gateway.root.get("recent"), dict):
        return Counting(names=names)
    section = gateway.root["recent"]
    written = section.get("within")
    if not isinstance(written, str):
        return Counting(names=names)
    try:
        within = timedelta(seconds=seconds(written))
    except ValueError:
        return Counting(names=names)  # the schema says so
    if within > LONGEST:
        message = f"{written} is longer than a year: that is not recent any more"
        problems.append(section["within"].error("wrong-value", message, "write a duration such as 30d"))
    return Counting(min(within, LONGEST), names)


def _asked(value: Any) -> Iterator[str]:
    """Go through the fields that any condition names, wherever it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str) and key.startswith(PREFIX):
                yield key
            yield from _asked(inner)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _asked(each)
