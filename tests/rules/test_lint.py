# ruff: noqa: E501 - tables of whole files
"""Every code: the smallest file that has the problem, and its neighbour that has not, as the documentation shows them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import MOST_NESTED
from gateway.domain.person import RemotePerson
from gateway.domain.recent import Count, Recent
from gateway.domain.ticket import HoldReason, Kind, Level, Priority, Ticket
from gateway.extensions import installed as extensions
from rules import Checked, Problem, check_site
from rules.codes import CASES, CODES, FORM, LINT, page
from rules.conditions import compile_condition
from rules.fields import Vocabulary
from rules.lint.formula import formula_of, opposite
from rules.lint.solver import Solver
from tests.length import length
from tests.rules.codes import PLACES, ROOT, in_source
from tests.rules.making import NOW, document, facts, installed, ticket
from tests.rules.test_conditions import HOLDS
from tests.rules.test_examples import LANGUAGE, SHARED, texts

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
    alternatives = ", ".join(
        f"{{any: [{', '.join(f'{{tags: t{row}x{place}}}' for place in range(9))}]}}" for row in range(5)
    )
    rules = (f"  - {{name: r{each}, when: {{all: [{alternatives}]}}, set: {{tier: gold}}}}\n" for each in range(number))
    return "classify:\n" + "".join(rules)


def nested(number: int) -> str:
    """Return unions inside one another."""
    unions = (f"  u{each}: {{union: [u{each + 1}, a]}}\n" for each in range(number))
    return f"sla: [{{name: all, calendar: u0, targets: {{first_response: 1h}}}}]\ncalendars:\n  a: 24x7\n{''.join(unions)}  u{number}: 24x7\n"


def rota(who: str) -> dict[str, str]:
    """Return a team whose shifts stand in a file of their own."""
    rules = "people: {eva: {email: eva@acme.example}}\nteams: {support: {rota: s.ics}}\nagents: [{person: eva, team: support}]\n"
    event = f"BEGIN:VEVENT\nUID:1\nDTSTART:20260302T080000Z\nDTEND:20260302T160000Z\nSUMMARY:{who}\nEND:VEVENT\n"
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\n{event}END:VCALENDAR\n"
    return {"rules/a.yaml": rules, "rules/s.ics": text}


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
    "union-too-deep": (lambda: {"rules/a.yaml": nested(MOST_NESTED + 2)}, lambda: {"rules/a.yaml": nested(2)}),
    "missing-file": (lambda: {"gateway.yaml": ""}, dict),
    "not-examined": (lambda: {"rules/a.yaml": heavy(60)}, lambda: {"rules/a.yaml": heavy(1)}),
    "unknown-on-rota": (lambda: rota("somebody"), lambda: rota("eva")),
}


def checked(files: dict[str, str]) -> Checked:
    """Check files beside the gateway.yaml of the page."""
    every = {"gateway.yaml": GATEWAY, **files}
    return check_site({name: text for name, text in every.items() if text}, installed(), extensions=extensions())


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
    assert in_source() - ELSEWHERE <= CODES | CASES
    assert {code for code in CODES - COMPOSED if f'"{code}"' not in texts} == set()


def test_every_code_has_its_section_on_the_page_that_it_names() -> None:
    """In no other, and no section is about anything else."""
    for name, codes in (("lint.md", LINT), ("problems.md", FORM)):
        assert set(TEXTS[name][1]) == codes
        assert all(page(code) == f"docs/rules/{name}#{code}" for code in codes)
    assert page("something-else") == ""
    cases = (ROOT / "docs" / "rules" / "cases.md").read_text("utf-8")
    for code in CASES:
        assert f"\n### {code}\n" in cases
        assert page(code) == f"docs/rules/cases.md#{code}"


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


CLASSIFY = (
    "classify:\n  - {{name: a, when: {0}, set: {{tier: gold}}}}\n  - {{name: b, when: {1}, set: {{tier: gold}}}}\n"
)
SHADOWED = [
    ("{recent.org.tickets: {at_least: 3}}", "{recent.org.tickets: [4, 7]}"),
    ("{recent.org.tickets: {exists: true}}", "{recent.org.tickets: {above: 1}}"),
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
    ("{title: {words: bill}}", "{title: billing}"),
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
    known, asked = (formula_of(document(each).value, VOCABULARY) for each in (below, above))
    assert not Solver(VOCABULARY).follows(known, asked)


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
    "{recent.org.open: {above: 3, below: 4}, recent.org.tickets: {above: 3, below: 3}}",
    "{all: [{recent.org.open: [1, 2]}, {recent.org.open: {above: 2}}]}",
    "{recent.org.open: {exists: false, at_least: 0}}",
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


WORDS = st.sampled_from(["a", "A ", "b", "a b", "ab", "und", "unset"])
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
    st.builds(lambda value: {"recent.org.open": value}, st.sampled_from([1, 2, [1, 3], {"exists": True}])),
    st.builds(lambda value: {"kind": value}, st.sampled_from([kind.value for kind in Kind])),
    st.builds(lambda value: {"hold_reason": value}, st.sampled_from([reason.value for reason in HoldReason])),
    st.builds(
        lambda name, op, value: {name: {op: value}},
        st.sampled_from(["priority", "custom.x", "age", "recent.org.open"]),
        st.sampled_from(["above", "at_least", "below", "at_most"]),
        st.integers(1, 3),
    ).map(
        lambda leaf: {name: {op: _operand(name, value) for op, value in test.items()} for name, test in leaf.items()}
    ),
    st.builds(
        lambda op, day: {"resolved_at": {op: f"2026-03-0{day}"}},
        st.sampled_from(["before", "after"]),
        st.integers(1, 3),
    ),
    st.builds(lambda op, value: {"tier": {op: value}}, st.sampled_from(["changed_from", "changed_to"]), WORDS),
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
    title=st.sampled_from(["", "a", " A", "a b", "ab", "b", "und", "UND", " "]),
    tier=st.sampled_from(["", "a", "A", "b", "und", "Unset", "unset"]),
    tags=st.lists(WORDS, max_size=2).map(tuple),
    kind=st.sampled_from(list(Kind)),
    priority=st.sampled_from(list(Level)).map(Priority),
    language=st.sampled_from(["und", "es", "es-MX", "es-mx-x-a", "EN", "", "UND", "und-x"]),
    assignee=st.none()
    | st.builds(RemotePerson, external_id=st.just("1"), email=st.sampled_from(["", "A@x.example", "b@x.example"])),
    custom=st.fixed_dictionaries(
        {}, optional={"x": st.sampled_from([1, 2.0, "1", "2", "A", "nan", True, None, "", ["a", 1], [], [2, "a"]])}
    ),
    recent=(st.none() | st.integers(0, 3)).map(lambda number: Recent(org=Count(open=number))),
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
    problems: list[Problem] = []
    held = [compile_condition(spot.root, VOCABULARY, problems).holds(seen) for spot in spots]
    assert problems == []
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


# ---------------------------------------------------------------- what the shapes do not show


def heads(rules: str) -> list[str]:
    """Return what is said of a rule file, whole."""
    return [problem.head for problem in checked({"rules/a.yaml": rules}).problems if problem.file != "gateway.yaml"]


OFFICE = "calendars: {office: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:00]}}, always: 24x7}\n"
MEANT = [
    (
        OFFICE
        + "sla: [{name: all, calendar: office, targets: {first_response: {P1: 1h, P2: {within: 8h, calendar: always}, default: {within: 90h, calendar: always}}}}]",
        "2:68: warning[target-not-rising]: first_response of a P1 can be due later than of a P2, by the policy 'all': 1h on office against 8h on always, for example from Mon 00:00 UTC on; give the higher priority the shorter target",
    ),
    (
        OFFICE.replace(", always: 24x7", "")
        + "sla: [{name: all, calendar: office, targets: {first_response: {P1: 3bd, P2: 2bd, default: 4bd}}}]",
        "2:68: warning[target-not-rising]: first_response of a P1 can be due later than of a P2, by the policy 'all': 3bd on office against 2bd on office; give the higher priority the shorter target",
    ),
    (
        "sla:\n  - {name: gold, when: {tier: gold}, extends: all, targets: {first_response: {P2: 30m}}}\n  - {name: all, targets: {first_response: {P1: 1h, default: 2h}}}",
        "3:48: warning[target-not-rising]: first_response of a P1 can be due later than of a P2, by the policy 'gold': 1h against 30m; give the higher priority the shorter target",
    ),
    (
        "sla: [{name: all, targets: {first_response: {P1: 1h, default: 6h}}}]\nescalations: [{name: soon, at: 2h left, when: {priority: [P1, P2]}, do: [{queue: late}]}]",
        "2:32: warning[threshold-before-start]: '2h left' lies before the start of first_response P1 of 'all' (1h): this level does not fire there; name a shorter time, or a percentage",
    ),
    (
        "sla: [{name: all, on_retarget: restart, targets: {first_response: {P1: 1h, default: 2h}}}]\nescalations: [{name: late, at: breach, do: [{raise_priority: 2}]}]",
        "2:46: warning[escalation-feeds-itself]: raising the priority gives first_response of 'all' from P2 to P1 a new target, for which this level fires again; raise it at breach, with a policy that does not restart, or let `when` name the one priority",
    ),
    (
        "classify: [{name: a, when: {any: [{kind: incident}, {priority: {above: P1}}]}, set: {tier: gold}}]",
        "1:53: warning[contradictory-condition]: this alternative can never hold; take it out, or mend what stands around it",
    ),
    (
        "routes:\n  - {name: a, when: {tags: vip}}\n  - {name: b, when: {not: {tags: vip}}}\n  - {name: c}",
        "4:12: warning[unreachable-rule]: no ticket reaches the route 'c': those above it hold, one or another, whenever it does; move it up, narrow the other, or take it out",
    ),
]
SILENT = [
    # the level names its one priority, so that the raised one is not its business
    "sla: [{name: all, targets: {first_response: {P1: 1h, P2: 2h, default: 4h}}}]\nescalations: [{name: soon, at: 80%, when: {priority: P2}, do: [{raise_priority: 1}]}]",
    # no P1 gets there
    "sla: [{name: all, targets: {first_response: {P1: 1h, default: 6h}}}]\nescalations: [{name: soon, at: 2h left, when: {priority: P2}, do: [{queue: late}]}]",
    # the policies above leave no P1
    "sla: [{name: top, when: {priority: P1}, targets: {first_response: 30m}}, {name: all, targets: {first_response: {P1: 3h, default: 2h}}}]",
    # every kind of ticket has a policy
    "sla: [{name: some, when: {kind: incident}, targets: {first_response: 30m}}, {name: all, when: {not: {kind: incident}}, targets: {first_response: 1h}}]",
    # a finished ticket is taken only by the rule that asks for its status
    "sync: [{name: a, from: acme-zendesk, to: acme-zendesk-eu}, {name: b, from: acme-zendesk, to: acme-zendesk-eu, when: {status: resolved}}]",
    # waiting pauses only some metrics, and those that never pause are not asked for
    "sla: [{name: all, targets: {first_response: 1h, next_reply: 1h, periodic_update: 1d}}]",
]


@pytest.mark.parametrize(("rules", "head"), MEANT)
def test_what_rules_mean_together_is_said_at_its_place(rules: str, head: str) -> None:
    """One problem each."""
    assert heads(rules) == [f"rules/a.yaml:{head}"]


@pytest.mark.parametrize("rules", SILENT)
def test_nothing_is_said_that_is_not_certain(rules: str) -> None:
    """Each seems wrong at first and is not."""
    assert heads(rules) == []


def test_a_level_that_does_not_fire_does_not_feed_itself() -> None:
    """It lies before the start of the targets that raising the priority leads to."""
    rules = (
        "sla: [{name: all, targets: {first_response: {P1: 1h, P2: 2h, P3: 4h, default: 8h}}}]\n"
        "escalations: [{name: soon, at: 3h left, when: {priority: [P2, P3]}, do: [{raise_priority: 1}]}]\n"
    )
    assert codes(rules) == ["threshold-before-start"]
    assert codes(rules.replace("3h left", "1h left")) == ["escalation-feeds-itself"]


def test_hours_without_cover_are_named_in_the_zone_of_the_region() -> None:
    """Nights and week-ends; on call covers them."""
    rules = (
        "people: {eva: {accounts: {acme-zendesk: 1}}}\n" + OFFICE
        + "teams: {support: {region: emea, calendar: office}}\nagents: [{person: eva, team: support}]\nfollow_the_sun: [emea]\n"
    )  # fmt: skip
    said = [head for head in heads(rules) if "hours-without-cover" in head]
    assert len(said) == 1
    assert "nobody covers Mon-Thu 17:00-09:00, Fri 17:00 to Mon 09:00 (Europe/Prague)" in said[0]
    for calendar in (", calendar: always", ""):
        covered = rules + f"on_call: {{rota: [{{person: eva{calendar}}}]}}\n"
        assert [head for head in heads(covered) if "hours-without-cover" in head] == []


def test_the_policies_say_which_clocks_start_pause_and_stop_when() -> None:
    """First responses, next replies and periodic updates never pause, whatever the policy says."""
    rules = (
        OFFICE + "sla:\n  - name: all\n    calendar: office\n    update_starts: first_reply\n"
        "    targets: {first_response: {P1: {within: 1h, calendar: always}, default: 4h}, next_reply: 2h, periodic_update: 1d,"
        " pausable_update: 1d, requester_wait: 4d, agent_work: 3d, resolution: 5d, ownership: 1h, stage:testing: 2bd}\n"
        "    pause_when: {any: [{status: pending_customer}, {stage: testing, metric: resolution}, {status: on_hold, metric: [resolution, ownership]}]}\n"
    )  # fmt: skip
    (policy,) = checked({"rules/a.yaml": rules}).policies
    assert (policy.name, policy.file, policy.line, policy.applies, policy.calendar) == (
        "all", "rules/a.yaml", 3, "every ticket that is left", "office",
    )  # fmt: skip
    assert {clock.metric: (clock.targets, clock.starts, clock.pauses) for clock in policy.clocks} == {
        "first_response": ("P1 1h (always), else 4h", "the ticket is created", "never"),
        "next_reply": ("2h", "oldest unanswered message of the customer", "never"),
        "periodic_update": ("1d", "first public reply, then each public reply", "never"),
        "pausable_update": ("1d", "first public reply, then each public reply", "status: pending_customer"),
        "requester_wait": ("4d", "the ticket is created", "status: pending_customer"),
        "agent_work": ("3d", "the ticket is created", "status: [pending_customer, on_hold]"),
        "resolution": (
            "5d",
            "the ticket is created",
            "status: pending_customer; or stage: testing; or status: on_hold",
        ),
        "ownership": ("1h", "the ticket reaches the team", "status: pending_customer; or status: on_hold"),
        "stage:testing": ("2bd", "the stage is entered", "status: pending_customer"),
    }
    assert all(clock.stops for clock in policy.clocks)


@pytest.mark.parametrize("folder", [LANGUAGE, SHARED], ids=["ours", "shared"])
def test_every_warning_of_the_example_sites_is_true(folder: Path) -> None:
    """Read one by one: no Jira connector is installed, a P1 has two hours of provisioning; RT's `deleted` has no line."""
    if not folder.is_dir():
        pytest.skip("not in this checkout")
    found = check_site(texts(folder), installed())
    assert found.site is not None, [problem.head for problem in found.problems if problem.is_error]
    ours = {
        "unknown-connector", "inert-rule", "status-map-gap", "threshold-before-start", "only-at-creation",
    }  # fmt: skip
    if folder == LANGUAGE:
        # its stages have no status, its team sleeps, and nobody works in the other region
        ours |= {"unknown-region", "stage-never-entered", "hours-without-cover", "region-in-vain"}
    codes_found = {problem.code for problem in found.problems}
    assert codes_found <= ours, [problem.head for problem in found.problems if problem.code not in ours]
    (early,) = (
        (problem for problem in found.problems if problem.code == "threshold-before-start")
        if folder == SHARED
        else (None,)
    )
    assert early is None or "stage:provisioning P1 of 'implementation' (2h)" in early.message


