"""What made-up tickets are about: every rule of a site has some to decide on."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from gateway.domain.calendar import Calendar
from gateway.domain.ticket import Level
from gateway.flow.forecast.arrivals import Load, arrivals, as_ticket
from gateway.flow.forecast.behaviour import HANDLING, Act, Behaviour, lognormal, plan
from gateway.flow.forecast.mix import mix_of, solve, word_of
from gateway.flow.forecast.shifts import Hours, Remembering
from rules import Site, decide, load_site
from rules.examples import example
from tests.rules.making import NOW, installed
from tests.rules.routing.making import WEEKEND, routing

SUN = "follow-the-sun"


def sun() -> Site:
    """Return the site that follows the sun."""
    found, problems = load_site(example(SUN), installed())
    assert found is not None, problems
    return found


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ({"issue": "billing"}, [{"issue": "billing"}]),
        ({"priority": ["P1", "P2"], "kind": "incident"}, [{"priority": "P1", "kind": "incident"},
                                                          {"priority": "P2", "kind": "incident"}]),
        ({"any": [{"tier": "premium"}, {"status": "open"}]}, [{"tier": "premium"}]),
        ({"all": [{"tags": {"contains": "sev1"}}, {"not": {"tier": "premium"}}]}, [{"tags": ["sev1"]}]),
        ({"text": {"words": ["invoice"]}}, [{"text": "invoice"}]),
        ({"custom.size": {"above": 10}}, [{"custom.size": 11}]),
        ({"now": {"outside": "emea"}}, [None]),
        ({"assignee": "lucia"}, [None]),
    ],
)  # fmt: skip
def test_fields_are_found_for_a_condition(when: dict[str, object], wanted: list[object]) -> None:
    """One of those that let it hold; none where only time or people make it hold."""
    found = [solve(when, Random(seed)) for seed in range(20)]
    assert all(each in wanted for each in found)
    assert all(each in found for each in wanted)


@pytest.mark.parametrize("pattern", [r"\b(outage|down for everyone|cannot log ?in)\b", r"error\s+\d+", "(?i)api"])
def test_words_are_found_for_a_plain_pattern(pattern: str) -> None:
    """Words in which it is found."""
    assert all(word_of(pattern, Random(seed)) for seed in range(20))


def test_none_are_made_up_for_a_pattern_that_is_not_plain() -> None:
    """Then what the rule would have set is given."""
    assert word_of(r"^(?=.*x)[^y]{3,}(a|b$", Random(1)) is None


def test_every_rule_has_tickets_to_decide_on() -> None:
    """Of a few hundred: each classify rule, policy and route of the site, every region and every priority."""
    rules = sun().rules
    load = Load(tickets=400, begin=NOW, end=NOW + timedelta(days=7), seed=3)
    sets, policies, regions, levels, languages = set(), set(), set(), set(), set()
    for each in arrivals(load, mix_of(rules, ["acme-zendesk"]), rules):
        ticket = as_ticket(each)
        decision = decide(rules, ticket, previous=None, links=frozenset({"acme-zendesk"}), now=each.at)
        sets |= {one.rule for one in decision.sets}
        policies.add(decision.policy)
        regions.add(decision.ticket.region)
        levels.add(decision.ticket.priority.level)
        languages.add(decision.ticket.language)
    assert sets == {rule.name for rule in rules.classify_rules}
    assert policies == {policy.name for policy in rules.policies}
    assert regions == {"emea", "amer", "apac"}
    assert levels == {Level.P1, Level.P2, Level.P3, Level.P4}
    assert languages == {"en", "es", "de", "cs", "ja"}


def test_what_somebody_does_ends_with_a_solution() -> None:
    """An answer first; what is known of a ticket's handling is taken; half take less than the median."""
    for seed in range(50):
        steps = plan(Behaviour(), Level.P3, 2, Random(seed), known=7200).steps
        assert [act for _, act in steps].count(Act.MOVE) == 2
        assert (steps[0][1], steps[-1]) == (Act.ANSWER, (7200, Act.SOLVE))
        assert [after for after, _ in steps] == sorted(after for after, _ in steps)
    drawn = sorted(lognormal(HANDLING[Level.P3], Random(seed)) for seed in range(999))
    assert abs(drawn[499] - HANDLING[Level.P3]) < 0.1 * HANDLING[Level.P3]


def test_work_is_done_in_the_hours_of_a_calendar() -> None:
    """The same instants as a clock of that calendar, over both changes of the clocks and at the very edges."""
    calendar = Calendar.from_spec({"timezone": "Europe/Prague", "week": {"mon-fri": ["22:00-06:00", "09:00-12:30"]}})
    end = NOW + timedelta(days=300)
    hours = Hours(calendar.windows(NOW, end))
    chosen = Random(5)
    for _ in range(300):
        start = NOW + timedelta(minutes=chosen.randrange(200 * 1440))
        seconds = chosen.choice([1, 60, 3600, 12_600, 28_800, 41_400, 150_000])
        done = calendar.due(start, seconds)
        assert hours.after(start, seconds) == done
        assert done is not None
        assert hours.between(start, done) == seconds == calendar.elapsed(start, done)
    assert hours.after(NOW, 400 * 86_400) is None


def test_a_roster_remembers_what_is_true() -> None:
    """Whatever it was asked before, and in whatever order."""
    roster = routing().roster
    known = Remembering.of(roster)
    chosen = Random(9)
    for _ in range(200):
        at = WEEKEND + timedelta(minutes=chosen.randrange(14 * 1440))
        bits = chosen.randrange(1, roster.all + 1)
        assert known.next_on(bits, at) == roster.next_on(bits, at)
        for person in roster.names(roster.on_shift(at)):
            long = timedelta(hours=chosen.choice((1, 2)))
            assert known.shift_end(person, at, long) == roster.shift_end(person, at, long)
