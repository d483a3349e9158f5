"""Files of issues: each is put there by a request of its own, and found again by name, size, author and time."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from connectors.jira.asking import ask, complaint, decoded, get, issue_path
from connectors.jira.mapping import Json, account_of, ident, moment, obj, objects, text
from connectors.jira.options import Options
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
    NotSent,
    Outcome,
    Part,
    Receipt,
    Rejected,
    TransportError,
    Unknown,
    Unsure,
    WriteContext,
    classify,
    retry_after,
)

#: how far Jira's clock may stand from ours
GRAIN = timedelta(minutes=5)


def attach(options: Options, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Put one file on an issue. The header keeps Jira from taking the request for a forged form."""
    if len(intent.attachments) != 1:
        return Rejected("one file at a time can be put on an issue")
    file = intent.attachments[0]
    response = yield HttpRequest(
        "POST",
        f"{issue_path(options, context.remote_id)}/attachments",
        Effect.WRITE,
        headers={"Accept": "application/json", "X-Atlassian-Token": "no-check"},
        parts=(Part("file", Blob(file.sha256, file.size), file.name, file.mime),),
        label="attach",
    )
    if response.status in {409, 423}:
        return NotSent(complaint(response), retry_after(response))
    outcome = classify(response)
    if outcome is not None:
        return Rejected(complaint(response)) if isinstance(outcome, Rejected) else outcome
    made = objects(decoded(response))
    number = ident(made[0].get("id")) if made else ""
    if not number:
        return Unknown(f"Jira's answer is no file: {complaint(response)}")
    return Done(_receipt(context, made[0]))


def probe(options: Options, intent: Intent, context: WriteContext, us: str) -> Call[Finding]:
    """Look for a file of ours among those of the issue."""
    request = get(issue_path(options, context.remote_id), "look for the file", fields="attachment")
    data = yield from ask(request)
    if data is None:
        return Unsure(f"issue {context.remote_id} is not there, so its files cannot be looked at")
    wanted = intent.attachments[0] if intent.attachments else None
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    for item in objects(obj(data.get("fields")).get("attachment")):
        at = moment(item.get("created"))
        if (
            wanted is not None
            and ident(item.get("id")) not in context.known_files
            and text(item.get("filename")) == wanted.name
            and item.get("size") == wanted.size
            and account_of(obj(item.get("author"))) == us
            and not (since is not None and at is not None and at < since)
        ):
            return Found(_receipt(context, item))
    return Absent()


def _receipt(context: WriteContext, item: Json) -> Receipt:
    number = ident(item.get("id"))
    return Receipt(
        remote_id=context.remote_id, file_ids=(number,), change_ids=(number,), at=moment(item.get("created"))
    )


def fetch(options: Options, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file: from Cloud at once, where it is asked not to send us elsewhere; from where Data Center says."""
    if not ident(attachment.remote_id):
        return None
    params: dict[str, str] = {}
    if options.cloud:
        url, params = f"{options.api}/attachment/content/{attachment.remote_id}", {"redirect": "false"}
    else:
        url = attachment.url
        if not url.startswith(f"{options.url}/"):
            data = yield from ask(get(f"{options.api}/attachment/{attachment.remote_id}", "look for the file"))
            url = text((data or {}).get("content"))
        if not url:
            return None
    # names are written into addresses as they are by some older ones
    address = quote(url, safe="/:?&=%+,;@!$'()*~#[]")
    response = yield HttpRequest("GET", address, params=params, keep=True, label="read a file")
    if response.status in {403, 404}:
        return None
    if not response.ok:
        msg = f"Jira did not give the file: {complaint(response)}"
        raise TransportError(msg)
    return response.blob
