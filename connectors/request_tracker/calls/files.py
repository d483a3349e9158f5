"""Files in RT: they go with a message in parts (RT::REST2, "Add Attachments"), and are read as base64 inside JSON."""

from __future__ import annotations

import base64
import binascii

import msgspec

from connectors.request_tracker.calls.desk import Desk, decoded, unauthorized
from connectors.request_tracker.mapping import text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    HttpRequest,
    Intent,
    Part,
    TransportError,
    excerpt,
    retry_after,
)
from gateway.errors import ThrottledError

#: RT's default of $MaxAttachmentSize; what is larger it drops or cuts, as it is set up
LARGEST = 10_000_000


def with_files(request: HttpRequest, intent: Intent) -> HttpRequest:
    """Return a request that takes files along, in parts: inside JSON RT 5.0.3 answers 500 to a name beyond ASCII."""
    if not intent.attachments:
        return request
    parts = [Part("JSON", msgspec.json.encode(request.json).decode())]
    parts += [
        Part("Attachments", Blob(each.sha256, each.size), filename=each.name, mime=each.mime)
        for each in intent.attachments
    ]
    return msgspec.structs.replace(request, json=None, parts=tuple(parts))


def fetch(desk: Desk, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None where it is not there or may not be seen."""
    if not (attachment.remote_id.isascii() and attachment.remote_id.isdigit()):
        return None
    asked = desk.request("GET", f"/attachment/{attachment.remote_id}", label="read attachment")
    response = yield msgspec.structs.replace(asked, most=2 * LARGEST)
    if response.status in {403, 404}:
        return None
    if unauthorized(response):
        msg = f"RT does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        raise ThrottledError(excerpt(response), seconds=retry_after(response))
    found = decoded(response) if response.ok else None
    if not isinstance(found, dict):
        msg = f"RT gave no file: {excerpt(response)}"
        raise TransportError(msg)
    try:
        return base64.b64decode(text(found.get("Content")).replace("\n", ""), validate=True)
    except binascii.Error:
        msg = "RT gave a file that is no base64"
        raise TransportError(msg) from None
