"""Facts read from a delivery: what a connector's parser returns and what apply folds into the one ticket.

An event names the remote change by `key` (a transaction, a comment, a field at a version), never the delivery, so that
the webhook and the poll of one change are one event.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.desk_promise import DeskPromise
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Kind, Org, Priority, Status, Visibility


class EventKind(StrEnum):
    """What happened to the remote ticket."""

    CREATED = "created"
    CHANGED = "changed"
    COMMENTED = "commented"
    #: nothing happened that we know of: this is how the ticket looks now (a poll, a read)
    OBSERVED = "observed"
    MERGED = "merged"
    DELETED = "deleted"
    #: the desk says something of a promise that it counts itself
    PROMISED = "promised"
    #: nothing happened there: a person says, by a button in a notice of ours, that they know of a breach
    ACKNOWLEDGED = "acknowledged"
    #: nor did this: a person answers an offer of ours by a button
    ANSWERED = "answered"
    #: nor did this: an escalation of ours asks for an action of another package
    ASKED = "asked"
    #: nor did this: another system says something else of who asked
    ENRICHED = "enriched"


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file on a comment or a ticket, as the desk names it; its bytes are fetched when it is written elsewhere."""

    name: str
    mime: str = "application/octet-stream"
    size: int = 0
    remote_id: str = ""
    url: str = ""
    #: it is shown in the text, which names it: `![name](attachment:REMOTE_ID)`
    inline: bool = False
    #: it hangs on the words with which its ticket began: of a ticket that we made, it is ours
    opening: bool = False
    #: of one that we have
    sha256: str = ""
    #: of one that is to be written
    visibility: Visibility = Visibility.INTERNAL


class RemoteComment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A comment as one desk has it; `body` is canonical Markdown, `visibility` internal where it is not known."""

    remote_id: str
    at: datetime
    body: str
    visibility: Visibility = Visibility.INTERNAL
    author: RemotePerson | None = None
    #: the effect key that we embedded, where this comment carries one
    marker: str = ""
    source_format: str = "plain"
    attachments: tuple[Attachment, ...] = ()
    #: what of the desk's own text Markdown cannot show, in plain words, and that text as the desk has it
    lost: tuple[str, ...] = ()
    raw: str = ""
    #: when it was changed last, where its desk says so: at `at` or before is never, and it need not be its words
    edited_at: datetime | None = None
    #: an event told its words without their form: the ticket is to be read for the rest
    partial: bool = False
    #: and not who may read it: nothing comes of it until a read says so
    unsaid: bool = False

    @property
    def was_edited(self) -> bool:
        """Whether it was changed after it was made, as its desk says."""
        return self.edited_at is not None and self.edited_at > self.at


class RemoteTicket(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a remote ticket looks. A field that the desk did not say is UNSET and is left alone."""

    remote_id: str
    updated_at: datetime
    #: the desk's own order of states (transaction id, microseconds of updated_at); grows with every change
    version: int = 0
    #: the opaque token of a conditional write (ETag, updated_at as the desk wrote it)
    version_token: str = ""
    key: str = ""
    url: str = ""
    channel: str = ""
    created_at: datetime | None = None
    #: since when it is resolved or closed, where the desk says
    resolved_at: datetime | None = None
    #: the effect key that we embedded when we created it, where there is one
    marker: str = ""
    external_id: str = ""
    #: what the desk keeps of tickets elsewhere in fields or links that are there for it: addresses, keys, as they stand
    #: there. Custom fields and the external id are looked at anyway
    references: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    title: str | msgspec.UnsetType = msgspec.UNSET
    body: str | msgspec.UnsetType = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET
    kind: Kind | msgspec.UnsetType = msgspec.UNSET
    queue: str | msgspec.UnsetType = msgspec.UNSET
    language: str | msgspec.UnsetType = msgspec.UNSET
    assignee: RemotePerson | msgspec.UnsetType | None = msgspec.UNSET
    requester: RemotePerson | msgspec.UnsetType | None = msgspec.UNSET
    org: Org | msgspec.UnsetType = msgspec.UNSET
    tags: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    custom: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    #: those of its tags that the gateway keeps there; they are not among `tags`
    own_tags: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    #: what a message there has to name (addresses, ids of mails): kept with the link as the connector says it
    correspondence: dict[str, Any] = {}
    #: the desk's own due time
    due: datetime | msgspec.UnsetType | None = msgspec.UNSET
    #: as they were said: those of one second stay in this order
    comments: tuple[RemoteComment, ...] = ()
    #: files of the ticket that belong to no comment
    attachments: tuple[Attachment, ...] = ()
    #: the words of the body without their form, where the desk gives both: who has seen these has seen the body
    plain_body: str = ""
    #: what of the desk's own text of the body Markdown cannot show, in plain words, and that text as the desk has it
    lost: tuple[str, ...] = ()
    source_format: str = ""
    raw: str = ""
    #: True when this is a full read (all fields and all comments), False for what a webhook happened to carry
    complete: bool = False
    #: the desk says that this ticket is no more: deleted, or merged into another remote ticket
    deleted: bool = False
    merged_into: str = ""
    #: fewer people there may read it than others of its kind (confidential, a security level)
    private: bool | msgspec.UnsetType = msgspec.UNSET
    #: it goes on with this one, which is closed for good
    follows: str = ""


class FieldChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that was changed on purpose: the value in our terms (the type of the RemoteTicket field)."""

    field: str
    value: Any
    old: Any = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact about one remote ticket."""

    kind: EventKind
    remote_id: str
    #: names the remote change; unique within the connection
    key: str
    #: when it happened, by the desk's clock
    at: datetime
    #: the desk's own order (see RemoteTicket.version); 0 where unknown
    version: int = 0
    actor: RemotePerson | None = None
    changes: tuple[FieldChange, ...] = ()
    comment: RemoteComment | None = None
    #: how the ticket looked when the desk sent this, as far as it said
    snapshot: RemoteTicket | None = None
    #: the survivor, for MERGED
    merged_into: str = ""
    #: the desk itself did it as a side effect (RT_System's "open", an automation), no person
    automatic: bool = False
    #: of a desk that has conversations and no tickets: the one that this was said in. `remote_id` is what a ticket is
    #: called that this begins: `<thread>:<id>`
    thread: str = ""
    #: and the messages that it answers, the nearest first: beginnings of the keys of their events, effect keys of ours
    answers: tuple[str, ...] = ()
    answers_ours: tuple[str, ...] = ()
    #: a conversation that it names by nothing but a tag that anybody may have seen
    tag: str = ""
    #: of PROMISED
    promise: DeskPromise | None = None
    #: True when the event says too little to be applied by itself: read its ticket first. Of a ticket that we do not
    #: know yet apply sees to that, for all but a creation that has a title and a body
    needs_read: bool = False
    #: of what is about a ticket of ours and no remote one: what it is about
    about: dict[str, Any] = {}
