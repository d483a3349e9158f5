"""When a connection may be written to, and how long to wait: rate bucket, Retry-After, breaker, backoff.

Pure functions over DeskState. An open breaker, a pause and a Retry-After cost no attempt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import tenacity

from gateway.ports import ConnectionSettings, DeskState

#: full jitter, 5 s growing to 1 h: half an hour between two in the long run, so that these last about three days
FIRST_BACKOFF = 5
MAX_BACKOFF = 3600
MAX_ATTEMPTS = 150
#: a desk that is away cannot be looked at either: an unknown outcome is given up no sooner than an outage of days
MAX_PROBES = 150
#: and of one where a desk never says that it is not there
FEW_PROBES = 5

#: the first look at what was resolved waits for so many settle times; the others, each after the one before
LOOK_SETTLES = 4
LOOKS = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))

BREAKER_FAILURES = 5
BREAKER_FIRST = 5
BREAKER_MAX = 60
#: Retry-After that a desk did not name
THROTTLE_DEFAULT = 10
#: work without a rate limit
UNLIMITED = 1_000_000

_backoff = tenacity.wait_random_exponential(multiplier=FIRST_BACKOFF, max=MAX_BACKOFF)


class _Attempted:
    """What tenacity's wait strategies look at: the number of the attempt."""

    def __init__(self, number: int) -> None:
        self.attempt_number = number


def backoff(attempt: int) -> timedelta:
    """Return how long to wait after attempt number `attempt` (from 1) failed: at least a second, full jitter."""
    seconds = _backoff(cast("tenacity.RetryCallState", _Attempted(max(1, attempt))))
    return timedelta(seconds=max(1.0, seconds))


def budget(state: DeskState, settings: ConnectionSettings, now: datetime, in_flight: int) -> int:
    """Return how many more updates of a connection may be worked on now."""
    if state.paused or (state.not_before is not None and state.not_before > now):
        return 0
    if is_broken(state):
        waits = (state.open_until, state.trial_until)
        if any(moment is not None and moment > now for moment in waits):
            return 0
        return max(0, 1 - in_flight)
    if settings.rate_limit is None:
        return UNLIMITED
    return max(0, int(tokens(state, settings.rate_limit, now)))


def is_broken(state: DeskState) -> bool:
    """Say whether the breaker is open, or half-open: one lane of one worker may then try at a time."""
    return state.failures >= BREAKER_FAILURES


def tried(state: DeskState, until: datetime) -> DeskState:
    """Note that a lane tries whether the desk is back; a worker that dies over it leaves the place free at `until`."""
    return msgspec.structs.replace(state, trial_until=until)


def tokens(state: DeskState, rate: float, now: datetime) -> float:
    """Return the filling of the rate bucket: `rate` a second, at most one second's worth (at least one)."""
    full = max(1.0, rate)
    if state.tokens_at is None:
        return full
    return min(full, state.tokens + rate * max(0.0, (now - state.tokens_at).total_seconds()))


def spent(state: DeskState, settings: ConnectionSettings, now: datetime, number: int) -> DeskState:
    """Take `number` tokens out of the bucket."""
    if settings.rate_limit is None:
        return state
    left = tokens(state, settings.rate_limit, now) - number
    return msgspec.structs.replace(state, tokens=left, tokens_at=now)


def failed(state: DeskState, now: datetime) -> DeskState:
    """Count a failure of the desk itself; from the fifth in a row on the breaker opens, ever longer.

    What was on its way already when it opened says nothing new: forty lanes that meet one hiccup are one failure.
    """
    if state.open_until is not None and state.open_until > now:
        return state
    failures = state.failures + 1
    changes: dict[str, Any] = {"failures": failures}
    if failures >= BREAKER_FAILURES:
        seconds = min(BREAKER_MAX, BREAKER_FIRST * 2 ** min(20, failures - BREAKER_FAILURES))
        changes["open_until"] = now + timedelta(seconds=seconds)
    return msgspec.structs.replace(state, **changes)


def answered(state: DeskState) -> DeskState:
    """Note a definite answer: the breaker closes."""
    return msgspec.structs.replace(state, failures=0, open_until=None, trial_until=None)


def refused(state: DeskState, why: str) -> DeskState:
    """Pause the connection until a person has mended its credentials."""
    return msgspec.structs.replace(state, paused=f"credentials refused: {why}"[:500])


def throttled(state: DeskState, now: datetime, seconds: int | None) -> DeskState:
    """Let the whole connection wait as the desk asked."""
    until = now + timedelta(seconds=THROTTLE_DEFAULT if seconds is None else seconds)
    return msgspec.structs.replace(state, not_before=max(until, state.not_before or until))
