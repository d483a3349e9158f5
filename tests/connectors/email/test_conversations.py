"""A conversation by mail lives as tickets, through the real flow: a mailbox on one side, RT on the other."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.email.bench import EmailBench
from connectors.email.mime import Mail
from connectors.email.sim_store import Sent
from connectors.request_tracker.simulator import SimulatedRequestTracker
from gateway.domain.ticket import Category, Visibility
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from tests.connectors.email.stand import ADDRESS, mail
from tests.connectors.email.test_sorting import REPORT
from tests.flows.world import RT_SECRET, Bridge, sync_rule
from tests.length import length

#: far more than a page holds; memory does not grow with it
MANY = length(1_000, 10_000)
KIM, OTHER = "kim@customer.example", "sam@elsewhere.example"


class Letters(Bridge):
    """The gateway, a mailbox and an RT."""

    def __init__(self, store: SqlStore, **options: Any) -> None:
        super().__init__(store)
        self.bench = EmailBench()
        self.mail = self.bench.desk.start()
        self.rt = SimulatedRequestTracker(webhook_url=self.hook("engineering-rt"), webhook_secret=RT_SECRET).start()
        settings = [
            self.bench.settings("support-mail", every=timedelta(seconds=1), **options),
            ConnectionSettings(
                "engineering-rt",
                "request_tracker",
                self.rt.url,
                {"auth": {"token": self.rt.tokens["gateway"]}, "webhook_secret": RT_SECRET},
                deadline=2.0,
            ),
        ]
        rule = sync_rule(source="support-mail")
        self.join((self.mail, self.rt), settings, [rule])

    def settle_all(self, seconds: float = 60.0) -> None:
        """Ask the mailbox, and settle."""
        self.reconciler().poll("support-mail", holder="test")
        super().settle_all(seconds)

    def tickets(self) -> list[tuple[str, Category]]:
        """Return titles and statuses, the oldest first."""
        with self.store.read() as tx:
            found = [tx.tickets.get(line.id) for line in tx.view.tickets()]
        held = sorted((each for each in found if each is not None), key=lambda each: each.id)
        return [(each.title, each.status.category) for each in held]

    def bodies(self, number: int = 0) -> list[tuple[str, Visibility]]:
        """Return the comments of a ticket, the oldest first."""
        with self.store.read() as tx:
            ids = sorted(line.id for line in tx.view.tickets())
            return [(each.body, each.visibility) for each in tx.tickets.comments(ids[number])]

    def sent(self) -> list[Sent]:
        """Return the mails that were sent."""
        return list(self.mail.store.sent)

    def asides(self) -> list[str]:
        """Return why mails were set aside."""
        with self.store.read() as tx:
            return [row.detail for row in tx.inbox.aside("support-mail", 100)]


@pytest.fixture
def letters(store: SqlStore) -> Iterator[Letters]:
    """Give it on each database."""
    with Letters(store) as made:
        yield made


def test_a_mail_begins_a_ticket_and_what_answers_it_is_a_comment(letters: Letters) -> None:
    """By its references, or by what it answers alone; somebody else's mail of the same subject is another ticket."""
    first = letters.mail.act("write", text="Printer on fire")
    letters.settle_all()
    second = letters.mail.act("write", subject="Re: Printer on fire", text="Still burning", answers=first)
    letters.mail.act("write", sender=OTHER, subject="Re: Printer on fire", text="Mine, too")
    letters.settle_all()
    letters.mail.act("write", subject="something else", text="Even more", answers=second, references=second)
    letters.settle_all()
    assert [title for title, _ in letters.tickets()] == ["Printer on fire", "Printer on fire"]
    assert letters.bodies() == [("Still burning", Visibility.PUBLIC), ("Even more", Visibility.PUBLIC)]
    assert letters.counts().get("dead_letters", 0) == 0


def test_a_reply_reaches_the_requester_once_in_their_thread(letters: Letters) -> None:
    """With everybody who takes part in copy; it is not taken for news, and what answers it comes to its ticket."""
    first = letters.mail.act("write", text="Printer on fire", cc=f"Boss <boss@customer.example>, {ADDRESS}")
    letters.settle_all()
    letters.rt.act("reply", ticket="1", body="We are on our way")
    letters.rt.act("note", ticket="1", body="bring water")
    letters.settle_all()
    letters.settle_all()
    (sent,) = letters.sent()
    assert sent.recipients == (KIM, "boss@customer.example", ADDRESS)
    mail = Mail.of(sent.raw)
    assert mail.header("to") == KIM
    assert mail.header("cc") == "boss@customer.example"
    assert mail.ids("in-reply-to") == (first.strip("<>"),)
    assert mail.header("subject").startswith("Re: Printer on fire [#")
    assert "We are on our way" in mail.plain
    assert "bring water" not in mail.plain + mail.html
    letters.mail.act("write", subject="AW: what", text="Thanks", answers=f"<{mail.message_id}>")
    letters.settle_all()
    assert ("Thanks", Visibility.PUBLIC) in letters.bodies()
    assert len(letters.tickets()) == 1
    assert len(letters.sent()) == 1
    with letters.store.read() as tx:
        (letter,) = tx.view.dead_letters()
    assert "internal_to" in letter.detail


