"""Files on cases: notes that hold a document, its bytes as base64 in a column of the note."""

from __future__ import annotations

import base64
import binascii

from connectors.dynamics365.asking import ask, get
from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import text
from connectors.sdk import Attachment, Blob, Call, TransportError


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when it is not there."""
    found = guid(attachment.remote_id)
    if not found:
        return None
    body = yield from ask(get(f"annotations({found})", "fetch a file", select="documentbody,isdocument"))
    if body is None or body.get("isdocument") is not True:
        return None
    try:
        return base64.b64decode(text(body.get("documentbody")), validate=True)
    except (ValueError, binascii.Error) as error:
        msg = f"the file of note {found} is not base64: {error}"
        raise TransportError(msg) from error
