"""The clocks of a ticket, told from its log: every metric, other terms, late entries; beside the arithmetic."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar
from gateway.domain.clock import replay
from gateway.domain.clock_chain import chains
from gateway.domain.clock_cycles import cycles
from gateway.domain.clock_instance import Chain, Change, Instance, Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.clock_marks import Mark, reached
from gateway.domain.clock_state import Options, Outcome, Reopen
from gateway.domain.terms import BusinessDays, Goal, Reentry, Terms, UpdateStart

OFFICE = Calendar.from_spec({"timezone": "UTC", "week": {"mon-fri": ["09:00-17:00"]}})
CALENDARS = {"office@1": OFFICE, "always@1": Calendar.from_spec("24x7")}
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = 3600
END = MONDAY + timedelta(days=30)
_numbers = itertools.count()


def at(hour: float, day: int = 0) -> datetime:
    """Return an instant of that week."""
    return MONDAY + timedelta(days=day, hours=hour)


def entry(kind: str, when: datetime, heard: datetime | None = None, **more: Any) -> LogEntry:
    """Return an entry; heard of at once unless told otherwise."""
    return LogEntry(id=f"e{next(_numbers):06}", kind=EntryKind(kind), at=when, arrived=heard or when, **more)


def terms(policy: str = "standard", level: str = "P3", **more: Any) -> Terms:
    """Return terms of some goals: a metric by its name, with `_` for what stands in the way of a keyword."""
    given = {name: more.pop(name) for name in list(more) if name in Terms.__struct_fields__}
    goals = {name.replace("__", ":"): goal for name, goal in more.items()}
    return Terms(policy=policy, level=level, goals=goals, **given)


def tell(
    log: list[LogEntry], held: dict[str, Terms], query: datetime, known: datetime | None = None
) -> dict[str, Chain]:
    """Tell the clocks of a log."""
    return chains(log, held, calendars=CALENDARS, known_at=known or query, query_at=query)


def begun(**more: Any) -> tuple[list[LogEntry], dict[str, Terms]]:
    """Return the log of a ticket that was opened on Monday at nine under terms."""
    return [entry("opened", at(9)), entry("terms", at(9), terms="t")], {"t": terms(**more)}


def only(chain: Chain) -> Instance:
    """Return the one instance of a chain."""
    (found,) = chain.instances
    return found


def test_a_first_response_is_met_breached_and_never_pauses() -> None:
    """It ends with the first public word of ours; a wait for the customer does not stop it."""
    log, held = begun(first_response=Goal(2 * HOUR, "office@1"))
    log += [entry("pauses", at(9.5), metrics=("resolution",)), entry("customer", at(10))]
    nearing = only(tell(log, held, at(10.6))["first_response"])
    assert (nearing.status, nearing.due, nearing.warn_at) == (Status.NEARING, at(11), at(10.5))
    met = only(tell([*log, entry("agent", at(11))], held, at(12))["first_response"])
    assert (met.status, met.ended, met.elapsed_s) == (Status.SUCCEEDED, at(11), 2 * HOUR)
    late = only(tell([*log, entry("agent", at(11) + timedelta(seconds=1))], held, at(12))["first_response"])
    assert (late.status, late.breached_at, late.remaining_s) == (Status.BREACHED, at(11), -1)
    again = tell([*log, entry("agent", at(11)), entry("agent", at(12))], held, at(13))["first_response"]
    assert len(again.instances) == 1


def test_resolution_pauses_with_a_reason_and_goes_on_with_the_word_of_the_customer() -> None:
    """What waits is said by the log; any message of the customer ends it, although the status stays."""
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"))
    log.append(entry("pauses", at(10), metrics=("resolution",), reason="pending_customer"))
    paused = tell(log, held, at(12))["resolution"]
    assert (only(paused).status, only(paused).due, only(paused).elapsed_s) == (Status.PAUSED, None, HOUR)
    assert paused.transitions[-1].note == "pending_customer"
    log.append(entry("customer", at(13)))
    going = only(tell(log, held, at(14))["resolution"])
    assert (going.status, going.elapsed_s, going.due) == (Status.IN_PROGRESS, 2 * HOUR, at(12, day=1))
    log += [entry("pauses", at(14), metrics=()), entry("solved", at(15))]
    done = only(tell(log, held, at(16))["resolution"])
    assert (done.status, done.elapsed_s, done.paused_s, done.ended) == (Status.SUCCEEDED, 3 * HOUR, 3 * HOUR, at(15))


def test_a_policy_may_begin_the_resolution_anew_when_the_customer_replies() -> None:
    """The old instance is canceled, with the reason."""
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"), restart_on_reply=True)
    log.append(entry("customer", at(12)))
    old, new = tell(log, held, at(13))["resolution"].instances
    assert (old.status, old.reason, old.elapsed_s, old.ended) == (Status.CANCELED, "reset", 3 * HOUR, at(12))
    assert (new.cycle, new.started, new.elapsed_s) == (2, at(12), HOUR)


def test_a_longest_pause_in_business_days_ends_by_itself() -> None:
    """It counts from the pause, by the clock's own calendar."""
    options = Options(max_pause_days=BusinessDays(2))
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"), options=options)
    log.append(entry("pauses", at(10), metrics=("resolution",)))
    assert only(tell(log, held, at(9.9, day=2))["resolution"]).status is Status.PAUSED
    chain = tell(log, held, at(11, day=2))["resolution"]
    assert (only(chain).status, only(chain).elapsed_s) == (Status.IN_PROGRESS, 2 * HOUR)
    assert [(each.change, each.at) for each in chain.transitions][-1] == (Change.RESUMED, at(10, day=2))
    assert only(chain).warn_at == at(14, day=2) + timedelta(hours=1)
    assert chain.clock is not None
    assert reached(chain.clock, Mark.of("due")) == only(chain).due == at(17, day=2)


