"""What is asked of a desk is done or named: no field of an update is left out of it in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.sdk import Done, Intent, Kind, Operation, Outcome, Progress
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import as_json, context, creation
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import MOST_STEPS, Driver

#: values for which a desk may have no place or no word, by field
_HARD: dict[str, tuple[Any, ...]] = {
    "body": ("Another text altogether",),
    "kind": tuple(each.value for each in Kind),
    # no level is left out of plain JSON
    "priority": ({}, {"level": "P2"}),
    "status": ({"category": "unknown"},),
    "queue": ("", "No such queue"),
    "assignee": ({"name": "Nobody Known"}, {"external_id": "nobody.known", "name": "Nobody Known"}),
    "tags": (["vip"],),
}
#: what a new ticket has in its first words, or where `create:` of the rule says
_BY_RULE = frozenset({"body", "queue"})


class Wholes(Writes):
    """A field that can be written, beside each that may not."""

    def test_no_field_is_left_out_in_silence(self, there: Bench, driver: Driver) -> None:
        """It stands at the desk, or the outcome names it: `left_out`, or words of its `detail`."""
        title = next(iter(self.fields().items()), None)
        if Operation.SET_FIELDS not in self.plugin.spec.operations or title is None:
            pytest.skip("the desk has no fields for us to set")
        silent = []
        for name, value in self.hard(driver, title[0]):
            ticket = there.open_ticket("Printer", "It is on fire")
            before = as_json(self.whole(driver, ticket)).get(name)
            outcome = self.ended(driver, Intent(Operation.SET_FIELDS, dict([title, (name, value)])), ticket)
            if not isinstance(outcome, Done):
                assert getattr(outcome, "detail", ""), f"{name}: {value!r} is {outcome}, without a word"
                continue
            now = as_json(self.whole(driver, ticket)).get(name)
            foretold = driver.connector.as_read(Intent(Operation.SET_FIELDS, {name: value})).get(name, value)
            stands = now in (foretold, value) or now != before or not (now or value)
            if not stands and name not in outcome.left_out and name not in outcome.detail:
                silent.append(f"{name}: {value!r} was asked for, and it is {now!r}")
        assert not silent, f"done beside {title[0]}, and nothing says that this was not: {'; '.join(silent)}"

    def test_a_new_ticket_says_what_it_was_not_given(self, there: Bench, driver: Driver) -> None:
        """It is made without what has no word, and not without a word."""
        if Operation.CREATE not in self.plugin.spec.operations:
            pytest.skip("the desk makes no tickets for us")
        plain = as_json(self.whole(driver, driver.settle(creation(there), context()).remote_id))
        silent = []
        for name, value in self.hard(driver, "title"):
            if name in _BY_RULE or not value:
                continue
            outcome = self.ended(driver, creation(there, **{name: value}), "")
            if not isinstance(outcome, Done):
                assert getattr(outcome, "detail", ""), f"{name}: {value!r} is {outcome}, without a word"
                continue
            now = as_json(self.whole(driver, outcome.receipt.remote_id)).get(name)
            foretold = driver.connector.as_read(Intent(Operation.SET_FIELDS, {name: value})).get(name, value)
            if now not in (foretold, value) and now == plain.get(name) and name not in outcome.detail:
                silent.append(f"{name}: {value!r} was asked for, and it is {now!r}")
        assert not silent, f"made, and nothing says that this was not given: {'; '.join(silent)}"

    def hard(self, driver: Driver, beside: str) -> Iterator[tuple[str, Any]]:
        """Yield values of the fields that can be written and read, for which there may be no word or no place."""
        spec = driver.connector.spec
        for name in sorted(spec.writable_fields & spec.readable_fields & _HARD.keys() - {beside}):
            yield from ((name, value) for value in _HARD[name] if not self.lacks(name))

    def ended(self, driver: Driver, intent: Intent, ticket: str) -> Outcome:
        """Return what an update comes to in the end, whatever that is."""
        given = context(ticket)
        outcome = driver.attempt(intent, given)
        for _ in range(MOST_STEPS):
            if not isinstance(outcome, Progress):
                break
            remote = given.remote_id or outcome.receipt.remote_id
            given = msgspec.structs.replace(given, steps={**given.steps, **outcome.steps}, remote_id=remote)
            outcome = driver.attempt(intent, given)
        return outcome
