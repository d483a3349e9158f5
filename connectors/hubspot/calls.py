"""What is read from HubSpot: one ticket whole, and what changed.

Changes are searched by `hs_lastmodifieddate`. A search shows 200 tickets a page and 10,000 in all, and its pages are
counted from the beginning, so that a ticket which changes meanwhile pushes another out of sight. So no page is asked
for by its number: each begins where the one before ended, by time, and by id where 200 changed in one millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from connectors.hubspot import files, mapping
from connectors.hubspot.account import Account
from connectors.hubspot.asking import THREADS, TICKETS, ask, associated, batch, get, is_id, pages, path_part, post
from connectors.hubspot.mapping import ASKED, Json, ident, moment, obj, objects, text
from connectors.sdk import Attachment, Call, ChangePage, RemoteComment, RemotePerson, RemoteTicket, TransportError

#: the most that one page of a search holds [3]
PAGE = 200
#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: the search index runs behind the records: what changed this long before the newest one seen is shown again
OVERLAP = timedelta(minutes=2)
MODIFIED = "hs_lastmodifieddate"

Owners = Mapping[str, RemotePerson]


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket and all that was said; None when it is deleted or out of our sight.

    HubSpot answers the id of a ticket that was merged away with the ticket that is left.
    """
    if not is_id(remote_id):
        return None
    data = yield from record(account, remote_id, associations="contacts")
    if data is None:
        return None
    owners = yield from owners_of()
    found = mapping.ticket(data, account, owners=owners)
    if found is None:
        msg = f"HubSpot's ticket {remote_id} has no id"
        raise TransportError(msg)
    if found.remote_id != remote_id:
        return msgspec.structs.replace(found, remote_id=remote_id, key=remote_id, merged_into=found.remote_id)
    comments = yield from comments_of(data, owners)
    requester = yield from _requester(data)
    told: list[RemoteComment] = []
    for each in comments:
        known = yield from _described(each.attachments)
        told.append(msgspec.structs.replace(each, attachments=known) if known else each)
    return msgspec.structs.replace(
        found,
        requester=requester,
        comments=tuple(told),
        attachments=(yield from _described(found.attachments)),
        complete=True,
    )


def _described(attachments: tuple[Attachment, ...]) -> Call[tuple[Attachment, ...]]:
    """Return files with their names, types and sizes, which HubSpot keeps apart from where they are shown."""
    found: tuple[Attachment, ...] = ()
    for each in attachments:
        found += ((yield from files.described(each)),)
    return found


def record(account: Account, remote_id: str, *, by_key: bool = False, **more: str) -> Call[Json | None]:
    """Read a ticket's record by its id, or by our key; None where there is none, or none for us."""
    asked = {"properties": ",".join(mapping.properties(account)), **more}
    if by_key:
        asked["idProperty"] = account.key_property
    return (yield from ask(get(f"{TICKETS}/{path_part(remote_id)}", "read a ticket", **asked), none=(403, 404)))


def owners_of() -> Call[dict[str, RemotePerson]]:
    """Return every owner by id, and by the user that they are; none where we may not list them."""
    found: dict[str, RemotePerson] = {}
    for data in (yield from pages("/crm/v3/owners", "list owners", none=(403, 404), limit="500")) or []:
        person = mapping.owner_of(data)
        if person is not None:
            found[person.external_id] = person
            if ident(data.get("userId")):
                found[f"user:{ident(data.get('userId'))}"] = person
    return found


def _requester(data: Json) -> Call[RemotePerson | None]:
    """Read the ticket's first contact."""
    contacts = objects(obj(obj(data.get("associations")).get("contacts")).get("results"))
    number = next((ident(each.get("id")) for each in contacts if ident(each.get("id"))), "")
    if not number:
        return None
    path = f"/crm/v3/objects/contacts/{path_part(number)}"
    found = yield from ask(get(path, "read the contact", properties="email,firstname,lastname,phone"), none=(403, 404))
    return mapping.contact(found) if found is not None else RemotePerson(f"contact:{number}", role="customer")


