"""Small makers that the tests of the rules share."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors import registry
from gateway.domain.ticket import Stamp, Ticket
from gateway.ports import ConnectorSpec, Setting
from rules import Problem, RuleSet, Site, load_site
from rules.conditions import Condition, compile_condition
from rules.fields import Facts, Vocabulary
from rules.source import Document
from rules.yaml12 import load

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)

GATEWAY = """\
connections:
  zen:
    connector: desk
    url: https://zen.example
  rt:
    connector: desk
    url: https://rt.example
"""

#: a connector that can do everything and asks for nothing
DESK = ConnectorSpec(
    name="desk",
    title="Desk",
    api_version=1,
    settings=(Setting("token", {"type": "string"}, secret=True), Setting("size", {"type": "integer"})),
    operations={},
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags", "language"}),
    writable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags", "language"}),
    create_params=(Setting("queue", {"type": "string"}),),
)
SPECS: Mapping[str, ConnectorSpec] = {"desk": DESK}


@functools.cache
def built_in() -> registry.Registry:
    """Return the connectors that come with the gateway, loaded once for the process."""
    return registry.load(points=())


def installed() -> dict[str, ConnectorSpec]:
    """Return the specs of the connectors that come with the gateway."""
    return {name: plugin.spec for name, plugin in built_in().plugins.items()}


def document(text: str, file: str = "a.yaml") -> Document:
    """Read YAML that is known to be fine."""
    read, problems = load(file, text)
    assert read is not None, problems
    return read


def site(rules: str = "", gateway: str = GATEWAY, specs: Mapping[str, ConnectorSpec] = SPECS) -> Site:
    """Load a site that is known to be fine."""
    loaded, problems = load_site({"gateway.yaml": gateway, "rules/a.yaml": rules}, specs)
    assert loaded is not None, "\n".join(str(problem) for problem in problems)
    return loaded


def rule_set(rules: str) -> RuleSet:
    """Load rules that are known to be fine."""
    return site(rules).rules


def problems_of(
    rules: str = "", gateway: str = GATEWAY, specs: Mapping[str, ConnectorSpec] = SPECS
) -> tuple[Problem, ...]:
    """Load a site and return what is wrong with it."""
    return load_site({"gateway.yaml": gateway, "rules/a.yaml": rules}, specs)[1]


def ticket(**changes: Any) -> Ticket:
    """Return a ticket of desk `zen`."""
    plain = Ticket(id="t1", source="zen", created_at=NOW, updated_at=NOW)
    return msgspec.structs.replace(plain, **changes)


def stamped(given: Ticket, field: str, stamp: Stamp) -> Ticket:
    """Return the ticket with a stamp on one field."""
    return msgspec.structs.replace(given, stamps={**given.stamps, field: stamp})


def facts(
    given: Ticket, previous: Ticket | None = None, links: frozenset[str] = frozenset({"zen"}), now: datetime = NOW
) -> Facts:
    """Return what a condition looks at."""
    return Facts(given, previous, links, now)


def condition(text: str, vocabulary: Vocabulary | None = None) -> Condition:
    """Compile a condition that is known to be fine."""
    problems: list[Problem] = []
    compiled = compile_condition(document(text).root, vocabulary or Vocabulary(connections=("zen", "rt")), problems)
    assert not problems, problems
    return compiled
