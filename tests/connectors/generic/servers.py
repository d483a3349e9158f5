"""What stands in for the desks of the examples: as much of each as its documentation says of these requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer

Row = dict[str, Any]


class Server(SimulatedDesk):
    """A server that keeps what it was sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[SimRequest, Any]] = []
        super().__init__()

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Return nothing: it sends nothing."""
        return {}

    def keep(self, request: SimRequest) -> Any:
        """Note a request and return its JSON."""
        body = request.json() if request.body else {}
        self.heard.append((request, body))
        return body


class CatchHook(Server):
    """Zapier's: takes anything and says so."""

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the one address."""
        return [("POST", "/hooks/catch/1/abc/", self._catch)]

    def _catch(self, request: SimRequest) -> SimResponse:
        self.keep(request)
        return json_answer({"status": "success", "attempt": "0194", "id": "0194", "request_id": "0194"})


class OsTicket(Server):
    """osTicket: one address, a bare number for an answer."""

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the one address."""
        return [("POST", "/tickets.json", self._create)]

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        if request.headers.get("x-api-key") != "osticket_key":
            return SimResponse(401, {"Content-Type": "text/plain"}, b"Valid API key required")
        if set(body) - {"name", "email", "subject", "message", "source"}:
            return SimResponse(400, {"Content-Type": "text/plain"}, b"Unexpected or invalid data received")
        return SimResponse(201, {"Content-Type": "text/html"}, b"004217")


class Znuny(Server):
    """The generic interface: errors with 200, searches that give bare ids, times without a zone."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, Row] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the routes of the example's web service."""
        return [
            ("POST", "/Ticket", self._create),
            ("POST", "/TicketSearch", self._search),
            ("GET", r"/Ticket/(?P<number>\d+)", self._get),
            ("PATCH", r"/Ticket/(?P<number>\d+)", self._update),
        ]

    def _said(self, article: Row, sender: str, by: str) -> Row:
        number = str(100 + sum(len(each["Article"]) for each in self.tickets.values()))
        at = self.now().strftime("%Y-%m-%d %H:%M:%S")
        return {"ArticleID": number, "SenderType": sender, "CreateBy": by, "CreateTime": at, **article}

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        if not body["Ticket"].get("Queue"):
            return self._error("TicketCreate.MissingParameter", "Ticket->Queue is missing")
        return json_answer({"TicketID": self.open(body), "TicketNumber": "2026"})

    def open(self, body: Row, by: str = "7") -> str:
        """Make a ticket."""
        number, at = str(len(self.tickets) + 41), self.now().strftime("%Y-%m-%d %H:%M:%S")
        article = {**body["Article"], "IsVisibleForCustomer": str(body["Article"]["IsVisibleForCustomer"])}
        self.tickets[number] = {
            "TicketID": number, "TicketNumber": f"2026{number}", "State": "new", "Priority": "3 normal",
            "Owner": "root",
            "Created": at, "Changed": at, **body["Ticket"], "DynamicField": body.get("DynamicField", []), "Article": [],
        }  # fmt: skip
        self.tickets[number]["Article"].append(self._said(article, "customer", by))
        return number

    def _get(self, request: SimRequest, number: str) -> SimResponse:
        assert request.query["AllArticles"] == "1"
        found = self.tickets.get(number)
        return json_answer({"Ticket": [found]}) if found else self._error("TicketGet.AccessDenied", "no access")

    def _search(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        wanted = body.get("DynamicField_GatewayKey", {}).get("Equals")
        since = body.get("TicketLastChangeTimeNewerDate", "")
        marks = {number: {field["Value"] for field in each["DynamicField"]} for number, each in self.tickets.items()}
        found = [
            number
            for number, each in self.tickets.items()
            if each["Changed"] >= since and (wanted is None or wanted in marks[number])
        ]
        return json_answer({"TicketID": found} if found else {})

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        body, ticket = self.keep(request), self.tickets.get(number)
        if ticket is None:
            return self._error("TicketUpdate.AccessDenied", "no access to this ticket")
        if body.get("Ticket", {}).get("State") == "nonsense":
            return self._error("TicketUpdate.InvalidParameter", "State is invalid")
        ticket |= body.get("Ticket", {})
        answer: Row = {"TicketID": number}
        if "Article" in body:
            visible = str(body["Article"]["IsVisibleForCustomer"])
            said = self._said({**body["Article"], "IsVisibleForCustomer": visible}, "agent", "7")
            ticket["Article"].append(said)
            answer["ArticleID"] = said["ArticleID"]
        return json_answer(answer)

    def _error(self, code: str, words: str) -> SimResponse:
        return json_answer({"Error": {"ErrorCode": code, "ErrorMessage": words}})


class Chatwoot(Server):
    """Conversations, their messages in pages from the newest back, one address for each field."""

    def __init__(self) -> None:
        super().__init__()
        sender = {"id": 12, "name": "Kim", "email": "kim@example.com", "type": "contact"}
        self.conversation: Row = {
            "id": 11, "status": "open", "priority": None, "labels": [], "created_at": 1_783_681_474,
            "updated_at": 1_783_918_924.64, "meta": {"sender": sender, "assignee": None},
        }  # fmt: skip
        self.messages: list[Row] = []
        self.say("It burns", sender, 0)

    def say(self, text: str, sender: Row | None, kind: int, **more: Any) -> Row:
        """Add a message."""
        number = len(self.messages) + 1
        said = {
            "id": number, "content": text, "message_type": kind, "created_at": 1_783_681_474 + number, "private": False,
            "content_attributes": {}, "sender": sender, **more,
        }  # fmt: skip
        self.messages.append(said)
        return said

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the example."""
        inner = "/accounts/1/conversations"
        found: list[tuple[str, str, Handler]] = [
            ("GET", "/profile", lambda _: json_answer({"id": 3, "name": "Gateway", "email": "gateway@acme.example"})),
            ("GET", inner, lambda request: json_answer(
                {"data": {"payload": [self.conversation] if request.query.get("page") == "1" else []}})),
            ("GET", f"{inner}/11", lambda _: json_answer(self.conversation)),
            ("GET", f"{inner}/11/messages", self._messages),
            ("POST", f"{inner}/11/messages", self._post),
        ]  # fmt: skip
        for word, name in (("status", "status"), ("priority", "priority")):
            found.append(("POST", f"{inner}/11/toggle_{word}", self._set(name, name)))
        found.append(("POST", f"{inner}/11/labels", self._set("labels", "labels")))
        found.append(("POST", f"{inner}/11/assignments", self._assign))
        return found

    def _messages(self, request: SimRequest) -> SimResponse:
        before = int(request.query.get("before", "1000000"))
        return json_answer({"payload": [each for each in self.messages if each["id"] < before][-20:]})

    def _post(self, request: SimRequest) -> SimResponse:
        given = self.keep(request)
        us = {"id": 3, "name": "Gateway", "type": "user"}
        kind = {"incoming": 0, "outgoing": 1}[given["message_type"]]
        return json_answer(self.say(given["content"], us, kind, private=given["private"],
                                    content_attributes=given["content_attributes"]))  # fmt: skip

    def _set(self, name: str, field: str) -> Callable[[SimRequest], SimResponse]:
        def answer(request: SimRequest) -> SimResponse:
            self.conversation[field] = self.keep(request)[name]
            return json_answer({"payload": {"success": True}})

        return answer

    def _assign(self, request: SimRequest) -> SimResponse:
        self.conversation["meta"]["assignee"] = {"id": self.keep(request)["assignee_id"], "name": "Ann"}
        return json_answer({"id": 5})
