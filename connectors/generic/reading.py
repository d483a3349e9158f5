"""What a desk's JSON says, in our terms: tickets, comments and people by the places that the settings name. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.content import Content, from_html
from connectors.generic.options import TICKET, Options
from connectors.generic.places import MOST, find, is_there, rows, word
from connectors.sdk import (
    Attachment,
    Category,
    HoldReason,
    Kind,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    digest,
    our_mark,
)

Places = Mapping[str, Any]
Headers = Mapping[str, str]

#: what a time that cannot be read becomes
EPOCH = datetime.fromtimestamp(0, UTC)
#: the longest id that is one
LONGEST = 200

_NOTHING = frozenset({"", "false", "0", "null", "none", "no"})


class Reader:
    """Reads what one desk says. `ticket` and `comment` are the places, which a webhook may have others of."""

    def __init__(self, options: Options, ticket: Places | None = None, comment: Places | None = None) -> None:
        self.options = options
        self.ticket_places = dict(options.ticket if ticket is None else ticket)
        self.comment_places = dict(options.comment if comment is None else comment)

    # ------------------------------------------------------------ words

    def status(self, native: str) -> Status:
        """Read a status; a word that nobody has mapped stays a word."""
        return status_of(self._words("status").get(native), native)

    def priority(self, native: str) -> Priority:
        """Read a priority."""
        level = self._words("priority").get(native)
        return Priority(Level(level) if level in set(Level) else Level.UNSET, native)

    def kind(self, native: str) -> Kind:
        """Read a type of tickets."""
        found = self._words("kind").get(native)
        return Kind(found) if found in set(Kind) else Kind.OTHER

    def _words(self, name: str) -> Mapping[str, Any]:
        found = self.options.words.get(name)
        return found if isinstance(found, Mapping) else {}

    # ------------------------------------------------------------ people

    def person(self, value: Any, role: str = "") -> RemotePerson | None:
        """Read a person: an object by the places of `person:`, a text as the account or the address that it is."""
        if isinstance(value, Mapping):
            parts = {name: word(find(place, value)) for name, place in self.options.person.items()}
            said = self._words("role").get(parts.get("role", ""), "")
            found = RemotePerson(
                external_id=parts.get("id", ""),
                email=parts.get("email", ""),
                phone=parts.get("phone", ""),
                name=parts.get("name", ""),
                role=str(said) or role,
            )
            return found if found.external_id or found.email or found.phone or found.name else None
        given = word(value)
        if not given:
            return None
        return RemotePerson(external_id=given, email=given if "@" in given else "", role=role)

    # ------------------------------------------------------------ texts

    def text(self, value: Any, places: Places) -> Content:
        """Read a text in the format that it has there, without what is to be cut out of it."""
        said = word(value).replace("\r\n", "\n")
        if places.get("cut"):
            said = re.sub(str(places["cut"]), "", said[:MOST]) + said[MOST:]
        said = said.strip()
        return from_html(said) if places.get("format") == "html" else Content(said)

    # ------------------------------------------------------------ tickets

    def ticket(self, value: Any, headers: Headers | None = None, *, remote_id: str = "") -> RemoteTicket | None:
        """Read a ticket's fields; None where it has no id."""
        places = self.ticket_places
        # a desk may list bare ids
        bare = "" if isinstance(value, Mapping | list) else value
        identity = remote_id or ident(find(places.get("id"), value, headers)) or ident(bare)
        if not identity:
            return None

        def at(name: str) -> Any:
            return find(places.get(name), value, headers)

        updated, named = self.options.times.read(at("updated")), word(at("marker"))
        ticket = RemoteTicket(
            remote_id=identity,
            updated_at=updated or self.options.times.read(at("created")) or EPOCH,
            version=self._version(at("version"), updated),
            version_token=word(at("etag")),
            key=word(at("key")) or f"#{identity}",
            url=self._url(at("url"), identity),
            created_at=self.options.times.read(at("created")),
            marker=our_mark(named),
            external_id=word(at("external_id")) or named,
            deleted=word(at("deleted")).lower() not in _NOTHING,
            merged_into=merged if (merged := ident(at("merged_into"))) != identity else "",
        )
        return msgspec.structs.replace(ticket, **self._fields(value, headers))

    def _version(self, said: Any, updated: datetime | None) -> int:
        """Return the desk's own order of states: its number, else the time in microseconds."""
        number = word(said)
        if number.isascii() and number.isdigit() and len(number) < 18:
            return int(number)
        return int(updated.timestamp() * 1_000_000) if updated is not None and updated > EPOCH else 0

    def _url(self, said: Any, identity: str) -> str:
        found = word(said) or str(self.ticket_places.get("link") or "").replace(TICKET, quote(identity, safe=""))
        return found if found.startswith(("http://", "https://")) else ""

    def _fields(self, value: Any, headers: Headers | None) -> dict[str, Any]:
        """Return the fields that were said, by our names: what an answer does not hold is left alone."""
        places = self.ticket_places
        found: dict[str, Any] = {}
        for name, take in self._takes.items():
            if name in places and is_there(places[name], value):
                found |= take(find(places[name], value, headers))
        custom = places.get("custom")
        if isinstance(custom, Mapping) and custom:
            found["custom"] = {str(name): find(place, value, headers) for name, place in custom.items()}
        return found

    @property
    def _takes(self) -> dict[str, Callable[[Any], dict[str, Any]]]:
        """How each field is read from what lies at its place."""
        return {
            "title": lambda said: {"title": word(said).strip()},
            "body": self._body,
            "status": lambda said: {"status": self.status(word(said))} if word(said) else {},
            "priority": lambda said: {"priority": self.priority(word(said))},
            "kind": lambda said: {"kind": self.kind(word(said))},
            "queue": lambda said: {"queue": word(said)},
            "language": lambda said: {"language": word(said)},
            "assignee": self._assignee,
            "requester": lambda said: {"requester": self.person(said, "customer")},
            "tags": lambda said: {"tags": self._tags(said)},
        }

    def _body(self, said: Any) -> dict[str, Any]:
        content = self.text(said, self.ticket_places)
        known = {"source_format": str(self.ticket_places.get("format") or "plain")}
        return {
            "body": content.markdown,
            "lost": content.lost,
            **known,
            "raw": word(said) if content.lost or "](" in content.markdown else "",
        }

    def _assignee(self, said: Any) -> dict[str, Any]:
        """Read who works on it, by the account alone: what we wrote is compared with it."""
        person = self.person(said)
        account = (person.external_id or person.email) if person else ""
        return {"assignee": RemotePerson(account) if account else None}

    def _tags(self, value: Any) -> tuple[str, ...]:
        given = value if isinstance(value, list) else word(value).split(",")
        names = {word(each.get("name") if isinstance(each, Mapping) else each).strip() for each in given}
        return tuple(sorted(names - {""}))

    # ------------------------------------------------------------ comments

    def comment(self, value: Any, headers: Headers | None = None, *, ticket: str = "") -> RemoteComment | None:
        """Read a comment; None for what is none (a system message, one with neither a word nor a file)."""
        places = self.comment_places
        if not self.is_comment(value, headers):
            return None
        said = word(find(places.get("body"), value, headers))
        content = self.text(said, places)
        at = self.options.times.read(find(places.get("at"), value, headers)) or EPOCH
        identity = ident(find(places.get("id"), value, headers))
        files = tuple(file for file, _ in self.files(find(places.get("files"), value, headers), ticket))
        if not content.markdown and not files:
            return None
        return RemoteComment(
            remote_id=identity or digest("comment", at.isoformat(), said)[:32],
            at=at,
            body=content.markdown,
            visibility=self.visibility(find(places.get("visibility"), value, headers)),
            author=self.person(find(places.get("author"), value, headers)),
            marker=our_mark(word(find(places.get("marker"), value, headers))),
            source_format=str(places.get("format") or "plain"),
            attachments=files,
            lost=content.lost,
            raw=said if content.lost else "",
        )

    def is_comment(self, value: Any, headers: Headers | None = None) -> bool:
        """Say whether an object has everywhere one of the values that a comment has there (`only:`)."""
        only = self.comment_places.get("only")
        wanted = only.items() if isinstance(only, Mapping) else ()
        return all(word(find(place, value, headers)) in {word(each) for each in values} for place, values in wanted)

    def visibility(self, said: Any) -> Visibility:
        """Read who may see a comment: internal, unless the desk's word is known to mean public."""
        meaning = self._words("visibility").get(word(said), word(said))
        return Visibility.PUBLIC if meaning == Visibility.PUBLIC.value else Visibility.INTERNAL

    def comments(self, found: Any, ticket: str = "") -> list[RemoteComment]:
        """Read a list of comments of a ticket."""
        return [comment for each in rows(found) if (comment := self.comment(each, ticket=ticket)) is not None]

    # ------------------------------------------------------------ files

    def files(self, found: Any, ticket: str) -> list[tuple[Attachment, str]]:
        """Read a list of files: each with the comment that it belongs to; empty: to the ticket."""
        return [each for one in rows(found) if (each := self.file(one, ticket)) is not None]

    def file(self, value: Any, ticket: str) -> tuple[Attachment, str] | None:
        """Read one file; None for what has neither a name nor an id. A text is the address of a file."""
        places = self.options.file
        if not isinstance(value, Mapping | list):
            value, places = {"url": value}, {**places, "url": "url"}

        def at(name: str) -> str:
            return word(find(places.get(name), value)).strip()

        url, number, size = at("url"), at("id"), at("size")
        name = at("name") or url.partition("?")[0].rstrip("/").rpartition("/")[2]
        if not name and not number:
            return None
        found = Attachment(
            name or "file",
            at("type") or "application/octet-stream",
            int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0,
            remote_id=ident(number) or digest("file", ticket, number or url or name)[:32],
            url=self.options.file_address(ticket, number, name, url),
            visibility=self.visibility(find(places.get("visibility"), value)),
        )
        return found, ident(find(places.get("comment"), value))


