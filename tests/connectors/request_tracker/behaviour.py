"""What the connector does at an RT: one suite for the real one and for the simulated one, which proves the latter."""

from __future__ import annotations

import urllib.parse
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.request_tracker.mapping import plain
from connectors.testing.driver import Driver
from gateway.domain.availability import AgentState
from gateway.domain.event import Event, EventKind
from gateway.domain.ticket import Category, Level, Status, Visibility
from gateway.domain.update import (
    Absent,
    Conflict,
    Done,
    Found,
    Intent,
    Operation,
    Outcome,
    Progress,
    Reason,
    Rejected,
    Unauthorized,
)
from gateway.errors import AuthenticationError
from gateway.ports import Call, ChangePage, Effect, WriteContext
from tests.connectors.request_tracker.stand import Stand, fields, note, reply

RESOLVED = {"category": "resolved"}


def key() -> str:
    """Return a fresh effect key."""
    return uuid.uuid4().hex


def context(remote_id: str, **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(effect_key=key(), remote_id=remote_id, **more)


def of_kind(events: list[Event], kind: EventKind) -> list[Event]:
    """Return the events of one kind."""
    return [event for event in events if event.kind is kind]


class Creation:
    """A ticket of ours at RT."""

    def test_a_ticket_is_created_with_its_fields_and_its_marker(self, stand: Stand) -> None:
        """Title, body, priority, owner and requester arrive, and the marker is found at once, once."""
        mark = WriteContext(effect_key=key())
        intent = Intent(
            Operation.CREATE,
            fields={
                "title": "Nová tiskárna",
                "body": "**please**\n\n- žlutá",
                "priority": {"level": "P1"},
                "status": {"category": "open"},
                "assignee": {"external_id": "agent1"},
                "requester": {"email": "new-person@customer.test"},
            },
            params={"queue": "Support"},
        )
        stand.events()
        assert stand.probe(intent, mark) == Absent()
        receipt = stand.done(stand.write(intent, mark))
        assert len(stand.driver.requests) == 2
        found = stand.probe(intent, mark)
        assert isinstance(found, Found)
        assert found.receipt.remote_id == receipt.remote_id

        ticket = stand.whole(receipt.remote_id)
        assert ticket.marker == mark.effect_key
        assert (ticket.title, ticket.body) == ("Nová tiskárna", "**please**\n\n- žlutá")
        assert ticket.status == Status(Category.OPEN, "open")
        assert ticket.requester is not msgspec.UNSET
        assert ticket.requester is not None
        assert ticket.requester.email == "new-person@customer.test"
        assert receipt.observed is not None
        expected = stand.connector.as_read(intent)
        assert msgspec.to_builtins(receipt.observed.priority) == expected["priority"]
        assert msgspec.to_builtins(receipt.observed.status) == expected["status"]
        (created,) = of_kind(stand.events(), EventKind.CREATED)
        assert created.snapshot is not None
        assert created.snapshot.marker == mark.effect_key
        assert created.snapshot.body == ticket.body
        assert created.snapshot.requester == ticket.requester
        assert stand.connector.is_us(created.actor) is True

    def test_an_unknown_owner_makes_a_ticket_of_nobody(self, stand: Stand) -> None:
        """RT says 201 all the same, and the receipt shows that nobody owns it."""
        intent = Intent(
            Operation.CREATE,
            fields={"title": "x", "assignee": {"external_id": "not-there"}},
            params={"queue": "Support"},
        )
        receipt = stand.done(stand.write(intent, WriteContext(effect_key=key())))
        assert receipt.observed is not None
        assert receipt.observed.assignee is None

    def test_an_unknown_queue_is_rejected_in_rts_words(self, stand: Stand) -> None:
        """403 for a queue is not a matter of credentials."""
        intent = Intent(Operation.CREATE, fields={"title": "x"}, params={"queue": "Nowhere"})
        outcome = stand.write(intent, WriteContext(effect_key=key()))
        assert isinstance(outcome, Rejected)
        assert "Nowhere" in outcome.detail

    def test_no_queue_is_rejected_before_anything_is_sent(self, stand: Stand) -> None:
        """The reason says what to add to the rule."""
        outcome = stand.write(Intent(Operation.CREATE, fields={"title": "x"}), WriteContext(effect_key=key()))
        assert isinstance(outcome, Rejected)
        assert "queue" in outcome.detail
        assert stand.driver.requests == []

    def test_a_ticket_that_may_not_be_born_stalled_is_stalled_in_a_second_attempt(self, stand: Stand) -> None:
        """Two writes are two attempts of one update, and the probe of each tells its own."""
        mark = WriteContext(effect_key=key())
        intent = Intent(
            Operation.CREATE, fields={"title": "x", "status": {"category": "on_hold"}}, params={"queue": "Support"}
        )
        first = stand.write(intent, mark)
        assert isinstance(first, Progress)
        again = msgspec.structs.replace(mark, steps=first.steps)
        assert stand.probe(intent, again) == Absent()
        receipt = stand.done(stand.write(intent, again))
        assert receipt.remote_id == first.receipt.remote_id
        assert isinstance(stand.probe(intent, again), Found)
        assert stand.shown(receipt.remote_id)["Status"] == "stalled"

    @pytest.mark.parametrize("title", ["x" * 300, "ž" * 300, "two\nlines", "quote ' \\ \" <b>"])
    def test_a_title_is_read_back_as_we_said(self, stand: Stand, title: str) -> None:
        """What RT cuts or joins, as_read knows before."""
        intent = Intent(Operation.CREATE, fields={"title": title}, params={"queue": "Support"})
        receipt = stand.done(stand.write(intent, WriteContext(effect_key=key())))
        assert receipt.observed is not None
        assert receipt.observed.title == stand.connector.as_read(intent)["title"]


class Fields:
    """Changes of fields by us and by people."""

    def test_fields_are_set_as_the_ticket_was_read_and_read_back(self, stand: Stand) -> None:
        """The receipt shows the ticket after the write, and its webhooks carry what as_read foretold."""
        number = stand.ticket()
        stand.events()
        intent = fields(title="New title", priority={"level": "P2"}, status={"category": "open"}, queue="Escalations")
        receipt = stand.done(stand.write(intent, context(number)))
        assert [request.method for request in stand.driver.requests] == ["GET", "PUT", "GET"]
        changes = {change.field: change.value for event in stand.events() for change in event.changes}
        assert {name: msgspec.to_builtins(value) for name, value in changes.items()} == stand.connector.as_read(intent)
        assert receipt.observed is not None
        assert receipt.observed.queue == "Escalations"
        assert receipt.version > 0
        assert receipt.version_token == f'"{receipt.version}"'

    def test_the_same_values_again_change_nothing(self, stand: Stand) -> None:
        """A resend of a natural write leaves no transaction."""
        number = stand.ticket()
        intent = fields(title="Same", status={"category": "open"})
        first = stand.done(stand.write(intent, context(number)))
        stand.events()
        assert stand.done(stand.write(intent, context(number))).version == first.version
        assert stand.events() == []

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"status": {"category": "open", "native": "nonsense"}}, "Status"),
            ({"assignee": {"external_id": "not-there"}}, "Owner"),
            ({"queue": "Nowhere"}, "Queue"),
        ],
    )
    def test_a_refusal_behind_200_is_rejected_with_rts_sentence(
        self, stand: Stand, change: dict[str, Any], words: str
    ) -> None:
        """RT answers 200 to what it refused."""
        outcome = stand.write(fields(**change), context(stand.ticket()))
        assert isinstance(outcome, Rejected)
        assert f"RT refused {words}: Ticket" in outcome.detail

    def test_what_is_refused_is_left_out_and_the_others_are_set(self, stand: Stand) -> None:
        """RT takes each field of a request or refuses it by itself, and answers 200."""
        number = stand.ticket()
        intent = fields(title="New", status={"category": "open", "native": "nonsense"}, assignee={"external_id": "no"})
        outcome = stand.write(intent, context(number))
        assert isinstance(outcome, Done)
        assert outcome.left_out == ("status", "assignee")
        assert "RT refused Owner, Status: Ticket" in outcome.detail
        assert stand.shown(number)["Subject"] == "New"

    def test_a_change_that_a_person_made_right_after_ours_is_no_refusal(self, stand: Stand) -> None:
        """The history shows that ours landed before."""
        number = stand.ticket()
        call = stand.connector.write(fields(title="Ours"), context(number))

        def interrupted() -> Call[Outcome]:
            before = yield next(call)
            answer = yield call.send(before)
            stand.person("PUT", f"/ticket/{number}", {"Subject": "Theirs"})
            request = call.send(answer)
            try:
                while True:
                    request = call.send((yield request))
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome

        assert isinstance(stand.driver.run(interrupted()), Done)
        assert stand.shown(number)["Subject"] == "Theirs"

    def test_a_ticket_that_changed_since_it_was_read_is_a_conflict(self, stand: Stand) -> None:
        """RT refuses what was written to an older state (412), and what the person set stands."""
        number = stand.ticket()
        call = stand.connector.write(fields(title="Ours"), context(number))

        def interrupted() -> Call[Outcome]:
            before = yield next(call)
            stand.person("PUT", f"/ticket/{number}", {"Subject": "Theirs"})
            request = call.send(before)
            assert request.headers["If-Match"] == before.header("etag")
            try:
                while True:
                    request = call.send((yield request))
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome

        assert isinstance(stand.driver.run(interrupted()), Conflict)
        assert stand.shown(number)["Subject"] == "Theirs"

    def test_an_owner_is_set_and_taken_away(self, stand: Stand) -> None:
        """None is RT's Nobody, both ways."""
        number = stand.ticket()
        stand.done(stand.write(fields(assignee={"external_id": "agent2"}), context(number)))
        owner = stand.whole(number).assignee
        assert owner is not msgspec.UNSET
        assert owner is not None
        assert owner.external_id == "agent2"
        stand.events()
        stand.done(stand.write(fields(assignee=None), context(number)))
        (event,) = stand.events()
        assert [(change.field, change.value) for change in event.changes] == [("assignee", None)]

    def test_what_rt_cannot_hold_is_rejected_unsent(self, stand: Stand) -> None:
        """A body cannot be changed, a person without an account cannot own."""
        for change in ({"body": "new"}, {"tags": ["a"]}, {"assignee": {"email": "who@desk.test"}}):
            outcome = stand.write(fields(**change), context("1"))
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.UNMAPPED
            assert stand.driver.requests == []

    @pytest.mark.parametrize(
        "change", [{"body": "new"}, {"tags": ["a"]}, {"assignee": {"email": "who@desk.test"}}], ids=str
    )
    def test_what_rt_cannot_hold_is_named_beside_what_it_can(self, stand: Stand, change: dict[str, Any]) -> None:
        """Before anything is sent: the others go without it."""
        outcome = stand.write(fields(title="New", **change), context("1"))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.fields) == (Reason.UNMAPPED, tuple(change))
        assert stand.driver.requests == []

    def test_a_kind_is_no_concern_of_rts(self, stand: Stand) -> None:
        """It has none: what was done says so."""
        number = stand.ticket()
        outcome = stand.write(fields(title="New", kind="incident"), context(number))
        assert isinstance(outcome, Done)
        assert outcome.detail == "left as it is, for the desk has no word for it: kind"
        assert stand.shown(number)["Subject"] == "New"

    def test_a_ticket_that_is_not_there_is_rejected(self, stand: Stand) -> None:
        """Fields, reply and note alike; a read gives None."""
        for intent in (fields(title="x"), reply("x"), note("x")):
            assert isinstance(stand.write(intent, context("99999")), Rejected)
        assert stand.read("99999") is None

    def test_a_change_of_fields_is_probed_by_its_values(self, stand: Stand) -> None:
        """Absent before, found after."""
        number = stand.ticket()
        intent, where = fields(title="Probed"), context(number)
        assert stand.probe(intent, where) == Absent()
        stand.done(stand.write(intent, where))
        assert isinstance(stand.probe(intent, where), Found)

    def test_a_persons_change_of_owner_hides_the_other_fields(self, stand: Stand) -> None:
        """RT's webhook drops them, the poll brings them."""
        number = stand.ticket()
        page = poll(stand, "")
        stand.events()
        stand.person("PUT", f"/ticket/{number}", {"Owner": "agent2", "Subject": "Dropped", "Priority": 60})
        events = stand.events()
        assert [change.field for event in events for change in event.changes] == ["assignee"]
        hint = next(hint for hint in poll(stand, page.cursor).tickets if hint.remote_id == number)
        assert hint.title == "Dropped"
        assert hint.version > max(event.version for event in events)


