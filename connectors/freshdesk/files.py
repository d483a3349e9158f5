"""Files: an attachment's address is signed, good for minutes, and leads to another host, without our credentials."""

from __future__ import annotations

from connectors.sdk import Attachment, Blob, Call, Effect, HttpRequest, TransportError, excerpt


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when its address leads nowhere any more."""
    if not attachment.url:
        return None
    response = yield HttpRequest("GET", attachment.url, Effect.READ, label="fetch a file", keep=True)
    if response.status in {400, 403, 404, 410}:
        return None
    if not response.ok or response.blob is None:
        msg = f"the file {attachment.remote_id} could not be fetched: {excerpt(response)}"
        raise TransportError(msg)
    return response.blob
