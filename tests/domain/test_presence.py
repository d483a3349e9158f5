"""Snapshots: giving somebody a ticket changes what a new snapshot would have said, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar
from gateway.domain.presence import Balance, Snapshot, State, has_room, ratio
from gateway.domain.roster import Agent, Roster

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ALWAYS = Calendar.from_spec("24x7")
AGENTS = [
    Agent(person=f"p{number:03}", team="t", units=number % 7, weights={"chat": 1 + number % 3}, hours=ALWAYS)
    for number in range(270)
]
FEW, MANY = Roster(AGENTS[:9]), Roster(AGENTS)
MOVES = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from(("email", "chat")), st.booleans(), st.integers(0, 5)), max_size=10
)


@settings(deadline=None, max_examples=40)
@given(MOVES, st.sampled_from(Balance), st.sampled_from((FEW, MANY)))
def test_a_snapshot_that_was_carried_on_is_the_one_that_would_be_made(
    moves: list[tuple[int, str, bool, int]], balance: Balance, roster: Roster
) -> None:
    """Room, units in use and the next in line, step by step; the one that it was made from stays as it was."""
    snapshot = Snapshot(roster, NOON)
    snapshot.room("chat")
    snapshot.best(roster.all, balance)
    for number, channel, gives, minutes in moves:
        before = (snapshot.used.copy(), snapshot.room(channel), snapshot.states)
        snapshot_later = snapshot.later(snapshot.at + timedelta(minutes=minutes))
        name = f"p{number:03}"
        moved = snapshot_later.given(name, channel) if gives else snapshot_later.taken(name, channel)
        assert (snapshot.used, snapshot.room(channel), snapshot.states) == before
        snapshot = moved
        fresh = Snapshot(roster, snapshot.at, snapshot.states)
        assert snapshot.used == fresh.used
        for each in ("chat", "email"):
            assert snapshot.room(each) == fresh.room(each)
        assert snapshot.best(roster.all, balance) == fresh.best(roster.all, balance)
        assert snapshot.orders == {balance: fresh.orders[balance]} if fresh.orders else True


@settings(deadline=None)
@given(st.integers(1, 2**270 - 1), st.sampled_from(Balance), st.integers(0, 7))
def test_very_many_are_compared_as_few_are(bits: int, balance: Balance, step: int) -> None:
    """A list that is kept in order, and asking one by one, come to the same person."""
    states = {
        agent.person: State(load={"email": number * step % 5}, assigned_at=NOON - timedelta(minutes=number * step % 11))
        for number, agent in enumerate(AGENTS)
    }
    snapshot = Snapshot(MANY, NOON, states)
    every = snapshot.best(MANY.all, balance)
    chosen = snapshot.best(bits, balance)
    assert bits >> chosen & 1
    order = snapshot.orders[balance]
    assert next(place for _, _, place in order if bits >> place & 1) == chosen
    assert order[0][2] == every


def test_capacity_is_counted_in_units_of_a_channel() -> None:
    """Ten units: a chat takes two, a mail one, and what nobody named takes one."""
    dana = Agent(person="dana", team="t", units=10, weights={"chat": 2, "email": 1}, hours=ALWAYS)
    assert [has_room(dana, 9, channel) for channel in ("chat", "email", "phone")] == [False, True, True]
    snapshot = Snapshot(Roster([dana]), NOON)
    for _ in range(4):
        snapshot = snapshot.given("dana", "chat")
    assert (snapshot.used, snapshot.state("dana").load) == ([8], {"chat": 8})
    assert snapshot.room("chat") == 1
    full = snapshot.given("dana", "email")
    assert (full.room("chat"), full.room("email")) == (0, 1)
    assert full.taken("dana", "chat").room("chat") == 1


def test_who_has_no_capacity_is_never_full_and_who_has_none_at_all_always_is() -> None:
    """The first is measured by what is usual."""
    free, nothing = Agent(person="a", team="t", hours=ALWAYS), Agent(person="b", team="t", units=0, hours=ALWAYS)
    assert has_room(free, 1000, "email")
    assert not has_room(nothing, 0, "email")
    assert ratio(free, 5) == 0.5
    assert ratio(nothing, 0) == float("inf")


def test_who_works_in_two_teams_has_one_load() -> None:
    """A ticket of one team takes room in the other."""
    agents = [Agent(person="a", team=team, units=1, hours=ALWAYS) for team in ("x", "y")]
    snapshot = Snapshot(Roster(agents), NOON).given("a", "email")
    assert (snapshot.used, snapshot.room("email")) == ([1, 1], 0)
