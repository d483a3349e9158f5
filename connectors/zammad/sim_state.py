"""What a simulated Zammad holds: users, groups, tickets, articles, files, tags and history, changed as Zammad does."""

from __future__ import annotations

import base64
import itertools
from datetime import datetime
from typing import Any

from connectors.zammad.account import PENDING, PRIORITIES, STATUSES

STATES = {name: number for number, name in enumerate(STATUSES, 1)}
PRIORITY_IDS = {name: number for number, name in enumerate(PRIORITIES, 1)}
SENDERS = {"Agent": 1, "Customer": 2, "System": 3}
#: type -> whether it is a message to the customer (db/seeds/ticket_article_types.rb)
TYPES = {"email": True, "sms": True, "phone": True, "note": False, "web": True}
COLUMNS = ("title", "state", "priority", "group", "owner", "customer", "type", "pending_time")


class RefusedError(Exception):
    """What Zammad answers 422 to, with its sentence."""


def stamp(at: datetime) -> str:
    """Write an instant as Zammad does: milliseconds, Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Records:
    """Everything, by id; `attributes` are those of tickets that an admin has made."""

    def __init__(self, attributes: tuple[str, ...]) -> None:
        self.attributes = attributes
        self._ids = itertools.count(100)
        self._numbers = itertools.count(22001)
        self.groups = {"Users": 1, "Support": 2, "Sales": 3}
        self.states, self.priorities = dict(STATES), dict(PRIORITY_IDS)
        self.users: dict[int, dict[str, Any]] = {}
        self.tickets: dict[int, dict[str, Any]] = {}
        self.articles: dict[int, dict[str, Any]] = {}
        self.files: dict[int, tuple[int, dict[str, Any], bytes]] = {}
        #: whether a webhook gives the text of a mail as it was stored, with its `cid:` names
        self.tells_cids = False
        self.tags: dict[int, list[str]] = {}
        self.history: dict[int, list[dict[str, Any]]] = {}
        self._add(1, "-", "", "-", [])
        self.me = self.user("gateway@desk.example", "Gateway", ["Agent"])
        self.agent = self.user("agent@desk.example", "Ada", ["Agent"])
        self.other = self.user("other@desk.example", "Otto", ["Agent"])
        self.outsider = self.user("outsider@desk.example", "Olga", ["Agent"])

    # -- people

    def user(self, email: str, name: str = "", roles: list[str] | None = None) -> int:
        """Return the user with this address, made where there is none."""
        for number, user in self.users.items():
            if user["email"] == email.lower():
                return number
        return self._add(next(self._ids), email.lower(), email.lower(), name, roles or ["Customer"])

    def _add(self, number: int, login: str, email: str, name: str, roles: list[str]) -> int:
        self.users[number] = {
            "id": number, "login": login, "email": email, "firstname": name, "lastname": "", "phone": "",
            "active": number != 1, "roles": roles, "out_of_office": False, "out_of_office_start_at": None,
            "out_of_office_end_at": None, "organization_id": None,
        }  # fmt: skip
        return number

    # -- tickets

    def create(self, given: dict[str, Any], actor: int, now: datetime) -> int:
        """Make a ticket of the body of a POST; raises RefusedError."""
        wanted = self._resolved(given)
        if "group_id" not in wanted:
            raise RefusedError("Group can't be blank")
        if not given.get("article"):
            raise RefusedError('Need at least article: { body: "some text" }')
        if "customer_id" not in wanted:
            raise RefusedError("Missing required value for field 'customer_id'!")
        number = next(self._ids)
        ticket: dict[str, Any] = {
            "id": number, "group_id": 1, "priority_id": PRIORITY_IDS["2 normal"], "state_id": STATES["new"],
            "organization_id": None, "number": str(next(self._numbers)), "title": "-", "owner_id": 1, "customer_id": 1,
            "type": None, "pending_time": None, "article_count": 0, "create_article_type_id": 10, "preferences": {},
            "created_by_id": actor, "updated_by_id": actor, "created_at": stamp(now), "updated_at": stamp(now),
            **dict.fromkeys(self.attributes),
        }  # fmt: skip
        self.tickets[number], self.tags[number], self.history[number] = ticket, [], []
        try:
            self._set(ticket, wanted, actor, now)
            self.add_article(number, given["article"], actor, now)
        except RefusedError:
            del self.tickets[number], self.tags[number], self.history[number]
            raise
        self.history[number] = []
        self.tags[number] = [word.strip() for word in str(given.get("tags") or "").split(",") if word.strip()]
        return number

    def update(self, number: int, given: dict[str, Any], actor: int, now: datetime) -> dict[str, Any]:
        """Change a ticket by the body of a PUT; returns what is different now. Raises RefusedError."""
        ticket = self.tickets[number]
        wanted = self._resolved(given)
        changed = self._set(ticket, wanted, actor, now)
        if given.get("article"):
            self.add_article(number, given["article"], actor, now)
        if changed:
            self.touch(number, actor, now)
        return changed

    def _resolved(self, given: dict[str, Any]) -> dict[str, Any]:
        """Turn names into ids (association_name_to_id_convert); what no ticket has is dropped without a word."""
        found = {}
        tables = {"state": self.states, "priority": self.priorities, "group": self.groups}
        for name, value in given.items():
            if name in tables and isinstance(value, str):
                if value not in tables[name]:
                    raise RefusedError(f"No lookup value found for '{name}': {value!r}")
                found[f"{name}_id"] = tables[name][value]
            elif name == "owner":
                logins = [number for number, user in self.users.items() if user["login"] == str(value).lower()]
                if not logins:
                    raise RefusedError(f"No lookup value found for 'owner': {value!r}")
                found["owner_id"] = logins[0]
            elif name == "customer_id" and str(value).startswith("guess:"):
                found[name] = self.user(str(value).removeprefix("guess:"))
            elif name in {"owner_id", "customer_id", "group_id", "state_id", "priority_id"}:
                if name in {"owner_id", "customer_id"} and int(value) not in self.users:
                    raise RefusedError(f"Invalid value {value!r} for {name!r}")
                found[name] = int(value)
            elif name in {"title", "type", "pending_time", *self.attributes}:
                found[name] = value
        return found

    def _set(self, ticket: dict[str, Any], wanted: dict[str, Any], actor: int, now: datetime) -> dict[str, Any]:
        state = next((word for word, number in STATES.items() if number == wanted.get("state_id")), "")
        if state in PENDING and not (wanted.get("pending_time") or ticket["pending_time"]):
            raise RefusedError("Missing required value for field 'pending_time'!")
        if "title" in wanted:
            wanted = {**wanted, "title": str(wanted["title"]).strip().replace("\t", " ")[:250] or "-"}
        if self._may_not_own(wanted.get("owner_id", 1)):
            wanted = {**wanted, "owner_id": 1}
        changed = {name: value for name, value in wanted.items() if ticket.get(name) != value}
        for name, value in changed.items():
            self._log(ticket, name, ticket.get(name), value, actor, now)
            ticket[name] = value
        return changed

    def _may_not_own(self, owner: int) -> bool:
        """Say whether an owner is turned into nobody: not active, or without the group (check_owner_active)."""
        return not self.users[owner]["active"] or owner == self.outsider

    def _log(self, ticket: dict[str, Any], name: str, old: Any, new: Any, actor: int, now: datetime) -> None:
        entry = {
            "object": "Ticket", "type": "updated", "attribute": name.removesuffix("_id"), "o_id": ticket["id"],
            "value_from": str(self._named(name, old) or ""), "value_to": str(self._named(name, new) or ""),
            "created_by_id": actor, "created_at": stamp(now),
        }  # fmt: skip
        if name.endswith("_id"):
            entry |= {"id_from": old, "id_to": new}
        self.history[ticket["id"]].append(entry)

    def _named(self, name: str, value: Any) -> Any:
        tables: dict[str, dict[str, int]] = {
            "state_id": self.states, "priority_id": self.priorities, "group_id": self.groups
        }  # fmt: skip
        if name in tables:
            return next((word for word, number in tables[name].items() if number == value), value)
        return self.users[value]["login"] if name in {"owner_id", "customer_id"} and value in self.users else value

    def touch(self, number: int, actor: int, now: datetime) -> None:
        """Note who changed a ticket, and when."""
        self.tickets[number] |= {"updated_at": stamp(now), "updated_by_id": actor}

    def merge(self, number: int, into: int, actor: int, now: datetime) -> None:
        """Merge: the articles go over, a note `merged` stays, the history of both says so (Ticket#merge_to)."""
        for article in self.articles_of(number):
            article["ticket_id"] = into
            self.tickets[into]["article_count"] += 1
        for ticket, word in ((number, "merged_into"), (into, "received_merge")):
            self.history[ticket].append(
                {"object": "Ticket", "type": word, "o_id": ticket, "id_to": into, "id_from": number,
                 "created_by_id": actor, "created_at": stamp(now)}
            )  # fmt: skip
        note = {"body": "merged", "type": "note", "internal": False, "content_type": "text/plain"}
        self.add_article(number, note, actor, now)
        self._set(self.tickets[number], {"state_id": STATES["merged"], "owner_id": 1}, actor, now)
        for ticket in (number, into):
            self.touch(ticket, actor, now)

    # -- articles

    def add_article(self, number: int, given: dict[str, Any], actor: int, now: datetime) -> int:
        """Add an article (concerns/creates_ticket_articles.rb); raises RefusedError."""
        if not given.get("body"):
            raise RefusedError('Need at least article: { body: "some text" }')
        staff = "Agent" in self.users[actor]["roles"]
        sender = str(given.get("sender") or ("Agent" if staff else "Customer"))
        kind = str(given.get("type") or "note")
        ticket = self.tickets[number]
        made = next(self._ids)
        customer = ticket["customer_id"] if sender == "Customer" else None
        self.articles[made] = {
            "id": made, "ticket_id": number, "type_id": list(TYPES).index(kind) + 1, "sender_id": SENDERS[sender],
            "from": self.users[customer or actor]["firstname"], "to": given.get("to"), "subject": given.get("subject"),
            "body": given["body"], "content_type": given.get("content_type") or "text/plain",
            "internal": given.get("internal", False) is True and staff, "type": kind, "sender": sender,
            "preferences": dict(given.get("preferences") or {}), "origin_by_id": customer, "created_by_id": actor,
            "updated_by_id": actor, "created_at": stamp(now), "updated_at": stamp(now),
        }  # fmt: skip
        for position, file in enumerate(given.get("attachments") or []):
            if not all(file.get(name) for name in ("mime-type", "filename", "data")):
                raise RefusedError(f"Attachment needs 'data' param for attachment with index '{position}'")
            self.keep(made, str(file["filename"]), str(file["mime-type"]), base64.b64decode(file["data"]))
        ticket["article_count"] += 1
        if ticket["article_count"] > 1:
            self._reset_state(ticket, made, actor, now)
        self.touch(number, actor, now)
        return made

    def keep(self, article: int, name: str, mime: str, data: bytes, content_id: str = "") -> int:
        """Keep a file of an article."""
        made = next(self._ids)
        said = {"Mime-Type": mime, "Content-Type": mime}
        said |= {"Content-ID": content_id, "Content-Disposition": "inline"} if content_id else {}
        about = {"id": made, "store_file_id": made, "filename": name, "size": str(len(data)), "preferences": said}
        self.files[made] = (article, about, data)
        return made

    def _reset_state(self, ticket: dict[str, Any], number: int, actor: int, now: datetime) -> None:
        """Open a new ticket at the first message to its customer, and any that its customer writes to again."""
        article = self.articles[number]
        answered = article["sender"] == "Agent" and not article["internal"] and TYPES[article["type"]]
        if answered and ticket["state_id"] == STATES["new"]:
            self._set(ticket, {"state_id": STATES["open"]}, actor, now)
        if article["sender"] == "Customer" and ticket["state_id"] not in {STATES["new"], STATES["open"]}:
            self._set(ticket, {"state_id": STATES["open"]}, 1, now)

    def articles_of(self, number: int) -> list[dict[str, Any]]:
        """Return the articles of a ticket, oldest first."""
        return [each for each in self.articles.values() if each["ticket_id"] == number]

    # -- views

    def ticket_view(self, number: int) -> dict[str, Any]:
        """Return a ticket with the names of what it refers to (attributes_with_association_names)."""
        ticket = self.tickets[number]
        people = {name: self.users[ticket[f"{name}_id"]]["login"] for name in ("owner", "customer")}
        makers = {name: self.users[ticket[f"{name}_id"]]["login"] for name in ("created_by", "updated_by")}
        return {
            **ticket, **people, **makers,
            "state": self._named("state_id", ticket["state_id"]),
            "priority": self._named("priority_id", ticket["priority_id"]),
            "group": self._named("group_id", ticket["group_id"]),
            "article_ids": [each["id"] for each in self.articles_of(number)],
        }  # fmt: skip

    def article_view(self, number: int, *, raw: bool = False) -> dict[str, Any]:
        """Return an article with its files; those that its text shows by `cid:` become addresses and leave the list.

        `raw`: but where Zammad gives the text as it was stored.
        """
        article = dict(self.articles[number])
        body, listed = str(article["body"]), []
        for about in (about for owner, about, _ in self.files.values() if owner == number):
            cid = about["preferences"].get("Content-ID", "")
            path = f"/api/v1/ticket_attachment/{article['ticket_id']}/{number}/{about['id']}?view=inline"
            if cid and f"cid:{cid}" in body and not raw:
                body = body.replace(f"cid:{cid}", path)
            else:
                listed.append(about)
        makers = {name: self.users[article[f"{name}_id"]]["login"] for name in ("created_by", "updated_by")}
        origin = {"origin_by": self.users[article["origin_by_id"]]["login"]} if article["origin_by_id"] else {}
        return {**article, **makers, **origin, "body": body, "attachments": listed, "time_unit": None}

    def webhook(self, number: int, article: int | None) -> dict[str, Any]:
        """Return the default payload: whole records where a ticket refers to something, but for its state."""
        ticket, view = self.tickets[number], self.ticket_view(number)
        whole = {name: self._person(ticket[f"{name}_id"]) for name in ("owner", "customer", "created_by", "updated_by")}
        shown = {
            **view, **whole, "organization": {},
            "priority": {"id": ticket["priority_id"], "name": view["priority"], "active": True},
            "group": {"id": ticket["group_id"], "name": view["group"], "active": True},
        }  # fmt: skip
        if article is None:
            return {"ticket": shown, "article": {}}
        said = self.article_view(article, raw=self.tells_cids)
        makers = {name: self._person(said[f"{name}_id"]) for name in ("created_by", "updated_by")}
        return {"ticket": shown, "article": {**said, **makers, "accounted_time": 0}}

    def _person(self, number: int) -> dict[str, Any]:
        return {name: value for name, value in self.users[number].items() if value not in (None, "")}
