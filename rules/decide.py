"""The one pure decision that apply, cases, explain and simulate share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain import public_holidays
from gateway.domain.calendar import Calendar
from gateway.domain.duplicate import Key
from gateway.domain.public_holidays import HolidaySource
from gateway.domain.ticket import Ticket
from rules import classify as classify_phase
from rules import duplicates as duplicates_phase
from rules import policies as sla_phase
from rules import sync as sync_phase
from rules.classifiers import Classifier, Known, Said
from rules.classify import ClassifyRule, Set
from rules.clocks import Clockwork, watches
from rules.due_time import DueTime
from rules.duplicates import Duplicate, DuplicateRule, Earlier, nobody
from rules.enriching import Enrichment
from rules.escalations import Escalation
from rules.extending import Action
from rules.fields import Facts
from rules.policies import Policy
from rules.recent import Counting
from rules.routes import Routing
from rules.stages import NO_STAGES, DeskStatus, Stages, follow, settle
from rules.sync import SyncRule
from rules.trace import TraceLine


class RuleSet:
    """Every rule of one site, compiled. It holds closures: to send it elsewhere, send the files and load them there."""

    __slots__ = (
        "_clockwork",
        "_order",
        "_policies",
        "_sync",
        "actions",
        "calendars",
        "classifiers",
        "classify_index",
        "classify_rules",
        "counting",
        "digest",
        "due_times",
        "duplicate_rules",
        "enrichment",
        "escalations",
        "holidays",
        "known",
        "policies",
        "policy_index",
        "routing",
        "sections",
        "stages",
        "sync_index",
        "sync_rules",
    )

    def __init__(  # noqa: PLR0913 - one a phase
        self,
        *,
        classify_rules: tuple[ClassifyRule, ...] = (),
        stages: Stages = NO_STAGES,
        duplicate_rules: tuple[DuplicateRule, ...] = (),
        policies: tuple[Policy, ...] = (),
        sync_rules: tuple[SyncRule, ...] = (),
        calendars: Mapping[str, Calendar] | None = None,
        classifiers: tuple[Classifier, ...] = (),
        known: Known = Known(),  # noqa: B008 - frozen
        sections: Mapping[str, Any] | None = None,
        digest: str = "",
        holidays: HolidaySource = public_holidays.dates,
        escalations: tuple[Escalation, ...] = (),
        due_times: Mapping[str, tuple[DueTime, ...]] | None = None,
        actions: Mapping[str, Action] | None = None,
        routing: Routing | None = None,
    ) -> None:
        self.classify_rules = classify_rules
        self.stages = stages
        self.duplicate_rules = duplicate_rules
        self.policies = policies
        self.sync_rules = sync_rules
        #: every calendar of the site by its name
        self.calendars: Mapping[str, Calendar] = calendars or {}
        #: the classifiers that are installed, and what this site tells them
        self.classifiers = classifiers
        self.known = known
        #: every section as plain merged data, for the phases that are not compiled here
        self.sections: Mapping[str, Any] = sections or {}
        #: names the files that this was loaded from
        self.digest = digest
        self.escalations = escalations
        #: what each connection shows of the clocks of every ticket that lives there
        self.due_times: Mapping[str, tuple[DueTime, ...]] = due_times or {}
        #: those of other packages, by name
        self.actions: Mapping[str, Action] = actions or {}
        #: who works on what: routes, settings and roster
        self.routing = routing if routing is not None else Routing()
        #: which days are public holidays
        self.holidays = holidays
        #: what is asked about requesters (gateway.yaml)
        self.enrichment = Enrichment()
        #: which counts of other tickets the rules look at
        self.counting = Counting()
        self._clockwork: Clockwork | None = None
        self._order = {rule.name: index for index, rule in enumerate(classify_rules)}
        self._policies = {policy.name: policy for policy in policies}
        self._sync = {rule.name: rule for rule in sync_rules}
        # made here, so that a worker's children inherit them
        self.classify_index = classify_phase.indexed(classify_rules)
        self.sync_index = sync_phase.indexed(sync_rules)
        self.policy_index = sla_phase.indexed(policies)

    @property
    def order(self) -> Mapping[str, int]:
        """The place of each classify rule."""
        return self._order

    @property
    def clockwork(self) -> Clockwork:
        """What the policies say of clocks: made at its first use, for the holidays of a calendar take a while."""
        if self._clockwork is None:
            watched = watches(self.sections.get("escalations") or ())
            specs = self.sections.get("calendars") or {}
            self._clockwork = Clockwork(self.policies, specs, self.holidays, watched)
        return self._clockwork

    def policy(self, name: str) -> Policy | None:
        """Return the policy of that name."""
        return self._policies.get(name)

    def sync(self, name: str) -> SyncRule | None:
        """Return the sync rule of that name."""
        return self._sync.get(name)

    def sync_between(self, one: str, other: str) -> tuple[SyncRule, ...]:
        """Return the active sync rules between two connections, in either direction, in order."""
        return tuple(rule for rule in self.sync_rules if rule.active and {rule.source, rule.target} == {one, other})


class Decision(msgspec.Struct, frozen=True):
    """What the rules make of a ticket."""

    #: the ticket after classify; what rules set is stamped with the rule's name
    ticket: Ticket
    #: values that changed: (field, value, rule)
    sets: tuple[Set, ...]
    #: sync rules in whose target the ticket is still to be created
    create: tuple[SyncRule, ...]
    trace: tuple[TraceLine, ...]
    #: name of the policy that applies, empty when there is none
    policy: str = ""
    #: which ticket repeats which: this one another, or one that was opened after it this one
    duplicates: tuple[Duplicate, ...] = ()
    #: what the ticket is to be found by in phase duplicates from now on; None: as before
    keys: tuple[Key, ...] | None = None


def decide(  # noqa: PLR0913 - everything that a decision depends on
    rules: RuleSet,
    ticket: Ticket,
    *,
    previous: Ticket | None,
    links: frozenset[str],
    now: datetime,
    explain: bool = True,
    desks: tuple[DeskStatus, ...] = (),
    earlier: Earlier = nobody,
    said: tuple[Said, ...] = (),
) -> Decision:
    """Run the phases over a ticket.

    `previous` is the ticket as it was stored after the rules last ran, None for a new one; `links` are the names of the
    connections in which it lives or is about to; `desks` say how each of them words its status; `earlier` looks up
    other tickets; `said` is what classifiers guess. Without `explain` the trace holds only what matched.
    """
    facts = Facts(ticket, previous, links, now)
    moved, entered = follow(rules.stages, facts, desks)
    facts = msgspec.structs.replace(facts, ticket=moved)
    classified, sets, trace = classify_phase.run(
        rules.classify_rules,
        rules.order,
        facts,
        stages=rules.stages,
        explain=explain,
        index=rules.classify_index,
        said=said,
    )
    facts = msgspec.structs.replace(facts, ticket=classified)
    settled, fitted = settle(rules.stages, facts, desks)
    facts = msgspec.structs.replace(facts, ticket=settled)
    found = duplicates_phase.run(rules.duplicate_rules, facts, earlier, explain=explain)
    facts = msgspec.structs.replace(facts, ticket=found.ticket)
    policy, chosen = sla_phase.run(rules.policies, facts, explain=explain, index=rules.policy_index)
    create, more = sync_phase.run(rules.sync_rules, facts, explain=explain, index=rules.sync_index)
    return Decision(
        ticket=found.ticket,
        sets=sets,
        create=create,
        trace=(*entered, *trace, *fitted, *found.trace, *chosen, *more),
        policy=policy,
        duplicates=found.duplicates,
        keys=found.keys,
    )
