"""One request to a desk and its answer, as a connector and the transport agree on them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Effect(StrEnum):
    """What a request does at the desk. At most one `write` an attempt."""

    #: free, repeatable
    READ = "read"
    #: invisible to people and repeatable: an upload, a token
    STAGE = "stage"
    #: the effect itself
    WRITE = "write"


class Blob(msgspec.Struct, frozen=True):
    """A stored file, by its hash. It stands for its bytes, which a connector never holds.

    As the body of a request or the value of a part it is sent as it is; anywhere in `json` it becomes base64 text.
    """

    sha256: str
    size: int


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a multipart/form-data body (RFC 7578). With a file name it is a file."""

    name: str
    value: str | Blob
    filename: str = ""
    mime: str = ""


class HttpRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request that a connector wants made.

    `url` is a path below the connection's url, or an absolute address on one of its allowed origins. Give one of
    `json`, `body` and `parts`. Credentials are never in here: the transport asks `Connector.authorize` when it sends.
    """

    method: str
    url: str
    effect: Effect = Effect.READ
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    json: Any = None
    body: bytes | Blob = b""
    #: what to do when it is a read and fails: nothing by default, the attempt ends
    label: str = ""
    parts: tuple[Part, ...] = ()
    #: the answer is a file: it is stored, and `HttpResponse.blob` stands for it
    keep: bool = False
    #: the answer may have so many bytes, where that is more than answers have
    most: int = 0


class HttpResponse(msgspec.Struct, frozen=True):
    """What came back, whole."""

    status: int
    headers: dict[str, str]
    body: bytes
    elapsed: float = 0.0
    #: the stored body of a 2xx, where the request said `keep`
    blob: Blob | None = None

    def json(self) -> Any:
        """Decode the body as JSON; raises msgspec.DecodeError when it is not."""
        return msgspec.json.decode(self.body)

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str:
        """Return a header by its name in any case, or an empty string."""
        return self.headers.get(name.lower(), "")


#: What a connector returns for anything that needs the network: it yields requests, is sent answers, returns a value.
#: A request that brings no answer is *thrown* in as a TransportError; not catching it ends the call.
Call = Generator[HttpRequest, HttpResponse, T]


# ---------------------------------------------------------------- kept requests

_MARK = "\x00blob:"


def packed(request: HttpRequest) -> bytes:
    """Return a request as it is stored: everything but credentials, which are never part of it."""
    return msgspec.json.encode(msgspec.structs.replace(request, json=_each(request.json, _marked)))


def unpacked(stored: bytes) -> HttpRequest:
    """Return a stored request, its files in their places."""
    request = msgspec.json.decode(stored, type=HttpRequest)
    return msgspec.structs.replace(request, json=_each(request.json, _unmarked))


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _each(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each(each, change) for each in value]
    return change(value)


def _marked(value: Any) -> Any:
    return f"{_MARK}{value.sha256}:{value.size}" if isinstance(value, Blob) else value


def _unmarked(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_MARK):
        return value
    sha256, _, size = value.removeprefix(_MARK).partition(":")
    return Blob(sha256, int(size))
