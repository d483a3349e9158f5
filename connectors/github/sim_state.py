"""The records of the simulated GitHub and how they are shown: issues, comments, events, people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: what a role may do; below the second, labels and assignees are dropped without a word
TRIAGE, READ = "triage", "read"
REASONS = frozenset({"completed", "not_planned", "duplicate", "reopened"})


class InvalidError(Exception):
    """GitHub refuses a request with 422: resource, field and code."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(field)
        self.body = {
            "message": "Validation Failed",
            "errors": [{"resource": "Issue", "field": field, "code": code}],
            "documentation_url": "https://docs.github.com/rest/issues/issues",
        }


class Records:
    """Everything that the desk keeps. The simulator holds its lock while it is used."""

    def __init__(self, url: str, repositories: tuple[str, ...]) -> None:
        self.url = url
        self.users: dict[str, dict[str, Any]] = {}
        self.me = self.add_user("gateway-bot", "")
        #: accounts that were closed: nothing can be given to them
        self.closed: set[str] = set()
        self.agents = (self.add_user("robin", "robin@desk.example"), self.add_user("sam", "sam@desk.example"))
        #: repository -> number -> issue
        self.issues: dict[str, dict[int, dict[str, Any]]] = {each: {} for each in repositories}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.events: dict[int, list[dict[str, Any]]] = {}
        #: where a moved issue is now, and which are gone
        self.moved: dict[tuple[str, int], str] = {}
        self.gone: set[tuple[str, int]] = set()
        self.counts = dict.fromkeys(repositories, 0)
        #: our role in the repositories
        self.role = TRIAGE
        self._id = 1_000_000

    def add_user(self, login: str, email: str) -> str:
        """Know a person; only the profile shows the address."""
        if login not in self.users:
            self.users[login] = {"login": login, "id": 100 + len(self.users), "type": "User", "email": email or None}
        return login

    def named(self, email: str) -> str:
        """Return the login of whoever has an address."""
        known = next((login for login, user in self.users.items() if user["email"] == email), "")
        return known or self.add_user(email.partition("@")[0].replace(".", "-"), email)

    def user(self, login: str | None) -> dict[str, Any] | None:
        """Return how a person is shown beside an issue: without their address."""
        return {name: value for name, value in self.users[login].items() if name != "email"} if login else None

    def place(self, repository: str) -> dict[str, Any]:
        """Return a repository: redirects name it by its number."""
        return {"id": 7 + list(self.issues).index(repository), "full_name": repository}

    def number(self) -> int:
        """Return a fresh id."""
        self._id += 1
        return self._id

    # -- changes

    def new_issue(self, repository: str, now: datetime, by: str, given: dict[str, Any]) -> dict[str, Any]:
        """Keep a new issue; raises InvalidError for what GitHub would refuse."""
        title = str(given.get("title") or "").strip()
        if not title:
            raise InvalidError("title", "missing_field")
        self.counts[repository] += 1
        at = now.replace(microsecond=0)
        issue: dict[str, Any] = {
            "id": self.number(), "number": self.counts[repository], "repository": repository, "title": title,
            "body": given.get("body"), "state": "open", "state_reason": None, "labels": [], "assignees": [], "user": by,
            "created_at": at, "updated_at": at, "closed_at": None,
        }  # fmt: skip
        self.issues[repository][issue["number"]] = issue
        self.comments[issue["id"]] = []
        self.events[issue["id"]] = []
        self.apply(issue, now, by, {name: given[name] for name in ("labels", "assignees") if name in given})
        return issue

    def apply(self, issue: dict[str, Any], now: datetime, by: str, given: dict[str, Any]) -> list[tuple[str, Any]]:
        """Set members of an issue; returns what changed as (action, what it was about). Raises InvalidError."""
        if len(str(given.get("title", "x"))) > 256 or not str(given.get("title", "x")).strip():
            raise InvalidError("title", "invalid")
        if given.get("state", "open") not in {"open", "closed"}:
            raise InvalidError("state", "invalid")
        if given.get("state_reason") not in REASONS | {None}:
            raise InvalidError("state_reason", "invalid")
        if self.closed & set(given.get("assignees") or ()):
            raise InvalidError("assignees", "invalid")
        done: list[tuple[str, Any]] = []
        if "title" in given and given["title"] != issue["title"]:
            done.append(("renamed", {"from": issue["title"], "to": given["title"]}))
            issue["title"] = given["title"]
        if "body" in given and given["body"] != issue["body"]:
            done.append(("body", issue["body"]))
            issue["body"] = given["body"]
        done += self._state(issue, now, given)
        if self.role != READ or by != self.me:
            done += self._labels(issue, given) + self._assignees(issue, given)
        if done:
            issue["updated_at"] = now.replace(microsecond=0)
        for action, about in done:
            self._event(issue, now, by, action, about)
        return done

    @staticmethod
    def _state(issue: dict[str, Any], now: datetime, given: dict[str, Any]) -> list[tuple[str, Any]]:
        state, reason = given.get("state", issue["state"]), given.get("state_reason")
        if state == issue["state"]:
            if state == "closed" and reason and reason != issue["state_reason"]:
                issue["state_reason"] = reason
                return [("closed", reason)]
            return []
        issue["state"] = state
        issue["state_reason"] = (reason or "completed") if state == "closed" else "reopened"
        issue["closed_at"] = now.replace(microsecond=0) if state == "closed" else None
        return [("closed" if state == "closed" else "reopened", issue["state_reason"])]

    @staticmethod
    def _labels(issue: dict[str, Any], given: dict[str, Any]) -> list[tuple[str, Any]]:
        if "labels" not in given:
            return []
        wanted = list(dict.fromkeys(given["labels"]))
        if any(not label or len(label) > 50 for label in wanted):
            raise InvalidError("labels", "invalid")
        old, issue["labels"] = issue["labels"], wanted
        gone = [("unlabeled", label) for label in old if label not in wanted]
        return gone + [("labeled", label) for label in wanted if label not in old]

    def _assignees(self, issue: dict[str, Any], given: dict[str, Any]) -> list[tuple[str, Any]]:
        """Assign those who may be; nothing is said of the others."""
        if "assignees" not in given:
            return []
        wanted = [login for login in given["assignees"] if login in (*self.agents, self.me)]
        old, issue["assignees"] = issue["assignees"], wanted
        gone = [("unassigned", login) for login in old if login not in wanted]
        return gone + [("assigned", login) for login in wanted if login not in old]

    def _event(self, issue: dict[str, Any], now: datetime, by: str, action: str, about: Any) -> None:
        more: dict[str, Any] = {}
        match action:
            case "renamed":
                more = {"rename": about}
            case "labeled" | "unlabeled":
                more = {"label": {"name": about}}
            case "assigned" | "unassigned":
                more = {"assignee": self.user(about)}
            case "closed":
                more = {"state_reason": about}
            case "body":
                return
        self.events[issue["id"]].append(
            {"id": self.number(), "event": action, "actor": self.user(by), "created_at": stamp(now), **more}
        )

    def say(self, issue: dict[str, Any], now: datetime, by: str, body: str) -> dict[str, Any]:
        """Keep a comment."""
        at = issue["updated_at"] = now.replace(microsecond=0)
        comment = {"id": self.number(), "user": by, "body": body, "created_at": at, "updated_at": at}
        self.comments[issue["id"]].append(comment)
        return comment

    # -- how it is shown

    def issue_json(self, issue: dict[str, Any]) -> dict[str, Any]:
        """Return an issue."""
        name, number = issue["repository"], issue["number"]
        people = [self.user(login) for login in issue["assignees"]]
        return {
            "id": issue["id"], "number": number, "url": f"{self.url}/repos/{name}/issues/{number}",
            "repository_url": f"{self.url}/repos/{name}", "html_url": f"https://github.com/{name}/issues/{number}",
            "title": issue["title"], "body": issue["body"], "state": issue["state"],
            "state_reason": issue["state_reason"], "user": self.user(issue["user"]), "locked": False,
            "labels": [{"id": 1, "name": label, "color": "ededed"} for label in issue["labels"]],
            "assignee": people[0] if people else None, "assignees": people,
            "comments": len(self.comments[issue["id"]]), "created_at": stamp(issue["created_at"]),
            "updated_at": stamp(issue["updated_at"]),
            "closed_at": stamp(issue["closed_at"]) if issue["closed_at"] else None, "author_association": "NONE",
        }  # fmt: skip

    def comment_json(self, issue: dict[str, Any], comment: dict[str, Any]) -> dict[str, Any]:
        """Return a comment."""
        name, number = issue["repository"], issue["number"]
        return {
            "id": comment["id"], "user": self.user(comment["user"]), "body": comment["body"],
            "created_at": stamp(comment["created_at"]), "updated_at": stamp(comment["updated_at"]),
            "issue_url": f"{self.url}/repos/{name}/issues/{number}",
            "html_url": f"https://github.com/{name}/issues/{number}#issuecomment-{comment['id']}",
        }  # fmt: skip


def stamp(at: datetime) -> str:
    """Write an instant as GitHub does: whole seconds of UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
