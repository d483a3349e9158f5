"""Day one of a mailbox: what a team has in it already becomes tickets, once, in order, and alarms nobody."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import msgspec
import pytest

from connectors.email.reading import PAGE, Place
from gateway.domain.ticket import Visibility
from gateway.errors import NotSentError
from gateway.flow.desks import live_since
from gateway.flow.importing import Importer, Progress
from gateway.flow.sla.escalating import Waker
from gateway.store import SqlStore
from rules import load_site
from tests.connectors.email.stand import ADDRESS
from tests.connectors.email.test_conversations import KIM, OTHER, Letters
from tests.flows.world import Silent
from tests.rules.making import installed

BOX = "support-mail"
DAYS = timedelta(days=90)
PROMISES = """
calendars: {always: 24x7}
sla:
  - {name: standard, calendar: always, targets: {resolution: 20h}}
escalations:
  - {name: broken, at: breach, metrics: [resolution], do: [{queue: Urgent}]}
"""
GATEWAY = f"""
connections:
  support-mail:
    connector: email
    url: imaps://mail.example
    smtp: smtps://mail.example
    address: {ADDRESS}
    auth: {{user: u, password: "${{P}}"}}
"""


def importer(letters: Letters) -> Importer:
    """Return what imports."""
    return Importer(
        store=letters.store, site=letters.site, transport=letters.transport, doorbell=Silent(), clock=letters.clock,
        ids=letters.ids, wait=lambda _: None,
    )  # fmt: skip


def brought(letters: Letters, most: int = 10_000) -> Progress:
    """Import, and let what came be applied; `most` pages."""
    made = importer(letters)
    pages = list(islice(made.pages(BOX, made.begin(BOX, DAYS, 8 * DAYS)), most))
    letters.settle()
    return pages[-1]


def ago(letters: Letters, **how: float) -> None:
    """Let the mailbox live so long ago."""
    letters.mail.clock.skew = -timedelta(**how)


def past(letters: Letters) -> None:
    """Let a mailbox have a past: an old thread, one that is flagged, a long one, and what no person wrote.

    The last of the long one names nothing but the answer before it, which lies in another folder.
    """
    ago(letters, days=300)
    letters.mail.act("write", subject="Long ago", text="Over")
    letters.mail.act("write", subject="Still to do", text="Not over", flagged=True)
    ago(letters, days=900)
    letters.mail.act("write", subject="Ancient", text="Forgotten", flagged=True)
    ago(letters, days=30)
    first = letters.mail.act("write", text="Printer on fire")
    letters.mail.act("write", text="I am away", headers={"Auto-Submitted": "auto-replied"})
    ago(letters, days=29)
    answer = letters.mail.act(
        "write", sender=ADDRESS, name="Support", to=KIM, subject="Re: Printer", text="We come", answers=first,
        folder="Sent",
    )  # fmt: skip
    ago(letters, days=28)
    letters.mail.act("write", subject="Re: Printer on fire", text="Thank you", answers=answer)
    letters.mail.act("write", sender=OTHER, subject="No paper", text="None")
    ago(letters)


def test_what_lies_in_a_mailbox_is_brought_in(store: SqlStore) -> None:
    """Threads become tickets in order, with what was answered; old mails where they are flagged; nothing is written."""
    with Letters(store, backlog=False, sent_folder="Sent") as letters:
        past(letters)
        tried = importer(letters).trial(BOX, DAYS, 8 * DAYS)
        assert (tried.messages, tried.conversations, tried.aside) == (5, 3, 1)
        assert letters.counts().get("deliveries", 0) == 0
        letters.site = msgspec.structs.replace(letters.site, mode="observe")
        progress = brought(letters)
        assert (progress.messages, progress.aside, progress.taken) == (5, 1, 0)
        assert progress.ended_at is not None
        titles = [title for title, _ in letters.tickets()]
        assert titles == ["Still to do", "Printer on fire", "No paper"]
        assert letters.bodies(1) == [("We come", Visibility.PUBLIC), ("Thank you", Visibility.PUBLIC)]
        (why,) = letters.asides()
        assert "auto-replied" in why
        assert letters.counts().get("dead_letters", 0) == 0
        assert letters.sent() == []
        # a second time, and the polls afterwards, bring nothing twice; and what comes next is heard of
        assert brought(letters).messages == 0
        letters.mail.act("write", sender=OTHER, subject="Toner", text="Empty")
        letters.settle_all()
        assert [title for title, _ in letters.tickets()] == [*titles, "Toner"]
        assert letters.bodies(1) == [("We come", Visibility.PUBLIC), ("Thank you", Visibility.PUBLIC)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_import_of_mails_that_broke_off_goes_on_where_it_was(store: SqlStore) -> None:
    """Page by page; a mailbox that counts anew in between loses nothing and brings nothing twice."""
    with Letters(store, backlog=False) as letters:
        letters.site = msgspec.structs.replace(letters.site, mode="observe")
        ago(letters, days=200)
        for number in range(PAGE):
            letters.mail.act("write", subject=f"Old {number}")
        ago(letters, days=20)
        for number in range(3 * PAGE + 5):
            letters.mail.act("write", sender=f"c{number}@customer.example", subject=f"Ticket {number}")
        ago(letters)
        first = brought(letters, most=1)
        assert (first.messages, first.ended_at) == (PAGE, None)
        letters.mail.fault("drop_connection", method="IMAP", path="UID FETCH", count=1)
        letters.mail.store.renumber()
        with pytest.raises(NotSentError):
            brought(letters)
        last = brought(letters)
        assert last.begun_at == first.begun_at
        assert (last.messages, last.ended_at is not None) == (3 * PAGE + 5, True)
        assert letters.counts()["tickets"] == 3 * PAGE + 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_mail_that_came_before_the_first_poll_is_not_missed(store: SqlStore) -> None:
    """The poll goes on where the import ended, not with what comes after its own first look."""
    with Letters(store, backlog=False, sent_folder="Sent") as letters:
        past(letters)
        made = importer(letters)
        list(made.pages(BOX, made.begin(BOX, DAYS, DAYS)))
        letters.mail.act("write", sender=OTHER, subject="In between", text="Quickly")
        letters.settle_all()
        assert "In between" in [title for title, _ in letters.tickets()]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_what_was_due_before_nobody_hears(store: SqlStore) -> None:
    """The trail names it; a mail of today is counted and told as ever."""
    with Letters(store, backlog=False, sent_folder="Sent") as letters:
        site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": PROMISES}, installed())
        assert site is not None, problems
        letters.site = msgspec.structs.replace(letters.site, rules=site.rules, mode="observe")
        past(letters)
        made = importer(letters)
        made.begin(BOX, DAYS, 8 * DAYS)
        with store.read() as tx:
            live = live_since(tx.desks.get(BOX).facts)
        assert live is not None
        letters.site = msgspec.structs.replace(letters.site, live_since={BOX: live})
        brought(letters)
        Waker(store=store, site=lambda: letters.site, doorbell=Silent(), clock=letters.clock, ids=letters.ids).wake(
            seconds=30
        )
        with store.read() as tx:
            trail = [line["action"] for line in tx.view.audit(limit=500)]
        assert trail.count("passed before going live") == 3
        assert "escalated" not in trail


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_of_a_mail_that_was_sent_is_brought(store: SqlStore) -> None:
    """It lies in another folder, whose numbers are others."""
    with Letters(store, backlog=False, sent_folder="Sent") as letters:
        letters.site = msgspec.structs.replace(letters.site, mode="observe")
        first = letters.mail.act("write", text="Which form?")
        letters.mail.act("write", sender=ADDRESS, to=KIM, subject="Re: x", text="This one", answers=first,
                         files=[("form.bin", b"a form")], folder="Sent")  # fmt: skip
        brought(letters)
        letters.settle()
        with store.read() as tx:
            (line,) = tx.view.tickets()
            assert [(row.state, row.size) for row in tx.files.of_ticket(line.id)] == [("kept", 6)]


def test_a_cursor_says_how_far_a_mailbox_was_read() -> None:
    """What an older version wrote is read; what is none is none."""
    for text in ("7:12:2026-03-01:", "7:12:2026-03-01:2026-02-01", "0:0:2026-03-01:2026-03-01:2025-01-01:0.0",
                 "7:12:2026-03-01:::3.4"):  # fmt: skip
        assert str(Place.of(text)) == text
    assert str(Place.of("0:0:2026-03-01")) == "0:0:2026-03-01:"
    for text in ("", "x", "1:2", "a:0:2026-03-01:", "1:1:yesterday:", "1:1:2026-03-01:::x"):
        assert Place.of(text) is None
