"""How often an update of ours took effect, by its mark and by the issue's history: reads only."""

from __future__ import annotations

from datetime import datetime

from connectors.jira import mapping, probes
from connectors.jira.asking import MAX_PAGES, PAGE, ask, get, issue_path, issue_request
from connectors.jira.calls import own_account
from connectors.jira.mapping import EPOCH, Json, account_of, ident, moment, obj, objects, text
from connectors.jira.options import Options
from connectors.sdk import Call, Copy, Intent, Operation, Sighting, WriteContext

#: the history's names of our fields
NAMES = {
    "summary": "title",
    "description": "body",
    "priority": "priority",
    "status": "status",
    "issuetype": "kind",
    "assignee": "assignee",
    "labels": "tags",
}


def effects(options: Options, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    us = yield from own_account(options)
    if intent.operation is Operation.CREATE:
        return (yield from _issues(options, us, intent, context))
    if intent.comment is not None:
        return (yield from _comments(options, us, context))
    return (yield from _fields(options, us, context))


def _issues(options: Options, us: str, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the issues that bear our mark. One that a person cloned is theirs, mark or not."""
    found: dict[str, Copy] = {}
    for data in (yield from probes.created_since(options, probes.project_of(options, intent), context)):
        fields = obj(data.get("fields"))
        if mapping.marker_of(data) == context.effect_key and account_of(obj(fields.get("creator"))) in {"", us}:
            number = ident(data.get("id"))
            found[number] = Copy(number, moment(fields.get("created")))
    return Sighting(copies=_in_order(found))


def _comments(options: Options, us: str, context: WriteContext) -> Call[Sighting]:
    since = context.first_sent_at - probes.GRAIN if context.first_sent_at else None
    found: dict[str, Copy] = {}
    for number in range(MAX_PAGES):
        page = yield from probes.comments_page(options, context.remote_id, number)
        listed = objects((page or {}).get("comments"))
        for item in listed:
            mine = account_of(obj(item.get("author"))) in {"", us}
            if mine and (yield from probes.effect_of(options, item)) == context.effect_key:
                each = ident(item.get("id"))
                found[each] = Copy(each, moment(item.get("created")))
        total = (page or {}).get("total")
        times = [at for item in listed if (at := moment(item.get("created"))) is not None]
        past = since is not None and bool(times) and times[-1] < since
        if past or not listed or not isinstance(total, int) or (number + 1) * PAGE >= total:
            break
    return Sighting(copies=_in_order(found))


def _fields(options: Options, us: str, context: WriteContext) -> Call[Sighting]:
    """Read the issue, and in its history who changed each field last."""
    data = yield from ask(issue_request(options, context.remote_id, "look at the fields"))
    ticket = mapping.ticket(data, options, at=EPOCH) if data is not None else None
    if ticket is None:
        return Sighting()
    last: dict[str, tuple[int, str]] = {}
    for entry in (yield from history(options, context.remote_id)):
        for item in objects(entry.get("items")):
            field = NAMES.get(text(item.get("field")).lower())
            place = int(ident(entry.get("id")) or "0")
            if field is not None and place >= last.get(field, (0, ""))[0]:
                last[field] = (place, account_of(obj(entry.get("author"))))
    return Sighting(ticket=ticket, ours=frozenset(field for field, (_, who) in last.items() if us and who == us))


def written_since(entries: list[Json], us: str, since: datetime) -> dict[str, set[str]]:
    """Return what our account has set since then, by the history: the field's name there -> its values."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        at = moment(entry.get("created"))
        if at is None or at < since or account_of(obj(entry.get("author"))) != us:
            continue
        for item in objects(entry.get("items")):
            values = found.setdefault(text(item.get("field")).lower(), set())
            values |= {text(item.get("toString")), text(item.get("to"))}
    return found


def history(options: Options, remote_id: str) -> Call[list[Json]]:
    """Read the whole history of an issue: a list of its own on Cloud, a part of the issue on Data Center."""
    if not options.cloud:
        request = get(issue_path(options, remote_id), "read the history", fields="created", expand="changelog")
        data = yield from ask(request)
        return objects(obj((data or {}).get("changelog")).get("histories"))
    found: list[Json] = []
    for number in range(MAX_PAGES):
        page = yield from ask(
            get(
                f"{issue_path(options, remote_id)}/changelog", "read the history",
                startAt=str(number * PAGE), maxResults=str(PAGE),
            )
        )  # fmt: skip
        values = objects((page or {}).get("values"))
        found += values
        if not values or (page or {}).get("isLast") is not False:
            break
    return found


def _in_order(found: dict[str, Copy]) -> tuple[Copy, ...]:
    """Sort copies by age: Jira's numbers grow."""
    return tuple(found[number] for number in sorted(found, key=int))
