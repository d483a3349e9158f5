"""What Redmine does with us, whichever it is: test_simulator.py asks the simulated one, tests/desks a real one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import msgspec
import pytest

from connectors.redmine import rendering
from connectors.sdk import (
    Absent,
    Attachment,
    Blob,
    Category,
    Done,
    Forbidden,
    Found,
    Intent,
    Kind,
    Level,
    Operation,
    Priority,
    Progress,
    Reason,
    Rejected,
    RemotePerson,
    Status,
    Unsure,
    Visibility,
)
from connectors.testing.driver import Driver
from tests.connectors.redmine.stand import Stand, context, create, fields, note, reply


def key() -> str:
    """Return a fresh effect key."""
    return uuid.uuid4().hex


def file_of(stand: Stand, name: str, data: bytes, mime: str = "application/octet-stream") -> Attachment:
    """Return a file that may go along."""
    blob = stand.driver.files.put(data)
    return Attachment(name, mime, blob.size, sha256=blob.sha256)


class Creation:
    """Issues that we make."""

    def test_an_issue_is_made_with_its_fields_and_its_mark(self, stand: Stand) -> None:
        """With one write; it reads back as it was written."""
        given = context(key())
        wanted = create(
            title="  Netz – 処理中 🔥 ", kind="question", priority={"level": "P2"},
            assignee={"external_id": str(stand.ids["agent1"])}, requester={"email": "kim@customer.example"},
            custom={"cost_centre": "4711"},
        )  # fmt: skip
        receipt = stand.done(stand.write(wanted, given))
        assert len(stand.driver.writes) == 1
        found = stand.whole(receipt.remote_id)
        assert (found.title, found.kind, found.priority) == (
            "Netz – 処理中 🔥", Kind.QUESTION, Priority(Level.P2, "High"),
        )  # fmt: skip
        assert found.status == Status(Category.NEW, "New")
        assert found.requester == RemotePerson(email="kim@customer.example", role="customer")
        assert isinstance(found.assignee, RemotePerson)
        assert found.assignee.external_id == str(stand.ids["agent1"])
        assert found.custom == {"cost_centre": "4711"}
        assert (found.marker, found.queue, found.body) == (given.effect_key, "Support", "Since *this* morning.")
        assert found.url == f"{stand.url}/issues/{receipt.remote_id}"
        assert receipt.version == found.version
        assert stand.shown(receipt.remote_id)["author"]["id"] == stand.ids["gateway"]

    def test_an_issue_is_found_by_its_mark(self, stand: Stand) -> None:
        """Whatever its status, and no other is; our copies are counted."""
        given = context(key())
        receipt = stand.done(stand.write(create(), given))
        stand.set(receipt.remote_id, status_id=5)
        found = stand.driver.run(stand.connector.probe(create(), given))
        assert isinstance(found, Found)
        assert found.receipt.remote_id == receipt.remote_id
        assert isinstance(stand.driver.run(stand.connector.probe(create(), context(key()))), Absent)
        seen = stand.driver.run(stand.connector.effects(create(), given))
        assert [copy.remote_id for copy in seen.copies] == [receipt.remote_id]
        stand.use(ticket_marker=stand.fields["Gateway note"])
        assert isinstance(stand.driver.run(stand.connector.probe(create(), context(key()))), Unsure)

    def test_a_status_that_a_new_issue_may_not_have_is_set_afterwards(self, stand: Stand) -> None:
        """Redmine drops it without a word."""
        wanted, given = create(status={"category": "resolved"}), context(key())
        first = stand.write(wanted, given)
        assert isinstance(first, Progress)
        number = first.receipt.remote_id
        assert stand.shown(number)["status"]["name"] == "New"
        stand.settled(wanted, msgspec.structs.replace(given, steps=first.steps, remote_id=number))
        assert stand.whole(number).status == Status(Category.RESOLVED, "Resolved")

    def test_a_private_issue_is_private_or_is_not_made(self, stand: Stand) -> None:
        """Without the right Redmine would make a public one without a word."""
        wanted = create(params={"private": True})
        receipt = stand.done(stand.write(wanted, context(key())))
        assert stand.shown(receipt.remote_id)["is_private"] is True
        give_back = stand.office.revoke("set_issues_private")
        try:
            stand.use()
            outcome = stand.write(wanted, context(key()))
        finally:
            give_back()
        assert isinstance(outcome, Rejected)
        assert "Set issues public or private" in outcome.detail
        assert stand.driver.writes == []

    def test_a_project_that_is_not_ours_is_unmapped(self, stand: Stand) -> None:
        """Nothing is written; by its number Redmine refuses it."""
        outcome = stand.write(create(project="vault"), context(key()))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.UNMAPPED
        assert stand.driver.writes == []
        outcome = stand.write(create(project="3"), context(key()))
        assert isinstance(outcome, Rejected)
        assert "Project cannot be blank" in outcome.detail

    def test_what_is_missing_is_redmines_own_sentence(self, stand: Stand) -> None:
        """422 with `errors`: a locked person, a file that is too large."""
        unlock = stand.office.lock("agent2")
        try:
            nobody = create(assignee={"external_id": str(stand.ids["agent2"])})
            outcome = stand.write(nobody, context(key()))
        finally:
            unlock()
        assert isinstance(outcome, Rejected)
        assert outcome.detail == "HTTP 422: Assignee is invalid"


class Fields:
    """Fields that we set."""

    def test_fields_are_set_and_read_back(self, stand: Stand) -> None:
        """In one write, told as they are read."""
        number = stand.issue()
        wanted = fields(
            title="Paper jam", status={"category": "pending_customer"}, priority={"level": "P1"}, kind="request",
            assignee={"external_id": str(stand.ids["agent2"])}, queue="Internals",
            body="Zwei Zeilen\n\n- eins\n- *zwei*", custom={"cost_centre": "0815"},
        )  # fmt: skip
        receipt = stand.done(stand.write(wanted, context(key(), number)))
        assert len(stand.driver.writes) == 1
        found = stand.whole(number)
        seen = msgspec.to_builtins(found)
        expected = stand.connector.as_read(wanted)
        seen["assignee"] = {name: value for name, value in seen["assignee"].items() if name in expected["assignee"]}
        expected["assignee"] |= {name: value for name, value in seen["assignee"].items() if name != "external_id"}
        assert {name: seen[name] for name in expected} == expected
        assert (receipt.version, receipt.remote_id) == (found.version, number)
        stand.done(stand.write(fields(assignee=None), context(key(), number)))
        assert stand.whole(number).assignee is None

    def test_the_same_values_again_leave_no_journal(self, stand: Stand) -> None:
        """Redmine moves `updated_on` all the same."""
        number, wanted = stand.issue(), fields(title="Paper jam", priority={"level": "P4"})
        stand.done(stand.write(wanted, context(key(), number)))
        assert len(stand.shown(number)["journals"]) == 1
        stand.done(stand.write(wanted, context(key(), number)))
        assert len(stand.shown(number)["journals"]) == 1
        assert isinstance(stand.driver.run(stand.connector.probe(wanted, context(key(), number))), Found)
        other = fields(title="Never written")
        assert isinstance(stand.driver.run(stand.connector.probe(other, context(key(), number))), Absent)

    def test_a_status_that_the_workflow_forbids_is_seen_behind_204(self, stand: Stand) -> None:
        """Success does not mean applied."""
        number = stand.issue()
        put_back = stand.office.forbid("New", "Resolved")
        try:
            outcome = stand.write(fields(status={"category": "resolved"}), context(key(), number))
        finally:
            put_back()
        assert isinstance(outcome, Rejected)
        assert "204" in outcome.detail
        assert "status_id" in outcome.detail
        assert "'New'" in outcome.detail

    def test_rights_that_are_taken_away_are_seen(self, stand: Stand) -> None:
        """Without *Edit issues* fields are dropped behind 204; without any right it is 403."""
        number, wanted = stand.issue(), fields(title="New", priority={"level": "P1"})
        give_back = stand.office.revoke("edit_issues")
        try:
            dropped = stand.write(wanted, context(key(), number))
            give_all_back = stand.office.revoke("edit_issues", "add_issue_notes")
            try:
                forbidden = stand.write(wanted, context(key(), number))
            finally:
                give_all_back()
        finally:
            give_back()
        assert isinstance(dropped, Rejected)
        assert "priority_id, subject" in dropped.detail
        assert isinstance(forbidden, Forbidden)

    def test_a_move_out_of_our_sight_is_refused_behind_204(self, stand: Stand) -> None:
        """So is a tracker or a status that is none; a priority that is none is refused aloud."""
        number = stand.issue()
        outcome = stand.write(fields(queue="3"), context(key(), number))
        assert isinstance(outcome, Rejected)
        assert "project_id" in outcome.detail
        outcome = stand.write(fields(status={"category": "open", "native": "77"}), context(key(), number))
        assert isinstance(outcome, Rejected)
        assert "status_id" in outcome.detail
        outcome = stand.write(fields(priority={"level": "P1", "native": "77"}), context(key(), number))
        assert isinstance(outcome, Rejected)
        assert outcome.detail == "HTTP 422: Priority cannot be blank"

    def test_what_a_person_changes_right_after_us_is_no_refusal(self, stand: Stand) -> None:
        """The journals say that ours landed, and who set a field last."""
        number, wanted = stand.issue(), fields(title="Ours", priority={"level": "P2"})
        given = context(key(), number)
        stand.done(stand.write(wanted, given))
        stand.set(number, subject="Theirs")
        assert isinstance(stand.driver.run(stand.connector.probe(wanted, given)), Found)
        seen = stand.driver.run(stand.connector.effects(wanted, given))
        assert seen.ours == {"priority"}
        assert seen.ticket is not None
        assert seen.ticket.title == "Theirs"

    def test_an_issue_that_is_gone_is_refused(self, stand: Stand) -> None:
        """404, and a read finds nothing; one that was moved out of our sight is forbidden."""
        number, moved = stand.issue(), stand.issue()
        stand.person("DELETE", f"/issues/{number}.json")
        assert stand.driver.run(stand.connector.read(number)) is None
        assert isinstance(stand.write(fields(title="x"), context(key(), number)), Rejected)
        assert isinstance(stand.write(note("x"), context(key(), number)), Rejected)
        stand.set(moved, project_id="vault")
        assert stand.driver.run(stand.connector.read(moved)) is None
        assert isinstance(stand.write(fields(title="x"), context(key(), moved)), Forbidden)

    def test_a_long_subject_is_cut(self, stand: Stand) -> None:
        """Redmine refuses one of more than 255 signs, and a blank one."""
        number = stand.issue()
        stand.done(stand.write(fields(title="é" * 300), context(key(), number)))
        assert stand.whole(number).title == "é" * 255
        stand.done(stand.write(fields(title=" \n "), context(key(), number)))
        assert stand.whole(number).title == rendering.NO_TITLE


class Notes:
    """What is said."""

    @pytest.mark.parametrize("with_mark", [True, False])
    def test_notes_of_both_kinds_are_there_once_and_known_again(self, stand: Stand, with_mark: bool) -> None:
        """By their marks, or by their words; the customer sees the public one only."""
        if not with_mark:
            stand.use(comment_marker=None)
        number = stand.issue()
        for make, kind in ((reply, Visibility.PUBLIC), (note, Visibility.INTERNAL)):
            given, intent = context(key(), number), make(f"{kind} – 処理中 🔥.\n\nBitte *warten*.")
            receipt = stand.done(stand.write(intent, given))
            assert len(stand.driver.writes) == 1
            found = stand.driver.run(stand.connector.probe(intent, given))
            assert isinstance(found, Found)
            assert found.receipt.comment_id == receipt.comment_id
            seen = stand.driver.run(stand.connector.effects(intent, given))
            assert [copy.remote_id for copy in seen.copies] == [receipt.comment_id]
            said = stand.whole(number).comments[-1]
            assert (said.remote_id, said.visibility) == (receipt.comment_id, kind)
            assert said.body == f"{kind} – 処理中 🔥.\n\nBitte *warten*."
            assert said.marker == (given.effect_key if with_mark else "")
            assert stand.connector.is_us(said.author) is True
        assert [private for _, private in stand.notes(number)] == [False, True]
        assert [private for _, private in stand.notes(number, "customer")] == [False]

    @pytest.mark.parametrize("make", [reply, note])
    def test_the_same_words_twice_are_two_notes(self, stand: Stand, make: Callable[[str], Intent]) -> None:
        """Each is known by its own mark."""
        number, intent = stand.issue(), make("Same words")
        given = [context(key(), number), context(key(), number)]
        ids = [stand.done(stand.write(intent, each)).comment_id for each in given]
        assert len(set(ids)) == 2
        for each, number_of_note in zip(given, ids, strict=True):
            found = stand.driver.run(stand.connector.probe(intent, each))
            assert isinstance(found, Found)
            assert found.receipt.comment_id == number_of_note
        assert isinstance(stand.driver.run(stand.connector.probe(make("Never said"), context(key(), number))), Absent)

    @pytest.mark.parametrize("missing", ["set_notes_private", "view_private_notes"])
    def test_a_note_that_would_become_public_is_not_sent(self, stand: Stand, missing: str) -> None:
        """Redmine drops `private_notes` of a role without the right, and would show the note to everybody."""
        number = stand.issue()
        # one that was kept private before changes nothing: a role can be changed at any time
        stand.done(stand.write(note("Among us"), context(key(), number)))
        give_back = stand.office.revoke(missing)
        try:
            outcome = stand.write(note("Between us"), context(key(), number))
            lines = {line.name: line for line in stand.driver.run(stand.connector.check())}
        finally:
            give_back()
        assert isinstance(outcome, Rejected)
        assert "Set notes as private" in outcome.detail
        assert [private for _, private in stand.notes(number)] == [True]
        assert not lines["private_notes"].ok

    @pytest.mark.parametrize("missing", [(), ("set_notes_private",), ("set_notes_private", "edit_own_issue_notes")])
    def test_a_note_in_the_open_is_covered(self, stand: Stand, missing: tuple[str, ...]) -> None:
        """It is made private; without that right it is taken away; where neither may be done, a person is told."""
        number = stand.issue()
        given = context(key(), number)
        # what an internal note is like for a role that loses the right between our look and the write
        stand.done(stand.write(reply("Among us"), given))
        give_back = stand.office.revoke(*missing)
        try:
            outcome = stand.write(note("Among us"), given)
        finally:
            give_back()
        assert len(stand.driver.writes) == 1
        if not missing:
            assert isinstance(outcome, Done)
            assert "is private now" in outcome.detail
        elif len(missing) == 1:
            assert isinstance(outcome, Rejected)
            assert "was taken away again" in outcome.detail
        else:
            assert isinstance(outcome, Rejected)
            assert outcome.detail.startswith("EVERYBODY READS note ")
        assert [private for _, private in stand.notes(number)] == [[True], [], [False]][len(missing)]

    def test_a_note_that_is_dropped_behind_204_is_seen(self, stand: Stand) -> None:
        """A role without *Add notes*; one without *Edit issues* may say something, and keeps no mark."""
        number = stand.issue()
        give_back = stand.office.revoke("add_issue_notes")
        try:
            outcome = stand.write(reply("Dropped"), context(key(), number))
        finally:
            give_back()
        assert isinstance(outcome, Rejected)
        assert "Add notes" in outcome.detail
        give_back = stand.office.revoke("edit_issues")
        try:
            given = context(key(), number)
            receipt = stand.done(stand.write(reply("Kept"), given))
            found = stand.driver.run(stand.connector.probe(reply("Kept"), given))
        finally:
            give_back()
        assert isinstance(found, Found)
        assert found.receipt.comment_id == receipt.comment_id

    def test_notes_are_read_in_order_with_their_authors(self, stand: Stand) -> None:
        """The customer's word is the customer's; what only changed something is no comment."""
        number = stand.issue(text="It burns\r\n\r\nsince 8")
        for place in range(3):
            stand.say(number, f"Note {place}", private=place == 1, who="agent1" if place else "customer")
            stand.set(number, done_ratio=10 * place + 10)
        found = stand.whole(number)
        assert found.body == "It burns\n\nsince 8"
        assert [said.body for said in found.comments] == ["Note 0", "Note 1", "Note 2"]
        assert [said.visibility for said in found.comments] == [
            Visibility.PUBLIC, Visibility.INTERNAL, Visibility.PUBLIC,
        ]  # fmt: skip
        authors = [said.author.external_id for said in found.comments if said.author]
        assert authors == [str(stand.ids[who]) for who in ("customer", "agent1", "agent1")]
        assert isinstance(found.requester, RemotePerson)
        assert found.requester.external_id == str(stand.ids["customer"])

    def test_a_closed_issue_takes_notes(self, stand: Stand) -> None:
        """And stays closed."""
        number = stand.issue()
        stand.set(number, status_id=5)
        stand.done(stand.write(reply("One more thing"), context(key(), number)))
        found = stand.whole(number)
        assert found.status == Status(Category.CLOSED, "Closed")
        assert [said.body for said in found.comments] == ["One more thing"]


class Files:
    """Files both ways."""

    def test_files_go_with_the_note(self, stand: Stand) -> None:
        """Names of all kinds, a large one, and two of one name; the text shows one by its name."""
        number = stand.issue()
        large = bytes(range(256)) * 8192
        given = [
            file_of(stand, "Rechnung März 処理.txt", "Grüße".encode(), "text/plain"),
            file_of(stand, "flames.png", b"\x89PNG and more", "image/png"), file_of(stand, "flames.png", large),
        ]  # fmt: skip
        intent = reply(f"Look: ![it](attachment:{given[1].sha256})", attachments=tuple(given))
        receipt = stand.done(stand.write(intent, context(key(), number)))
        (said,) = stand.whole(number).comments
        assert [file.name for file in said.attachments] == [file.name for file in given]
        assert tuple(file.remote_id for file in said.attachments) == receipt.file_ids
        assert "](attachment:" in said.body
        for file, sent in zip(said.attachments, given, strict=True):
            blob = stand.driver.run(stand.connector.fetch(file))
            assert isinstance(blob, Blob)
            assert blob.sha256 == sent.sha256
        assert stand.driver.run(stand.connector.fetch(Attachment("x", remote_id="99999"))) is None

    def test_files_of_a_creation_are_the_issues(self, stand: Stand) -> None:
        """They stand beside the description."""
        wanted = msgspec.structs.replace(create(), attachments=(file_of(stand, "log.txt", b"log", "text/plain"),))
        receipt = stand.done(stand.write(wanted, context(key())))
        found = stand.whole(receipt.remote_id)
        assert [(file.name, file.size, file.mime) for file in found.attachments] == [("log.txt", 3, "text/plain")]
        assert found.comments == ()

    def test_a_file_of_a_private_note_stays_with_it(self, stand: Stand) -> None:
        """Redmine makes two journals of them, the file's for everybody: here they are one, for agents only."""
        number = stand.issue()
        stand.attach(number, "secret.bin", b"secret", notes="Look at this, between us", private_notes=True)
        assert len(stand.shown(number)["journals"]) == 2
        (said,) = stand.whole(number).comments
        assert (said.body, said.visibility) == ("Look at this, between us", Visibility.INTERNAL)
        assert [file.name for file in said.attachments] == ["secret.bin"]
        stand.attach(number, "open.bin", b"open")
        said = stand.whole(number).comments[-1]
        assert (said.body, said.visibility) == ("", Visibility.PUBLIC)
        assert [file.name for file in said.attachments] == ["open.bin"]

    def test_a_file_that_is_too_large_is_refused(self, stand: Stand) -> None:
        """By Redmine's own sentence, and nothing is written."""
        number = stand.issue()
        lift = stand.office.limit(64 * 1024)
        try:
            file = file_of(stand, "large.bin", b"x" * (65 * 1024))
            outcome = stand.write(reply("Too large", attachments=(file,)), context(key(), number))
        finally:
            lift()
        assert isinstance(outcome, Rejected)
        assert "exceeds the maximum allowed file size (65536)" in outcome.detail
        assert stand.notes(number) == []


