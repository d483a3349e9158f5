"""Rules that look at the other tickets of somebody: counted first, kept with the decision, never idly read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from gateway.domain.recent import Count, Recent
from gateway.domain.ticket import Level, Ticket
from gateway.store import SqlStore
from rules.decide import RuleSet, decide
from rules.inputs import decoded
from rules.recent import Counting
from tests.flows.world import World, sync_rule
from tests.rules.making import GATEWAY, NOW, problems_of, rule_set, site, ticket

KIM = "kim@customer.example"
RULES = """\
classify:
  - name: somebody-needs-us
    when: {recent.requester.open: {at_least: 2}}
    set: {priority: P1}
"""


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, with rules that count."""
    with World(store) as made:
        yield made


def by(world: World, rules: RuleSet) -> None:
    """Let a site have these classify rules."""
    made = RuleSet(sync_rules=(sync_rule(),), classify_rules=rules.classify_rules, sections={"people": {}})
    made.counting = rules.counting
    world.site = msgspec.structs.replace(world.site, rules=made)


def ask(world: World, subject: str) -> int:
    """Let Kim open a ticket; return its number."""
    number = int(world.zendesk.act("create", subject=subject, body="It is on fire", email=KIM)["id"])
    world.settle()
    return number


def of(world: World, number: int) -> Ticket:
    """Return the ticket behind a number."""
    with world.store.read() as tx:
        link = tx.links.by_remote([("acme-zendesk", str(number))])["acme-zendesk", str(number)]
        found = tx.tickets.get(link.ticket_id)
    assert found is not None
    return found


def test_a_count_is_there_when_the_rules_run_and_stays_with_the_decision(world: World) -> None:
    """The third ticket has two others; the decision is made again from what it saw, whatever came since."""
    rules = rule_set(RULES)
    by(world, rules)
    numbers = [ask(world, subject) for subject in ("one", "two", "three")]
    found = [of(world, number) for number in numbers]
    assert [each.recent.requester for each in found] == [Count(0, 0), Count(1, 1), Count(2, 2)]
    assert [each.priority.level for each in found] == [Level.UNSET, Level.UNSET, Level.P1]
    ask(world, "four")
    with world.store.read() as tx:
        kept = decoded(tx.view.decisions(found[1].id)[0]["inputs"])
    assert kept.ticket.recent.requester == Count(1, 1)
    again = kept.again(rules)
    assert [line.reason for line in again.trace if line.rule == "somebody-needs-us"] == [
        "recent.requester.open is '1', not at least 2"
    ]
    world.zendesk.act("set", ticket_id=numbers[0], subject="one, still")
    world.settle()
    assert of(world, numbers[0]).priority.level is Level.P1, "what has changed runs again when somebody touches it"


def test_without_a_rule_that_looks_nothing_is_counted(world: World) -> None:
    """Nor does an old count stay when the last rule that looked is gone."""
    by(world, rule_set(RULES))
    number = ask(world, "one")
    assert of(world, number).recent == Recent(requester=Count(0, 0))
    by(world, rule_set("classify: [{name: a, when: {tier: gold}, set: {priority: P1}}]"))
    world.zendesk.act("set", ticket_id=number, subject="one, still")
    world.settle()
    assert of(world, number).recent == Recent()


def test_a_site_says_what_is_recent_and_the_rules_say_what_is_read() -> None:
    """Every condition counts, wherever it stands; more than a year is refused at its place."""
    assert rule_set("").counting == Counting()
    deep = """\
sla:
  - name: busy
    when: {any: [{not: {recent.org.tickets: {below: 5}}}]}
    pause_when: {recent.requester.open: 0}
    targets: {resolution: 4h}
"""
    found = site(deep, GATEWAY + "recent: {within: 7d}\n").rules.counting
    assert found.within == timedelta(days=7)
    assert found.names == {"recent.org.tickets", "recent.requester.open"}
    (problem,) = problems_of("", GATEWAY + "recent: {within: 2y}\n")
    assert (problem.code, problem.line) == ("wrong-value", 8)
    (word,) = problems_of("classify: [{name: a, when: {recent.org.tickets: many}, set: {priority: P1}}]")
    assert word.message == "a number is expected here, not 'many'"


def test_a_ticket_of_nobody_is_below_no_number() -> None:
    """What is not known is no zero: no comparison holds."""
    rules = rule_set("classify: [{name: a, when: {recent.requester.tickets: {below: 1}}, set: {priority: P1}}]")
    nobody, first = ticket(), ticket(recent=Recent(requester=Count(0, 0)))
    for given, level in ((nobody, Level.UNSET), (first, Level.P1)):
        made = decide(rules, given, previous=None, links=frozenset({"zen"}), now=NOW)
        assert made.ticket.priority.level is level
