"""What a Roundup does with us, whichever it is: test_simulator.py asks the simulated one, tests/desks a real one."""

from __future__ import annotations

import urllib.error
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.roundup.calls.changes import Cursor
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Category,
    Conflict,
    Effect,
    Found,
    HttpRequest,
    HttpResponse,
    Intent,
    Level,
    Priority,
    Progress,
    Rejected,
    RemotePerson,
    Status,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from tests.connectors.roundup.stand import Stand, context, create, fields, reply


def key() -> str:
    """Return a fresh effect key."""
    return uuid.uuid4().hex


class Creation:
    """Issues that we make."""

    def test_an_issue_is_made_with_its_fields_and_its_mark(self, stand: Stand) -> None:
        """With one write, whose text is the first message; the mark is in its Message-ID."""
        given = context(key())
        wanted = create(
            title="  Netz – 処理中 🔥 ", status={"category": "open"}, priority={"level": "P2"},
            assignee={"external_id": "agent1"},
        )  # fmt: skip
        receipt = stand.done(stand.write(wanted, given))
        assert len(stand.driver.writes) == 1
        shown = stand.shown(receipt.remote_id)
        assert shown["title"] == "Netz – 処理中 🔥"
        assert shown["status"]["name"] == "in-progress"
        assert shown["priority"]["name"] == "urgent"
        assert shown["assignedto"]["username"] == "agent1"
        assert len(shown["messages"]) == 1
        found = stand.whole(receipt.remote_id)
        assert found.marker == given.effect_key
        assert found.body == "Since *this* morning."
        assert found.comments == ()
        assert found.key == f"issue{receipt.remote_id}"
        assert found.url == f"{stand.url}/issue{receipt.remote_id}"
        expected = stand.connector.as_read(wanted)
        seen = msgspec.json.decode(msgspec.json.encode(found))
        assert {name: seen[name] for name in expected} == expected
        assert receipt.version == found.version
        assert receipt.version_token == found.version_token

    def test_the_same_update_again_makes_no_other(self, stand: Stand) -> None:
        """Looked for, it is found; written again, it is there."""
        given = context(key())
        first = stand.done(stand.write(create(), given))
        found = stand.driver.run(stand.connector.probe(create(), given))
        assert isinstance(found, Found)
        assert found.receipt.remote_id == first.remote_id
        again = stand.done(stand.write(create(), given))
        assert again.remote_id == first.remote_id
        assert stand.driver.writes == []
        sighting = stand.driver.run(stand.connector.effects(create(), given))
        assert [copy.remote_id for copy in sighting.copies] == [first.remote_id]

    def test_an_address_takes_one_post(self, stand: Stand) -> None:
        """What the flow has stored and sends again is refused, and the issue of the first is found."""
        given = context(key())
        first = stand.done(stand.write(create(), given))
        (stored,) = [one for one in _writes_of(stand, create(), context(key())) if one.effect is Effect.WRITE]
        assert "/@poe/" in stored.url
        answers = [stand.driver.transport.send(stand.connector, stored, deadline=10, trace_id="") for _ in range(2)]
        assert [answer.status for answer in answers] == [201, 400]
        assert "not valid" in answers[1].body.decode()
        assert stand.whole(first.remote_id).marker == given.effect_key

    def test_a_refused_word_makes_no_issue(self, stand: Stand) -> None:
        """The tracker's own sentence is the reason."""
        outcome = stand.write(create(status={"category": "open", "native": "nonsense"}), context(key()))
        assert isinstance(outcome, Rejected)
        assert "nonsense" in outcome.detail

    def test_an_issue_without_a_text_has_its_title_for_one(self, stand: Stand) -> None:
        """Roundup keeps no empty message, and the mark needs one."""
        given, wanted = context(key()), create(body="")
        receipt = stand.done(stand.write(wanted, given))
        found = stand.whole(receipt.remote_id)
        assert found.marker == given.effect_key
        assert found.body == stand.connector.as_read(wanted)["body"] == "Made by us"


def _writes_of(stand: Stand, intent: Intent, given: WriteContext) -> Iterator[HttpRequest]:
    """Yield the requests of a call up to its write, which is not sent."""
    call = stand.connector.write(intent, given)
    request = next(call)
    while request.effect is not Effect.WRITE:
        yield request
        request = call.send(stand.driver.transport.send(stand.connector, request, deadline=10, trace_id=""))
    yield request
    call.close()


