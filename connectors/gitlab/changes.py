"""Polling: which issues changed, project by project, by `updated_at`.

Each page begins at the time of the last issue of the page before, so that one that changes meanwhile moves no other
out of sight, and GitLab need not be so new as to have keyset pages for issues. Only where a whole page bears one time
is the next page of it asked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from connectors.gitlab import mapping
from connectors.gitlab.account import Account
from connectors.gitlab.asking import PAGE, get, page, project_path
from connectors.sdk import Call, ChangePage, RemoteTicket, TransportError

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: a transaction may be committed this long after it took its time
OVERLAP = timedelta(seconds=30)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text. Times are GitLab's."""

    #: every change before this was seen, by project
    seen: dict[str, datetime] = {}
    #: where new projects begin
    first: datetime | None = None
    #: the project at work, the time at which its page begins, which page of that time, and the newest change seen
    project: str = ""
    at: datetime | None = None
    page: int = 1
    top: datetime | None = None


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed, as hints without notes."""
    state = _state(cursor, now)
    project = state.project if state.project in account.projects else account.projects[0]
    base = state.seen.get(project) or state.first or now - FIRST_LOOK
    since = state.at if state.project == project and state.at is not None else base - OVERLAP
    number = state.page if state.project == project else 1
    request = get(
        f"{project_path(project)}/issues", "list changes", scope="all", order_by="updated_at", sort="asc",
        updated_after=_stamp(since), per_page=str(PAGE), page=str(number),
    )  # fmt: skip
    rows, more = yield from page(request)
    found = [one for row in rows if (one := mapping.ticket(row, account, at=mapping.EPOCH)) is not None]
    if any(one.updated_at < since - timedelta(milliseconds=1) for one in found):
        msg = "GitLab answers with issues that did not change since"
        raise TransportError(msg)
    if account.skips_confidential:
        secret = {mapping.remote_id(mapping.ident(row.get("project_id")), mapping.ident(row.get("iid")))
                  for row in rows if row.get("confidential") is True}  # fmt: skip
        found = [one for one in found if one.remote_id not in secret]
    times = [at for row in rows if (at := mapping.moment(row.get("updated_at"))) is not None]
    top = max([*times, *([state.top] if state.top and state.project == project else [])], default=base)
    if more and rows:
        last = max(times, default=since)
        onward = {"at": last, "page": 1} if last > since else {"at": since, "page": number + 1}
        going = msgspec.structs.replace(state, project=project, top=top, **onward)
        return _page(found, going, end=False)
    seen = {name: at for name, at in state.seen.items() if name in account.projects}
    seen[project] = max(base, top)
    place = account.projects.index(project) + 1
    following = account.projects[place] if place < len(account.projects) else ""
    return _page(found, Cursor(seen, state.first or base, following), end=not following)


def _state(cursor: str, now: datetime) -> Cursor:
    try:
        return msgspec.json.decode(cursor, type=Cursor) if cursor else Cursor(first=now - FIRST_LOOK)
    except msgspec.DecodeError:
        return Cursor(first=now - FIRST_LOOK)


def _page(tickets: list[RemoteTicket], state: Cursor, *, end: bool) -> ChangePage:
    return ChangePage(tuple(tickets), msgspec.json.encode(state).decode(), end)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
