"""What counts in a report, where and when; what was said before something was heard of late."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.clock_log import LogEntry
from gateway.domain.report.advice import look_first, metric_lines, place_lines, slowest, target_lines
from gateway.domain.report.counted import Period, counts_at, moved
from gateway.domain.report.course import Place, Slice
from gateway.domain.report.figures import ALARM, GOAL, Share
from gateway.domain.report.totals import Tally, Totals
from tests.domain.report.lives import HOUR, MONDAY, at, opened, say, story, totals

WEEK = MONDAY + timedelta(days=7)


def numbers(tally: Tally) -> Counter[str]:
    """Return what was counted, without the lengths."""
    return Counter({name: n for name, n in tally.numbers.items() if n})


def test_a_kept_and_a_broken_promise_count_at_their_end() -> None:
    """Met of met and broken; what was canceled or goes on unbroken does not count."""
    kept = [*opened(at(9)), say("agent", at(9.5)), say("solved", at(12))]
    late = [*opened(at(9), "P2"), say("agent", at(11)), say("solved", at(12))]
    off = [*opened(at(9)), say("ended", at(9.5), reason="called off")]
    waits = opened(at(9, 1))
    found = totals([kept, late, off, waits], MONDAY, WEEK, at(9.5, 1))
    assert numbers(found.total) >= Counter(met=3, breached=1, canceled=2, solved=2)
    assert (found.total.numbers["met"], found.total.numbers["canceled"]) == (3, 2)
    assert found.total.numbers["running_s"] == sum(
        found.total.samples[name].total for name in ("first_response", "resolution")
    )
    assert {name: (t.numbers["met"], t.numbers["breached"]) for name, t in found.slices.items()} == {
        "P1": (2, 0),
        "P2": (1, 1),
    }
    assert found.total.samples["first_response"].percentile(Fraction(50)) == HOUR // 2
    assert found.total.samples["overrun"].total == HOUR


def test_a_breach_counts_when_it_broke_until_it_is_done() -> None:
    """Open, it is of the day of its breach; done, of the day on which that was: once in all."""
    log = [*opened(at(23.5)), say("agent", at(3, 1))]
    monday, tuesday = (MONDAY, at(0, 1)), (at(0, 1), at(0, 2))
    early = at(2, 1)
    assert totals([log], *monday, early).total.numbers["breached"] == 0
    assert totals([log], *tuesday, early).total.numbers["breached"] == 1
    assert totals([log], *tuesday, early).total.numbers["overdue"] == 1
    late = [*opened(at(22.5)), say("agent", at(3, 1))]
    assert totals([late], *monday, early).total.numbers["breached"] == 1
    done = totals([late], *monday, at(4, 1))
    assert (done.total.numbers["breached"], done.moved) == (0, 1)
    assert totals([late], *tuesday, at(4, 1)).total.numbers["breached"] == 1


def test_what_goes_on_has_no_share_of_the_time_yet() -> None:
    """How long it will wait is not known: a report of later would say otherwise."""
    log = [*opened(at(9)), say("agent", at(9.5)), say("pauses", at(10), metrics=("resolution",))]
    late = [*opened(at(9)), say("customer", at(9.1))]
    found = totals([log, late], MONDAY, at(0, 1), at(13))
    assert found.total.numbers["breached"] == 2
    assert (found.total.numbers["paused_s"], found.total.numbers["running_s"]) == (0, HOUR // 2)
    ended = [*log, say("solved", at(12))]
    found = totals([ended], MONDAY, at(0, 1), at(13))
    assert (found.total.numbers["paused_s"], found.total.numbers["running_s"]) == (2 * HOUR, HOUR + HOUR // 2)


def test_a_clock_of_updates_counts_from_the_first_response_on() -> None:
    """Until then it is nobody's concern, broken or not."""
    log = [*opened(at(9), "P3"), say("agent", at(12)), say("agent", at(12.5)), say("solved", at(14))]
    found = totals([log], MONDAY, WEEK, WEEK)
    assert (found.total.numbers["met"], found.total.numbers["breached"]) == (1, 1)
    assert totals([opened(at(9), "P3")], MONDAY, WEEK, at(12)).total.numbers["overdue"] == 0


