"""Places in a desk's JSON: where a value lies, as an admin writes it.

`ticket.requester.email` and `/ticket/requester/email` (RFC 6901) are one place; a number is a place in a list, negative
from its end; `Name=Key` is the first member of a list that has it, `*` every member; `.` is the whole.
`header:X-Event` is a header of a webhook. A list of places is the first that holds something. A place may be a mapping
with `path`, `default`, `value` (a constant) and `pattern` (what its group matches).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

HEADER = "header:"
#: a text that a pattern is tried on is cut here: patterns are an admin's, texts are anybody's
MOST = 100_000

_INDEX = re.compile(r"\[(-?\d+|\*)\]")
_NUMBER = re.compile(r"-?\d{1,6}")


def steps(path: str) -> tuple[str, ...]:
    """Return the steps of a path; none for the whole."""
    if path in {"", ".", "/"}:
        return ()
    if path.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    return tuple(part for part in _INDEX.sub(r".\1", path).split(".") if part)


def walk(value: Any, path: Sequence[str]) -> Any:
    """Follow steps into a value; None where they lead nowhere."""
    for place, step in enumerate(path):
        if isinstance(value, Mapping) and step == "*" and "*" not in value:
            members = [walk(each, path[place + 1 :]) for each in value.values()]
            return [one for each in members for one in (each if isinstance(each, list) else [each]) if one is not None]
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list | tuple):
            if step == "*":
                found = [walk(each, path[place + 1 :]) for each in value]
                return [each for each in found if each is not None]
            if "=" in step:
                name, _, wanted = step.partition("=")
                value = next((each for each in value if word(walk(each, [name])) == wanted), None)
                continue
            if not _NUMBER.fullmatch(step) or not -len(value) <= int(step) < len(value):
                return None
            value = value[int(step)]
        else:
            return None
    return value


def find(place: Any, value: Any, headers: Mapping[str, str] | None = None) -> Any:
    """Return what lies at a place; None where nothing does."""
    if place is None:
        return None
    if isinstance(place, str):
        if place.startswith(HEADER):
            return (headers or {}).get(place.removeprefix(HEADER).strip().lower()) or None
        return walk(value, steps(place))
    if isinstance(place, list | tuple):
        for each in place:
            found = find(each, value, headers)
            if found is not None and found != "":
                return found
        return None
    if "value" in place:
        return place["value"]
    if "join" in place:
        # a value that the desk keeps in two fields is one word to us
        found = "/".join(filter(None, (word(find(each, value, headers)) for each in place["join"]))) or None
    else:
        found = find(place.get("path"), value, headers)
    if found is not None and "pattern" in place:
        match = re.search(str(place["pattern"]), word(found)[:MOST])
        found = match.group(match.re.groups and 1) if match else None
    return place.get("default") if found is None or found == "" else found


def is_there(place: Any, value: Any) -> bool:
    """Say whether an answer holds the place at all, be it with nothing in it: a field that was not said is left alone.

    A constant and a default are always there.
    """
    if isinstance(place, str):
        path = steps(place)
        return not path or _holds(value, path)
    if isinstance(place, list | tuple):
        return any(is_there(each, value) for each in place)
    if isinstance(place, Mapping) and "join" in place:
        return any(is_there(each, value) for each in place["join"])
    return isinstance(place, Mapping) and ("value" in place or "default" in place or is_there(place.get("path"), value))


def _holds(value: Any, path: Sequence[str]) -> bool:
    outer, last = walk(value, path[:-1]), path[-1]
    if isinstance(outer, Mapping):
        return last in outer
    return isinstance(outer, list) and (last == "*" or walk(outer, [last]) is not None or "*" in path)


def names_header(place: Any) -> bool:
    """Say whether a place is a header, or one of several is."""
    if isinstance(place, str):
        return place.startswith(HEADER)
    if isinstance(place, list | tuple):
        return any(names_header(each) for each in place)
    return isinstance(place, Mapping) and names_header(place.get("path"))


def headers_of(*places: Any) -> tuple[str, ...]:
    """Return the names of the headers that places lie in, in lower case."""
    found: list[str] = []
    for place in places:
        if isinstance(place, str) and place.startswith(HEADER):
            found.append(place.removeprefix(HEADER).strip().lower())
        elif isinstance(place, list | tuple):
            found += headers_of(*place)
        elif isinstance(place, Mapping):
            found += headers_of(place.get("path"))
    return tuple(dict.fromkeys(found))


def word(value: Any) -> str:
    """Return a value as the word that stands for it in a map of words: `true`, `3`, `open`; empty for none."""
    if value is None or isinstance(value, dict | list | tuple):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).replace("\x00", "")


def rows(value: Any) -> list[Any]:
    """Return a list; what is none is an empty one."""
    return list(value) if isinstance(value, list | tuple) else []
