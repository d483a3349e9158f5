"""The fold: per field the newest real edit wins, whatever the order of arrival, and a person outranks a rule."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.echo import EchoEntry, value_hash
from gateway.domain.event import Event, EventKind, FieldChange, RemoteComment, RemoteTicket
from gateway.domain.link import Link, LinkState, Observed, Role
from gateway.domain.ticket import Category, Level, Priority, Setter, Stamp, Status, Ticket, Visibility, with_field
from gateway.errors import ConflictError, UnmappedError
from gateway.flow.fold import Fold, fold, plain
from rules.sync import ConflictChoice, Owner, SyncRule, UnmappedChoice
from tests.flows.world import sync_rule

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICKET = Ticket("t", "acme-zendesk", AT, AT, title="Title", status=Status(Category.NEW))
RULE = sync_rule()
SOURCE = Link("s", "t", "acme-zendesk", LinkState.LIVE, Role.SOURCE, "1")
TARGET = Link("r", "t", "engineering-rt", LinkState.LIVE, Role.TARGET, "20", rule="to-rt")
WORDS = {"new": Category.NEW, "open": Category.OPEN, "stalled": Category.ON_HOLD, "resolved": Category.RESOLVED}


def status_change(word: str, at: datetime, version: int = 0) -> Event:
    """Return a person's change of status at RT."""
    change = FieldChange("status", Status(WORDS.get(word, Category.UNKNOWN), word))
    return Event(EventKind.CHANGED, "20", f"txn:{version or word}", at, version, changes=(change,))


def folded(ticket: Ticket, link: Link, event: Event, rule: SyncRule = RULE, **more: object) -> Fold:
    """Fold with nothing pending and an empty ledger."""
    given = {"ledger": (), "by_us": None, "known_comments": frozenset(), "pending": {}} | more
    return fold(ticket, link, event, rules=(rule,), **given)  # type: ignore[arg-type]


@given(order=st.permutations([(word, number) for number, word in enumerate(["open", "stalled", "resolved"], start=1)]))
def test_changes_of_one_desk_in_any_order_end_alike(order: list[tuple[str, int]]) -> None:
    """The last one by the desk's own order stands."""
    ticket, link = TICKET, TARGET
    for word, number in order:
        after = folded(ticket, link, status_change(word, AT + timedelta(seconds=number), number))
        ticket, link = after.ticket, after.link
    assert ticket.status.category is Category.RESOLVED
    assert link.observed["status"].value["native"] == "resolved"


def test_the_newest_edit_of_two_desks_wins_in_either_order() -> None:
    """An edit at Zendesk and a later one at RT: RT's stands, whichever arrives first."""
    change = FieldChange("status", Status(Category.OPEN, "open"))
    first = Event(EventKind.CHANGED, "1", "z1", AT + timedelta(seconds=1), changes=(change,))
    second = status_change("resolved", AT + timedelta(seconds=2), 9)
    for order in itertools.permutations([(SOURCE, first), (TARGET, second)]):
        ticket = TICKET
        for link, event in order:
            ticket = folded(ticket, link, event).ticket
        assert ticket.status.category is Category.RESOLVED


def test_an_older_edit_that_the_desk_still_shows_is_overruled() -> None:
    """It is not taken, and the desk is to be told the value that stands."""
    standing = with_field(
        TICKET, "status", Status(Category.RESOLVED), Stamp(Setter.PERSON, "acme-zendesk", AT + timedelta(seconds=9))
    )
    after = folded(standing, TARGET, status_change("open", AT, 4))
    assert after.ticket.status.category is Category.RESOLVED
    assert after.overruled == ("status",)
    assert [lost.field for lost in after.lost] == ["status"]


def test_a_person_outranks_a_rule_whenever_it_was() -> None:
    """What a rule set gives way to a person's edit, even one made a moment before."""
    ruled = with_field(TICKET, "priority", Priority(Level.P1), Stamp(Setter.RULE, "outage", AT + timedelta(hours=1)))
    change = FieldChange("priority", Priority(Level.P3, "normal"))
    event = Event(EventKind.CHANGED, "1", "z", AT, changes=(change,))
    after = folded(ruled, SOURCE, event).ticket
    assert after.priority.level is Level.P3
    assert after.setter("priority") is Setter.PERSON


def test_a_field_is_only_taken_from_a_desk_that_may_change_it() -> None:
    """A title that belongs to the source stays when the target changes it."""
    event = Event(EventKind.CHANGED, "20", "txn:5", AT, 5, changes=(FieldChange("title", "Mine"),))
    after = folded(TICKET, TARGET, event)
    assert after.ticket.title == "Title"
    assert after.lost[0].field == "title"