def test_the_owner_at_the_breach_counts_and_not_who_repaired_it() -> None:
    """A promise that Ada let break stays hers when Bo has the ticket at last; a kept one is of who kept it."""
    log = [
        *opened(at(9), owner="ada"),
        say("context", at(11), context={"owner": "bo"}),
        say("agent", at(12)),
        say("customer", at(12.5)),
        say("agent", at(13)),
    ]
    found = totals([log], MONDAY, WEEK, at(14), Slice.OWNER)
    assert {name: (t.numbers["met"], t.numbers["breached"]) for name, t in found.slices.items() if name} == {
        "ada": (0, 1),
        "bo": (1, 0),
    }


def test_every_slice_takes_its_value_from_where_the_ticket_stood() -> None:
    """Team, client, project, issue and source of that time; a stage's promise is of its stage."""
    context = {"client": "Acme", "project": "atlas", "issue": "login", "source": "zendesk"}
    log = [
        *opened(at(9), **context),
        say("team", at(9), name="ops"),
        say("stage", at(9), name="testing"),
        say("stage", at(10), name="handover"),
        say("team", at(11), name="sales"),
    ]
    wanted = {
        Slice.TEAM: "ops", Slice.CLIENT: "Acme", Slice.PROJECT: "atlas", Slice.ISSUE: "login",
        Slice.SOURCE: "zendesk", Slice.STAGE: "testing", Slice.POLICY: "standard",
    }  # fmt: skip
    for by, value in wanted.items():
        found = totals([log], MONDAY, WEEK, at(10), by)
        assert found.slices[value].numbers["met"] == 1, by


def test_work_is_counted_when_it_is_done() -> None:
    """Solved for good, reopened, set by hand; handling is the time in which somebody had it and waited for nobody."""
    log = [
        *opened(at(9)),
        say("context", at(10), context={"owner": "ada"}),
        say("status", at(11), name="pending_customer"),
        say("status", at(13), name="open"),
        say("override", at(13), metric="resolution", due=at(16)),
        say("override", at(13.5), metric="resolution"),
        say("solved", at(14)),
        say("reopened", at(10, 1)),
        say("solved", at(11, 1)),
    ]
    found = totals([log], MONDAY, WEEK, WEEK)
    assert numbers(found.total) >= Counter(solved=1, reopened=1, overrides=1)
    # an hour before it waited, one after, one when it was open again: open time of the office
    assert found.total.samples["handling"].total == 3 * HOUR
    nobody = [*opened(at(9)), say("solved", at(12))]
    assert "handling" not in totals([nobody], MONDAY, WEEK, WEEK).total.samples


def test_answers_are_measured_where_nothing_was_promised_of_them() -> None:
    """By the ticket's calendar, from the oldest question; they are in no compliance, and none is counted twice."""
    log = [
        *opened(at(16), "P4"),
        say("agent", at(10, 1)),
        say("customer", at(11, 1)),
        say("customer", at(11.5, 1)),
        say("agent", at(12, 1)),
        say("customer", at(13, 1)),
        say("solved", at(14, 1)),
    ]
    found = totals([log], MONDAY, WEEK, WEEK)
    lengths = {name: (len(each), each.total) for name, each in found.total.samples.items()}
    assert lengths["first_response"] == (1, 2 * HOUR)
    assert lengths["next_reply"] == (2, 2 * HOUR)
    assert lengths["resolution"] == (1, 6 * HOUR)
    assert (found.total.numbers["met"], found.metrics, found.targets) == (0, {}, {})
    assert "next_reply" not in totals([log], MONDAY, at(11, 1), WEEK).total.samples
    promised = [*opened(at(9)), say("agent", at(9.5))]
    assert len(totals([promised], MONDAY, WEEK, at(10)).total.samples["first_response"]) == 1


def test_times_in_places_count_when_they_end() -> None:
    """In open time of the calendar; what a ticket is in while it is done is no place."""
    log = [
        *opened(at(16)),
        say("stage", at(16), name="testing"),
        say("status", at(10, 1), name="on_hold"),
        say("stage", at(11, 1), name=""),
        say("status", at(12, 1), name="resolved"),
        say("solved", at(12, 1)),
    ]
    found = totals([log], MONDAY, WEEK, WEEK)
    assert {key: sample.total for key, sample in found.places.items()} == {
        (Place.STATUS, "open"): 2 * HOUR,
        (Place.STATUS, "on_hold"): 2 * HOUR,
        (Place.STAGE, "testing"): 3 * HOUR,
    }
    assert totals([log], at(12.5, 1), WEEK, WEEK).places == {}


