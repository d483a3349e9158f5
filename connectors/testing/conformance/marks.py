"""Whose mark is whose: a name that another program keeps where ours stands, and the marks of another gateway.

Many sites connect their desks with more than one program, and two gateways to one desk write in the same form. Where
something is taken for ours and is not, an update of ours is never sent, for a look has "found" it; a person's word is
swallowed as an echo; what others wrote is taken back as a copy.
"""

from __future__ import annotations

import msgspec
import pytest

from connectors.sdk import Event, Found, Operation, Receipt, Strategy
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.stand import context, creation
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import Driver

#: how other programs name a ticket of theirs
NAMES = ("SAP-4711", "https://other.example/t/77", "35")


class Marks(Writes):
    """Looks, echoes and counts beside what other programs wrote."""

    def test_another_programs_name_is_no_mark(
        self, there: Bench, sink: Sink, driver: Driver, subtests: pytest.Subtests
    ) -> None:
        """What stands where our mark would stand and is none: the ticket is somebody else's, and so is what is said."""
        self.need("name")
        driver.run(driver.connector.whoami())
        for name in NAMES:
            with subtests.test(name):
                intent = creation(there)
                ticket = there.open_ticket(
                    str(intent.fields["title"]), str(intent.fields["body"]), email="kim@example.com"
                )
                there.name(ticket, name)
                found = self.whole(driver, ticket)
                assert found.marker == "", "not one of our marks"
                kept = (found.external_id, *((found.custom or {}).values() if found.custom else ()), found.body)
                assert any(name in str(each) for each in (*kept, there.shown(ticket).body)), (
                    "another program's name is lost"
                )
                if Operation.CREATE in self.plugin.spec.operations:
                    finding = driver.run(driver.connector.probe(intent, context()))
                    assert not isinstance(finding, Found), finding
                self.arrived(there, sink, 0)
                there.say(ticket, "Said by an agent", public=not self.lacks("public"))
                for event in self.events(driver.connector, self.arrived(there, sink, 0)):
                    assert not swallowed(driver, event), event
                assert [each.marker for each in self.whole(driver, ticket).comments] == [""]

    def test_a_write_of_another_gateway_is_not_ours(
        self, there: Bench, driver: Driver, subtests: pytest.Subtests
    ) -> None:
        """The same words by the same account with another key: not found and not counted. Ours is written beside it."""
        driver.run(driver.connector.whoami())
        for operation in self.operations():
            claim = self.plugin.spec.operations[operation]
            if operation is Operation.SET_FIELDS or claim.strategy is Strategy.NONE:
                continue
            with subtests.test(operation.value):
                ticket = "" if operation is Operation.CREATE else there.open_ticket("Printer", "It is on fire")
                intent = self.intent(there, operation)
                theirs = driver.settle(intent, context(ticket))
                if ticket and not self.bears_a_mark(driver, ticket, theirs):
                    continue
                given = context(ticket)
                if claim.probe or claim.strategy is Strategy.PROBE:
                    finding = driver.run(driver.connector.probe(intent, given))
                    assert not isinstance(finding, Found), "the write of another gateway is taken for ours"
                ours = driver.settle(intent, given)
                assert named(ours) != named(theirs)
                if operation in self.plugin.spec.sees:
                    seen = driver.run(
                        driver.connector.effects(
                            intent, msgspec.structs.replace(given, remote_id=ours.remote_id or ticket)
                        )
                    )
                    assert len(seen.copies) == 1, f"of {named(ours)} and {named(theirs)} one is ours: {seen.copies}"

    def test_comments_of_ours_are_marked_or_that_is_said(self, there: Bench, driver: Driver) -> None:
        """Of each operation, or quality.yaml says why some are not: those are known by words, time and author."""
        said = [each for each in self.operations() if each not in {Operation.CREATE, Operation.SET_FIELDS}]
        marked = []
        for operation in said:
            ticket = there.open_ticket("Printer", "It is on fire")
            marked.append(
                self.bears_a_mark(driver, ticket, driver.settle(self.intent(there, operation), context(ticket)))
            )
        assert all(marked) is not self.lacks("marked_comments"), dict(zip(said, marked, strict=True))

    def bears_a_mark(self, driver: Driver, ticket: str, receipt: Receipt) -> bool:
        """Say whether a comment of ours is known by a mark."""
        (said,) = [each for each in self.whole(driver, ticket).comments if each.remote_id == receipt.comment_id]
        return bool(said.marker)


def swallowed(driver: Driver, event: Event) -> bool:
    """Say whether the flow would take what somebody said for an echo, or for what the desk does by itself."""
    if event.snapshot is not None and event.snapshot.marker:
        return True
    said = event.comment
    return said is not None and (driver.connector.is_us(event.actor) is True or event.automatic or bool(said.marker))


def named(receipt: Receipt) -> tuple[str, str]:
    """Return by what the desk names what was made."""
    return receipt.remote_id, receipt.comment_id


__all__ = ["Marks"]
