"""A Roundup tracker on loopback: its REST paths, its classic template's detectors and its traps, without Roundup.

Every behaviour here was measured on Roundup 2.6.0 and is checked against a real Roundup by the same tests
(tests/connectors/roundup/behaviour.py). Run it: `python -m connectors.roundup.simulator`.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import sys
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from connectors.roundup.mapping import marked
from connectors.roundup.simulated import CLASSES, Item, RefusedError, Tracker
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

TITLE = "A simulated Roundup tracker"
DATA = "/rest/data"

#: calls that a user may make in an hour, as [web] api_calls_per_interval has them
LIMIT = 100_000

Row = dict[str, Any]


class SimulatedRoundup(SimulatedDesk):
    """One tracker with the classic schema, in memory; `passwords` are those of its users."""

    def __init__(self, *, port: int = 0, seed: int = 0, webhook_url: str = "", webhook_secret: str = "") -> None:
        super().__init__(port=port, seed=seed, webhook_url=webhook_url, webhook_secret=webhook_secret)
        self.tracker = Tracker(self.now)
        self.passwords = {"gateway": "gateway-pass-0123", "agent1": "agent1-pass-0123", "agent2": "agent2-pass-0123"}
        self.passwords |= {"admin": "admin-pass-0123", "customer": "customer-pass-0123"}
        #: addresses that take one post: token -> the user's id
        self.once: dict[str, str] = {}
        self._calls = 0
        #: as before 2.5: bytes come within JSON, as Python writes them, and nobody gets them bare
        self.old = False

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return Roundup's paths."""
        kind, item = "(?P<kind>[a-z]+)", r"(?P<number>[^/]+)"
        found: list[tuple[str, str, Handler]] = [
            ("POST", f"/{kind}/@poe", self._ask_once),
            ("POST", f"/{kind}/@poe/(?P<token>.+)", self._post_once),
            ("GET", f"/{kind}", self._list),
            ("POST", f"/{kind}", self._post),
            ("GET", f"/{kind}/{item}", self._show),
            ("PUT", f"/{kind}/{item}", self._put),
            ("PATCH", f"/{kind}/{item}", self._patch),
            ("DELETE", f"/{kind}/{item}", self._retire),
            ("GET", f"/{kind}/{item}/binary_content", self._bytes),
        ]
        return [(method, DATA + path, handler) for method, path, handler in found]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - it sends nothing
        """Return nothing: Roundup sends no webhooks."""
        return {}

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse as Roundup does: a wrong password as plain text, a change without its headers as 400."""
        if not self.login(request):
            return SimResponse(401, {"Content-Type": "text/plain"}, b"Invalid Login - Invalid login")
        if request.method != "GET" and not (
            request.headers.get("x-requested-with") and request.headers.get("origin") == self.url
        ):
            return _error(400, "Required Header Missing")
        return None

    def login(self, request: SimRequest) -> str:
        """Return the id of who asks, or an empty string."""
        word, _, pair = request.headers.get("authorization", "").partition(" ")
        if word != "Basic":
            return ""
        try:
            name, _, password = base64.b64decode(pair).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        held = self.passwords.get(name)
        return self.tracker.named("user", name) if held and secrets.compare_digest(held, password) else ""

    # -- reading

    def _list(self, request: SimRequest, kind: str) -> SimResponse:
        given = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
        control = {name: value for name, value in given if name.startswith("@")}
        filters = [(name, value) for name, value in given if not name.startswith("@")]
        try:
            found = self.tracker.search(kind, filters, control.get("@sort", ""))
        except RefusedError as refusal:
            return _error(refusal.status, str(refusal))
        size, page = int(control.get("@page_size", "0")), int(control.get("@page_index", "1"))
        shown = found[(page - 1) * size : page * size] if size else found
        verbose = int(control.get("@verbose", "1"))
        fields = [name for name in control.get("@fields", "").split(",") if name]
        asker = self.login(request)
        rows = [self._row(one, fields, verbose, asker) for one in shown]
        answer: Row = {"collection": rows, "@total_size": len(found)}
        if size:
            more = len(found) > page * size
            answer["@links"] = {
                "self": [{"rel": "self", "uri": request.target}],
                **({"next": [{"rel": "next", "uri": f"{request.target}&@page_index={page + 1}"}]} if more else {}),
            }
        return self._data(answer, headers={"X-Count-Total": str(len(found))})

    def _row(self, one: Item, fields: list[str], verbose: int, asker: str) -> Row:
        row: Row = {"id": one.number, "link": self._link(one)}
        label = CLASSES[one.kind].label
        names = [*fields, label] if verbose > 1 and label else fields
        return row | {name: self._shown(one, name, verbose) for name in names if self.tracker.may_see(one, name, asker)}

    def _link(self, one: Item) -> str:
        return f"{self.url}{DATA}/{one.kind}/{one.number}"

    def _shown(self, one: Item, name: str, verbose: int) -> Any:
        value = one.get(name)
        target = CLASSES[one.kind].links.get(name)
        if target is not None and value is not None:
            if isinstance(value, list):
                return [self._linked(target, each, verbose) for each in value]
            return self._linked(target, value, verbose)
        if name == "content":
            if verbose < 3:
                return {"link": f"{self.url}/{one.kind}{one.number}/"}
            if isinstance(value, bytes):
                return f"{one.kind}{one.number} is not text, retrieve using binary_content property."
        return value

    def _linked(self, target: str, number: str, verbose: int) -> Row:
        found = {"id": number, "link": f"{self.url}{DATA}/{target}/{number}"}
        label = CLASSES[target].label
        if verbose > 1 and label:
            found[label] = self.tracker.items[target][number].get(label)
        return found

    def _show(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        one = self.tracker.items.get(kind, {}).get(number)
        if one is None:
            said = f"no such {kind} {number}" if number.isdigit() else f"Item '{number}' not found"
            return _error(404, said)
        verbose = int(request.query.get("@verbose", "1"))
        names = [*CLASSES[kind].fields]
        if request.query.get("@protected") == "true":
            names += ["id", "creation", "creator", "activity", "actor"]
        asker = self.login(request)
        shown = {name: self._shown(one, name, verbose) for name in names if self.tracker.may_see(one, name, asker)}
        body = {"id": number, "type": kind, "link": self._link(one), "attributes": shown, "@etag": one.etag}
        return self._data(body, headers={"ETag": one.etag})

    def _bytes(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        wanted = request.headers.get("accept", "*/*")
        if self.old and wanted not in {"*/*", "application/json"}:
            refusal = f"Requested content type '{wanted}' is not available.\nAcceptable types: */*, application/json\n"
            return SimResponse(406, {"Content-Type": "text/plain"}, refusal.encode())
        one = self.tracker.items.get(kind, {}).get(number)
        if one is None:
            return _error(404, f"no such {kind} {number}")
        held = one.get("content")
        said = held if isinstance(held, bytes) else str(held).encode()
        if self.old:
            return self._data({"id": number, "type": "<class 'bytes'>", "data": str(said), "@etag": one.etag})
        return SimResponse(200, {"Content-Type": "application/octet-stream"}, said)

    # -- writing

    def _ask_once(self, request: SimRequest, kind: str) -> SimResponse:
        token = secrets.token_urlsafe(40)
        self.once[token] = self.login(request)
        link = f"{self.url}{DATA}/{kind}/@poe/{token}"
        return self._data({"link": link, "expires": self.now().timestamp() + 1800})

    def _post_once(self, request: SimRequest, kind: str, token: str) -> SimResponse:
        if self.once.pop(token, "") != self.login(request):
            return _error(400, f"POE token '{token}' not valid.")
        return self._post(request, kind)

    def _post(self, request: SimRequest, kind: str) -> SimResponse:
        try:
            one = self._made(kind, _given(request), self.login(request))
        except RefusedError as refusal:
            return _error(refusal.status, str(refusal))
        return self._data({"id": one.number, "link": self._link(one)}, 201, {"Location": self._link(one)})

    def _made(self, kind: str, given: Row, who: str) -> Item:
        one = self.tracker.create(kind, given, who)
        if kind == "issue":
            first = next((self.tracker.items["msg"][number] for number in one.get("messages") or []), None)
            key, _ = marked(first.get("messageid")) if first is not None else ("", "")
            self.effect("create", one.number, key=key, change_id=one.number, detail={"title": one.get("title")})
        return one

    def _conditional(self, request: SimRequest, kind: str, number: str) -> Item:
        """Return the item that may be changed; raises RefusedError without the ETag of its state."""
        one = self.tracker.items.get(kind, {}).get(number)
        if one is None:
            raise RefusedError(404, f"no such {kind} {number}")
        tags = [tag for tag in (request.headers.get("if-match"), request.json().get("@etag")) if tag]
        if not tags or any(tag.replace('-gzip"', '"') != one.etag for tag in tags):
            words = "If-Match is missing or does not match. Retrieve asset and retry modification if valid."
            raise RefusedError(412, words)
        if one.retired:
            raise RefusedError(409, "Requested item is retired")
        return one

    def _put(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        try:
            one = self._conditional(request, kind, number)
            changed = self._set(one, _plain(request.json()), self.login(request))
        except RefusedError as refusal:
            return _error(refusal.status, str(refusal))
        return self._data({"id": number, "type": kind, "link": self._link(one), "attribute": changed})

    def _patch(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        given = request.json()
        try:
            one = self._conditional(request, kind, number)
            added = self.tracker.patched(one, str(given.get("@op") or "replace"), _plain(given))
            changed = self._set(one, added, self.login(request))
        except RefusedError as refusal:
            return _error(refusal.status, str(refusal))
        return self._data({"id": number, "type": kind, "link": self._link(one), "attribute": changed})

    def _set(self, one: Item, given: Row, who: str) -> Row:
        before = set(one.get("messages") or [])
        changed = self.tracker.change(one, given, who)
        if one.kind != "issue":
            return changed
        for number in changed.get("messages") or []:
            if number not in before:
                before.add(number)
                key, _ = marked(self.tracker.items["msg"][number].get("messageid"))
                self.effect("comment", one.number, key=key, change_id=number, detail={"message": number})
        rest = {name: value for name, value in changed.items() if name not in {"messages", "nosy"}}
        if rest and "messages" not in changed:
            self.effect("fields", one.number, detail={"given": {name: str(value) for name, value in rest.items()}})
        return changed

    def _retire(self, request: SimRequest, kind: str, number: str) -> SimResponse:
        try:
            one = self._conditional(request, kind, number)
        except RefusedError as refusal:
            return _error(refusal.status, str(refusal))
        if self.login(request) != self.tracker.named("user", "admin"):
            return _error(403, f"Permission to retire {kind} {number} denied")
        one.retired = True
        return self._data({"status": "ok"})

    def _data(self, value: Row, status: int = 200, headers: dict[str, str] | None = None) -> SimResponse:
        self._calls += 1
        limits = {
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(max(0, LIMIT - self._calls)),
            "X-RateLimit-Reset": "1",
            "X-RateLimit-Limit-Period": "3600",
            "Date": format_datetime(self.now(), usegmt=True),
        }
        return json_answer({"data": value}, status, {**limits, **(headers or {})})

    # -- people

    def act_open(self, title: str, body: str, address: str) -> str:
        """Let a customer open an issue by mail: the mail gateway makes their user."""
        who = self.tracker.by_address(address)
        first = self.tracker.create("msg", {"content": body, "author": who, "date": "."}, who)
        return self._made("issue", {"title": title, "messages": [first.number]}, who).number

    def act_say(self, issue: str, text: str, by: str = "agent1", private: bool = False) -> str:  # noqa: FBT001, FBT002 - an act's arguments come by name
        """Let somebody add a message; `by` is a user name or, of the customer, empty."""
        one = self._found(issue)
        who = self.tracker.named("user", by) if by else str(one.get("creator"))
        given = {"content": text, "author": who, "date": ".", **({"private": "yes"} if private else {})}
        said = self.tracker.create("msg", given, who)
        self._set(one, {"messages": [*(one.get("messages") or []), said.number]}, who)
        return said.number

    def act_attach(self, issue: str, name: str, data: bytes, by: str = "agent1") -> str:
        """Let somebody add a message with a file."""
        one, who = self._found(issue), self.tracker.named("user", by)
        file = self.tracker.create("file", {"name": name, "type": "application/octet-stream", "content": data}, who)
        given = {"content": f"See {name}", "author": who, "date": ".", "files": [file.number]}
        said = self.tracker.create("msg", given, who)
        added = {
            "messages": [*(one.get("messages") or []), said.number],
            "files": [*(one.get("files") or []), file.number],
        }
        self._set(one, added, who)
        return said.number

    def act_set(self, issue: str, by: str = "agent1", **properties: Any) -> None:
        """Let somebody set properties, by Roundup's names."""
        self._set(self._found(issue), properties, self.tracker.named("user", by))

    def act_retire(self, issue: str) -> None:
        """Let an admin retire an issue."""
        self._found(issue).retired = True

    def act_restore(self, issue: str) -> None:
        """Let an admin take a retired issue back."""
        self._found(issue).retired = False

    def _found(self, number: str) -> Item:
        one = self.tracker.items["issue"].get(number)
        if one is None:
            msg = f"no issue {number}"
            raise LookupError(msg)
        return one


def _error(status: int, words: str) -> SimResponse:
    return json_answer({"error": {"status": status, "msg": words}}, status)


def _plain(given: Row) -> Row:
    return {name: value for name, value in given.items() if not name.startswith("@")}


def _given(request: SimRequest) -> Row:
    """Read a JSON body, or the parts of a form with a file."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        found = msgspec.json.decode(request.body or b"{}")
        return _plain(found) if isinstance(found, dict) else {}
    message: Message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    given: Row = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        payload = part.get_payload(decode=True)  # type: ignore[union-attr]
        given[str(name)] = payload if part.get_filename() else payload.decode()  # type: ignore[union-attr]
    return given


if __name__ == "__main__":
    sys.exit(serve(SimulatedRoundup, TITLE))