class Changes:
    """What a poll tells."""

    def test_every_change_is_told(self, stand: Stand) -> None:
        """New issues, fields, notes of both kinds, private issues, moves, closing; a second poll finds what is new."""
        _, cursor = stand.polled("")
        numbers = [stand.issue(f"Issue {place}") for place in range(6)]
        quiet = stand.issue("Quiet")
        told, cursor = stand.polled(cursor)
        assert {*numbers, quiet} <= {each.remote_id for each in told}
        _pass_a_while()
        stand.set(numbers[0], subject="Changed")
        stand.say(numbers[1], "Said")
        stand.say(numbers[2], "Between us", private=True)
        stand.set(numbers[3], is_private=True)
        stand.set(numbers[4], project_id="internals")
        stand.set(numbers[5], status_id=5)
        told, cursor = stand.polled(cursor)
        by_number = {each.remote_id: each for each in told}
        assert set(numbers) <= set(by_number)
        assert by_number[numbers[0]].title == "Changed"
        assert (by_number[numbers[3]].private, by_number[numbers[0]].private) == (True, False)
        assert by_number[numbers[4]].queue == "Internals"
        assert by_number[numbers[5]].status == Status(Category.CLOSED, "Closed")
        versions = {number: stand.whole(number).version for number in numbers}
        assert {number: by_number[number].version for number in numbers} == versions
        _pass_a_while()
        stand.set(numbers[3], is_private=False)
        told, cursor = stand.polled(cursor)
        assert {each.remote_id: each.private for each in told}[numbers[3]] is False

    def test_a_duplicate_is_merged_where_the_site_says_so(self, stand: Stand) -> None:
        """As long as it is closed; one that was opened again is an issue of its own."""
        one, other = stand.issue("Again"), stand.issue("First")
        relation = {"issue_to_id": int(other), "relation_type": "duplicates"}
        stand.person("POST", f"/issues/{one}/relations.json", {"relation": relation})
        stand.set(one, status_id=5)
        assert stand.whole(one).merged_into == ""
        stand.use(duplicates_are_merged=True)
        assert (stand.whole(one).merged_into, stand.whole(other).merged_into) == (other, "")
        stand.set(one, status_id=2)
        assert stand.whole(one).merged_into == ""


