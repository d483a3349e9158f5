"""Clocks by example: what the vectors do not show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from gateway.domain.calendar import CalendarError
from gateway.domain.clock import BusinessDays, ClockEvent, ClockState, Target, replay
from gateway.domain.clock_cycles import cycles, stages
from gateway.domain.clock_event import quarantined, read
from gateway.domain.clock_state import Options
from gateway.domain.open_days import DayMode
from tests.domain.calendar_oracle import instant

OFFICE = {"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-17:00"]}}
CALENDARS = {"office": OFFICE, "york": {"timezone": "America/New_York", "week": {"mon-fri": ["09:00-17:00"]}}}
HOUR = 3600


def event(kind: str, at: str, **more: Any) -> dict[str, Any]:
    """Return an event on a Thursday (`07:00`, 09:00 in Prague) or another day (`06T07:00`)."""
    day, _, time = at.rpartition("T")
    return {"id": f"{kind} {at}", "type": kind, "at": f"2025-06-{day or '05'}T{time}Z", **more}


START = event("start", "07:00")


def at(text: str) -> Any:
    """Return an instant in the same short form."""
    day, _, time = text.rpartition("T")
    return instant(f"2025-06-{day or '05'}T{time}")


def state(target: Target, when: str, *events: dict[str, Any], calendar: Any = "office", **options: Any) -> ClockState:
    """Replay a clock that starts at nine."""
    return replay(
        target, [START, *events], calendar=calendar, calendars=CALENDARS, options=options, known_at=at(when),
        query_at=at(when),
    )  # fmt: skip


def test_exactly_at_its_due_time_a_promise_is_not_broken() -> None:
    """A second later it is, at the due time."""
    assert state(HOUR, "08:00").outcome == "pending"
    broken = state(HOUR, "08:00:01")
    assert (broken.outcome, broken.breached_at, broken.due) == ("breached", at("08:00"), at("08:00"))
    assert state(HOUR, "12:00", event("stop", "08:00:01")).outcome == "breached"


def test_a_pause_at_the_due_time_breaks_nothing_until_it_goes_on() -> None:
    """All of the target is used up, and no more."""
    pause, resume = event("pause", "08:00"), event("resume", "10:00")
    paused = state(HOUR, "09:00", pause)
    assert (paused.outcome, paused.remaining_s, paused.due, paused.due_if_resumed_now) == (
        "pending",
        0,
        None,
        at("09:00"),
    )
    assert state(HOUR, "11:00", pause, resume).breached_at == at("10:00")
    assert state(HOUR, "11:00", pause, event("stop", "10:00")).outcome == "met"


def test_a_target_that_is_exceeded_while_paused_is_decided_when_it_goes_on_or_stops() -> None:
    """A paused clock breaks no promise."""
    change = (event("pause", "09:00"), event("retarget", "10:00", target_s=HOUR))
    assert state(4 * HOUR, "11:00", *change).outcome == "pending"
    assert state(4 * HOUR, "13:00", *change, event("resume", "12:00")).breached_at == at("12:00")
    stopped = state(4 * HOUR, "13:00", *change, event("stop", "12:00"))
    assert (stopped.outcome, stopped.breached_at) == ("breached", at("12:00"))


@pytest.mark.parametrize("mode", ["restart", "carry", "tighten_only"])
def test_a_longer_target_mends_no_breach(mode: str) -> None:
    """It stays one, in the history where another cycle begins."""
    found = state(HOUR, "10:00", event("retarget", "09:00", target_s=9 * HOUR), retarget=mode)
    if mode == "restart":
        assert (found.outcome, found.cycle, found.elapsed_s) == ("pending", 2, HOUR)
        found = found.history[0]  # type: ignore[assignment]
    assert (found.outcome, found.breached_at) == ("breached", at("08:00"))


def test_business_days_are_fixed_when_the_cycle_starts() -> None:
    """Two days from Thursday at nine are sixteen hours, used up when Friday closes; a pause moves them."""
    found = state(BusinessDays(2), "08:00")
    assert (found.target_s, found.due) == (16 * HOUR, at("06T15:00"))
    assert state(BusinessDays(2, DayMode.END_OF_DAY), "08:00").due == at("09T15:00")
    paused = (event("pause", "08:00"), event("resume", "10:00"))
    assert state(BusinessDays(2), "11:00", *paused).due == at("09T09:00")
    with pytest.raises(CalendarError, match="business days"):
        state(BusinessDays(2), "08:00", calendar={"union": ["office", "york"]})


def test_a_date_ignores_pauses_and_a_person_may_set_one() -> None:
    """Both stand still; what a person set holds until it is taken back."""
    pause = event("pause", "08:00")
    found = state(at("06T08:00"), "10:00", pause)
    assert (found.phase, found.due, found.remaining_s) == ("paused", at("06T08:00"), 6 * HOUR)
    assert state(at("06T08:00"), "06T09:00", pause).breached_at == at("06T08:00")
    pinned = event("override", "08:00", due="2025-06-05T14:00Z")
    assert state(HOUR, "10:00", pinned).due == at("14:00")
    assert state(HOUR, "14:30", pinned).breached_at == at("14:00")
    back = event("override", "11:00")
    assert state(HOUR, "12:00", pinned, back).breached_at == at("11:00")
    assert state(8 * HOUR, "12:00", pinned, back).due == at("15:00")
    past = event("override", "08:00", due="2025-06-05T07:30Z")
    assert state(4 * HOUR, "09:00", past).breached_at == at("08:00")


def test_a_pause_ends_by_itself_where_the_policy_says_so() -> None:
    """After so much real time it runs again, and what follows is due from there."""
    found = state(4 * HOUR, "12:00", event("pause", "08:00"), max_pause_s=2 * HOUR)
    assert (found.phase, found.elapsed_s, found.due, found.paused_s) == ("running", 3 * HOUR, at("13:00"), 2 * HOUR)
    assert state(4 * HOUR, "09:00", event("pause", "08:00"), max_pause_s=2 * HOUR).phase == "paused"
    assert state(HOUR, "12:00", event("pause", "07:30"), event("stop", "12:00"), max_pause_s=HOUR).outcome == "breached"


def test_what_begins_while_it_is_closed_may_have_longer() -> None:
    """The addend is for those who wake somebody up."""
    early = {**START, "at": "2025-06-05T05:00Z", "id": "early"}
    found = replay(
        HOUR, [early], calendar=OFFICE, options={"out_of_hours_s": 600}, known_at=at("07:30"), query_at=at("07:30")
    )
    assert (found.target_s, found.due) == (HOUR + 600, at("08:10"))


def test_a_reopening_after_some_days_is_another_cycle() -> None:
    """Before that the same one goes on."""
    stop, soon, late = event("stop", "08:00"), event("reopen", "06T08:00"), event("reopen", "09T08:00")
    assert state(8 * HOUR, "06T09:00", stop, soon, reopen_within_s=2 * 86_400).elapsed_s == 2 * HOUR
    found = state(8 * HOUR, "09T09:00", stop, late, reopen_within_s=2 * 86_400)
    assert (found.cycle, found.elapsed_s, found.history[0].outcome) == (2, HOUR, "met")


@pytest.mark.parametrize(
    ("mode", "elapsed", "due"),
    [("segmented", 4, "19:00"), ("recompute", 2, "21:00"), ("next_cycle_only", 4, "06T11:00")],
)
def test_another_calendar(mode: str, elapsed: int, due: str) -> None:
    """From Prague to New York in the afternoon: what has elapsed stays, is counted again, or goes on as it was."""
    found = state(
        8 * HOUR, "15:00", event("pause", "08:00"), event("resume", "12:00"),
        event("calendar", "14:00", calendar="york"), calendar_change=mode,
    )  # fmt: skip
    assert (found.elapsed_s, found.due) == (elapsed * HOUR, at(due))


def test_a_reset_and_a_cancel_leave_a_record() -> None:
    """The cycle before a reset is in the history; a breach of before stays in both."""
    found = state(4 * HOUR, "10:00", event("reset", "09:00"))
    assert (found.cycle, found.elapsed_s, found.due) == (2, HOUR, at("13:00"))
    assert [(each.cycle, each.outcome, each.elapsed_s, each.reason) for each in found.history] == [
        (1, "canceled", 2 * HOUR, "reset")
    ]
    gone = state(4 * HOUR, "10:00", event("cancel", "09:00"))
    assert (gone.phase, gone.outcome, gone.elapsed_s, gone.due) == ("canceled", "canceled", 2 * HOUR, None)
    late = state(HOUR, "10:00", event("cancel", "09:00"))
    assert (late.phase, late.outcome, late.breached_at) == ("canceled", "breached", at("08:00"))


def test_what_was_corrected_or_taken_back_did_not_happen() -> None:
    """From when it is heard of; until then it counts."""
    stop = event("stop", "07:30")
    taken_back = {
        "id": "x",
        "type": "retract",
        "at": "2025-06-05T07:30Z",
        "arrived": "2025-06-05T10:00Z",
        "replaces": stop["id"],
    }
    assert state(HOUR, "09:00", stop, taken_back).outcome == "met"
    assert state(HOUR, "10:00", stop, taken_back).breached_at == at("08:00")
    corrected = {**taken_back, "type": "stop", "at": "2025-06-05T07:50Z"}
    assert state(HOUR, "10:00", stop, corrected).elapsed_s == 50 * 60


def test_an_event_from_far_ahead_is_not_believed() -> None:
    """Five minutes may be a clock that stands wrong; more is named."""
    far = event("stop", "12:00", arrived="2025-06-05T11:00Z")
    near = event("stop", "12:00", arrived="2025-06-05T11:55Z")
    assert state(8 * HOUR, "13:00", far).phase == "running"
    assert state(8 * HOUR, "13:00", near).phase == "stopped"
    assert quarantined([read(far, ClockEvent), read(near, ClockEvent)]) == ("stop 12:00",)


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({"retarget": "carrry"}, []),
        ({"colour": 1}, []),
        ({}, [{"id": "x", "type": "sleep", "at": "2025-06-05T07:00Z"}]),
    ],
)
def test_what_is_no_option_and_no_event_is_refused(options: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Nothing is ignored in silence."""
    with pytest.raises(msgspec.ValidationError):
        state(HOUR, "08:00", *events, **options)
    with pytest.raises(ValueError, match="time zone"):
        state(HOUR, "08:00", {"id": "x", "type": "stop", "at": "2025-06-05T07:00"})