DUE = "2027-01-02T10:00:00Z"


class DueTimes:
    """RT's own due time, whatever the zones of its users and its own."""

    def test_a_due_time_is_set_moved_and_cleared(self, stand: Stand) -> None:
        """RT shows it to people as that instant, and its unset date where it was cleared."""
        number = stand.ticket()
        for due in (DUE, "2027-03-04T05:06:07Z", None):
            stand.done(stand.write(fields(due=due), context(number)))
            assert stand.shown(number)["Due"] == (due or "1970-01-01T00:00:00Z")

    def test_its_webhook_carries_what_as_read_foretold(self, stand: Stand) -> None:
        """The change and the snapshot beside it, so that the ledger knows it for ours."""
        number = stand.ticket()
        stand.events()
        intent = fields(due=DUE)
        stand.done(stand.write(intent, context(number)))
        (event,) = stand.events()
        (change,) = event.changes
        assert event.kind is EventKind.CHANGED
        assert (change.field, change.value.strftime("%Y-%m-%dT%H:%M:%SZ")) == ("due", DUE)
        assert stand.connector.as_read(intent) == {"due": DUE}
        assert event.snapshot is not None
        assert event.snapshot.due == change.value
        read = stand.driver.run(stand.connector.read(number))
        assert read is not None
        assert read.due == change.value

    def test_the_same_due_time_again_changes_nothing(self, stand: Stand) -> None:
        """A resend leaves no transaction, and a probe tells whether it landed."""
        number = stand.ticket()
        intent = fields(due=DUE)
        assert isinstance(stand.probe(intent, context(number)), Absent)
        first = stand.done(stand.write(intent, context(number)))
        assert isinstance(stand.probe(intent, context(number)), Found)
        assert stand.done(stand.write(intent, context(number))).version == first.version

    def test_a_custom_field_holds_it_and_a_missing_one_is_refused(self, stand: Stand) -> None:
        """RT says 200 to a field that it does not have: the read-back shows it."""
        number = stand.ticket()
        # the one custom field that every RT with our set-up has; here it is not the mark
        connector = stand.connect(ticket_marker="Mark")
        driver = Driver(connector)
        assert isinstance(driver.run(connector.write(fields(**{"custom.ExternalRef": DUE}), context(number))), Done)
        values = {each["name"]: each["values"] for each in stand.shown(number)["CustomFields"]}
        assert values["ExternalRef"] == [DUE]
        outcome = driver.run(connector.write(fields(**{"custom.NotThere": DUE}), context(number)))
        driver.close()
        assert isinstance(outcome, Rejected)
        assert "RT refused NotThere" in outcome.detail


