"""A HubSpot look-alike on loopback: the real paths, the real shapes, the real habits.

Values are texts, the search runs behind the records and ends at 10,000, a second ticket with our key is refused, an
`eventId` is anything but unique, and one webhook brings many events.
Run it as a process of its own with `python -m connectors.hubspot.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import hashlib
import random
import re
import sys
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from connectors.hubspot.mapping import MARKER
from connectors.hubspot.sim_crm import Companies
from connectors.hubspot.sim_state import KEY, InvalidError, Record, millis
from connectors.sdk import hmac_base64
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

SEARCH_ENDS = 10_000
_MARK = re.compile(rf'{MARKER}="([0-9a-z]+)"')


class HubSpotSimulator(Companies):
    """One account. The token is asked for where one is given; else any will do."""

    def __init__(self, *, token: str = "", app_id: str = "52674089", **common: Any) -> None:
        super().__init__(app_id=app_id, **common)
        self.token = token
        #: by which a public app gets its access tokens
        self.refresh_token = "na1-refresh-0123456789"  # noqa: S105 - of a desk that is none
        #: how far the search runs behind
        self.search_lag = timedelta(seconds=5)
        #: it takes attributes off that it does not know as it cleans what it is given
        self.strips_marks = False
        #: why a reply does not go out; empty: it does
        self.fails_to_send = ""
        #: a window that is used up, by its name
        self.used_up = ""
        self._random = random.Random(common.get("seed", 0))

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the CRM, the conversations and the files."""
        crm, threads = "/crm/v3/objects", "/conversations/v3/conversations/threads"
        return [
            ("POST", "/oauth/v1/token", self._token),
            ("GET", "/account-info/v3/details", self._details),
            ("GET", "/crm/v3/owners", self._owners),
            ("GET", "/crm/v3/pipelines/tickets", self._pipelines),
            ("GET", r"/crm/v3/properties/tickets/(?P<name>\w+)", self._property),
            ("GET", f"{crm}/tickets", self._list),
            ("POST", f"{crm}/tickets", self._create),
            ("POST", f"{crm}/tickets/search", self._search),
            ("GET", rf"{crm}/tickets/(?P<number>[\w-]+)", self._show),
            ("PATCH", rf"{crm}/tickets/(?P<number>\d+)", self._update),
            ("GET", r"/crm/v4/objects/tickets/(?P<number>\d+)/associations/(?P<kind>\w+)", self._associated),
            ("POST", rf"{crm}/(?P<kind>notes|emails)", self._engage),
            ("POST", rf"{crm}/(?P<kind>notes|emails)/batch/read", self._batch),
            ("GET", f"{crm}/contacts", self._contacts),
            ("POST", f"{crm}/contacts/batch/upsert", self._upsert),
            *self.company_routes(),
            ("GET", rf"{crm}/contacts/(?P<number>[^/]+)", self._contact),
            ("GET", threads, self._threads),
            ("GET", rf"{threads}/(?P<number>\d+)/messages", self._messages),
            ("POST", rf"{threads}/(?P<number>\d+)/messages", self._send),
            ("POST", "/files/v3/files", self._upload),
            ("GET", r"/files/v3/files/(?P<number>\d+)", self._file),
            ("GET", r"/files/v3/files/(?P<number>\d+)/signed-url", self._signed),
            ("GET", r"/_files/(?P<number>\d+)", self._bytes),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Return the headers of a webhook: versions 1 and 3 side by side [1]."""
        at = str(millis(now))
        signed = b"POST" + self.webhooks.url.encode() + body + at.encode()
        return {
            "Content-Type": "application/json",
            "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) - WebhooksExecutorDaemon-executor",
            "X-HubSpot-Signature": hashlib.sha256(self.webhook_secret.encode() + body).hexdigest(),
            "X-HubSpot-Signature-Version": "v1",
            "X-HubSpot-Signature-v3": hmac_base64(self.webhook_secret, signed),
            "X-HubSpot-Request-Timestamp": at,
            "X-Sim-Attempt": str(attempt),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse a wrong token, and everything while a window is used up."""
        given = request.headers.get("authorization", "")
        if request.path.startswith(("/_files/", "/oauth/")):
            return None
        if not given.startswith("Bearer ") or (self.token and given != f"Bearer {self.token}"):
            return self._refused(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
        if self.used_up:
            error = {
                "status": "error",
                "message": f"You have reached your {self.used_up.lower()} limit.",
                "errorType": "RATE_LIMIT",
                "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
                "policyName": self.used_up,
            }
            return json_answer(error, 429, self._headers())
        return None

    def _headers(self) -> dict[str, str]:
        return {
            "Date": format_datetime(self.now(), usegmt=True),
            "X-HubSpot-RateLimit-Daily": "250000",
            "X-HubSpot-RateLimit-Daily-Remaining": "0" if self.used_up == "DAILY" else "249000",
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": "100",
            "X-HubSpot-RateLimit-Remaining": "0" if self.used_up else "99",
            "X-HubSpot-RateLimit-Secondly": "10",
            "X-HubSpot-RateLimit-Secondly-Remaining": "9",
        }

    def _answer_with(self, value: Any, status: int = 200) -> SimResponse:
        return json_answer(value, status, self._headers())

    def _refused(self, status: int, message: str, category: str) -> SimResponse:
        error = {
            "status": "error",
            "message": message,
            "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
            "category": category,
        }
        return self._answer_with(error, status)

    def _missing(self) -> SimResponse:
        return self._refused(404, "resource not found", "OBJECT_NOT_FOUND")

    @property
    def _source(self) -> tuple[str, str]:
        return ("INTEGRATION", self.app_id)

    # -- the account

    def _token(self, request: SimRequest) -> SimResponse:
        given = dict(parse_qsl(request.body.decode()))
        if given.get("grant_type") != "refresh_token" or given.get("refresh_token") != self.refresh_token:
            return self._answer_with(
                {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}, 400
            )
        return self._answer_with({"access_token": self.token, "expires_in": 1800, "token_type": "bearer"})

    def _details(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return self._answer_with({"portalId": int(self.portal), "accountType": "STANDARD", "timeZone": "US/Eastern"})

    def _owners(self, request: SimRequest) -> SimResponse:
        gone = request.query.get("archived") == "true"
        found = [each for each in self.records.owners.values() if bool(each.get("archived")) is gone]
        email = request.query.get("email")
        return self._answer_with({"results": [each for each in found if not email or each["email"] == email]})

    def _pipelines(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        listed = [
            {
                "id": pipeline,
                "label": name,
                "stages": [
                    {
                        "id": number,
                        "label": label,
                        "metadata": {"ticketState": state, "isClosed": str(state == "CLOSED").lower()},
                    }
                    for number, (label, state) in stages.items()
                ],
            }
            for pipeline, (name, stages) in self.records.pipelines.items()
        ]
        return self._answer_with({"results": listed})

    def _property(self, request: SimRequest, name: str) -> SimResponse:  # noqa: ARG002 - the same
        if name != KEY:
            return self._refused(404, f"Property {name} does not exist", "OBJECT_NOT_FOUND")
        return self._answer_with({"name": name, "type": "string", "hasUniqueValue": self.records.unique})

    # -- tickets

    def _shown(self, record: Record, request: SimRequest) -> Record:
        asked = [*request.query.get("properties", "").split(","), "createdate", "hs_lastmodifieddate", "hs_object_id"]
        return self._with(record, asked)

    def _with(self, record: Record, names: list[str]) -> Record:
        given = record["properties"]
        return {
            "id": record["id"],
            "properties": {name: given.get(name) or None for name in names if name},
            "createdAt": record["createdAt"],
            "updatedAt": record["updatedAt"],
            "archived": record["archived"],
        }

    def _list(self, request: SimRequest) -> SimResponse:
        found = [each for each in self.records.objects["tickets"].values() if not each["archived"]]
        limit = int(request.query.get("limit", "10"))
        return self._answer_with({"results": [self._shown(each, request) for each in found[:limit]]})

    def _show(self, request: SimRequest, number: str) -> SimResponse:
        by_key = request.query.get("idProperty") == KEY
        found = self.records.by_key(number) if by_key else self.records.ticket(number)
        if found is None:
            return self._missing()
        shown = self._shown(found, request)
        wanted = request.query.get("propertiesWithHistory", "")
        if wanted:
            shown["propertiesWithHistory"] = {name: found["history"].get(name, []) for name in wanted.split(",")}
        if "contacts" in request.query.get("associations", ""):
            people = [{"id": each, "type": "ticket_to_contact"} for each in self.linked(found["id"], "contacts")]
            shown["associations"] = {"contacts": {"results": people}} if people else {}
        return self._answer_with(shown)

    def _create(self, request: SimRequest) -> SimResponse:
        given = request.json()
        properties = {name: str(value) for name, value in given["properties"].items()}
        try:
            record = self.records.make("tickets", properties, self.now(), self._source)
        except InvalidError as error:
            return self._refused(400, error.message, "VALIDATION_ERROR")
        for each in given.get("associations", []):
            self.link(record["id"], "contacts", each["to"]["id"])
        self._done("create", record, properties, self._source, key=properties.get(KEY, ""))
        return self._answer_with(self._with(record, [*properties, "createdate", "hs_lastmodifieddate"]), 201)

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        record = self.records.ticket(number)
        if record is None:
            return self._missing()
        properties = {name: str(value) for name, value in request.json()["properties"].items()}
        try:
            changed = self.records.change(record, properties, self.now(), self._source)
        except InvalidError as error:
            return self._refused(400, error.message, "VALIDATION_ERROR")
        self._done("fields", record, changed, self._source)
        return self._answer_with(self._with(record, [*properties, "hs_lastmodifieddate"]))

    def _search(self, request: SimRequest) -> SimResponse:
        asked = request.json()
        (group,) = asked["filterGroups"]
        shown = millis(self.now() - self.search_lag)
        found = [each for each in self.records.objects["tickets"].values() if not each["archived"]]
        found = [each for each in found if self._value(each, "hs_lastmodifieddate") <= shown]
        for each in group["filters"]:
            found = [one for one in found if self._holds(one, each)]
        (sort,) = asked["sorts"]
        found.sort(key=lambda one: self._value(one, sort["propertyName"]))
        start, limit = int(asked.get("after", 0)), int(asked.get("limit", 10))
        if start + limit > SEARCH_ENDS or limit > 200:
            return self._refused(400, "There was a problem with the request.", "VALIDATION_ERROR")
        page = found[start : start + limit]
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [self._with(each, [*asked.get("properties", []), "hs_object_id"]) for each in page],
        }
        if start + limit < len(found):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return self._answer_with(answer)

    def _value(self, record: Record, name: str) -> int:
        value = record["properties"][name]
        return int(value) if name == "hs_object_id" else millis(datetime.fromisoformat(value))

    def _holds(self, record: Record, wanted: dict[str, str]) -> bool:
        value, other = self._value(record, wanted["propertyName"]), int(wanted["value"])
        return {"EQ": value == other, "GTE": value >= other, "GT": value > other}[wanted["operator"]]

    # -- what was said

    def _associated(self, request: SimRequest, number: str, kind: str) -> SimResponse:
        if self.records.ticket(number) is None:
            return self._missing()
        ids = self.linked(self.records.merged.get(number, number), kind)
        start, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "500"))
        answer: dict[str, Any] = {"results": [{"toObjectId": int(each)} for each in ids[start : start + limit]]}
        if start + limit < len(ids):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return self._answer_with(answer)

    def _batch(self, request: SimRequest, kind: str) -> SimResponse:
        asked = request.json()
        ids = [each["id"] for each in asked["inputs"]]
        if len(ids) > 100:
            return self._refused(400, "A batch holds at most 100 inputs", "VALIDATION_ERROR")
        held = self.records.objects[kind]
        found = [self._with(held[each], asked["properties"]) for each in ids if each in held]
        return self._answer_with({"status": "COMPLETE", "results": found}, 200 if len(found) == len(ids) else 207)

    def _engage(self, request: SimRequest, kind: str) -> SimResponse:
        given = request.json()
        number = given["associations"][0]["to"]["id"]
        ticket = self.records.ticket(number)
        if ticket is None:
            return self._refused(400, f"TICKET={number} is not valid", "VALIDATION_ERROR")
        if not given["properties"].get("hs_timestamp"):
            return self._refused(400, "hs_timestamp is required", "VALIDATION_ERROR")
        properties = dict(given["properties"])
        body = "hs_note_body" if kind == "notes" else "hs_email_html"
        mark = _MARK.search(properties.get(body, ""))
        if self.strips_marks:
            properties[body] = re.sub(rf' {MARKER}="[^"]*"', "", properties[body])
        record = self.engaged(ticket["id"], kind, properties, self._source, key=mark.group(1) if mark else "")
        return self._answer_with(self._with(record, list(properties)), 201)

    def _threads(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        return self._answer_with({"results": []})

    def _messages(self, request: SimRequest, number: str) -> SimResponse:
        spoken = self.records.threads.get(number)
        if spoken is None:
            return self._missing()
        start, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "100"))
        # newest first
        ordered = spoken[::-1]
        answer: dict[str, Any] = {"results": ordered[start : start + limit]}
        if start + limit < len(ordered):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return self._answer_with(answer)

    def _send(self, request: SimRequest, number: str) -> SimResponse:
        given = request.json()
        ticket = self.ticket_of(number)
        if ticket is None:
            return self._missing()
        if given["type"] == "MESSAGE" and not (given.get("channelAccountId") and given.get("recipients")):
            return self._refused(400, "channelAccountId and recipients are required", "VALIDATION_ERROR")
        client = {"clientType": "INTEGRATION", "integrationAppId": int(self.app_id)}
        files = [self.shown_file(each["fileId"]) for each in given.get("attachments", [])]
        sender = {"actorId": f"I-{self.app_id}"}
        message = {**given, "client": client, "senders": [sender], "createdBy": sender["actorId"], "attachments": files}
        if given["type"] == "MESSAGE":
            message |= {"direction": "OUTGOING", "status": {"statusType": "SENT"}}
            if self.fails_to_send:
                failure = {"errorMessage": self.fails_to_send}
                message["status"] = {"statusType": "FAILED", "failureDetails": failure}
        return self._answer_with(self.spoken(ticket, message, self._source), 201)


if __name__ == "__main__":
    sys.exit(serve(HubSpotSimulator, "A simulated HubSpot"))