@pytest.mark.parametrize(("named", "ends"), [("office@1", at(10, day=7)), ("", at(10, day=5))])
def test_a_longest_pause_in_business_days_of_another_calendar(named: str, ends: datetime) -> None:
    """A promise around the clock waits for five days of the policy; without any, a day has 24 hours."""
    options = Options(max_pause_days=BusinessDays(5), max_pause_calendar=named)
    log, held = begun(resolution=Goal(8 * HOUR, "always@1"), options=options)
    assert held["t"].calendars == {"always@1", named} - {""}
    log.append(entry("pauses", at(10), metrics=("resolution",)))
    before, after = ends - timedelta(seconds=1), ends + timedelta(hours=1)
    assert only(tell(log, held, before)["resolution"]).status is Status.PAUSED
    assert only(tell(log, held, after)["resolution"]).elapsed_s == 2 * HOUR


def test_other_terms_leave_a_canceled_record_of_the_old_ones() -> None:
    """A priority that rises: the same cycle by a shorter target; elapsed stays, and past it is broken at the change."""
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"))
    held["urgent"] = terms(level="P1", resolution=Goal(2 * HOUR, "always@1"))
    log.append(entry("terms", at(12), terms="urgent"))
    chain = tell(log, held, at(13))["resolution"]
    old, new = chain.instances
    assert (old.level, old.version, old.status, old.reason) == ("P3", 1, Status.CANCELED, "retargeted")
    assert (new.level, new.cycle, new.version, new.breached_at) == ("P1", 1, 2, at(12))
    assert [each.change for each in chain.transitions] == [Change.STARTED, Change.RETARGETED, Change.BREACHED]
    calm = {**held, "t": held["t"], "same": terms(policy="other", resolution=Goal(8 * HOUR, "office@1"))}
    log[-1] = entry("terms", at(12), terms="same")
    assert only(tell(log, calm, at(13))["resolution"]).policy == "other"


