"""A Dynamics 365 look-alike on loopback: the Web API of Dataverse with the habits that matter.

A PATCH makes what is not there unless it is told not to, 412 has several meanings, cases are resolved by CloseIncident,
change sets are done whole or not at all, change tracking has links that expire, and webhooks bring the execution
context of a step. Run it with `python -m connectors.dynamics365.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import base64
import copy
import sys
import uuid
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import msgspec

from connectors.dynamics365.mapping import LOOKUP
from connectors.dynamics365.sim_context import ORGANIZATION, execution_context
from connectors.dynamics365.sim_odata import Record, RefusedError, batch_answer, condition, ordered, parts_of
from connectors.dynamics365.sim_records import TABLES, Records, shown
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

API = "/api/data/v9.2"
#: lookups that an $expand follows: name -> (column, table)
EXPANDED = {
    "owninguser": ("_ownerid_value", "systemusers"), "owningteam": ("_ownerid_value", "teams"),
    "primarycontactid": ("_primarycontactid_value", "contacts"), "createdby": ("_createdby_value", "systemusers"),
    "customerid_contact": ("_customerid_value", "contacts"), "customerid_account": ("_customerid_value", "accounts"),
}  # fmt: skip


class Dynamics365Simulator(SimulatedDesk):
    """One environment. `token` is asked for where it is given; `client` with its secret gets that token."""

    def __init__(self, *, token: str = "", client: str = "", client_secret: str = "", **common: Any) -> None:
        self.records = Records()
        super().__init__(**common)
        self.token = token
        self.client = (client, client_secret)
        #: may we track changes; delta links older than this version have expired; rows of a page at most
        self.tracks = True
        self.expired = 0
        self.page = 500
        self._pages: dict[str, tuple[list[Record], str]] = {}

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the Web API."""
        return [
            ("POST", r"/[\w-]+/oauth2/v2\.0/token", self._token),
            ("GET", rf"{API}/WhoAmI", self._whoami),
            ("POST", rf"{API}/CloseIncident", self._close),
            ("POST", rf"{API}/\$batch", self._batch),
            ("GET", rf"{API}/(?P<table>[a-z]+)\((?P<number>[0-9a-f-]{{36}})\)", self._show),
            ("PATCH", rf"{API}/(?P<table>[a-z]+)\((?P<number>[0-9a-f-]{{36}})\)", self._patch),
            ("GET", rf"{API}/(?P<table>[a-z]+)", self._list),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - nothing is signed
        """Return the headers of a webhook, with the one that an admin has given it."""
        context = msgspec.json.decode(body)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "x-ms-dynamics-organization": "acme.crm4.dynamics.com",
            "x-ms-dynamics-entity-name": context["PrimaryEntityName"],
            "x-ms-dynamics-request-name": context["MessageName"],
            "x-ms-correlation-request-id": context["CorrelationId"],
            "x-gateway-secret": self.webhook_secret,
            "X-Sim-Attempt": str(attempt),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong tokens."""
        given = request.headers.get("authorization", "")
        known = given == f"Bearer {self.token}" if self.token else given.startswith("Bearer ")
        if known or request.path.endswith("/token"):
            return None
        return SimResponse(401, {"WWW-Authenticate": "Bearer"}, b"")

    # -- what people do

    def act_create(self, title: str, description: str, *, email: str = "customer@example.com", **more: Any) -> str:
        """Let a customer open a case in the portal; returns its id."""
        now = self.now()
        contact = self.records.contact(email, now)
        given = {"title": title, "description": description, "caseorigincode": 3,
                 "customerid_contact@odata.bind": f"/contacts({contact})", **more}  # fmt: skip
        made = self.records.add("incidents", given, self.records.agent, now)
        number = str(made["incidentid"])
        made["_ownerid_value"] = self.records.team
        self.effect("create", number, detail={"title": title})
        self.tell("Create", "incidents", made, made, self.records.agent)
        return number

    def act_note(self, case_id: str, text: str) -> str:
        """Let an agent write a note; returns its id."""
        given = {"notetext": text, "objectid_incident@odata.bind": f"/incidents({case_id})"}
        return self._noted(given, self.records.agent, "")

    def act_attach(self, case_id: str, name: str, data: bytes, *, text: str = "", mime: str = "text/plain") -> str:
        """Let an agent put a file on a case; returns the note's id."""
        given = {"isdocument": True, "filename": name, "mimetype": mime, "notetext": text or None,
                 "documentbody": base64.b64encode(data).decode(),
                 "objectid_incident@odata.bind": f"/incidents({case_id})"}  # fmt: skip
        return self._noted(given, self.records.agent, "")

    def act_email(self, case_id: str, html: str, *, incoming: bool = True, sender: str = "customer@example.com") -> str:
        """Let an e-mail come in, or go out; returns its id."""
        now = self.now()
        given = {"description": html, "directioncode": not incoming, "sender": sender, "subject": "Re: your case",
                 "_regardingobjectid_value": case_id, "senton": now.replace(microsecond=0)}  # fmt: skip
        made = self.records.add("emails", given, self.records.agent, now)
        self.effect("email", case_id, change_id=made["activityid"])
        self.tell("Create", "emails", made, made, self.records.agent)
        return str(made["activityid"])

    def act_set(self, case_id: str, **columns: Any) -> None:
        """Let an agent set columns of a case."""
        record = self.records.all["incidents"][case_id]
        changed = self.records.change("incidents", record, columns, self.records.agent, self.now())
        self.effect("fields", case_id, detail=columns)
        self.tell("Update", "incidents", record, changed, self.records.agent)

    def act_resolve(self, case_id: str, code: int = 5) -> None:
        """Let an agent resolve a case."""
        record = self.records.all["incidents"][case_id]
        self._closed(record, code, "Done", self.records.agent)

    def act_delete(self, case_id: str) -> None:
        """Let an agent delete a case."""
        record = self.records.all["incidents"].pop(case_id)
        self.records.deleted.append((self.records.next_version(), case_id))
        self.effect("delete", case_id)
        self.tell("Delete", "incidents", record, {}, self.records.agent)

    def act_merge(self, case_id: str, into: str) -> None:
        """Let an agent merge a case into another, which cancels it."""
        record = self.records.all["incidents"][case_id]
        given = {"statecode": 2, "statuscode": 2000, "_masterid_value": into}
        self.records.change("incidents", record, given, self.records.agent, self.now())
        self.effect("merge", case_id)
        more = [{"key": "SubordinateId", "value": case_id}]
        master = self.records.all["incidents"][into]
        self.tell("Merge", "incidents", master, {}, self.records.agent, more)

    def _noted(self, given: Record, by: str, number: str) -> str:
        made = self.records.add("annotations", given, by, self.now(), number)
        case, note = str(made["_objectid_value"]), str(made["annotationid"])
        kind = "file" if made["isdocument"] else "comment"
        self.effect(kind, case, key=number.replace("-", ""), change_id=note, detail={"text": made["notetext"]})
        self.tell("Create", "annotations", made, made, by)
        return note

    def _closed(self, record: Record, code: int, subject: str, by: str) -> None:
        self.records.close(record, code, subject, by, self.now())
        self.effect("resolve", record["incidentid"], detail={"statuscode": code})
        self.tell("Update", "incidents", record, {"statecode": 1, "statuscode": code}, by)

    # -- webhooks

    def tell(
        self, message: str, table: str, record: Record, changed: Record, by: str, more: list[Any] | None = None
    ) -> None:
        """Send the execution context of a step that is registered for this message."""
        self.announce(execution_context(self.records, message, table, record, changed, by, self.now(), more or []))

    # -- the API

    def _token(self, request: SimRequest) -> SimResponse:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != self.client or not form.get("scope"):
            return json_answer({"error": "invalid_client"}, 401)
        return json_answer({"token_type": "Bearer", "expires_in": 3599, "access_token": self.token})

    def _whoami(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return json_answer({"BusinessUnitId": str(uuid.UUID(int=1)), "UserId": self.records.me,
                            "OrganizationId": ORGANIZATION})  # fmt: skip

    def _show(self, request: SimRequest, table: str, number: str) -> SimResponse:
        record = self.records.all.get(table, {}).get(number)
        if record is None:
            return failed(RefusedError("0x80040217", f"{table} With Id = {number} Does Not Exist", 404))
        try:
            return json_answer(self.view(table, record, request.query))
        except RefusedError as error:
            return failed(error)

    def view(self, table: str, record: Record, query: dict[str, str]) -> Record:
        """Return a record as OData shows it: what is selected, with what is expanded."""
        key = TABLES[table][0]
        chosen = query.get("$select", "")
        names = chosen.split(",") if chosen else list(record)
        for name in names:
            if name not in record:
                raise RefusedError("0x0", f"Could not find a property named '{name}' on type '{table}'.")
        found: Record = {"@odata.etag": f'W/"{record["versionnumber"]}"', key: record[key]}
        for name in names:
            found[name] = shown(record[name])
            if name.startswith("_") and record[name]:
                found[name + LOOKUP] = self.records.table_of(record[name])
        for part in query.get("$expand", "").replace("),", ")|").split("|"):
            name = part.partition("(")[0]
            if name:
                column, target = EXPANDED[name]
                held = self.records.all[target].get(str(record.get(column)))
                found[name] = {each: shown(value) for each, value in held.items()} if held else None
        return found

    def _list(self, request: SimRequest, table: str) -> SimResponse:
        if table not in TABLES:
            return failed(RefusedError("0x80060888", f"Resource not found for the segment '{table}'.", 404))
        query, prefer = request.query, request.headers.get("prefer", "")
        size = min(self.page, int(prefer.partition("maxpagesize=")[2].partition(",")[0] or "5000"))
        try:
            if "$skiptoken" in query:
                rows, query_ = self._pages[query["$skiptoken"]]
                return self._paged(request, table, rows, dict(parse_qs_flat(query_)), size)
            if "track-changes" in prefer or "$deltatoken" in query:
                return self._tracked(request, table, size)
            born = {*TABLES[table][1], TABLES[table][0], "createdon", "modifiedon", "versionnumber",
                    "_createdby_value", "_modifiedby_value"}  # fmt: skip
            keep = condition(query["$filter"], born) if "$filter" in query else lambda _: True
            rows = ordered([row for row in self.records.all[table].values() if keep(row)], query.get("$orderby", ""))
            rows = rows[: int(query["$top"])] if "$top" in query else rows
            return self._paged(request, table, rows, query, size)
        except RefusedError as error:
            return failed(error)

    def _paged(
        self, request: SimRequest, table: str, rows: list[Record], query: dict[str, str], size: int
    ) -> SimResponse:
        body: dict[str, Any] = {
            "@odata.context": f"{self.url}{API}/$metadata#{table}",
            "value": [row if "reason" in row else self.view(table, row, query) for row in rows[:size]],
        }
        if len(rows) > size:
            token = f"p{len(self._pages) + 1}"
            told = "&".join(f"{name}={quote(value)}" for name, value in query.items() if name != "$skiptoken")
            self._pages[token] = (rows[size:], told)
            body["@odata.nextLink"] = f"{self.url}{request.path}?{quote('$skiptoken')}={token}"
        elif "sim-delta" in query:
            body["@odata.deltaLink"] = (
                f"{self.url}{request.path}?$select={query['$select']}&$deltatoken={query['sim-delta']}%2108%2f22%2f2017"
            )
        return json_answer(body)

    def _tracked(self, request: SimRequest, table: str, size: int) -> SimResponse:
        query = request.query
        if not self.tracks:
            raise RefusedError("0x80044353", "Change tracking is not enabled, or no organization-level read.", 403)
        if {"$filter", "$orderby", "$expand", "$top"} & set(query):
            raise RefusedError("0x80060888", "The query parameter is not supported with change tracking.")
        since = int(unquote(query.get("$deltatoken", "0")).partition("!")[0])
        if "$deltatoken" in query and since < self.expired:
            said = "Version stamp associated with the client has expired. Please perform a full sync."
            raise RefusedError("0x80044352", said)
        rows = [row for row in self.records.all[table].values() if row["versionnumber"] > since]
        gone = [
            {"@odata.context": f"{self.url}{API}/$metadata#{table}/$deletedEntity", "id": number, "reason": "deleted"}
            for version, number in self.records.deleted
            if version > since and since
        ]
        told = {**query, "sim-delta": str(self.records.next_version())}
        return self._paged(request, table, [*ordered(rows, "versionnumber"), *gone], told, size)

    def _patch(self, request: SimRequest, table: str, number: str) -> SimResponse:
        try:
            status = self._patched(table, number, request.headers, request.json())
            if "return=representation" not in request.headers.get("prefer", ""):
                return SimResponse(204)
            return json_answer(self.view(table, self.records.all[table][number], request.query), status)
        except RefusedError as error:
            return failed(error)

    def _patched(self, table: str, number: str, headers: dict[str, str], given: Record) -> int:
        """Make or change a record as the conditions of the request allow; returns the status."""
        record = self.records.all[table].get(number)
        if record is None:
            if headers.get("if-match"):
                raise RefusedError("0x80040217", f"{table} With Id = {number} Does Not Exist", 404)
            if table == "annotations":
                self._noted(given, self.records.me, number)
            else:
                made = self.records.add(table, given, self.records.me, self.now(), number)
                if table == "incidents":
                    self.effect("create", number, key=number.replace("-", ""), detail={"title": made["title"]})
                    self.tell("Create", table, made, made, self.records.me)
            return 201
        if headers.get("if-none-match") == "*":
            raise RefusedError("0x80060891", "A record with matching key values already exists.", 412)
        etag = headers.get("if-match", "*")
        if etag not in {"*", f'W/"{record["versionnumber"]}"'}:
            raise RefusedError("0x80060882", "The version of the existing record doesn't match.", 412)
        changed = self.records.change(table, record, given, self.records.me, self.now())
        if table == "incidents":
            self.effect("fields", number, detail=given)
            self.tell("Update", table, record, changed, self.records.me)
        return 200

    def _close(self, request: SimRequest) -> SimResponse:
        try:
            self._close_by(request.json(), "fields")
        except RefusedError as error:
            return failed(error)
        return SimResponse(204)

    def _close_by(self, given: Record, kind: str) -> None:
        resolution = given["IncidentResolution"]
        number = str(resolution["incidentid@odata.bind"]).partition("(")[2].rstrip(")")
        record = self.records.all["incidents"].get(number)
        if record is None:
            raise RefusedError("0x80040217", f"incident With Id = {number} Does Not Exist", 404)
        self._closed(record, int(given["Status"]), str(resolution["subject"]), self.records.me)
        if kind:
            self.effect(kind, number, detail={"statuscode": given["Status"]})

    def _batch(self, request: SimRequest) -> SimResponse:
        """Do a change set whole, or leave everything as it was."""
        before = copy.deepcopy(self.records.all)
        answers: list[tuple[int, dict[str, str], bytes]] = []
        for inner in parts_of(request.body):
            path = inner.path.removeprefix(f"{API}/")
            given = msgspec.json.decode(inner.body)
            try:
                if path == "CloseIncident":
                    self._close_by(given, "")
                else:
                    table, _, number = path.partition("(")
                    self._patched(table, number.rstrip(")"), inner.headers, given)
            except RefusedError as error:
                self.records.all = before
                refused = failed(error)
                answers = [(refused.status, {"Content-Type": "application/json"}, refused.body)]
                break
            answers.append((204, {"OData-Version": "4.0"}, b""))
        status = 200 if answers and answers[-1][0] < 300 else 400
        headers = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}
        return SimResponse(status, headers, batch_answer(answers))


def parse_qs_flat(text: str) -> list[tuple[str, str]]:
    """Read a query whose names begin with a dollar sign."""
    return [(name, unquote(value)) for name, _, value in (part.partition("=") for part in text.split("&")) if name]


def failed(error: RefusedError) -> SimResponse:
    """Return what Dataverse says of what it refuses."""
    return json_answer({"error": {"code": error.code, "message": str(error)}}, error.status)


if __name__ == "__main__":
    sys.exit(serve(Dynamics365Simulator, "A simulated Dynamics 365 environment on loopback"))
