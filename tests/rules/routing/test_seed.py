"""A billing ticket of a top customer, after hours, in Spanish: what routing was built for, in every variant."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.domain.presence import State
from rules.routed import Outcome, RingState, Work
from tests.rules.routing.making import (
    AFTER_HOURS,
    BOTH,
    SITE,
    WEEKEND,
    ask,
    full,
    reasons,
    routing,
    short,
    urgent,
    work_on,
)


def waited(minutes: int, due: datetime | None = None) -> tuple[datetime, Work]:
    """Return the instant after so much waiting, and what is known by then."""
    return AFTER_HOURS + timedelta(minutes=minutes), Work(waiting_since=AFTER_HOURS, due=due)


def test_it_goes_to_the_open_regions_agent_who_fits() -> None:
    """Prague is closed; in New York somebody knows billing and Spanish."""
    routed = ask(work_on(), explain=True)
    assert short(routed) == ("assigned", "amer", "dana")
    assert (routed.rule, routed.team, routed.flags) == ("billing", "amer-support", ())
    assert [(ring.region, ring.state) for ring in routed.rings] == [
        ("emea", RingState.CLOSED), ("amer", RingState.TAKES),
    ]  # fmt: skip
    assert reasons(routed, "emea") == {"lucia": "is not on shift", "marek": "is not on shift"}
    assert reasons(routed, "amer") == {"noah": "has billing 1, and 2 is asked"}
    assert routed.rings[1].candidates == ("dana",)


def test_in_office_hours_it_stays_in_its_region() -> None:
    """The region in which it starts is asked first."""
    assert short(ask(work_on(BOTH))) == ("assigned", "emea", "lucia")
    assert short(ask(work_on(BOTH, region="amer"))) == ("assigned", "amer", "dana")


def test_with_that_agent_full_it_waits_and_relaxes_in_time() -> None:
    """Her colleague knows less: after ten minutes that is enough, and not a second before."""
    first = ask(work_on(), states=full("dana"))
    assert short(first) == ("queued", "amer", "")
    assert first.until == AFTER_HOURS + timedelta(minutes=10)
    for minutes, outcome, name in ((9, Outcome.QUEUED, ""), (10, Outcome.ASSIGNED, "noah")):
        at, work = waited(minutes)
        routed = ask(work_on(at), work, full("dana"))
        assert (routed.outcome, routed.agent) == (outcome, name)


def test_while_it_waits_the_one_who_fits_better_comes_first() -> None:
    """She has room again: what is asked less by then does not make her colleague the better one."""
    at, work = waited(20)
    assert short(ask(work_on(at), work)) == ("assigned", "amer", "dana")


def test_a_language_that_gave_way_marks_the_ticket() -> None:
    """Only when it goes to somebody who does not speak it."""
    rules = routing(SITE.replace("noah: {email: noah@acme.example, languages: [es]}",
                                 "noah: {email: noah@acme.example, languages: [en]}"))  # fmt: skip
    at, work = waited(29)
    assert ask(work_on(at), work, full("dana"), rules=rules).outcome is Outcome.QUEUED
    at, work = waited(30)
    routed = ask(work_on(at), work, full("dana"), rules=rules)
    assert (routed.agent, routed.flags) == ("noah", ("translate",))
    assert ask(work_on(at), work, rules=rules).flags == ()


def test_a_hard_skill_never_falls_away() -> None:
    """However long it waits, it does not go to somebody who knows nothing of billing."""
    rules = routing(SITE.replace("skills: {billing: 1}, capacity: 10", "skills: {api: 5}, capacity: 10"))
    at, work = waited(3 * 60)
    routed = ask(work_on(at), work, full("dana"), rules=rules)
    assert "noah" not in routed.agent
    assert routed.outcome is not Outcome.ASSIGNED


def test_a_full_region_overflows_at_once() -> None:
    """Nobody there has room: nothing would be gained by waiting for a relaxation."""
    assert short(ask(work_on(BOTH), states=full("lucia", "marek"))) == ("assigned", "amer", "dana")
    # one of them has room, and will be asked in ten minutes
    juniors = SITE.replace("skills: {api: 3}, capacity: 8", "skills: {billing: 1}, capacity: 8").replace(
        "[cs, en]", "[es]"
    )
    assert short(ask(work_on(BOTH), states=full("lucia"), rules=routing(juniors))) == ("queued", "emea", "")


def test_with_everybody_full_it_waits_for_room_when_there_is_time() -> None:
    """A P3 of the next days waits; a P1 of the next hour is somebody's on call."""
    late = Work(due=AFTER_HOURS + timedelta(days=2))
    assert short(ask(work_on(), late, full("dana", "noah"))) == ("queued", "amer", "")
    soon = Work(due=AFTER_HOURS + timedelta(hours=1))
    assert short(ask(urgent(), soon, full("dana", "noah"))) == ("on_call", "", "eva")


def test_relaxing_in_time_comes_before_a_call() -> None:
    """Ten minutes are less than the hour that is left."""
    soon = Work(due=AFTER_HOURS + timedelta(hours=1))
    assert short(ask(urgent(), soon, full("dana"))) == ("queued", "amer", "")
    sooner = Work(due=AFTER_HOURS + timedelta(minutes=5))
    assert short(ask(urgent(), sooner, full("dana"))) == ("on_call", "", "eva")


def test_with_nobody_there_it_waits_for_a_region_that_opens_in_time() -> None:
    """On a weekend: until Monday in Prague, where it starts; Sydney opens before, and nobody there fits."""
    routed = ask(work_on(WEEKEND), Work(due=WEEKEND + timedelta(days=3)))
    assert short(routed) == ("queued", "emea", "")
    assert routed.until == datetime.fromisoformat("2026-03-16T09:00+01:00")


def test_with_nobody_there_in_time_somebody_on_call_has_it() -> None:
    """A P1 whose clock runs around the clock."""
    routed = ask(urgent(WEEKEND), Work(due=WEEKEND + timedelta(hours=4)))
    assert short(routed) == ("on_call", "", "eva")
    assert "eva is on call" in routed.reason


def test_with_nobody_on_call_it_goes_to_the_fallback_queue_and_says_so() -> None:
    """Never to everybody, never nowhere."""
    rules = routing(SITE.replace("on_call: {rota: [{person: eva, calendar: always}]}\n", ""))
    routed = ask(urgent(WEEKEND), Work(due=WEEKEND + timedelta(hours=4)), rules=rules)
    assert (routed.outcome, routed.queue, routed.alert, routed.agent) == (
        Outcome.UNROUTABLE, "triage", "unroutable", "",
    )  # fmt: skip


def test_who_is_on_call_and_does_not_speak_the_language_is_told() -> None:
    """The ticket is marked; in a language that they speak it is not."""
    soon = Work(due=WEEKEND + timedelta(hours=4))
    assert ask(urgent(WEEKEND, language="ja"), soon).flags == ("translate",)
    assert ask(urgent(WEEKEND), soon).flags == ()


@pytest.mark.parametrize("state", [State(accepting=False), State(load={"chat": 9})])
def test_neither_who_does_not_accept_nor_who_has_no_room_for_that_channel_has_it(state: State) -> None:
    """A chat takes two of her ten units, a mail takes one."""
    assert short(ask(work_on(channel="chat"), states={"dana": state})) == ("queued", "amer", "")
    taken = ask(work_on(channel="email"), states={"dana": state})
    assert taken.outcome is (Outcome.ASSIGNED if state.accepting else Outcome.QUEUED)
