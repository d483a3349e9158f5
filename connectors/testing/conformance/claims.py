"""What a connector says of itself: its spec, its quality.yaml, and that it does no I/O."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from connectors.sdk import Connector
from connectors.testing.bench import Bench, Lacking
from connectors.testing.conformance.stand import Stand
from connectors.testing.quality import (
    claim_faults,
    comparing_faults,
    io_faults,
    lacks_faults,
    life_faults,
    mechanism_faults,
    operation_faults,
    spec_faults,
    tests_of,
)
from gateway.domain.ticket import Category, Level
from gateway.ports.backfilling import Backfilling

DOINGS: Mapping[str, Callable[[Bench], None]] = {
    "ask": lambda bench: bench.ask("1", "x"),
    "status": lambda bench: bench.set_status("1", Category.OPEN),
    "priority": lambda bench: bench.set_priority("1", Level.P1),
    "title": lambda bench: bench.set_title("1", "x"),
    "assign": lambda bench: bench.assign("1", "x"),
    "merge": lambda bench: bench.merge("1", "2"),
    "delete": lambda bench: bench.delete("1"),
    "name": lambda bench: bench.name("1", "SAP-4711"),
}
#: what a bench may leave out without a word: then it is not tried
OPTIONAL: Mapping[str, str] = {"new_status": "add_status", "new_priority": "add_priority"}


class Claims(Stand):
    """The spec, the file of claims, and purity."""

    def test_the_spec_is_of_this_interface(self, connector: Connector) -> None:
        """Its name is that of its connection, its fields are ours, its statuses are words."""
        spec = self.plugin.spec
        assert spec_faults(spec) == []
        assert spec.name == self.bench.connector
        assert connector.spec == spec
        assert isinstance(connector, Connector)

    def test_every_operation_is_claimed(self) -> None:
        """quality.yaml names the strategy of every operation, and the code has the same."""
        assert operation_faults(self.plugin.spec, self.quality()) == []

    def test_every_claim_is_tested_or_exempt(self) -> None:
        """With a test that is there, or a reason."""
        assert claim_faults(self.quality(), tests_of(self.folder)) == []

    def test_what_is_lacking_is_named_with_its_reason(self, there: Bench, connector: Connector) -> None:
        """Nothing is exempt that has no reason, and nothing that the connector has or the desk's people can do."""
        assert lacks_faults(self.plugin.spec, self.quality()) == []
        assert mechanism_faults(self.quality()) == []
        assert life_faults(self.plugin.spec, self.quality()) == []
        lacking = self.quality().get("lacks") or {}
        assert isinstance(connector, Backfilling) is ("import" in lacking), "only who begins with a cursor of its own"
        for name, doing in DOINGS.items():
            try:
                doing(there)
            except Lacking:
                assert name in lacking, f"the bench has no {name}, which quality.yaml does not say"
            except Exception:  # noqa: BLE001 - no such ticket: it can be done
                assert name not in lacking, f"the bench has {name}, which quality.yaml calls lacking"
            else:
                assert name not in lacking, f"the bench has {name}, which quality.yaml calls lacking"
        for name, method in OPTIONAL.items():
            assert not (there.plays(method) and name in lacking), f"{name} is lacking, and the bench has {method}"

    def test_the_connector_does_no_io(self) -> None:
        """It imports nothing that reaches outside, reads no clock and makes no chance."""
        assert io_faults(self.folder) == []

    def test_what_proves_a_webhook_is_compared_safely(self) -> None:
        """In constant time: how soon a comparison ends would tell how much of a forged signature is right."""
        assert comparing_faults(self.plugin.spec, self.folder) == []

    def test_no_secret_is_shown(self, connector: Connector, there: Bench) -> None:
        """Every secret of the connection is named for redaction, and its repr shows none."""
        secrets = set(connector.secrets())
        assert secrets, "a connection without a secret"
        shown = repr(connector) + repr(connector.settings) + str(connector.spec)
        assert not [secret for secret in secrets if secret in shown]
        hooks = {str(value) for value in _leaves(there.options().get("webhook_secret"))}
        assert hooks <= secrets, "the secret of the webhooks"
        keys = {str(value) for value in _leaves(there.options().get("auth"))}
        assert not keys or keys & secrets, "secrets() names nothing of auth"

    def test_calls_are_generators(self, connector: Connector) -> None:
        """A call begins no work before it is run."""
        for call in (connector.read("1"), connector.whoami(), connector.check()):
            assert inspect.isgenerator(call)
            call.close()


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [] if value is None else [value]


__all__ = ["Claims"]
