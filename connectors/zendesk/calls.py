"""What is read from Zendesk: one ticket whole, what changed, who we are, and whether the connection will do.

Changes are polled in two ways, because neither suffices. The list by `updated_at` shows a change at once but ends at
10,000 tickets and does not move for changes that leave `updated_at` alone; the cursor export [Z8] misses nothing
but leaves out the last minute [Z9] and may be called only ten times a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Call,
    ChangePage,
    CheckResult,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)
from connectors.zendesk import mapping, metric_events, texts
from connectors.zendesk.account import Account
from connectors.zendesk.asking import (
    API,
    MAX_PAGES,
    PAGE,
    ask,
    get,
    is_ticket_id,
    more_after,
    next_params,
    orgs_in,
    people_in,
    ticket_path,
)
from connectors.zendesk.mapping import Json, ident, obj, objects, text
from connectors.zendesk.ticket_fields import resolve

SIDE_LOADS = "users,organizations,comment_count"
#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: tickets this much older than the newest one seen are shown again; their names make that free
OVERLAP = timedelta(seconds=60)
#: the export repairs what the list cannot show
EXPORT_EVERY = timedelta(minutes=5)
#: and is tried again so soon after it refused
EXPORT_RETRY = timedelta(minutes=1)
#: pages of the list before the rest is left to the export, where there is one
LIST_PAGES = 10


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket and all its comments; None when it is deleted or out of our sight.

    The first comment of a Zendesk ticket is its description: it becomes the body and is no comment.
    """
    if not is_ticket_id(remote_id):
        return None
    request = get(ticket_path(remote_id), "read ticket", include=SIDE_LOADS)
    body = yield from ask(request, none=frozenset({403, 404}))
    if body is None:
        return None
    data = obj(body.get("ticket"))
    if text(data.get("status")).lower() in mapping.DELETED:
        return None
    people = people_in(body)
    found = mapping.ticket(data, account, at=mapping.EPOCH, people=people, orgs=orgs_in(body))
    if found is None:
        msg = f"Zendesk's answer to reading ticket {remote_id} holds no ticket"
        raise TransportError(msg)
    comments, first = yield from comments_of(remote_id, people)
    described = text(data.get("description"))
    if comments and any(texts.same_text(each, described) for each in (*first, comments[0].body)):
        found, comments = _described(found, comments[0]), comments[1:]
    elif "description" in data:
        found = msgspec.structs.replace(found, body=described)
    return msgspec.structs.replace(found, plain_body=described, comments=tuple(comments), complete=True)


def _described(ticket: RemoteTicket, first: RemoteComment) -> RemoteTicket:
    """Return a ticket with the first comment as its body, and what hangs on that as its files."""
    seen = first.visibility
    return msgspec.structs.replace(
        ticket,
        body=first.body,
        lost=first.lost,
        source_format=first.source_format,
        raw=first.raw,
        attachments=tuple(msgspec.structs.replace(each, visibility=seen, opening=True) for each in first.attachments),
    )


