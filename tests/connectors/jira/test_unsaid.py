"""Comments of which a webhook does not say who may read them: nothing is lost, and nothing becomes public by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.jira.bench import JiraDataCenterBench
from connectors.sdk import EventKind, Visibility
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.connectors.jira.conftest import connect, stored
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

ISSUE = "/rest/api/2/issue/"
SHOWN = "/rest/servicedeskapi/request/"
MINUTES = timedelta(minutes=1)


class Patient(Pair):
    """A pair whose time is put forward."""

    patience = timedelta(0)

    def wait(self, minutes: int) -> None:
        """Let minutes pass, while everybody works."""
        for _ in range(minutes):
            self.pass_time(MINUTES)
            self.settle(quiet=0.1)


@pytest.fixture
def pair(store: SqlStore) -> Iterator[Patient]:
    """Give a service project on Data Center, whose webhooks say nothing of it, and a Zendesk."""
    with Patient(store, JiraDataCenterBench, ZendeskBench) as made:
        yield made


def told(pair: Patient, copy: str) -> tuple[list[str], list[str]]:
    """Return what the copy shows in public, and to agents alone."""
    shown = pair.shown(TARGET, copy)
    return texts(shown, public=True), texts(shown, public=False)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_lost_while_the_issue_cannot_be_read(pair: Patient) -> None:
    """For ten minutes: nothing goes anywhere, and then each comment is what it is."""
    ticket, copy = pair.opened("Printer", "It burns")
    before = told(pair, copy)
    jira = pair.benches[SOURCE]
    jira.desk.fault("error_without_effect", method="GET", path=ISSUE, count=None, status=503)
    jira.say(ticket, "Said to all", public=True)
    jira.say(ticket, "Said to agents", public=False)
    pair.wait(10)
    assert (told(pair, copy), pair.letters()) == (before, [])
    jira.desk.faults.clear()
    pair.wait(2)
    pair.settle_all()
    assert told(pair, copy) == ([*before[0], "Said to all"], [*before[1], "Said to agents"])
    assert pair.letters() == []


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_may_read_it_is_waited_for_and_a_refusal_is_internal(pair: Patient) -> None:
    """The service desk's own API alone knows: while it fails nothing goes; what it refuses to say is for agents."""
    ticket, copy = pair.opened("Printer", "It burns")
    before = told(pair, copy)
    jira = pair.benches[SOURCE]
    assert isinstance(jira, JiraDataCenterBench)
    jira.desk.records.lists_properties = False
    jira.desk.fault("error_without_effect", method="GET", path=SHOWN, count=None, status=503)
    jira.say(ticket, "Said to all", public=True)
    pair.wait(10)
    assert told(pair, copy) == before
    jira.desk.faults.clear()
    pair.wait(2)
    pair.settle_all()
    assert told(pair, copy) == ([*before[0], "Said to all"], before[1])
    jira.desk.fault("error_without_effect", method="GET", path=SHOWN, count=None, status=403)
    jira.say(ticket, "Nobody says to whom", public=True)
    pair.wait(2)
    pair.settle_all()
    assert told(pair, copy) == ([*before[0], "Said to all"], [*before[1], "Nobody says to whom"])


@pytest.mark.parametrize("unmarked", ["public", "internal"])
@pytest.mark.parametrize("issue", [None, {"id": "10400", "self": "https://acme.example/rest/api/2/issue/10400"}])
def test_a_comment_without_its_project_waits_for_a_read(unmarked: str, issue: dict[str, Any] | None) -> None:
    """It may be one of a service project, which has customers: what a site says of other projects does not hold."""
    where = "https://acme.example/rest/api/2/issue/10400/comment/9"
    comment = {"self": where, "id": "9", "body": "Who may read this?", "created": "2026-03-01T10:00:00.000+0000"}
    body = {"webhookEvent": "comment_created", "timestamp": 1772362800000, "comment": comment, "issue": issue}
    connector = connect(unmarked_comments=unmarked)
    for more, visibility in (
        ({}, None),
        ({"jsdPublic": True}, Visibility.PUBLIC),
        ({"jsdPublic": False}, Visibility.INTERNAL),
    ):
        (found,) = connector.parse(stored(msgspec.json.encode({**body, "comment": {**comment, **more}})))
        if visibility is None:
            assert (found.kind, found.needs_read) == (EventKind.COMMENTED, True)
            assert found.comment is not None
            assert (found.comment.visibility, found.comment.unsaid) == (Visibility.INTERNAL, True)
        else:
            assert found.comment is not None
            assert found.comment.visibility is visibility
