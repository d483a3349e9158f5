"""Looking for what a write left behind: reads only, and never a guess.

A thread is known by the mark that its text opens with; where the desk has taken that away, one without any mark counts
by content: same words, same readers, our user, new since the first attempt, and none that we know already. A
conversation is known by our key in a custom field where the settings name one, else by its first thread.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.content import from_html, to_html
from connectors.helpscout import mapping, reads, rendering
from connectors.helpscout.account import Account
from connectors.helpscout.asking import (
    API,
    MAX_PAGES,
    ask,
    conversation_path,
    decoded,
    embedded,
    every,
    get,
    own_user,
    pages_of,
)
from connectors.helpscout.mapping import Json, ident, moment, obj, text
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
    Receipt,
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

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, intent, context))
        if intent.comment is not None:
            return (yield from _commented(account, intent, context))
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def _created(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    found = yield from _conversations(account, intent, context)
    if found is None:
        return Unsure("nothing says since when to look, or there is too much to look through")
    if not found:
        return Absent()
    number = ident(found[0].get("id"))
    whole = yield from reads.read(account, number)
    return Found(rendering.receipt_of(whole)) if whole is not None else Found(Receipt(remote_id=number))


def _conversations(account: Account, intent: Intent, context: WriteContext) -> Call[list[Json] | None]:
    """Return the conversations that a creation made, the first one first, of those made since the first attempt."""
    if context.first_sent_at is None:
        return None
    since = context.first_sent_at - GRAIN
    wanted = rendering.creation(account, intent, context)
    marked: list[Json] = []
    alike: list[Json] = []
    for page in range(1, MAX_PAGES + 1):
        params = {"status": "all", "sortField": "createdAt", "sortOrder": "desc", "page": str(page)}
        request = get(f"{API}/conversations", "look for the conversation", mailbox=str(wanted["mailboxId"]), **params)
        response = yield from ask(request, none=())
        body = decoded(response) if response is not None else {}
        records = embedded(body, "conversations")
        for data in records:
            at = moment(data.get("createdAt"))
            if at is None or at < since or text(data.get("subject")) != wanted["subject"]:
                continue
            mark = yield from _mark(account, data)
            if mark is not None and mark[0] == context.effect_key:
                marked.append(data)
            elif mark is not None and not mark[0] and mark[1] == _words(wanted["threads"][0]["text"]):
                alike.append(data)
        oldest = moment(records[-1].get("createdAt")) if records else None
        if not records or page >= pages_of(body) or (oldest is not None and oldest < since):
            return list(reversed(marked or ([] if account.marker else alike)))
    return None


def _mark(account: Account, data: Json) -> Call[tuple[str, str] | None]:
    """Return the mark of a conversation and the words of its first thread; None of one that is not of the API."""
    if account.marker:
        return mapping.key_in(data.get("customFields"), account), ""
    if text(obj(data.get("source")).get("type")).lower() not in {"api", "coreapi", ""}:
        return None
    threads = yield from every(f"{conversation_path(ident(data.get('id')))}/threads", "threads", "look at its text")
    said = mapping.in_order([each for each in threads or [] if mapping.is_said(each)])
    body = text(said[0].get("body")) if said else ""
    return mark_of(body), _words(body)


def _words(html: str) -> str:
    return " ".join(from_html(html).markdown.split())


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the conversation with what was written."""
    wanted = rendering.fields(account, intent)
    response = yield from ask(get(conversation_path(context.remote_id), "look at the fields"), none=(301, 403, 404))
    data = decoded(response) if response is not None else {}
    shown = mapping.ticket(data, account)
    if shown is None or not all(rendering.holds(name, value, data, shown) for name, value in wanted.items()):
        return Absent()
    return Found(rendering.receipt_of(shown))


def _commented(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    found = yield from _threads(account, intent, context)
    if found is None:
        return Unsure(f"conversation {context.remote_id} is not there, so its threads cannot be looked at")
    if not found:
        return Absent()
    said = mapping.comment(found[0], account, context.remote_id)
    files = tuple(one.remote_id for one in said.attachments)
    return Found(
        Receipt(context.remote_id, comment_id=said.remote_id, change_ids=(said.remote_id,), file_ids=files, at=said.at)
    )


def _threads(account: Account, intent: Intent, context: WriteContext) -> Call[list[Json] | None]:
    """Return the threads that are an update's, the first one first; None where the conversation is not there."""
    listed = yield from every(f"{conversation_path(context.remote_id)}/threads", "threads", "look for the thread")
    if listed is None:
        return None
    own = [each for each in mapping.in_order(listed) if mapping.is_said(each) and not _is_customers(each)]
    marked = [each for each in own if mark_of(text(each.get("body"))) == context.effect_key]
    if marked:
        return marked
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    alike = [each for each in own if _is_alike(account, each, intent, context, since)]
    us = (yield from own_user(account)) if alike else ""
    return [each for each in alike if not us or ident(obj(each.get("createdBy")).get("id")) in {"", us}]


def _is_customers(thread: Json) -> bool:
    return text(obj(thread.get("createdBy")).get("type")).lower() == "customer"


def _is_alike(account: Account, thread: Json, intent: Intent, context: WriteContext, since: datetime | None) -> bool:
    """Say whether a thread reads as the one that was written, and is not known to be another."""
    said = mapping.comment(thread, account, context.remote_id)
    if said.remote_id in context.known_comments or said.marker or (since is not None and said.at < since):
        return False
    if (said.visibility.value == "public") is not rendering.is_public(intent):
        return False
    return mapping.same_text(from_html(to_html(rendering.comment_text(intent))).markdown, said.body)


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the effects of an update that has landed."""
    if intent.operation is Operation.CREATE:
        records = (yield from _conversations(account, intent, context)) or []
    elif intent.comment is not None:
        records = (yield from _threads(account, intent, context)) or []
    else:
        return Sighting()
    return Sighting(copies=tuple(Copy(ident(each.get("id")), moment(each.get("createdAt"))) for each in records))
