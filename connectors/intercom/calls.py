"""What is read from Intercom: one ticket or conversation whole, and what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from connectors.intercom import mapping
from connectors.intercom.account import Account
from connectors.intercom.asking import PAGE, ask, get, is_id, path_part, post, taken, time_of
from connectors.intercom.mapping import Json, ident, obj, objects, text
from connectors.sdk import Attachment, Blob, Call, ChangePage, HttpRequest, RemotePerson, RemoteTicket, TransportError

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: the search runs behind, and shows whole seconds: this long is looked at again
OVERLAP = timedelta(minutes=2)
#: where addresses of files lead
HOSTS = (
    "*.intercomcdn.com", "intercomcdn.com", "*.intercomcdn.eu", "*.intercomassets.com", "*.intercom-attachments.com",
    *(f"*.intercom-attachments-{number}.com" for number in range(1, 10)), "*.intercom-attachments.eu",
)  # fmt: skip


def located(account: Account, remote_id: str) -> Call[tuple[Json | None, datetime | None]]:
    """Read a ticket, else a conversation, with that id, and Intercom's clock; None where it is not there for us.

    A customer's ticket is a conversation as well: as a ticket it says more.
    """
    if not is_id(remote_id):
        return None, None
    at: datetime | None = None
    for kind in account.objects:
        request = get(f"/{kind}/{path_part(remote_id)}", f"read one of {kind}")
        response = yield request
        at = time_of(response) or at
        found = taken(response, request, none=(403, 404))
        if found is not None:
            return found, at
    return None, at


def record(account: Account, remote_id: str) -> Call[Json | None]:
    """Read a ticket, else a conversation, with that id; None where it is not there for us."""
    return (yield from located(account, remote_id))[0]


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket or conversation and all that was said; None when it is deleted or out of our sight.

    Intercom gives the newest 500 parts, and no more.
    """
    data = yield from record(account, remote_id)
    if data is None:
        return None
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None:
        msg = f"Intercom's {remote_id} has no id"
        raise TransportError(msg)
    known = yield from people(data)
    requester = found.requester if isinstance(found.requester, RemotePerson) else None
    if requester is not None and not requester.email:
        requester = (yield from contact(requester.external_id)) or requester
    assignee = found.assignee
    if isinstance(assignee, RemotePerson):
        assignee = known.get(assignee.external_id, assignee)
    return msgspec.structs.replace(
        found, requester=requester, assignee=assignee, comments=tuple(mapping.comments(data)), complete=True
    )


def people(data: Json) -> Call[dict[str, RemotePerson]]:
    """Return the teammates by id, where anybody has the ticket: another desk knows them by their addresses."""
    if not ident(data.get("admin_assignee_id")):
        return {}
    body = yield from ask(get("/admins", "list teammates"), none=(403, 404))
    found = (mapping.person({"type": "admin", **each}) for each in objects((body or {}).get("admins")))
    return {each.external_id: each for each in found if each is not None}


def contact(number: str) -> Call[RemotePerson | None]:
    """Read a contact; None where it was deleted, or merged into another."""
    body = yield from ask(get(f"/contacts/{path_part(number)}", "read the contact"), none=(403, 404))
    found = mapping.person({"type": "contact", **(body or {})}) if body is not None else None
    return found


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands, in seconds."""

    #: all that changed before this was seen
    seen: int
    #: of the walk that is under way: where it began by Intercom's clock, and the newest change that it saw
    begun: int = 0
    top: int = 0
    kind: str = ""
    after: str = ""


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed: first of tickets, then of conversations.

    The search of tickets has no order [5], so the next walk begins no later than this one did: whatever changes while
    it goes on is seen by the next.
    """
    state = _state(cursor, now)
    kind = state.kind or account.objects[0]
    since = max(1, state.seen - int(OVERLAP.total_seconds()))
    request = post(f"/{kind}/search", f"search {kind}", _query(since, state.after))
    response = yield request
    body = taken(response, request, none=()) or {}
    begun = state.begun or int((time_of(response) or now).timestamp())
    listed = objects(body.get(kind)) or objects(body.get("data"))
    tickets = [found for each in _wanted(account, kind, listed) if (found := mapping.ticket(each, account, at=now))]
    top = max([state.top, *(int(each.updated_at.timestamp()) for each in tickets)])
    after = text(obj(obj(body.get("pages")).get("next")).get("starting_after"))
    walking = msgspec.structs.replace(state, begun=begun, top=top)
    if after and after != state.after and listed:
        following = msgspec.structs.replace(walking, kind=kind, after=after)
    elif kind != account.objects[-1]:
        following = msgspec.structs.replace(walking, kind=account.objects[-1], after="")
    else:
        following = _Cursor(max(state.seen, min(top, begun)))
    return ChangePage(tuple(tickets), msgspec.json.encode(following).decode(), end=not following.kind)


def _wanted(account: Account, kind: str, listed: list[Json]) -> Iterator[Json]:
    """Leave out the conversations that are tickets, where those are told of as tickets."""
    both = kind == "conversations" and "tickets" in account.objects
    yield from (each for each in listed if not (both and obj(each.get("ticket"))))


def _state(cursor: str, now: datetime) -> _Cursor:
    first = _Cursor(int((now - FIRST_LOOK).timestamp()))
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else first
    except msgspec.DecodeError:
        return first


def _query(since: int, after: str) -> Json:
    wanted = {"field": "updated_at", "operator": ">", "value": since}
    page = {"per_page": PAGE, **({"starting_after": after} if after else {})}
    return {"query": {"operator": "AND", "value": [wanted]}, "pagination": page}


def fetch(account: Account, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file. Its address holds for a while only, so the part that has it is read for a new one."""
    address = yield from _address(account, attachment.remote_id)
    if not address:
        return None
    response = yield HttpRequest("GET", address, label="read the file", keep=True)
    if response.ok and response.blob is not None:
        return response.blob
    if response.status in {401, 403, 404, 410}:
        return None
    msg = f"Intercom did not give the file: HTTP {response.status}"
    raise TransportError(msg)


def _address(account: Account, remote_id: str) -> Call[str]:
    number, _, rest = remote_id.partition(":")
    part, _, place = rest.partition(":")
    data = yield from record(account, number)
    if data is None:
        return ""
    source = obj(data.get("source")) or obj(data.get("conversation_message"))
    held = [source] if part == "source" else [each for each in mapping.parts_of(data) if ident(each.get("id")) == part]
    listed = [each for one in held for each in mapping.files(number, part, one.get("attachments"))]
    return next((each.url for each in listed if each.remote_id.rpartition(":")[2] == place), "")
