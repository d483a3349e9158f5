"""Everything that the author of a connector imports.

A connector is a folder with `__init__.py` (the hook), `webhook.py` (verify, envelope, parse), `calls.py` (read, write,
probe, changes), `mapping.py` (vendor JSON to our model, pure), `simulator.py` and `quality.yaml`. It does no I/O: a
call to the desk is a generator that yields `HttpRequest` and is sent `HttpResponse`. docs/connectors/README.md has the
steps to one; docs/examples/acme-desk is one in a package of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pluggy

from connectors.wholly import wholly
from gateway.domain.availability import AgentState, DeskAgent
from gateway.domain.crosslink import Naming
from gateway.domain.event import Attachment, Event, EventKind, FieldChange, RemoteComment, RemoteTicket
from gateway.domain.ids import canonical, digest, our_mark
from gateway.domain.people import email_key, phone_key
from gateway.domain.person import RemotePerson
from gateway.domain.report.figures import length
from gateway.domain.ticket import Category, HoldReason, Kind, Level, Org, Priority, Status, Visibility, over_since
from gateway.domain.update import (
    Absent,
    CommentIntent,
    Conflict,
    Copy,
    Done,
    Finding,
    Forbidden,
    Found,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Reason,
    Receipt,
    Rejected,
    Sighting,
    Strategy,
    Throttled,
    Unauthorized,
    Unknown,
    Unsure,
)
from gateway.errors import AuthenticationError, TransportError, UnmappedError, UnreadableError
from gateway.ports import (
    Attaching,
    Backfilling,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    ConnectionSettings,
    Connector,
    ConnectorSpec,
    Effect,
    Envelope,
    Filing,
    Grant,
    Granting,
    Handshake,
    HttpRequest,
    HttpResponse,
    Identity,
    IncomingRequest,
    OperationClaim,
    Part,
    RawDelivery,
    Setting,
    Staffed,
    WriteContext,
)
from gateway.ports.enriching import Answer, Enriching, Question

#: The version of this interface. A plug-in made for another one is quarantined and shown, never half loaded.
API_VERSION = 1

PROJECT = "gateway_connectors"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

#: Retry-After is clamped to this many seconds (docs/delivery.md section 1, "Rate").
MAX_RETRY_AFTER = 3600

MAX_DETAIL = 300


class Plugin(msgspec.Struct, frozen=True):
    """What the hook returns: the spec and the factory that makes a connector for one connection."""

    spec: ConnectorSpec
    factory: Callable[[ConnectionSettings], Connector]


class Hooks:
    """The hook that a connector package implements."""

    @hookspec
    def gateway_connector(self) -> Plugin:  # type: ignore[empty-body]
        """Return the connector of this package."""


def hmac_hex(secret: str | bytes, message: bytes, algorithm: str = "sha256") -> str:
    """Return the HMAC of `message` as hex digits; a text secret is used as its UTF-8 bytes."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, message, algorithm).hexdigest()


def hmac_base64(secret: str | bytes, message: bytes, algorithm: str = "sha256") -> str:
    """Return the HMAC of `message` in base64; a text secret is used as its UTF-8 bytes."""
    key = secret.encode() if isinstance(secret, str) else secret
    return base64.b64encode(hmac.new(key, message, algorithm).digest()).decode()


def require_equal(given: str, expected: str, what: str) -> None:
    """Compare two signatures in constant time; raise AuthenticationError naming `what` when they differ."""
    if not given:
        msg = f"missing {what}"
        raise AuthenticationError(msg)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        msg = f"wrong {what}"
        raise AuthenticationError(msg)


def read_object(body: bytes) -> dict[str, Any]:
    """Decode the body of a delivery that must be a JSON object, with or without a byte order mark.

    NUL is left out of every text: no database of ours keeps it. Raises UnreadableError, in one line, for all else.
    """
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
        if isinstance(found, dict):
            return dict(_without_nul(found)) if b"\\u0000" in body else found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the body is not JSON: {error}"
        raise UnreadableError(msg) from error
    msg = f"the body is a JSON {type(found).__name__}, not an object"
    raise UnreadableError(msg)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {name.replace("\x00", ""): _without_nul(each) for name, each in value.items()}
    return value


