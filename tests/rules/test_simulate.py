"""A simulation says what other rules would have made of the past: held against a life that was lived under them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ticket import Category, Kind, Level, Priority, Setter, Stamp, Status, Ticket, with_field
from rules import RuleSet
from rules.decide import decide
from rules.inputs import Inputs, decoded, encoded
from rules.simulate import Happened, HistoryError, Lived, Outcome, Report, TicketHistory, line, read_line, simulate
from tests.rules.making import NOW, rule_set, ticket

#: (field, value, who): what is done to a ticket at a desk, a minute after what was done before
Act = tuple[str, Any, Setter]

SYNC = """\
sync:
  - name: to-rt
    from: zen
    to: rt
    when: {kind: incident}
    create: {queue: General}
    fields: {title: from, priority: both, kind: from}
"""
RULES = {
    "nothing": SYNC,
    "words": "classify:\n  - {name: outage, when: {text: {words: [down]}}, set: {kind: incident, priority: P1}}\n"
    + SYNC,
    "tags": (
        "classify:\n"
        "  - {name: vip, when: {tags: vip}, set: {tier: premium, priority: P2}}\n"
        "  - {name: rest, set: {priority: P4, custom.seen: true}}\n"
        "sla:\n  - {name: gold, when: {tier: premium}, calendar: always, targets: {resolution: 4h}}\n"
        "  - {name: standard, calendar: always, targets: {resolution: 8h}}\n" + SYNC
    ),
    "kinds": (
        "classify:\n"
        "  - {name: question, when: {status: [open, on_hold]}, set: {kind: question}}\n"
        "  - {name: low, when: {kind: question}, set: {priority: P4, tags: [later]}}\n" + SYNC
    ),
}
COMPILED = {name: rule_set(text) for name, text in RULES.items()}

acts = st.one_of(
    st.tuples(st.just("title"), st.sampled_from(("mail is down", "a question")), st.just(Setter.DESK)),
    st.tuples(st.just("tags"), st.sampled_from(((), ("vip",), ("vip", "later"))), st.just(Setter.DESK)),
    st.tuples(
        st.just("status"),
        st.sampled_from((Category.OPEN, Category.ON_HOLD, Category.RESOLVED)).map(Status),
        st.just(Setter.PERSON),
    ),
    st.tuples(st.just("priority"), st.sampled_from(Level).map(Priority), st.sampled_from((Setter.DESK, Setter.PERSON))),
    st.tuples(st.just("kind"), st.sampled_from((Kind.INCIDENT, Kind.QUESTION, Kind.TASK)), st.just(Setter.PERSON)),
)
lives = st.lists(acts, max_size=7)


def live(rules: RuleSet, done: Sequence[Act], number: str = "t1") -> TicketHistory:
    """Let a ticket live under some rules: what is done to it, a decision after each, kept as the record keeps it."""
    seen: Ticket = ticket(id=number, title="a question")
    previous: Ticket | None = None
    links = frozenset({"zen"})
    happened: list[Happened] = []
    body = ""
    for minutes, act in enumerate((None, *done)):
        now = NOW + timedelta(minutes=minutes)
        if act is not None:
            field, value, setter = act
            seen = with_field(seen, field, value, Stamp(setter, "zen", now, version=minutes))
        kept = decoded(encoded(Inputs.of(seen, previous, links, now))).with_body(body)
        body = kept.ticket.body
        decision = decide(rules, seen, previous=previous, links=links, now=now)
        happened.append(Happened(kept, Outcome.of(decision, rules, links)))
        links |= {rule.target for rule in decision.create}
        seen = previous = decision.ticket
    return TicketHistory(number, "a question", tuple(happened))


def found(lived: Lived) -> list[tuple[str, str, int]]:
    """Return what differs."""
    return [(each.theme, each.what, each.number) for each in Report().add(lived)]


@given(st.sampled_from(sorted(RULES)), lives)
def test_the_same_rules_differ_in_nothing(name: str, done: list[Act]) -> None:
    """Identity: the rules that decided the history find nothing to differ."""
    lived = simulate(live(COMPILED[name], done), COMPILED[name])
    assert lived.would == lived.was
    assert found(lived) == []


@given(st.sampled_from(sorted(RULES)), st.sampled_from(sorted(RULES)), lives)
def test_a_simulation_is_the_life_that_would_have_been_lived(was: str, would: str, done: list[Act]) -> None:
    """Where people do the same, the simulated decisions are those of a ticket that lived under the candidate."""
    assert simulate(live(COMPILED[was], done), COMPILED[would]).would == tuple(
        each.outcome for each in live(COMPILED[would], done).decisions
    )


def test_what_differs_is_told_by_theme() -> None:
    """Fields, policies, copies in other desks, and updates, each with its number."""
    done: list[Act] = [("title", "mail is down", Setter.DESK), ("tags", ("vip",), Setter.DESK)]
    assert found(simulate(live(COMPILED["words"], done), COMPILED["tags"])) == [
        ("field", "custom.seen: nothing → True", 1),
        ("field", "kind: incident → other", 1),
        ("field", "priority: P1 → P2", 1),
        ("field", "tier: nothing → premium", 1),
        ("policy", "none → gold", 1),
        ("copy", "not created in rt", 1),
        ("update", "dropped: create in rt", 1),
    ]
    kept: list[Act] = [("kind", Kind.INCIDENT, Setter.PERSON), ("tags", ("vip",), Setter.DESK)]
    assert found(simulate(live(COMPILED["nothing"], kept), COMPILED["tags"])) == [
        ("field", "custom.seen: nothing → True", 1),
        ("field", "priority: unset → P2", 1),
        ("field", "tier: nothing → premium", 1),
        ("policy", "none → gold", 1),
        ("update", "added: priority to rt", 1),
        ("update", "added: priority to zen", 1),
    ]


def test_what_a_person_set_stays_also_where_the_rules_of_then_had_set_the_same() -> None:
    """The value did not change then; that a person stands behind it does."""
    done: list[Act] = [("title", "mail is down", Setter.DESK), ("priority", Priority(Level.P1), Setter.PERSON)]
    would = simulate(live(COMPILED["words"], done), COMPILED["tags"]).would
    assert [outcome.fields["priority"] for outcome in would] == ["P4", "P4", "P1"]


def test_a_window_begins_with_what_was_there() -> None:
    """Of a ticket that is older than the window, the decisions before it stay as they were."""
    done: list[Act] = [("title", "mail is down", Setter.DESK), ("tags", ("vip",), Setter.DESK)]
    whole = live(COMPILED["words"], done)
    late = msgspec.structs.replace(whole, decisions=whole.decisions[2:])
    assert [each.fields["kind"] for each in simulate(late, COMPILED["nothing"]).would] == ["incident"]


def test_a_report_counts_tickets_and_names_some() -> None:
    """The largest first; lines beyond the most that a person reads are only counted."""
    report = Report(examples=2)
    done: list[Act] = [("title", "mail is down", Setter.DESK)]
    for number in range(5):
        report.add(simulate(live(COMPILED["words"], done if number else [], f"t{number}"), COMPILED["nothing"]))
    report.leave_out("redacted")
    assert (report.tickets, report.decisions, report.differing, dict(report.left_out)) == (5, 9, 4, {"redacted": 1})
    rows = [(row.theme, row.what, row.tickets, [each.id for each in row.examples]) for row in report.rows]
    assert ("field", "kind: incident → other", 4, ["t1", "t2"]) in rows
    assert all(one[2] >= other[2] for one, other in pairwise(rows) if one[0] == other[0])


def test_duplicates_that_nobody_had_looked_up_are_counted() -> None:
    """What the record does not know is said, not guessed."""
    asked: list[Act] = [("issue", "billing", Setter.DESK)]
    history = live(COMPILED["nothing"], asked)
    first = msgspec.structs.replace(history.decisions[1].inputs.ticket, requester_id="p")
    inputs = msgspec.structs.replace(history.decisions[1].inputs, ticket=first, before=None)
    history = msgspec.structs.replace(history, decisions=(Happened(inputs, history.decisions[1].outcome),))
    rules = rule_set("duplicates:\n  - {name: again, same: [requester, issue], within: 24h}\n" + SYNC)
    report = Report()
    report.add(simulate(history, rules))
    assert report.not_looked_up == 1


def test_a_history_travels_in_a_line() -> None:
    """With bodies or without; another version or another file is refused with a reason."""
    history = live(COMPILED["words"], [("title", "mail is down", Setter.DESK)])
    body = msgspec.structs.replace(history.decisions[0].inputs.ticket, body="a secret")
    inputs = msgspec.structs.replace(history.decisions[0].inputs, ticket=body)
    history = msgspec.structs.replace(history, decisions=(Happened(inputs, history.decisions[0].outcome),))
    again = read_line(line(history))
    assert msgspec.to_builtins(again) == msgspec.to_builtins(history)
    bare = line(history, bodies=False)
    assert b"a secret" not in bare
    report = Report()
    report.add(simulate(read_line(bare), COMPILED["words"]))
    assert report.bodiless == 1
    for text in (b"{}", b"no json", line(msgspec.structs.replace(history, version=9))):
        with pytest.raises(HistoryError):
            read_line(text)