def test_a_calendar_that_is_not_there_is_said() -> None:
    """By its name."""
    with pytest.raises(CalendarError, match="nowhere"):
        state(HOUR, "08:00", calendar={"union": ["nowhere"]})


MESSAGES: list[dict[str, Any]] = [
    {"id": "1", "type": "start", "at": "2025-06-05T07:00Z"},
    {"id": "2", "type": "customer", "at": "2025-06-05T07:10Z"},
    {"id": "3", "type": "customer", "at": "2025-06-05T07:50Z"},
    {"id": "4", "type": "agent", "at": "2025-06-05T08:00Z", "automatic": True},
    {"id": "5", "type": "pause", "at": "2025-06-05T08:00Z"},
    {"id": "6", "type": "resume", "at": "2025-06-05T08:30Z"},
    {"id": "7", "type": "agent", "at": "2025-06-05T08:40Z"},
    {"id": "7", "type": "agent", "at": "2025-06-05T08:40Z"},
    {"id": "8", "type": "stop", "at": "2025-06-05T09:00Z"},
    {"id": "9", "type": "customer", "at": "2025-06-05T09:30Z"},
]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("first_response", [("07:00", "08:00", "08:40", "breached")]),
        ("next_reply", [("07:10", "08:10", "08:40", "breached"), ("09:30", "10:30", None, "pending")]),
        ("periodic_update", [("07:00", "08:00", "08:40", "breached"), ("08:40", "09:40", "09:00", "met")]),
        ("pausable_update", [("07:00", "08:30", "08:40", "breached"), ("08:40", "09:40", "09:00", "met")]),
    ],
)
def test_messages(metric: str, expected: list[tuple[str, str, str | None, str]]) -> None:
    """What a machine wrote is no reply, and a second question does not reset the clock of the first."""
    found = cycles(metric, HOUR, MESSAGES, calendar="office", calendars=CALENDARS, query_at=at("10:00"))
    told = [(each.opened, each.due, each.closed, each.outcome) for each in found]
    assert told == [(at(a), at(b), at(c) if c else None, d) for a, b, c, d in expected]


