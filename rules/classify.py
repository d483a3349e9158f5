"""Phase classify: say what a ticket is.

Rules run in the order in which they are written, and every one that matches takes part. The first to set a field
wins, in this run and in later ones: a rule gives way only to the rules above it. A rule runs again only when something
that it reads has changed. What a person set stays; what a desk filled in by itself may be overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from rules.classifiers import PREFIX, Said, is_open, model_value
from rules.conditions import Condition
from rules.fields import Facts, Reader
from rules.index import Glance, Index, Indexed
from rules.stages import NO_STAGES, Stages
from rules.trace import TraceLine


class ClassifyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of phase classify."""

    name: str
    when: Condition
    #: what it sets: field name (or `custom.NAME`) -> model value
    sets: dict[str, Any]
    #: reads the fields of `when`, to see whether they have changed
    readers: tuple[Reader, ...] = ()


class Set(msgspec.Struct, frozen=True):
    """One value that a rule gave a field."""

    field: str
    value: Any
    rule: str


def value_of(ticket: Ticket, field: str) -> Any:
    """Return the model value of a field that a rule can set."""
    if field.startswith("custom."):
        return ticket.custom.get(field.removeprefix("custom."))
    return getattr(ticket, field)


def _put(ticket: Ticket, field: str, value: Any, stamp: Stamp) -> Ticket:
    if field.startswith("custom."):
        custom = {**ticket.custom, field.removeprefix("custom."): value}
        stamps = {**ticket.stamps, field: stamp}
        updated = max(ticket.updated_at, stamp.at)
        return msgspec.structs.replace(ticket, custom=custom, stamps=stamps, updated_at=updated)
    return with_field(ticket, field, value, stamp)


def _same(field: str, before: Any, value: Any) -> bool:
    # A desk's own word for the level says nothing more about the ticket than the level does.
    return bool(before.level == value.level if field == "priority" else before == value)


def indexed(rules: Sequence[ClassifyRule]) -> Index:
    """Return the index of the rules of the phase."""
    return Index([Indexed(rule.when.guard, rule.readers, rule.when.volatile, rule.sets) for rule in rules])


def _asked(rule: ClassifyRule, facts: Facts, released: set[str]) -> bool:
    """Say whether anything that the rule reads has changed, or a field that it sets has become free."""
    previous = facts.previous
    if previous is None or rule.when.volatile or not released.isdisjoint(rule.sets):
        return True
    return any(read(facts.ticket, facts) != read(previous, facts) for read in rule.readers)


class _Run:
    """One pass over the rules for one ticket."""

    def __init__(self, order: Mapping[str, int], facts: Facts, stages: Stages) -> None:
        self.order = order
        self.stages = stages
        self.facts = facts
        #: fields set by a rule that ran again and no longer matches: the rules below it may take them
        self.released: set[str] = set()
        self.sets: list[Set] = []

    def release(self, rule: ClassifyRule) -> bool:
        """Free the fields that `rule` has set; say whether there are any."""
        free = [field for field in rule.sets if self.holds(rule, field)]
        self.released.update(free)
        return bool(free)

    def holds(self, rule: ClassifyRule, field: str) -> bool:
        stamp = self.facts.ticket.stamps.get(field)
        return stamp is not None and stamp.by is Setter.RULE and stamp.name == rule.name

    def keeper(self, field: str, rule: ClassifyRule) -> str:
        """Return why `rule` may not set `field`, or nothing when it may."""
        stamp = self.facts.ticket.stamps.get(field)
        if stamp is None or stamp.by is Setter.DESK:
            return ""
        if stamp.by is Setter.PERSON:
            return f"{field} kept: set by a person ({stamp.name})"
        above = self.order.get(stamp.name, len(self.order)) < self.order[rule.name]
        if above and field not in self.released:
            return f"{field} kept: set by rule '{stamp.name}'"
        return ""

    def misfit(self, field: str, value: Any) -> str:
        """Return why a stage cannot be entered: it is none of the kind's own."""
        kind = self.facts.ticket.kind
        if field != "stage" or value in self.stages.of(kind):
            return ""
        return f"stage ignored: {kind} has no stage '{value}'"

    def apply(self, rule: ClassifyRule) -> tuple[str, ...]:
        effects = []
        for field, value in rule.sets.items():
            kept = self.keeper(field, rule) or self.misfit(field, value)
            if kept:
                effects.append(kept)
                continue
            effects.append(f"{field} = {value_text(value)}")
            self.released.discard(field)
            self.set(field, value, rule.name)
        return tuple(effects)

    def guess(self, said: Said) -> str:
        """Take what a classifier said, where nobody else has said anything; return what became of it."""
        field, value = said.field, model_value(said.field, said.value)
        name = PREFIX + said.classifier
        sure = f"({said.confidence:.0%} sure)"
        stamp = self.facts.ticket.stamps.get(field)
        gone = stamp is not None and stamp.by is Setter.RULE and stamp.name not in self.order
        retired = gone and stamp is not None and not stamp.name.startswith(PREFIX)
        if not retired and not is_open(self.facts.ticket, field, said.classifier):
            by = f"set by {stamp.by} '{stamp.name}'" if stamp is not None else "filled in already"
            return f"{field} kept: {by}; guessed {value_text(value)} {sure}"
        misfit = self.misfit(field, value)
        if misfit:
            return misfit
        self.set(field, value, name)
        return f"{field} = {value_text(value)} {sure}"

    def set(self, field: str, value: Any, name: str) -> None:
        ticket = self.facts.ticket
        before = value_of(ticket, field)
        stamp = Stamp(by=Setter.RULE, name=name, at=self.facts.now)
        if _same(field, before, value):
            # The rule takes the field over as it is: the time of the last real edit stays true.
            old = ticket.stamps.get(field)
            if old is not None:
                stamp = Stamp(by=Setter.RULE, name=name, at=old.at, version=old.version)
            ticket = msgspec.structs.replace(ticket, stamps={**ticket.stamps, field: stamp})
        else:
            ticket = _put(ticket, field, value, stamp)
            self.sets.append(Set(field, value, name))
        self.facts = msgspec.structs.replace(self.facts, ticket=ticket)


