"""The small shapes that every schema is made of, in keywords that old editors understand (draft 7).

A `description` reads after "is not" and after "expected": it is what an admin is told when the shape does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rules.duration import (
    DURATION_PATTERN,
    DURATION_WORDS,
    RATE_PATTERN,
    RATE_WORDS,
    SPAN_PATTERN,
    SPAN_WORDS,
    ZERO_PATTERN,
)

Schema = dict[str, Any]

#: the scalars of YAML that a person may write where text or a number will do
WORD: Schema = {"type": ["string", "integer", "number"], "description": "a word or a number"}
TEXT: Schema = {"type": "string", "minLength": 1, "description": "a text"}
BOOL: Schema = {"type": "boolean", "description": "true or false"}
ANYTHING: Schema = {}

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NAME_WORDS = "a name of letters, digits, '-', '_' and '.', at most 64"
NAME: Schema = {"type": "string", "pattern": NAME_PATTERN, "description": NAME_WORDS}

DURATION: Schema = {"type": "string", "pattern": DURATION_PATTERN, "description": DURATION_WORDS}
SPAN: Schema = {"type": "string", "pattern": SPAN_PATTERN, "description": SPAN_WORDS}
#: where no time at all would promise nothing, or go on for ever
SOME_TIME: Schema = DURATION | {"not": {"pattern": ZERO_PATTERN}}
#: how often, where that may be never
EVERY: Schema = SOME_TIME | {
    "pattern": DURATION_PATTERN.replace("^", "^(never|", 1).removesuffix("$") + ")$",
    "description": f"{DURATION_WORDS}, or never",
}
SOME_SPAN: Schema = SPAN | {"not": {"pattern": ZERO_PATTERN}}
RATE: Schema = {"type": "string", "pattern": RATE_PATTERN, "description": RATE_WORDS}
LANGUAGE: Schema = {
    "type": "string",
    "pattern": r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
    "description": "a language tag such as en, es or pt-BR",
}

CONDITION: Schema = {"$ref": "#/definitions/condition"}


def record(
    properties: Mapping[str, Schema],
    *,
    required: Iterable[str] = (),
    description: str = "a mapping",
    **more: Any,
) -> Schema:
    """Return a mapping with these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
        "description": description,
        **more,
    }


def named(value: Schema, description: str = "a mapping from names to values", **more: Any) -> Schema:
    """Return a mapping from names of the admin's choice."""
    return {
        "type": "object",
        "propertyNames": {"pattern": NAME_PATTERN, "description": NAME_WORDS},
        "additionalProperties": value,
        "description": description,
        **more,
    }


def listed(item: Schema, description: str = "a list", *, least: int = 0) -> Schema:
    """Return a list."""
    schema: Schema = {"type": "array", "items": item, "description": description}
    return schema | ({"minItems": least} if least else {})


def choice(*words: str) -> Schema:
    """Return one word of a fixed list."""
    return {"type": "string", "enum": list(words), "description": "one of " + ", ".join(words)}


def by_type(description: str, **shapes: Schema) -> Schema:
    """Return a value that may be of several JSON types, each with a shape of its own.

    Made of if and then, not of anyOf, so that an error speaks of the shape that was meant.
    """
    branches = [{"if": {"type": name}, "then": shape} for name, shape in shapes.items()]
    return {"type": list(shapes), "allOf": branches, "description": description}


def word_or_list(item: Schema, description: str) -> Schema:
    """Return one value or a list of such values."""
    return by_type(description, string=item, array=listed(item, description, least=1))


def level_keys(value: Schema) -> dict[str, Schema]:
    """Return the keys for each priority level and `default`."""
    names = ("P1", "P2", "P3", "P4", "urgent", "high", "normal", "low", "default")
    return dict.fromkeys(names, value)
