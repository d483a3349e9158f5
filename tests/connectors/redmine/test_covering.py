"""A role loses the right to private notes between our look and the write: the note does not stay in the open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.redmine.bench import RedmineBench
from connectors.redmine.connector import RedmineConnector
from connectors.sdk import Absent, Done, Found, NotSent, Operation, Progress, Rejected, Unknown, Unsure, WriteContext
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.connectors.redmine.test_writes import NOTE, context, creation, said
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

SECRET = "Their contract ends in May"
INTERNAL = said(Operation.INTERNAL_NOTE, SECRET)


@pytest.fixture(params=[True, False], ids=["marked", "by_words"])
def there(request: pytest.FixtureRequest) -> Iterator[RedmineBench]:
    """Start a desk whose role loses the right; its notes bear our mark, or do not."""
    with RedmineBench() as bench:
        bench.desk.lost_after_look = {"set_notes_private"}
        bench.marks = request.param  # type: ignore[attr-defined]
        yield bench


@pytest.fixture
def driver(there: RedmineBench) -> Iterator[Driver]:
    """Run calls of a connection to it."""
    options: dict[str, Any] = {} if there.marks else {"comment_marker": None}  # type: ignore[attr-defined]
    found = Driver(RedmineConnector(there.settings(**options)), deadline=2.0)
    yield found
    found.close()


def exposed(there: RedmineBench, driver: Driver) -> tuple[str, WriteContext]:
    """Write the note, which Redmine shows to everybody; return its issue and the context of the next attempt."""
    ticket = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(INTERNAL, context(ticket))
    assert isinstance(outcome, Progress), outcome
    assert [each.public for each in there.shown(ticket).comments] == [True]
    assert outcome.receipt.comment_id, "it is known as ours from now on, and goes to no other desk"
    return ticket, context(ticket, steps=outcome.steps)


def may(there: RedmineBench, *rights: str) -> None:
    """Give the role rights."""
    there.desk.lost_after_look = set()
    there.desk.records.permissions |= set(rights)


def test_it_is_hidden_where_the_right_is_back(there: RedmineBench, driver: Driver) -> None:
    """One write, and the update is done; that everybody could read it for a moment is said."""
    ticket, again = exposed(there, driver)
    may(there, "set_notes_private", "edit_own_issue_notes")
    outcome = driver.attempt(INTERNAL, again)
    assert isinstance(outcome, Done)
    assert "is private now" in outcome.detail
    assert [each.public for each in there.shown(ticket).comments] == [False]
    assert len(driver.writes) == 1


def test_its_words_are_taken_away_where_it_cannot_be_hidden(there: RedmineBench, driver: Driver) -> None:
    """That is a dead letter; when the right is back a replay writes it anew, once."""
    ticket, again = exposed(there, driver)
    may(there, "edit_own_issue_notes")
    outcome = driver.attempt(INTERNAL, again)
    assert isinstance(outcome, Rejected)
    assert "was taken away again" in outcome.detail
    assert there.shown(ticket).comments == ()
    assert isinstance(driver.attempt(INTERNAL, again), Rejected), "and is not written again without the right"
    may(there, "set_notes_private")
    assert isinstance(driver.attempt(INTERNAL, again), Done)
    assert [(each.text, each.public) for each in there.shown(ticket).comments] == [(SECRET, False)]


def test_where_nothing_can_be_done_a_person_is_told_loudly(there: RedmineBench, driver: Driver) -> None:
    """Which note of which issue, what to do, and why we cannot."""
    ticket, again = exposed(there, driver)
    outcome = driver.attempt(INTERNAL, again)
    assert isinstance(outcome, Rejected)
    assert outcome.detail.startswith("EVERYBODY READS note ")
    assert f"of issue {ticket}" in outcome.detail
    assert "HTTP 403" in outcome.detail
    assert "Edit own notes" in outcome.detail


def test_a_desk_that_is_away_is_asked_again(there: RedmineBench, driver: Driver) -> None:
    """The same write once more does no harm; whatever comes of it, it is never called done while everybody reads it."""
    ticket, again = exposed(there, driver)
    may(there, "edit_own_issue_notes")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="PUT", path="/journals/", status=503)
    assert isinstance(driver.attempt(INTERNAL, again), NotSent)
    there.desk.fault(FaultKind.RESET_AFTER, method="PUT", path="/journals/")
    assert isinstance(driver.attempt(INTERNAL, again), Unknown)
    assert isinstance(driver.run(driver.connector.probe(INTERNAL, again)), Absent)
    assert there.shown(ticket).comments == ()


def test_a_lost_answer_does_not_call_it_done(there: RedmineBench, driver: Driver) -> None:
    """By the mark it is covered by the next attempt; by words alone it is a person's to tell."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.fault(FaultKind.RESET_AFTER, method="PUT", path="/issues/")
    assert isinstance(driver.attempt(INTERNAL, context(ticket)), Unknown)
    finding = driver.run(driver.connector.probe(INTERNAL, context(ticket)))
    may(there, "edit_own_issue_notes")
    if there.marks:  # type: ignore[attr-defined]
        assert isinstance(finding, Absent)
        assert isinstance(driver.attempt(INTERNAL, context(ticket)), Rejected)
        assert there.shown(ticket).comments == ()
    else:
        assert isinstance(finding, Unsure)
        assert finding.detail.startswith("EVERYBODY READS note ")


