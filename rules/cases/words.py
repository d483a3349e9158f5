"""The names that a site knows, for cases: what a value may be, and what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rules.decide import RuleSet
from rules.site import Site


class Words(msgspec.Struct, frozen=True):
    """A site's own words."""

    rules: RuleSet
    connections: tuple[str, ...]
    stages: tuple[str, ...]
    #: name -> as written under `people`
    people: Mapping[str, Any]

    @staticmethod
    def of(site: Site) -> Words:
        """Return the words of a site."""
        stages = site.rules.stages
        return Words(
            rules=site.rules,
            connections=tuple(site.connections),
            stages=tuple(dict.fromkeys(name for kind in stages.kinds for name in stages.of(kind))),
            people=site.rules.sections.get("people") or {},
        )

    def named(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the rules of each phase that is built."""
        rules = self.rules
        return {
            "classify": tuple(rule.name for rule in rules.classify_rules),
            "duplicates": tuple(rule.name for rule in rules.duplicate_rules),
            "sla": tuple(policy.name for policy in rules.policies),
            "route": tuple(route.name for route in rules.routing.routes),
            "sync": tuple(rule.name for rule in rules.sync_rules),
        }

    def account(self, who: str, connection: str) -> tuple[str, str]:
        """Return e-mail address and account of a name of `people`, of an address or of an account there."""
        person = self.people.get(who)
        if person is None:
            person = next((each for each in self.people.values() if each.get("email", "").lower() == who.lower()), None)
        if person is None:
            return (who.lower(), "") if "@" in who else ("", who)
        return person.get("email", "").lower(), str(person.get("accounts", {}).get(connection, ""))
