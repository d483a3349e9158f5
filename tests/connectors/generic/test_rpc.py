"""A desk behind one address that speaks JSON-RPC: numbers, pages inside the body, answers that say it all with 200."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.generic import SPEC
from connectors.generic.connection import Generic
from connectors.generic.sense import first
from connectors.generic.template import fill
from connectors.generic.times import Times
from connectors.sdk import CommentIntent, Intent, Operation, Rejected, Visibility, WriteContext
from connectors.testing.desk import Handler
from connectors.testing.driver import Driver
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from gateway.ports import ConnectionSettings
from tests.connectors.generic.servers import Row, Server

RPC: Row = {"method": "POST", "path": "/rpc", "ok": {"absent": "error"}, "error": "error.message"}
MARK = "\\[ref:([0-9a-f]+)\\]"


def asking(name: str, **params: Any) -> Row:
    """Return the request for one procedure."""
    return {**RPC, "json": {"jsonrpc": "2.0", "id": 1, "method": name, "params": params}}


OPTIONS: Row = {
    "times": {"format": "epoch"},
    "ticket": {
        "id": "id", "title": "title", "body": "text", "status": "state", "updated": "changed", "marker": "reference",
        "assignee": {"path": "owner", "default": ""},
    },
    "comment": {
        "id": "id", "body": "text", "at": "at", "author": "by", "visibility": {"value": "public"},
        "marker": {"path": "text", "pattern": MARK}, "cut": "\\s*" + MARK,
    },
    "words": {"status": {"1": "open", "2": "resolved"}},
    "calls": {
        "read": {
            **asking("get", id="{ticket:number}"), "answer": "result", "missing": {"at": "error.code", "is": [404]},
        },
        "comments": {**asking("said", id="{ticket:number}"), "list": "result"},
        "changes": [
            {
                **asking("changed", since="{since:number}", page="{page}", most="{size}"),
                "list": "result", "paging": {"kind": "page", "size": 2},
            },
            {**asking("spoken", since="{since:number}"), "list": "result", "id": "ticket"},
        ],
        "create": {
            **asking("make", title="{title}", text="{body}", reference="{key}", state="{status|1:number}"),
            "id": "result",
            "find": {**asking("referring", reference="{key}"), "answer": "result"},
        },
        "update": asking("set", id="{ticket:number}", title="{title}", state="{status:number}"),
        # what it answers is the ticket, and not what was said
        "reply": {**asking("say", id="{ticket:number}", text="{comment} [ref:{key}]"), "answer": "result", "id": False},
    },
}  # fmt: skip


class RpcDesk(Server):
    """Tickets by number; whatever is asked for with a text in the place of a number is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[int, Row] = {}
        self.said: list[Row] = []

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the one address."""
        return [("POST", "/rpc", self._call)]

    def stamp(self) -> int:
        """Return the time as the desk writes it."""
        return int(self.now().timestamp())

    def make(self, **fields: Any) -> int:
        """Make a ticket."""
        number = len(self.tickets) + 1
        self.tickets[number] = {"id": number, "state": 1, **fields, "changed": self.stamp()}
        return number

    def say(self, ticket: int, text: str) -> None:
        """Say something, which does not touch the ticket."""
        number = len(self.said) + 501
        self.said.append({"id": number, "ticket": ticket, "text": text, "at": self.stamp(), "by": "ann"})

    def _call(self, request: SimRequest) -> SimResponse:
        asked = self.keep(request)
        params, name = asked["params"], asked["method"]
        number = params.get("id")
        if isinstance(number, str) or isinstance(params.get("state"), str):
            return self._error(-32602, "a number is wanted")
        if number is not None and number not in self.tickets:
            return self._error(404, "no such ticket")
        since = params.get("since", 0)
        changed = [each for each in self.tickets.values() if each["changed"] >= since]
        found: Any = None
        match name:
            case "get":
                found = self.tickets[number]
            case "said":
                found = [each for each in self.said if each["ticket"] == number]
            case "changed":
                start = (params["page"] - 1) * params["most"]
                found = changed[start : start + params["most"]]
            case "spoken":
                found = [each for each in self.said if each["at"] >= since]
            case "make":
                found = self.make(**params)
            case "referring":
                found = next((each for each in changed if each.get("reference") == params["reference"]), None)
            case "set":
                given = {key: value for key, value in params.items() if key != "id"}
                self.tickets[number] |= given
                found = True
            case "say":
                self.say(number, params["text"])
                found = self.tickets[number]
        return json_answer({"jsonrpc": "2.0", "id": 1, "result": found})

    def _error(self, code: int, words: str) -> SimResponse:
        return json_answer({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": words}})


@pytest.fixture
def rpc() -> Iterator[tuple[RpcDesk, Driver]]:
    """Run such a desk."""
    with RpcDesk() as desk:
        assert not first(OPTIONS)
        driver = Driver(Generic(SPEC, ConnectionSettings("rpc", "generic", desk.url, OPTIONS)), deadline=5.0)
        yield desk, driver
        driver.close()


def context(key: str, ticket: str = "") -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, ticket, first_sent_at=datetime.now(UTC))


def test_it_is_written_and_found_again(rpc: tuple[RpcDesk, Driver]) -> None:
    """A number for the new ticket; numbers where numbers are wanted; refusals in its own words."""
    desk, driver = rpc
    receipt = driver.settle(Intent(Operation.CREATE, {"title": "Printer", "body": "It burns"}), context("c" * 32))
    assert receipt.remote_id == "1"
    assert desk.tickets[1] | {"changed": 0} == {
        "id": 1, "state": 1, "title": "Printer", "text": "It burns", "reference": "c" * 32, "changed": 0,
    }  # fmt: skip
    driver.settle(Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}}), context("a" * 32, "1"))
    assert desk.tickets[1]["state"] == 2
    refused = driver.attempt(Intent(Operation.SET_FIELDS, {"title": "Other"}), context("b" * 32, "7"))
    assert isinstance(refused, Rejected)
    assert "no such ticket" in refused.detail


def test_what_the_answer_does_not_name_is_read_back(rpc: tuple[RpcDesk, Driver]) -> None:
    """The answer holds an id, of something else: what was said is found by its mark."""
    desk, driver = rpc
    desk.make(title="Printer", text="")
    said = Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c1", "We come.", Visibility.PUBLIC))
    receipt = driver.settle(said, context("e" * 32, "1"))
    assert receipt.comment_id == "501"
    read = driver.run(driver.connector.read("1"))
    assert read is not None
    assert [(each.remote_id, each.body, each.marker) for each in read.comments] == [("501", "We come.", "e" * 32)]


def test_a_ticket_that_is_not_there_is_none(rpc: tuple[RpcDesk, Driver]) -> None:
    """The desk says so with 200 and a code; another error is an error."""
    desk, driver = rpc
    assert driver.run(driver.connector.read("77")) is None
    desk.make(title="Printer", text="")
    assert driver.run(driver.connector.read("1")) is not None


def test_a_round_goes_through_all_lists(rpc: tuple[RpcDesk, Driver]) -> None:
    """Page by page, the page inside the body; then what was said, by the ticket that it belongs to."""
    desk, driver = rpc
    for number in range(5):
        desk.make(title=f"Ticket {number}", text="")
    cursor, told = "", []
    for _ in range(10):
        page = driver.run(driver.connector.changes(cursor, datetime.now(UTC)))
        told += [each.remote_id for each in page.tickets]
        cursor = page.cursor
        if page.end:
            break
    assert told == ["1", "2", "3", "4", "5"]
    for ticket in desk.tickets.values():
        ticket["changed"] -= 7200
    desk.say(3, "More of it")
    first_page = driver.run(driver.connector.changes(cursor, datetime.now(UTC)))
    assert (first_page.tickets, first_page.end) == ((), False)
    second = driver.run(driver.connector.changes(first_page.cursor, datetime.now(UTC)))
    assert [each.remote_id for each in second.tickets] == ["3"]
    assert second.end
    assert not second.tickets[0].complete


def test_the_check_names_places_at_which_nothing_lies(rpc: tuple[RpcDesk, Driver]) -> None:
    """They may be wrong, or the desk leaves out what is empty: the hint says what to write then."""
    desk, driver = rpc
    desk.make(title="Printer")
    results = {each.name: each for each in driver.run(driver.connector.check())}
    assert results["places"].warning
    assert not results["places"].ok
    assert "nothing lies at ticket: body" in results["places"].detail
    assert "default" in results["places"].detail
    desk.tickets[1]["text"] = ""
    results = {each.name: each for each in driver.run(driver.connector.check())}
    assert results["places"].ok


@pytest.mark.parametrize(
    ("template", "value", "filled"),
    [("{a:number}", "5", 5), ("{a:number}", "1.5", 1.5), ("{a:number}", "x", "x"), ("{a|3:number}", "", 3),
     ("{a|x:y}", "", "x:y"), ("{a}", "5", "5"), ("/t/{a:number}", "5", "/t/5")],
)  # fmt: skip
def test_a_number_is_asked_for(template: str, value: str, filled: Any) -> None:
    """With or without something behind the bar; what is none is left to the desk."""
    assert fill(template, {"a": value}) == filled


@pytest.mark.parametrize("digits", ["1783681474", "1783681474000", "1783681474000000", "1783681474000000000"])
def test_a_time_is_as_fine_as_it_has_digits(digits: str) -> None:
    """Seconds, milliseconds, microseconds, nanoseconds."""
    assert Times().read(digits) == datetime.fromtimestamp(0, UTC) + timedelta(seconds=1783681474)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"path": "/c?s={since}"}, {"path": "/n?s={since}", "id": "t"}], "when it was said"),
        ([{"path": "/c?s={since}"}, {"path": "/n", "id": "t", "at": "at"}], "every ticket"),
        ({"path": "/c?s={since}", "paging": {"kind": "page"}}, "which parameter"),
    ],
)
def test_lists_that_cannot_work_are_refused(changes: Any, words: str) -> None:
    """Each of them, where it stands."""
    given = {"ticket": {"id": "id", "updated": "at"}, "calls": {"read": {"path": "/t/{ticket}"}, "changes": changes}}
    assert words in first(given)
