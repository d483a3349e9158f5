# ruff: noqa: E501 - tables of whole cases and messages
"""What is wrong with a file of cases, each at its place and with what was meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from rules.cases import Words, load_cases, load_given
from rules.problem import Problem
from rules.schema import for_editors
from tests.rules.cases.making import made, read
from tests.rules.making import document

HEAD = "cases:\n  - name: it\n    given:\n"
FINE = f"{HEAD}      ticket: {{source: zen}}\n    expect: {{kind: other}}\n"

#: line 4 of a file, line 5, and the problem: place, code and a word of its text
WRONG = [
    ("ticket: {source: zen}", "expect: {kin: other}", "5:14", "unknown-key", "did you mean 'kind'?"),
    ("ticket: {source: zen}", "expect: {kind: othr}", "5:20", "not-one-of", "did you mean 'other'?"),
    ("ticket: {source: zen}", "expect: {}", "5:13", "empty-value", "cannot be empty"),
    ("ticket: {source: zen}", "expect: {sync: {create: [rt]}}", "5:21", "unknown-key", "did you mean 'created'?"),
    ("ticket: {source: zen}", "expect: {sync: {updates: {rt: {stats: open}}}}", "5:36", "unknown-key", "'status'"),
    ("ticket: {source: zen}", "expect: {rules: {match: [a]}}", "5:22", "unknown-key", "did you mean 'matched'?"),
    ("ticket: {source: zen}", "expect: {route: {agnt: a}}", "5:22", "unknown-key", "did you mean 'agent'?"),
    ("ticket: {source: zen}", "expect: {clocks: {resolutin: {phase: running}}}", "5:23", "unknown-key", "'resolution'"),
    ("ticket: {source: zen}", "expect: {clocks: {resolution: {phase: runing}}}", "5:43", "not-one-of", "'running'"),
    ("ticket: {source: zen}", "expect: {duplicates: [{do: merge}]}", "5:27", "missing-key", "needs 'of'"),
    ("ticket: {source: zen, titel: a}", "expect: {kind: other}", "4:29", "unknown-key", "did you mean 'title'?"),
    ("ticket: {source: zen, org: {plan: a}}", "expect: {kind: other}", "4:29", "unknown-key", "write org.id, org.name, org.plan"),
    ("ticket: {source: zen}", "expect: {kind: other}\n    then: []", "6:5", "unknown-key", "it stands under given:"),
    ("ticket: {title: a}", "expect: {kind: other}", "4:15", "missing-key", "needs 'source'"),
    ("ticket: {source: zenn}", "expect: {kind: other}", "4:24", "unknown-value", "did you mean 'zen'?"),
    ("ticket: {source: zen, stage: tasting}", "expect: {kind: other}", "4:36", "unknown-value", "'testing'"),
    ("ticket: {source: zen, assignee: lucy}", "expect: {kind: other}", "4:39", "unknown-person", "'lucia'"),
    ("ticket: {source: zen, status: opn}", "expect: {kind: other}", "4:37", "not-one-of", "'open'"),
    ("ticket: {source: zen, updated_at: x}", "expect: {kind: other}", "4:29", "unknown-key", "created_at"),
    ("{at: yesterday, ticket: {source: zen}}", "expect: {kind: other}", "4:12", "wrong-form", "an instant"),
    ("{at: 2026-02-31T09:00, ticket: {source: zen}}", "expect: {kind: other}", "4:12", "wrong-value", "2026-03-10"),
    ("{ticket: {source: zen, created_at: 2027-01-01}}", "expect: {kind: other}", "4:42", "impossible-step", "created after"),
    ("{ticket: {source: zen}, then: [{status: open}]}", "expect: {kind: other}", "4:38", "missing-key", "'after'"),
    ("{ticket: {source: zen}, then: [{after: 1h}]}", "expect: {kind: other}", "4:38", "impossible-step", "nothing happens"),
    ("{ticket: {source: zen}, then: [{after: 1h, tier: a}, {after: 30m, tier: b}]}", "expect: {kind: other}", "4:68", "impossible-step", "from the beginning"),
    ("{ticket: {source: zen}, then: [{after: 1h, tier: a, set: {tier: b}}]}", "expect: {kind: other}", "4:65", "impossible-step", "set twice"),
    ("{ticket: {source: zen}, then: [{after: 1h, status: opn}]}", "expect: {kind: other}", "4:58", "unknown-value", "'open'"),
    ("{ticket: {source: zen}, then: [{after: 1h, connection: tr, tier: a}]}", "expect: {kind: other}", "4:62", "unknown-connection", "valid: rt, rt2, zen"),
    ("{ticket: {source: zen}, then: [{after: 1h, reply: {by: customer, text: a, visibility: internal}}]}", "expect: {kind: other}", "4:93", "impossible-step", "internal note"),
    ("{ticket: {source: zen}, then: [{after: 1h, reply: {by: bot, text: a}}]}", "expect: {kind: other}", "4:62", "not-one-of", "customer"),
    ("{ticket: {source: zen}, then: [{after: 3bd, tier: a}]}", "expect: {kind: other}", "4:46", "wrong-form", "a duration"),
]  # fmt: skip


@pytest.mark.parametrize(("fourth", "fifth", "place", "code", "said"), WRONG)
def test_what_is_wrong_is_told_at_its_place(fourth: str, fifth: str, place: str, code: str, said: str) -> None:
    """Line and column, and the nearest word that there is."""
    (problem,) = read(f"{HEAD}      {fourth}\n    {fifth}\n")
    assert problem.head.startswith(f"rules/a.cases.yaml:{place}: error[{code}]: ")
    assert said in problem.head


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("cases: [{name: a, given: {ticket: {source: zen}}}]\n", "missing-key"),
        ("cases: [{name: a, expect: {kind: other}}]\n", "missing-key"),
        ("case: []\n", "missing-key"),
        (FINE + FINE.removeprefix("cases:\n"), "duplicate-name"),
        ("cases: [\n", "yaml-syntax"),
        ("cases: {}\n", "wrong-type"),
    ],
)
def test_a_file_that_is_no_file_of_cases(text: str, code: str) -> None:
    """A case without an expectation, two of one name, something else."""
    assert code in {problem.code for problem in read(text)}


def test_the_other_cases_of_a_file_can_be_run() -> None:
    """One that is wrong does not hide them."""
    text = FINE + FINE.removeprefix("cases:\n").replace("name: it", "name: other").replace("kind: other", "kind: odd")
    files, problems = load_cases({"rules/a.cases.yaml": text}, Words.of(made()))
    assert [case.name for case in files[0].cases] == ["it"]
    assert len(problems) == 1


def test_a_ticket_by_itself_can_be_read() -> None:
    """What stands under `given`, or under `ticket` there: both mean the same."""
    words = Words.of(made())
    alone, _ = load_given("a.yaml", "{source: zen, title: A}", words)
    inside, _ = load_given("a.yaml", "ticket: {source: zen, title: A}", words)
    assert alone is not None
    assert inside is not None
    assert alone.fields == inside.fields
    nothing, problems = load_given("a.yaml", "{source: zen, titel: A}", words)
    assert nothing is None
    assert [problem.code for problem in problems] == ["unknown-key"]


@pytest.mark.parametrize(
    ("fourth", "fifth", "place", "code", "said"),
    [row for row in WRONG if row[3] in {"unknown-key", "not-one-of", "missing-key", "wrong-form", "empty-value"}],
)
def test_an_editor_underlines_the_same(fourth: str, fifth: str, place: str, code: str, said: str) -> None:
    """What is wrong in form is wrong by the printed schema, too; a fine file is fine."""
    schema = Draft7Validator(for_editors("cases"))
    assert not schema.is_valid(document(f"{HEAD}      {fourth}\n    {fifth}\n").value)
    assert schema.is_valid(document(FINE).value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["zen", "rt", "1h", "open", "other"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["cases", "name", "given", "expect", "ticket", "then", "after", "source", "status", "sync", "updates", "rt",
             "reply", "by", "text", "rules", "matched", "earlier", "ago", "custom.x", "kind", "duplicates", "of"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
@settings(deadline=None, max_examples=150)
def test_the_loader_never_crashes(value: object) -> None:
    """Whatever stands in a file ends in problems or in cases."""
    _, problems = load_cases({"a.cases.yaml": json.dumps({"cases": value})}, Words.of(_SITE))
    assert all(isinstance(problem, Problem) for problem in problems)


_SITE = made()
