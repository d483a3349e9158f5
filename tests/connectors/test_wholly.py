"""What of an update gives nothing in a request is named, whatever else goes along."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Call,
    Done,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Reason,
    Receipt,
    Rejected,
    RemotePerson,
    RemoteTicket,
    wholly,
)
from gateway.errors import UnmappedError

NOBODY = {"name": "Nobody Known"}
UNSET = {"level": "unset"}


def rendered(intent: Intent) -> dict[str, Any]:
    """Render as a desk that has titles, three statuses, and an assignee by account."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        if name == "title":
            found["subject"] = value
        if name == "status" and value["category"] == "unknown":
            raise UnmappedError("a status of the category `unknown` has no word here")
        if name == "status":
            found["state"] = value["category"]
        if name == "assignee" and value.get("external_id"):
            found["owner"] = value["external_id"]
    return found


def ended(operation: Operation, fields: dict[str, Any], outcome: Outcome | None = None, **how: Any) -> Outcome:
    """Return what a write of these fields comes to."""

    def writing() -> Call[Outcome]:
        yield from ()
        return outcome or Done(detail="written")

    call = wholly(Intent(operation, fields), rendered, writing(), **how)
    with pytest.raises(StopIteration) as stop:
        next(call)
    found: Outcome = stop.value.value
    return found


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tags": ["a"]}, "tags: there is no such field there, or no word for this value"),
        ({"body": "new"}, "body: a text stays there as it was first written"),
        ({"assignee": NOBODY}, "assignee: nobody there is known by the account of whoever is asked for (people:"),
        ({"status": {"category": "unknown"}}, "a status of the category `unknown` has no word here"),
        ({"priority": {"level": "P1"}}, "priority: there is no such field there"),
    ],
    ids=str,
)
def test_a_change_is_refused_of_what_gives_nothing(fields: dict[str, Any], words: str) -> None:
    """Before anything is sent: what the desk can hold goes without it."""
    outcome = ended(Operation.SET_FIELDS, {"title": "New", **fields})
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.fields) == (Reason.UNMAPPED, tuple(fields))
    assert outcome.detail.startswith(words)


def test_all_such_fields_are_named_at_once() -> None:
    """One letter tells of them, and the next attempt writes the others."""
    fields = {"status": {"category": "unknown"}, "title": "New", "tags": ["a"], "assignee": NOBODY}
    outcome = ended(Operation.SET_FIELDS, fields)
    assert isinstance(outcome, Rejected)
    assert outcome.fields == ("status", "tags", "assignee")
    assert outcome.detail.count(";") == 2


def test_what_a_desk_keeps_by_its_nature_is_said_and_refuses_nothing() -> None:
    """A kind without a word, no priority, no queue; and what its page says that it keeps."""
    for none in (UNSET, {}):
        outcome = ended(Operation.SET_FIELDS, {"title": "New", "kind": "change", "priority": none, "queue": ""})
        assert isinstance(outcome, Done)
        assert outcome.detail == "written; left as it is, for the desk has no word for it: kind, priority, queue"
    outcome = ended(Operation.SET_FIELDS, {"title": "New", "priority": {"level": "P1"}}, kept={"priority"})
    assert isinstance(outcome, Done)
    assert "priority" in outcome.detail


def test_fields_that_are_written_by_other_means_are_left_to_them() -> None:
    """But nobody can look up a person of whom only the name is known."""
    by_mail = {"body": "new", "assignee": {"email": "eva@acme.example"}}
    assert ended(Operation.SET_FIELDS, by_mail, apart={"body", "assignee"}) == Done(detail="written")
    outcome = ended(Operation.SET_FIELDS, {"body": "new", "assignee": NOBODY}, apart={"body", "assignee"})
    assert isinstance(outcome, Rejected)
    assert outcome.fields == ("assignee",)


def test_a_new_ticket_is_made_without_what_has_no_word() -> None:
    """It says so; what was not asked for is not mentioned."""
    fields = {"title": "New", "body": "Words", "requester": NOBODY, "tags": [], "priority": UNSET}
    assert ended(Operation.CREATE, fields) == Done(detail="written")
    outcome = ended(Operation.CREATE, {**fields, "kind": "change", "assignee": NOBODY})
    assert isinstance(outcome, Done)
    assert outcome.detail.endswith("has no word for it: kind, assignee")


@pytest.mark.parametrize("seen", [None, RemotePerson("7"), msgspec.UNSET], ids=str)
def test_a_new_ticket_that_is_nobodys_says_so(seen: Any) -> None:
    """Desks drop whom they do not know on creation; what was not seen proves nothing."""
    ticket = RemoteTicket("1", datetime(2026, 3, 1, tzinfo=UTC), assignee=seen)
    made = Done(Receipt("1", observed=ticket))
    outcome = ended(Operation.CREATE, {"title": "New", "assignee": {"external_id": "8"}}, made)
    assert isinstance(outcome, Done)
    assert outcome.detail.startswith("assignee: nobody has" if seen is None else "")
    assert bool(outcome.detail) is (seen is None)


def test_what_was_not_done_says_nothing_of_it() -> None:
    """Only what took effect can have left something out."""
    assert ended(Operation.SET_FIELDS, {"kind": "change"}, NotSent("locked")) == NotSent("locked")
