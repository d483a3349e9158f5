"""Classifiers: below every rule, never over a person, and explained later without being asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.domain.ticket import Kind, Level, Priority, Setter, Stamp, Ticket
from gateway.flow.listening import Listener
from rules import Decision, RuleSet, decide
from rules.classifiers import Classifier, Guess, Known, Said, is_asked, listen, model_value
from rules.inputs import Inputs, decoded, encoded
from tests.rules.making import NOW, rule_set, stamped, ticket

SPANISH = Said("language", "language", "es", 0.97)
NAME = "classifier:language"


def run(given: Ticket, *said: Said, rules: RuleSet | None = None, before: Ticket | None = None) -> Decision:
    """Decide one hour later."""
    at = NOW + timedelta(hours=1)
    return decide(rules or RuleSet(), given, previous=before, links=frozenset({"zen"}), now=at, said=said)


def test_a_guess_fills_in_what_nobody_has() -> None:
    """Stamped by the name of the classifier, with a line that says how sure it was."""
    decision = run(ticket(), SPANISH)
    assert decision.ticket.language == "es"
    assert decision.ticket.stamps["language"] == Stamp(Setter.RULE, NAME, NOW + timedelta(hours=1))
    assert [(each.field, each.value, each.rule) for each in decision.sets] == [("language", "es", NAME)]
    (line,) = decision.trace
    assert (line.phase, line.rule, line.reason) == ("classify", NAME, "language = es (97% sure)")


@pytest.mark.parametrize(
    ("stamp", "language", "kept"),
    [
        (Stamp(Setter.PERSON, "ann", NOW), "und", "language kept: set by person 'ann'; guessed es (97% sure)"),
        (Stamp(Setter.PERSON, "ann", NOW), "cs", "language kept: set by person 'ann'; guessed es (97% sure)"),
        (Stamp(Setter.DESK, "zen", NOW), "cs", "language kept: set by desk 'zen'; guessed es (97% sure)"),
        (Stamp(Setter.RULE, "own", NOW), "cs", "language kept: set by rule 'own'; guessed es (97% sure)"),
        (Stamp(Setter.RULE, "classifier:other", NOW), "cs",
         "language kept: set by rule 'classifier:other'; guessed es (97% sure)"),
        (None, "cs", "language kept: filled in already; guessed es (97% sure)"),
        (Stamp(Setter.DESK, "zen", NOW), "und", ""),
        (Stamp(Setter.RULE, NAME, NOW), "cs", ""),
        (Stamp(Setter.RULE, "retired", NOW), "cs", ""),
    ],
)  # fmt: skip
def test_a_guess_takes_nothing_from_anybody(stamp: Stamp | None, language: str, kept: str) -> None:
    """But from itself, and from a rule that is gone."""
    given = ticket(language=language)
    given = stamped(given, "language", stamp) if stamp else given
    rules = rule_set("classify:\n  - {name: own, when: {tags: x}, set: {language: cs}}\n")
    decision = run(given, SPANISH, rules=rules)
    assert decision.ticket.language == (language if kept else "es")
    assert decision.trace[-1].reason == (kept or "language = es (97% sure)")


def test_a_rule_of_the_same_run_comes_first_and_one_of_a_later_run_takes_over() -> None:
    """A classifier stands below the last rule."""
    rules = rule_set("classify:\n  - {name: own, when: {tags: x}, set: {language: cs}}\n")
    assert run(ticket(tags=("x",)), SPANISH, rules=rules).ticket.language == "cs"
    guessed = run(ticket(), SPANISH, rules=rules).ticket
    later = run(msgspec.structs.replace(guessed, tags=("x",)), rules=rules, before=guessed).ticket
    assert (later.language, later.stamps["language"].name) == ("cs", "own")


def test_what_was_said_is_kept_and_explains_the_decision_without_the_classifier() -> None:
    """Through the database and back, for every sort of value."""
    said = (SPANISH, Said("kind", "kind", "incident", 0.9), Said("p", "priority", "high", 0.8),
            Said("t", "tags", ["a", "b"], 0.8), Said("c", "custom.asset", "4711", 1.0))  # fmt: skip
    made = run(ticket(), *said)
    assert (made.ticket.kind, made.ticket.priority, made.ticket.tags) == (Kind.INCIDENT, Priority(Level.P2), ("a", "b"))
    assert made.ticket.custom == {"asset": "4711"}
    kept = decoded(encoded(Inputs.of(ticket(), None, frozenset({"zen"}), NOW + timedelta(hours=1), said=said)))
    again = kept.again(RuleSet())
    assert again.ticket == made.ticket
    assert again.trace == made.trace


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "incidnt"), ("priority", "P9"), ("language", "not a tag"), ("tags", "a"), ("tags", [""]), ("issue", ""),
     ("issue", 4), ("issue", "x" * 201), ("custom.a", None)],
)  # fmt: skip
def test_a_value_that_the_field_cannot_hold_is_refused(field: str, value: Any) -> None:
    """So that a classifier cannot put nonsense into a ticket."""
    with pytest.raises(ValueError, match=r".+"):
        model_value(field, value)


def shouting(given: Ticket, known: Known) -> Mapping[str, Guess]:
    """Call a ticket in capitals an incident; count the calls."""
    CALLS.append(given.title)
    if given.title == "break":
        raise RuntimeError(given.title)
    sure = 0.9 if given.title.isupper() else 0.3
    return {"kind": Guess("incident", sure), "issue": Guess("loud", 1.0), "region": Guess(min(known.languages), sure)}


CALLS: list[str] = []
LOUD = Classifier(name="loud", sets=("kind", "region"), guess=shouting, reads=("title",))
RULES = RuleSet(classifiers=(LOUD,), known=Known(frozenset({"en"})))


def test_only_sure_guesses_about_its_own_fields_are_heard() -> None:
    """`issue` is none of its fields, and 0.3 is less than it asks for itself."""
    assert listen(LOUD, ticket(title="HELP"), RULES.known) == (
        Said("loud", "kind", "incident", 0.9),
        Said("loud", "region", "en", 0.9),
    )
    assert listen(LOUD, ticket(title="help"), RULES.known) == ()


def test_it_is_asked_when_something_is_open_and_what_it_reads_is_new() -> None:
    """A ticket whose text did not change is not looked at again."""
    new = ticket(title="HELP")
    full = stamped(ticket(kind=Kind.TASK, region="emea"), "kind", Stamp(Setter.PERSON, "ann", NOW))
    assert is_asked(LOUD, new, None)
    assert not is_asked(LOUD, new, ticket(title="HELP", body="other"))
    assert is_asked(LOUD, new, ticket(title="other"))
    assert not is_asked(LOUD, full, None)


def test_one_that_breaks_says_nothing_and_the_others_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    """A ticket is never lost over it."""
    calm = Classifier(name="calm", sets=("tier",), guess=lambda _t, _k: {"tier": Guess("basic", 1.0)})
    rules = RuleSet(classifiers=(LOUD, calm), known=RULES.known)
    assert Listener().about(rules, ticket(title="break"), None) == (Said("calm", "tier", "basic", 1.0),)
    assert "a classifier broke" in caplog.text


def test_the_same_text_is_looked_at_once() -> None:
    """First without a transaction, then inside of one."""
    CALLS.clear()
    listener = Listener()
    first = listener.about(RULES, ticket(id="", title="ONCE"), None)
    assert listener.about(RULES, ticket(id="t9", title="ONCE", body="more"), None) == first
    assert CALLS == ["ONCE"]


def test_a_rule_that_reads_what_was_guessed_is_asked_again() -> None:
    """At once: nothing else that it reads may ever change. What it sets, rules below it see."""
    rules = rule_set(
        "classify:\n"
        "  - {name: spoken, when: {language: es, text: {words: factura}}, set: {issue: billing, custom.desk: x}}\n"
        "  - {name: silent, when: {language: {exists: false}}, set: {region: emea, tier: basic}}\n"
        "  - {name: sure, when: {issue: billing}, set: {tier: gold}}\n"
        "  - {name: other, when: {tags: vip}, set: {intent: x}}\n"
    )
    for explain in (False, True):
        at = NOW + timedelta(hours=1)
        new = ticket(title="La factura")
        made = decide(rules, new, previous=None, links=frozenset({"zen"}), now=at, said=(SPANISH,), explain=explain)
        fields = (made.ticket.language, made.ticket.issue, made.ticket.tier, made.ticket.region)
        assert fields == ("es", "billing", "gold", "emea")
        assert made.ticket.custom == {"desk": "x"}
        assert made.ticket.stamps["language"].name == NAME
        matched = [line.rule for line in made.trace if line.matched and line.phase == "classify"]
        assert matched == ["silent", NAME, "spoken", "sure"]
        # the last word on each field is what counts, and the same again says nothing new
        again = run(made.ticket, rules=rules, before=made.ticket)
        assert (again.ticket, again.sets) == (made.ticket, ())


def test_a_rule_that_sets_what_was_guessed_takes_it_over_in_the_same_run() -> None:
    """Below the guess there is nobody but it: a rule that holds because of it may even set it."""
    rules = rule_set("classify:\n  - {name: own, when: {language: es}, set: {language: es-MX}}\n")
    decision = run(ticket(), SPANISH, rules=rules)
    made = decision.ticket
    assert (made.language, made.stamps["language"].name) == ("es-MX", "own")
    assert [(each.field, each.value, each.rule) for each in decision.sets] == [("language", "es-MX", "own")]


def test_what_only_comes_with_a_new_ticket_is_still_so_when_a_rule_is_asked_again() -> None:
    """`changed` compares with the ticket before the decision, not with the one before the guess."""
    rules = rule_set(
        "classify:\n  - {name: new, when: {language: es, status: {changed_to: new}}, set: {issue: hello}}\n"
    )
    assert run(ticket(), SPANISH, rules=rules).ticket.issue == "hello"
