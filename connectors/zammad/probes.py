"""Looking for the effect of a write whose answer was lost, and counting what one left: reads only, never a guess.

A ticket is found by our mark in an attribute of its own, an article by our mark in its `preferences`. An article
without any mark of ours counts by content: our words and visibility, by our account, new since the first attempt, and
none that is known already.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

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
    RemoteComment,
    RemoteTicket,
    Sighting,
    TransportError,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.zammad import calls, mapping, rendering
from connectors.zammad.account import Account
from connectors.zammad.asking import PAGE, ask, condition, get
from connectors.zammad.mapping import ident, moment, obj, objects, text
from gateway.domain.shown import plain_shown
from gateway.errors import ThrottledError

#: how far Zammad's clock may stand from ours when articles are compared by time
GRAIN = timedelta(minutes=5)
#: Zammad's names of our fields in a ticket's history
NAMES = {
    "title": "title",
    "state": "status",
    "priority": "priority",
    "owner": "assignee",
    "group": "queue",
    "type": "kind",
}


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure."""
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


def _marked(account: Account, key: str) -> Call[tuple[list[RemoteTicket], bool]]:
    """Return the tickets that bear a mark, and whether the search heeds the attribute at all."""
    where = condition(f"ticket.{account.marker}", "is", key)
    rows = objects(
        (yield from ask(get("/tickets/search", "look for the mark", expand="true", per_page=str(PAGE), **where)))
    )
    found = [ticket for row in rows if (ticket := mapping.ticket(row, account, at=mapping.EPOCH)) is not None]
    mine = [ticket for ticket in found if ticket.marker == key]
    return mine, len(mine) == len(rows)


def _created(account: Account, context: WriteContext) -> Call[Finding]:
    """Look for the ticket: the database answers, not the index."""
    mine, heeded = yield from _marked(account, context.effect_key)
    if mine:
        return Found(rendering.receipt_of(min(mine, key=lambda ticket: int(ticket.remote_id))))
    if not heeded:
        return Unsure(f"Zammad does not search by the attribute {account.marker}: is it there and active?")
    return Absent()


def is_ours(account: Account, said: RemoteComment, intent: Intent, context: WriteContext) -> bool:
    """Say whether an article without a mark reads as the one that was written, and is not known to be another."""
    if said.marker or intent.comment is None or said.remote_id in context.known_comments:
        return False
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    if since is not None and said.at < since:
        return False
    if (said.visibility is Visibility.PUBLIC) is not rendering.is_public(intent):
        return False
    # an article of ours has our mark wherever Zammad keeps `preferences`: without one, only our own account counts
    return account.is_us(said.author) is True and mapping.same_text(said.body, rendering.as_kept(intent.comment.body))


