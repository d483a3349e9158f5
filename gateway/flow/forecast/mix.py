"""What made-up tickets are about: the mix of a site's own rules, so that each of them has something to decide.

For every condition of a classify rule, a policy or a route fields are looked for that let it hold. What no field can be
found for (a regular expression, a comparison with what was before) is given as what the rule would have set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from gateway.domain.ticket import Kind, Level, Priority
from rules.decide import RuleSet
from rules.fields import LEVEL_NAMES

#: so much of all has each priority that nobody sets by a rule
PRIORITIES: Mapping[Level, float] = {Level.P1: 0.04, Level.P2: 0.16, Level.P3: 0.5, Level.P4: 0.3}
#: a condition on the customer holds for so much of all
OF_CUSTOMERS = 0.25
#: so much is about nothing that a rule knows
PLAIN = 0.35
#: so much comes in a language that the region's own people do not speak
FOREIGN = 0.05
#: so many words for one condition are enough
_MOST = 50
_CUSTOMER = ("org.", "recent.", "requester", "tier", "custom.")
#: what a ticket has whatever it is about
_DRAWN = frozenset({"language", "region", "channel", "source"})
_MADE_ANYWAY = frozenset({"links", "now", "age", "created_at", "updated_at", "duplicate_of", "assignee", "status",
                          "team", "queue"})  # fmt: skip

Fields = dict[str, Any]


class Topic(msgspec.Struct, frozen=True):
    """Something that a ticket can be about: a condition of the site's rules."""

    name: str
    #: as it is written
    when: Mapping[str, Any]
    #: what is given where no fields can be found for the condition
    instead: Mapping[str, Any]
    weight: float = 1.0

    def fields(self, chosen: Random) -> Fields:
        """Return fields that let the condition hold."""
        found = solve(self.when, chosen)
        return found if found is not None else dict(self.instead)

    @property
    def is_of_customer(self) -> bool:
        """Say whether it is about who asks, not about what is asked."""
        names = set(_named(self.when))
        return bool(names) and all(name.startswith(_CUSTOMER) for name in names)


class Region(msgspec.Struct, frozen=True):
    """Where tickets come from."""

    name: str
    #: a tag for each agent who speaks it
    languages: tuple[str, ...]
    agents: int


class Mix(msgspec.Struct, frozen=True):
    """What the tickets of a site are like."""

    topics: tuple[Topic, ...]
    customers: tuple[Topic, ...]
    regions: tuple[Region, ...]
    languages: tuple[str, ...]
    channels: tuple[str, ...]
    sources: tuple[str, ...]

    def draw(self, region: str, chosen: Random) -> Fields:
        """Return the fields of a ticket that comes from a region, as its desk would say them."""
        here = next(each for each in self.regions if each.name == region)
        fields: Fields = {
            "source": chosen.choice(self.sources),
            "channel": chosen.choice(self.channels),
            "priority": chosen.choices(list(PRIORITIES), list(PRIORITIES.values()))[0].value,
            "title": "A question",
        }
        if region:
            fields["region"] = region
        spoken = here.languages or self.languages
        if spoken:
            foreign = [tag for tag in self.languages if tag not in spoken]
            fields["language"] = chosen.choice(foreign if foreign and chosen.random() < FOREIGN else spoken)
        if self.topics and chosen.random() >= PLAIN:
            topic = chosen.choices(self.topics, [each.weight for each in self.topics])[0]
            self._add(fields, topic.fields(chosen))
        for topic in self.customers:
            if chosen.random() < OF_CUSTOMERS:
                self._add(fields, topic.fields(chosen))
        return fields

    @staticmethod
    def _add(fields: Fields, more: Fields) -> None:
        titles = [each for each in (more.get("title", ""), more.get("text", "")) if each]
        fields |= {name: value for name, value in more.items() if name not in {"title", "text"}}
        if titles:
            fields["title"] = f"About {' '.join(titles)}"


def mix_of(rules: RuleSet, sources: Sequence[str]) -> Mix:
    """Return the mix that a site's rules speak of; `sources` are the desks from which tickets come."""
    roster = rules.routing.roster
    topics = list(_topics(rules))
    regions = []
    for name in roster.regions() or ("",):
        agents = roster.people(roster.in_region(name) if name else roster.all)
        if agents:
            regions.append(Region(name, tuple(tag for agent in agents for tag in agent.languages), len(agents)))
    spoken = tuple(dict.fromkeys(tag for agent in roster.agents for tag in agent.languages))
    named = {str(value) for topic in topics for value in _values(topic.when, "channel")}
    weighed = {channel for agent in roster.agents for channel in agent.weights}
    # most of it is mail, wherever else it may come from
    channels = ("email", "email", "email", *sorted((named | weighed) - {"email"}))
    return Mix(
        topics=tuple(each for each in topics if not each.is_of_customer and set(_named(each.when)) - _DRAWN),
        customers=tuple(each for each in topics if each.is_of_customer),
        regions=tuple(regions) or (Region("", spoken, 1),),
        languages=spoken,
        channels=channels,
        sources=tuple(sources),
    )


