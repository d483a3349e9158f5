"""What lint looks at: a site's sections at their places, and what is known of the words in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.calendar import Calendar
from gateway.domain.ticket import Level
from gateway.ports import ConnectorSpec
from rules.connections import Connection
from rules.extending import Action
from rules.fields import Vocabulary
from rules.lint.formula import Formula, formula_of
from rules.lint.solver import Solver
from rules.loading.sections import Sections
from rules.policies import Policy
from rules.problem import Problem
from rules.source import GATEWAY_FILE, Document, Path, Spot

LEVELS = (Level.P1, Level.P2, Level.P3, Level.P4)

#: the lists whose rules have a condition, each with the keys that hold one and what one of its rules is called
CONDITIONED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "classify": (("when",), "rule"),
    "duplicates": (("when",), "rule"),
    "sla": (("when", "pause_when"), "policy"),
    "routes": (("when",), "route"),
    "sync": (("when",), "rule"),
    "escalations": (("when",), "escalation"),
}


class Reading:
    """A site as it was read. It is complete: every rule in it has passed its schema and its own checks."""

    def __init__(
        self,
        sections: Sections,
        vocabulary: Vocabulary,
        *,
        connections: Mapping[str, Connection],
        specs: Mapping[str, ConnectorSpec],
        calendars: Mapping[str, Calendar],
        policies: tuple[Policy, ...] = (),
        actions: Mapping[str, Action] | None = None,
        documents: Mapping[str, Document] | None = None,
    ) -> None:
        self.sections = sections
        #: every field, with `metric`, which only the conditions of clocks know
        self.vocabulary = vocabulary
        self.gateway = (documents or {}).get(GATEWAY_FILE)
        self.connections = connections
        self.specs = specs
        self.calendars = calendars
        self.policies = {policy.name: policy for policy in policies}
        #: every file
        self._documents = documents or {}
        #: the sections in which something is an error; nobody says what the rules of one mean together
        self.spoilt: frozenset[str] = frozenset()
        #: those of other packages
        self.actions = actions or {}
        self.solver = Solver(vocabulary)
        self._formulas: dict[tuple[str, Path], Formula] = {}

    def section_of(self, problem: Problem) -> str:
        """Return the section of the files to which a problem belongs."""
        document = self._documents.get(problem.file)
        return document.section(problem.line, problem.column) if document is not None else ""

    def spec_of(self, connection: str) -> ConnectorSpec | None:
        """Return what the desk of a connection can do, as far as its connector is installed."""
        configured = self.connections.get(connection)
        spec = None if configured is None else self.specs.get(configured.connector)
        return spec.of(configured.options) if spec is not None and configured is not None else None

    def formula(self, rule: Spot, key: str = "when") -> Formula:
        """Return the condition of a rule as a formula; a rule without one always holds."""
        known = self._formulas.get((rule.document.file, (*rule.path, key)))
        if known is None:
            known = formula_of(rule.get(key), self.vocabulary)
            self._formulas[rule.document.file, (*rule.path, key)] = known
        return known

    def condition(self, value: Mapping[str, Any]) -> Formula:
        """Return a condition that lint asks itself."""
        return formula_of(dict(value), self.vocabulary)

    def conditions(self) -> Iterator[tuple[str, Spot, Spot]]:
        """Go through every condition: (what its rule is called, the rule, the condition)."""
        for section, (keys, what) in CONDITIONED.items():
            for rule in self.sound(section):
                for key in keys:
                    if key in rule:
                        yield what, rule, rule[key]

    def sound(self, section: str) -> list[Spot]:
        """Return the items of a section; none while something in it is an error."""
        return [] if section in self.spoilt else self.sections.items(section)

    def alerts(self) -> Iterator[Spot]:
        """Go through the alerts of gateway.yaml."""
        section = self.gateway.root.get("alerts") if self.gateway is not None else None
        if self.gateway is not None and isinstance(section, list):
            yield from self.gateway.root["alerts"].each()

    def region_names(self) -> frozenset[str]:
        """Return the regions that teams work in."""
        teams = self.sections.entries("teams").values()
        return frozenset(team.value["region"] for team in teams if "region" in team)

    def skill_levels(self) -> Mapping[str, int]:
        """Return each skill that an agent has, with the highest level that one has in it."""
        best: dict[str, int] = {}
        for agent in self.sections.items("agents"):
            for skill, level in agent.get("skills", {}).items():
                best[skill] = max(best.get(skill, 0), level)
        return best


def called(rule: Spot) -> str:
    """Return how a rule is named in a message, also one without a name."""
    name = rule.get("name")
    return f"'{name}'" if name else f"the one at {rule.at()}"
