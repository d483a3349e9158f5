"""Looking for the effect of an attempt whose outcome is unknown.

Every search here is consistent with what RT has committed: it searches its database, there is no index that lags. A
comment's marker is a statement of its own after the comment is committed; a comment of ours with the same words,
younger than the first attempt, without a marker and not known already is therefore the same one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.request_tracker import mapping
from connectors.request_tracker.calls.changes import age, rt_clock
from connectors.request_tracker.calls.desk import (
    PAGE,
    PERSON,
    Desk,
    ask,
    decoded,
    quoted,
    rows,
    ticket_path,
    unauthorized,
)
from connectors.request_tracker.calls.fields import differences, rendered
from connectors.request_tracker.calls.reads import author, seen, texts_of, whoami
from connectors.request_tracker.calls.replies import after_reply
from connectors.request_tracker.calls.writes import CREATED, receipt_of
from connectors.request_tracker.mapping import instant, integer, text
from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    Finding,
    Found,
    HttpResponse,
    Intent,
    Operation,
    Receipt,
    TransportError,
    Unsure,
    WriteContext,
    excerpt,
)

#: our clock and RT's may differ by this much when a comment is looked for by its time
SKEW = timedelta(minutes=10)

Row = dict[str, Any]


def probe(desk: Desk, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for an effect; anything that keeps us from looking is Unsure, but for our credentials.

    Raises AuthenticationError when they do not hold.
    """
    try:
        match intent.operation:
            case Operation.CREATE if CREATED not in context.steps:
                return (yield from _created(desk, intent, context))
            case Operation.CREATE:
                status = {"Status": rendered(desk.options, intent)["Status"]}
                return (yield from _fields(desk, status, str(context.steps[CREATED])))
            case Operation.SET_FIELDS:
                return (yield from _fields(desk, rendered(desk.options, intent), context.remote_id))
            case Operation.PUBLIC_REPLY:
                return (yield from _comment(desk, intent, context, "Correspond"))
            case Operation.INTERNAL_NOTE:
                return (yield from _comment(desk, intent, context, "Comment"))
            case _:
                return Absent()
    except TransportError as error:
        return Unsure(str(error))


def _created(desk: Desk, intent: Intent, context: WriteContext) -> Call[Finding]:
    query = f"'CF.{{{desk.options.ticket_marker}}}' = {quoted(context.effect_key)}"
    response = yield from _search(desk, "/tickets", query)
    found = rows(decoded(response))
    if not found:
        return (yield from _unmarked(desk, intent, context, response))
    response = yield desk.ticket(text(found[0].get("id")))
    if not response.ok:
        return Unsure(excerpt(response))
    return Found(receipt_of(seen(desk, response)))


def _unmarked(desk: Desk, intent: Intent, context: WriteContext, answer: HttpResponse) -> Call[Finding]:
    """Look for a ticket of ours with this title that RT left without our mark, as it does where we may not set it.

    It may be the one, or the one of another creation that fared so: that is left to a person. `answer` is RT's last
    one, whose clock it is.
    """
    if not desk.account.login:
        yield from whoami(desk)
    query = f"Creator = {quoted(desk.account.login)} AND Subject = {quoted(mapping.subject(_title(intent)))}"
    if context.first_sent_at is not None:
        began = context.first_sent_at - SKEW
        query += f" AND Created >= '{age(began, rt_clock(answer, context.first_sent_at))}'"
    for row in rows(decoded((yield from _search(desk, "/tickets", query)))):
        response = yield desk.ticket(text(row.get("id")))
        if response.ok and not seen(desk, response).external_id:
            said = f"ticket {text(row.get('id'))} has this title and is of our account, without our mark"
            why = f"grant ModifyCustomField on {desk.options.ticket_marker}, and look whether that ticket is the one"
            return Unsure(f"{said}: {why}", lasting=True)
    return Absent()


def _title(intent: Intent) -> str:
    return str(intent.fields.get("title") or "")


def _search(desk: Desk, path: str, query: str) -> Call[HttpResponse]:
    """Search; raises TransportError when RT refuses the query, so that no answer is never read as "not there"."""
    params = {"query": query, "orderby": "id", "per_page": "10"}
    response = yield desk.request("GET", path, params=params, label="look for our marker")
    if unauthorized(response):
        msg = f"RT does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if not response.ok:
        msg = f"RT could not search: {excerpt(response)}"
        raise TransportError(msg)
    return response


