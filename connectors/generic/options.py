"""The settings of one connection in the shape that the calls use, and the spec that follows from what they describe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import msgspec

from connectors.generic.signing import STANDARD
from connectors.generic.template import path, placeholders, texts
from connectors.generic.times import Times
from connectors.sdk import (
    Attaching,
    ConnectionSettings,
    ConnectorSpec,
    Naming,
    Operation,
    OperationClaim,
    RemotePerson,
    Strategy,
    Visibility,
)
from gateway.domain.crosslink import host_of

Shape = Mapping[str, Any]

#: seconds in which an effect may still appear where the settings do not say
SETTLE = 10
#: so long a desk is expected to know an idempotency key where the settings do not say
REMEMBERED = 86_400
#: stands for the id of a ticket in the address for people
TICKET = "{ticket}"
#: a shorter path is no secret, and would be masked everywhere
SECRET_PATH = 16
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

#: our fields -> the placeholders of a request that carry them
CARRIES: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "body": ("body", "body_html", "body_plain"),
    "status": ("status", "status_first", "status_second"),
    "priority": ("priority",),
    "kind": ("kind",),
    "queue": ("queue",),
    "language": ("language",),
    "assignee": ("assignee", "assignee_email"),
    "tags": ("tags", "tags_text"),
}
COMMENTS = {Operation.PUBLIC_REPLY: "reply", Operation.INTERNAL_NOTE: "note"}
#: the parts of a request in which a placeholder may stand
PARTS = ("path", "query", "headers", "json", "form", "text", "parts")
#: the largest file, in megabytes, where the settings do not say
LARGEST = 20


class Options(msgspec.Struct, frozen=True):
    """One connection's settings; its repr shows no secret."""

    base: str
    auth: dict[str, Any] = {}
    ticket: dict[str, Any] = {}
    comment: dict[str, Any] = {}
    person: dict[str, Any] = {}
    file: dict[str, Any] = {}
    words: dict[str, Any] = {}
    incoming: dict[str, Any] = {}
    calls: dict[str, Any] = {}
    times: Times = Times()
    us: RemotePerson | None = None
    webhook_secrets: tuple[str, ...] = ()
    signature: dict[str, Any] = {}
    signing_secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name the desk only."""
        return f"Options({self.base!r})"

    def call(self, name: str) -> dict[str, Any] | None:
        """Return a request by its name; None where the settings describe none."""
        found = self.calls.get(name)
        return found if isinstance(found, dict) else None

    def beside(self, address: str) -> str:
        """Return the whole address of a file that the desk names: on its own host as the connection has it."""
        try:
            parts, home = urlsplit(urljoin(f"{self.base}/", address)), urlsplit(self.base)
        except ValueError:
            return ""
        if parts.hostname != home.hostname:
            return address
        return urlunsplit((home.scheme, home.netloc, parts.path, parts.query, ""))

    def file_address(self, ticket: str, number: str, name: str, url: str) -> str:
        """Return where a file is read: by the request that reads one, else where the desk says that it lies."""
        shape = self.call("fetch")
        if shape is None or shape["path"] == "{url}":
            return self.beside(url) if url else ""
        given = {"ticket": ticket, "file_id": number, "file_name": name}
        asked = texts(shape.get("query") or {}, given)
        below = path(str(shape["path"]), given)
        return f"{below}?{urlencode(asked)}" if asked else below

    @property
    def updates(self) -> list[dict[str, Any]]:
        """The requests that change a ticket."""
        return updates_of(self.calls)

    @property
    def literal(self) -> tuple[str, ...]:
        """Every secret as it is written."""
        auth = self.auth
        granted = [(auth.get("oauth") or {}).get(name) for name in ("client_secret", "password", "refresh_token")]
        found = [auth.get("token"), auth.get("password"), *(auth.get("headers") or {}).values(), *granted]
        if not auth and len(hidden := urlsplit(self.base).path) >= SECRET_PATH:
            # nothing else protects such an address: those of catch hooks are secrets
            found.append(hidden)
        return tuple(
            dict.fromkeys(str(each) for each in (*found, *self.webhook_secrets, *self.signing_secrets) if each)
        )


def read_options(settings: ConnectionSettings) -> Options:
    """Read the options of a connection."""
    given = settings.options
    times, outgoing, us = given.get("times") or {}, given.get("outgoing") or {}, given.get("us") or {}
    formats = times.get("format") or ()
    return Options(
        base=settings.url.rstrip("/"),
        auth=dict(given.get("auth") or {}),
        ticket=dict(given.get("ticket") or {}),
        comment=dict(given.get("comment") or {}),
        person=dict(given.get("person") or {}),
        file=dict(given.get("file") or {}),
        words=dict(given.get("words") or {}),
        incoming=dict(given.get("incoming") or {}),
        calls=dict(given.get("calls") or {}),
        times=Times(several(formats) or ("iso",), str(times.get("zone") or "UTC")),
        us=RemotePerson(str(us.get("id") or ""), str(us.get("email") or ""), name=str(us.get("name") or ""))
        if us
        else None,
        webhook_secrets=several(given.get("webhook_secret")),
        signature=dict(outgoing.get("signature") or {"kind": STANDARD}) if outgoing else {},
        signing_secrets=several(outgoing.get("secret")),
    )


def several(value: Any) -> tuple[str, ...]:
    """Return one text or a list of them as texts."""
    if not value:
        return ()
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else (str(value),)


def updates_of(calls: Shape) -> list[dict[str, Any]]:
    """Return the requests that change a ticket: one, or a list."""
    return lists_of(calls, "update")


def lists_of(calls: Shape, name: str = "changes") -> list[dict[str, Any]]:
    """Return the requests that list what changed, or comments, one after the other: one, or several."""
    found = calls.get(name)
    if isinstance(found, Mapping):
        return [dict(found)]
    return [dict(each) for each in found or () if isinstance(each, Mapping)]


def span(text: Any, default: int) -> int:
    """Return a span of time such as 24h in seconds."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", str(text or ""))
    return int(found.group(1)) * _SPANS[found.group(2)] if found else default


