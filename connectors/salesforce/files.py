"""Files on cases: what Salesforce calls files (ContentVersion, shown by a ContentDocumentLink) and older attachments.

A file is uploaded first, into our user's own library where nobody sees it, and that step is kept. Then it is linked to
the case, which Salesforce does once for a document: the second link is refused, so a lost answer is harmless.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from datetime import datetime

import msgspec

from connectors.salesforce.account import Account
from connectors.salesforce.asking import ABSENT, ask, codes, complaint, decoded, every, quoted, request, select, soql
from connectors.salesforce.ids import full_id, is_case_id
from connectors.salesforce.mapping import Json, moment, obj, objects, said_true, text
from connectors.salesforce.refusing import refusal
from connectors.sdk import (
    Absent,
    Attachment,
    Blob,
    Call,
    Done,
    Effect,
    Finding,
    Found,
    Intent,
    NotSent,
    Outcome,
    Part,
    Progress,
    Receipt,
    Rejected,
    Throttled,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
)

DOCUMENT, ATTACHMENT = "069", "00P"
#: step of a file that is uploaded and not shown yet: its document
UPLOADED = "document"
#: who sees a file on a record: everybody who sees the record, or those who work there
PUBLIC, INTERNAL = "AllUsers", "InternalUsers"
LINKED = (
    "ContentDocumentId, LinkedEntityId, Visibility, ContentDocument.Title, ContentDocument.FileExtension, "
    "ContentDocument.ContentSize, SystemModstamp"
)
ATTACHED = "Id, ParentId, Name, ContentType, BodyLength, IsPrivate, SystemModstamp"
#: records of which the files are asked for at once
MANY = 100

# names of types as Python knows them, without what the machine's own files add
_types = mimetypes.MimeTypes(filenames=())


def files_of(account: Account, numbers: Sequence[str]) -> Call[tuple[dict[str, list[Attachment]], list[datetime]]]:
    """Return the files of a case and its e-mails, by the record that each hangs on, and when each was put there."""
    put: list[datetime] = []
    found: dict[str, list[Attachment]] = {number: [] for number in numbers}
    for start in range(0, len(numbers), MANY):
        among = ", ".join(quoted(number) for number in numbers[start : start + MANY])
        links = yield from every(account, soql(LINKED, "ContentDocumentLink", f"LinkedEntityId IN ({among})"), "files")
        for row in links or ():
            _put(found, text(row.get("LinkedEntityId")), _linked(row))
        older = yield from every(account, soql(ATTACHED, "Attachment", f"ParentId IN ({among})"), "attachments")
        for row in older or ():
            _put(found, text(row.get("ParentId")), _attached(row))
        put += [at for row in (*(links or ()), *(older or ())) if (at := moment(row.get("SystemModstamp"))) is not None]
    return {number: sorted(files, key=lambda one: one.remote_id) for number, files in found.items()}, put


def _put(found: dict[str, list[Attachment]], number: str, file: Attachment) -> None:
    if file.remote_id:
        found.setdefault(full_id(number), []).append(file)


def _linked(row: Json) -> Attachment:
    document = obj(row.get("ContentDocument"))
    title, ending = text(document.get("Title")), text(document.get("FileExtension"))
    named = not ending or title.lower().endswith(f".{ending.lower()}")
    name = title if named else f"{title}.{ending}"
    seen = Visibility.PUBLIC if row.get("Visibility") == PUBLIC else Visibility.INTERNAL
    size = document.get("ContentSize")
    return Attachment(
        name or "file",
        mime_of(name),
        size if type(size) is int and size >= 0 else 0,
        full_id(text(row.get("ContentDocumentId"))),
        visibility=seen,
    )


def _attached(row: Json) -> Attachment:
    """Read an attachment of the older kind: everybody who sees the case sees it, unless it is private."""
    name, size = text(row.get("Name")), row.get("BodyLength")
    return Attachment(
        name or "attachment",
        text(row.get("ContentType")) or mime_of(name),
        size if type(size) is int and size >= 0 else 0,
        full_id(text(row.get("Id"))),
        visibility=Visibility.INTERNAL if said_true(row.get("IsPrivate")) else Visibility.PUBLIC,
    )


def mime_of(name: str) -> str:
    """Return the type of a file by its name."""
    return _types.guess_type(name, strict=False)[0] or "application/octet-stream"


def fetch(account: Account, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file: of a document its latest version."""
    number = full_id(attachment.remote_id)
    if number.startswith(ATTACHMENT):
        path = f"{account.root}/sobjects/Attachment/{number}/Body"
    elif number.startswith(DOCUMENT):
        query = soql("LatestPublishedVersionId", "ContentDocument", f"Id = {quoted(number)}")
        body = yield from ask(select(account, query, "the latest version"), none=ABSENT)
        rows = objects(obj(body).get("records"))
        version = full_id(text(rows[0].get("LatestPublishedVersionId"))) if rows else ""
        if not version:
            return None
        path = f"{account.root}/sobjects/ContentVersion/{version}/VersionData"
    else:
        return None
    response = yield request("GET", path, "fetch a file", keep=True, headers={"Accept": "*/*"})
    if response.ok and response.blob is not None:
        return response.blob
    if response.status in {404, 410}:
        return None
    # what it is else, is said by the same words as of any read
    yield from ask(request("GET", path, "fetch a file"))
    return None