def _fields(desk: Desk, wanted: dict[str, Any], remote_id: str) -> Call[Finding]:
    response = yield desk.ticket(remote_id)
    if response.status in {403, 404}:
        # looking again will not help: RT says what it thinks of it when it is written again
        return Absent()
    if not response.ok:
        return Unsure(excerpt(response))
    ticket = seen(desk, response)
    return Absent() if differences(wanted, ticket) else Found(receipt_of(ticket))


def _comment(desk: Desk, intent: Intent, context: WriteContext, kind: str) -> Call[Finding]:
    """By marker first, then by words, author and time.

    What RT does not show us is there all the same: a search for tickets by the mark of a message asks for no right to
    read that message (RT 5.0.3).
    """
    marker = f"CF.{{{desk.options.comment_marker}}}"
    query = f"'{marker}' = {quoted(context.effect_key)}"
    for row in rows(decoded((yield from _search(desk, "/transactions", query)))):
        return Found((yield from _receipt(desk, context, text(row.get("id")), reply=kind == "Correspond")))
    for number in (yield from alike(desk, intent, context, kind)):
        return Found((yield from _receipt(desk, context, number, reply=kind == "Correspond")))
    if rows(decoded((yield from _search(desk, "/tickets", f"'Txn{marker}' = {quoted(context.effect_key)}")))):
        return Found(Receipt(remote_id=context.remote_id, key=f"#{context.remote_id}"))
    return Absent()


def alike(desk: Desk, intent: Intent, context: WriteContext, kind: str) -> Call[list[str]]:
    """Return our unmarked messages with these very words that are younger than the first attempt, oldest first."""
    if intent.comment is None:
        return []
    if not desk.account.login:
        yield from whoami(desk)
    candidates = yield from _candidates(desk, context, kind)
    if not candidates:
        return []
    wanted = mapping.plain(intent.comment.body)
    texts = yield from texts_of(desk, context.remote_id, set(candidates))
    return [number for number in candidates if number in texts and texts[number][0] == wanted]


def _candidates(desk: Desk, context: WriteContext, kind: str) -> Call[list[str]]:
    """Return our unmarked messages of this kind that are younger than the first attempt, oldest first."""
    since = context.first_sent_at - SKEW if context.first_sent_at else None
    found: list[str] = []
    page = 1
    while True:
        answer = yield from ask(
            desk.request(
                "GET",
                f"{ticket_path(context.remote_id)}/history",
                params={
                    "fields": "Type,Creator,Created,CustomFields",
                    "fields[Creator]": PERSON,
                    "orderby": "id",
                    "order": "DESC",
                    "per_page": str(PAGE),
                    "page": str(page),
                },
                label="look for our comment",
            )
        )
        items = rows(answer)
        found += [text(row.get("id")) for row in items if _ours(desk, row, context, kind)]
        oldest = instant(items[-1].get("Created")) if items else None
        if not items or (since is not None and oldest is not None and oldest < since):
            return sorted(found, key=lambda number: integer(number) or 0)
        page += 1


def _ours(desk: Desk, row: Row, context: WriteContext, kind: str) -> bool:
    at = instant(row.get("Created"))
    young = context.first_sent_at is None or (at is not None and at >= context.first_sent_at - SKEW)
    marked = mapping.marker_in(mapping.custom_fields(row.get("CustomFields")), desk.options.comment_marker)
    return (
        row.get("Type") == kind
        and young
        and not marked
        and text(row.get("id")) not in context.known_comments
        and desk.account.is_us(author(desk, row)) is True
    )


def _receipt(desk: Desk, context: WriteContext, number: str, *, reply: bool) -> Call[Receipt]:
    """Return what is known of a message that landed; RT's own changes after a reply are newer than its number."""
    receipt = Receipt(
        remote_id=context.remote_id,
        key=f"#{context.remote_id}",
        url=mapping.web_address(desk.options.base, context.remote_id),
        version=0 if reply else integer(number) or 0,
        change_ids=(f"txn:{number}", number),
        comment_id=number,
    )
    return (yield from after_reply(desk, receipt, "")) if reply else receipt