class Fields:
    """Properties that we set."""

    def test_fields_are_set_and_read_back(self, stand: Stand) -> None:
        """In one conditional write, told as they are read."""
        number = stand.issue()
        wanted = fields(
            title="Paper jam", status={"category": "pending_customer"}, priority={"level": "P1"},
            assignee={"external_id": "agent2"},
        )  # fmt: skip
        receipt = stand.done(stand.write(wanted, context(key(), number)))
        (sent,) = stand.driver.writes
        assert sent.headers["If-Match"]
        found = stand.whole(number)
        assert found.title == "Paper jam"
        assert found.status == Status(Category.PENDING_CUSTOMER, "need-eg")
        assert found.priority == Priority(Level.P1, "critical")
        assert isinstance(found.assignee, RemotePerson)
        assert found.assignee.external_id == "agent2"
        assert receipt.version_token == found.version_token
        nobody = fields(assignee=None)
        stand.done(stand.write(nobody, context(key(), number)))
        assert stand.whole(number).assignee is None

    def test_the_same_values_again_change_nothing(self, stand: Stand) -> None:
        """They are not even written."""
        number = stand.issue()
        wanted = fields(title="Paper jam", priority={"level": "P3"})
        stand.done(stand.write(wanted, context(key(), number)))
        before = stand.whole(number).version_token
        stand.done(stand.write(wanted, context(key(), number)))
        assert stand.driver.writes == []
        assert stand.whole(number).version_token == before
        assert isinstance(stand.driver.run(stand.connector.probe(wanted, context(key(), number))), Found)

    def test_a_stale_etag_is_a_conflict(self, stand: Stand) -> None:
        """Somebody changed the issue between our read and our write: nothing took effect."""
        number = stand.issue()
        call = stand.connector.write(fields(title="Ours"), context(key(), number))
        request = next(call)
        answer: HttpResponse
        while request.effect is not Effect.WRITE:
            answer = stand.driver.transport.send(stand.connector, request, deadline=10, trace_id="")
            request = call.send(answer)
        stand.set(number, title="Theirs")
        answer = stand.driver.transport.send(stand.connector, request, deadline=10, trace_id="")
        assert answer.status == 412
        with pytest.raises(StopIteration) as end:
            call.send(answer)
        assert isinstance(end.value.value, Conflict)
        assert stand.whole(number).title == "Theirs"

    def test_a_word_that_the_tracker_lacks_is_refused(self, stand: Stand) -> None:
        """With the tracker's own sentence; so is an account that is not there."""
        number = stand.issue()
        for wanted in (
            fields(status={"category": "open", "native": "nonsense"}),
            fields(assignee={"external_id": "nobody-of-this-name"}),
            fields(**{"custom.nonsense": "x"}),
        ):
            outcome = stand.write(wanted, context(key(), number))
            assert isinstance(outcome, Rejected), outcome
            assert "no" in outcome.detail

    def test_a_retired_issue_is_refused(self, stand: Stand) -> None:
        """It looks alive when it is read, and takes no change."""
        number = stand.issue()
        stand.retire(number)
        outcome = stand.write(fields(title="Never"), context(key(), number))
        assert isinstance(outcome, Rejected)
        assert "retired" in outcome.detail

    def test_keywords_are_tags(self, stand: Stand) -> None:
        """By their names; one that the tracker lacks is refused."""
        number = stand.issue()
        stand.done(stand.write(fields(tags=["printing", "network"]), context(key(), number)))
        assert stand.whole(number).tags == ("network", "printing")
        assert isinstance(stand.write(fields(tags=["nonsense"]), context(key(), number)), Rejected)


