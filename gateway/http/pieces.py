"""The body of a request in pieces: bytes, and stored files that are read as they are sent.

JSON with files and multipart bodies are made here, so that a connector says what it sends and never holds a file. A
body is the same bytes each time that it is rendered: its boundary comes from what it holds.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from gateway.ports import Blob, Part

#: how a file is named inside JSON until it takes its place: no text of ours holds NUL
_MARK = "\x00blob:"
_MARKED = re.compile(rb'"\\u0000blob:([0-9a-f]{64}):([0-9]+)"')
#: base64 is made of groups of three bytes
_GROUP = 3

Open = Callable[[str], Iterator[bytes]]


class Encoded(msgspec.Struct, frozen=True):
    """A stored file that is sent as base64."""

    blob: Blob


Piece = bytes | Blob | Encoded


def json_pieces(value: Any) -> tuple[Piece, ...]:
    """Return JSON in pieces: each `Blob` inside is the base64 text of its file."""
    text = msgspec.json.encode(_marked(value))
    found: list[Piece] = []
    end = 0
    for match in _MARKED.finditer(text):
        found += [text[end : match.start()] + b'"', Encoded(Blob(match[1].decode(), int(match[2])))]
        found.append(b'"')
        end = match.end()
    found.append(text[end:])
    return _joined(found)


def _marked(value: Any) -> Any:
    if isinstance(value, Blob):
        return f"{_MARK}{value.sha256}:{value.size}"
    if isinstance(value, str):
        return value.replace(_MARK, _MARK[1:]) if _MARK in value else value
    if isinstance(value, dict):
        return {name: _marked(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(each) for each in value]
    return value


def multipart(parts: Sequence[Part]) -> tuple[str, tuple[Piece, ...]]:
    """Return the content type and the pieces of a multipart/form-data body (RFC 7578)."""
    named = msgspec.json.encode(parts)
    boundary = "gateway-" + hashlib.sha256(named).hexdigest()[:40]
    found: list[Piece] = []
    for part in parts:
        head = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
        head += f'; filename="{_quoted(part.filename)}"' if part.filename else ""
        kind = part.mime or ("application/octet-stream" if part.filename else "")
        head += f"\r\nContent-Type: {_line(kind)}" if kind else ""
        value = part.value.encode() if isinstance(part.value, str) else part.value
        found += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), value, b"\r\n"]
    found.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", _joined(found)


def _quoted(text: str) -> str:
    """Quote as browsers do (HTML, section 4.10.21.8)."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _line(text: str) -> str:
    return " ".join(text.split())


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Join bytes that stand side by side."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += piece
        elif piece != b"":
            found.append(piece)
    return tuple(found)


def length(pieces: Iterable[Piece]) -> int:
    """Return how many bytes the pieces are."""
    return sum(_length(piece) for piece in pieces)


def _length(piece: Piece) -> int:
    if isinstance(piece, bytes):
        return len(piece)
    if isinstance(piece, Blob):
        return piece.size
    return -(-piece.blob.size // _GROUP) * (_GROUP + 1)


def stream(pieces: Iterable[Piece], open_file: Open) -> Iterator[bytes]:
    """Yield the bytes of the pieces; raises LookupError for a file that is not there."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        elif isinstance(piece, Blob):
            yield from open_file(piece.sha256)
        else:
            yield from _base64(open_file(piece.blob.sha256))


def _base64(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        whole = rest + chunk
        end = len(whole) - len(whole) % _GROUP
        rest = whole[end:]
        yield base64.b64encode(whole[:end])
    if rest:
        yield base64.b64encode(rest)


def shown(pieces: Sequence[Piece], most: int = 100_000) -> str:
    """Return a body for people: a file is said to be one."""
    found = []
    for piece in pieces:
        if isinstance(piece, bytes):
            found.append(piece[:most].decode("utf-8", "replace"))
        else:
            size = piece.size if isinstance(piece, Blob) else piece.blob.size
            found.append(f"(a file of {size} bytes)")
    return "".join(found)
