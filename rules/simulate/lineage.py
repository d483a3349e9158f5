"""One ticket under other rules: what desks and people did is taken as it came, what rules set is the candidate's.

What the simulation assumes: people and desks would have done the same, and a desk without a copy under the candidate
is still heard where it was heard. A field that somebody changed between two decisions has the value that they gave it;
every other field has what the candidate's last decision left there. Other tickets (phase duplicates) are those that
were looked up at the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.duplicate import Candidate
from gateway.domain.ticket import Ticket
from rules.decide import Decision, RuleSet, decide
from rules.inputs import Inputs
from rules.simulate.compare import Lived
from rules.simulate.history import Outcome, TicketHistory

#: merged key by key: a desk that changes one member does not touch those that a rule had set
_BY_KEY = ("stamps", "custom")


class _Lookup:
    """Answers with the tickets that were looked up at the time; counts what nobody had looked up."""

    def __init__(self, known: dict[str, tuple[Candidate, ...]]) -> None:
        self._known = known
        self.unknown = 0

    def __call__(self, key: str, _since: datetime, _until: datetime) -> Sequence[Candidate]:
        if key not in self._known:
            self.unknown += 1
            return ()
        return self._known[key]


def simulate(history: TicketHistory, candidate: RuleSet) -> Lived:
    """Decide the history of one ticket once more; return both lives side by side."""
    state: Ticket | None = None
    made: set[str] = set()
    would: set[str] = set()
    outcomes: list[Outcome] = []
    tickets: list[Ticket] = []
    unknown = 0
    for happened in history.decisions:
        inputs = happened.inputs
        ticket, previous = _seen(inputs, state)
        links = (frozenset(inputs.links) - (made - would)) | would
        lookup = _Lookup(inputs.others)
        decision = _decided(candidate, inputs, ticket, previous, links, lookup)
        outcomes.append(Outcome.of(decision, candidate, links))
        state = decision.ticket
        tickets.append(state)
        made |= set(happened.outcome.created)
        would |= {rule.target for rule in decision.create}
        unknown += lookup.unknown
    return Lived(history, tuple(outcomes), unknown, tuple(tickets))


def _decided(
    rules: RuleSet, inputs: Inputs, ticket: Ticket, previous: Ticket | None, links: frozenset[str], lookup: _Lookup
) -> Decision:
    return decide(
        rules,
        ticket,
        previous=previous,
        links=links,
        now=inputs.now,
        explain=False,
        desks=inputs.desks,
        earlier=lookup,
        said=inputs.said,
    )


def _seen(inputs: Inputs, state: Ticket | None) -> tuple[Ticket, Ticket | None]:
    """Return the ticket as the candidate would have seen it, and as its own last decision had left it."""
    previous = inputs.previous
    if state is None or previous is None:
        return inputs.ticket, previous
    return carried(state, previous, inputs.ticket), state


def carried(state: Ticket, before: Ticket, after: Ticket) -> Ticket:
    """Return `state` with everything that changed from `before` to `after`."""
    changed: dict[str, Any] = {
        name: getattr(after, name)
        for name in after.__struct_fields__
        if name not in _BY_KEY and getattr(after, name) != getattr(before, name)
    }
    for name, stamp in after.stamps.items():
        # somebody set it, perhaps to what it was already under the rules of then
        if before.stamps.get(name) != stamp and not name.startswith("custom."):
            changed[name] = getattr(after, name)
    for name in _BY_KEY:
        changed[name] = _merged(getattr(state, name), getattr(before, name), getattr(after, name))
    for name, stamp in after.stamps.items():
        key = name.removeprefix("custom.")
        if name.startswith("custom.") and before.stamps.get(name) != stamp and key in after.custom:
            changed["custom"][key] = after.custom[key]
    return msgspec.structs.replace(state, **changed)


def _merged(state: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    merged = {key: value for key, value in state.items() if key in after or key not in before}
    return merged | {key: value for key, value in after.items() if key not in before or before[key] != value}
