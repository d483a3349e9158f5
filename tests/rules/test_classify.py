"""Phase classify: the order of rules, what a rule may overwrite, and when it runs again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.ticket import Kind, Level, Priority, Setter, Stamp, Ticket
from rules import Decision, RuleSet, Set, decide
from tests.rules.making import NOW, rule_set, stamped, ticket

RULES = """\
classify:
  - name: outage
    when: {text: {words: [outage]}}
    set: {kind: incident, priority: P1}
  - name: request
    when: {text: {words: [please]}}
    set: {kind: request, custom.polite: true}
  - name: gold
    when: {org.plan: gold}
    set: {tier: gold}
"""


def run(rules: RuleSet, given_ticket: Ticket, previous: Ticket | None = None) -> Decision:
    """Decide one hour later."""
    now = NOW + timedelta(hours=1)
    return decide(rules, given_ticket, previous=previous, links=frozenset({"zen"}), now=now)


def test_every_rule_that_matches_takes_part_and_the_first_to_set_a_field_wins() -> None:
    """The second rule still sets what the first left alone."""
    decision = run(rule_set(RULES), ticket(title="Outage, please help"))
    assert decision.ticket.kind is Kind.INCIDENT
    assert decision.ticket.priority == Priority(Level.P1)
    assert decision.ticket.custom == {"polite": True}
    assert decision.ticket.stamps["kind"] == Stamp(Setter.RULE, "outage", NOW + timedelta(hours=1))
    assert decision.ticket.stamps["custom.polite"].name == "request"
    assert decision.sets == (
        Set("kind", Kind.INCIDENT, "outage"),
        Set("priority", Priority(Level.P1), "outage"),
        Set("custom.polite", True, "request"),
    )


def test_the_trace_says_what_each_rule_did_and_why() -> None:
    """With the first condition that failed and the actual value."""
    first, second, third = run(rule_set(RULES), ticket(title="Outage, please help")).trace
    assert (first.rule, first.matched, first.effects) == ("outage", True, ("kind = incident", "priority = P1"))
    assert second.effects == ("kind kept: set by rule 'outage'", "custom.polite = True")
    assert (third.rule, third.matched, third.reason) == ("gold", False, "org.plan is empty, not gold")


def test_without_explanation_the_trace_holds_what_matched() -> None:
    """Cheap for a thousand rules."""
    decision = decide(rule_set(RULES), ticket(title="outage"), previous=None, links=frozenset(), now=NOW, explain=False)
    assert [line.rule for line in decision.trace] == ["outage"]


def test_what_a_person_set_stays() -> None:
    """Even where the value is empty."""
    mine = stamped(ticket(title="outage", priority=Priority(Level.P4)), "priority", Stamp(Setter.PERSON, "ann", NOW))
    decision = run(rule_set(RULES), mine)
    assert decision.ticket.priority == Priority(Level.P4)
    assert decision.ticket.kind is Kind.INCIDENT
    assert decision.trace[0].effects[1] == "priority kept: set by a person (ann)"


def test_what_a_desk_filled_in_may_be_overwritten() -> None:
    """A default of the desk is nobody's decision."""
    filled = stamped(ticket(title="outage", priority=Priority(Level.P3)), "priority", Stamp(Setter.DESK, "zen", NOW))
    assert run(rule_set(RULES), filled).ticket.priority == Priority(Level.P1)


def test_a_rule_runs_again_only_when_something_that_it_reads_has_changed() -> None:
    """So a desk's own later change is not undone at every event."""
    rules = rule_set(RULES)
    before = run(rules, ticket(title="outage")).ticket
    later = stamped(
        msgspec.structs.replace(before, priority=Priority(Level.P3)), "priority", Stamp(Setter.DESK, "zen", NOW)
    )
    decision = run(rules, later, before)
    assert decision.sets == ()
    assert decision.ticket.priority == Priority(Level.P3)
    assert decision.trace[0].ran is False
    assert decision.trace[0].reason == "nothing that it reads has changed"
    asked = run(rules, msgspec.structs.replace(later, body="really"), before)
    assert asked.ticket.priority == Priority(Level.P1)


def test_a_rule_above_keeps_its_value_in_later_runs() -> None:
    """The second rule matches later, and may not take the kind."""
    rules = rule_set(RULES)
    before = run(rules, ticket(title="outage")).ticket
    decision = run(rules, msgspec.structs.replace(before, tags=("x",), body="please"), before)
    assert decision.ticket.kind is Kind.INCIDENT
    assert decision.ticket.stamps["kind"].name == "outage"


def test_a_rule_above_takes_over_from_one_below() -> None:
    """Order of the file, not of time."""
    rules = rule_set(RULES)
    before = run(rules, ticket(title="please")).ticket
    assert before.kind is Kind.REQUEST
    assert run(rules, msgspec.structs.replace(before, body="outage"), before).ticket.kind is Kind.INCIDENT


def test_a_rule_that_no_longer_matches_gives_way_to_those_below() -> None:
    """The one below is asked although nothing that it reads has changed; without one the value stays."""
    rules = rule_set(
        """\
classify:
  - {name: vip, when: {tags: vip}, set: {tier: vip, region: emea}}
  - {name: plain, set: {tier: plain}}
"""
    )
    before = run(rules, ticket(tags=("vip",))).ticket
    assert before.tier == "vip"
    decision = run(rules, msgspec.structs.replace(before, tags=()), before)
    assert (decision.ticket.tier, decision.ticket.region) == ("plain", "emea")
    assert decision.ticket.stamps["tier"].name == "plain"