def body_of(request: Shape) -> tuple[Any, ...]:
    """Return every part of a request in which a placeholder may stand."""
    return tuple(request.get(part) for part in PARTS)


def carried(request: Shape) -> frozenset[str]:
    """Return our fields that a request carries."""
    names = set(placeholders(body_of(request)))
    return frozenset(field for field, words in CARRIES.items() if names & set(words))


def fields_for(request: Shape) -> frozenset[str]:
    """Return the fields for which a request of `update` is sent."""
    given = request.get("for")
    return frozenset(str(each) for each in given) if given else carried(request)


def narrowed(spec: ConnectorSpec, given: Shape) -> ConnectorSpec:
    """Return the spec of one connection: what its settings describe, and how each write stays single by them."""
    calls, ticket = given.get("calls") or {}, given.get("ticket") or {}
    operations = dict(_claims(given))
    changes = [field for request in updates_of(calls) for field in fields_for(request)]
    created = carried(calls.get("create") or {})
    written = frozenset(changes) | (created & {"body"} if changes else created)
    readable = frozenset(field for field in spec.readable_fields if field in ticket)
    if "body" in spec.readable_fields and ticket.get("first_comment_is_body"):
        readable |= {"body"}
    address = naming(str(ticket.get("link") or ""))
    custom = any(name.startswith("custom.") for name in placeholders([body_of(each) for each in updates_of(calls)]))
    file = given.get("file") or {}
    return msgspec.structs.replace(
        spec,
        operations=operations,
        readable_fields=readable,
        writable_fields=written & spec.writable_fields,
        webhooks="incoming" in given,
        polling="changes" in calls,
        reads="read" in calls,
        custom_fields=custom,
        addresses=(address,) if address is not None else (),
        attaching=attaching(calls),
        max_file=int(file.get("largest_mb") or LARGEST) * 1_000_000,
        internal_files=hides_files(given),
        file_hosts=tuple(str(each) for each in file.get("hosts") or ()),
        sees=frozenset(
            operation
            for operation, claim in operations.items()
            if claim.strategy is Strategy.PROBE and operation is not Operation.SET_FIELDS and _marks(given, operation)
        ),
    )


