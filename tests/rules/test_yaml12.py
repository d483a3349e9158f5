# ruff: noqa: E501 - a table of whole messages
"""The loader: YAML 1.2 words, places, and everything hostile."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.yaml12 import MAX_BYTES, WrittenFloat, WrittenInt, load, resolve
from tests.rules.making import document


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("y", "y"), ("NO", "NO"),
        ("22:30", "22:30"), ("2026-12-24", "2026-12-24"), ("24x7", "24x7"), ("1_000", "1_000"), ("0b11", "0b11"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("012", 12), ("0o14", 12), ("0xC", 12), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0),
        (".inf", ".inf"), (".nan", ".nan"), ("-", "-"), ("+", "+"), (".", "."), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_a_plain_word_means_what_it_looks_like(word: str, meaning: Any) -> None:
    """Nothing of YAML 1.1 is left."""
    found = resolve(word)
    assert found == meaning
    assert isinstance(found, type(meaning)) or meaning is None


def test_a_number_remembers_how_it_was_written() -> None:
    """1.10 is a version to some, so its text is not lost."""
    value = document("a: 1.10\nb: 012\nc: 1.5").value
    assert isinstance(value["a"], WrittenFloat)
    assert value["a"].text == "1.10"
    assert isinstance(value["b"], WrittenInt)
    assert value["b"].text == "012"
    assert type(value["c"]) is float


def test_quoted_and_block_scalars_are_texts() -> None:
    """Only plain words are looked at."""
    assert document("a: '12'\nb: \"true\"\nc: |\n  12\nd: >-\n  no").value == {
        "a": "12", "b": "true", "c": "12\n", "d": "no",
    }  # fmt: skip


def test_keys_are_texts() -> None:
    """A key is what was written, whatever it would mean as a value."""
    assert document("on: 1\nnull: 2\n12: 3\n1.10: 4\ntrue: 5").value == {
        "on": 1, "null": 2, "12": 3, "1.10": 4, "true": 5,
    }  # fmt: skip


def test_every_key_and_value_has_its_place() -> None:
    """Columns count characters, whatever their width in bytes."""
    doc = document("a:\n  - é: {😀😀: x, b: [1, 22]}\n")
    assert doc.where(("a",), key=True) == (1, 1)
    assert doc.where(("a", 0, "é"), key=True) == (2, 5)
    assert doc.where(("a", 0, "é", "b"), key=True) == (2, 16)
    assert doc.where(("a", 0, "é", "b", 1)) == (2, 23)
    assert doc.where(("a", 0, "é", "nothing")) == (2, 8)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("a: 1\nb: 2\na: 3", "x:3:1: error[yaml-duplicate-key]: the key 'a' is here twice; it is first at line 1: join the two or rename one"),
        ("{a: 1, 'a': 2}", "x:1:8: error[yaml-duplicate-key]: the key 'a' is here twice; it is first at line 1: join the two or rename one"),
        ("a: *b", "x:1:4: error[yaml-alias]: aliases (*name) are not allowed; write the value out, or put it in quotes if a star is meant"),
        ("a: &b 1", "x:1:4: error[yaml-alias]: anchors (&b) are not allowed; write the value where it is needed, or put it in quotes if an ampersand is meant"),
        ("a: {<<: {b: 1}}", "x:1:5: error[yaml-alias]: merge keys are not allowed; write the keys out"),
        ("a: !!python/object/apply:os.system [x]", "x:1:4: error[yaml-tag]: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed; write the plain value"),
        ("a: !!str 12", "x:1:4: error[yaml-tag]: the tag 'tag:yaml.org,2002:str' is not allowed; write the plain value"),
        ("a: 1\n---\nb: 2", "x:2:1: error[yaml-documents]: a second document starts here; one file, one document"),
        ("a:\n\tb: 1", "x:2:1: error[yaml-syntax]: this is not YAML: found character that cannot start any token (while scanning for the next token); indent with spaces, not with tabs"),
        ("a: {b: ${X}}", "x:1:9: error[yaml-syntax]: this is not YAML: did not find expected ',' or '}' (while parsing a flow mapping); inside { } a reference needs quotes: \"${NAME}\""),
        ("a: b: c", "x:1:5: error[yaml-syntax]: this is not YAML: mapping values are not allowed in this context; put a value that holds a colon in quotes"),
        ("[a]: 1", "x:1:1: error[yaml-key]: a key must be a word, not a list or a mapping; put it in quotes if brackets are meant"),
        ("a: \0", "x:1:4: error[yaml-syntax]: this is not YAML: control characters are not allowed"),
        ("a: \ud800", "x:1:4: error[yaml-syntax]: this is not YAML: a character that is half of a surrogate pair; save the file as UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_said_with_its_place(text: str, head: str) -> None:
    """One clear line each."""
    read, problems = load("x", text)
    assert read is None
    assert [problem.head for problem in problems][:1] == [head]


def test_an_empty_file_is_an_empty_mapping() -> None:
    """A file of comments is a file without rules."""
    for text in ("", "# nothing yet\n", "---\n", "\ufeff"):
        assert document(text).value == {}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: " + "x" * (10 * 1024 * 1024), "yaml-size"),
        ("[" * 500_000, "yaml-depth"),
        ("{a: " * 200_000, "yaml-depth"),
        ("- " * 500_000, "yaml-depth"),
        ("? " * 500_000, "yaml-key"),
        ("[" + "[]," * 300_000 + "]", "yaml-size"),
        ("a:\n" * 300_000, "yaml-duplicate-key"),
        ("\n".join(" " * i + "a:" for i in range(1000)), "yaml-depth"),
        (BOMB, "yaml-alias"),
        ('"' + "\\x41" * 250_000, "yaml-syntax"),
    ],
    ids=["huge", "lists", "mappings", "dashes", "questions", "many", "duplicates", "indents", "aliases", "quote"],
)
def test_a_hostile_file_is_one_clear_error_soon(text: str, code: str) -> None:
    """Limits hold before the work is done."""
    began = time.monotonic()
    read, problems = load("x", text)
    assert time.monotonic() - began < 20
    assert read is None
    assert problems[0].code == code
    assert len(problems) <= 20
    assert all(len(problem.text) < 1000 for problem in problems)


@given(st.text())
@settings(deadline=None)
def test_no_text_makes_the_loader_fail(text: str) -> None:
    """Either a document or problems with places inside the text."""
    read, problems = load("x", text)
    assert (read is None) is bool(problems)
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.text


YAML_PIECES = st.lists(
    st.sampled_from(
        ["a", "b: ", "- ", "? ", ": ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "!!int ", "!", "'", '"',
         "|\n", ">\n", "#", "---\n", "...\n", "%YAML 1.1\n", "<<: ", "1.10", "~", "\\", "@", "`", "é", "\x00", "${A}"],
    ),
    max_size=40,
)  # fmt: skip


@given(YAML_PIECES)
@settings(deadline=None, max_examples=300)
def test_no_pieces_of_yaml_make_the_loader_fail(pieces: list[str]) -> None:
    """The parser's own edges are reached by its own tokens."""
    read, problems = load("x", "".join(pieces))
    assert (read is None) is bool(problems)


#: without what YAML does not take, or takes for the end of a line, and without what nobody sees (category Cf)
ODD = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn"), exclude_characters="\u2028\u2029")
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(ODD, max_size=20)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(ODD, max_size=8), inner, max_size=4),
    max_leaves=25,
)


@given(TREES)
@settings(deadline=None)
def test_what_json_says_is_read_as_json_means_it(tree: Any) -> None:
    """JSON is YAML 1.2, but for deep nesting and a few characters that YAML does not take."""
    read, problems = load("x", json.dumps(tree, ensure_ascii=False))
    assert read is not None, problems
    assert read.value == ({} if tree is None else tree)


def test_the_limit_is_on_bytes() -> None:
    """A file at the limit is read."""
    assert load("x", "#" * MAX_BYTES)[0] is not None
    assert load("x", "#" * (MAX_BYTES + 1))[0] is None
