"""What a simulated GitLab holds: projects, users, issues, notes, labels and uploads; and what its words do."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

Json = dict[str, Any]

#: a line that is a command, as GitLab obeys it; in code it does not
_COMMAND = re.compile(r"(?m)^/(close|reopen|confidential|lock|label|assign)\b[^\n]*\n?")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_CALL = re.compile(r"(?<![\w@/])@([A-Za-z0-9][\w.-]*)")
TITLE_LENGTH = 255
SUPPORT, PRODUCT = 5, 6


class InvalidError(Exception):
    """GitLab refuses a value: field and words."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


class Change(msgspec.Struct):
    """What one action changed."""

    issue: Json
    changes: dict[str, Json] = {}
    note: Json | None = None


def stamp(at: datetime) -> str:
    """Write a time as REST does: milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def said_in(text: str) -> tuple[str, list[str]]:
    """Return a text without the commands in it, and those."""
    parts = _CODE.split(text)
    codes = _CODE.findall(text)
    commands = [found.group(1) for part in parts for found in _COMMAND.finditer(part)]
    bare = "".join(_COMMAND.sub("", part) + (codes[number] if number < len(codes) else "")
                   for number, part in enumerate(parts))  # fmt: skip
    return bare, commands


class Records:
    """One GitLab."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self._ids = count(1001)
        self._iids: dict[int, Any] = {}
        self.projects: dict[int, Json] = {}
        self.users: dict[int, Json] = {}
        self.issues: dict[int, Json] = {}
        self.notes: dict[int, list[Json]] = {}
        self.labels: set[str] = {"priority::1", "priority::2", "priority::3", "priority::4"}
        self.uploads: dict[str, bytes] = {}
        #: who was called by `@name`
        self.called: list[str] = []
        #: our role is too small for labels: they are left out without a word
        self.guest = False
        for number, path in ((SUPPORT, "acme/support"), (PRODUCT, "acme/product")):
            self.projects[number] = {"id": number, "path_with_namespace": path, "name": path.partition("/")[2]}
            self._iids[number] = count(1)
        self.me = self.user("gateway", "Gateway", "gateway@desk.example")
        self.agent = self.user("agent", "Agent Smith", "agent@desk.example")
        self.bot = self.user("support-bot", "GitLab Support Bot", "")

    def user(self, username: str, name: str, email: str) -> int:
        """Return the id of a new user."""
        number = next(self._ids)
        self.users[number] = {
            "id": number, "username": username, "name": name, "state": "active", "public_email": email,
            "access_level": 30,
        }  # fmt: skip
        return number

    def short(self, number: int) -> Json:
        """Return a user as issues and notes show one."""
        held = self.users[number]
        return {name: held[name] for name in ("id", "username", "name", "state")}

    def project(self, name: str) -> Json | None:
        """Return a project by its id or path."""
        return next((one for number, one in self.projects.items() if name in {str(number), one["path_with_namespace"]}),
                    None)  # fmt: skip

    def find(self, project: str, iid: str) -> Json | None:
        """Return an issue by its project and number."""
        there = self.project(project)
        if there is None or not iid.isdigit():
            return None
        return next((one for one in self.issues.values()
                     if one["project_id"] == there["id"] and one["iid"] == int(iid)), None)  # fmt: skip

    def create(self, project: int, given: Json, actor: int, now: datetime, **more: Any) -> Change:
        """Make an issue; raises InvalidError."""
        title = str(given.get("title") or "").strip()
        if not title:
            raise InvalidError("title", "can't be blank")
        if len(title) > TITLE_LENGTH:
            raise InvalidError("title", "is too long (maximum is 255 characters)")
        description, commands = said_in(str(given.get("description") or ""))
        number, iid = next(self._ids), next(self._iids[project])
        path = self.projects[project]["path_with_namespace"]
        labels = sorted(filter(None, str(given.get("labels") or "").split(","))) if not self._small(actor) else []
        at = stamp(now)
        issue: Json = {
            "id": number, "iid": iid, "project_id": project, "title": title, "description": description,
            "state": "opened", "created_at": at, "updated_at": at, "closed_at": None, "labels": labels,
            "author": self.short(actor), "assignees": [], "assignee": None, "type": "ISSUE",
            "issue_type": given.get("issue_type") or "issue", "confidential": bool(given.get("confidential")),
            "moved_to_id": None, "service_desk_reply_to": None, "web_url": f"{self.url}/{path}/-/issues/{iid}",
            "references": {"short": f"#{iid}", "relative": f"#{iid}", "full": f"{path}#{iid}"},
            "_links": {"closed_as_duplicate_of": None}, **more,
        }  # fmt: skip
        self.issues[number], self.notes[number] = issue, []
        self.labels |= set(labels)
        self._assign(issue, given)
        self.called += _CALL.findall(description)
        self._obey(issue, commands, now)
        return Change(issue)

    def _small(self, actor: int) -> bool:
        return self.guest and actor == self.me

    def _assign(self, issue: Json, given: Json) -> None:
        if "assignee_ids" in given:
            numbers = [one for one in given["assignee_ids"] if one in self.users]
            issue["assignees"] = [self.short(one) for one in numbers]
            issue["assignee"] = issue["assignees"][0] if numbers else None

    def _obey(self, issue: Json, commands: list[str], now: datetime) -> None:
        if "close" in commands:
            issue["state"], issue["closed_at"] = "closed", stamp(now)

    def update(self, issue: Json, given: Json, actor: int, now: datetime) -> Change:
        """Change an issue; raises InvalidError."""
        before = {
            name: issue[name] for name in ("title", "description", "state", "labels", "assignees", "confidential")
        }
        if "title" in given:
            if len(str(given["title"])) > TITLE_LENGTH:
                raise InvalidError("title", "is too long (maximum is 255 characters)")
            issue["title"] = str(given["title"]).strip()
        if "description" in given:
            issue["description"], commands = said_in(str(given["description"]))
            self._obey(issue, commands, now)
        if not self._small(actor):
            labels = set(issue["labels"]) | set(filter(None, str(given.get("add_labels") or "").split(",")))
            labels -= set(str(given.get("remove_labels") or "").split(","))
            issue["labels"] = sorted(labels)
            self.labels |= labels
        self._assign(issue, given)
        if given.get("state_event") in {"close", "reopen"}:
            closes = given["state_event"] == "close"
            issue["state"], issue["closed_at"] = ("closed", stamp(now)) if closes else ("opened", None)
        if "confidential" in given:
            issue["confidential"] = bool(given["confidential"])
        changes = {
            name: {"previous": old, "current": issue[name]} for name, old in before.items() if issue[name] != old
        }
        if changes:
            issue["updated_at"] = stamp(now)
        return Change(issue, changes)

    def note(
        self, issue: Json, text: str, actor: int, now: datetime, *, internal: bool, system: bool = False
    ) -> Change:
        """Write a note; raises InvalidError. One that holds commands only leaves none."""
        body, commands = (text, []) if system else said_in(text)
        self._obey(issue, commands, now)
        if not body.strip():
            if commands:
                return Change(issue)
            raise InvalidError("note", "can't be blank")
        made = {
            "id": next(self._ids), "type": None, "body": body.rstrip("\n"), "attachment": None,
            "author": self.short(actor), "created_at": stamp(now), "updated_at": stamp(now), "system": system,
            "noteable_id": issue["id"], "noteable_type": "Issue", "noteable_iid": issue["iid"],
            "project_id": issue["project_id"], "confidential": internal, "internal": internal, "resolvable": False,
        }  # fmt: skip
        self.notes[issue["id"]].append(made)
        self.called += _CALL.findall(body)
        issue["updated_at"] = stamp(now)
        return Change(issue, note=made)

    def copy_notes(self, issue: Json, to: Json) -> None:
        """Let the notes of an issue stand on another as well, as a move does: under new numbers, with their times."""
        here = {"noteable_id": to["id"], "noteable_iid": to["iid"], "project_id": to["project_id"]}
        self.notes[to["id"]] += [{**each, **here, "id": next(self._ids)} for each in self.notes[issue["id"]]]

    def upload(self, project: int, name: str, data: bytes) -> Json:
        """Keep a file of a project."""
        # letters and digits are kept of a name
        name = re.sub(r"[^\w.+-]", "_", name)
        secret = hashlib.md5(f"{next(self._ids)}".encode(), usedforsecurity=False).hexdigest()
        self.uploads[f"{project}/{secret}/{name}"] = data
        picture = "!" if name.endswith((".png", ".jpg", ".gif")) else ""
        alt = name.rpartition(".")[0] if picture else name
        url = f"/uploads/{secret}/{name}"
        return {"id": next(self._ids), "alt": alt, "url": url, "full_path": f"/-/project/{project}{url}",
                "markdown": f"{picture}[{alt}]({url})"}  # fmt: skip