class Messages:
    """Replies and notes."""

    @pytest.mark.parametrize("status", ["new", "resolved", "rejected", "stalled", "open"])
    def test_a_reply_of_ours_leaves_the_status_as_it_was(self, stand: Stand, status: str) -> None:
        """RT opens the ticket by itself and we put the status back in the same call."""
        number = stand.ticket(Requestor="walkin@customer.test")
        if status != "new":
            stand.person("PUT", f"/ticket/{number}", {"Status": status})
        stand.events()
        intent, where = reply("We are **on it** ✓"), context(number)
        receipt = stand.done(stand.write(intent, where))
        assert len(stand.driver.requests) == (3 if status in {"open", "stalled"} else 4)
        assert stand.shown(number)["Status"] == status

        events = stand.events()
        (said,) = of_kind(events, EventKind.COMMENTED)
        assert said.comment is not None
        assert (said.comment.body, said.comment.visibility) == ("We are **on it** ✓", Visibility.PUBLIC)
        assert said.comment.marker == where.effect_key
        assert said.comment.remote_id == receipt.comment_id
        assert said.key in receipt.change_ids
        assert stand.connector.is_us(said.actor) is True
        observed = {"status": msgspec.to_builtins(stand.connector.options.words.status(status))}
        expected = stand.connector.side_effects(intent, observed)
        told = sorted((event for event in events if event.kind is EventKind.CHANGED), key=lambda event: event.version)
        opens = status not in {"open", "stalled"}
        shown = [msgspec.to_builtins(event.changes[0].value) for event in told]
        assert shown == (list(expected["status"]) if opens else [])
        # what we remember may be old: whatever a reply puts back is expected then as well
        stale = msgspec.to_builtins(stand.connector.options.words.status("open"))
        assert all(value in stand.connector.side_effects(intent, {"status": stale})["status"] for value in shown)
        assert [event.automatic for event in told] == [True, False][: len(told)]
        assert all(event.version <= receipt.version for event in events)
        assert receipt.kept == (observed if opens else {})
        assert receipt.undone == ()
        found = stand.probe(intent, where)
        assert isinstance(found, Found)
        assert found.receipt.comment_id == receipt.comment_id
        # its version covers RT's own changes, and none that belong to somebody's answer
        assert max(event.version for event in events) == receipt.version == found.receipt.version
        stand.person("POST", f"/ticket/{number}/correspond", _message("I look into it"), who="agent1")
        later = stand.probe(intent, where)
        assert isinstance(later, Found)
        assert later.receipt.version == receipt.version

    @pytest.mark.parametrize(
        ("read", "edit", "left"),
        [
            ("new", "open", "new"),
            ("new", "stalled", "new"),
            ("resolved", "open", "resolved"),
            ("open", "resolved", "open"),
            ("open", "stalled", "stalled"),
        ],
    )
    def test_a_reply_tells_of_an_edit_that_it_undid(self, stand: Stand, read: str, edit: str, left: str) -> None:
        """A person sets the status between our read and our reply: history shows it, to the reply and to a probe."""
        number = stand.ticket(Requestor="walkin@customer.test")
        if read != "new":
            stand.person("PUT", f"/ticket/{number}", {"Status": read})
        intent, where = reply("We are on it"), context(number)

        def cross() -> None:
            stand.person("PUT", f"/ticket/{number}", {"Status": edit}, who="agent1")

        outcome = stand.driver.run(_before_write(stand.connector.write(intent, where), cross))
        receipt = stand.done(outcome)
        assert stand.shown(number)["Status"] == left
        words = stand.connector.options.words
        found = stand.probe(intent, where)
        assert isinstance(found, Found)
        for told in (receipt, found.receipt):
            if left == edit:
                assert told.undone == ()
                continue
            (undone,) = told.undone
            assert [(each.field, each.value) for each in undone.changes] == [("status", words.status(edit))]
            assert undone.actor is not None
            assert undone.actor.external_id == "agent1"
            assert undone.version < told.version
            assert told.kept == {"status": msgspec.to_builtins(words.status(left))}

    def test_a_reply_does_not_bring_a_deleted_ticket_back(self, stand: Stand) -> None:
        """RT would open it."""
        number = stand.ticket()
        stand.person("DELETE", f"/ticket/{number}")
        outcome = stand.write(reply("hello"), context(number))
        assert isinstance(outcome, Rejected)
        assert "deleted" in outcome.detail
        assert stand.shown(number)["Status"] == "deleted"

    def test_a_note_is_one_request_internal_and_leaves_the_status(self, stand: Stand) -> None:
        """A comment for colleagues."""
        number = stand.ticket()
        stand.events()
        receipt = stand.done(stand.write(note("between us"), context(number)))
        assert len(stand.driver.requests) == 1
        assert stand.shown(number)["Status"] == "new"
        (event,) = stand.events()
        assert event.comment is not None
        assert event.comment.visibility is Visibility.INTERNAL
        (comment,) = stand.whole(number).comments
        assert comment.remote_id == receipt.comment_id == event.comment.remote_id
        assert comment.visibility is Visibility.INTERNAL
        assert comment.marker == event.comment.marker

    @pytest.mark.parametrize(("kind", "make"), [("comment", note), ("correspond", reply)])
    def test_a_comment_that_lost_its_marker_is_found_by_its_words(self, stand: Stand, kind: str, make: Any) -> None:
        """RT sets the marker after the comment is committed; it may die in between."""
        number = stand.ticket()
        where = context(number, first_sent_at=datetime.now(UTC))
        intent = make("same words")
        assert stand.probe(intent, where) == Absent()
        stand.person("POST", f"/ticket/{number}/{kind}", _message("same words"), who="agent1")
        stand.person("POST", f"/ticket/{number}/{kind}", _message("other words"), who="gateway")
        assert stand.probe(intent, where) == Absent()
        stand.person("POST", f"/ticket/{number}/{kind}", _message("same words\n"), who="gateway")
        found = stand.probe(intent, where)
        assert isinstance(found, Found)
        known = msgspec.structs.replace(where, known_comments=frozenset({found.receipt.comment_id}))
        assert stand.probe(intent, known) == Absent()
        late = msgspec.structs.replace(where, first_sent_at=datetime.now(UTC) + timedelta(hours=1))
        assert stand.probe(intent, late) == Absent()

    def test_a_comment_with_another_marker_is_not_ours_to_take(self, stand: Stand) -> None:
        """Two updates with the same words stay two."""
        number = stand.ticket()
        stand.done(stand.write(note("again"), context(number, first_sent_at=datetime.now(UTC))))
        assert stand.probe(note("again"), context(number, first_sent_at=datetime.now(UTC))) == Absent()

    def test_html_of_a_person_is_markdown_by_webhook_and_by_read(self, stand: Stand) -> None:
        """Scripts are gone, and both name the same comment."""
        number = stand.ticket()
        stand.events()
        html = "<p>Hi <b>you</b><script>alert(1)</script></p><ul><li>one</li></ul>"
        stand.person("POST", f"/ticket/{number}/correspond", {"Content": html, "ContentType": "text/html"})
        (event,) = of_kind(stand.events(), EventKind.COMMENTED)
        (comment,) = stand.whole(number).comments
        assert event.comment is not None
        assert comment.body == event.comment.body == "Hi **you**\n\n- one"
        assert comment.source_format == "html"
        assert (comment.remote_id, comment.at) == (event.comment.remote_id, event.comment.at)
        assert comment.author is not None
        assert comment.author.external_id == "agent1"
        assert stand.connector.is_us(comment.author) is False

    @pytest.mark.parametrize("body", ["a\r\nb", "  indented", "tail  \n\n", "emoji 😀\tand tab", "<b>no html</b>"])
    def test_a_plain_text_comes_back_as_it_went(self, stand: Stand, body: str) -> None:
        """Only line ends and white space at the end are made canonical."""
        number = stand.ticket()
        stand.done(stand.write(note(body), context(number)))
        (comment,) = stand.whole(number).comments
        assert comment.body == plain(body)

    def test_a_ticket_with_more_than_a_page_of_comments_is_read_to_the_end(self, stand: Stand) -> None:
        """Totals are null for us, so pages are read until nothing is left."""
        number = stand.ticket()
        for turn in range(105):
            stand.person("POST", f"/ticket/{number}/comment", _message(f"comment {turn}"))
        ticket = stand.whole(number)
        assert [comment.body for comment in ticket.comments] == [f"comment {turn}" for turn in range(105)]
        assert ticket.body == "smoke"
        assert ticket.complete


