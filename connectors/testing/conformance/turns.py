"""The other turns of a ticket's life, which not every desk has: moved, private, spam, closed for good, split."""

from __future__ import annotations

import msgspec

from connectors.sdk import Category, Connector, Found, Operation, Reason, Rejected, RemoteTicket, Status
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.edges import Edges
from connectors.testing.conformance.hearing import BEFORE, READ
from connectors.testing.conformance.stand import comment, context, creation
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind


class Turns(Edges):
    """What people do to whole tickets, as far as the bench plays it."""

    def test_a_ticket_that_is_moved_goes_on(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Told as it is claimed: the same with another queue, or another one that it leads to; whole, and said once."""
        self.tried(there, "moved")
        there.desk.clock.skew -= BEFORE
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
        for queue in heard.said(new, "queue"):
            assert queue == after.queue, "what tells of it says that it is elsewhere"
        if new == ticket:
            assert after.version > before.version, "what is not newer is passed over"
            told = [*heard.ways(ticket, is_moved), READ]
        else:
            old = driver.run(driver.connector.read(ticket))
            assert old is None or not old.merged_into or leads_there(old)
            told = heard.ways(ticket, leads_there) + [READ] * (old is not None and leads_there(old))
        for operation in self.operations():
            if operation in {Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}:
                driver.settle(comment(operation, operation.value), context(new))
        said = [each.text for each in there.shown(new).comments]
        assert all(said.count(text) <= 1 for text in ("public_reply", "internal_note")), said
        assert {"public_reply", "internal_note"} & set(said), "what is said on it since does not arrive"
        self.hold("moved", told)

    def test_a_ticket_that_is_private_is_told(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Told as it is claimed, and by nothing as open to all, nor by what is said on it; made public, it is so."""
        self.tried(there, "private")
        there.desk.clock.skew -= BEFORE
        ticket = there.open_ticket("Leak", "Our keys are out")
        assert self.whole(driver, ticket).private is False
        heard = self.heard(there, sink, connector, driver, lambda: there.set_private(ticket, private=True))

        def is_private(shown: RemoteTicket) -> bool:
            return shown.private is True

        told = heard.ways(ticket, is_private) + [READ] * is_private(self.whole(driver, ticket))
        assert self.whole(driver, ticket).body == "Our keys are out"
        said = self.heard(there, sink, connector, driver, lambda: there.say(ticket, "The key is 4711"))
        for shown in (*heard.shown(ticket), *said.shown(ticket)):
            assert shown.private is not False, "it is shown as open to all"
        param = self.plugin.spec.private_param
        if param:
            ours = creation(there)
            ours = msgspec.structs.replace(ours, params={**ours.params, param: True})
            made = self.whole(driver, driver.settle(ours, context()).remote_id)
            assert made.private is True, f"`create: {{{param}: true}}` makes a public ticket"
        there.set_private(ticket, private=False)
        assert self.whole(driver, ticket).private is False
        self.hold("private", told)

    def test_spam_is_told_and_taken_back(self, there: Bench, sink: Sink, connector: Connector, driver: Driver) -> None:
        """Told as it is claimed: gone or cancelled; and that it is none after all is told by more than a read."""
        self.tried(there, "spam")
        there.desk.clock.skew -= BEFORE
        ticket = there.open_ticket("Printer", "It burns")
        heard = self.heard(there, sink, connector, driver, lambda: there.set_spam(ticket, spam=True))
        read = driver.run(driver.connector.read(ticket))
        told = heard.ways(ticket, is_over) + [READ] * (read is None or is_over(read))
        heard = self.heard(there, sink, connector, driver, lambda: there.set_spam(ticket, spam=False))
        assert heard.ways(ticket, lambda shown: not is_over(shown)), "that it is no spam is told by nothing but a read"
        back = self.whole(driver, ticket)
        assert (back.title, back.body, is_over(back)) == ("Printer", "It burns", False)
        self.hold("spam", told)

    def test_what_is_closed_for_good_is_followed(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Told as it is claimed; fields and notes are refused as such; a reply goes on in one ticket that follows."""
        self.tried(there, "closed")
        there.desk.clock.skew -= BEFORE
        ticket = there.open_ticket("Printer", "It burns")
        heard = self.heard(there, sink, connector, driver, lambda: there.close_for_good(ticket))

        def is_closed(shown: RemoteTicket) -> bool:
            return isinstance(shown.status, Status) and shown.status.category is Category.CLOSED

        told = heard.ways(ticket, is_closed) + [READ] * is_closed(self.whole(driver, ticket))
        before = there.shown(ticket)
        for operation in self.operations():
            if operation in {Operation.CREATE, Operation.PUBLIC_REPLY}:
                continue
            outcome = driver.attempt(self.intent(there, operation), context(ticket))
            assert isinstance(outcome, Rejected), outcome
            assert outcome.reason is Reason.CLOSED, f"{operation}: {outcome}"
        given, reply = context(ticket), self.intent(there, Operation.PUBLIC_REPLY)
        there.desk.fault(FaultKind.RESET_AFTER, method="POST", path="", count=1)
        receipt = driver.settle(reply, given, there.desk.accept)
        assert receipt.followed, "the link goes on there"
        new = self.whole(driver, receipt.remote_id)
        assert (new.follows, new.marker) == (ticket, given.effect_key)
        assert there.shown(ticket) == before, "nothing is written to what is closed for good"
        assert len(there.desk.effects.all(kind=there.effects["create"], by_api=True)) == 1
        self.hold("closed", told)

    def test_what_is_split_off_is_a_ticket_of_its_own(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Told as it is claimed; where ours is split, ours is the one that is found and counted, and not the part."""
        self.tried(there, "split")
        there.desk.clock.skew -= BEFORE
        intent, given = creation(there), context()
        receipt = driver.settle(intent, given)
        there.say(receipt.remote_id, "And the door is shut")
        made: list[str] = []
        heard = self.heard(there, sink, connector, driver, lambda: made.append(there.split(receipt.remote_id)))
        (part,) = made
        new, old = self.whole(driver, part), self.whole(driver, receipt.remote_id)
        assert (new.body, new.comments, new.deleted, new.merged_into) == ("And the door is shut", (), False, "")
        assert (old.title, old.body, old.merged_into) == (intent.fields["title"], intent.fields["body"], "")
        assert [each.body for each in old.comments] in ([], ["And the door is shut"])
        again = msgspec.structs.replace(given, remote_id="")
        if self.plugin.spec.operations[Operation.CREATE].probe:
            finding = driver.run(driver.connector.probe(intent, again))
            assert isinstance(finding, Found), finding
            assert finding.receipt.remote_id == receipt.remote_id, "the part is taken for the ticket that we made"
        if Operation.CREATE in self.plugin.spec.sees:
            seen = driver.run(
                driver.connector.effects(intent, msgspec.structs.replace(given, remote_id=receipt.remote_id))
            )
            assert [each.remote_id for each in seen.copies] == [receipt.remote_id], "the part is counted as a copy"
        self.hold("split", heard.ways(part, lambda _: True))


def is_over(shown: RemoteTicket) -> bool:
    """Say whether a ticket is gone, or nobody works on it any more."""
    return shown.deleted or (isinstance(shown.status, Status) and shown.status.category is Category.CANCELLED)


__all__ = ["Turns"]
