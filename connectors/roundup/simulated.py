"""What a simulated tracker holds: items of the classic schema's classes, their properties, searches and detectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from connectors.roundup.mapping import NATIVE_LEVELS

#: statuses of the classic template in their order, and its priorities
CLASSIC = ("unread", "deferred", "chatting", "need-eg", "in-progress", "testing", "done-cbb", "resolved")
LEVELS = (*NATIVE_LEVELS.values(), "wish")

Row = dict[str, Any]


class Class(msgspec.Struct, frozen=True):
    """One class of the schema: its properties, what its links point to, and the property that names an item."""

    fields: tuple[str, ...]
    links: dict[str, str] = {}
    label: str = ""
    required: tuple[str, ...] = ()


_OWN = {"creator": "user", "actor": "user"}
CLASSES: dict[str, Class] = {
    "issue": Class(
        ("title", "status", "priority", "assignedto", "keyword", "messages", "files", "nosy", "superseder",
         "externalref"),
        {"status": "status", "priority": "priority", "assignedto": "user", "keyword": "keyword", "messages": "msg",
         "files": "file", "nosy": "user", "superseder": "issue", **_OWN},
        "title", ("title",),
    ),
    "msg": Class(
        ("author", "date", "content", "summary", "files", "messageid", "inreplyto", "recipients", "type", "private"),
        {"author": "user", "files": "file", "recipients": "user", **_OWN},
        "", ("content",),
    ),
    "file": Class(("name", "type", "content"), _OWN, "name", ("content",)),
    "user": Class(("username", "address", "realname", "roles"), _OWN, "username", ("username",)),
    "status": Class(("name", "order"), _OWN, "name", ("name",)),
    "priority": Class(("name", "order"), _OWN, "name", ("name",)),
    "keyword": Class(("name",), _OWN, "name", ("name",)),
}  # fmt: skip
MANY = frozenset({"keyword", "messages", "files", "nosy", "superseder", "recipients"})


class RefusedError(Exception):
    """What the tracker says no with."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Item:
    """One item with its history in brief: who made it, who changed it last."""

    def __init__(self, kind: str, number: str, values: Row) -> None:
        self.kind = kind
        self.number = number
        self.values = values
        self.retired = False

    def get(self, name: str) -> Any:
        """Return a property; links are ids."""
        return self.number if name == "id" else self.values.get(name, [] if name in MANY else None)

    @property
    def etag(self) -> str:
        """Its ETag: a digest of everything that it holds."""
        return f'"{hashlib.sha256(repr(sorted(self.values.items())).encode()).hexdigest()[:32]}"'


