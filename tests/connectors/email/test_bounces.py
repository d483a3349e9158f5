"""What a mail server says of a mail of ours is told to people once; and programs that answer each other are stopped."""

from __future__ import annotations

import msgspec
import pytest

from connectors.email.compose import message_id
from connectors.email.mime import Mail
from connectors.sdk import EventKind, Visibility
from gateway.domain.update import Reason
from gateway.errors import SetAsideError
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.sync import Owner
from tests.connectors.email.stand import KEY, connect, mail, parse
from tests.connectors.email.test_conversations import KIM, Letters
from tests.connectors.email.test_sorting import REPORT
from tests.flows.world import sync_rule

KIND = 'multipart/report; report-type=delivery-status; boundary="b"'
DAEMON = "MAILER-DAEMON@mx.example"
QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<kim@customer.example>:
Sorry, no mailbox here by that name.

--- Below this line is a copy of the message.

Return-Path: <support@desk.example>
From: Support <support@desk.example>
Message-ID: <{number}>

We come
"""


def letters_of(letters: Letters) -> list[tuple[str, str]]:
    """Return the dead letters: reason, detail."""
    with letters.store.read() as tx:
        return [(each.reason, each.detail) for each in tx.view.dead_letters()]


def answered(letters: Letters) -> str:
    """Let a customer write and be answered; returns the Message-ID of the answer."""
    letters.mail.act("write", text="Printer on fire")
    letters.settle_all()
    letters.rt.act("reply", ticket="1", body="We come")
    letters.settle_all()
    return Mail.of(letters.sent()[-1].raw).message_id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_failure_is_told_once_whoever_reports_it(store: SqlStore) -> None:
    """By two servers, and again: one note on the ticket; nobody is written to, and no ticket begins."""
    with Letters(store) as letters:
        number = answered(letters)
        for at in ("one", "two", "two"):
            report = REPORT.format(action="failed", number=number)
            letters.mail.act("deliver", raw=mail(report, sender=f"MAILER-DAEMON@{at}.example", number=f"<b@{at}>",
                                                 kind=KIND))  # fmt: skip
        letters.settle_all()
        told = [body for body, visibility in letters.bodies() if visibility is Visibility.INTERNAL]
        assert len(told) == 1
        assert "kim@customer.example: 550 5.1.1 no such user" in told[0]
        assert (len(letters.tickets()), len(letters.sent()), letters_of(letters)) == (1, 1, [])


def test_a_server_that_knows_no_reports_is_understood() -> None:
    """By the copy of our mail below its words; of another's mail it is set aside, and of a person's it is theirs."""
    number = message_id(connect().account, KEY)
    event = parse(mail(QMAIL.format(number=number), sender=DAEMON, Return_Path="<>"))
    assert event.comment is not None
    assert event.snapshot is not None
    assert (event.kind, event.snapshot.marker, event.automatic) == (EventKind.COMMENTED, KEY, True)
    assert event.comment.visibility is Visibility.INTERNAL
    assert "no mailbox here by that name" in event.comment.body
    assert "We come" not in event.comment.body
    with pytest.raises(SetAsideError, match="no person wrote it"):
        parse(mail(QMAIL.format(number="x@elsewhere.example"), sender=DAEMON, Return_Path="<>"))
    said = parse(mail("I run this server", sender="postmaster@customer.example", In_Reply_To=f"<{number}>"))
    assert said.comment is not None
    assert said.comment.visibility is Visibility.PUBLIC
    somebody = parse(mail(QMAIL.format(number=number)))
    assert somebody.snapshot is not None
    assert somebody.snapshot.marker == ""


@pytest.mark.faults
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_report_proves_that_a_mail_was_sent(store: SqlStore) -> None:
    """Of which a person was to say whether it was: it is no dead letter any more, and what befell it is told."""
    with Letters(store, copy=False) as letters:
        letters.mail.act("write", text="Printer on fire")
        letters.settle_all()
        letters.mail.fault("reset_after", method="SMTP", path="DATA")
        letters.rt.act("reply", ticket="1", body="We come")
        letters.settle_all()
        assert [reason for reason, _ in letters_of(letters)] == ["ambiguous"]
        number = Mail.of(letters.sent()[-1].raw).message_id
        report = REPORT.format(action="failed", number=number)
        letters.mail.act("deliver", raw=mail(report, sender=DAEMON, number="<b@mx>", kind=KIND))
        letters.settle_all()
        assert letters_of(letters) == []
        assert any("no such user" in body for body, _ in letters.bodies())
        assert len(letters.sent()) == 1


@pytest.mark.parametrize("hourly", [3])
def test_programs_that_answer_each_other_are_stopped(store: SqlStore, hourly: int) -> None:
    """One that marks nothing answers each mail, and the desk answers it: so many mails, then one dead letter."""
    with Letters(store, mails_per_hour=hourly) as letters:
        letters.mail.act("write", text="Printer on fire")
        letters.settle_all()
        for number in range(hourly + 3):
            letters.rt.act("reply", ticket="1", body=f"Thank you for your message {number}")
            # what is stopped stays open: nothing more comes of waiting
            letters.settle_all(5 if number < hourly else 1)
            last = Mail.of(letters.sent()[-1].raw).message_id
            letters.mail.act("write", subject="Re: away", text=f"I am away {number}", answers=f"<{last}>")
            letters.settle_all(5 if number < hourly else 1)
        assert len(letters.sent()) == hourly
        ((reason, detail),) = letters_of(letters)
        assert reason == Reason.BOUNCE.value
        assert f"{hourly} messages went to the people of this ticket within an hour" in detail
        assert "mails_per_hour" in detail
        # another ticket is none of it
        letters.mail.act("write", sender="sam@elsewhere.example", subject="No paper", text="None")
        letters.settle_all(1)
        letters.rt.act("reply", ticket="2", body="We bring some")
        letters.settle_all(1)
        assert letters.sent()[-1].recipients[0] == "sam@elsewhere.example"


def test_a_brake_has_a_default_and_is_counted_in_settings() -> None:
    """Twenty an hour."""
    assert connect().most_an_hour() == 20
    assert connect(mails_per_hour=5).most_an_hour() == 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_requester_whom_the_server_refuses_is_a_dead_letter_with_its_words(store: SqlStore) -> None:
    """No ticket is out of sight at a mailbox, which shows none: what was refused is told as it was said."""
    with Letters(store) as letters:
        letters.mail.act("write", text="Printer on fire")
        letters.settle_all()
        letters.mail.refused[KIM] = "550 5.1.1 no such user"
        letters.rt.act("reply", ticket="1", body="We come")
        letters.settle_all()
        ((reason, detail),) = letters_of(letters)
        assert reason == Reason.REJECTED.value
        assert f"{KIM}: 5.1.1 no such user" in detail
        assert letters.sent() == []
        letters.mail.act("write", subject="Printer", text="From elsewhere", sender="sam@elsewhere.example")
        letters.settle_all()
        assert len(letters.tickets()) == 2


@pytest.mark.faults
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_report_of_the_mail_that_begins_a_conversation_proves_that_it_was_sent(store: SqlStore) -> None:
    """The conversation has the name that it would have had, so that what answers it comes to its ticket."""
    with Letters(store, copy=False) as letters:
        back = sync_rule(source="engineering-rt", target="support-mail", create={}, fields={
            "title": Owner.FROM, "body": Owner.FROM}, status_map=None)  # fmt: skip
        rules = RuleSet(sync_rules=(back,))
        letters.site = msgspec.structs.replace(letters.site, rules=rules)
        letters.mail.fault("reset_after", method="SMTP", path="DATA")
        letters.rt.act("create", subject="Your printer", body="It is mended", requester=KIM)
        letters.settle_all()
        assert [reason for reason, _ in letters_of(letters)] == ["ambiguous"]
        number = Mail.of(letters.sent()[-1].raw).message_id
        report = REPORT.format(action="failed", number=number)
        letters.mail.act("deliver", raw=mail(report, sender=DAEMON, number="<b@mx>", kind=KIND))
        letters.settle_all()
        assert letters_of(letters) == []
        assert [visibility for body, visibility in letters.bodies() if "no such user" in body] == [Visibility.INTERNAL]
        letters.mail.act("write", subject="Re: Your printer", text="Thank you", answers=f"<{number}>")
        letters.settle_all()
        assert ("Thank you", Visibility.PUBLIC) in letters.bodies()
        assert (len(letters.tickets()), len(letters.sent())) == (1, 1)
