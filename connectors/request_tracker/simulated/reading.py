"""The reading half of the simulated RT: who asks, one ticket, histories, searches and what the set-up shows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import msgspec

from connectors.request_tracker.simulated import views
from connectors.request_tracker.simulated.query import QueryError, Test, compile_query
from connectors.request_tracker.simulated.records import NOBODY, SYSTEM, Records, Ticket, User
from connectors.testing.desk import SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer

REST = "/REST/2.0"
#: who may do everything
ROOT = "root"
USERS = (
    User(1, SYSTEM, "The RT System itself", "", privileged=False),
    User(14, ROOT, "Enoch Root", "root@localhost"),
    User(6, NOBODY, "Nobody in particular", "", privileged=False),
    User(27, "gateway", "Desk Gateway", "gateway@desk.test", zone="Asia/Tokyo"),
    User(29, "agent1", "First Agent", "agent1@desk.test"),
    User(31, "agent2", "Second Agënt", "agent2@desk.test"),
)
#: tokens as RT makes them: version, number of the user, 32 hex digits
TOKENS = {user.login: f"1-{user.number}-{user.number:032x}" for user in USERS if user.privileged}
QUEUES = {"General": 1, "Support": 3, "Escalations": 4, "Onboarding": 5}

TICKET_FIELDS = frozenset({"id", "LastUpdated", "Created", "Status", "Queue", "Creator", "Subject", "Owner"})
TRANSACTION_FIELDS = frozenset(
    {"id", "Created", "Type", "Field", "OldValue", "NewValue", "ObjectType", "ObjectId", "TicketId", "Creator"}
)
Params = dict[str, str]


class ReadableDesk(SimulatedDesk):
    """What an RT shows; `tokens` are those of its users, by login."""

    def __init__(self, *, port: int, seed: int, webhook_url: str, webhook_secret: str) -> None:
        super().__init__(port=port, seed=seed, webhook_url=webhook_url, webhook_secret=webhook_secret)
        self.tokens = dict(TOKENS)
        self.records = Records(self.now, USERS, dict(QUEUES))

    @property
    def base(self) -> str:
        """The address of the REST interface."""
        return self.url + REST

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse as RT does: 401, or the login page for anything that looks like a browser."""
        if self.login(request):
            return None
        if "Mozilla" in request.headers.get("user-agent", "") or "cookie" in request.headers:
            return SimResponse(302, {"Location": "/"})
        return json_answer({"message": "Unauthorized"}, 401)

    def login(self, request: SimRequest) -> str:
        """Return who asks, or an empty string."""
        word, _, token = request.headers.get("authorization", "").partition(" ")
        if word.lower() != "token":
            return ""
        return next((login for login, known in self.tokens.items() if known == token), "")

    def show_ticket(self, request: SimRequest, number: str) -> SimResponse:
        """Answer GET /ticket/:id; the ETag is the newest transaction."""
        ticket = self.records.ticket(int(number))
        if ticket is None:
            return json_answer({"message": "Not Found"}, 404)
        token = f'"{self.records.newest(ticket)}"'
        return json_answer(views.ticket(self.base, self.records, ticket, request.query), headers={"ETag": token})

    def show_history(self, request: SimRequest, number: str) -> SimResponse:
        """Answer GET /ticket/:id/history; nothing for a ticket that is not there."""
        ticket = self.records.ticket(int(number))
        found = self.records.history(ticket) if ticket else []
        return self._page(
            request.query,
            _ordered(found, request.query),
            lambda one: views.transaction(self.base, self.records, one, request.query),
        )

    def show_attachments(self, request: SimRequest, number: str) -> SimResponse:
        """Answer GET /ticket/:id/attachments, filtered by file name and content type."""
        ticket = self.records.ticket(int(number))
        known = [one.number for one in self.records.history(ticket)] if ticket else []
        asked = request.query.get("query", "")
        found = [
            one
            for transaction in known
            for one in self.records.parts(transaction)
            if (bool(one.filename) if '"IS NOT"' in asked else not ('"IS"' in asked and one.filename))
            and not ("text/" in asked and not one.content_type.startswith("text/"))
        ]
        return self._page(request.query, found, lambda one: views.attachment(self.base, one, request.query))

    def given(self, request: SimRequest) -> dict[str, Any]:
        """Return the JSON of a request, and its files where it comes in parts; raises msgspec.DecodeError."""
        kind = request.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            found: dict[str, Any] = request.json()
            return found
        whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
        said: dict[str, Any] = {}
        files = []
        for part in whole.iter_parts():
            data = part.get_payload(decode=True)
            content = data if isinstance(data, bytes) else b""
            if part.get_filename() is None:
                said = msgspec.json.decode(content)
                continue
            kind = part.get_content_type()
            named = {"FileName": part.get_filename(), "FileType": kind}
            files.append({**named, "FileContent": base64.b64encode(content).decode()})
        return {**said, "Attachments": files}

    def show_attachment(self, request: SimRequest, number: str) -> SimResponse:
        """Answer GET /attachment/:id, its bytes as base64."""
        del request
        found = self.records.file(int(number))
        if found is None:
            return json_answer({"message": "Resource does not exist; use POST to create"}, 404)
        content = base64.encodebytes(found.data or found.content.encode()).decode()
        said = {"Filename": found.filename, "ContentType": found.content_type, "Content": content}
        return json_answer({"id": found.number, **said, "TransactionId": str(found.transaction)})

    def show_tickets(self, request: SimRequest) -> SimResponse:
        """Answer a ticket search; deleted and merged tickets are hidden."""
        found = []
        try:
            test = self._query(request, TICKET_FIELDS)
        except QueryError as error:
            return json_answer({"message": str(error)}, 400)
        for one in self.records.tickets.values():
            if one.effective != one.number or one.status == "deleted":
                continue
            marks = self._marks(one) if "TxnCF" in request.query.get("query", "") else []
            record = {
                "id": one.number, "LastUpdated": one.updated, "Created": one.created, "Status": one.status,
                "Queue": one.queue, "Creator": one.creator, "Subject": one.subject, "Owner": one.owner,
                **{f"CF.{{{name}}}": value for name, value in one.fields.items()},
                **{f"TxnCF.{{{name}}}": marks for name in self.records.comment_fields},
            }  # fmt: skip
            if test(record):
                found.append(one)
        rows = [views.ticket_row(self.base, self.records, one, request.query) for one in _ordered(found, request.query)]
        return self._page(request.query, rows, total=len(rows))

    def _marks(self, ticket: Ticket) -> list[str]:
        return [mark for one in self.records.history(ticket) for mark in one.fields.values()]

    def show_transactions(self, request: SimRequest) -> SimResponse:
        """Answer a transaction search; its total is null for ordinary accounts."""
        try:
            test = self._query(request, TRANSACTION_FIELDS)
        except QueryError as error:
            return json_answer({"message": str(error)}, 400)
        found = [
            one
            for one in self.records.transactions.values()
            if test(
                {
                    "id": one.number, "Created": one.created, "Type": one.type, "Field": one.field,
                    "OldValue": one.old, "NewValue": one.new, "ObjectType": "RT::Ticket", "ObjectId": one.ticket,
                    "TicketId": one.ticket, "Creator": one.creator,
                    **{f"CF.{{{name}}}": value for name, value in one.fields.items()},
                }
            )
        ]  # fmt: skip
        rows = [
            views.transaction(self.base, self.records, one, request.query) for one in _ordered(found, request.query)
        ]
        return self._page(request.query, rows)

    def _query(self, request: SimRequest, fields: frozenset[str]) -> Test:
        user = self.records.users[self.login(request)]
        return compile_query(request.query.get("query", ""), fields, self.now(), user.zone)

    def _page(
        self,
        params: Params,
        rows: Sequence[Any],
        view: Callable[[Any], Any] = lambda one: one,
        total: int | None = None,
    ) -> SimResponse:
        asked = params.get("per_page", "")
        size = min(int(asked) if asked.isdigit() and int(asked) else 20, 100)
        number = int(params.get("page", "1") or 1)
        # of a history of thousands only the page that is asked for is put into words
        shown = [view(one) for one in rows[(number - 1) * size : number * size]]
        pages = None if total is None else -(-total // size)
        return json_answer(
            {"items": shown, "count": len(shown), "page": number, "per_page": size, "total": total, "pages": pages}
        )

    def show_user(self, request: SimRequest, word: str) -> SimResponse:  # noqa: ARG002 - a route's form
        """Answer GET /user/:login or :number."""
        user = self.records.user(word)
        if user is None:
            return json_answer({"message": "Not Found"}, 404)
        link = {"ref": "self", "type": "user", "id": user.number, "_url": f"{self.base}/user/{user.number}"}
        return json_answer(
            {
                "Name": user.login, "RealName": user.name, "EmailAddress": user.email,
                "Privileged": int(user.privileged), "_hyperlinks": [link],
            }
        )  # fmt: skip

    def change_user(self, request: SimRequest, word: str) -> SimResponse:
        """Answer PUT /user/:login of an admin: disable it, or enable it again."""
        user = self.records.user(word)
        if user is None:
            return json_answer({"message": "Resource does not exist; use POST to create"}, 404)
        if self.login(request) != ROOT:
            return json_answer({"message": "Forbidden"}, 403)
        disabled = str(request.json().get("Disabled", int(user.disabled))) == "1"
        self.records.users[user.login] = msgspec.structs.replace(user, disabled=disabled)
        return json_answer([f"User {'disabled' if disabled else 'enabled'}"])

    def show_users(self, request: SimRequest) -> SimResponse:
        """Answer a search for users by login, in any case; disabled ones are left out, others' flags not told."""
        asked = request.query.get("query", "")
        names = {str(each.get("value")).lower() for each in msgspec.json.decode(asked)} if asked else None
        rows = [
            {"id": user.login, "type": "user", "_url": f"{self.base}/user/{user.login}", "Name": user.login,
             "EmailAddress": user.email, "RealName": user.name, "Privileged": "", "Disabled": ""}
            for user in self.records.users.values()
            if not user.disabled and (names is None or user.login.lower() in names)
        ]  # fmt: skip
        return self._page(request.query, rows, total=len(rows))

    def show_queues(self, request: SimRequest) -> SimResponse:
        """Answer GET /queues/all."""
        rows = [{"id": str(number), "type": "queue", "Name": name} for name, number in self.records.queues.items()]
        return self._page(request.query, rows, total=len(rows))

    def show_queue(self, request: SimRequest, word: str) -> SimResponse:  # noqa: ARG002 - a route's form
        """Answer GET /queue/:name or :number, with its custom fields."""
        for name, number in self.records.queues.items():
            if word in {name, str(number)}:
                return json_answer(
                    {
                        "id": number, "Name": name, "Lifecycle": "default",
                        "TicketCustomFields": views.fields_of(self.records.ticket_fields, {}),
                        "TicketTransactionCustomFields": views.fields_of(self.records.comment_fields, {}),
                        "_hyperlinks": [{"ref": "create", "type": "ticket"}],
                    }
                )  # fmt: skip
        return json_answer({"message": "Not Found"}, 404)

    def show_fields(self, request: SimRequest) -> SimResponse:
        """Answer GET /customfields?query=[…] by name."""
        kinds = (
            (self.records.ticket_fields, "RT::Queue-RT::Ticket"),
            (self.records.comment_fields, "RT::Queue-RT::Ticket-RT::Transaction"),
        )
        rows = [
            {"id": str(number), "type": "customfield", "Name": name, "LookupType": kind, "Disabled": "0"}
            for names, kind in kinds
            for number, name in enumerate(names, 2)
            if f'"{name}"' in request.query.get("query", "")
        ]
        return self._page(request.query, rows, total=len(rows))


def _ordered(found: list[Any], params: Params) -> list[Any]:
    key = (
        (lambda one: (one.updated, one.number)) if params.get("orderby") == "LastUpdated" else (lambda one: one.number)
    )
    return sorted(found, key=key, reverse=params.get("order", "").upper() == "DESC")
