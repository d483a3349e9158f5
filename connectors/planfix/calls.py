"""What is read from Planfix: one task whole, what changed, files, who we are, who is there, and whether it will do.

A list is filtered by days of the employee's own zone, so a poll asks for the days since the last change that was seen,
with one more on either side; what was told of already costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.planfix import mapping
from connectors.planfix.account import Account
from connectors.planfix.asking import (
    API,
    GONE,
    MAX_PAGES,
    PAGE,
    Json,
    ask,
    code_of,
    decoded,
    get,
    listing,
    obj,
    objects,
    require,
)
from connectors.planfix.mapping import COMMENT_FIELDS, FIELDS, ident, text
from connectors.sdk import (
    AgentState,
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    DeskAgent,
    HttpRequest,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)
from gateway.errors import UnmappedError

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
DAY = timedelta(days=1)
#: filters of tasks: by the day of the last change or comment, by the day of creation
CHANGED, MADE = 79, 12
PERSON_FIELDS = "id,name,midname,lastname,email,status,isDeleted,temporaryReplacement"


def is_task_id(remote_id: str) -> bool:
    """Say whether this can be the number of a task."""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) < 19


def task_fields(account: Account) -> str:
    """Return the fields to ask for, custom ones by their ids."""
    own = [account.requester_field, *sorted(account.field_names)]
    return ",".join([FIELDS, *(number for number in own if number)])


def task_data(account: Account, remote_id: str) -> Call[Json | None]:
    """Read the JSON of a task; None when it is not there, deleted, or out of our sight."""
    request = get(f"/task/{remote_id}", "read task", fields=task_fields(account), sourceId=account.source_id)
    body = yield from ask(request)
    data = obj((body or {}).get("task"))
    if body is not None and ident(data.get("id")) != remote_id.lstrip("0"):
        msg = f"Planfix's answer to reading task {remote_id} is not that task"
        raise TransportError(msg)
    return None if body is None or data.get("isDeleted") is True else data


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one task and all its comments; None when it is not there or out of our sight."""
    if not is_task_id(remote_id):
        return None
    data = yield from task_data(account, remote_id)
    found = mapping.task(data, account, at=mapping.EPOCH) if data is not None else None
    if found is None:
        return None
    comments = yield from comments_of(remote_id)
    newest = max((said.at for said in comments), default=found.updated_at)
    updated = max(found.updated_at, newest)
    asked = yield from _with_address(found.requester)
    return msgspec.structs.replace(
        found,
        updated_at=updated,
        version=max(found.version, mapping.version_of(newest) if comments else 0),
        requester=asked or found.requester,
        comments=tuple(comments),
        complete=True,
    )


def comments_of(remote_id: str) -> Call[list[RemoteComment]]:
    """Read every comment of a task, oldest first."""
    found: dict[str, RemoteComment] = {}
    order = [{"field": "id", "direction": "Asc"}]
    for page in range(MAX_PAGES):
        asked = {"offset": page * PAGE, "pageSize": PAGE, "fields": COMMENT_FIELDS, "typeList": "Comments"}
        request = listing(f"/task/{remote_id}/comments/list", "read comments", {**asked, "resultOrder": order})
        rows = objects(obj((yield from ask(request))).get("comments"))
        for row in rows:
            said = mapping.comment(row)
            if said is not None:
                found[said.remote_id] = said
        if len(rows) < PAGE:
            break
    return sorted(found.values(), key=lambda said: (said.at, int(said.remote_id)))


