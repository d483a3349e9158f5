"""What counts as an automation's answer to a write of ours, and what never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.bounce import AT_ONCE, MOST_ROUNDS, QUICK, WINDOW, is_bounce, seen_now, stopped
from gateway.domain.link import Link, LinkPatch, LinkState, Observed, Role, patched

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def after(rounds: int, *, span: timedelta, pause: timedelta = SECOND, machine: bool, value: str = "hold") -> Observed:
    """Return how a field reads after so many answers, each `span` after a write of ours."""
    link = Link("l", "t", "desk", LinkState.LIVE, Role.TARGET, observed={"status": Observed(value, NOW)})
    at = NOW
    for _ in range(rounds):
        at += pause
        link = patched(link, LinkPatch(observed={"status": Observed("open", at, ours=True)}))
        at += span
        seen = seen_now(link.observed["status"], Observed(value, at), machine=machine)
        link = Link("l", "t", "desk", LinkState.LIVE, Role.TARGET, observed={"status": seen})
    return link.observed["status"]


@pytest.mark.parametrize(("machine", "span"), [(True, QUICK), (False, AT_ONCE)])
def test_as_many_answers_in_a_row_are_a_bounce(machine: bool, span: timedelta) -> None:
    """The last round is one, the one before is not, and after a stop it is counted anew."""
    assert not is_bounce(after(MOST_ROUNDS - 1, span=span, machine=machine))
    found = after(MOST_ROUNDS, span=span, machine=machine)
    assert is_bounce(found)
    assert not is_bounce(stopped(found))


@given(st.integers(min_value=1, max_value=40), st.integers(min_value=4, max_value=10_000))
def test_a_person_who_takes_a_moment_never_bounces(rounds: int, seconds: int) -> None:
    """Two people who undo each other's status for ever, four seconds apart or more, stop nothing."""
    assert not is_bounce(after(rounds, span=timedelta(seconds=seconds), machine=False))


def test_a_person_who_sets_something_else_never_bounces() -> None:
    """Quick as it may be: a value that does not come back is work that goes on."""
    seen = Observed("v", NOW)
    for number in range(3 * MOST_ROUNDS):
        ours = seen_now(seen, Observed("ours", NOW, ours=True))
        seen = seen_now(ours, Observed(f"v{number}", NOW), machine=False)
        assert not is_bounce(seen)


def test_answers_that_are_far_apart_are_no_bounce() -> None:
    """A trigger that corrects one write a day is no loop."""
    assert not is_bounce(after(3 * MOST_ROUNDS, span=SECOND, pause=WINDOW, machine=True))


def test_an_edit_that_our_write_came_upon_is_no_answer() -> None:
    """What somebody did before our write landed does not answer it."""
    assert not is_bounce(after(MOST_ROUNDS, span=-5 * SECOND, pause=20 * SECOND, machine=True))
