"""Looking for what a write left behind: reads only, and never a guess.

A ticket is known by our key in its custom field, looked for in the list of tickets, which goes by time of creation and
is the desk's own record; the search sees new tickets only minutes later, so that it can find and never deny. A comment
is known by the mark that its text opens with. Where a desk has taken that away, one without any mark of ours counts by
content: same words, same visibility, ours, new since the first attempt, and none that we know already.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.content import from_html, to_html
from connectors.freshdesk import mapping, rendering
from connectors.freshdesk.account import Account
from connectors.freshdesk.asking import (
    API,
    MAX_PAGES,
    PAGE,
    ask,
    decoded,
    every,
    get,
    goes_on,
    listed,
    own_id,
    ticket_path,
    unwrapped,
)
from connectors.freshdesk.mapping import Json, ident, moment, obj, text
from connectors.freshdesk.reads import stamp
from connectors.marks import mark_of
from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    Copy,
    Finding,
    Found,
    Intent,
    Operation,
    Sighting,
    TransportError,
    Unsure,
    WriteContext,
)
from gateway.errors import ThrottledError

#: how far the desk's clock may stand from ours when things are compared by time
GRAIN = timedelta(minutes=5)


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the key does not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, context))
        if intent.comment is not None:
            return (yield from _commented(account, intent, context))
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def _created(account: Account, context: WriteContext) -> Call[Finding]:
    """Go through the tickets that were created since the first attempt, newest first."""
    if not account.marker:
        return Unsure("tickets carry no mark of ours here (ticket_marker is empty)")
    if context.first_sent_at is None:
        found = yield from _searched(account, context)
        return Found(rendering.receipt_of(account, found[0])) if found else Unsure("nothing says since when to look")
    since = context.first_sent_at - GRAIN
    params = {"updated_since": stamp(since), "order_by": "created_at", "order_type": "desc", "per_page": str(PAGE)}
    if account.is_freshservice:
        del params["order_by"]
        params |= {"workspace_id": account.workspace_id} if account.workspace_id else {}
    for page in range(1, MAX_PAGES + 1):
        response = yield from ask(get(f"{API}/tickets", "look for the ticket", page=str(page), **params), none=())
        records = listed(account, decoded(response), "tickets") if response is not None else []
        for data in records:
            if _mark(account, data) == context.effect_key:
                return Found(rendering.receipt_of(account, data))
        oldest = moment(records[-1].get("created_at")) if records else None
        if response is None or not goes_on(response, records) or (oldest is not None and oldest < since):
            return Absent()
    return Unsure("the desk lists more tickets than can be looked through")


def _mark(account: Account, data: Json) -> str:
    return text(obj(data.get("custom_fields")).get(account.marker)) if account.marker else ""


def _searched(account: Account, context: WriteContext) -> Call[list[Json]]:
    """Search by the custom field, for what is older than the index is late."""
    query = f"\"{account.marker}:'{context.effect_key}'\""
    path, name = ("tickets/filter", "tickets") if account.is_freshservice else ("search/tickets", "results")
    response = yield from ask(get(f"{API}/{path}", "search for tickets of ours", query=query), none=(400, 403, 404))
    if response is None:
        return []
    records = mapping.objects(obj(decoded(response)).get(name))
    return sorted(
        (each for each in records if _mark(account, each) == context.effect_key),
        key=lambda each: (len(ident(each.get("id"))), ident(each.get("id"))),
    )


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the ticket with what was written."""
    response = yield from ask(get(ticket_path(context.remote_id), "look at the fields"), none=(403, 404))
    data = unwrapped(account, decoded(response), "ticket") if response is not None else {}
    given = rendering.fields(account, intent)
    due = rendering.due(intent, given, data)
    holds = data and all(_holds(data, name, value) for name, value in given.items())
    if holds and due:
        holds = mapping.moment(data.get("due_by")) == mapping.moment(due["due_by"])
    if holds and "body" in intent.fields:
        wanted = from_html(to_html(text(intent.fields["body"]).strip() or rendering.NO_TEXT)).markdown
        there = from_html(text(data.get("description"))).markdown
        holds = " ".join(there.split()).endswith(" ".join(wanted.split()))
    return Found(rendering.receipt_of(account, data)) if holds else Absent()


def _holds(data: Json, name: str, value: object) -> bool:
    there = data.get(name)
    if name == "tags":
        return list(mapping.tags(there)) == value
    if name == "custom_fields":
        return all(str(obj(there).get(each) or "") == str(content or "") for each, content in obj(value).items())
    return bool(there == value)


def _commented(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Go through the conversations: those with our mark first, then those that read like ours."""
    found = yield from _conversations(account, intent, context)
    if found is None:
        return Unsure(f"ticket {context.remote_id} is not there, so its comments cannot be looked at")
    return Found(rendering.comment_receipt(found[0], context)) if found else Absent()


def _conversations(account: Account, intent: Intent, context: WriteContext) -> Call[list[Json] | None]:
    """Return the conversations that are an update's, the first one first; None where the ticket is not there."""
    path = f"{ticket_path(context.remote_id)}/conversations"
    records = yield from every(account, path, "conversations", "look for the comment")
    if records is None:
        return None
    own = [each for each in records if each.get("incoming") is not True]
    marked = [each for each in own if mark_of(text(each.get("body"))) == context.effect_key]
    if marked:
        return marked
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    alike = [each for each in own if _is_alike(each, intent, context, since)]
    if not alike:
        return []
    us = yield from own_id(account)
    return [each for each in alike if not us or ident(each.get("user_id")) in {"", us}]


def _is_alike(data: Json, intent: Intent, context: WriteContext, since: datetime | None) -> bool:
    """Say whether a conversation reads as the one that was written, and is not known to be another."""
    body = text(data.get("body"))
    if ident(data.get("id")) in context.known_comments or mark_of(body):
        return False
    at = moment(data.get("created_at"))
    if since is not None and at is not None and at < since:
        return False
    if (data.get("private") is False) is not rendering.is_public(intent):
        return False
    wanted = from_html(to_html(rendering.comment_text(intent))).markdown
    return mapping.same_text(wanted, from_html(body).markdown)


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the effects of an update that has landed, long after the index has seen them."""
    us = yield from own_id(account)
    if intent.operation is Operation.CREATE:
        records = yield from _searched(account, context)
    elif intent.comment is not None:
        found = (yield from _conversations(account, intent, context)) or []
        records = [each for each in found if ident(each.get("user_id")) in {"", us} or not us]
    else:
        return Sighting()
    return Sighting(copies=tuple(Copy(ident(each.get("id")), moment(each.get("created_at"))) for each in records))