class Messages:
    """What is said."""

    def test_a_reply_is_added_once_and_the_status_stays(self, stand: Stand) -> None:
        """The classic template makes it `chatting`; a second attempt puts it back."""
        number = stand.issue()
        stand.set(number, status="resolved")
        given, intent = context(key(), number), reply("We are at it – 処理中 🔥.\n\nBitte *warten*.")
        first = stand.write(intent, given)
        assert isinstance(first, Progress)
        assert stand.shown(number)["status"]["name"] == "chatting"
        receipt = stand.done(stand.write(intent, msgspec.structs.replace(given, steps=first.steps)))
        found = stand.whole(number)
        assert found.status == Status(Category.RESOLVED, "resolved")
        (said,) = found.comments
        assert said.body == "We are at it – 処理中 🔥.\n\nBitte *warten*."
        assert said.visibility is Visibility.PUBLIC
        assert said.marker == given.effect_key
        assert said.remote_id == receipt.comment_id
        assert stand.connector.is_us(said.author) is True
        stand.settled(intent, given)
        assert len(stand.whole(number).comments) == 1
        sighting = stand.driver.run(stand.connector.effects(intent, given))
        assert [copy.remote_id for copy in sighting.copies] == [receipt.comment_id]

    def test_a_staged_message_is_taken_up_again(self, stand: Stand) -> None:
        """An attempt that broke off after its message was made leaves nothing that people see, and no second one."""
        number = stand.issue()
        stand.set(number, status="in-progress")
        given, intent = context(key(), number), reply("Once")
        before = len(list(_writes_of(stand, intent, given)))
        assert stand.whole(number).comments == ()
        assert before > len(list(_writes_of(stand, intent, given))), "a second message was made"
        stand.done(stand.write(intent, given))
        assert [one.body for one in stand.whole(number).comments] == ["Once"]

    def test_every_message_is_read_in_order(self, stand: Stand) -> None:
        """The first is the issue's text; the customer's word is the customer's."""
        number = stand.issue(text="It burns\n\nsince 8")
        for place in range(3):
            stand.say(number, f"Message {place}", who="agent1" if place else "customer")
        found = stand.whole(number)
        assert found.body == "It burns\n\nsince 8"
        assert [one.body for one in found.comments] == ["Message 0", "Message 1", "Message 2"]
        authors = [one.author for one in found.comments if one.author]
        assert [(one.external_id, one.role) for one in authors] == [
            ("customer", "customer"), ("agent1", "agent"), ("agent1", "agent"),
        ]  # fmt: skip
        assert isinstance(found.requester, RemotePerson)
        assert found.requester.external_id == "customer"

    def test_a_mail_in_html_is_read(self, stand: Stand) -> None:
        """A tracker may keep mails as they came; who is called and what is shown by ours stands there by name."""
        number = stand.issue()
        message = stand.message("<p>It <b>burns</b></p>", "agent1", type="text/html")
        etag = stand.shown(number)["@etag"]
        stand.person("PATCH", f"/issue/{number}", {"@op": "add", "messages": [message]}, etag=etag)
        stand.settled(reply("[@Ann](mention:7): see ![log.png](attachment:abc)"), context(key(), number))
        first, second = stand.whole(number).comments
        assert (first.body, first.source_format) == ("It **burns**", "html")
        assert second.body == "@Ann: see [log.png]"

    def test_an_issue_without_a_message_has_no_text(self, stand: Stand) -> None:
        """And what is said later is a comment of ours by its mark, however soon."""
        made = stand.person("POST", "/issue", {"title": "Bare", "status": "in-progress"}, who="customer")
        number = str(made["id"])
        stand.settled(reply("Said at once"), context(key(), number))
        found = stand.whole(number)
        assert found.body == ""
        assert [one.body for one in found.comments] == ["Said at once"]

    def test_a_files_bytes_are_read(self, stand: Stand) -> None:
        """A file hangs on its message, with its name and its type."""
        number = stand.issue()
        made = stand.person("POST", "/file", {"name": "log.txt", "type": "text/plain", "content": "one\ntwo"})
        message = stand.message("See the log", "agent1", files=[made["id"]])
        etag = stand.shown(number)["@etag"]
        added = {"@op": "add", "messages": [message], "files": [made["id"]]}
        stand.person("PATCH", f"/issue/{number}", added, etag=etag)
        found = stand.whole(number)
        (said,) = found.comments
        assert [(file.name, file.mime) for file in said.attachments] == [("log.txt", "text/plain")]
        assert found.attachments == ()
        assert self.fetched(stand, said.attachments[0]) == b"one\ntwo"
        assert stand.driver.run(stand.connector.fetch(Attachment("x", remote_id="987654"))) is None

    def test_files_of_ours_go_with_their_message(self, stand: Stand) -> None:
        """Bytes of any kind, under any name, with a reply and with a new issue."""
        data = bytes(range(256)) * 300
        blob = stand.driver.files.put(data)
        name = "Größe 100% of it, 処理中.bin"
        file = Attachment(name, "application/octet-stream", blob.size, sha256=blob.sha256, visibility=Visibility.PUBLIC)
        intent = msgspec.structs.replace(reply("Here it is."), attachments=(file,))
        number = stand.issue()
        stand.settled(intent, context(key(), number))
        made = stand.settled(msgspec.structs.replace(create(), attachments=(file,)), context(key()))
        (said,) = stand.whole(number).comments
        for (found,) in (said.attachments, stand.whole(made.remote_id).attachments):
            assert found.name == name
            assert self.fetched(stand, found) == data

    @staticmethod
    def fetched(stand: Stand, file: Attachment) -> bytes:
        """Return a file's bytes as the gateway brings them."""
        found = stand.driver.run(stand.connector.fetch(file))
        assert found is not None
        return found if isinstance(found, bytes) else b"".join(stand.driver.files.open(found.sha256))


