"""What of a person's doing is heard: by webhooks, by the next poll, by a read; and the claim that it is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from connectors.sdk import Connector, Event, EventKind, RemoteTicket
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.polls import LONG
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import Driver
from connectors.testing.quality import READ, WAYS

#: no overlap of a poll is so long, where a desk is asked for whole days neither
BEFORE = timedelta(days=3)
#: edges of which a claim has to say the ways
TOLD = ("merged", "deleted")
#: edges that a bench may play or leave out: what it does for that, and the test that holds the claim
PLAYED: Mapping[str, tuple[str, str]] = {
    "restored": ("restore", "test_a_ticket_that_is_restored_is_there_again"),
    "moved": ("move", "test_a_ticket_that_is_moved_goes_on"),
    "private": ("set_private", "test_a_ticket_that_is_private_is_told"),
    "spam": ("set_spam", "test_spam_is_told_and_taken_back"),
    "closed": ("close_for_good", "test_what_is_closed_for_good_is_followed"),
    "split": ("split", "test_what_is_split_off_is_a_ticket_of_its_own"),
}


class Heard(NamedTuple):
    """What was heard since something was done."""

    #: of webhooks, and of polls whose pages have events
    events: list[Event]
    polled: list[RemoteTicket]
    polled_events: list[Event]

    def shown(self, ticket: str) -> list[RemoteTicket]:
        """Return how a ticket was shown, by whatever way."""
        said = [each.snapshot for each in (*self.events, *self.polled_events) if each.snapshot is not None]
        return [each for each in (*said, *self.polled) if each.remote_id == ticket]

    def said(self, ticket: str, field: str) -> list[Any]:
        """Return all that was said of a field of a ticket: how it was shown, and what was said to have changed."""
        shown = [getattr(each, field) for each in self.shown(ticket)]
        told = [each for each in (*self.events, *self.polled_events) if each.remote_id == ticket]
        changed = [each.value for event in told for each in event.changes if each.field == field]
        return [each for each in (*shown, *changed) if each is not msgspec.UNSET]

    def ways(self, ticket: str, is_told: Callable[[RemoteTicket], bool]) -> list[str]:
        """Return by which ways, reads left out, it was told of a ticket; an event to be read for tells what it shows.

        What a partial page or a partial event leaves out is told where it says that the ticket is to be read.
        """

        def says(event: Event) -> bool:
            if event.remote_id != ticket:
                return False
            shown = event.snapshot or RemoteTicket(event.remote_id, event.at)
            gone = {"merged_into": event.merged_into, "deleted": event.kind is EventKind.DELETED}
            more = {name: value for name, value in gone.items() if value}
            return event.needs_read or is_told(msgspec.structs.replace(shown, **more))

        found = ["webhook"] * any(says(each) for each in self.events)
        polled = any(each.remote_id == ticket and (not each.complete or is_told(each)) for each in self.polled)
        return found + ["poll"] * (polled or any(says(each) for each in self.polled_events))


class Hearing(Writes):
    """Listens for what people do."""

    def heard(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver, doing: Callable[[], object]
    ) -> Heard:
        """Let people do something days after all that was before, so that no overlap tells of it; listen, and poll.

        What was before is to be done with the clock of the desk set back by `BEFORE`.
        """
        spec = connector.spec
        there.desk.clock.skew += BEFORE - LONG
        cursor = self.polled(there, driver, "")[1] if spec.polling else ""
        self.arrived(there, sink, 0)
        there.desk.clock.skew += LONG
        doing()
        events = self.events(connector, self.arrived(there, sink, 0), there.desk.now()) if spec.webhooks else []
        if not spec.polling:
            return Heard(events, [], [])
        there.desk.clock.skew += LONG
        told: list[Event] = []
        return Heard(events, self.polled(there, driver, cursor, told)[0], told)

    @staticmethod
    def polled(
        there: Bench, driver: Driver, cursor: str, events: list[Event] | None = None
    ) -> tuple[list[RemoteTicket], str]:
        """Return what polls tell from a cursor on, and the cursor behind it."""
        found: list[RemoteTicket] = []
        for _ in range(20):
            page = driver.run(driver.connector.changes(cursor, there.desk.now()))
            found += page.tickets
            if events is not None:
                events += page.events
            cursor = page.cursor or cursor
            if page.end:
                break
        return found, cursor

    def hold(self, edge: str, told: list[str]) -> None:
        """Hold the claim about an edge to the ways by which it was told; a package may leave its claims out."""
        claim = self.claimed(edge)
        assert told, f"{edge}: told by nothing, neither of {', '.join(WAYS)}"
        if claim is not None and (edge in TOLD or "told" in claim):
            assert claim.get("told") == told, f"life.{edge}.told of quality.yaml"

    def claimed(self, edge: str) -> dict[str, Any] | None:
        """Return what quality.yaml says of an edge; None where it says nothing of any."""
        claim: dict[str, Any] | None = (self.quality().get("life") or {}).get(edge)
        return claim

    def tried(self, there: Bench, edge: str) -> None:
        """Skip a test of an edge that the bench does not play; fail where quality.yaml says otherwise of it."""
        claim, (doing, test) = self.claimed(edge), PLAYED[edge]
        if not there.plays(doing):
            named = any(str(each).endswith(test) for each in (claim or {}).get("tests") or ())
            assert not named, f"life.{edge} names {test}, and the bench has no `{doing}`"
            lacks = (claim or {}).get("lacks")
            pytest.skip(lacks or f"not tried: the bench has no `{doing}`")
        assert claim is None or "claim" in claim, f"the bench has `{doing}`, and life.{edge} is not claimed"


__all__ = ["BEFORE", "PLAYED", "READ", "Heard", "Hearing"]
