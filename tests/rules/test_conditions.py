# ruff: noqa: E501 - a table of whole messages
"""Conditions: what holds, what does not and why, against a naive evaluator, and each error with its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.person import RemotePerson
from gateway.domain.recent import Count, Recent
from gateway.domain.ticket import Category, HoldReason, Kind, Level, Org, Priority, Status, Ticket
from rules.conditions import compile_condition
from rules.fields import LEVEL_NAMES, Vocabulary
from rules.index import Index, Indexed
from rules.problem import Problem
from tests.rules.making import NOW, condition, document, facts, ticket

TICKET = ticket(
    kind=Kind.INCIDENT,
    title="Cannot LOG  in",
    body="since today; the Straße app says 1.10",
    status=Status(Category.ON_HOLD, "stalled", HoldReason.THIRD_PARTY),
    priority=Priority(Level.P2, "high"),
    org=Org(id="7", name="Acme", plan="Premium"),
    requester=RemotePerson(email="Ann@Acme.example", name="Ann"),
    tags=("VIP", "sev1"),
    language="es-MX",
    channel="email",
    recent=Recent(requester=Count(tickets=4, open=0)),
    custom={"version": "1.10", "seats": 12, "beta": True, "where": ["a", "b"], "amount": "3.5", "none": None},
    created_at=NOW - timedelta(hours=5),
)

HOLDS = [
    "kind: incident",
    "kind: [question, incident]",
    "kind: {in: [question, incident]}",
    "{kind: incident, channel: email}",
    "status: on_hold",
    "{status: on_hold, hold_reason: third_party}",
    "status.native: Stalled",
    "priority: P2",
    "priority: high",
    "priority: [urgent, high]",
    "priority: {at_least: P2}",
    "priority: {at_least: normal}",
    "priority: {above: P3, below: P1}",
    "priority: {at_most: high}",
    "org.plan: premium",
    "org.id: 7",
    "org.name: {matches: '^ac'}",
    "text: {words: [log in]}",
    "text: {words: ['strasse']}",
    "text: {contains: 'tod'}",
    "text: {matches: 'cannot log +in'}",
    "text: {matches: ['nothing', '(?m)in$']}",
    "title: cannot log  in",
    "not: {text: {words: [logging, today!]}}",
    "tags: {contains: sev1}",
    "tags: vip",
    "tags: {words: vip}",
    "language: es",
    "language: es-mx",
    "language: [en, es]",
    "requester: ann@acme.example",
    "requester: ann",
    "requester.email: ann@acme.example",
    "requester.name: {exists: true}",
    "assignee: {exists: false}",
    "assignee.email: {exists: false}",
    "issue: {exists: false}",
    "source: zen",
    "links: {contains: zen}",
    "links: zen",
    "not: {links: rt}",
    "custom.version: 1.10",
    "custom.version: '1.10'",
    "custom.seats: 12",
    "custom.seats: {above: 10, at_most: 12}",
    "custom.amount: {below: 4}",
    "custom.beta: true",
    "custom.where: {contains: b}",
    "custom.where: b",
    "custom.none: {exists: false}",
    "custom.gone: {exists: false}",
    "not: {custom.gone: x}",
    "not: {custom.gone: {above: 1}}",
    "recent.requester.tickets: 4",
    "recent.requester.tickets: [3, 4]",
    "recent.requester.tickets: {at_least: 4, below: 5}",
    "recent.requester.tickets: {changed_to: 4}",
    "recent.requester.open: 0",
    "recent.requester.open: {exists: true, at_most: 0}",
    "recent.org.tickets: {exists: false}",
    "not: {recent.org.tickets: {below: 1}}",
    "not: {recent.org.tickets: 0}",
    "age: {above: 4h}",
    "age: {at_most: 5h}",
    "created_at: {before: 2026-03-11}",
    "created_at: {after: '2026-03-09T20:00-05:00'}",
    "not: {resolved_at: {after: 2020-01-01}}",
    "kind: {changed: true}",
    "issue: {changed: false}",
    "kind: {changed_to: incident}",
    "not: {kind: {changed_from: [request, other]}}",
    "any: [{kind: question}, {all: [{kind: incident}, {not: {kind: question}}]}]",
    "stage: {exists: false}",
]


@pytest.mark.parametrize("text", HOLDS)
def test_a_condition_holds_and_its_negation_does_not(text: str) -> None:
    """On a new ticket, everything that has a value has changed."""
    vocabulary = Vocabulary(connections=("zen", "rt"), people={"ann": "ann@acme.example"})
    compiled = condition(text, vocabulary)
    assert compiled.holds(facts(TICKET)), compiled.why(facts(TICKET))
    assert list(Index([Indexed(compiled.guard)]).possible(facts(TICKET))) == [0]
    negated = condition("not:\n" + "\n".join(f"  {line}" for line in text.splitlines()), vocabulary)
    assert not negated.holds(facts(TICKET))
    assert negated.why(facts(TICKET))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: question", "kind is 'incident', not question"),
        ("kind: [question, task]", "kind is 'incident', not one of [question, task]"),
        ("{channel: email, org.plan: basic, kind: task}", "org.plan is 'Premium', not basic"),
        ("priority: {above: P2}", "priority is 'P2', not above P2"),
        ("text: {words: [invoice]}", "text is not with the words [invoice]"),
        ("title: {contains: x}", "title is 'Cannot LOG  in', not containing x"),
        ("issue: billing", "issue is empty, not billing"),
        ("tags: {contains: x}", "tags is [VIP, sev1], not containing x"),
        ("recent.requester.tickets: {above: 9}", "recent.requester.tickets is '4', not above 9"),
        ("recent.org.open: {at_most: 9}", "recent.org.open is empty, not at most 9"),
        ("age: {below: 1h}", "age is '5h', not below 1h"),
        ("requester: {exists: false}", "requester is Ann, not existing: false"),
        ("any: [{kind: task}, {issue: a}]", "none of these: kind is 'incident', not task; issue is empty, not a"),
        ("not: {kind: incident}", "this holds, and must not: kind: incident"),
        ("kind: {changed_to: task}", "kind is 'incident' on a new ticket, not changed to task"),
    ],
)
def test_why_names_the_first_part_that_failed_with_the_actual_value(text: str, why: str) -> None:
    """As an explanation prints it."""
    assert condition(text).why(facts(TICKET)) == why.replace("'5h'", "5h")


def test_changes_look_at_the_ticket_before() -> None:
    """changed, changed_from and changed_to on a ticket that was there before."""
    before = msgspec.structs.replace(TICKET, priority=Priority(Level.P3))
    now = facts(TICKET, before)
    assert condition("priority: {changed: true}").holds(now)
    assert condition("priority: {changed_from: normal}").holds(now)
    assert condition("priority: {changed_from: P3, changed_to: [P2, P1]}").holds(now)
    assert condition("priority: {changed_from: P4}").why(now) == "priority was 'P3' and is 'P2', not changed from P4"
    assert condition("kind: {changed: true}").why(now) == "kind is 'incident' as before, not changed: true"


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("org.plann: x", "1:1: error[unknown-field]: there is no field 'org.plann'; did you mean 'org.plan'?"),
        ("kind: incidents", "1:7: error[unknown-value]: 'incidents' is not a kind; did you mean 'incident'?"),
        ("kind: [task, incidents]", "1:14: error[unknown-value]: 'incidents' is not a kind; did you mean 'incident'?"),
        ("priority: P5", "1:11: error[unknown-value]: 'P5' is not a priority; valid: P1, P2, P3, P4, high, low, normal, unset, urgent"),
        ("source: zenn", "1:9: error[unknown-value]: 'zenn' is not a source; did you mean 'zen'?"),
        ("kind: {contains: x}", "1:8: error[wrong-operator]: 'contains' does not fit kind, which is a choice; valid: equals, in, exists, changed, changed_from, changed_to"),
        ("age: 4h", "1:1: error[wrong-operator]: age is a duration and needs an operator; valid: exists, above, at_least, below, at_most"),
        ("age: {above: 4}", "1:14: error[wrong-value]: '4' is not a duration such as 30s, 15m, 4h, 1d or 2w"),
        ("custom.x: {above: many}", "1:19: error[wrong-value]: a number is expected here, not 'many'"),
        ("priority: {gte: P2}", "1:12: error[unknown-operator]: there is no operator 'gte'; did you mean 'at_least'?"),
        ("title: {contain: x}", "1:9: error[unknown-operator]: there is no operator 'contain'; did you mean 'contains'?"),
        ("text: {matches: '(a'}", "1:17: error[bad-pattern]: the pattern cannot be used: missing ): (a; patterns are RE2: no look-around and no back-references"),
        ("text: {matches: ['a', '(?=x)']}", "1:23: error[bad-pattern]: the pattern cannot be used: invalid perl operator: (?=; patterns are RE2: no look-around and no back-references"),
        ("text: {words: []}", "1:15: error[wrong-value]: an empty word stands nowhere; write at least one word"),
        ("title: true", '1:8: error[wrong-value]: true is not a text; put it in quotes: "true"'),
        ("created_at: {before: soon}", "1:22: error[wrong-value]: 'soon' is not a date or an instant; write 2026-03-10 or 2026-03-10T09:00+01:00"),
        ("tags: {exists: maybe}", "1:16: error[wrong-value]: true or false is expected here"),
        ("requester: bob", "1:12: error[unknown-person]: there is nobody called 'bob' under people; valid: ida"),
        ("requester: ida", "1:12: error[unknown-person]: 'ida' has no e-mail address under people; add `email:` there: people are never told apart by name"),
        ("all: {kind: task}", "1:6: error[wrong-type]: all takes a list of conditions; write - before each condition below all:"),
        ("any: [kind]", "1:7: error[wrong-type]: this is not a condition; a condition is a mapping such as {kind: incident}; several go under all: or any:"),
        ("not: {}", "1:6: error[empty-condition]: an empty condition says nothing; leave `when` out to mean always"),
        ("title: {}", "1:8: error[empty-condition]: an operator is missing; valid: equals, in, contains, words, matches, exists, changed, changed_from, changed_to"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, head: str) -> None:
    """One problem each, at the key or the value."""
    problems: list[Problem] = []
    compile_condition(document(text).root, Vocabulary(connections=("zen", "rt"), people={"ida": ""}), problems)
    assert [problem.head for problem in problems] == [f"a.yaml:{head}"]


def test_a_condition_knows_what_it_reads() -> None:
    """So that a rule runs again only when one of these has changed."""
    compiled = condition("{kind: task, any: [{org.plan: x}, {not: {custom.a: 1}}]}")
    assert compiled.reads == {"kind", "org.plan", "custom.a"}
    assert not compiled.volatile
    assert condition("{kind: task, not: {age: {above: 1h}}}").volatile


# ---------------------------------------------------------------- against a naive evaluator

KINDS = [kind.value for kind in Kind]
LEAVES = st.one_of(
    st.builds(lambda v: {"kind": v}, st.sampled_from(KINDS) | st.lists(st.sampled_from(KINDS), min_size=1, max_size=3)),
    st.builds(lambda v: {"tags": {"contains": v}}, st.sampled_from(["a", "b", "c"])),
    st.builds(lambda v: {"title": {"contains": v}}, st.sampled_from(["x", "yz", " "])),
    st.builds(lambda op, v: {"priority": {op: v}}, st.sampled_from(["above", "at_least", "below", "at_most", "equals"]),
              st.sampled_from(sorted(LEVEL_NAMES))),
    st.builds(lambda v: {"issue": {"exists": v}}, st.booleans()),
    st.builds(lambda v: {"kind": {"changed": v}}, st.booleans()),
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda each: {"all": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"any": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"not": each}, inner),
        st.builds(lambda one, two: {**one, **two}, inner, inner),
    ),
    max_leaves=8,
)
TICKETS = st.builds(
    ticket,
    kind=st.sampled_from(list(Kind)),
    tags=st.lists(st.sampled_from(["a", "b", "C"]), max_size=2).map(tuple),
    title=st.text("xyz ", max_size=4),
    priority=st.sampled_from(list(Level)).map(Priority),
    issue=st.sampled_from(["", "billing"]),
)

ORDER = ["unset", "P4", "P3", "P2", "P1"]


def _naive(wanted: dict[str, Any], now: Ticket, before: Ticket | None) -> bool:
    return all(_naive_part(key, value, now, before) for key, value in wanted.items())


def _naive_part(key: str, value: Any, now: Ticket, before: Ticket | None) -> bool:  # noqa: PLR0911 - one each
    if key == "all":
        return all(_naive(each, now, before) for each in value)
    if key == "any":
        return any(_naive(each, now, before) for each in value)
    if key == "not":
        return not _naive(value, now, before)
    if not isinstance(value, dict):
        return now.kind in (value if isinstance(value, list) else [value])
    ((operator, operand),) = value.items()
    if key == "tags":
        return operand in [tag.lower() for tag in now.tags]
    if key == "title":
        return operand in now.title
    if key == "issue":
        return bool(now.issue) is operand
    if key == "kind":
        return (before is None or before.kind != now.kind) is operand
    mine, limit = ORDER.index(now.priority.level), ORDER.index(LEVEL_NAMES[operand])
    return {
        "above": mine > limit, "at_least": mine >= limit, "below": mine < limit, "at_most": mine <= limit,
        "equals": mine == limit,
    }[operator]  # fmt: skip


@given(CONDITIONS, TICKETS, st.none() | TICKETS)
@settings(deadline=None)
def test_the_same_answer_as_a_naive_evaluator(wanted: dict[str, Any], now: Ticket, before: Ticket | None) -> None:
    """And a reason exactly when it does not hold."""
    compiled = condition(msgspec.json.encode(wanted).decode())
    seen = facts(now, before)
    assert compiled.holds(seen) is _naive(wanted, now, before)
    assert bool(compiled.why(seen)) or compiled.holds(seen)
