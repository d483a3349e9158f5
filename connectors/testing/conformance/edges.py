"""The edges of a ticket's life: what a connector must say when a ticket is not what it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from connectors.sdk import Category, Connector, EventKind, Forbidden, Operation, Rejected, RemoteTicket, Status
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.hearing import BEFORE, Hearing
from connectors.testing.conformance.polls import LONG
from connectors.testing.conformance.stand import context
from connectors.testing.driver import Driver
from connectors.testing.quality import READ

#: what desks answer to an account that may not see a ticket
OUT_OF_SIGHT = (403, 404)


class Edges(Hearing):
    """Hidden tickets, and those that are merged or deleted."""

    def test_a_merge_is_told_as_it_is_claimed(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """By the ways that quality.yaml names, and no other: which ticket it was merged into."""
        self.need("merge")
        there.desk.clock.skew -= BEFORE
        gone, kept = there.open_ticket("Printer", "It burns"), there.open_ticket("The printer", "It is on fire")

        def is_told(shown: RemoteTicket) -> bool:
            return shown.merged_into == kept

        told = self.told(there, sink, connector, driver, gone, lambda: there.merge(gone, kept), is_told)
        self.hold("merged", told)

    def test_a_deletion_is_told_as_it_is_claimed(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """By the ways that quality.yaml names, and no other; a read finds no ticket, or one that is deleted."""
        self.need("delete")
        there.desk.clock.skew -= BEFORE
        gone = there.open_ticket("Printer", "It burns")

        def is_told(shown: RemoteTicket) -> bool:
            return shown.deleted

        told = self.told(there, sink, connector, driver, gone, lambda: there.delete(gone), is_told)
        self.hold("deleted", told)

    def test_a_ticket_that_is_restored_is_there_again(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Whole, and no longer deleted; told as it is claimed. A desk that restores none does not claim it."""
        claimed = "claim" in ((self.quality().get("life") or {}).get("restored") or {})
        if not there.plays("restore"):
            assert not claimed, "life.restored is claimed, and the bench restores nothing"
            pytest.skip("deleted tickets are not taken back there")
        assert claimed or "life" not in self.quality(), "the bench restores tickets, which life.restored does not claim"
        there.desk.clock.skew -= BEFORE
        ticket = there.open_ticket("Printer", "It burns")
        there.desk.clock.skew += timedelta(seconds=2)
        there.delete(ticket)
        gone = driver.run(driver.connector.read(ticket))
        assert gone is None or gone.deleted
        heard = self.heard(there, sink, connector, driver, lambda: there.restore(ticket))
        self.hold("restored", [*heard.ways(ticket, lambda shown: not shown.deleted), READ])
        back = self.whole(driver, ticket)
        assert (back.title, back.body, back.deleted, back.merged_into) == ("Printer", "It burns", False, "")

    def test_a_ticket_that_is_reopened_is_told(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """By a read, and by a poll or a webhook: otherwise its clocks would stand still until somebody looks."""
        self.need("status")
        # long before, so that no overlap tells of it
        there.desk.clock.skew -= LONG
        ticket = there.open_ticket("Printer", "It burns")
        there.set_status(ticket, Category.RESOLVED)
        assert category(self.whole(driver, ticket)) is Category.RESOLVED
        cursor = self.polled(there, driver, "")[1] if connector.spec.polling else ""
        self.arrived(there, sink, 0)
        there.desk.clock.skew += LONG
        there.set_status(ticket, Category.OPEN)
        heard = self.events(connector, self.arrived(there, sink, 0)) if connector.spec.webhooks else []
        there.desk.clock.skew += timedelta(minutes=10)
        polled = self.polled(there, driver, cursor)[0] if connector.spec.polling else []
        told = {each.remote_id for each in heard} | {each.remote_id for each in polled}
        assert ticket in told, "told by nothing but a read"
        read = self.whole(driver, ticket)
        assert category(read) is Category.OPEN
        assert read.resolved_at is None, "it is open, and not resolved since then"

    def told(
        self,
        there: Bench,
        sink: Sink,
        connector: Connector,
        driver: Driver,
        ticket: str,
        doing: Callable[[], None],
        is_told: Callable[[RemoteTicket], bool],
    ) -> list[str]:
        """Let people do something to a ticket; return by which ways its desk tells that."""
        heard = self.heard(there, sink, connector, driver, doing)
        kind = EventKind.DELETED if is_told(RemoteTicket(ticket, there.desk.now(), deleted=True)) else EventKind.MERGED
        found = ["webhook"] * any(
            each.remote_id == ticket and (each.kind is kind or (each.snapshot is not None and is_told(each.snapshot)))
            for each in heard.events
        )
        found += ["poll"] * any(each.remote_id == ticket and is_told(each) for each in heard.polled)
        if connector.spec.reads:
            read = driver.run(connector.read(ticket))
            found += [READ] * (is_told(read) if read is not None else kind is EventKind.DELETED)
        return found

    @pytest.mark.parametrize("status", OUT_OF_SIGHT)
    def test_a_ticket_out_of_our_sight_is_none(self, there: Bench, driver: Driver, status: int) -> None:
        """Neither an error, which would be tried for ever, nor deleted; others are read on."""
        lost, kept = there.open_ticket("Printer", "It is on fire"), there.open_ticket("Door", "It is shut")
        there.hide(lost, status)
        assert driver.run(driver.connector.read(lost)) is None
        assert self.whole(driver, kept).title == "Door"
        there.reveal()
        assert self.whole(driver, lost).title == "Printer"

    @pytest.mark.parametrize("status", OUT_OF_SIGHT)
    def test_a_write_to_a_ticket_out_of_our_sight_is_refused(
        self, there: Bench, driver: Driver, subtests: pytest.Subtests, status: int
    ) -> None:
        """For certain, and not as if the credentials were lost: neither tried again nor a pause of the connection."""
        for operation in self.operations():
            if operation is Operation.CREATE:
                continue
            with subtests.test(operation.value):
                ticket = there.open_ticket("Printer", "It is on fire")
                driver.run(driver.connector.read(ticket))
                there.hide(ticket, status)
                outcome = driver.attempt(self.intent(there, operation), context(ticket))
                there.reveal()
                assert isinstance(outcome, Rejected | Forbidden), outcome


def category(ticket: RemoteTicket) -> Category | None:
    """Return what the status of a ticket means."""
    return ticket.status.category if isinstance(ticket.status, Status) else None


__all__ = ["Edges"]
