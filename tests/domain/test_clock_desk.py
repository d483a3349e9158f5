"""The clock of a metric that a desk counts: its words, in whatever order they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.clock_chain import chains
from gateway.domain.clock_desk import beside, entry_of
from gateway.domain.clock_instance import Chain, Change, Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.desk_promise import DeskPromise, DeskSays
from gateway.domain.terms import Goal, Terms

BEGAN = datetime(2026, 3, 10, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TERMS = Terms(
    policy="p",
    level="P3",
    goals={"first_response": Goal(60, "24x7"), "resolution": Goal(3600, "24x7")},
    authority={"first_response": "zen"},
)


def word(says: DeskSays, after: float, cycle: int = 1, *, metric: str = "first_response", **more: Any) -> LogEntry:
    """Return one word of the desk, `after` minutes after the beginning."""
    at = BEGAN + after * MINUTE
    promise = DeskPromise(id=f"{says}{after}{cycle}", says=says, metric=metric, cycle=cycle, at=at, **more)
    return entry_of(promise, f"{metric}{says}{after}{cycle}", "zen", BEGAN + timedelta(days=9))


def told(after: float, *words: LogEntry, terms: Terms = TERMS) -> dict[str, Chain]:
    """Return the clocks of a ticket so many minutes after it was opened."""
    log = [
        LogEntry(id="o", kind=EntryKind.OPENED, at=BEGAN, arrived=BEGAN),
        LogEntry(id="t", kind=EntryKind.TERMS, at=BEGAN, arrived=BEGAN, terms="t"),
        *words,
    ]
    known = BEGAN + timedelta(days=10)
    at = BEGAN + after * MINUTE
    return chains(log, {"t": terms}, calendars={"24x7": "24x7"}, known_at=known, query_at=at)


BEGIN = (word(DeskSays.STARTED, 0), word(DeskSays.TARGET, 0, target_s=1800))


def test_without_a_target_nothing_is_promised() -> None:
    """A desk measures every metric; it promises some."""
    assert set(told(5, word(DeskSays.STARTED, 0), word(DeskSays.STOPPED, 3))) == {"resolution"}


def test_a_clock_runs_waits_and_ends_as_the_desk_says() -> None:
    """With what was used up at each step."""
    found = told(60, *BEGIN, word(DeskSays.PAUSED, 10), word(DeskSays.STARTED, 25), word(DeskSays.STOPPED, 30))[
        "first_response"
    ]
    (instance,) = found.instances
    assert (instance.status, instance.elapsed_s, instance.ended) == (Status.SUCCEEDED, 900, BEGAN + 30 * MINUTE)
    assert [(each.change, each.elapsed_s) for each in found.transitions] == [
        (Change.STARTED, 0),
        (Change.PAUSED, 600),
        (Change.RESUMED, 600),
        (Change.STOPPED, 900),
    ]
    assert found.clock is None


def test_what_is_done_late_without_a_word_of_breach_was_kept() -> None:
    """The desk had its reasons: holidays, hours, a target that it changed."""
    found = told(120, *BEGIN, word(DeskSays.STOPPED, 90))["first_response"]
    assert (found.instances[-1].status, found.instances[-1].breached_at) == (Status.SUCCEEDED, None)


def test_a_breach_is_the_desks_word_also_of_what_has_ended() -> None:
    """At its instant; whether the end or the breach is heard of first."""
    ended, broken = word(DeskSays.STOPPED, 90), word(DeskSays.BREACHED, 40)
    for words in ((ended, broken), (broken, ended)):
        (instance,) = told(120, *BEGIN, *words)["first_response"].instances
        assert (instance.status, instance.breached_at) == (Status.BREACHED, BEGAN + 40 * MINUTE)


def test_it_is_told_the_same_at_any_later_instant() -> None:
    """Once it is over nothing of it moves, or the record would be restated for ever."""
    off = LogEntry(id="e", kind=EntryKind.ENDED, at=BEGAN + 20 * MINUTE, arrived=BEGAN + 20 * MINUTE, reason="merged")
    first, later = (told(after, *BEGIN, off)["first_response"].instances for after in (30, 300))
    assert first == later
    assert (first[-1].status, first[-1].ended) == (Status.CANCELED, BEGAN + 20 * MINUTE)


def test_a_due_time_that_it_outlives_is_nobodys_guess() -> None:
    """It runs again after what we took for its due time: only the desk knows when it will be broken."""
    words = (
        word(DeskSays.DUE, 1, cycle=0, due=BEGAN + 30 * MINUTE),
        word(DeskSays.PAUSED, 10),
        word(DeskSays.STARTED, 50),
    )
    (instance,) = told(55, *BEGIN, *words)["first_response"].instances
    assert (instance.due, instance.breached_at, instance.status) == (None, None, Status.IN_PROGRESS)
    again = word(DeskSays.DUE, 52, cycle=0, due=BEGAN + 70 * MINUTE)
    assert told(55, *BEGIN, *words, again)["first_response"].instances[-1].due == BEGAN + 70 * MINUTE


def test_another_target_counts_from_where_it_stands() -> None:
    """A new version of it; the warnings may come again."""
    found = told(20, *BEGIN, word(DeskSays.TARGET, 5, target_s=3600))["first_response"]
    assert (found.instances[-1].target_s, found.instances[-1].version) == (3600, 2)
    assert found.instances[-1].due == BEGAN + 60 * MINUTE


def test_each_cycle_is_an_instance() -> None:
    """By the desk's own number."""
    more = (word(DeskSays.STARTED, 40, 2), word(DeskSays.TARGET, 40, 2, target_s=600))
    found = told(45, *BEGIN, word(DeskSays.STOPPED, 10), *more)["first_response"]
    assert [(each.cycle, each.status) for each in found.instances] == [(1, Status.SUCCEEDED), (2, Status.IN_PROGRESS)]
    assert found.clock is not None


def test_what_it_says_of_our_own_stands_beside_it() -> None:
    """The chain of the gateway is untouched."""
    words = (word(DeskSays.STARTED, 0, metric="resolution"), word(DeskSays.BREACHED, 5, metric="resolution"))
    found = told(30, *words)["resolution"]
    assert (found.instances[-1].authority, found.instances[-1].status) == ("", Status.IN_PROGRESS)
    ((connection, chain),) = beside(words, TERMS, calendars={}, at=BEGAN + 30 * MINUTE)
    assert (connection, chain.metric, chain.instances[-1].status) == ("zen", "resolution", Status.BREACHED)


def test_a_breach_that_a_desk_tells_can_be_acknowledged() -> None:
    """It is the person's word, in the cycle that was broken."""
    at = BEGAN + 50 * MINUTE
    known = LogEntry(id="k", kind=EntryKind.ACKNOWLEDGED, at=at, arrived=at, metric="first_response", by="eva")
    found = told(60, *BEGIN, word(DeskSays.BREACHED, 40), known)["first_response"]
    step = next(each for each in found.transitions if each.change is Change.ACKNOWLEDGED)
    assert (step.at, step.cycle, step.note) == (known.at, 1, "by eva")
