"""A GitLab look-alike on loopback: issues and notes of two projects by REST, and their webhooks.

Its habits are the real ones: a line with a command in a note or a description is obeyed and taken out; `@name` calls;
labels that the account may not set are left out with 201; a title of more than 255 characters is refused; a note that
says `internal` is so from version 16 on, before that `confidential`.
"""

from __future__ import annotations

import re
import sys
import uuid
from datetime import datetime
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote

import msgspec

from connectors.gitlab.account import SIGNING, signing_key
from connectors.gitlab.sim_hooks import issue_hook, note_hook
from connectors.gitlab.sim_state import SUPPORT, Change, InvalidError, Json, Records, stamp
from connectors.sdk import hmac_base64
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

_MARK = re.compile(r"<!-- gateway:([0-9a-f]+) -->")


class GitLabSimulator(SimulatedDesk):
    """One GitLab. `token` is asked for where it is given; else any will do."""

    def __init__(self, *, token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.records = Records(self.url)
        self.token = token
        self.version = "19.1.0-ee"
        #: of GitLab's own note about a move
        self.move_words = "moved to {}"

    def start(self) -> GitLabSimulator:
        """Listen; addresses of issues are ours."""
        super().start()
        self.records.url = self.url
        return self

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the API. A project's path is one part of an address, its slash written as %2F."""
        project = r"/api/v4/projects/(?P<project>\d+|[\w.-]+/[\w.-]+)"
        issue = rf"{project}/issues/(?P<iid>[^/]+)"
        return [
            ("GET", "/api/v4/user", self._me),
            ("GET", "/api/v4/version", self._version),
            ("GET", "/api/v4/users", self._users),
            ("GET", project, self._project),
            ("GET", f"{project}/members/all", self._members),
            ("GET", f"{project}/labels", self._labels),
            ("GET", f"{project}/issues", self._list),
            ("POST", f"{project}/issues", self._create),
            ("GET", issue, self._show),
            ("PUT", issue, self._update),
            ("GET", f"{issue}/notes", self._notes),
            ("POST", f"{issue}/notes", self._say),
            ("DELETE", rf"{issue}/notes/(?P<note>\d+)", self._unsay),
            ("POST", f"{project}/uploads", self._upload),
            ("GET", rf"{project}/uploads/(?P<secret>[0-9a-f]+)/(?P<name>.+)", self._download),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Return the headers of one sending; the name stays the same over retries."""
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, body.decode("utf-8", "replace")))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"GitLab/{self.version}",
            "X-Gitlab-Event": "Note Hook" if b'"object_kind":"note"' in body else "Issue Hook",
            "X-Gitlab-Event-UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "X-Gitlab-Webhook-UUID": "0a3b7d0e-0000-4000-8000-000000000001",
            "X-Gitlab-Instance": self.url,
            "Idempotency-Key": name,
            "X-Sim-Attempt": str(attempt),
        }
        if not self.webhook_secret.startswith(SIGNING):
            return {**headers, "X-Gitlab-Token": self.webhook_secret}
        # time that a test lets pass here has passed for the receiver, too
        at = str(int(now.timestamp()))
        made = hmac_base64(signing_key(self.webhook_secret), f"{name}.{at}.".encode() + body)
        return {**headers, "webhook-id": name, "webhook-timestamp": at, "webhook-signature": f"v1,{made}"}

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials."""
        given = request.headers.get("private-token", "")
        if given and (given == self.token or not self.token):
            return None
        return json_answer({"message": "401 Unauthorized"}, 401)

    # -- what people do

    def act_mail(self, title: str, body: str, *, email: str = "customer@example.com", **fields: Any) -> Json:
        """Let a customer write to Service Desk."""
        given = {"title": title, "description": body, **fields}
        more = {"service_desk_reply_to": email}
        made = self.records.create(SUPPORT, given, self.records.bot, self.now(), **more)
        return self._done("open", made, self.records.bot)

    def act_open(self, title: str, body: str, **fields: Any) -> Json:
        """Let a member open an issue."""
        given = {"title": title, "description": body, **fields}
        return self._done(
            "open", self.records.create(SUPPORT, given, self.records.agent, self.now()), self.records.agent
        )

    def act_note(self, issue: str, text: str, *, internal: bool = False, by: str = "agent") -> Json:
        """Let a member, or the customer by mail (`by`), write a note."""
        held = self._held(issue)
        actor = self.records.agent if by == "agent" else self.records.bot
        made = self.records.note(held, text, actor, self.now(), internal=internal)
        return self._done("update", made, actor)

    def act_set(self, issue: str, **fields: Any) -> Json:
        """Let a member change an issue as a PUT would."""
        held = self._held(issue)
        action = {"close": "close", "reopen": "reopen"}.get(str(fields.get("state_event")), "update")
        return self._done(action, self.records.update(held, fields, self.records.agent, self.now()), self.records.agent)

    def act_duplicate(self, issue: str, into: str) -> None:
        """Let a member close an issue as a duplicate of another."""
        held, other = self._held(issue), self._held(into)
        held["_links"]["closed_as_duplicate_of"] = (
            f"{self.url}/api/v4/projects/{other['project_id']}/issues/{other['iid']}"
        )
        made = self.records.update(held, {"state_event": "close"}, self.records.agent, self.now())
        self._done("close", made, self.records.agent, duplicated_to_id=other["id"])

    def act_move(self, issue: str, to: int) -> str:
        """Let a member move an issue to another project; returns its name there."""
        held = self._held(issue)
        given = {"title": held["title"], "description": held["description"], "labels": ",".join(held["labels"])}
        made = self.records.create(to, given, self.records.agent, self.now())
        path = self.records.projects[to]["path_with_namespace"]
        self.records.copy_notes(held, made.issue)
        group, _, name = path.rpartition("/")
        # within one group the project's name alone (lib: `to_reference`)
        near = held["references"]["full"].rpartition("/")[0] == group
        words = self.move_words.format(f"{name if near else path}#{made.issue['iid']}")
        self.records.note(held, words, self.records.agent, self.now(), internal=False, system=True)
        held["moved_to_id"] = made.issue["id"]
        closed = self.records.update(held, {"state_event": "close"}, self.records.agent, self.now())
        made.issue.update({name: held[name] for name in ("created_at", "author", "service_desk_reply_to")})
        # nothing is made: the mark that its words bear is that of the one issue
        self.effect("move", issue)
        # the new place speaks first
        self.announce(issue_hook(self.records, "open", made.issue, made.changes, self.records.agent, {}))
        self._done("close", closed, self.records.agent, moved_to_id=made.issue["id"])
        return f"{to}-{made.issue['iid']}"

    def act_delete(self, issue: str) -> None:
        """Let an owner delete an issue; GitLab tells nobody."""
        held = self._held(issue)
        del self.records.issues[held["id"]]
        self.effect("delete", issue)

    def act_attach(self, issue: str, name: str, data: bytes, *, internal: bool = False) -> Json:
        """Let a member put a file into a note, under its own name."""
        held = self._held(issue)
        made = self.records.upload(held["project_id"], name, data)
        picture = "!" * made["markdown"].startswith("!")
        return self.act_note(issue, f"See {picture}[{name}]({made['url']})", internal=internal)

    def _held(self, issue: str) -> Json:
        project, _, iid = issue.partition("-")
        found = self.records.find(project, iid)
        if found is None:
            msg = f"no issue {issue}"
            raise LookupError(msg)
        return found

    # -- one change

    def _done(self, action: str, made: Change, actor: int, **more: Any) -> Json:
        """Log the effects of a change, and send its webhooks."""
        issue = made.issue
        name = f"{issue['project_id']}-{issue['iid']}"
        if action == "open":
            detail = {"title": issue["title"], "description": issue["description"]}
            self.effect("create", name, key=_key(issue["description"]), change_id=name, detail=detail)
        if made.note is not None:
            detail = {"body": made.note["body"], "internal": made.note["internal"]}
            self.effect("comment", name, key=_key(made.note["body"]), change_id=str(made.note["id"]), detail=detail)
            self.announce(note_hook(self.records, issue, made.note, actor))
        elif made.changes:
            self.effect("fields", name, detail={field: change["current"] for field, change in made.changes.items()})
        if action == "open" or made.changes:
            self.announce(issue_hook(self.records, action, issue, made.changes, actor, more))
        return issue

    # -- the API

    def _answer(self, request: SimRequest) -> SimResponse:
        response = super()._answer(request)
        reset = int(self.now().timestamp()) // 60 * 60 + 60
        limits = {"RateLimit-Limit": "2000", "RateLimit-Remaining": "1999", "RateLimit-Reset": str(reset)}
        return msgspec.structs.replace(response, headers={**limits, **response.headers})

    def _me(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return json_answer({**self.records.users[self.records.me], "email": "gateway@desk.example"})

    def _version(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        return json_answer({"version": self.version, "revision": "0123abc"})

    def _users(self, request: SimRequest) -> SimResponse:
        wanted = request.query.get("search", "").lower()
        return json_answer([one for one in self.records.users.values() if wanted == one["public_email"].lower()])

    def _project(self, request: SimRequest, project: str) -> SimResponse:  # noqa: ARG002 - the same
        held = self.records.project(unquote(project))
        if held is None:
            return missing("404 Project Not Found")
        level = 10 if self.records.guest else 30
        return json_answer({**held, "permissions": {"project_access": {"access_level": level}, "group_access": None}})

    def _members(self, request: SimRequest, project: str) -> SimResponse:  # noqa: ARG002 - the same
        return self._paged(request, [one for one in self.records.users.values() if one["id"] != self.records.bot])

    def _labels(self, request: SimRequest, project: str) -> SimResponse:  # noqa: ARG002 - the same
        return self._paged(request, [{"id": number, "name": name} for number, name in
                                     enumerate(sorted(self.records.labels), 1)])  # fmt: skip

    def _list(self, request: SimRequest, project: str) -> SimResponse:
        there = self.records.project(project)
        if there is None:
            return missing("404 Project Not Found")
        query = request.query
        found = [one for one in self.records.issues.values() if one["project_id"] == there["id"]]
        for name, field in (("updated_after", "updated_at"), ("created_after", "created_at")):
            if name in query:
                since = stamp(datetime.fromisoformat(query[name]))
                found = [one for one in found if one[field] >= since]
        if "author_id" in query:
            found = [one for one in found if str(one["author"]["id"]) == query["author_id"]]
        if "search" in query:
            found = [one for one in found if query["search"] in one["description"]]
        order = query.get("order_by", "created_at")
        found.sort(key=lambda one: (one[order], one["id"]), reverse=query.get("sort", "desc") == "desc")
        return self._paged(request, found)

    def _paged(self, request: SimRequest, found: list[Json]) -> SimResponse:
        size = max(1, min(int(request.query.get("per_page", "20")), 100))
        page = max(1, int(request.query.get("page", "1")))
        headers = {"X-Page": str(page), "X-Per-Page": str(size), "X-Next-Page": ""}
        if page * size < len(found):
            headers["X-Next-Page"] = str(page + 1)
            headers["Link"] = f'<{self.url}{request.path}?page={page + 1}&per_page={size}>; rel="next"'
        return json_answer(found[(page - 1) * size : page * size], 200, headers)

    def _create(self, request: SimRequest, project: str) -> SimResponse:
        there, given = self.records.project(project), body_of(request)
        if there is None:
            return missing("404 Project Not Found")
        try:
            made = self.records.create(there["id"], given, self.records.me, self.now())
        except InvalidError as error:
            return json_answer({"message": {error.field: [str(error)]}}, 400)
        return json_answer(self._done("open", made, self.records.me), 201)

    def _show(self, request: SimRequest, project: str, iid: str) -> SimResponse:  # noqa: ARG002 - the same
        held = self.records.find(project, iid)
        return json_answer(held) if held is not None else missing()

    def _update(self, request: SimRequest, project: str, iid: str) -> SimResponse:
        held, given = self.records.find(project, iid), body_of(request)
        if held is None:
            return missing()
        if not given:
            return json_answer({"error": "title, description, state_event are missing, at least one is required"}, 400)
        try:
            made = self.records.update(held, given, self.records.me, self.now())
        except InvalidError as error:
            return json_answer({"message": {error.field: [str(error)]}}, 400)
        action = {"close": "close", "reopen": "reopen"}.get(str(given.get("state_event")), "update")
        return json_answer(self._done(action, made, self.records.me))

    def _notes(self, request: SimRequest, project: str, iid: str) -> SimResponse:
        held = self.records.find(project, iid)
        if held is None:
            return missing()
        found = list(self.records.notes[held["id"]])
        if request.query.get("sort", "desc") == "desc":
            found.reverse()
        return self._paged(request, found)

    def _say(self, request: SimRequest, project: str, iid: str) -> SimResponse:
        held, given = self.records.find(project, iid), body_of(request)
        if held is None:
            return missing()
        modern = int(self.version.partition(".")[0]) >= 16
        internal = bool(given.get("internal") if modern else given.get("confidential"))
        try:
            made = self.records.note(held, str(given.get("body") or ""), self.records.me, self.now(), internal=internal)
        except InvalidError as error:
            return json_answer({"message": f'400 Bad request - Note {{:{error.field}=>["{error}"]}}'}, 400)
        self._done("update", made, self.records.me)
        if made.note is None:
            return json_answer({"commands_changes": {}, "summary": ["Closed this issue."]}, 202)
        return json_answer(made.note, 201)

    def _unsay(self, request: SimRequest, project: str, iid: str, note: str) -> SimResponse:  # noqa: ARG002 - the same
        held = self.records.find(project, iid)
        notes = self.records.notes[held["id"]] if held is not None else []
        gone = next((one for one in notes if one["id"] == int(note)), None)
        if gone is None:
            return missing("404 Note Not Found")
        notes.remove(gone)
        self.effect("delete_note", f"{project}-{iid}", change_id=note)
        return SimResponse(204)

    def _upload(self, request: SimRequest, project: str) -> SimResponse:
        there = self.records.project(project)
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + request.body).walk()
        file = next((part for part in parts if part.get_filename()), None)
        if there is None or file is None:
            return json_answer({"error": "file is missing"}, 400)
        data = file.get_payload(decode=True)
        name = str(file.get_filename())
        return json_answer(self.records.upload(there["id"], name, data if isinstance(data, bytes) else b""), 201)

    def _download(self, request: SimRequest, project: str, secret: str, name: str) -> SimResponse:  # noqa: ARG002
        held = self.records.uploads.get(f"{project}/{secret}/{unquote(name)}")
        return SimResponse(200, {"Content-Type": "application/octet-stream"}, held) if held is not None else missing()


def body_of(request: SimRequest) -> Json:
    """Return the object in a request."""
    try:
        found = request.json()
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def missing(words: str = "404 Not found") -> SimResponse:
    """Return what GitLab says of what is not there, or not ours to see."""
    return json_answer({"message": words}, 404)


def _key(text: str) -> str:
    found = _MARK.search(text)
    return found.group(1) if found else ""


if __name__ == "__main__":
    sys.exit(serve(GitLabSimulator, "A simulated GitLab on loopback"))
