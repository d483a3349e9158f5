"""What no person wrote opens no ticket and is answered by nothing; each is set aside with its reason."""

from __future__ import annotations

import pytest

from connectors.email.compose import message_id
from connectors.sdk import EventKind, Visibility
from gateway.errors import SetAsideError
from tests.connectors.email.stand import ADDRESS, KEY, connect, mail, parse

REPORT = """--b\r
Content-Type: text/plain\r
\r
Sorry.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; kim@customer.example\r
Action: {action}\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 no such user\r
\r
--b\r
Content-Type: text/rfc822-headers\r
\r
From: support@desk.example\r
Message-ID: <{number}>\r
\r
--b--\r
"""


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Auto_Submitted": "auto-replied"}, "Auto-Submitted: auto-replied"),
        ({"Auto_Submitted": "auto-generated; x=y"}, "Auto-Submitted: auto-generated"),
        ({"X_Autoreply": "yes"}, "x-autoreply"),
        ({"Precedence": "auto_reply"}, "Precedence"),
        ({"Precedence": "bulk"}, "Precedence: bulk"),
        ({"List_Id": "News <news.example.com>"}, "news.example.com"),
        ({"List_Unsubscribe": "<mailto:x@y.example>"}, "List-Unsubscribe"),
        ({"Return_Path": "<>"}, "Return-Path"),
        ({"X_Spam_Flag": "YES"}, "spam"),
        ({"X_MS_Exchange_Organization_SCL": "6"}, "spam"),
        ({"kind": "multipart/report; report-type=disposition-notification; boundary=b"}, "a receipt"),
        ({"sender": "MAILER-DAEMON@mx.example"}, "a mail server"),
        ({"Return_Path": "<MAILER-DAEMON@mx.example>"}, "a mail server"),
        ({"X_Desk_Gateway": connect().account.mark}, "in circles"),
    ],
)
def test_what_no_person_wrote_is_set_aside(headers: dict[str, str], why: str) -> None:
    """With the header that says so; a person may take it after all."""
    raw = mail(**headers)
    with pytest.raises(SetAsideError, match=f"(?i){why}"):
        parse(raw)
    assert parse(raw, taken=True).snapshot is not None


@pytest.mark.parametrize("more", [{}, {"Return_Path": "<>"}, {"Auto_Submitted": "auto-generated"}])
def test_what_a_server_writes_without_an_address_is_set_aside(more: dict[str, str]) -> None:
    """Its sender is a name and nothing to answer to: that is no mail that cannot be read."""
    with pytest.raises(SetAsideError):
        parse(mail(sender="Mail Delivery System <>", **more))


def test_mails_that_go_in_circles_end() -> None:
    """By the number of servers that they have gone through."""
    raw = b"Received: from a by b\r\n" * 80 + mail()
    with pytest.raises(SetAsideError, match="80 servers"):
        parse(raw)


def test_the_site_may_let_some_in() -> None:
    """Its monitoring, a group that forwards, and spam; and a person's words are not stopped by `no`."""
    alert = mail(sender="nagios@monitor.example", Auto_Submitted="auto-generated")
    assert parse(alert, automatic_from=["@monitor.example"]).snapshot is not None
    group = mail(List_Id="Support <support.desk.example>", Precedence="list", List_Unsubscribe="<x>")
    assert parse(group, lists=["support.desk.example"]).snapshot is not None
    assert parse(mail(X_Spam_Flag="YES"), spam="take").snapshot is not None
    assert parse(mail(Auto_Submitted="no")).snapshot is not None


def test_a_mail_of_ours_that_comes_back_is_known_by_its_key() -> None:
    """It says nothing, whoever passed it on; one of another mailbox of the same domain is somebody's."""
    own = message_id(connect().account, KEY)
    event = parse(mail("Whatever", sender=ADDRESS, number=f"<{own}>"))
    assert event.comment is None
    assert event.snapshot is not None
    assert event.snapshot.marker == KEY
    other = message_id(connect(address="sales@desk.example").account, KEY)
    assert parse(mail(sender="sales@desk.example", number=f"<{other}>")).comment is not None


def test_a_bounce_of_ours_is_told_to_colleagues() -> None:
    """With whom it was for and why; one of another's mail, or a delay, is set aside."""
    kind = 'multipart/report; report-type=delivery-status; boundary="b"'
    own = message_id(connect().account, KEY)
    event = parse(mail(REPORT.format(action="failed", number=own), sender="MAILER-DAEMON@mx.example", kind=kind))
    assert event.kind is EventKind.COMMENTED
    assert event.snapshot is not None
    assert event.snapshot.marker == KEY
    assert event.comment is not None
    assert event.comment.visibility is Visibility.INTERNAL
    assert "kim@customer.example: 550 5.1.1 no such user" in event.comment.body
    for action, number, why in (("delayed", own, "delayed"), ("failed", "1@other.example", "not ours")):
        with pytest.raises(SetAsideError, match=why):
            parse(mail(REPORT.format(action=action, number=number), sender="MAILER-DAEMON@mx.example", kind=kind))


def test_a_colleague_at_the_mailbox_itself_begins_no_ticket() -> None:
    """Their words are a comment where there is a ticket."""
    event = parse(mail(sender=f"Ann <{ADDRESS}>", In_Reply_To="<1@customer.example>"))
    assert event.snapshot is None
    assert event.comment is not None
    assert event.actor is not None
    assert event.actor.role == "agent"
    assert connect().is_us(event.actor) is False