def test_a_pause_moves_only_the_updates_that_may_pause() -> None:
    """The promise to write every half hour holds in a pause, unless it is the other kind."""
    events = [MESSAGES[0], {**MESSAGES[4], "at": "2025-06-05T07:30Z"}, MESSAGES[5], MESSAGES[6]]
    given: dict[str, Any] = {"calendar": OFFICE, "query_at": at("08:50")}
    assert cycles("periodic_update", HOUR, events, **given)[0].outcome == "breached"
    assert [each.due for each in cycles("pausable_update", HOUR, events, **given)] == [at("09:00"), at("09:40")]


def test_stages_count_again_or_go_on() -> None:
    """A stage that is entered again counts both visits, or the last one by itself."""
    events = [
        {"stage": "test", "at": "2025-06-05T07:00Z"}, {"stage": "", "at": "2025-06-05T08:00Z"},
        {"stage": "test", "at": "2025-06-05T09:00Z"}, {"stage": "test", "at": "2025-06-05T10:00Z"},
    ]  # fmt: skip
    given: dict[str, Any] = {"calendar": OFFICE, "query_at": at("11:00")}
    both = stages({"test": 2 * HOUR}, events, **given)
    assert (both.elapsed_s, both.breached_at, both.visits) == ({"test": 3 * HOUR}, {"test": at("10:00")}, {"test": 2})
    each = stages({"test": 2 * HOUR}, events, options={"reentry": "new_cycle"}, **given)
    assert (each.elapsed_s, each.breached_at, each.visits) == ({"test": 2 * HOUR}, {}, {"test": 2})


