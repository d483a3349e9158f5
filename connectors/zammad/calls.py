"""What is read from Zammad: one ticket whole, what changed, files, who we are, who is there, and whether it will do.

Changes are searched for by the database and not by the index, which lags: a search with a condition and no query is
answered by SQL in every version. A round walks up `updated_at`, each page beginning where the last one ended, so that a
ticket that changes meanwhile is met again and none is skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

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
    Status,
    TransportError,
)
from connectors.zammad import mapping
from connectors.zammad.account import MERGED, Account
from connectors.zammad.asking import PAGE, ask, condition, decoded, desk_time, get, is_ticket_id, require
from connectors.zammad.mapping import ident, moment, obj, objects, text

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: transactions that began before the last round and were committed after it
OVERLAP = timedelta(seconds=30)
#: a ticket and its first article are of one transaction, and their times need not be the same
OPENING = timedelta(seconds=1)


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket and all its articles; None when it is not there or out of our sight.

    The article that it was opened with is its description: that becomes the body and is no comment.
    """
    if not is_ticket_id(remote_id):
        return None
    body = yield from ask(get(f"/tickets/{remote_id}", "read ticket", expand="true"), none=frozenset({403, 404}))
    if body is None:
        return None
    found = mapping.ticket(obj(body), account, at=mapping.EPOCH)
    if found is None:
        msg = f"Zammad's answer to reading ticket {remote_id} holds no ticket"
        raise TransportError(msg)
    if isinstance(found.status, Status) and found.status.native.lower() == MERGED:
        survivor = yield from _survivor(remote_id)
        return msgspec.structs.replace(found, merged_into=survivor, complete=True)
    articles = yield from articles_of(account, remote_id)
    tags = yield from ask(get("/tags", "read tags", object="Ticket", o_id=remote_id), none=frozenset({403, 404}))
    customer = yield from _user(found.requester)
    first = _description(articles, found.created_at)
    return msgspec.structs.replace(
        found,
        body=first.body if first else "",
        attachments=first.attachments if first else (),
        lost=first.lost if first else (),
        source_format=first.source_format if first else "",
        raw=first.raw if first else "",
        comments=tuple(each for each in articles if each is not first),
        tags=mapping.tags(obj(tags).get("tags")) if tags is not None else msgspec.UNSET,
        requester=customer or found.requester,
        complete=True,
    )


def _description(articles: Sequence[RemoteComment], opened: datetime | None) -> RemoteComment | None:
    """Return the article that a ticket was opened with; those of an older one that was merged into it are comments."""
    own = [each for each in articles if opened is None or each.at >= opened - OPENING]
    return next(iter(own or articles), None)


def articles_of(account: Account, remote_id: str) -> Call[list[RemoteComment]]:
    """Read every article of a ticket, oldest first: Zammad gives them all at once."""
    body = yield from ask(get(f"/ticket_articles/by_ticket/{remote_id}", "read articles", expand="true"))
    found = [mapping.article(item, account, at=mapping.EPOCH) for item in objects(body)]
    known = {each.remote_id: each for each in found if each is not None}
    return sorted(known.values(), key=lambda each: (each.at, int(each.remote_id)))


def _survivor(remote_id: str) -> Call[str]:
    """Return into which ticket one was merged, by its history; empty where that does not say."""
    body = yield from ask(get(f"/ticket_history/{remote_id}", "into which ticket it was merged"), none={403, 404})
    merges = [item for item in objects(obj(body).get("history")) if text(item.get("type")) == "merged_into"]
    return ident(merges[-1].get("id_to")) if merges else ""


