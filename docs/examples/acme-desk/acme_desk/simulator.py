"""A simulated Acme Desk on loopback: its paths, its errors, its pages and its habits."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import msgspec

from acme_desk.webhook import signature
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer

API = "/api/v1"
Json = dict[str, Any]
PAGE = 100
FIELDS = ("subject", "status", "priority", "tags", "external_id")


class AcmeSimulator(SimulatedDesk):
    """One account with two agents, the gateway's and a person's; `token` is asked for."""

    def __init__(self, *, token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.token = token
        self.me = {"id": 1, "name": "Gateway", "email": "gateway@desk.example", "role": "agent"}
        self.agent = {"id": 2, "name": "Agent", "email": "agent@desk.example", "role": "agent"}
        self.customers: dict[str, Json] = {}
        self.tickets: dict[int, Json] = {}
        self.comments: dict[int, list[Json]] = {}
        #: what happens now was begun before the last change
        self.slow = False
        #: who made which change when: number, ticket, time, whether it was deleted
        self.log: list[tuple[int, int, datetime, bool]] = []
        self.keys: dict[str, int] = {}
        self.files: dict[int, tuple[str, str, bytes]] = {}
        self._ids = count(3)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the interface."""
        one = rf"{API}/tickets/(?P<number>[0-9]+)"
        return [
            ("GET", f"{API}/me", lambda _: json_answer({"agent": self.me})),
            ("GET", f"{API}/tickets", self._find),
            ("POST", f"{API}/tickets", self._create),
            ("GET", one, self._show),
            ("PATCH", one, self._change),
            ("GET", f"{one}/comments", self._list_comments),
            ("POST", f"{one}/comments", self._comment),
            ("GET", f"{API}/changes", self._list_changes),
            ("POST", f"{API}/uploads", self._upload),
            ("GET", rf"{API}/files/(?P<number>[0-9]+)", self._download),
        ]

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse a request without the token."""
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "unauthorized", "Invalid token")
        return None

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - each try is the same
        """Return the headers of one sending: a delivery keeps its name, its time is that of the try."""
        delivery, stamp = msgspec.json.decode(body)["id"], str(int(now.timestamp()))
        return {
            "Content-Type": "application/json",
            "X-Acme-Delivery": delivery,
            "X-Acme-Timestamp": stamp,
            "X-Acme-Signature": signature(self.webhook_secret, delivery, stamp, body),
        }

    # ------------------------------------------------------------ people

    def act_create(self, subject: str, description: str, email: str) -> int:
        """Let a customer open a ticket."""
        return int(self._new({"subject": subject, "description": description}, self._customer(email), {}))

    def act_say(self, number: int, body: str, *, public: bool = True, by: str = "agent") -> None:
        """Let somebody comment."""
        author = self.agent if by == "agent" else self.tickets[number]["requester"]
        self._say(number, {"body": body, "public": public}, author)

    def act_set(self, number: int, **changes: Any) -> None:
        """Let the agent change fields."""
        self._set(number, changes, self.agent)

    def act_delete(self, number: int) -> None:
        """Let the agent delete a ticket."""
        gone = self.tickets.pop(number)
        self._stamp(number, gone, deleted=True)
        self.effect("delete", str(number))
        self._tell("ticket.deleted", self.agent, gone)

    def act_attach(self, number: int, name: str, data: bytes, *, public: bool = True) -> None:
        """Let the agent comment with a file."""
        file = self._keep(name, "image/png" if name.endswith(".png") else "", data)
        self._say(number, {"body": "See the file.", "public": public, "upload_ids": [str(file)]}, self.agent)

    # ------------------------------------------------------------ what happens

    def _customer(self, email: str, name: str = "") -> Json:
        known = self.customers.get(email)
        if known is None:
            known = {"id": next(self._ids), "name": name or email, "email": email, "role": "customer"}
            self.customers[email] = known
        return known

    def _person(self, number: Any) -> Json | None:
        everybody = (self.me, self.agent, *self.customers.values())
        return next((each for each in everybody if each["id"] == number), None)

    def _stamp(self, number: int, ticket: Json, *, deleted: bool = False) -> None:
        """Give a change the next number, and keep it in the log."""
        now, sequence = self.now(), self._next()
        ticket |= {"sequence": sequence, "updated_at": now.isoformat()}
        self.log.append((sequence, number, now, deleted))
        self.log.sort()

    def _next(self) -> int:
        """Return the number of a change. Of two, one is for what began before and is committed after the others."""
        last = self.log[-1][0] if self.log else 0
        if not self.slow:
            return last + 2
        taken = {each[0] for each in self.log}
        return max(number for number in range(1, last) if number not in taken)

    def _tell(self, event: str, actor: Json, ticket: Json, **more: Any) -> None:
        said = {"id": f"dlv-{len(self.log):08d}-{event}", "event": event, "at": self.now().isoformat()}
        self.announce({**said, "actor": actor, "ticket": ticket, **more})

    def _new(self, given: Json, requester: Json, meta: Json) -> int:
        number = next(self._ids)
        ticket = {
            "id": number,
            "subject": " ".join(str(given["subject"]).split())[:250].rstrip(),
            "description": given["description"],
            "status": given.get("status", "new"),
            "priority": given.get("priority", "none"),
            "tags": given.get("tags", []),
            "requester": requester,
            "assignee": self._person(given.get("assignee_id")),
            "external_id": given.get("external_id"),
            "created_at": self.now().isoformat(),
            "files": [self._described(int(each)) for each in given.get("upload_ids", ())],
        }
        self.tickets[number], self.comments[number] = ticket, []
        self._stamp(number, ticket)
        self.effect("create", str(number), detail={"subject": ticket["subject"]}, **meta)
        self._tell("ticket.created", self.me if meta else requester, ticket)
        return number

    def _set(self, number: int, given: Json, actor: Json) -> None:
        ticket = self.tickets[number]
        wanted = {name: given[name] for name in FIELDS if name in given}
        if "subject" in wanted:
            wanted["subject"] = " ".join(str(wanted["subject"]).split())[:250].rstrip()
        if "assignee_id" in given:
            wanted["assignee"] = self._person(given["assignee_id"])
        changes = {name: {"from": ticket[name], "to": to} for name, to in wanted.items() if ticket[name] != to}
        self.effect("fields", str(number), detail=wanted)
        if changes:
            ticket |= wanted
            self._stamp(number, ticket)
            self._tell("ticket.updated", actor, ticket, changes=changes)

    def _say(self, number: int, given: Json, author: Json, key: str = "") -> Json:
        comment = {
            "id": next(self._ids),
            "body": given["body"],
            "public": given["public"],
            "author": author,
            "external_id": given.get("external_id"),
            "created_at": self.now().isoformat(),
            "files": [self._described(int(each)) for each in given.get("upload_ids", ())],
        }
        self.comments[number].append(comment)
        self._stamp(number, self.tickets[number])
        self.effect("comment", str(number), key=key, change_id=str(comment["id"]), detail={"body": given["body"]})
        self._tell("comment.created", author, self.tickets[number], comment=comment)
        return comment

    def _keep(self, name: str, mime: str, data: bytes) -> int:
        number = next(self._ids)
        self.files[number] = (name, mime or "application/octet-stream", data)
        return number

    def _described(self, number: int) -> Json:
        name, mime, data = self.files[number]
        return {"id": number, "name": name, "type": mime, "size": len(data)}

    # ------------------------------------------------------------ the interface

    def _find(self, request: SimRequest) -> SimResponse:
        wanted = request.query.get("external_id", "")
        return json_answer({"tickets": [each for each in self.tickets.values() if each["external_id"] == wanted]})

    def _create(self, request: SimRequest) -> SimResponse:
        given, key = request.json()["ticket"], request.headers.get("idempotency-key", "")
        if not given.get("subject") or not given.get("description"):
            return _error(422, "invalid", "subject and description are needed")
        # a request without a key is one of its own
        if not key or key not in self.keys:
            who = given.get("requester") or {}
            requester = self._customer(who.get("email") or "nobody@desk.example", who.get("name", ""))
            self.keys[key] = self._new(given, requester, {"key": key})
        return json_answer({"ticket": self.tickets[self.keys[key]]}, 201)

    def _show(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - every route is given it
        found = self.tickets.get(int(number))
        return json_answer({"ticket": found}) if found else _missing()

    def _change(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.tickets:
            return _missing()
        self._set(int(number), request.json()["ticket"], self.me)
        return json_answer({"ticket": self.tickets[int(number)]})

    def _list_comments(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.tickets:
            return _missing()
        wanted = request.query.get("external_id")
        found = [each for each in self.comments[int(number)] if wanted in {None, each["external_id"]}]
        page = int(request.query.get("page", "1"))
        more = len(found) > page * PAGE
        shown = found[(page - 1) * PAGE : page * PAGE]
        return json_answer({"comments": shown, "next_page": page + 1 if more else None})

    def _comment(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.tickets:
            return _missing()
        given = request.json()["comment"]
        if not given.get("body"):
            return _error(422, "invalid", "body is needed")
        comment = self._say(int(number), given, self.me, str(given.get("external_id") or ""))
        return json_answer({"ticket": self.tickets[int(number)], "comment": comment}, 201)

    def _list_changes(self, request: SimRequest) -> SimResponse:
        after, since = int(request.query.get("after", "0")), request.query.get("since")
        begin = datetime.fromisoformat(since) if since else None
        found = [each for each in self.log if each[0] > after and (begin is None or each[2] >= begin)]
        size = min(int(request.query.get("limit", PAGE)), PAGE)
        shown = [
            {
                "sequence": number,
                "deleted": ticket not in self.tickets,
                "ticket": self.tickets.get(ticket) or {"id": ticket, "sequence": number, "updated_at": at.isoformat()},
            }
            for number, ticket, at, _ in found[:size]
        ]
        last = found[:size][-1][0] if found[:size] else max(after, self.log[-1][0] if self.log else 0)
        return json_answer({"changes": shown, "last": last, "more": len(found) > size})

    def _upload(self, request: SimRequest) -> SimResponse:
        number = self._keep(request.query["name"], request.headers.get("content-type", ""), request.body)
        return json_answer({"upload": {"id": str(number)}}, 201)

    def _download(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if int(number) not in self.files:
            return _missing()
        _, mime, data = self.files[int(number)]
        return SimResponse(200, {"Content-Type": mime}, data)


def _error(status: int, code: str, message: str) -> SimResponse:
    return json_answer({"error": {"code": code, "message": message}}, status)


def _missing() -> SimResponse:
    return _error(404, "not_found", "There is no such thing")
