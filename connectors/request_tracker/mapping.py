"""Request Tracker's words and ours: statuses, priorities, people, texts and times, as pure functions.

The facts were measured on RT 5.0.3 (docs/connectors/request_tracker.md, "What RT really does").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.content import from_html
from connectors.own_words import word_for
from connectors.sdk import (
    Category,
    Level,
    Priority,
    RemotePerson,
    RemoteTicket,
    Status,
    our_mark,
    over_since,
)

#: RT's account for what it does by itself, and its owner of tickets that nobody owns
SYSTEM = "RT_System"
NOBODY = "Nobody"

#: what a time that cannot be read becomes
EPOCH = datetime.fromtimestamp(0, UTC)

#: links that say that both are about the same, and the type of one that leads out of RT
REFERENCES, OUTSIDE = frozenset({"refers-to", "referred-to-by"}), "external"

#: RT's date that is none
UNSET_DATE = "1970-01-01 00:00:00"

#: RT cuts a subject to this many bytes of UTF-8, on every database and without a word (DBIx::SearchBuilder::Record)
MAX_SUBJECT = 200

#: the default lifecycle (RT_Config.pm, %Lifecycles); `deleted` is cancelled work that RT also hides from searches
STATUSES: dict[str, Category] = {
    "new": Category.NEW,
    "open": Category.OPEN,
    "stalled": Category.ON_HOLD,
    "resolved": Category.RESOLVED,
    "rejected": Category.CANCELLED,
    "deleted": Category.CANCELLED,
}

#: what we write where the sync rule's map names no word of RT's
NATIVE: dict[Category, str] = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "stalled",
    Category.ON_HOLD: "stalled",
    Category.RESOLVED: "resolved",
    Category.CLOSED: "resolved",
    Category.CANCELLED: "rejected",
}

#: RT's priorities are 0 to 100; a number means the highest level whose value it reaches, 0 means unset
PRIORITIES: dict[str, int] = {"P1": 100, "P2": 75, "P3": 50, "P4": 25}

#: statuses from which RT opens a ticket by itself when our account replies (RT::Action::AutoOpen)
OPENED_BY_A_REPLY = frozenset({Category.NEW, Category.RESOLVED, Category.CLOSED, Category.CANCELLED, Category.UNKNOWN})


class Vocabulary(msgspec.Struct, frozen=True):
    """How one connection names statuses and priorities; the defaults are those of a fresh RT."""

    statuses: dict[str, Category] = msgspec.field(default_factory=lambda: dict(STATUSES))
    #: those that the connection itself names, in its order
    own_statuses: tuple[tuple[str, Category], ...] = ()
    priorities: dict[str, int] = msgspec.field(default_factory=lambda: dict(PRIORITIES))

    def status(self, native: str) -> Status:
        """Read a status; one that is not in the vocabulary is `unknown` and keeps RT's word."""
        return Status(self.statuses.get(native.lower(), Category.UNKNOWN), native)

    def native_status(self, value: Mapping[str, Any]) -> str:
        """Return RT's word for a status of an intent, or an empty string where there is none."""
        chosen = str(value.get("native") or "")
        if chosen:
            return chosen
        return word_for(Category(value.get("category") or Category.NEW), self.own_statuses, NATIVE)

    def priority(self, native: Any) -> Priority:
        """Read a priority number (or its text); what is no number keeps RT's word and no level."""
        number = integer(native)
        if number is None:
            return Priority(Level.UNSET, "" if native is None else str(native))
        if number <= 0:
            return Priority(Level.UNSET, str(number))
        ranked = sorted(self.priorities.items(), key=lambda item: item[1])
        level = ranked[0][0] if ranked else Level.UNSET
        for name, least in ranked:
            if number >= least:
                level = name
        return Priority(Level(level), str(number))

    def native_priority(self, value: Mapping[str, Any]) -> int:
        """Return RT's number for a priority of an intent; unset is 0."""
        chosen = integer(value.get("native"))
        if chosen is not None:
            return chosen
        return self.priorities.get(str(value.get("level") or Level.UNSET), 0)


def integer(value: Any) -> int | None:
    """Read an integer that RT sends as a number in one place and as text in another; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def text(value: Any) -> str:
    """Return a text, or an empty one for null and for anything that is none."""
    return value if isinstance(value, str) else ""


def instant(value: Any) -> datetime | None:
    """Read RT's UTC time (`2026-11-21T03:57:55Z`, resolution 1 s); its unset date, 1970, is None."""
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if at.year > 1970 else None


def rt_time(value: Any) -> str:
    """Return an instant of an intent as RT keeps it; none is RT's unset date.

    RT stores what REST 2 gives it as it is, takes it for UTC and knows no offsets: `+01:00` would unset the date.
    """
    at = instant(value)
    return at.strftime("%Y-%m-%d %H:%M:%S") if at is not None else UNSET_DATE