def test_an_unmapped_status_is_parked_or_noted() -> None:
    """The rule's choice decides."""
    event = status_change("frozen", AT, 5)
    with pytest.raises(UnmappedError, match="frozen"):
        folded(TICKET, TARGET, event)
    after = folded(TICKET, TARGET, event, sync_rule(unmapped=UnmappedChoice.IGNORE))
    assert after.ticket.status == TICKET.status
    assert after.ticket.unmapped[0].native == "frozen"


def test_a_status_that_already_means_the_same_changes_nothing() -> None:
    """RT's `stalled` does not move a ticket that waits for the customer."""
    waiting = msgspec.structs.replace(TICKET, status=Status(Category.PENDING_CUSTOMER))
    assert folded(waiting, TARGET, status_change("stalled", AT, 5)).changed == ()


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("by", [Setter.DESK, Setter.RULE, Setter.PERSON])
def test_what_a_desk_does_by_itself_and_leaves_so_gives_way_to_people(by: Setter, *, explicit: bool) -> None:
    """Our write opened the ticket: that stands over what nobody chose, and an engineer's word is written again."""
    opened = Status(Category.OPEN, "open")
    before = with_field(TICKET, "status", Status(Category.NEW), Stamp(by, "engineering-rt", AT))
    told = (FieldChange("status", opened),) if explicit else ()
    shown = RemoteTicket("1", AT + timedelta(seconds=2), status=opened)
    event = Event(EventKind.CHANGED, "1", "z", AT + timedelta(seconds=2), changes=told, snapshot=shown)
    ours = EchoEntry("e", "u", "status", value_hash(plain("status", opened)), AT, side_effect=True)
    after = folded(before, SOURCE, event, ledger=(ours,), by_us=True, stays=True)
    if by is Setter.PERSON:
        assert (after.ticket.status, after.overruled) == (before.status, ("status",))
    else:
        assert (after.ticket.status.category, after.changed) == (Category.OPEN, ("status",))
        assert after.ticket.setter("status") is Setter.DESK
        assert after.overruled == ()


def test_a_conflict_is_parked_where_the_rule_says_so() -> None:
    """Both desks changed the field, and our write of the other's edit is still to go."""
    rule = sync_rule(conflict=ConflictChoice.PARK)
    with pytest.raises(ConflictError):
        folded(TICKET, TARGET, status_change("open", AT, 5), rule, pending={"status": {}})


def test_a_snapshot_brings_what_webhooks_dropped() -> None:
    """A value that differs from the last observation is a change, one that is older is not."""
    link = msgspec.structs.replace(TARGET, observed={"status": Observed({"native": "new"}, AT, 3)})
    snapshot = RemoteTicket("20", AT + timedelta(seconds=5), 6, status=Status(Category.OPEN, "open"))
    event = Event(EventKind.COMMENTED, "20", "txn:6", AT + timedelta(seconds=5), 6, snapshot=snapshot)
    assert folded(TICKET, link, event).changed == ("status",)
    old = msgspec.structs.replace(event, snapshot=msgspec.structs.replace(snapshot, version=2))
    assert folded(TICKET, link, old).changed == ()


def test_a_comment_is_new_once_and_keeps_its_visibility() -> None:
    """A comment known by its id is not new again; one of unknown visibility is internal."""
    comment = RemoteComment("77", AT, "Words")
    event = Event(EventKind.COMMENTED, "20", "comment:77", AT, comment=comment)
    assert folded(TICKET, TARGET, event).comments == (comment,)
    assert comment.visibility is Visibility.INTERNAL
    assert folded(TICKET, TARGET, event, known_comments=frozenset({"77"})).comments == ()


def test_the_owner_of_a_field_can_be_the_target() -> None:
    """Where the rule gives a field to the target, an edit at the source is not taken."""
    rule = sync_rule(fields={"status": Owner.TO})
    change = FieldChange("status", Status(Category.OPEN, "open"))
    event = Event(EventKind.CHANGED, "1", "z", AT, changes=(change,))
    assert folded(TICKET, SOURCE, event, rule).changed == ()


