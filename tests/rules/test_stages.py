# ruff: noqa: E501 - a table of whole messages
"""Stages: entered by the status of a desk or by a rule, never over a person's, and always of the ticket's own kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.domain.ticket import Kind, Setter, Stamp, Ticket
from rules import Decision, decide
from rules.stages import DeskStatus
from tests.rules.making import NOW, problems_of, rule_set, ticket

RULES = """\
classify:
  - {name: approval, when: {title: {words: [setup]}}, set: {stage: pending, kind: implementation}}
  - {name: outage, when: {title: {words: [down]}}, set: {kind: incident}}
  - {name: tested, when: {stage: testing}, set: {issue: tested}}
stages:
  implementation:
    - pending: {zen: new, rt: new}
    - building: {zen: [open, Pending], rt: open}
    - testing: {rt: Testing}
    - handover
  incident:
    - triage: {zen: new}
    - building: {rt: open}
"""


def at(minutes: int, connection: str, native: str, by: Setter = Setter.PERSON, *, new: bool = True) -> DeskStatus:
    """Return what a desk says since so many minutes after the ticket was opened."""
    return DeskStatus(connection, native, NOW + timedelta(minutes=minutes), by, new)


def run(given: Ticket, previous: Ticket | None, *desks: DeskStatus, rules: str = RULES, now: int = 60) -> Decision:
    """Decide at so many minutes after the ticket was opened."""
    moment = NOW + timedelta(minutes=now)
    return decide(rule_set(rules), given, previous=previous, links=frozenset({"zen", "rt"}), now=moment, desks=desks)


def task(stage: str = "", by: Setter = Setter.DESK, name: str = "zen", minutes: int = 0, **changes: Any) -> Ticket:
    """Return an implementation request in a stage since so many minutes."""
    stamps = {"stage": Stamp(by, name, NOW + timedelta(minutes=minutes))} if stage else {}
    return ticket(**{"kind": Kind.IMPLEMENTATION, "stage": stage, "stamps": stamps} | changes)


def said(decision: Decision) -> list[tuple[str, bool, str]]:
    """Return what the trace says of stages."""
    return [(line.rule, line.matched, line.reason) for line in decision.trace if line.phase == "stages"]


def test_a_status_of_any_desk_enters_its_stage() -> None:
    """Whatever its case; the stamp says who, and when it was."""
    known = task("pending")
    decision = run(known, known, at(0, "zen", "new", new=False), at(5, "rt", "testing"))
    assert decision.ticket.stage == "testing"
    assert decision.ticket.stamps["stage"] == Stamp(Setter.PERSON, "rt", NOW + timedelta(minutes=5))
    assert said(decision) == [("testing", True, "rt says 'testing'")]
    assert run(known, known, at(5, "zen", "pending")).ticket.stage == "building"


def test_a_rule_sees_the_stage_that_a_desk_has_just_entered() -> None:
    """Stages come before classify."""
    known = task("pending")
    assert run(known, known, at(5, "rt", "testing")).ticket.issue == "tested"


def test_a_status_that_stands_for_no_stage_leaves_it() -> None:
    """A desk may have more statuses than the kind has steps; and what did not change is no news."""
    known = task("testing")
    assert run(known, known, at(5, "rt", "stalled")).ticket.stage == "testing"
    assert run(known, known, at(5, "zen", "open", new=False)).ticket.stage == "testing"


def test_a_new_ticket_begins_where_its_desk_says() -> None:
    """Where no rule says it."""
    decision = run(task(), None, at(0, "zen", "new", Setter.DESK))
    assert (decision.ticket.stage, decision.ticket.stamps["stage"].name) == ("pending", "zen")
    assert said(decision) == [("pending", True, "zen says 'new'")]


def test_a_rule_begins_a_stage_and_goes_before_the_first_status() -> None:
    """Also where the file names the stage before the kind."""
    decision = run(ticket(title="setup"), None, at(0, "zen", "open", Setter.DESK))
    assert (decision.ticket.kind, decision.ticket.stage) == (Kind.IMPLEMENTATION, "pending")
    assert decision.ticket.stamps["stage"].by is Setter.RULE


def test_a_status_moves_a_ticket_on_from_the_stage_that_a_rule_began() -> None:
    """Even one that was told late: the rule said only where it begins. And the rule does not put it back."""
    known = task("pending", Setter.RULE, "approval", minutes=10, title="setup", kind=Kind.IMPLEMENTATION)
    moved = run(known, known, at(5, "zen", "open"))
    assert moved.ticket.stage == "building"
    assert moved.ticket.stamps["stage"].at == NOW + timedelta(minutes=10), "it did not leave before it had entered"
    renamed = msgspec.structs.replace(moved.ticket, title="setup, please")
    assert run(renamed, moved.ticket, at(5, "zen", "open", new=False)).ticket.stage == "building"


def test_what_was_heard_late_does_not_take_it_back() -> None:
    """The newest edit wins, whichever desk it was made at; within one second the last that was heard."""
    known = task("testing", Setter.PERSON, "rt", minutes=10)
    late = run(known, known, at(0, "rt", "testing", new=False), at(5, "zen", "open"))
    assert (late.ticket.stage, said(late)) == (
        "testing",
        [("building", False, "zen says 'open', but 'testing' was entered later")],
    )
    assert run(known, known, at(10, "zen", "open")).ticket.stage == "building"


def test_a_stage_that_a_person_put_it_into_is_left_by_a_person_only() -> None:
    """A rule never changes it, an automation of a desk neither; somebody who gives it a status later does."""
    known = task("handover", Setter.PERSON, "lucia", minutes=1, title="setup")
    assert run(known, None).ticket.stage == "handover"
    machine = run(known, known, at(5, "rt", "testing", Setter.DESK))
    assert machine.ticket.stage == "handover"
    assert said(machine) == [("testing", False, "rt says 'testing', but a person (lucia) put it into 'handover'")]
    assert run(known, known, at(0, "rt", "testing")).ticket.stage == "handover"
    assert run(known, known, at(5, "rt", "testing")).ticket.stage == "testing"


def test_an_automation_moves_on_what_a_status_has_moved() -> None:
    """Both are the desk's word."""
    known = task("building", Setter.PERSON, "rt", minutes=1)
    assert run(known, known, at(5, "rt", "testing", Setter.DESK)).ticket.stage == "testing"


