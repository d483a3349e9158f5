"""What is known of the decisions on one ticket: what each was made from, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.ticket import Priority, Status, Ticket
from rules.decide import Decision, RuleSet
from rules.inputs import Inputs
from rules.simulate.outgoing import outgoing

#: what rules decide about a ticket; `custom.NAME` beside these
FIELDS = ("kind", "issue", "intent", "priority", "tier", "stage", "language", "region", "tags", "duplicate_of")

VERSION = 1


class HistoryError(ValueError):
    """A line of an exported history cannot be read; the text says why."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a decision came to, in words."""

    #: field -> value after the decision
    fields: dict[str, str] = {}
    policy: str = ""
    #: connections in which the ticket was to be created
    created: tuple[str, ...] = ()
    #: `propose ID` or `merge ID` for each duplicate that was found
    duplicates: tuple[str, ...] = ()
    #: connection -> field -> what that desk is to show from then on
    told: dict[str, dict[str, str]] = {}

    @staticmethod
    def of(decision: Decision, rules: RuleSet, links: frozenset[str]) -> Outcome:
        """Sum a decision up. `links` are the connections in which the ticket lived before it."""
        created = tuple(rule.target for rule in decision.create)
        return Outcome(
            fields=_fields(decision.ticket),
            policy=decision.policy,
            created=created,
            duplicates=tuple(f"{each.action} {each.of}" for each in decision.duplicates),
            told=outgoing(rules, decision.ticket, links | set(created)),
        )


class Happened(msgspec.Struct, frozen=True):
    """One decision as it was. The inputs hold the body."""

    inputs: Inputs
    outcome: Outcome


class Promised(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was promised of a ticket, and what came of it by `until`."""

    until: datetime
    log: tuple[LogEntry, ...] = ()
    #: metric -> how many promises were made, and how many of them were broken
    clocks: dict[str, tuple[int, int]] = {}
    #: who said something publicly, and when, where nothing was promised and so there is no log
    said: tuple[tuple[EntryKind, datetime], ...] = ()


class Went(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a ticket went: by the router, with nobody having anything in hand; empty where nothing routes."""

    route: str = ""
    outcome: str = ""
    region: str = ""
    team: str = ""
    person: str = ""
    queue: str = ""
    #: everybody who had it, in order
    had: tuple[str, ...] = ()


class TicketHistory(msgspec.Struct, frozen=True, omit_defaults=True):
    """The decisions on one ticket, oldest first."""

    ticket_id: str
    title: str
    decisions: tuple[Happened, ...]
    #: bodies were left out: rules that look at `text` or `body` cannot be simulated
    bodiless: bool = False
    #: None: an export from before there were clocks
    promised: Promised | None = None
    #: by the rules that decided; None: an export from before there were routes
    went: Went | None = None
    version: int = VERSION


def _fields(ticket: Ticket) -> dict[str, str]:
    values: Mapping[str, Any] = {
        **{name: getattr(ticket, name) for name in FIELDS},
        **{f"custom.{name}": value for name, value in ticket.custom.items()},
    }
    return {name: words for name, value in values.items() if (words := in_words(value))}


def in_words(value: Any) -> str:
    """Return a value as a report shows it; empty where there is none."""
    if isinstance(value, Priority):
        return str(value.level)
    if isinstance(value, Status):
        return str(value.category)
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return "" if value is None else str(value)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TicketHistory)


def line(history: TicketHistory, *, bodies: bool = True) -> bytes:
    """Return the history of a ticket as one line of an export, without its line feed."""
    if not bodies:
        history = msgspec.structs.replace(
            history, bodiless=True, decisions=tuple(_without_body(each) for each in history.decisions)
        )
    return _encoder.encode(history)


def _without_body(happened: Happened) -> Happened:
    ticket = msgspec.structs.replace(happened.inputs.ticket, body="")
    before = happened.inputs.before
    kept = {name: value for name, value in before.items() if name != "body"} if before is not None else None
    return msgspec.structs.replace(
        happened, inputs=msgspec.structs.replace(happened.inputs, ticket=ticket, before=kept, same_body=False)
    )


def read_line(text: bytes) -> TicketHistory:
    """Read a line of an export; raises HistoryError."""
    try:
        history = _decoder.decode(text)
    except msgspec.DecodeError as error:
        msg = f"this is no line of an exported history: {error}"
        raise HistoryError(msg) from None
    if history.version != VERSION:
        msg = f"it has version {history.version} of the format; this gateway reads version {VERSION}"
        raise HistoryError(msg)
    return history