def test_one_in_copy_who_is_refused_is_told(letters: Letters) -> None:
    """The requester got it, and nothing waits; who did not, and in the server's words why, stands at the update."""
    letters.mail.refused["gone@customer.example"] = "550 5.1.1 no such user"
    letters.mail.act("write", text="Printer on fire", cc=f"gone@customer.example, {ADDRESS}")
    letters.settle_all()
    letters.rt.act("reply", ticket="1", body="We are on our way")
    letters.settle_all()
    assert [each.recipients for each in letters.sent()] == [(KIM, ADDRESS)]
    with letters.store.read() as tx:
        (line,) = tx.view.updates(connection="support-mail")
        (attempt,) = tx.view.attempts(line.id)
    assert (line.state, attempt.outcome) == ("done", "done")
    told = "the server took it for the others, but not for gone@customer.example: 550 5.1.1 no such user"
    assert (line.detail, attempt.detail) == (told, told)


def test_a_reply_to_a_closed_ticket_begins_a_follow_up(letters: Letters) -> None:
    """In the same conversation: what comes after goes on with the follow-up."""
    first = letters.mail.act("write", text="Printer on fire")
    letters.settle_all()
    letters.rt.act("set", ticket="1", Status="resolved")
    letters.settle_all()
    letters.mail.act("write", subject="Re: Printer on fire", text="It burns again", answers=first)
    letters.settle_all()
    letters.mail.act("write", subject="Re: Printer on fire", text="And the other one", answers=first)
    letters.settle_all()
    assert [category for _, category in letters.tickets()] == [Category.RESOLVED, Category.NEW]
    assert [body for body, _ in letters.bodies(1)] == ["And the other one"]


@pytest.mark.faults
def test_a_copy_proves_a_mail_whose_answer_was_lost(letters: Letters) -> None:
    """It is sent once, and no dead letter is left."""
    letters.mail.act("write", text="Printer on fire")
    letters.settle_all()
    letters.mail.fault("reset_after", method="SMTP", path="DATA")
    letters.rt.act("reply", ticket="1", body="We are on our way")
    letters.settle_all()
    assert len(letters.sent()) == 1
    assert letters.counts().get("dead_letters", 0) == 0


def letter(letters: Letters) -> str:
    """Return the tag of the first ticket."""
    with letters.store.read() as tx:
        ids = sorted(line.id for line in tx.view.tickets())
        (link,) = [each for each in tx.links.of_ticket(ids[0]) if each.connection == "support-mail"]
    return link.key


def test_a_tag_is_the_last_means_and_a_stranger_with_one_is_internal(letters: Letters) -> None:
    """Who takes part is public; who knows nothing but the tag is shown to colleagues, and never written to."""
    letters.mail.act("write", text="Printer on fire")
    letters.settle_all()
    tag = letter(letters)
    letters.mail.act("write", subject=f"Fwd: Printer [#{tag}]", text="Still burning")
    letters.mail.act("write", sender=OTHER, subject=f"[#{tag}] hello", text="Tell me, too")
    letters.settle_all()
    assert letters.bodies() == [("Still burning", Visibility.PUBLIC), ("Tell me, too", Visibility.INTERNAL)]
    letters.rt.act("reply", ticket="1", body="We come")
    letters.settle_all()
    assert OTHER not in letters.sent()[-1].recipients
    assert len(letters.tickets()) == 1


def test_another_uidvalidity_enters_nothing_twice_and_loses_nothing(letters: Letters) -> None:
    """Also where a mail came while the numbers changed."""
    first = letters.mail.act("write", text="Printer on fire")
    letters.mail.act("write", text="And more", subject="Re: x", answers=first)
    letters.settle_all()
    letters.mail.act("write", sender=OTHER, subject="No paper", text="New")
    letters.mail.store.renumber()
    letters.settle_all()
    assert [title for title, _ in letters.tickets()] == ["Printer on fire", "No paper"]
    assert letters.bodies() == [("And more", Visibility.PUBLIC)]
    assert letters.counts().get("dead_letters", 0) == 0


