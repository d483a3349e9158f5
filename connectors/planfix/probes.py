"""Looking for the effect of a write whose answer was lost, and counting what one left: reads only, never a guess.

Our mark is the `sourceObjectId`, by which no list can be filtered: the tasks made since the day before the first
attempt are gone through. A task without any mark that is otherwise like ours leaves it open. A comment without any
mark counts by content: our words and visibility, by our employee, new since the first attempt, and none that is known
already.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.planfix import calls, mapping, rendering
from connectors.planfix.account import Account
from connectors.planfix.asking import Json, obj
from connectors.planfix.mapping import ident, text
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
from gateway.domain.shown import plain_shown
from gateway.errors import ThrottledError

#: how far Planfix's clock may stand from ours when comments are compared by time
GRAIN = timedelta(minutes=5)


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure."""
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, intent, context))
        if intent.comment is not None:
            listed = yield from calls.comments_of(context.remote_id)
            for said in mine(account, listed, intent, context):
                return Found(receipt_of_comment(said, context.remote_id))
            return Absent()
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def recent(account: Account, context: WriteContext) -> Call[list[Json]]:
    """Return the tasks that were made since the day before the first attempt."""
    return (yield from calls.made_since(account, context.first_sent_at)) if context.first_sent_at else []


def marked(account: Account, rows: list[Json], context: WriteContext) -> list[RemoteTicket]:
    """Return those of these tasks that bear our mark."""
    found = [task for row in rows if (task := mapping.task(row, account, at=mapping.EPOCH)) is not None]
    return [task for task in found if task.marker == context.effect_key and not task.deleted]


def _created(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    rows = yield from recent(account, context)
    found = marked(account, rows, context)
    if found:
        return Found(rendering.receipt_of(min(found, key=lambda task: int(task.remote_id))))
    if context.first_sent_at is None or (rows and not any("sourceObjectId" in row for row in rows)):
        return Unsure("Planfix shows no sourceObjectId with its tasks, by which ours would be known")
    since = context.first_sent_at - GRAIN
    for row in rows:
        ours = account.is_us(mapping.person(row.get("assigner"))) is not False and not mapping.mark_of(row)
        new = (mapping.moment(row.get("dateTime")) or since) >= since
        if ours and new and mapping.same_text(text(row.get("name")), rendering.name_of(intent)):
            return Unsure(f"task {ident(row.get('id'))} has our title, is by our employee and shows no mark")
    return Absent()


def mine(account: Account, listed: list[RemoteComment], intent: Intent, context: WriteContext) -> list[RemoteComment]:
    """Return the comments that are the one that was written: by mark, else by content."""
    by_mark = [said for said in listed if said.marker == context.effect_key]
    return by_mark or [said for said in listed if _is_alike(account, said, intent, context)]


def _is_alike(account: Account, said: RemoteComment, intent: Intent, context: WriteContext) -> bool:
    if said.marker or intent.comment is None or said.remote_id in context.known_comments:
        return False
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    if since is not None and said.at < since:
        return False
    if (said.visibility is Visibility.PUBLIC) is not rendering.is_public(intent):
        return False
    wanted = rendering.as_kept(intent.comment.body)
    return account.is_us(said.author) is True and mapping.same_text(said.body, wanted)


def receipt_of_comment(said: RemoteComment, ticket: str) -> Receipt:
    """Return the receipt of a comment that is there."""
    return Receipt(
        remote_id=ticket,
        change_ids=(f"comment:{said.remote_id}", said.remote_id),
        comment_id=said.remote_id,
        file_ids=tuple(file.remote_id for file in said.attachments),
        at=said.at,
    )


def wrong_fields(account: Account, intent: Intent, data: Json) -> list[str]:
    """Return our names of the fields that do not read as they were written."""
    wrong = []
    given = rendering.fields(account, intent)
    values = mapping.field_values(data)
    for name, value in given.items():
        match name:
            case "description":
                there = mapping.same_text(
                    mapping.words(data.get("description")).markdown, rendering.as_kept(text(intent.fields["body"]))
                )
            case "assignees":
                users = [text(obj(each).get("id")) for each in obj(data.get("assignees")).get("users") or ()]
                there = users == [each["id"] for each in value["users"]]
            case "project":
                there = ident(obj(data.get("project")).get("id")) == ident(value["id"])
            case "customFieldData":
                there = all(
                    plain_shown(values.get(str(each["field"]["id"]))) == plain_shown(each["value"]) for each in value
                )
            case _:
                there = text(data.get(name)).strip() == str(value).strip()
        if not there:
            wrong.append(name)
    if "status" in intent.fields:
        names = {each.lower() for each in account.status_words(intent.fields["status"])}
        wrong += [] if text(obj(data.get("status")).get("name")).lower() in names else ["status"]
    return wrong


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the task with what was written; who set a field Planfix does not tell: what differs is written again."""
    data = yield from calls.task_data(account, context.remote_id)
    found = mapping.task(data, account, at=mapping.EPOCH) if data is not None else None
    if data is None or found is None or wrong_fields(account, intent, data):
        return Absent()
    return Found(rendering.receipt_of(found))


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    if intent.operation is Operation.CREATE:
        found = marked(account, (yield from recent(account, context)), context)
        copies = [Copy(task.remote_id, task.created_at) for task in found]
        return Sighting(copies=tuple(sorted(copies, key=lambda copy: int(copy.remote_id))))
    if intent.comment is not None:
        listed = yield from calls.comments_of(context.remote_id)
        return Sighting(copies=tuple(Copy(said.remote_id, said.at) for said in mine(account, listed, intent, context)))
    return Sighting()