@pytest.mark.parametrize(
    ("set_off", "found"),
    [
        ("", "error[missing-key]: nothing sets off the escalation 'e': it needs 'at' or 'on'"),
        ("at: breach, on: {time_in_status: on_hold, over: 2h}, ", "error[too-many-keys]: the escalation 'e' has 'at'"),
        ("on: {over: 2h}, ", "error[missing-key]: nothing says in what a ticket is over 2h"),
        ("on: {time_in_status: open, time_in_stage: testing, over: 2h}, ", "error[too-many-keys]: this is about a status"),
        ("at: breach, ", ""),
        ("on: {time_in_status: on_hold, over: 2h}, ", ""),
        ("on: {time_in_stage: testing, over: 2h}, ", ""),
    ],
)  # fmt: skip
def test_one_thing_sets_an_escalation_off(set_off: str, found: str) -> None:
    """A clock, the time in a status, or the time in a stage."""
    rules = f"sla: [{{name: all, targets: {{first_response: 2h}}}}]\nescalations: [{{name: e, {set_off}do: [{{queue: late}}]}}]\n"
    problems = checked({"rules/a.yaml": rules}).problems
    said = [each.head.split(": ", 1)[1] for each in problems if each.file == "rules/a.yaml" and each.is_error]
    assert len(said) == bool(found)
    assert all(each.startswith(found) for each in said)


