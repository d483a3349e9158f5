"""The same desk described in other ways: by keys, by words, by its ETag. Each claim holds under every fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import connectors.generic
from connectors.generic import SPEC, connect
from connectors.generic.bench import GenericBench
from connectors.sdk import Conflict, Effect, Intent, Operation, Plugin, Strategy
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import context
from connectors.testing.conformance.writes import Writes
from connectors.testing.driver import Driver

FOLDER = Path(connectors.generic.__file__).parent


class Keyed(GenericBench):
    """A desk that does nothing twice for one key, and is not searched."""

    def options(self) -> dict[str, Any]:
        """Name the header in place of the search."""
        given = super().options()
        key = {"idempotency_header": "Idempotency-Key", "remembered": "1h"}
        calls = given["calls"]
        del calls["create"]["find"]
        for name in ("create", "reply", "note"):
            calls[name] |= key
        return given


class Worded(GenericBench):
    """A desk whose comments bear no mark, and whose tickets nobody can search for."""

    def options(self) -> dict[str, Any]:
        """Look for comments by their words; for tickets not at all."""
        given = super().options()
        del given["comment"]["marker"]
        del given["calls"]["create"]["find"]
        for name in ("reply", "note"):
            given["calls"][name]["find"] = "words"
        return given


class Matched(GenericBench):
    """A desk that changes a ticket only as it was read."""

    def options(self) -> dict[str, Any]:
        """Send what was read as If-Match."""
        given = super().options()
        given["ticket"]["etag"] = "rev"
        given["calls"]["update"]["if_match"] = True
        return given


class TestByKey(Writes):
    """Sent again with the same key."""

    plugin = Plugin(SPEC.of(Keyed().options()), connect)
    bench = Keyed
    folder = FOLDER

    def test_its_claims(self) -> None:
        """They live as long as the settings say."""
        claims = self.plugin.spec.operations
        assert {each.strategy for name, each in claims.items() if name is not Operation.SET_FIELDS} == {Strategy.KEY}
        assert claims[Operation.CREATE].key_ttl == 3600
        assert not claims[Operation.CREATE].probe


class TestByWords(Writes):
    """Comments are found by words, author and time; a ticket whose answer is lost is left to a person."""

    plugin = Plugin(SPEC.of(Worded().options()), connect)
    bench = Worded
    folder = FOLDER

    def test_its_claims(self) -> None:
        """What cannot be looked for claims nothing."""
        claims = self.plugin.spec.operations
        assert claims[Operation.CREATE].strategy is Strategy.NONE
        assert claims[Operation.PUBLIC_REPLY].strategy is Strategy.PROBE
        assert self.plugin.spec.sees == frozenset()


class TestByMatch(Writes):
    """On the condition that nobody has changed it."""

    plugin = Plugin(SPEC.of(Matched().options()), connect)
    bench = Matched
    folder = FOLDER

    def test_what_somebody_changed_meanwhile_is_a_conflict(self, there: Bench, driver: Driver) -> None:
        """Between our read and our write."""
        ticket = there.open_ticket("Printer", "It is on fire")
        call = driver.connector.write(Intent(Operation.SET_FIELDS, {"title": "Ours"}), context(ticket))
        request = next(call)
        reads = 0
        while request.effect is not Effect.WRITE:
            request = call.send(driver.transport.send(driver.connector, request, deadline=2, trace_id=""))
            reads += 1
        assert reads
        assert request.headers["If-Match"]
        there.set_title(ticket, "Theirs")
        answer = driver.transport.send(driver.connector, request, deadline=2, trace_id="")
        with pytest.raises(StopIteration) as end:
            call.send(answer)
        assert isinstance(end.value.value, Conflict)
        assert there.shown(ticket).title == "Theirs"
