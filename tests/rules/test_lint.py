"""Every code: the smallest file that has the problem, and its neighbour that has not, as the documentation shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import HoldReason, Kind, Level, Priority, Ticket
from rules import Checked, check_site
from rules.codes import CODES, FORM, LINT, page
from rules.conditions import compile_condition
from rules.fields import Vocabulary
from rules.lint.formula import formula_of, opposite
from rules.lint.solver import Solver
from tests.rules.codes import PLACES, ROOT, in_source
from tests.rules.making import NOW, document, facts, installed, ticket
from tests.rules.test_conditions import HOLDS

SECTION = re.compile(r"^### ([a-z0-9-]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```yaml (wrong|right)( gateway)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {name: (ROOT / "docs" / "rules" / name).read_text("utf-8") for name in ("lint.md", "problems.md")}
TEXTS = {name: (ROOT / "docs" / "rules" / name, dict(SECTION.findall(text))) for name, text in PAGES.items()}
(GATEWAY,) = re.findall(r"^```yaml gateway\n(.*?)^```", PAGES["lint.md"], re.MULTILINE | re.DOTALL)

#: given by calendars that are made otherwise than from the files of a site, whose schema asks for a country
ELSEWHERE = {"no-country", "bad-hours"}
#: made of a word that the holidays give
COMPOSED = {"unknown-country", "unknown-subdivision", "unknown-categories"}

#: what is wrong says what is right; or there are very many right words, and none is near
PLAIN = {
    "wrong-form", "wrong-type", "wrong-value", "wrong-operator", "empty-value", "yaml-syntax",
    "unknown-country", "unknown-subdivision",
}  # fmt: skip


def many(number: int) -> str:
    """Return a file with so many rules without a name."""
    return "classify:\n" + "  - {set: {tier: gold}}\n" * number


def heavy(number: int) -> str:
    """Return a file with conditions that take many steps to look at."""
    alternatives = ", ".join(f"{{any: [{', '.join(f'{{tags: t{row}x{place}}}' for place in range(9))}]}}" for row in range(5))
    rules = (f"  - {{name: r{each}, when: {{all: [{alternatives}]}}, set: {{tier: gold}}}}\n" for each in range(number))
    return "classify:\n" + "".join(rules)


#: what would fill a page: (the file that has the problem, its neighbour)
MADE: dict[str, tuple[Callable[[], dict[str, str]], Callable[[], dict[str, str]]]] = {
    "yaml-depth": (
        lambda: {"rules/a.yaml": "templates: " + "{a: " * 32 + "1" + "}" * 32},
        lambda: {"rules/a.yaml": "classify: []"},
    ),
    "yaml-size": (
        lambda: {"rules/a.yaml": "# " + "x" * 1024 * 1024},
        lambda: {"rules/a.yaml": "# " + "x" * (1024 * 1024 - 2)},
    ),
    "too-many-problems": (lambda: {"rules/a.yaml": many(101)}, lambda: {"rules/a.yaml": many(90)}),
    "missing-file": (lambda: {"gateway.yaml": ""}, dict),
    "not-examined": (lambda: {"rules/a.yaml": heavy(60)}, lambda: {"rules/a.yaml": heavy(1)}),
}


def checked(files: dict[str, str]) -> Checked:
    """Check files beside the gateway.yaml of the page."""
    every = {"gateway.yaml": GATEWAY, **files}
    return check_site({name: text for name, text in every.items() if text}, installed())


def examples(code: str) -> dict[str, dict[str, str]]:
    """Return the two files of a code: wrong and right."""
    if code in MADE:
        wrong, right = MADE[code]
        return {"wrong": wrong(), "right": right()}
    text = next(sections[code] for _, sections in TEXTS.values() if code in sections)
    return {
        kind: {"gateway.yaml" if gateway else "rules/a.yaml": block} for kind, gateway, block in BLOCK.findall(text)
    }


def test_the_source_knows_no_code_that_is_not_listed() -> None:
    """And lists none that it does not say."""
    paths = [path for place in PLACES for path in (ROOT / place).rglob("*.py") if path.name != "codes.py"]
    texts = "".join(path.read_text("utf-8") for path in paths)
    assert in_source() - ELSEWHERE <= CODES
    assert {code for code in CODES - COMPOSED if f'"{code}"' not in texts} == set()


def test_every_code_has_its_section_on_the_page_that_it_names() -> None:
    """In no other, and no section is about anything else."""
    for name, codes in (("lint.md", LINT), ("problems.md", FORM)):
        assert set(TEXTS[name][1]) == codes
        assert all(page(code) == f"docs/rules/{name}#{code}" for code in codes)
    assert page("something-else") == ""


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_is_said_of_its_example_and_not_of_its_neighbour(code: str) -> None:
    """The neighbour has no error at all; the severity is the one that the page says."""
    files = examples(code)
    wrong, right = checked(files["wrong"]), checked(files["right"])
    found = [problem for problem in wrong.problems if problem.code == code]
    assert found, [problem.head for problem in wrong.problems]
    said = next(sections[code] for _, sections in TEXTS.values() if code in sections)
    assert {problem.severity.value for problem in found} == {said.split(".")[0].strip().lower()}
    assert code not in {problem.code for problem in right.problems}
    if code != "too-many-problems":
        assert [problem.head for problem in right.problems if problem.is_error] == []
    for problem in found:
        assert problem.line >= 1
        assert problem.column >= 1
        if code not in {"missing-file", "yaml-size", "too-many-problems", "not-examined"}:
            assert problem.text.splitlines()[2].strip().endswith("^")
        assert problem.hint or code in PLAIN


# ---------------------------------------------------------------- beyond the smallest files


def codes(rules: str) -> list[str]:
    """Return what is said of a rule file, without what is said of gateway.yaml."""
    return [problem.code for problem in checked({"rules/a.yaml": rules}).problems if problem.file != "gateway.yaml"]


VOCABULARY = Vocabulary(connections=("zen", "rt"))


CLASSIFY = "classify:\n  - {{name: a, when: {0}, set: {{tier: gold}}}}\n  - {{name: b, when: {1}, set: {{tier: gold}}}}\n"
SHADOWED = [
    ("{kind: [incident, request]}", "{kind: incident}"),
    ("{priority: {at_least: P2}}", "{priority: [P1, P2], tags: vip}"),
    ("{text: {words: [bill, invoice]}}", "{text: {words: invoice}, kind: incident}"),
    ("{language: es}", "{language: es-MX}"),
    ("{any: [{tags: a}, {tags: b}]}", "{tags: b}"),
    ("{age: {above: 1d}}", "{age: {at_least: 2d}}"),
    ("{created_at: {before: 2026-03-02}}", "{created_at: {before: 2026-03-01T00:00+01:00}}"),
    ("{org.plan: {exists: true}}", "{org.plan: premium}"),
    ("{not: {kind: task}}", "{kind: incident}"),
    ("{custom.x: {above: 3}}", "{custom.x: {above: 5}}"),
    ("{status: {changed: true}}", "{status: {changed_to: open}}"),
]
APART = [
    ("{kind: incident}", "{kind: [incident, request]}"),
    ("{priority: {at_least: P2}}", "{priority: {at_least: P3}}"),
    ("{language: es-MX}", "{language: es}"),
    ("{tags: {contains: [a]}}", "{tags: [a, b]}"),
    ("{custom.x: a}", "{custom.x: b}"),
    ("{custom.x: 5}", '{custom.x: "5"}'),
    ("{text: {words: invoice}}", "{title: {words: invoice}}"),
    ("{not: {custom.x: {above: 3}}}", "{custom.x: {at_most: 4}}"),
    ("{title: {exists: false}}", "{title: und}"),
    ("{status: {changed_from: open}}", "{status: {changed: true}}"),
    ("{text: {matches: 'a.*'}}", "{text: {matches: 'ab'}}"),
]


@pytest.mark.parametrize(("above", "below"), SHADOWED)
def test_a_rule_below_one_that_holds_whenever_it_does_is_unreachable(above: str, below: str) -> None:
    """By words, levels, languages, bounds, parts and alternatives."""
    assert codes(CLASSIFY.format(above, below)) == ["unreachable-rule"]
    assert codes(CLASSIFY.format(below, above)) == []


@pytest.mark.parametrize(("above", "below"), APART)
def test_a_rule_that_can_hold_by_itself_is_reachable(above: str, below: str) -> None:
    """Also where it seems otherwise at first: the check says nothing that it is not certain of."""
    assert codes(CLASSIFY.format(above, below)) == []


def test_a_rule_between_that_sets_what_the_upper_one_reads_makes_the_lower_one_reachable() -> None:
    """The upper one may not hold yet when it is asked."""
    first = "classify:\n  - {name: a, when: {kind: incident}, set: {tier: gold}}\n"
    between = "  - {name: b, when: {text: {words: fire}}, set: {kind: incident}}\n"
    last = "  - {name: c, when: {kind: incident}, set: {tier: silver}}\n"
    assert codes(first + last) == ["unreachable-rule"]
    assert codes(first + between + last) == []


CONTRADICTORY = [
    "{kind: incident, not: {kind: incident}}",
    "{all: [{tier: gold}, {tier: silver}]}",
    "{priority: {above: P1}}",
    "{age: {above: 2d, below: 1d}}",
    "{created_at: {after: 2026-03-02, before: 2026-03-01}}",
    "{tags: {exists: false, contains: vip}}",
    "{title: {exists: false, words: fire}}",
    "{any: [{kind: incident, priority: {above: P1}}, {priority: {above: urgent}}]}",
    "{requester: a@acme.example, not: {requester: {exists: true}}}",
    "{all: [{language: es}, {language: en}]}",
    "{status: {changed: false, changed_to: open}, not: {status: open}}",
]


@pytest.mark.parametrize("condition", CONTRADICTORY)
def test_a_condition_that_can_never_hold_is_told(condition: str) -> None:
    """Whatever its field holds."""
    rules = f"classify: [{{name: a, when: {condition}, set: {{issue: x}}}}]\n"
    assert set(codes(rules)) == {"contradictory-condition"}


@pytest.mark.parametrize("condition", HOLDS)
def test_a_condition_that_holds_of_some_ticket_is_no_contradiction(condition: str) -> None:
    """Those of the tests of conditions each hold of a ticket; taken together in pairs they are not examined here."""
    assert Solver(VOCABULARY).can_hold(formula_of(document(condition).value, VOCABULARY))


WORDS = st.sampled_from(["a", "A ", "b", "a b", "und", "unset"])
LEAVES = st.one_of(
    st.builds(lambda name, value: {name: value}, st.sampled_from(["title", "tier", "tags"]), WORDS),
    st.builds(
        lambda name, op, value: {name: {op: value}},
        st.sampled_from(["title", "tier", "tags", "custom.x"]),
        st.sampled_from(["contains", "words", "matches"]),
        WORDS,
    ),
    st.builds(
        lambda name, value: {name: {"exists": value}},
        st.sampled_from(["title", "tier", "tags", "assignee", "language", "kind", "priority", "hold_reason", "stage"]),
        st.booleans(),
    ),
    st.builds(lambda value: {"language": value}, st.sampled_from(["es", "es-MX", "en", "und", ["en", "es-mx"]])),
    st.builds(lambda value: {"assignee": value}, st.sampled_from(["a@x.example", "b@x.example"])),
    st.builds(lambda value: {"custom.x": value}, st.sampled_from([1, 2, "1", "a", True, None, ["a", 2]])),
    st.builds(lambda value: {"kind": value}, st.sampled_from([kind.value for kind in Kind])),
    st.builds(lambda value: {"hold_reason": value}, st.sampled_from([reason.value for reason in HoldReason])),
    st.builds(
        lambda name, op, value: {name: {op: value}},
        st.sampled_from(["priority", "custom.x", "age"]),
        st.sampled_from(["above", "at_least", "below", "at_most"]),
        st.integers(1, 3),
    ).map(lambda leaf: {name: {op: _operand(name, value) for op, value in test.items()} for name, test in leaf.items()}),
    st.builds(
        lambda op, day: {"resolved_at": {op: f"2026-03-0{day}"}}, st.sampled_from(["before", "after"]), st.integers(1, 3)
    ),
    st.builds(
        lambda op, value: {"tier": {op: value}}, st.sampled_from(["changed_from", "changed_to"]), WORDS
    ),
    st.builds(lambda value: {"tier": {"changed": value}}, st.booleans()),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda each: {"all": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"any": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"not": each}, inner),
    ),
    max_leaves=6,
)
TICKETS = st.builds(
    ticket,
    title=st.sampled_from(["", "a", " A", "a b", "b", "und", "UND", " "]),
    tier=st.sampled_from(["", "a", "A", "b", "und", "Unset", "unset"]),
    tags=st.lists(WORDS, max_size=2).map(tuple),
    kind=st.sampled_from(list(Kind)),
    priority=st.sampled_from(list(Level)).map(Priority),
    language=st.sampled_from(["und", "es", "es-MX", "es-mx-x-a", "EN", "", "UND", "und-x"]),
    assignee=st.none() | st.builds(RemotePerson, external_id=st.just("1"), email=st.sampled_from(["", "A@x.example", "b@x.example"])),
    custom=st.fixed_dictionaries(
        {}, optional={"x": st.sampled_from([1, 2.0, "1", "2", "A", "nan", True, None, "", ["a", 1], [], [2, "a"]])}
    ),
    resolved_at=st.none() | st.integers(1, 3).map(lambda day: datetime(2026, 3, day, tzinfo=UTC)),
    created_at=st.integers(1, 4).map(lambda hours: NOW - timedelta(hours=hours)),
)


def _operand(name: str, value: int) -> object:
    return {"priority": f"P{value}", "age": f"{value}h"}.get(name, value)


@given(CONDITIONS, CONDITIONS, TICKETS, st.none() | TICKETS)
@settings(deadline=None)
def test_the_solver_never_contradicts_a_ticket(
    one: dict[str, Any], other: dict[str, Any], now: Ticket, before: Ticket | None
) -> None:
    """What a ticket shows to hold together can hold, and what one ticket tells apart does not follow."""
    seen = facts(now, before)
    spots = [document(json.dumps(each)) for each in (one, other)]
    held = [compile_condition(spot.root, VOCABULARY, problems := []).holds(seen) and not problems for spot in spots]
    formulas = [formula_of(spot.value, VOCABULARY) for spot in spots]
    asked = Solver(VOCABULARY)
    assert asked.can_hold(*(each if so else opposite(each) for each, so in zip(formulas, held, strict=True)))
    assert not (held[0] and not held[1] and asked.follows(formulas[0], formulas[1]))


def test_what_needs_too_many_steps_can_hold() -> None:
    """It is never said to be impossible, and the check ends."""
    alternatives = [{"any": [{"tags": f"t{row}x{place}"} for place in range(9)]} for row in range(60)]
    impossible = formula_of({"all": [*alternatives, {"any": [{"not": {"tags": "a"}, "tags": "a"}]}]}, VOCABULARY)
    asked = Solver(VOCABULARY, work=0)
    assert asked.exhausted
    assert asked.can_hold(impossible)
    assert not Solver(VOCABULARY).can_hold(impossible)
