"""What a connector says of itself: its spec, its quality.yaml, and that it does no I/O."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.sdk import API_VERSION, Connector, Operation, Strategy
from connectors.testing.bench import Bench, Lacking
from connectors.testing.conformance.stand import LACKS, Stand
from gateway.domain.ticket import SYNCED_FIELDS, Category, Level

#: modules by which code reaches outside the process; a connector asks for what it wants, and does not take it
REACHING = frozenset({
    "aiohttp", "asyncio", "flask", "ftplib", "http.client", "http.server", "httpx", "imaplib", "multiprocessing", "os",
    "pathlib", "poplib", "redis", "requests", "rq", "secrets", "select", "shutil", "smtplib", "socket", "socketserver",
    "sqlalchemy", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.request", "urllib3",
})  # fmt: skip
#: what reads a clock, or makes chance
UNSURE = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.monotonic", "uuid.uuid4", "open", "input"}
#: files of a connector's folder that are no part of the connector
BESIDE = ("simulator", "simulated", "sim_", "bench", "test_", "conftest")

DOINGS: Mapping[str, Callable[[Bench], None]] = {
    "ask": lambda bench: bench.ask("1", "x"),
    "status": lambda bench: bench.set_status("1", Category.OPEN),
    "priority": lambda bench: bench.set_priority("1", Level.P1),
    "title": lambda bench: bench.set_title("1", "x"),
    "assign": lambda bench: bench.assign("1", "x"),
    "merge": lambda bench: bench.merge("1", "2"),
    "delete": lambda bench: bench.delete("1"),
}


def sources(folder: Path) -> list[Path]:
    """Return the modules of a connector, without its simulator and its tests."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not any(part.startswith(BESIDE) for part in path.relative_to(folder).with_suffix("").parts)
    ]


class Claims(Stand):
    """The spec, the file of claims, and purity."""

    def test_the_spec_is_of_this_interface(self, connector: Connector) -> None:
        """Its name is that of its connection, its fields are ours, its statuses are words."""
        spec = self.plugin.spec
        assert spec.api_version == API_VERSION
        assert spec.name == self.bench.connector
        assert connector.spec == spec
        known = set(SYNCED_FIELDS)
        assert spec.readable_fields <= known, spec.readable_fields - known
        assert spec.writable_fields <= known, spec.writable_fields - known
        assert isinstance(connector, Connector)
        assert spec.webhooks is not self.lacks("webhooks")
        assert spec.polling is not self.lacks("polling")
        assert (Operation.PUBLIC_REPLY not in spec.operations) is self.lacks("public")
        assert (Operation.INTERNAL_NOTE not in spec.operations) is self.lacks("internal")

    def test_every_operation_is_claimed(self) -> None:
        """quality.yaml names the strategy of every operation, and the code has the same."""
        claimed = {name: claim["strategy"] for name, claim in self.quality()["operations"].items()}
        spec = self.plugin.spec
        assert claimed == {operation.value: claim.strategy.value for operation, claim in spec.operations.items()}
        for operation, claim in spec.operations.items():
            assert claim.settle >= 0
            assert claim.strategy is not Strategy.KEY or claim.key_ttl > 0, f"{operation}: how long does the key live?"

    def test_what_is_lacking_is_named_with_its_reason(self, there: Bench) -> None:
        """Nothing is exempt that has no reason, and nothing that the desk's people can do."""
        lacking = self.quality().get("lacks") or {}
        for name, reason in lacking.items():
            assert name in LACKS, f"lacks: {name} means nothing here; there are {', '.join(LACKS)}"
            assert isinstance(reason, str)
            assert len(reason.split()) >= 3, f"lacks: {name}: say why"
        for name, doing in DOINGS.items():
            try:
                doing(there)
            except Lacking:
                assert name in lacking, f"the bench has no {name}, which quality.yaml does not say"
            except Exception:  # noqa: BLE001 - no such ticket: it can be done
                assert name not in lacking, f"the bench has {name}, which quality.yaml calls lacking"
            else:
                assert name not in lacking, f"the bench has {name}, which quality.yaml calls lacking"

    def test_the_connector_does_no_io(self) -> None:
        """It imports nothing that reaches outside, reads no clock and makes no chance."""
        found = [
            f"{path.name}:{line}: {what}"
            for path in sources(self.folder)
            for line, what in reaching(path.read_text(encoding="utf-8"))
        ]
        assert found == []

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


def reaching(source: str) -> list[tuple[int, str]]:
    """Return what a module does that reaches outside the process: line and what."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            aware = name == "datetime.now"
            if name in UNSURE:
                found.append((node.lineno, f"{name}(): time is an argument" if aware else f"{name}()"))
            continue
        else:
            continue
        found += [(node.lineno, f"imports {name}") for name in names if _outside(name)]
    return found


def _outside(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:end]) in REACHING for end in range(1, len(parts) + 1))


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [] if value is None else [value]


__all__ = ["Claims", "reaching", "sources"]