DUPLICATES = "duplicates:\n  - {{name: a, {0}}}\n  - {{name: b, {1}}}\n"


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("same: [requester, issue], within: 24h", "same: [requester, issue], within: 12h"),
        ("same: [requester], within: 24h, original: any", "same: [requester, title], within: 1d, do: merge"),
        ("same: [requester, issue], within: 24h", "same: [issue, requester], within: 24h, when: {kind: incident}"),
    ],
)
def test_a_duplicates_rule_below_one_that_finds_as_much_never_decides(above: str, below: str) -> None:
    """The first that finds a ticket decides; one that compares more, looks less far or at fewer tickets finds less."""
    assert codes(DUPLICATES.format(above, below)) == ["unreachable-rule"]
    assert codes(DUPLICATES.format(below, above)) == []


@pytest.mark.parametrize(
    "below",
    [
        "same: [requester, title], within: 24h",
        "same: [requester, issue], within: 2d",
        "same: [requester, issue], within: 1h, original: any",
        "same: [requester, issue], within: 1h, when: {kind: request}",
    ],
)
def test_a_duplicates_rule_that_finds_something_more_is_reachable(below: str) -> None:
    """Other fields, longer ago, tickets that are done with, or of another kind."""
    above = "same: [requester, issue], within: 24h, when: {kind: incident}"
    assert codes(DUPLICATES.format(above, below)) == []


