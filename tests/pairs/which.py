"""Which desks are paired: each that keeps tickets with each in which tickets can be begun."""

from __future__ import annotations

import os

from connectors import registry
from connectors.sdk import ConnectorSpec, Operation
from connectors.testing.bench import Bench, benches
from connectors.zendesk.bench import ZendeskBench

#: every desk that keeps tickets
BENCHES = benches()
#: the one against which `make test` runs the others
ANCHOR = ZendeskBench
#: `make pairs`: every ordered pair
ALL = bool(os.environ.get("GATEWAY_PAIRS"))


def spec_of(bench: type[Bench]) -> ConnectorSpec:
    """Return what a connection to such a desk can do."""
    return registry.load(points=()).plugin(bench.connector).spec.of(bench().options())


def _begins(bench: type[Bench]) -> bool:
    return Operation.CREATE in spec_of(bench).operations


def reaches(one: type[Bench], other: type[Bench]) -> bool:
    """Say whether a ticket of one desk can be begun in another: by a mail only to those who have an address."""
    return spec_of(one).knows_addresses or not spec_of(other).needs_address


#: those in which only people begin a conversation: a rule that leads there is refused, which test_refused.py shows
CLOSED = tuple(bench for bench in BENCHES if not _begins(bench))
#: every (source, target), as far as a rule may lead there
HITHER = tuple(
    (one, other)
    for one in BENCHES
    for other in BENCHES
    if (ALL or other is ANCHOR) and other not in CLOSED and reaches(one, other)
)
BACK = () if ALL else tuple((ANCHOR, other) for other in BENCHES if other is not ANCHOR and other not in CLOSED)
