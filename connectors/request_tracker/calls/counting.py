"""Counting what an update left behind: every ticket or message that bears its mark, or who set its fields last.

Reads only, long after the write. A ticket counts where our account made it: a person's clone carries the mark, too.
"""

from __future__ import annotations

from connectors.request_tracker.calls.desk import PAGE, PERSON, Desk, ask, decoded, quoted, require, rows, ticket_path
from connectors.request_tracker.calls.fields import NAMES
from connectors.request_tracker.calls.probes import alike
from connectors.request_tracker.calls.reads import MAX_PAGES, Row, author, seen, whoami
from connectors.request_tracker.mapping import instant, integer, text
from connectors.sdk import Call, Copy, Intent, Operation, Sighting, WriteContext

_OURS = {theirs: ours for ours, theirs in NAMES.items()}


def effects(desk: Desk, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    if not desk.account.login:
        yield from whoami(desk)
    match intent.operation:
        case Operation.CREATE:
            return Sighting(copies=(yield from _marked(desk, "/tickets", desk.options.ticket_marker, context)))
        case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE:
            marked = yield from _marked(desk, "/transactions", desk.options.comment_marker, context)
            return Sighting(copies=marked or (yield from _alike(desk, intent, context)))
        case _:
            return (yield from _fields(desk, intent, context))


def _marked(desk: Desk, path: str, marker: str, context: WriteContext) -> Call[tuple[Copy, ...]]:
    response = yield desk.request(
        "GET",
        path,
        params={
            "query": f"'CF.{{{marker}}}' = {quoted(context.effect_key)}",
            "fields": "Creator,Created",
            "fields[Creator]": PERSON,
            "orderby": "id",
            "per_page": str(PAGE),
        },
        label="count what bears our mark",
    )
    require(response)
    found = rows(decoded(response))
    return _copies([row for row in found if desk.account.is_us(author(desk, row)) is not False])


def _alike(desk: Desk, intent: Intent, context: WriteContext) -> Call[tuple[Copy, ...]]:
    kind = "Correspond" if intent.operation is Operation.PUBLIC_REPLY else "Comment"
    numbers = yield from alike(desk, intent, context, kind)
    return tuple(Copy(number) for number in numbers)


def _copies(found: list[Row]) -> tuple[Copy, ...]:
    numbered = sorted(found, key=lambda row: integer(row.get("id")) or 0)
    return tuple(Copy(text(row.get("id")), instant(row.get("Created"))) for row in numbered)


def _fields(desk: Desk, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Read the ticket, and back in its history who changed each field last."""
    response = yield desk.ticket(context.remote_id)
    if response.status in {403, 404}:
        return Sighting()
    require(response)
    ticket = seen(desk, response)
    open_ones = {NAMES[field] for field in intent.fields if field in NAMES}
    ours: set[str] = set()
    for page in range(1, MAX_PAGES + 1):
        params = {
            "fields": "Type,Creator,Created,Field",
            "fields[Creator]": PERSON,
            "orderby": "id",
            "order": "DESC",
            "per_page": str(PAGE),
            "page": str(page),
        }
        request = desk.request(
            "GET", f"{ticket_path(ticket.remote_id)}/history", params=params, label="who changed it last"
        )
        listed = rows((yield from ask(request)))
        for row in listed:
            field = text(row.get("Field"))
            if field in open_ones:
                open_ones.discard(field)
                if desk.account.is_us(author(desk, row)) is True:
                    ours.add(_OURS[field])
        if not listed or not open_ones:
            break
    return Sighting(ticket=ticket, ours=frozenset(ours))
