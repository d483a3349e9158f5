"""Stages that nothing enters or that belong to another kind, and duplicates of duplicates."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.ticket import Kind
from rules.fields import DEFAULT_STAGES
from rules.lint.reading import Reading, called
from rules.problem import Problem
from rules.source import Spot


def _stages(reading: Reading) -> Iterator[tuple[str, str, Spot, bool]]:
    """Go through the stages: (kind, stage, where, whether a desk's status enters it)."""
    for kind, stages in reading.sections.entries("stages").items():
        for stage in stages.each():
            if isinstance(stage.value, str):
                yield kind, stage.value, stage, False
            for name, desks in stage.entries():
                yield kind, name, stage, bool(desks.value)


def never_entered(reading: Reading) -> Iterator[Problem]:
    """Say which stages no desk's status and no rule leads to."""
    set_by_rules = {rule.value["set"].get("stage") for rule in reading.sections.items("classify")}
    for kind, name, spot, entered in _stages(reading):
        if not entered and name not in set_by_rules:
            message = f"nothing enters the stage '{name}' of {kind}: no desk has a status for it, and no rule sets it"
            hint = f"write {name}: {{CONNECTION: STATUS}}, or a classify rule that sets it"
            yield spot.warning("stage-never-entered", message, hint)


def other_kinds(reading: Reading) -> Iterator[Problem]:
    """Say where a rule makes a ticket one kind and gives it a stage of another."""
    of_kind: dict[str, list[str]] = {}
    for kind, name, _, _ in _stages(reading):
        of_kind.setdefault(kind, []).append(name)
    of_kind.setdefault(Kind.IMPLEMENTATION.value, list(DEFAULT_STAGES))
    for rule in reading.sections.items("classify"):
        kind, stage = rule.value["set"].get("kind"), rule.value["set"].get("stage")
        if kind is None or stage is None or stage in of_kind.get(kind, ()):
            continue
        owners = [each for each, names in of_kind.items() if stage in names]
        message = f"'{stage}' is no stage of {kind}" + (f": it is one of {', '.join(owners)}" if owners else "")
        has = of_kind.get(kind)
        hint = f"{kind} has {', '.join(has)}" if has else f"give {kind} its stages under stages:"
        yield rule["set"]["stage"].error("stage-of-another-kind", message, hint)


def chains(reading: Reading) -> Iterator[Problem]:
    """Say where one rule can merge a ticket into one that another rule merges further."""
    merging = [rule for rule in reading.sections.items("duplicates") if rule.get("do") == "merge"]
    for place, rule in enumerate(merging):
        for other in merging[:place]:
            mine, theirs = set(rule.value["same"]), set(other.value["same"])
            # what is the same by more fields is the same by fewer: such rules find the same original, unless the
            # narrower one looks further back
            if mine == theirs or not reading.solver.can_hold(reading.formula(rule), reading.formula(other)):
                continue
            message = (
                f"a ticket that the rule {called(other)} at {other.at()} merges into an original can be what this one "
                "finds a third to repeat: the third goes to an original with which it need not share these fields"
            )
            hint = "merge by one of them and let the other propose, or keep them apart by `when`"
            yield rule.warning("duplicate-chain", message, hint)
            break
