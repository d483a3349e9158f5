"""Files by settings alone: each by itself or with what is said, as a form, as bytes, inside JSON; and read again."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

import connectors.generic
from connectors.generic import SPEC, connect
from connectors.generic.bench import GenericBench
from connectors.generic.connection import Generic
from connectors.generic.sense import first
from connectors.generic.simulator import HomeDesk
from connectors.sdk import (
    Attaching,
    Attachment,
    CommentIntent,
    Done,
    Intent,
    Operation,
    Plugin,
    Rejected,
    Strategy,
    TransportError,
    Visibility,
)
from connectors.testing.conformance.files import Files
from connectors.testing.conformance.stand import context
from connectors.testing.desk import Handler
from connectors.testing.driver import Driver
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from gateway.errors import NotSentError

_PART = {"name": re.compile(r' name="([^"]*)"'), "file": re.compile(r'filename="([^"]*)"')}
DATA = b"\x89PNG\x00\xff the bytes"


def form(request: SimRequest) -> dict[str, tuple[str, str, bytes]]:
    """Take a multipart form apart: the name of each part, its file name, its kind and its bytes."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    found = {}
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        said = head.decode()
        name, file = (_PART[each].search(said) for each in ("name", "file"))
        assert name is not None
        kind = said.partition("Content-Type: ")[2].partition("\r\n")[0]
        found[name[1]] = (file[1] if file else "", kind, data.removesuffix(b"\r\n"))
    return found


class FormDesk(HomeDesk):
    """The desk made at home as others are: a form for each file, files in JSON, files at another host."""

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return some paths more."""
        ticket = r"/api/tickets/(?P<number>[^/]+)"
        return [
            *super().routes(),
            ("POST", f"{ticket}/files", self._attach),
            ("GET", f"{ticket}/files", self._files),
            ("GET", r"/api/wrapped/(?P<number>[^/]+)", self._wrapped),
            ("POST", f"{ticket}/all", self._all),
        ]

    def _attach(self, request: SimRequest, number: str) -> SimResponse:
        parts = form(request)
        about = msgspec.json.decode(parts["about"][2])
        name, kind, data = parts["file"]
        kept = self._kept(name, kind, data)
        kept["private"] = about["private"]
        held = self._found(number)
        held["files"].append(kept)
        self._touch(held)
        self.effect("file", number, key=about["ref"], change_id=kept["id"])
        return self._told({"file": kept}, 201)

    def _files(self, request: SimRequest, number: str) -> SimResponse:
        return self._told({"files": self._found(number)["files"]})

    def _wrapped(self, request: SimRequest, number: str) -> SimResponse:
        if number not in self.files:
            return json_answer({"problem": "no such file"}, 404)
        return json_answer({"data": {"content": base64.b64encode(self.files[number][1]).decode()}})

    def _all(self, request: SimRequest, number: str) -> SimResponse:
        given = request.json()
        kept = [
            self._kept(each["name"], each["kind"], base64.b64decode(each["data"])) for each in given.get("files") or []
        ]
        files = self._named({"files": [each["id"] for each in kept]}, private=False)
        said = self._say(self._found(number), given["text"], "gateway", private=False, ref=given["ref"], files=files)
        return self._told({"message": said}, 201)


class Alone(GenericBench):
    """Each file by a form of its own; they are listed at an address of theirs."""

    staging: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.desk = FormDesk(webhook_secret=self.desk.webhook_secret)

    def options(self) -> dict[str, Any]:
        """Describe that."""
        given = super().options()
        calls = given["calls"]
        del calls["upload"]
        for name in ("create", "reply", "note"):
            del calls[name]["json"]["files"]
        del given["ticket"]["files"]
        calls["files"] = {"path": "/api/tickets/{ticket}/files", "list": "files"}
        calls["attach"] = {
            "path": "/api/tickets/{ticket}/files",
            "parts": {"about": {"private": "{internal}", "ref": "{key}"}, "file": "{file}"},
            "answer": "file",
        }
        return given

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on the ticket itself."""
        desk = self.desk
        assert isinstance(desk, FormDesk)
        kept = desk._kept(name, "image/png" if name.endswith(".png") else "application/octet-stream", data)
        kept["private"] = not public
        desk.tickets[ticket]["files"].append(kept)


