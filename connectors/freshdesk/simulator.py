"""A Freshdesk look-alike on loopback, and with `product="freshservice"` a Freshservice one: real paths, real habits.

It answers as the vendor documents: whole seconds, 400 `Validation failed` field by field, `Link: rel="next"`, no page
after the 300th, lists without deleted tickets, a search that lags, credit headers. Its automations send the template
that docs/connectors/freshdesk.md gives. Run it as a process of its own with
`python -m connectors.freshdesk.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import base64
import re
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from connectors.freshdesk.sim_forms import given_of
from connectors.freshdesk.sim_state import File, InvalidError, Records, stamp, typed
from connectors.freshdesk.sim_template import rendered, template, triggered
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

#: tickets are listed by the last 30 days unless `updated_since` says otherwise
DEFAULT_SPAN = timedelta(days=30)
REPLY, NOTE = 0, 2
_QUERY = re.compile(r"\"(\w+):'([^']*)'\"")


class FreshdeskSimulator(SimulatedDesk):
    """One account. `api_key` is asked for where it is given; else any credentials will do."""

    def __init__(self, *, api_key: str = "", product: str = "freshdesk", **common: Any) -> None:
        super().__init__(**common)
        self.service = product == "freshservice"
        self.records = Records(service=self.service)
        self.expected = "Basic " + base64.b64encode(f"{api_key}:X".encode()).decode() if api_key else ""
        #: the vendor shows no page of tickets after this one
        self.last_page = 300
        #: how late the search index is, in seconds
        self.search_lag = 0.0
        #: the desk's sanitiser leaves the classes of texts alone
        self.keeps_classes = True
        #: the admin's template ends with a comma too many, and quotation marks are not escaped
        self.damaged = False

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of API v2 of both products."""
        ticket = r"/api/v2/tickets/(?P<number>\d+)"
        return [
            ("GET", "/api/v2/agents/me", self._me),
            ("GET", "/api/v2/agents", self._agents),
            ("GET", r"/api/v2/agents/(?P<number>\d+)", self._agent),
            ("GET", r"/api/v2/(?:contacts|requesters)/(?P<number>\d+)", self._contact),
            ("GET", "/api/v2/(?:ticket_fields|ticket_form_fields)", self._fields),
            ("POST", "/api/v2/tickets", self._create),
            ("GET", "/api/v2/tickets", self._list),
            ("GET", "/api/v2/(?:search/tickets|tickets/filter)", self._search),
            ("GET", ticket, self._show),
            ("PUT", ticket, self._update),
            ("DELETE", ticket, self._delete),
            ("GET", f"{ticket}/conversations", self._conversations),
            ("POST", f"{ticket}/notes", self._note),
            ("POST", f"{ticket}/reply", self._reply),
            ("GET", r"/attachments/(?P<number>\d+)/original/.*", self._file),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - nothing covers them
        """Return the headers of a webhook: the custom header of the automation; nothing is signed."""
        return {
            "Content-Type": "application/json",
            "User-Agent": "Freshdesk",
            "X-Gateway-Secret": self.webhook_secret,
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials; the addresses of files are signed and take none."""
        given = request.headers.get("authorization", "")
        if request.path.startswith("/attachments/") or given == self.expected or (given and not self.expected):
            return None
        refusal = {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}
        return json_answer(refusal, 401, self._limits())

    # -- what people do

    def act_create(
        self, subject: str, body: str, *, html: str = "", email: str = "customer@example.com", **fields: Any
    ) -> int:
        """Let a customer write in."""
        given = {
            "subject": subject,
            "description": html or typed(body),
            "email": email,
            "status": 2,
            "priority": 1,
        }
        ticket = self.records.create({**given, **fields}, self.now(), [])
        self._made(ticket)
        return int(ticket["id"])

    def act_say(
        self, ticket: int | str, body: str, *, public: bool = True, by: str = "agent", files: list[Any] | None = None,
        html: str = "",
    ) -> int:  # fmt: skip
        """Let an agent or the requester (`by`) reply or note; returns the conversation's id."""
        number = int(ticket)
        who = self.records.person if by == "agent" else self.records.tickets[number]["requester_id"]
        kept = [File(name, mime, data) for name, mime, data in files or []]
        said = self.records.say(
            number, html or typed(body), who, self.now(), private=not public, kind=REPLY if public else NOTE, files=kept
        )
        self._spoken(said, "")
        return int(said["id"])

    def act_set(self, ticket: int | str, **fields: Any) -> None:
        """Let an agent change fields."""
        self._changed(int(ticket), self.records.update(int(ticket), fields, self.now()), "")

    def act_merge(self, ticket: int | str, into: int | str) -> None:
        """Let an agent merge a ticket into another: it is closed, and a private note says where it went."""
        number = int(ticket)
        words = f"This ticket is closed and merged into ticket {into}"
        self.records.say(number, typed(words), self.records.person, self.now(), private=True, kind=NOTE, files=[])
        changes = self.records.update(number, {"status": 5}, self.now())
        self.effect("merge", str(number))
        self._announce(number, triggered(changes))

    def act_split(self, ticket: int | str) -> int:
        """Let an agent make a ticket of what was said last, which is then gone where it was; returns its number.

        The new one has the subject, status, priority, type and group of the old one, and none of its custom fields.
        """
        held, said = self.records.tickets[int(ticket)], self.records.conversations[int(ticket)].pop()
        kept = {name: held[name] for name in ("subject", "status", "priority", "type", "group_id")}
        given = {**kept, "description": said["body"], "requester_id": said["user_id"]}
        made = self.records.create(given, self.now(), [])
        self._made(made)
        return int(made["id"])

    def act_delete(self, ticket: int | str) -> None:
        """Let an agent move a ticket to the trash."""
        number = int(ticket)
        self.records.tickets[number] |= {"deleted": True, "updated_at": stamp(self.now())}
        self.effect("delete", str(number))
        self._announce(number, "{ticket_action:deleted}")

    def act_spam(self, ticket: int | str) -> None:
        """Let an agent call a ticket spam. No automation runs."""
        self.records.tickets[int(ticket)] |= {"spam": True, "updated_at": stamp(self.now())}
        self.effect("spam", str(ticket))

    def act_restore(self, ticket: int | str) -> None:
        """Let an agent take a ticket out of the trash, or say that it is no spam after all. No automation runs."""
        self.records.tickets[int(ticket)] |= {"spam": False, "deleted": False, "updated_at": stamp(self.now())}
        self.effect("restore", str(ticket))

    # -- effects and webhooks

    def _made(self, ticket: dict[str, Any]) -> None:
        key = str(ticket["custom_fields"].get(self._marker) or "")
        detail = {"subject": ticket["subject"], "description": ticket["description"]}
        self.effect("create", str(ticket["id"]), key=key, change_id=str(ticket["id"]), detail=detail)
        self._announce(ticket["id"], "{ticket_action:created}")

    def _spoken(self, said: dict[str, Any], key: str) -> None:
        number = said["ticket_id"]
        detail = {"body": said["body_text"], "private": said["private"]}
        self.effect("comment", str(number), key=key, change_id=str(said["id"]), detail=detail)
        kind = "private" if said["private"] else "public"
        self._announce(number, "{reply_sent:sent}" if said["source"] == REPLY else f"{{note_type:{kind}}}")

    def _changed(self, number: int, changes: dict[str, tuple[Any, Any]], key: str) -> None:
        if changes:
            self.effect("fields", str(number), key=key, detail={name: new for name, (_, new) in changes.items()})
            self._announce(number, triggered(changes))

    def _announce(self, number: int, event: str) -> None:
        """Send the template of the automation, filled in."""
        ticket, said = self.records.tickets[number], self.records.conversations[number]
        agent = self.records.agents.get(ticket["responder_id"] or 0, {})
        by = str(agent.get("email") or agent.get("contact", {}).get("email") or "")
        values = template(ticket, said, event, by, self.records.names)
        if self.service:
            values["ticket_id"] = f"INC-{number}"
        self.announce(rendered(values, damaged=self.damaged))

    # -- the API

    @property
    def _marker(self) -> str:
        return "gateway_key" if self.service else "cf_gateway_key"

    def _limits(self) -> dict[str, str]:
        return {
            "X-RateLimit-Total": "400",
            "X-RateLimit-Remaining": "399",
            "X-RateLimit-Used-CurrentRequest": "1",
            "X-Freshdesk-API-Version": "latest=v2; requested=v2",
            "Date": format_datetime(self.now(), usegmt=True),
        }

    def _answer_with(self, value: Any, name: str, status: int = 200, more: dict[str, str] | None = None) -> SimResponse:
        """Answer a record or a list: Freshservice puts it into an envelope."""
        return json_answer({name: value} if self.service else value, status, {**self._limits(), **(more or {})})

    def _missing(self) -> SimResponse:
        return SimResponse(404, self._limits())

    def _invalid(self, error: InvalidError) -> SimResponse:
        return json_answer({"description": "Validation failed", "errors": [error.fault]}, 400, self._limits())

    def _unreadable(self) -> SimResponse:
        return json_answer(
            {"code": "invalid_json", "message": "Request body has invalid json format"}, 400, self._limits()
        )

    def _me(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return self._answer_with(self.records.agents[self.records.me], "agent")

    def _agents(self, request: SimRequest) -> SimResponse:
        return self._paged(request, list(self.records.agents.values()), "agents")

    def _agent(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        found = self.records.agents.get(int(number))
        return self._answer_with(found, "agent") if found else self._missing()

    def _contact(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        found = self.records.contacts.get(int(number))
        return self._answer_with(found, "requester") if found else self._missing()

    def _fields(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        names = [
            {"id": place, "name": name, "label": name} for place, name in enumerate(sorted(self.records.custom), 1)
        ]
        choices = {str(number): ["?", "?"] for number in sorted(self.records.statuses)}
        return self._answer_with([{"id": 99, "name": "status", "choices": choices}, *names], "ticket_fields")

    def _create(self, request: SimRequest) -> SimResponse:
        given = given_of(request)
        if given is None:
            return self._unreadable()
        try:
            ticket = self.records.create(given[0], self.now(), given[1])
        except InvalidError as error:
            return self._invalid(error)
        self._made(ticket)
        return self._answer_with(self._whole(ticket), "ticket", 201)

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        given = given_of(request)
        ticket = self.records.tickets.get(int(number))
        if ticket is None or ticket["deleted"]:
            return self._missing()
        if given is None:
            return self._unreadable()
        try:
            changes = self.records.update(int(number), given[0], self.now())
        except InvalidError as error:
            return self._invalid(error)
        self._changed(int(number), changes, "")
        return self._answer_with(self._whole(ticket), "ticket")

    def _delete(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        ticket = self.records.tickets.get(int(number))
        if ticket is None or ticket["deleted"]:
            return self._missing()
        self.act_delete(number)
        return SimResponse(204, self._limits())

    def _show(self, request: SimRequest, number: str) -> SimResponse:
        ticket = self.records.tickets.get(int(number))
        if ticket is None:
            return self._missing()
        shown = self._whole(ticket)
        if "requester" in request.query.get("include", ""):
            contact = self.records.contacts.get(ticket["requester_id"], {})
            mail, name = (
                contact.get("primary_email") or contact.get("email"),
                contact.get("name") or contact.get("first_name"),
            )
            shown["requester"] = {
                "id": ticket["requester_id"],
                "name": name,
                "email": mail,
                "mobile": None,
                "phone": None,
            }
        return self._answer_with(shown, "ticket")

    def _whole(self, ticket: dict[str, Any]) -> dict[str, Any]:
        return {**ticket, "attachments": [self._addressed(each) for each in ticket["attachments"]]}

    def _addressed(self, listed: dict[str, Any]) -> dict[str, Any]:
        address = f"{self.url}/attachments/{listed['id']}/original/{quote(listed['name'])}?Signature=simulated"
        return {**listed, "created_at": stamp(self.now()), "updated_at": stamp(self.now()), "attachment_url": address}

    def _file(self, request: SimRequest, number: str) -> SimResponse:
        file = self.records.files.get(int(number))
        if file is None or "Signature" not in request.query:
            return SimResponse(403)
        return SimResponse(200, {"Content-Type": file.mime}, file.data)

    def _list(self, request: SimRequest) -> SimResponse:
        """Answer the list as it is documented: without descriptions, deleted tickets and spam."""
        query = request.query
        if int(query.get("page", "1")) > self.last_page:
            words = f"You cannot access tickets beyond the {self.last_page}th page. Please provide a smaller page."
            return self._invalid(InvalidError("page", words))
        since = query.get("updated_since") or stamp(self.now() - DEFAULT_SPAN)
        begin = datetime.fromisoformat(since).astimezone(UTC)
        gone = query.get("filter", "")
        found = [
            {
                name: value
                for name, value in each.items()
                if name not in {"description", "description_text", "attachments"}
            }
            for each in self.records.tickets.values()
            if datetime.fromisoformat(each["updated_at"]) >= begin
            and (each["deleted"] if gone == "deleted" else each["spam"] if gone == "spam" else True)
            and (gone or not (each["deleted"] or each["spam"]))
        ]
        by = query.get("order_by", "created_at") if not self.service else "created_at"
        found.sort(key=lambda each: (str(each[by]), each["id"]), reverse=query.get("order_type", "desc") == "desc")
        return self._paged(request, found, "tickets")

    def _search(self, request: SimRequest) -> SimResponse:
        wanted = _QUERY.fullmatch(request.query.get("query", ""))
        if wanted is None:
            return self._invalid(InvalidError("query", "Given query is invalid"))
        limit = stamp(self.now() - timedelta(seconds=self.search_lag))
        found = [
            each for each in self.records.tickets.values()
            if each["custom_fields"].get(wanted[1]) == wanted[2] and each["created_at"] <= limit
        ][:30]  # fmt: skip
        body = {"tickets": found, "total": len(found)} if self.service else {"results": found, "total": len(found)}
        return json_answer(body, 200, self._limits())

    def _conversations(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.records.tickets:
            return self._missing()
        return self._paged(
            request, [self._said(each) for each in self.records.conversations[int(number)]], "conversations"
        )

    def _said(self, each: dict[str, Any]) -> dict[str, Any]:
        body = each["body"] if self.keeps_classes else re.sub(r'\sclass="[^"]*"', "", each["body"])
        return {**each, "body": body, "attachments": [self._addressed(file) for file in each["attachments"]]}

    def _note(self, request: SimRequest, number: str) -> SimResponse:
        return self._comment(request, number, NOTE)

    def _reply(self, request: SimRequest, number: str) -> SimResponse:
        return self._comment(request, number, REPLY)

    def _comment(self, request: SimRequest, number: str, kind: int) -> SimResponse:
        """Add a conversation: a note is private unless it is said to be public; a reply is always public."""
        given = given_of(request)
        ticket = self.records.tickets.get(int(number))
        if ticket is None or ticket["deleted"]:
            return self._missing()
        if given is None:
            return self._unreadable()
        private = kind == NOTE and given[0].get("private", True) is not False
        body = str(given[0].get("body") or "")
        try:
            said = self.records.say(
                int(number), body, self.records.me, self.now(), private=private, kind=kind, files=given[1]
            )
        except InvalidError as error:
            return self._invalid(error)
        key = re.search(r'class="gateway-([^"]*)"', body)
        self._spoken(said, key[1] if key else "")
        answer = self._said(said)
        if kind == REPLY:
            # an answer to a reply does not say that it is public
            del answer["private"]
        return self._answer_with(answer, "conversation", 201)

    def _paged(self, request: SimRequest, found: list[Any], name: str) -> SimResponse:
        """Return one page, with a link to the next one where there is one."""
        size = max(1, min(int(request.query.get("per_page", "30")), 100))
        page = max(1, int(request.query.get("page", "1")))
        more = page * size < len(found)
        link = {"Link": f'<{self.url}{request.path}?page={page + 1}&per_page={size}>; rel="next"'} if more else {}
        return self._answer_with(found[(page - 1) * size : page * size], name, 200, link)


if __name__ == "__main__":
    sys.exit(serve(FreshdeskSimulator, "A simulated Freshdesk account on loopback"))
