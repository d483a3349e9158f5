"""A conversation through a real mailbox: Dovecot keeps it, and a simulated Request Tracker has the tickets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

import msgspec
import pytest

from connectors.email.connector import EmailConnector
from connectors.email.mime import Mail
from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.sdk import AuthenticationError
from connectors.testing.conformance.files import DATA, DOT
from connectors.testing.driver import Driver
from gateway.domain.ticket import Category
from gateway.errors import TransportError
from gateway.flow.importing import Importer
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from gateway.system import SystemClock
from tests.desks.dovecot_server import ADDRESS, PASSWORD, DovecotServer, missing
from tests.flows.world import RT_SECRET, Bridge, Silent, sync_rule

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    """Start a private Dovecot; skipped, with the reason, where it is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with DovecotServer() as server:
        yield server


def settings(server: DovecotServer, url: str = "", **options: Any) -> ConnectionSettings:
    """Return the settings of a connection to it."""
    given = {
        "auth": {"user": "support", "password": PASSWORD},
        "smtp": server.smtp_url,
        "address": ADDRESS,
        "authority": server.authority,
        "backlog": True,
        **options,
    }
    where = url or f"imaps://127.0.0.1:{server.imaps}"
    return ConnectionSettings("support-mail", "email", where, given, reconcile_every=timedelta(seconds=1), deadline=5.0)


class Office(Bridge):
    """The gateway, a real mailbox and an RT."""

    def __init__(self, store: SqlStore, server: DovecotServer, **options: Any) -> None:
        # nobody can move the time of a real server
        super().__init__(store, SystemClock())
        self.server = server
        self.rt = SimulatedRequestTracker(webhook_url=self.hook("engineering-rt"), webhook_secret=RT_SECRET).start()
        rt = ConnectionSettings(
            "engineering-rt",
            "request_tracker",
            self.rt.url,
            {"auth": {"token": self.rt.tokens["gateway"]}, "webhook_secret": RT_SECRET},
            deadline=2.0,
        )
        self.join((self.rt,), [settings(server, **options), rt], [sync_rule(source="support-mail")])

    def settle_all(self, seconds: float = 60.0) -> None:
        """Ask the mailbox, and settle."""
        self.reconciler().poll("support-mail", holder="test")
        super().settle_all(seconds)

    def importer(self) -> Importer:
        """Return what imports."""
        return Importer(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
            wait=time.sleep,
        )

    def validity(self) -> str:
        """Return the UIDVALIDITY of the last poll."""
        with self.store.read() as tx:
            return tx.desks.all()["support-mail"].cursor.partition(":")[0]

    def categories(self) -> list[Category]:
        """Return the statuses of the tickets, the oldest first."""
        with self.store.read() as tx:
            found = [tx.tickets.get(line.id) for line in tx.view.tickets()]
        return [each.status.category for each in sorted((one for one in found if one), key=lambda one: one.id)]