class Inside(Alone):
    """Files inside the JSON of what is said, and read out of JSON."""

    def options(self) -> dict[str, Any]:
        """Describe that."""
        given = GenericBench.options(self)
        calls = given["calls"]
        del calls["upload"], calls["create"], calls["note"]
        given["ticket"] |= {"files": "files"}
        calls["reply"] = {
            "path": "/api/tickets/{ticket}/all",
            "json": {"text": "{comment}", "ref": "{key}", "files": "{files}"},
            "each_file": {"name": "{file_name}", "kind": "{file_type}", "data": "{file}"},
            "answer": "message",
        }
        calls["fetch"] = {"path": "/api/wrapped/{file_id}", "content": "data.content"}
        return given


class TestAlone(Files):
    """A file is an update of its own, found by its name and size where an answer is lost."""

    plugin = Plugin(SPEC.of(Alone().options()), connect)
    bench = Alone
    folder = Path(connectors.generic.__file__).parent

    def test_its_claims(self) -> None:
        """As the settings have it."""
        assert self.plugin.spec.attaching is Attaching.ALONE
        assert self.plugin.spec.operations[Operation.ATTACH].strategy is Strategy.PROBE
        assert self.plugin.spec.internal_files


@pytest.fixture
def inside() -> Iterator[tuple[Inside, Driver]]:
    """Run the desk that has files inside JSON."""
    with Inside() as bench:
        driver = Driver(connect(bench.settings()), deadline=5.0)
        yield bench, driver
        driver.close()


def saying(driver: Driver, *named: tuple[str, bytes]) -> Intent:
    """Return a public reply with files."""
    given = []
    for name, data in named:
        blob = driver.files.put(data)
        given.append(Attachment(name, "image/png", blob.size, sha256=blob.sha256, visibility=Visibility.PUBLIC))
    words = CommentIntent("c1", "See ![dot](attachment:x)", Visibility.PUBLIC)
    return Intent(Operation.PUBLIC_REPLY, comment=words, attachments=tuple(given))


def test_a_file_inside_json_is_read(inside: tuple[Inside, Driver]) -> None:
    """Written as base64 beside its name, read back from JSON byte for byte; its picture is named in the words."""
    bench, driver = inside
    ticket = bench.open_ticket("Printer", "It burns")
    receipt = driver.settle(saying(driver, ("a.png", DATA), ("b.png", b"second")), context(ticket))
    assert [(each.name, each.data) for each in bench.shown(ticket).files] == [("a.png", DATA), ("b.png", b"second")]
    assert [each.text for each in bench.shown(ticket).comments] == ["See [dot]"]
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    (comment,) = read.comments
    assert receipt.file_ids == tuple(each.remote_id for each in comment.attachments)
    connector = driver.connector
    assert isinstance(connector, Generic)
    assert driver.run(connector.fetch(comment.attachments[0])) == DATA
    gone = msgspec.structs.replace(comment.attachments[0], url="/api/wrapped/f99")
    assert driver.run(connector.fetch(gone)) is None


def test_an_answer_that_holds_no_file_says_so(inside: tuple[Inside, Driver]) -> None:
    """With the setting that is to be mended."""
    bench, driver = inside
    ticket = bench.open_ticket("Printer", "It burns")
    bench.attach(ticket, "a.png", DATA)
    wrong = Attachment("a.png", remote_id="f1", url=f"/api/tickets/{ticket}")
    connector = driver.connector
    assert isinstance(connector, Generic)
    with pytest.raises(TransportError, match="calls: fetch: content"):
        driver.run(connector.fetch(wrong))


