"""Mail commands over real sockets: TLS or nothing, one deadline, sessions that are kept, and no secret in any word."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import msgspec
import pytest

from connectors.email.connector import EmailConnector
from connectors.email.simulator import ADDRESS, SimulatedMail
from connectors.testing.files import MemoryFiles
from gateway.errors import LoginRefusedError, NotSentError, OutcomeUnknownError
from gateway.mail import MailTransport
from gateway.mail.imap import _from_utf7, _utf7
from gateway.mail.smtp import stream, stuffed
from gateway.ports import Blob, ConnectionSettings, Connector, Effect, HttpResponse
from gateway.ports.mail import FetchMail, FindMails, ListMails, Look, MailCommand, MailRequest, MailServer, SendMail
from gateway.talking import DeskTransport

PASSWORD = "mail-password-0123"


@pytest.fixture
def server() -> Iterator[SimulatedMail]:
    """Start a mail server."""
    with SimulatedMail() as made:
        yield made


def connect(server: SimulatedMail, *, authority: str | None = None, **auth: str) -> EmailConnector:
    """Connect to it."""
    options = {
        "auth": {"user": "support", **(auth or {"password": PASSWORD})},
        "smtp": server.smtp_url,
        "address": ADDRESS,
        "authority": server.authority if authority is None else authority,
    }
    return EmailConnector(ConnectionSettings("support-mail", "email", server.url, options, deadline=2.0))


def run(transport: DeskTransport, connector: Connector, command: MailCommand, deadline: float = 5.0) -> HttpResponse:
    """Carry out one command."""
    effect = Effect.WRITE if isinstance(command, SendMail) else Effect.READ
    request = MailRequest(method="MAIL", url="mail:", effect=effect, command=command)
    return transport.send(connector, request, deadline=deadline, trace_id="")


@pytest.fixture
def transport() -> Iterator[DeskTransport]:
    """Give a transport with files."""
    made = DeskTransport(files=MemoryFiles())
    yield made
    made.close()


def mail(*parts: bytes | Blob, to: str = "kim@customer.example") -> SendMail:
    """Return a mail."""
    return SendMail(ADDRESS, (to,), (), parts or (b"Subject: x\r\n\r\nwords\r\n",))


def test_a_session_is_used_again(server: SimulatedMail, transport: DeskTransport) -> None:
    """By the next command; one that the server has ended is not missed."""
    connector = connect(server)
    for _ in range(5):
        run(transport, connector, Look("INBOX"))
    assert server.logins == 1
    server.fault("reset_before", method="IMAP", path="NOOP")
    run(transport, connector, Look("INBOX"))
    assert server.logins == 2


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_tls_is_required_and_certificates_are_checked(tls: str, transport: DeskTransport) -> None:
    """From the first byte or from STARTTLS on: an authority that nobody trusts sees no password."""
    with SimulatedMail(tls=tls) as server:
        assert run(transport, connect(server), Look("INBOX")).status == 200
        assert run(transport, connect(server), mail()).status == 250
        for command in (Look("INBOX"), mail()):
            with pytest.raises(NotSentError, match="certificate does not hold"):
                run(DeskTransport(), connect(server, authority=""), command)
        assert server.logins == 1


def test_a_server_without_tls_gets_no_password() -> None:
    """Unless it is on this machine: nothing is sent where it could be read."""
    assert MailServer("127.0.0.1", 143, implicit=False).loopback
    assert not MailServer("mail.example", 143, implicit=False).loopback
    with SimulatedMail(tls="none") as server:
        transport = DeskTransport()
        assert run(transport, connect(server), Look("INBOX")).status == 200
        connector = connect(server)
        account = connector.mailbox()
        far = [MailServer("0.0.0.0", each.port, implicit=False) for each in (account.imap, account.smtp)]
        object.__setattr__(connector, "mailbox", lambda: msgspec.structs.replace(account, imap=far[0], smtp=far[1]))
        before = server.logins
        for command in (Look("INBOX"), mail()):
            with pytest.raises(NotSentError, match="offers no TLS"):
                run(DeskTransport(), connector, command)
        assert server.logins == before
        transport.close()


def test_a_refused_login_is_told_without_the_password(
    server: SimulatedMail, transport: DeskTransport, caplog: pytest.LogCaptureFixture
) -> None:
    """By both servers, as what pauses a connection; nothing of it stands in the log."""
    caplog.set_level(logging.DEBUG)
    connector = connect(server, password="wrong-password-9")
    for command in (Look("INBOX"), mail()):
        with pytest.raises(LoginRefusedError, match="refused") as error:
            run(transport, connector, command)
        assert "wrong-password-9" not in str(error.value)
    assert "wrong-password-9" not in caplog.text
    assert server.store.sent == []


def test_an_access_token_is_got_and_renewed_once_when_it_is_refused() -> None:
    """By XOAUTH2, at both servers."""
    given = iter(["old-token-0123", "new-token-0123", "newer-token-0123"])
    held = [next(given)]

    def token(connector: Connector, *, fresh: bool = False) -> str:
        if fresh:
            held[0] = next(given)
        return held[0]

    with SimulatedMail(token="new-token-0123") as server:
        connector = connect(server, token_url="https://login.example/token", client_id="x", client_secret="secret-0123")
        transport = MailTransport(token=token, files=None)
        for command in (Look("INBOX"), mail()):
            effect = Effect.WRITE if isinstance(command, SendMail) else Effect.READ
            request = MailRequest(method="MAIL", url="mail:", effect=effect, command=command)
            assert transport.send(connector, request, deadline=5.0, trace_id="").status in {200, 250}
        assert held == ["new-token-0123"]
        transport.close()


def test_a_slow_server_is_left_at_the_deadline(server: SimulatedMail, transport: DeskTransport) -> None:
    """However long it would take; what has not left is not sent, and what may have is unknown."""
    connector = connect(server)
    server.fault("hang", method="IMAP", path="EXAMINE", seconds=30)
    began = time.monotonic()
    with pytest.raises(NotSentError, match="within"):
        run(transport, connector, Look("INBOX"), deadline=0.7)
    server.fault("hang", method="SMTP", path="DATA", seconds=30)
    with pytest.raises(OutcomeUnknownError, match="may have been sent"):
        run(transport, connector, mail(), deadline=0.7)
    assert time.monotonic() - began < 10


def test_one_who_is_refused_for_good_keeps_no_mail_from_the_others(
    server: SimulatedMail, transport: DeskTransport
) -> None:
    """But the one to whom it goes has to be taken; for now is for all."""
    server.refused["gone@customer.example"] = "550 5.1.1 no such user"
    command = SendMail(ADDRESS, ("kim@customer.example",), ("gone@customer.example",), (b"\r\nx\r\n",))
    answer = run(transport, connect(server), command)
    assert answer.status == 250
    assert "gone@customer.example" in answer.headers["refused"]
    assert server.store.sent[-1].recipients == ("kim@customer.example",)
    assert run(transport, connect(server), mail(to="gone@customer.example")).status == 550
    server.refused["gone@customer.example"] = "451 4.2.1 later"
    assert run(transport, connect(server), command).status == 451
    assert len(server.store.sent) == 1


def test_what_cannot_be_an_address_or_a_word_is_not_sent(server: SimulatedMail, transport: DeskTransport) -> None:
    """No end of line gets into a command."""
    assert run(transport, connect(server), mail(to="kim@x.example>\r\nRCPT TO:<all@x.example")).status == 553
    with pytest.raises(NotSentError):
        run(transport, connect(server), FindMails(("INBOX",), "Message-ID", 'x"\r\nA1 LOGOUT'))
    assert server.store.sent == []


def test_a_mail_arrives_byte_for_byte(server: SimulatedMail, transport: DeskTransport) -> None:
    """Lines of dots, files as base64, no end of line at its end."""
    files = MemoryFiles()
    blob = files.put(bytes(range(256)) * 1000)
    sending = DeskTransport(files=files)
    text = b"Subject: x\r\n\r\n.\r\n..\r\n.a\r\nend\r\n"
    assert run(sending, connect(server), mail(text, blob, b"last")).status == 250
    raw = server.store.sent[-1].raw
    assert raw.startswith(text)
    assert raw.endswith(b"last\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    sending.close()
    chunks = [b"a\r\n", b".b\r\n.", b"c", b"\r\n", b"."]
    assert b"".join(stuffed(iter(chunks))) == b"a\r\n..b\r\n..c\r\n..\r\n"
    assert list(stream((b"x",), files.open)) == [b"x"]


def test_a_mailbox_that_counts_anew_says_so(server: SimulatedMail, transport: DeskTransport) -> None:
    """A mail of the old numbers is not taken for another."""
    server.act("write")
    connector = connect(server)
    found = run(transport, connector, ListMails("INBOX", 0, 10)).json()
    assert run(transport, connector, FetchMail("INBOX", found["validity"], 1, 1000)).status == 200
    server.store.renumber()
    run(transport, connector, ListMails("INBOX", 0, 10))
    assert run(transport, connector, FetchMail("INBOX", found["validity"], 1, 1000)).status == 409
    assert run(transport, connector, FetchMail("INBOX", found["validity"] + 1, 99, 1000)).status == 404
    assert run(transport, connector, Look("Nowhere")).status == 404


def test_a_server_that_names_no_next_number_is_asked_for_its_last_mail(
    server: SimulatedMail, transport: DeskTransport
) -> None:
    """Courier's EXAMINE has no UIDNEXT, and its SEARCH finds nothing under *: every mail is listed all the same."""
    server.store.courier = True
    connector = connect(server)
    assert run(transport, connector, ListMails("INBOX", 0, 10)).json() == {"validity": 1, "next": 1, "uids": []}
    for _ in range(3):
        server.act_write()
    assert run(transport, connector, ListMails("INBOX", 1, 10)).json() == {"validity": 1, "next": 4, "uids": [2, 3]}


