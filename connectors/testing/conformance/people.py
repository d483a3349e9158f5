"""What a desk's system knows of people: somebody who is there is found, nobody else is."""

from __future__ import annotations

from connectors.sdk import Answer, Enriching, Question
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import Stand
from connectors.testing.driver import Driver

#: (e-mails, telephone numbers) of nobody: one letter more or less, and what would leave a quote
NOBODY = (
    Question(emails=("im.known@example.com",)),
    Question(emails=("kim.known@example.co",), phones=("+4670000000",)),
    Question(emails=("x' OR '1'='1@example.com", "%@example.com", "*@example.com")),
    Question(accounts=("nobody",)),
)


class People(Stand):
    """Connectors that say `enriches`; the others cannot be asked."""

    def test_it_knows_people_exactly_or_says_that_it_does_not(self, there: Bench, driver: Driver) -> None:
        """By reads alone: who wrote a ticket is found by their address, and nobody by one that is nearly the same."""
        connector = driver.connector
        assert isinstance(connector, Enriching) is self.plugin.spec.enriches
        if not isinstance(connector, Enriching):
            return
        there.open_ticket("Printer", "It is on fire", email="kim.known@example.com")
        found: Answer = driver.run(connector.enrich(Question(emails=("kim.known@example.com",)), {}))
        assert found.matches == 1
        for question in NOBODY:
            assert driver.run(connector.enrich(question, {})) == Answer(), question
