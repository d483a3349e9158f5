"""The parts of the conformance suite that a conversation can hold: nothing in it can be read back."""

from __future__ import annotations

from pathlib import Path

from connectors import whatsapp
from connectors.sdk import Connector, EventKind, Visibility
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.claims import Claims
from connectors.testing.conformance.hostile import Hostile
from connectors.testing.conformance.incoming import Incoming
from connectors.testing.conformance.samples import Samples
from connectors.testing.driver import Driver
from connectors.whatsapp.bench import WhatsAppBench


class TestWhatsApp(Claims, Incoming, Samples, Hostile):
    """Claims, deliveries, samples and hostile bodies."""

    plugin = whatsapp.gateway_connector()
    bench = WhatsAppBench
    folder = Path(whatsapp.__file__).parent
    samples = Path(__file__).parent / "samples"

    def test_a_new_ticket_is_heard_of(self, there: Bench, sink: Sink, connector: Connector, driver: Driver) -> None:
        """As in the suite, but for the read: the delivery says it all."""
        ticket = there.open_ticket("Drucker brennt – 処理中 🔥", "Bitte helfen.\n\nSofort.")
        (event,) = self.events(connector, self.arrived(there, sink))
        assert event.remote_id == ticket
        assert event.snapshot is not None
        assert event.snapshot.title == "Drucker brennt – 処理中 🔥"
        assert event.snapshot.body == "Drucker brennt – 処理中 🔥\n\nBitte helfen.\n\nSofort."
        assert driver.run(connector.read(ticket)) is None

    def test_a_comment_is_heard_of_once(self, there: Bench, sink: Sink, connector: Connector, driver: Driver) -> None:
        """As in the suite, but for the read: the customer's and the colleague's, in the same conversation."""
        ticket = there.open_ticket("Printer", "On fire")
        there.say(ticket, "Said by app")
        there.ask(ticket, "Asked again")
        events = self.events(connector, self.arrived(there, sink, 3))
        assert len({event.key for event in events}) == 3
        assert {event.thread for event in events} == {ticket.partition(":")[0]}
        said = [(event.kind, event.comment.body, event.comment.visibility) for event in events if event.comment]
        assert said[1:] == [
            (EventKind.COMMENTED, "Said by app", Visibility.PUBLIC),
            (EventKind.COMMENTED, "Asked again", Visibility.PUBLIC),
        ]
        assert driver.requests == []