def test_a_rule_that_is_gone_holds_nothing() -> None:
    """A value of a rule of an older release may be taken."""
    old = stamped(ticket(title="outage", kind=Kind.TASK), "kind", Stamp(Setter.RULE, "retired", NOW))
    assert run(rule_set(RULES), old).ticket.kind is Kind.INCIDENT


def test_an_equal_value_is_taken_over_with_its_time() -> None:
    """A rule that agrees with a desk sets nothing, but holds the field against the rules below."""
    at = NOW - timedelta(days=1)
    same = stamped(ticket(title="outage please", kind=Kind.INCIDENT), "kind", Stamp(Setter.DESK, "zen", at, 7))
    decision = run(rule_set(RULES), same)
    assert decision.ticket.stamps["kind"] == Stamp(Setter.RULE, "outage", at, 7)
    assert [each.field for each in decision.sets] == ["priority", "custom.polite"]


def test_a_desks_own_word_for_a_priority_is_no_difference() -> None:
    """P1 is P1, whatever the desk calls it."""
    same = ticket(title="outage", priority=Priority(Level.P1, "urgent"))
    decision = run(rule_set(RULES), same)
    assert decision.ticket.priority == Priority(Level.P1, "urgent")


def test_rules_of_several_files_follow_one_another_by_file_name() -> None:
    """10-… comes before 20-…, whatever the order in which they are given."""
    from rules import load_site  # noqa: PLC0415 - only here
    from tests.rules.making import GATEWAY, SPECS  # noqa: PLC0415 - only here

    one = "classify:\n  - {name: one, set: {tier: one}}\n"
    two = "classify:\n  - {name: two, set: {tier: two}}\n"
    files = {"rules/20-two.yaml": two, "gateway.yaml": GATEWAY, "rules/10-one.yaml": one}
    site, _ = load_site(files, SPECS)
    assert site is not None
    assert run(site.rules, ticket()).ticket.tier == "one"


# ---------------------------------------------------------------- properties

FIELDS = {"kind": ["task", "request"], "tier": ["a", "b"], "priority": ["P1", "low"], "region": ["emea"]}
CONDITIONS = st.sampled_from(
    [{}, {"tags": "x"}, {"tags": "y"}, {"kind": "task"}, {"tier": "a"}, {"not": {"tags": "x"}}, {"priority": "P1"}]
)
SETS = st.dictionaries(st.sampled_from(sorted(FIELDS)), st.integers(0, 1), min_size=1, max_size=3)


@st.composite
def rule_sets(draw: Any) -> RuleSet:
    """Return up to six random rules."""
    rules = []
    for number in range(draw(st.integers(1, 6))):
        when = draw(CONDITIONS)
        sets = {field: FIELDS[field][index % len(FIELDS[field])] for field, index in draw(SETS).items()}
        rules.append({"name": f"r{number}", "set": sets} | ({"when": when} if when else {}))
    return rule_set(msgspec.json.encode({"classify": rules}).decode())


TICKETS = st.builds(
    ticket,
    tags=st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True).map(tuple),
    tier=st.sampled_from(["", "a"]),
    kind=st.sampled_from([Kind.OTHER, Kind.TASK]),
    stamps=st.dictionaries(
        st.sampled_from(sorted(FIELDS)),
        st.builds(Stamp, st.sampled_from([Setter.DESK, Setter.PERSON]), st.just("zen"), st.just(NOW)),
        max_size=3,
    ),
)
HISTORY = st.lists(st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True).map(tuple), max_size=4)


@given(rule_sets(), TICKETS, HISTORY)
@settings(deadline=None)
def test_a_person_is_never_overwritten_and_a_second_run_changes_nothing(
    rules: RuleSet, new: Ticket, history: list[tuple[str, ...]]
) -> None:
    """Over a history of changes of the tags."""
    persons = {field: getattr(new, field) for field, stamp in new.stamps.items() if stamp.by is Setter.PERSON}
    stored = run(rules, new).ticket
    for tags in history:
        changed = run(rules, msgspec.structs.replace(stored, tags=tags), stored).ticket
        again = run(rules, changed, changed)
        assert again.ticket == changed
        assert again.sets == ()
        stored = changed
    for field, value in persons.items():
        assert getattr(stored, field) == value
        assert stored.stamps[field].by is Setter.PERSON


@given(rule_sets(), TICKETS)
@settings(deadline=None)
def test_the_first_rule_that_matches_in_order_sets_each_field(rules: RuleSet, new: Ticket) -> None:
    """Told by running each rule over the ticket as the rules above left it."""
    from rules.fields import Facts  # noqa: PLC0415 - only here

    taken = {field for field, stamp in new.stamps.items() if stamp.by is Setter.PERSON}
    seen = new
    for rule in rules.classify_rules:
        if rule.when.holds(Facts(seen, None, frozenset({"zen"}), NOW)):
            fresh = {field: value for field, value in rule.sets.items() if field not in taken}
            taken |= set(fresh)
            seen = msgspec.structs.replace(seen, **fresh)
    result = run(rules, new).ticket
    assert {field: getattr(result, field) for field in FIELDS} == {field: getattr(seen, field) for field in FIELDS}
