"""What people do in a simulated Intercom workspace, and the notifications of all that changes."""

from __future__ import annotations

import hashlib
from typing import Any

from connectors.intercom.sim_state import BODY, BOT, ROSA, TITLE, Record, Records, admin, rich, seconds, shown
from connectors.testing.desk import SimulatedDesk

#: what a teammate does to a conversation, its part and the state after it
ACTIONS = {"close": ("close", "closed"), "open": ("open", "open"), "snoozed": ("snoozed", "snoozed")}


class People(SimulatedDesk):
    """The half of the simulator that is not the API."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.records = Records()
        self._told = 0

    # -- what people do

    def act_ticket(self, title: str, description: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open a ticket."""
        person = self.records.contact(email)
        record = self.records.ticket({TITLE: title, BODY: description}, [person], self.now())
        self.records.part(record, "language_detection_details", BOT, self.now())
        self._made(record)
        return str(record["id"])

    def act_conversation(self, text: str, *, email: str = "customer@example.com", subject: str = "") -> str:
        """Let a customer begin a conversation that is no ticket."""
        record = self.records.conversation(text, self.records.contact(email), self.now(), subject)
        self.effect("conversation", record["id"], detail={"body": text})
        self._tell("conversation.user.created", shown(record, []))
        return str(record["id"])

    def act_say(self, ticket: str, text: str, *, public: bool = True, by: str = ROSA, files: Any = ()) -> str:
        """Let a teammate reply, or note something; whoever replies first gets what nobody has."""
        record = self.records.held[ticket]
        return str(self._say(record, rich(text), admin(by), public=public, attached=list(files), takes=True)["id"])

    def act_ask(self, ticket: str, text: str) -> str:
        """Let the customer write again."""
        record = self.records.held[ticket]
        person = self.records.contacts[record["contacts"]["contacts"][0]["id"]]
        author = {"type": "user", "id": person["id"], "name": person["name"], "email": person["email"]}
        part = self.records.part(record, "comment", author, self.now(), body=rich(text))
        self._spoken(record, part, {"ticket": "ticket.contact.replied", "conversation": "conversation.user.replied"})
        return str(part["id"])

    def act_state(self, ticket: str, state: str) -> None:
        """Let a teammate set a ticket's state by its id, or do something to a conversation (close, open, snoozed)."""
        record = self.records.held[ticket]
        if record["type"] == "ticket":
            self._set_state(record, state, admin(ROSA))
        else:
            self._act(record, state, admin(ROSA))

    def act_set(self, ticket: str, **attributes: str) -> None:
        """Let a teammate set attributes of a ticket, by their names."""
        record = self.records.held[ticket]
        self._set_attributes(record, attributes, admin(ROSA))

    def act_assign(self, ticket: str, number: str, sort: str = "admin") -> None:
        """Let a teammate give it to somebody, or to a team."""
        self._assign(self.records.held[ticket], sort, number, admin(ROSA))

    def act_flag(self, conversation: str) -> None:
        """Let a teammate mark a conversation as a priority."""
        record = self.records.held[conversation]
        record["priority"] = "priority"
        part = self.records.part(record, "conversation_priority_changed", admin(ROSA), self.now())
        self._tell("conversation.priority.updated", shown(record, [part]))

    def act_delete(self, ticket: str) -> None:
        """Let a teammate delete it."""
        record = self.records.held.pop(ticket)
        self.effect("delete", ticket)
        self._tell("conversation.deleted", {"type": "conversation", "id": record["id"]})

    def act_redact(self, ticket: str, part: str) -> None:
        """Let a teammate take back what was said."""
        record = self.records.held[ticket]
        for each in record["parts"]:
            if each["id"] == part:
                each |= {"redacted": True, "body": "<p>This message was deleted</p>", "attachments": []}
        record["updated_at"] = seconds(self.now())
        self._tell("conversation_part.redacted", {"type": "conversation_part", "id": part, "conversation_id": ticket})

    def act_forget(self, ticket: str) -> None:
        """Let a teammate delete the customer."""
        record = self.records.held[ticket]
        del self.records.contacts[record["contacts"]["contacts"][0]["id"]]

    def file(self, name: str, mime: str, data: bytes) -> Record:
        """Keep a file and return it as a part shows it; its address holds for a while."""
        digest = hashlib.sha256(data).hexdigest()
        self.records.files[digest] = data
        address = f"{self.url}/_files/{digest}/{len(self.records.files)}?expires=1767225600"
        return {"type": "upload", "name": name, "url": address, "content_type": mime, "filesize": len(data)}

    # -- what that does

    def _made(self, record: Record, key: str = "") -> None:
        given = record["ticket_attributes"]
        self.effect("create", record["id"], key=key, detail={"title": given[TITLE], "body": given[BODY]})
        self._tell("ticket.created", shown(record))

    def _say(
        self, record: Record, html: str, author: Record, *, public: bool, attached: list[Record], takes: bool = False
    ) -> Record:
        nobody = record["admin_assignee_id"] in {None, "0"}
        if public and takes and nobody:
            field: dict[str, Any] = {"body": html, "attachments": attached}
            record["admin_assignee_id"] = author["id"]
            field["assigned_to"] = {"type": "admin", "id": author["id"]}
            part = self.records.part(record, "assignment", author, self.now(), **field)
        else:
            sort = "comment" if public else "note"
            part = self.records.part(record, sort, author, self.now(), body=html, attachments=attached)
        said = "replied" if public else "noted"
        topics = {"ticket": "ticket.admin.replied" if public else "ticket.note.created",
                  "conversation": f"conversation.admin.{said}"}  # fmt: skip
        self._spoken(record, part, topics)
        return part

    def _spoken(self, record: Record, part: Record, topics: dict[str, str]) -> None:
        self.effect("comment", record["id"], change_id=part["id"], detail={"body": part["body"]})
        topic = topics[record["type"]]
        if record["type"] == "ticket":
            self._tell(topic, {"type": "ticket", "ticket": shown(record), "ticket_part": part})
        else:
            self._tell(topic, shown(record, [part]))

    def _set_state(self, record: Record, number: str, author: Record) -> bool:
        if not self.records.set_state(record, number, author, self.now()):
            return False
        self._tell("ticket.state.updated", shown(record))
        if record["ticket_state"]["category"] == "resolved":
            self._tell("ticket.resolved", shown(record))
        return True

    def _set_attributes(self, record: Record, given: dict[str, Any], author: Record) -> list[str]:
        changed = self.records.set_attributes(record, given, author, self.now())
        for name in changed:
            self._tell("ticket.attribute.updated", {"type": "ticket", "ticket": shown(record), "attribute": name})
        return changed

    def _assign(self, record: Record, sort: str, number: str, author: Record) -> bool:
        part = self.records.assign(record, sort, number, author, self.now())
        if part is None:
            return False
        topic = {"ticket": f"ticket.{sort}.assigned", "conversation": "conversation.admin.assigned"}[record["type"]]
        self._tell(topic, shown(record, [part]))
        return True

    def _act(self, record: Record, word: str, author: Record, until: int | None = None) -> None:
        sort, state = ACTIONS[word]
        part = self.records.part(record, sort, author, self.now())
        record |= {"state": state, "open": state != "closed", "snoozed_until": until}
        topic = {"close": "closed", "open": "opened", "snoozed": "snoozed"}[word]
        self._tell(f"conversation.admin.{topic}", shown(record, [part]))

    def _tell(self, topic: str, item: Record) -> None:
        self._told += 1
        now = seconds(self.now())
        self.announce({
            "type": "notification_event",
            "app_id": "abc123def",
            "data": {"type": "notification_event_data", "item": item},
            "links": {},
            "id": f"notif_381b4609-2b35-4720-8389-{self._told:012x}",
            "topic": topic,
            "delivery_status": "pending",
            "delivery_attempts": 1,
            "delivered_at": 0,
            "first_sent_at": now,
            "created_at": now,
            "self": None,
        })  # fmt: skip