def _pass_a_while() -> None:
    """Let the second pass: versions have whole seconds."""
    time.sleep(1.1)


class Account:
    """Who we are and what we may."""

    def test_the_check_finds_nothing_wrong(self, stand: Stand) -> None:
        """Credentials, names, the mark, private notes."""
        lines = {line.name: line for line in stand.driver.run(stand.connector.check())}
        assert [name for name, line in lines.items() if not line.ok] == ["webhook_secret"]
        assert lines["credentials"].facts == {"account_id": str(stand.ids["gateway"])}
        assert lines["marker"].facts == {"marker_ticket": True}

    def test_a_field_that_is_no_filter_is_no_mark(self, stand: Stand) -> None:
        """Redmine ignores the filter and answers with every issue."""
        stand.issue()
        stand.use(ticket_marker=stand.fields["Gateway note"])
        lines = {line.name: line for line in stand.driver.run(stand.connector.check())}
        assert lines["marker"].facts == {"marker_ticket": False}

    def test_wrong_credentials_are_said(self, stand: Stand) -> None:
        """401 without a word."""
        connector = stand.connect(auth={"api_key": "wrong"})
        driver = Driver(connector, deadline=30.0)
        (line,) = driver.run(connector.check())
        driver.close()
        assert not line.ok
        assert "credentials" in line.detail

    def test_who_is_locked_cannot_be_assigned(self, stand: Stand) -> None:
        """Redmine does not show them to us."""
        accounts = [str(stand.ids[who]) for who in ("agent1", "agent2")]
        assert [each.account_id for each in stand.driver.run(stand.connector.agents(accounts))] == accounts
        unlock = stand.office.lock("agent2")
        try:
            assert [each.account_id for each in stand.driver.run(stand.connector.agents(accounts))] == accounts[:1]
        finally:
            unlock()


class Undoing:
    """Copies that are taken back."""

    def test_a_second_copy_is_rejected_once(self, stand: Stand) -> None:
        """Again, or when it is gone, it does no harm."""
        number = stand.done(stand.write(create(), context(key()))).remote_id
        undo = Intent(Operation.UNDO, params={"copy": number, "of": "create"})
        for _ in range(2):
            assert isinstance(stand.write(undo, context(key())), Done)
        assert stand.whole(number).status == Status(Category.CANCELLED, "Rejected")
        stand.person("DELETE", f"/issues/{number}.json")
        assert isinstance(stand.write(undo, context(key())), Done)
