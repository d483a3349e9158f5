"""Files at Zendesk: an upload gives a token, with which a comment takes the file [Z13].

An upload that no comment takes is seen by nobody and goes by itself. A file is read at its `content_url`, which leads
to a host of its own for a short while.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    Effect,
    HttpRequest,
    HttpResponse,
    NotSent,
    Outcome,
    Rejected,
    TransportError,
    classify,
    excerpt,
)
from connectors.zendesk.asking import API, ask, decoded, get
from connectors.zendesk.mapping import obj, text
from gateway.errors import ThrottledError

#: where the addresses of files lead to
HOSTS = ("*.zdusercontent.com",)
#: 50 MB: "Attachments" in the vendor's help on account limits
LARGEST = 50_000_000


class Upload(msgspec.Struct, frozen=True):
    """A file that waits for a comment to take it."""

    sha256: str
    token: str
    #: where the words of the comment can show it from
    address: str = ""


def upload(attachments: tuple[Attachment, ...]) -> Call[tuple[list[Upload], Outcome | None]]:
    """Upload files; returns what they are known by, or why it was no use."""
    found: list[Upload] = []
    for each in attachments:
        response = yield HttpRequest(
            "POST",
            f"{API}/uploads.json",
            Effect.STAGE,
            params={"filename": each.name},
            headers={"Accept": "application/json", "Content-Type": each.mime},
            body=Blob(each.sha256, each.size),
            label="upload",
        )
        made = obj((decoded(response) or {}).get("upload"))
        token = text(made.get("token"))
        if not response.ok or not token:
            return [], _refused(each, response)
        found.append(Upload(each.sha256, token, text(obj(made.get("attachment")).get("content_url"))))
    return found, None


def _refused(each: Attachment, response: HttpResponse) -> Outcome:
    """Say what a refused upload means: nothing was written."""
    outcome = classify(response)
    if outcome is None or response.status >= 500 or response.status == 408:
        return NotSent(f"upload of {each.name!r}: {excerpt(response)}")
    return Rejected(f"upload of {each.name!r}: {outcome.detail}") if isinstance(outcome, Rejected) else outcome


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; its address is asked for where the desk did not say it."""
    address = attachment.url
    if not address:
        body = yield from ask(get(f"{API}/attachments/{quote(attachment.remote_id, safe='')}.json", "read attachment"))
        address = text(obj((body or {}).get("attachment")).get("content_url"))
    if not address:
        return None
    response = yield HttpRequest("GET", address, headers={"Accept": "*/*"}, label="fetch", keep=True)
    if response.status in {403, 404, 410}:
        return None
    if response.status == 401:
        msg = "Zendesk does not accept our credentials"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = "Zendesk is busy"
        raise ThrottledError(msg)
    if response.blob is None:
        msg = f"Zendesk gave no file: {excerpt(response)}"
        raise TransportError(msg)
    return response.blob