def _user(person: Any) -> Call[RemotePerson | None]:
    """Read the customer's address, which a ticket does not show."""
    if not isinstance(person, RemotePerson) or not person.external_id:
        return None
    body = yield from ask(get(f"/users/{person.external_id}", "read customer"), none=frozenset({403, 404}))
    return mapping.person(person.external_id, obj(body), "customer") if body is not None else None


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: `updated_at` of the last ticket that was seen
    at: datetime
    #: the page of those that were changed at that same instant or later; above 1 only where one instant fills a page
    page: int = 1
    #: a round is under way
    going: bool = False


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed; a round ends with `end=True`."""
    try:
        state = msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        state = _Cursor(now - FIRST_LOOK)
    since = state.at if state.going else state.at - OVERLAP
    request = get(
        "/tickets/search",
        "what changed",
        **condition("ticket.updated_at", "after (absolute)", _stamp(since)),
        sort_by="updated_at",
        order_by="asc",
        expand="true",
        per_page=str(PAGE),
        page=str(state.page),
    )
    rows = objects((yield from ask(request, none=())))
    tickets = [found for row in rows if (found := mapping.ticket(row, account, at=mapping.EPOCH)) is not None]
    newest = max((each.updated_at for each in tickets), default=state.at)
    if len(rows) < PAGE:
        following = _Cursor(max(newest, state.at))
    elif newest > since:
        following = _Cursor(newest, going=True)
    else:
        following = _Cursor(since, state.page + 1, going=True)
    return ChangePage(tuple(tickets), msgspec.json.encode(following).decode(), end=not following.going)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when it is not there or out of our sight."""
    path = mapping.file_path(attachment.remote_id)
    if not path:
        return None
    request = HttpRequest("GET", path, label="read file", keep=True)
    response = yield request
    if response.status in {403, 404}:
        return None
    require(request, response)
    return response.blob if response.blob is not None else response.body


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold."""
    body = obj((yield from ask(get("/users/me", "who are we", expand="true"), none=frozenset({403, 404}))))
    number = ident(body.get("id"))
    person = mapping.person(number, body, _role(body))
    if not number or person is None:
        msg = "Zammad does not know who we are: check auth in gateway.yaml, and that API token access is on"
        raise AuthenticationError(msg)
    account.account_id = number
    return Identity(person, f"{person.label}, {person.role or 'unknown role'}, id {number}")


def _role(body: mapping.Json) -> str:
    names = {name.lower() for name in body.get("roles") or () if isinstance(name, str)}
    if "agent" in names:
        return "agent"
    return "customer" if names == {"customer"} else ""


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami(account)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    customer = us.person.role == "customer"
    told = "a customer: use the token of an agent with the permission ticket.agent" if customer else "may be an agent"
    results.append(CheckResult("role", ok=not customer, detail=told))
    response = yield get("/tickets/search", "try the search", **_since_ever(), per_page="1", expand="true")
    listed = isinstance(decoded(response), list) and response.ok
    detail = "tickets can be searched" if listed else f"HTTP {response.status}: give the agent groups to read"
    results.append(CheckResult("search", ok=listed, detail=detail))
    marked = yield get("/tickets/search", "try the mark", **condition(f"ticket.{account.marker}", "is", "none"))
    told = (
        f"the attribute {account.marker} is there"
        if marked.ok
        else f"tickets have no attribute {account.marker} (HTTP {marked.status}): without it a creation whose answer "
        "is lost is left to a person. Add a text attribute of that name under Admin > System > Objects > Ticket"
    )
    results.append(CheckResult("marker", ok=marked.ok, detail=told, warning=True, facts={"marker_ticket": marked.ok}))
    if not account.webhook_secrets:
        told = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=told, warning=True))
    return results


def _since_ever() -> dict[str, str]:
    return condition("ticket.updated_at", "after (absolute)", _stamp(mapping.EPOCH))


# ---------------------------------------------------------------- people


def agents(accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Look for these accounts: Zammad lists customers and agents as one. One that is not there is left out."""
    found: list[DeskAgent] = []
    for name in sorted(accounts):
        if not is_ticket_id(name):
            continue
        request = get(f"/users/{name}", "read agent", expand="true")
        response = yield request
        if response.status == 404:
            continue
        require(request, response)
        user = obj(decoded(response))
        if ident(user.get("id")) != name:
            msg = f"Zammad's answer is not the user {name}"
            raise TransportError(msg)
        found.append(_agent(name, user, (desk_time(response) or mapping.EPOCH).date()))
    return found


def _agent(name: str, user: mapping.Json, today: date) -> DeskAgent:
    """Read a user: who is out of office (`out_of_office`, with its first and last day) is away."""
    person = mapping.person(name, user, "agent") or RemotePerson(name)
    active = user.get("active") is not False and _role(user) != "customer"
    first, last = text(user.get("out_of_office_start_at")), text(user.get("out_of_office_end_at"))
    out = user.get("out_of_office") is True and (first or "0") <= today.isoformat() <= (last or "9")
    state = AgentState.AWAY if out and active else AgentState.UNKNOWN
    return DeskAgent(name, person.email, person.name, active, state, moment(first) if out and active else None)