def comments_of(remote_id: str, people: dict[str, RemotePerson]) -> Call[tuple[list[RemoteComment], tuple[str, ...]]]:
    """Read every comment of a ticket, oldest first; returns them and how the first reads without its form."""
    found: dict[str, RemoteComment] = {}
    plain: dict[str, tuple[str, ...]] = {}
    params = {"page": "1", "per_page": str(PAGE)}
    for page in range(1, MAX_PAGES + 1):
        body = yield from ask(
            get(
                f"{ticket_path(remote_id)}/comments",
                "read comments",
                include="users",
                include_inline_images="true",
                sort_order="asc",
                **params,
            )
        )
        if body is None:
            break
        known = people | people_in(body)
        before = len(found)
        for item in objects(body.get("comments")):
            comment = mapping.comment(item, known, at=mapping.EPOCH)
            if comment is not None:
                found[comment.remote_id] = comment
                plain[comment.remote_id] = (text(item.get("body")), text(item.get("plain_body")))
        if not more_after(body) or len(found) == before:
            break
        params = next_params(body, page)
    comments = sorted(found.values(), key=lambda comment: comment.at)
    return comments, plain[comments[0].remote_id] if comments else ()


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: the newest `updated_at` seen when a walk down the list ended (Zendesk's clock)
    seen: datetime
    #: the next page of a walk that is under way, the newest seen in it, and its parameters
    page: int = 1
    top: datetime | None = None
    params: dict[str, str] = {}
    #: the list is done in this round and the export is at work
    exporting: bool = False
    export: str = ""
    export_due: datetime | None = None
    #: the export refused last time: the list is then walked to its end
    alone: bool = False
    #: the newest change of a walk that was cut short; `seen` moves there once the export has brought the rest
    cut: datetime | None = None
    #: how far its own SLA clocks were read
    clocks: metric_events.Progress = metric_events.Progress()


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed; a round ends with `end=True`.

    Raises AuthenticationError, ThrottledError and TransportError as reads do; the cursor then stays as it was.
    """
    state = _state(cursor, now)
    page = yield from (_export if state.exporting else _list)(account, state, now)
    if not page.end or not account.reads_clocks:
        return page
    # after the tickets that they are about
    events, clocks = yield from metric_events.poll(state.clocks, now)
    following = msgspec.structs.replace(_state(page.cursor, now), clocks=clocks)
    more = clocks.due is not None and clocks.due <= now
    return ChangePage(page.tickets, msgspec.json.encode(following).decode(), end=not more, events=events)


def _state(cursor: str, now: datetime) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        return _Cursor(now - FIRST_LOOK)


def _page(tickets: list[RemoteTicket], state: _Cursor, *, end: bool) -> ChangePage:
    return ChangePage(tuple(tickets), msgspec.json.encode(state).decode(), end)


def _list(account: Account, state: _Cursor, now: datetime) -> Call[ChangePage]:
    """Read one page of the list, newest change first, down to where the last walk began."""
    params = state.params or {"page": "1", "per_page": str(PAGE)}
    body = yield from ask(
        get(f"{API}/tickets", "list changes", sort_by="updated_at", sort_order="desc", include=SIDE_LOADS, **params)
    )
    if body is None:
        return (yield from _export(account, state, now))
    tickets = _tickets(account, body)
    bound = state.seen - OVERLAP
    recent = [ticket for ticket in tickets if ticket.updated_at >= bound]
    top = max([ticket.updated_at for ticket in tickets] + ([state.top] if state.top else []), default=None)
    falling = all(one.updated_at >= other.updated_at for one, other in pairwise(tickets))
    more = more_after(body) and bool(tickets) and (len(recent) == len(tickets) or not falling)
    if more and state.page < (MAX_PAGES if state.alone else LIST_PAGES):
        going_on = msgspec.structs.replace(state, page=state.page + 1, top=top, params=next_params(body, state.page))
        return _page(recent, going_on, end=False)
    due = more or state.export_due is None or now >= state.export_due
    newest = max(state.seen, top or state.seen)
    done = msgspec.structs.replace(
        state,
        seen=state.seen if more else newest,
        cut=newest if more else None,
        page=1,
        top=None,
        params={},
        exporting=due,
    )
    if done.exporting and not done.export:
        # a first export begins where this walk should have ended
        done = msgspec.structs.replace(done, export=f"start:{int(bound.timestamp())}")
    return _page(recent, done, end=not due)


def _export(account: Account, state: _Cursor, now: datetime) -> Call[ChangePage]:
    """Read one page of the cursor export; where Zendesk refuses it, polling goes on with the list alone."""
    begin = state.export.removeprefix("start:") if state.export.startswith("start:") else ""
    if not state.export:
        begin = str(int((state.seen - OVERLAP).timestamp()))
    where = {"start_time": begin} if begin else {"cursor": state.export}
    response = yield get(
        f"{API}/incremental/tickets/cursor",
        "export changes",
        include="users,organizations",
        per_page=str(PAGE),
        **where,
    )
    if response.status == 401:
        msg = "Zendesk does not accept our credentials"
        raise AuthenticationError(msg)
    body = None
    if response.ok:
        try:
            body = obj(response.json())
        except (msgspec.DecodeError, RecursionError):
            body = None
    if body is None:
        busy = response.status in {429, 503}
        later = msgspec.structs.replace(
            state, exporting=False, export_due=now + (EXPORT_RETRY if busy else EXPORT_EVERY), alone=not busy, cut=None
        )
        return _page([], later, end=True)
    after = text(body.get("after_cursor"))
    ended = body.get("end_of_stream") is not False or (not after)
    following = msgspec.structs.replace(
        state,
        exporting=not ended,
        export=after or state.export,
        export_due=now + EXPORT_EVERY if ended else state.export_due,
        alone=False,
        seen=max(state.seen, state.cut) if ended and state.cut else state.seen,
        cut=None if ended else state.cut,
    )
    return _page(_tickets(account, body), following, end=ended)


def _tickets(account: Account, body: Json) -> list[RemoteTicket]:
    people, orgs = people_in(body), orgs_in(body)
    found = (
        mapping.ticket(item, account, at=mapping.EPOCH, people=people, orgs=orgs)
        for item in objects(body.get("tickets"))
    )
    return [ticket for ticket in found if ticket is not None]


def whoami() -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold.

    Zendesk answers 200 with an anonymous user (id null) to a request without credentials.
    """
    body = yield from ask(get(f"{API}/users/me.json", "who are we"))
    person = mapping.person(obj((body or {}).get("user")))
    if person is None:
        msg = "Zendesk does not know who we are: check auth in gateway.yaml, and that token access is on"
        raise AuthenticationError(msg)
    return Identity(person, f"{person.label}, {person.role or 'unknown role'}, id {person.external_id}")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    results: list[CheckResult] = []
    try:
        us = yield from whoami()
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results.append(CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id}))
    agent = us.person.role == "agent"
    told = "an agent" if agent else "not an agent: comments would be a customer's; use an agent's token"
    results.append(CheckResult("role", ok=agent, detail=told))
    tickets = yield get(f"{API}/tickets", "try the list", per_page="1")
    listed = "tickets can be listed" if tickets.ok else f"HTTP {tickets.status}: the agent must see all tickets"
    results.append(CheckResult("list", ok=tickets.ok, detail=listed))
    since = str(int((mapping.EPOCH + timedelta(days=1)).timestamp()))
    export = yield get(f"{API}/incremental/tickets/cursor", "try the export", start_time=since, per_page="1")
    exported = (
        "changes can be exported"
        if export.ok
        else f"HTTP {export.status}: only admins may export; changes are then polled from the list alone"
    )
    results.append(CheckResult("export", ok=export.ok, detail=exported, warning=True))
    if account.reads_clocks:
        clocks = yield get(f"{API}/incremental/ticket_metric_events", "try the metric events", start_time=since)
        words = (
            "its SLA clocks can be read"
            if clocks.ok
            else f"HTTP {clocks.status}: only an admin may read its SLA clocks"
        )
        results.append(CheckResult("metric_events", ok=clocks.ok, detail=words))
    if account.own_fields:
        results.append((yield from _own_fields(account)))
    if not account.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results


def _own_fields(account: Account) -> Call[CheckResult]:
    """Say whether the custom fields into which due times are written are there, and keep their ids."""
    yield from resolve(account, account.own_fields)
    missing = [name for name in sorted(account.own_fields) if name not in account.field_ids and not name.isdigit()]
    facts = {
        "custom_fields": {name: account.field_ids[name] for name in account.own_fields if name in account.field_ids}
    }
    if missing:
        words = f"Zendesk has no custom field named {', '.join(missing)}: add it, or name its id under custom_fields"
        return CheckResult("custom_fields", ok=False, detail=words, facts=facts)
    return CheckResult("custom_fields", ok=True, detail=", ".join(sorted(account.own_fields)), facts=facts)


def own_id(account: Account) -> Call[str]:
    """Return our user id there, from the settings or by asking; empty when it cannot be told."""
    if account.account_id:
        return account.account_id
    body = yield from ask(get(f"{API}/users/me.json", "who are we"))
    return ident(obj((body or {}).get("user")).get("id"))