def test_how_it_stood_is_told_of_the_end_of_the_period() -> None:
    """At risk, overdue, paused and the backlog: as at the end, not as today."""
    risky = [*opened(at(9)), say("agent", at(15)), say("solved", at(16))]
    found = totals([risky], MONDAY, at(9.9), at(17))
    assert numbers(found.total) == Counter(at_risk=1, backlog=1)
    assert found.total.samples["age"].total == 54 * 60
    assert found.moved == 0
    later = totals([risky], MONDAY, at(11), at(17))
    assert numbers(later.total) == Counter(overdue=1, backlog=1)
    assert later.moved == 1
    waiting = [*opened(at(9)), say("agent", at(9.1)), say("pauses", at(9.2), metrics=("resolution",))]
    assert totals([waiting], at(9.5), at(11), at(11)).total.numbers["paused"] == 1


def test_what_is_overdue_for_longest_is_named_first() -> None:
    """By the instant of the breach, and no more than a list holds."""
    logs = [opened(at(9 + number / 10), owner=f"o{number}") for number in range(30)]
    found = totals(logs, MONDAY, WEEK, at(13))
    named = found.overdue
    assert len(named) == 20
    assert [each.owner for each in named[:2]] == ["o0", "o1"]
    assert named[0].breached_at == at(10)


def late_reply(heard: datetime) -> list[LogEntry]:
    """Return a ticket that was answered in time, which was heard of later."""
    return [*opened(at(9)), say("solved", at(12)), say("agent", at(9.5), heard)]


def test_what_is_heard_of_after_the_end_restates_the_period() -> None:
    """A breach is taken back: the report says which, and has another revision; what was said then can be asked for."""
    log = late_reply(at(9, 2))
    said = totals([log], MONDAY, at(0, 1), at(8, 2))
    assert (said.total.numbers["breached"], said.total.numbers["met"], len(said.heard)) == (1, 1, 0)
    now = totals([log], MONDAY, at(0, 1), at(10, 2))
    assert (now.total.numbers["met"], now.total.numbers["breached"], now.moved) == (2, 0, 0)
    (correction,) = now.corrections
    assert (correction.metric, correction.said, correction.now) == ("first_response", "breached", "met")
    assert (correction.heard, correction.policy, correction.level) == (at(9, 2), "standard", "P1")
    assert now.heard == {at(9, 2)}


def test_what_was_heard_of_within_the_period_corrects_nothing() -> None:
    """Late, but before anybody asked; and what happened after the end is no correction of it."""
    assert totals([late_reply(at(20))], MONDAY, at(0, 1), WEEK).corrected == 0
    after = [*opened(at(23.5)), say("solved", at(23.7)), say("agent", at(1, 1), at(2, 1))]
    assert totals([after], MONDAY, at(0, 1), WEEK).corrected == 0


def test_what_nothing_was_known_of_is_added_and_corrects_nothing() -> None:
    """A desk that is connected next month, and a reply that took a second from before midnight to after it."""
    unknown = [msgspec.structs.replace(each, arrived=at(9, 5)) for each in late_reply(at(9, 5))]
    slow = [*opened(at(23.5)), say("agent", at(23.99), at(0.01, 1))]
    found = totals([unknown, slow], MONDAY, at(0, 1), at(10, 5))
    assert (found.added, found.corrected, len(found.heard)) == (3, 0, 0)
    assert (found.total.numbers["met"], found.total.numbers["breached"]) == (3, 0)


def test_each_time_that_something_was_heard_is_a_revision() -> None:
    """A reply is heard of, then taken back: the outcome is what was said at first, and yet was restated twice."""
    log = late_reply(at(9, 2))
    log.append(say("retract", at(9.5), at(9, 3), replaces=log[-1].id))
    found = totals([log], MONDAY, at(0, 1), at(9, 4))
    assert [(each.said, each.now) for each in found.corrections] == [("met", "breached"), ("breached", "met")]
    assert (len(found.heard), found.total.numbers["breached"]) == (2, 1)


