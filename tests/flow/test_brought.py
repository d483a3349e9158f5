"""What an event tells in part is made whole by a read, and what was seen without its form is no edit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.domain.event import Event, EventKind, RemoteComment, RemoteTicket
from gateway.domain.link import Link, LinkState, Observed, Role
from gateway.domain.person import RemotePerson
from gateway.flow.brought import brought, whole

SECOND = datetime(2026, 3, 1, 12, 0, 25, tzinfo=UTC)
TOLD = SECOND + timedelta(milliseconds=300)
EVA = RemotePerson("5", name="Eva")


def event(words: str = "on it", *, partial: bool = True) -> Event:
    """Return a webhook about one comment."""
    comment = RemoteComment("7", TOLD, words, author=EVA, partial=partial)
    return Event(EventKind.COMMENTED, "1", key="comment:7", at=TOLD, comment=comment)


def shown(*comments: tuple[str, str]) -> RemoteTicket:
    """Return a read of that second."""
    said = tuple(RemoteComment(number, SECOND, body) for number, body in comments)
    return RemoteTicket("1", SECOND, comments=said, complete=True)


def test_a_comment_is_as_the_desk_shows_it_and_when_it_was_told() -> None:
    """The webhook knows the moment, the read knows the form; who spoke comes from either."""
    made, read = whole(event(), shown(("7", "**on it**")))
    assert made.comment == RemoteComment("7", TOLD, "**on it**", author=EVA)
    assert read is not None
    assert read.comments == (made.comment,)


def test_what_was_said_after_it_in_the_same_second_stays_after_it() -> None:
    """The desk counts in seconds, so its order says what came first."""
    _, read = whole(event(), shown(("6", "before"), ("7", "on it"), ("8", "any news?")))
    assert read is not None
    assert [(each.remote_id, each.at) for each in read.comments] == [("6", SECOND), ("7", TOLD), ("8", TOLD)]


def test_what_was_told_whole_or_is_not_shown_stays_as_it_is() -> None:
    """A read that does not have it yet takes nothing away."""
    for given, read in ((event(partial=False), shown(("7", "x"))), (event(), shown()), (event(), None)):
        made, _ = whole(given, read)
        assert made.comment == given.comment


def test_a_body_that_was_seen_without_its_form_is_no_edit() -> None:
    """Its words are the same; other words are news."""
    link = Link("l", "t", "desk", LinkState.LIVE, Role.SOURCE, observed={"body": Observed("It burns", SECOND, 1)})
    for words, news in (("It burns", []), ("It froze", ["body"])):
        snapshot = RemoteTicket("1", TOLD, version=2, body=f"**{words}**", plain_body=words, complete=True)
        seen = brought(Event(EventKind.OBSERVED, "1", key="p", at=TOLD, snapshot=snapshot), link, frozenset())
        assert [each.field for each in seen] == news
