"""What a simulated Redmine holds: users, projects, issues, journals and files, changed as Redmine changes them."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

STATUSES = {"New": 1, "In Progress": 2, "Resolved": 3, "Feedback": 4, "Closed": 5, "Rejected": 6}
CLOSED = frozenset({5, 6})
PRIORITIES = {"Low": 1, "Normal": 2, "High": 3, "Urgent": 4, "Immediate": 5}
TRACKERS = {"Bug": 1, "Feature": 2, "Support": 3}
PROJECTS = {"support": (1, "Support"), "internals": (2, "Internals"), "vault": (3, "Vault")}
#: where our user is a member
OURS = frozenset({1, 2})
#: our role, with every permission that the gateway needs
PERMISSIONS = (
    "view_issues", "add_issues", "edit_issues", "add_issue_notes", "set_notes_private", "view_private_notes",
    "set_issues_private", "view_files",
)  # fmt: skip
ATTRIBUTES = ("subject", "description", "status_id", "priority_id", "tracker_id", "project_id", "assigned_to_id")


class InvalidError(Exception):
    """What Redmine answers 422 to: its sentences."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)


class MayNotError(Exception):
    """What Redmine answers 403 to, without a word."""


def stamp(at: datetime) -> str:
    """Write an instant as Redmine does: whole seconds, Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """Everything, by id. `fields` are the issue custom fields: id, name, and whether each is a filter."""

    def __init__(self, fields: dict[int, tuple[str, bool]]) -> None:
        self.fields = fields
        self._ids = itertools.count(10)
        self.users: dict[int, dict[str, Any]] = {}
        self.issues: dict[int, dict[str, Any]] = {}
        self.journals: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[int, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self.relations: list[dict[str, Any]] = []
        self.permissions: set[str] = set(PERMISSIONS)
        #: (from, to) that the workflow of our role does not have, and what a new issue may be
        self.forbidden: set[tuple[int, int]] = set()
        self.statuses, self.priorities = dict(STATUSES), dict(PRIORITIES)
        self.initial: set[int] = {STATUSES["New"]}
        self.me = self.user("gateway@desk.example", "Gateway")
        self.agent = self.user("agent@desk.example", "Ada Agent")
        self.other = self.user("other@desk.example", "Otto Other")
        #: the API keys of people, for who is no connector of ours
        self.keys: dict[str, int] = {}
        #: our key is an administrator's: it is shown every address, and who is locked
        self.admin = False
        #: users who hide their addresses, as Redmine has it at first
        self.hidden: set[int] = set()
        self.most_bytes = 5_242_880
        #: how many changes come next that somebody else is a moment ahead of
        self.races = 0

    def number(self) -> int:
        """Return the next id: one row of numbers serves everything."""
        return next(self._ids)

    def user(self, mail: str, name: str = "") -> int:
        """Return the user with this address, made where there is none."""
        for number, user in self.users.items():
            if user["mail"] == mail:
                return number
        number = next(self._ids)
        first, _, last = (name or mail.partition("@")[0]).partition(" ")
        self.users[number] = {
            "id": number, "login": mail.partition("@")[0], "firstname": first, "lastname": last, "mail": mail,
            "status": 1,
        }  # fmt: skip
        return number

    def name(self, number: int) -> str:
        """Return a user's name."""
        user = self.users[number]
        return f"{user['firstname']} {user['lastname']}".strip()

    # -- issues

    def create(self, given: dict[str, Any], author: int, now: datetime) -> int:
        """Make an issue of the `issue` object of a POST; raises InvalidError."""
        ours = author == self.me
        wanted = self._resolved(given, author)
        if "project_id" not in wanted:
            raise InvalidError("Project cannot be blank", "Tracker cannot be blank", "Status cannot be blank")
        self._check(wanted.get("subject"))
        uploads = self._taken(given.get("uploads"))
        number = next(self._ids)
        status = wanted.get("status_id", 1)
        private = given.get("is_private") is True and not (ours and "set_issues_private" not in self.permissions)
        issue: dict[str, Any] = {
            "id": number, "project_id": 1, "tracker_id": 1, "status_id": 1, "priority_id": 2, "author_id": author,
            "assigned_to_id": None, "subject": "", "description": None, "is_private": private,
            "created_on": stamp(now), "updated_on": stamp(now), "closed_on": None, "custom": {}, "lock_version": 0,
        }  # fmt: skip
        # what our role's workflow does not let a new issue be is dropped without a word
        if ours and status not in self.initial:
            wanted.pop("status_id")
        issue |= wanted
        for field in given.get("custom_fields") or ():
            if int(field["id"]) in self.fields:
                issue["custom"][int(field["id"])] = field["value"]
        self.issues[number], self.journals[number] = issue, []
        self._attach(number, uploads, author, now)
        return number

    def update(self, number: int, given: dict[str, Any], actor: int, now: datetime) -> list[dict[str, Any]]:
        """Change an issue by the `issue` object of a PUT; returns the journals. Raises InvalidError, MayNotError."""
        issue = self.issues[number]
        ours = actor == self.me
        may_edit = not ours or "edit_issues" in self.permissions
        may_note = not ours or "add_issue_notes" in self.permissions
        if not may_edit and not may_note:
            raise MayNotError
        if self.races:
            self.races -= 1
            raise InvalidError
        wanted = self._resolved(given, actor) if may_edit else {}
        if "subject" in wanted:
            self._check(wanted["subject"])
        uploads = self._taken(given.get("uploads"))
        new = wanted.get("status_id")
        if ours and new is not None and (issue["status_id"], new) in self.forbidden:
            wanted.pop("status_id")
        details = []
        for name, value in wanted.items():
            if (issue[name] or "") != (value or ""):
                details.append(_detail("attr", name, issue[name], value))
                issue[name] = value
        for field in (given.get("custom_fields") or ()) if may_edit else ():
            key = int(field["id"])
            if key in self.fields and (issue["custom"].get(key) or "") != (field["value"] or ""):
                details.append(_detail("cf", str(key), issue["custom"].get(key) or None, field["value"]))
                issue["custom"][key] = field["value"]
        kept = self._attach(number, uploads, actor, now)
        details += [_detail("attachment", str(made), None, self.files[made]["filename"]) for made in kept]
        notes = str(given.get("notes") or "") if may_note else ""
        private = given.get("private_notes") in {True, "1"} and not (
            ours and "set_notes_private" not in self.permissions
        )
        if issue["status_id"] in CLOSED:
            issue["closed_on"] = issue["closed_on"] or stamp(now)
        # also where nothing has changed (app/models/issue.rb, force_updated_on_change)
        issue["updated_on"] = stamp(now)
        issue["lock_version"] += 1
        made_journals = []
        if notes and private and details:
            # what changed is for everybody, the note is not: two journals (app/models/journal.rb, split_private_notes)
            made_journals.append(self._journal(number, actor, None, private=False, details=details, now=now))
            details = []
        if notes or details:
            made_journals.append(
                self._journal(number, actor, notes, private=private and bool(notes), details=details, now=now)
            )
        return made_journals

    def _journal(
        self, number: int, actor: int, notes: str | None, *, private: bool, details: list[dict[str, Any]], now: datetime
    ) -> dict[str, Any]:
        made = {
            "id": next(self._ids), "user_id": actor, "notes": notes, "private_notes": private,
            "created_on": stamp(now), "updated_on": stamp(now), "details": details,
        }  # fmt: skip
        self.journals[number].append(made)
        return made

    def edit_note(self, number: int, given: dict[str, Any], actor: int, now: datetime) -> int:
        """Change a note of the actor's own; without words and changes it goes. Returns a refusal's status, or 0."""
        where = next((rows for rows in self.journals.values() if any(each["id"] == number for each in rows)), [])
        held = next((each for each in where if each["id"] == number), None)
        ours = actor == self.me
        if held is None:
            return 404
        if held["user_id"] != actor or (ours and "edit_own_issue_notes" not in self.permissions):
            return 403
        if "private_notes" in given and not (ours and "set_notes_private" not in self.permissions):
            held["private_notes"] = given["private_notes"] is True
        if "notes" in given:
            held["notes"] = str(given["notes"] or "")
        held["updated_on"] = stamp(now)
        if not held["notes"] and not held["details"]:
            where.remove(held)
        return 0

    def _check(self, subject: Any) -> None:
        if not str(subject or "").strip():
            raise InvalidError("Subject cannot be blank")
        if len(str(subject)) > 255:
            raise InvalidError("Subject is too long (maximum is 255 characters)")

    def _resolved(self, given: dict[str, Any], actor: int) -> dict[str, Any]:
        """Return the attributes that are taken; a status, tracker or project that is none is dropped without a word."""
        found: dict[str, Any] = {}
        for name in ATTRIBUTES:
            if name not in given:
                continue
            value = given[name]
            if name == "project_id" and str(value) in PROJECTS:
                value = PROJECTS[str(value)][0]
            if name.endswith("_id"):
                value = int(value) if str(value or "").isdigit() else None
            if name == "priority_id" and value not in self.priorities.values():
                raise InvalidError("Priority cannot be blank")
            if name == "assigned_to_id" and value is not None and self.users.get(value, {}).get("status") != 1:
                raise InvalidError("Assignee is invalid")
            known = {
                "status_id": self.statuses.values(), "tracker_id": TRACKERS.values(),
                "project_id": OURS if actor == self.me else (1, 2, 3),
            }  # fmt: skip
            if value not in known.get(name, (value,)):
                continue
            found[name] = str(value).strip() if name == "subject" else value
        if "is_private" in given and not (actor == self.me and "set_issues_private" not in self.permissions):
            found["is_private"] = given["is_private"] is True
        return found

    def _taken(self, uploads: Any) -> list[tuple[dict[str, Any], bytes]]:
        """Take staged files by their tokens, each of which serves once; raises InvalidError."""
        given = [upload for upload in uploads or () if isinstance(upload, dict)]
        lost = [upload for upload in given if str(upload.get("token")) not in self.uploads]
        if lost:
            raise InvalidError(f"{len(lost)} file(s) could not be saved.")
        return [(upload, self.uploads.pop(str(upload["token"]))) for upload in given]

    def _attach(self, number: int, uploads: list[tuple[dict[str, Any], bytes]], actor: int, now: datetime) -> list[int]:
        return [
            self.keep(number, str(upload.get("filename")), str(upload.get("content_type") or ""), data, actor, now)
            for upload, data in uploads
        ]

    def keep(self, number: int, name: str, mime: str, data: bytes, actor: int, now: datetime) -> int:
        """Keep a file of an issue."""
        made = next(self._ids)
        self.files[made] = {
            "id": made, "issue": number, "filename": name, "content_type": mime, "data": data, "author_id": actor,
            "created_on": stamp(now),
        }  # fmt: skip
        return made

    # -- views

    def view(self, number: int) -> dict[str, Any]:
        """Return an issue as show.api.rsb does: what it has not is left out."""
        issue = self.issues[number]
        key = {value: name for name, (value, _) in PROJECTS.items()}[issue["project_id"]]
        found: dict[str, Any] = {
            "id": number,
            "project": {"id": issue["project_id"], "name": PROJECTS[key][1]},
            "tracker": _named(TRACKERS, issue["tracker_id"]),
            "status": {**_named(self.statuses, issue["status_id"]), "is_closed": issue["status_id"] in CLOSED},
            "priority": _named(self.priorities, issue["priority_id"]),
            "author": {"id": issue["author_id"], "name": self.name(issue["author_id"])},
        }
        if issue["assigned_to_id"]:
            found["assigned_to"] = {"id": issue["assigned_to_id"], "name": self.name(issue["assigned_to_id"])}
        names = ("subject", "description", "is_private", "created_on", "updated_on", "closed_on")
        found |= {name: issue[name] for name in names}
        found["custom_fields"] = [
            {"id": key, "name": name, "value": issue["custom"].get(key)} for key, (name, _) in self.fields.items()
        ]
        return found

    def file_view(self, number: int, url: str) -> dict[str, Any]:
        """Return a file as the API shows it."""
        file = self.files[number]
        return {
            "id": number, "filename": file["filename"], "filesize": len(file["data"]),
            "content_type": file["content_type"], "description": "",
            "content_url": f"{url}/attachments/download/{number}/{file['filename']}",
            "author": {"id": file["author_id"], "name": self.name(file["author_id"])},
            "created_on": file["created_on"],
        }  # fmt: skip

    def journal_view(self, journal: dict[str, Any]) -> dict[str, Any]:
        """Return a journal as the API shows it."""
        return {
            "id": journal["id"], "user": {"id": journal["user_id"], "name": self.name(journal["user_id"])},
            "notes": journal["notes"], "created_on": journal["created_on"],
            "private_notes": journal["private_notes"], "details": journal["details"],
            # shown from Redmine 5.0 on
            "updated_on": journal["updated_on"],
        }  # fmt: skip


def _named(table: dict[str, int], number: int) -> dict[str, Any]:
    return {"id": number, "name": next(name for name, value in table.items() if value == number)}


def _detail(kind: str, name: str, old: Any, new: Any) -> dict[str, Any]:
    words = [None if each is None else str(int(each) if isinstance(each, bool) else each) for each in (old, new)]
    shown = dict(zip(("old_value", "new_value"), words, strict=True))
    return {"property": kind, "name": name, **shown}