def test_a_refused_upload_sends_nothing() -> None:
    """The refusal is the outcome; an upload that failed may be tried again. Nobody has seen anything of it."""
    with GenericBench() as bench:
        driver = Driver(connect(bench.settings()), deadline=5.0)
        ticket = bench.open_ticket("Printer", "It burns")
        bench.desk.fault("error_without_effect", method="POST", path="/api/files", status=413)
        refused = driver.attempt(saying(driver, ("a.png", DATA)), context(ticket))
        assert isinstance(refused, Rejected)
        bench.desk.fault("error_without_effect", method="POST", path="/api/files", status=503)
        again = driver.attempt(saying(driver, ("a.png", DATA)), context(ticket))
        assert not isinstance(again, Done)
        assert bench.shown(ticket).comments == ()
        driver.close()


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("/media/a.png", "{home}/media/a.png"),
        ("a.png", "{home}/base/a.png"),
        ("http://127.0.0.1:1/base/a.png?x=1", "{home}/base/a.png?x=1"),
        ("https://elsewhere.example/a.png", "https://elsewhere.example/a.png"),
    ],
)
def test_a_files_address_is_the_desks_own(said: str, asked: str) -> None:
    """As the connection has its host, whatever it calls itself; of another host it stays what it is."""
    with GenericBench() as bench:
        given = bench.settings(file={"name": "name", "url": "url"})
        calls = {name: each for name, each in given.options["calls"].items() if name != "fetch"}
        home = given.url
        given = msgspec.structs.replace(given, url=f"{home}/base", options={**given.options, "calls": calls})
        found = connect(given).reader.file({"name": "a.png", "url": said}, "1")  # type: ignore[attr-defined]
        assert found is not None
        assert found[0].url == asked.format(home=home)


def test_a_file_of_another_host_is_not_brought() -> None:
    """Unless the settings name it: then without credentials, and over TLS only."""
    with GenericBench() as bench:
        driver = Driver(connect(bench.settings()), deadline=5.0)
        connector = driver.connector
        assert isinstance(connector, Generic)
        with pytest.raises(NotSentError, match="not an origin"):
            driver.run(connector.fetch(Attachment("a.png", url="https://elsewhere.example/a.png")))
        driver.close()
    assert SPEC.of({"file": {"hosts": ["cdn.example"]}}).file_hosts == ("cdn.example",)


CREATE = {"path": "/t", "json": {"a": "{title}"}, "id": "id"}
REPLY = {"path": "/t/{ticket}", "json": {"a": "{comment}"}}
WITH = {"path": "/t/{ticket}", "json": {"a": "{comment}", "f": "{files}"}, "each_file": {"d": "{file}"}}
ATTACH = {"path": "/t/{ticket}", "text": "{file}"}

#: calls that cannot work, and words of what is said
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "two ways": ({"reply": WITH, "attach": ATTACH}, "go by `attach` and with what is said"),
    "a reply that loses them": ({"reply": REPLY, "note": WITH}, "would be lost"),
    "a creation that loses them": ({"create": CREATE, "reply": WITH}, "would be lost"),
    "a list of nothing": ({"reply": {**REPLY, "json": {"a": "{comment}", "f": "{files}"}}}, "what stands for a file"),
    "an upload that nothing names": (
        {"reply": REPLY, "upload": {"path": "/f", "text": "{file}", "id": "id"}},
        "nothing names what was uploaded",
    ),
    "an upload of nothing": ({"reply": WITH, "upload": {"path": "/f", "id": "id"}}, "sends no file"),
    "a file amid words": ({"attach": {"path": "/t/{ticket}", "json": {"d": "data:{file}"}}}, "no word"),
    "a file in an address": ({"attach": {"path": "/t/{ticket}", "query": {"d": "{file}"}}}, "no word"),
    "a list as bytes": ({"reply": {"path": "/t/{ticket}", "text": "{files}"}}, "is a list"),
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_lose_files_are_refused(name: str) -> None:
    """Each with what to do."""
    calls, words = WRONG[name]
    assert words in first({"calls": calls, "ticket": {"id": "id"}})


def test_files_without_an_address_are_refused() -> None:
    """And without names, and under a signature."""
    read = {"read": {"path": "/t/{ticket}"}}
    assert "without a name" in first({"calls": read, "ticket": {"id": "id", "files": "files"}})
    given = {"calls": read, "ticket": {"id": "id", "files": "files"}, "file": {"name": "name"}}
    assert "read from nowhere" in first(given)
    assert not first({**given, "file": {"name": "name", "url": "url"}})
    signed = {"calls": {"attach": ATTACH}, "ticket": {"id": "id"}, "outgoing": {"secret": "s"}}
    assert "cannot be signed" in first(signed)