def test_a_public_reply_in_the_same_words_is_left_alone(there: RedmineBench, driver: Driver) -> None:
    """It is another update, and known."""
    ticket = there.open_ticket("Printer", "On fire")
    may(there, "set_notes_private", "edit_own_issue_notes")
    reply = driver.settle(said(Operation.PUBLIC_REPLY, SECRET), context(ticket, NOTE))
    known = msgspec.structs.replace(context(ticket), known_comments=frozenset({reply.comment_id}))
    assert isinstance(driver.attempt(INTERNAL, known), Done)
    assert [each.public for each in there.shown(ticket).comments] == [True, False]


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "answer_lost"])
def test_an_issue_that_was_to_be_private_is_hidden_or_told(*, is_lost: bool) -> None:
    """The next attempt hides it, where the right is back; else a person is told, and no other one is made."""
    private = creation(title="Down")
    private = msgspec.structs.replace(private, params={**private.params, "private": True})
    with RedmineBench() as there:
        driver = Driver(RedmineConnector(there.settings()), deadline=2.0)
        there.desk.lost_after_look = {"set_issues_private"}
        if is_lost:
            there.desk.fault(FaultKind.RESET_AFTER, method="POST", path="/issues")
            assert isinstance(driver.attempt(private, context()), Unknown)
            finding = driver.run(driver.connector.probe(private, context()))
            assert isinstance(finding, Unsure)
            assert finding.detail.startswith("EVERYBODY READS issue ")
            (issue,) = there.desk.records.issues.values()
            issue["is_private"] = True
            assert isinstance(driver.run(driver.connector.probe(private, context())), Found)
        else:
            outcome = driver.attempt(private, context())
            assert isinstance(outcome, Progress)
            again = context(outcome.receipt.remote_id, steps=outcome.steps)
            told = driver.attempt(private, again)
            assert isinstance(told, Rejected)
            assert told.detail.startswith(f"EVERYBODY READS issue {outcome.receipt.remote_id}")
            may(there, "set_issues_private")
            assert isinstance(driver.attempt(private, again), Done)
            (issue,) = there.desk.records.issues.values()
            assert issue["is_private"]
        driver.close()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("marks", [True, False])
def test_it_reaches_nobody_at_the_other_desk(store: SqlStore, *, marks: bool) -> None:
    """Whole: the words are gone from Redmine, a dead letter says so, and what Redmine told of the note went nowhere."""

    class Marked(RedmineBench):
        """One whose notes bear our mark, or do not."""

        def options(self) -> dict[str, object]:
            """Return the settings."""
            return {**super().options(), **({} if marks else {"comment_marker": None})}

    with Pair(store, ZendeskBench, Marked) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        redmine = pair.benches[TARGET]
        assert isinstance(redmine, RedmineBench)
        redmine.desk.records.permissions |= {"edit_own_issue_notes"}
        redmine.desk.lost_after_look = {"set_notes_private"}
        before = texts(pair.shown(SOURCE, ticket))
        pair.benches[SOURCE].say(ticket, SECRET, public=False)
        pair.settle_all()
        pair.poll()
        assert not [each for each in texts(redmine.shown(copy)) if SECRET in each]
        (letter,) = pair.letters()
        assert "was taken away again" in letter
        assert texts(pair.shown(SOURCE, ticket)) == [*before, SECRET]
