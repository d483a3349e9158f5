"""Reading one ticket whole: the ticket, its history and the texts of its messages, and saying who we are.

RT keeps a message's text apart from its transaction: /ticket/:id/history tells who and when, /ticket/:id/attachments
the words. Totals are null for ordinary accounts and rows that we may not see shrink a page, so a collection ends when
we have what we look for, or at an empty page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from connectors.request_tracker import mapping
from connectors.request_tracker.calls.desk import PAGE, PERSON, Desk, ask, decoded, etag, require, rows, ticket_path
from connectors.request_tracker.mapping import integer, text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Call,
    HttpResponse,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
    Visibility,
    excerpt,
)

Row = dict[str, Any]

#: bounds a collection that never ends (a defect of the desk): 100,000 rows
MAX_PAGES = 1000

HISTORY = "Type,Creator,Created,ObjectId,Field,OldValue,NewValue,CustomFields"
TEXTS = (
    '[{"field":"Filename","operator":"IS","value":"NULL"},{"field":"ContentType","operator":"LIKE","value":"text/"}]'
)
FILES = '[{"field":"Filename","operator":"IS NOT","value":"NULL"}]'


def read(desk: Desk, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket with all its comments; None when it is not there or out of our sight.

    RT answers a merged ticket's number with the ticket that it was merged into: the result then only says so. A
    deleted ticket can still be read.
    """
    response = yield desk.ticket(remote_id)
    if response.status in {403, 404}:
        return None
    require(response)
    ticket = seen(desk, response)
    if ticket.remote_id != remote_id:
        return msgspec.structs.replace(
            ticket,
            remote_id=remote_id,
            merged_into=ticket.remote_id,
            url=mapping.web_address(desk.options.base, remote_id),
        )
    requester = yield from _requester(desk, ticket.requester if ticket.requester is not msgspec.UNSET else None)
    history = yield from _history(desk, ticket.remote_id, ticket.version)
    said = [row for row in history if text(row.get("Type")) in {"Create", "Correspond", "Comment"}]
    texts = yield from texts_of(desk, ticket.remote_id, {text(row.get("id")) for row in said})
    files = yield from _files(desk, ticket.remote_id)
    first = next((row for row in said if row.get("Type") == "Create"), None)
    body = texts.get(text(first.get("id")), ("", "plain"))[0] if first else ""
    comments = (
        comment_of(desk, row, texts, files.get(text(row.get("id")), ())) for row in said if row.get("Type") != "Create"
    )
    return msgspec.structs.replace(
        ticket,
        requester=requester,
        body=body,
        comments=tuple(comment for comment in comments if comment.body or comment.attachments),
        complete=True,
    )


def seen(desk: Desk, response: HttpResponse) -> RemoteTicket:
    """Read the answer to `Desk.ticket`; raises TransportError when it is not a ticket."""
    value = decoded(response)
    if not isinstance(value, dict) or not value.get("id"):
        msg = f"RT's answer is not a ticket: {excerpt(response)}"
        raise TransportError(msg)
    version, token = etag(response)
    options = desk.options
    return mapping.ticket(
        value, version=version, token=token, base=options.base, words=options.words, marker=options.ticket_marker
    )


def comment_of(
    desk: Desk, row: Row, texts: dict[str, tuple[str, str]], files: tuple[Attachment, ...] = ()
) -> RemoteComment:
    """Read one correspondence or comment of the history."""
    number = text(row.get("id"))
    body, source = texts.get(number, ("", "plain"))
    return RemoteComment(
        remote_id=number,
        at=mapping.instant(row.get("Created")) or mapping.EPOCH,
        body=body,
        visibility=Visibility.PUBLIC if row.get("Type") == "Correspond" else Visibility.INTERNAL,
        author=author(desk, row),
        marker=mapping.marker_in(mapping.custom_fields(row.get("CustomFields")), desk.options.comment_marker),
        source_format=source,
        attachments=files,
    )


def author(desk: Desk, row: Row) -> RemotePerson | None:
    """Return who made a transaction; on the way we learn our own login."""
    creator = row.get("Creator")
    if isinstance(creator, dict):
        desk.account.learn(creator.get("id"), creator.get("Name"))
    return mapping.user(creator)


