"""The other tickets of somebody and of their organisation, counted on each database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from gateway.domain.person import RemotePerson
from gateway.domain.recent import MOST, Count
from gateway.domain.redaction import without_people
from gateway.domain.ticket import Category, Org, Setter, Stamp, Status, Ticket
from gateway.flow.people.judging import PeopleJudge
from gateway.store import SqlStore
from tests.people import known

KIM = RemotePerson("7", "kim@customer.example")
OPEN, CLOSED = Status(Category.OPEN), Status(Category.CLOSED)
MONTH = timedelta(days=30)


def opened(store: SqlStore, who: RemotePerson = KIM, connection: str = "zen", days: float = 0, **more: Any) -> Ticket:
    """Store a ticket that somebody opened so many days ago."""
    found = known(store, connection, who)
    at = store.clock.now() - timedelta(days=days)
    made = Ticket(
        id=store.ids.new(),
        source=connection,
        created_at=at,
        updated_at=at,
        requester=who,
        requester_id=found.person,
        asked_as=found.asked_as,
    )
    made = msgspec.structs.replace(made, **{"status": OPEN, **more})
    store.write(lambda tx: tx.tickets.save(made))
    return made


def counts(store: SqlStore, ticket: Ticket) -> tuple[Count, Count]:
    """Return what is counted for a ticket: of its requester, and of its organisation."""
    since = store.clock.now() - MONTH
    with store.read() as tx:
        return tx.people.recent(ticket, since), tx.people.recent_of_org(ticket, since)


def test_other_tickets_of_the_same_person_are_counted_at_every_desk(store: SqlStore) -> None:
    """Not the ticket itself, not what is older, and of the others only the open ones are open."""
    this = opened(store)
    assert counts(store, this)[0] == Count(0, 0)
    opened(store, RemotePerson("a", KIM.email), "jira", days=3)
    opened(store, days=29, status=CLOSED)
    opened(store, days=31)
    opened(store, RemotePerson("8", "lee@customer.example"))
    assert counts(store, this)[0] == Count(2, 1)


def test_duplicates_are_one_ticket(store: SqlStore) -> None:
    """What repeats the ticket, or what it repeats, is not another one; two that repeat a third are one."""
    this = opened(store)
    opened(store, duplicate_of=this.id)
    assert counts(store, this)[0] == Count(0, 0)
    original = opened(store)
    opened(store, duplicate_of=original.id, status=CLOSED)
    opened(store, duplicate_of=original.id, status=CLOSED)
    assert counts(store, this)[0] == Count(1, 1)
    assert counts(store, original)[0] == Count(1, 1)
    repeats = opened(store, duplicate_of=original.id)
    assert counts(store, repeats)[0] == Count(1, 1)
    old = opened(store, days=40)
    opened(store, duplicate_of=old.id)
    assert counts(store, this)[0] == Count(2, 2), "it is of late, although its original is not"


def test_a_merge_of_two_people_counts_at_once_and_its_end_as_well(store: SqlStore) -> None:
    """Which person asked is looked up when it is counted."""
    this, other = opened(store), opened(store, RemotePerson("8", "lee@customer.example"))

    def judged(word: str, *who: str) -> Any:
        return store.write(
            lambda tx: getattr(PeopleJudge(tx, ids=store.ids, now=store.clock.now(), actor="person:eva"), word)(*who)
        )

    (merged,) = judged("merge", this.requester_id, other.requester_id).people
    assert counts(store, msgspec.structs.replace(this, requester_id=merged))[0] == Count(1, 1)
    judged("undo", merged)
    assert counts(store, this)[0] == Count(0, 0)


def test_an_organisation_is_told_by_its_id_else_by_its_name(store: SqlStore) -> None:
    """An id counts for who gave it: another desk's 7 is another organisation."""
    people = [RemotePerson(str(number), f"p{number}@customer.example") for number in range(1, 8)]
    this = opened(store, people[0], org=Org(id="7", name="Acme"))
    opened(store, people[1], org=Org(id="7", name="Acme Ltd"))
    opened(store, people[2], "jira", org=Org(id="7"))
    assert counts(store, this)[1] == Count(1, 1)
    named = opened(store, people[3], org=Org(name="Globex  GmbH"))
    opened(store, people[4], "jira", org=Org(name="globex gmbh"), status=CLOSED)
    assert counts(store, named)[1] == Count(1, 0)
    stamps = {"org.id": Stamp(Setter.DESK, "enrich:crm", store.clock.now())}
    told = opened(store, people[5], org=Org(id="7"), stamps=stamps)
    opened(store, people[6], "jira", org=Org(id="7"), stamps=stamps)
    assert counts(store, told)[1] == Count(1, 1)


def test_who_is_forgotten_is_not_counted(store: SqlStore) -> None:
    """A ticket without what was about people says nothing of its organisation either."""
    this, other = opened(store, org=Org(id="7")), opened(store, org=Org(id="7"), status=CLOSED)
    assert counts(store, this) == (Count(1, 0), Count(1, 0))
    store.write(lambda tx: tx.tickets.save(without_people(other, store.clock.now())))
    assert counts(store, this) == (Count(0, 0), Count(0, 0))
    with store.read() as tx:
        found = tx.connection.execute(text("SELECT org_key FROM tickets WHERE id = :id"), {"id": other.id}).scalar()
    assert found == ""


def test_of_a_monitoring_system_a_thousand_are_counted(store: SqlStore) -> None:
    """More would hold up every decision on its tickets."""
    this = opened(store)

    def many(tx: Any) -> None:
        for _ in range(MOST + 5):
            tx.tickets.save(msgspec.structs.replace(this, id=store.ids.new()))

    store.write(many)
    assert counts(store, this)[0] == Count(MOST, MOST)
