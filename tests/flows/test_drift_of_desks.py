"""Drift at desks of other kinds: what was missed is read, what is not shown is written, and then nothing is apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.freshdesk.bench import FreshdeskBench
from connectors.gitlab.bench import GitLabBench
from connectors.jira.bench import JiraCloudBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zendesk.bench import ZendeskBench
from dead_letters import Person, discard_update
from gateway.domain.ticket import Level
from gateway.flow.drift import Comparer, Drift
from gateway.store import SqlStore
from tests.flows.world import Silent
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

DESKS = (FreshdeskBench, GitLabBench, JiraCloudBench, ServiceNowBench)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
each_desk = pytest.mark.parametrize("kind", DESKS, ids=lambda kind: kind.__name__)


def compared(pair: Pair, name: str, *, repair: bool = False) -> list[Drift]:
    """Compare one end as `gateway reconcile` does, and let what is repaired settle."""
    comparer = Comparer(
        store=pair.store,
        site=pair.site,
        transport=pair.transport,
        doorbell=Silent(),
        clock=pair.clock,
        ids=pair.ids,
        wait=lambda _: None,
        repair=repair,
    )
    found = list(comparer.compare(name, None))
    pair.settle_all()
    return found


def told(found: list[Drift]) -> set[tuple[str, str]]:
    """Return what is apart, and how."""
    return {(each.kind, each.what) for each in found}


def refused(pair: Pair, change: Callable[[], object]) -> str:
    """Let the target refuse what a change at the source comes to; return the dead letter."""
    desk = pair.benches[TARGET].desk
    for method in ("PUT", "PATCH", "POST"):
        desk.fault("error_without_effect", method=method, count=None, status=422)
    change()
    pair.settle_all()
    desk.faults.clear()
    with pair.store.read() as tx:
        (letter,) = tx.view.dead_letters(limit=5)
    return letter.id


def discard(pair: Pair, letter: str) -> None:
    """Let a person discard a dead letter."""
    pair.store.write(lambda tx: discard_update(tx, letter, pair.clock.now(), Person("kim", "by hand")))
    pair.settle_all()


@each_desk
def test_what_was_missed_is_read_again(store: SqlStore, kind: type[Bench]) -> None:
    """Its webhooks were lost: a look says so and changes nothing, a repair brings it, and both ends agree then."""
    with Pair(store, kind, ZendeskBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        here = pair.benches[SOURCE]
        here.say(ticket, "We are at it", public=False)
        pair.settle_all()
        assert compared(pair, SOURCE) == []
        assert compared(pair, TARGET) == []
        pair.webhooks_lost = True
        here.set_title(ticket, "The printer burns")
        here.set_priority(ticket, Level.P1)
        here.say(ticket, "Nobody heard of this", public=False)
        here.desk.webhooks.flush(5)
        pair.webhooks_lost = False
        wanted = {("missed", "title"), ("missed", "priority"), ("missed", "comments")}
        assert told(compared(pair, SOURCE)) == wanted
        assert pair.shown(TARGET, copy).title == "Printer", "looking changes nothing"
        found = compared(pair, SOURCE, repair=True)
        assert (told(found), {each.repaired for each in found}) == (wanted, {"read"})
        shown = pair.shown(TARGET, copy)
        assert (shown.title, texts(shown).count("Nobody heard of this")) == ("The printer burns", 1)
        assert compared(pair, SOURCE) == []
        assert compared(pair, TARGET) == []


@each_desk
def test_what_it_does_not_show_is_written(store: SqlStore, kind: type[Bench]) -> None:
    """A write was refused and given up: a look says what the desk lacks, a repair writes it once, and nothing else."""
    with Pair(store, ZendeskBench, kind) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        letter = refused(pair, lambda: pair.benches[SOURCE].set_title(ticket, "The printer burns"))
        assert compared(pair, TARGET) == [], "what waits among the dead letters is no drift"
        discard(pair, letter)
        assert told(compared(pair, TARGET)) == {("unwritten", "title")}
        assert pair.shown(TARGET, copy).title == "Printer", "looking changes nothing"
        found = compared(pair, TARGET, repair=True)
        assert [(each.what, each.repaired) for each in found] == [("title", "written")]
        assert pair.shown(TARGET, copy).title == "The printer burns"
        assert compared(pair, TARGET) == []
        assert compared(pair, SOURCE) == []


def test_a_priority_that_nobody_gave_is_no_drift_and_one_that_was_taken_away_is(store: SqlStore) -> None:
    """Jira has no ticket without one: what it fills in is its own, until a person says otherwise at the source."""
    with Pair(store, ZendeskBench, JiraCloudBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        assert pair.level(TARGET, copy) is Level.P3
        assert compared(pair, TARGET) == []
        pair.benches[SOURCE].set_priority(ticket, Level.P1)
        pair.settle_all()
        assert pair.level(TARGET, copy) is Level.P1
        taken = refused(pair, lambda: pair.benches[SOURCE].desk.act("set", ticket_id=ticket, priority=None))
        discard(pair, taken)
        assert told(compared(pair, TARGET)) == {("unwritten", "priority")}
