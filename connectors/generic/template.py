"""Requests as an admin writes them: texts with placeholders such as `{title}`, filled at the moment of sending.

A text that is nothing but one placeholder takes its value as it is (a list, a number, null). A member whose
placeholders have no value at all is left out, so that one request serves for any choice of fields. `{priority|3}` has
a value always: what stands behind the bar is for where there is none, or nothing in it. `{ticket:number}` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from connectors.generic.places import word

PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_ -]+)?)(?:\|([^{}]*?))?(:number)?\}")

#: what was to be a placeholder: its name in other letters, or with gaps around it
_NEARLY = re.compile(r"\{\s*([A-Za-z_]+)\s*\}")

#: what has no value
MISSING = object()


def placeholders(template: Any) -> Iterator[str]:
    """Go through every placeholder in a template, wherever it stands."""
    if isinstance(template, str):
        yield from (found[1] for found in PLACEHOLDER.finditer(template))
    elif isinstance(template, Mapping):
        for each in template.values():
            yield from placeholders(each)
    elif isinstance(template, list | tuple):
        for each in template:
            yield from placeholders(each)


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a template with its placeholders filled; MISSING where nothing of it has a value."""
    if isinstance(template, str):
        return _text(template, values)
    if isinstance(template, Mapping):
        filled = {str(name): fill(each, values) for name, each in template.items()}
        kept = {name: each for name, each in filled.items() if each is not MISSING}
        return kept if kept or not template else MISSING
    if isinstance(template, list | tuple):
        inner = [each for each in (fill(one, values) for one in template) if each is not MISSING]
        return inner if inner or not template else MISSING
    return template


def _text(template: str, values: Mapping[str, Any]) -> Any:
    found = list(PLACEHOLDER.finditer(template))
    if not found:
        return template
    if PLACEHOLDER.fullmatch(template):
        return _value(found[0], values)
    if all(_value(each, values) is MISSING for each in found):
        return MISSING
    return PLACEHOLDER.sub(lambda each: _text_of(each, values), template)


def _value(found: re.Match[str], values: Mapping[str, Any]) -> Any:
    """Return what a placeholder stands for; MISSING where it has neither a value nor a default."""
    value, default = values.get(found[1], MISSING), found[2]
    value = default if default is not None and (value is MISSING or value is None or value == "") else value
    return _number(value) if found[3] and isinstance(value, str) else value


def _number(text: str) -> Any:
    """Return the number that a text is; what is none stays what it is, and the desk says so."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _text_of(found: re.Match[str], values: Mapping[str, Any]) -> str:
    value = _value(found, values)
    return "" if value is MISSING else _plain(value)


def defaults(template: Any) -> Iterator[str]:
    """Go through the names of the placeholders that have a default."""
    for _, text in members(template):
        yield from (found[1] for found in PLACEHOLDER.finditer(text) if found[2] is not None)


def path(template: str, values: Mapping[str, Any]) -> str:
    """Return an address with its placeholders filled and quoted; one without a value leaves nothing behind."""
    return PLACEHOLDER.sub(lambda found: quote(_text_of(found, values), safe=""), template)


def nearly(text: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Go through what would stand there as it is and was meant as a placeholder, each with that placeholder."""
    for found in _NEARLY.finditer(PLACEHOLDER.sub("", text)):
        if found[1].lower() in known:
            yield found[0], f"{{{found[1].lower()}}}"


def is_torn(address: str) -> bool:
    """Say whether a brace of an address belongs to no placeholder."""
    return any(brace in PLACEHOLDER.sub("", address) for brace in "{}")


def texts(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """Return a mapping of texts (a query, headers, a form) filled; lists are joined by commas."""
    filled = fill(template, values)
    return {} if filled is MISSING else {name: _plain(each) for name, each in filled.items()}


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(word(each) for each in value)
    return word(value)


def members(template: Any, path_of: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Go through every text of a template, with where it stands."""
    if isinstance(template, str):
        yield path_of, template
    elif isinstance(template, Mapping):
        for name, each in template.items():
            yield from members(each, (*path_of, name))
    elif isinstance(template, list | tuple):
        for number, each in enumerate(template):
            yield from members(each, (*path_of, number))
