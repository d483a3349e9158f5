"""A comment that is edited at its desk: the record has the new words and what they lost; no copy is written over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.github.bench import GitHubBench
from connectors.servicenow.bench import ServiceNowBench
from gateway.domain.ticket import Visibility
from gateway.flow.originals import ACTION
from gateway.flow.rewording import EDITED
from gateway.ports.originals import Original
from gateway.store import SqlStore
from gateway.store.redaction import redact
from gateway.web.console.ticket import CommentLine, TicketPage, read_ticket
from tests.pairs.pair import TARGET, Pair, texts

HTML = ("HTML in the text",)


class Edited:
    """A ticket with one comment at GitHub, which its writer changes."""

    def __init__(self, pair: Pair, first: str) -> None:
        self.pair = pair
        self.desk = pair.benches["the-source"].desk
        self.issue, self.copy = pair.opened("Printer", "It burns")
        self.comment = self.desk.act("comment", issue=self.issue, body=first)
        pair.settle_all()

    def edit(self, body: str) -> None:
        """Let the comment read otherwise, some seconds later."""
        self.pair.pass_time(timedelta(seconds=5))
        self.desk.act("edit", issue=self.issue, comment=self.comment, body=body)
        self.pair.settle_all()

    @property
    def page(self) -> TicketPage:
        """What people see."""
        found = read_ticket(self.pair.store, self.pair.ticket(self.issue).id)
        assert found is not None
        return found

    @property
    def line(self) -> CommentLine:
        """The comment, as people see it."""
        (found,) = self.page.comments
        return found

    def trail(self, action: str) -> list[dict[str, Any]]:
        """Return what the trail says, the oldest first."""
        return [each["detail"] for each in reversed(self.page.audit) if each["action"] == action]

    def kept(self) -> dict[str, Original]:
        """Return the texts that are stored of comments."""
        with self.pair.store.read() as tx:
            said = tx.tickets.comments(self.page.id)
            return dict(tx.tickets.originals([each.id for each in said]))


@pytest.fixture
def pair(store: SqlStore) -> Iterator[Pair]:
    """Give a gateway between GitHub and another desk."""
    with Pair(store, GitHubBench, ServiceNowBench) as made:
        yield made


def test_what_an_edit_loses_is_kept_and_said(pair: Pair) -> None:
    """Once, with the text as it is there; the copy stays what was said."""
    edited = Edited(pair, "Try it")
    edited.edit("Try <kbd>F5</kbd> again")
    assert (edited.line.body, edited.line.edited_at is not None) == (r"Try \<kbd>F5\</kbd> again", True)
    assert edited.line.original is not None
    assert (edited.line.original.lost, edited.line.original.raw) == (HTML, "Try <kbd>F5</kbd> again")
    assert edited.trail(ACTION) == [{"at": "the-source", "of": "an edited comment", "lost": list(HTML)}]
    assert edited.trail(EDITED) == [{"at": "the-source", "comment": str(edited.comment)}]
    pair.poll()
    pair.settle_all()
    assert len(edited.trail(ACTION)) == len(edited.trail(EDITED)) == 1, "it is said once"
    assert texts(pair.shown(TARGET, edited.copy)).count("Try it") == 1
    assert not [each for each in texts(pair.shown(TARGET, edited.copy)) if "F5" in each]


def test_what_a_text_no_longer_loses_is_forgotten(pair: Pair) -> None:
    """The original is that of the words that stand there."""
    edited = Edited(pair, "Try <kbd>F5</kbd>")
    assert [each.lost for each in edited.kept().values()] == [HTML]
    edited.edit("Try <kbd>F6</kbd>")
    assert [each.raw for each in edited.kept().values()] == ["Try <kbd>F6</kbd>"]
    assert len(edited.trail(ACTION)) == 1, "it lost the same before"
    edited.edit("Try it")
    assert edited.kept() == {}
    assert (edited.line.body, edited.line.original) == ("Try it", None)


def test_originals_follow_a_ticket_that_moves(pair: Pair) -> None:
    """To another repository, where it has another number."""
    issue, _ = pair.opened("Printer", "It <kbd>burns</kbd>")
    desk = pair.benches["the-source"].desk
    desk.act("comment", issue=issue, body="Try <kbd>F5</kbd>")
    pair.settle_all()
    ticket = pair.ticket(issue).id
    new = desk.act("transfer", issue=issue, repository="acme/plant")
    pair.settle_all()
    pair.poll()
    found = read_ticket(pair.store, ticket)
    assert found is not None
    assert {link.remote_id for link in found.links if link.state == "live"} >= {new}
    assert [each.raw for each in found.originals] == ["It <kbd>burns</kbd>"]
    assert [each.original.raw for each in found.comments if each.original] == ["Try <kbd>F5</kbd>"]


def test_an_edit_brings_nothing_back_that_was_taken_away(pair: Pair) -> None:
    """Words that were redacted stay so."""
    edited = Edited(pair, "Kim of Acme, 0123")
    (found,) = pair.store.write(lambda tx: tx.tickets.comments(edited.page.id))
    pair.store.write(lambda tx: tx.tickets.redact_comment(found.id))
    edited.edit("Kim of Acme, <u>0124</u>")
    assert (edited.line.body, edited.kept(), edited.trail(EDITED)) == ("", {}, [])


def test_originals_go_with_the_people_of_the_ticket(pair: Pair) -> None:
    """Those of edits as well."""
    edited = Edited(pair, "Try it")
    edited.edit("Try <kbd>F5</kbd>")
    edited.desk.act("set", issue=edited.issue, state="closed")
    pair.settle_all()
    assert redact(pair.store, pair.time.now() + timedelta(minutes=1), 10)[0] == 1
    assert edited.kept() == {}


def test_an_edit_never_makes_an_internal_comment_public(pair: Pair) -> None:
    """Nor does the record lag behind where one became internal."""
    edited = Edited(pair, "Try it")
    with pair.store.read() as tx:
        (said,) = tx.tickets.comments(edited.page.id)
    pair.store.write(lambda tx: tx.tickets.reword(said.id, said.body, Visibility.INTERNAL, said.at))
    edited.edit("Try again")
    assert (edited.line.body, edited.line.visibility) == ("Try again", "internal")
