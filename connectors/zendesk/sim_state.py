"""The records of the simulated Zendesk and what people and the API do to them, in Zendesk's own JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from urllib.parse import quote

from connectors.zendesk.sim_texts import forms

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = (None, "low", "normal", "high", "urgent")
TYPES = (None, "problem", "incident", "question", "task")
#: fields of a ticket that an update may set, and the event that says so
EVENTS = {
    "subject": "subject_changed",
    "status": "status_changed",
    "custom_status_id": "custom_status_changed",
    "priority": "priority_changed",
    "type": "type_changed",
    "assignee_id": "agent_assignment_changed",
    "group_id": "group_assignment_changed",
    "requester_id": "requester_changed",
    "external_id": "external_id_changed",
    "tags": "tags_changed",
    "custom_fields": "custom_field_changed",
}
#: fields that an update may set and no webhook tells of
SILENT = frozenset({"due_at"})


class InvalidError(Exception):
    """A record that Zendesk refuses: field -> what is wrong with it (HTTP 422)."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


class Change:
    """What one update did: the audit, and (event name, event body) for the webhooks."""

    def __init__(self, audit: dict[str, Any]) -> None:
        self.audit = audit
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.fields: dict[str, Any] = {}
        self.comment: dict[str, Any] | None = None


def stamp(now: datetime) -> str:
    """Write an instant as Zendesk's REST API does: UTC, whole seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """Tickets, comments, audits and users of one account."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.tickets: dict[int, dict[str, Any]] = {}
        self.deleted: set[int] = set()
        #: the status of deleted tickets before
        self._was: dict[int, str] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.audits: dict[int, list[dict[str, Any]]] = {}
        self.users: dict[int, dict[str, Any]] = {}
        #: custom fields that an admin has made: id -> the field
        self.ticket_fields: dict[int, dict[str, Any]] = {}
        #: what its own SLA clocks say: id -> metric event, and ticket -> metric -> when it will be broken
        self.metrics: dict[int, dict[str, Any]] = {}
        self.slas: dict[int, dict[str, str | None]] = {}
        #: (generated_timestamp, ticket id) in order, for the export
        self.feed: list[tuple[float, int]] = []
        #: (field, value) that an admin has taken away: an agent who has left, a word of a list
        self.taken_away: list[tuple[str, Any]] = []
        #: uploaded files, and their bytes, by token
        self.uploads: dict[str, dict[str, Any]] = {}
        self.bytes: dict[str, bytes] = {}
        self._ids = count(22_000_000_001)
        self._tickets = count(1)
        self.me = self.user("gateway@desk.example", "Gateway", role="agent")
        self.agent = self.user("agent@desk.example", "Agent Smith", role="agent")

    def next_id(self) -> int:
        """Return a fresh id, larger than 32 bits as Zendesk's are."""
        return next(self._ids)

    def user(self, email: str, name: str = "", role: str = "end-user") -> int:
        """Return the id of the user with that e-mail, made when there is none."""
        for number, known in self.users.items():
            if email and known["email"] == email.lower():
                return number
        number = self.next_id()
        self.users[number] = {
            "id": number,
            "email": email.lower() or None,
            "name": name or email,
            "role": role,
            "phone": None,
            "organization_id": None,
        }
        return number

    def field(self, title: str, kind: str = "text") -> int:
        """Return the id of a new custom field of tickets."""
        number = self.next_id()
        made = {"id": number, "type": kind, "title": title, "raw_title": title, "active": True}
        self.ticket_fields[number] = made
        return number

    def metric(self, ticket: int, metric: str, kind: str, now: datetime, more: dict[str, Any]) -> int:
        """Return the id of a new metric event."""
        number = self.next_id()
        said = {"instance_id": 1, "time": stamp(now), "deleted": False, **more}
        self.metrics[number] = {"id": number, "ticket_id": ticket, "metric": metric, "type": kind, **said}
        return number

    def slas_of(self, number: int) -> dict[str, Any]:
        """Return the SLAs of a ticket as they stand."""
        found = self.slas.get(number, {})
        return {
            "policy_metrics": [
                {"metric": metric, "breach_at": at, "stage": "paused" if at is None else "active"}
                for metric, at in found.items()
            ]
        }

    def create(self, given: dict[str, Any], actor: int, now: datetime, channel: str = "api") -> Change:
        """Make a ticket of the `ticket` object of a request; raises InvalidError."""
        comment = given.get("comment") or {}
        words = forms(comment or {"body": given.get("description")}, fills_in=actor == self.me)
        if not words["html_body"]:
            raise InvalidError("base", "Description: cannot be blank")
        body = words["body"]
        requester = actor
        if isinstance(given.get("requester"), dict):
            asked = given["requester"]
            requester = self.user(str(asked.get("email") or ""), str(asked.get("name") or ""))
        elif given.get("requester_id"):
            requester = int(given["requester_id"])
        number, at = next(self._tickets), stamp(now)
        self.tickets[number] = {
            "url": f"{self.url}/api/v2/tickets/{number}.json",
            "id": number,
            "external_id": None,
            "via": {"channel": channel, "source": self._source(given)},
            "created_at": at,
            "updated_at": at,
            "type": None,
            "subject": body.partition("\n")[0][:150],
            "raw_subject": body.partition("\n")[0][:150],
            "description": body,
            "priority": None,
            "status": "new",
            "recipient": None,
            "requester_id": requester,
            "submitter_id": actor,
            "assignee_id": None,
            "organization_id": None,
            "group_id": None,
            "is_public": comment.get("public", True) is not False,
            "tags": [],
            "custom_fields": [],
            "custom_status_id": None,
            "due_at": None,
        }
        self.comments[number], self.audits[number] = [], []
        fields = {
            name: value for name, value in given.items() if name in EVENTS.keys() | SILENT and name != "requester_id"
        }
        try:
            self._check(self.tickets[number], fields)
        except InvalidError:
            del self.tickets[number]
            raise
        change = self._audit(number, actor, now, given.get("metadata"))
        author = int(comment.get("author_id") or requester)
        self._comment(number, comment or {"body": body}, author, now, change)
        self._set(number, fields, change)
        change.events = [("created", {})]
        self._touch(number, now)
        return change

    def _source(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what a ticket comes from: of a follow-up, the closed ticket; of no other."""
        number = given.get("via_followup_source_id")
        closed = self.tickets.get(int(number)) if number else None
        if closed is None or closed["status"] != "closed":
            return {"from": {}, "to": {}, "rel": None}
        of = {"ticket_id": closed["id"], "subject": closed["subject"], "channel": "web"}
        return {"from": of, "to": {}, "rel": "follow_up"}

    def update(self, number: int, given: dict[str, Any], actor: int, now: datetime) -> Change:
        """Change a ticket by the `ticket` object of a request; raises InvalidError."""
        ticket = self.tickets[number]
        if ticket["status"] == "closed":
            raise InvalidError("status", "Status: closed prevents ticket update")
        fields = {name: value for name, value in given.items() if name in EVENTS.keys() | SILENT}
        if given.get("assignee_email"):
            fields["assignee_id"] = self.user(str(given["assignee_email"]), role="agent")
        self._check(ticket, fields)
        change = self._audit(number, actor, now, given.get("metadata"))
        comment = given.get("comment")
        if isinstance(comment, dict):
            self._comment(number, comment, int(comment.get("author_id") or actor), now, change)
            staff = self.users.get(actor, {}).get("role") == "agent"
            if not staff and ticket["status"] in {"pending", "hold", "solved"} and "status" not in fields:
                fields["status"] = "open"
        if fields.get("assignee_id") and ticket["status"] == "new" and "status" not in fields:
            fields["status"] = "open"
        self._set(number, fields, change)
        if change.fields or change.comment:
            self._touch(number, now)
        else:
            self.audits[number].pop()
        return change

    def delete(self, number: int, now: datetime) -> None:
        """Delete a ticket softly: it is out of sight, but the export shows it as deleted."""
        self.deleted.add(number)
        self._was[number] = str(self.tickets[number]["status"])
        self.tickets[number]["status"] = "deleted"
        self._touch(number, now)

    def restore(self, number: int, now: datetime) -> None:
        """Let a deleted ticket be there again, as it was."""
        self.deleted.discard(number)
        self.tickets[number]["status"] = self._was.pop(number)
        self._touch(number, now)

    def _check(self, ticket: dict[str, Any], fields: dict[str, Any]) -> None:
        for name, allowed in (("status", STATUSES), ("priority", PRIORITIES), ("type", TYPES)):
            if name in fields and fields[name] not in allowed:
                raise InvalidError(name, f"{name.capitalize()}: {fields[name]} is not valid")
        if fields.get("status") == "new" and ticket["status"] != "new":
            raise InvalidError("status", "Status: new is not valid for a ticket that has been opened")
        for field in fields.get("custom_fields") or ():
            made = self.ticket_fields.get(int(field["id"]))
            if made is not None and made["type"] == "date" and not _is_day(field["value"]):
                raise InvalidError("base", f"{made['title']}: is not a valid date")
        for name, value in fields.items():
            if (name, value) in self.taken_away:
                field = name.removesuffix("_id")
                raise InvalidError(field, f"{field.capitalize()}: is invalid")
        if "subject" in fields and not isinstance(fields["subject"], str):
            raise InvalidError("subject", "Subject: is not text")

    def _audit(self, number: int, actor: int, now: datetime, metadata: Any) -> Change:
        custom = metadata if isinstance(metadata, dict) else {}
        audit = {
            "id": self.next_id(),
            "ticket_id": number,
            "created_at": stamp(now),
            "author_id": actor,
            "metadata": {"system": {}, "custom": custom},
            "events": [],
            "via": {"channel": "api"},
        }
        self.audits[number].append(audit)
        return Change(audit)

    def _comment(self, number: int, given: dict[str, Any], author: int, now: datetime, change: Change) -> None:
        words = forms(given, fills_in=change.audit["author_id"] == self.me)
        if not words["html_body"]:
            raise InvalidError("comment", "Comment: cannot be blank")
        made = {
            "id": self.next_id(),
            "type": "Comment",
            "author_id": author,
            **words,
            "public": given.get("public", True) is not False,
            "attachments": [self.uploads[token] for token in given.get("uploads") or () if token in self.uploads],
            "audit_id": change.audit["id"],
            "via": change.audit["via"],
            "created_at": stamp(now),
            "metadata": change.audit["metadata"],
        }
        self.comments[number].append(made)
        change.audit["events"].append({key: value for key, value in made.items() if key != "metadata"})
        change.comment = made
        user = self.users.get(author, {})
        said = {
            "id": str(made["id"]),
            "body": words["plain_body"],
            "is_public": made["public"],
            "author": {"id": str(author), "is_staff": user.get("role") == "agent", "name": user.get("name", "")},
        }
        change.events.append(("comment_added", {"comment": said}))
        for each in made["attachments"]:
            linked = {"attachment": {**each, "id": str(each["id"])}, "comment": {"id": str(made["id"])}}
            change.events.append(("attachment_linked_to_comment", linked))

    def stage(self, url: str, name: str, kind: str, data: bytes) -> str:
        """Keep an upload until a comment takes it; returns its token."""
        number = self.next_id()
        token = f"up{number}"
        self.uploads[token] = {
            "id": number,
            "file_name": name,
            "content_url": f"{url}/attachments/token/{token}/?name={quote(name)}",
            "content_type": kind,
            "size": len(data),
            "inline": False,
        }
        self.bytes[token] = data
        return token

    def _set(self, number: int, fields: dict[str, Any], change: Change) -> None:
        ticket = self.tickets[number]
        for name, value in fields.items():
            new = value
            if name == "tags":
                new = sorted({"_".join(str(tag).lower().split()) for tag in value or []})
            elif name == "custom_fields":
                have = {field["id"]: field["value"] for field in ticket["custom_fields"]}
                new = [
                    {"id": key, "value": held} for key, held in (have | {f["id"]: f["value"] for f in value}).items()
                ]
            elif name.endswith("_id") and name != "external_id":
                new = int(value) if value else None
            elif name == "due_at" and fields.get("type", ticket["type"]) != "task":
                # only a task has one
                continue
            old = ticket[name]
            if new == old:
                continue
            ticket[name] = new
            change.fields[name] = new
            change.audit["events"].append(
                {"id": self.next_id(), "type": "Change", "field_name": name, "value": new, "previous_value": old}
            )
            if name in EVENTS:
                change.events += _told(name, new, old)

    def _touch(self, number: int, now: datetime) -> None:
        self.tickets[number]["updated_at"] = stamp(now)
        self.tickets[number]["generated_timestamp"] = int(now.timestamp())
        self.feed.append((now.timestamp(), number))


def _told(name: str, new: Any, old: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the events about a field: of custom fields one for each that has changed."""
    if name != "custom_fields":
        return [(EVENTS[name], _said(name, new, old))]
    before = {field["id"]: field["value"] for field in old}
    return [(EVENTS[name], _said(name, [field], old)) for field in new if before.get(field["id"]) != field["value"]]


def _said(name: str, new: Any, old: Any) -> dict[str, Any]:
    """Return the `event` of a webhook about one field: ids as strings, enums in capitals."""
    if name == "tags":
        return {"tags_added": sorted(set(new) - set(old)), "tags_removed": sorted(set(old) - set(new))}
    if name == "custom_fields":
        before = {field["id"]: field["value"] for field in old}
        changed = next(field for field in new if before.get(field["id"]) != field["value"])
        number = changed["id"]
        return {
            "custom_field": {"id": str(number), "title": f"Field {number}", "type": "text"},
            "current": {"value": changed["value"]},
            "previous": {"value": before.get(number)},
        }
    return {"current": shouted(name, new), "previous": shouted(name, old)}


def _is_day(value: Any) -> bool:
    """Say whether a date field takes a value: a day, or nothing."""
    if value in (None, ""):
        return True
    try:
        return len(str(value)) == len("2026-03-10") and bool(date.fromisoformat(str(value)))
    except ValueError:
        return False


def shouted(name: str, value: Any) -> Any:
    """Write one value of a ticket as webhooks do."""
    if value is None:
        return None
    if name in {"status", "priority", "type"}:
        return str(value).upper()
    return str(value) if name.endswith("_id") else value