def test_the_next_calendar_waits_for_the_next_cycle() -> None:
    """A cycle that goes on after it was solved is not the next one, and a new target does not forget what waits."""
    change = event("calendar", "07:30", calendar="york")
    reopened = (change, event("stop", "08:00"), event("reopen", "10:00"))
    on = state(8 * HOUR, "12:00", *reopened, calendar_change="next_cycle_only")
    assert (on.cycle, on.elapsed_s) == (1, 3 * HOUR)
    anew = state(
        8 * HOUR, "14:00", change, event("retarget", "08:00", target_s=HOUR), event("reset", "12:00"),
        calendar_change="next_cycle_only",
    )  # fmt: skip
    assert (anew.cycle, anew.elapsed_s, anew.due) == (2, HOUR, at("14:00"))


@pytest.mark.parametrize(
    "events",
    [
        (event("override", "07:30", due="2025-06-05T09:00Z"), event("stop", "08:00"), event("reopen", "10:00")),
        (event("retarget", "10:00", target="2025-06-05T09:00:00Z"),),
        (event("pause", "08:00"), event("retarget", "10:00", target="2025-06-05T09:00:00Z")),
    ],
)
@pytest.mark.parametrize("reopen", ["continue_exclude", "new_cycle"])
def test_a_date_that_has_passed_is_broken_when_it_comes_to_count(reopen: str, events: tuple[Any, ...]) -> None:
    """Not before: until then nobody had promised it, or it was kept."""
    broken = state(8 * HOUR, "11:00", *events, reopen=reopen)
    assert (broken.outcome, broken.breached_at) == ("breached", at("10:00"))


def test_a_date_of_before_counts_again_when_a_later_one_is_taken_back() -> None:
    """It has passed meanwhile, so it is broken there and then."""
    longer = (event("override", "07:30", due="2025-06-05T12:00Z"), event("override", "10:00", due=None))
    assert state(at("09:00"), "09:30", *longer).outcome == "pending"
    assert state(at("09:00"), "11:00", *longer).breached_at == at("10:00")


@pytest.mark.parametrize("mode", ["continue_include", "retro_no_pause"])
def test_what_counts_although_it_did_not_run_counts_by_the_new_calendar_too(mode: str) -> None:
    """A recomputing counts the same spans again, not fewer of them."""
    always = {**CALENDARS, "always": "24x7"}
    gap = [event("stop", "08:00"), event("reopen", "10:00")]
    pause = [event("pause", "08:00"), event("resume", "10:00"), event("retarget", "10:30", target_s=9 * HOUR)]
    events = gap if mode == "continue_include" else pause
    found = replay(
        8 * HOUR, [START, *events, event("calendar", "11:00", calendar="always")], calendar="office",
        calendars=always, known_at=at("12:00"), query_at=at("12:00"),
        options={"reopen": "continue_include", "retarget": "retro_no_pause", "calendar_change": "recompute"},
    )  # fmt: skip
    assert found.elapsed_s == 5 * HOUR


