"""A Help Scout look-alike on loopback: the Mailbox API 2.0 with its HAL lists, its empty answers and its habits.

Lists have 25 records a page and show no time of modification; writes answer 201 with `Resource-ID`, or 204, and no
body; a merged conversation answers 301; the event of a webhook stands in a header that nothing signs. Run it as a
process of its own with `python -m connectors.helpscout.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from connectors.content import to_html
from connectors.helpscout.sim_state import MAILBOXES, MAX_THREADS, InvalidError, Records, plain, stamp
from connectors.sdk import hmac_base64
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

PAGE = 25
ACCESS = "an-access-token-0123456789"
_KEY = re.compile(r'class="gateway-([^"]*)"')


class HelpScoutSimulator(SimulatedDesk):
    """One account. `client_id` and `client_secret` are asked for where they are given; else any token will do."""

    def __init__(self, *, client_id: str = "", client_secret: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.records = Records()
        self.client = (client_id, client_secret)
        #: the desk's sanitiser leaves the classes of texts alone
        self.keeps_classes = True
        #: the event of each webhook, by its body: it is no part of what is signed
        self._events: dict[bytes, str] = {}

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the Mailbox API."""
        one = r"/v2/conversations/(?P<number>\d+)"
        return [
            ("POST", "/v2/oauth2/token", self._token),
            ("GET", "/v2/users/me", self._me),
            ("GET", "/v2/users", self._users),
            ("GET", "/v2/mailboxes", self._mailboxes),
            ("POST", "/v2/conversations", self._create),
            ("GET", "/v2/conversations", self._list),
            ("GET", one, self._show),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("PUT", f"{one}/(?P<what>tags|fields)", self._replace),
            ("GET", f"{one}/threads", self._threads),
            ("POST", f"{one}/(?P<kind>notes|reply)", self._comment),
            ("GET", rf"{one}/attachments/(?P<file>\d+)/data", self._file),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - nothing signs them
        """Return the headers of a webhook: the signature covers the body alone."""
        return {
            "Content-Type": "application/json",
            "X-HelpScout-Event": self._events.get(body, "convo.status"),
            "X-HelpScout-Signature": hmac_base64(self.webhook_secret, body, "sha1"),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse whoever has no access token; who asks for one is asked for the app's id and secret."""
        given = request.headers.get("authorization", "")
        if request.path == "/v2/oauth2/token" or given == f"Bearer {ACCESS}" or (given and not self.client[0]):
            return None
        return json_answer({"message": "Invalid token"}, 401, self._limits())

    # -- what people do

    def act_create(self, subject: str, body: str, *, email: str = "customer@example.com") -> int:
        """Let a customer write in; `body` is Markdown, of which their mail program makes HTML."""
        given = {
            "subject": subject, "customer": {"email": email}, "mailboxId": 85, "type": "email", "status": "active",
            "threads": [{"type": "customer", "text": to_html(body)}],
        }  # fmt: skip
        made = self.records.create(given, self.now(), "email")
        self._made(made, "")
        return int(made["id"])

    def act_say(
        self, conversation: int | str, body: str, *, public: bool = True, by: str = "user", html: str = "",
        files: list[Any] | None = None,
    ) -> int:  # fmt: skip
        """Let a user or the customer (`by`) reply, or a user note; returns the thread's id."""
        number = int(conversation)
        kind = "customer" if by == "customer" else "message" if public else "note"
        who = self.records.conversations[number]["primaryCustomer"]["id"] if by == "customer" else self.records.person
        kept = self.records.conversations[number]["status"] if by != "customer" else "active"
        given = {"status": kept, "attachments": files or []}
        return self._spoken(number, self.records.say(number, html or to_html(body), kind, who, self.now(), given), "")

    def act_patch(self, conversation: int | str, path: str, value: Any, event: str = "convo.status") -> None:
        """Let a user change one field."""
        number = int(conversation)
        self.records.patch(
            number, {"op": "move" if path == "/mailboxId" else "replace", "path": path, "value": value}, self.now()
        )
        self.effect("fields", str(number), detail={path: value})
        self._announce(number, event)

    def act_tag(self, conversation: int | str, tags: list[str]) -> None:
        """Let a workflow set the tags: no user has touched it then."""
        held = self.records.conversations[int(conversation)]
        before = held["userUpdatedAt"]
        self.records.replace(int(conversation), {"tags": tags}, self.now())
        held["userUpdatedAt"] = before
        self.effect("fields", str(conversation), detail={"tags": tags})

    def act_field(self, conversation: int | str, field: int, value: str) -> None:
        """Let an app set one custom field."""
        held = self.records.conversations[int(conversation)]
        kept = [{"id": each["id"], "value": each["value"]} for each in held["customFields"] if each["id"] != field]
        self.records.replace(int(conversation), {"fields": [*kept, {"id": field, "value": value}]}, self.now())
        self.effect("fields", str(conversation), detail={str(field): value})

    def act_merge(self, conversation: int | str, into: int | str) -> None:
        """Let a user merge a conversation into another: its threads go there, its id answers 301."""
        number, other = int(conversation), int(into)
        self.records.merged[number] = other
        self.records.threads[other] += self.records.threads.pop(number)
        self.records.conversations[other]["threads"] = len(self.records.threads[other])
        del self.records.conversations[number]
        self.records.touch(other, self.now())
        self.effect("merge", str(number))
        self._announce(other, "convo.merged")

    def act_delete(self, conversation: int | str) -> None:
        """Let a user delete a conversation: its webhook says nothing but its id."""
        number = int(conversation)
        del self.records.conversations[number]
        del self.records.modified[number]
        self.effect("delete", str(number))
        self._send({"id": number}, "convo.deleted")

    # -- effects and webhooks

    def _made(self, made: dict[str, Any], key: str) -> None:
        number = made["id"]
        detail = {"subject": made["subject"], "text": plain(self.records.threads[number][0]["body"])}
        self.effect("create", str(number), key=key, change_id=str(number), detail=detail)
        self._announce(number, "convo.created")

    def _spoken(self, number: int, thread: dict[str, Any], key: str) -> int:
        detail = {"text": plain(thread["body"]), "type": thread["type"]}
        self.effect("comment", str(number), key=key, change_id=str(thread["id"]), detail=detail)
        names = {"customer": "customer.reply", "message": "agent.reply", "note": "note"}
        self._announce(number, f"convo.{names[thread['type']]}.created")
        return int(thread["id"])

    def _announce(self, number: int, event: str) -> None:
        self._send(self._linked(self.records.conversations[number]), event)

    def _send(self, payload: dict[str, Any], event: str) -> None:
        body = msgspec.json.encode(payload)
        self._events[body] = event
        self.announce(body)

    # -- the API

    def _limits(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit-Minute": "400",
            "X-RateLimit-Remaining-Minute": "398",
            "Date": format_datetime(self.now(), usegmt=True),
        }

    def _token(self, request: SimRequest) -> SimResponse:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if self.client[0] and (form.get("client_id"), form.get("client_secret")) != self.client:
            return json_answer({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        return json_answer({"token_type": "bearer", "access_token": ACCESS, "expires_in": 172_800})

    def _me(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return json_answer(self.records.users[self.records.me], 200, self._limits())

    def _users(self, request: SimRequest) -> SimResponse:
        return self._paged(request, list(self.records.users.values()), "users")

    def _mailboxes(self, request: SimRequest) -> SimResponse:
        return self._paged(request, [{"id": number, "name": name} for number, name in MAILBOXES.items()], "mailboxes")

    def _create(self, request: SimRequest) -> SimResponse:
        given = _object(request)
        if given is None:
            return self._unreadable()
        try:
            made = self.records.create(given, self.now(), "api")
        except InvalidError as error:
            return self._invalid(error)
        key = _KEY.search(given["threads"][0]["text"])
        self._made(made, key[1] if key else "")
        return self._named(made["id"], f"/v2/conversations/{made['id']}")

    def _named(self, number: int, path: str) -> SimResponse:
        return SimResponse(201, {**self._limits(), "Resource-ID": str(number), "Location": f"{self.url}{path}"})

    def _patch(self, request: SimRequest, number: str) -> SimResponse:
        return self._change(request, number, lambda given: self.records.patch(int(number), given, self.now()))

    def _replace(self, request: SimRequest, number: str, what: str) -> SimResponse:
        def change(given: dict[str, Any]) -> None:
            self.records.replace(int(number), {what: given[what]}, self.now())

        return self._change(request, number, change)

    def _change(self, request: SimRequest, number: str, change: Any) -> SimResponse:
        """Change one thing, without a word about it."""
        given = _object(request)
        if int(number) not in self.records.conversations:
            return self._missing()
        if given is None:
            return self._unreadable()
        try:
            change(given)
        except InvalidError as error:
            return self._invalid(error)
        self.effect("fields", number, detail=given)
        self._announce(int(number), "convo.status")
        return SimResponse(204, self._limits())

    def _delete(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if int(number) not in self.records.conversations:
            return self._missing()
        self.act_delete(number)
        return SimResponse(204, self._limits())

    def _show(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        into = self.records.merged.get(int(number))
        if into is not None:
            return SimResponse(301, {**self._limits(), "Location": f"{self.url}/v2/conversations/{into}"})
        held = self.records.conversations.get(int(number))
        return json_answer(self._linked(held), 200, self._limits()) if held else self._missing()

    def _linked(self, held: dict[str, Any]) -> dict[str, Any]:
        links = {"self": {"href": f"https://api.helpscout.net/v2/conversations/{held['id']}"}}
        return {**held, "_links": links}

    def _list(self, request: SimRequest) -> SimResponse:
        """Answer the list as it is documented: active ones only, newest first, unless something else is asked for."""
        query = request.query
        wanted = query.get("status", "active")
        since = datetime.fromisoformat(query.get("modifiedSince", "2000-01-01T00:00:00Z")).astimezone(UTC)
        found = [
            each for number, each in self.records.conversations.items()
            if wanted in {"all", each["status"]} and stamp(self.records.modified[number]) >= stamp(since)
            and query.get("mailbox", str(each["mailboxId"])) == str(each["mailboxId"])
        ]  # fmt: skip
        by_change = query.get("sortField") == "modifiedAt"
        found.sort(
            key=lambda each: (stamp(self.records.modified[each["id"]]) if by_change else each["createdAt"], each["id"])
        )
        if query.get("sortOrder", "desc") == "desc":
            found.reverse()
        return self._paged(request, [self._linked(each) for each in found], "conversations")

    def _threads(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.records.conversations:
            return self._missing()
        listed = [self._shown(each) for each in reversed(self.records.threads[int(number)])]
        return self._paged(request, listed, "threads")

    def _shown(self, thread: dict[str, Any]) -> dict[str, Any]:
        return thread if self.keeps_classes else {**thread, "body": re.sub(r'\sclass="[^"]*"', "", thread["body"])}

    def _comment(self, request: SimRequest, number: str, kind: str) -> SimResponse:
        given = _object(request)
        if int(number) not in self.records.conversations:
            return self._missing()
        if given is None:
            return self._unreadable()
        if len(self.records.threads[int(number)]) >= MAX_THREADS * 10:
            return json_answer({"message": "Conversation has too many threads"}, 412, self._limits())
        body = str(given.get("text") or "")
        try:
            if kind == "reply":
                self.records.customer(given.get("customer") or {})
            thread = self.records.say(
                int(number), body, "message" if kind == "reply" else "note", self.records.me, self.now(), given
            )
        except InvalidError as error:
            return self._invalid(error)
        key = _KEY.search(body)
        self._spoken(int(number), thread, key[1] if key else "")
        return self._named(thread["id"], f"/v2/conversations/{number}/threads/{thread['id']}")

    def _file(self, request: SimRequest, number: str, file: str) -> SimResponse:  # noqa: ARG002 - the same
        kept = self.records.files.get(int(file))
        if kept is None:
            return self._missing()
        return json_answer({"data": b64encode(kept.data).decode()}, 200, self._limits())

    def _missing(self) -> SimResponse:
        return json_answer({"logRef": "1", "message": "Resource not found", "_embedded": {}}, 404, self._limits())

    def _unreadable(self) -> SimResponse:
        return json_answer({"logRef": "1", "message": "Bad request"}, 400, self._limits())

    def _invalid(self, error: InvalidError) -> SimResponse:
        body = {"logRef": "1", "message": "Validation error", "_embedded": {"errors": [error.fault]}}
        return json_answer(body, 400, self._limits())

    def _paged(self, request: SimRequest, found: list[Any], name: str) -> SimResponse:
        """Return one page of a HAL list; an empty one has no `_embedded`."""
        page, pages = max(1, int(request.query.get("page", "1"))), -(-len(found) // PAGE)
        part = found[(page - 1) * PAGE : page * PAGE]
        about = {"size": PAGE, "totalElements": len(found), "totalPages": pages, "number": page}
        links = {"self": {"href": f"{self.url}{request.path}?page={page}"}}
        body = {"_links": links, "page": about, **({"_embedded": {name: part}} if part else {})}
        return json_answer(body, 200, self._limits())


def _object(request: SimRequest) -> dict[str, Any] | None:
    try:
        found = request.json()
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


if __name__ == "__main__":
    sys.exit(serve(HelpScoutSimulator, "A simulated Help Scout account on loopback"))
