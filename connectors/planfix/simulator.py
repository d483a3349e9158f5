"""A Planfix look-alike on loopback: the real paths, the real shapes, the real habits.

A 200 may hold `failures`, 202 means later, lists are filtered by days of the employee's zone, and errors are told by a
code.
"""

from __future__ import annotations

import itertools
import sys
from datetime import datetime, timedelta
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import msgspec

from connectors.planfix.mapping import mark_of
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

STATUSES = {1: "New", 2: "In progress", 3: "Completed", 4: "Postponed", 5: "Canceled", 6: "Done"}
PROJECTS = {1: "Support", 2: "Internals"}
PROCESS = 7
#: the employee's zone: days are those of there
ZONE = timedelta(hours=3)
REQUESTER = 31
FIELDS = {REQUESTER: "Requester"}


def point(at: datetime) -> dict[str, str]:
    """Write an instant as a TimePoint."""
    there = at + ZONE
    return {
        "date": there.strftime("%d-%m-%Y"),
        "time": there.strftime("%H:%M"),
        "datetime": at.strftime("%Y-%m-%dT%H:%MZ"),
        "dateTimeUtcSeconds": at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }


class PlanfixSimulator(SimulatedDesk):
    """One account. `token` is asked for where it is given."""

    def __init__(self, *, token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.token = token
        self._ids = itertools.count(100)
        self.people: dict[str, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[int, tuple[str, bytes]] = {}
        #: how far this account goes in what only some do
        self.shows_source = True
        self.failing: set[str] = set()
        self.busy = False
        self.fields = dict(FIELDS)
        self.statuses = dict(STATUSES)
        self.me = self.person("user", "gateway@desk.example", "Gateway")
        self.agent = self.person("user", "agent@desk.example", "Ada")
        self.other = self.person("user", "other@desk.example", "Otto")

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the REST API (swagger 1.6.9)."""
        rest = "/rest"
        return [
            ("GET", rf"{rest}/(?P<kind>user|contact)/(?P<number>\d+)", self._person),
            ("GET", f"{rest}/process/task", self._processes),
            ("GET", rf"{rest}/process/task/(?P<number>\d+)/statuses", self._statuses),
            ("POST", f"{rest}/task/list", self._list),
            ("POST", f"{rest}/task/", self._create),
            ("GET", rf"{rest}/task/(?P<number>\d+)", self._show),
            ("POST", rf"{rest}/task/(?P<number>\d+)", self._update),
            ("POST", rf"{rest}/task/(?P<number>\d+)/comments/list", self._comments),
            ("POST", rf"{rest}/task/(?P<number>\d+)/comments/", self._comment),
            ("POST", f"{rest}/file/", self._upload),
            ("GET", rf"{rest}/file/(?P<number>\d+)/download", self._download),
            ("GET", r"/storage/(?P<number>\d+)", self._stored),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - nothing is signed
        """Return the headers that the scenario was given."""
        return {"Content-Type": "application/json; charset=utf-8", "X-Webhook-Secret": self.webhook_secret}

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials: 401 with code 1."""
        given = request.headers.get("authorization", "")
        if request.path.startswith("/storage/") or given == f"Bearer {self.token}" or (given and not self.token):
            return None
        return _fail(1, "Access denied, unknown token", 401)

    # -- what people do

    def person(self, kind: str, email: str, name: str = "") -> str:
        """Return the id of an employee or contact with this address, made where there is none."""
        for number, held in self.people.items():
            if held["email"] == email:
                return number
        digits = next(self._ids)
        held = {"id": digits, "name": name or email.partition("@")[0], "lastname": "", "email": email}
        self.people[f"{kind}:{digits}"] = {**held, "status": "Active", "isDeleted": False}
        return f"{kind}:{digits}"

    def act_create(self, name: str, description: str, *, email: str = "customer@example.com") -> int:
        """Let a customer write in; returns the task."""
        customer = self.person("contact", email)
        made = self._new({"name": name, "description": description, "counterparty": {"id": customer}}, customer)
        self.effect("create", str(made), detail={"name": name})
        self._tell(made)
        return made

    def act_comment(
        self, task: int | str, text: str, *, hidden: bool = False, by: str = "agent", files: list[int] | None = None
    ) -> int:
        """Let an agent or the customer (`by`) comment."""
        number = int(task)
        owner = self.agent if by == "agent" else self.tasks[number]["counterparty"]
        given = {"description": text, "isHidden": hidden, "files": [{"id": each} for each in files or ()]}
        made = self._say(number, given, owner)
        self.effect("comment", str(number), change_id=str(made), detail={"text": text})
        self._tell(number, made)
        return made

    def act_set(self, task: int | str, **fields: Any) -> None:
        """Let an agent change fields."""
        self.tasks[int(task)] |= {**fields, "changed": self.now()}
        self.effect("fields", str(task), detail=fields)
        self._tell(int(task))

    def act_delete(self, task: int | str) -> None:
        """Let an agent delete a task."""
        self.tasks[int(task)] |= {"deleted": True, "changed": self.now()}
        self.effect("delete", str(task))
        self.announce({"event": "deleted", "task_id": str(task), "changed_at": self._stamp()})

    def act_restore(self, task: int | str) -> None:
        """Let an agent take a deleted task back, of which no scenario tells."""
        self.tasks[int(task)]["deleted"] = False
        self.effect("restore", str(task))

    def act_file(self, name: str, data: list[int]) -> int:
        """Let somebody upload a file; returns its number."""
        number = next(self._ids)
        self.files[number] = (name, bytes(data))
        return number

    def _stamp(self) -> str:
        return (self.now() + ZONE).strftime("%d-%m-%Y %H:%M:%S.%f")

    def _tell(self, number: int, comment: int = 0) -> None:
        """Let the admin's scenario send its request: its template has the task, the comment and the time."""
        said = {"event": "changed", "task_id": str(number), "comment_id": str(comment or ""),
                "changed_at": self._stamp()}  # fmt: skip
        self.announce(said)

    # -- what changes

    def _new(self, given: dict[str, Any], assigner: str) -> int:
        number, now = next(self._ids), self.now()
        self.tasks[number] = {
            "name": "", "description": "", "priority": "NotUrgent", "status": 1, "project": 1, "assigner": assigner,
            "counterparty": "", "assignees": [], "made": now, "changed": now, "said": None, "deleted": False,
            "source": "", "files": [], "custom": {},
        }  # fmt: skip
        self.comments[number] = []
        self._take(number, given)
        return number

    def _take(self, number: int, given: dict[str, Any]) -> list[str]:
        """Set what a request names; returns what is different now."""
        task, before = self.tasks[number], dict(self.tasks[number])
        for name in ("name", "description", "priority"):
            if name in given and name not in self.failing:
                task[name] = str(given[name]).strip() if name == "name" else given[name]
        for name in ("status", "project"):
            if name in given and name not in self.failing:
                task[name] = int(given[name]["id"])
        if "counterparty" in given:
            task["counterparty"] = str(given["counterparty"]["id"])
        if "assignees" in given and "assignees" not in self.failing:
            task["assignees"] = [each["id"] for each in given["assignees"].get("users") or ()]
        if "files" in given:
            task["files"] = [int(each["id"]) for each in given["files"]]
        if "sourceObjectId" in given:
            task["source"] = given["sourceObjectId"]
        for each in given.get("customFieldData") or ():
            if int(each["field"]["id"]) in self.fields:
                task["custom"] = {**task["custom"], int(each["field"]["id"]): each["value"]}
        changed = [name for name, value in task.items() if before[name] != value]
        if changed:
            task["changed"] = self.now()
        return changed

    def _say(self, number: int, given: dict[str, Any], owner: str) -> int:
        made = next(self._ids)
        self.comments[number].append(
            {"id": made, "at": self.now(), "owner": owner, "description": str(given.get("description") or ""),
             "hidden": given.get("isHidden") is True, "source": str(given.get("sourceObjectId") or ""),
             "files": [int(each["id"]) for each in given.get("files") or ()]}
        )  # fmt: skip
        self.tasks[number]["said"] = self.now()
        return made

    # -- the API

    def _person(self, request: SimRequest, kind: str, number: str) -> SimResponse:  # noqa: ARG002 - all is shown
        held = self.people.get(f"{kind}:{number}")
        if held is None:
            return _fail(4000 if kind == "user" else 2000, f"Not found by id {number}", 404)
        return json_answer({"result": "success", kind: held})

    def _processes(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return json_answer({"result": "success", "processes": [{"id": PROCESS, "name": "Requests"}]})

    def _statuses(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        rows = [{"id": key, "name": name} for key, name in self.statuses.items()] if int(number) == PROCESS else []
        return json_answer({"result": "success", "statuses": rows})

    def _named(self, number: str) -> dict[str, str]:
        return {"id": number, "name": self.people[number]["name"]}

    def _file(self, number: int) -> dict[str, Any]:
        name, data = self.files[number]
        return {"id": number, "name": name, "size": len(data)}

    def view(self, number: int) -> dict[str, Any]:
        """Return a task as the API shows it."""
        task = self.tasks[number]
        found = {
            "id": number, "name": task["name"], "description": task["description"], "priority": task["priority"],
            "status": {"id": task["status"], "name": self.statuses[task["status"]]}, "processId": PROCESS,
            "type": "Task", "assigner": self._named(task["assigner"]), "dateTime": point(task["made"]),
            "project": {"id": task["project"], "name": PROJECTS[task["project"]]},
            "dateOfLastUpdate": point(task["changed"]), "isDeleted": task["deleted"],
            "assignees": {"users": [self._named(each) for each in task["assignees"]], "groups": []},
            "files": [self._file(each) for each in task["files"]],
            "customFieldData": [
                {"field": {"id": key, "name": name}, "value": task["custom"].get(key)}
                for key, name in self.fields.items()
            ],
        }  # fmt: skip
        if task["counterparty"]:
            found["counterparty"] = self._named(task["counterparty"])
        if task["said"] is not None:
            found["dateOfLastComment"] = point(task["said"])
        if self.shows_source:
            found["sourceObjectId"] = task["source"]
        return found

    def _show(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - all is shown
        if int(number) not in self.tasks:
            return _fail(1000, f"Task not found by id {number}", 404)
        return json_answer({"result": "success", "task": self.view(int(number))})

    def _list(self, request: SimRequest) -> SimResponse:
        """List tasks by days of the employee's zone."""
        given = _object(request)
        found = sorted(self.tasks)
        for each in given.get("filters") or ():
            value, by = each["value"], int(each["type"])
            first, last = (datetime.strptime(value[name], "%d-%m-%Y").date() for name in ("dateFrom", "dateTo"))  # noqa: DTZ007 - a day
            found = [number for number in found if any(first <= day <= last for day in self._days(number, by))]
        offset, size = int(given.get("offset") or 0), min(int(given.get("pageSize") or 100), 100)
        return json_answer(
            {"result": "success", "tasks": [self.view(number) for number in found[offset : offset + size]]}
        )

    def _days(self, number: int, by: int) -> list[Any]:
        task = self.tasks[number]
        times = [task["made"]] if by == 12 else [task["changed"], task["said"]]
        return [(each + ZONE).date() for each in times if each is not None]

    def _create(self, request: SimRequest) -> SimResponse:
        given = _object(request)
        if "status" in given and int(given["status"].get("id") or 0) not in self.statuses:
            return _fail(41, f"Status not find by id {given['status'].get('id')}", 400)
        made = self._new(given, self.me)
        self.effect("create", str(made), key=mark_of(given), detail={"name": given.get("name")})
        self._tell(made)
        return json_answer({"result": "success", "id": made}, 201)

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.tasks or self.tasks[int(number)]["deleted"]:
            return _fail(1000, f"Task for update not found by id {number}", 404)
        given = _object(request)
        if self.busy:
            self._later(0.3, lambda: self._with_announcements(lambda: self._change(int(number), given)))
            return SimResponse(202)
        self._change(int(number), given)
        failures = [{"field": name, "error": "Field change failed"} for name in sorted(self.failing & set(given))]
        return json_answer({"result": "success", **({"failures": failures} if failures else {})})

    def _change(self, number: int, given: dict[str, Any]) -> None:
        changed = self._take(number, given)
        if changed:
            self.effect("fields", str(number), detail={"changed": changed})
            self._tell(number)

    def _comments(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.tasks:
            return _fail(1000, f"Task not found by id {number}", 500)
        given = _object(request)
        offset, size = int(given.get("offset") or 0), min(int(given.get("pageSize") or 100), 100)
        rows = [
            {"id": each["id"], "dateTime": point(each["at"]), "type": "Comment", "fromType": "Planfix",
             "description": each["description"], "owner": self._named(each["owner"]), "isDeleted": False,
             "isHidden": each["hidden"], "files": [self._file(file) for file in each["files"]],
             **({"sourceObjectId": each["source"]} if self.shows_source else {})}
            for each in self.comments[int(number)]
        ]  # fmt: skip
        return json_answer({"result": "success", "comments": rows[offset : offset + size]})

    def _comment(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.tasks or self.tasks[int(number)]["deleted"]:
            return _fail(1000, f"Task not found by id {number}", 400)
        given = _object(request)
        made = self._say(int(number), given, self.me)
        detail = {"description": given.get("description"), "files": given.get("files")}
        self.effect("comment", number, key=mark_of(given), change_id=str(made), detail=detail)
        self._tell(int(number), made)
        return json_answer({"result": "success", "id": made}, 201)

    def _upload(self, request: SimRequest) -> SimResponse:
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + request.body)
        part = next((each for each in message.iter_parts() if each.get_filename()), None)
        if part is None:
            return _fail(7001, "Error adding file", 400)
        data = part.get_payload(decode=True)
        number = next(self._ids)
        self.files[number] = (str(part.get_filename()), data if isinstance(data, bytes) else b"")
        return json_answer({"result": "success", "id": number}, 200)

    def _download(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if int(number) not in self.files:
            return _fail(7000, "File not found by id", 400)
        return SimResponse(302, {"Location": f"{self.url}/storage/{number}"})

    def _stored(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        return SimResponse(200, {"Content-Type": "application/octet-stream"}, self.files[int(number)][1])


def _fail(code: int, words: str, status: int) -> SimResponse:
    return json_answer({"result": "fail", "code": code, "error": words}, status)


def _object(request: SimRequest) -> dict[str, Any]:
    try:
        found = request.json()
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(serve(PlanfixSimulator, "Run a simulated Planfix."))