def _topics(rules: RuleSet) -> Iterator[Topic]:
    seen: set[str] = set()
    for section in ("classify", "sla", "routes"):
        for rule in rules.sections.get(section) or ():
            when = rule.get("when")
            if not when or not rule.get("active", True) or repr(when) in seen:
                continue
            seen.add(repr(when))
            sets = rule.get("set") or {}
            level = LEVEL_NAMES.get(str(sets.get("priority", "")))
            # a rule that raises the priority speaks of what is rare
            weight = PRIORITIES.get(level, PRIORITIES[Level.P3]) / PRIORITIES[Level.P3] if level is not None else 1.0
            yield Topic(str(rule.get("name", "")), when, dict(sets), weight)


# ---------------------------------------------------------------- fields for a condition


def solve(when: Mapping[str, Any], chosen: Random) -> Fields | None:
    """Return fields that let a condition hold, as it is written; None where none are found."""
    found: Fields = {}
    for key, wanted in when.items():
        match key:
            case "all":
                parts: list[Fields | None] = [solve(each, chosen) for each in wanted]
            case "any":
                able = [part for each in wanted if (part := solve(each, chosen)) is not None]
                parts = [chosen.choice(able) if able else None]
            case "not":
                continue
            case _:
                value = _value(key, wanted, chosen)
                parts = [None if value is None else {key: value}]
        for part in parts:
            if part is None:
                return None
            found |= part
    return found


def _value(field: str, wanted: Any, chosen: Random) -> Any:
    """Return a value of a field that fits; None where none is found."""
    if field in _MADE_ANYWAY or field.endswith(".native"):
        return None
    found: Any
    if isinstance(wanted, list):
        found = chosen.choice(wanted[:_MOST]) if wanted else None
    elif isinstance(wanted, dict):
        found = _fitting(wanted, chosen)
    else:
        found = wanted
    if found is None or isinstance(found, dict):
        return None
    if field.startswith("recent."):
        return int(found) if isinstance(found, int | float) else None
    if field in {"tags", "participants"}:
        return [str(found)]
    return found


def _fitting(operators: Mapping[str, Any], chosen: Random) -> Any:
    for name, operand in operators.items():
        several = operand if isinstance(operand, list) else [operand]
        match name:
            case "equals" | "in" | "contains" | "words" | "at_least" | "changed_to":
                return chosen.choice(several[:_MOST])
            case "matches":
                return word_of(str(chosen.choice(several)), chosen)
            case "above" if isinstance(operand, int | float):
                return operand + 1
            case "below" if isinstance(operand, int | float):
                return operand - 1
            case "exists" if operand is True:
                return "something"
    return None


_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)")


def word_of(pattern: str, chosen: Random) -> str | None:
    """Return words in which a plain regular expression is found; None for one that is not plain."""
    text = re.sub(r"\(\?[a-z]+\)|\\b|[\^$]", "", pattern)
    while (group := _GROUP.search(text)) is not None:
        text = text[: group.start()] + chosen.choice(group[1].split("|")) + text[group.end() :]
    text = chosen.choice(text.split("|"))
    text = re.sub(r"(\\s|\s)[*+?]?", " ", text)
    text = re.sub(r"\\d[*+?]?", "7", text)
    text = re.sub(r"\w\?", "", text)
    text = re.sub(r"\\(\W)", r"\1", text).strip()
    try:
        return text if text and re.search(pattern, text, re.IGNORECASE) else None
    except re.error:
        return None


def _named(when: Mapping[str, Any]) -> Iterator[str]:
    """Go through the fields that a condition names."""
    for key, wanted in when.items():
        if key in {"all", "any"}:
            for each in wanted:
                yield from _named(each)
        elif key == "not":
            yield from _named(wanted)
        else:
            yield key


def _values(when: Mapping[str, Any], field: str) -> Iterator[Any]:
    """Go through the values that a condition names for a field."""
    for key, wanted in when.items():
        if key in {"all", "any"}:
            for each in wanted:
                yield from _values(each, field)
        elif key == field and not isinstance(wanted, dict):
            yield from wanted if isinstance(wanted, list) else [wanted]


def model(fields: Fields) -> Fields:
    """Return fields that rules speak of as the ticket has them; what a ticket cannot have is left out."""
    found = dict(fields)
    if "priority" in found:
        level = LEVEL_NAMES.get(str(found["priority"]))
        found["priority"] = Priority(level if level is not None else Level.UNSET)
    if "kind" in found:
        found["kind"] = Kind(found["kind"]) if found["kind"] in set(Kind) else Kind.OTHER
    for name in ("tags", "participants"):
        if name in found:
            found[name] = tuple(found[name])
    return found
