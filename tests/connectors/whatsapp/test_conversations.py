"""A conversation lives as tickets, through the real flow: WhatsApp on one side, Request Tracker on the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.whatsapp.bench import SECRET, TOKEN
from connectors.whatsapp.simulator import NUMBER_ID, WhatsAppSimulator
from gateway.domain.ticket import Category
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from tests.connectors.whatsapp.stand import CUSTOMER
from tests.flows.world import RT_SECRET, Bridge, sync_rule

OTHER = "15550002222"


class Chat(Bridge):
    """The gateway, a WhatsApp number and an RT."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store)
        self.whatsapp = WhatsAppSimulator(
            token=TOKEN, webhook_url=self.hook("support-whatsapp"), webhook_secret=SECRET
        ).start()
        self.rt = SimulatedRequestTracker(webhook_url=self.hook("engineering-rt"), webhook_secret=RT_SECRET).start()
        settings = [
            ConnectionSettings(
                "support-whatsapp",
                "whatsapp",
                self.whatsapp.url,
                {"auth": {"token": TOKEN}, "webhook_secret": SECRET, "phone_number_id": NUMBER_ID},
                deadline=2.0,
            ),
            ConnectionSettings(
                "engineering-rt",
                "request_tracker",
                self.rt.url,
                {"auth": {"token": self.rt.tokens["gateway"]}, "webhook_secret": RT_SECRET},
                deadline=2.0,
            ),
        ]
        self.join((self.whatsapp, self.rt), settings, [sync_rule(source="support-whatsapp")])

    def tickets(self) -> list[tuple[str, Category]]:
        """Return titles and statuses, the oldest first."""
        with self.store.read() as tx:
            found = [tx.tickets.get(line.id) for line in tx.view.tickets()]
        held = sorted((each for each in found if each is not None), key=lambda each: each.id)
        return [(each.title, each.status.category) for each in held]


@pytest.fixture
def chat(store: SqlStore) -> Iterator[Chat]:
    """Give it on each database."""
    with Chat(store) as made:
        yield made


def test_a_message_goes_on_with_the_open_ticket_or_begins_the_next(chat: Chat) -> None:
    """What comes after the ticket was resolved is a new one; another customer has their own."""
    chat.whatsapp.act("write", phone=CUSTOMER, text="Printer on fire")
    chat.settle_all()
    chat.whatsapp.act("write", phone=CUSTOMER, text="Still burning")
    chat.whatsapp.act("write", phone=OTHER, text="No paper")
    chat.settle_all()
    assert [title for title, _ in chat.tickets()] == ["Printer on fire", "No paper"]
    chat.rt.act("set", ticket="1", Status="resolved")
    chat.settle_all()
    assert chat.tickets()[0] == ("Printer on fire", Category.RESOLVED)
    chat.whatsapp.act("write", phone=CUSTOMER, text="Now the other one")
    chat.settle_all()
    assert [title for title, _ in chat.tickets()] == ["Printer on fire", "No paper", "Now the other one"]
    assert chat.counts().get("dead_letters", 0) == 0


def test_a_delivery_that_is_told_again_begins_nothing(chat: Chat) -> None:
    """Not even when its ticket has been closed meanwhile and the delivery looks another way."""
    chat.whatsapp.act("write", phone=CUSTOMER, text="Printer on fire")
    chat.settle_all()
    chat.rt.act("set", ticket="1", Status="resolved")
    chat.settle_all()
    again = {"type": "text", "text": {"body": "Printer on fire"}, "id": "wamid.SIM000001="}
    chat.whatsapp.act("send", phone=CUSTOMER, message=again, name="Another Name")
    chat.settle_all()
    assert len(chat.tickets()) == 1


def test_many_customers_in_one_delivery_have_a_ticket_each(chat: Chat) -> None:
    """And two messages of one of them are one ticket."""
    chat.whatsapp.act("write_often", phones=[CUSTOMER, OTHER, CUSTOMER], text="Hello")
    chat.settle_all()
    assert len(chat.tickets()) == 2


def test_a_reply_reaches_the_phone_once_and_is_not_taken_for_news(chat: Chat) -> None:
    """Its status comes back with our key; what is internal stays at the desk."""
    chat.whatsapp.act("write", phone=CUSTOMER, text="Printer on fire")
    chat.settle_all()
    chat.rt.act("reply", ticket="1", body="We are on our way")
    chat.rt.act("note", ticket="1", body="bring water")
    chat.settle_all()
    (sent,) = chat.whatsapp.sent
    assert sent["to"] == CUSTOMER
    assert "We are on our way" in sent["text"]["body"]
    chat.whatsapp.act("write", phone=CUSTOMER, text="Thanks")
    chat.settle_all()
    assert len(chat.whatsapp.sent) == 1
    assert len(chat.tickets()) == 1


@pytest.mark.faults
def test_a_status_confirms_a_reply_of_which_nothing_was_known(chat: Chat) -> None:
    """The answer is lost, the message arrives, its status says so: no dead letter is left and nothing is sent again."""
    chat.whatsapp.act("write", phone=CUSTOMER, text="Printer on fire")
    chat.settle_all()
    chat.whatsapp.webhooks.pause()
    chat.whatsapp.fault("reset_after", method="POST")
    chat.rt.act("reply", ticket="1", body="We are on our way")
    chat.settle_all()
    with chat.store.read() as tx:
        assert [letter.what for letter in tx.view.dead_letters()] == ["update"]
    chat.whatsapp.webhooks.resume()
    chat.settle_all()
    with chat.store.read() as tx:
        assert list(tx.view.dead_letters()) == []
    assert len(chat.whatsapp.sent) == 1


def test_a_message_that_was_taken_and_not_delivered_is_told_to_colleagues(chat: Chat) -> None:
    """WhatsApp takes it with 200 and fails it later: the other desk gets an internal note that says why."""
    chat.whatsapp.act("write", phone=CUSTOMER, text="Printer on fire")
    chat.settle_all()
    del chat.whatsapp.wrote[CUSTOMER]
    chat.rt.act("reply", ticket="1", body="We are on our way")
    chat.settle_all()
    assert chat.whatsapp.sent == []
    with chat.store.read() as tx:
        (line,) = tx.view.tickets()
        bodies = [comment.body for comment in tx.tickets.comments(line.id)]
    assert any("did not deliver the reply: more than 24 hours" in body for body in bodies)