def test_a_rule_cannot_enter_a_stage_of_another_kind() -> None:
    """It is ignored, and the trace says so; the rest of the rule counts."""
    rules = RULES.replace("set: {kind: incident}", "set: {kind: incident, stage: handover, tier: gold}")
    decision = run(ticket(title="down"), None, rules=rules)
    assert (decision.ticket.stage, decision.ticket.tier) == ("", "gold")
    effects = next(line.effects for line in decision.trace if line.rule == "outage")
    assert effects == ("kind = incident", "stage ignored: incident has no stage 'handover'", "tier = gold")


def test_another_kind_takes_its_stage_from_the_newest_status_that_stands_for_one() -> None:
    """What the old kind's stage was does not count, whoever had put it there."""
    before = task("testing", Setter.PERSON, "lucia")
    known = msgspec.structs.replace(before, kind=Kind.INCIDENT)
    decision = run(known, before, at(1, "zen", "new", new=False), at(2, "rt", "open", new=False), at(3, "rt", "x"))
    assert (decision.ticket.stage, decision.ticket.stamps["stage"].name) == ("building", "rt")
    assert said(decision) == [("building", True, "'testing' is no stage of incident; rt says 'open'")]


def test_another_kind_leaves_a_stage_that_it_does_not_have() -> None:
    """Where no status stands for one: in no stage, and free for rules and desks."""
    before = task("testing", Setter.PERSON, "lucia")
    known = msgspec.structs.replace(before, kind=Kind.QUESTION)
    decision = run(known, before, at(1, "zen", "new", new=False))
    assert (decision.ticket.stage, "stage" in decision.ticket.stamps) == ("", False)
    assert said(decision) == [("testing", False, "'testing' is no stage of question; no desk says another")]


def test_a_stage_that_both_kinds_have_stays() -> None:
    """It is the same word."""
    before = task("building", Setter.RULE, "x")
    decision = run(msgspec.structs.replace(before, kind=Kind.INCIDENT), before, at(1, "zen", "new", new=False))
    assert (decision.ticket.stage, said(decision)) == ("building", [])


def test_a_person_may_name_a_stage_that_the_kind_does_not_have() -> None:
    """As long as the kind stays: a person knows better."""
    known = task("parked", Setter.PERSON, "lucia")
    assert run(known, known).ticket.stage == "parked"


ERRORS = [
    ("stages:\n  task: [begun, begun]", "2:17: error[duplicate-name]: task has the stage 'begun' already; give each stage a name of its own"),
    ("stages:\n  task:\n    - begun: {zem: new}", "3:15: error[unknown-connection]: there is no connection 'zem'; did you mean 'zen'?"),
    ("stages:\n  task:\n    - a: {zen: new}\n    - b: {zen: [open, New]}", "4:23: error[mapped-twice]: 'New' of zen enters another stage of task in rules/a.yaml:3:16; a status enters one stage of a kind"),
    ("stages:\n  tsk: [a]", "2:3: error[unknown-key]: a mapping from kind to its stages has no key 'tsk'; did you mean 'task'?"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "head"), ERRORS)
def test_what_is_wrong_with_a_stage_is_said_with_its_place(rules: str, head: str) -> None:
    """Once."""
    assert [each.head for each in problems_of(rules)] == [f"rules/a.yaml:{head}"]
