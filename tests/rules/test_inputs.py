"""What is kept of a decision is enough to make it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Kind, Level, Priority, Setter, Stamp, Status, Ticket
from rules.classify import ClassifyRule
from rules.conditions import ALWAYS
from rules.decide import RuleSet, decide
from rules.inputs import Inputs, decoded, encoded

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

tickets = st.builds(
    Ticket,
    id=st.just("t"),
    source=st.just("desk"),
    created_at=st.just(NOW),
    updated_at=st.integers(0, 1000).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    title=st.text(max_size=5),
    body=st.sampled_from(("", "one", "two")),
    kind=st.sampled_from(Kind),
    status=st.sampled_from(Category).map(Status),
    priority=st.sampled_from(Level).map(Priority),
    requester=st.none()
    | st.builds(RemotePerson, external_id=st.text(max_size=3), email=st.just("kim@customer.example")),
    tags=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    custom=st.dictionaries(st.text(max_size=3), st.integers() | st.none(), max_size=2),
    stamps=st.dictionaries(st.sampled_from(("kind", "title")), st.just(Stamp(Setter.PERSON, "desk", NOW)), max_size=2),
)
RULES = RuleSet(
    classify_rules=(
        ClassifyRule(name="first", when=ALWAYS, sets={"kind": Kind.INCIDENT}),
        ClassifyRule(
            name="second", when=ALWAYS, sets={"priority": Priority(Level.P1)}, readers=(lambda t, _f: t.title,)
        ),
    )
)


@given(tickets, st.none() | tickets)
def test_a_decision_can_be_made_again_from_what_is_kept(ticket: Ticket, previous: Ticket | None) -> None:
    """The same sets and the same ticket come out, after a way through the database."""
    links = frozenset({"desk", "other"})
    made = decide(RULES, ticket, previous=previous, links=links, now=NOW)
    kept = decoded(encoded(Inputs.of(ticket, previous, links, NOW)))
    body = previous.body if previous is not None else ""
    again = kept.with_body(body).again(RULES)
    assert msgspec.to_builtins(again.ticket) == msgspec.to_builtins(made.ticket)
    assert again.sets == made.sets
    assert again.trace == made.trace
