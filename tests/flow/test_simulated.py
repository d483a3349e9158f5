"""The promises that other rules would have made: those of a life that was lived under them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.clock_chain import chains
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.ticket import Category, Level, Priority, Setter, Status, Ticket
from gateway.flow.sla.entries import Happened, entries_of
from gateway.flow.sla.simulated import promises, told
from gateway.system import SystemClock, SystemIds
from rules import RuleSet
from rules.clocks import digest
from rules.simulate import Difference, Promised, TicketHistory, line, read_line, simulate
from tests.rules.making import NOW, rule_set
from tests.rules.test_simulate import COMPILED, Act, acts, live

IDS = SystemIds(SystemClock())
PAUSES = "    pause_when: {status: on_hold}\n"
SLA = {
    "quick": "sla:\n  - {name: all, targets: {first_response: 2m, resolution: {P1: 1m, default: 3m}}}\n",
    "slow": "sla:\n  - name: all\n    calendar: always\n    targets: {resolution: 5m, next_reply: 1m}\n" + PAUSES,
    "tagged": (
        "classify:\n  - {name: vip, when: {tags: vip}, set: {tier: premium, priority: P2}}\n"
        "sla:\n  - {name: gold, when: {tier: premium}, targets: {resolution: {P2: 2m, default: 4m}}}\n"
        "  - {name: rest, targets: {resolution: 6m, first_response: 1m}}\n"
    ),
}
RULES: dict[str, RuleSet] = {**{name: rule_set(text) for name, text in SLA.items()}, "nothing": COMPILED["nothing"]}
MINUTE = timedelta(minutes=1)


def lived(name: str, done: Sequence[Act], said: Sequence[tuple[EntryKind, int]]) -> TicketHistory:
    """Let a ticket live under some rules, with its clocks; things were said at some minutes."""
    rules = RULES[name]
    history = live(rules, done)
    would = simulate(history, rules)
    clockwork = rules.clockwork
    until = NOW + (len(done) + 6) * MINUTE
    log: list[LogEntry] = []
    terms = {}
    before: Ticket | None = None
    messages = tuple((kind, NOW + minute * MINUTE) for kind, minute in said)
    for decision, outcome, ticket in zip(history.decisions, would.would, would.tickets, strict=True):
        now = decision.inputs.now
        at = min(ticket.updated_at, now)
        links = frozenset(decision.inputs.links)
        happened = Happened(before=before, ticket=ticket, policy=outcome.policy, links=links, at=at, now=now)
        added, holds = entries_of(happened, log, clockwork, IDS)
        log += added
        terms[digest(holds)] = holds
        before = ticket
    if not any(each.goals for each in terms.values()):
        return msgspec.structs.replace(history, promised=Promised(until, said=messages))
    log += [LogEntry(id=IDS.new(), kind=kind, at=at, arrived=at) for kind, at in messages]
    found = chains(log, terms, calendars=clockwork.calendars(), known_at=until, query_at=until)
    clocks = dict(told(each for chain in found.values() for each in chain.instances))
    return msgspec.structs.replace(history, promised=Promised(until, tuple(log), clocks))


def differences(history: TicketHistory, rules: RuleSet) -> list[Difference]:
    """Return what differs in promises, of a history that went through a file."""
    past = read_line(line(history))
    return list(promises(rules, IDS)(simulate(past, rules)))


lives = st.lists(acts, max_size=6)
said = st.lists(st.tuples(st.sampled_from((EntryKind.AGENT, EntryKind.CUSTOMER)), st.integers(1, 7)), max_size=3)


@pytest.mark.parametrize("name", RULES)
@given(done=lives, said=said)
def test_the_same_rules_keep_the_same_promises(name: str, done: list[Act], said: list[tuple[EntryKind, int]]) -> None:
    """Nothing differs from itself."""
    assert differences(lived(name, done, said), RULES[name]) == []


@given(was=st.sampled_from(sorted(RULES)), would=st.sampled_from(sorted(RULES)), done=lives, said=said)
def test_other_rules_keep_the_promises_of_a_life_under_them(
    was: str, would: str, done: list[Act], said: list[tuple[EntryKind, int]]
) -> None:
    """What is told to be broken is what would have been."""
    past, right = lived(was, done, said), lived(would, done, said)
    assert past.promised is not None
    assert right.promised is not None
    before, after = past.promised.clocks, right.promised.clocks
    told_ = {each.what: each.number for each in differences(past, RULES[would])}
    for metric in {*before, *after}:
        more = after.get(metric, (0, 0))[1] - before.get(metric, (0, 0))[1]
        assert told_.get(f"{metric}: broken, and was not", 0) == max(more, 0)
        assert told_.get(f"{metric}: not broken, and was", 0) == max(-more, 0)
        assert (f"{metric}: promised, and was not" in told_) == (metric not in before)
        assert (f"{metric}: not promised" in told_) == (metric not in after)


def test_a_shorter_target_breaks_more() -> None:
    """And a longer one less: said for each metric."""
    done: list[Act] = [
        ("status", Status(Category.OPEN), Setter.PERSON),
        ("priority", Priority(Level.P1), Setter.PERSON),
    ]
    past = lived("slow", done, [])
    assert differences(past, RULES["quick"]) == [
        Difference("promise", "first_response: promised, and was not"),
        Difference("promise", "first_response: broken, and was not"),
    ]
    assert [each.what for each in differences(lived("quick", done, []), RULES["slow"])] == [
        "first_response: not promised",
        "first_response: not broken, and was",
    ]


def test_a_ticket_from_before_the_time_looked_at_is_told_by_what_it_was_promised_in_it() -> None:
    """Its log names terms of which nothing is known any more."""
    done: list[Act] = [("priority", Priority(Level.P1), Setter.PERSON), ("title", "mail is down", Setter.DESK)]
    past = lived("slow", done, [])
    later = msgspec.structs.replace(past, decisions=past.decisions[2:])
    assert differences(later, RULES["slow"]) == []
    assert "first_response: promised, and was not" in [each.what for each in differences(later, RULES["quick"])]