def test_a_sync_rule_is_unreachable_whether_its_connector_is_installed_or_not() -> None:
    """It will be, and then the rule still creates nothing."""
    rules = "sync:\n  - {name: a, from: acme-zendesk, to: later}\n  - {name: b, from: acme-zendesk, to: later, when: {kind: incident}}\n"
    assert codes(rules) == ["inert-rule", "unreachable-rule", "inert-rule"]


HOURS = "\ncalendars: {office: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:00]}}, night: {timezone: Europe/Prague, week: {mon-fri: [22:00-06:00]}}}\n"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("{now: {inside: office, outside: office}}", ["contradictory-condition"]),
        ("{now: {inside: [office, night]}, not: {any: [{now: {inside: night}}, {now: {inside: office}}]}}", ["contradictory-condition"]),
        ("{created_at: {outside: [office, night]}, not: {created_at: {exists: true}}}", ["contradictory-condition"]),
        ("{now: {inside: office, outside: night}}", []),
        ("{now: {inside: office}, created_at: {outside: [office, night]}}", []),
        ("{not: {now: {inside: night}}, now: {inside: [office, night]}}", []),
    ],
)  # fmt: skip
def test_hours_are_compared_by_their_calendars(condition: str, found: list[str]) -> None:
    """What is inside of one is not outside of it; nothing is said of two."""
    rules = f"classify: [{{name: a, when: {condition}, set: {{issue: x}}}}, {{name: b, when: {{now: {{inside: [office, night]}}}}, set: {{tier: y}}}}]{HOURS}"
    assert codes(rules) == found


