"""Which of the accounts that a desk lists are those of the site's people, and when one of them lets the queue move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.availability import AgentState, DeskAgent, KnownAgent
from gateway.flow.agents import frees, ours
from rules.routes import Routing

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=1)
PEOPLE = {
    ("", "dana@acme.example"): "dana",
    ("", "noah@acme.example"): "noah",
    ("zen", "9003"): "dana",
    ("other", "7"): "noah",
}


def known(account: str, person: str, state: AgentState = AgentState.UNKNOWN, *, active: bool = True) -> KnownAgent:
    """Return an account as it was heard a minute ago."""
    return KnownAgent("zen", account, person, active, state, BEFORE, BEFORE)


def kept(*found: DeskAgent, before: tuple[KnownAgent, ...] = ()) -> dict[str, KnownAgent]:
    """Return what is kept, by account."""
    return {each.account_id: each for each in ours(Routing(people=PEOPLE), "zen", found, before, NOW)}


def test_who_is_named_by_an_account_is_known_by_it_alone() -> None:
    """An older account with the same address says nothing of Dana; Noah has none there and is known by his."""
    found = kept(
        DeskAgent("9003", "elsewhere@acme.example"),
        DeskAgent("9002", "dana@acme.example", active=False),
        DeskAgent("9004", "Noah@ACME.example"),
        DeskAgent("9999", "stranger@acme.example"),
    )
    assert {account: each.person for account, each in found.items()} == {"9003": "dana", "9004": "noah"}


def test_a_state_keeps_its_beginning_until_it_changes() -> None:
    """As the desk tells it, else since we heard it first."""
    before = (known("9003", "dana", AgentState.AWAY),)
    assert kept(DeskAgent("9003", state=AgentState.AWAY), before=before)["9003"].since == BEFORE
    assert kept(DeskAgent("9003", state=AgentState.OFFLINE), before=before)["9003"].since == NOW
    said = NOW - timedelta(hours=2)
    assert kept(DeskAgent("9003", state=AgentState.AWAY, since=said), before=before)["9003"].since == said


def test_who_is_listed_no_more_is_deactivated_as_long_as_the_site_names_them() -> None:
    """And is told so since then; whom the files do not know any more is forgotten."""
    gone = kept(before=(known("9003", "dana"), known("1", "zoe"), known("9002", "dana")))
    assert set(gone) == {"9003"}
    assert (gone["9003"].active, gone["9003"].since, gone["9003"].seen_at) == (False, NOW, NOW)
    again = kept(before=(known("9003", "dana", active=False),))["9003"]
    assert (again.active, again.since, again.seen_at) == (False, BEFORE, NOW)


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        (known("1", "a", AgentState.AWAY), known("1", "a", AgentState.AVAILABLE), True),
        (known("1", "a", AgentState.OFFLINE), known("1", "a"), True),
        (known("1", "a"), known("1", "a", AgentState.AVAILABLE), True),
        (known("1", "a", active=False), known("1", "a"), True),
        (known("1", "a", AgentState.AWAY), known("2", "a"), True),
        (known("1", "a", AgentState.AVAILABLE), known("1", "a", AgentState.AVAILABLE), False),
        (known("1", "a"), known("1", "a"), False),
        (known("1", "a", AgentState.OFFLINE), known("1", "a", AgentState.AWAY), False),
        (known("1", "a", AgentState.AVAILABLE), known("1", "a", AgentState.AWAY), False),
        (known("1", "a", AgentState.AVAILABLE), known("1", "a"), False),
    ],
)
def test_the_queue_moves_when_somebody_may_be_given_tickets_who_might_not(
    before: KnownAgent, after: KnownAgent, *, moves: bool
) -> None:
    """Not for what keeps more people from work, nor for what stays as it is."""
    assert frees([before], [after]) is moves
