# ruff: noqa: E501 - tables of whole files
"""Files that nobody means well by: each is a clear error, soon, and nothing in them is evaluated."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rules import Checked, check_site
from rules.problem import MOST
from tests.length import length
from tests.rules.making import GATEWAY, SPECS, document, installed
from tests.rules.test_examples import LANGUAGE, texts

#: of this process, whatever else the machine does; each takes a third of it at most
SECONDS = 6

MANY = 20_000
HOSTILE = {
    "10 MB": ("# " + "x" * 10_000_000, "yaml-size"),
    "10 MB of rules": ("classify:\n" + "  - {name: a, set: {kind: task}}\n" * 320_000, "yaml-size"),
    "deep lists": ("[" * 1_000_000, "yaml-depth"),
    "deep mappings": ("{a: " * 200_000, "yaml-depth"),
    "deep lines": ("\n".join(" " * each + "a:" for each in range(1000)), "yaml-depth"),
    "alias bomb": ("a: &a [x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]\n", "yaml-alias"),
    "merge bomb": ("a: {<<: {b: 1}}\n", "yaml-alias"),
    "huge key": ("k" * 1_000_000 + ": 1", "yaml-syntax"),
    "huge quoted key": ('{"' + "k" * 1_000_000 + '": 1}', "yaml-syntax"),
    "many values": ("[" + "1," * 300_000 + "]", "yaml-size"),
    "many sections": ("\n".join(f"k{each}: 1" for each in range(MANY)), "too-many-problems"),
    "many bad rules": ("classify:\n" + "  - {nam: a}\n" * MANY, "too-many-problems"),
    "many bad names": (
        "people:\n" + "".join(f"  p{each}: {{email: x}}\n" for each in range(MANY))
        + "roles:\n" + "".join(f"  r{each}: [q{each}]\n" for each in range(MANY // 4)),
        "too-many-problems",
    ),
    "python": ("a: !!python/object/apply:os.system ['exit 3']\n", "yaml-tag"),
    "python in a value": ("templates: {a: !!python/name:os.system x}\n", "yaml-tag"),
    "binary": ("templates: {a: !!binary aGk=}\n", "yaml-tag"),
    "regex bomb": ("classify: [{name: a, when: {text: {matches: '((a{100}){100}){100}'}}, set: {tier: a}}]", "bad-pattern"),
    "large classes": (
        "classify: [{name: a, when: {text: {matches: '" + r"(\pL{1000})" * 3 + "'}}, set: {tier: a}}]", "bad-pattern",
    ),
    "infinity": ("classify: [{name: a, when: {custom.x: {above: .inf}}, set: {tier: a}}]", "wrong-value"),
    "no number": ("classify: [{name: a, when: {custom.x: {above: .nan}}, set: {tier: a}}]", "wrong-value"),
    "beyond floats": ("classify: [{name: a, when: {custom.x: {above: 1e400}}, set: {tier: a}}]", "wrong-value"),
    "beyond integers": (f"classify: [{{name: a, when: {{custom.x: {{above: {'9' * 200}}}}}, set: {{tier: a}}}}]", "wrong-value"),
    "turned letters": ("classify: [{name: a, when: {issue: 'x\u202ey'}, set: {tier: a}}]", "hidden-character"),
    "nothing to see": ("classify: [{name: a, when: {issue: 'x\u200by'}, set: {tier: a}}]", "hidden-character"),
    "tab": ("classify:\n\t- {name: a, set: {tier: a}}", "yaml-syntax"),
    "nul": ("classify:\n  - {name: a\x00}", "yaml-syntax"),
    "half a character": ("classify: [\ud800]", "yaml-syntax"),
}  # fmt: skip


def checked(rules: str) -> Checked:
    """Check one rule file."""
    return check_site({"gateway.yaml": GATEWAY, "rules/a.yaml": rules}, SPECS)


@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_a_clear_error_soon(text: str, code: str) -> None:
    """With a place, and never more problems than anybody reads."""
    begun = time.process_time()
    found = checked(text)
    assert time.process_time() - begun < SECONDS
    assert found.site is None
    assert code in {problem.code for problem in found.problems}
    assert len(found.problems) <= MOST + 1
    for problem in found.problems:
        assert len(problem.text) < 2000
        assert problem.text.isprintable() or problem.text.replace("\n", "").isprintable()


@pytest.mark.parametrize("before", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_change_no_place(before: str, end: str) -> None:
    """Editors of every system write such files."""
    text = before + end.join(["classify:", "  - name: a", "    set: {kind: tsk}", ""])
    (problem,) = checked(text).problems
    assert (problem.line, problem.column, problem.code) == (3, 17, "not-one-of")
    assert problem.text.splitlines()[1] == "  3 |     set: {kind: tsk}"


def test_what_a_file_says_moves_no_cursor() -> None:
    """A message repeats what is written, but for control characters and new lines."""
    problem = next(each for each in checked('classify: [{name: a, set: {kind: "\\e[31m\\nx\\u202E"}}]').problems)
    assert "\x1b" not in problem.text
    assert "\u202e" not in problem.text
    assert len(problem.head.splitlines()) == 1


def test_words_of_yaml_1_1_and_long_numbers_are_what_they_look_like() -> None:
    """`on`, `no`, `22:00`, `012`, a day and a long id."""
    read = document(
        "{on: no, a: 22:00, b: 012, c: 2026-03-01, d: y, e: 123456789012345678901234567890, f: 0o17, g: 1e400}"
    )
    assert read.value == {
        "on": "no", "a": "22:00", "b": 12, "c": "2026-03-01", "d": "y", "e": "123456789012345678901234567890", "f": 15,
        "g": "1e400",
    }  # fmt: skip


def test_a_hundred_thousand_rules_end() -> None:
    """In several files, for one file holds fewer; every rule is checked, and not every pair is compared."""
    files = {
        f"rules/{part}.yaml": "classify:\n" + "".join(f"  - {{name: r{part}x{each}, sot: {{tier: a}}}}\n" for each in range(25_000))
        for part in range(4)
    }  # fmt: skip
    begun = time.process_time()
    found = check_site({"gateway.yaml": GATEWAY, **files}, SPECS)
    assert time.process_time() - begun < 4 * SECONDS
    assert "too-many-problems" in {problem.code for problem in found.problems}


# ---------------------------------------------------------------- anything, near what is right

SITE = texts(LANGUAGE)
PLAIN = {file: yaml.load(text, Loader=yaml.BaseLoader) for file, text in SITE.items()}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=12),
    st.sampled_from(["P1", "5bd", "75%", "breach", "ticket.region", "24x7", "resolution", "stage:build", "emea", "gold", "*"]),
    st.just([]), st.just({}), st.just([[]]), st.just({"all": []}), st.just({"any": [{}]}),
)  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        found += _paths(inner, (*path, key))
    return found


PLACES = [(file, path) for file in sorted(PLAIN) for path in _paths(PLAIN[file]) if path]


def _changed(tree: Any, path: tuple[Any, ...], how: str, odd: Any) -> None:
    for step in path[:-1]:
        if not isinstance(tree, dict | list) or (isinstance(tree, dict) and step not in tree):
            return
        if isinstance(tree, list) and not (isinstance(step, int) and step < len(tree)):
            return
        tree = tree[step]
    last = path[-1]
    if isinstance(tree, dict) and last in tree:
        value = tree.pop(last)
        if how == "replace":
            tree[last] = odd
        elif how == "rename":
            tree[str(odd)] = value
        elif how == "wrap":
            tree[last] = [value]
    elif isinstance(tree, list) and isinstance(last, int) and last < len(tree):
        if how == "replace":
            tree[last] = odd
        elif how == "drop":
            del tree[last]
        else:
            tree.append(copy.deepcopy(tree[last]))


CHANGES = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "drop", "rename", "wrap"]), ODD),
    min_size=1,
    max_size=4,
)


@pytest.mark.long
@given(CHANGES)
@example([(("rules/10-classify.yaml", ("classify", 2, "when", "requester")), "replace", [[]])])
@settings(
    deadline=None,
    max_examples=length(50, 600),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_site_that_was_changed_anywhere_is_a_site_or_errors_with_places(changes: list[Any]) -> None:
    """Never a crash: what loads is run by the gateway, and what does not says where."""
    trees = copy.deepcopy(PLAIN)
    for (file, path), how, odd in changes:
        _changed(trees[file], path, how, odd)
    files = {file: json.dumps(tree) for file, tree in trees.items()}
    found = check_site(files, installed())
    assert (found.site is None) is any(problem.is_error for problem in found.problems)
    for problem in found.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.text
        assert problem.as_json()["code"]


@given(st.text(st.characters(codec="utf-8"), max_size=200) | st.text("abc:-{}[]&*!|>'\"%@`#, \n\t0.", max_size=80))
@settings(deadline=None, max_examples=300)
def test_no_text_makes_reading_fail(text: str) -> None:
    """Whatever stands in the file."""
    found = checked(text)
    assert (found.site is None) is any(problem.is_error for problem in found.problems)


YAML = st.recursive(
    st.sampled_from(["a", "1", "classify", "when", "*x", "!t", "~"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: "[" + ", ".join(each) + "]"),
        st.dictionaries(st.sampled_from(["a", "classify", "sla", "when", "{b: c}"]), inner, max_size=3).map(
            lambda each: "{" + ", ".join(f"{key}: {value}" for key, value in each.items()) + "}"
        ),
    ),
    max_leaves=20,
)


@given(YAML)
@settings(deadline=None, max_examples=200)
def test_no_yaml_makes_reading_fail(text: str) -> None:
    """Whatever its shape: aliases, tags and keys that are mappings among it."""
    found = checked(text)
    assert (found.site is None) is any(problem.is_error for problem in found.problems)