def test_an_unknown_calendar_of_a_condition_is_told_once() -> None:
    """By the condition itself."""
    found = codes(
        f"classify: [{{name: a, when: {{now: {{inside: [ofice, night]}}, created_at: {{outside: office}}}}, set: {{tier: x}}}}]{HOURS}"
    )
    assert found == ["unknown-calendar"]


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("breach + 1bd", "business-days-without-days"),
        ("1bd left", "business-days-without-days"),
        ("breach + 24h", ""),
    ],
)
def test_business_days_of_a_level_are_those_of_the_clock_that_it_watches(at: str, found: str) -> None:
    """On a union there are none; on one of its members there are."""
    rules = (
        "sla: [{name: all, calendar: CALENDAR, targets: {resolution: 99h}, pause_when: {status: pending_customer}}]\n"
        f"escalations: [{{name: late, at: {at}, do: [{{queue: late}}]}}]"
    )
    both = HOURS.rstrip()[:-1] + ", both: {union: [office, night]}}\n"
    assert codes(rules.replace("CALENDAR", "both") + both) == ([found] if found else [])
    unused = ["unused-name"]
    assert codes(rules.replace("CALENDAR", "office") + both) == unused


def test_a_due_time_is_written_where_there_are_fields() -> None:
    """Not into a channel."""
    rules = "sync: [{{name: s, from: acme-zendesk, to: engineering-rt, create: {{queue: General}}, fields: {{due_time: {{metric: resolution, write: {{{}: custom.due}}}}}}}}]\n"
    assert codes(rules.format("ops-slack")) == ["cannot-do"]
    assert codes(rules.format("acme-zendesk")) == []


def test_a_connection_that_nobody_is_told_through_is_unused() -> None:
    """One with tickets is not: they come in. An alert and a notification are a use."""

    def found(gateway: str, rules: str = "") -> list[str]:
        silent = GATEWAY.partition("alerts:")[0]
        problems = check_site({"gateway.yaml": silent + gateway, "rules/a.yaml": rules}, installed()).problems
        return [problem.message for problem in problems if problem.code == "unused-name"]

    assert found("") == ["the connection 'ops-slack' is used nowhere: nobody is told anything there"]
    assert found("alerts: [{when: dead_letter_age > 30m, notify: {connection: ops-slack, channel: ops}}]\n") == []
    told = "sla: [{name: all, targets: {resolution: 4h}}]\nescalations: [{name: l, at: breach, do: [{notify: {connection: ops-slack, channel: x}}]}]\n"
    assert found("", told) == []


