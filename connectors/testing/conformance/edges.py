"""The edges of a ticket's life: what a connector must say when a ticket is not what it was."""

from __future__ import annotations

import pytest

from connectors.sdk import Forbidden, Operation, Rejected
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import context
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import Driver

#: what desks answer to an account that may not see a ticket
OUT_OF_SIGHT = (403, 404)


class Edges(Writes):
    """Hidden tickets."""

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
