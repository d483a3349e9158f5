"""Who is given tickets, by what desks and people say: only what is known keeps anybody from work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.availability import ACCEPTS, Absence, AgentState, KnownAgent, availability

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def known(
    state: AgentState, at: str = "acme-zendesk", *, active: bool = True, fresh: bool = True, seen: timedelta = HOUR
) -> KnownAgent:
    """Return an account of Dana's."""
    return KnownAgent(at, "9003", "dana", active, state, NOW - 2 * HOUR, NOW - seen, fresh)


@pytest.mark.parametrize("state", [AgentState.AVAILABLE, AgentState.UNKNOWN])
def test_who_is_there_or_not_known_accepts(state: AgentState) -> None:
    """A desk that does not say leaves everybody as the shifts have them."""
    assert availability([known(state)], None, NOW) == ACCEPTS
    assert availability([], None, NOW) == ACCEPTS


@pytest.mark.parametrize("state", [AgentState.AWAY, AgentState.OFFLINE])
def test_who_is_shown_as_absent_accepts_nothing(state: AgentState) -> None:
    """As long as it was heard not long ago; they are still called when they are on call."""
    found = availability([known(state)], None, NOW)
    assert (found.accepting, found.reachable, found.back) == (False, True, None)
    assert found.why == f"{state} at acme-zendesk since 2026-03-02 12:30 UTC"
    assert availability([known(state, fresh=False)], None, NOW) == ACCEPTS


def test_away_counts_wherever_it_was_said_and_offline_only_where_nobody_shows_them() -> None:
    """Somebody who works in one desk is never signed in at the other."""
    there, gone = known(AgentState.AVAILABLE), known(AgentState.OFFLINE, "other")
    assert availability([there, gone], None, NOW) == ACCEPTS
    assert availability([known(AgentState.UNKNOWN), gone], None, NOW).why.startswith("offline at other")
    assert availability([there, known(AgentState.AWAY, "other")], None, NOW).why.startswith("away at other")
    stale = known(AgentState.AVAILABLE, fresh=False)
    assert availability([stale, gone], None, NOW).why.startswith("offline at other")


def test_an_account_that_is_deactivated_is_given_nothing_for_a_day_after_it_was_heard() -> None:
    """Also when the desk does not answer for a while; not for ever on one old word."""
    found = availability([known(AgentState.UNKNOWN, "rt", active=False, fresh=False)], None, NOW)
    assert (found.accepting, found.reachable) == (False, False)
    assert found.why == "account 9003 is deactivated at rt since 2026-03-02 12:30 UTC"
    old = known(AgentState.UNKNOWN, "rt", active=False, seen=timedelta(days=1))
    assert availability([old], None, NOW) == ACCEPTS


def test_a_persons_word_counts_before_everything_and_until_its_end() -> None:
    """Nobody is called who was sent away by hand."""
    away = Absence("dana", NOW - HOUR, NOW + HOUR, "eva")
    found = availability([known(AgentState.AVAILABLE)], away, NOW)
    assert (found.accepting, found.reachable, found.back) == (False, False, NOW + HOUR)
    assert found.why == "away until 2026-03-02 15:30 UTC, by eva"
    assert availability([], Absence("dana", NOW - HOUR, NOW, "eva"), NOW) == ACCEPTS
    assert availability([], Absence("dana", NOW - HOUR, by="eva"), NOW).why == "away since 2026-03-02 13:30 UTC, by eva"