def test_of_a_policy_that_no_ticket_reaches_nothing_else_is_said() -> None:
    """Its pauses are right as they are."""
    rules = (
        "sla:\n"
        "  - {name: all, targets: {resolution: 4h}, pause_when: {status: pending_customer}}\n"
        "  - {name: none, when: {kind: incident}, targets: {resolution: 2h}, pause_when: {status: pending_customer}}\n"
    )
    assert codes(rules) == ["unreachable-rule"]


def test_a_misspelt_metric_is_told_with_the_nearest() -> None:
    """As any other name."""
    rules = "sla: [{name: all, targets: {resolution: 4h}, pause_when: {status: pending_customer}}]\nescalations: [{name: l, at: breach, metrics: [resolutoin], do: [{queue: x}]}]\n"
    (problem,) = (each for each in checked({"rules/a.yaml": rules}).problems if each.file == "rules/a.yaml")
    assert (problem.code, problem.hint) == ("wrong-form", "did you mean 'resolution'?")


@pytest.mark.parametrize(
    ("rules", "code", "word", "hint"),
    [
        ("classify: [{name: a, when: {anyx: [{kind: incident}]}, set: {tier: x}}]", "unknown-field", "anyx", "did you mean 'any'?"),
        ("classify: [{name: a, when: {nott: {kind: incident}}, set: {tier: x}}]", "unknown-field", "nott", "did you mean 'not'?"),
        ("routes: [{name: a, needs: {language: ticketl.anguage}}]", "unknown-field", "ticketl", "write ticket.language, or a tag such as en"),
        ("sync: [{name: s, from: acme-zendesk, to: engineering-rt, create: {queue: General}, fields: {due_time: {metric: resolution, write: {acme-zendesk: customs.due}}}}]", "unknown-field", "customs", "write custom.NAME"),
        ("people: {eva: {email: eva@acme.example}}\nteams: {t: {}}\nagents: [{person: eva, team: t, capacity: {uints: 3, chat: 1}}]", "missing-key", "{uints", "add units: here"),
        ("stages: {implementation: [proviisoning: {engineering-rt: open}]}\nsla: [{name: all, targets: {resolution: 9h, 'stage:provisioning': 1h}, pause_when: {status: pending_customer}}]", "unknown-stage", "'stage:", "did you mean 'proviisoning'?"),
        ("stages: {implementation: [doing: {engineering-rt: open}]}\nclassify: [{name: a, when: {stage: testing}, set: {tier: x}}]", "unknown-value", "testing", "valid: doing"),
    ],
)  # fmt: skip
def test_a_word_that_is_misspelt_is_told_where_it_stands(rules: str, code: str, word: str, hint: str) -> None:
    """With what was meant, or what there is; a site's own stages of a kind are all of its stages."""
    errors = [each for each in checked({"rules/a.yaml": rules}).problems if each.is_error]
    assert [(each.code, each.hint) for each in errors] == [(code, hint)]
    assert errors[0].excerpt[errors[0].column - 1 :].startswith(word)


def test_a_route_may_need_a_language_by_its_tag() -> None:
    """Or that of the ticket."""
    for language in ("es", "pt-BR", "ticket.language"):
        assert codes(f"routes: [{{name: a, needs: {{language: {language}}}}}]") == []


SOUND = {
    "classify": "classify: [{name: a, set: {tier: x}}, {name: b, when: {kind: incident}, set: {tier: y}}]",
    "duplicates": DUPLICATES.format("same: [requester], within: 24h", "same: [requester, issue], within: 1h"),
    "sla": "sla: [{name: a, targets: {resolution: {P1: 4h, default: 2h}}, pause_when: {status: pending_customer}}]",
    "routes": "routes: [{name: a, when: {kind: incident}}]",
    "sync": "sync: [{name: a, from: acme-zendesk, to: acme-zendesk-eu}, {name: b, from: acme-zendesk-eu, to: acme-zendesk}]",
    "stages": "stages: {task: [doing]}",
    "templates": 'templates: {late: "{ticket.titel}"}',
}
SAID = dict(zip(SOUND, (
    "unreachable-rule", "unreachable-rule", "target-not-rising", "no-default-route", "sync-loop", "stage-never-entered",
    "unknown-placeholder",
), strict=True))  # fmt: skip
#: an error in each section: of its form, and of a name
SPOILT = {
    "classify": ("classify: [{name: c, when: {kind: incidnt}, set: {tier: z}}]", "classify: [{name: c, sett: {}}]"),
    "duplicates": ("duplicates: [{name: c, same: [isue], within: 1h}]",),
    "sla": ("sla: [{name: c, calendar: nine-to-five, targets: {resolution: 1h}}]", "sla: [{name: c, target: 1h}]"),
    "routes": ("routes: [{name: c, needs: {language: ticket.langage}}]",),
    "sync": ("sync: [{name: c, from: acme-zendsk, to: engineering-rt}]",),
    "stages": ("stages: {other: [x: {acme-zendsk: open}]}",),
    "roles": ("roles: {duty: [nobody]}",),
    "connections": (),
    "onc_all": ("onc_all: {rota: []}",),
    "cases": (),
}


