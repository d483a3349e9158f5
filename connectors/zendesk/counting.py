"""Counting what an update left behind: every ticket or comment that bears its mark, or who set its fields last.

Reads only, long after the write. A ticket counts where our account submitted it: a person's clone is theirs.
"""

from __future__ import annotations

from connectors.sdk import Call, Copy, Intent, Operation, RemoteTicket, Sighting, WriteContext
from connectors.zendesk import mapping, probes
from connectors.zendesk.account import Account
from connectors.zendesk.asking import API, MAX_PAGES, PAGE, ask, get, more_after, next_params, people_in, ticket_path
from connectors.zendesk.calls import own_id
from connectors.zendesk.mapping import Json, ident, moment, obj, objects, text

#: Zendesk's names of our fields in the events of an audit
NAMES = {
    "subject": "title",
    "type": "kind",
    "priority": "priority",
    "status": "status",
    "group_id": "queue",
    "assignee_id": "assignee",
    "tags": "tags",
}


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    us = yield from own_id(account)
    if intent.operation is Operation.CREATE:
        return Sighting(copies=(yield from _tickets(us, context)))
    if intent.comment is not None:
        return Sighting(copies=(yield from _comments(us, intent, context)))
    return (yield from _fields(account, us, context))


def _tickets(us: str, context: WriteContext) -> Call[tuple[Copy, ...]]:
    marker = mapping.MARKER_PREFIX + context.effect_key
    found: dict[str, Copy] = {}

    def take(item: Json) -> None:
        if text(item.get("external_id")) == marker and (not us or ident(item.get("submitter_id")) in {"", us}):
            number = ident(item.get("id"))
            found[number] = Copy(number, moment(item.get("created_at")))

    for item in (yield from _all(f"{API}/tickets.json", "tickets", "count tickets of ours", external_id=marker)):
        take(item)
    return _in_order(found)


def _comments(us: str, intent: Intent, context: WriteContext) -> Call[tuple[Copy, ...]]:
    """Count by our mark; where the desk gives no metadata back with comments, by words, author and time."""
    since = context.first_sent_at - probes.GRAIN if context.first_sent_at else None
    marked: dict[str, Copy] = {}
    alike: dict[str, Copy] = {}
    path = f"{ticket_path(context.remote_id)}/comments"
    for item in (yield from _all(path, "comments", "count comments of ours")):
        said, number = mapping.marker_of(item), ident(item.get("id"))
        copy = Copy(number, moment(item.get("created_at")))
        if said == context.effect_key:
            marked[number] = copy
        elif not said and probes.is_alike(item, intent, context, since) and ident(item.get("author_id")) in {"", us}:
            alike[number] = copy
    return _in_order(marked or alike)


def _fields(account: Account, us: str, context: WriteContext) -> Call[Sighting]:
    """Read the ticket, and in its audits who changed each field last."""
    body = yield from ask(get(ticket_path(context.remote_id), "look at the fields", include="users"))
    data = obj((body or {}).get("ticket"))
    ticket: RemoteTicket | None = None
    if body is not None and data:
        ticket = mapping.ticket(data, account, at=mapping.EPOCH, people=people_in(body), orgs={})
    if ticket is None:
        return Sighting()
    last: dict[str, str] = {}
    path = f"{ticket_path(context.remote_id)}/audits"
    for audit in (yield from _all(path, "audits", "who changed it last")):
        for event in objects(audit.get("events")):
            field = NAMES.get(text(event.get("field_name")))
            if field is not None:
                last[field] = ident(audit.get("author_id"))
    return Sighting(ticket=ticket, ours=frozenset(field for field, who in last.items() if us and who == us))


def _all(path: str, name: str, label: str, **more: str) -> Call[list[Json]]:
    """Read a list to its end; nothing where it is not there."""
    found: list[Json] = []
    params = {"page": "1", "per_page": str(PAGE)}
    for page in range(1, MAX_PAGES + 1):
        body = yield from ask(get(path, label, **more, **params))
        listed = objects((body or {}).get(name))
        found += listed
        if body is None or not listed or not more_after(body):
            break
        params = next_params(body, page)
    return found


def _in_order(found: dict[str, Copy]) -> tuple[Copy, ...]:
    """Sort copies by age: Zendesk's ids grow."""
    return tuple(found[number] for number in sorted(found, key=lambda one: (len(one), one)))
