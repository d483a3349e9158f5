"""Which rules no case touches: a rule is touched when it matched in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from rules.cases.model import Moment, Place
from rules.site import Site
from rules.source import ROTA_SUFFIX, Spot
from rules.yaml12 import load

#: section -> phase, as a trace names it
_PHASES: Mapping[str, str] = {
    "classify": "classify",
    "duplicates": "duplicates",
    "sla": "sla",
    "routes": "route",
    "sync": "sync",
    "escalations": "escalations",
}
#: sections whose phase is not built yet: no case can touch their rules
_LATER: tuple[str, ...] = ()


class Untouched(msgspec.Struct, frozen=True):
    """A rule that no case touches."""

    name: str
    place: Place


class PhaseCoverage(msgspec.Struct, frozen=True):
    """One phase: how many rules it has, and which of them no case touches."""

    phase: str
    rules: int
    untouched: tuple[Untouched, ...] = ()
    #: False: the phase does not run yet
    built: bool = True

    @property
    def touched(self) -> int:
        """How many rules a case touches."""
        return self.rules - len(self.untouched)


def cover(site: Site, moments: Iterable[Moment]) -> tuple[PhaseCoverage, ...]:
    """Say for each phase that has rules which of them matched in no moment."""
    seen = tuple(moments)
    matched = {(line.phase, line.rule) for moment in seen for line in moment.trace if line.matched}
    matched |= {("escalations", fired.name) for moment in seen for fired in moment.fired}
    places = _places(site)
    found = []
    for section, phase in _PHASES.items():
        rules = places.get(section, ())
        if section == "duplicates" and len(rules) == len(site.rules.duplicate_rules):
            # one without a name is named after what it compares
            pairs = zip(rules, site.rules.duplicate_rules, strict=True)
            rules = tuple(Untouched(rule.name, at.place) for at, rule in pairs)
        untouched = tuple(rule for rule in rules if (phase, rule.name) not in matched)
        if rules:
            found.append(PhaseCoverage(phase, len(rules), untouched))
    later = [PhaseCoverage(section, len(places[section]), built=False) for section in _LATER if section in places]
    return (*found, *later)


def _places(site: Site) -> dict[str, tuple[Untouched, ...]]:
    """Return the named items of each list section, in order, with their places."""
    found: dict[str, list[Untouched]] = {}
    for file, text in sorted(site.files.items()):
        if file.endswith(ROTA_SUFFIX):
            continue
        document, _ = load(file, text)
        if document is None:
            continue
        for section in (*_PHASES, *_LATER):
            if isinstance(document.value.get(section), list):
                found.setdefault(section, []).extend(_named(document.root[section]))
    return {section: tuple(rules) for section, rules in found.items()}


def _named(section: Spot) -> Iterable[Untouched]:
    for number, spot in enumerate(section.each(), 1):
        named = isinstance(spot.value, dict) and "name" in spot
        line, column = spot.document.where((*spot.path, "name") if named else spot.path)
        name = spot.value["name"] if named else f"the rule at place {number}"
        yield Untouched(name, Place(spot.document.file, line, column))
