"""A Request Tracker on loopback: RT's real REST paths, its webhooks and its traps, without RT.

Every behaviour here was measured on RT 5.0.3 and is checked against a real RT by the same tests
(tests/connectors/request_tracker/behaviour.py). Run it: `python -m connectors.request_tracker.simulator`.
"""

from __future__ import annotations

import base64
import re
import sys
from datetime import datetime
from typing import Any

import msgspec

from connectors.request_tracker.simulated import views
from connectors.request_tracker.simulated.reading import REST, ReadableDesk
from connectors.request_tracker.simulated.records import NOBODY, Refusal, Ticket, Transaction
from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.outgoing import Weather
from connectors.testing.process import serve

TITLE = "A simulated Request Tracker"

#: what the scrip does not send
SILENT = frozenset({"EmailRecord", "SetWatcher"})


#: links of a ticket by the names under which they are written, and those under which they are read
RELATIONS = {"RefersTo": "refers-to", "ReferredToBy": "referred-to-by", "DependsOn": "depends-on"}


class SimulatedRequestTracker(ReadableDesk):
    """RT in memory; `tokens` are those of its users, by login."""

    def __init__(self, *, port: int = 0, seed: int = 0, webhook_url: str = "", webhook_secret: str = "") -> None:
        super().__init__(port=port, seed=seed, webhook_url=webhook_url, webhook_secret=webhook_secret)
        # RT's scrip runs inside the call that caused it, and tries once
        self.webhooks.weather = Weather(before_answer=True, tries=1)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return RT's paths."""
        found: list[tuple[str, str, Handler]] = [
            ("POST", "/ticket", self._create),
            ("GET", r"/ticket/(?P<number>\d+)", self.show_ticket),
            ("PUT", r"/ticket/(?P<number>\d+)", self._update),
            ("DELETE", r"/ticket/(?P<number>\d+)", self._delete),
            ("PUT", r"/ticket/(?P<number>\d+)/(?P<word>take|steal|untake)", self._own),
            ("POST", r"/ticket/(?P<number>\d+)/(?P<kind>correspond|comment)", self._message),
            ("GET", r"/ticket/(?P<number>\d+)/history", self.show_history),
            ("GET", r"/ticket/(?P<number>\d+)/attachments", self.show_attachments),
            ("GET", r"/attachment/(?P<number>\d+)", self.show_attachment),
            ("GET", "/tickets", self.show_tickets),
            ("GET", "/transactions", self.show_transactions),
            ("GET", "/users", self.show_users),
            ("GET", "/user/(?P<word>.+)", self.show_user),
            ("PUT", "/user/(?P<word>.+)", self.change_user),
            ("GET", "/queues/all", self.show_queues),
            ("GET", "/queue/(?P<word>.+)", self.show_queue),
            ("GET", "/customfields", self.show_fields),
            ("GET", "/rt", lambda _: json_answer({"Version": "5.0.3 (simulated)"})),
        ]
        return [(method, re.escape(REST) + path, handler) for method, path, handler in found]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - RT signs no time
        """Return the headers of the scrip."""
        said = msgspec.json.decode(body)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "RT/5.0.3 webhook",
            "X-RT-Event": str(said.get("type")),
            "X-RT-Delivery": f"rt.test-{said.get('transaction_id')}",
            "X-RT-Attempt": str(attempt),
            "X-RT-Signature": "sha256=" + hmac_hex(self.webhook_secret, body),
        }

    # -- writing

    def _create(self, request: SimRequest) -> SimResponse:
        try:
            ticket = self._made(self.given(request), self.login(request))
        except Refusal as refusal:
            return json_answer({"message": str(refusal)}, refusal.status)
        body = {"id": str(ticket.number), "type": "ticket", "_url": f"{self.base}/ticket/{ticket.number}"}
        return json_answer(body, 201, {"Location": f"{REST}/ticket/{ticket.number}"})

    def _made(self, given: dict[str, Any], who: str) -> Ticket:
        ticket, made = self.records.create(given, who)
        key = ticket.fields.get("ExternalRef", "")
        self.effect("create", str(ticket.number), key=key, change_id=str(made.number), detail={"given": given})
        self._tell([made])
        return ticket

    def _update(self, request: SimRequest, number: str) -> SimResponse:
        ticket = self.records.ticket(int(number))
        if ticket is None:
            return json_answer({"message": "Resource does not exist; use POST to create"}, 404)
        wanted = request.headers.get("if-match", "").strip('"')
        if wanted and wanted != str(self.records.newest(ticket)):
            return json_answer({"message": "Precondition Failed"}, 412)
        return json_answer(self._changed(ticket, request.json(), self.login(request)))

    def _changed(self, ticket: Ticket, given: dict[str, Any], who: str) -> list[str]:
        """Change fields in RT's order and return its sentences. After an owner the scrip hears of nothing else."""
        before = self.records.last
        said: list[str | None] = []
        if "Owner" in given:
            said.append(self.records.set_owner(ticket, str(given["Owner"]), who))
            self._tell(self.records.since(before))
        owner_told = self.records.last > before
        rest = self.records.last
        plain = [name for name in ("Priority", "Queue", "Subject", "Due") if given.get(name) is not None]
        said += [self.records.set_plain(ticket, name, given[name], who) for name in plain]
        if "Status" in given:
            sentence = self.records.set_status(ticket, str(given["Status"]), who)
            said.append(None if given["Status"] == ticket.status and "already" in sentence else sentence)
        for name, value in (given.get("CustomFields") or {}).items():
            if name in self.records.ticket_fields:
                ticket.fields = {**ticket.fields, name: str(value)}
                self.records.record(ticket, "CustomField", who, field="3", new=str(value))
                said.append(f"{name} {value} added")
        for name, ref in RELATIONS.items():
            if given.get(name):
                ticket.links = [*(each for each in ticket.links if each[0] != ref), (ref, str(given[name]))]
                self.records.record(ticket, "AddLink", who, field=name, new=str(given[name]))
                said.append(f"Ticket {ticket.number} refers to {given[name]}.")
        if not owner_told:
            self._tell(self.records.since(rest))
        if self.records.last > before:
            change = str(self.records.newest(ticket))
            self.effect("fields", str(ticket.number), change_id=change, detail={"given": given})
        sentences = [f"Ticket {ticket.number}: {one}" for one in said if one]
        if "MergeInto" in given:
            sentences.append(self._merged(ticket, str(given["MergeInto"]), who))
        return sentences

    def _merged(self, ticket: Ticket, into: str, who: str) -> str:
        survivor = self.records.ticket(int(into)) if into.isdigit() else None
        if survivor is None or survivor is ticket:
            return "Can't merge a ticket into itself" if survivor else "Couldn't find that ticket"
        gone, stays = self.records.merge(ticket, survivor, who)
        self.effect("merge", str(ticket.number), change_id=str(gone.number), detail={"into": survivor.number})
        self._tell([stays, gone])
        return "Merge Successful"

    def _delete(self, request: SimRequest, number: str) -> SimResponse:
        ticket = self.records.ticket(int(number))
        if ticket is None:
            return json_answer({"message": "Not Found"}, 404)
        self._changed(ticket, {"Status": "deleted"}, self.login(request))
        return SimResponse(204)

    def _own(self, request: SimRequest, number: str, word: str) -> SimResponse:
        ticket = self.records.ticket(int(number))
        if ticket is None:
            return json_answer({"message": "Not Found"}, 404)
        who = self.login(request)
        return json_answer(self._changed(ticket, {"Owner": NOBODY if word == "untake" else who}, who))

    def _message(self, request: SimRequest, number: str, kind: str) -> SimResponse:
        ticket = self.records.ticket(int(number))
        given = self.given(request)
        if given.get("Content") and not given.get("ContentType"):
            return json_answer({"message": "ContentType is a required field for application/json"}, 400)
        if ticket is None:
            return json_answer({"message": "Message could not be recorded"}, 400)
        made, said = self._said(ticket, kind, given, self.login(request))
        return json_answer(said, 201, {"Location": f"{REST}/transaction/{made.number}"})

    def _said(self, ticket: Ticket, kind: str, given: dict[str, Any], who: str) -> tuple[Transaction, list[str]]:
        before = self.records.last
        made, said = self.records.message(ticket, kind.capitalize(), given, who)
        key = made.fields.get("GatewayKey", "")
        detail = {"kind": kind, "content": given.get("Content", "")}
        self.effect("comment", str(ticket.number), key=key, change_id=str(made.number), detail=detail)
        first, *rest = self.records.since(before)
        # RT runs the batch in an order of its own
        self._tell([first, *reversed(rest)])
        return made, said

    def _tell(self, transactions: list[Transaction]) -> None:
        """Send the webhooks of a batch, each with the ticket as it is now."""
        for one in transactions:
            if one.type not in SILENT:
                self.announce(views.webhook(self.base, self.records, one))

    # -- people

    def act_create(
        self, subject: str, body: str, requester: str = "walkin@customer.test", queue: str = "Support",
        by: str = "agent1", **fields: Any,
    ) -> str:  # fmt: skip
        """Create a ticket as a person; returns its number. `fields` are RT's (Priority, Status, Owner)."""
        given = {"Queue": queue, "Subject": subject, "Content": body, "Requestor": requester, **fields}
        return str(self._made(given, by).number)

    def act_reply(self, ticket: str, body: str, by: str = "agent1") -> str:
        """Reply to the requestor; returns the number of the transaction."""
        return str(self._said(self._found(ticket), "correspond", {"Content": body}, by)[0].number)

    def act_note(self, ticket: str, body: str, by: str = "agent1") -> str:
        """Comment for colleagues; returns the number of the transaction."""
        return str(self._said(self._found(ticket), "comment", {"Content": body}, by)[0].number)

    def act_attach(self, ticket: str, name: str, data: bytes, public: bool = True, by: str = "agent1") -> str:  # noqa: FBT001, FBT002 - a person's choice, named by every caller
        """Reply or comment with a file; returns the number of the transaction."""
        kind = "image/png" if name.endswith(".png") else "application/octet-stream"
        file = {"FileName": name, "FileType": kind, "FileContent": base64.b64encode(data).decode()}
        given = {"Content": f"See {name}", "ContentType": "text/plain", "Attachments": [file]}
        return str(self._said(self._found(ticket), "correspond" if public else "comment", given, by)[0].number)

    def act_set(self, ticket: str, by: str = "agent1", **fields: Any) -> list[str]:
        """Set fields by RT's names (Status, Subject, Priority, Owner, Queue); returns RT's sentences."""
        return self._changed(self._found(ticket), fields, by)

    def act_merge(self, ticket: str, into: str, by: str = "agent1") -> list[str]:
        """Merge a ticket into another one."""
        return self._changed(self._found(ticket), {"MergeInto": into}, by)

    def act_delete(self, ticket: str, by: str = "agent1") -> list[str]:
        """Delete a ticket."""
        return self._changed(self._found(ticket), {"Status": "deleted"}, by)

    def act_disable(self, login: str, *, disabled: bool = True) -> None:
        """Let an admin disable an account, or enable it again."""
        self.records.users[login] = msgspec.structs.replace(self.records.users[login], disabled=disabled)

    def _found(self, number: str) -> Ticket:
        ticket = self.records.ticket(int(number))
        if ticket is None:
            msg = f"no ticket {number}"
            raise LookupError(msg)
        return ticket


if __name__ == "__main__":
    sys.exit(serve(SimulatedRequestTracker, TITLE))