def test_the_number_of_a_mail_that_was_read_is_given_to_no_other(
    server: SimulatedMail, transport: DeskTransport
) -> None:
    """Courier keeps no number that it gives under EXAMINE: the next mail would have been taken for the one before."""
    server.store.courier = True
    connector = connect(server)
    server.act_write(text="The first")
    assert run(transport, connector, ListMails("INBOX", 0, 10)).json()["uids"] == [1]
    server.store.move_in(b"Subject: moved\r\n\r\nThe second\r\n")
    assert run(transport, connector, ListMails("INBOX", 1, 10)).json()["uids"] == [2]
    assert b"The second" in run(transport, connector, FetchMail("INBOX", 1, 2, 10_000)).body


@pytest.mark.parametrize("command", ["", "AUTHENTICATE", "EXAMINE"])
def test_why_a_server_ends_a_session_is_told(server: SimulatedMail, transport: DeskTransport, command: str) -> None:
    """In its own words, whether it says so at once, at the login or later."""
    server.byes[command] = "[ALERT] Too many connections from your address"
    with pytest.raises(NotSentError, match="Too many connections from your address"):
        run(transport, connect(server), Look("INBOX"))


def test_another_server_than_the_one_that_is_meant_is_told(server: SimulatedMail, transport: DeskTransport) -> None:
    """The ports of the two servers are changed round."""
    right = connect(server)
    options = {**right.settings.options, "smtp": server.url.replace("imap", "smtp")}
    settings = msgspec.structs.replace(right.settings, url=server.smtp_url.replace("smtp", "imap"), options=options)
    wrong = EmailConnector(settings)
    with pytest.raises(NotSentError, match="speaks no IMAP"):
        run(transport, wrong, Look("INBOX"))
    with pytest.raises(NotSentError, match="speaks no SMTP"):
        run(transport, wrong, mail())


def test_a_server_that_does_not_begin_with_tls_is_told(transport: DeskTransport) -> None:
    """And what to write in its place."""
    with SimulatedMail(tls="starttls") as server:
        settings = msgspec.structs.replace(connect(server).settings, url=server.url.replace("imap:", "imaps:"))
        with pytest.raises(NotSentError, match="write imap://"):
            run(transport, EmailConnector(settings), Look("INBOX"))


def test_a_large_mail_is_brought_in_part(server: SimulatedMail, transport: DeskTransport) -> None:
    """No more than was asked for, and its whole size is said."""
    server.store.deliver(b"Subject: x\r\n\r\n" + b"y" * 3_000_000)
    answer = run(transport, connect(server), FetchMail("INBOX", 1, 1, 100_000))
    assert len(answer.body) == 100_000
    assert answer.headers["size"] == "3000014"


@pytest.mark.parametrize("name", ["INBOX", "Gelöscht", "処理中/A & B", "&", "R&D-Ö"])
def test_a_folder_of_any_name(name: str) -> None:
    """In the letters of IMAP, and back."""
    assert _utf7(name).isascii()
    assert _from_utf7(_utf7(name)) == name
