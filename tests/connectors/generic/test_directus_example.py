"""Directus by the example of docs/connectors/generic.md, against as much of it as was seen of a real one (12.4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from connectors.generic.connection import Generic
from connectors.sdk import Absent, Attachment, Found, Intent, Operation, Rejected, Visibility
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from tests.connectors.generic.servers import Row, Server
from tests.connectors.generic.test_examples import K1, K2, K3, context, create, driving, said

DATA = b"\x89PNG\x00\xff bytes"


class Directus(Server):
    """Tables of one's own: items by number, filters in the address, files that are uploaded first."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[Row]] = {"tickets": [], "messages": []}
        self.files: dict[str, tuple[Row, bytes]] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the example."""
        table = r"/items/(?P<table>tickets|messages)"
        return [
            ("GET", "/users/me", lambda _: json_answer({"data": {"id": "u-1", "email": "gateway@acme.example"}})),
            ("GET", table, self._list),
            ("POST", table, self._create),
            ("GET", table + r"/(?P<number>\d+)", self._get),
            ("PATCH", table + r"/(?P<number>\d+)", self._patch),
            ("POST", "/files", self._upload),
            ("GET", r"/assets/(?P<name>[^/]+)", self._asset),
        ]

    def _stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def make(self, table: str, given: Row) -> Row:
        """Put a row into a table, with what hangs on it."""
        inner = given.pop("messages", None) or []
        named = [{"directus_files_id": self.files[each["directus_files_id"]][0]} for each in given.pop("files", [])]
        row = {"id": len(self.tables[table]) + 1, "date_created": self._stamp(), "date_updated": None, **given}
        row |= {"user_created": "u-1", "gateway_key": given.get("gateway_key")}
        row |= {"files": named} if table == "messages" else {}
        self.tables[table].append(row)
        for each in inner:
            self.make("messages", {**each, "ticket": row["id"]})
        return row

    def _shown(self, table: str, row: Row) -> Row:
        if table == "messages":
            return row
        return {
            "agent": None,
            **row,
            "messages": [each for each in self.tables["messages"] if each["ticket"] == row["id"]],
        }

    def _list(self, request: SimRequest, table: str) -> SimResponse:
        found = self.tables[table]
        wanted = {
            re.findall(r"\[(\w+)\]\[_(?:eq|gte)\]", name)[0]: value
            for name, value in request.query.items()
            if "filter" in name
        }
        if "gateway_key" in wanted:
            found = [each for each in found if each["gateway_key"] == wanted["gateway_key"]]
        elif wanted:
            found = [
                each for each in found if any((each[name] or "")[:19] >= value[:19] for name, value in wanted.items())
            ]
        size, page = int(request.query.get("limit", "100")), int(request.query.get("page", "1"))
        return json_answer({"data": [self._shown(table, each) for each in found[(page - 1) * size : page * size]]})

    def _create(self, request: SimRequest, table: str) -> SimResponse:
        body = self.keep(request)
        if any(each["gateway_key"] == body.get("gateway_key") for each in self.tables[table]):
            return json_answer({"errors": [{"message": 'Value for field "gateway_key" has to be unique.'}]}, 400)
        return json_answer({"data": self._shown(table, self.make(table, body))})

    def _get(self, request: SimRequest, table: str, number: str) -> SimResponse:
        found = [each for each in self.tables[table] if str(each["id"]) == number]
        if not found:
            return json_answer({"errors": [{"message": "You don't have permission to access this."}]}, 403)
        return json_answer({"data": self._shown(table, found[0])})

    def _patch(self, request: SimRequest, table: str, number: str) -> SimResponse:
        row = self.tables[table][int(number) - 1]
        row |= {**self.keep(request), "date_updated": self._stamp()}
        return json_answer({"data": row})

    def _upload(self, request: SimRequest) -> SimResponse:
        name = re.search(rb'filename="([^"]*)"', request.body)
        assert name is not None
        number = f"a-{len(self.files) + 1}"
        about = {"id": number, "filename_download": name[1].decode(), "type": "image/png", "filesize": str(len(DATA))}
        assert DATA in request.body
        self.files[number] = (about, DATA)
        return json_answer({"data": about})

    def _asset(self, request: SimRequest, name: str) -> SimResponse:
        return SimResponse(200, {"Content-Type": "image/png"}, self.files[name][1])


def test_directus_lives_with_us() -> None:
    """Files are uploaded and named, numbers are numbers, what is not there is told from what is wrong."""
    server = Directus()
    with driving("directus", server) as driver:
        assert all(each.ok or each.warning for each in driver.run(driver.connector.check()))
        blob = driver.files.put(DATA)
        file = Attachment("Größe.png", "image/png", blob.size, sha256=blob.sha256, visibility=Visibility.PUBLIC)
        made = driver.settle(create(attachments=(file,)), context(key=K1))
        assert (made.remote_id, made.file_ids) == ("1", ("a-1",))
        assert server.tables["tickets"][0]["urgency"] == 1
        assert isinstance(driver.attempt(create(), context(key=K1)), Rejected)
        assert isinstance(driver.run(driver.connector.probe(create(), context(key=K1))), Found)
        assert isinstance(driver.run(driver.connector.probe(create(), context(key=K2))), Absent)
        reply = msgspec.structs.replace(said(Operation.PUBLIC_REPLY, "We *come*."), attachments=(file,))
        receipt = driver.settle(reply, context("1", K3))
        assert (receipt.comment_id, receipt.file_ids) == ("2", ("a-2",))
        driver.settle(said(Operation.INTERNAL_NOTE, "He shouts."), context("1", "4" * 32))
        driver.settle(
            Intent(Operation.SET_FIELDS, {"priority": {"level": "P2"}, "assignee": None}), context("1", "5" * 32)
        )
        read = driver.run(driver.connector.read("1"))
        assert read is not None
        assert [(each.body, each.visibility, len(each.attachments)) for each in read.comments] == [
            ("", Visibility.PUBLIC, 1), ("We *come*.", Visibility.PUBLIC, 1), ("He shouts.", Visibility.INTERNAL, 0),
        ]  # fmt: skip
        assert driver.connector.is_us(read.comments[1].author) is not False
        connector = driver.connector
        assert isinstance(connector, Generic)
        kept = driver.run(connector.fetch(read.comments[1].attachments[0]))
        assert kept is not None
        assert not isinstance(kept, bytes)
        assert b"".join(driver.files.open(kept.sha256)) == DATA
        assert driver.run(driver.connector.read("99")) is None


def test_directus_is_polled_in_two_lists() -> None:
    """A message that does not touch its ticket is told by it."""
    server = Directus()
    server.make("tickets", {"title": "Old", "text": "", "status": "new"})
    server.tables["tickets"][0]["date_created"] = "2020-01-01T00:00:00.000Z"
    server.make("messages", {"ticket": 1, "text": "More", "public": True})
    with driving("directus", server) as driver:
        first = driver.run(driver.connector.changes("", datetime.now(UTC)))
        second = driver.run(driver.connector.changes(first.cursor, datetime.now(UTC)))
        assert [each.remote_id for each in (*first.tickets, *second.tickets)] == ["1"]
        assert (first.end, second.end) == (False, True)