class Tracker:
    """All items, by class and number."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.items: dict[str, dict[str, Item]] = {name: {} for name in CLASSES}
        for username, realname in (
            ("admin", ""), ("anonymous", ""), ("gateway", "Desk Gateway"), ("agent1", "First Agent"),
            ("agent2", "Second Agënt"), ("customer", "Chris Customer"),
        ):  # fmt: skip
            self._add("user", {"username": username, "realname": realname, "address": f"{username}@desk.example"}, "1")
        for kind, names in (("status", CLASSIC), ("priority", LEVELS), ("keyword", ("printing", "network"))):
            for place, name in enumerate(names, 1):
                self._add(kind, {"name": name, "order": place}, "1")

    def time(self) -> str:
        """Return the tracker's time as REST writes it."""
        return self._now().strftime("%Y-%m-%d.%H:%M:%S")

    def _add(self, kind: str, values: Row, who: str) -> Item:
        number = str(len(self.items[kind]) + 1)
        at = self.time()
        one = Item(kind, number, {**values, "creation": at, "activity": at, "creator": who, "actor": who})
        self.items[kind][number] = one
        return one

    def named(self, kind: str, name: str) -> str:
        """Return the id of an item by its name or its id; raises RefusedError."""
        label = CLASSES[kind].label
        found = next((one.number for one in self.items[kind].values() if label and one.get(label) == name), "")
        if found or name in self.items[kind]:
            return found or name
        raise RefusedError(400, f"'{name}' is not a {kind}.")

    def by_address(self, address: str) -> str:
        """Return the user with an address; the mail gateway makes one who is not there."""
        for one in self.items["user"].values():
            if one.get("address") == address:
                return one.number
        given = {
            "username": address.partition("@")[0] + str(len(self.items["user"])),
            "realname": "",
            "address": address,
        }
        return self._add("user", given, "1").number

    def may_see(self, one: Item, name: str, asker: str) -> bool:
        """Say whether somebody sees a property: addresses are shown to the gateway's role and to their own user."""
        seers = {self.named("user", "gateway"), self.named("user", "admin"), one.number}
        return one.kind != "user" or name not in {"address", "roles"} or asker in seers

    # -- changing

    def _read(self, kind: str, given: Row) -> Row:
        """Read given properties as Roundup does: names become ids, texts lose the space around them."""
        schema = CLASSES[kind]
        found: Row = {}
        for name, value in given.items():
            if name not in schema.fields:
                raise RefusedError(400, f"Property {name} not found in class {kind}")
            target = schema.links.get(name)
            if name in MANY and target is not None:
                names = value if isinstance(value, list) else [each for each in str(value).split(",") if each]
                found[name] = list(dict.fromkeys(self.named(target, str(each)) for each in names))
            elif target is not None:
                try:
                    found[name] = self.named(target, str(value)) if value not in ("", None) else None
                except RefusedError as refusal:
                    raise RefusedError(400, f"property {name}: {refusal}") from refusal
            elif name == "date":
                found[name] = self.time() if value == "." else str(value)
            elif name == "private":
                found[name] = str(value).lower() in {"yes", "true", "1", "on"}
            elif isinstance(value, bytes):
                found[name] = value
            else:
                plain = str(value or "").strip()
                found[name] = (plain if name == "content" else plain.replace("\r\n", "\n")) or None
        return found

    def create(self, kind: str, given: Row, who: str) -> Item:
        """Make an item; raises RefusedError."""
        values = self._read(kind, given)
        for name in CLASSES[kind].required:
            if name not in values:
                raise RefusedError(400, f"Must provide the '{name}' property.")
            if values[name] is None:
                raise RefusedError(409, "object of type 'NoneType' has no len()")
        if kind == "issue":
            values.setdefault("status", None)
            values["status"] = values["status"] or self.named("status", "unread")
            nosy = {who, *values.get("nosy", []), *filter(None, [values.get("assignedto")])}
            values["nosy"] = sorted(nosy, key=int)
        if kind == "msg":
            values.setdefault("private", False)
        return self._add(kind, values, who)

    def change(self, one: Item, given: Row, who: str) -> Row:
        """Set properties with the classic detectors; returns what is different now."""
        values = self._read(one.kind, given)
        if one.kind == "issue":
            values = self._audited(one, values)
        changed = {name: value for name, value in values.items() if one.get(name) != value}
        if changed:
            one.values = {**one.values, **changed, "activity": self.time(), "actor": who}
        return changed

    def _audited(self, one: Item, values: Row) -> Row:
        """statusauditor: a message makes an unread or resolved issue `chatting`; who is assigned is told."""
        added = "messages" in values and values["messages"] != one.get("messages")
        chatty = {self.named("status", word) for word in ("unread", "resolved", "done-cbb")}
        if added and "status" not in values and one.get("status") in chatty:
            values = {**values, "status": self.named("status", "chatting")}
        if values.get("assignedto"):
            nosy = {*one.get("nosy"), *values.get("nosy", []), values["assignedto"]}
            values = {**values, "nosy": sorted(nosy, key=int)}
        return values

    def patched(self, one: Item, op: str, given: Row) -> Row:
        """Return the properties of a PATCH as those of a PUT."""
        if op == "replace":
            return given
        if op not in {"add", "remove"}:
            raise RefusedError(400, f"PATCH Operation {op} is not allowed")
        found = {}
        for name, value in self._read(one.kind, given).items():
            if name not in MANY:
                raise RefusedError(400, f"{op} of {name}: only lists are simulated")
            held = one.get(name)
            found[name] = [*held, *value] if op == "add" else [each for each in held if each not in value]
        return found

    # -- searching

    def search(self, kind: str, filters: list[tuple[str, str]], sort: str) -> list[Item]:
        """Return the items that are not retired and match; raises RefusedError."""
        if kind not in CLASSES:
            raise RefusedError(404, f"Class {kind} not found")
        wanted: dict[str, list[str]] = {}
        for name, value in filters:
            plain = name.removesuffix(":")
            if plain not in {*CLASSES[kind].fields, "id", "creation", "activity", "creator", "actor"}:
                raise RefusedError(400, f"Field {plain} is not valid for {kind} class.")
            wanted.setdefault(name, []).append(value)
        found = [
            one
            for one in self.items[kind].values()
            if not one.retired and all(self._matches(one, name, values) for name, values in wanted.items())
        ]
        for part in reversed([each for each in sort.split(",") if each]):
            name = part.lstrip("+-")
            number = name == "id"
            found.sort(
                key=lambda one: int(one.number) if number else str(one.get(name)),
                reverse=part.startswith("-"),
            )
        return found

    def _matches(self, one: Item, name: str, values: list[str]) -> bool:
        plain = name.removesuffix(":")
        held = one.get(plain)
        target = CLASSES[one.kind].links.get(plain)
        if plain == "id":
            return one.number in values
        if target is not None:
            ids = {self.named(target, each) for value in values for each in value.split(",")}
            return bool(ids & set(held)) if isinstance(held, list) else held in ids
        if name.endswith(":"):
            return all(held == value for value in values)
        return all(value.lower() in str(held or "").lower() for value in values)


__all__ = ["CLASSES", "Item", "RefusedError", "Tracker"]
