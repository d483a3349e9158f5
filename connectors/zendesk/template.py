"""Webhooks that an admin wrote: a trigger's body is whatever its template says, in JSON, as a form or in XML.

Nothing in such a body is dependable but the ticket's id: the ticket is always read. What else it plainly says stands in
the snapshot, for people and for the day on which the desk cannot be read. Zendesk does not escape what it puts into
a template, so a quotation mark or a line break in a comment is enough to make a body that is no JSON.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from connectors.content import damaged

#: how deep and how wide a template is searched
MAX_DEPTH = 8
MAX_PAIRS = 2000

#: names of the ticket's id, compared without case, dots, dashes and underscores; the surest first
_ID_NAMES = ("ticketid", "zendeskticketid", "zendeskid", "ticketnumber", "ticketno", "ticketref", "ticketidentifier",
             "conversationid")  # fmt: skip
#: what stands beside a bare `id` that is the ticket's: names of placeholders that only tickets have
_TICKETLIKE = frozenset(
    {"subject", "title", "description", "status", "priority", "requester", "assignee", "submitter", "tags", "comment",
     "comments", "latestcomment", "latestcommenthtml", "latestpubliccomment", "publiccomment", "via"}
)  # fmt: skip
_PARENTS = frozenset({"ticket", "zendeskticket"})
_URL = re.compile(r"/(?:agent/|hc/requests/|api/v2/)?(?:tickets|requests)/([0-9]{1,20})(?![0-9])")
_HASH = re.compile(r"#?([0-9]{1,20})")
_LEAF = re.compile(r"<([A-Za-z_][\w.:-]{0,80})(?:\s[^<>]*)?>([^<>]{0,2000})</\1\s*>")
_WORDS = re.compile(r"[^a-z0-9]")


def ticket_id(body: bytes, content_type: str = "") -> str:
    """Return the id of the ticket that an admin's template is about, or an empty string.

    Surest first: a value named like a ticket id, the `id` of an object named ticket, a link to a ticket, an `id` at
    the top of a body that also names other things of a ticket.
    """
    pairs = _pairs(body, content_type)
    for name in _ID_NAMES:
        for path, value in pairs:
            if path and path[-1] == name and (found := _number(value)):
                return found
    for path, value in pairs:
        own = len(path) > 1 and path[-1] == "id" and path[-2] in _PARENTS
        if (own or path == ("ticket",)) and (found := _number(value)):
            return found
    for _, value in pairs:
        link = _URL.search(value) if isinstance(value, str) else None
        if link is not None:
            return link[1]
    return _bare_id(pairs)


#: our word for a placeholder of a ticket -> how admins name it (`ticket.title`: ticket_title, subject)
_FACTS = {
    "title": ("tickettitle", "ticketsubject", "subject", "title"),
    "body": ("ticketdescription", "description"),
    "status": ("ticketstatus", "status"),
    "priority": ("ticketpriority", "priority"),
    "kind": ("tickettype",),
    "tags": ("tickettags", "tags"),
    "external_id": ("ticketexternalid",),
    "channel": ("ticketvia", "via"),
    "group": ("groupid", "ticketgroupid"),
    "requester_id": ("requesterid", "ticketrequesterid"),
    "requester_email": ("requesteremail", "ticketrequesteremail"),
    "requester_name": ("requestername", "requesterfullname", "ticketrequestername", "ticketrequesterfullname"),
    "assignee_id": ("assigneeid", "ticketassigneeid"),
    "assignee_email": ("assigneeemail", "ticketassigneeemail"),
    "assignee_name": ("assigneename", "assigneefullname", "ticketassigneename", "ticketassigneefullname"),
}
_OBJECTS = frozenset({"ticket", "requester", "assignee", "group"})


def facts(body: bytes, content_type: str = "") -> dict[str, str]:
    """Return what a template plainly says of its ticket, by our words; a body that had to be guessed says nothing.

    A name counts at the top of a body or inside `ticket`, `requester`, `assignee` and `group`. Empty values are left
    out, because an empty placeholder looks like one that failed.
    """
    found: dict[str, str] = {}
    for path, value in _pairs(body, content_type, facts=True):
        plain = "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)
        plain = plain.replace("\x00", "").strip()
        if not plain or "{{" in plain or any(part not in _OBJECTS for part in path[:-1]):
            continue
        around = "".join(part for part in path[:-1] if part != "ticket")
        name = around + path[-1] if path else ""
        inside = f"ticket{name}" if "ticket" in path[:-1] else name
        for fact, names in _FACTS.items():
            if inside in names or (name in names and not around):
                found.setdefault(fact, plain)
    return found


def _bare_id(pairs: list[tuple[tuple[str, ...], Any]]) -> str:
    """Return a top-level `id`, if the body also says something that only tickets have."""
    names = {path[-1] for path, _ in pairs if path}
    if not any(name.startswith(("ticket", "requester", "latestcomment")) or name in _TICKETLIKE for name in names):
        return ""
    for path, value in pairs:
        if path == ("id",) and (found := _number(value)):
            return found
    return ""


def _number(value: Any) -> str:
    """Return the digits of an id given as integer or text such as `#35436`."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**20 else ""
    found = _HASH.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1] if found and found[1].strip("0") else ""


def _pairs(body: bytes, content_type: str, *, facts: bool = False) -> list[tuple[tuple[str, ...], Any]]:
    """Return (path of names, value) of every leaf, in order; `facts`: of a body that had to be guessed, nothing."""
    raw = body.removeprefix(b"\xef\xbb\xbf").strip()
    if raw.startswith((b"{", b"[")):
        try:
            said = damaged.read(raw)
        except RecursionError:
            said = None
        if said is None or (said.guessed and facts):
            return []
        return list(_leaves(said.content))
    content = raw[:1_000_000].decode("utf-8", "replace")
    if content.startswith("<"):
        return [((_plain(name),), html.unescape(value.strip())) for name, value in _LEAF.findall(content)[:MAX_PAIRS]]
    if "form" in content_type.lower() or re.match(r"[\w.\[\]%-]{1,80}=", content):
        try:
            found = parse_qsl(content, keep_blank_values=True, max_num_fields=MAX_PAIRS)
        except ValueError:
            return []
        return [(tuple(_plain(part) for part in re.split(r"[\[\].]+", name.rstrip("]"))), value)
                for name, value in found]  # fmt: skip
    return []


def _leaves(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk a JSON value, breadth first, so that what stands higher is found first."""
    level: list[tuple[tuple[str, ...], Any]] = [((), value)]
    seen = 0
    for _ in range(MAX_DEPTH):
        below: list[tuple[tuple[str, ...], Any]] = []
        for path, item in level:
            seen += 1
            if seen > MAX_PAIRS:
                return
            if isinstance(item, dict):
                below += [((*path, *_split(name)), inner) for name, inner in item.items()]
            elif isinstance(item, list):
                below += [(path, inner) for inner in item]
            else:
                yield path, item
        level = below


def _split(name: str) -> tuple[str, ...]:
    """Read `ticket.id` as the placeholder that it was written after."""
    parts = [_plain(part) for part in name.split(".")]
    return tuple(part for part in parts if part) or ("",)


def _plain(name: str) -> str:
    return _WORDS.sub("", name.lower())
