"""That a connector reaches nothing by itself while it works: it is watched, whatever its code looks like."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.sdk import Connector, Envelope, Operation
from connectors.testing.altered import Record
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.stand import context
from connectors.testing.conformance.unsaid import parsed
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import Driver
from connectors.testing.purity import guarded


class Pure(Writes):
    """Deliveries, reads, polls and writes."""

    def test_it_reaches_nothing_by_itself(self, there: Bench, sink: Sink, connector: Connector, driver: Driver) -> None:
        """No file, no socket, no clock, no chance: what it wants it asks for, and the time is given to it."""
        ticket = there.open_ticket("Printer", "It is on fire")
        there.say(ticket, "We are at it", public=not self.lacks("public"))
        requests = [] if self.lacks("webhooks") else self.arrived(there, sink)
        now, read, poll = datetime.now(UTC), Record(), Record()
        read.take(driver, connector.read(ticket))
        if not self.lacks("polling"):
            poll.take(driver, connector.changes("", now))
        written = [
            (self.intent(there, each), context("" if each is Operation.CREATE else ticket))
            for each in self.operations()
        ]

        def work() -> None:
            for request in requests:
                connector.verify(request, now)
                assert isinstance(connector.envelope(request), Envelope)
                parsed(connector, request)
            read.answer(connector.read(ticket))
            if poll.answers:
                poll.answer(connector.changes("", now))
            for intent, given in written:
                connector.as_read(intent)
                connector.side_effects(intent, {})
                call = connector.write(intent, given)
                next(call)
                call.close()

        # what is imported in a function, or made once and kept, is there the second time
        work()
        with guarded(self.folder) as seen:
            work()
        assert seen == []

    def test_an_id_stays_in_its_place(self, there: Bench, driver: Driver) -> None:
        """What comes as the name of a ticket never becomes another path or a parameter of a request."""
        there.open_ticket("Printer", "It is on fire")
        for odd in ("../secrets", "1/../../secrets", "1?secrets=1", "1#secrets", "1/secrets"):
            call = driver.connector.read(odd)
            asked = next(call, None)
            call.close()
            # one that cannot be a ticket of that desk is asked for nowhere
            assert asked is None or odd not in asked.url, f"{asked.url}: quote({odd!r}, safe='')"


__all__ = ["Pure"]