def write(
    server: DovecotServer,
    text: str,
    answers: str = "",
    html: str = "",
    data: bytes = b"",
    *,
    sender: str = "kim@customer.example",
    subject: str = "Drucker brennt – 処理中",
    automatic: bool = False,
    days: int = 0,
    **where: Any,
) -> str:
    """Let somebody write, `days` ago; returns the Message-ID."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Date"] = f"Kim <{sender}>", ADDRESS, formatdate(time.time() - days * 86_400)
    mail["Subject"] = subject
    if automatic:
        mail["Auto-Submitted"] = "auto-replied"
    mail["Message-ID"] = number = make_msgid(domain="customer.example")
    if answers:
        mail["In-Reply-To"] = mail["References"] = answers
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    if data:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename="Größe 処理中.bin")
    server.deliver(mail.as_bytes(), days=days, **where)
    return number


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_conversation_lives_through_a_real_mailbox(store: SqlStore, dovecot: DovecotServer) -> None:
    """A ticket with a file, a reply, an answer, a follow-up; then another UIDVALIDITY, and nothing is new."""
    with Office(store, dovecot) as office:
        first = write(dovecot, "Es brennt.", data=DATA)
        office.settle_all()
        assert office.categories() == [Category.NEW]
        office.rt.act("reply", ticket="1", body="Wir **kommen** gleich.")
        office.settle_all()
        office.settle_all()
        (sent,) = dovecot.sent
        mail = Mail.of(sent.raw)
        assert mail.header("to") == "kim@customer.example"
        assert mail.ids("in-reply-to") == (first.strip("<>"),)
        answer = write(dovecot, "Danke!\n\nOn Mon, 2 Mar 2026, Support wrote:\n> Wir kommen", f"<{mail.message_id}>")
        office.settle_all()
        with store.read() as tx:
            (line,) = tx.view.tickets()
            bodies = [comment.body for comment in tx.tickets.comments(line.id)]
            files = [(row.state, row.size) for row in tx.files.of_ticket(line.id)]
        assert "Danke!" in bodies
        assert files == [("kept", len(DATA))]
        office.rt.act("set", ticket="1", Status="resolved")
        office.settle_all()
        write(dovecot, "Es brennt wieder", answer)
        office.settle_all()
        assert office.categories() == [Category.RESOLVED, Category.NEW]
        before = office.validity()
        dovecot.renumber()
        office.settle_all()
        assert office.validity() != before
        office.settle_all()
        assert len(office.categories()) == 2
        assert len(dovecot.sent) == 1
        assert office.counts().get("dead_letters", 0) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_lies_in_a_real_mailbox_is_brought_in(store: SqlStore) -> None:
    """Threads with what was answered from another folder, old mails where they are flagged; then the poll goes on."""
    if missing():
        pytest.skip(missing())
    with DovecotServer() as server, Office(store, server, backlog=False, sent_folder="Sent") as office:
        write(server, "Vorbei", subject="Lange her", days=300)
        write(server, "Noch offen", subject="Wunsch", days=300, flagged=True)
        first = write(server, "Es brennt.", days=30)
        write(server, "Ich bin im Urlaub", first, automatic=True, days=30)
        answer = write(server, "Wir kommen", first, sender=ADDRESS, days=29, folder=".Sent")
        write(server, "Danke", answer, days=28)
        for number in range(30):
            write(server, f"Mail {number}", subject=f"Anfrage {number}", days=2)
        office.site = msgspec.structs.replace(office.site, mode="observe")
        importer = office.importer()
        begun = importer.begin("support-mail", timedelta(days=90), timedelta(days=730))
        first_page = next(iter(importer.pages("support-mail", begun)))
        assert first_page.ended_at is None
        (*_, ended) = office.importer().pages("support-mail", first_page)
        assert (ended.messages, ended.aside, ended.ended_at is not None) == (34, 1, True)
        office.settle()
        with store.read() as tx:
            tickets = sorted((line.id, line.title) for line in tx.view.tickets(limit=100))
            fire = next(one for one, title in tickets if title.startswith("Drucker"))
            bodies = [comment.body for comment in tx.tickets.comments(fire)]
        assert [title for _, title in tickets][:2] == ["Wunsch", "Drucker brennt – 処理中"]
        assert (len(tickets), bodies) == (32, ["Wir kommen", "Danke"])
        write(server, "Neu", subject="Neu")
        office.settle_all()
        assert len(office.categories()) == 33
        assert (server.sent, office.counts().get("dead_letters", 0)) == ([], 0)


def test_what_dovecot_says_is_understood(dovecot: DovecotServer) -> None:
    """The check holds over TLS and over STARTTLS; wrong passwords, wrong folders and a wrong authority are told."""
    for url in (f"imaps://127.0.0.1:{dovecot.imaps}", f"imap://127.0.0.1:{dovecot.imap}"):
        connector = EmailConnector(settings(dovecot, url, sent_folder="Sent"))
        driver = Driver(connector)
        assert [line for line in driver.run(connector.check()) if not line.ok and not line.warning] == []
        assert driver.run(connector.whoami()).person.external_id == ADDRESS
        driver.close()
    wrong = EmailConnector(settings(dovecot, auth={"user": "support", "password": "wrong-password"}))
    driver = Driver(wrong)
    with pytest.raises(AuthenticationError):
        driver.run(wrong.whoami())
    driver.close()
    lost = EmailConnector(settings(dovecot, folder="Nowhere/Größe"))
    driver = Driver(lost)
    lines = {line.name: line for line in driver.run(lost.check())}
    assert "cannot be opened" in lines["mailbox"].detail
    driver.close()
    stranger = EmailConnector(settings(dovecot, authority=""))
    driver = Driver(stranger)
    with pytest.raises(TransportError, match="certificate does not hold"):
        driver.run(stranger.whoami())
    driver.close()


def test_a_backlog_is_read_page_by_page(dovecot: DovecotServer) -> None:
    """Pictures in their places; nothing is marked as read."""
    html = '<p>Hier: <img src="cid:x@1"></p>'
    for number in range(60):
        write(dovecot, f"Mail {number}", html=html if number == 0 else "", data=DOT if number == 1 else b"")
    connector = EmailConnector(settings(dovecot))
    driver = Driver(connector)
    cursor, told, pages = "", 0, 0
    while True:
        page = driver.run(connector.changes(cursor, SystemClock().now()))
        cursor, told, pages = page.cursor, told + len(page.deliveries), pages + 1
        if page.end:
            break
    driver.close()
    assert told >= 60
    assert pages >= 3
    assert not list((dovecot.state / "mail" / "cur").glob("*S"))
