"""A Redmine look-alike on loopback: the real paths, the real shapes, the real habits.

PUT answers 204 and drops what our role may not set, private notes included; a private note and what changed with it are
two journals; a filter that is none is ignored; addresses and locked users are kept from who is no administrator; times
have whole seconds; a webhook is sent once, and its journal does not say whether it is private. What can be asked of a
real Redmine has been (tests/desks): the suite `behaviour` holds both to it.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import msgspec

from connectors.redmine.sim_state import (
    CLOSED,
    OURS,
    PROJECTS,
    STATUSES,
    TRACKERS,
    InvalidError,
    MayNotError,
    Records,
)
from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.outgoing import Weather
from connectors.testing.process import serve

#: the custom fields of its issues: the marks, and the requester's address
MARKER, NOTE_MARKER, REQUESTER = 7, 8, 9
FIELDS = {MARKER: ("Gateway key", True), NOTE_MARKER: ("Gateway note", False), REQUESTER: ("Requester", True)}


class RedmineSimulator(SimulatedDesk):
    """One Redmine 7. `api_key` is asked for where it is given; with `plugin` the webhooks are those of the plugin."""

    def __init__(self, *, api_key: str = "", plugin: bool = False, **common: Any) -> None:
        super().__init__(**common)
        self.records = Records(dict(FIELDS))
        self.api_key = api_key
        self.plugin = plugin
        #: what it calls its statuses, priorities and trackers, where that is not what Redmine does in English
        self.renamed: dict[str, str] = {}
        #: rights that our role loses as soon as it has been looked at
        self.lost_after_look: set[str] = set()
        # one attempt, never retried
        self.webhooks.weather = Weather(tries=1)

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the REST API."""
        return [
            ("GET", "/users/current.json", self._me),
            ("GET", r"/users/(?P<number>\d+)\.json", self._user),
            ("GET", r"/roles/(?P<number>\d+)\.json", self._role),
            ("GET", "/issue_statuses.json", lambda _: self._names("issue_statuses", self.records.statuses)),
            (
                "GET",
                "/enumerations/issue_priorities.json",
                lambda _: self._names("issue_priorities", self.records.priorities),
            ),
            ("GET", "/trackers.json", lambda _: self._names("trackers", TRACKERS)),
            ("GET", "/projects.json", self._projects),
            ("GET", "/issues.json", self._list),
            ("POST", "/issues.json", self._create),
            ("GET", r"/issues/(?P<number>\d+)\.json", self._show),
            ("PUT", r"/issues/(?P<number>\d+)\.json", self._update),
            ("DELETE", r"/issues/(?P<number>\d+)\.json", self._delete),
            ("PUT", r"/journals/(?P<number>\d+)\.json", self._journal),
            ("POST", r"/issues/(?P<number>\d+)/relations\.json", self._relate),
            ("POST", "/uploads.json", self._upload),
            ("GET", r"/attachments/download/(?P<number>\d+)(?:/.*)?", self._download),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - no time is signed
        """Return the headers of a webhook (app/models/webhook.rb)."""
        headers = {"Content-Type": "application/json", "User-Agent": "Redmine", "Accept": "*/*"}
        if self.webhook_secret and not self.plugin:
            headers["X-Redmine-Signature-256"] = f"sha256={hmac_hex(self.webhook_secret, body)}"
        return headers

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials: 401 without a body."""
        given = request.headers.get("x-redmine-api-key", "")
        if given and (not self.api_key or given == self.api_key or given in self.records.keys):
            return None
        return SimResponse(401, {"WWW-Authenticate": 'Basic realm="Redmine API"', "Content-Type": "application/json"})

    # -- what people do

    def act_create(self, subject: str, description: str, *, email: str = "customer@example.com") -> int:
        """Let a customer report an issue; returns it."""
        author = self.records.user(email)
        given = {"project_id": "support", "subject": subject, "description": description}
        number = self.records.create(given, author, self.now())
        self.effect("create", str(number), detail={"subject": subject})
        self._tell("created", number)
        return number

    def act_note(self, issue: int | str, notes: str, *, private: bool = False, by: str = "agent") -> int:
        """Let an agent or the customer (`by`) write a note."""
        number = int(issue)
        actor = self.records.agent if by == "agent" else self.records.issues[number]["author_id"]
        return self._change(number, {"notes": notes, "private_notes": private}, actor)

    def act_set(self, issue: int | str, **fields: Any) -> int:
        """Let an agent change fields."""
        return self._change(int(issue), fields, self.records.agent)

    def act_attach(self, issue: int | str, name: str, mime: str, data: list[int], *, private: bool = False) -> int:
        """Let an agent put a file on an issue, with a note."""
        token = f"people.{len(self.records.files)}"
        self.records.uploads[token] = bytes(data)
        uploads = [{"token": token, "filename": name, "content_type": mime}]
        given = {"notes": "See the file", "private_notes": private, "uploads": uploads}
        return self._change(int(issue), given, self.records.agent)

    def act_delete(self, issue: int | str) -> None:
        """Let an agent delete an issue: its webhook shows it as it was."""
        self._gone(int(issue))

    def _gone(self, number: int) -> None:
        view = self.records.view(number)
        del self.records.issues[number]
        self.effect("delete", str(number))
        if not self.plugin:
            self.announce({"type": "issue.deleted", "timestamp": _iso(self.now()), "data": {"issue": view}})

    def act_duplicate(self, issue: int | str, of: int | str) -> None:
        """Let an agent relate an issue to the one that it duplicates, and close it."""
        self._related(int(issue), int(of), "duplicates")
        self._change(int(issue), {"status_id": STATUSES["Closed"]}, self.records.agent)

    def _related(self, issue: int, to: int, kind: str) -> dict[str, Any]:
        made = {"id": len(self.records.relations) + 1, "issue_id": issue, "issue_to_id": to, "relation_type": kind,
                "delay": None}  # fmt: skip
        self.records.relations.append(made)
        return made

    def _change(self, number: int, given: dict[str, Any], actor: int, key: str = "") -> int:
        """Change an issue; returns the journal that says most, 0 where nothing changed."""
        journals = self.records.update(number, given, actor, self.now())
        for journal in journals:
            changed = [detail for detail in journal["details"] if detail["property"] == "attr"]
            if journal["notes"]:
                detail = {"notes": journal["notes"], "private": journal["private_notes"]}
                self.effect("comment", str(number), key=key, change_id=str(journal["id"]), detail=detail)
            if changed:
                self.effect("fields", str(number), change_id=str(journal["id"]), detail={"details": changed})
            self._tell("updated", number, journal)
        return int(journals[-1]["id"]) if journals else 0

    def _tell(self, action: str, number: int, journal: dict[str, Any] | None = None) -> None:
        if self.plugin:
            self.announce({"payload": self._plugin_payload(action, number, journal)})
            return
        view = self.records.view(number)
        data: dict[str, Any] = {"issue": view}
        if journal is not None:
            shown = self.records.journal_view(journal)
            data["journal"] = {
                "id": shown["id"], "created_on": shown["created_on"], "notes": shown["notes"], "user": shown["user"],
                "details": [
                    {"property": each["property"], "prop_key": each["name"], "old_value": each["old_value"],
                     "value": each["new_value"]} for each in shown["details"]
                ],
            }  # fmt: skip
        self.announce({"type": f"issue.{action}", "timestamp": _iso(self.now()), "data": data})

    def _plugin_payload(self, action: str, number: int, journal: dict[str, Any] | None) -> dict[str, Any]:
        """Return what redmine_webhook sends: `opened` and `updated`, whole people, and whether a note is private."""
        view, issue = self.records.view(number), self.records.issues[number]
        person = {name: self._person(issue[f"{key}_id"]) for name, key in (("author", "author"),
                                                                         ("assignee", "assigned_to"))}  # fmt: skip
        view.pop("assigned_to", None)
        values = [
            {"custom_field_id": each["id"], "custom_field_name": each["name"], "value": each["value"]}
            for each in view.pop("custom_fields", ())
        ]
        shown = {**view, **person, "lock_version": issue["lock_version"], "custom_field_values": values}
        found: dict[str, Any] = {"action": "opened" if action == "created" else action, "issue": shown,
                                 "url": f"{self.url}/issues/{number}"}  # fmt: skip
        if journal is not None:
            found["journal"] = {
                "id": journal["id"], "notes": journal["notes"], "created_on": journal["created_on"],
                "private_notes": journal["private_notes"], "author": self._person(journal["user_id"]),
                "details": [{"prop_key": each["name"], "value": each["new_value"]} for each in journal["details"]],
            }  # fmt: skip
        return found

    def _person(self, number: int | None) -> dict[str, Any] | None:
        return None if number is None else {**self.records.users[number], "identity_url": None}

    # -- the API

    def _actor(self, request: SimRequest) -> int:
        return self.records.keys.get(request.headers.get("x-redmine-api-key", ""), self.records.me)

    def _me(self, request: SimRequest) -> SimResponse:
        actor = self._actor(request)
        user = {**self.records.users[actor], "admin": False, "memberships": []}
        user.pop("status")
        for number, name in PROJECTS.values():
            roles = [{"id": 3, "name": "Gateway"}]
            if actor != self.records.me or number in OURS:
                user["memberships"].append({"id": number, "project": {"id": number, "name": name}, "roles": roles})
        return json_answer({"user": user})

    def _user(self, request: SimRequest, number: str) -> SimResponse:
        """Show somebody: administrators are shown every address, and who is locked."""
        user = self.records.users.get(int(number))
        if user is None:
            return _missing()
        if self.records.admin or int(number) == self._actor(request):
            return json_answer({"user": user})
        kept = {"status", "mail"} if user["id"] in self.records.hidden else {"status"}
        shown = {name: value for name, value in user.items() if name not in kept}
        return json_answer({"user": shown}) if user["status"] == 1 else _missing()

    def _role(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        shown = sorted(self.records.permissions)
        self.records.permissions -= self.lost_after_look
        return json_answer({"role": {"id": 3, "name": "Gateway", "permissions": shown}})

    def _names(self, key: str, table: dict[str, int]) -> SimResponse:
        named = self.renamed
        rows: list[dict[str, Any]] = [{"id": number, "name": named.get(name, name)} for name, number in table.items()]
        if key == "issue_statuses":
            rows = [{**row, "is_closed": row["id"] in CLOSED} for row in rows]
        return json_answer({key: rows})

    def _projects(self, request: SimRequest) -> SimResponse:
        shown = OURS if self._actor(request) == self.records.me else {1, 2, 3}
        rows = [
            {"id": number, "name": name, "identifier": key, "status": 1}
            for key, (number, name) in PROJECTS.items()
            if number in shown
        ]
        return json_answer({"projects": rows, "total_count": len(rows), "offset": 0, "limit": 100})

    def _list(self, request: SimRequest) -> SimResponse:
        """List issues; a parameter that is no filter is ignored."""
        query = request.query
        actor = self._actor(request)
        found = [each for each in self.records.issues.values() if self._may_see(each, actor)]
        if query.get("status_id") != "*":
            found = [each for each in found if each["status_id"] in {1, 2, 3, 4}]
        since = query.get("updated_on", "")
        if since.startswith(">="):
            found = [each for each in found if each["updated_on"] >= since.removeprefix(">=")]
        for number, (_, is_filter) in self.records.fields.items():
            if is_filter and f"cf_{number}" in query:
                found = [each for each in found if each["custom"].get(number) == query[f"cf_{number}"]]
        by_time = query.get("sort", "").startswith("updated_on")
        found.sort(key=lambda each: (each["updated_on"] if by_time else "", each["id"]), reverse="sort" not in query)
        limit, offset = min(int(query.get("limit") or 25), 100), int(query.get("offset") or 0)
        rows = [self.records.view(each["id"]) for each in found[offset : offset + limit]]
        return json_answer({"issues": rows, "total_count": len(found), "offset": offset, "limit": limit})

    def _may_see(self, issue: dict[str, Any], actor: int) -> bool:
        ours = actor == self.records.me
        return not ours or (issue["project_id"] in OURS and "view_issues" in self.records.permissions)

    def _create(self, request: SimRequest) -> SimResponse:
        given, actor = _given(request), self._actor(request)
        if given is None:
            return json_answer({"status": 400, "error": "Bad Request"}, 400)
        try:
            number = self.records.create(given, actor, self.now())
        except InvalidError as error:
            return json_answer({"errors": error.errors}, 422)
        issue = self.records.issues[number]
        key = str(issue["custom"].get(MARKER) or "")
        self.effect("create", str(number), key=key, detail={"subject": issue["subject"]})
        self._tell("created", number)
        return json_answer({"issue": self.records.view(number)}, 201)

    def _found(self, request: SimRequest, number: str) -> SimResponse | None:
        """Return the refusal of an issue that is not there (404) or not for this user (403)."""
        issue = self.records.issues.get(int(number))
        if issue is None:
            return _missing()
        return None if self._may_see(issue, self._actor(request)) else SimResponse(403)

    def _show(self, request: SimRequest, number: str) -> SimResponse:
        refused = self._found(request, number)
        if refused is not None:
            return refused
        view, wanted = self.records.view(int(number)), request.query.get("include", "").split(",")
        if "journals" in wanted:
            actor = self._actor(request)
            agents = {self.records.agent, self.records.other}
            private = actor in agents or (actor == self.records.me and "view_private_notes" in self.records.permissions)
            view["journals"] = [
                self.records.journal_view(each)
                for each in self.records.journals[int(number)]
                if private or not each["private_notes"] or each["user_id"] == actor
            ]
        if "attachments" in wanted:
            view["attachments"] = [
                self.records.file_view(made, self.url)
                for made, file in self.records.files.items()
                if file["issue"] == int(number)
            ]
        if "relations" in wanted:
            mine = [each for each in self.records.relations if int(number) in {each["issue_id"], each["issue_to_id"]}]
            view |= {"relations": mine} if mine else {}
        return json_answer({"issue": view})

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        refused, given = self._found(request, number), _given(request)
        if refused is not None:
            return refused
        if given is None:
            return json_answer({"status": 400, "error": "Bad Request"}, 400)
        marks = {int(each["id"]): str(each["value"]) for each in given.get("custom_fields") or ()}
        try:
            self._change(int(number), given, self._actor(request), marks.get(NOTE_MARKER, ""))
        except InvalidError as error:
            return json_answer({"errors": error.errors}, 422)
        except MayNotError:
            return SimResponse(403, {"Content-Type": "application/json"})
        return SimResponse(204)

    def _journal(self, request: SimRequest, number: str) -> SimResponse:
        """Change a note (app/controllers/journals_controller.rb, `update`; with the API from 5.0 on)."""
        given = _given(request, "journal") or {}
        refused = self.records.edit_note(int(number), given, self._actor(request), self.now())
        return SimResponse(refused or 204, {"Content-Type": "application/json"} if refused else {})

    def _delete(self, request: SimRequest, number: str) -> SimResponse:
        refused = self._found(request, number)
        if refused is not None:
            return refused
        if self._actor(request) == self.records.me and "delete_issues" not in self.records.permissions:
            return SimResponse(403, {"Content-Type": "application/json"})
        self._gone(int(number))
        return SimResponse(204)

    def _relate(self, request: SimRequest, number: str) -> SimResponse:
        refused = self._found(request, number)
        if refused is not None:
            return refused
        given = request.json()["relation"]
        made = self._related(int(number), int(given["issue_to_id"]), str(given["relation_type"]))
        return json_answer({"relation": made}, 201)

    def _upload(self, request: SimRequest) -> SimResponse:
        if request.headers.get("content-type") != "application/octet-stream":
            return SimResponse(406)
        if len(request.body) > self.records.most_bytes:
            told = "This file cannot be uploaded because it exceeds the maximum allowed file size"
            return json_answer({"errors": [f"{told} ({self.records.most_bytes})"]}, 422)
        number = self.records.number()
        token = f"{number}.{hmac_hex('upload', request.body)}"
        self.records.uploads[token] = request.body
        return json_answer({"upload": {"id": number, "token": token}}, 201)

    def _download(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        file = self.records.files.get(int(number))
        return SimResponse(200, {"Content-Type": file["content_type"]}, file["data"]) if file else _missing()


def _missing() -> SimResponse:
    return SimResponse(404, {"Content-Type": "application/json"})


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _given(request: SimRequest, what: str = "issue") -> dict[str, Any] | None:
    try:
        found = request.json()
    except msgspec.DecodeError:
        return None
    given = found.get(what) if isinstance(found, dict) else None
    return given if isinstance(given, dict) else {}


if __name__ == "__main__":
    sys.exit(serve(RedmineSimulator, "Run a simulated Redmine."))