def texts_of(desk: Desk, remote_id: str, wanted: set[str]) -> Call[dict[str, tuple[str, str]]]:
    """Return transaction id -> (canonical body, source format); HTML is preferred to the text beside it."""
    found: dict[str, tuple[str, str]] = {}

    def take(row: Row) -> None:
        number, kind = text(row.get("TransactionId")), text(row.get("ContentType"))
        if number in wanted and (number not in found or (kind == "text/html" and found[number][1] != "html")):
            found[number] = mapping.markdown(text(row.get("Content")), kind)

    yield from each(
        desk,
        f"{ticket_path(remote_id)}/attachments",
        {"fields": "TransactionId,ContentType,Content", "query": TEXTS},
        take,
        lambda _: wanted <= set(found),
    )
    return found


def each(
    desk: Desk,
    path: str,
    params: dict[str, str],
    take: Callable[[Row], None],
    done: Callable[[list[Row]], bool],
) -> Call[None]:
    """Hand every row of a collection to `take`, page by page, until an empty page or until `done` after a short one."""
    for page in range(1, MAX_PAGES + 1):
        query = {**params, "per_page": str(PAGE), "page": str(page)}
        answer = yield from ask(desk.request("GET", path, params=query, label=f"read {path.rpartition('/')[2]}"))
        found = rows(answer)
        for row in found:
            take(row)
        if not found or (len(found) < PAGE and done(found)):
            return


def _history(desk: Desk, remote_id: str, version: int) -> Call[list[Row]]:
    """Return the ticket's own transactions in order, without those of tickets merged into it."""
    found: list[Row] = []
    yield from each(
        desk,
        f"{ticket_path(remote_id)}/history",
        {"fields": HISTORY, "fields[Creator]": PERSON},
        found.append,
        lambda page: bool(version) and max(integer(row.get("id")) or 0 for row in page) >= version,
    )
    return [row for row in found if text(row.get("ObjectId")) in {remote_id, ""}]


def _files(desk: Desk, remote_id: str) -> Call[dict[str, tuple[Attachment, ...]]]:
    """Return transaction id -> the files that hang on it, without their bytes."""
    found: dict[str, tuple[Attachment, ...]] = {}

    def take(row: Row) -> None:
        number, identity = text(row.get("TransactionId")), text(row.get("id"))
        file = Attachment(
            name=text(row.get("Filename")),
            mime=text(row.get("ContentType")),
            size=integer(row.get("ContentLength")) or 0,
            remote_id=identity,
        )
        found[number] = (*found.get(number, ()), file)

    fields = {"fields": "TransactionId,ContentType,Filename,ContentLength", "query": FILES}
    yield from each(desk, f"{ticket_path(remote_id)}/attachments", fields, take, lambda _: False)
    return found


def _requester(desk: Desk, asked: RemotePerson | None) -> Call[RemotePerson | None]:
    """Return the requester by address, as webhooks name them; RT's ticket gives the login only."""
    if asked is None or asked.email:
        return asked
    found = yield from ask(desk.request("GET", f"/user/{asked.external_id}", label="read requestor"))
    email = text(found.get("EmailAddress")) if isinstance(found, dict) else ""
    return RemotePerson(email=email) if email else asked


def whoami(desk: Desk) -> Call[Identity]:
    """Say who we are: by the user number in the token, or by the login of the settings.

    Raises AuthenticationError when the credentials do not hold or do not say who they belong to.
    """
    known = str(desk.account.number or desk.account.login)
    if not known:
        msg = "this token does not say whose it is: give `account:`, the login of the gateway's user in RT"
        raise AuthenticationError(msg)
    found = yield from ask(desk.request("GET", f"/user/{known}", label="who are we"))
    login = text(found.get("Name")) if isinstance(found, dict) else ""
    if not login:
        msg = f"RT shows no user {known} to this account: give `account:`, or grant it ShowUser"
        raise AuthenticationError(msg)
    desk.account.learn(desk.account.number, login)
    email, name = text(found.get("EmailAddress")), text(found.get("RealName"))
    return Identity(RemotePerson(external_id=login, email=email, name=name, role="agent"), f"user {login} of RT")
