"""A ticket is moved to another project, repository, group or queue: where its number changes, and where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.github.bench import GitHubBench
from connectors.gitlab.bench import GitLabBench
from connectors.gitlab.sim_state import PRODUCT
from connectors.redmine.bench import RedmineBench
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.sdk import Category
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zammad.bench import ZammadBench
from gateway.domain.link import LinkState
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

#: what people do to move a ticket there: it is a new one at the new place
ANEW: Mapping[type[Bench], tuple[str, Mapping[str, Any]]] = {
    GitHubBench: ("transfer", {"repository": "acme/plant"}),
    GitLabBench: ("move", {"to": PRODUCT}),
}
#: and where it is the same ticket, with another value in a field
SAME: Mapping[type[Bench], tuple[str, Mapping[str, Any]]] = {
    RedmineBench: ("issue", {"project_id": 2}),
    ZammadBench: ("ticket", {"group": "Sales"}),
    RequestTrackerBench: ("ticket", {"Queue": "General"}),
    ServiceNowBench: ("sys_id", {"assignment_group": "d625dccec0a8016700a222a0f7900d06"}),
}


def beside(kind: type[Bench]) -> type[Bench]:
    """Return another desk."""
    return RequestTrackerBench if kind is ServiceNowBench else ServiceNowBench


def go_on(pair: Pair, side: str, ticket: str, copy: str) -> None:
    """Let both sides speak, and a person resolve it where it was moved: each arrives once, and none is made anew."""
    other = TARGET if side == SOURCE else SOURCE
    pair.benches[side].say(ticket, "Moved it to those who know", public=True)
    pair.benches[other].say(copy, "Thank you", public=True)
    pair.settle_all()
    pair.poll()
    assert texts(pair.shown(other, copy)).count("Moved it to those who know") == 1
    assert texts(pair.shown(side, ticket)).count("Thank you") == 1
    pair.benches[side].set_status(ticket, Category.RESOLVED)
    pair.settle_all()
    assert pair.category(other, copy) in {Category.RESOLVED, Category.CLOSED}
    assert pair.letters() == []
    for bench in pair.benches.values():
        assert bench.desk.effects.doubled() == {}
    assert len(pair.benches[TARGET].desk.effects.all(kind="create", by_api=True)) == 1, "it was made again"


@pytest.mark.parametrize("side", [SOURCE, TARGET])
@pytest.mark.parametrize(
    ("kind", "by"), [(kind, by) for kind in (GitHubBench, GitLabBench) for by in ("webhook", "poll")]
)
def test_it_goes_on_under_its_new_number(store: SqlStore, kind: type[Bench], by: str, side: str) -> None:
    """Both numbers lead to the one ticket, and what was said on it before is not said again."""
    with Pair(store, *((kind, beside(kind)) if side == SOURCE else (beside(kind), kind))) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue, mirror = (ticket, copy) if side == SOURCE else (copy, ticket)
        other = TARGET if side == SOURCE else SOURCE
        pair.benches[side].say(issue, "Said before", public=True)
        pair.benches[other].say(mirror, "Answered before", public=True)
        pair.settle_all()
        pair.poll()
        how, given = ANEW[kind]
        pair.webhooks_lost = by == "poll"
        new = str(pair.benches[side].desk.act(how, issue=issue, **given))
        pair.settle_all()
        pair.poll()
        pair.webhooks_lost = False
        assert new != issue
        with pair.store.read() as tx:
            links = tx.links.by_remote([(side, issue), (side, new)])
        assert {each.ticket_id for each in links.values()} == {links[side, new].ticket_id}
        assert (links[side, new].state, links[side, issue].state) == (LinkState.LIVE, LinkState.MERGED)
        for text in ("Said before", "Answered before"):
            assert texts(pair.shown(other, mirror)).count(text) == 1
            assert texts(pair.shown(side, new)).count(text) == 1
        go_on(pair, side, new, mirror)


@pytest.mark.parametrize("side", [SOURCE, TARGET])
@pytest.mark.parametrize("kind", list(SAME), ids=lambda each: each.connector)
def test_it_goes_on_where_only_a_field_changes(store: SqlStore, kind: type[Bench], side: str) -> None:
    """Its queue is another one, and nothing else."""
    with Pair(store, *((kind, beside(kind)) if side == SOURCE else (beside(kind), kind))) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue, mirror = (ticket, copy) if side == SOURCE else (copy, ticket)
        queue = pair.read(side, issue).queue
        name, given = SAME[kind]
        pair.benches[side].desk.act("set", **{name: issue}, **given)
        pair.settle_all()
        pair.poll()
        assert pair.read(side, issue).queue != queue
        go_on(pair, side, issue, mirror)


@pytest.mark.parametrize("side", [SOURCE, TARGET])
@pytest.mark.parametrize("told", [("opened", "transferred"), ("opened",), ("transferred",)], ids="+".join)
def test_the_two_repositories_tell_of_a_move_in_any_order(store: SqlStore, told: tuple[str, ...], side: str) -> None:
    """One of the two webhooks is enough, and the new place may speak first: no second ticket begins."""
    with Pair(store, *((GitHubBench, ServiceNowBench) if side == SOURCE else (ServiceNowBench, GitHubBench))) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue, mirror = (ticket, copy) if side == SOURCE else (copy, ticket)
        desk = pair.benches[side].desk
        new = desk.act("transfer", issue=issue, repository="acme/plant", told=told)
        pair.settle_all()
        pair.poll()
        with pair.store.read() as tx:
            links = tx.links.by_remote([(side, issue), (side, new)])
            tickets = {each.id for each in tx.view.tickets()}
        assert {each.ticket_id for each in links.values()} == {links[side, new].ticket_id} == tickets
        assert pair.read(side, new).body != ""
        assert pair.ticket(ticket if side == TARGET else new).body == "It burns"
        go_on(pair, side, new, mirror)


@pytest.mark.parametrize("side", [SOURCE, TARGET])
def test_what_was_written_to_the_old_place_arrives_at_the_new_one(store: SqlStore, side: str) -> None:
    """Nobody has told of the move: the write is refused there, and goes on where the issue is now."""
    with Pair(store, *((GitHubBench, ServiceNowBench) if side == SOURCE else (ServiceNowBench, GitHubBench))) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue, mirror = (ticket, copy) if side == SOURCE else (copy, ticket)
        other = TARGET if side == SOURCE else SOURCE
        pair.webhooks_lost = True
        new = pair.benches[side].desk.act("transfer", issue=issue, repository="acme/plant")
        pair.webhooks_lost = False
        pair.benches[other].say(mirror, "Said meanwhile", public=True)
        pair.settle_all()
        pair.poll()
        pair.settle_all()
        assert texts(pair.shown(side, new)).count("Said meanwhile") == 1
        go_on(pair, side, new, mirror)


def test_an_unknown_ticket_of_the_same_person_and_moment_is_its_own(store: SqlStore) -> None:
    """Nothing is taken for another by its looks: the desk has to say so."""
    with Pair(store, GitHubBench, ServiceNowBench) as pair:
        first, _ = pair.opened("Printer", "It burns")
        pair.webhooks_lost = True
        second = pair.benches[SOURCE].open_ticket("Printer", "It burns", email="kim@customer.example")
        pair.webhooks_lost = False
        pair.poll()
        pair.settle_all()
        assert pair.ticket(first).id != pair.ticket(second).id
        assert pair.copy(first) != pair.copy(second)