def test_a_metric_that_is_promised_no_more_is_canceled_and_one_that_is_new_begins_with_its_promise() -> None:
    """Neither is counted from before."""
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"))
    held["u"] = terms(policy="other", requester_wait=Goal(HOUR, "office@1"))
    log.append(entry("terms", at(12), terms="u"))
    found = tell(log, held, at(12.5))
    assert (only(found["resolution"]).status, only(found["resolution"]).reason) == (Status.CANCELED, "policy")
    assert (only(found["requester_wait"]).started, only(found["requester_wait"]).elapsed_s) == (at(12), HOUR // 2)


def test_replies_and_updates_are_chains() -> None:
    """The oldest message counts; each word of ours opens the next update; solved ends both."""
    log, held = begun(next_reply=Goal(HOUR, "office@1"), periodic_update=Goal(4 * HOUR, "office@1"))
    log += [entry("customer", at(10)), entry("customer", at(10.5)), entry("agent", at(10.75))]
    hidden = tell(log[:-1], held, at(10.7))["periodic_update"]
    assert not only(hidden).shown
    log += [entry("customer", at(12)), entry("solved", at(12.5))]
    found = tell(log, held, at(13))
    assert [(each.started, each.ended, each.outcome) for each in found["next_reply"].instances] == [
        (at(10), at(10.75), Outcome.MET),
        (at(12), at(12.5), Outcome.MET),
    ]
    assert [each.ended for each in found["periodic_update"].instances] == [at(10.75), at(12.5)]
    assert found["periodic_update"].instances[-1].shown
    held["t"] = terms(periodic_update=Goal(4 * HOUR, "office@1"), update_starts=UpdateStart.FIRST_REPLY)
    assert [each.started for each in tell(log, held, at(13))["periodic_update"].instances] == [at(10.75)]


@pytest.mark.parametrize(
    ("reentry", "elapsed"), [(Reentry.ACCUMULATE, [3 * HOUR]), (Reentry.NEW_CYCLE, [HOUR, 2 * HOUR])]
)
def test_stages_add_up_or_begin_anew(reentry: Reentry, elapsed: list[int]) -> None:
    """A second visit."""
    log, held = begun(stage__testing=Goal(4 * HOUR, "office@1"), reentry=reentry)
    for when, name in ((9, "testing"), (10, "handover"), (12, "testing"), (14, "")):
        log.append(entry("stage", at(when), name=name))
    chain = tell(log, held, at(16))["stage:testing"]
    assert [each.elapsed_s for each in chain.instances] == elapsed


def test_ownership_counts_from_a_team_until_somebody_takes_it() -> None:
    """Each team is a cycle of its own; who owns it never touches the clocks of the customer."""
    log, held = begun(ownership=Goal(HOUR, "office@1"), resolution=Goal(8 * HOUR, "office@1"))
    log += [entry("team", at(9), name="first"), entry("accepted", at(9.5)), entry("team", at(11), name="second")]
    found = tell(log, held, at(13))
    first, second = found["ownership"].instances
    assert (first.outcome, first.elapsed_s) == (Outcome.MET, HOUR // 2)
    assert (second.breached_at, second.cycle) == (at(12), 2)
    assert only(found["resolution"]).elapsed_s == 4 * HOUR


def test_a_merged_ticket_promises_nothing_and_one_that_is_opened_again_does() -> None:
    """Its clocks are canceled, not broken."""
    log, held = begun(resolution=Goal(HOUR, "office@1"), next_reply=Goal(HOUR, "office@1"))
    log += [entry("ended", at(9.5), reason="merged"), entry("customer", at(10))]
    found = tell(log, held, at(15))
    assert (only(found["resolution"]).status, only(found["resolution"]).reason) == (Status.CANCELED, "merged")
    assert "next_reply" not in found
    log.append(entry("reopened", at(15)))
    assert tell(log, held, at(16))["resolution"].instances[-1].started == at(15)


@pytest.mark.parametrize("reopen", Reopen)
def test_a_ticket_that_is_opened_again(reopen: Reopen) -> None:
    """As the policy says."""
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"), options=Options(reopen=reopen))
    log += [entry("solved", at(10)), entry("reopened", at(12))]
    last = tell(log, held, at(13))["resolution"].instances[-1]
    expected = {
        Reopen.CONTINUE_EXCLUDE: (1, 2 * HOUR),
        Reopen.CONTINUE_INCLUDE: (1, 4 * HOUR),
        Reopen.NEW_CYCLE: (2, HOUR),
        Reopen.IGNORE: (1, HOUR),
    }
    assert (last.cycle, last.elapsed_s) == expected[reopen]


def test_a_ticket_that_is_opened_again_counts_by_the_terms_of_now() -> None:
    """They changed while it was closed: closed cycles stay as they are, and the one that goes on does not."""
    log, held = begun(resolution=Goal(8 * HOUR, "office@1"))
    held["urgent"] = terms(level="P1", resolution=Goal(2 * HOUR, "always@1"))
    log += [entry("solved", at(10)), entry("terms", at(11), terms="urgent")]
    done = only(tell(log, held, at(13))["resolution"])
    assert (done.status, done.target_s, done.level) == (Status.SUCCEEDED, 8 * HOUR, "P3")
    log.append(entry("reopened", at(12)))
    old, new = tell(log, held, at(12.5))["resolution"].instances
    assert (old.level, old.reason, new.level, new.target_s, new.due) == ("P3", "retargeted", "P1", 2 * HOUR, at(13))


def test_a_word_that_is_heard_of_late_takes_a_breach_back() -> None:
    """What was known then was a breach; what is known now is not."""
    log, held = begun(first_response=Goal(HOUR, "office@1"))
    log.append(entry("agent", at(9.5), at(12)))
    assert only(tell(log, held, at(11))["first_response"]).status is Status.BREACHED
    assert only(tell(log, held, at(13))["first_response"]).status is Status.SUCCEEDED
    gone = [*log, entry("retract", at(12.5), replaces=log[-1].id)]
    assert only(tell(gone, held, at(13))["first_response"]).status is Status.BREACHED


def test_a_status_that_an_escalation_watches_counts_each_visit() -> None:
    """Beside the promises, and shown to nobody."""
    log, held = begun(**{"status__on_hold#stuck": Goal(2 * HOUR, "office@1")})
    for when, name in ((9, "new"), (10, "on_hold"), (11, "open"), (12, "on_hold")):
        log.append(entry("status", at(when), name=name))
    chain = tell(log, held, at(15))["status:on_hold#stuck"]
    assert [(each.elapsed_s, each.outcome) for each in chain.instances] == [
        (HOUR, Outcome.MET),
        (3 * HOUR, Outcome.BREACHED),
    ]
    assert not any(each.shown for each in chain.instances)


SAID = st.lists(
    st.tuples(st.sampled_from(["customer", "agent", "solved", "reopened"]), st.integers(0, 9 * 24 * 60)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(said=SAID, metric=st.sampled_from(["first_response", "next_reply", "periodic_update", "pausable_update"]))
def test_messages_count_as_the_arithmetic_of_cycles_says(said: list[tuple[str, int]], metric: str) -> None:
    """Every chain of messages is the one of `cycles`."""
    events = sorted(((minute, kind) for kind, minute in said), key=lambda each: each[0])
    events = [each for each in events if sum(minute == each[0] for minute, _ in events) == 1]
    log, held = begun(**{metric: Goal(5 * HOUR, "office@1")})
    log += [entry(kind, at(9) + timedelta(minutes=minute + 1)) for minute, kind in events]
    words = {"solved": "stop", "reopened": "reopen"}
    told = [{"type": "start", "at": at(9)}]
    told += [{"type": words.get(kind, kind), "at": at(9) + timedelta(minutes=minute + 1)} for minute, kind in events]
    expected = cycles(metric, 5 * HOUR, told, calendar=OFFICE, query_at=END)
    chain = tell(log, held, END).get(metric)
    assert [(each.started, each.ended, each.outcome) for each in (chain.instances if chain else ())] == [
        (each.opened, each.closed, each.outcome) for each in expected
    ]


DONE = st.lists(
    st.tuples(st.sampled_from(["pauses", "resumes", "solved", "reopened"]), st.integers(1, 9 * 24 * 60)), max_size=12
)


@settings(max_examples=80, deadline=None)
@given(done=DONE, target=st.integers(0, 60), query=st.integers(0, 20 * 24))
def test_the_resolution_counts_as_the_arithmetic_of_one_clock_says(
    done: list[tuple[str, int]], target: int, query: int
) -> None:
    """State, outcome and length are those of `replay`, and a chain that is told in any order is the same."""
    last: dict[int, str] = {minute: kind for kind, minute in done}
    log, held = begun(resolution=Goal(target * HOUR, "office@1"))
    events = [{"id": "s", "type": "start", "at": at(9)}]
    for minute, kind in sorted(last.items()):
        when = at(9) + timedelta(minutes=minute)
        if kind in {"pauses", "resumes"}:
            log.append(entry("pauses", when, metrics=("resolution",) if kind == "pauses" else ()))
        else:
            log.append(entry(kind, when))
        words = {"pauses": "pause", "resumes": "resume", "solved": "stop", "reopened": "reopen"}
        events.append({"id": f"m{minute}", "type": words[kind], "at": when})
        if kind == "reopened" and _waits(last, minute):
            events.append({"id": f"p{minute}", "type": "pause", "at": when, "seq": 1})
    now = at(9) + timedelta(hours=query)
    state = replay(target * HOUR, events, calendar=OFFICE, known_at=now, query_at=now)
    found = tell(log, held, now)["resolution"].instances[-1]
    assert (found.phase, found.outcome, found.elapsed_s, found.breached_at) == (
        (state.phase, state.outcome, state.elapsed_s, state.breached_at)
    )
    chain, other = tell(log, held, now)["resolution"], tell(log[::-1], held, now)["resolution"]
    assert (chain.instances, chain.transitions) == (other.instances, other.transitions)


def _waits(last: dict[int, str], until: int) -> bool:
    """Say whether the log says that the clock waits, whatever became of the ticket."""
    waits = False
    for minute, kind in sorted(last.items()):
        if minute > until:
            break
        if kind in {"pauses", "resumes"}:
            waits = kind == "pauses"
    return waits