def _commented(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    if not account.account_id:
        yield from calls.whoami(account)
    listed = yield from calls.articles_of(account, context.remote_id)
    marked = [said for said in listed if said.marker == context.effect_key]
    alike = [said for said in listed if is_ours(account, said, intent, context)]
    for said in (*marked, *alike):
        return Found(receipt_of_article(said, context.remote_id))
    return Absent()


def receipt_of_article(said: RemoteComment, ticket: str) -> Receipt:
    """Return the receipt of an article that is there."""
    return Receipt(
        remote_id=ticket,
        change_ids=(f"article:{said.remote_id}", said.remote_id),
        comment_id=said.remote_id,
        file_ids=tuple(each.remote_id for each in said.attachments),
        at=said.at,
    )


def holds(account: Account, wanted: dict[str, Any], data: mapping.Json) -> list[str]:
    """Return the names of fields that do not read as they were written."""
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None:
        return list(wanted)
    wrong = []
    for name, value in wanted.items():
        match name:
            case "owner_id":
                there = ident(data.get("owner_id")) == str(value)
            case "owner":
                there = text(data.get("owner")).lower() == str(value).lower()
            case "state" | "priority" | "group":
                there = mapping.name_of(data.get(name)).lower() == str(value).lower()
            case "pending_time":
                there = True
            case _:
                there = plain_shown(data.get(name)) == plain_shown(value)
        if not there:
            wrong.append(name)
    return wrong


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the ticket with what was written; where it differs, its history says whether it was so once."""
    request = get(f"/tickets/{context.remote_id}", "look at the fields", expand="true")
    data = obj((yield from ask(request, none=frozenset({403, 404}))))
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None:
        return Absent()
    wanted = rendering.fields(account, intent)
    wrong = holds(account, wanted, data)
    if "tags" in intent.fields:
        # one write a tag: the next attempt finds out what is left to do
        return Absent()
    if not wrong:
        return Found(rendering.receipt_of(found))
    if not account.account_id:
        yield from calls.whoami(account)
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    history = yield from history_of(context.remote_id)
    for name in wrong:
        if not any(_was_set(account, entry, name, wanted[name], since) for entry in history):
            return Absent()
    return Found(rendering.receipt_of(found))


def history_of(remote_id: str) -> Call[list[mapping.Json]]:
    """Read what was changed of a ticket itself, oldest first."""
    request = get(f"/ticket_history/{remote_id}", "look at the history")
    body = yield from ask(request, none=frozenset({403, 404}))
    return [entry for entry in objects(obj(body).get("history")) if text(entry.get("object")) == "Ticket"]


def _was_set(account: Account, entry: mapping.Json, name: str, value: Any, since: datetime | None) -> bool:
    at = moment(entry.get("created_at"))
    if since is not None and at is not None and at < since:
        return False
    if text(entry.get("type")) != "updated" or ident(entry.get("created_by_id")) != account.account_id:
        return False
    if text(entry.get("attribute")) != name.removesuffix("_id"):
        return False
    said = ident(entry.get("id_to")) if name.endswith("_id") else text(entry.get("value_to"))
    return said.lower() == str(value).lower()


# ---------------------------------------------------------------- counting


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    if not account.account_id:
        yield from calls.whoami(account)
    if intent.operation is Operation.CREATE:
        return Sighting(copies=(yield from _tickets(account, context)))
    if intent.comment is not None:
        listed = yield from calls.articles_of(account, context.remote_id)
        marked = [said for said in listed if said.marker == context.effect_key]
        mine = marked or [said for said in listed if is_ours(account, said, intent, context)]
        return Sighting(copies=tuple(Copy(said.remote_id, said.at) for said in mine))
    return (yield from _fields(account, context))


def _tickets(account: Account, context: WriteContext) -> Call[tuple[Copy, ...]]:
    """Count by the mark where our account made the ticket: one that a person split off may bear it, too."""
    where = condition(f"ticket.{account.marker}", "is", context.effect_key)
    rows = objects(
        (yield from ask(get("/tickets/search", "count tickets of ours", expand="true", per_page=str(PAGE), **where)))
    )
    found = [
        Copy(ident(row.get("id")), moment(row.get("created_at")))
        for row in rows
        if text(row.get(account.marker)) == context.effect_key and ident(row.get("created_by_id")) == account.account_id
    ]
    return tuple(sorted(found, key=lambda copy: int(copy.remote_id)))


def _fields(account: Account, context: WriteContext) -> Call[Sighting]:
    """Read the ticket, and in its history who changed each field last."""
    request = get(f"/tickets/{context.remote_id}", "look at the fields", expand="true")
    data = obj((yield from ask(request, none=frozenset({403, 404}))))
    ticket = mapping.ticket(data, account, at=mapping.EPOCH)
    if ticket is None:
        return Sighting()
    last: dict[str, str] = {}
    for entry in (yield from history_of(context.remote_id)):
        field = NAMES.get(text(entry.get("attribute")))
        if field is not None and text(entry.get("type")) == "updated":
            last[field] = ident(entry.get("created_by_id"))
    ours = frozenset(field for field, who in last.items() if who == account.account_id)
    return Sighting(ticket=msgspec.structs.replace(ticket, complete=False), ours=ours)