def test_a_pause_that_is_counted_after_all_counts_by_the_calendar_of_its_time() -> None:
    """Two hours of Prague, and from then on none of New York before its opening at one o'clock UTC."""
    events = (
        event("pause", "07:30"),
        event("calendar", "09:00", calendar="york"),
        event("retarget", "12:00", target_s=4 * HOUR),
    )
    assert state(8 * HOUR, "12:30", *events, retarget="retro_no_pause").elapsed_s == 2 * HOUR
    anew = state(8 * HOUR, "12:30", *events, retarget="retro_no_pause", calendar_change="recompute")
    assert anew.elapsed_s == 0


def test_another_target_makes_a_pause_no_longer() -> None:
    """A pause ends so long after it began, though another cycle has begun since."""
    events = (event("pause", "08:00"), event("retarget", "08:30", target_s=HOUR))
    found = state(8 * HOUR, "09:30", *events, retarget="restart", max_pause_s=HOUR)
    assert (found.phase, found.elapsed_s, found.paused_s) == ("running", HOUR // 2, HOUR // 2)


@pytest.mark.parametrize(
    ("known_at", "query_at", "more"),
    [
        ("2025-06-05T12:00", "2025-06-05T12:00+00:00", ()),
        ("2025-06-05T12:00+00:00", "2025-06-05T12:00", ()),
        ("2025-06-05T12:00+00:00", "2025-06-05T12:00+00:00", ({"id": "x", "type": "stop", "at": "2025-06-05T08:00"},)),
    ],
)
def test_instants_without_a_zone_are_refused(known_at: str, query_at: str, more: tuple[Any, ...]) -> None:
    """Nobody could say whose nine o'clock it was."""
    known, query = datetime.fromisoformat(known_at), datetime.fromisoformat(query_at)
    with pytest.raises(ValueError, match="time zone"):
        replay(HOUR, [START, *more], calendar="office", calendars=CALENDARS, known_at=known, query_at=query)
    told = [{**each, "stage": "a", "type": "customer"} for each in (START, *more)]
    if query_at == known_at and more:
        with pytest.raises(ValueError, match="time zone"):
            stages({}, told, calendar="office", calendars=CALENDARS, query_at=query)
        with pytest.raises(ValueError, match="time zone"):
            cycles("next_reply", HOUR, told, calendar="office", calendars=CALENDARS, query_at=query)


@pytest.mark.parametrize("target", [-1, "3600", None, 1.5, True])
def test_what_is_no_target_is_refused(target: Any) -> None:
    """It would be due before it began, or never, and nobody would know why."""
    with pytest.raises(ValueError, match="target"):
        state(target, "08:00")


@pytest.mark.parametrize("option", ["max_pause_s", "out_of_hours_s", "reopen_within_s"])
def test_no_length_is_negative(option: str) -> None:
    """A pause would end before it began."""
    with pytest.raises(msgspec.ValidationError, match=option):
        state(HOUR, "08:00", **{option: -1})


def test_a_length_that_is_longer_than_all_time_never_ends() -> None:
    """Nothing overflows: rules may say 999999999y."""
    paused = (event("pause", "08:00"),)
    ages = msgspec.structs.replace(Options(), max_pause_s=3 * 10**16, reopen_within_s=3 * 10**16)
    for events, phase in ((paused, "paused"), ((event("stop", "08:00"), event("reopen", "09:00")), "running")):
        found = replay(
            10**17, [START, *events], calendar="always", calendars={"always": "24x7"}, options=ages,
            known_at=at("12:00"), query_at=at("12:00"),
        )  # fmt: skip
        assert (found.phase, found.cycle, found.due, found.due_if_resumed_now) == (phase, 1, None, None)


def test_before_the_first_stage_there_is_none() -> None:
    """And what is dated far ahead of its arrival is not believed, as with clocks."""
    told = {"stage": "a", "at": "2025-06-05T08:00Z", "arrived": "2025-06-05T07:54:59Z"}
    for entered, query in ((told, "07:00"), (told, "09:00"), (told | {"arrived": "2025-06-05T08:01Z"}, "07:00")):
        found = stages({"a": HOUR}, [entered], calendar="office", calendars=CALENDARS, query_at=at(query))
        assert (found.elapsed_s, found.breached_at, found.visits) == ({}, {}, {})
    early = {"id": "1", "type": "agent", "at": "2025-06-05T07:50Z", "arrived": "2025-06-05T07:40Z"}
    chain = cycles(
        "periodic_update", HOUR, [START, early], calendar="office", calendars=CALENDARS, query_at=at("07:55")
    )
    assert [each.closed for each in chain] == [None]
