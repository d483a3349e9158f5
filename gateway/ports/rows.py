"""Rows of the record as frozen values. All instants are aware UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.echo import EchoEntry
from gateway.domain.event import Attachment, Event
from gateway.domain.link import LinkPatch
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Visibility
from gateway.domain.update import Intent, Operation, Reason, UpdateState

#: the header of a delivery that a person takes although its connector would set it aside
TAKEN = "x-gateway-taken"


class NewDelivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delivery to store: one webhook or one polled change, as received, or what a write of ours found out."""

    id: str
    connection: str
    source_event_id: str
    ref: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes
    trace_id: str
    #: webhook, poll or write
    origin: str = "webhook"


class DeliveryRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored delivery. States: pending, applied, parked, discarded."""

    id: str
    connection: str
    source_event_id: str
    ref: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes
    trace_id: str
    origin: str
    state: str
    tries: int
    reason: str = ""
    detail: str = ""
    not_before: datetime | None = None
    applied_at: datetime | None = None
    #: under which it was parked; of a pending one, by which it is decided (empty: by the active one)
    release: str = ""


class NewUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An update to put at the end of a lane."""

    id: str
    link_id: str
    ticket_id: str
    connection: str
    operation: Operation
    effect_key: str
    intent: Intent
    #: one line for lists, without personal data
    summary: str
    #: id of the delivery that caused it
    delivery_id: str
    event_key: str
    #: the rule that decided it
    rule: str
    release: str
    trace_id: str
    created_at: datetime
    state: UpdateState = UpdateState.READY
    reason: Reason | None = None
    detail: str = ""
    #: should it be given up, it holds its lane (the connection's `on_dead: block`)
    blocks: bool = True


class UpdateRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An update as stored."""

    id: str
    link_id: str
    seq: int
    ticket_id: str
    connection: str
    operation: Operation
    effect_key: str
    intent: Intent
    payload_version: int
    state: UpdateState
    summary: str
    attempts: int
    probes: int
    created_at: datetime
    trace_id: str
    rule: str = ""
    release: str = ""
    delivery_id: str = ""
    event_key: str = ""
    not_before: datetime | None = None
    #: until then a late effect of an unknown attempt may still appear
    settle_until: datetime | None = None
    first_sent_at: datetime | None = None
    reason: Reason | None = None
    detail: str = ""
    resolution: str = ""
    steps: dict[str, Any] = {}
    done_at: datetime | None = None
    #: a person put another intent in the place of the one that was asked for
    edited: bool = False


class LaneClaim(msgspec.Struct, frozen=True):
    """A lane that is ours until the lease ends; every record is fenced by the epoch."""

    link_id: str
    connection: str
    epoch: int


class AttemptStart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try, committed before its write is sent."""

    id: str
    update_id: str
    link_id: str
    connection: str
    epoch: int
    number: int
    payload_version: int
    started_at: datetime
    deadline: float
    #: the rendered request (canonical JSON of method, url, headers without credentials, body), stored encrypted
    request: bytes
    trace_id: str
    echoes: tuple[EchoEntry, ...] = ()
    #: the state the update must be in for this attempt to be lawful
    expect: frozenset[UpdateState] = frozenset({UpdateState.READY})


class Parted(msgspec.Struct, frozen=True):
    """Fields of one payload of an update that a desk refused, and why."""

    fields: tuple[str, ...]
    payload_version: int
    reason: Reason
    #: an earlier attempt, whose answer was lost, may have set them
    doubtful: bool = False


class AttemptEnd(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an update in one visit of its lane, recorded fenced by the epoch."""

    update_id: str
    link_id: str
    connection: str
    epoch: int
    state: UpdateState
    at: datetime
    #: None when no write was sent in this visit
    attempt_id: str | None = None
    status: int = 0
    #: redacted, truncated answer
    answer: str = ""
    outcome: str = ""
    reason: Reason | None = None
    detail: str = ""
    not_before: datetime | None = None
    settle_until: datetime | None = None
    #: earliest time for the *next* update of the lane (the hold after an unknown attempt of a natural write)
    hold_until: datetime | None = None
    #: this visit costs one of the attempts, one of the probes
    counts: bool = False
    probed: bool = False
    steps: dict[str, Any] | None = None
    #: what the write taught about the link
    link: LinkPatch | None = None
    #: (remote comment id, our comment id) of a comment that was written
    comment: tuple[str, str] | None = None
    #: (remote file id, our file id) of files that were written
    files: tuple[tuple[str, str], ...] = ()
    #: edits of people that the write undid without having known of them
    undone: tuple[Event, ...] = ()
    #: echo entries of this update get these facts
    echo_version: int = 0
    echo_since: int = 0
    echo_change_ids: tuple[str, ...] = ()
    landed_at: datetime | None = None
    #: the write certainly had no effect: its expected echoes are withdrawn
    drop_echoes: bool = False
    #: the remote id that the link had before, where the write began a ticket that follows one that is closed for good
    left: str = ""
    #: the desk refused some fields by name: they become a letter of their own, the others go on
    parted: Parted | None = None
    #: fields of which no side effect is expected any more
    spared: tuple[str, ...] = ()
    #: it is resolved, and an earlier attempt may have left: its effects are counted then, if that was never heard of
    look_at: datetime | None = None
    #: a dead or ambiguous update holds its lane (the connection's `on_dead: block`)
    blocks: bool = True


class DeskState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What we know of a connection between calls."""

    connection: str
    #: why it is paused (credentials); empty when it is not
    paused: str = ""
    #: 429: nothing is sent before
    not_before: datetime | None = None
    #: failures in a row, and until when the breaker is open
    failures: int = 0
    open_until: datetime | None = None
    #: after that time one lane tries whether the desk is back; until then no other one does, whoever works
    trial_until: datetime | None = None
    tokens: float = 0.0
    tokens_at: datetime | None = None
    cursor: str = ""
    polled_at: datetime | None = None
    poll_due: datetime | None = None
    poll_error: str = ""
    #: seconds by which its clock is ahead of ours, negative where it is behind; and when that was learned
    ahead: int = 0
    ahead_at: datetime | None = None
    facts: dict[str, Any] = {}


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the audit trail: who did what to which ticket, and why."""

    at: datetime
    actor: str
    action: str
    ticket_id: str = ""
    detail: dict[str, Any] = {}
    trace_id: str = ""
    #: what a decision was made from (rules.inputs), stored encrypted beside the line and no part of the chain
    inputs: bytes = b""


class CommentRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A comment of the one ticket."""

    id: str
    ticket_id: str
    connection: str
    at: datetime
    visibility: Visibility
    body: str
    author: RemotePerson | None = None
    automatic: bool = False
    #: its files, by our ids of them
    attachments: tuple[Attachment, ...] = ()
    #: of one that is new: what of it Markdown cannot show, in words for people
    lost: tuple[str, ...] = ()
    #: when its words were changed at its desk; None: never, as far as the desk says
    edited_at: datetime | None = None
