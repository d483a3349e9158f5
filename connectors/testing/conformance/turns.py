"""The other turns of a ticket's life, which not every desk has: it is moved."""

from __future__ import annotations

import msgspec

from connectors.sdk import Connector, RemoteTicket
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.edges import Edges
from connectors.testing.conformance.hearing import READ
from connectors.testing.conformance.polls import LONG
from connectors.testing.driver import Driver


class Turns(Edges):
    """What people do to whole tickets, as far as the bench plays it."""

    def test_a_ticket_that_is_moved_goes_on(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Told as it is claimed: the same with another queue, or another one that it leads to; whole, and said once."""
        self.tried(there, "moved")
        there.desk.clock.skew -= LONG
        ticket = there.open_ticket("Printer", "It burns")
        there.say(ticket, "Said before", public=not self.lacks("public"))
        before, there_now = self.whole(driver, ticket), list[str]()
        heard = self.heard(there, sink, connector, driver, lambda: there_now.append(there.move(ticket)))
        (new,) = there_now
        after = self.whole(driver, new)
        assert (after.title, after.body, after.deleted, after.merged_into) == ("Printer", "It burns", False, "")
        assert [each.body for each in after.comments].count("Said before") == 1
        assert msgspec.UNSET not in (before.queue, after.queue), "a read says in which queue it is"
        assert after.queue != before.queue, "it is where it was"

        def is_moved(shown: RemoteTicket) -> bool:
            return shown.queue == after.queue

        def leads_there(shown: RemoteTicket) -> bool:
            return shown.merged_into == new

        assert heard.ways(new, lambda _: True), "nothing tells of where it is now"
        for shown in heard.shown(new):
            assert shown.queue in {after.queue, msgspec.UNSET}, "what tells of it says where it was before"
        if new == ticket:
            assert after.version > before.version, "what is not newer is passed over"
            told = [*heard.ways(ticket, is_moved), READ]
        else:
            old = driver.run(driver.connector.read(ticket))
            assert old is None or not old.merged_into or leads_there(old)
            told = heard.ways(ticket, leads_there) + [READ] * (old is not None and leads_there(old))
        self.hold("moved", told)


__all__ = ["Turns"]
