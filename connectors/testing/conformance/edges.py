"""The edges of a ticket's life: what a connector must say when a ticket is not what it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from connectors.sdk import Connector, EventKind, Forbidden, Operation, Rejected, RemoteTicket
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.stand import context
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import Driver
from connectors.testing.quality import READ, WAYS

#: what desks answer to an account that may not see a ticket
OUT_OF_SIGHT = (403, 404)


class Edges(Writes):
    """Hidden tickets, and those that are merged or deleted."""

    def test_a_merge_is_told_as_it_is_claimed(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """By the ways that quality.yaml names, and no other: which ticket it was merged into."""
        self.need("merge")
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
        gone = there.open_ticket("Printer", "It burns")

        def is_told(shown: RemoteTicket) -> bool:
            return shown.deleted

        told = self.told(there, sink, connector, driver, gone, lambda: there.delete(gone), is_told)
        self.hold("deleted", told)

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
        spec, cursor = connector.spec, ""
        if spec.polling:
            cursor = self._polled(there, driver, "")[1]
        self.arrived(there, sink, 0)
        there.desk.clock.skew += timedelta(seconds=2)
        doing()
        events = self.events(connector, self.arrived(there, sink, 0)) if spec.webhooks else []
        kind = EventKind.DELETED if is_told(RemoteTicket(ticket, there.desk.now(), deleted=True)) else EventKind.MERGED
        found = ["webhook"] * any(
            each.remote_id == ticket and (each.kind is kind or (each.snapshot is not None and is_told(each.snapshot)))
            for each in events
        )
        if spec.polling:
            there.desk.clock.skew += timedelta(minutes=10)
            shown = self._polled(there, driver, cursor)[0]
            found += ["poll"] * any(each.remote_id == ticket and is_told(each) for each in shown)
        if spec.reads:
            read = driver.run(connector.read(ticket))
            found += [READ] * (is_told(read) if read is not None else kind is EventKind.DELETED)
        return found

    def hold(self, edge: str, told: list[str]) -> None:
        """Hold the claim about an edge to the ways by which it was told; a package may leave its claims out."""
        claim = (self.quality().get("life") or {}).get(edge)
        assert told, f"{edge}: told by nothing, neither of {', '.join(WAYS)}"
        if claim is not None:
            assert claim.get("told") == told, f"life.{edge}.told of quality.yaml"

    @staticmethod
    def _polled(there: Bench, driver: Driver, cursor: str) -> tuple[list[RemoteTicket], str]:
        """Return what polls tell from a cursor on, and the cursor behind it."""
        found: list[RemoteTicket] = []
        for _ in range(20):
            page = driver.run(driver.connector.changes(cursor, there.desk.now()))
            found += page.tickets
            cursor = page.cursor or cursor
            if page.end:
                break
        return found, cursor

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


__all__ = ["Edges"]
