# ruff: noqa: E501 - a table of whole messages
"""Phase duplicates: the customer who asks twice or in two desks; what is proposed, what is merged, and what never is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.duplicate import Candidate
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Kind, Setter, Status, Ticket
from rules import Decision, Duplicate, DuplicateAction, decide
from rules.duplicates import key_of
from rules.inputs import Inputs, decoded, encoded
from tests.rules.making import NOW, facts, problems_of, rule_set, ticket

PROPOSE = """\
duplicates:
  - {name: again, same: [requester, issue], within: 24h, do: propose}
"""
MERGE = PROPOSE.replace("propose", "merge")
SYNC = "sync:\n  - {name: all, from: zen, to: rt}\n"


def asked(**changes: Any) -> Ticket:
    """Return a ticket of person p about invoices."""
    return ticket(**{"requester_id": "p", "issue": "billing"} | changes)


def other(**changes: Any) -> Candidate:
    """Return a ticket that was opened an hour before."""
    plain = Candidate("t0", NOW - timedelta(hours=1), "p")
    return msgspec.structs.replace(plain, **changes)


def run(
    rules: str, given: Ticket, *others: Candidate, previous: Ticket | None = None
) -> tuple[Decision, list[tuple[str, datetime, datetime]]]:
    """Decide; return also what was looked up."""
    lookups: list[tuple[str, datetime, datetime]] = []

    def earlier(key: str, since: datetime, until: datetime) -> Sequence[Candidate]:
        lookups.append((key, since, until))
        return others

    links = frozenset({"zen"})
    return decide(rule_set(rules), given, previous=previous, links=links, now=NOW, earlier=earlier), lookups


def said(decision: Decision) -> list[tuple[str, bool, bool, str]]:
    """Return what the trace says of duplicates."""
    return [(line.rule, line.matched, line.ran, line.reason) for line in decision.trace if line.phase == "duplicates"]


def test_a_ticket_of_the_same_customer_about_the_same_is_proposed() -> None:
    """And nothing about the ticket changes by that."""
    decision, lookups = run(PROPOSE, asked(), other())
    assert decision.duplicates == (Duplicate("again", "t0", DuplicateAction.PROPOSE, "t1"),)
    assert decision.ticket.duplicate_of == ""
    assert said(decision) == [
        ("again", True, True, "proposed as a duplicate of t0: the same requester and issue, opened within 1d")
    ]
    day = timedelta(days=1)
    assert [each[1:] for each in lookups] == [(NOW - day, NOW + day)]


def test_a_new_ticket_is_merged_where_the_rule_says_so() -> None:
    """It names its original, stamped by the rule, and no copy of it is made in another desk."""
    decision, _ = run(MERGE + SYNC, asked(), other())
    assert decision.ticket.duplicate_of == "t0"
    stamp = decision.ticket.stamps["duplicate_of"]
    assert (stamp.by, stamp.name) == (Setter.RULE, "again")
    assert decision.create == ()
    assert decision.trace[-1].reason == "it is a duplicate of t0: the original is what lives there"
    alone, _ = run(MERGE + SYNC, asked())
    assert [rule.name for rule in alone.create] == ["all"]


def test_a_ticket_that_is_known_is_proposed_only() -> None:
    """People may have worked on it: it came to share the issue by an edit."""
    known = asked(issue="")
    decision, _ = run(MERGE, asked(), other(), previous=known)
    assert decision.duplicates == (Duplicate("again", "t0", DuplicateAction.PROPOSE, "t1"),)
    assert decision.ticket.duplicate_of == ""


def test_the_ticket_that_was_opened_first_is_the_original() -> None:
    """Also when the older one came to share the key last; a new one is the duplicate, whenever its desk opened it."""
    later = other(id="t2", created_at=NOW + timedelta(hours=1))
    known, _ = run(PROPOSE, asked(), later, previous=asked(issue=""))
    assert known.duplicates == (Duplicate("again", "t1", DuplicateAction.PROPOSE, "t2"),)
    fresh, _ = run(PROPOSE, asked(), later)
    assert fresh.duplicates == (Duplicate("again", "t2", DuplicateAction.PROPOSE, "t1"),)


def test_of_several_the_oldest_is_the_original() -> None:
    """There is one original, however often the customer asks."""
    younger = other(id="t9", created_at=NOW - timedelta(minutes=5))
    decision, _ = run(PROPOSE, asked(), younger, other())
    assert [each.of for each in decision.duplicates] == ["t0"]


def test_a_duplicate_of_a_duplicate_is_one_of_the_original() -> None:
    """Depth one: never a chain, never a ring."""
    decision, _ = run(MERGE, asked(), other(original="first"))
    assert decision.ticket.duplicate_of == "first"
    ring, _ = run(PROPOSE, asked(), other(original="t1"), previous=asked(issue=""))
    assert ring.duplicates == ()


def test_a_finished_ticket_is_no_original_unless_the_rule_says_so() -> None:
    """Who asks again after that has something new to say."""
    decision, _ = run(MERGE, asked(), other(open=False))
    assert said(decision) == [("again", False, True, "t0 is done with (`original: any` would count it)")]
    counted, _ = run(MERGE.replace("do:", "original: any, do:"), asked(), other(open=False))
    assert counted.ticket.duplicate_of == "t0"


def test_a_finished_ticket_is_no_duplicate_either() -> None:
    """There is nothing left to spare anybody."""
    decision, lookups = run(MERGE, asked(status=Status(Category.RESOLVED)), other())
    assert (decision.duplicates, lookups) == ((), [])
    assert said(decision)[0][3] == "status is 'resolved': it is done with"
    assert decision.keys is not None
    assert len(decision.keys) == 1, "others may still be found to repeat it"


@pytest.mark.parametrize("judged", ["proposed", "merged", "rejected", "split"])
def test_what_was_said_about_two_tickets_is_not_said_again(judged: str) -> None:
    """Neither by a rule to people, nor against a person's word; another ticket still counts."""
    decision, _ = run(MERGE, asked(), other(judged=judged))
    assert decision.duplicates == ()
    assert said(decision)[0][3] == f"t0 and this one: {judged} before"
    second, _ = run(MERGE, asked(), other(judged=judged), other(id="t5"))
    assert second.ticket.duplicate_of == "t5"


