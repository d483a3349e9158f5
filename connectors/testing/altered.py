"""Payloads with one place altered, and calls answered from a record: what a desk of another version might send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias, TypeVar

import msgspec

from connectors.testing.driver import Driver
from gateway.ports import Call, HttpRequest, HttpResponse

T = TypeVar("T")
Path: TypeAlias = tuple[Any, ...]

#: a word and a number that no desk has
UNKNOWN_WORD, UNKNOWN_NUMBER = "zz-unknown-word", 987_654_321
#: nothing, and nothing of another shape
NOTHING: tuple[Any, ...] = (None, [], {})


class OtherwiseError(Exception):
    """A call asks for something else than was recorded."""


def content(body: bytes) -> Any:
    """Return the JSON of a body; None for what is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value that holds no others, with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    else:
        yield path, value


def members(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the place of every member of an object."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        if isinstance(value, dict):
            yield (*path, name)
        yield from members(inner, (*path, name))


def at(value: Any, path: Path) -> Any:
    """Return what stands at a place; KeyError, IndexError or TypeError where nothing does."""
    for name in path:
        value = value[name]
    return value


def put(body: bytes, path: Path, new: Any) -> bytes:
    """Return a body with something else at one place."""
    value = msgspec.json.decode(body)
    at(value, path[:-1])[path[-1]] = new
    return msgspec.json.encode(value)


def renamed(body: bytes, path: Path) -> bytes:
    """Return a body in which a member has another name, as in another version of the desk; an item of a list none."""
    value = msgspec.json.decode(body)
    inside = at(value, path[:-1])
    if isinstance(inside, list):
        return put(body, path, None)
    inside[f"{path[-1]}_of_another_version"] = inside.pop(path[-1])
    return msgspec.json.encode(value)


def retyped(value: Any) -> tuple[Any, ...]:
    """Return what does not say clearly what a value said, and nothing that says the reverse."""
    if isinstance(value, bool):
        return (*NOTHING, UNKNOWN_WORD, "true") if value else (*NOTHING, UNKNOWN_WORD, "false")
    return (*NOTHING, UNKNOWN_NUMBER if isinstance(value, str) else UNKNOWN_WORD)


def bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a body with each of its members renamed and each of its values retyped in turn, and what was done."""
    value = content(body)
    for path in members(value):
        yield f"{path} is named otherwise", renamed(body, path)
    for path, said in leaves(value):
        for other in retyped(said) if path else ():
            yield f"{path} is {other!r} in place of {said!r}", put(body, path, other)


def words(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a body with each of its words and numbers in turn one that no desk has."""
    for path, said in leaves(content(body)):
        if path and isinstance(said, str | int) and not isinstance(said, bool):
            other = UNKNOWN_WORD if isinstance(said, str) else UNKNOWN_NUMBER
            yield f"{path} is {other!r} in place of {said!r}", put(body, path, other)


def alike(body: bytes) -> Iterator[bytes]:
    """Yield a body with each word or number in turn one that no desk has, at every place where it stands."""
    value = content(body)
    for word in {each for _, each in leaves(value) if isinstance(each, str | int) and not isinstance(each, bool)}:
        other = body
        for path, said in leaves(value):
            if path and said == word and type(said) is type(word):
                other = put(other, path, UNKNOWN_WORD if isinstance(word, str) else UNKNOWN_NUMBER)
        yield other


class Record:
    """The answers to one call, in order."""

    def __init__(self) -> None:
        self.answers: list[tuple[HttpRequest, HttpResponse]] = []

    def take(self, driver: Driver, call: Call[T]) -> T:
        """Run a call over the real transport, and keep each answer."""
        try:
            request = next(call)
            while True:
                response = driver.transport.send(driver.connector, request, deadline=driver.deadline, trace_id="")
                self.answers.append((request, response))
                request = call.send(response)
        except StopIteration as stop:
            found: T = stop.value
            return found

    def altered(self, place: int, body: bytes) -> Record:
        """Return the record with another body in one of its answers."""
        other = Record()
        other.answers = list(self.answers)
        request, response = self.answers[place]
        other.answers[place] = request, msgspec.structs.replace(response, body=body)
        return other

    def answer(self, call: Call[T]) -> T:
        """Answer a call from the record; OtherwiseError where it asks for something that is not there."""
        try:
            request = next(call)
            for asked, response in self.answers:
                if (request.method, request.url, request.params) != (asked.method, asked.url, asked.params):
                    break
                request = call.send(response)
        except StopIteration as stop:
            found: T = stop.value
            return found
        call.close()
        raise OtherwiseError