def test_what_no_person_wrote_is_listed_and_can_be_taken(letters: Letters) -> None:
    """It opens nothing until a person says so, and then what it says."""
    letters.mail.act("write", text="I am away", headers={"Auto-Submitted": "auto-replied"})
    letters.settle_all()
    assert letters.tickets() == []
    (why,) = letters.asides()
    assert "auto-replied" in why
    with letters.store.read() as tx:
        (row,) = tx.inbox.aside("support-mail", 10)
    assert letters.store.write(lambda tx: tx.inbox.take_after_all(row.id))
    assert not letters.store.write(lambda tx: tx.inbox.take_after_all(row.id))
    letters.settle_all()
    assert [title for title, _ in letters.tickets()] == ["Printer on fire"]
    assert letters.asides() == []


def test_a_bounce_is_told_to_colleagues_and_answers_nobody(letters: Letters) -> None:
    """On the ticket of the mail that did not arrive."""
    letters.mail.act("write", text="Printer on fire")
    letters.settle_all()
    letters.rt.act("reply", ticket="1", body="We come")
    letters.settle_all()
    number = Mail.of(letters.sent()[-1].raw).message_id
    report = REPORT.format(action="failed", number=number)
    kind = 'multipart/report; report-type=delivery-status; boundary="b"'
    letters.mail.act("deliver", raw=mail(report, sender="MAILER-DAEMON@mx.example", number="<b@mx>", kind=kind))
    letters.settle_all()
    bodies = letters.bodies()
    assert any("no such user" in body and visibility is Visibility.INTERNAL for body, visibility in bodies)
    assert len(letters.sent()) == 1
    assert len(letters.tickets()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_internal_notes_reach_colleagues_and_nobody_else(store: SqlStore) -> None:
    """By a mail of their own; what a colleague answers stays internal."""
    with Letters(store, internal_to=["duty@desk.example"]) as letters:
        letters.mail.act("write", text="Printer on fire", cc="duty2@desk.example")
        letters.settle_all()
        letters.rt.act("note", ticket="1", body="bring water")
        letters.settle_all()
        (sent,) = letters.sent()
        assert sent.recipients == ("duty@desk.example", ADDRESS)
        note = Mail.of(sent.raw)
        assert note.ids("in-reply-to") == ()
        assert note.header("subject").endswith("/i]")
        letters.mail.act(
            "write", sender="duty@desk.example", subject=f"Re: {note.header('subject')}", text="I have some",
            answers=f"<{note.message_id}>",
        )  # fmt: skip
        letters.settle_all()
        assert ("I have some", Visibility.INTERNAL) in letters.bodies()
        assert len(letters.sent()) == 1
        assert letters.counts().get("dead_letters", 0) == 0


@pytest.mark.faults
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lost_answer_that_nothing_proves_is_left_to_a_person(store: SqlStore) -> None:
    """The server never took it, or nobody can tell: it is not sent again by itself."""
    with Letters(store) as letters:
        letters.mail.act("write", text="Printer on fire")
        letters.settle_all()
        letters.mail.fault("reset_before", method="SMTP", path="DATA")
        letters.rt.act("reply", ticket="1", body="We come")
        letters.settle_all(120)
        assert letters.sent() == []
        with store.read() as tx:
            (found,) = tx.view.dead_letters()
        assert found.reason == "ambiguous"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backlog_is_no_matter_of_memory(store: SqlStore) -> None:
    """It is read page by page, each mail with a file of its own; no more than a page is held, and none costs more.

    A poll that is broken off goes on behind the last page that was stored, and nothing is stored twice.
    """
    with Letters(store) as letters:
        data = bytes(range(256)) * 40
        raw = mail(
            b"--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b\r\nContent-Type: application/x\r\n"
            b"Content-Disposition: attachment; filename=a.bin\r\n\r\n" + data + b"\r\n--b--\r\n",
            kind='multipart/mixed; boundary="b"',
        )
        for number in range(MANY):
            letters.mail.store.deliver(raw.replace(b"<1@customer", b"<%d@customer" % number))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        reconciler, asked, stored = letters.reconciler(), [], []
        for seconds in (-1.0, -1.0, 1500.0):
            begun = len(letters.mail.commands)
            stored.append(reconciler.poll("support-mail", holder="test", seconds=seconds))
            asked.append(len(letters.mail.commands) - begun)
        # a machine that is busy may break a poll off, and the next one goes on
        while more := reconciler.poll("support-mail", holder="test", seconds=1500.0):
            stored.append(more)
        most = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert sum(stored) == MANY
        assert stored[0] == stored[1] < 100, "a poll without time takes one page"
        pages = math.ceil(stored[2] / stored[1])
        assert asked[2] <= (asked[1] + 1) * (pages + 1), f"{asked} commands for {stored} mails: later pages cost more"
        assert most < 12_000_000, f"{most} bytes were held at once"
        assert letters.mail.logins <= len(stored) - 2, "a session for each page"