def test_escalated_and_acknowledged_promises_are_counted() -> None:
    """Of those that count; a promise that was acknowledged before it broke was not."""
    log = [*opened(at(9)), say("acknowledged", at(10.5), metric="first_response"), say("agent", at(11))]
    period = Period(MONDAY, WEEK)
    found = Totals(period, at(12), Slice.PRIORITY, UTC)
    found.take(story(log, period, at(12), escalated=frozenset({("first_response", 1), ("resolution", 1)})))
    assert (found.total.numbers["escalated"], found.total.numbers["acknowledged"]) == (1, 1)


def test_each_promise_is_told_within_which_time_it_could_have_been_kept() -> None:
    """The attained percentile as advice; what still goes on is longer than anything known."""
    logs = [[*opened(at(9), "P2"), say("agent", at(9) + timedelta(minutes=7 * n))] for n in range(1, 11)]
    found = totals(logs, MONDAY, WEEK, at(12))
    (line,) = [each for each in target_lines(found.targets, GOAL, ALARM) if each.metric == "first_response"]
    assert (line.met, line.breached, line.attained_s, line.says) == (
        8, 2, 63 * 60, "P2 first response: 90 % within 1 h 3 m",
    )  # fmt: skip
    assert (line.reaches_goal, line.below_alarm) == (False, True)
    going = totals([*logs, opened(at(9), "P2"), opened(at(9), "P2")], MONDAY, WEEK, at(12))
    (line,) = [each for each in target_lines(going.targets, GOAL, ALARM) if each.metric == "first_response"]
    assert (line.attained_s, line.says) == (None, "P2 first response: 90 % not reached, 2 of 12 still go on")


def test_what_came_after_closing_was_not_within_the_target() -> None:
    """Due at five, done at eight: no open time more, and yet broken; the same target would break it again."""
    log = [*opened(at(9)), say("agent", at(9.5)), say("solved", at(20))]
    found = totals([log], MONDAY, WEEK, WEEK)
    (line,) = [each for each in target_lines(found.targets, GOAL, ALARM) if each.metric == "resolution"]
    assert (line.breached, line.took.median_s, line.attained_s) == (1, 8 * HOUR, 8 * HOUR + 1)
    assert line.says == "P1 resolution: 90 % soon after 8 h"


def test_the_slowest_place_and_what_to_look_at_first_are_named() -> None:
    """Overdue promises, those farthest from the goal, and where tickets stay for longest."""
    logs = [
        [
            *opened(at(9)),
            say("stage", at(9), name="testing"),
            say("stage", at(9 + n), name="handover"),
            say("stage", at(15), name=""),
            say("agent", at(15)),
        ]
        for n in range(1, 6)
    ]
    found = totals([*logs, opened(at(9))], MONDAY, WEEK, at(16))
    stages = place_lines(found.places, Place.STAGE)
    worst = slowest(stages)
    assert worst is not None
    assert (worst.name, worst.took.p90_s, worst.took.known) == ("testing", 5 * HOUR, 5)
    targets = target_lines(found.targets, GOAL, ALARM)
    total = found.total.figures("", GOAL, ALARM)
    said = look_first(total, targets, place_lines(found.places, Place.STATUS), stages, goal=GOAL)
    assert said[0] == "1 promise is broken and still to be done; 6 more at risk."
    assert said[1].startswith("standard, P1 first response: 6 of 6 broken (promised 1 h; 90 % not reached")
    assert any(line.startswith("Stage testing is the slowest: 90 % within 5 h, 50.00 %") for line in said)
    (metric, *_) = metric_lines(found.metrics, GOAL, ALARM)
    assert (metric.metric, metric.breached, metric.took.going) == ("first_response", 6, 1)


def test_an_empty_period_is_counted_without_dividing() -> None:
    """No number, no rate."""
    figures = totals([], MONDAY, WEEK, WEEK).total.figures("", GOAL, ALARM)
    assert (figures.compliance_rate, figures.paused_share, figures.escalation_rate) == (None, None, None)
    assert figures.first_response.median_s is None
    assert look_first(figures, [], [], [], goal=GOAL) == []
    assert Share(figures.met, 0).rate is None


