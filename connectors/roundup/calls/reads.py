"""Reading one issue whole: its properties, its messages, its files and its people, and saying who we are.

An issue of Roundup has no text of its own: its first message is it, where it came with the issue. A retired issue is
still read by its number and looks alive; only searches leave it out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from connectors.content import Content, from_html
from connectors.roundup.calls.desk import Desk, Row, by_ids, collection, data, require
from connectors.roundup.mapping import EPOCH, instant, linked, marked, number, person, several, text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Call,
    Category,
    HttpResponse,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    our_mark,
)

#: a first message is the issue's text when it was made with it; forms write both within a moment
TOGETHER = timedelta(seconds=3)

#: properties that stand in fields of ours, or are Roundup's own
KNOWN = frozenset({
    "id", "title", "status", "priority", "messages", "files", "nosy", "superseder", "creation",
    "creator", "activity", "actor",
})  # fmt: skip

CLOSED = frozenset({Category.RESOLVED, Category.CLOSED, Category.CANCELLED})


class Item(msgspec.Struct, frozen=True):
    """One issue as REST gives it: its properties and the token of a conditional write."""

    remote_id: str
    attributes: Row
    etag: str

    @property
    def messages(self) -> list[str]:
        """The ids of its messages."""
        return _ids(self.attributes.get("messages"))

    @property
    def status(self) -> str:
        """The name of its status."""
        return name_of(self.attributes.get("status"))


def item_of(response: HttpResponse) -> Item:
    """Read the answer to `Desk.issue`; raises TransportError when it is not an issue."""
    found = data(response)
    token = found.get("@etag")
    etag = token if isinstance(token, str) else response.header("etag")
    return Item(number(found.get("id")), linked(found.get("attributes")), etag)


def read(desk: Desk, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one issue with all its messages; None when it is not there or out of our sight."""
    if not number(remote_id):
        return None
    response = yield desk.issue(remote_id)
    if response.status in {403, 404}:
        return None
    require(response)
    item = item_of(response)
    if not item.remote_id:
        return None
    alive = yield from collection(desk, desk.issues, {"id": remote_id, "@fields": "id"}, "is it retired")
    if not alive:
        return msgspec.structs.replace(ticket_of(desk, item), deleted=True)
    said = yield from _messages(desk, item)
    files = yield from _files(desk, item, said)
    people = yield from _people(desk, item, said)
    return _whole(desk, item, said, files, people)


def ticket_of(desk: Desk, item: Item, people: dict[str, Row] | None = None) -> RemoteTicket:
    """Read an issue's properties, without its messages."""
    given, words, known = item.attributes, desk.options.words, people or {}
    activity = instant(given.get("activity")) or EPOCH
    status = words.status(item.status)
    creator = person(given.get("creator"), known, "customer")
    # one in some templates, several in others
    heir = next(iter(_ids(given.get("superseder"))), "") or number(linked(given.get("superseder")).get("id"))
    options = desk.options
    assigned = several(given.get(options.assignee)) or [linked(given.get(options.assignee))]
    named = marker_in(given, desk.options.ticket_marker)
    known_here = KNOWN | {options.assignee, options.tags, options.ticket_marker}
    return RemoteTicket(
        remote_id=item.remote_id,
        key=f"{desk.options.kind}{item.remote_id}",
        url=f"{desk.options.web}/{desk.options.kind}{item.remote_id}",
        updated_at=activity,
        created_at=instant(given.get("creation")),
        version=int(activity.timestamp()),
        version_token=item.etag,
        marker=our_mark(named),
        external_id=named,
        title=text(given.get("title")),
        status=status if item.status else Status(Category.NEW),
        priority=words.priority(name_of(given.get("priority"))),
        # by name alone: what we wrote is compared with it
        assignee=person(assigned[0], {}),
        requester=creator,
        tags=tuple(sorted(name for one in several(given.get(options.tags)) if (name := name_of(one)))),
        custom={name: _plain(value) for name, value in given.items() if name not in known_here},
        merged_into=heir if status.category in CLOSED and heir != item.remote_id else "",
    )


def marker_in(given: Row, name: str) -> str:
    """Return what the issue's own property holds, where the connection has one: our key, or another program's name."""
    return text(given.get(name)) if name else ""


def name_of(link: Any) -> str:
    """Return the name of what a property links to; a tracker without names has its number."""
    found = linked(link)
    return text(found.get("name")) or text(found.get("username")) or text(found.get("id"))


def _plain(value: Any) -> Any:
    """Return a property of the tracker's own as a plain value: links by their names."""
    if isinstance(value, dict):
        return name_of(value)
    if isinstance(value, list):
        return [name_of(one) if isinstance(one, dict) else one for one in value]
    return value


def _ids(value: Any) -> list[str]:
    return [found for one in several(value) if (found := number(one.get("id")))]


def _messages(desk: Desk, item: Item) -> Call[list[Row]]:
    fields = "author,creation,creator,date,content,type,messageid,files"
    if desk.options.private:
        fields += f",{desk.options.private}"
    found = yield from by_ids(desk, "msg", item.messages, fields, "3")
    return sorted(found.values(), key=lambda row: int(number(row.get("id")) or 0))


