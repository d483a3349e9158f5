"""What people do in a simulated HubSpot account, its contacts and files, and the webhooks of all that changes."""

from __future__ import annotations

import hashlib
import random
from email.parser import BytesParser
from email.policy import HTTP
from html import escape
from typing import Any

from connectors.hubspot.sim_state import Record, Records, millis
from connectors.testing.desk import SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse

ROSA = ("CRM_UI", "userId:1001")
#: a batch has fewer events than this
BATCH = 100


class People(SimulatedDesk):
    """The half of the simulator that is not the CRM's API."""

    _random: random.Random

    def __init__(self, *, app_id: str, **common: Any) -> None:
        super().__init__(**common)
        self.app_id = app_id
        self.portal = "62515"
        self.records = Records()

    def _answer_with(self, value: Any, status: int = 200) -> SimResponse:
        raise NotImplementedError

    def _missing(self) -> SimResponse:
        raise NotImplementedError

    # -- what people do

    def act_create(self, subject: str, content: str, *, email: str = "customer@example.com", **more: str) -> str:
        """Let a customer write in: a conversation, a ticket out of it, and a contact."""
        thread = self.records.number()
        self.records.threads[thread] = []
        properties = {
            "subject": subject,
            "content": content,
            "hs_pipeline_stage": "1",
            "source_type": "EMAIL",
            "hs_conversations_originating_thread_id": thread,
            **more,
        }
        source = ("CONVERSATIONS", "")
        record = self.records.make("tickets", properties, self.now(), source)
        person = self.records.contact(email, self.now())
        self.link(record["id"], "contacts", person["id"])
        self.records.say(record["id"], self._incoming(person, content, subject), self.now())
        self._done("create", record, properties, source)
        return str(record["id"])

    def act_message(self, ticket: str, text: str, *, by: str = "agent", files: tuple[str, ...] = ()) -> str:
        """Let an agent or the customer (`by`) say something in the conversation, by e-mail where there is none."""
        held = self.records.objects["tickets"][ticket]
        shown = [self.shown_file(each) for each in files]
        if held["properties"].get("hs_conversations_originating_thread_id"):
            if by == "customer":
                people = self.linked(ticket, "contacts")
                person = self.records.objects["contacts"][people[0]]
                message = {**self._incoming(person, text, "Re"), "attachments": shown}
                return str(self.spoken(held, message, ("CONVERSATIONS", ""))["id"])
            message = {
                "type": "MESSAGE",
                "direction": "OUTGOING",
                "text": text,
                "richText": rich(text),
                "attachments": shown,
                "client": {"clientType": "HUBSPOT"},
                "createdBy": "A-1001",
                "senders": [{"actorId": "A-1001", "name": "Rosa A"}],
                "status": {"statusType": "SENT"},
            }
            return str(self.spoken(held, message, ROSA)["id"])
        properties = {
            "hs_email_html": rich(text),
            "hs_email_direction": "INCOMING_EMAIL" if by == "customer" else "EMAIL",
            "hs_email_from_email": "customer@example.com" if by == "customer" else "rosa@desk.example",
            "hs_created_by_user_id": "" if by == "customer" else "1001",
            "hs_attachment_ids": ";".join(files),
        }
        return str(self.engaged(ticket, "emails", properties, ROSA)["id"])

    def act_note(self, ticket: str, text: str, *, files: tuple[str, ...] = ()) -> str:
        """Let an agent note something for colleagues."""
        properties = {"hs_note_body": rich(text), "hs_created_by_user_id": "1001", "hs_attachment_ids": ";".join(files)}
        return str(self.engaged(ticket, "notes", properties, ROSA)["id"])

    def act_set(self, ticket: str, **properties: str) -> None:
        """Let an agent change properties."""
        record = self.records.objects["tickets"][ticket]
        self._done("fields", record, self.records.change(record, properties, self.now(), ROSA), ROSA)

    def act_delete(self, ticket: str) -> None:
        """Let an agent delete a ticket."""
        self.records.objects["tickets"][ticket]["archived"] = True
        self.effect("delete", ticket)
        self._tell([self._event("ticket.deletion", ticket, ROSA)])

    def act_restore(self, ticket: str) -> None:
        """Let an agent bring a deleted ticket back."""
        self.records.objects["tickets"][ticket]["archived"] = False
        self.effect("restore", ticket)
        self._tell([self._event("ticket.restore", ticket, ROSA)])

    def act_merge(self, ticket: str, into: str) -> None:
        """Let an agent merge a ticket into another, which keeps its id."""
        gone = self.records.objects["tickets"].pop(ticket)
        left = self.records.objects["tickets"][into]
        self.records.merged[ticket] = into
        self.records.change(
            left, {"hs_merged_object_ids": ticket, "content": left["properties"]["content"]}, self.now(), ROSA
        )
        self.effect("merge", gone["id"])
        merged = {"primaryObjectId": int(into), "mergedObjectIds": [int(ticket)], "numberOfPropertiesMoved": 3}
        self._tell([{**self._event("ticket.merge", into, ROSA), **merged}])

    def act_file(self, name: str, data: bytes) -> str:
        """Bring a file into the account's files; returns its id."""
        return self.keep(name, data)

    # -- what that does

    def linked(self, ticket: str, kind: str) -> list[str]:
        """Return the ids of what is associated with a ticket."""
        return self.records.associations[ticket].get(kind, [])

    def link(self, ticket: str, kind: str, number: str) -> None:
        """Associate something with a ticket."""
        self.records.associations[ticket].setdefault(kind, []).append(number)

    def ticket_of(self, thread: str) -> Record | None:
        """Return the ticket that was made out of a conversation."""
        name = "hs_conversations_originating_thread_id"
        found = (each for each in self.records.objects["tickets"].values() if each["properties"].get(name) == thread)
        return next(found, None)

    def engaged(
        self, ticket: str, kind: str, properties: dict[str, str], source: tuple[str, str], key: str = ""
    ) -> Record:
        """Make a note or an e-mail of a ticket, which changes the ticket's own sums."""
        record = self.records.make(kind, properties, self.now(), source)
        self.link(ticket, kind, record["id"])
        body = properties.get("hs_note_body") or properties.get("hs_email_html") or ""
        self.effect("comment", ticket, key=key, change_id=record["id"], detail={"body": body, "kind": kind})
        held = self.records.objects["tickets"][ticket]
        count = str(len(self.linked(ticket, "notes")) + len(self.linked(ticket, "emails")))
        changed = self.records.change(held, {"num_notes": count}, self.now(), ("CALCULATED", ""))
        self._tell([self._changed(ticket, name, value, source) for name, value in changed.items()])
        return record

    def spoken(self, ticket: Record, message: Record, source: tuple[str, str]) -> Record:
        """Say something in the conversation of a ticket."""
        number = str(ticket["id"])
        said = self.records.say(number, message, self.now())
        detail = {"text": said["text"], "type": said["type"]}
        self.effect("comment", number, change_id=str(said["id"]), detail=detail)
        name = "hs_last_message_received_at" if said.get("direction") == "INCOMING" else "hs_last_message_sent_at"
        changed = self.records.change(ticket, {name: said["createdAt"]}, self.now(), ("CALCULATED", ""))
        talk = self._event("conversation.newMessage", str(said["conversationsThreadId"]), source)
        told = {**talk, "messageId": said["id"], "messageType": said["type"]}
        self._tell([told, *(self._changed(number, each, value, source) for each, value in changed.items())])
        return said

    def _incoming(self, person: Record, text: str, subject: str) -> Record:
        email = person["properties"]["email"]
        address = {"type": "HS_EMAIL_ADDRESS", "value": email}
        return {
            "type": "MESSAGE",
            "direction": "INCOMING",
            "text": text,
            "richText": rich(text),
            "subject": subject,
            "client": {"clientType": "HUBSPOT"},
            "createdBy": f"V-{person['id']}",
            "senders": [{"actorId": f"V-{person['id']}", "name": "Kim", "deliveryIdentifier": address}],
            "status": {"statusType": "RECEIVED"},
        }

    def _done(
        self, kind: str, record: Record, changed: dict[str, str], source: tuple[str, str], *, key: str = ""
    ) -> None:
        """Log a change of a ticket, and tell of it."""
        number = str(record["id"])
        if kind == "create" or changed:
            self.effect(kind, number, key=key, detail=dict(changed))
        created = [self._event("ticket.creation", number, source)] if kind == "create" else []
        self._tell(created + [self._changed(number, name, value, source) for name, value in changed.items()])

    # -- webhooks

    def _event(self, what: str, number: str, source: tuple[str, str]) -> dict[str, Any]:
        flag = {"creation": "CREATED", "deletion": "DELETED"}.get(what.partition(".")[2], "UPDATED")
        return {
            # HubSpot says that it is no unique name of the event
            "eventId": self._random.randrange(1, 4),
            "subscriptionId": 25458,
            "portalId": int(self.portal),
            "appId": int(self.app_id),
            "occurredAt": millis(self.records.tick(self.now())),
            "subscriptionType": what,
            "attemptNumber": 0,
            "objectId": int(number),
            "changeFlag": flag,
            "changeSource": source[0],
            "sourceId": source[1],
        }

    def _changed(self, number: str, name: str, value: str, source: tuple[str, str]) -> dict[str, Any]:
        event = self._event("ticket.propertyChange", number, source)
        return {**event, "propertyName": name, "propertyValue": value}

    def _tell(self, events: list[dict[str, Any]]) -> None:
        for start in range(0, len(events), BATCH - 1):
            self.announce(events[start : start + BATCH - 1])

    # -- contacts

    def _contacts(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return self._answer_with({"results": []})

    def _contact(self, request: SimRequest, number: str) -> SimResponse:
        held = self.records.objects["contacts"]
        if request.query.get("idProperty") == "email":
            found = next((each for each in held.values() if each["properties"].get("email") == number), None)
        else:
            found = held.get(number)
        if found is None:
            return self._missing()
        return self._answer_with({"id": found["id"], "properties": found["properties"], "archived": False})

    def _upsert(self, request: SimRequest) -> SimResponse:
        made = []
        for each in request.json()["inputs"]:
            before = len(self.records.objects["contacts"])
            person = self.records.contact(each["id"], self.now(), each["properties"].get("firstname", ""))
            new = len(self.records.objects["contacts"]) > before
            if new:
                self.effect("contact", person["id"], detail={"email": each["id"]})
            made.append({"id": person["id"], "new": new, "properties": person["properties"]})
        return self._answer_with({"status": "COMPLETE", "results": made}, 201)

    # -- files

    def keep(self, name: str, data: bytes, where: str = "") -> str:
        """Store a file; one that is already in its folder is that one."""
        digest = hashlib.sha256(data).hexdigest()
        for number, held in self.records.files.items():
            if where and (held["where"], held["digest"], held["name"]) == (where, digest, name):
                return number
        number = self.records.number()
        self.records.files[number] = {"name": name, "data": data, "where": where, "digest": digest}
        return number

    def shown_file(self, number: str) -> dict[str, Any]:
        """Return a file as a message shows it."""
        return {"type": "FILE", "fileId": number, "name": self.records.files[number]["name"], "fileUsageType": "OTHER"}

    def _upload(self, request: SimRequest) -> SimResponse:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + request.body)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        data = parts["file"].get_payload(decode=True)
        where = str(parts["folderPath"].get_content()).strip()
        number = self.keep(str(parts["file"].get_filename()), bytes(data if isinstance(data, bytes) else b""), where)
        return self._answer_with({"id": number, "access": "PRIVATE", "archived": False}, 201)

    def _file(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        held = self.records.files.get(number)
        if held is None:
            return self._missing()
        stem, _, ending = held["name"].rpartition(".")
        shown = {"id": number, "name": stem or ending, "extension": ending if stem else "", "size": len(held["data"])}
        return self._answer_with({**shown, "type": "OTHER", "access": "PRIVATE"})

    def _signed(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if number not in self.records.files:
            return self._missing()
        return self._answer_with({"url": f"{self.url}/_files/{number}", "expiresAt": "2030-01-01T00:00:00Z"})

    def _bytes(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        held = self.records.files.get(number)
        if held is None:
            return SimResponse(404)
        return SimResponse(200, {"Content-Type": "application/octet-stream"}, held["data"])


def rich(text: str) -> str:
    """Return a text as HubSpot's editor writes it."""
    return "".join(f"<p>{escape(each).replace(chr(10), '<br>')}</p>" for each in text.split("\n\n"))
