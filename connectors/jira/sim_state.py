"""The records of the simulated Jira and how they are shown: issues, comments, people, workflow and webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from connectors.content import from_adf, from_wiki, to_adf, to_wiki
from connectors.jira.mapping import EPOCH, SD_PUBLIC

#: name -> number, category
STATUSES: dict[str, tuple[str, str]] = {
    "To Do": ("10000", "new"),
    "In Progress": ("10001", "indeterminate"),
    "Waiting for customer": ("10002", "indeterminate"),
    "On hold": ("10003", "indeterminate"),
    "Resolved": ("10004", "done"),
    "Closed": ("10005", "done"),
    "Canceled": ("10006", "done"),
}
CATEGORIES = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
TYPES = ("Task", "Bug", "[System] Incident", "[System] Service request")
RESOLUTIONS = ("Done", "Won't Do", "Duplicate")
LONGEST_TITLE = 255
#: fields that can be set
SCREEN = frozenset({"summary", "description", "priority", "issuetype", "labels", "assignee", "reporter"})


class RefusedError(Exception):
    """Jira refuses a request: status, words, and the fields that are wrong."""

    def __init__(self, status: int, *words: str, **fields: str) -> None:
        super().__init__(*words)
        self.status = status
        self.body = {"errorMessages": list(words), "errors": fields}


class Records:
    """Everything that the desk keeps. The simulator holds its lock while it is used."""

    def __init__(self, *, cloud: bool, url: str, me: Mapping[str, str]) -> None:
        self.cloud = cloud
        self.url = url
        self.users: dict[str, dict[str, Any]] = {}
        self.me = self.add_user(me["email"], me["name"], account=me["account"])
        self.agents = (
            self.add_user("robin@desk.example", "Robin", account="5b10ac8d82e05b22cc7d4ef5" if cloud else "robin"),
            self.add_user("sam@desk.example", "Sam", account="5b10ac8d82e05b22cc7d4ef6" if cloud else "sam"),
        )
        self.projects = {
            "HELP": {"id": "10000", "key": "HELP", "name": "Help", "projectTypeKey": "service_desk"},
            "DEV": {"id": "10001", "key": "DEV", "name": "Development", "projectTypeKey": "software"},
        }
        self.counts = dict.fromkeys(self.projects, 0)
        self.issues: dict[str, dict[str, Any]] = {}
        #: keys of before a move still lead to the issue
        self.keys: dict[str, str] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        #: issue -> addresses
        self.remote_links: dict[str, list[str]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}
        #: those that a public comment shows to customers
        self.shared: set[str] = set()
        #: status -> names of those that can follow; without an entry: all
        self.workflow: dict[str, tuple[str, ...]] = {}
        #: what an admin may add to
        self.statuses, self.priorities = dict(STATUSES), list(PRIORITIES)
        #: fields that are on no screen
        self.off_screen: frozenset[str] = frozenset()
        #: lists of comments show their properties
        self.lists_properties = True
        self.last = EPOCH
        self._number = 10_000

    # -- people

    def add_user(self, email: str, name: str, *, account: str = "", kind: str = "atlassian") -> str:
        """Know a person; returns the account."""
        for known, user in self.users.items():
            if user["emailAddress"] == email:
                return known
        account = account or (f"qm:{len(self.users):04}:{email}" if self.cloud else email)
        user = {"displayName": name, "emailAddress": email, "active": True, "timeZone": "America/New_York"}
        named = (
            {"accountId": account, "accountType": kind}
            if self.cloud
            else {"name": account, "key": f"JIRAUSER{len(self.users)}"}
        )
        self.users[account] = {"self": f"{self.url}/rest/api/2/user?{account}", **named, **user}
        return account

    def user(self, account: str | None) -> dict[str, Any] | None:
        """Return how an account is shown."""
        return self.users.get(account) if account else None

    def named(self, given: Any) -> str | None:
        """Return the account that a field names; raises RefusedError where there is none."""
        if not given:
            return None
        account = str(given.get("accountId" if self.cloud else "name") or "")
        if account not in self.users:
            raise RefusedError(400, assignee=f"User '{account}' does not exist.")
        return account

    # -- time and numbers

    def tick(self, now: datetime) -> datetime:
        """Return an instant after every other unless the clock goes back: Jira keeps milliseconds."""
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        again = at <= self.last < at + timedelta(seconds=1)
        self.last = self.last + timedelta(milliseconds=1) if again else at
        return self.last

    def number(self) -> str:
        """Return a fresh number."""
        self._number += 1
        return str(self._number)

    # -- texts: kept as the editor of the deployment keeps them

    def kept(self, markdown: str) -> Any:
        """Return what an editor keeps of what a person wrote."""
        return to_adf(markdown) if self.cloud else to_wiki(markdown)

    def shown(self, value: Any) -> str:
        """Return a text as people see it."""
        return from_adf(value).markdown if isinstance(value, dict) else from_wiki(value or "").markdown

    def text(self, value: Any, version: str) -> Any:
        """Return a text as one version of the API has it: 3 documents, 2 and webhooks wiki markup."""
        if isinstance(value, dict) and version == "2":
            return to_wiki(from_adf(value).markdown)
        return value

    # -- changes

    def new_issue(self, now: datetime, by: str, fields: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
        """Keep a new issue; raises RefusedError for what Jira would refuse."""
        project = self.projects.get(str((fields.get("project") or {}).get("key")))
        if project is None:
            raise RefusedError(400, project="valid project is required")
        at = self.tick(now)
        number, key = self.number(), str(project["key"])
        issue: dict[str, Any] = {
            "id": number, "project": key, "status": "To Do", "resolution": None, "summary": "", "description": None,
            "priority": "Medium", "issuetype": "Task", "labels": [], "assignee": None, "reporter": by, "creator": by,
            "created": at, "updated": at, "attachment": [], "properties": properties,
        }  # fmt: skip
        self.apply(issue, fields)
        if not issue["summary"]:
            raise RefusedError(400, summary="You must specify a summary of the issue.")
        self.counts[key] += 1
        issue["key"] = f"{key}-{self.counts[key]}"
        self.issues[number] = issue
        self.comments[number] = []
        self.history[number] = []
        return issue

    def apply(self, issue: dict[str, Any], fields: dict[str, Any]) -> list[dict[str, Any]]:
        """Set fields; returns the items of the history. All or nothing, as Jira checks them first."""
        wanted = {
            name: self._kept(name, value)
            for name, value in fields.items()
            if name not in {"project", "customfield_10010"} or name in self.off_screen
        }
        items = []
        for name, value in wanted.items():
            if issue.get(name) != value:
                items.append(self._item(name, issue.get(name), value))
                issue[name] = value
        return items

    def _kept(self, name: str, value: Any) -> Any:
        """Return what is kept of one field; raises RefusedError where Jira refuses it."""
        if name in self.off_screen or name not in SCREEN:
            words = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            raise RefusedError(400, **{name: words})
        match name:
            case "summary":
                title = str(value or "").strip()
                if not title or len(title) > LONGEST_TITLE or "\n" in title:
                    raise RefusedError(400, summary="The summary is empty, too long or broken into lines.")
                return title
            case "priority" | "issuetype":
                return self._word(name, value, self.priorities if name == "priority" else TYPES)
            case "labels":
                if any(" " in label for label in value or ()):
                    raise RefusedError(400, labels="The label contains spaces which is invalid.")
                return sorted(value or ())
            case "assignee" | "reporter":
                return self.named(value)
            case _:
                return value

    @staticmethod
    def _word(name: str, value: Any, words: Sequence[str]) -> str | None:
        if value is None and name == "priority":
            return None
        word = str((value or {}).get("name"))
        if word not in words:
            raise RefusedError(400, **{name: f"The {name} selected is invalid."})
        return word

    def _item(self, name: str, old: Any, new: Any) -> dict[str, Any]:
        if name in {"assignee", "reporter"}:
            ids = {each: (user.get("accountId") or user.get("key")) for each, user in self.users.items()}
            return {
                "field": name, "fieldtype": "jira", "from": ids.get(old), "to": ids.get(new),
                "fromString": (self.user(old) or {}).get("displayName"),
                "toString": (self.user(new) or {}).get("displayName"),
            }  # fmt: skip
        if name == "labels":
            old, new = " ".join(old or ()), " ".join(new or ())
        if name == "description":
            old, new = self.text(old, "2"), self.text(new, "2")
        return {"field": name, "fieldtype": "jira", "from": None, "fromString": old, "to": None, "toString": new}

    def transit(self, issue: dict[str, Any], status: str, resolution: str | None) -> list[dict[str, Any]]:
        """Move an issue to a status."""
        items = []
        old = issue["status"]
        if old != status:
            ids = (self.statuses[old][0], self.statuses[status][0])
            items.append(
                {
                    "field": "status",
                    "fieldtype": "jira",
                    "from": ids[0],
                    "fromString": old,
                    "to": ids[1],
                    "toString": status,
                }
            )
        ended = self.statuses[status][1] == "done"
        word = (resolution or "Done") if ended else None
        if issue["resolution"] != word:
            items.append(self._item("resolution", issue["resolution"], word))
        issue["status"], issue["resolution"] = status, word
        return items

    def log(self, issue: dict[str, Any], by: str, now: datetime, items: list[dict[str, Any]]) -> dict[str, Any]:
        """Keep an entry of the history."""
        issue["updated"] = self.tick(now)
        entry = {"id": self.number(), "author": self.user(by), "created": stamp(issue["updated"]), "items": items}
        self.history[issue["id"]].append(entry)
        return entry

    def say(
        self, issue: dict[str, Any], by: str, now: datetime, body: Any, properties: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Keep a comment. Without `sd.public.comment` customers see it: that is Jira's own default."""
        at = issue["updated"] = self.tick(now)
        held: dict[str, Any] = next((each["value"] for each in properties if each.get("key") == SD_PUBLIC), {})
        comment = {
            "id": self.number(), "by": by, "body": body, "created": at, "updated": at, "properties": properties,
            "public": held.get("internal") is not True,
        }  # fmt: skip
        self.comments[issue["id"]].append(comment)
        return comment

    # -- how it is shown

    def find(self, name: str) -> dict[str, Any] | None:
        """Return an issue by its number or its key, also one of before a move."""
        if name in self.issues:
            return self.issues[name]
        by_key = (each for each in self.issues.values() if each["key"] == name.upper())
        return next(by_key, None) or self.issues.get(self.keys.get(name.upper(), ""))

    def project_json(self, key: str) -> dict[str, Any]:
        """Return a project."""
        return {"self": f"{self.url}/rest/api/2/project/{key}", **self.projects[key]}

    def status_json(self, name: str) -> dict[str, Any]:
        """Return a status with its category."""
        number, category = self.statuses[name]
        ordinal, label = CATEGORIES[category]
        return {"id": number, "name": name, "statusCategory": {"id": ordinal, "key": category, "name": label}}

    def issue_json(self, issue: dict[str, Any], version: str, *, marker: str = "") -> dict[str, Any]:
        """Return an issue as one version of the API has it."""
        word = {"priority": issue["priority"], "issuetype": issue["issuetype"], "resolution": issue["resolution"]}
        held = issue["properties"]
        return {
            "id": issue["id"],
            "key": issue["key"],
            "self": f"{self.url}/rest/api/{version}/issue/{issue['id']}",
            "fields": {
                "summary": issue["summary"],
                "description": self.text(issue["description"], version),
                "status": self.status_json(issue["status"]),
                **{name: {"name": value} if value else None for name, value in word.items()},
                "project": self.project_json(issue["project"]),
                **{name: self.user(issue[name]) for name in ("assignee", "reporter", "creator")},
                "labels": issue["labels"],
                "created": stamp(issue["created"]),
                "updated": stamp(issue["updated"]),
                "attachment": [self.file_json(each, version) for each in issue["attachment"]],
                "security": {"id": "10000", "name": "Staff", "description": ""} if issue.get("security") else None,
                **issue.get("slas", {}),
            },
            **({"properties": {marker: held[marker]} if marker in held else {}} if marker else {}),
        }

    def file_json(self, file: dict[str, Any], version: str) -> dict[str, Any]:
        """Return a file."""
        content = (
            f"{self.url}/rest/api/{version}/attachment/content/{file['id']}" if self.cloud
            else f"{self.url}/secure/attachment/{file['id']}/{quote_plus(file['filename'])}"
        )  # fmt: skip
        return {
            "id": file["id"], "filename": file["filename"], "author": self.user(file["by"]),
            "created": stamp(file["created"]), "size": len(self.files[file["id"]]), "mimeType": file["mime"],
            "content": content,
        }  # fmt: skip

    def comment_json(
        self, issue: dict[str, Any], comment: dict[str, Any], version: str, *, properties: bool = False
    ) -> dict[str, Any]:
        """Return a comment; only Cloud says whether customers see it."""
        return {
            "self": f"{self.url}/rest/api/{version}/issue/{issue['id']}/comment/{comment['id']}",
            "id": comment["id"],
            "author": self.user(comment["by"]),
            "updateAuthor": self.user(comment["by"]),
            "body": self.text(comment["body"], version),
            "created": stamp(comment["created"]),
            "updated": stamp(comment["updated"]),
            **({"jsdPublic": comment["public"]} if self.cloud else {}),
            **({"properties": comment["properties"]} if properties and self.lists_properties else {}),
        }


def stamp(at: datetime) -> str:
    """Write an instant as Jira does: milliseconds, and an offset without a colon."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+0000"