def value_text(value: Any) -> str:
    """Return a value as the rule file would write it."""
    level = getattr(value, "level", None)
    if level is not None:
        return str(level)
    return "[" + ", ".join(value) + "]" if isinstance(value, tuple) else str(value)


def run(
    rules: tuple[ClassifyRule, ...],
    order: Mapping[str, int],
    facts: Facts,
    *,
    explain: bool,
    stages: Stages = NO_STAGES,
    index: Index | None = None,
    said: Sequence[Said] = (),
) -> tuple[Ticket, tuple[Set, ...], list[TraceLine]]:
    """Run the phase once; return the ticket, what was set, and a line for each rule and for each guess.

    Without `explain` only the rules that match have one; then the `index` finds those that could, with the same result.
    """
    this = _Run(order, facts, stages)
    if index is not None and not explain:
        trace = _by_index(rules, this, index)
    else:
        trace = _one_by_one(rules, this, explain=explain)
    known = len(this.sets)
    for each in said:
        effect = this.guess(each)
        trace.append(TraceLine("classify", PREFIX + each.classifier, matched=True, reason=effect, effects=(effect,)))
    if len(this.sets) > known:
        trace += _after_guesses(rules, this, known, explain=explain)
    # of a field that was guessed, and then set by a rule, the last value counts
    return this.facts.ticket, tuple({each.field: each for each in this.sets}.values()), trace


def _after_guesses(rules: tuple[ClassifyRule, ...], this: _Run, known: int, *, explain: bool) -> list[TraceLine]:
    """Ask the rules again that read what a classifier has just filled in; `known` values had been set before."""
    this.released.clear()
    trace = []
    for rule in rules:
        changed = {name for each in this.sets[known:] for name in (each.field, f"{each.field}.native")}
        if rule.when.reads.isdisjoint(changed) and this.released.isdisjoint(rule.sets):
            continue
        if rule.when.holds(this.facts):
            trace.append(_matched(rule, this.apply(rule)))
        else:
            this.release(rule)
            if explain:
                trace.append(TraceLine("classify", rule.name, matched=False, reason=rule.when.why(this.facts)))
    return trace


def _one_by_one(rules: tuple[ClassifyRule, ...], this: _Run, *, explain: bool) -> list[TraceLine]:
    trace = []
    for rule in rules:
        if not _asked(rule, this.facts, this.released):
            if explain:
                reason = "nothing that it reads has changed"
                trace.append(TraceLine("classify", rule.name, matched=False, reason=reason, ran=False))
        elif rule.when.holds(this.facts):
            trace.append(_matched(rule, this.apply(rule)))
        else:
            this.release(rule)
            if explain:
                reason = rule.when.why(this.facts)
                trace.append(TraceLine("classify", rule.name, matched=False, reason=reason))
    return trace


def _by_index(rules: tuple[ClassifyRule, ...], this: _Run, index: Index) -> list[TraceLine]:
    # a rule that has set a field is asked even when it cannot hold: then the field becomes free
    stamps = this.facts.ticket.stamps.values()
    holders = {this.order[stamp.name] for stamp in stamps if stamp.by is Setter.RULE and stamp.name in this.order}
    glance = Glance(index, this.facts, also=holders)
    trace = []
    for place in glance:
        rule = rules[place]
        before = this.facts
        if rule.when.holds(before):
            trace.append(_matched(rule, this.apply(rule)))
            if this.facts is not before:
                glance.update(this.facts, this.released)
        elif this.release(rule):
            glance.update(this.facts, this.released)
    return trace


def _matched(rule: ClassifyRule, effects: tuple[str, ...]) -> TraceLine:
    return TraceLine("classify", rule.name, matched=True, reason="; ".join(effects), effects=effects)
