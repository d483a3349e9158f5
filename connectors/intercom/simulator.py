"""An Intercom look-alike on loopback: the real paths, the real shapes, the real habits.

Times are whole seconds, tickets are found in no order, a reply to what nobody has rides on its assignment, and topics
about a part have the ticket beside it.
Run it as a process of its own with `python -m connectors.intercom.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import base64
import sys
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from connectors.intercom.sim_people import People
from connectors.intercom.sim_state import (
    ADMINS,
    GATEWAY,
    KEY,
    TYPE,
    InvalidError,
    Record,
    admin,
    seconds,
    shown,
)
from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve


class IntercomSimulator(People):
    """One workspace. The token is asked for where one is given; else any will do."""

    def __init__(self, *, token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.token = token
        #: how far the search runs behind
        self.search_lag = timedelta(0)
        #: it answers 200 to a change of state and leaves it
        self.keeps_state = False
        self.used_up = False

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the API."""
        number, kinds = r"(?P<number>\d+)", "(?P<kind>tickets|conversations)"
        return [
            ("GET", "/me", self._me),
            ("GET", "/admins", self._admins),
            ("GET", "/ticket_states", self._states),
            ("GET", rf"/ticket_types/{number}", self._type),
            ("GET", r"/contacts/(?P<number>\w+)", self._contact),
            ("POST", "/tickets", self._create),
            ("POST", f"/{kinds}/search", self._search),
            ("GET", f"/{kinds}/{number}", self._show),
            ("PUT", f"/{kinds}/{number}", self._update),
            ("POST", f"/{kinds}/{number}/reply", self._reply),
            ("POST", f"/conversations/{number}/parts", self._manage),
            ("GET", r"/_files/(?P<digest>\w+)/.+", self._bytes),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - it covers no time
        """Return the headers of a notification."""
        return {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "intercom-parrot-service-client/1.0",
            "X-Hub-Signature": "sha1=" + hmac_hex(self.webhook_secret, body, "sha1"),
            "X-Sim-Attempt": str(attempt),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse a wrong token, and everything while the window is used up."""
        given = request.headers.get("authorization", "")
        if request.path.startswith("/_files/"):
            return None
        if not given.startswith("Bearer ") or (self.token and given != f"Bearer {self.token}"):
            return self._refused(401, "unauthorized", "Access Token Invalid")
        return self._refused(429, "rate_limit_exceeded", "Exceeded rate limit") if self.used_up else None

    def _answer_with(self, value: Any, status: int = 200) -> SimResponse:
        now = self.now()
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "X-RateLimit-Limit": "166",
            "X-RateLimit-Remaining": "0" if self.used_up else "165",
            "X-RateLimit-Reset": str(seconds(now) + 7),
        }
        return json_answer(value, status, headers)

    def _refused(self, status: int, code: str, message: str, field: str = "") -> SimResponse:
        error = {"code": code, "message": message, **({"field": field} if field else {})}
        return self._answer_with({"type": "error.list", "request_id": "b2c4", "errors": [error]}, status)

    def _missing(self, kind: str = "Resource") -> SimResponse:
        return self._refused(404, "not_found", f"{kind} Not Found")

    # -- the API

    def _me(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return self._answer_with({**admin(GATEWAY), "app": {"type": "app", "id_code": "abc123def"}})

    def _admins(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        listed = [{"type": "admin", "id": number, **known} for number, known in ADMINS.items()]
        return self._answer_with({"type": "admin.list", "admins": listed})

    def _states(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        types = {"type": "list", "data": [{"type": "ticket_type", "id": TYPE}]}
        found = [{**self.records.state(each), "ticket_types": types, "archived": False} for each in self.records.states]
        return self._answer_with({"type": "list", "data": found})

    def _type(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if number != TYPE:
            return self._missing("Ticket type")
        listed = [{"type": "ticket_type_attribute", "name": each} for each in self.records.attributes]
        held = {"type": "list", "data": listed}
        return self._answer_with({"type": "ticket_type", "id": TYPE, "name": "Tickets", "ticket_type_attributes": held})

    def _contact(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        found = self.records.contacts.get(number)
        return self._answer_with(found) if found else self._missing("User")

    def _create(self, request: SimRequest) -> SimResponse:
        given = request.json()
        if str(given.get("ticket_type_id")) != TYPE:
            return self._refused(400, "parameter_invalid", "Ticket type not found", "ticket_type_id")
        people = [self.records.contact(each["email"]) for each in given.get("contacts", []) if "email" in each]
        try:
            record = self.records.ticket(given["ticket_attributes"], people, self.now())
        except InvalidError as error:
            return self._refused(400, error.code, error.message, error.field)
        author = {**admin(GATEWAY)}
        self.records.part(record, "ticket_state_updated_by_admin", author, self.now(), ticket_state="submitted",
                          previous_ticket_state="submitted", app_package_code="test-integration")  # fmt: skip
        assignment = given.get("assignment") or {}
        for sort in ("team", "admin"):
            if assignment.get(f"{sort}_assignee_id"):
                self.records.assign(record, sort, assignment[f"{sort}_assignee_id"], author, self.now())
        self._made(record, given["ticket_attributes"].get(KEY) or "")
        return self._answer_with(shown(record))

    def _found(self, kind: str, number: str) -> Record | None:
        """Return one: a customer's ticket is a conversation too."""
        found = self.records.held.get(number)
        return found if found and (found["type"] == "ticket" or kind == "conversations") else None

    def _show(self, request: SimRequest, kind: str, number: str) -> SimResponse:  # noqa: ARG002 - the same
        found = self._found(kind, number)
        return self._answer_with(shown(found)) if found else self._missing(kind)

    def _update(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        record, given = self._found(kind, number), request.json()
        if record is None:
            return self._missing(kind)
        author = admin(str(given.get("admin_id") or GATEWAY))
        changed: dict[str, Any] = {}
        try:
            if record["type"] == "ticket":
                changed = self._change(record, given, author)
            elif given.get("title") is not None and record["title"] != given["title"]:
                record |= {"title": given["title"], "updated_at": seconds(self.now())}
                changed["title"] = given["title"]
        except InvalidError as error:
            return self._refused(400, error.code, error.message, error.field)
        if changed:
            self.effect("fields", number, detail=changed)
        return self._answer_with(shown(record))

    def _change(self, record: Record, given: dict[str, Any], author: Record) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for name in self._set_attributes(record, given.get("ticket_attributes") or {}, author):
            changed[name] = given["ticket_attributes"][name]
        state = given.get("ticket_state_id")
        if state and not self.keeps_state and self._set_state(record, str(state), author):
            changed["state"] = state
        if "assignee_id" in given:
            number = str(given["assignee_id"])
            sort = "admin" if number in {"0", *ADMINS} else "team"
            if self._assign(record, sort, number, author):
                changed[sort] = number
        return changed

    def _reply(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        record, given = self._found(kind, number), request.json()
        if record is None:
            return self._missing(kind)
        if given.get("admin_id") not in ADMINS:
            return self._refused(400, "parameter_invalid", "Admin not found", "admin_id")
        attached = [
            self.file(each["name"], each["content_type"], base64.b64decode(each["data"]))
            for each in given.get("attachment_files", [])
        ]
        author, public = admin(given["admin_id"]), given["message_type"] == "comment"
        part = self._say(record, given["body"], author, public=public, attached=attached)
        part["app_package_code"] = "test-integration"
        return self._answer_with(part if kind == "tickets" else shown(record))

    def _manage(self, request: SimRequest, number: str) -> SimResponse:
        record, given = self.records.held.get(number), request.json()
        if record is None or record["type"] == "ticket":
            return self._missing("Conversation")
        author, word = admin(given["admin_id"]), given["message_type"]
        if word == "assignment":
            self._assign(record, given["type"], str(given["assignee_id"]), author)
        else:
            self._act(record, word, author, given.get("snoozed_until"))
        self.effect("fields", number, detail=given)
        return self._answer_with(shown(record))

    def _search(self, request: SimRequest, kind: str) -> SimResponse:
        asked = request.json()
        (wanted,) = asked["query"]["value"]
        newest = seconds(self.now() - self.search_lag)
        found = [
            each
            for each in self.records.held.values()
            if self._found(kind, each["id"])
            and each["created_at" if wanted["field"] == "created_at" else "updated_at"] > wanted["value"]
            and each["updated_at"] <= newest
        ]
        page = asked.get("pagination", {})
        start, size = int(page.get("starting_after") or 0), int(page.get("per_page", 20))
        if size > 150:
            return self._refused(400, "parameter_invalid", "per_page is invalid", "per_page")
        pages: dict[str, Any] = {"type": "pages", "per_page": size}
        if start + size < len(found):
            pages["next"] = {"per_page": size, "starting_after": str(start + size)}
        listed = []
        for each in found[start : start + size]:
            one = shown(each)
            if kind == "conversations" and each["type"] == "ticket":
                one = {"type": "conversation", "id": each["id"], "updated_at": each["updated_at"], "state": "open",
                       "ticket": {"type": "ticket", "id": each["id"]}}  # fmt: skip
            listed.append(one)
        name = kind
        return self._answer_with({"type": f"{kind[:-1]}.list", name: listed, "total_count": len(found), "pages": pages})

    def _bytes(self, request: SimRequest, digest: str) -> SimResponse:
        held = self.records.files.get(digest)
        if held is None or request.query.get("expires") == "0":
            return SimResponse(403)
        return SimResponse(200, {"Content-Type": "application/octet-stream"}, held)


if __name__ == "__main__":
    sys.exit(serve(IntercomSimulator, "A simulated Intercom"))
