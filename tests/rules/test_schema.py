# ruff: noqa: E501 - tables of whole messages
"""The schemas that are printed for editors: valid, small, and of one mind with the loader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator

from rules.codes import LINT
from rules.conditions import compile_condition
from rules.fields import Vocabulary
from rules.problem import Problem
from rules.schema import NAMES, SECTIONS, for_editors, for_loader, schema_text
from tests.rules.making import document
from tests.rules.test_conditions import CONDITIONS, HOLDS
from tests.rules.test_examples import LANGUAGE, SHARED, texts
from tests.rules.test_lint import examples


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_small(name: str) -> None:
    """Draft 7, which older editors understand."""
    Draft7Validator.check_schema(for_editors(name))
    Draft7Validator.check_schema(for_loader(name))
    text = schema_text(name)
    assert json.loads(text)["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert len(text) < 200_000


def test_there_is_no_other_schema() -> None:
    """The command says so before it asks."""
    with pytest.raises(KeyError):
        schema_text("other")


def test_every_section_says_what_it_is() -> None:
    """An editor shows it, and errors are made of it."""
    assert all(section.get("description") for section in SECTIONS.values())


def test_the_editors_schema_accepts_the_whole_language() -> None:
    """Every section of the language is known to it."""
    for file, text in texts(LANGUAGE).items():
        name = "gateway" if file == "gateway.yaml" else "cases" if ".cases." in file else "rules"
        errors = list(Draft7Validator(for_editors(name)).iter_errors(document(text, file).value))
        assert errors == []


def condition_schema() -> Draft7Validator:
    """Return the schema of a condition."""
    schema = for_editors("rules")
    return Draft7Validator({"$ref": "#/definitions/condition", "definitions": schema["definitions"]})


@pytest.mark.parametrize("text", HOLDS)
def test_the_editors_schema_accepts_what_the_loader_accepts(text: str) -> None:
    """Every form of a condition that holds somewhere."""
    assert condition_schema().is_valid(document(text).value)


@given(CONDITIONS)
@settings(deadline=None, max_examples=40)
def test_generated_conditions_fit_both(wanted: dict[str, Any]) -> None:
    """Those of the property tests, too."""
    assert condition_schema().is_valid(wanted)


@pytest.mark.parametrize(
    "text",
    ["{}", "nothing: 1", "kind: incidents", "kind: {contains: x}", "age: 4h", "any: []", "not: [a]", "tags: {exists: maybe}"],
)  # fmt: skip
def test_both_refuse_the_same(text: str) -> None:
    """What an editor underlines is an error to the loader."""
    problems: list[Problem] = []
    compile_condition(document(text).root, Vocabulary(), problems)
    assert problems
    assert not condition_schema().is_valid(document(text).value)


#: what a schema can say; the rest needs the whole site
SHAPE = {
    "unknown-key", "missing-key", "wrong-type", "wrong-form", "not-one-of", "empty-value", "too-many-keys",
    "unknown-field", "unknown-operator", "wrong-operator", "empty-condition",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(SHAPE))
def test_an_editor_underlines_what_the_loader_refuses_by_its_shape(code: str) -> None:
    """And leaves the neighbour alone."""
    files = examples(code)
    schema = Draft7Validator(for_editors("rules"))
    valid = {kind: schema.is_valid(document(text).value) for kind, each in files.items() for text in each.values()}
    assert valid == {"wrong": False, "right": True}


@pytest.mark.parametrize("code", sorted(LINT))
def test_an_editor_underlines_nothing_in_what_only_lint_can_see(code: str) -> None:
    """Both examples have the right shape."""
    for each in examples(code).values():
        for name, text in each.items():
            schema = Draft7Validator(for_editors("gateway" if name == "gateway.yaml" else "rules"))
            assert list(schema.iter_errors(document(text).value)) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="not in this checkout")
def test_the_editors_schema_accepts_the_example_site() -> None:
    """Every file of it."""
    for file, text in texts(SHARED).items():
        name = "gateway" if file == "gateway.yaml" else "cases" if ".cases." in file else "rules"
        assert list(Draft7Validator(for_editors(name)).iter_errors(document(text, file).value)) == []
