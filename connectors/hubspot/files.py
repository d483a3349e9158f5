"""Files at HubSpot: uploaded on their own, unseen, and then named by a note, a reply or a ticket.

Each goes into a folder named by its content, where an upload that is repeated gives the file that is there [6].
"""

from __future__ import annotations

import msgspec

from connectors.hubspot.asking import ask, decoded, get, path_part
from connectors.hubspot.mapping import ident, text
from connectors.sdk import (
    Attachment,
    Blob,
    Call,
    Effect,
    HttpRequest,
    HttpResponse,
    Intent,
    Outcome,
    Part,
    TransportError,
    Unknown,
    classify,
    excerpt,
)

FILES = "/files/v3/files"
#: where signed addresses of files lead: HubSpot's own delivery hosts
HOSTS = ("*.hubspotusercontent-na1.net", "*.hubspotusercontent-eu1.net", "*.hubspotusercontent00.net",
         "*.hubspot.com", "*.hubspot.net", "*.hubapi.com")  # fmt: skip
FOLDER = "/gateway"
TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "svg": "image/svg+xml", "pdf": "application/pdf", "txt": "text/plain", "log": "text/plain", "csv": "text/csv",
    "json": "application/json", "xml": "application/xml", "html": "text/html", "zip": "application/zip",
    "doc": "application/msword", "xls": "application/vnd.ms-excel", "mp4": "video/mp4", "mp3": "audio/mpeg",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


class RefusedError(Exception):
    """An upload was refused, so that nothing was written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def upload(intent: Intent, *, public: bool) -> Call[tuple[str, ...]]:
    """Bring the files of an intent to HubSpot and return their ids there; raises RefusedError.

    Only those of a reply can be opened by whoever has their address; no search engine is told of any.
    """
    found = []
    for each in intent.attachments:
        if not each.sha256:
            continue
        response = yield _upload(each, public=public)
        number = ident((decoded(response) or {}).get("id"))
        if not response.ok or not number:
            raise RefusedError(classify(response) or Unknown(f"HubSpot's answer is no file: {excerpt(response)}"))
        found.append(number)
    return tuple(found)


def _upload(file: Attachment, *, public: bool) -> HttpRequest:
    options = {
        "access": "PUBLIC_NOT_INDEXABLE" if public else "PRIVATE",
        "duplicateValidationStrategy": "RETURN_EXISTING",
        "duplicateValidationScope": "EXACT_FOLDER",
    }
    where = f"{FOLDER}/{'public' if public else 'private'}/{file.sha256}"
    return HttpRequest(
        "POST",
        FILES,
        Effect.STAGE,
        headers={"Accept": "application/json"},
        parts=(
            Part("file", Blob(file.sha256, file.size), file.name, file.mime),
            Part("options", msgspec.json.encode(options).decode()),
            Part("folderPath", where),
        ),
        label="upload a file",
    )


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file by an address that HubSpot signs for a while."""
    if not attachment.remote_id:
        return None
    request = get(f"{FILES}/{path_part(attachment.remote_id)}/signed-url", "ask for the file's address")
    body = yield from ask(request, none=(403, 404))
    address = text((body or {}).get("url"))
    if not address:
        return None
    response: HttpResponse = yield HttpRequest("GET", address, label="read the file", keep=True)
    if response.status in {403, 404, 410}:
        return None
    if not response.ok or response.blob is None:
        msg = f"HubSpot did not give the file: HTTP {response.status}"
        raise TransportError(msg)
    return response.blob


def described(attachment: Attachment) -> Call[Attachment]:
    """Return a file with its name, type and size: where it is named, only its id is told."""
    number = attachment.remote_id
    body = yield from ask(get(f"{FILES}/{path_part(number)}", "look at the file"), none=(403, 404))
    if body is None:
        return attachment
    stem, ending = text(body.get("name")), text(body.get("extension"))
    size = body.get("size")
    return msgspec.structs.replace(
        attachment,
        name=f"{stem}.{ending}" if ending and not stem.endswith(f".{ending}") else stem or attachment.name,
        mime=_mime(ending, attachment.mime),
        size=size if type(size) is int and size >= 0 else 0,
    )


def _mime(ending: str, default: str) -> str:
    """Return the type of a file by its ending: HubSpot's own `type` only says IMG, DOCUMENT or the like."""
    return TYPES.get(ending.lower(), default)
