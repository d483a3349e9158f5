# ruff: noqa: E501 - tables of whole messages
"""Phase sync: which tickets are created where, who owns a field, and the maps there and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ticket import Category, Kind, Status, Visibility
from rules import (
    ConflictChoice,
    Decision,
    Owner,
    Row,
    StatusMap,
    SyncRule,
    attachment_allows,
    comment_allows,
    decide,
    owner_allows,
)
from tests.rules.making import NOW, SPECS, rule_set, site, ticket

RULES = """\
sync:
  - name: tasks
    from: zen
    to: rt
    when: {kind: task}
    create: {queue: Tasks}
    conflict: park
    fields:
      title: from
      tags: to
      status:
        owner: both
        conflict: newest
        map:
          - {ours: new, theirs: new}
          - {ours: open, theirs: [open, testing], to: open}
          - {ours: [pending_customer, on_hold], theirs: stalled, back: on_hold}
          - {ours: [resolved, closed], theirs: resolved}
          - {ours: cancelled, theirs: rejected}
      comments: {public: both, internal: from}
      attachments: from
  - name: everything
    from: zen
    to: rt
    when: {not: {kind: question}}
"""


def run(kind: Kind, links: set[str], status: Category = Category.NEW) -> Decision:
    """Decide for a ticket of that kind."""
    given_ticket = ticket(kind=kind, status=Status(status))
    return decide(rule_set(RULES), given_ticket, previous=None, links=frozenset(links), now=NOW)


def rule() -> SyncRule:
    """Return the first rule."""
    found = rule_set(RULES).sync("tasks")
    assert found is not None
    return found


def test_the_first_rule_that_holds_creates_the_ticket_in_its_target() -> None:
    """One ticket in one desk, however many rules hold."""
    decision = run(Kind.TASK, {"zen"})
    assert [each.name for each in decision.create] == ["tasks"]
    assert [line.reason for line in decision.trace] == ["to be created in 'rt'", "an earlier rule takes it to 'rt'"]
    assert decision.create[0].create == {"queue": "Tasks"}


@pytest.mark.parametrize(
    ("kind", "links", "status", "reason"),
    [
        (Kind.QUESTION, {"zen"}, Category.NEW, "this holds, and must not: kind: question"),
        (Kind.OTHER, {"zen", "rt"}, Category.NEW, "the ticket lives in 'rt' already"),
        (Kind.OTHER, {"rt"}, Category.NEW, "the ticket does not live in 'zen'"),
        (Kind.OTHER, {"zen"}, Category.CLOSED, "status is 'closed': a finished ticket is copied only by a rule whose `when` asks for its status"),
    ],
)  # fmt: skip
def test_why_a_ticket_is_not_created(kind: Kind, links: set[str], status: Category, reason: str) -> None:
    """As explain prints it."""
    decision = run(kind, links, status)
    assert decision.create == ()
    assert decision.trace[-1].reason == reason


def test_a_finished_ticket_is_copied_when_the_rule_asks_for_its_status() -> None:
    """For those who want the archive, too."""
    rules = rule_set("sync:\n  - {name: all, from: zen, to: rt, when: {status: [open, closed]}}\n")
    closed = ticket(status=Status(Category.CLOSED))
    assert decide(rules, closed, previous=None, links=frozenset({"zen"}), now=NOW).create


def test_classify_comes_before_sync() -> None:
    """A rule of sync sees what a rule of classify has set."""
    rules = rule_set("classify:\n  - {name: t, set: {kind: task}}\n" + RULES)
    decision = decide(rules, ticket(), previous=None, links=frozenset({"zen"}), now=NOW)
    assert [each.name for each in decision.create] == ["tasks"]


def test_owners_say_which_way_a_change_may_go() -> None:
    """from, to, both, and nothing for what the rule does not name."""
    one = rule()
    allowed = {
        field: (owner_allows(one, field, True), owner_allows(one, field, False))
        for field in ("title", "tags", "status", "priority")
    }
    assert allowed == {
        "title": (True, False), "tags": (False, True), "status": (True, True), "priority": (False, False),
    }  # fmt: skip
    assert comment_allows(one, Visibility.PUBLIC, False)
    assert comment_allows(one, Visibility.INTERNAL, True)
    assert not comment_allows(one, Visibility.INTERNAL, False)
    assert attachment_allows(one, True)
    assert not attachment_allows(one, False)


def test_a_rule_without_fields_carries_nothing_but_its_attachments_would_follow_comments() -> None:
    """No comments are named, so none travel."""
    bare = rule_set(RULES).sync("everything")
    assert bare is not None
    assert not comment_allows(bare, Visibility.PUBLIC, True)
    assert bare.attachments is Owner.BOTH


def test_one_owner_may_stand_for_all_comments() -> None:
    """`comments: from` is both visibilities."""
    rules = rule_set("sync:\n  - {name: s, from: zen, to: rt, fields: {comments: from}}\n")
    found = rules.sync("s")
    assert found is not None
    assert found.comments == {Visibility.PUBLIC: Owner.FROM, Visibility.INTERNAL: Owner.FROM}


def test_a_conflict_is_settled_by_the_field_else_by_the_rule() -> None:
    """`conflict:` at either place."""
    assert rule().conflict_of("status") is ConflictChoice.NEWEST
    assert rule().conflict_of("title") is ConflictChoice.PARK


def test_rules_are_found_by_name_and_by_their_ends() -> None:
    """In either direction; the other end is known to the rule."""
    rules = rule_set(RULES)
    assert [each.name for each in rules.sync_between("rt", "zen")] == ["tasks", "everything"]
    assert rules.sync_between("zen", "zen") == ()
    assert rules.sync("nothing") is None
    assert (rule().other("zen"), rule().other("rt"), rule().other("x")) == ("rt", "zen", None)


def test_a_rule_to_a_desk_without_its_connector_takes_no_part() -> None:
    """It is known, and inert."""
    gateway = "connections:\n  zen: {connector: desk, url: https://z}\n  rt: {connector: gone, url: https://r}\n"
    rules = site(RULES, gateway).rules
    decision = decide(rules, ticket(kind=Kind.TASK), previous=None, links=frozenset({"zen"}), now=NOW)
    assert decision.create == ()
    assert decision.trace[0].reason == "a connector of 'zen' or 'rt' is not installed"
    assert rules.sync_between("zen", "rt") == ()
    assert len(SPECS) == 1


# ---------------------------------------------------------------- maps


def status_map() -> StatusMap:
    """Return the map of the first rule."""
    found = rule().status_map
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("new", "new"), ("open", "open"), ("on_hold", "stalled"), ("pending_customer", "stalled"), ("closed", "resolved")],
)
def test_ours_becomes_theirs(ours: str, theirs: str) -> None:
    """`to`, else the first of theirs."""
    assert status_map().to_theirs(Category(ours)) == theirs


@pytest.mark.parametrize(
    ("theirs", "current", "ours"),
    [
        ("stalled", "open", "on_hold"),
        ("stalled", "pending_customer", "pending_customer"),
        ("testing", "new", "open"),
        ("Resolved ", "open", "resolved"),
        ("resolved", "closed", "closed"),
        ("deleted", "open", None),
    ],
)
def test_theirs_becomes_ours(theirs: str, current: str, ours: str | None) -> None:
    """`back`, else the first of ours; a ticket that is at one of them already stays."""
    assert status_map().to_ours(theirs, Category(current)) == (Category(ours) if ours else None)


def test_a_word_that_covers_the_status_needs_no_write() -> None:
    """`testing` is open as well."""
    assert status_map().covers(Category.OPEN, "Testing")
    assert not status_map().covers(Category.NEW, "testing")
    assert not status_map().covers(Category.NEW, "nothing")


@st.composite
def maps(draw: st.DrawFn) -> StatusMap:
    """Return a random map in which each word stands once."""
    ours = draw(st.permutations(list(Category)))
    rows = []
    number = 0
    while ours:
        some = tuple(ours.pop() for _ in range(min(len(ours), draw(st.integers(1, 3)))))
        theirs = tuple(f"s{number}-{each}" for each in range(draw(st.integers(1, 3))))
        rows.append(Row(some, theirs, draw(st.sampled_from(theirs)), draw(st.sampled_from(some))))
        number += 1
    return StatusMap(tuple(rows))


@given(maps(), st.sampled_from(list(Category)))
def test_there_and_back_changes_nothing(mapping: StatusMap, category: Category) -> None:
    """What we wrote, read back, is where the ticket stands; so nothing bounces."""
    native = mapping.to_theirs(category)
    assert native is not None
    assert mapping.to_ours(native, category) is category
    assert mapping.covers(category, native)


@given(maps(), st.sampled_from(list(Category)), st.sampled_from(list(Category)))
def test_back_and_there_means_the_same(mapping: StatusMap, written: Category, current: Category) -> None:
    """Their word, read and written again, belongs to the same row: it is written once at most."""
    for row in mapping.rows:
        for native in row.theirs:
            ours = mapping.to_ours(native, current)
            assert ours is not None
            assert mapping.to_theirs(ours) == row.to
    assert msgspec.structs.asdict(mapping.rows[0])["to"] in mapping.rows[0].theirs
    assert mapping.to_theirs(written) is not None
