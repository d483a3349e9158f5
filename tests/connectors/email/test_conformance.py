"""The parts of the conformance suite that a mailbox can hold: mails are read one by one, and no ticket can be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from connectors import email
from connectors.email.bench import EmailBench
from connectors.email.connector import EmailConnector
from connectors.email.mapping import event_of
from connectors.email.mime import Mail
from connectors.email.reading import PAGE
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Connector,
    EventKind,
    Found,
    NotSent,
    Operation,
    RawDelivery,
    RemotePerson,
    Strategy,
    Throttled,
    Unknown,
    Visibility,
    WriteContext,
)
from connectors.testing.bench import Bench
from connectors.testing.conformance.claims import Claims
from connectors.testing.conformance.files import DATA, DOT, NAME
from connectors.testing.conformance.hostile import Hostile
from connectors.testing.conformance.incoming import Incoming
from connectors.testing.conformance.samples import Samples
from connectors.testing.conformance.stand import comment, context, creation, key
from connectors.testing.conformance.writes import FAULTS
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from gateway.domain.link import CORRESPONDENCE
from tests.connectors.email.stand import ADDRESS, NOW

#: what befalls the answer to the line that makes a server take a mail: what it did then is unknown
_LOST = frozenset({"reset_after", "half_body", "garbage", "hang", "reset_before"})


class TestEmail(Claims, Incoming, Samples, Hostile):
    """Claims, samples, hostile bodies; and, as in the suite, reads and writes as far as a mailbox has them."""

    plugin = email.gateway_connector()
    bench = EmailBench
    folder = Path(email.__file__).parent
    samples = Path(__file__).parent / "samples"

    @pytest.fixture
    def there(self) -> Iterator[EmailBench]:
        """Start the servers; they send no webhooks."""
        with EmailBench() as bench:
            yield bench

    def known(self, there: EmailBench, ticket: str) -> WriteContext:
        """Return the context of a reply, as the flow gives it."""
        mail = there._thread(ticket)[0]
        connector = self.plugin.factory(there.settings())
        assert isinstance(connector, EmailConnector)
        event = event_of(connector.account, mail, NOW)
        assert event.snapshot is not None
        return context(ticket, observed={CORRESPONDENCE: event.snapshot.correspondence})

    # ------------------------------------------------------------ reads

    def test_a_poll_tells_of_every_mail_once(self, there: EmailBench, driver: Driver) -> None:
        """Over many pages, in order; the next poll tells of nothing."""
        made = [there.open_ticket(f"Printer {number}", "It is on fire") for number in range(60)]
        cursor, told, pages = "", [], 0
        while True:
            # what one connector has seen, another goes on from by its cursor alone
            connector = self.plugin.factory(there.settings())
            page = driver.run(connector.changes(cursor, there.desk.now()))
            assert len(page.deliveries) <= PAGE
            cursor, pages = page.cursor, pages + 1
            for each in page.deliveries:
                (event,) = connector.parse(RawDelivery(each.source_event_id, NOW, {}, each.body))
                told.append(event.remote_id)
            if page.end:
                break
        assert told == made
        assert pages == 3
        again = driver.run(connector.changes(cursor, there.desk.now()))
        assert (again.deliveries, again.end) == ((), True)

    def test_a_new_mail_is_heard_of(self, there: EmailBench, driver: Driver) -> None:
        """Its title, its body, its requester, public."""
        ticket = there.open_ticket(
            "Drucker brennt – 処理中 🔥", "Bitte helfen.\n\nSofort.", email="kim@customer.example"
        )
        page = driver.run(driver.connector.changes("", there.desk.now()))
        (event,) = driver.connector.parse(RawDelivery("d", NOW, {}, page.deliveries[0].body))
        assert (event.remote_id, event.kind) == (ticket, EventKind.COMMENTED)
        assert event.snapshot is not None
        assert event.snapshot.title == "Drucker brennt – 処理中 🔥"
        assert event.snapshot.body == "Bitte helfen.\n\nSofort."
        assert isinstance(event.snapshot.requester, RemotePerson)
        assert event.snapshot.requester.email == "kim@customer.example"
        assert event.comment is not None
        assert event.comment.visibility is Visibility.PUBLIC
        assert driver.run(driver.connector.read(ticket)) is None

    def test_we_know_who_we_are(self, there: EmailBench, driver: Driver) -> None:
        """And a colleague who writes from the mailbox is somebody else."""
        identity = driver.run(driver.connector.whoami())
        assert identity.person.external_id == ADDRESS
        assert driver.connector.is_us(identity.person) is True
        assert driver.connector.is_us(RemotePerson("mailbox:support@desk.example")) is False
        assert driver.connector.is_us(None) is not True
        assert "backlog" in there.options()

    def test_wrong_credentials_are_told(self, there: EmailBench) -> None:
        """By whoami as an AuthenticationError, by a check in lines that hold no secret."""
        connector = self.plugin.factory(there.settings(auth={"user": "support", "password": "wrong-password-1"}))
        driver = Driver(connector, deadline=2.0)
        with pytest.raises(AuthenticationError, match="login was refused"):
            driver.run(connector.whoami())
        lines = driver.run(connector.check())
        driver.close()
        assert {line.name for line in lines if not line.ok and not line.warning} == {"mailbox", "smtp"}
        assert "wrong-password-1" not in " ".join(line.detail for line in lines)

    def test_a_check_holds_and_leaves_nothing(self, there: EmailBench, driver: Driver) -> None:
        """Nothing is sent, and no mail is marked as read."""
        lines = driver.run(driver.connector.check())
        assert [line for line in lines if not line.ok and not line.warning] == []
        assert there.desk.effects.all() == []
        assert not [each for each in there.desk.commands if each.startswith(("SELECT", "STORE", "UID STORE"))]

    # ------------------------------------------------------------ writes

    @pytest.mark.faults
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("operation", [Operation.CREATE, Operation.PUBLIC_REPLY])
    def test_it_takes_effect_once(self, there: EmailBench, driver: Driver, operation: Operation, fault: str) -> None:
        """With each fault: it is there once, or it was never taken and a person decides."""
        ticket = "" if operation is Operation.CREATE else there.open_ticket("Printer", "It is on fire")
        given = context() if not ticket else self.known(there, ticket)
        intent = creation(there) if not ticket else comment(operation, "We are at it – 処理中 🔥.")
        there.desk.fault(fault, method="SMTP", path="DATA", count=2, **FAULTS[fault])
        outcome = driver.attempt(intent, given)
        sent = [each for each in there.desk.effects.all() if each.key == given.effect_key]
        if isinstance(outcome, Unknown):
            assert fault in _LOST
            finding = driver.run(driver.connector.probe(intent, given))
            assert isinstance(finding, Found) is (len(sent) == 1)
            assert len(sent) <= 1
            return
        if isinstance(outcome, NotSent | Throttled):
            there.desk.faults.clear()
            assert len(sent) == (fault == "error_with_effect")
            if sent:
                # the server said that it did not take it, and lied: no protocol can tell
                return
            driver.settle(intent, given)
        assert len([each for each in there.desk.effects.all() if each.key == given.effect_key]) == 1

    @pytest.mark.faults
    def test_an_effect_after_our_deadline_is_found(self, there: EmailBench, driver: Driver) -> None:
        """The connection is gone, the mail appears later: a look sees it."""
        ticket = there.open_ticket("Printer", "It is on fire")
        given, intent = self.known(there, ticket), comment(Operation.PUBLIC_REPLY, "We are at it")
        there.desk.fault(FaultKind.LATE_EFFECT, method="SMTP", path="DATA", seconds=0.2)
        assert isinstance(driver.attempt(intent, given), Unknown)
        there.desk.wait(0.5)
        assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)

    def test_a_look_takes_nothing_that_is_not_ours(self, there: EmailBench, driver: Driver) -> None:
        """The same words of a person, or of another update of ours, are not this one's effect."""
        ticket = there.open_ticket("Printer", "It is on fire")
        intent = comment(Operation.PUBLIC_REPLY, "We are at it")
        there.say(ticket, "We are at it")
        driver.settle(intent, self.known(there, ticket))
        assert not isinstance(driver.run(driver.connector.probe(intent, self.known(there, ticket))), Found)

    def test_a_refused_connection_was_not_sent(self, there: EmailBench, driver: Driver) -> None:
        """Nobody listens: it is certain that nothing happened."""
        given = self.known(there, there.open_ticket("Printer", "It is on fire"))
        there.desk.fault(FaultKind.REFUSE)
        assert isinstance(driver.attempt(comment(Operation.PUBLIC_REPLY, "x"), given), NotSent)
        there.desk.accept()

    def test_files_travel_both_ways(self, there: EmailBench, driver: Driver) -> None:
        """Byte for byte, under their names, whichever letters these have."""
        ticket = there.open_ticket("Printer", "It is on fire")
        there.attach(ticket, NAME, DATA)
        page = driver.run(driver.connector.changes("", there.desk.now()))
        (event,) = driver.connector.parse(RawDelivery("d", NOW, {}, page.deliveries[1].body))
        assert event.comment is not None
        (file,) = event.comment.attachments
        assert (file.name, file.size) == (NAME, len(DATA))
        assert driver.run(driver.connector.fetch(file)) == DATA  # type: ignore[attr-defined]
        blob = driver.files.put(DOT)
        intent = comment(Operation.PUBLIC_REPLY, f"Look: ![dot](attachment:{blob.sha256})")

        intent = msgspec.structs.replace(
            intent, attachments=(Attachment("dot.png", "image/png", blob.size, sha256=blob.sha256),)
        )
        driver.settle(intent, self.known(there, ticket))
        mail = Mail.of(there.desk.store.sent[-1].raw)
        assert [each.name for each in mail.files] == ["dot.png"]
        assert f"cid:{mail.files[0].cid}" in mail.html
        assert there.shown(ticket).files[-1].data == DOT

    def test_the_strategy_says_what_can_be_proved(self, there: Bench, connector: Connector) -> None:
        """With neither a copy nor a folder of sent mails nothing can, and a person decides."""
        assert connector.spec.operations[Operation.PUBLIC_REPLY].strategy is Strategy.PROBE
        bare = self.plugin.factory(there.settings(copy=False))
        assert bare.spec.operations[Operation.PUBLIC_REPLY].strategy is Strategy.NONE
        assert key()
