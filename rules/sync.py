"""Phase sync: which tickets live in two desks at once, and who owns each field there."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.shown import CUSTOM
from gateway.domain.ticket import OPEN_CATEGORIES, Visibility
from rules.conditions import Condition
from rules.due_time import DueTime
from rules.fields import Facts
from rules.index import Index, Indexed
from rules.mapping import KindMap, PriorityMap, StatusMap
from rules.trace import TraceLine


class Owner(StrEnum):
    """Which of the two desks may change a field."""

    FROM = "from"
    TO = "to"
    BOTH = "both"


class UnmappedChoice(StrEnum):
    """What happens to a value that no map covers."""

    #: it becomes a dead letter for a person
    PARK = "park"
    #: it is noted on the ticket and left alone
    IGNORE = "ignore"


class ConflictChoice(StrEnum):
    """What happens when both desks have changed a field."""

    NEWEST = "newest"
    PARK = "park"


class SyncRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of phase sync: tickets of `source` that also live in `target`."""

    name: str
    source: str
    target: str
    when: Condition
    #: the `create:` keys, as the target's connector wants them
    create: dict[str, Any] = {}
    #: field -> who may change it; a field that is not here stays at home
    fields: dict[str, Owner] = {}
    status_map: StatusMap | None = None
    priority_map: PriorityMap | None = None
    kind_map: KindMap | None = None
    #: visibility -> at which desk such a comment may be written to reach the other
    comments: dict[Visibility, Owner] = {}
    #: attachments travel with their comments, unless the rule narrows that
    attachments: Owner = Owner.BOTH
    #: what the gateway itself decides goes to both desks
    write_back: bool = True
    unmapped: UnmappedChoice = UnmappedChoice.PARK
    conflict: ConflictChoice = ConflictChoice.NEWEST
    #: fields that settle a conflict in another way than the rule
    conflicts: dict[str, ConflictChoice] = {}
    #: where due times and the status of clocks are shown
    due_time: tuple[DueTime, ...] = ()
    #: False when one of its connections has no connector installed: it takes no part
    active: bool = True

    def conflict_of(self, field: str) -> ConflictChoice:
        """Return how a conflict on `field` is settled."""
        return self.conflicts.get(field, self.conflict)

    def other(self, connection: str) -> str | None:
        """Return the desk at the other end, or None when `connection` is no end of this rule."""
        if connection == self.source:
            return self.target
        return self.source if connection == self.target else None


def _allows(owner: Owner | None, *, origin_is_source: bool) -> bool:
    if owner is None:
        return False
    return owner is Owner.BOTH or (owner is Owner.FROM) is origin_is_source


def owner_allows(rule: SyncRule, field: str, origin_is_source: bool) -> bool:  # noqa: FBT001 - a value, not a switch
    """Say whether a change of `field` at the source (or at the target) may go to the other desk."""
    return _allows(rule.fields.get(field), origin_is_source=origin_is_source)


def comment_allows(rule: SyncRule, visibility: Visibility, origin_is_source: bool) -> bool:  # noqa: FBT001 - the same
    """Say whether a comment written at the source (or at the target) may go to the other desk."""
    return _allows(rule.comments.get(visibility), origin_is_source=origin_is_source)


def attachment_allows(rule: SyncRule, origin_is_source: bool) -> bool:  # noqa: FBT001 - the same
    """Say whether files on a comment written at the source (or at the target) may go with it."""
    return _allows(rule.attachments, origin_is_source=origin_is_source)


def _refusal(rule: SyncRule, facts: Facts, taken: frozenset[str]) -> str:
    """Return why `rule` makes no ticket, or nothing when it does."""
    if not rule.active:
        return f"a connector of '{rule.source}' or '{rule.target}' is not installed"
    if rule.source not in facts.links:
        return f"the ticket does not live in '{rule.source}'"
    if rule.target in facts.links:
        return f"the ticket lives in '{rule.target}' already"
    if facts.ticket.duplicate_of:
        return f"it is a duplicate of {facts.ticket.duplicate_of}: the original is what lives there"
    if not rule.when.holds(facts):
        return rule.when.why(facts)
    if rule.target in taken:
        return f"an earlier rule takes it to '{rule.target}'"
    category = facts.ticket.status.category
    if category not in OPEN_CATEGORIES and not rule.when.reads & {"status", "status.native"}:
        return f"status is '{category}': a finished ticket is copied only by a rule whose `when` asks for its status"
    return ""


def own_shown(
    rules: Sequence[SyncRule], connection: str, there: Sequence[DueTime] = ()
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the custom fields, by name, and the tags in which the gateway alone writes at a connection.

    `there` is what the connection shows of every ticket.
    """
    shown = [*there, *(due for rule in rules for due in rule.due_time)]
    places = [due.write[connection] for due in shown if connection in due.write]
    fields = frozenset(field for place in places for field in place.fields() if field.startswith(CUSTOM))
    return frozenset(each.removeprefix(CUSTOM) for each in fields), frozenset(
        tag for place in places for tag in place.tags.values()
    )


def indexed(rules: Sequence[SyncRule]) -> Index:
    """Return the index of the rules of the phase."""
    return Index([Indexed(rule.when.guard) for rule in rules])


def run(
    rules: tuple[SyncRule, ...], facts: Facts, *, explain: bool, index: Index | None = None
) -> tuple[tuple[SyncRule, ...], list[TraceLine]]:
    """Return the rules that want the ticket created in their target, the first one for each target, and why.

    Without `explain` the `index` finds those whose condition could hold, with the same result.
    """
    create: list[SyncRule] = []
    taken: frozenset[str] = frozenset()
    trace: list[TraceLine] = []
    for rule in rules if index is None or explain else (rules[place] for place in index.possible(facts)):
        refusal = _refusal(rule, facts, taken)
        if not refusal:
            create.append(rule)
            taken |= {rule.target}
            trace.append(TraceLine("sync", rule.name, matched=True, reason=f"to be created in '{rule.target}'"))
        elif explain:
            trace.append(TraceLine("sync", rule.name, matched=False, reason=refusal))
    return tuple(create), trace