def subject(title: str) -> str:
    """Return a title as RT keeps it: one line, at most 200 bytes of UTF-8, no broken character at its end."""
    return " ".join(title.splitlines()).encode("utf-8", "replace")[:MAX_SUBJECT].decode("utf-8", "ignore")


def plain(body: str) -> str:
    """Return a plain text in canonical form: line feeds only, no white space at its end."""
    return body.replace("\r\n", "\n").replace("\r", "\n").rstrip()


def markdown(body: str, content_type: str) -> tuple[str, str]:
    """Return a message as canonical Markdown and the name of the format that it had (`plain` or `html`).

    A plain text is taken as it stands: RT shows it so, and what we wrote there is Markdown.
    """
    if not content_type.lower().startswith("text/html"):
        return plain(body), "plain"
    return from_html(body).markdown, "html"


def person(account: str, *, email: str = "", name: str = "", role: str = "") -> RemotePerson | None:
    """Return the person behind an account name; Nobody is None."""
    if not account or account == NOBODY:
        return None
    if account == SYSTEM:
        return RemotePerson(external_id=SYSTEM, name=name, role="system")
    return RemotePerson(external_id=account, email=email, name=name, role=role)


def requester(addresses: Any) -> RemotePerson | None:
    """Return the first requestor of a webhook, which names them by address only."""
    for address in addresses if isinstance(addresses, list) else []:
        if text(address):
            return RemotePerson(email=address)
    return None


def user(value: Any) -> RemotePerson | None:
    """Return the person of a REST user object (`fields[…]=Name,EmailAddress,RealName`)."""
    if not isinstance(value, dict):
        return None
    account = text(value.get("Name")) or text(value.get("id"))
    return person(account, email=text(value.get("EmailAddress")), name=text(value.get("RealName")))


def named(value: Any) -> str:
    """Return the name of a REST object, expanded or not."""
    if isinstance(value, dict):
        return text(value.get("Name")) or text(value.get("id"))
    return text(value)


def custom_fields(value: Any) -> dict[str, Any]:
    """Read custom fields: an array with values on read in REST, an object by name in webhooks.

    A field of one value is that value, an empty one None, more are a list.
    """
    if isinstance(value, dict):
        return dict(value)
    found: dict[str, Any] = {}
    for field in value if isinstance(value, list) else []:
        if isinstance(field, dict) and text(field.get("name")):
            values = field.get("values") or []
            found[field["name"]] = values if len(values) > 1 else (values[0] if values else None)
    return found


def marker_in(fields: Mapping[str, Any], name: str) -> str:
    """Return what a custom field for our mark holds, or an empty string."""
    value = fields.get(name)
    return text(value[0] if isinstance(value, list) and value else value)


def links(value: Any) -> tuple[str, ...]:
    """Return the addresses that a ticket refers to, and that refer to it; ticket and article of this RT are left out.

    RT tells them among a ticket's hyperlinks, in any order (RT::REST2::Resource::Record::Hypermedia). What it depends
    on, and what it is a part of, is other work.
    """
    found = (each for each in (value if isinstance(value, list) else []) if isinstance(each, dict))
    outside = (each for each in found if text(each.get("ref")) in REFERENCES and each.get("type") == OUTSIDE)
    return tuple(sorted({text(each.get("_url")) for each in outside}))


def ticket(
    value: Mapping[str, Any], *, version: int, token: str, base: str, words: Vocabulary, marker: str
) -> RemoteTicket:
    """Read the ticket object of GET /ticket/:id; its body and comments are not in there."""
    number = str(value.get("id") or "")
    fields = custom_fields(value.get("CustomFields"))
    created = instant(value.get("Created"))
    people = value.get("Requestor")
    first = people[0] if isinstance(people, list) and people else None
    asked = user(first)
    if asked is not None and "@" in asked.external_id:
        asked = RemotePerson(email=asked.external_id)
    now = words.status(text(value.get("Status")))
    return RemoteTicket(
        remote_id=number,
        key=f"#{number}",
        updated_at=instant(value.get("LastUpdated")) or created or EPOCH,
        created_at=created,
        resolved_at=over_since(now, instant(value.get("Resolved"))),
        version=version,
        version_token=token,
        url=web_address(base, number),
        marker=our_mark(marker_in(fields, marker)),
        external_id=marker_in(fields, marker),
        deleted=text(value.get("Status")).lower() == "deleted",
        title=text(value.get("Subject")),
        status=now,
        priority=words.priority(value.get("Priority")),
        queue=named(value.get("Queue")),
        # by account only, as webhooks name owners: the two forms of one value must be equal
        assignee=person(named(value.get("Owner"))),
        requester=asked,
        due=instant(value.get("Due")) if "Due" in value else msgspec.UNSET,
        custom={name: held for name, held in fields.items() if name != marker},
        references=links(value["_hyperlinks"]) if "_hyperlinks" in value else msgspec.UNSET,
    )


def web_address(base: str, number: str) -> str:
    """Return the page of a ticket for people."""
    return f"{base}/Ticket/Display.html?id={number}"
