"""Bounces: desks whose own automations answer each other would hand one change to and fro for ever.

An *answer* is a change that a desk shows right after a write of ours, over that very field (or a comment after ours).
So many of them in a row, each at once, are no person's work: the sync of that ticket is stopped. Whoever may be a
person counts only where the same value comes back within moments, again and again, which no person does either; two
colleagues who disagree, or many who write at once, do not trip it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.echo import CLOCK_GRAIN
from gateway.domain.link import Observed

#: answers in a row, within WINDOW of the first, that stop the sync of a ticket
MOST_ROUNDS = 5
WINDOW = timedelta(hours=1)
#: how soon an automation answers; whoever may be a person has to be quicker to count
QUICK = timedelta(seconds=10)
AT_ONCE = timedelta(seconds=3)


def seen_now(before: Observed | None, now: Observed, *, machine: bool = False) -> Observed:
    """Return how a field reads now with its count of answers; `before` is how it read until now.

    `machine`: the desk says that the change was its own doing, or made through our account.
    """
    if before is None:
        return now
    replaced = before.replaced if before.ours or not now.ours else before.value
    rounds, since = before.rounds, before.since
    if before.ours and not now.ours:
        rounds, since = _answered(before, now) if is_answer(before, now, machine=machine) else (0, None)
    return msgspec.structs.replace(now, replaced=replaced, rounds=rounds, since=since)


def is_answer(before: Observed, now: Observed, *, machine: bool) -> bool:
    """Say whether a change answers a write of ours."""
    span = now.at - before.at
    if now.value == before.value or span < -CLOCK_GRAIN:
        return False
    return span <= QUICK if machine else span <= AT_ONCE and _comes_back(before.replaced, now.value)


def _comes_back(replaced: Any, value: Any) -> bool:
    return replaced is not None and replaced == value


def _answered(before: Observed, now: Observed) -> tuple[int, datetime | None]:
    if before.since is None or now.at - before.since > WINDOW:
        return 1, now.at
    return before.rounds + 1, before.since


def is_bounce(seen: Observed) -> bool:
    """Say whether it has been answered so often that it has to stop."""
    return seen.rounds >= MOST_ROUNDS


def stopped(seen: Observed) -> Observed:
    """Begin to count anew: what comes next is held by the dead letter."""
    return msgspec.structs.replace(seen, rounds=0, since=None)


def told(subject: str, connection: str) -> str:
    """Say what happened and what to do."""
    return (
        f"{subject} bounces: {connection} answered {MOST_ROUNDS} writes of ours in a row at once, so the sync of this "
        f"ticket stops here. Switch off one of the automations that answer each other (or let the sync rule carry "
        f"{subject} one way only), then replay; discard it to leave the desks as they are"
    )
