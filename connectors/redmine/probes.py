"""Looking for the effect of a write whose answer was lost, and counting what one left: reads only, never a guess.

An issue is found by our mark in a custom field that is a filter. A note is known by the change of another custom field
in its own journal; without such a field it counts by content: our words and visibility, by our user, new since the
first attempt, and none that is known already.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.redmine import calls, mapping, rendering
from connectors.redmine.account import Account
from connectors.redmine.asking import PAGE, Json, ask, get, obj, objects
from connectors.redmine.mapping import ident, moment, text
from connectors.redmine.texts import read_text, write_text
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
    Sighting,
    TransportError,
    Unsure,
    Visibility,
    WriteContext,
)
from gateway.domain.shown import plain_shown
from gateway.errors import ThrottledError

#: how far Redmine's clock may stand from ours when notes are compared by time
GRAIN = timedelta(minutes=5)
#: step of an internal note: Redmine showed it to everybody, under this number
EXPOSED = "exposed"
#: Redmine's names of our fields in the details of journals
NAMES = {
    "subject": "title",
    "description": "body",
    "status_id": "status",
    "priority_id": "priority",
    "tracker_id": "kind",
    "project_id": "queue",
    "assigned_to_id": "assignee",
}


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure."""
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, intent, context))
        if not account.account_id:
            yield from calls.whoami(account)
        if intent.comment is not None:
            return (yield from _commented(account, intent, context))
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def marked(account: Account, key: str) -> Call[tuple[list[Json], bool]]:
    """Return the issues that bear a mark, and whether Redmine heeds the filter at all."""
    if not account.ticket_marker:
        return [], False
    where = {f"cf_{account.ticket_marker}": key}
    request = get("/issues.json", "look for the mark", status_id="*", limit=str(PAGE), sort="id", **where)
    rows = objects(obj((yield from ask(request, none=()))).get("issues"))
    mine = [row for row in rows if text(mapping.field_values(row).get(account.ticket_marker)) == key]
    return mine, len(mine) == len(rows)


