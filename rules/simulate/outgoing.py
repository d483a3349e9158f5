"""What each desk is to show of a ticket, by the sync rules: whose change from one decision to the next is an update."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from gateway.domain.ticket import SYNCED_FIELDS, Ticket
from rules.decide import RuleSet
from rules.sync import SyncRule, owner_allows


def outgoing(rules: RuleSet, ticket: Ticket, links: Collection[str]) -> dict[str, dict[str, str]]:
    """Return connection -> field -> words, for the desks in which the ticket lives.

    The first rule between two desks says it; a value without a word there is told as such.
    """
    told: dict[str, dict[str, str]] = {}
    for rule in rules.sync_rules:
        if not rule.active or rule.source not in links or rule.target not in links:
            continue
        for connection, to_target in ((rule.target, True), (rule.source, False)):
            shown = told.setdefault(connection, {})
            for field, words in _shown(rule, ticket, to_target=to_target):
                shown.setdefault(field, words)
    return {connection: shown for connection, shown in told.items() if shown}


def _shown(rule: SyncRule, ticket: Ticket, *, to_target: bool) -> Iterator[tuple[str, str]]:
    for field in SYNCED_FIELDS:
        if owner_allows(rule, field, to_target):
            yield field, _word(rule, field, getattr(ticket, field), to_target=to_target)


def _word(rule: SyncRule, field: str, value: Any, *, to_target: bool) -> str:
    match field:
        case "status":
            if rule.status_map is not None and to_target:
                return rule.status_map.to_theirs(value.category) or f"no word for {value.category}"
            return str(value.category)
        case "priority":
            if rule.priority_map is not None and to_target:
                return rule.priority_map.to_theirs(value.level) or f"no word for {value.level}"
            return str(value.level)
        case "kind":
            if rule.kind_map is not None and to_target:
                return rule.kind_map.to_theirs(value) or f"no word for {value}"
            return str(value)
        case "assignee" | "requester":
            return value.email or value.name or value.external_id if value is not None else ""
        case _:
            return ", ".join(value) if isinstance(value, tuple) else str(value)
