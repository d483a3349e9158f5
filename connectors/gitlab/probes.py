"""Looking for the effect of a write whose answer was lost, and counting effects: reads only, and never a guess.

Issues are looked for in the list of those that our account made since the first attempt, notes in the notes of their
issue: both are GitLab's records, and not its search.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.gitlab import mapping, rendering, texts
from connectors.gitlab.account import Account
from connectors.gitlab.asking import PAGE, everything, get, issue_path, page, project_path
from connectors.gitlab.mapping import Json, ident, moment, obj, parts, text
from connectors.gitlab.reads import issue, our_id
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
from gateway.errors import ThrottledError, UnmappedError

#: how far GitLab's clock may stand from ours
GRAIN = timedelta(minutes=5)
MAX_PAGES = 100


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            made = yield from _made(account, intent, context)
            return Found(rendering.receipt(account, made[0])) if made else Absent()
        if intent.comment is not None:
            said = yield from _said(account, context)
            return Found(_receipt(context, said[0])) if said else Absent()
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def _made(account: Account, intent: Intent, context: WriteContext) -> Call[list[Json]]:
    """Return the issues of ours that bear the key, the oldest first."""
    us = yield from our_id(account)
    queue = text(intent.fields.get("queue"))
    named = str(intent.params.get("project") or "")
    project = named or (queue if queue in account.projects else account.projects[0])
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    # without a time the words are searched for: GitLab's search may lag, so what is not found proves little
    narrow = {"created_after": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {
        "search": context.effect_key, "in": "description"}  # fmt: skip
    found: list[Json] = []
    for number in range(1, MAX_PAGES + 1):
        rows, more = yield from page(
            get(
                f"{project_path(project)}/issues",
                "look for the issue",
                scope="all",
                author_id=us,
                order_by="created_at",
                sort="asc",
                per_page=str(PAGE),
                page=str(number),
                **narrow,
            )
        )
        found += [row for row in rows if _is_ours(row, us) and _mark(row, "description") == context.effect_key]
        if not more or not rows:
            return found
    msg = "our account made more issues since than can be looked through"
    raise TransportError(msg)


def _said(account: Account, context: WriteContext) -> Call[list[Json]]:
    """Return the notes of ours that bear the key, the oldest first; they know no page that could hide one."""
    where = parts(context.remote_id)
    if where is None:
        return []
    us = yield from our_id(account)
    notes = yield from everything(f"{issue_path(*where)}/notes", "look for the note", sort="asc", order_by="created_at")
    return [note for note in notes if _is_ours(note, us) and _mark(note, "body") == context.effect_key]


def _mark(row: Json, name: str) -> str:
    return texts.mark(text(row.get(name)))


def _is_ours(row: Json, us: str) -> bool:
    return ident(obj(row.get("author")).get("id")) == us


def _receipt(context: WriteContext, note: Json) -> Receipt:
    number = ident(note.get("id"))
    at = moment(note.get("created_at"))
    return Receipt(remote_id=context.remote_id, comment_id=number, change_ids=(number,), at=at)


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the issue with what was written; where it differs, it is written again."""
    data = yield from issue(context.remote_id, "look at the fields")
    if data is None:
        return Absent()
    try:
        want = rendering.wanted(account, intent)
    except UnmappedError:
        return Absent()
    words = text(intent.fields.get("body"))
    body = "body" not in intent.fields or texts.alike(
        texts.read(texts.written(words, {}), "0")[0], texts.read(text(data.get("description")), "0")[0]
    )
    same = body and not rendering.difference(account, want, data)
    return Found(rendering.receipt(account, data)) if same else Absent()


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the issues and the notes of an update. Raises what reads raise."""
    if intent.operation is Operation.CREATE:
        made = yield from _made(account, intent, context)
        return Sighting(copies=tuple(_copy(one) for one in made))
    if intent.comment is None:
        return Sighting()
    said = yield from _said(account, context)
    return Sighting(copies=tuple(Copy(ident(one.get("id")), moment(one.get("created_at"))) for one in said))


def _copy(data: Json) -> Copy:
    name = mapping.remote_id(ident(data.get("project_id")), ident(data.get("iid")))
    return Copy(name, moment(data.get("created_at")))