def _with_address(person: Any) -> Call[RemotePerson | None]:
    """Read somebody's address, which a task does not show."""
    if not isinstance(person, RemotePerson) or not person.external_id:
        return None
    kind, _, number = person.external_id.partition(":")
    body = yield from ask(get(f"/{kind}/{number}", "read requester", fields="id,name,lastname,email"))
    data = obj((body or {}).get(kind))
    return msgspec.structs.replace(person, email=text(data.get("email")).strip())


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: the newest change that was seen when the last round ended
    at: datetime
    #: the newest one in this round, and the rows of it that were read
    top: datetime | None = None
    offset: int = 0


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed; a round ends with `end=True`."""
    try:
        state = msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        state = _Cursor(now - FIRST_LOOK)
    rows = yield from _page(account, CHANGED, state.at, now, state.offset)
    tasks = [found for row in rows if (found := mapping.task(row, account, at=mapping.EPOCH)) is not None]
    since = state.at - DAY
    top = max([task.updated_at for task in tasks] + ([state.top] if state.top else []), default=None)
    if len(rows) < PAGE:
        following = _Cursor(max(state.at, top or state.at))
    else:
        following = _Cursor(state.at, top, state.offset + len(rows))
    recent = tuple(task for task in tasks if task.updated_at >= since or not task.version)
    return ChangePage(recent, msgspec.json.encode(following).decode(), end=not following.offset)


def _page(account: Account, by: int, since: datetime, until: datetime, offset: int) -> Call[list[Json]]:
    value = {"dateType": "otherRange", "dateFrom": _day(since - DAY), "dateTo": _day(max(since, until) + DAY)}
    asked = {
        "offset": offset,
        "pageSize": PAGE,
        "fields": task_fields(account),
        "sourceId": account.source_id,
        "filters": [{"type": by, "operator": "equal", "value": value}],
    }
    return objects(obj((yield from ask(listing("/task/list", "list tasks", asked)))).get("tasks"))


def made_since(account: Account, since: datetime) -> Call[list[Json]]:
    """Read the tasks that were made since then, and a day before."""
    found: list[Json] = []
    for page in range(MAX_PAGES):
        rows = yield from _page(account, MADE, since, since + 30 * DAY, page * PAGE)
        found += rows
        if len(rows) < PAGE:
            return found
    msg = f"Planfix lists more than {MAX_PAGES * PAGE} new tasks"
    raise TransportError(msg)


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d-%m-%Y")


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when it is not there or out of our sight. Planfix leads to where it is kept."""
    if not is_task_id(attachment.remote_id):
        return None
    request = HttpRequest("GET", f"{API}/file/{attachment.remote_id}/download", label="read file", keep=True)
    response = yield request
    if response.status in {403, 404} or code_of(response) in GONE:
        return None
    require(request, response)
    return response.blob if response.blob is not None else response.body


def status_id(account: Account, process: str, names: Sequence[str]) -> Call[tuple[int, str]]:
    """Return the id of the first of these statuses that a process has, and its name.

    Raises UnmappedError where it has none.
    """
    if process not in account.known or not any(name.lower() in account.known[process] for name in names):
        body = yield from ask(get(f"/process/task/{process}/statuses", "statuses of a process", fields="id,name"))
        rows = objects(obj(body).get("statuses"))
        account.known[process] = {text(row.get("name")).lower(): int(ident(row.get("id")) or 0) for row in rows}
    for name in names:
        number = account.known[process].get(name.lower())
        if number:
            return number, name
    there = ", ".join(account.known[process])
    msg = f"process {process} of Planfix has no status {names[0]!r} (there are: {there})"
    raise UnmappedError(msg)


# ---------------------------------------------------------------- people


def whoami(account: Account) -> Call[Identity]:
    """Say who we are: Planfix does not tell of a token, so the employee that the site names is read with it."""
    number = account.account_id.removeprefix("user:")
    data = yield from _user(number)
    if data is None:
        msg = f"Planfix has no employee {number}: account_id is the number of the token's employee"
        raise AuthenticationError(msg)
    person = RemotePerson(account.account_id, text(data.get("email")), name=_name(data), role="agent")
    return Identity(person, f"{person.label}, {account.account_id}")


def _user(number: str) -> Call[Json | None]:
    body = yield from ask(get(f"/user/{number}", "read employee", fields=PERSON_FIELDS))
    data = obj((body or {}).get("user"))
    return data if ident(data.get("id")) == number else None


def _name(data: Json) -> str:
    return " ".join(part for part in (text(data.get("name")), text(data.get("lastname"))) if part)


def agents(accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Look for these employees; one that is not there is left out. Whom another stands in for is away."""
    found: list[DeskAgent] = []
    for name in sorted(accounts):
        number = ident(name.removeprefix("user:"))
        data = (yield from _user(number)) if number else None
        if data is None:
            continue
        active = data.get("isDeleted") is not True and text(data.get("status")) != "Inactive"
        stand_in = obj(data.get("temporaryReplacement")).get("isEnabled") is True
        state = AgentState.AWAY if stand_in and active else AgentState.UNKNOWN
        found.append(DeskAgent(f"user:{number}", text(data.get("email")), _name(data), active, state))
    return found


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami(account)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail)]
    for name, path, scope in (
        ("list", "/task/list", "task_readonly"),
        ("processes", "/process/task", "process_readonly"),
    ):
        asked = {"offset": 0, "pageSize": 1, "fields": "id,sourceObjectId", "sourceId": account.source_id}
        request = listing(path, f"try {name}", asked) if name == "list" else get(path, f"try {name}", fields="id,name")
        response = yield request
        ok = response.ok and (decoded(response) or {}).get("result") != "fail"
        told = "can be read" if ok else f"HTTP {response.status}, code {code_of(response)}: give the token {scope}"
        facts = {"marker_ticket": ok} if name == "list" else {}
        results.append(CheckResult(name, ok=ok, detail=told, facts=facts))
    if not account.webhook_secrets:
        told = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=told, warning=True))
    return results
