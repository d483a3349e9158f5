"""Why the rules decided as they did: a past decision, asked again by the release that made it, or by other rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.flow.people.enriching import SET_BY
from gateway.ports.enriching import FIELDS
from gateway.store import SqlStore
from gateway.web.console.routed import RoutedLine, answers_of
from rules import Decision, RuleSet, TraceLine, decide
from rules.classify import value_text
from rules.inputs import Inputs, as_new, decoded

RulesOf = Callable[[str], RuleSet]


class Enriched(msgspec.Struct, frozen=True):
    """One value that another system knew of the requester: which, from where, and for how many seconds by then."""

    field: str
    value: str
    source: str
    age: int


class Explained(msgspec.Struct, frozen=True):
    """One decision: when, by which release, what it came to, and what became of every rule."""

    at: datetime
    #: number of the release, 0 where it is not known
    release: int
    sets: dict[str, str]
    rules: tuple[TraceLine, ...]
    #: why the rules cannot be asked again; empty when they were
    trouble: str = ""
    #: the policy that applies, empty when none does or nobody knows any more
    policy: str = ""
    #: connections in which the ticket was to be created
    created: tuple[str, ...] = ()
    #: what routing said of the ticket since then, and until the next decision
    routed: tuple[RoutedLine, ...] = ()
    #: what other systems knew of the requester when the rules ran (`enrich:`)
    enriched: tuple[Enriched, ...] = ()


class Differs(msgspec.Struct, frozen=True):
    """One thing that other rules decide differently."""

    what: str
    before: str
    after: str


class Compared(msgspec.Struct, frozen=True):
    """One ticket as it stands, decided by other rules, and what they make different."""

    at: datetime
    #: number of the release that is compared with
    release: int
    explained: Explained
    differs: tuple[Differs, ...]


def explain_all(store: SqlStore, rules_of: RulesOf, ticket_id: str) -> list[Explained]:
    """Explain every decision on a ticket, oldest first."""
    with store.read() as tx:
        decisions = tx.view.decisions(ticket_id)
        numbers = tx.releases.numbers()
        answers = answers_of(tx, ticket_id)
    body = ""
    found = []
    for each in decisions:
        inputs = decoded(each["inputs"]).with_body(body) if each["inputs"] else None
        body = inputs.ticket.body if inputs is not None else body
        found.append(_explained(each, inputs, numbers, rules_of))
    ends = [*(each.at for each in found[1:]), None]
    return [
        msgspec.structs.replace(
            each, routed=tuple(one for one in answers if each.at <= one.at and (end is None or one.at < end))
        )
        for each, end in zip(found, ends, strict=True)
    ]


def explain_last(store: SqlStore, rules_of: RulesOf, ticket_id: str) -> Explained | None:
    """Explain the last decision on a ticket; None when there was none."""
    each, inputs, numbers = _last(store, ticket_id)
    if each is None:
        return None
    with store.read() as tx:
        # the last answer stands, whenever it was given: most decisions ask for no other
        answers = answers_of(tx, ticket_id, most=1)
    return msgspec.structs.replace(_explained(each, inputs, numbers, rules_of), routed=answers)


def compare_last(store: SqlStore, rules_of: RulesOf, ticket_id: str, rules: RuleSet) -> Compared | None:
    """Decide the ticket as it stood at its last decision by other rules, and by those of that time.

    Both see it as a new ticket: what rules had set is taken off, what people and desks set stays. None: no decision is
    there, or what it was made from has been redacted.
    """
    each, inputs, numbers = _last(store, ticket_id)
    if each is None or inputs is None:
        return None
    release = str(each["detail"].get("release", ""))
    then, now = _anew(inputs, rules_of(release)), _anew(inputs, rules)
    number = numbers.get(release, 0)
    return Compared(each["at"], number, told(now, each["at"], 0), differences(then, now))


def told(decision: Decision, at: datetime, release: int) -> Explained:
    """Put a decision into words."""
    return Explained(
        at=at,
        release=release,
        sets={each.field: value_text(each.value) for each in decision.sets},
        rules=decision.trace,
        policy=decision.policy,
        created=tuple(rule.target for rule in decision.create),
    )


def differences(before: Decision, after: Decision) -> tuple[Differs, ...]:
    """Return what two decisions on one ticket make different."""
    sets = [{each.field: value_text(each.value) for each in decision.sets} for decision in (before, after)]
    fields = dict.fromkeys([*sets[0], *sets[1]])
    found = [(field, sets[0].get(field, "not set"), sets[1].get(field, "not set")) for field in fields]
    found.append(("policy", before.policy or "none", after.policy or "none"))
    created = [", ".join(rule.target for rule in decision.create) or "nowhere" for decision in (before, after)]
    found.append(("created in", created[0], created[1]))
    return tuple(Differs(*each) for each in found if each[1] != each[2])


def by_phase(lines: Sequence[TraceLine]) -> list[tuple[str, list[TraceLine]]]:
    """Return the lines of a trace by phase, in the order in which the phases ran."""
    found: dict[str, list[TraceLine]] = {}
    for line in lines:
        found.setdefault(line.phase, []).append(line)
    return list(found.items())


def _last(store: SqlStore, ticket_id: str) -> tuple[Mapping[str, Any] | None, Inputs | None, Mapping[str, int]]:
    with store.read() as tx:
        each = tx.view.last_decision(ticket_id)
        numbers = tx.releases.numbers()
        ticket = tx.tickets.get(ticket_id)
    if each is None or not each["inputs"]:
        return each, None, numbers
    # nothing is changed on a ticket without a decision, so the body that was left out is the one that it has now
    return each, decoded(each["inputs"]).with_body(ticket.body if ticket is not None else ""), numbers


def _anew(inputs: Inputs, rules: RuleSet) -> Decision:
    ticket = as_new(inputs.ticket)
    return decide(
        rules,
        ticket,
        previous=None,
        links=frozenset({ticket.source}),
        now=inputs.now,
        explain=True,
        desks=inputs.desks,
        earlier=inputs.earlier,
        said=inputs.said,
    )


def _explained(
    each: Mapping[str, Any], inputs: Inputs | None, numbers: Mapping[str, int], rules_of: RulesOf
) -> Explained:
    release = str(each["detail"].get("release", ""))
    sets = {str(name): str(value) for name, value in each["detail"].get("sets", {}).items()}
    number = numbers.get(release, 0)
    if inputs is None:
        return Explained(each["at"], number, sets, (), "what it was made from has been redacted")
    try:
        rules = rules_of(release)
    except GatewayError as error:
        return Explained(each["at"], number, sets, (), str(error))
    decided = told(inputs.again(rules), each["at"], number)
    return msgspec.structs.replace(decided, sets=sets, enriched=_enriched(inputs))


def _enriched(inputs: Inputs) -> tuple[Enriched, ...]:
    """Return what was on the ticket from other systems, in the order of the fields."""
    stamps = inputs.ticket.stamps
    return tuple(
        Enriched(
            field=field,
            value=str(attrgetter(field)(inputs.ticket)),
            source=stamps[field].name.removeprefix(SET_BY),
            age=max(0, int((inputs.now - stamps[field].at).total_seconds())),
        )
        for field in FIELDS
        if field in stamps and stamps[field].name.startswith(SET_BY)
    )
