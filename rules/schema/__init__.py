"""The JSON Schemas of a site's files: for the loader, and for editors that complete and check while one types.

They are made from the enums of the domain, so that they cannot fall behind it. `schema_text` prints one for editors
(`# yaml-language-server: $schema=…`); there the definition of a condition is spelled out, while the loader leaves
conditions to `rules.conditions`, which knows the site's own words.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from rules.fields import FieldType, Operator, Vocabulary
from rules.operators import OPERATORS
from rules.schema import cases, clocks, routing, tickets
from rules.schema.check import ELSEWHERE
from rules.schema.shapes import ANYTHING, BOOL, DURATION, WORD, Schema, listed, record
from rules.schema.site import GATEWAY

SECTIONS: Mapping[str, Schema] = {**tickets.SECTIONS, **clocks.SECTIONS, **routing.SECTIONS}

#: sections that hold a list; those of several files follow one another
LISTS = frozenset(name for name, schema in SECTIONS.items() if schema["type"] == "array")

DRAFT = "http://json-schema.org/draft-07/schema#"

RULE_FILE: Schema = record(SECTIONS, description="a rule file")

#: what the schema of a file says once and refers to
_SHARED: Mapping[str, Mapping[str, Schema]] = {
    "rules": {**clocks.DEFINITIONS, **tickets.DEFINITIONS},
    "cases": cases.DEFINITIONS,
}

NAMES = ("gateway", "rules", "cases")

#: sections that people write into the wrong kind of file, and where each of them stands
_ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "gateway": dict.fromkeys(SECTIONS, "write it in a file under rules/"),
    "rules": {each: "write it in gateway.yaml" for each in GATEWAY["properties"] if each not in SECTIONS},
}


def for_loader(name: str, actions: Mapping[str, Mapping[str, Any]] | None = None) -> Schema:
    """Return the schema by which the loader checks: a condition is anything. `actions` are those of other packages."""
    definitions = {"condition": ANYTHING, **_SHARED.get(name, {})}
    found = _with_actions(_body(name), actions or {}) | {"$schema": DRAFT, "definitions": definitions}
    return found | {ELSEWHERE: _ELSEWHERE[name]} if name in _ELSEWHERE else found


def for_editors(
    name: str,
    operators: Mapping[str, Operator] | None = None,
    actions: Mapping[str, Mapping[str, Any]] | None = None,
) -> Schema:
    """Return the schema for editors: a condition spelled out, with what other packages add."""
    title = {"gateway": "gateway.yaml", "rules": "a file of rules", "cases": "a file of cases"}[name]
    definitions = {**_SHARED.get(name, {})}
    if name != "rules":
        return {"$schema": DRAFT, "title": f"Desk Gateway: {title}", **_body(name), "definitions": definitions}
    definitions = {**_conditions({**(operators or {}), **OPERATORS}), **definitions}
    body = _with_actions(_body(name), actions or {})
    return {"$schema": DRAFT, "title": f"Desk Gateway: {title}", **body, "definitions": definitions}


def schema_text(
    name: str,
    operators: Mapping[str, Operator] | None = None,
    actions: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return one schema (`gateway`, `rules` or `cases`) as it is printed; raises KeyError for another name."""
    return json.dumps(for_editors(name, operators, actions), indent=2, ensure_ascii=False) + "\n"


def _body(name: str) -> Schema:
    return {"gateway": GATEWAY, "rules": RULE_FILE, "cases": cases.CASES}[name]


def _with_actions(body: Schema, actions: Mapping[str, Mapping[str, Any]]) -> Schema:
    """Return the schema of a rule file with more actions in `do:`."""
    if not actions:
        return body
    more = copy.deepcopy(body)
    do = more["properties"]["escalations"]["items"]["properties"]["do"]["items"]
    do["properties"] = {**do["properties"], **{name: dict(schema) for name, schema in actions.items()}}
    return more


def _conditions(known: Mapping[str, Operator]) -> dict[str, Any]:
    vocabulary = Vocabulary(stages=())
    inner: Schema = {"$ref": "#/definitions/condition"}
    fields = {name: {"$ref": f"#/definitions/{_slot(field.type, field.words)}"} for name, field in _fields(vocabulary)}
    values = {
        _slot(field.type, field.words): _value(field.type, field.words, known) for _, field in _fields(vocabulary)
    }
    values["any"] = _value(FieldType.ANY, (), known)
    condition = {
        "type": "object",
        "properties": {"all": listed(inner, least=1), "any": listed(inner, least=1), "not": inner, **fields},
        # `metric` is known to pause_when only; the loader says so where it is not.
        "patternProperties": {"^custom[.].+$": {"$ref": "#/definitions/any"}, "^metric$": ANYTHING},
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"condition": condition, **values}


def _fields(vocabulary: Vocabulary) -> list[tuple[str, Any]]:
    return list(vocabulary.fields.items())


def _slot(kind: FieldType, words: tuple[str, ...]) -> str:
    return f"{kind}_{'_'.join(words)[:24]}" if words else str(kind)


def _value(kind: FieldType, words: tuple[str, ...], known: Mapping[str, Operator]) -> Schema:
    scalar: Schema = {"type": "string", "enum": list(words)} if words else {**WORD}
    if kind is FieldType.ANY:
        scalar = {"type": ["string", "integer", "number", "boolean", "null"]}
    if kind is FieldType.NUMBER:
        scalar = {"type": "integer", "minimum": 0}
    operators = {name: _operand(op, scalar) for name, op in known.items() if kind in op.types}
    mapping = record(operators, minProperties=1)
    if kind not in OPERATORS["equals"].types:
        return mapping
    return {"anyOf": [scalar, listed(scalar, least=1), mapping]}


def _operand(operator: Operator, scalar: Schema) -> Schema:
    if operator.schema is not None:
        return dict(operator.schema)
    if operator.name in {"exists", "changed"}:
        return BOOL
    if operator.name in {"equals", "in", "contains", "changed_from", "changed_to"}:
        return {"anyOf": [scalar, listed(scalar, least=1)]}
    if operator.name in {"words", "matches", "inside", "outside"}:
        return {"anyOf": [WORD, listed(WORD, least=1)]}
    return scalar if scalar.get("type") == "integer" else {"anyOf": [WORD, DURATION]}


__all__ = ["LISTS", "NAMES", "RULE_FILE", "SECTIONS", "for_editors", "for_loader", "schema_text"]
