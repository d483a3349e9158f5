"""Webhooks of automation rules: whatever an admin wrote, proved by a shared secret, and never more than a hint.

Freshdesk signs nothing and names no delivery. It defers webhooks above its limits for up to a day and sends failed ones
again after minutes, so what a body says of a ticket may be long past, and no placeholder says when it was true: the
ticket is always read. What the body says stands in the snapshot, in our words, for people and for the day on which
the desk cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from connectors.content import damaged, from_plain
from connectors.freshdesk import mapping, words
from connectors.freshdesk.account import Account
from connectors.freshdesk.mapping import text
from connectors.sdk import (
    AuthenticationError,
    Category,
    Envelope,
    Event,
    EventKind,
    IncomingRequest,
    Level,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Status,
    UnreadableError,
    body_digest,
    require_equal,
)

HEADER = "x-gateway-secret"
#: how deep and how wide a template is searched
MAX_DEPTH = 6
MAX_LEAVES = 2000
#: names around the facts that are no part of them
_WRAPPERS = frozenset({"freshdesk_webhook", "freshservice_webhook", "helpdesk_ticket", "data", "payload", "body"})
#: names of the ticket's id, the surest first: what people see, and the number of `INC-12`
_ID_NAMES = ("display_id", "id_numeric", "id", "number", "no", "ref")
_NUMBER = re.compile(r"#?(?:[A-Za-z]{1,10}-)?([0-9]{1,20})")
_LINK = re.compile(r"/(?:a|helpdesk|support|public|itil|api/v2)?/?tickets/([0-9]{1,20})(?![0-9])")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAPS = re.compile(r"[^a-z0-9]+")
#: `{status:{from:4,to:6}}`
_CHANGE = re.compile(r"([A-Za-z_]{1,60})\s*:\s*\{\s*from\s*:([^{},]{0,200}),\s*to\s*:([^{}]{0,200})\}")
#: `{ticket_action:created}`, `{note_type:private}`
_ACTION = re.compile(r"([A-Za-z_]{1,60})\s*:\s*([A-Za-z_]{1,60})")
_ENDS = frozenset({"deleted", "delete", "marked_spam", "marked_as_spam", "spam"})
_UNSET: Any = msgspec.UNSET


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless our secret came as `X-Gateway-Secret`, or as the password of Basic.

    These are the two ways in which an automation can send one: custom headers, and "requires authentication".
    """
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(HEADER, "").strip() or _password(request.headers.get("authorization", ""))
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, secret, HEADER)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {HEADER}")


def _password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by its content: nothing else names it, and one that is sent again has the same."""
    found = _read(request.body)
    return Envelope(body_digest(request.body), found.number if found is not None else "")


class _Said(msgspec.Struct, frozen=True):
    """The facts of a template's body, by our names for its placeholders."""

    number: str
    facts: dict[str, Any]
    #: nothing but the number is to be believed
    guessed: bool


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read a hint, and what it says; raises UnreadableError where no ticket's id can be made out."""
    said = _read(delivery.body)
    if said is None or not said.number:
        raise UnreadableError(_complaint(delivery.body))
    changes, actions = triggered(text(said.facts.get("triggered_event")))
    snapshot = _snapshot(account, said, changes, delivery)
    hint = Event(
        EventKind.OBSERVED,
        said.number,
        key=f"hint:{said.number}:{delivery.source_event_id}",
        at=delivery.received_at,
        snapshot=snapshot,
        needs_read=True,
    )
    action = actions.get("ticket_action", "")
    if action in _ENDS:
        key = f"deleted:{said.number}:{delivery.source_event_id}"
        return (msgspec.structs.replace(hint, kind=EventKind.DELETED, key=key, needs_read=False),)
    if action == "created":
        # the hint beside it lets a ticket be read that is known already: a webhook may come a day late
        created = msgspec.structs.replace(hint, kind=EventKind.CREATED, key=f"created:{said.number}")
        return (created, hint)
    return (hint,)


