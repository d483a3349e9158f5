"""Reads the body of a request up to a limit, whether its length was announced or it comes in chunks.

Werkzeug's own limit cuts a chunked body silently at the limit; a cut body must never look like a whole one.
"""

from __future__ import annotations

from typing import Any

#: A body over the limit is read on for this much, so that an ordinary client hears the answer before the line is cut.
_DRAIN = 1024 * 1024
_PIECE = 64 * 1024


class TooLargeError(ValueError):
    """The body has more bytes than the limit."""


class IncompleteError(ValueError):
    """The sender announced more bytes than it sent."""


def read_body(environ: dict[str, Any], limit: int) -> bytes:
    """Return the whole body; raises TooLargeError without reading it whole, IncompleteError when it was cut off."""
    stream = environ["wsgi.input"]
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced.isascii() and announced.isdigit():
        length = int(announced)
        if length > limit:
            _read(stream, min(length, _DRAIN))
            raise TooLargeError
        body = _read(stream, length)
        if len(body) < length:
            raise IncompleteError
        return body
    if not environ.get("wsgi.input_terminated"):
        return b""
    body = _read(stream, limit + 1)
    if len(body) > limit:
        _read(stream, _DRAIN)
        raise TooLargeError
    return body


def _read(stream: Any, length: int) -> bytes:
    """Read up to `length` bytes; fewer when the stream ends or breaks."""
    pieces: list[bytes] = []
    while length > 0:
        try:
            piece = stream.read(min(length, _PIECE) if pieces else min(length, 16 * _PIECE))
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
