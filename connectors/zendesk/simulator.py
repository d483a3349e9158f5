"""A Zendesk look-alike on loopback: the real paths, the real shapes, the real habits.

It answers as the vendor documents: `updated_at` in whole seconds, 422 for closed tickets,
idempotency keys with `x-idempotency-lookup`, an export that leaves out the last minute, signed event subscriptions.
Run it as a process of its own with `python -m connectors.zendesk.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import base64
import random
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.sdk import hmac_base64
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve
from connectors.zendesk.sim_answers import invalid, key_of, limits, missing, ticket_of, unreadable
from connectors.zendesk.sim_files import FilingDesk
from connectors.zendesk.sim_state import Change, InvalidError, Records, shouted, stamp

ACCOUNT = 12_514_403
KEY_TTL = timedelta(hours=2)
#: the export shows nothing newer than this
EXPORT_LAG = timedelta(minutes=1)


class ZendeskSimulator(FilingDesk):
    """One account. `email` and `api_token` are asked for where they are given; else any credentials will do."""

    def __init__(self, *, email: str = "", api_token: str = "", oauth_token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.records = Records()
        self.expected = ""
        if oauth_token:
            self.expected = f"Bearer {oauth_token}"
        elif email:
            self.expected = "Basic " + base64.b64encode(f"{email}/token:{api_token}".encode()).decode()
        #: how far this desk goes in what only some accounts do
        self.export_lag = EXPORT_LAG
        self.exports = True
        self.echoes_metadata = True
        self.announces_first_comment = False
        self._keys: dict[str, tuple[datetime, bytes, SimResponse]] = {}
        self._random = random.Random(common.get("seed", 0))

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the Ticketing API, with and without `.json`."""
        ticket, end = r"/api/v2/tickets/(?P<number>\d+)", r"(?:\.json)?"
        return [
            *self.file_routes(),
            ("GET", f"/api/v2/users/me{end}", self._me),
            ("GET", f"/api/v2/users{end}", self._users),
            ("GET", f"/api/v2/agent_availabilities{end}", self._availabilities),
            ("GET", rf"/api/v2/users/(?P<number>\d+){end}", self._user),
            ("POST", f"/api/v2/tickets{end}", self._create),
            ("GET", f"/api/v2/tickets{end}", self._list),
            ("GET", f"{ticket}{end}", self._show),
            ("PUT", f"{ticket}{end}", self._update),
            ("DELETE", f"{ticket}{end}", self._delete),
            ("GET", f"{ticket}/comments{end}", self._comments),
            ("GET", f"{ticket}/audits{end}", self._audits),
            ("GET", f"/api/v2/ticket_fields{end}", self._fields),
            ("GET", f"/api/v2/tickets/show_many{end}", self._show_many),
            ("GET", f"/api/v2/incremental/ticket_metric_events{end}", self._metric_events),
            ("GET", f"/api/v2/incremental/tickets/cursor{end}", self._export),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Return the headers of an event subscription's webhook [Z1, Z3]."""
        at = stamp(now)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(ACCOUNT),
            "X-Zendesk-Webhook-Id": "01JSIMULATED",
            "X-Zendesk-Webhook-Invocation-Id": str(uuid.uuid5(uuid.NAMESPACE_OID, body.decode("utf-8", "replace"))),
            "X-Zendesk-Webhook-Signature-Timestamp": at,
            "X-Zendesk-Webhook-Signature": hmac_base64(self.webhook_secret, at.encode() + body),
            "X-Sim-Attempt": str(attempt),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials; `users/me` answers the anonymous user to a request without any."""
        given = request.headers.get("authorization", "")
        if given == self.expected or (given and not self.expected):
            return None
        if not given and request.path.startswith("/api/v2/users/me"):
            return json_answer({"user": {"id": None, "name": "Anonymous user", "email": "invalid@example.com"}})
        return json_answer({"error": "Couldn't authenticate you"}, 401, {"WWW-Authenticate": 'Basic realm="Zendesk"'})

    # -- what people do

    def act_create(
        self,
        subject: str,
        body: str = "",
        *,
        html: str = "",
        uploads: Sequence[str] = (),
        email: str = "customer@example.com",
        name: str = "",
        **fields: Any,
    ) -> dict[str, Any]:
        """Let a customer write in, in words or in HTML; `fields` are those of a ticket (priority, type, tags)."""
        requester = self.records.user(email, name)
        given = {"subject": subject, "comment": {"body": body, "html_body": html, "uploads": list(uploads)}, **fields}
        change = self.records.create(given, requester, self.now(), "email")
        return self._done("create", change, requester)

    def act_comment(
        self,
        ticket_id: int | str,
        body: str = "",
        *,
        html: str = "",
        public: bool = True,
        by: str = "agent",
        uploads: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Let an agent or the customer (`by`) add a comment in words or in HTML; returns the ticket."""
        number = int(ticket_id)
        actor = self.records.agent if by == "agent" else self.records.tickets[number]["requester_id"]
        given = {"comment": {"body": body, "html_body": html, "public": public, "uploads": list(uploads)}}
        return self._done("comment", self.records.update(number, given, actor, self.now()), actor)

    def act_set(self, ticket_id: int | str, **fields: Any) -> dict[str, Any]:
        """Let an agent change fields (status, priority, subject, tags …); returns the ticket."""
        actor = self.records.agent
        return self._done("fields", self.records.update(int(ticket_id), fields, actor, self.now()), actor)

    def act_field(self, title: str, kind: str = "text") -> int:
        """Let an admin make a custom field of tickets; returns its id."""
        return self.records.field(title, kind)

    def act_metric(self, ticket_id: int | str, metric: str, type: str, **more: Any) -> int:  # noqa: A002 - Zendesk's
        """Let Zendesk's own SLA clocks say something (`instance_id`, `time`, `sla`); returns the event's id."""
        return self.records.metric(int(ticket_id), metric, type, self.now(), more)

    def act_unmetric(self, number: int) -> None:
        """Let Zendesk take a metric event back."""
        self.records.metrics[number]["deleted"] = True

    def act_slas(self, ticket_id: int | str, **due: str | None) -> None:
        """Let Zendesk say when a ticket will break its promises, by metric; None: the clock is paused."""
        self.records.slas[int(ticket_id)] = dict(due)

    def act_delete(self, ticket_id: int | str, how: str = "soft_deleted") -> None:
        """Let an agent delete a ticket, or call it spam (`marked_as_spam`)."""
        self.records.delete(number := int(ticket_id), self.now())
        self.effect("delete", str(number))
        self._announce(number, self.records.agent, [(how, {})])

    def act_restore(self, ticket_id: int | str) -> None:
        """Let an agent take a deleted ticket back, within 30 days."""
        number = int(ticket_id)
        self.records.restore(number, self.now())
        self.effect("restore", str(number))
        self._announce(number, self.records.agent, [("undeleted", {})])

    def act_merge(self, ticket_id: int | str, into: int | str) -> None:
        """Let an agent merge a ticket into another, which closes it."""
        number = int(ticket_id)
        self.records.update(number, {"status": "closed"}, self.records.agent, self.now())
        self.effect("merge", str(number))
        self._announce(number, self.records.agent, [("merged", {"target_ticket_id": str(into)})])

    def act_trigger(self, ticket_id: int | str) -> None:
        """Let an admin's trigger fire a webhook with a template of their own."""
        ticket = self.records.tickets[int(ticket_id)]
        self.announce({"ticket_id": str(ticket_id), "status": str(ticket["status"]).title(), "note": ticket["subject"]})

    def _done(self, kind: str, change: Change, actor: int, key: str = "") -> dict[str, Any]:
        """Log the effects of a change, send its webhooks, return the ticket."""
        number = change.audit["ticket_id"]
        if kind == "create":
            ticket = self.records.tickets[number]
            detail = {"subject": ticket["subject"], "description": ticket["description"]}
            detail["follows"] = str(ticket["via"]["source"]["from"].get("ticket_id", ""))
            self.effect("create", str(number), key=key, change_id=str(change.audit["id"]), detail=detail)
        else:
            if change.comment is not None:
                said = {"body": change.comment["body"], "public": change.comment["public"]}
                self.effect("comment", str(number), key=key, change_id=str(change.comment["id"]), detail=said)
            if change.fields:
                self.effect("fields", str(number), key=key, change_id=str(change.audit["id"]), detail=change.fields)
        events = change.events
        if kind == "create" and self.announces_first_comment and change.comment is not None:
            author = {"id": str(actor), "is_staff": False, "name": ""}
            said = {"id": str(change.comment["id"]), "body": change.comment["body"], "is_public": True}
            events = [*events, ("comment_added", {"comment": {**said, "author": author}})]
        self._announce(number, actor, events)
        return dict(self.records.tickets[number])

    def _announce(self, number: int, actor: int, events: list[tuple[str, dict[str, Any]]]) -> None:
        """Send one webhook an event, in the fixed shape of event subscriptions [Z5]."""
        ticket = self.records.tickets[number]
        now = self.now()
        named = ("assignee_id", "group_id", "organization_id", "priority", "requester_id", "status", "type")
        detail = {
            "actor_id": str(actor),
            "brand_id": "360001",
            "created_at": ticket["created_at"],
            "custom_status": "",
            "description": ticket["description"],
            "external_id": ticket["external_id"],
            "form_id": "360002",
            "id": str(number),
            "is_public": ticket["is_public"],
            "subject": ticket["subject"],
            "submitter_id": str(ticket["submitter_id"]),
            "tags": ticket["tags"],
            "updated_at": ticket["updated_at"],
            "via": {"channel": ticket["via"]["channel"]},
            **{name: shouted(name, ticket[name]) for name in named},
        }
        sequence = f"{self._random.getrandbits(128):032X}"
        for position, (name, event) in enumerate(events, 1):
            meta = {"sequence": {"id": sequence, "position": position, "total": len(events)}}
            self.announce(
                {
                    "account_id": ACCOUNT,
                    "detail": detail,
                    "event": {**event, "meta": meta},
                    "id": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
                    "subject": f"zen:ticket:{number}",
                    "time": now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
                    "type": f"zen:event-type:ticket.{name}",
                    "zendesk_event_version": "2022-11-06",
                }
            )

    # -- the API

    def _me(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return json_answer({"user": self.records.users[self.records.me]})

    def _user(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        user = self.records.users.get(int(number))
        return json_answer({"user": user}) if user else missing()

    def _create(self, request: SimRequest) -> SimResponse:
        given = ticket_of(request)
        if given is None:
            return unreadable()
        key = request.headers.get("idempotency-key", "")
        held = self._keys.get(key) if key else None
        if held is not None and self.now() - held[0] < KEY_TTL:
            if held[1] != request.body:
                words = "Request parameters don't match the given idempotency key"
                return json_answer({"error": "IdempotentRequestError", "description": words}, 400)
            return msgspec.structs.replace(held[2], headers={**held[2].headers, "x-idempotency-lookup": "hit"})
        try:
            change = self.records.create(given, self.records.me, self.now())
        except InvalidError as error:
            return invalid(error)
        ticket = self._done("create", change, self.records.me, key_of(given) or key)
        response = json_answer({"ticket": ticket, "audit": change.audit}, 201, limits())
        if key:
            self._keys[key] = (self.now(), request.body, response)
            return msgspec.structs.replace(response, headers={**response.headers, "x-idempotency-lookup": "miss"})
        return response

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        given, ticket = ticket_of(request), self.records.tickets.get(int(number))
        if ticket is None or int(number) in self.records.deleted:
            return missing()
        if given is None:
            return unreadable()
        if given.get("safe_update") and given.get("updated_stamp") != ticket["updated_at"]:
            return json_answer({"error": "UpdateConflict", "description": "Safe Update prevented the update"}, 409)
        try:
            change = self.records.update(int(number), given, self.records.me, self.now())
        except InvalidError as error:
            return invalid(error)
        done = self._done("update", change, self.records.me, key_of(given))
        return json_answer({"ticket": done, "audit": change.audit}, 200, limits())

    def _show_many(self, request: SimRequest) -> SimResponse:
        wanted = [int(each) for each in request.query.get("ids", "").split(",") if each.isdigit()]
        found = [self.records.tickets[each] for each in wanted if each in self.records.tickets]
        if "slas" in request.query.get("include", ""):
            found = [{**ticket, "slas": self.records.slas_of(ticket["id"])} for ticket in found]
        return json_answer({"tickets": found, "count": len(found)}, 200, limits())

    def _metric_events(self, request: SimRequest) -> SimResponse:
        """Answer the time-based export, oldest first."""
        if not self.exports:
            return json_answer({"error": "Forbidden", "description": "You do not have access to this page."}, 403)
        since = stamp(datetime.fromtimestamp(int(request.query.get("start_time", "0")), UTC))
        found = [each for each in self.records.metrics.values() if each["time"] >= since]
        found.sort(key=lambda each: (each["time"], each["id"]))
        return json_answer({"ticket_metric_events": found[:1000], "count": len(found[:1000])}, 200, limits())

    def _fields(self, request: SimRequest) -> SimResponse:
        return json_answer(
            self._paged(request, list(self.records.ticket_fields.values()), "ticket_fields")[1], 200, limits()
        )

    def _delete(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if int(number) not in self.records.tickets or int(number) in self.records.deleted:
            return missing()
        self.act_delete(number)
        return SimResponse(204)

    def _show(self, request: SimRequest, number: str) -> SimResponse:
        ticket = self.records.tickets.get(int(number))
        if ticket is None or int(number) in self.records.deleted:
            return missing()
        shown = {**ticket, "comment_count": len(self.records.comments[int(number)])}
        return json_answer({"ticket": shown, **self._loads(request, [ticket])}, 200, limits())

    def _list(self, request: SimRequest) -> SimResponse:
        query = request.query
        found = [ticket for number, ticket in self.records.tickets.items() if number not in self.records.deleted]
        if "external_id" in query:
            found = [ticket for ticket in found if ticket["external_id"] == query["external_id"]]
        if query.get("sort_by") in {"updated_at", "created_at"}:
            found.sort(key=lambda ticket: (str(ticket[query["sort_by"]]), ticket["id"]))
        if query.get("sort_order") == "desc":
            found.reverse()
        page, body = self._paged(request, found, "tickets")
        if "comment_count" in query.get("include", ""):
            body["tickets"] = [{**one, "comment_count": len(self.records.comments[one["id"]])} for one in page]
        return json_answer({**body, **self._loads(request, page)}, 200, limits())

    def _comments(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.records.tickets or int(number) in self.records.deleted:
            return missing()
        found = list(self.records.comments[int(number)])
        if not self.echoes_metadata:
            found = [{**comment, "metadata": {"system": {}}} for comment in found]
        if request.query.get("sort_order") == "desc":
            found.reverse()
        page, body = self._paged(request, found, "comments")
        if "users" in request.query.get("include", ""):
            authors = dict.fromkeys(comment["author_id"] for comment in page)
            body["users"] = [self.records.users[author] for author in authors if author in self.records.users]
        return json_answer(body, 200, limits())

    def _audits(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.records.tickets:
            return missing()
        return json_answer(self._paged(request, self.records.audits[int(number)], "audits")[1], 200, limits())

    def _export(self, request: SimRequest) -> SimResponse:
        """Answer the cursor export: the cursor is the position in the feed, older changes of a ticket are left out."""
        if not self.exports:
            return json_answer({"error": "Forbidden", "description": "You do not have access to this page."}, 403)
        query, feed = request.query, self.records.feed
        horizon = (self.now() - self.export_lag).timestamp()
        if "cursor" in query:
            try:
                start = int(base64.b64decode(query["cursor"] + "=="))
            except ValueError:
                return json_answer({"error": "InvalidValue", "description": "cursor is not valid"}, 400)
        else:
            since = float(query.get("start_time", "0"))
            start = next((place for place, (at, _) in enumerate(feed) if at >= since), len(feed))
        end = start
        numbers: dict[int, None] = {}
        while end < len(feed) and feed[end][0] <= horizon and len(numbers) < int(query.get("per_page", "1000")):
            numbers[feed[end][1]] = None
            end += 1
        found = [self.records.tickets[number] for number in numbers]
        ended = end == len(feed) or feed[end][0] > horizon
        after = base64.b64encode(str(end).encode()).decode().rstrip("=")
        body = {"tickets": found, "after_cursor": after, "after_url": None, "before_cursor": None}
        return json_answer({**body, "end_of_stream": ended, **self._loads(request, found)}, 200, limits())

    def _paged(self, request: SimRequest, found: list[Any], name: str) -> tuple[list[Any], dict[str, Any]]:
        """Return one page by offset, with `next_page` as an absolute address."""
        size = max(1, min(int(request.query.get("per_page", "100")), 100))
        page = max(1, int(request.query.get("page", "1")))
        part = found[(page - 1) * size : page * size]
        more = page * size < len(found)
        following = f"{self.url}{request.path}?page={page + 1}&per_page={size}" if more else None
        return part, {name: part, "count": len(found), "next_page": following, "previous_page": None}

    def _loads(self, request: SimRequest, tickets: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the side-loads asked for."""
        asked = request.query.get("include", "")
        if "users" not in asked:
            return {}
        named = ("requester_id", "submitter_id", "assignee_id")
        wanted = dict.fromkeys(ticket[name] for ticket in tickets for name in named)
        users = [self.records.users[number] for number in wanted if number in self.records.users]
        return {"users": users, "organizations": []}


if __name__ == "__main__":
    sys.exit(serve(ZendeskSimulator, "A simulated Zendesk account on loopback"))
