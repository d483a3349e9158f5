"""Reads what an admin's template made of JSON, XML or a form.

A desk fills placeholders into the text of an admin's template and sends what comes out. A comma too many before a
bracket, a raw line break in a description and a quotation mark in a subject are common (captured bodies have them),
and the request is authentic all the same. What is put right is what can only be meant one way; of a body beyond that
only the names and values that stand on lines of their own are looked at.
"""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from connectors.sdk import UnreadableError, read_object

#: how much of a body that is no JSON is looked at
MOST = 1_000_000
_PAIR = re.compile(
    r"""["']?([A-Za-z_][A-Za-z0-9_.]{0,80})["']?\s*[:=]\s*"""
    r"""(?:"([^"\r\n]{0,2000})"|'([^'\r\n]{0,2000})'|(-?[0-9]{1,25})(?![0-9]))"""
)
_LEAF = re.compile(r"<([A-Za-z_][\w.:-]{0,80})(?:\s[^<>]*)?>([^<>]{0,2000})</\1\s*>")
_FORM = re.compile(r"[\w.\[\]%-]{1,80}=")
_MOST_PAIRS = 2000
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


Json = dict[str, Any]


class Body(msgspec.Struct, frozen=True):
    """The content of a template's body."""

    content: Any
    #: it had to be guessed: nothing in it but ids is to be believed
    guessed: bool = False


def read(body: bytes) -> Body | None:
    """Return what a body says; None where it is nothing that can be taken apart."""
    raw = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not raw.startswith((b"{", b"[", b'"')):
        return _other(raw[:MOST].decode("utf-8", "replace"))
    try:
        return Body(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        pass
    text = raw[:MOST].decode("utf-8", "replace")
    try:
        return Body(msgspec.json.decode(mended(text).encode("utf-8", "replace")))
    except (msgspec.DecodeError, RecursionError, ValueError):
        found = pairs(text)
        return Body(found, guessed=True) if found else None


def object_in(body: bytes) -> Json:
    """Return the object of a body that may be damaged where it can only be meant one way, or be a form or XML.

    Raises UnreadableError, in one line, for all else: a body that would have to be guessed is not.
    """
    try:
        return read_object(body)
    except UnreadableError:
        found = read(body) if 0 < len(body) <= MOST else None
        if found is None or found.guessed or not isinstance(found.content, dict):
            raise
        return read_object(msgspec.json.encode(found.content))


def _other(text: str) -> Body | None:
    """Read the two other encodings that an automation offers: XML and x-www-form-urlencoded."""
    if text.startswith("<"):
        leaves = {name: html.unescape(value.strip()) for name, value in _LEAF.findall(text)[:_MOST_PAIRS]}
        return Body(leaves) if leaves else None
    if _FORM.match(text) is None:
        return None
    try:
        found = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PAIRS)
    except ValueError:
        return None
    content: dict[str, Any] = {}
    for name, value in found:
        *above, last = [part for part in re.split(r"[\[\].]+", name) if part] or [""]
        inside = content
        for part in above[:4]:
            inner = inside.setdefault(part, {})
            inside = inner if isinstance(inner, dict) else inside
        inside.setdefault(last, value)
    return Body(content) if content else None


def mended(text: str) -> str:
    """Drop commas before a closing bracket and escape control characters in texts; nothing else is touched."""
    out: list[str] = []
    inside = False
    escaped = False
    #: place of a comma that a bracket may follow
    comma = -1
    for char in text:
        if inside:
            out.append(_ESCAPES.get(char, " ") if char < " " else char)
            inside = escaped or char != '"'
            escaped = char == "\\" and not escaped
            continue
        if char in "}]" and comma >= 0:
            out[comma] = ""
        if char == ",":
            comma = len(out)
        elif not char.isspace():
            comma = -1
        inside = char == '"'
        escaped = False
        out.append(char)
    return "".join(out)


def pairs(text: str) -> dict[str, str]:
    """Return the names and values of a body that is no JSON, the first of each name."""
    found: dict[str, str] = {}
    for name, double, single, number in _PAIR.findall(text[:MOST]):
        found.setdefault(name, double or single or number)
    return found
