"""Desks for a rehearsal: each takes what its connector says it takes, at once, and reads back what was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.domain.ticket import Category, Priority, Status
from gateway.domain.update import Intent
from gateway.ports import ConnectionSettings, ConnectorSpec
from rules.site import Site
from rules.sync import SyncRule


class RehearsedDesk:
    """A desk that takes everything that its connector says it takes, and reads back what was written."""

    def __init__(self, spec: ConnectorSpec, settings: ConnectionSettings, rules: tuple[SyncRule, ...]) -> None:
        self.spec = spec
        self.settings = settings
        self._rules = [rule for rule in rules if rule.target == settings.name]

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields as they are; a status and a priority as the desk's own word reads."""
        fields = dict(intent.fields)
        if "status" in fields:
            fields["status"] = msgspec.to_builtins(self.status(msgspec.convert(fields["status"], Status)))
        if "priority" in fields:
            fields["priority"] = msgspec.to_builtins(self.priority(msgspec.convert(fields["priority"], Priority)))
        if isinstance(fields.get("assignee"), dict):
            fields["assignee"] = {"external_id": fields["assignee"].get("external_id", "")}
        return fields

    def status(self, said: Status) -> Status:
        """Return a status as this desk reads: what its word means, whoever wrote it; else the category's own name."""
        if not said.native:
            own = said.category.value if said.category.value in self.spec.statuses else ""
            return Status(said.category, own, said.hold_reason)
        for rule in self._rules:
            means = rule.status_map.to_ours(said.native) if rule.status_map is not None else None
            if means is not None:
                return Status(means, said.native)
        known = said.category if said.category is not Category.UNKNOWN else _by_name(said.native)
        return Status(known, said.native, said.hold_reason)

    def priority(self, said: Priority) -> Priority:
        """Return a priority as this desk reads."""
        for rule in self._rules:
            means = rule.priority_map.to_ours(said.native) if rule.priority_map is not None and said.native else None
            if means is not None:
                return Priority(means, said.native)
        return said


def _by_name(word: str) -> Category:
    return Category(word) if word in set(Category) else Category.UNKNOWN


def rehearsed_desks(site: Site, specs: Mapping[str, ConnectorSpec]) -> dict[str, RehearsedDesk]:
    """Return a desk for each connection whose connector is installed; no secret is needed."""
    return {
        name: RehearsedDesk(
            specs[each.connector].of(each.options),
            ConnectionSettings(name, each.connector, each.url, {}, write_back=each.write_back),
            site.rules.sync_rules,
        )
        for name, each in site.connections.items()
        if each.installed and each.connector in specs
    }