class Changes:
    """Polls."""

    def test_a_poll_tells_of_what_changed(self, stand: Stand) -> None:
        """What is new, said or changed; the times are UTC whatever the zone of the user."""
        cursor = stand.page("").cursor
        first, second = stand.issue(), stand.issue()
        stand.say(first, "Said since")
        stand.set(second, title="Changed since")
        page = stand.page(cursor)
        assert {first, second} <= {one.remote_id for one in page.tickets}
        now = datetime.now(UTC)
        for one in page.tickets:
            assert abs(now - one.updated_at) < timedelta(hours=1)
            assert one.version == int(one.updated_at.timestamp())
        read = stand.whole(first)
        hint = next(one for one in page.tickets if one.remote_id == first)
        assert hint.version == read.version

    def test_a_round_is_read_page_by_page(self, stand: Stand) -> None:
        """Each page goes on behind the one before it, and the round ends where nothing is left."""
        made = {stand.issue(title=f"Page {number}", text="x") for number in range(105)}
        cursor = msgspec.json.encode(Cursor(datetime.now(UTC) - timedelta(hours=1))).decode()
        told: list[str] = []
        pages = 0
        while True:
            page = stand.page(cursor)
            told += [one.remote_id for one in page.tickets]
            cursor, pages = page.cursor, pages + 1
            if page.end:
                break
        assert pages > 1
        assert made <= set(told)
        assert len(told) == len(set(told))

    def test_a_retired_issue_is_deleted(self, stand: Stand) -> None:
        """Its number still answers, and searches leave it out."""
        number = stand.issue()
        stand.retire(number)
        assert stand.whole(number).deleted
        assert stand.driver.run(stand.connector.read("987654321")) is None

    def test_a_superseded_and_closed_issue_is_merged(self, stand: Stand) -> None:
        """Into the one that supersedes it; while it is open, it is only pointed at."""
        number, heir = stand.issue(), stand.issue()
        stand.set(number, superseder=[heir])
        assert stand.whole(number).merged_into == ""
        stand.set(number, status="resolved")
        assert stand.whole(number).merged_into == heir


class Account:
    """Who we are."""

    def test_we_are_known(self, stand: Stand) -> None:
        """By our user name."""
        person = stand.driver.run(stand.connector.whoami()).person
        assert person.external_id == "gateway"
        assert "@" in person.email
        assert stand.connector.is_us(person) is True
        assert stand.connector.is_us(RemotePerson("agent1")) is False
        assert [
            line.name for line in stand.driver.run(stand.connector.check()) if not line.ok and not line.warning
        ] == []

    def test_a_wrong_password_is_told_apart(self, stand: Stand) -> None:
        """From a request that is not allowed."""
        driver = Driver(stand.connect(auth={"user": "gateway", "password": "wrong"}))
        with pytest.raises(AuthenticationError):
            driver.run(driver.connector.whoami())
        driver.close()
        number = stand.issue()
        etag = stand.shown(number)["@etag"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            stand.person("DELETE", f"/issue/{number}", {}, etag=etag)

    def test_agents_are_found_by_name(self, stand: Stand) -> None:
        """One that is not there is left out."""
        found = stand.driver.run(stand.connector.agents(["agent1", "nobody-of-this-name"]))
        assert [(one.account_id, one.active) for one in found] == [("agent1", True)]
