"""One line of an explanation: what a rule did with a ticket, or why it did nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.person import RemotePerson
from rules.duration import words


class TraceLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one rule in one decision."""

    phase: str
    rule: str
    matched: bool
    #: the first condition that failed with the actual value, or what a rule that matched came to
    reason: str = ""
    #: False when it was not asked at all, because nothing that it reads has changed
    ran: bool = True
    #: for each thing that a rule that matched wanted: `kind = incident`, `priority kept: set by a person`
    effects: tuple[str, ...] = ()


def shown(value: Any) -> str:
    """Return a value as a trace shows it: short, in the admin's words."""
    if isinstance(value, RemotePerson):
        return value.label
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if isinstance(value, float):
        return words(int(value)) if value >= 1 else str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(str(each) for each in value[:8]) + ("…" if len(value) > 8 else "") + "]"
    text = str(value)
    return f"'{text[:57]}…'" if len(text) > 60 else f"'{text}'"
