# ruff: noqa: E501 - rule files, and what is said of them
"""The queue: who is next, who is skipped, and that nobody is overtaken for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.domain.presence import Snapshot, State
from gateway.domain.ticket import Level, Priority
from rules.routed import Outcome, Work
from rules.routes import Routing
from rules.waiting import Waiting, given_now, next_given, order
from tests.rules.making import facts, ticket
from tests.rules.routing.making import BOTH, HOURS, PEOPLE, SITE, full, routing

ONE = (
    f"{HOURS}{PEOPLE}teams: {{all: {{calendar: always}}}}\n"
    "agents:\n  - {person: dana, team: all, skills: {billing: 2}, capacity: 1}\n"
)
ALL = ONE + "routes: [{name: all}]\nrouting: {max_wait: 4h}\n"


def waiting(
    name: str,
    minutes: int = 0,
    level: Level = Level.P3,
    due: datetime | None = None,
    at: datetime = BOTH,
    **fields: str,
) -> Waiting:
    """Return a ticket that has waited for some minutes."""
    made = ticket(id=name, created_at=at, updated_at=at, priority=Priority(level), channel="email", **fields)
    return Waiting(facts=facts(made, now=at), work=Work(waiting_since=at - timedelta(minutes=minutes), due=due))


def names(found: list[Waiting]) -> list[str]:
    """Return the ids of tickets."""
    return [each.id for each in found]


def in_order(*queue: Waiting, rules: str = ALL) -> list[str]:
    """Return the queue in its order."""
    return names(order(routing(rules), queue, BOTH))


def test_what_is_due_first_is_next() -> None:
    """By how much time is left, in buckets: within one, minutes do not count."""
    later = waiting("later", due=BOTH + timedelta(hours=8), level=Level.P1)
    never = waiting("never", level=Level.P1)
    soon = waiting("soon", due=BOTH + timedelta(minutes=40), level=Level.P4)
    over = waiting("over", due=BOTH - timedelta(hours=1), level=Level.P4)
    assert in_order(later, never, soon, over) == ["over", "soon", "later", "never"]


def test_within_a_bucket_priority_and_minutes_of_waiting_add_up() -> None:
    """A P1 overtakes a P3 that has waited for less than seven hours, and none that has waited longer."""
    rules = ALL.replace("max_wait: 4h", "max_wait: 1d")
    first = waiting("first", level=Level.P1)
    for minutes, expected in ((419, ["first", "other"]), (421, ["other", "first"])):
        assert in_order(first, waiting("other", minutes), rules=rules) == expected


def test_what_has_waited_too_long_stands_in_front() -> None:
    """Although nothing is ever due."""
    soon = waiting("soon", due=BOTH + timedelta(minutes=40), level=Level.P1)
    for minutes, expected in ((239, ["soon", "old"]), (240, ["old", "soon"])):
        assert in_order(soon, waiting("old", minutes, Level.P4)) == expected


def test_the_order_in_which_the_queue_comes_does_not_matter() -> None:
    """Of what is alike in everything, the id decides."""
    queue = [waiting(name, 5) for name in "cab"]
    assert in_order(*queue) == in_order(*reversed(queue)) == ["a", "b", "c"]


def test_a_head_that_nobody_can_have_holds_up_none_behind_it() -> None:
    """The first that can be given is."""
    rules = routing(ONE + "routes: [{name: api, when: {issue: api}, needs: {skills: {sso: 1}}}, {name: all}]\n")
    queue = [waiting("head", 600, Level.P1, BOTH + timedelta(hours=20), issue="api"), waiting("next", 1)]
    found = next_given(rules, queue, Snapshot(rules.roster, BOTH))
    assert found is not None
    assert (found.id, found.routed.agent) == ("next", "dana")


def test_what_is_given_takes_room_from_those_behind() -> None:
    """One place, two tickets: one of them has it."""
    rules = routing(ALL)
    given = list(given_now(rules, [waiting("a", 1), waiting("b", 2)], Snapshot(rules.roster, BOTH)))
    assert [(each.id, each.routed.agent) for each in given] == [("b", "dana")]
    assert next_given(rules, [waiting("a")], Snapshot(rules.roster, BOTH, full("dana"))) is None


def test_freed_room_pulls_the_queue() -> None:
    """A snapshot in which somebody is through with one gives out the next."""
    rules = routing(ALL)
    busy = Snapshot(rules.roster, BOTH, full("dana", units=1))
    assert next_given(rules, [waiting("a")], busy) is None
    found = next_given(rules, [waiting("a")], busy.taken("dana", "email"))
    assert found is not None


def test_a_ticket_in_the_queue_that_cannot_wait_any_longer_is_somebodys_on_call() -> None:
    """Its wait was thought to end before it is due; now it would not."""
    rules = routing(SITE)
    queue = [waiting("late", 30, Level.P1, BOTH + timedelta(minutes=1), issue="billing", language="es", region="emea")]
    states = full("lucia", "marek", "dana", "noah")
    (given,) = given_now(rules, queue, Snapshot(rules.roster, BOTH, states))
    assert (given.routed.outcome, given.routed.agent) == (Outcome.ON_CALL, "eva")


@pytest.mark.parametrize(("raised", "first"), [(0, "urgent"), (2, "plain")])
def test_a_relaxation_that_raises_the_priority_promotes(raised: int, first: str) -> None:
    """From P3 to P1, and so before one that came a little later."""
    rules = ONE + f"routes: [{{name: all, relax: [{{after: 30m, raise_priority: {raised}, widen: true}}]}}]\n"
    assert in_order(waiting("plain", 31), waiting("urgent", 1, Level.P2), rules=rules)[0] == first


def simulated(rules: Routing, arriving: int, minutes: int) -> dict[str, int]:
    """Let urgent tickets come faster than they can be worked on, one plain one among them; return who waited how long."""
    snapshot = Snapshot(rules.roster, BOTH)
    queue = [waiting("plain", level=Level.P4)]
    had: dict[str, int] = {}
    for minute in range(minutes):
        at = BOTH + timedelta(minutes=minute)
        snapshot = snapshot.later(at)
        queue += [waiting(f"urgent-{minute}-{number}", level=Level.P1, due=BOTH + timedelta(days=9), at=at)
                  for number in range(arriving)]  # fmt: skip
        for given in list(given_now(rules, queue, snapshot)):
            had[given.id] = minute
            queue = [each for each in queue if each.id != given.id]
        # whoever has one is through with it within the minute
        snapshot = snapshot.with_state("dana", State())
    return had


def test_a_ticket_that_nothing_is_due_for_is_not_overtaken_for_ever() -> None:
    """Two urgent ones a minute for one agent who does one a minute: it has its turn after the longest wait."""
    had = simulated(routing(ALL), arriving=2, minutes=600)
    assert "plain" in had
    assert had["plain"] >= 239