def status_of(meaning: Any, native: str) -> Status:
    """Return a status: the category that a word means, and why it waits where the settings say that."""
    category, _, reason = str(meaning or "").partition(":")
    return Status(
        Category(category) if category in set(Category) else Category.UNKNOWN,
        native,
        HoldReason(reason) if reason in set(HoldReason) else None,
    )


def ident(value: Any) -> str:
    """Return an id as text; empty for what is none."""
    found = word(value).strip()
    usable = found and len(found) <= LONGEST and found.isprintable() and not any(sign.isspace() for sign in found)
    return found if usable and not isinstance(value, bool) else ""


def ordered(comments: list[RemoteComment]) -> list[RemoteComment]:
    """Return comments as they were said; those of one moment stay as the desk gives them."""
    return sorted({each.remote_id: each for each in comments}.values(), key=lambda each: each.at)


def with_comments(ticket: RemoteTicket, comments: list[RemoteComment], *, first_is_body: bool) -> RemoteTicket:
    """Return a ticket read whole; of some desks the first comment is the ticket's own text."""
    said = ordered(comments)
    if first_is_body and said:
        first, said = said[0], said[1:]
        ticket = msgspec.structs.replace(
            ticket,
            body=first.body,
            lost=first.lost,
            source_format=first.source_format,
            raw=first.raw,
            marker=ticket.marker or first.marker,
            attachments=(*first.attachments, *ticket.attachments),
        )
    elif first_is_body:
        ticket = msgspec.structs.replace(ticket, body="")
    return msgspec.structs.replace(ticket, comments=tuple(said), complete=True)
