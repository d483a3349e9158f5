"""A help desk that somebody made at home: a small JSON interface of its own, and webhooks by Standard Webhooks.

It is nobody's product: it has what a desk of one team has, and the connector knows it by settings alone
(bench.py, and docs/connectors/generic.md). Run it: `python -m connectors.generic.simulator`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.generic.signing import full, sign
from connectors.sdk import HttpRequest
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

TITLE = "A simulated desk made at home"
API = "/api"
CREDENTIAL = "home-desk-0123-of-the-gateway"
PAGE = 50

STATES = ("new", "open", "waiting for customer", "parked", "done", "archived")
FIELDS = ("subject", "state", "urgency", "type", "team", "agent", "labels", "text", "extra", "ref")

Row = dict[str, Any]


class HomeDesk(SimulatedDesk):
    """One such desk, in memory."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.token = CREDENTIAL
        self.tickets: dict[str, Row] = {}
        self.messages: dict[str, list[Row]] = {}
        #: what was uploaded, by its number; a message or a ticket names it, and until then nobody sees it
        self.files: dict[str, tuple[Row, bytes]] = {}
        self._changes = 0
        #: answers by the keys of the requests that they were given to: it does nothing twice for one
        self._answered: dict[str, SimResponse] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return its few paths."""
        ticket = r"/tickets/(?P<number>[^/]+)"
        found: list[tuple[str, str, Handler]] = [
            ("GET", "/me", lambda _: json_answer({"user": self._user("gateway")})),
            ("GET", "/tickets", self._list),
            ("POST", "/tickets", self._once(self._post)),
            ("GET", ticket, self._show),
            ("PATCH", ticket, self._patch),
            ("GET", f"{ticket}/messages", self._list_messages),
            ("POST", f"{ticket}/messages", self._once(self._post_message)),
            ("POST", "/files", self._upload),
            ("GET", r"/files/(?P<number>[^/]+)/content", self._content),
        ]
        return [(method, API + path, handler) for method, path, handler in found]

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse without the token."""
        if request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return json_answer({"problem": "who are you?"}, 401)

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - each try is alike
        """Sign as standardwebhooks.com has it; the id of a message is the same for every try."""
        name = str(msgspec.json.decode(body).get("id"))
        headers = {"webhook-id": name, "Content-Type": "application/json"}
        request = HttpRequest("POST", "", headers=headers, body=body)
        return headers | sign(full({}), [self.webhook_secret], request, now)

    # -- showing

    def _user(self, name: str) -> Row:
        role = "customer" if "@" in name else "staff"
        return {
            "login": name,
            "mail": name if "@" in name else f"{name}@desk.example",
            "name": name.title(),
            "role": role,
        }

    def _shown(self, ticket: Row) -> Row:
        return {**ticket, "customer": self._user(ticket["customer"]), "link": f"{self.url}/t/{ticket['number']}"}

    def _list(self, request: SimRequest) -> SimResponse:
        query = request.query
        found = [each for each in self.tickets.values() if not each["gone"]]
        if "ref" in query:
            found = [each for each in found if each["ref"] == query["ref"]]
        since = datetime.fromisoformat(query.get("since", "1970-01-01T00:00:00Z"))
        found = [each for each in found if datetime.fromisoformat(each["changed"]) >= since]
        found.sort(key=lambda each: each["rev"])
        page = int(query.get("page", "1"))
        return self._told({"tickets": [self._shown(each) for each in found[(page - 1) * PAGE : page * PAGE]]})

    def _show(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - as handlers are called
        ticket = self.tickets.get(number)
        if ticket is None:
            return json_answer({"problem": f"there is no ticket {number}"}, 404)
        return self._told({"ticket": self._shown(ticket)})

    def _list_messages(self, request: SimRequest, number: str) -> SimResponse:
        page = int(request.query.get("page", "1"))
        found = self.messages.get(number)
        if found is None:
            return json_answer({"problem": f"there is no ticket {number}"}, 404)
        shown = [{**each, "by": self._user(each["by"])} for each in found[(page - 1) * PAGE : page * PAGE]]
        return self._told({"messages": shown})

    def _told(self, value: Row, status: int = 200) -> SimResponse:
        return json_answer(value, status, {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "599"})

    # -- files

    def _upload(self, request: SimRequest) -> SimResponse:
        kind = request.headers.get("content-type", "application/octet-stream")
        return self._told({"file": self._kept(request.query.get("name") or "file", kind, request.body)}, 201)

    def _kept(self, name: str, kind: str, data: bytes) -> Row:
        number = f"f{len(self.files) + 1}"
        about = {"id": number, "name": name, "type": kind, "size": len(data), "private": True}
        self.files[number] = (about, data)
        return about

    def _content(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - as handlers are called
        if number not in self.files:
            return json_answer({"problem": f"there is no file {number}"}, 404)
        about, data = self.files[number]
        return SimResponse(200, {"Content-Type": about["type"]}, data)

    def _named(self, given: Row, *, private: bool) -> list[Row]:
        """Return the files that a message or a ticket names, shown to whom it is."""
        found = []
        for number in given.get("files") or []:
            about, _ = self.files[str(number)]
            about["private"] = private
            found.append(about)
        return found

    # -- changing

    def _touch(self, ticket: Row) -> None:
        self._changes += 1
        ticket |= {"rev": self._changes, "changed": self.now().astimezone(UTC).isoformat()}

    def _refuse(self, given: Row) -> SimResponse | None:
        state = given.get("state")
        if state is not None and state not in STATES:
            return json_answer({"problem": f"there is no state {state!r}"}, 422)
        return None

    def _once(self, handler: Handler) -> Handler:
        """Let a request with an Idempotency-Key take effect once, and be answered alike ever after."""

        def answer(request: SimRequest, **parts: str) -> SimResponse:
            key = request.headers.get("idempotency-key", "")
            if not key:
                return handler(request, **parts)
            if key not in self._answered:
                self._answered[key] = handler(request, **parts)
            return self._answered[key]

        return answer

    def _post(self, request: SimRequest) -> SimResponse:
        given = request.json()
        refusal = self._refuse(given) or (None if given.get("subject") else json_answer({"problem": "no subject"}, 422))
        if refusal is not None:
            return refusal
        return self._told({"ticket": self._shown(self._made(given, "gateway"))}, 201)

    def _made(self, given: Row, who: str) -> Row:
        number = str(len(self.tickets) + 1)
        at = self.now().astimezone(UTC).isoformat()
        asked = given.get("customer") or {}
        ticket = {
            "number": number, "subject": "", "text": "", "state": "new", "urgency": 3, "type": "question", "team": "",
            "agent": None, "labels": [], "created": at, "ref": given.get("ref", ""), "gone": False, "merged_into": None,
            "customer": str(asked.get("mail") or who), "extra": {}, "files": self._named(given, private=False),
            **{name: given[name] for name in FIELDS if given.get(name) is not None},
        }  # fmt: skip
        ticket["subject"] = str(ticket["subject"]).strip()
        self._touch(ticket)
        self.tickets[number], self.messages[number] = ticket, []
        self.effect(
            "create", number, key=ticket["ref"], change_id=str(ticket["rev"]), detail={"subject": ticket["subject"]}
        )
        self._tell("ticket.created", ticket, who)
        return ticket

    def _patch(self, request: SimRequest, number: str) -> SimResponse:
        ticket, given = self.tickets.get(number), request.json()
        if ticket is None:
            return json_answer({"problem": f"there is no ticket {number}"}, 404)
        refusal = self._refuse(given)
        if refusal is not None:
            return refusal
        seen = request.headers.get("if-match", "").strip('"')
        if seen and seen != str(ticket["rev"]):
            return json_answer({"problem": "somebody has changed it since"}, 412)
        self._change(ticket, given, "gateway")
        return self._told({"ticket": self._shown(ticket)})

    def _change(self, ticket: Row, given: Row, who: str) -> None:
        wanted = {name: given[name] for name in FIELDS if name in given}
        if "subject" in wanted:
            wanted["subject"] = str(wanted["subject"]).strip()
        if all(ticket[name] == value for name, value in wanted.items()):
            return
        ticket |= wanted
        self._touch(ticket)
        detail = {"given": {name: str(value) for name, value in wanted.items()}}
        self.effect("fields", ticket["number"], change_id=str(ticket["rev"]), detail=detail)
        self._tell("ticket.changed", ticket, who)

    def _post_message(self, request: SimRequest, number: str) -> SimResponse:
        ticket, given = self.tickets.get(number), request.json()
        if ticket is None:
            return json_answer({"problem": f"there is no ticket {number}"}, 404)
        private = given.get("private") is not False
        files, ref = self._named(given, private=private), str(given.get("ref") or "")
        said = self._say(ticket, str(given.get("text")), "gateway", private=private, ref=ref, files=files)
        return self._told({"message": said}, 201)

    def _say(
        self, ticket: Row, text: str, who: str, *, private: bool, ref: str = "", files: list[Row] | None = None
    ) -> Row:
        number = f"{ticket['number']}-{len(self.messages[ticket['number']]) + 1}"
        at = self.now().astimezone(UTC).isoformat()
        said: Row = {"id": number, "text": text, "private": private, "by": who, "at": at, "ref": ref}
        said["files"] = files or []
        self.messages[ticket["number"]].append(said)
        self._touch(ticket)
        self.effect("comment", ticket["number"], key=ref, change_id=number, detail={"text": text, "private": private})
        self._tell("ticket.message", ticket, who, said)
        return said

    def _tell(self, kind: str, ticket: Row, who: str, message: Row | None = None) -> None:
        """Send a webhook."""
        data: Row = {"ticket": self._shown(ticket), "by": self._user(who)}
        if message is not None:
            data["message"] = {**message, "by": self._user(message["by"])}
        self.announce({"id": f"msg_{ticket['rev']}", "type": kind, "timestamp": ticket["changed"], "data": data})

    # -- people

    def act_open(self, subject: str, text: str, mail: str) -> str:
        """Let a customer open a ticket."""
        return str(self._made({"subject": subject, "text": text, "customer": {"mail": mail}}, mail)["number"])

    def act_say(self, ticket: str, text: str, by: str = "agent1", *, private: bool = False) -> str:
        """Let somebody write; of the customer `by` is empty."""
        held = self._found(ticket)
        return str(self._say(held, text, by or held["customer"], private=private)["id"])

    def act_attach(self, ticket: str, name: str, data: list[int], *, private: bool = False) -> str:
        """Let an agent put a file on a ticket, with a word; its bytes are numbers."""
        about = self._kept(name, "image/png" if name.endswith(".png") else "application/octet-stream", bytes(data))
        files = self._named({"files": [about["id"]]}, private=private)
        return str(self._say(self._found(ticket), "See the file", "agent1", private=private, files=files)["id"])

    def act_set(self, ticket: str, by: str = "agent1", **fields: Any) -> None:
        """Let an agent change fields, by the desk's names."""
        self._change(self._found(ticket), fields, by)

    def act_merge(self, ticket: str, into: str) -> None:
        """Let an agent merge a ticket into another."""
        held = self._found(ticket)
        held["merged_into"] = self._found(into)["number"]
        self._touch(held)
        self._tell("ticket.merged", held, "agent1")

    def act_delete(self, ticket: str) -> None:
        """Let an agent delete a ticket: it is not listed any more, and answers that it is gone."""
        held = self._found(ticket)
        held["gone"] = True
        self._touch(held)
        self._tell("ticket.deleted", held, "agent1")

    def act_restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        held = self.tickets[ticket]
        held["gone"] = False
        self._touch(held)
        self._tell("ticket.updated", held, "agent1")

    def _found(self, number: str) -> Row:
        if number not in self.tickets:
            msg = f"no ticket {number}"
            raise LookupError(msg)
        return self.tickets[number]


if __name__ == "__main__":
    sys.exit(serve(HomeDesk, TITLE))