def attaching(calls: Shape) -> Attaching | None:
    """Return how files get there: each by a request of its own, or with what is said; None: not at all."""
    if "attach" in calls:
        return Attaching.ALONE
    return Attaching.WITH_COMMENT if any(brings(calls, name) for name in COMMENTS.values()) else None


def brings(calls: Shape, name: str) -> bool:
    """Say whether a request takes the files of what it says."""
    return "files" in set(placeholders(body_of(calls.get(name) or {})))


def hides_files(given: Shape) -> bool:
    """Say whether a file can be kept from customers: by a word of its own, or as its note is."""
    calls, place = given.get("calls") or {}, (given.get("file") or {}).get("visibility")
    if "attach" not in calls:
        return brings(calls, "note")
    always = isinstance(place, Mapping) and place.get("value") == Visibility.INTERNAL.value
    return always or bool({"visibility", "internal", "public"} & set(placeholders(body_of(calls["attach"]))))


def reads_files(given: Shape) -> bool:
    """Say whether the files of a ticket are read with it."""
    places = ((given.get(each) or {}).get("files") for each in ("ticket", "comment"))
    calls = given.get("calls") or {}
    return "read" in calls and ("files" in calls or any(places))


def naming(link: str) -> Naming | None:
    """Return how the address for people names a ticket; None where there is none."""
    before, placeholder, after = link.partition(TICKET)
    host = host_of(before)
    if not placeholder or not host:
        return None
    rest = before.split("://", 1)[1].partition("/")[2]
    return Naming(f"^/{re.escape(rest)}(?P<name>[^/?#&;]+){re.escape(after) or '(?=[/?#&;]|$)'}", host=host)


def _marks(given: Shape, operation: Operation) -> bool:
    """Say whether what an operation wrote is known by a mark of ours, and not by its words."""
    return operation is Operation.CREATE or finds(given, COMMENTS.get(operation, "")) == "marker"


def _claims(given: Shape) -> Iterator[tuple[Operation, OperationClaim]]:
    calls = given.get("calls") or {}
    create = calls.get("create")
    if create:
        yield Operation.CREATE, _claim(create, looked_for=bool(create.get("find")))
    updates = updates_of(calls)
    if updates:
        settle = max(int(each.get("settle", SETTLE)) for each in updates)
        strategy = Strategy.CONDITIONAL if any(each.get("if_match") for each in updates) else Strategy.NATURAL
        if any(each.get("repeatable") is False for each in updates) and "read" not in calls:
            strategy = Strategy.NONE
        probe = "read" in calls
        yield Operation.SET_FIELDS, OperationClaim(strategy, settle=settle, probe=probe)
    for operation, name in COMMENTS.items():
        if calls.get(name):
            yield operation, _claim(calls[name], looked_for=bool(finds(given, name)))
    if calls.get("attach"):
        yield Operation.ATTACH, _claim(calls["attach"], looked_for=reads_files(given))


def _claim(request: Shape, *, looked_for: bool) -> OperationClaim:
    """Return how one write stays single: its key, the search for its mark, that it may be repeated; else nothing."""
    settle = int(request.get("settle", SETTLE))
    if request.get("idempotency_header"):
        lives = span(request.get("remembered"), REMEMBERED)
        return OperationClaim(Strategy.KEY, settle=settle, key_ttl=lives, probe=looked_for)
    if looked_for:
        return OperationClaim(Strategy.PROBE, settle=settle)
    if request.get("repeatable"):
        return OperationClaim(Strategy.NATURAL, settle=settle)
    return OperationClaim(Strategy.NONE, settle=settle)


def finds(given: Shape, name: str) -> str:
    """Say how a comment is found again: by its `marker`, by its `words`, or not at all."""
    calls, comment = given.get("calls") or {}, given.get("comment") or {}
    request = calls.get(name) or {}
    read = "read" in calls and ("comments" in calls or "comments" in (given.get("ticket") or {}))
    if not read:
        return ""
    chosen = str(request.get("find") or "")
    if chosen == "words":
        return chosen
    marked = "marker" in comment and "key" in set(placeholders(body_of(request)))
    return "marker" if marked else ""
