"""Words that a desk got after its settings were written: kept as they are, and taken for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from connectors.sdk import Connector, Intent, Level, Operation, RemoteTicket, Status
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.hearing import BEFORE, Hearing
from connectors.testing.conformance.stand import context
from connectors.testing.driver import Driver

W = TypeVar("W")

#: what no settings know
WORD = "Awaiting Parts"


class Words(Hearing):
    """A new status, a new priority."""

    def test_a_new_status_is_none_that_we_know(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """It is read as the desk's word, without a meaning that nobody gave it, and is not written over."""
        self.need("status", "new_status")
        if not there.plays("add_status"):
            pytest.skip("not tried: the bench has no `add_status`")

        found, wanted = self._added(there, sink, connector, driver, there.add_status, "status")
        assert isinstance(found.status, Status)
        assert (found.status.category, found.status.native) == (wanted.category, wanted.native)

    def test_a_new_priority_is_none_that_we_know(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """As a new status."""
        self.need("priority", "new_priority")
        if not there.plays("add_priority"):
            pytest.skip("not tried: the bench has no `add_priority`")

        found, wanted = self._added(there, sink, connector, driver, there.add_priority, "priority")
        assert found.priority == wanted

    def say(self, there: Bench, ticket: str, text: str) -> None:
        """Let an agent say something, as the desk has it."""
        there.say(ticket, text, public=not self.lacks("public"))

    def _added(
        self,
        there: Bench,
        sink: Sink,
        connector: Connector,
        driver: Driver,
        add: Callable[[str, str], W],
        field: str,
    ) -> tuple[RemoteTicket, W]:
        """Let an admin add a word, and an agent set it on a ticket; return how it is read, and how it is to be."""
        there.desk.clock.skew -= BEFORE
        ticket = there.open_ticket("Printer", "It burns")
        self.say(there, ticket, "Said before")
        if not self.lacks("priority") and Level.P2 in there.levels:
            there.set_priority(ticket, Level.P2)
        given: list[W] = []
        heard = self.heard(there, sink, connector, driver, lambda: given.append(add(ticket, WORD)))
        found = self.whole(driver, ticket)
        assert (found.title, found.body, found.deleted) == ("Printer", "It burns", False)
        assert [each.body for each in found.comments] == ["Said before"]
        read = getattr(found, field)
        assert heard.ways(ticket, lambda shown: getattr(shown, field) == read), "told by nothing but a read"
        later = self.heard(there, sink, connector, driver, lambda: self.say(there, ticket, "Said since"))
        for value in (*heard.said(ticket, field), *later.said(ticket, field)):
            assert value == read, "what tells of it says another thing than a read"
        if "title" in self.plugin.spec.writable_fields and not self.lacks("title"):
            before = there.shown(ticket)
            driver.settle(Intent(Operation.SET_FIELDS, {"title": "Another"}), context(ticket))
            after = there.shown(ticket)
            assert (after.title, after.status, after.priority) == ("Another", before.status, before.priority)
        (wanted,) = given
        return found, wanted


__all__ = ["Words"]
