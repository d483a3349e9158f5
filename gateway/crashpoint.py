"""Named places at which a fault test lets the process die, to show that whatever is left then is recovered from.

A place costs a function call that finds nothing armed. Tests arm one in a forked child; a real process arms itself when
its environment asks for it (`GATEWAY_CRASH_AT`, see docs/reliability.md), which nobody but a fault test should do.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

#: where a process may die, in the order of the journey
POINTS = (
    "receive.storing",  # verified, before the COMMIT of the delivery
    "receive.stored",  # committed, not answered
    "apply.claimed",  # the lease of the step is taken
    "apply.applying",  # a delivery is applied, before the COMMIT
    "apply.applied",  # committed, not rung
    "apply.rung",
    "outbox.coalescing",  # one update is merged into another, before the COMMIT
    "deliver.claimed",  # lanes are claimed
    "deliver.probing",  # an earlier attempt is looked for, before the answer
    "deliver.probed",  # after it
    "deliver.intending",  # the write is rendered, before the intent
    "deliver.intended",  # the intent is committed
    "deliver.guarded",  # the last look before the write leaves
    "http.sending",  # before the first byte of any request
    "http.answering",  # the desk has begun to answer
    "mail.sending",  # a mail is handed over but for its end, which makes the server take it
    "mail.answering",  # it was taken or refused
    "deliver.answered",  # the answer of the write is there, before the record
    "deliver.parting",  # a refused field has its letter, and its update goes on without it, before the COMMIT
    "deliver.recording",  # recorded, the lane not given back, before the COMMIT
    "deliver.releasing",  # given back, before the COMMIT
    "deliver.recorded",  # committed
    "replay.reopening",  # a dead letter is put back, before the COMMIT
    "bulk.freezing",  # the letters of a bulk are noted, their set is not said to be whole
    "bulk.dealing",  # one letter of a bulk is dealt with, before the COMMIT
    "bulk.dealt",  # some are committed, not rung, others wait
    "poll.keeping",  # the changes of a page are stored, their cursor is not, before the COMMIT
    "enrich.keeping",  # what a source answered is kept, the rules are not asked again, before the COMMIT
    "sweep.ringing",  # a step is rung, others may wait
    "sweep.firing",  # an escalation is noted, not carried out, before the COMMIT
    "sweep.routing",  # a ticket of the queue is given to somebody, before the COMMIT
    "sweep.sealing",  # a part of the audit trail is sealed, before the COMMIT
)

#: at most one; a list, so that arming needs no `global`
_armed: list[Callable[[str], None]] = []


def reach(point: str) -> None:
    """Say that the process has come to `point`; returns unless it is to die there."""
    if _armed:
        _armed[0](point)


def arm(act: Callable[[str], None]) -> None:
    """Have `act` called at every point from now on, in this process and its children."""
    _armed[:] = [act]


def die() -> None:
    """End this process as SIGKILL does: nothing is closed, undone or told."""
    os.kill(os.getpid(), signal.SIGKILL)


def chances(text: str) -> dict[str, float]:
    """Read `point=chance,point=chance`, where `*` is every point; raises ValueError saying what is wrong."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, chance = part.strip().partition("=")
        if name != "*" and name not in POINTS:
            raise ValueError(f"there is no crash point {name!r}; there are {', '.join(POINTS)}")
        try:
            found[name] = float(chance)
        except ValueError:
            raise ValueError(f"{part.strip()!r}: expected point=chance, a chance from 0 to 1") from None
        if not 0 <= found[name] <= 1:
            raise ValueError(f"{part.strip()!r}: a chance is from 0 to 1")
    return found


def by_chance(chance: Mapping[str, float], luck: Callable[[], float]) -> Callable[[str], None]:
    """Return what lets a process die at each point with its chance; `luck` draws from 0 to 1."""

    def act(point: str) -> None:
        if luck() < chance.get(point, chance.get("*", 0.0)):
            die()

    return act
