"""Compiling the rules of phase classify."""

from __future__ import annotations

from typing import Any

from gateway.domain.ticket import Kind, Priority
from rules.classify import ClassifyRule
from rules.conditions import ALWAYS, compile_condition
from rules.fields import LEVEL_NAMES, Vocabulary
from rules.loading.sections import Sections, names
from rules.problem import Problem, nearest
from rules.source import Spot
from rules.yaml12 import Written


def classify_rules(sections: Sections, vocabulary: Vocabulary, problems: list[Problem]) -> tuple[ClassifyRule, ...]:
    """Compile every classify rule, in order."""
    rules = []
    for name, spot in names(sections.items("classify"), "classify rule", problems):
        when = compile_condition(spot["when"], vocabulary, problems) if "when" in spot else ALWAYS
        # the kind first: it says which stages there are
        written = sorted(spot["set"].entries(), key=lambda entry: entry[0] != "kind")
        sets = {field: _value(field, value, vocabulary, problems) for field, value in written}
        found = (vocabulary.field(field) for field in sorted(when.reads))
        readers = tuple(field.read for field in found if field is not None)
        rules.append(ClassifyRule(name=name, when=when, sets=sets, readers=readers))
    return tuple(rules)


def _value(field: str, spot: Spot, vocabulary: Vocabulary, problems: list[Problem]) -> Any:
    value = spot.value
    match field:
        case "kind":
            return Kind(value)
        case "priority":
            return Priority(LEVEL_NAMES[value])
        case "tags":
            return tuple(dict.fromkeys(value))
        case "stage":
            _known_stage(spot, vocabulary, problems)
            return value
        case _:
            if isinstance(value, Written):
                message = f"{value.text} is read as the number {value!r}"
                problems.append(
                    spot.warning("ambiguous-number", message, f'put it in quotes to keep it: "{value.text}"')
                )
                return int(value) if isinstance(value, int) else float(value)
            return value


def _known_stage(spot: Spot, vocabulary: Vocabulary, problems: list[Problem]) -> None:
    known = vocabulary.fields["stage"].words
    if spot.value not in known:
        message = f"no kind has the stage '{spot.value[:60]}'"
        problems.append(spot.error("unknown-stage", message, nearest(spot.value, known)))
