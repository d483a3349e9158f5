"""A desk gets a status or a priority of its own after the map was written: kept, said, parked, mended, and not lost."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from connectors.jira.bench import JiraCloudBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.zendesk.bench import ZendeskBench
from dead_letters import Person, replay_delivery
from gateway.domain.ticket import Category, Level, Unmapped
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.mapping import PriorityMap, Row, StatusMap
from rules.sync import UnmappedChoice
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PARTS, URGENT = "Awaiting parts", "Showstopper"
STATUSES = (
    Row((Category.NEW,), ("To Do",), "To Do", Category.NEW),
    Row((Category.OPEN, Category.PENDING_CUSTOMER), ("In Progress",), "In Progress", Category.OPEN),
    Row((Category.RESOLVED, Category.CLOSED), ("Resolved", "Closed"), "Resolved", Category.RESOLVED),
)
PRIORITIES = tuple(
    Row((level,), (word,), word, level)
    for level, word in ((Level.P1, "Highest"), (Level.P2, "High"), (Level.P3, "Medium"), (Level.P4, "Low"))
)


class Mapped(Pair):
    """A ServiceNow, of which every ticket also lives in a Jira whose words the rule maps."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store, ServiceNowBench, JiraCloudBench)

    def know(self, *, status: Category | None = None, level: Level | None = None, **changes: object) -> None:
        """Write the map: the new words in it, or not (yet)."""
        statuses = STATUSES + ((Row((status,), (PARTS,), PARTS, status),) if status is not None else ())
        priorities = PRIORITIES
        if level is not None:
            priorities = tuple(
                msgspec.structs.replace(row, theirs=(*row.theirs, URGENT)) if level in row.ours else row
                for row in PRIORITIES
            )
        (rule,) = self.site.rules.sync_rules
        maps = {"status_map": StatusMap(statuses), "priority_map": PriorityMap(priorities)}
        made = msgspec.structs.replace(rule, **{**maps, **changes})
        rules = RuleSet(sync_rules=(made,), sections=self.site.rules.sections)
        self.site = msgspec.structs.replace(self.site, rules=rules)

    def replay(self) -> None:
        """Let a person replay the one letter."""
        with self.store.read() as tx:
            (letter,) = tx.view.dead_letters(limit=5)
        person = Person("eva", "the map has it now", "cli")
        self.store.write(lambda tx: replay_delivery(tx, letter.id, self.time.now(), person))
        self.settle_all()


@pytest.fixture
def pair(store: SqlStore) -> Iterator[Mapped]:
    """Give a gateway between the two."""
    with Mapped(store) as made:
        yield made


@pytest.mark.parametrize("what", ["status", "priority"])
def test_a_new_word_of_a_jira_is_parked_alone_and_arrives_when_it_is_mapped(pair: Mapped, what: str) -> None:
    """The letter names the word; nothing of the ticket is changed by it, and what is said goes on."""
    pair.know()
    ticket, issue = pair.opened("Printer", "It burns")
    jira = pair.benches[TARGET].desk
    pair.benches[SOURCE].set_priority(ticket, Level.P2)
    pair.settle_all()
    word = PARTS if what == "status" else URGENT
    given = {"status": PARTS} if what == "status" else {"priority": {"name": URGENT}}
    before = pair.ticket(ticket)
    jira.act("new_word", what=what, word=word)
    jira.act("set", issue=issue, **given)
    pair.benches[TARGET].say(issue, "We wait for a part", public=True)
    pair.settle_all()
    (letter,) = pair.letters()
    assert ": unmapped " in letter
    assert repr(word) in letter
    now = pair.ticket(ticket)
    assert (now.status.category, now.priority.level) == (before.status.category, before.priority.level)
    assert texts(pair.shown(SOURCE, ticket)).count("We wait for a part") == 1
    pair.know(**({"status": Category.ON_HOLD} if what == "status" else {"level": Level.P1}))
    pair.replay()
    pair.poll()
    assert pair.letters() == []
    now = pair.ticket(ticket)
    if what == "status":
        assert (now.status.category, pair.category(SOURCE, ticket)) == (Category.ON_HOLD, Category.ON_HOLD)
        assert pair.shown(TARGET, issue).status == PARTS, "nothing of ours was written over it"
    else:
        assert (now.priority.level, pair.level(SOURCE, ticket)) == (Level.P1, Level.P1)
        assert pair.shown(TARGET, issue).priority == URGENT
    assert jira.effects.doubled() == {}


@pytest.mark.parametrize("what", ["status", "priority"])
def test_where_the_rule_ignores_it_it_is_noted(pair: Mapped, what: str) -> None:
    """`tickets show` names the word; the ticket stays as it was, at both desks."""
    pair.know(unmapped=UnmappedChoice.IGNORE)
    ticket, issue = pair.opened("Printer", "It burns")
    before = pair.ticket(ticket)
    word = PARTS if what == "status" else URGENT
    pair.benches[TARGET].desk.act("new_word", what=what, word=word)
    pair.benches[TARGET].desk.act(
        "set", issue=issue, **({"status": word} if what == "status" else {what: {"name": word}})
    )
    pair.settle_all()
    now = pair.ticket(ticket)
    assert now.unmapped == (Unmapped(TARGET, what, word),)
    assert (now.status.category, now.priority.level) == (before.status.category, before.priority.level)
    assert pair.letters() == []
    shown = pair.shown(TARGET, issue)
    assert word in {shown.status, shown.priority}, "nothing of ours was written over it"


@pytest.mark.parametrize("jira", [SOURCE, TARGET])
def test_a_priority_that_nothing_knows_takes_none_away(store: SqlStore, jira: str) -> None:
    """Where no map is written the desk's own words count: an unknown one is not the same as no priority."""
    kinds = (JiraCloudBench, ServiceNowBench) if jira == SOURCE else (ServiceNowBench, JiraCloudBench)
    with Pair(store, *kinds) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue, there, other = (ticket, copy, TARGET) if jira == SOURCE else (copy, ticket, SOURCE)
        pair.benches[SOURCE].set_priority(ticket, Level.P2)
        pair.settle_all()
        assert pair.level(TARGET, copy) is Level.P2
        pair.benches[jira].desk.act("new_word", what="priority", word=URGENT)
        pair.benches[jira].desk.act("set", issue=issue, priority={"name": URGENT})
        pair.settle_all()
        assert [": unmapped " in each and repr(URGENT) in each for each in pair.letters()] == [True]
        assert pair.level(other, there) is Level.P2
        assert pair.ticket(ticket).priority.level is Level.P2


def test_a_custom_status_of_a_zendesk_is_its_category(store: SqlStore) -> None:
    """An admin makes statuses of their own under Zendesk's: the other desk follows the one it belongs to, both ways."""
    with Pair(store, ZendeskBench, ServiceNowBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.benches[SOURCE].desk.act("set", ticket_id=ticket, status="hold", custom_status_id=35436)
        pair.settle_all()
        assert pair.category(TARGET, copy) is Category.ON_HOLD
        pair.benches[SOURCE].desk.act("set", ticket_id=ticket, custom_status_id=35437)
        pair.benches[SOURCE].say(ticket, "Still waiting", public=True)
        pair.settle_all()
        pair.poll()
        assert texts(pair.shown(TARGET, copy)).count("Still waiting") == 1
        assert pair.ticket(ticket).status.category is Category.ON_HOLD
        pair.benches[TARGET].set_status(copy, Category.RESOLVED)
        pair.settle_all()
        assert pair.shown(SOURCE, ticket).status == "solved"
        assert pair.letters() == []
