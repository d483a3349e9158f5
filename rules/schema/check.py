"""Checking a file by its schema: every error at the key or value that is wrong, with a word about what is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from rules.problem import Problem, nearest
from rules.schema.phases import belongs
from rules.source import Document, Path
from rules.yaml12 import Written

_KINDS = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "empty",
}
_YES_OR_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
#: key of the schema of a file: sections of other files -> where they stand
ELSEWHERE = "x-elsewhere"
#: so many words are named where none is near to what was written
MOST_WORDS = 16
#: values below such a key are never repeated in a message
_SECRET_WORDS = ("token", "secret", "password", "passwd", "key")


def validator(schema: dict[str, Any]) -> Draft7Validator:
    """Return a validator; making one is dear, using it is cheap."""
    return Draft7Validator(schema)


def _nothing(_value: Any) -> bool:
    return False


def check(
    document: Document,
    against: Draft7Validator,
    path: Path = (),
    value: Any = None,
    *,
    skip: Callable[[Any], bool] = _nothing,
) -> list[Problem]:
    """Return what is wrong with a document, or with the `value` at `path` inside it; not with values to `skip`."""
    return [problem for _, problem in findings(document, against, path, value, skip=skip)]


def findings(
    document: Document,
    against: Draft7Validator,
    path: Path = (),
    value: Any = None,
    *,
    skip: Callable[[Any], bool] = _nothing,
) -> Iterator[tuple[Path, Problem]]:
    """Go through what is wrong, each with the path of the value that its schema refused."""
    whole = value if path else document.value
    for error in against.iter_errors(whole):
        for leaf in _leaves(error):
            if not skip(leaf.instance):
                for problem in _translate(document, path, leaf):
                    yield (*path, *leaf.absolute_path), problem


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Go down through if/then and allOf to what is wrong; anyOf gives its first branch."""
    if error.context and error.validator in {"anyOf", "oneOf"}:
        yield min(error.context, key=lambda each: (-len(each.absolute_path), each.validator == "type"))
    else:
        yield error


def _translate(document: Document, start: Path, error: ValidationError) -> Iterator[Problem]:
    path = (*start, *error.absolute_path)
    instance: Any = error.instance
    wanted: Any = error.validator_value
    schema: dict[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    expected = schema.get("description", "")
    match error.validator:
        case "additionalProperties":
            yield from _unexpected(document, path, instance, schema)
        case "required":
            missing = [key for key in wanted if key not in instance]
            # jsonschema reports each missing key by itself, with the whole list as its value.
            key = next((key for key in missing if f"'{key}'" in error.message), missing[0] if missing else "")
            what = expected or "this"
            yield document.problem(path, "missing-key", f"{what} needs '{key}'", f"add {key}: here")
        case "propertyNames":
            pass
        case "type":
            yield _wrong_type(document, path, instance, wanted, schema)
        case "enum":
            yield _not_one_of(document, path, instance, wanted)
        case "pattern":
            if "propertyNames" in error.absolute_schema_path:
                message = f"the key '{_short(instance)}' is not {expected or 'valid'}"
                yield document.problem((*path, instance), "wrong-form", message, key=True)
            else:
                said = _value(path, instance)
                hint = nearest(instance, schema.get("examples", ()))
                yield document.problem(path, "wrong-form", f"{said} is not {expected or 'in the right form'}", hint)
        case "minItems" | "minProperties" | "minLength" | "not":
            yield _too_little(document, path, instance, wanted, expected)
        case "maxProperties":
            keys = ", ".join(list(instance)[:5])
            message = f"{expected or 'this'} has one key only, not several ({keys})"
            yield document.problem(path, "too-many-keys", message, "write each as an item of its own")
        case "minimum" | "maximum":
            yield document.problem(path, "wrong-value", f"{_value(path, instance)} is not {expected or 'in range'}")
        case _:
            yield document.problem(path, "wrong-value", f"{_value(path, instance)} is not {expected or 'valid'}")


def _too_little(document: Document, path: Path, instance: Any, wanted: Any, expected: str) -> Problem:
    if isinstance(wanted, dict):
        message = f"{_value(path, instance)} is no time at all"
        return document.problem(path, "zero-length", message, "write a length above zero")
    if instance:
        return document.problem(path, "wrong-value", f"{expected or 'this'} has {wanted} members or more here")
    return document.problem(path, "empty-value", f"{expected or 'this'} cannot be empty")


def _unexpected(document: Document, path: Path, instance: Any, schema: dict[str, Any]) -> Iterator[Problem]:
    known = list(schema.get("properties", {}))
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    what = schema.get("description", "this")
    for key in instance:
        if key in known or any(pattern.search(key) for pattern in patterns):
            continue
        message = f"{what} has no key '{_short(key)}'" if path else f"there is no section '{_short(key)}'"
        told = schema.get(ELSEWHERE, {}).get(str(key), "")
        hint = told or belongs(what, key) or _elsewhere(str(key), schema) or nearest(key, known)
        yield document.problem((*path, key), "unknown-key", message, hint, key=True)


def _elsewhere(key: str, schema: dict[str, Any]) -> str:
    """Return where a key stands that is one level too high, or how one is written that has several parts."""
    known: dict[str, Any] = schema.get("properties", {})
    parts = [each for each in known if each.startswith(f"{key}.")]
    if parts:
        return f"write {', '.join(parts)}"
    homes = [name for name, inner in known.items() if isinstance(inner, dict) and key in inner.get("properties", {})]
    return f"it stands under {homes[0]}:" if len(homes) == 1 else ""


def _wrong_type(document: Document, path: Path, instance: Any, wanted: Any, schema: dict[str, Any]) -> Problem:
    expected, pattern = schema.get("description", ""), schema.get("pattern", "")
    types = wanted if isinstance(wanted, list) else [wanted]
    is_scalar = isinstance(instance, bool | int | float)
    message = f"this is {_kind(instance)}, not {expected or ' or '.join(types)}"
    if is_scalar and "string" in types:
        text = instance.text if isinstance(instance, Written) else _yaml(instance)
        fits = re.search(pattern, text) is not None if pattern else True
        return document.problem(path, "wrong-type", message, f'put it in quotes: "{text}"' if fits else "")
    if instance is None:
        return document.problem(
            path, "wrong-type", f"this is empty, {expected or ' or '.join(types)} is expected", key=True
        )
    if types == ["boolean"] and str(instance).lower() in _YES_OR_NO:
        return document.problem(path, "wrong-type", message, f"write {_YES_OR_NO[instance.lower()]}")
    if types == ["array"] and not isinstance(instance, dict):
        return document.problem(path, "wrong-type", message, "write it in [ ]")
    return document.problem(path, "wrong-type", message)


def _not_one_of(document: Document, path: Path, instance: Any, words: list[Any]) -> Problem:
    known = [str(word) for word in words]
    hint = nearest(str(instance), known) or (f"one of: {', '.join(known)}" if len(known) <= MOST_WORDS else "")
    return document.problem(path, "not-one-of", f"{_value(path, instance)} is not valid here", hint)


def _kind(value: Any) -> str:
    name = next((said for kind, said in _KINDS.items() if type(value) is kind), "a number")
    return f"{name} ({_yaml(value)})" if isinstance(value, bool | int | float) else name


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, Written) else str(value)


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:57]}…" if len(text) > 60 else text


def _value(path: Path, value: Any) -> str:
    secret = any(isinstance(step, str) and any(word in step.lower() for word in _SECRET_WORDS) for step in path)
    return "this" if secret or isinstance(value, dict | list) else f"'{_short(value)}'"
