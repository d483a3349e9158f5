"""The stages that a ticket has gone through."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.ticket import Kind, Setter


class StageMove(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ticket entered a stage, and thereby left the one before."""

    ticket: str
    #: empty: it left a stage and entered none
    stage: str
    kind: Kind
    #: when it happened: the time of the edit at the desk, of the event on which a rule decided
    at: datetime
    #: when we learned of it
    recorded_at: datetime
    by: Setter = Setter.DESK
    #: connection, rule or person
    name: str = ""
