"""Intercom's webhooks: proof of origin, name, and the facts in them.

Each brings a ticket or a conversation as it is, and of its parts those that are new. Intercom sends some twice, in no
order, and gives up after one more try [1], so that a poll has to stand behind them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.intercom import mapping
from connectors.intercom.account import Account
from connectors.intercom.mapping import Json, ident, moment, obj, objects, text
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    Handshake,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Status,
    UnreadableError,
    Visibility,
    body_digest,
    digest,
    hmac_hex,
    read_object,
    require_equal,
)

SIGNATURE = "x-hub-signature"
#: about tickets and conversations, and none of our business
IGNORED = frozenset({"conversation.read", "conversation.rating.added", "ticket.rating.provided"})
CREATED = frozenset({"conversation.user.created", "conversation.admin.single.created", "ticket.created"})
#: after these the ticket looks different in a way that only a read shows
READ_AFTER = frozenset({
    "ticket.attribute.updated", "ticket.contact.attached", "ticket.contact.detached", "conversation.contact.attached",
    "conversation.contact.detached", "conversation_part.redacted", "conversation.company.updated",
})  # fmt: skip
#: topics of notes: what they bring is for agents, whatever the part calls itself
NOTED = frozenset({"conversation.admin.noted", "ticket.note.created"})
#: what it names was said once, and is no more
TAKEN_BACK = frozenset({"conversation_part.redacted"})
#: topics that tell of a state, of who has it, of a team
STATES = frozenset({
    "conversation.admin.closed", "conversation.admin.opened", "conversation.admin.snoozed",
    "conversation.admin.unsnoozed", "ticket.state.updated", "ticket.resolved", "ticket.closed",
})  # fmt: skip
ASSIGNED = frozenset({
    "conversation.admin.assigned", "conversation.admin.open.assigned", "ticket.admin.assigned", "ticket.team.assigned",
})  # fmt: skip
#: topics of answers: who answers what nobody has gets it by that, told by the part of the answer and by nothing else
REPLIED = frozenset({"conversation.admin.replied", "ticket.admin.replied"})
PRIORITY = "conversation.priority.updated"
ATTRIBUTE = "ticket.attribute.updated"
TAGGED = "conversation_part.tag.created"


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the signature is `sha1=` and HMAC-SHA1(client secret, raw body) [1].

    Intercom's endpoint check is a HEAD without a signature, to which nothing is given away. There is no time in the
    signature: a delivery that comes again has the same name.
    """
    if request.method == "HEAD":
        return
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, "sha1=" + hmac_hex(secret, request.body, "sha1"), SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope | Handshake:
    """Name a delivery by its signed id; a ping has none. An endpoint check is answered with 200."""
    if request.method == "HEAD":
        return Handshake(200)
    try:
        body = read_object(request.body)
    except UnreadableError:
        return Envelope(body_digest(request.body))
    name = ident(body.get("id"))
    return Envelope(name or body_digest(request.body), ident(_item(body).get("id")))


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for what is not about tickets or conversations.

    Raises UnreadableError where neither can be made out.
    """
    body = read_object(delivery.body)
    topic = text(body.get("topic")).strip()
    if not topic:
        msg = "the body has no topic: this is no notification of Intercom"
        raise UnreadableError(msg)
    thing = topic.partition(".")[0]
    if thing not in {"conversation", "conversation_part", "ticket"} or topic in IGNORED:
        return ()
    item = _item(body)
    number = ident(item.get("id"))
    if not number and thing == "conversation_part":
        # a tag on words that are somewhere: neither of them is ours to know
        return ()
    if not (number.isascii() and number.isdigit()):
        msg = f"{topic[:80]} names no ticket and no conversation"
        raise UnreadableError(msg)
    kind = "tickets" if mapping.is_ticket(item) else "conversations"
    if kind not in account.objects and not (kind == "conversations" and obj(item.get("ticket"))):
        return ()
    at = moment(item.get("updated_at")) or moment(body.get("created_at")) or delivery.received_at
    return tuple(_Said(account, topic, item, at).events())


def _item(body: Json) -> Json:
    """Return what a notification is about: those of a part have the ticket beside it, as has `ticket.closed` [1]."""
    item = obj(obj(body.get("data")).get("item"))
    for name in ("ticket", "conversation"):
        inner = obj(item.get(name))
        if inner and text(item.get("type")) != "conversation":
            part = obj(item.get(f"{name}_part"))
            if part:
                return {**inner, f"{name}_parts": {f"{name}_parts": [part]}}
            return inner if ident(inner.get("id")) else _record(inner)
    if text(item.get("type")) in {"conversation_part", "ticket_part"}:
        return {"type": "conversation", "id": item.get("conversation_id") or item.get("ticket_id")}
    if not ident(item.get("id")) and ident(item.get("conversation_id")):
        # one that is gone is named by nothing else
        return {**item, "id": item["conversation_id"]}
    return item


def _record(conversation: Json) -> Json:
    """Return which conversation Intercom's own record of one is: topics of contacts show that, in no API's shape."""
    parts = objects(conversation.get("parts"))
    number = obj(conversation.get("model")).get("id") or (parts[0].get("conversation_id") if parts else "")
    return {"type": "conversation", "id": number}


class _Said:
    """One notification about one ticket or conversation."""

    def __init__(self, account: Account, topic: str, item: Json, at: datetime) -> None:
        self.account, self.topic, self.item, self.at = account, topic, item, at
        self.number = ident(item.get("id"))
        self.snapshot = mapping.ticket(item, account, at=at) or RemoteTicket(self.number, at)
        self.parts = mapping.parts_of(item)

    def events(self) -> list[Event]:
        """Return what happened: the creation or a field, then what was said."""
        found: list[Event] = []
        if self.topic == "conversation.deleted":
            return [self.event(EventKind.DELETED, f"deleted:{self.number}")]
        if self.topic in CREATED:
            found.append(self.event(EventKind.CREATED, f"created:{self.number}", actor=self._opener()))
        elif self.topic in STATES:
            found += self._field("status", self.snapshot.status)
        elif self.topic in ASSIGNED:
            to = text(obj(self._part("assignee").get("assigned_to")).get("type")).lower()
            team = "team" in self.topic or to == "team"
            field = "queue" if team else "assignee"
            found += self._field(field, getattr(self.snapshot, field))
        elif self.topic in REPLIED and text(obj(self._part("assignee").get("assigned_to")).get("type")) == "admin":
            found += self._field("assignee", self.snapshot.assignee)
        elif self.topic == ATTRIBUTE:
            found += self._attribute()
        elif self.topic == PRIORITY:
            found += self._field("priority", self.snapshot.priority)
        elif self.topic == TAGGED:
            found += self._tagged()
        found += self._spoken()
        if not found:
            key = f"seen:{self.number}:{digest([self.topic, self._stamp()])[:16]}"
            found.append(self.event(EventKind.OBSERVED, key, needs_read=self.topic in READ_AFTER))
        return found

    def event(self, kind: EventKind, key: str, *, at: datetime | None = None, **more: Any) -> Event:
        """Return one event; of what does not say enough of its ticket, that is to be read first."""
        whole = isinstance(self.snapshot.title, str) and isinstance(self.snapshot.body, str)
        return Event(
            kind,
            self.number,
            key=key,
            at=at or self.at,
            version=self.snapshot.version,
            snapshot=self.snapshot,
            needs_read=more.pop("needs_read", False) or (not whole and kind is not EventKind.DELETED),
            **more,
        )

    def _opener(self) -> RemotePerson | None:
        source = obj(self.item.get("source")) or obj(self.item.get("conversation_message"))
        found = mapping.person(obj(source.get("author")))
        asker = self.snapshot.requester
        if found is not None and isinstance(asker, RemotePerson) and found.external_id == asker.external_id:
            return asker
        return found

    def _field(self, field: str, value: Any) -> list[Event]:
        """Return the change of one field, by the part that tells of it: its author did it."""
        if value is msgspec.UNSET or (isinstance(value, Status) and not value.native):
            return []
        part = self._part(field)
        author = obj(part.get("author"))
        name = ident(part.get("id"))
        key = f"{field}:{name}" if name else f"{field}:{self.number}:{digest(_plain(value))[:12]}:{self._stamp()}"
        return [
            self.event(
                EventKind.CHANGED,
                key,
                at=moment(part.get("created_at")),
                changes=(FieldChange(field, value),),
                actor=mapping.person(author),
                automatic=mapping.is_bot(author),
            )
        ]

    def _attribute(self) -> list[Event]:
        """Return the change of an attribute that we sync, where the newest part says which it was."""
        names = {mapping.TITLE: "title", mapping.BODY: "body", self.account.priority_attribute: "priority"}
        field = names.get(mapping.attribute_of(self._part("attribute"))[0], "")
        return self._field(field, getattr(self.snapshot, field)) if field else []

    def _tagged(self) -> list[Event]:
        """Return the change of the tags, where the notification says which were added; nothing says by whom."""
        added, now = set(mapping.tag_names(self.item.get("tags_added")) or ()), self.snapshot.tags
        if not added or not isinstance(now, tuple):
            return []
        key = f"tags:{self.number}:{digest([*now, *sorted(added)])[:12]}:{self._stamp()}"
        change = FieldChange("tags", now, tuple(each for each in now if each not in added))
        return [self.event(EventKind.CHANGED, key, changes=(change,))]

    def _part(self, field: str) -> Json:
        """Return the newest part that can have set a field."""
        for part in reversed(self.parts):
            sort = text(part.get("part_type")).lower()
            if field == "status" and (sort.startswith("ticket_state_updated") or sort in _ACTS):
                return part
            if field in {"assignee", "queue"} and sort in mapping.ASSIGNING:
                return part
            if field == "priority" and "priority" in sort:
                return part
            if field in {"attribute", "title", "body", "priority"} and sort.startswith("ticket_attribute_updated"):
                return part
        return {}

    def _spoken(self) -> list[Event]:
        if self.topic in TAKEN_BACK:
            return []
        found = []
        for part in self.parts:
            comment = mapping.comment(part, self.number, at=self.at)
            if comment is None or mapping.is_opening(part, self.item):
                continue
            if self.topic in NOTED:
                comment = msgspec.structs.replace(comment, visibility=Visibility.INTERNAL)
            found.append(
                self.event(
                    EventKind.COMMENTED,
                    f"comment:{comment.remote_id}",
                    at=comment.at,
                    comment=comment,
                    actor=comment.author,
                    automatic=mapping.is_bot(obj(part.get("author"))),
                )
            )
        return found

    def _stamp(self) -> str:
        return str(int(self.at.timestamp()))


_ACTS = frozenset({
    "close", "open", "snoozed", "unsnoozed", "timer_unsnooze", "assign_and_reopen", "assign_and_unsnooze",
    "note_and_close", "note_and_reopen", "note_and_snooze", "note_and_unsnooze",
})  # fmt: skip


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