def _message(body: str) -> dict[str, str]:
    return {"Content": body, "ContentType": "text/plain"}


def poll(stand: Stand, cursor: str) -> ChangePage:
    """Poll to the end and return everything as one page."""
    found: list[Any] = []
    while True:
        page = stand.driver.run(stand.connector.changes(cursor, datetime.now(UTC)))
        found += page.tickets
        cursor = page.cursor
        if page.end:
            return ChangePage(tuple(found), cursor)


class Counting:
    """What is there of an update, long after it landed; and taking a second copy back."""

    def test_tickets_that_bear_one_mark_are_counted(self, stand: Stand) -> None:
        """Once is one copy; sent twice, as a zombie does, are two, the first one first."""
        mark = key()
        first = stand.create(mark)
        intent = Intent(Operation.CREATE, fields={"title": "Made by us"}, params={"queue": "Support"})
        context = WriteContext(effect_key=mark, remote_id=first)
        assert [each.remote_id for each in stand.count(intent, context).copies] == [first]
        second = stand.create(mark)
        assert [each.remote_id for each in stand.count(intent, context).copies] == [first, second]
        assert stand.driver.writes == []

    def test_a_second_copy_of_a_ticket_is_rejected(self, stand: Stand) -> None:
        """The one that is kept stays as it is, and doing it twice changes nothing."""
        mark = key()
        kept, copy = stand.create(mark), stand.create(mark)
        undo = Intent(Operation.UNDO, params={"copy": copy, "of": "create", "kept": kept})
        for _ in range(2):
            assert isinstance(stand.write(undo, context(kept)), Done)
            assert stand.shown(copy)["Status"] == "rejected"
        assert stand.shown(kept)["Status"] == "new"

    def test_a_message_is_not_taken_back(self, stand: Stand) -> None:
        """RT cannot, and says so; nothing is sent."""
        number = stand.create(key())
        undo = Intent(Operation.UNDO, params={"copy": "7", "of": "internal_note", "kept": "6"})
        assert isinstance(stand.write(undo, context(number)), Rejected)
        assert stand.driver.requests == []

    @pytest.mark.parametrize("make", [reply, note])
    def test_a_message_that_landed_twice_is_counted(self, stand: Stand, make: Callable[[str], Intent]) -> None:
        """By our mark; another message with the same words is not it."""
        number = stand.create(key())
        given, intent = context(number), make("just once")
        stand.done(stand.write(intent, context(number)))
        ids = [stand.done(stand.write(intent, given)).comment_id]
        assert [each.remote_id for each in stand.count(intent, given).copies] == ids
        ids.append(stand.done(stand.write(intent, given)).comment_id)
        assert [each.remote_id for each in stand.count(intent, given).copies] == ids

    def test_the_history_tells_who_set_a_field_last(self, stand: Stand) -> None:
        """Ours until a person sets it, whatever the value."""
        number = stand.create(key())
        given, intent = context(number), fields(title="Ours", status={"category": "open"})
        stand.done(stand.write(intent, given))
        seen = stand.count(intent, given)
        assert seen.ours == {"title", "status"}
        assert seen.ticket is not None
        assert seen.ticket.title == "Ours"
        stand.person("PUT", f"/ticket/{number}", {"Subject": "Theirs"}, who="agent1")
        stand.person("PUT", f"/ticket/{number}", {"Subject": "Ours"}, who="agent1")
        assert stand.count(intent, given).ours == {"status"}


