"""An update: one intended outbound write, its states and how its outcome is classified (docs/delivery.md section 1)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.event import Attachment, Event, RemoteTicket
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Visibility


class UpdateState(StrEnum):
    """The life of an update. `observed`: a read showed that the effect was there already.

    `doubled`: it landed, and a look at the desk showed more of it than that; a dead letter that holds nothing.
    """

    READY = "ready"
    SENDING = "sending"
    DONE = "done"
    OBSERVED = "observed"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    DEAD = "dead"
    SUPERSEDED = "superseded"
    DOUBLED = "doubled"


#: states of dead letters, until a person has resolved them
GIVEN_UP = frozenset({UpdateState.DEAD, UpdateState.AMBIGUOUS, UpdateState.DOUBLED})

#: states in which an update still stands at the head of its lane
OPEN_STATES = frozenset(
    {UpdateState.READY, UpdateState.SENDING, UpdateState.UNKNOWN, UpdateState.AMBIGUOUS, UpdateState.DEAD}
)


class Operation(StrEnum):
    """What an update does at the desk."""

    CREATE = "create"
    SET_FIELDS = "set_fields"
    PUBLIC_REPLY = "public_reply"
    INTERNAL_NOTE = "internal_note"
    NOTIFY = "notify"
    #: puts one file on the ticket, at a desk that takes files by themselves
    ATTACH = "attach"
    #: takes one copy of a doubled effect back: `params` name it (`copy`) and what it is a copy of (`of`)
    UNDO = "undo"


class Strategy(StrEnum):
    """How an unknown outcome of an operation is resolved without doubling it."""

    NATURAL = "natural"
    KEY = "key"
    PROBE = "probe"
    CONDITIONAL = "conditional"
    NONE = "none"


class Reason(StrEnum):
    """Why an update or a delivery became a dead letter."""

    REJECTED = "rejected"
    EXHAUSTED = "exhausted"
    AUTH = "auth"
    POISON = "poison"
    UNREADABLE = "unreadable"
    UNMAPPED = "unmapped"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    BOUNCE = "bounce"
    #: it belongs to a connection that the site names no more
    REMOVED = "removed"
    DOUBLED = "doubled"
    #: its ticket is private elsewhere, and everybody could read it there
    PRIVATE = "private"
    #: its ticket is closed there for good
    CLOSED = "closed"
    #: its ticket cannot be read any more: deleted there, or our account lost the right to it
    HIDDEN = "hidden"


class CommentIntent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A comment to write: `body` is canonical Markdown, attribution included."""

    comment_id: str
    body: str
    visibility: Visibility
    author: RemotePerson | None = None


class Intent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an update wants, in our terms; a connector renders it at the moment of sending.

    `fields` holds model values as plain JSON: title, body, kind and queue a string; tags a list; status
    `{"category", "native", "hold_reason"}` and priority `{"level", "native"}`, where a non-empty native is the desk's
    own word that the sync rule's map chose and wins over the connector's default; assignee and requester the members of
    RemotePerson, `external_id` being the account at *this* desk or empty. `params` are the `create:` keys of the rule
    (RT queue, Jira project) or the address of a notification (channel).

    `ours` is for rendering again, and no business of a connector: in our words, what a map has replaced in `fields`
    and what it has no word for.
    """

    operation: Operation
    fields: dict[str, Any] = {}
    comment: CommentIntent | None = None
    params: dict[str, Any] = {}
    #: files that we have (`sha256`), to be written with it; a body that shows one names it `attachment:SHA256`
    attachments: tuple[Attachment, ...] = ()
    ours: dict[str, Any] = {}
    version: int = 1


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the desk said about a write that took effect. Every part may be missing."""

    remote_id: str = ""
    key: str = ""
    url: str = ""
    version: int = 0
    version_token: str = ""
    #: the desk's ids of what the write made (comment, transaction, audit): the ledger matches echoes by them first
    change_ids: tuple[str, ...] = ()
    comment_id: str = ""
    #: the desk's ids of the files that it put there, in the order of the intent's, as far as the desk said
    file_ids: tuple[str, ...] = ()
    #: the version that the write itself made, where `version` covers what the desk did because of it as well
    since: int = 0
    #: how the ticket reads after the write, as far as the desk said: echoes and drift are judged against it
    observed: RemoteTicket | None = None
    #: fields that the write set beside those of its intent, as they read back (RT's status, kept by a reply)
    kept: dict[str, Any] = {}
    #: fields that the desk would have changed by itself because of such a write, had they not stood as they did
    spared: tuple[str, ...] = ()
    #: edits of people that the write undid because it could not know of them: they are folded in, and written again
    undone: tuple[Event, ...] = ()
    #: the ticket is closed there for good, and the write began another that follows it: the link goes on there
    followed: bool = False
    #: the desk's clock when it took effect
    at: datetime | None = None