def _created(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    mine, heeded = yield from marked(account, context.effect_key)
    for row in mine:
        if is_in_the_open(intent, row):
            return Unsure(issue_in_the_open(ident(row.get("id"))), lasting=True)
    found = [issue for row in mine if (issue := mapping.issue(row, account, at=mapping.EPOCH)) is not None]
    if found:
        return Found(rendering.receipt_of(min(found, key=lambda issue: int(issue.remote_id))))
    if not heeded:
        return Unsure(f"Redmine does not filter by custom field {account.ticket_marker or '(none is named)'}")
    return Absent()


def is_in_the_open(intent: Intent, data: Json) -> bool:
    """Say whether everybody sees an issue that was to be private, for Redmine drops that without the right to it."""
    return intent.params.get("private") is True and data.get("is_private") is False


def issue_in_the_open(issue: str) -> str:
    """Say that everybody reads an issue that was to be private, and what to do."""
    return (
        f"EVERYBODY READS issue {issue}, which was to be private: our role has lost `Set issues public or private`. "
        "Make the issue private in Redmine, or delete it; give the role that right"
    )


def mine(account: Account, data: Json, intent: Intent, context: WriteContext) -> list[RemoteComment]:
    """Return the notes that are the one that was written: by mark, else by content."""
    listed = calls.comments_of(data, account)
    by_mark = [said for said in listed if said.marker == context.effect_key]
    public = rendering.is_public(intent)
    return by_mark or [said for said in listed if _is_alike(account, data, said, intent, context, public=public)]


def exposed(account: Account, data: Json, intent: Intent, context: WriteContext) -> list[RemoteComment]:
    """Return what stands there for everybody of an internal note: as its step says, else by mark, else by words.

    Redmine makes one public, without a word, for a role that lost its right between our look and the write.
    """
    if rendering.is_public(intent):
        return []
    listed = [said for said in calls.comments_of(data, account) if said.visibility is Visibility.PUBLIC]
    known = {context.steps.get(EXPOSED)} - {None}
    sure = [said for said in listed if said.remote_id in known or said.marker == context.effect_key]
    return sure or [said for said in listed if _is_alike(account, data, said, intent, context, public=True)]


def is_surely_ours(said: RemoteComment, context: WriteContext) -> bool:
    """Say whether a note is that of this very update, and not one that merely says the same."""
    return said.marker == context.effect_key or said.remote_id == context.steps.get(EXPOSED)


def _is_alike(
    account: Account, data: Json, said: RemoteComment, intent: Intent, context: WriteContext, *, public: bool
) -> bool:
    if said.marker or intent.comment is None or said.remote_id in context.known_comments:
        return False
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    if since is not None and said.at < since:
        return False
    if (said.visibility is Visibility.PUBLIC) is not public:
        return False
    names = rendering.file_names(intent.attachments)
    written = write_text(intent.comment.body, account.formatting, names)
    wanted = read_text(written, account.formatting, mapping.file_refs(data)).markdown
    return account.is_us(said.author) is True and mapping.same_text(said.body, wanted)


def _commented(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    data = yield from calls.issue_data(context.remote_id)
    if data is None:
        return Unsure(f"issue {context.remote_id} is not there, so its notes cannot be looked at")
    for said in exposed(account, data, intent, context):
        # the attempt that follows covers what is surely ours; what only says the same is for a person to tell
        return Absent() if is_surely_ours(said, context) else Unsure(in_the_open(said, context.remote_id), lasting=True)
    for said in mine(account, data, intent, context):
        return Found(receipt_of_note(said, context.remote_id))
    return Absent()


def in_the_open(said: RemoteComment, issue: str) -> str:
    """Say that everybody reads an internal note, and what to do."""
    return (
        f"EVERYBODY READS note {said.remote_id} of issue {issue}, which was to be private: our role has lost `Set "
        "notes as private`. Make the note private in Redmine, or delete it"
    )


def receipt_of_note(said: RemoteComment, ticket: str) -> Receipt:
    """Return the receipt of a note that is there."""
    return Receipt(
        remote_id=ticket,
        change_ids=(f"journal:{said.remote_id}", said.remote_id),
        comment_id=said.remote_id,
        file_ids=tuple(file.remote_id for file in said.attachments),
        at=said.at,
    )


def wrong_fields(wanted: Mapping[str, Any], data: Json) -> list[str]:
    """Return the names of what does not read as it was written; `wanted` has ids."""
    fields = mapping.field_values(data)
    wrong = []
    for name, value in wanted.items():
        match name:
            case "custom_fields":
                there = all(plain_shown(fields.get(str(each["id"]))) == plain_shown(each["value"]) for each in value)
            case "is_private":
                there = data.get(name) is value
            case "subject" | "description":
                there = text(data.get(name)).replace("\r\n", "\n").strip() == str(value).strip()
            case _:
                there = ident(obj(data.get(name.removesuffix("_id"))).get("id")) == ident(value)
        if not there:
            wrong.append(name)
    return wrong


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the issue with what was written; where it differs, its journals say whether it was so once."""
    data = yield from calls.issue_data(context.remote_id)
    if data is None:
        return Absent()
    wanted = yield from rendering.resolved(account, rendering.words(account, intent))
    if "body" in intent.fields:
        wanted["description"] = write_text(text(intent.fields["body"]), account.formatting, {})
    wrong = wrong_fields(wanted, data)
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    if all(was_set(account, data, name, wanted[name], since) for name in wrong):
        found = mapping.issue(data, account, at=mapping.EPOCH)
        return Found(rendering.receipt_of(found)) if found is not None else Absent()
    return Absent()


def was_set(account: Account, data: Json, name: str, value: Any, since: datetime | None) -> bool:
    """Say whether a journal of ours shows that a field was set to this value."""
    pairs = [("attr", name, value)]
    if name == "custom_fields":
        pairs = [("cf", str(each["id"]), each["value"]) for each in value]
    for entry in objects(data.get("journals")):
        at = moment(entry.get("created_on"))
        ours = account.is_us(mapping.person(entry.get("user"))) is True
        if not ours or (since is not None and at is not None and at < since):
            continue
        done = {(kind, key): new for kind, key, new in mapping.details(entry)}
        if all((kind, key) in done and _same(done[kind, key], new) for kind, key, new in pairs):
            return True
    return False


def _same(there: Any, value: Any) -> bool:
    return bool(plain_shown(there) == plain_shown(value))


# ---------------------------------------------------------------- counting


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    if not account.account_id:
        yield from calls.whoami(account)
    if intent.operation is Operation.CREATE:
        rows, _ = yield from marked(account, context.effect_key)
        made = [row for row in rows if account.is_us(mapping.person(row.get("author"))) is True]
        copies = [Copy(ident(row.get("id")), moment(row.get("created_on"))) for row in made]
        return Sighting(copies=tuple(sorted(copies, key=lambda copy: int(copy.remote_id))))
    data = yield from calls.issue_data(context.remote_id)
    if data is None:
        return Sighting()
    if intent.comment is not None:
        return Sighting(copies=tuple(Copy(said.remote_id, said.at) for said in mine(account, data, intent, context)))
    last: dict[str, bool] = {}
    for entry in objects(data.get("journals")):
        ours = account.is_us(mapping.person(entry.get("user"))) is True
        for kind, name, _ in mapping.details(entry):
            if kind == "attr" and name in NAMES:
                last[NAMES[name]] = ours
    ticket = mapping.issue(data, account, at=mapping.EPOCH)
    return Sighting(ticket=ticket, ours=frozenset(field for field, ours in last.items() if ours))
