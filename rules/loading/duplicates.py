"""Compiling the rules of phase duplicates."""

from __future__ import annotations

from rules.conditions import ALWAYS, compile_condition
from rules.duplicates import DuplicateAction, DuplicateRule, OriginalChoice
from rules.duration import seconds
from rules.fields import Field, FieldType, Reader, Vocabulary
from rules.loading.sections import Sections
from rules.problem import Problem, nearest
from rules.source import Spot

#: one person has several accounts: `requester` compares who is behind them
REQUESTER = "requester"
_COMPARED = frozenset(
    {FieldType.TEXT, FieldType.CHOICE, FieldType.LEVEL, FieldType.LANGUAGE, FieldType.LIST, FieldType.ANY}
)


def duplicate_rules(sections: Sections, vocabulary: Vocabulary, problems: list[Problem]) -> tuple[DuplicateRule, ...]:
    """Compile every duplicates rule, in order."""
    rules: list[DuplicateRule] = []
    seen: dict[str, Spot] = {}
    for spot in sections.items("duplicates"):
        name = spot.get("name") or _own_name(spot, seen)
        if name in seen:
            message = f"there is another duplicates rule '{name}' in {seen[name].at()}"
            problems.append(spot["name"].error("duplicate-name", message, "give each rule a name of its own"))
            continue
        seen[name] = spot["name"] if spot.get("name") else spot
        when = compile_condition(spot["when"], vocabulary, problems) if "when" in spot else ALWAYS
        parts = _parts(spot["same"], vocabulary, problems)
        asked = (vocabulary.field(field) for field in sorted(when.reads))
        readers = (*(field.read for field in asked if field is not None), *parts.values())
        rules.append(
            DuplicateRule(
                name=name,
                when=when,
                same=tuple(parts),
                parts=tuple(parts.values()),
                within=seconds(spot.value["within"]),
                action=DuplicateAction(spot.get("do", "propose")),
                original=OriginalChoice(spot.get("original", "open")),
                readers=readers,
            )
        )
    return tuple(rules)


def _own_name(spot: Spot, taken: dict[str, Spot]) -> str:
    """Name a rule that has no name after what it compares."""
    plain = "same-" + "-".join(str(each) for each in spot.value["same"])
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def _parts(same: Spot, vocabulary: Vocabulary, problems: list[Problem]) -> dict[str, Reader]:
    """Return what reads each part of the key, by name."""
    parts: dict[str, Reader] = {}
    for spot in same.each():
        name = spot.value
        field = vocabulary.field(name)
        if name in parts:
            problems.append(spot.error("duplicate-name", f"'{name}' is in `same` twice", "name it once"))
        elif name == REQUESTER:
            parts[name] = lambda ticket, _facts: ticket.requester_id
        elif field is None:
            message = f"there is no field '{name[:60]}'"
            problems.append(spot.error("unknown-field", message, nearest(name, vocabulary.names())))
        elif not _is_compared(field):
            message = f"'{name}' is a {field.type}: two tickets cannot be compared by it"
            problems.append(spot.error("wrong-field", message, "name a text, a word, a list or a custom field"))
        else:
            parts[name] = field.read
    if REQUESTER not in parts:
        message = "`same` does not name the requester: duplicates are two tickets of one customer"
        problems.append(same.error("missing-requester", message, "add requester to the list"))
    return parts


def _is_compared(field: Field) -> bool:
    return field.type in _COMPARED and not field.volatile and field.name not in {"duplicate_of", "source"}
