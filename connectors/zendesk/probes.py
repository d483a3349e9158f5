"""Looking for the effect of a write whose answer was lost: reads only, and never a guess.

A create is looked up by its external id. A comment is known by our key in its metadata. Because a desk may not give
metadata back with comments, one without any key of ours counts by content: same words, same visibility, ours, new since
the first attempt, and none that we know already.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from connectors.content.references import without_references
from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    Finding,
    Found,
    Intent,
    Operation,
    Receipt,
    TransportError,
    Unsure,
    WriteContext,
)
from connectors.zendesk import mapping, rendering, texts, ticket_fields
from connectors.zendesk.account import Account
from connectors.zendesk.asking import API, MAX_PAGES, PAGE, ask, get, more_after, next_params, ticket_path
from connectors.zendesk.calls import own_id
from connectors.zendesk.mapping import Json, ident, moment, obj, objects, text
from gateway.domain.shown import TAGS, plain_shown
from gateway.errors import ThrottledError

#: how far Zendesk's clock may stand from ours when comments are compared by time
GRAIN = timedelta(minutes=5)


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, context))
        if context.steps.get("closed"):
            found = yield from _created(account, context)
            if isinstance(found, Found):
                return Found(msgspec.structs.replace(found.receipt, followed=True))
            return found
        if intent.comment is not None:
            return (yield from _commented(account, intent, context))
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def _created(account: Account, context: WriteContext) -> Call[Finding]:
    """Look the ticket up by external id: Zendesk answers from its records, not from the search index."""
    marker = mapping.MARKER_PREFIX + context.effect_key
    params = {"page": "1", "per_page": str(PAGE)}
    for page in range(1, MAX_PAGES + 1):
        body = yield from ask(get(f"{API}/tickets.json", "look for the ticket", external_id=marker, **params))
        if body is None:
            return Unsure("Zendesk does not let us look a ticket up by external id")
        listed = objects(body.get("tickets"))
        for data in listed:
            if text(data.get("external_id")) == marker:
                return Found(rendering.receipt_of(account, data, {}))
        if not listed or not more_after(body):
            return Absent()
        # a desk that ignores the filter lists everything: go on to the end before saying that it is not there
        params = next_params(body, page)
    return Unsure("Zendesk lists more tickets than can be looked through")


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the ticket with what was written; where it differs, somebody may have changed it since we wrote."""
    request = get(ticket_path(context.remote_id), "look at the fields")
    body = yield from ask(request, none=frozenset({403, 404}))
    data = obj((body or {}).get("ticket"))
    yield from ticket_fields.resolve(account, rendering.custom_names(intent))
    wanted = rendering.fields(account, intent)
    own = account.own_tags | set(intent.fields.get(TAGS) or ())
    there = set(mapping.tags(data.get("tags")))
    tagged = TAGS not in intent.fields or there & own == set(intent.fields[TAGS] or ())
    data = {**data, "tags": sorted(there - own)} if own and data else data
    if data and tagged and all(_holds(data, name, value) for name, value in wanted.items()):
        return Found(rendering.receipt_of(account, data, {}))
    return (yield from _audited(context)) if data else Absent()


def _audited(context: WriteContext) -> Call[Finding]:
    """Look for our key in the metadata of the ticket's audits.

    Where audits are not for us, or do not show metadata, it is not there. Where they do not answer now, that proves
    nothing: raises TransportError.
    """
    params = {"page": "1", "per_page": str(PAGE)}
    for page in range(1, MAX_PAGES + 1):
        request = get(f"{ticket_path(context.remote_id)}/audits", "look for our change", **params)
        body = yield from ask(request, none=frozenset({403, 404}))
        audits = objects((body or {}).get("audits"))
        for audit in audits:
            if mapping.marker_of(audit) == context.effect_key:
                return Found(Receipt(change_ids=(ident(audit.get("id")),), at=moment(audit.get("created_at"))))
        if body is None or not audits or not more_after(body):
            return Absent()
        params = next_params(body, page)
    return Absent()


def _holds(data: Json, name: str, value: object) -> bool:
    there = data.get(name)
    if name == "tags":
        return sorted(mapping.tags(there)) == value
    if name == "custom_fields":
        have = {ident(field.get("id")): field.get("value") for field in objects(there)}
        shown = plain_shown
        return all(shown(have.get(ident(field.get("id")))) == shown(field.get("value")) for field in objects(value))
    if name == "due_at":
        return bool(plain_shown(there) == plain_shown(value))
    if name == "assignee_email":
        return False
    if isinstance(value, str) and name != "subject":
        return bool(text(there).lower() == value)
    return bool(there == value)


def _commented(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Go through the comments, newest first, back to a while before the first attempt."""
    us: str | None = None
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    params = {"page": "1", "per_page": str(PAGE)}
    seen: set[str] = set()
    alike: Json | None = None
    for page in range(1, MAX_PAGES + 1):
        body = yield from ask(
            get(f"{ticket_path(context.remote_id)}/comments", "look for the comment", sort_order="desc", **params)
        )
        if body is None:
            return Unsure(f"ticket {context.remote_id} is not there, so its comments cannot be looked at")
        listed = [item for item in objects(body.get("comments")) if ident(item.get("id")) not in seen]
        for item in listed:
            said = mapping.marker_of(item)
            if said == context.effect_key:
                return Found(_comment_receipt(item))
            if not said and alike is None and is_alike(item, intent, context, since):
                if us is None:
                    us = yield from own_id(account)
                alike = item if not us or ident(item.get("author_id")) in {"", us} else None
        seen |= {ident(item.get("id")) for item in listed}
        if not listed or not more_after(body) or _past(listed, since):
            return Found(_comment_receipt(alike)) if alike is not None else Absent()
        params = next_params(body, page)
    return Unsure("the ticket has more comments than can be looked through")


def is_alike(item: Json, intent: Intent, context: WriteContext, since: datetime | None) -> bool:
    """Say whether a comment reads as the one that was written, and is not known to be another."""
    if intent.comment is None or ident(item.get("id")) in context.known_comments:
        return False
    at = moment(item.get("created_at"))
    if since is not None and at is not None and at < since:
        return False
    if (item.get("public") is True) is not rendering.is_public(intent):
        return False
    wanted = rendering.comment_body(intent)
    there = mapping.comment(item, {}, at=mapping.EPOCH)
    if there is not None and there.source_format == "html":
        shown = texts.as_read(texts.without_files(wanted))
        if texts.same_text(shown, texts.without_files(there.body)):
            return True
    # an earlier version of the gateway wrote `body`, in Markdown
    said = without_references(wanted)
    return any(texts.same_text(said, text(item.get(name))) for name in ("body", "plain_body"))


def _past(listed: list[Json], since: datetime | None) -> bool:
    """Say whether a list that falls in time has gone back past `since`."""
    times = [moment(item.get("created_at")) for item in listed]
    if since is None or None in times:
        return False
    known = [time for time in times if time is not None]
    falling = all(one >= other for one, other in pairwise(known))
    return falling and len(known) > 1 and known[-1] < since


def _comment_receipt(item: Json) -> Receipt:
    number = ident(item.get("id"))
    changes = tuple(found for found in (ident(item.get("audit_id")), number) if found)
    return msgspec.structs.replace(Receipt(), comment_id=number, change_ids=changes, at=moment(item.get("created_at")))