def test_tickets_of_different_people_are_never_one() -> None:
    """Even if the lookup came up with one."""
    decision, _ = run(MERGE, asked(), other(requester_id="q"))
    assert decision.duplicates == ()
    assert said(decision) == [
        ("again", False, True, "no other ticket with the same requester and issue was opened within 1d")
    ]


@pytest.mark.parametrize(("part", "changes"), [("requester", {"requester_id": ""}), ("issue", {"issue": ""})])
def test_an_empty_part_never_matches(part: str, changes: dict[str, Any]) -> None:
    """Nothing is looked up, and the ticket is found by nobody."""
    decision, lookups = run(MERGE, asked(**changes), other())
    assert (decision.duplicates, decision.keys, lookups) == ((), (), [])
    assert said(decision) == [("again", False, True, f"{part} is empty: there is nothing to compare")]


def test_the_requester_is_the_person_not_the_account() -> None:
    """Two accounts of one person share a key; two people of one name do not."""
    (rule,) = rule_set(PROPOSE).duplicate_rules

    def key(person: str, name: str) -> str:
        return key_of(rule, facts(asked(requester_id=person, requester=RemotePerson(name, "", "", name))))[0]

    assert key("p", "kim@a") == key("p", "kim at b")
    assert key("p", "Kim") != key("q", "Kim")


@given(st.text(min_size=1).filter(str.strip), st.sampled_from((str.upper, str.lower, lambda t: f"  {t}\n")))
def test_case_and_white_space_make_no_difference(text: str, change: Any) -> None:
    """A key says nothing of the text, and is the same for what reads the same."""
    (rule,) = rule_set(PROPOSE).duplicate_rules
    one, _ = key_of(rule, facts(asked(issue=text)))
    again, _ = key_of(rule, facts(asked(issue=change(text).casefold())))
    assert len(one) == 32
    if change(text).casefold().split() == text.casefold().split():
        assert one == again


def test_a_rule_is_asked_again_only_when_what_it_reads_has_changed() -> None:
    """So an event about something else neither looks anything up nor changes the keys."""
    decision, lookups = run(PROPOSE, asked(title="new"), other(), previous=asked())
    assert (decision.duplicates, decision.keys, lookups) == ((), None, [])
    assert said(decision) == [("again", False, False, "nothing that it reads has changed")]
    reading = "duplicates:\n  - {same: [requester, issue], within: 24h, when: {title: new}}\n"
    assert len(run(reading, asked(title="new"), other(), previous=asked())[1]) == 1


