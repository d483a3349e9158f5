"""When a comment was changed, as each desk says it: by a read, and by the webhook of those that tell of an edit.

What becomes of it here is tests/flows/test_comment_edits.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.dynamics365.bench import Dynamics365Bench
from connectors.freshdesk.bench import FreshdeskBench
from connectors.gitlab.bench import GitLabBench
from connectors.gitlab.sim_hooks import note_hook
from connectors.hubspot.bench import HubSpotBench
from connectors.jira.bench import JiraCloudBench, JiraDataCenterBench
from connectors.redmine.bench import RedmineBench
from connectors.salesforce.bench import SalesforceBench
from connectors.sdk import RawDelivery, RemoteComment
from connectors.testing.bench import Bench, Sink
from connectors.testing.driver import Driver
from connectors.zammad.bench import ZammadBench
from tests.rules.making import built_in

BEFORE, AFTER = "Try it", "Try it again"
SPAN = timedelta(minutes=5)

#: of a desk, its ticket and the moment
Edit = Callable[[Any, str, datetime], None]


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _only(records: Any) -> dict[str, Any]:
    (found,) = records
    assert isinstance(found, dict)
    return found


def _hubspot(desk: Any, ticket: str, at: datetime) -> None:
    (number,) = desk.linked(ticket, "notes")
    desk.records.change(desk.records.objects["notes"][number], {"hs_note_body": AFTER}, at, ("CRM_UI", "userId:1"))


def _dynamics365(desk: Any, ticket: str, at: datetime) -> None:
    record = _only(each for each in desk.records.all["annotations"].values() if each["_objectid_value"] == ticket)
    changed = desk.records.change("annotations", record, {"notetext": AFTER}, desk.records.agent, at)
    desk.tell("Update", "annotations", record, changed, desk.records.agent)


def _salesforce(desk: Any, ticket: str, at: datetime) -> None:
    record = _only(each for each in desk.records.all["CaseComment"].values() if each["ParentId"] == ticket)
    desk.records.change("CaseComment", record, {"CommentBody": AFTER}, desk.records.agent, at)


def _gitlab(desk: Any, ticket: str, at: datetime) -> None:
    issue = desk._held(ticket)
    note = _only(each for each in desk.records.notes[issue["id"]] if not each["system"])
    note |= {"body": AFTER, "updated_at": at.isoformat()}
    hook = note_hook(desk.records, issue, note, desk.records.agent)
    desk.announce({**hook, "object_attributes": {**hook["object_attributes"], "action": "update"}})


def _redmine(desk: Any, ticket: str, at: datetime) -> None:
    journal = _only(each for each in desk.records.journals[int(ticket)] if each["notes"])
    journal |= {"notes": AFTER, "updated_on": _stamp(at)}


def _freshdesk(desk: Any, ticket: str, at: datetime) -> None:
    said = _only(desk.records.conversations[int(ticket)])
    said |= {"body": f"<div>{AFTER}</div>", "body_text": AFTER, "updated_at": _stamp(at)}


def _jira(desk: Any, ticket: str, at: datetime) -> None:
    said = _only(desk.records.comments[ticket])
    text = {"type": "text", "text": AFTER}
    doc = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    said |= {"body": doc if isinstance(said["body"], dict) else AFTER, "updated": at}
    issue = desk.records.find(ticket)
    desk.tell("comment_updated", issue, said["by"], comment=desk.records.comment_json(issue, said, "2"))


def _zammad(desk: Any, ticket: str, at: datetime) -> None:
    article = max(desk.records.articles_of(int(ticket)), key=lambda each: each["id"])
    desk.records.articles[article["id"]] |= {"body": AFTER, "updated_at": _stamp(at)}
    desk.announce(desk.records.webhook(int(ticket), article["id"]))


#: how a comment is edited at each desk whose connector says when it was
EDITS: dict[type[Bench], Edit] = {
    Dynamics365Bench: _dynamics365,
    FreshdeskBench: _freshdesk,
    GitLabBench: _gitlab,
    HubSpotBench: _hubspot,
    JiraCloudBench: _jira,
    JiraDataCenterBench: _jira,
    RedmineBench: _redmine,
    SalesforceBench: _salesforce,
    ZammadBench: _zammad,
}
#: desks whose webhook tells the new words; others tell nothing of an edit, or nothing that names the ticket: polls do
TOLD = (GitLabBench, JiraCloudBench, ZammadBench)


def said(driver: Driver, ticket: str) -> RemoteComment:
    """Read the one comment of a ticket."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    (comment,) = found.comments
    return comment


def commented(kind: type[Bench], sink: Sink | None = None) -> tuple[Bench, str]:
    """Return a desk with a ticket on which an agent has said something for colleagues."""
    bench = kind()
    bench.__enter__()
    ticket = bench.open_ticket("Printer", "It burns")
    bench.say(ticket, BEFORE, public=False)
    bench.desk.webhooks.flush(5)
    if sink is not None:
        bench.desk.webhooks.url = sink.url
    return bench, ticket


@pytest.mark.parametrize("kind", EDITS, ids=lambda kind: kind.__name__)
def test_a_read_says_when_a_comment_was_edited(kind: type[Bench]) -> None:
    """And how it reads now; of one that nobody has edited it says no later time than that of its making."""
    bench, ticket = commented(kind)
    driver = Driver(built_in().connect(bench.settings("the-desk")))
    try:
        driver.run(driver.connector.whoami())
        first = said(driver, ticket)
        assert (first.body, first.was_edited) == (BEFORE, False)
        at = (bench.desk.now() + SPAN).replace(microsecond=0)
        EDITS[kind](bench.desk, ticket, at)
        now = said(driver, ticket)
        assert (now.remote_id, now.body, now.at) == (first.remote_id, AFTER, first.at)
        assert now.edited_at is not None
        assert abs(now.edited_at - at) <= timedelta(seconds=1)
    finally:
        driver.close()
        bench.__exit__()


@pytest.mark.parametrize("kind", [*TOLD, JiraDataCenterBench], ids=lambda kind: kind.__name__)
def test_a_webhook_of_an_edit_leads_to_a_read(kind: type[Bench]) -> None:
    """It tells the words and the moment, but where only a read says who may know them; and is no new comment."""
    sink = Sink()
    bench, ticket = commented(kind, sink)
    try:
        connector = built_in().connect(bench.settings("the-desk"))
        at = (bench.desk.now() + SPAN).replace(microsecond=0)
        EDITS[kind](bench.desk, ticket, at)
        bench.desk.webhooks.flush(5)
        (request,) = sink.requests
        (event,) = connector.parse(RawDelivery("d", datetime.now(UTC), request.headers, request.body))
        assert (event.remote_id, event.needs_read) == (ticket, True)
        told = event.comment
        assert (told is not None) is (kind in TOLD)
        if told is not None:
            assert (told.body, told.was_edited) == (AFTER, True)
            assert told.edited_at is not None
            assert abs(told.edited_at - at) <= timedelta(seconds=1)
    finally:
        sink.close()
        bench.__exit__()
