"""A simulated GitHub with two repositories: `python -m connectors.github.simulator`.

Times have whole seconds. Labels and assignees are set all at once, and dropped without a word where the caller may
not, or where nobody may assign a person; an issue that was moved answers with a redirect, one that was deleted with
410.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import msgspec

from connectors.github.mapping import marker_of
from connectors.github.sim_state import READ, InvalidError, Records
from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

REPOSITORY = r"/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)"
ISSUE = REPOSITORY + r"/issues/(?P<number>\d+)"


class GitHubSimulator(SimulatedDesk):
    """One account."""

    def __init__(
        self, *, token: str = "", repositories: tuple[str, ...] = ("acme/help", "acme/plant"), **how: Any
    ) -> None:
        self.token = token
        super().__init__(**how)
        self.records = Records("https://api.github.com", repositories)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the REST API."""
        return [
            ("GET", f"{REPOSITORY}/issues", self._list),
            ("POST", f"{REPOSITORY}/issues", self._create),
            ("GET", ISSUE, self._read),
            ("GET", r"/repositories/(?P<place>\d+)/issues/(?P<number>\d+)", self._read_there),
            ("PATCH", ISSUE, self._update),
            ("GET", f"{ISSUE}/comments", self._list_comments),
            ("POST", f"{ISSUE}/comments", self._comment),
            ("GET", f"{ISSUE}/events", self._list_events),
            ("GET", f"{REPOSITORY}/assignees", self._assignees),
            ("GET", REPOSITORY, self._repository),
            ("GET", r"/users/(?P<login>[^/]+)", self._one_user),
            ("GET", r"/user", self._myself),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - no time is signed
        """Sign the body, in both ways, and name event and delivery beside it."""
        event = "issue_comment" if b'"comment":{' in body else "issues"
        return {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": hmac_hex("delivery", body)[:32],
            "X-Hub-Signature": f"sha1={hmac_hex(self.webhook_secret, body, 'sha1')}",
            "X-Hub-Signature-256": f"sha256={hmac_hex(self.webhook_secret, body)}",
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Take our token; 401 for all else."""
        if not self.token or request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return json_answer({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}, 401)

    # -- answers

    def _answer_json(self, value: Any, status: int = 200, **headers: str) -> SimResponse:
        now = self.now()
        limits = {
            "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-used": "1",
            "x-ratelimit-reset": str(int(now.timestamp()) + 3600), "x-ratelimit-resource": "core",
            "Date": format_datetime(now, usegmt=True),
        }  # fmt: skip
        return json_answer(value, status, {**limits, **headers})

    def _paged(self, request: SimRequest, values: list[Any]) -> SimResponse:
        """Return one page, and the address of the next in a Link header."""
        size = max(1, min(int(request.query.get("per_page", "30")), 100))
        page = max(1, int(request.query.get("page", "1")))
        part = values[(page - 1) * size : page * size]
        if page * size >= len(values):
            return self._answer_json(part)
        query = "&".join(f"{name}={value}" for name, value in {**request.query, "page": page + 1}.items())
        return self._answer_json(part, Link=f'<https://api.github.com{request.path}?{query}>; rel="next"')

    def _missing(self, repository: str = "", number: int = 0) -> SimResponse:
        """Return what GitHub says of what is not there: moved, deleted, or never seen."""
        if (repository, number) in self.records.moved:
            address = self.records.moved[repository, number]
            return self._answer_json({"message": "Moved Permanently", "url": address}, 301, Location=address)
        if (repository, number) in self.records.gone:
            return self._answer_json({"message": "This issue was deleted"}, 410)
        return self._answer_json({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}, 404)

    def _find(self, owner: str, name: str, number: str) -> dict[str, Any] | None:
        return self.records.issues.get(f"{owner}/{name}", {}).get(int(number))

    # -- issues

    def _list(self, request: SimRequest, owner: str, name: str) -> SimResponse:
        held = self.records.issues.get(f"{owner}/{name}")
        if held is None:
            return self._missing()
        found = list(held.values())
        since = request.query.get("since")
        if since:
            bound = datetime.fromisoformat(since)
            found = [each for each in found if each["updated_at"] >= bound]
        if request.query.get("state", "open") != "all":
            found = [each for each in found if each["state"] == request.query.get("state", "open")]
        field = "updated_at" if request.query.get("sort") == "updated" else "created_at"
        falling = request.query.get("direction", "desc") == "desc"
        found.sort(key=lambda each: (each[field], each["number"]), reverse=falling)
        return self._paged(request, [self.records.issue_json(each) for each in found])

    def _create(self, request: SimRequest, owner: str, name: str) -> SimResponse:
        repository, given = f"{owner}/{name}", _object(request)
        if repository not in self.records.issues:
            return self._missing()
        try:
            issue = self.records.new_issue(repository, self.now(), self.records.me, given)
        except InvalidError as error:
            return self._answer_json(error.body, 422)
        self.effect("create", self._name(issue), key=marker_of(issue["body"]), detail={"title": issue["title"]})
        self._tell("opened", issue, self.records.me)
        return self._answer_json(self.records.issue_json(issue), 201)

    def _read(self, request: SimRequest, owner: str, name: str, number: str) -> SimResponse:  # noqa: ARG002
        issue = self._find(owner, name, number)
        if issue is None:
            return self._missing(f"{owner}/{name}", int(number))
        return self._answer_json(self.records.issue_json(issue))

    def _read_there(self, request: SimRequest, place: str, number: str) -> SimResponse:
        name = next((each for each in self.records.issues if str(self.records.place(each)["id"]) == place), "/")
        owner, _, repository = name.partition("/")
        return self._read(request, owner, repository, number)

    def _update(self, request: SimRequest, owner: str, name: str, number: str) -> SimResponse:
        issue = self._find(owner, name, number)
        if issue is None:
            return self._missing(f"{owner}/{name}", int(number))
        try:
            self._change(issue, self.records.me, _object(request))
        except InvalidError as error:
            return self._answer_json(error.body, 422)
        return self._answer_json(self.records.issue_json(issue))

    def _list_comments(self, request: SimRequest, owner: str, name: str, number: str) -> SimResponse:
        issue = self._find(owner, name, number)
        if issue is None:
            # what lies below an issue that was moved is not redirected
            return self._missing()
        comments = self.records.comments[issue["id"]]
        if since := request.query.get("since"):
            comments = [each for each in comments if each["updated_at"] >= datetime.fromisoformat(since)]
        return self._paged(request, [self.records.comment_json(issue, each) for each in comments])

    def _comment(self, request: SimRequest, owner: str, name: str, number: str) -> SimResponse:
        issue = self._find(owner, name, number)
        if issue is None:
            return self._missing()
        body = str(_object(request).get("body") or "")
        if not body.strip():
            return self._answer_json(InvalidError("body", "missing").body, 422)
        comment = self.records.say(issue, self.now(), self.records.me, body)
        named = str(comment["id"])
        self.effect("comment", self._name(issue), key=marker_of(body), change_id=named, detail={"body": body})
        self._told("created", issue, comment)
        return self._answer_json(self.records.comment_json(issue, comment), 201)

    def _list_events(self, request: SimRequest, owner: str, name: str, number: str) -> SimResponse:
        issue = self._find(owner, name, number)
        if issue is None:
            return self._missing()
        return self._paged(request, self.records.events[issue["id"]])

    # -- what is asked beside

    def _assignees(self, request: SimRequest, owner: str, name: str) -> SimResponse:  # noqa: ARG002
        return self._paged(request, [self.records.user(each) for each in (*self.records.agents, self.records.me)])

    def _repository(self, request: SimRequest, owner: str, name: str) -> SimResponse:  # noqa: ARG002
        if f"{owner}/{name}" not in self.records.issues:
            return self._missing()
        rights = {"pull": True, "triage": self.records.role != READ, "push": False, "admin": False}
        return self._answer_json(
            {"full_name": f"{owner}/{name}", "has_issues": True, "archived": False, "permissions": rights}
        )

    def _one_user(self, request: SimRequest, login: str) -> SimResponse:  # noqa: ARG002
        user = self.records.users.get(login)
        return self._answer_json(user) if user else self._missing()

    def _myself(self, request: SimRequest) -> SimResponse:  # noqa: ARG002
        return self._answer_json(self.records.users[self.records.me])

    # -- people

    def act_create(
        self, title: str, body: str, *, email: str = "customer@example.com", repository: str = "acme/help"
    ) -> str:
        """Let somebody open an issue; returns its name."""
        by = self.records.named(email)
        issue = self.records.new_issue(repository, self.now(), by, {"title": title, "body": body})
        self.effect("create", self._name(issue))
        self._tell("opened", issue, by)
        return self._name(issue)

    def act_comment(self, issue: str, body: str, *, by: str = "") -> int:
        """Let a colleague, or who opened it (`customer`), comment; returns the comment's id."""
        held = self._held(issue)
        who = held["user"] if by == "customer" else by or self.records.agents[0]
        comment = self.records.say(held, self.now(), who, body)
        self.effect("comment", issue, change_id=str(comment["id"]))
        self._told("created", held, comment)
        return int(comment["id"])

    def act_edit(self, issue: str, comment: int, body: str) -> None:
        """Let whoever wrote a comment write it otherwise."""
        held = self._held(issue)
        found = next(each for each in self.records.comments[held["id"]] if each["id"] == comment)
        was, found["body"] = found["body"], body
        found["updated_at"] = held["updated_at"] = self.now().replace(microsecond=0)
        more = {"comment": self.records.comment_json(held, found), "changes": {"body": {"from": was}}}
        self._tell("edited", held, found["user"], **more)

    def act_set(self, issue: str, **given: Any) -> None:
        """Let a colleague set members of an issue."""
        self._change(self._held(issue), self.records.agents[0], given)

    def act_label(self, issue: str, add: str = "", remove: str = "", *, removing: list[str] | None = None) -> None:
        """Let a colleague put a label on an issue, and take others off."""
        held = self._held(issue)
        off = {remove, *(removing or ())}
        labels = [each for each in held["labels"] if each not in off and each != add] + ([add] if add else [])
        self._change(held, self.records.agents[0], {"labels": labels})

    def act_delete(self, issue: str) -> None:
        """Let an admin delete an issue."""
        held = self._held(issue)
        del self.records.issues[held["repository"]][held["number"]]
        self.records.gone.add((held["repository"], held["number"]))
        self.effect("delete", issue)
        self._tell("deleted", held, self.records.agents[0])

    def act_transfer(self, issue: str, repository: str, *, told: Sequence[str] = ("transferred", "opened")) -> str:
        """Let somebody move an issue to another repository: there it is a new one; returns its name.

        The two repositories tell of it in any order. Comments have new numbers there.
        """
        held, records, by = self._held(issue), self.records, self.records.agents[0]
        given = {"title": held["title"], "body": held["body"], "labels": held["labels"], "assignees": held["assignees"]}
        new = records.new_issue(repository, self.now(), held["user"], given)
        new["created_at"] = held["created_at"]
        records.comments[new["id"]] = [{**each, "id": records.number()} for each in records.comments[held["id"]]]
        del records.issues[held["repository"]][held["number"]]
        place, before = records.place(repository), records.place(held["repository"])
        records.moved[held["repository"], held["number"]] = (
            f"https://api.github.com/repositories/{place['id']}/issues/{new['number']}"
        )
        self.effect("transfer", issue)
        words = {
            "transferred": (held, {"new_issue": records.issue_json(new), "new_repository": place}),
            "opened": (new, {"old_issue": records.issue_json(held), "old_repository": before}),
        }
        for action in told:
            about, changes = words[action]
            self._tell(action, about, by, changes=changes)
        return self._name(new)

    def _held(self, issue: str) -> dict[str, Any]:
        repository, _, number = issue.rpartition("#")
        found = self.records.issues.get(repository, {}).get(int(number or 0))
        if found is None:
            msg = f"no issue {issue}"
            raise LookupError(msg)
        return found

    @staticmethod
    def _name(issue: dict[str, Any]) -> str:
        return f"{issue['repository']}#{issue['number']}"

    # -- changes and webhooks

    def _change(self, issue: dict[str, Any], by: str, given: dict[str, Any]) -> None:
        """Change an issue, and tell of each change by a webhook of its own."""
        done = self.records.apply(issue, self.now(), by, given)
        self.effect("fields", self._name(issue), detail={"set": [[action, about] for action, about in done]})
        for action, about in done:
            match action:
                case "renamed":
                    self._tell("edited", issue, by, changes={"title": {"from": about["from"]}})
                case "body":
                    self._tell("edited", issue, by, changes={"body": {"from": about}})
                case "labeled" | "unlabeled":
                    self._tell(action, issue, by, label={"name": about})
                case "assigned" | "unassigned":
                    self._tell(action, issue, by, assignee=self.records.user(about))
                case _:
                    self._tell(action, issue, by)

    def _told(self, action: str, issue: dict[str, Any], comment: dict[str, Any]) -> None:
        self._tell(action, issue, comment["user"], comment=self.records.comment_json(issue, comment))

    def _tell(self, action: str, issue: dict[str, Any], by: str, **more: Any) -> None:
        self.announce(
            {
                "action": action, "issue": self.records.issue_json(issue), **more,
                "repository": self.records.place(issue["repository"]), "sender": self.records.user(by),
            }
        )  # fmt: skip


def _object(request: SimRequest) -> dict[str, Any]:
    try:
        found = request.json()
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(serve(GitHubSimulator, "A simulated GitHub account on loopback"))