def test_the_first_rule_that_finds_one_decides() -> None:
    """The others say that they were not asked."""
    two = MERGE + "  - {same: [requester, kind], within: 1h}\n"
    decision, lookups = run(two, asked(kind=Kind.TASK), other())
    assert len(decision.duplicates) == len(lookups) == 1
    assert said(decision)[1] == (
        "same-requester-kind", False, False, "not asked: 'again' stands above it and has found one"
    )  # fmt: skip
    assert decision.keys is not None
    assert [key.rule for key in decision.keys] == ["again", "same-requester-kind"]


def test_what_is_a_duplicate_already_is_left_alone() -> None:
    """Whoever said it."""
    decision, lookups = run(MERGE, asked(duplicate_of="t7"), other())
    assert (decision.ticket.duplicate_of, lookups) == ("t7", [])
    assert said(decision)[0][3] == "it is a duplicate of t7 already"


def test_later_phases_see_that_it_is_a_duplicate() -> None:
    """A policy may be for originals only."""
    rules = MERGE + "sla:\n  - {name: once, when: {duplicate_of: {exists: false}}}\n  - {name: twice}\n"
    assert run(rules, asked(), other())[0].policy == "twice"
    assert run(rules, asked())[0].policy == "once"


def test_a_decision_is_made_again_with_the_tickets_that_were_found_then() -> None:
    """What came later changes nothing of it."""
    rules = rule_set(MERGE)
    made, lookups = run(MERGE, asked(), other())
    inputs = Inputs.of(asked(), None, frozenset({"zen"}), NOW, others={lookups[0][0]: (other(),)})
    again = decoded(encoded(inputs)).again(rules)
    assert (again.ticket, again.duplicates, again.trace) == (made.ticket, made.duplicates, made.trace)


ERRORS = [
    ("duplicates:\n  - {same: [issue], within: 1h}", "2:12: error[missing-requester]: `same` does not name the requester: duplicates are two tickets of one customer; add requester to the list"),
    ("duplicates:\n  - {same: [requester, isue], within: 1h}", "2:24: error[unknown-field]: there is no field 'isue'; did you mean 'issue'?"),
    ("duplicates:\n  - {same: [requester, requester], within: 1h}", "2:24: error[duplicate-name]: 'requester' is in `same` twice; name it once"),
    ("duplicates:\n  - {same: [requester, created_at], within: 1h}", "2:24: error[wrong-field]: 'created_at' is a time: two tickets cannot be compared by it; name a text, a word, a list or a custom field"),
    ("duplicates:\n  - {same: [requester, assignee], within: 1h}", "2:24: error[wrong-field]: 'assignee' is a person: two tickets cannot be compared by it; name a text, a word, a list or a custom field"),
    ("duplicates:\n  - {same: [requester], within: 3bd}", "2:33: error[wrong-form]: '3bd' is not a duration such as 30s, 15m, 4h, 1d or 2w"),
    ("duplicates:\n  - {same: [requester], within: 1h, do: close}", "2:41: error[not-one-of]: 'close' is not valid here; valid: merge, propose"),
    ("duplicates:\n  - {name: a, same: [requester], within: 1h}\n  - {name: a, same: [requester], within: 2h}", "3:12: error[duplicate-name]: there is another duplicates rule 'a' in rules/a.yaml:2:12; give each rule a name of its own"),
    ("duplicates:\n  - {same: [requester], within: 1h, when: {isue: x}}", "2:44: error[unknown-field]: there is no field 'isue'; did you mean 'issue'?"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "head"), ERRORS)
def test_what_is_wrong_with_a_duplicates_rule_is_said_with_its_place(rules: str, head: str) -> None:
    """Once."""
    assert [each.head for each in problems_of(rules)] == [f"rules/a.yaml:{head}"]


def test_rules_without_a_name_are_called_after_what_they_compare() -> None:
    """Each gets one of its own."""
    rules = "duplicates:\n" + "  - {same: [requester, org.id], within: 1h}\n" * 2
    assert [rule.name for rule in rule_set(rules).duplicate_rules] == [
        "same-requester-org.id",
        "same-requester-org.id-2",
    ]