# ---------------------------------------------------------------- properties

_KINDS = ("customer", "agent", "solved", "reopened", "override", "status", "stage", "team", "terms", "context")


@st.composite
def logs(draw: st.DrawFn) -> list[LogEntry]:
    """Return the log of any ticket: some of it late."""
    begin = at(draw(st.integers(0, 60)))
    log = opened(begin, draw(st.sampled_from(["P1", "P2", "P3", "P4"])), owner="ada")
    for kind in draw(st.lists(st.sampled_from(_KINDS), max_size=8)):
        when = begin + timedelta(seconds=draw(st.integers(1, 90 * HOUR)))
        kinds: dict[str, dict[str, Any]] = {
            "status": {"name": draw(st.sampled_from(["open", "on_hold"]))},
            "stage": {"name": draw(st.sampled_from(["", "testing", "handover"]))},
            "team": {"name": draw(st.sampled_from(["ops", "sales"]))},
            "terms": {"terms": draw(st.sampled_from(["P1", "P2"]))},
            "override": {"metric": "resolution", "due": when + timedelta(hours=5)},
            "context": {"context": {"owner": draw(st.sampled_from(["ada", "bo"]))}},
        }
        more = kinds.get(kind, {})
        heard = when + timedelta(seconds=draw(st.sampled_from([0, 5 * HOUR, 60 * HOUR])))
        log.append(say(kind, when, heard, **more))
    return log


def added(found: Totals) -> Counter[str]:
    """Return everything of a report that happened, and nothing of how it stood."""
    standing = {"at_risk", "overdue", "paused", "backlog"}
    counts = Counter({name: n for name, n in found.total.numbers.items() if name not in standing and n})
    for name, sample in found.total.samples.items():
        if name != "age":
            counts[f"{name} known"] += sample.known
            counts[f"{name} going"] += sample.going
            counts[f"{name} total"] += sample.total
    for (kind, name), sample in found.places.items():
        counts[f"{kind} {name}"] += sample.total
    for day, (met, broken) in found.days.items():
        counts[f"{day} met"] += met
        counts[f"{day} broken"] += broken
    return Counter({name: n for name, n in counts.items() if n})


@settings(max_examples=60)
@given(st.lists(logs(), max_size=4), st.integers(1, 8 * 24 - 1), st.integers(1, 12 * 24))
def test_two_halves_of_a_period_add_up_to_the_whole(some: list[list[LogEntry]], cut: int, known: int) -> None:
    """Whatever happened counts once, wherever the period is split and whenever the report is made."""
    begin, end, when = MONDAY, MONDAY + timedelta(days=8), at(known)
    middle = at(cut)
    whole = totals(some, begin, end, when)
    parts = [totals(some, begin, middle, when), totals(some, middle, end, when)]
    assert added(parts[0]) + added(parts[1]) == added(whole)


@settings(max_examples=60)
@given(st.lists(logs(), max_size=4), st.sampled_from(list(Slice)))
def test_slices_add_up_to_the_whole(some: list[list[LogEntry]], by: Slice) -> None:
    """Nothing is lost between them, and nothing is in two."""
    found = totals(some, MONDAY, WEEK, WEEK, by)
    joined = Tally()
    for tally in found.slices.values():
        joined.join(tally)
    assert numbers(joined) == numbers(found.total)
    assert {name: len(each) for name, each in joined.samples.items()} == {
        name: len(each) for name, each in found.total.samples.items()
    }


@given(logs(), st.integers(1, 8 * 24))
def test_a_revision_says_all_that_was_restated(log: list[LogEntry], known: int) -> None:
    """What was said at the end, with the corrections and less what moved away, is what is said now."""
    end = at(0, 3)
    when = max(at(known), end)
    period = Period(MONDAY, end)
    then, now = story(log, period, end), story(log, period, when)
    counts = Counter(each.outcome.value for each in then.instances if period.holds(counts_at(each)))
    for each in now.corrections:
        counts[each.said] -= 1
        counts[each.now] += 1
    total = totals([log], MONDAY, end, when).total.numbers
    assert counts["met"] + counts["breached"] - moved(now, period) == total["met"] + total["breached"]
