"""A person's edit in the second of a write of ours, at a desk that counts in seconds: it is taken, and no echo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connectors.gitlab.bench import GitLabBench
from connectors.intercom.bench import IntercomBench
from connectors.sdk import Category, Level, RemoteTicket
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair

Doing = Callable[[Bench, str], None]
TARGETS = (IntercomBench, ServiceNowBench, GitLabBench)
#: what is edited: how we write it first, how the person does then, and how it reads
EDITS: dict[
    str, tuple[Callable[[Bench, str], None], Callable[[Bench, str], None], Callable[[RemoteTicket], object]]
] = {
    "title": (
        lambda bench, ticket: bench.set_title(ticket, "Ours"),
        lambda bench, ticket: bench.set_title(ticket, "Theirs"),
        lambda read: read.title,
    ),
    "priority": (
        lambda bench, ticket: bench.set_priority(ticket, Level.P2),
        lambda bench, ticket: bench.set_priority(ticket, Level.P3),
        lambda read: read.priority.level,  # type: ignore[union-attr]
    ),
    "status": (
        lambda bench, ticket: bench.set_status(ticket, Category.OPEN),
        lambda bench, ticket: bench.set_status(ticket, Category.RESOLVED),
        lambda read: read.status.category,  # type: ignore[union-attr]
    ),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.connector)
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_in_the_second_of_our_write_is_taken(store: SqlStore, target: type[Bench], edit: str) -> None:
    """By its webhook, or by the read that this asks for."""
    ours, theirs, read = EDITS[edit]
    with Pair(store, ZendeskBench, target) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.benches[TARGET].desk.clock.frozen = datetime.now(UTC).replace(microsecond=0)
        ours(pair.benches[SOURCE], ticket)
        pair.settle_all()
        before = read(pair.read(TARGET, copy))
        assert before == read(pair.read(SOURCE, ticket))
        pair.benches[TARGET].desk.clock.skew += timedelta(milliseconds=200)
        theirs(pair.benches[TARGET], copy)
        pair.settle_all()
        after = read(pair.read(TARGET, copy))
        assert after != before
        assert read(pair.read(SOURCE, ticket)) == after, pair.letters()
