"""What a desk said about its pace while it was read: 429 and 401 move its state for reads and writes alike."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from gateway.errors import AuthenticationError, GatewayError, ThrottledError
from gateway.flow import limits
from gateway.ports import AuditEntry, DeskState, Tx

log = logging.getLogger(__name__)

#: a delivery of a paused connection is looked at again after so many seconds
PAUSE_LOOK = 15.0


class Closed(msgspec.Struct, frozen=True):
    """Why a desk is not to be read now, and for how many seconds."""

    why: str
    seconds: float


#: what a round may change of a connection's state
_PACE = (
    "paused", "not_before", "failures", "open_until", "trial_until", "tokens", "tokens_at", "ahead", "ahead_at",
)  # fmt: skip


def closed(desks: Mapping[str, DeskState], connection: str, now: datetime) -> Closed | None:
    """Say whether a connection is to be left alone: paused, or asked to wait. A read costs no token of its bucket."""
    state = desks.get(connection)
    if state is None:
        return None
    if state.paused:
        return Closed(f"{connection} is paused ({state.paused}): mend it, then gateway connections test", PAUSE_LOOK)
    if state.not_before is not None and state.not_before > now:
        return Closed(f"{connection} asked us to wait", (state.not_before - now).total_seconds())
    return None


def open_to_reads(connections: Collection[str], desks: Mapping[str, DeskState], now: datetime) -> list[str]:
    """Return the connections that may be read for what can wait: not those that are shut, nor those that fail."""
    found = [desks.get(name, DeskState(connection=name)) for name in connections]
    return [
        state.connection
        for state in found
        if closed(desks, state.connection, now) is None and (state.open_until is None or state.open_until <= now)
    ]


def is_about_pace(error: object) -> bool:
    """Say whether a failed read tells how its connection is, and nothing about the ticket."""
    return isinstance(error, ThrottledError | AuthenticationError)


def seconds_of(answer: object) -> float:
    """Return for how many seconds a desk is left alone after what a read came to."""
    if isinstance(answer, Closed):
        return answer.seconds
    if isinstance(answer, ThrottledError):
        return float(limits.THROTTLE_DEFAULT if answer.seconds is None else answer.seconds)
    return PAUSE_LOOK


def note_read(tx: Tx, connection: str, error: GatewayError, now: datetime) -> None:
    """Let a connection wait, or pause it, as the failure of a read says; any other failure changes nothing."""
    before = tx.desks.get(connection)
    after = before
    if isinstance(error, ThrottledError):
        after = limits.throttled(before, now, error.seconds)
    elif isinstance(error, AuthenticationError):
        after = limits.refused(before, str(error))
        tell_pause(tx, before, after, now)
    if after != before:
        tx.desks.save(after)


def tell_pause(tx: Tx, before: DeskState, after: DeskState, now: datetime) -> None:
    """Tell a pause that begins in the log and in the audit trail, once."""
    if after.paused and not before.paused:
        # why is in words of the desk, and sealed: gateway connections list shows it
        log.error("connection paused", extra={"connection": after.connection})
        tx.audit.add([AuditEntry(now, "gateway", "connection paused", "", {"connection": after.connection})])


def onto(fresh: DeskState, state: DeskState, known: DeskState) -> DeskState:
    """Return `fresh` with what a round changed since it was `known`; the rest others may have changed meanwhile."""
    changed = {name: value for name in _PACE if (value := getattr(state, name)) != getattr(known, name)}
    return msgspec.structs.replace(fresh, **changed)