def body_digest(body: bytes) -> str:
    """Name a delivery by its content, where the desk gives it no id."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def require_recent(name: str, at: datetime | float, now: datetime, most: int) -> None:
    """Raise AuthenticationError unless a request was signed at most `most` seconds before or after `now`.

    `at` is what the header `name` says, an aware instant or seconds since 1970. Ask for it once the signature has held:
    then it is the desk itself that says how far its clock is off, or it is a request that somebody sends again.
    """
    said = at.timestamp() if isinstance(at, datetime) else at
    off = round(said - now.timestamp())
    if abs(off) > most:
        where = "ahead of" if off > 0 else "behind"
        msg = (
            f"{name} is {length(abs(off), days=True)} {where} our clock, and {length(most)} is the most: the clock of "
            f"the desk or of this host is wrong (gateway connections test compares them), or it is an old request"
        )
        raise AuthenticationError(msg)


def retry_after(response: HttpResponse, now: datetime | None = None) -> int | None:
    """Read Retry-After in both forms of RFC 9110 section 10.2.3 (seconds, HTTP date), clamped; None without one.

    A date is read against the answer's own Date header where there is one, so that a desk's wrong clock does no harm.
    An answer that says without it that its limit is used up is read by the header that says when that ends.
    """
    text = response.header("retry-after").strip()
    if not text:
        return _until_reset(response, now)
    if text.isascii() and text.isdigit():
        return min(int(text), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
        said = response.header("date")
        base = parsedate_to_datetime(said) if said else now
    except (TypeError, ValueError):
        return None
    if base is None:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if base.tzinfo is None:
        base = base.replace(tzinfo=UTC)
    return max(0, min(int((at - base).total_seconds()), MAX_RETRY_AFTER))


#: headers that say when a limit begins anew, and how much of it is left
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_LEFT = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
#: a number above this is seconds since 1970, below it seconds to wait: desks write either under one name
_AN_INSTANT = 1_000_000_000


def _until_reset(response: HttpResponse, now: datetime | None) -> int | None:
    """Return the seconds until a limit begins anew: a number of them, seconds since 1970, or an instant."""
    spent = any(response.header(name).strip() == "0" for name in _LEFT)
    if response.status != 429 and not (spent and response.status == 403):
        return None
    text = next((said for name in _RESETS if (said := response.header(name).strip())), "")
    if text.isascii() and text.isdigit() and int(text) < _AN_INSTANT:
        return min(int(text), MAX_RETRY_AFTER)
    try:
        at = (
            datetime.fromtimestamp(int(text), UTC)
            if text.isascii() and text.isdigit()
            else datetime.fromisoformat(text)
        )
        said = response.header("date")
        base = parsedate_to_datetime(said) if said else now
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    if base is None or base.tzinfo is None or at.tzinfo is None:
        return None
    return max(0, min(int((at - base).total_seconds()), MAX_RETRY_AFTER))


def unseen(intent: Intent, context: WriteContext) -> Call[Sighting]:  # noqa: ARG001 - for those that can tell
    """Be the `effects` of a connector that cannot count what took effect: its spec leaves `sees` empty, too."""
    yield from ()
    return Sighting()


def excerpt(response: HttpResponse) -> str:
    """Return status and the first words of an answer, for people."""
    text = response.body[: 4 * MAX_DETAIL].decode("utf-8", "replace").replace("\x00", "")
    return f"HTTP {response.status} {' '.join(text.split())[:MAX_DETAIL]}".strip()


def classify(response: HttpResponse) -> Outcome | None:
    """Classify the answer to a *write* by the default table (docs/delivery.md section 1, point 9); None for 2xx.

    A connector looks at 2xx bodies itself and overrides what its desk means differently.
    """
    status = response.status
    if response.ok:
        return None
    detail = excerpt(response)
    if status == 429:
        return Throttled(detail, retry_after(response))
    if status == 401:
        return Unauthorized(detail)
    if status == 403:
        return Forbidden(detail)
    if status in {409, 412, 423}:
        return Conflict(detail)
    if status == 408 or status >= 500 or status < 400:
        return Unknown(detail)
    return Rejected(detail)


def refused_of(intent: Intent, named: Iterable[str], ours: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fields of an intent that a refusal names; `ours` says what the desk's names are to us.

    A name that is none of the intent's is left out: what the desk asks for beside it is for a person.
    """
    meant = {ours.get(name, name) for name in named}
    return tuple(field for field in intent.fields if field in meant)


def unmapped(error: UnmappedError) -> Rejected:
    """Return the refusal of a value that no mapping covers, before anything is sent: of its field, where it has one."""
    return Rejected(str(error), Reason.UNMAPPED, (error.field,) if error.field else ())


def about_fields(outcome: Outcome, fields: tuple[str, ...]) -> Outcome:
    """Return a refusal with the fields of the intent that it is about; any other outcome as it is."""
    return msgspec.structs.replace(outcome, fields=fields) if isinstance(outcome, Rejected) else outcome


__all__ = [
    "API_VERSION",
    "Absent",
    "AgentState",
    "Answer",
    "Attaching",
    "Attachment",
    "AuthenticationError",
    "Backfilling",
    "Blob",
    "Call",
    "Category",
    "ChangePage",
    "CheckResult",
    "CommentIntent",
    "Conflict",
    "ConnectionSettings",
    "Connector",
    "ConnectorSpec",
    "Copy",
    "DeskAgent",
    "Done",
    "Effect",
    "Enriching",
    "Envelope",
    "Event",
    "EventKind",
    "FieldChange",
    "Filing",
    "Finding",
    "Forbidden",
    "Found",
    "Grant",
    "Granting",
    "Handshake",
    "HoldReason",
    "Hooks",
    "HttpRequest",
    "HttpResponse",
    "Identity",
    "IncomingRequest",
    "Intent",
    "Kind",
    "Level",
    "Naming",
    "NotSent",
    "Operation",
    "OperationClaim",
    "Org",
    "Outcome",
    "Part",
    "Plugin",
    "Priority",
    "Progress",
    "Question",
    "RawDelivery",
    "Reason",
    "Receipt",
    "Rejected",
    "RemoteComment",
    "RemotePerson",
    "RemoteTicket",
    "Setting",
    "Sighting",
    "Staffed",
    "Status",
    "Strategy",
    "Throttled",
    "TransportError",
    "Unauthorized",
    "Unknown",
    "UnreadableError",
    "Unsure",
    "Visibility",
    "WriteContext",
    "about_fields",
    "body_digest",
    "canonical",
    "classify",
    "digest",
    "email_key",
    "excerpt",
    "hmac_base64",
    "hmac_hex",
    "hookimpl",
    "our_mark",
    "over_since",
    "phone_key",
    "read_object",
    "refused_of",
    "require_equal",
    "require_recent",
    "retry_after",
    "unmapped",
    "unseen",
    "wholly",
]
