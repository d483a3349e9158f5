"""A ticket without a language gets one on its way in, is explained later, and a person's word stays."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping

import msgspec
import pytest

from gateway import languages
from gateway.domain.ticket import Setter, Ticket
from gateway.store import SqlStore
from rules.classifiers import Classifier, Guess, Known
from rules.decide import RuleSet
from rules.inputs import decoded
from tests.flows.world import World, sync_rule

(LANGUAGE,) = languages.gateway_rules().classifiers


def rules(*classifiers: Classifier) -> RuleSet:
    """Return the rules of a site that speaks two languages."""
    return RuleSet(sync_rules=(sync_rule(),), classifiers=classifiers, known=Known(frozenset({"en", "es"})))


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks that tells languages, on each database."""
    with World(store) as made:
        made.site = msgspec.structs.replace(made.site, rules=rules(LANGUAGE))
        yield made


def ask(world: World, subject: str, body: str) -> tuple[int, Ticket]:
    """Let a customer open a Zendesk ticket; return its number and what became of it here."""
    number = int(world.zendesk.act("create", subject=subject, body=body, email="kim@customer.example")["id"])
    world.settle()
    return number, of(world, number)


def of(world: World, number: int) -> Ticket:
    """Return the ticket behind a Zendesk number."""
    with world.store.read() as tx:
        link = tx.links.by_remote([("acme-zendesk", str(number))])["acme-zendesk", str(number)]
        found = tx.tickets.get(link.ticket_id)
    assert found is not None
    return found


def test_a_new_ticket_gets_its_language_and_the_decision_says_so_later(world: World) -> None:
    """By what was kept, with rules that have no classifier at all."""
    _, ticket = ask(world, "No puedo entrar", "Desde esta mañana no puedo iniciar sesión en el portal.")
    assert ticket.language == "es"
    assert (ticket.stamps["language"].by, ticket.stamps["language"].name) == (Setter.RULE, "classifier:language")
    with world.store.read() as tx:
        first = tx.view.decisions(ticket.id)[0]
    kept = decoded(first["inputs"])
    assert [(each.classifier, each.value) for each in kept.said] == [("language", "es")]
    again = kept.again(rules())
    assert again.ticket.language == "es"
    assert "classifier:language" in {line.rule for line in again.trace}


def test_noise_stays_undetermined_until_somebody_writes_words(world: World) -> None:
    """The text that changes is looked at again."""
    number, ticket = ask(world, "ERR-403 SSO", "12345")
    assert ticket.language == "und"
    world.zendesk.act("set", ticket_id=number, subject="I cannot log in to the portal since this morning")
    world.settle()
    assert of(world, number).language == "en"


def test_a_classifier_is_asked_outside_of_the_transaction(store: SqlStore) -> None:
    """And one that breaks loses no ticket."""
    asked: list[list[str]] = []

    def guess(ticket: Ticket, _known: Known) -> Mapping[str, Guess]:
        asked.append([frame.name for frame in traceback.extract_stack()])
        if "broken" in ticket.title:
            raise RuntimeError(ticket.title)
        return {"intent": Guess("complaint", 0.9)}

    with World(store) as world:
        one = Classifier(name="intent", sets=("intent",), guess=guess)
        world.site = msgspec.structs.replace(world.site, rules=rules(one))
        _, ticket = ask(world, "Too slow", "It takes all day")
        assert ticket.intent == "complaint"
        assert asked
        assert all("prepare" in frames and "_transaction" not in frames for frames in asked)
        _, ticket = ask(world, "broken", "It takes all day")
        assert ticket.intent == ""