def triggered(said: str) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Read `{{triggered_event}}`: what changed from what to what, and what was done. It looks like JSON and is none."""
    changes = {name.lower(): (old.strip(), new.strip()) for name, old, new in _CHANGE.findall(said[:4000])}
    actions = {name.lower(): what.lower() for name, what in _ACTION.findall(_CHANGE.sub("", said[:4000]))}
    return changes, actions


def _snapshot(
    account: Account, said: _Said, changes: Mapping[str, tuple[str, str]], delivery: RawDelivery
) -> RemoteTicket:
    """Return what the body says of the ticket; of one that had to be guessed, which ticket it is."""
    bare = RemoteTicket(
        said.number, delivery.received_at, key=said.number, url=mapping.web_address(account, said.number)
    )
    if said.guessed:
        return bare
    facts = said.facts
    status = changes.get("status", ("", ""))[1] or _word(facts.get("status"))
    priority = changes.get("priority", ("", ""))[1] or _word(facts.get("priority"))
    description = text(facts.get("description"))
    unformed = text(facts.get("description_text"))
    body = mapping.read_html(description) if description else from_plain(unformed) if unformed.strip() else None
    group = _word(facts.get("group_name"))
    return msgspec.structs.replace(
        bare,
        title=text(facts.get("subject")) or _UNSET,
        body=body.markdown if body else _UNSET,
        lost=body.lost if body else (),
        source_format="html" if description else "plain",
        raw=description if body and body.lost else "",
        status=_status(account, status),
        priority=found if (found := words.priority(priority)).level is not Level.UNSET else _UNSET,
        kind=account.words.kind(_word(facts.get("type"))),
        queue=group if group in account.group_ids else _UNSET,
        requester=_requester(facts),
        assignee=_agent(facts),
        tags=mapping.tags(facts["tags"]) if facts.get("tags") else _UNSET,
        attachments=tuple(mapping.inline_images(description)),
    )


def _status(account: Account, said: str) -> Status | msgspec.UnsetType:
    """Return a status; a name that nobody knows (a new one, another language) tells nothing: a read has its number."""
    found = account.words.status(said)
    return _UNSET if found.category is Category.UNKNOWN and not found.native.isdigit() else found


def _requester(facts: Mapping[str, Any]) -> RemotePerson | msgspec.UnsetType:
    name = text(facts.get("requester_name")).strip() or text(facts.get("contact_name")).strip()
    given = (text(facts.get(each)).strip() for each in ("requester_email", "contact_email", "from_email"))
    email = next(filter(None, given), "")
    return RemotePerson(email=email, name=name, role="customer") if email else msgspec.UNSET


def _agent(facts: Mapping[str, Any]) -> RemotePerson | msgspec.UnsetType:
    """Return who has the ticket, where their address is there: by a name alone nobody is known."""
    email = text(facts.get("agent_email")).strip()
    return (
        RemotePerson(email=email, name=text(facts.get("agent_name")).strip(), role="agent") if email else msgspec.UNSET
    )


def _word(value: Any) -> str:
    """Return a word or number of a placeholder as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value).strip()


# ------------------------------------------------------------ taking a body apart


def _read(body: bytes) -> _Said | None:
    """Return the ticket's id and what is said of it; None where the body is nothing that can be read."""
    try:
        found = damaged.read(body)
    except (RecursionError, ValueError):
        return None
    if found is None or not isinstance(found.content, dict):
        return None
    leaves = list(_leaves(found.content))
    facts: dict[str, Any] = {}
    for _, name, value in leaves:
        facts.setdefault(name, value)
    return _Said(_id(leaves, facts), facts, found.guessed)


def _id(leaves: list[tuple[bool, str, Any]], facts: Mapping[str, Any]) -> str:
    """Return the ticket's id: named so, else in a link to it, else an `id` beside what only tickets have."""
    for name in _ID_NAMES:
        for sure, known, value in leaves:
            if sure and known == name and (found := _digits(value)):
                return found
    for _, known, value in leaves:
        link = _LINK.search(value) if known.endswith("url") and isinstance(value, str) else None
        if link is not None:
            return link[1]
    shown = {link[1] for _, _, value in leaves if isinstance(value, str) for link in _LINK.finditer(value)}
    if len(shown) == 1 and not {"description", "latest_public_comment", "latest_private_comment"} & set(facts):
        # the body of a chat's webhook, which links to its ticket in the text
        return shown.pop()
    ticketlike = bool({"subject", "triggered_event", "status", "priority"} & set(facts))
    for name in _ID_NAMES[:3]:
        if ticketlike and (found := _digits(facts.get(name))):
            return found
    return ""


def _digits(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**20 else ""
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1].lstrip("0") if found else ""


def _leaves(content: Any) -> Iterator[tuple[bool, str, Any]]:
    """Walk a body, breadth first: whether the name says that it is the ticket's, the name without that, the value."""
    level: list[tuple[str, Any]] = [("", content)]
    seen = 0
    for _ in range(MAX_DEPTH):
        below: list[tuple[str, Any]] = []
        for path, item in level:
            seen += 1
            if seen > MAX_LEAVES:
                return
            if isinstance(item, dict):
                below += [(_joined(path, name), inner) for name, inner in item.items()]
            elif isinstance(item, list):
                below += [(path, inner) for inner in item if isinstance(inner, str | int)]
            else:
                bare = path
                while bare.startswith("ticket_"):
                    bare = bare.removeprefix("ticket_")
                yield bare != path, bare, item
        level = below


def _joined(path: str, name: str) -> str:
    plain = _GAPS.sub("_", _HUMPS.sub("_", name).lower()).strip("_")
    if plain in _WRAPPERS:
        return path
    return f"{path}_{plain}" if path else plain


def _complaint(body: bytes) -> str:
    raw = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not raw:
        return "the body is empty: an automation's webhook needs at least the ticket's id, as ticket_id"
    if raw.startswith((b"{", b"[")):
        try:
            msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return f"the body is not JSON: {error} (and no ticket's id can be made out in it)"
        return "the body names no ticket: add ticket_id to the template of the automation"
    return "the body is neither JSON nor XML nor a form, and names no ticket: add ticket_id to the template"
