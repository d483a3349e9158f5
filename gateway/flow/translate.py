"""From a desk's words to ours, by the maps of the sync rule; what no map covers is parked or left to be noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.domain.link import Link
from gateway.domain.ticket import Category, Kind, Level, Priority, Status, Ticket
from gateway.errors import UnmappedError
from rules.sync import SyncRule, UnmappedChoice

#: what desks show of a ticket without a priority
NO_PRIORITY = frozenset({"", "-", "0", "n/a", "none", "not set", "unset"})


def to_ours(
    field: str, value: Any, ticket: Ticket, link: Link, rule: SyncRule | None, rules: Sequence[SyncRule]
) -> Any | None:
    """Translate a desk's value into ours by the rule's maps; None: not covered and the rule says ignore."""
    if field == "status" and isinstance(value, Status):
        category: Category | None = value.category
        if rule is not None and rule.status_map is not None:
            category = rule.status_map.to_ours(value.native, ticket.status.category)
        if category is None or category is Category.UNKNOWN:
            require_ignorable(field, value.native, link, rule, rules)
            return None
        if rule is None:
            return value
        reason = value.hold_reason if category is Category.ON_HOLD else None
        return Status(
            category, "", reason or (ticket.status.hold_reason if category is ticket.status.category else None)
        )
    if field == "priority" and isinstance(value, Priority):
        level: Level | None = None if is_unknown(value) else value.level
        if rule is not None and rule.priority_map is not None:
            level = rule.priority_map.to_ours(value.native, ticket.priority.level)
        if level is None:
            require_ignorable(field, value.native, link, rule, rules)
            return None
        return value if rule is None else Priority(level)
    if field == "kind" and isinstance(value, str) and rule is not None and rule.kind_map is not None:
        kind = rule.kind_map.to_ours(value, ticket.kind)
        if kind is None:
            require_ignorable(field, value, link, rule, rules)
        return kind
    if field == "kind" and not isinstance(value, Kind):
        return Kind(value)
    return value


def is_unknown(value: Priority) -> bool:
    """Say whether a desk names a priority that nothing gives a meaning to; one without a priority names none."""
    return value.level is Level.UNSET and value.native.strip().casefold() not in NO_PRIORITY


def require_ignorable(field: str, native: str, link: Link, rule: SyncRule | None, rules: Sequence[SyncRule]) -> None:
    """Park by raising where a rule says so; else let the caller note it."""
    deciding = [rule] if rule is not None else [each for each in rules if each.source == link.connection]
    for each in deciding:
        if each.unmapped is UnmappedChoice.PARK and field in each.fields:
            where = (
                f"is not in the map of rule {each.name!r}: add a line for it"
                if rule is not None
                else f"is a word that nothing gives a meaning to (rule {each.name!r}): give it one in the settings of "
                f"the connection"
            )
            msg = f"{field} {native!r} of {link.connection} {where}, then replay"
            raise UnmappedError(msg)
