"""Files of a record, by the Attachment API: each is a request of its own, and stands beside the record."""

from __future__ import annotations

from datetime import timedelta

from connectors.sdk import (
    Absent,
    Attachment,
    Blob,
    Call,
    Done,
    Effect,
    Finding,
    Found,
    HttpRequest,
    Intent,
    Outcome,
    Receipt,
    Rejected,
    TransportError,
    Unknown,
    WriteContext,
    classify,
    excerpt,
)
from connectors.servicenow.account import Account
from connectors.servicenow.asking import ACCEPT, API, complaint, decoded, require
from connectors.servicenow.mapping import Json, count, is_sys_id, moment, obj, plain
from connectors.servicenow.reads import files_of, our_login

GRAIN = timedelta(minutes=5)


def attach(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Put one file on a record; its bytes are the body, its type the content type."""
    file = intent.attachments[0]
    where = {"table_name": account.table, "table_sys_id": context.remote_id, "file_name": file.name}
    response = yield HttpRequest(
        "POST",
        f"{API}/attachment/file",
        Effect.WRITE,
        where,
        {**ACCEPT, "Content-Type": _mime(file)},
        body=Blob(file.sha256, file.size),
        label="attach",
    )
    outcome = classify(response)
    if isinstance(outcome, Rejected):
        return Rejected(complaint(response))
    if outcome is not None:
        return outcome
    row = obj((decoded(response) or {}).get("result"))
    number = plain(row.get("sys_id"))
    if not is_sys_id(number) or plain(row.get("table_sys_id")) != context.remote_id:
        return Unknown(f"ServiceNow's answer is not the file that was sent: {excerpt(response)}")
    return Done(_receipt(row))


def _mime(file: Attachment) -> str:
    return (
        file.mime
        if file.mime.isascii() and "/" in file.mime and file.mime.isprintable()
        else "application/octet-stream"
    )


def _receipt(row: Json) -> Receipt:
    number = plain(row.get("sys_id"))
    return Receipt(change_ids=(number,), file_ids=(number,), at=moment(row.get("sys_created_on")))


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for a file of ours by name, size and time, and by its hash where the desk says it."""
    file = intent.attachments[0]
    login = yield from our_login(account)
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    for row in (yield from files_of(context.remote_id)):
        at, said = moment(row.get("sys_created_on")), plain(row.get("hash")).lower()
        if plain(row.get("sys_id")) in context.known_files or plain(row.get("sys_created_by")) != login:
            continue
        if plain(row.get("file_name")) != file.name or count(row.get("size_bytes")) != file.size:
            continue
        if (since is None or at is None or at >= since) and said in {"", file.sha256}:
            return Found(_receipt(row))
    return Absent()


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when it is not there or out of our sight."""
    if not is_sys_id(attachment.remote_id):
        return None
    request = HttpRequest("GET", f"{API}/attachment/{attachment.remote_id}/file", keep=True, label="read a file",
                          headers={"Accept": "*/*"})  # fmt: skip
    response = yield request
    if response.status in {403, 404}:
        return None
    require(request, response)
    if response.blob is None:
        msg = "the file did not come"
        raise TransportError(msg)
    return response.blob