def test_what_was_shown_before_does_not_undo_a_write_of_the_same_second() -> None:
    """A desk that counts in seconds: a webhook about a comment, or a poll, may show the state before our own write."""
    second = int(AT.timestamp()) * 1_000_000
    ours = Observed({"category": "open", "native": "open"}, AT, second, ours=True)
    link = msgspec.structs.replace(SOURCE, observed={"status": ours}, version=second)
    ticket = with_field(
        TICKET, "status", Status(Category.OPEN), Stamp(Setter.PERSON, "engineering-rt", AT - timedelta(seconds=1), 7)
    )
    comment = RemoteComment("c1", AT, "Said just before our write", Visibility.PUBLIC)
    shown = RemoteTicket("1", updated_at=AT, version=second, status=Status(Category.NEW, "new"))
    event = Event(EventKind.COMMENTED, "1", "comment:c1", AT, second, comment=comment, snapshot=shown)
    after = folded(ticket, link, event)
    assert (after.changed, after.ticket.status.category) == ((), Category.OPEN)
    assert len(after.comments) == 1
    polled = folded(ticket, link, Event(EventKind.OBSERVED, "1", "poll", AT, second, snapshot=shown))
    assert (polled.changed, polled.overruled) == ((), ())
    read = msgspec.structs.replace(shown, complete=True)
    looked = Event(EventKind.OBSERVED, "1", "poll", AT + timedelta(seconds=1), second, snapshot=read)
    assert folded(ticket, link, looked).changed == ("status",)


def test_a_poll_that_shows_our_write_leaves_its_webhook_an_echo() -> None:
    """Our write is read by a poll, somebody changes the ticket elsewhere, and only then the write's webhook comes."""
    entry = EchoEntry("e", "u", "status", value_hash(plain("status", Status(Category.OPEN, "open"))), AT, version=5)
    link = msgspec.structs.replace(SOURCE, observed={"status": Observed({"category": "new"}, AT, 4)})
    shown = RemoteTicket("1", updated_at=AT, version=5, status=Status(Category.OPEN, "open"), complete=True)
    polled = folded(TICKET, link, Event(EventKind.OBSERVED, "1", "poll", AT, 5, snapshot=shown), ledger=(entry,))
    assert (polled.echoes, polled.consumed) == (("status",), ())
    change = FieldChange("status", Status(Category.OPEN, "open"))
    told = folded(TICKET, polled.link, Event(EventKind.CHANGED, "1", "z", AT, 5, changes=(change,)), ledger=(entry,))
    assert (told.echoes, told.consumed, told.changed) == (("status",), ("e",), ())


def test_a_change_that_the_desk_has_replaced_since_is_not_taken() -> None:
    """RT sends the webhooks of a batch in an order of its own: the last one may come first and change nothing."""
    resolved = Observed({"category": "resolved", "native": "resolved"}, AT, 314)
    link = msgspec.structs.replace(TARGET, observed={"status": resolved}, version=314)
    ticket = with_field(TICKET, "status", Status(Category.RESOLVED), Stamp(Setter.PERSON, "engineering-rt", AT, 311))
    after = folded(ticket, link, status_change("open", AT, 313))
    assert (after.changed, after.overruled) == ((), ())
    assert [lost.field for lost in after.lost] == ["status"]


def test_an_edit_that_our_reply_put_back_is_written_again() -> None:
    """RT opens a ticket on a reply, so a reply sends the status along that it read: an edit in between is undone by us.

    The person's edit stands, what our own change shows in passing is no news, and RT is told the edit again.
    """
    at = {number: AT + timedelta(seconds=number - 76) for number in (77, 79, 80)}
    statuses = [Status(Category.NEW, "new"), Status(Category.OPEN, "open")]
    ledger = tuple(
        EchoEntry(f"e{number}", "u", "status", value_hash(plain("status", status)), AT, ("txn:79", "79"), 80, AT, True)
        for number, status in enumerate(statuses)
    )
    new = Observed(plain("status", statuses[0]), AT, 52)
    link = msgspec.structs.replace(TARGET, observed={"status": new})
    edit = folded(TICKET, link, status_change("open", at[77], 77), ledger=ledger, by_us=False)
    assert edit.ticket.status.category is Category.OPEN
    said = RemoteComment("79", at[79], "said", Visibility.PUBLIC)
    passing = RemoteTicket("20", at[79], version=79, status=statuses[0])
    reply = Event(EventKind.COMMENTED, "20", "txn:79", at[79], 79, comment=said, snapshot=passing)
    after = folded(edit.ticket, edit.link, reply, ledger=ledger, by_us=True)
    assert after.changed == ()
    assert after.ticket.status.category is Category.OPEN
    back = folded(after.ticket, after.link, status_change("new", at[80], 80), ledger=ledger, by_us=True)
    assert back.changed == ()
    assert back.ticket.status.category is Category.OPEN
    assert back.overruled == ("status",)
    kept = folded(TICKET, link, status_change("new", at[80], 80), ledger=ledger, by_us=True)
    assert kept.overruled == ()