@pytest.mark.parametrize("spoilt", sorted(SPOILT))
def test_an_error_hides_what_would_follow_from_it_and_nothing_else(spoilt: str) -> None:
    """What the rules of the other sections mean together is told; of a site whose connections are wrong, nothing.

    Nor of one that has a section which there is not: it may be any of them.
    """
    files = {f"rules/{name}.yaml": text for name, text in SOUND.items()}
    for wrong in SPOILT[spoilt] or ("",):
        more = {"rules/zz.yaml": wrong}
        if spoilt == "connections":
            more["gateway.yaml"] = GATEWAY.replace("connector: zendesk,", "connector: zendesk, rate_limit: x,", 1)
        if spoilt == "cases":
            more["rules/a.cases.yaml"] = "cases: [{name: a}]\n"
        found = checked(files | more).problems
        assert any(each.is_error for each in found)
        told = {each.code for each in found if each.file in files} & set(SAID.values())
        hidden = set(SOUND) if spoilt in {"connections", "onc_all"} else {spoilt}
        if spoilt == "classify":
            # a rule may enter the stage
            hidden.add("stages")
        expected = {SAID[name] for name in SOUND if name not in hidden}
        assert told == expected


ALIKE = {
    "classify": "{{name: r{0}, when: {{kind: incident, any: [{{title: {{words: w{0}}}}}, {{org.id: o{0}}}]}}, set: {{issue: x}}}}",
    "sla": "{{name: r{0}, when: {{kind: incident, org.id: o{0}}}, targets: {{resolution: 4h}}, pause_when: {{status: pending_customer}}}}",
    "sync": "{{name: r{0}, from: acme-zendesk, to: engineering-rt, when: {{kind: incident, org.id: o{0}}}, create: {{queue: q}}, fields: {{title: from}}}}",
}


@pytest.mark.long
@pytest.mark.parametrize("section", sorted(ALIKE))
def test_many_rules_that_are_much_alike_are_checked_in_time(section: str) -> None:
    """Four times as many take about four times as long, though each could be compared with all that are above it."""

    def taken(number: int) -> float:
        rules = "\n".join("  - " + ALIKE[section].format(each) for each in range(number))
        if section == "sla":
            rules += "\n  - {name: rest, targets: {resolution: 4h}, pause_when: {status: pending_customer}}"
        began = time.process_time()
        assert not any(each.is_error for each in checked({"rules/a.yaml": f"{section}:\n{rules}\n"}).problems)
        return time.process_time() - began

    taken(50)
    few = length(300, 600)
    assert taken(4 * few) < 9 * taken(few)


@pytest.mark.parametrize("action", ["notify", "add_participant", "reassign"])
def test_a_role_that_an_action_names_is_looked_up(action: str) -> None:
    """Whatever is done with who has it."""
    rules = "sla: [{{name: all, targets: {{resolution: 4h}}, pause_when: {{status: pending_customer}}}}]\nescalations: [{{name: l, at: breach, do: [{0}: {{role: dutty}}]}}]\n"
    assert codes(rules.format(action)) == ["unknown-role"]