class Done(msgspec.Struct, frozen=True, tag=True):
    """The write took effect. `detail`: what of it did not, where people have to know, such as one who got no copy."""

    receipt: Receipt = Receipt()
    detail: str = ""
    #: fields of the intent that the desk refused for good while it set the others: they are left to a person
    left_out: tuple[str, ...] = ()


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """The desk refused and will refuse again: a dead letter. Certain that nothing took effect."""

    detail: str
    reason: Reason = Reason.REJECTED
    #: of which fields of the intent the desk says so; the others can go without them
    fields: tuple[str, ...] = ()


class NotSent(msgspec.Struct, frozen=True, tag=True):
    """Certain that nothing took effect, and worth another try (refused connection, a lock, a busy answer)."""

    detail: str
    retry_after: int | None = None


class Throttled(msgspec.Struct, frozen=True, tag=True):
    """429: certain that nothing took effect; the whole connection waits `retry_after` seconds. Costs no attempt."""

    detail: str
    retry_after: int | None = None


class Unauthorized(msgspec.Struct, frozen=True, tag=True):
    """The credentials no longer hold: the connection pauses until a person mends them. Costs no attempt."""

    detail: str


class Forbidden(msgspec.Struct, frozen=True, tag=True):
    """403: the connection pauses if `whoami` fails too, else this update is rejected."""

    detail: str


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """The write may or may not have taken effect: resolved by the strategy."""

    detail: str


class Conflict(msgspec.Struct, frozen=True, tag=True):
    """The remote ticket has moved on since it was read; nothing took effect: read again and rebase."""

    detail: str


class Progress(msgspec.Struct, frozen=True, tag=True):
    """One of several writes is done; `steps` is stored and handed to the next attempt of the same update."""

    steps: dict[str, Any]
    receipt: Receipt = Receipt()


Outcome = Done | Rejected | NotSent | Throttled | Unauthorized | Forbidden | Unknown | Conflict | Progress


class Found(msgspec.Struct, frozen=True, tag=True):
    """A probe saw the effect."""

    receipt: Receipt = Receipt()


class Absent(msgspec.Struct, frozen=True, tag=True):
    """A strongly consistent probe saw that the effect is not there."""


class Unsure(msgspec.Struct, frozen=True, tag=True):
    """A probe could not tell: it is tried again, by its own counter."""

    detail: str
    #: the desk never says that something is not there: after a few looks a person decides
    lasting: bool = False


Finding = Found | Absent | Unsure


class Copy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One effect of an update as the desk shows it: a ticket, or a comment, that bears its mark."""

    remote_id: str
    at: datetime | None = None


class Sighting(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a look at the desk showed of an update that has landed: every time that it did."""

    #: tickets or comments, the first one first
    copies: tuple[Copy, ...] = ()
    #: of `set fields`: how the ticket reads now
    ticket: RemoteTicket | None = None
    #: and the fields of which the desk says that our account changed them last
    ours: frozenset[str] = frozenset()
