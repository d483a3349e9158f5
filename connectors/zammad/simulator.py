"""A Zammad look-alike on loopback: the real paths, the real shapes, the real habits.

Searches by a query ask an index that lags; those by a condition ask the database. A retry of a webhook is rendered
anew. An owner who may not work in a group becomes nobody, an attribute that is not there is dropped: both with 200.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any

import msgspec

from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve
from connectors.zammad.mapping import KEY
from connectors.zammad.sim_state import Records, RefusedError, stamp

#: the index shows a change so much later
INDEX_LAG = timedelta(seconds=5)
MARKER = "gateway_key"


class ZammadSimulator(SimulatedDesk):
    """One Zammad. `token` is asked for where it is given."""

    def __init__(self, *, token: str = "", attributes: tuple[str, ...] = (MARKER,), **common: Any) -> None:
        super().__init__(**common)
        self.records = Records(attributes)
        self.token = token
        #: how far this one goes in what only some do
        self.index_lag = INDEX_LAG
        self.keeps_preferences = True
        self._deliveries = 0

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the REST API (config/routes)."""
        api = "/api/v1"
        return [
            ("GET", f"{api}/users/me", self._me),
            ("GET", rf"{api}/users/(?P<number>\d+)", self._user),
            ("GET", f"{api}/tickets/search", self._search),
            ("POST", f"{api}/tickets", self._create),
            ("GET", rf"{api}/tickets/(?P<number>\d+)", self._show),
            ("PUT", rf"{api}/tickets/(?P<number>\d+)", self._update),
            ("GET", rf"{api}/ticket_articles/by_ticket/(?P<number>\d+)", self._articles),
            ("POST", f"{api}/ticket_articles", self._comment),
            ("GET", rf"{api}/ticket_history/(?P<number>\d+)", self._history),
            ("GET", rf"{api}/ticket_attachment/(?P<ticket>\d+)/(?P<article>\d+)/(?P<number>\d+)", self._file),
            ("GET", f"{api}/tags", self._tags),
            ("POST", f"{api}/tags/add", self._tag),
            ("DELETE", f"{api}/tags/remove", self._untag),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - no time is signed
        """Return the headers of a webhook (lib/user_agent.rb; TriggerWebhookJob#headers)."""
        if attempt == 1:
            self._deliveries += 1
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zammad User Agent",
            "X-Zammad-Trigger": "Tell the gateway",
            "X-Zammad-Delivery": f"8aa5fbf4-0000-4000-8000-{self._deliveries:012d}",
        }
        if self.webhook_secret:
            headers["X-Hub-Signature"] = f"sha1={hmac_hex(self.webhook_secret, body, 'sha1')}"
        return headers

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong credentials with 401, none with 403 (application_controller/authenticates.rb)."""
        given = request.headers.get("authorization", "")
        if not given:
            return self._error("Authentication required", 403)
        if self.token and given != f"Token token={self.token}":
            return self._error("Can't find User for Token", 401)
        return None

    # -- what people do

    def act_create(
        self, title: str, body: str, *, email: str = "customer@example.com", group: str = "Users", html: bool = False
    ) -> int:
        """Let a customer write in; returns the ticket."""
        customer = self.records.user(email)
        kind = "text/html" if html else "text/plain"
        article = {"body": body, "type": "email", "sender": "Customer", "content_type": kind}
        given = {"title": title, "group": group, "customer_id": customer, "article": article}
        number = self.records.create(given, customer, self.now())
        self.effect("create", str(number), detail={"title": title})
        self._tell(number, self.records.articles_of(number)[0]["id"])
        return number

    def act_article(
        self,
        ticket: int | str,
        body: str,
        *,
        by: str = "agent",
        internal: bool = False,
        kind: str = "note",
        files: list[dict[str, str]] | None = None,
    ) -> int:
        """Let an agent or the customer (`by`) add an article; an agent's editor makes HTML."""
        number = int(ticket)
        actor = self.records.agent if by == "agent" else self.records.tickets[number]["customer_id"]
        html = "".join(f"<div>{escape(line, quote=False) or '<br>'}</div>" for line in body.split("\n"))
        given: dict[str, Any] = {"type": kind, "internal": internal, "attachments": files or []}
        given |= {"body": html, "content_type": "text/html"} if by == "agent" else {"body": body}
        made = self.records.add_article(number, given, actor, self.now())
        self.effect("comment", str(number), change_id=str(made), detail={"body": body})
        self._tell(number, made)
        return made

    def act_set(self, ticket: int | str, **fields: Any) -> None:
        """Let an agent change fields."""
        number = int(ticket)
        changed = self.records.update(number, fields, self.records.agent, self.now())
        if changed:
            self.effect("fields", str(number), detail=changed)
            self._tell(number, None)

    def act_split(self, ticket: int | str) -> int:
        """Let an agent make a ticket of what was said last, which stays where it was; returns the new one.

        The form begins with all that the old one has, an object attribute that it shows included, and no owner.
        """
        held = self.records.tickets[int(ticket)]
        said = self.records.articles_of(int(ticket))[-1]
        kept = {name: held[name] for name in ("title", "state_id", "priority_id", "group_id", "customer_id")}
        kept |= {name: held[name] for name in self.records.attributes}
        article = {"body": said["body"], "content_type": said["content_type"], "type": "phone", "sender": "Customer"}
        number = self.records.create({**kept, "article": article}, self.records.agent, self.now())
        self.effect("create", str(number), detail={"title": held["title"]})
        self._tell(number, self.records.articles_of(number)[0]["id"])
        return number

    def act_merge(self, ticket: int | str, into: int | str) -> None:
        """Let an agent merge."""
        self.records.merge(int(ticket), int(into), self.records.agent, self.now())
        self.effect("merge", str(ticket))
        self._tell(int(ticket), None)
        self._tell(int(into), None)

    def act_delete(self, ticket: int | str) -> None:
        """Let an admin delete a ticket for good: Zammad tells nobody."""
        del self.records.tickets[int(ticket)]
        self.effect("delete", str(ticket))

    def act_template(self, ticket: int | str) -> None:
        """Let a trigger fire a webhook with a payload of an admin's own."""
        held = self.records.ticket_view(int(ticket))
        self.announce({"ticket_id": str(ticket), "number": held["number"], "state": held["state"]})

    def act_image(self, ticket: int | str, name: str, data: list[int]) -> int:
        """Let a customer's mail show an image in its text."""
        number = int(ticket)
        customer = self.records.tickets[number]["customer_id"]
        given = {
            "body": f'<p>See:</p><img src="cid:{name}@mail" alt="{name}">', "content_type": "text/html", "type": "email"
        }  # fmt: skip
        made = self.records.add_article(number, given, customer, self.now())
        self.records.keep(made, name, "image/png", bytes(data), f"{name}@mail")
        self.effect("comment", str(number), change_id=str(made))
        self._tell(number, made)
        return made

    def _tell(self, number: int, article: int | None) -> None:
        if number in self.records.tickets:
            self.announce(self.records.webhook(number, article))

    # -- the API

    def _error(self, words: str, status: int) -> SimResponse:
        return self._json({"error": words, "error_human": words}, status)

    def _json(self, value: Any, status: int = 200) -> SimResponse:
        return json_answer(value, status, {"Date": format_datetime(self.now(), usegmt=True)})

    def _me(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        return self._json(self.records.users[self.records.me])

    def _user(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        user = self.records.users.get(int(number))
        return self._json(user) if user else self._missing("User", number)

    def _missing(self, kind: str, number: str) -> SimResponse:
        return self._error(f"Couldn't find {kind} with 'id'={number}", 404)

    def _show(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.records.tickets:
            return self._missing("Ticket", number)
        return self._json(self._view(request, int(number)))

    def _view(self, request: SimRequest, number: int) -> dict[str, Any]:
        if request.query.get("expand") == "true":
            return self.records.ticket_view(number)
        return dict(self.records.tickets[number])

    def _search(self, request: SimRequest) -> SimResponse:
        """Search by conditions in the database, or by a query in the index."""
        found = sorted(self.records.tickets.values(), key=lambda each: (each["updated_at"], each["id"]))
        if request.query.get("query"):
            shown = stamp(self.now() - self.index_lag)
            found = [each for each in found if each["updated_at"] <= shown]
        for name, operator, value in _conditions(request.query):
            table, _, column = name.partition(".")
            if table != "ticket" or (found and column not in found[0]) or operator not in _OPERATORS:
                known = self.records.attributes
                if column not in {"updated_at", "created_at", *known}:
                    return self._error("column tickets." + column + " does not exist", 422)
            found = [each for each in found if _OPERATORS[operator](str(each.get(column) or ""), value)]
        if request.query.get("order_by") != "asc":
            found.reverse()
        size = min(int(request.query.get("per_page") or request.query.get("limit") or 50), 200)
        first = (int(request.query.get("page") or 1) - 1) * size
        listed = [each["id"] for each in found[first : first + size]]
        if request.query.get("expand") == "true":
            return self._json([self.records.ticket_view(number) for number in listed])
        return self._json({"tickets": listed, "tickets_count": len(listed), "assets": {}})

    def _create(self, request: SimRequest) -> SimResponse:
        given = _object(request)
        try:
            number = self.records.create(self._kept(given), self.records.me, self.now())
        except RefusedError as error:
            return self._error(str(error), 422)
        key = str(given.get(MARKER) or "")
        self.effect("create", str(number), key=key, detail={"title": self.records.tickets[number]["title"]})
        self._tell(number, self.records.articles_of(number)[0]["id"])
        return self._json(self._view(request, number), 201)

    def _kept(self, given: dict[str, Any]) -> dict[str, Any]:
        article = dict(given.get("article") or {})
        if not self.keeps_preferences:
            article.pop("preferences", None)
        return {**given, "article": article} if article else given

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        if int(number) not in self.records.tickets:
            return self._missing("Ticket", number)
        given = _object(request)
        try:
            changed = self.records.update(int(number), given, self.records.me, self.now())
        except RefusedError as error:
            return self._error(str(error), 422)
        if changed:
            self.effect("fields", number, detail=changed)
            self._tell(int(number), None)
        return self._json(self._view(request, int(number)))

    def _articles(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - all are told, always
        if int(number) not in self.records.tickets:
            return self._missing("Ticket", number)
        return self._json([self.records.article_view(each["id"]) for each in self.records.articles_of(int(number))])

    def _comment(self, request: SimRequest) -> SimResponse:
        given = _object(request)
        number = int(given.get("ticket_id") or 0)
        if number not in self.records.tickets:
            return self._missing("Ticket", str(number))
        key = str((given.get("preferences") or {}).get(KEY) or "")
        if not self.keeps_preferences:
            given = {**given, "preferences": {}}
        try:
            made = self.records.add_article(number, given, self.records.me, self.now())
        except RefusedError as error:
            return self._error(str(error), 422)
        detail = {"body": given["body"], "files": len(given.get("attachments") or [])}
        self.effect("comment", str(number), key=key, change_id=str(made), detail=detail)
        self._tell(number, made)
        return self._json(self.records.article_view(made), 201)

    def _history(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - the same
        if int(number) not in self.records.tickets:
            return self._missing("Ticket", number)
        return self._json({"history": self.records.history[int(number)], "assets": {}})

    def _file(self, request: SimRequest, ticket: str, article: str, number: str) -> SimResponse:  # noqa: ARG002 - the same
        owner, about, data = self.records.files.get(int(number), (0, {}, b""))
        if owner != int(article) or self.records.articles[owner]["ticket_id"] != int(ticket):
            return self._error("The file does not belong to the specified article.", 403)
        return SimResponse(200, {"Content-Type": about["preferences"]["Mime-Type"]}, data)

    def _tags(self, request: SimRequest) -> SimResponse:
        return self._json({"tags": self.records.tags.get(int(request.query.get("o_id") or 0), [])})

    def _tag(self, request: SimRequest) -> SimResponse:
        given = _object(request)
        number, word = int(given["o_id"]), str(given["item"])
        if word not in self.records.tags[number]:
            self.records.tags[number].append(word)
            self.records.touch(number, self.records.me, self.now())
            self.effect("tag", str(number), detail={"add": word})
        return self._json(value=True, status=201)

    def _untag(self, request: SimRequest) -> SimResponse:
        given = _object(request)
        number, word = int(given["o_id"]), str(given["item"])
        if word in self.records.tags[number]:
            self.records.tags[number].remove(word)
            self.records.touch(number, self.records.me, self.now())
            self.effect("tag", str(number), detail={"remove": word})
        return self._json(value=True)


_CONDITION = re.compile(r"condition\[([^\]]+)\]\[(operator|value)\]")
_OPERATORS = {
    "is": lambda there, value: there == value,
    "after (absolute)": lambda there, value: there >= value,
    "before (absolute)": lambda there, value: there <= value,
}


def _conditions(query: dict[str, str]) -> list[tuple[str, str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in query.items():
        part = _CONDITION.fullmatch(name)
        if part:
            found.setdefault(part.group(1), {})[part.group(2)] = value
    return [(name, parts.get("operator", ""), parts.get("value", "")) for name, parts in found.items()]


def _object(request: SimRequest) -> dict[str, Any]:
    try:
        found = request.json()
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(serve(ZammadSimulator, "Run a simulated Zammad."))