def thread_of(data: Json) -> str:
    """Return the conversation out of which a ticket was made; empty where there was none."""
    return ident(obj(data.get("properties")).get("hs_conversations_originating_thread_id"))


def comments_of(data: Json, owners: Owners) -> Call[list[RemoteComment]]:
    """Read all that was said, in order: notes, and the conversation; where there is none, logged e-mails.

    HubSpot also logs what is said in a conversation as e-mails of the ticket, which are therefore left out.
    """
    number, thread = ident(data.get("id")), thread_of(data)
    found = list((yield from engagements(number, "notes", owners)))
    if thread:
        spoken = yield from messages(thread)
        found += _without_description(data, spoken or [], owners)
    else:
        found += yield from engagements(number, "emails", owners)
    return sorted(found, key=lambda each: (each.at, each.remote_id))


def engagements(number: str, kind: str, owners: Owners) -> Call[list[RemoteComment]]:
    """Read a ticket's notes or logged e-mails."""
    listed = yield from engagement_records(number, kind)
    found = (mapping.engagement(kind, each, owners) for each in listed)
    return [each for each in found if each is not None]


def engagement_records(number: str, kind: str) -> Call[list[Json]]:
    """Read the records of a ticket's notes or logged e-mails: what is associated is known at once, unlike a search."""
    ids = yield from associated(number, kind)
    return (yield from batch(kind, ids, ASKED[kind], f"read {kind}"))


def messages(thread: str) -> Call[list[Json] | None]:
    """Read all messages of a conversation; None where we may not or it is gone."""
    path = f"{THREADS}/{path_part(thread)}/messages"
    return (yield from pages(path, "read the conversation", none=(403, 404), limit="100"))


def _without_description(data: Json, spoken: list[Json], owners: Owners) -> list[RemoteComment]:
    """Leave out the message that became the ticket's description."""
    found = []
    for each in spoken:
        comment = mapping.message(each, owners)
        if comment is not None:
            found.append((comment, mapping.is_incoming(each)))
    found.sort(key=lambda pair: (pair[0].at, pair[0].remote_id))
    body = text(obj(data.get("properties")).get("content"))
    if found and found[0][1] and mapping.same_text(found[0][0].body, body) and not found[0][0].attachments:
        found = found[1:]
    return [comment for comment, _ in found]


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands, in milliseconds."""

    #: the newest change that was seen
    seen: int
    #: where the next page of this round begins; 0 between rounds
    at: int = 0
    #: of those that changed at just that time, those after this id; empty: all that changed since
    after: str = ""


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed, oldest first."""
    state = _state(cursor, now)
    at = state.at or max(1, state.seen - OVERLAP // timedelta(milliseconds=1))
    body = yield from ask(post(f"{TICKETS}/search", "search changes", _search(account, at, state.after)), none=())
    listed = objects((body or {}).get("results"))
    tickets = [found for each in listed if (found := mapping.ticket(each, account)) is not None]
    newest = max([state.seen, *(each.version for each in tickets)])
    full = len(listed) >= PAGE and bool(tickets)
    if state.after:
        following = (at, tickets[-1].remote_id) if full else (at + 1, "")
    elif full:
        last = tickets[-1].version
        following = (last, "") if last > at else (at, "0")
    else:
        following = (0, "")
    return ChangePage(
        tuple(tickets), msgspec.json.encode(_Cursor(newest, *following)).decode(), end=following == (0, "")
    )


def _state(cursor: str, now: datetime) -> _Cursor:
    first = _Cursor(mapping.millis(now - FIRST_LOOK))
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else first
    except msgspec.DecodeError:
        return first


def _search(account: Account, at: int, after: str) -> Json:
    filters = [{"propertyName": MODIFIED, "operator": "EQ" if after else "GTE", "value": str(at)}]
    if after:
        filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": after})
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id" if after else MODIFIED, "direction": "ASCENDING"}],
        "properties": list(mapping.properties(account)),
        "limit": PAGE,
    }


def said_at(data: Json) -> datetime | None:
    """Return when an engagement or a message was made."""
    given = obj(data.get("properties"))
    return moment(given.get("hs_createdate")) or moment(data.get("createdAt")) or moment(given.get("hs_timestamp"))
