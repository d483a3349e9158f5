"""How the simulated desk reads a request: JSON, or multipart/form-data as Rails takes it apart."""

from __future__ import annotations

import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import msgspec

from connectors.freshdesk.sim_state import File
from connectors.testing.loopback import SimRequest

_NESTED = re.compile(r"(\w+)\[(\w*)\]")
_NUMBERS = frozenset({
    "status", "priority", "responder_id", "group_id", "requester_id", "product_id", "email_config_id", "workspace_id",
})  # fmt: skip


def given_of(request: SimRequest) -> tuple[dict[str, Any], list[File]] | None:
    """Return what a request gives and its files; None when it cannot be read."""
    mime = request.headers.get("content-type", "")
    if mime.startswith("multipart/form-data"):
        return _form(mime, request.body)
    try:
        found = request.json()
    except msgspec.DecodeError:
        return None
    return (found, []) if isinstance(found, dict) else None


def _form(mime: str, body: bytes) -> tuple[dict[str, Any], list[File]]:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {mime}\r\n\r\n".encode() + body)
    given: dict[str, Any] = {}
    files: list[File] = []
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition") or "")
        data = part.get_payload(decode=True)
        content = data if isinstance(data, bytes) else b""
        filename = part.get_filename()
        if filename:
            files.append(File(filename, part.get_content_type(), content))
            continue
        _put(given, name, content.decode())
    return given, files


def _put(given: dict[str, Any], name: str, value: str) -> None:
    nested = _NESTED.fullmatch(name)
    if nested is None:
        plain: Any = int(value) if name in _NUMBERS and value.isdigit() else value
        given[name] = {"true": True, "false": False}.get(value, plain) if name == "private" else plain
    elif nested[2]:
        given.setdefault(nested[1], {})[nested[2]] = value
    else:
        given.setdefault(nested[1], []).append(value)
