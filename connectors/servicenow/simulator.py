"""A ServiceNow look-alike on loopback: the Table API and the Attachment API over incidents, and one business rule.

Its traps are the real ones: a part of a query that it does not understand is left out; a page is cut before access
rules hide rows from it; a column that the account may not write is left as it is, with 200; comments read back empty;
impact and urgency make the priority; a record cannot be resolved without a code and a note.
"""

from __future__ import annotations

import base64
import sys
from datetime import timedelta
from typing import Any

import msgspec

from connectors.sdk import hmac_base64
from connectors.servicenow.sim_query import Query, Record
from connectors.servicenow.sim_state import JOURNALS, PolicyError, Records, stamp
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.outgoing import Weather
from connectors.testing.process import serve

MARKER_PREFIX = "gateway:"
DEFAULT_LIMIT = 10_000
TABLES = ("incident", "sys_user", "sys_user_group", "sys_journal_field", "task_sla")


class ServiceNowSimulator(SimulatedDesk):
    """One instance. `user` and `password` are asked for where they are given; else any credentials will do."""

    def __init__(self, *, user: str = "", password: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.records = Records()
        # a REST message is sent once
        self.webhooks.weather = Weather(tries=1)
        self.expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        #: how far the zone of our account stands from UTC
        self.zone = timedelta(0)
        #: records, entries and users out of our sight, by sys_id
        self.hidden: set[str] = set()
        #: `glide.invalid_query.returns_no_rows`
        self.strict = False
        #: columns that our account may not read
        self.unseen: set[str] = set()
        #: the rule finds the entries of the journal, and sends them along
        self.tells_entries = True
        #: a second rule tells of files
        self.tells_files = True
        #: requests an hour, where an admin has made a rule
        self.hourly: int | None = None

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of both APIs, with and without the version."""
        api, sys_id = r"/api/now(?:/v\d)?", r"(?P<number>[^/]+)"
        return [
            ("GET", rf"{api}/table/(?P<name>[a-z_]+)", self._list),
            ("POST", rf"{api}/table/incident", self._create),
            ("GET", rf"{api}/table/incident/{sys_id}", self._show),
            ("PATCH", rf"{api}/table/incident/{sys_id}", self._update),
            ("PUT", rf"{api}/table/incident/{sys_id}", self._update),
            ("GET", rf"{api}/attachment", self._files),
            ("POST", rf"{api}/attachment/file", self._attach),
            ("GET", rf"{api}/attachment/{sys_id}/file", self._file),
        ]

    def sign(self, body: bytes, now: Any, attempt: int) -> dict[str, str]:  # noqa: ARG002 - one attempt only
        """Return the headers that the business rule of docs/connectors/servicenow.md sets."""
        # time that a test lets pass here has passed for the receiver, too
        at = str(int(now.timestamp()))
        return {
            "Content-Type": "application/json",
            "X-Gateway-Timestamp": at,
            "X-Gateway-Signature": hmac_base64(self.webhook_secret, at.encode() + b"." + body),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials."""
        given = request.headers.get("authorization", "")
        if given and (given == self.expected or not self.expected):
            return None
        return failure(401, "User Not Authenticated", "Required to provide Auth information")

    # -- what people do

    def act_create(self, title: str, body: str, *, email: str = "customer@example.com", **columns: Any) -> Record:
        """Let a customer open an incident."""
        caller = self.records.user(email)
        given = {"short_description": title, "description": body, "caller_id": caller, "contact_type": "self-service"}
        made, said = self.records.create({**given, **columns}, caller, self.now())
        return self._created(made, said, caller)

    def act_comment(self, sys_id: str, text: str, *, public: bool = True, by: str = "agent") -> None:
        """Let an agent or the customer (`by`) add an entry."""
        actor = self.records.agent if by == "agent" else self.records.incidents[sys_id]["caller_id"]
        self._updated(sys_id, {"comments" if public else "work_notes": text}, actor)

    def act_set(self, sys_id: str, **columns: Any) -> None:
        """Let an agent change columns."""
        self._updated(sys_id, columns, self.records.agent)

    def act_delete(self, sys_id: str) -> None:
        """Let an admin delete an incident."""
        gone = self.records.incidents.pop(sys_id)
        self.effect("delete", sys_id)
        self._announce(gone, "delete", self.records.agent)

    def act_attach(self, sys_id: str, name: str, data: bytes, mime: str = "application/octet-stream") -> str:
        """Let an agent put a file on an incident; no rule of the incident runs for that, one of files does."""
        made = self.records.attach(sys_id, name, mime, data, self.records.agent, self.now(), self.url)
        self.effect("attach", sys_id, change_id=made["sys_id"], detail={"name": name})
        self._announce_file(made, self.records.agent)
        return made["sys_id"]

    def act_sla(self, sys_id: str, row: str = "", **columns: str) -> str:
        """Let the SLA engine attach a definition to an incident, or (`row`) change what it attached."""
        number = row or self.records.next_id()
        made = {
            "sys_id": number, "task": sys_id, "task.sys_class_name": "incident", "sla.name": "Gold",
            "sla.target": "resolution", "sla.duration": "1970-01-01 08:00:00", "schedule": "", "stage": "in_progress",
            "has_breached": "false", "start_time": stamp(self.now()), "end_time": "", "pause_time": "",
            "pause_duration": "", "planned_end_time": "",
        }  # fmt: skip
        changed = {"sys_updated_on": stamp(self.now())}
        self.records.slas[number] = {**made, **self.records.slas.get(number, {}), **columns, **changed}
        return number

    def act_template(self, sys_id: str) -> None:
        """Let a flow that an admin made send a body of its own."""
        held = self.records.incidents[sys_id]
        self.announce({"sys_id": sys_id, "number": held["number"], "state": "In Progress", "table": "incident"})

    # -- one change

    def _created(self, made: Record, said: list[Record], actor: str) -> Record:
        key = made["correlation_id"].removeprefix(MARKER_PREFIX)
        words = {"short_description": made["short_description"], "description": made["description"]}
        self.effect("create", made["sys_id"], key=key, change_id=made["sys_id"], detail=words)
        self._announce(made, "insert", actor, said=said)
        return made

    def _updated(self, sys_id: str, given: dict[str, Any], actor: str) -> None:
        before, said = self.records.update(sys_id, given, actor, self.now())
        for entry in said:
            words = {"element": entry["element"], "value": entry["value"]}
            self.effect("comment", sys_id, change_id=entry["sys_id"], detail=words)
        if before:
            self.effect("fields", sys_id, detail={name: self.records.incidents[sys_id][name] for name in before})
        if before or said:
            self._announce(self.records.incidents[sys_id], "update", actor, before=before, said=said)

    def _announce(
        self,
        record: Record,
        operation: str,
        actor: str,
        *,
        before: Record | None = None,
        said: list[Record] | None = None,
    ) -> None:
        """Send what the business rule sends."""
        who = self.records.users[actor]
        walked = ("caller_id.name", "caller_id.email", "assigned_to.name", "assigned_to.email", "company.name")
        told = {name: value for name, value in record.items() if name not in JOURNALS}
        told |= {name: self.records.walked(record, name) or "" for name in walked}
        spoken = dict.fromkeys(entry["element"] for entry in said or ())
        self.announce(
            {
                "delivery": self.records.next_id(),
                "table": "incident",
                "operation": operation,
                "by": {name: who[name] for name in ("sys_id", "user_name", "name", "email")},
                "record": told,
                "previous": before or {},
                "changed": [*(before or {}), *spoken],
                "journal": [_without(entry, "name", "element_id") for entry in said or ()]
                if self.tells_entries
                else [],
            }
        )

    def _announce_file(self, file: Record, actor: str) -> None:
        """Send what the rule of the table sys_attachment sends, where an admin has made it."""
        if self.tells_files:
            who = self.records.users[actor]
            by = {name: who[name] for name in ("sys_id", "user_name", "name", "email")}
            told = {
                name: file[name] for name in ("sys_id", "table_name", "table_sys_id", "file_name", "sys_created_on")
            }
            body = {"delivery": self.records.next_id(), "table": "sys_attachment", "operation": "insert", "by": by}
            self.announce({**body, "record": told, "previous": {}, "changed": [], "journal": []})

    # -- the Table API

    def _list(self, request: SimRequest, name: str) -> SimResponse:
        if name not in TABLES:
            return failure(400, f"Invalid table {name}")
        held: dict[str, list[Record]] = {
            "incident": list(self.records.incidents.values()),
            "sys_user": list(self.records.users.values()),
            "sys_user_group": list(self.records.groups.values()),
            "sys_journal_field": self.records.journal,
            "task_sla": list(self.records.slas.values()),
        }
        return self._page(request, held[name])

    def _page(self, request: SimRequest, held: list[Record]) -> SimResponse:
        """Answer one page: cut first, then hidden rows are taken out of it [S5]."""
        query = request.query
        columns = held[0].keys() if held else ()
        asked = Query(query.get("sysparm_query", ""), columns, zone=self.zone, me=self.records.me, strict=self.strict)
        found = asked.run(held)
        limit = int(query.get("sysparm_limit", DEFAULT_LIMIT))
        offset = int(query.get("sysparm_offset", "0"))
        part = [row for row in found[offset : offset + limit] if row["sys_id"] not in self.hidden]
        headers = {**self._limits(), "X-Total-Count": str(len(found))}
        if offset + limit < len(found):
            following = f"{self.url}{request.path}?sysparm_limit={limit}&sysparm_offset={offset + limit}"
            headers["Link"] = f'<{following}>;rel="next"'
        return json_answer({"result": [self._told(request, row) for row in part]}, 200, headers)

    def _told(self, request: SimRequest, record: Record) -> dict[str, Any]:
        """Return what a request sees of a record: columns that are not there are left out, entries read empty."""
        asked = request.query.get("sysparm_fields", "")
        names = [name for name in asked.split(",") if name] or list(record)
        bare = request.query.get("sysparm_exclude_reference_link") == "true"
        found: dict[str, Any] = {}
        for name in names:
            value = self.records.walked(record, name)
            if value is None or name.partition(".")[0] in self.unseen:
                continue
            reference = value in self.records.users or value in self.records.groups
            if reference and not bare and name != "sys_id":
                kind = "sys_user" if value in self.records.users else "sys_user_group"
                found[name] = {"link": f"{self.url}/api/now/table/{kind}/{value}", "value": value}
            else:
                found[name] = value
        return found

    def _limits(self) -> dict[str, str]:
        if self.hourly is None:
            return {}
        reset = int(self.now().timestamp()) // 3600 * 3600 + 3600
        return {"X-RateLimit-Limit": str(self.hourly), "X-RateLimit-Reset": str(reset), "X-RateLimit-Rule": "gateway"}

    def _show(self, request: SimRequest, number: str) -> SimResponse:
        held = self.records.incidents.get(number)
        if held is None or number in self.hidden:
            return missing()
        return json_answer({"result": self._told(request, held)}, 200, self._limits())

    def _create(self, request: SimRequest) -> SimResponse:
        given = body_of(request)
        if given is None:
            return failure(400, "Exception while reading request", "The payload is not valid JSON")
        try:
            made, said = self.records.create(given, self.records.me, self.now())
        except PolicyError as error:
            return failure(403, "Operation Failed", str(error))
        self._created(made, said, self.records.me)
        where = f"{self.url}/api/now/table/incident/{made['sys_id']}"
        return json_answer({"result": self._told(request, made)}, 201, {**self._limits(), "Location": where})

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        given = body_of(request)
        if number not in self.records.incidents or number in self.hidden:
            return missing()
        if given is None:
            return failure(400, "Exception while reading request", "The payload is not valid JSON")
        try:
            self._updated(number, given, self.records.me)
        except PolicyError as error:
            return failure(403, "Operation Failed", str(error))
        return json_answer({"result": self._told(request, self.records.incidents[number])}, 200, self._limits())

    # -- the Attachment API

    def _files(self, request: SimRequest) -> SimResponse:
        return self._page(request, list(self.records.files.values()))

    def _attach(self, request: SimRequest) -> SimResponse:
        query = request.query
        number = query.get("table_sys_id", "")
        if query.get("table_name") != "incident" or number not in self.records.incidents:
            return failure(403, "Operation Failed", "Record does not exist or cannot be attached to")
        mime = request.headers.get("content-type", "application/octet-stream")
        name = query.get("file_name", "")
        made = self.records.attach(number, name, mime, request.body, self.records.me, self.now(), self.url)
        self.effect("attach", number, change_id=made["sys_id"], detail={"name": name, "hash": made["hash"]})
        self._announce_file(made, self.records.me)
        return json_answer({"result": made}, 201, self._limits())

    def _file(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - every handler is given it
        held = self.records.files.get(number)
        if held is None or number in self.hidden:
            return missing()
        return SimResponse(200, {"Content-Type": held["content_type"]}, self.records.bytes[number])


def failure(status: int, message: str, detail: str = "") -> SimResponse:
    """Return an error as the API words it [S8]."""
    return json_answer({"error": {"message": message, "detail": detail or None}, "status": "failure"}, status)


def missing() -> SimResponse:
    """Return what it says of a record that is not there, or not ours to see."""
    return failure(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")


def body_of(request: SimRequest) -> dict[str, Any] | None:
    """Return the object in a request, or None."""
    try:
        found = request.json()
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


if __name__ == "__main__":
    sys.exit(serve(ServiceNowSimulator, "A simulated ServiceNow instance on loopback"))