@pytest.mark.parametrize(
    "more",
    [
        "shifts: [{team: t, person: eva, calendar: always}]\n",
        "shifts: [{team: t, person: eva, from: 2026-01-01, until: 2027-01-01}]\n",
        "",
    ],
)
def test_hours_that_shifts_cover_are_not_dark(more: str) -> None:
    """One without a calendar covers nobody knows how much: nothing is said."""
    rules = (
        "people: {eva: {email: eva@acme.example}}\n"
        "calendars: {office: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:00]}}, always: 24x7}\n"
        "teams: {t: {calendar: office, region: emea, manager: eva}}\n"
        "agents: [{person: eva, team: t}]\nfollow_the_sun: [emea]\n"
    )
    assert ("hours-without-cover" in codes(rules + more)) is not bool(more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("agents: [{person: eva, team: t, capacity: 0}]", "'eva' has room for nothing"),
        ("agents: [{person: eva, team: t, capacity: {units: 0}}]", "'eva' has room for nothing"),
        ("agents: [{person: eva, team: t, capacity: {units: 10, chat: 20}}]", "a ticket by chat takes 20, and 'eva' has 10"),
        ("agents: [{person: eva, team: t, capacity: {units: 10, chat: 10}}]", ""),
        ("agents: [{person: eva, team: t}]\nfollow_the_sun: [emea, emea]", "'emea' comes twice"),
        ("agents: [{person: eva, team: t}]\nfollow_the_sun: [emea, amer]", "no agent works in the region 'amer'"),
        ("agents: [{person: eva, team: u}]\nfollow_the_sun: [emea]", "leaves out 'amer': nothing is passed on to the team 'u'"),
        ("agents: [{person: eva, team: t}]", ""),
    ],
)  # fmt: skip
def test_a_roster_in_vain_is_told(more: str, message: str) -> None:
    """Who can carry nothing, and regions to which nothing passes on."""
    rules = (
        "people: {eva: {email: eva@acme.example}}\ncalendars: {always: 24x7}\n"
        f"teams: {{t: {{calendar: always, region: emea}}, u: {{calendar: always, region: amer}}}}\n{more}\n"
    )
    found = checked({"rules/a.yaml": rules}).problems
    said = [each.message for each in found if each.code in {"room-for-nothing", "region-in-vain"}]
    assert [message in each for each in said][:1] == [True] if message else said == []


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("[{name: a, needs: {skills: {api: 3}}, relax: [{after: 5m, widen: false}]}]", ["relaxation-in-vain"]),
        ("[{name: a, needs: {skills: {api: 3}}, hard: {skills.api: 2}, relax: [{after: 5m, skills: {api: 1}}]}]", ["relaxation-in-vain"]),
        ("[{name: a, needs: {skills: {api: 3}}, hard: [skills.api], relax: [{after: 5m, drop: skills.api}]}]", ["relaxation-in-vain"]),
        ("[{name: a, needs: {skills: {api: 3}}, relax: [{after: 5m, drop: skills.api}, {after: 6m, drop: skills.api}]}]", ["relaxation-in-vain"]),
        ("[{name: a, needs: {skills: {api: 3}}, relax: [{after: 5m, flag: x}]}]", ["relaxation-in-vain"]),
        ("[{name: a, needs: {skills: {api: 3}}, relax: [{after: 5m, skills: {api: 2}}, {after: 6m, skills: {api: 1}}]}]", []),
        ("[{name: a, needs: {skills: {api: 3}}, hard: {skills.api: 4}}]", ["skill-out-of-reach"]),
        ("[{name: a, needs: {skills: {api: 3}}, hard: {language: 2}}]", ["wrong-value"]),
        ("[{name: a, needs: {skills: {api: 3}}, hard: {sso: true}}]", ["unknown-field"]),
        ("[{name: a, needs: {skills: {sso: 1}}}]", ["unknown-skill"]),
        ("[{name: a, needs: {skills: {api: 3}, language: es}}]", ["nobody-speaks"]),
        ("[{name: a, needs: {skills: {api: 3}, language: en-GB}}]", []),
    ],
)  # fmt: skip
def test_what_a_route_asks_is_held_against_who_there_is(routes: str, expected: list[str]) -> None:
    """Skills, levels, languages, hard needs and what gives way."""
    rules = (
        "people: {eva: {email: eva@acme.example, languages: [en]}}\ncalendars: {always: 24x7}\n"
        "teams: {t: {calendar: always}}\nagents: [{person: eva, team: t, skills: {api: 3}}]\n"
        f"routes: {routes}\n"
    )
    assert set(codes(rules)) - {"unused-name"} == set(expected)


def test_a_role_that_is_on_call_needs_a_rota() -> None:
    """Nobody would ever be told."""
    roles = "people: {eva: {email: eva@acme.example}}\nroles: {lead: on_call}\n"
    sla = "sla: [{name: all, targets: {resolution: 4h}, pause_when: {status: pending_customer}}]\n"
    told = "escalations: [{name: l, at: breach, do: [notify: {role: lead}]}]\n"
    (found,) = [each for each in checked({"rules/a.yaml": roles + sla + told}).problems if each.is_error]
    assert (found.code, found.message) == ("unknown-field", "nobody is ever on call")
    rota = "calendars: {always: 24x7}\non_call: {rota: [{person: eva, calendar: always}]}\n"
    assert not [each for each in checked({"rules/a.yaml": roles + sla + told + rota}).problems if each.is_error]
