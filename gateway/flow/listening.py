"""Asking classifiers about a ticket: outside of the transaction where that can be, and once for the same text.

What they say is remembered for a while, so that the step that prepares a delivery can ask first, without a transaction,
and the decision finds the answer. A classifier that breaks says nothing; the ticket goes on without it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Hashable

from gateway.domain.ticket import Ticket
from rules.classifiers import Classifier, Known, Said, is_asked, listen
from rules.decide import RuleSet

log = logging.getLogger(__name__)

#: answers that are remembered; a batch of deliveries has fewer tickets
MEMORY = 256


class Listener:
    """Asks the classifiers of rule sets, and remembers the last answers. One for each drain, not for threads."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[Said, ...]] = OrderedDict()

    def about(self, rules: RuleSet, ticket: Ticket, before: Ticket | None) -> tuple[Said, ...]:
        """Return what the classifiers say of a ticket that is new, or of which something that they read has changed."""
        asked = [each for each in rules.classifiers if is_asked(each, ticket, before)]
        return tuple(said for each in asked for said in self._answer(each, ticket, rules.known))

    def _answer(self, classifier: Classifier, ticket: Ticket, known: Known) -> tuple[Said, ...]:
        key = (classifier.name, known, repr([getattr(ticket, name) for name in classifier.reads]))
        if key not in self._answers:
            self._answers[key] = _ask(classifier, ticket, known)
            if len(self._answers) > MEMORY:
                self._answers.popitem(last=False)
        return self._answers[key]


def _ask(classifier: Classifier, ticket: Ticket, known: Known) -> tuple[Said, ...]:
    try:
        return listen(classifier, ticket, known)
    except Exception:
        log.exception("a classifier broke and is left out", extra={"classifier": classifier.name, "ticket": ticket.id})
        return ()


def warm(rules: RuleSet) -> None:
    """Let every classifier load what it needs, before a worker's children begin."""
    for each in rules.classifiers:
        if each.warm is None:
            continue
        try:
            each.warm()
        except Exception:
            log.exception("a classifier cannot be made ready", extra={"classifier": each.name})