def attach(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Upload one file, then show it on the case: an attempt each."""
    number = full_id(context.remote_id)
    if not is_case_id(number) or not intent.attachments:
        return Rejected(f"{context.remote_id!r} is not the id of a case, or no file is to be put there")
    document = text(context.steps.get(UPLOADED))
    if not document:
        return (yield from _upload(account, intent.attachments[0]))
    seen = PUBLIC if intent.attachments[0].visibility is Visibility.PUBLIC else INTERNAL
    link = {"ContentDocumentId": document, "LinkedEntityId": number, "ShareType": "V", "Visibility": seen}
    path = f"{account.root}/sobjects/ContentDocumentLink"
    response = yield request("POST", path, "attach", Effect.WRITE, json=link)
    receipt = Receipt(file_ids=(document,), change_ids=(document,))
    if "DUPLICATE_VALUE" in codes(response):
        return Done(receipt)
    refused = refusal(response)
    if refused is not None:
        return refused
    made = obj(decoded(response))
    if response.status != 201 or made.get("success") is not True:
        return Unknown(f"Salesforce's answer is no link to a file: {complaint(response)}")
    return Done(receipt)


def _upload(account: Account, file: Attachment) -> Call[Outcome]:
    """Upload a file that nobody sees yet; whatever goes wrong, nothing has taken effect."""
    about = msgspec.json.encode({"Title": file.name[:255], "PathOnClient": file.name[:500]}).decode()
    parts = (
        Part("entity_content", about, mime="application/json"),
        Part("VersionData", Blob(file.sha256, file.size), filename=file.name, mime=file.mime),
    )
    path = f"{account.root}/sobjects/ContentVersion"
    response = yield request("POST", path, "upload", Effect.STAGE, parts=parts)
    refused = refusal(response)
    if isinstance(refused, Rejected | Throttled | Unauthorized):
        return refused
    version = full_id(text(obj(decoded(response)).get("id")))
    if refused is not None or not version:
        return NotSent(f"the file could not be uploaded: {complaint(response)}")
    query = soql("ContentDocumentId", "ContentVersion", f"Id = {quoted(version)}")
    rows = objects(obj((yield from ask(select(account, query, "the document")))).get("records"))
    document = full_id(text(rows[0].get("ContentDocumentId"))) if rows else ""
    return Progress({UPLOADED: document}) if document else NotSent("Salesforce does not show what was uploaded")


def probe(account: Account, context: WriteContext) -> Call[Finding]:
    """Look whether the uploaded document is shown on the case; one that was never uploaded cannot be."""
    document, number = text(context.steps.get(UPLOADED)), full_id(context.remote_id)
    if not document:
        return Absent()
    where = f"LinkedEntityId = {quoted(number)} AND ContentDocumentId = {quoted(document)}"
    rows = yield from every(account, soql("Id", "ContentDocumentLink", where), "look for the file")
    return Found(Receipt(file_ids=(document,), change_ids=(document,))) if rows else Absent()