class Changes:
    """Polling, merging and deleting."""

    def test_a_poll_finds_a_change_once_whatever_the_zones(self, stand: Stand) -> None:
        """Our user lives nine hours east of the server; RT reads dates in our user's zone."""
        number = stand.ticket()
        page = poll(stand, "")
        hint = next(hint for hint in page.tickets if hint.remote_id == number)
        assert hint.version == stand.whole(number).version
        assert abs(hint.updated_at - datetime.now(UTC)) < timedelta(minutes=1)
        stand.person("POST", f"/ticket/{number}/comment", _message("news"))
        page = poll(stand, page.cursor)
        newer = next(other for other in page.tickets if other.remote_id == number)
        assert newer.version > hint.version

    def test_an_absolute_date_is_read_in_the_zone_of_who_asks(self, stand: Stand) -> None:
        """The trap that the poll avoids: five hours from now in UTC is four hours ago in Tokyo."""
        number = stand.ticket()
        later = (datetime.now(UTC) + timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S")
        query = urllib.parse.quote(f"id = {number} AND LastUpdated >= '{later}'")
        assert stand.person("GET", f"/tickets?query={query}", who="gateway")["count"] == 1
        assert stand.person("GET", f"/tickets?query={query}", who="agent1")["count"] == 0

    @pytest.mark.parametrize(
        ("words", "count"), [("1 minutes ago", 1), ("999 minutes ago", 1), ("9 hours ago", 1), ("never", 1)]
    )
    def test_a_relative_date_has_no_zone(self, stand: Stand, words: str, count: int) -> None:
        """And one that cannot be read matches everything."""
        number = stand.ticket()
        query = urllib.parse.quote(f"id = {number} AND LastUpdated >= '{words}'")
        for who in ("gateway", "agent1"):
            assert stand.person("GET", f"/tickets?query={query}", who=who)["count"] == count

    def test_a_poll_with_a_clock_that_is_wrong_finds_it_too(self, stand: Stand) -> None:
        """RT's own clock is in each answer."""
        number = stand.ticket()
        wrong = datetime.now(UTC) - timedelta(hours=3)
        cursor = f'{{"base":"{(datetime.now(UTC) - timedelta(minutes=1)).isoformat()}"}}'
        page = stand.driver.run(stand.connector.changes(cursor, wrong))
        assert number in {hint.remote_id for hint in page.tickets}

    def test_a_merge_is_told_by_webhook_by_poll_and_by_read(self, stand: Stand) -> None:
        """The ticket that went names the one that stays."""
        gone, stays = stand.ticket("gone"), stand.ticket("stays")
        cursor = poll(stand, "").cursor
        stand.events()
        stand.person("PUT", f"/ticket/{gone}", {"MergeInto": stays})
        (event,) = stand.events()
        assert (event.kind, event.remote_id, event.merged_into) == (EventKind.MERGED, gone, stays)
        hints = {hint.remote_id: hint.merged_into for hint in poll(stand, cursor).tickets}
        assert hints[gone] == stays
        assert stand.whole(gone).merged_into == stays

    def test_a_deletion_is_told_by_webhook_by_poll_and_by_read(self, stand: Stand) -> None:
        """RT hides deleted tickets from its searches."""
        number = stand.ticket()
        cursor = poll(stand, "").cursor
        stand.events()
        stand.person("DELETE", f"/ticket/{number}")
        (event,) = stand.events()
        assert (event.kind, event.remote_id) == (EventKind.DELETED, number)
        page = poll(stand, cursor)
        assert number in {hint.remote_id for hint in page.tickets}
        ticket = stand.whole(number)
        assert ticket.deleted
        assert ticket.status == Status(Category.CANCELLED, "deleted")

    def test_a_move_is_told_by_webhook_by_poll_and_by_read(self, stand: Stand) -> None:
        """It is the same ticket in another queue."""
        number = stand.ticket()
        assert stand.whole(number).queue == "Support"
        cursor = poll(stand, "").cursor
        stand.events()
        stand.person("PUT", f"/ticket/{number}", {"Queue": "General"})
        told = [(each.remote_id, change.field, change.value) for each in stand.events() for change in each.changes]
        assert told == [(number, "queue", "General")]
        assert number in {hint.remote_id for hint in poll(stand, cursor).tickets}
        assert stand.whole(number).queue == "General"

    def test_a_ticket_that_is_taken_back_is_told_by_webhook_by_poll_and_by_read(self, stand: Stand) -> None:
        """A person gives a deleted one another status."""
        number = stand.ticket()
        stand.person("DELETE", f"/ticket/{number}")
        cursor = poll(stand, "").cursor
        stand.events()
        stand.person("PUT", f"/ticket/{number}", {"Status": "open"})
        assert number in {each.remote_id for each in stand.events()}
        assert number in {hint.remote_id for hint in poll(stand, cursor).tickets}
        ticket = stand.whole(number)
        assert (ticket.deleted, ticket.status) == (False, Status(Category.OPEN, "open"))

    def test_what_a_poll_has_handed_out_and_is_settled_is_not_handed_out_again(self, stand: Stand) -> None:
        """The overlap costs nothing."""
        old = datetime.now(UTC) - timedelta(minutes=1)
        number = stand.ticket()
        updated = stand.shown(number)["LastUpdated"]
        cursor = f'{{"base":"{old.isoformat()}","seen":{{"{number}":"{updated}"}}}}'
        assert number not in {hint.remote_id for hint in poll(stand, cursor).tickets}


class Account:
    """Who we are and what we may do."""

    def test_the_token_tells_who_we_are(self, stand: Stand) -> None:
        """Its number is a user's, whose login is learnt."""
        connector = stand.connect()
        identity = stand.driver.run(connector.whoami())
        assert identity.person.external_id == "gateway"
        assert connector.is_us(identity.person) is True

    def test_a_wrong_token_is_told_apart(self, stand: Stand) -> None:
        """A read raises, a write pauses the connection."""
        connector = stand.connect(token="1-27-" + "0" * 32)
        driver = type(stand.driver)(connector)
        with pytest.raises(AuthenticationError):
            driver.run(connector.whoami())
        with pytest.raises(AuthenticationError):
            driver.run(connector.read("1"))
        assert isinstance(driver.run(connector.write(note("x"), context("1"))), Unauthorized)
        assert isinstance(driver.run(connector.write(reply("x"), context("1"))), Unauthorized)

    def test_the_check_proves_both_markers(self, stand: Stand) -> None:
        """And says which queues are visible."""
        stand.ticket()
        results = stand.driver.run(stand.connector.check())
        facts = {name: value for result in results for name, value in result.facts.items()}
        assert facts["marker_ticket"] is True
        assert facts["marker_txn"] is True
        assert "Support" in facts["queues"]
        assert [result for result in results if not result.ok] == []

    def test_the_check_names_a_marker_that_is_not_there(self, stand: Stand) -> None:
        """With the exact fix, as a warning."""
        connector = stand.connect(ticket_marker="NoSuchField")
        results = stand.driver.run(connector.check())
        (wrong,) = [result for result in results if not result.ok]
        assert wrong.warning
        assert wrong.facts == {"marker_ticket": False}
        assert "setup.pl" in wrong.detail

    def test_an_unset_priority_is_no_level(self, stand: Stand) -> None:
        """RT's default is 0."""
        priority = stand.whole(stand.ticket()).priority
        assert priority is not msgspec.UNSET
        assert (priority.level, priority.native) == (Level.UNSET, "0")


def _before_write(call: Call[Outcome], act: Callable[[], None]) -> Call[Outcome]:
    """Let something happen at the desk right before the write of a call."""
    request = next(call)
    while True:
        if request.effect is Effect.WRITE:
            act()
        try:
            request = call.send((yield request))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Agents:
    """Whom of the site's people RT can be given as an owner."""

    def listed(self, stand: Stand, *accounts: str) -> list[tuple[str, str, str, bool]]:
        """Ask for some accounts."""
        found = stand.driver.run(stand.connector.agents(accounts))
        assert {each.state for each in found} <= {AgentState.UNKNOWN}
        assert not stand.driver.writes
        return [(each.account_id, each.email, each.name, each.active) for each in found]

    def test_accounts_are_found_in_any_case_and_by_number(self, stand: Stand) -> None:
        """What the site writes is what it is told; an account that RT does not have is left out."""
        number = urllib.parse.urlsplit(stand.person("GET", "/user/agent2")["_hyperlinks"][0]["_url"]).path.split("/")[
            -1
        ]
        assert self.listed(stand, "AGENT1", number, "zoe", "no such/one?") == sorted([
            ("AGENT1", "agent1@desk.test", "First Agent", True),
            (number, "agent2@desk.test", "Second Agënt", True),
        ])  # fmt: skip
        assert self.listed(stand) == []

    def test_a_disabled_account_is_not_active(self, stand: Stand) -> None:
        """RT's search leaves it out, and it is still there."""
        stand.person("PUT", "/user/agent2", {"Disabled": 1}, who="root")
        try:
            assert [each[3] for each in self.listed(stand, "agent1", "agent2")] == [True, False]
        finally:
            stand.person("PUT", "/user/agent2", {"Disabled": 0}, who="root")
        assert [each[3] for each in self.listed(stand, "agent1", "agent2")] == [True, True]


class Links:
    """What a ticket refers to outside of RT."""

    def test_addresses_that_a_ticket_refers_to_are_read(self, stand: Stand) -> None:
        """Both ways; not what it depends on."""
        number = stand.ticket()
        assert stand.whole(number).references == ()
        for name in ("RefersTo", "ReferredToBy", "DependsOn"):
            address = f"https://desk.example/{name}/7"
            stand.person("PUT", f"/ticket/{number}", {name: address}, who="root")
        assert stand.whole(number).references == (
            "https://desk.example/ReferredToBy/7",
            "https://desk.example/RefersTo/7",
        )
