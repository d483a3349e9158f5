"""A real Roundup of the template devel: its tickets are bugs, with other properties, other words and other roles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.roundup import gateway_connector
from connectors.sdk import (
    Attachment,
    Category,
    CommentIntent,
    Connector,
    Found,
    Intent,
    Level,
    Operation,
    RemotePerson,
    Status,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from gateway.ports import ConnectionSettings
from tests.desks.roundup_server import PASSWORDS, RoundupServer, missing

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

#: as docs/connectors/roundup.md has them
SETTINGS: dict[str, Any] = {
    "issues": {"class": "bug", "assignee": "assignee", "tags": "keywords"},
    "statuses": {"new": "new", "open": "open", "pending": "pending_customer", "closed": "closed"},
    "priorities": {"immediate": "P1", "urgent": "P1", "high": "P2", "normal": "P3", "low": "P4"},
}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoundupServer]:
    """Start a private tracker; skipped, with the reason, where Roundup is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RoundupServer(tmp_path_factory.mktemp("roundup"), "devel") as server:
        yield server


def connected(tracker: RoundupServer, **options: Any) -> Connector:
    """Return a connector to it."""
    auth = {"user": "gateway", "password": PASSWORDS["gateway"]}
    given = ConnectionSettings("bugs", "roundup", tracker.url, {"auth": auth, **options})
    return gateway_connector().factory(given)


@pytest.fixture
def driver(tracker: RoundupServer) -> Iterator[Driver]:
    """Run calls with the settings of the page."""
    found = Driver(connected(tracker, **SETTINGS), deadline=30.0)
    yield found
    found.close()


def context(key: str, ticket: str = "") -> WriteContext:
    """Return the context of a first attempt."""
    now = datetime.now(UTC)
    return WriteContext(key, ticket, first_sent_at=now, now=now)


def test_what_has_to_be_said_is_told(tracker: RoundupServer) -> None:
    """Without settings the check names the classes, and the words that nobody could write."""
    bare = Driver(connected(tracker), deadline=30.0)
    results = {each.name: each for each in bare.run(bare.connector.check())}
    bare.close()
    assert not results["issues"].ok
    assert "no class issue" in results["issues"].detail
    assert "issues: {class: bug" in results["issues"].detail
    assert "in-progress (for open)" in results["statuses"].detail


def test_a_bug_lives_with_us(driver: Driver) -> None:
    """Made, found, talked about with a file, changed in each field, read and polled: all by the tracker's own names."""
    assert all(each.ok for each in driver.run(driver.connector.check()))
    given = {
        "title": "Netz – 処理中", "body": "It burns.", "status": {"category": "open"}, "priority": {"level": "P1"},
        "assignee": {"external_id": "agent1"},
    }  # fmt: skip
    intent = Intent(Operation.CREATE, given)
    made = driver.settle(intent, context("a" * 32))
    assert (made.key, made.url.rpartition("/")[2]) == ("bug1", "bug1")
    assert isinstance(driver.run(driver.connector.probe(intent, context("a" * 32))), Found)
    blob = driver.files.put(b"\x89PNG")
    file = Attachment("a.png", "image/png", blob.size, sha256=blob.sha256, visibility=Visibility.PUBLIC)
    words = CommentIntent("c1", "We come.", Visibility.PUBLIC)
    driver.settle(Intent(Operation.PUBLIC_REPLY, comment=words, attachments=(file,)), context("b" * 32, "1"))
    fields = {
        "status": {"category": "resolved"}, "priority": {"level": "P3"}, "assignee": {"external_id": "agent2"},
        "tags": ["printing"], "title": "Neu",
    }  # fmt: skip
    driver.settle(Intent(Operation.SET_FIELDS, fields), context("c" * 32, "1"))
    read = driver.run(driver.connector.read("1"))
    assert read is not None
    assert (read.title, read.body, read.tags) == ("Neu", "It burns.", ("printing",))
    # it has no word for resolved: what is nearest to it is written
    assert read.status == Status(Category.CLOSED, "closed")
    assert getattr(read.priority, "level", None) is Level.P3
    assert read.assignee == RemotePerson("agent2")
    assert [(each.body, [file.name for file in each.attachments]) for each in read.comments] == [
        ("We come.", ["a.png"])
    ]
    assert isinstance(read.custom, dict)
    assert not {"assignee", "keywords"} & set(read.custom)
    page = driver.run(driver.connector.changes("", datetime.now(UTC)))
    assert [each.key for each in page.tickets] == ["bug1"]


def test_people_name_a_bug_by_its_class(tracker: RoundupServer) -> None:
    """In addresses and in words."""
    spec = connected(tracker, **SETTINGS).spec
    assert [each.pattern for each in (*spec.addresses, *spec.words)] == [
        r"/bug(?P<name>\d+)(?:[?#]|$)", r"\bbug(?P<name>\d{1,12})\b",
    ]  # fmt: skip