def _files(desk: Desk, item: Item, said: list[Row]) -> Call[dict[str, Attachment]]:
    wanted = {*_ids(item.attributes.get("files")), *(one for row in said for one in _ids(row.get("files")))}
    found = yield from by_ids(desk, "file", sorted(wanted, key=int), "name,type,creation")
    return {
        identity: Attachment(
            name=text(row.get("name")) or f"file{identity}",
            mime=text(row.get("type")) or "application/octet-stream",
            remote_id=identity,
        )
        for identity, row in found.items()
    }


def _people(desk: Desk, item: Item, said: list[Row]) -> Call[dict[str, Row]]:
    """Return those who wrote here, with what our user may see of them."""
    links = [item.attributes.get("creator")]
    links += [row.get(name) for row in said for name in ("author", "creator")]
    wanted = {found for link in links if (found := number(linked(link).get("id")))}
    return (yield from by_ids(desk, "user", sorted(wanted, key=int), "username,realname,address"))


def _whole(
    desk: Desk, item: Item, said: list[Row], files: dict[str, Attachment], people: dict[str, Row]
) -> RemoteTicket:
    ticket = ticket_of(desk, item, people)
    first = said[0] if said and _came_with(item, said[0]) else None
    later = said[1:] if first is not None else said
    hung = {one for row in later for one in _ids(row.get("files"))}
    own = [files[one] for one in _ids(item.attributes.get("files")) if one in files and one not in hung]
    key, what = marked(first.get("messageid")) if first is not None else ("", "")
    asked = _asked(item, first, people) or ticket.requester
    words = _words(first) if first is not None else Content()
    return msgspec.structs.replace(
        ticket,
        requester=asked,
        marker=ticket.marker or (key if what == "ticket" else ""),
        body=words.markdown,
        lost=words.lost,
        source_format="html" if words.lost else "",
        raw=text(first.get("content")) if first is not None and words.lost else "",
        comments=tuple(_comment(desk, item, row, files, people) for row in later),
        attachments=tuple(own),
        complete=True,
    )


def _asked(item: Item, first: Row | None, people: dict[str, Row]) -> RemotePerson | None:
    """Return who asks: the author of the first message, who may be another than whoever made the issue."""
    found = person(first.get("author"), people, "customer") if first is not None else None
    return found or person(item.attributes.get("creator"), people, "customer")


def _came_with(item: Item, row: Row) -> bool:
    """Say whether a message is the issue's own text: by our mark, else by its time."""
    _, what = marked(row.get("messageid"))
    if what:
        return what == "ticket"
    born, made = instant(item.attributes.get("creation")), instant(row.get("creation"))
    return born is not None and made is not None and made <= born + TOGETHER


def _words(row: Row) -> Content:
    """Return a message's text: as people typed it, or read from HTML where a mail came in as such."""
    said = text(row.get("content")).replace("\r\n", "\n")
    return from_html(said) if _is_html(row) else Content(said)


def _is_html(row: Row) -> bool:
    return text(row.get("type")).partition(";")[0].strip() == "text/html"


def _comment(desk: Desk, item: Item, row: Row, files: dict[str, Attachment], people: dict[str, Row]) -> RemoteComment:
    key, what = marked(row.get("messageid"))
    author = linked(row.get("author")) or linked(row.get("creator"))
    asked = number(author.get("id")) == number(linked(item.attributes.get("creator")).get("id"))
    words = _words(row)
    return RemoteComment(
        remote_id=number(row.get("id")),
        at=instant(row.get("creation")) or instant(row.get("date")) or EPOCH,
        body=words.markdown,
        visibility=_visibility(desk, row),
        author=person(author, people, "customer" if asked else "agent"),
        marker=key if what == "comment" else "",
        source_format="html" if _is_html(row) else "plain",
        lost=words.lost,
        raw=text(row.get("content")) if words.lost else "",
        attachments=tuple(files[one] for one in _ids(row.get("files")) if one in files),
    )


def _visibility(desk: Desk, row: Row) -> Visibility:
    """Every message of an issue is seen by all who may see the issue, unless the tracker has a property for it.

    Where it has one, only a plain no is public.
    """
    name = desk.options.private
    return Visibility.PUBLIC if not name or row.get(name) is False else Visibility.INTERNAL


def whoami(desk: Desk) -> Call[Identity]:
    """Say who we are: by name, or by the number that the token names.

    Raises AuthenticationError when the credentials do not hold, or do not say whose they are.
    """
    options = desk.options
    wanted = {"username:": options.user} if options.user else {"id": options.number}
    if not any(wanted.values()):
        msg = "this token does not say whose it is: give `account:`, the user name of the gateway in Roundup"
        raise AuthenticationError(msg)
    params = {**wanted, "@fields": "username,realname,address", "@verbose": "2"}
    rows = yield from collection(desk, "/user", params, "who are we")
    if not rows or not text(rows[0].get("username")):
        msg = "Roundup shows our own user to nobody: grant its role View and Search of `user`, or give `account:`"
        raise AuthenticationError(msg)
    name = text(rows[0].get("username"))
    found = RemotePerson(
        external_id=name, email=text(rows[0].get("address")), name=text(rows[0].get("realname")), role="agent"
    )
    return Identity(found, f"user {name} of Roundup")
