"""Stages: the steps that a kind of ticket goes through, entered by the status of a desk or by a rule.

Two things happen around classify. Before it, a status that somebody has just given the ticket at a desk enters the
stage that stands for it. After it, the stage is made to fit the kind: where it is none of the kind's own, the newest
status of a desk that stands for one is taken instead, and where there is none the ticket is in no stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway.domain.ticket import Kind, Setter, Stamp, Ticket
from rules.fields import DEFAULT_STAGES, Facts
from rules.trace import TraceLine


class DeskStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a desk words the ticket's status, where somebody there gave it that; what we wrote ourselves is not told."""

    connection: str
    #: the desk's own word
    native: str
    #: the time of that edit
    at: datetime
    #: a person, or the desk by itself
    by: Setter = Setter.DESK
    #: the event that is decided on brought it
    new: bool = False


class Stage(msgspec.Struct, frozen=True):
    """One stage of a kind."""

    name: str
    #: connection -> the statuses there that enter it, folded
    statuses: Mapping[str, frozenset[str]] = {}


class Stages:
    """The stages of every kind, in order."""

    __slots__ = ("_by_status", "_names", "kinds")

    def __init__(self, kinds: Mapping[Kind, tuple[Stage, ...]] | None = None) -> None:
        default = {Kind.IMPLEMENTATION: tuple(Stage(name) for name in DEFAULT_STAGES)}
        self.kinds: Mapping[Kind, tuple[Stage, ...]] = default | dict(kinds or {})
        self._names = {kind: tuple(stage.name for stage in stages) for kind, stages in self.kinds.items()}
        self._by_status = {
            (kind, connection, status): stage.name
            for kind, stages in self.kinds.items()
            for stage in stages
            for connection, statuses in stage.statuses.items()
            for status in statuses
        }

    def of(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of a kind's stages, in order; none where it has none."""
        return self._names.get(kind, ())

    def entered_by(self, kind: Kind, connection: str, native: str) -> str:
        """Return the stage that a status of a desk enters; empty when it stands for none."""
        return self._by_status.get((kind, connection, folded(native)), "")


NO_STAGES = Stages()


def folded(status: str) -> str:
    """Return a status as it is compared."""
    return status.strip().casefold()


def follow(stages: Stages, facts: Facts, desks: tuple[DeskStatus, ...]) -> tuple[Ticket, list[TraceLine]]:
    """Let the statuses that this event brought enter their stages; of a new ticket `settle` sees to that."""
    ticket = facts.ticket
    trace: list[TraceLine] = []
    if facts.previous is None:
        return ticket, trace
    for desk in desks:
        name = stages.entered_by(ticket.kind, desk.connection, desk.native) if desk.new else ""
        if not name:
            continue
        said = f"{desk.connection} says '{desk.native}'"
        kept = _kept(ticket, desk, facts.links)
        if kept:
            trace.append(TraceLine("stages", name, matched=False, reason=f"{said}, but {kept}"))
            continue
        moved = ticket.stage != name
        ticket = _entered(ticket, name, desk)
        effects = (f"stage = {name}",) if moved else ()
        trace.append(TraceLine("stages", name, matched=True, reason=said, effects=effects))
    return ticket, trace


def _kept(ticket: Ticket, desk: DeskStatus, links: frozenset[str]) -> str:
    """Return why the ticket stays in its stage, or nothing."""
    stamp = ticket.stamps.get("stage")
    if not ticket.stage or stamp is None or stamp.by is Setter.RULE:
        # a rule says where a ticket begins; that somebody has moved it on since is news
        return ""
    if desk.at < stamp.at.replace(microsecond=desk.at.microsecond and stamp.at.microsecond):
        return f"'{ticket.stage}' was entered later"
    by_hand = stamp.by is Setter.PERSON and stamp.name not in links
    if by_hand and desk.by is not Setter.PERSON:
        return f"a person ({stamp.name}) put it into '{ticket.stage}'"
    return ""


def _entered(ticket: Ticket, name: str, desk: DeskStatus) -> Ticket:
    before = ticket.stamps.get("stage")
    # the clocks of two desks differ a little: a ticket never leaves a stage before it has entered it
    at = max(desk.at, before.at) if before is not None else desk.at
    stamps = {**ticket.stamps, "stage": Stamp(desk.by, desk.connection, at)}
    return msgspec.structs.replace(ticket, stage=name, stamps=stamps)


def settle(stages: Stages, facts: Facts, desks: tuple[DeskStatus, ...]) -> tuple[Ticket, list[TraceLine]]:
    """Make the stage fit the kind, which classify may have changed."""
    ticket = facts.ticket
    known = stages.of(ticket.kind)
    if ticket.stage in known or not (ticket.stage or known):
        return ticket, []
    stamp = ticket.stamps.get("stage")
    same_kind = facts.previous is None or facts.previous.kind is ticket.kind
    if ticket.stage and same_kind and stamp is not None and stamp.by is Setter.PERSON:
        return ticket, []
    left = f"'{ticket.stage}' is no stage of {ticket.kind}; " if ticket.stage else ""
    for desk in sorted(desks, key=lambda each: each.at, reverse=True):
        name = stages.entered_by(ticket.kind, desk.connection, desk.native)
        if name:
            reason = f"{left}{desk.connection} says '{desk.native}'"
            line = TraceLine("stages", name, matched=True, reason=reason, effects=(f"stage = {name}",))
            return _entered(ticket, name, desk), [line]
    if not left:
        return ticket, []
    stamps = {field: each for field, each in ticket.stamps.items() if field != "stage"}
    line = TraceLine("stages", ticket.stage, matched=False, reason=f"{left}no desk says another", effects=("stage = ",))
    return msgspec.structs.replace(ticket, stage="", stamps=stamps), [line]
