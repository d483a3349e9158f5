"""Pace and patience: buckets, Retry-After, breaker, backoff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.flow import limits
from gateway.ports import ConnectionSettings, DeskState

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FREE = ConnectionSettings("desk", "zendesk", "https://desk.example", {})
SLOW = ConnectionSettings("desk", "zendesk", "https://desk.example", {}, rate_limit=2.0)
DESK = DeskState("desk")


def test_a_paused_or_throttled_connection_gets_nothing() -> None:
    """A pause lasts until a person ends it, a Retry-After until its time."""
    assert limits.budget(DeskState("desk", paused="wrong password"), FREE, AT, 0) == 0
    throttled = limits.throttled(DESK, AT, 30)
    assert limits.budget(throttled, FREE, AT + timedelta(seconds=29), 0) == 0
    assert limits.budget(throttled, FREE, AT + timedelta(seconds=31), 0) == limits.UNLIMITED


def test_the_breaker_opens_then_lets_one_through() -> None:
    """Five failures in a row open it; after its time one try is let through; an answer closes it."""
    state = DESK
    for _ in range(5):
        state = limits.failed(state, AT)
    assert limits.budget(state, FREE, AT, 0) == 0
    later = AT + timedelta(seconds=limits.BREAKER_MAX)
    assert limits.budget(state, FREE, later, 0) == 1
    assert limits.budget(state, FREE, later, 1) == 0
    assert limits.budget(limits.answered(state), FREE, AT, 0) == limits.UNLIMITED


def test_while_one_lane_tries_a_desk_no_other_worker_does() -> None:
    """The one that tries is known to all; it is over with its outcome, or with the time of a worker that died."""
    state = DESK
    for _ in range(5):
        state = limits.failed(state, AT)
    later = AT + timedelta(seconds=limits.BREAKER_MAX)
    trying = limits.tried(state, later + timedelta(seconds=30))
    assert limits.budget(trying, FREE, later, 0) == 0
    assert limits.budget(trying, FREE, later + timedelta(seconds=31), 0) == 1
    assert limits.answered(trying).trial_until is None


@given(steps=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 50)), max_size=40))
def test_a_rate_is_never_exceeded_over_time(steps: list[tuple[int, int]]) -> None:
    """However the work comes, no more is let out than the rate and one second's worth in advance."""
    state, at, let_out = DESK, AT, 0
    for millis, wanted in steps:
        at += timedelta(milliseconds=millis)
        number = min(wanted, limits.budget(state, SLOW, at, 0))
        state = limits.spent(state, SLOW, at, number)
        let_out += number
    assert let_out <= 2.0 * (at - AT).total_seconds() + 2.0 + 1e-6


@given(attempt=st.integers(1, 100))
def test_a_backoff_is_between_a_second_and_an_hour(attempt: int) -> None:
    """Full jitter: somewhere up to a limit that doubles."""
    wait = limits.backoff(attempt).total_seconds()
    assert 1 <= wait <= min(limits.MAX_BACKOFF, max(1, limits.FIRST_BACKOFF * 2 ** (attempt - 1)))


def test_the_attempts_at_a_desk_that_is_away_last_about_three_days() -> None:
    """A desk that comes back after a weekend finds its updates still waiting, not given up."""
    lasts = [sum(limits.backoff(each).total_seconds() for each in range(1, limits.MAX_ATTEMPTS)) for _ in range(20)]
    days = sorted(each / 86_400 for each in lasts)
    assert days[0] > 2.2
    assert days[-1] < 3.7


def test_many_lanes_that_meet_one_hiccup_open_the_breaker_once() -> None:
    """Forty answers that were lost together cost five seconds, not an hour; only failures after that make it longer."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    state = DeskState("desk")
    for number in range(40):
        state = limits.failed(state, now + timedelta(milliseconds=number))
    assert state.open_until is not None
    assert state.open_until - now <= timedelta(seconds=limits.BREAKER_FIRST + 1)
    later = state.open_until + timedelta(seconds=1)
    again = limits.failed(state, later)
    assert again.open_until is not None
    assert again.open_until - later == timedelta(seconds=2 * limits.BREAKER_FIRST)


def test_looking_for_a_lost_answer_goes_on_through_an_outage_of_days() -> None:
    """A desk that cannot be asked has not said that anything is ambiguous."""
    waited = sum((limits.backoff(number) for number in range(1, limits.MAX_PROBES)), timedelta())
    assert timedelta(days=2) < waited < timedelta(days=7)
