"""What goes out: each operation takes effect once under every fault, reads back as foretold, and is known as ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Category,
    CommentIntent,
    Connector,
    Event,
    EventKind,
    Found,
    Intent,
    Level,
    NotSent,
    Operation,
    Strategy,
    Unknown,
    Visibility,
    WriteContext,
)
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.reads import TEXTS
from connectors.testing.conformance.stand import Stand, as_json, comment, context, creation, key
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind

#: what befalls the first two writes of an update
FAULTS: dict[str, dict[str, Any]] = {
    "reset_before": {},
    "reset_after": {},
    "half_body": {},
    "garbage": {},
    "error_with_effect": {"status": 502},
    "error_without_effect": {"status": 503},
    "throttle": {"seconds": 1},
    "hang": {"seconds": 0.2},
    "drop_connection": {},
}
WRITING = (Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE)
#: paths that a connector only reads by, though they are asked with POST (searches)
READING = "search|query|graphql|token|oauth"


def writing(there: Bench) -> str:
    """Return the regular expression of the paths by which a desk is written to."""
    return f"^(?!.*({'|'.join(filter(None, (READING, there.staging)))}))"


class Writes(Stand):
    """Every operation that the spec names."""

    def operations(self) -> Iterator[Operation]:
        """Yield the operations of tickets that the connector has."""
        yield from (each for each in WRITING if each in self.plugin.spec.operations)

    def intent(self, there: Bench, operation: Operation) -> Intent:
        """Return an intent of an operation."""
        if operation is Operation.CREATE:
            return creation(there, priority={"level": "P2"}, status={"category": "open"})
        if operation is Operation.SET_FIELDS:
            return Intent(operation, self.fields())
        return comment(operation, "We are at it – 処理中 🔥.")

    def fields(self) -> dict[str, Any]:
        """Return a change of fields that the desk has."""
        wanted: dict[str, Any] = {
            "title": "Done with it",
            "status": {"category": "resolved"},
            "priority": {"level": "P1"},
        }
        writable = self.plugin.spec.writable_fields
        return {name: value for name, value in wanted.items() if name in writable and not self.lacks(name)}

    # ------------------------------------------------------------ once

    @pytest.mark.faults
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("operation", WRITING)
    def test_it_takes_effect_once(self, there: Bench, driver: Driver, operation: Operation, fault: str) -> None:
        """Twice in a row with each fault; what claims nothing is left to a person, and is never doubled."""
        if operation not in self.plugin.spec.operations:
            pytest.skip("the desk has no such operation: quality.yaml names none")
        claim = self.plugin.spec.operations[operation]
        ticket = "" if operation is Operation.CREATE else there.open_ticket("Printer", "It is on fire")
        there.desk.fault(fault, method="POST|PUT|PATCH", path=writing(there), count=2, **FAULTS[fault])
        given = context(ticket)
        intent = self.intent(there, operation)
        kind = there.effects[operation.value]
        try:
            receipt = driver.settle(intent, given, there.desk.accept)
        except LookupError:
            assert claim.strategy is Strategy.NONE
            assert len(there.desk.effects.all(kind=kind, by_api=True)) <= 1
            return
        made = there.desk.effects.all(kind=kind, by_api=True)
        if claim.strategy is Strategy.NATURAL:
            assert made
        else:
            assert len(made) == 1, [each.detail for each in made]
        assert there.desk.effects.doubled() == {}
        if operation is Operation.CREATE:
            assert receipt.remote_id == made[0].remote_id

    def test_a_key_alone_keeps_a_write_single(self, there: Bench, driver: Driver) -> None:
        """What claims `key` is sent twice with one effect key and no look between: the desk itself makes it once."""
        for operation in self.operations():
            if self.plugin.spec.operations[operation].strategy is not Strategy.KEY:
                continue
            ticket = "" if operation is Operation.CREATE else there.open_ticket("Printer", "It is on fire")
            given, intent, kind = context(ticket), self.intent(there, operation), there.effects[operation.value]
            before = len(there.desk.effects.all(kind=kind, by_api=True))
            for _ in range(2):
                driver.attempt(intent, given)
            made = there.desk.effects.all(kind=kind, by_api=True)[before:]
            assert len(made) == 1, f"{operation} claims `key`, and was made {len(made)} times: is the key sent?"

    @pytest.mark.faults
    def test_an_effect_after_our_deadline_is_found(self, there: Bench, driver: Driver) -> None:
        """The connection is gone, the effect appears later: a look after the settle time sees it."""
        for operation in self.operations():
            claim = self.plugin.spec.operations[operation]
            if not (claim.probe or claim.strategy in {Strategy.PROBE, Strategy.CONDITIONAL}):
                continue
            ticket = "" if operation is Operation.CREATE else there.open_ticket("Printer", "It is on fire")
            there.desk.fault(FaultKind.LATE_EFFECT, method="POST|PUT|PATCH", path=writing(there), seconds=0.2)
            given, intent = context(ticket), self.intent(there, operation)
            assert isinstance(driver.attempt(intent, given), Unknown), operation
            there.desk._stopping.wait(0.5)
            assert isinstance(driver.run(driver.connector.probe(intent, given)), Found), operation
            assert claim.settle >= 1

    def test_a_look_takes_nothing_that_is_not_ours(self, there: Bench, driver: Driver) -> None:
        """The same words of a person, or of another update of ours, are not this one's effect."""
        for operation in self.operations():
            claim = self.plugin.spec.operations[operation]
            if operation is Operation.SET_FIELDS or not (claim.probe or claim.strategy is Strategy.PROBE):
                continue
            intent = self.intent(there, operation)
            if intent.comment is None:
                there.open_ticket(str(intent.fields["title"]), str(intent.fields["body"]), email="kim@example.com")
                ticket, known = "", frozenset[str]()
            else:
                ticket = there.open_ticket("Printer", "It is on fire")
                there.say(ticket, intent.comment.body, public=operation is Operation.PUBLIC_REPLY)
                other = driver.settle(intent, context(ticket))
                known = frozenset({other.comment_id}) if other.comment_id else frozenset()
            found = driver.run(driver.connector.probe(intent, context(ticket, known_comments=known)))
            assert not isinstance(found, Found), f"{operation}: {found}"

    def test_a_refused_connection_was_not_sent(self, there: Bench, driver: Driver) -> None:
        """Nobody listens: it is certain that nothing happened."""
        ticket = there.open_ticket("Printer", "It is on fire")
        there.desk.fault(FaultKind.REFUSE)
        for operation in self.operations():
            given = context("" if operation is Operation.CREATE else ticket)
            assert isinstance(driver.attempt(self.intent(there, operation), given), NotSent)
        there.desk.accept()

    # ------------------------------------------------------------ what it says

    def test_a_creation_reads_back_as_foretold(self, there: Bench, driver: Driver, connector: Connector) -> None:
        """With its title, its body, its requester and our mark."""
        if Operation.CREATE not in self.plugin.spec.operations:
            pytest.skip("the desk makes no tickets for us")
        intent = creation(there, title="Netz – 処理中 🔥", body="Seit *heute*.\n\nBitte.", priority={"level": "P1"})
        given = context()
        receipt = driver.settle(intent, given)
        found = self.whole(driver, receipt.remote_id)
        assert found.marker == given.effect_key, "a ticket of ours is not known by its mark"
        seen, expected = as_json(found), connector.as_read(intent)
        assert {"title"} <= set(expected)
        assert {name: seen.get(name) for name in expected} == expected
        assert receipt.url == found.url
        assert receipt.key == found.key
        shown = there.shown(receipt.remote_id)
        assert "Seit" in shown.body
        assert found.comments == (), "the description is no comment"

    def test_fields_read_back_as_foretold(self, there: Bench, driver: Driver, connector: Connector) -> None:
        """Each of our categories and levels, as often as it is sent."""
        if Operation.SET_FIELDS not in self.plugin.spec.operations:
            pytest.skip("the desk has no fields for us to set")
        writable = self.plugin.spec.writable_fields
        wanted: list[dict[str, Any]] = []
        if "status" in writable:
            wanted += [{"status": {"category": each.value}} for each in sorted(there.categories - {Category.NEW})]
        if "priority" in writable:
            wanted += [{"priority": {"level": each.value}} for each in sorted(there.levels - {Level.UNSET})]
        if "title" in writable:
            wanted += [{"title": text.replace("\n", " ")} for text in TEXTS] + [{"title": "x" * 600}]
        if "assignee" in writable:
            wanted += [{"assignee": {"external_id": account}} for account in there.agents]
        assert wanted
        ticket = there.open_ticket("Printer", "It is on fire")
        for values in wanted:
            intent = Intent(Operation.SET_FIELDS, values)
            for _ in range(2):
                driver.settle(intent, context(ticket))
            seen, expected = as_json(self.whole(driver, ticket)), connector.as_read(intent)
            assert set(expected) == set(values)
            for name, value in expected.items():
                if name == "assignee":
                    # of a person the ledger compares the account alone: not every answer of a desk says more
                    assert value == {"external_id": seen[name]["external_id"]}
                    continue
                assert seen.get(name) == value, f"{values} reads back as {seen.get(name)!r}, {value!r} was foretold"

    def test_a_comment_arrives_as_it_was_written(self, there: Bench, driver: Driver) -> None:
        """Whole, for those who may read it, and named by its id."""
        for operation in self.operations():
            if operation in {Operation.CREATE, Operation.SET_FIELDS}:
                continue
            ticket = there.open_ticket("Printer", "It is on fire")
            for text in TEXTS:
                receipt = driver.settle(comment(operation, text), context(ticket))
                made = there.shown(ticket).comments[-1]
                assert made.public is (operation is Operation.PUBLIC_REPLY)
                read = self.whole(driver, ticket).comments[-1]
                assert " ".join(read.body.split()) == " ".join(text.split())
                assert receipt.comment_id == read.remote_id, "the receipt and the read name one comment differently"

    def test_an_internal_comment_never_becomes_public(self, there: Bench, driver: Driver) -> None:
        """Not even when the operation says so: the comment's own visibility wins."""
        for operation in self.operations():
            if operation in {Operation.CREATE, Operation.SET_FIELDS}:
                continue
            ticket = there.open_ticket("Printer", "It is on fire")
            secret = Intent(operation, comment=CommentIntent("c", "For colleagues only", Visibility.INTERNAL))
            driver.attempt(secret, context(ticket))
            assert not [one for one in there.shown(ticket).comments if one.public]

    # ------------------------------------------------------------ echoes

    def test_our_own_change_is_known_as_ours(
        self, there: Bench, sink: Sink, driver: Driver, connector: Connector
    ) -> None:
        """By its actor, by its id, or by its mark: the flow must be able to tell."""
        self.need("webhooks")
        driver.run(connector.whoami())
        for operation in self.operations():
            ticket = "" if operation is Operation.CREATE else there.open_ticket("Printer", "It is on fire")
            there.desk.webhooks.flush(5)
            sink.requests.clear()
            given = WriteContext(key(), ticket)
            intent = self.intent(there, operation)
            receipt = driver.settle(intent, given)
            ticket = ticket or receipt.remote_id
            try:
                requests = self.arrived(there, sink)
            except AssertionError:
                # the desk tells nobody of what comes through its API
                continue
            for event in self.events(connector, requests):
                if event.remote_id == ticket and event.kind is not EventKind.OBSERVED:
                    ours = known(connector, event, given, receipt.change_ids) or foretold(connector, event, intent)
                    assert ours, event

    def test_the_ledger_foretells_what_happens(self, there: Bench, driver: Driver, connector: Connector) -> None:
        """What a reply changes by itself, side_effects says before."""
        if Operation.PUBLIC_REPLY not in self.plugin.spec.operations:
            pytest.skip("the desk has no replies")
        ticket = there.open_ticket("Printer", "It is on fire")
        before = self.whole(driver, ticket)
        intent = comment(Operation.PUBLIC_REPLY, "We are at it")
        foretold = connector.side_effects(intent, as_json(before))
        receipt = driver.settle(intent, context(ticket, observed=as_json(before)))
        after = self.whole(driver, ticket)
        for name in ("status", "priority", "assignee", "queue", "title"):
            if getattr(before, name) is msgspec.UNSET:
                # the desk has no such thing
                continue
            old, new = as_json(getattr(before, name)), as_json(getattr(after, name))
            if old == new or name in receipt.kept or name in receipt.spared:
                continue
            allowed = foretold.get(name)
            allowed = allowed if isinstance(allowed, tuple) else (allowed,)
            assert new in allowed, f"{name} became {new!r} by itself, {allowed!r} was foretold"


def known(connector: Connector, event: Event, given: WriteContext, change_ids: tuple[str, ...]) -> bool:
    """Say whether an event can be told to be our own write."""
    marks = {
        event.comment.marker if event.comment else "",
        event.snapshot.marker if event.snapshot and event.kind is EventKind.CREATED else "",
    }
    by_actor = connector.is_us(event.actor) is True
    said = event.comment.remote_id if event.comment else ""
    ids = bool(set(change_ids) & {event.key, str(event.version), said} - {""})
    return by_actor or given.effect_key in marks or ids or event.automatic or event.needs_read


def foretold(connector: Connector, event: Event, intent: Intent) -> bool:
    """Say whether the ledger of our own writes knows every change of an event by its value."""
    expected = {**connector.side_effects(intent, {}), **connector.as_read(intent)}
    return bool(event.changes) and all(as_json(each.value) == expected.get(each.field) for each in event.changes)
