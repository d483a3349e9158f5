"""Files in RT: they go with a message, base64 in its JSON (RT::REST2, "Add Attachments"), and are read the same way."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

from connectors.request_tracker.calls.desk import Desk, decoded, unauthorized
from connectors.request_tracker.mapping import text
from connectors.sdk import Attachment, AuthenticationError, Blob, Call, Intent, TransportError, excerpt, retry_after
from gateway.errors import ThrottledError

#: RT's default of $MaxAttachmentSize; what is larger it drops or cuts, as it is set up
LARGEST = 10_000_000
_SHOWN = re.compile(r"!\[([^\]]*)\]\(attachment:[^)\s]*\)")


def attached(intent: Intent) -> dict[str, Any]:
    """Return what a message says of its files."""
    if not intent.attachments:
        return {}
    return {
        "Attachments": [
            {"FileName": each.name, "FileType": each.mime, "FileContent": Blob(each.sha256, each.size)}
            for each in intent.attachments
        ]
    }


def without_references(body: str) -> str:
    """Return a text in which a file that hangs on the message is named, where it was shown."""
    return _SHOWN.sub(lambda match: f"[{match[1] or 'image'}]", body)


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
