"""Looking for the effect of a write whose answer was lost: reads only, and never a guess.

The search of Jira lags behind its records, and does not look into entity properties that no app has declared. So a
created issue is looked for by its key: keys of a project count up, each is read from the records, and the one that
bears our mark is ours. The search only says where to begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from connectors.jira import files, mapping, rendering
from connectors.jira.asking import (
    MAX_PAGES,
    PAGE,
    ask,
    before,
    following,
    get,
    issue_path,
    issue_request,
    jql_text,
    search,
)
from connectors.jira.calls import own_account
from connectors.jira.mapping import MARKER, Json, account_of, ident, moment, obj, objects, text
from connectors.jira.options import Options
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
from gateway.errors import ThrottledError, UnmappedError

#: how far Jira's clock may stand from ours
GRAIN = timedelta(minutes=5)
#: keys without an issue in a row, after which there are no more: deleted, moved away, or of a refused request
GAP = 10
#: keys that are read at most in one look
MOST_KEYS = 500


def probe(options: Options, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(options, intent, context))
        if intent.operation is Operation.ATTACH:
            us = yield from own_account(options)
            return (yield from files.probe(options, intent, context, us))
        if intent.comment is not None:
            return (yield from _commented(options, context))
        return (yield from _set(options, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


# ---------------------------------------------------------------- issues


def _created(options: Options, intent: Intent, context: WriteContext) -> Call[Finding]:
    made = ident(context.steps.get("issue"))
    if made:
        # the status of an issue that is known: the transition is looked for as any other
        return (yield from _set(options, _status_alone(intent), msgspec.structs.replace(context, remote_id=made)))
    project = project_of(options, intent)
    if not project:
        return Absent()
    for data in (yield from created_since(options, project, context)):
        if mapping.marker_of(data) == context.effect_key:
            return Found(rendering.receipt_of(options, data))
    return Absent()


def _status_alone(intent: Intent) -> Intent:
    fields = {"status": intent.fields["status"]} if "status" in intent.fields else {}
    return msgspec.structs.replace(intent, operation=Operation.SET_FIELDS, fields=fields)


def project_of(options: Options, intent: Intent) -> str:
    """Return the project in which an intent creates its issue."""
    return text(intent.params.get("project")).strip() or (options.projects[0] if len(options.projects) == 1 else "")


def created_since(options: Options, project: str, context: WriteContext) -> Call[list[Json]]:
    """Read every issue of a project, mark included, that may be from our first attempt or later.

    The search gives those that it has seen by now. The keys between and after them are read one by one: those that
    the search does not show yet.
    """
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    listed, older = yield from _listed(options, project, since)
    known = {_number(item) for item in listed}
    found: list[Json] = []
    us = yield from own_account(options)
    for item in listed:
        creator = account_of(obj(obj(item.get("fields")).get("creator")))
        if creator in {"", us}:
            data = yield from ask(issue_request(options, ident(item.get("id")), "look at an issue"))
            found += [data] if data is not None else []
    newest = max(known | {older}, default=0)
    misses = 0
    for number in _unseen(known, older, newest):
        data = yield from ask(issue_request(options, f"{project}-{number}", "look for an issue by its key"))
        misses = 0 if data is not None or number <= newest else misses + 1
        if data is not None and not before(moment(obj(data.get("fields")).get("created")), since):
            found.append(data)
        if misses >= GAP:
            break
    return found


def _unseen(known: set[int], older: int, newest: int) -> Iterator[int]:
    """Yield the numbers that the search did not show: between what it showed, and after it."""
    begin = older or max(min(known, default=1) - 1 - GAP, 0)
    gaps = [number for number in range(begin + 1, newest + 1) if number not in known]
    yield from gaps[-MOST_KEYS:]
    yield from range(newest + 1, newest + MOST_KEYS)


def _listed(options: Options, project: str, since: datetime | None) -> Call[tuple[list[Json], int]]:
    """Search a project, newest first: the issues since then, and the number of the last one before."""
    found: list[Json] = []
    older = 0
    place = ""
    jql = f"project = {jql_text(project)} ORDER BY created DESC, key DESC"
    for _ in range(MAX_PAGES):
        request = search(options, jql, "look for the issue", place=place, fields="created,creator")
        body = yield from ask(request, none=frozenset({400, 404}))
        for item in objects((body or {}).get("issues")):
            if before(moment(obj(item.get("fields")).get("created")), since):
                older = max(older, _number(item))
            else:
                found.append(item)
        place = following(options, body or {}, place)
        if older or not place or (since is None and len(found) >= PAGE):
            break
    return found, older


def _number(item: Json) -> int:
    """Return the number in an issue's key."""
    digits = text(item.get("key")).rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 18 else 0


# ---------------------------------------------------------------- comments


def _commented(options: Options, context: WriteContext) -> Call[Finding]:
    """Go through the comments, newest first, back to a while before the first attempt."""
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    for number in range(MAX_PAGES):
        page = yield from comments_page(options, context.remote_id, number)
        if page is None:
            return Unsure(f"issue {context.remote_id} is not there, so its comments cannot be looked at")
        listed = objects(page.get("comments"))
        for item in listed:
            if before(moment(item.get("created")), since):
                return Absent()
            if (yield from effect_of(options, item)) == context.effect_key:
                return Found(comment_receipt(context.remote_id, item))
        total = page.get("total")
        if not listed or not isinstance(total, int) or (number + 1) * PAGE >= total:
            return Absent()
    return Unsure("the issue has more comments than can be looked through")


def comments_page(options: Options, remote_id: str, number: int) -> Call[Json | None]:
    """Read one page of comments, newest first, with their properties."""
    return (
        yield from ask(
            get(
                f"{issue_path(options, remote_id)}/comment", "look for the comment",
                startAt=str(number * PAGE), maxResults=str(PAGE), orderBy="-created", expand="properties",
            )
        )
    )  # fmt: skip


def effect_of(options: Options, item: Json) -> Call[str]:
    """Return the effect key of a comment; asked for by itself where the list shows no properties."""
    if "properties" in item:
        return mapping.marker_of(item)
    body = yield from ask(get(f"{options.api}/comment/{ident(item.get('id'))}/properties/{MARKER}", "whose comment"))
    return text(obj((body or {}).get("value")).get("key"))


def comment_receipt(remote_id: str, item: Json) -> Receipt:
    """Return what a comment says of the write that made it."""
    number = ident(item.get("id"))
    return Receipt(remote_id=remote_id, comment_id=number, change_ids=(number,), at=moment(item.get("created")))


# ---------------------------------------------------------------- fields


def _set(options: Options, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the issue with what was written: all of it, status included.

    Where anything differs it is not there: what holds is not written a second time, as a write reads first.
    """
    data = yield from ask(issue_request(options, context.remote_id, "look at the fields"))
    if data is None:
        return Unsure(f"issue {context.remote_id} is not there, or we may not see it")
    seen = rendering.receipt_of(options, data)
    try:
        wanted = rendering.fields(options, intent)
    except UnmappedError:
        return Absent()
    if "body" in intent.fields:
        wanted["description"] = rendering.body_of(options, text(intent.fields["body"]))
    if not rendering.holds(data, wanted):
        return Absent()
    if "status" in intent.fields:
        status = mapping.status_of(obj(data.get("fields")).get("status"), options)
        if status is msgspec.UNSET or status.category is not rendering.meaning(intent.fields["status"]):
            return Absent()
    return Found(seen)
