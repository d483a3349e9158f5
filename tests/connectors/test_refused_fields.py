"""A desk that refuses one field of several names it, in its own way: the connector says which of ours that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors import registry
from connectors.dynamics365.bench import Dynamics365Bench
from connectors.dynamics365.connector import Dynamics365Connector
from connectors.dynamics365.writes import refused_fields as of_dynamics365
from connectors.freshdesk.bench import FreshdeskBench
from connectors.github.bench import GitHubBench
from connectors.github.writes import refused_fields as of_github
from connectors.gitlab.bench import GitLabBench
from connectors.gitlab.writes import refused_fields as of_gitlab
from connectors.helpscout.bench import HelpScoutBench
from connectors.hubspot.bench import HubSpotBench
from connectors.hubspot.writes import refused_fields as of_hubspot
from connectors.intercom.bench import IntercomBench
from connectors.planfix.bench import PlanfixBench
from connectors.redmine.bench import RedmineBench
from connectors.redmine.writes import refused_fields as of_redmine
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.roundup.bench import RoundupBench
from connectors.salesforce.bench import SalesforceBench
from connectors.sdk import HttpResponse, Intent, Operation, Reason, Rejected, WriteContext
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.testing.driver import Driver
from connectors.zammad.bench import ZammadBench
from connectors.zammad.writes import refused_fields as of_zammad
from connectors.zendesk.bench import ZendeskBench

TITLE = {"title": "Another title"}
GONE = {"external_id": "4040"}
NOBODY = {"email": "nobody@elsewhere.example"}
NAMELESS = {"name": "Nobody Known"}
#: what is no account at a desk that knows people by numbers
NO_ACCOUNT = {"external_id": "nobody.known", "name": "Nobody Known"}
NOWHERE = {"external_id": "0b7e3c1a-1111-4111-8111-111111111111"}


def closed(bench: Bench) -> None:
    """Let the agent leave who is to have the ticket."""
    assert isinstance(bench, GitHubBench)
    bench.desk.records.closed.add("robin")


@pytest.mark.parametrize(
    ("kind", "refused", "before"),
    [
        (GitHubBench, {"assignee": {"external_id": "robin"}}, closed),
        (HubSpotBench, {"assignee": GONE}, None),
        (HubSpotBench, {"priority": {"native": "SOON"}}, None),
        (RedmineBench, {"assignee": GONE}, None),
        (ZammadBench, {"assignee": NOBODY}, None),
        (SalesforceBench, {"priority": {"native": "Nope"}}, None),
        (Dynamics365Bench, {"assignee": NOWHERE}, None),
        (HelpScoutBench, {"assignee": GONE}, None),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_the_desk_names_what_it_refuses(
    kind: type[Bench], refused: dict[str, Any], before: Callable[[Bench], None] | None
) -> None:
    """The others land without it; whatever of them came before it is not written twice."""
    with kind() as bench:
        if before is not None:
            before(bench)
        ticket = bench.open_ticket("Printer", "On fire")
        driver = Driver(registry.load(points=()).connect(bench.settings()), deadline=2.0)
        try:
            context = WriteContext("0" * 32, ticket, observed={"status": {"category": "new"}})
            given = Intent(Operation.SET_FIELDS, {**TITLE, **refused})
            outcome = driver.attempt(given, context)
            steps: dict[str, Any] = {}
            while not isinstance(outcome, Rejected):
                steps |= getattr(outcome, "steps", {})
                assert steps, outcome
                outcome = driver.attempt(given, msgspec.structs.replace(context, steps=dict(steps)))
            assert outcome.fields == tuple(refused), outcome.detail
            rest = msgspec.structs.replace(given, fields=TITLE)
            driver.settle(rest, msgspec.structs.replace(context, steps=steps))
            assert bench.shown(ticket).title == "Another title"
        finally:
            driver.close()


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (GitHubBench, {"assignee": NOBODY}),
        (GitHubBench, {"status": {"native": "parked"}}),
        (GitLabBench, {"assignee": NOBODY}),
        (GitLabBench, {"priority": {"native": "parked"}}),
        (HubSpotBench, {"assignee": NOBODY}),
        (HubSpotBench, {"status": {"native": "parked"}}),
        (RedmineBench, {"priority": {"native": "parked"}}),
        (RedmineBench, {"custom.colour": "red"}),
        (SalesforceBench, {"assignee": NOBODY}),
        (Dynamics365Bench, {"assignee": NOBODY}),
        (Dynamics365Bench, {"priority": {"native": "parked"}}),
        (HelpScoutBench, {"status": {"native": "parked"}}),
        (ServiceNowBench, {"assignee": NOBODY}),
        (ServiceNowBench, {"assignee": NAMELESS}),
        (ServiceNowBench, {"status": {"category": "unknown"}}),
        (GitLabBench, {"assignee": NO_ACCOUNT}),
        (HubSpotBench, {"assignee": NAMELESS}),
        (RedmineBench, {"assignee": NO_ACCOUNT}),
        (ZammadBench, {"assignee": NO_ACCOUNT}),
        (ZammadBench, {"body": "Another text"}),
        (FreshdeskBench, {"assignee": NO_ACCOUNT}),
        (PlanfixBench, {"assignee": NO_ACCOUNT}),
        (IntercomBench, {"assignee": NO_ACCOUNT}),
        (IntercomBench, {"status": {"category": "open", "native": "parked"}}),
        (ZendeskBench, {"status": {"category": "unknown"}}),
        (RoundupBench, {"body": "Another text"}),
        (RequestTrackerBench, {"assignee": NAMELESS}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_what_no_map_covers_names_its_field(kind: type[Bench], refused: dict[str, Any]) -> None:
    """Before anything is sent: the others can go without it."""
    with kind() as bench:
        ticket = bench.open_ticket("Printer", "On fire")
        driver = Driver(registry.load(points=()).connect(bench.settings()), deadline=2.0)
        try:
            context = WriteContext("0" * 32, ticket, observed={"status": {"category": "new"}})
            outcome = driver.attempt(Intent(Operation.SET_FIELDS, {**TITLE, **refused}), context)
            assert isinstance(outcome, Rejected)
            assert (outcome.reason, outcome.fields) == (Reason.UNMAPPED, tuple(refused))
            assert not driver.writes
        finally:
            driver.close()


def answer(body: Any, status: int = 400) -> HttpResponse:
    """Return a desk's answer."""
    return HttpResponse(status, {}, msgspec.json.encode(body))


def wish(*fields: str) -> Intent:
    """Return the intent to set these fields."""
    return Intent(Operation.SET_FIELDS, dict.fromkeys(fields))


def test_labels_are_named_where_only_one_of_ours_is_one() -> None:
    """GitHub and GitLab keep priorities, statuses and tags as labels: of two nobody can say which is meant."""
    github = answer({"errors": [{"resource": "Issue", "field": "labels", "code": "invalid"}]}, 422)
    gitlab = answer({"message": {"labels": ["is too long"]}})
    for found in (of_github(wish("title", "priority"), github), of_gitlab(wish("title", "priority"), gitlab)):
        assert found == ("priority",)
    for found in (of_github(wish("tags", "priority"), github), of_gitlab(wish("tags", "priority"), gitlab)):
        assert found == ()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"message": {"title": ["is too long (maximum is 255 characters)"]}}, ("title",)),
        ({"error": "assignee_ids is invalid"}, ("assignee",)),
        ({"error": "state_event does not have a valid value"}, ("status",)),
        ({"message": "404 Project Not Found"}, ()),
        ({"message": {"base": ["Something else"]}}, ()),
        ("no object", ()),
    ],
)
def test_gitlab_names_fields_as_keys_or_in_words(body: Any, named: tuple[str, ...]) -> None:
    """Models answer by key, parameters by a sentence."""
    assert of_gitlab(wish("title", "status", "assignee"), answer(body)) == named


def test_hubspot_names_a_property_that_there_is_none_of() -> None:
    """In the context of an error; other kinds of answers name nothing."""
    context = {"propertyName": ["hs_ticket_category"]}
    body = {"errors": [{"message": "Property does not exist", "code": "PROPERTY_DOESNT_EXIST", "context": context}]}
    assert of_hubspot(wish("title", "kind"), answer(body)) == ("kind",)
    for message in ("There was a problem with the request.", "not valid: [{", "[{}]", '[{"name": 7}]'):
        assert of_hubspot(wish("title", "kind"), answer({"message": message})) == ()


def test_redmine_speaks_the_language_of_our_account() -> None:
    """English labels and the names of custom fields are known; any other sentence leaves the update whole."""
    said = {"errors": ["Priority is not included in the list", "Colour is invalid"]}
    assert of_redmine(wish("title", "priority", "custom.Colour"), answer(said, 422)) == ("priority", "custom.Colour")
    assert of_redmine(wish("title", "priority"), answer({"errors": ["Priorität ist ungültig"]}, 422)) == ()
    assert of_redmine(wish("title", "priority"), answer({"errors": []}, 422)) == ()


def test_zammad_names_one_field_in_its_sentence() -> None:
    """A name that leads to nothing, and what a workflow requires."""
    for said, field in (("No lookup value found for 'group': 'x'", "queue"),
                        ("Invalid value '7' for field 'colour'!", "custom.colour"),
                        ("This object already exists", "")):  # fmt: skip
        found = of_zammad(wish("title", "queue", "custom.colour"), answer({"error": said}, 422))
        assert found == ((field,) if field else ())


def test_dataverse_quotes_the_column() -> None:
    """Of a value that is none, and of a column that is gone; a sentence without a column of ours names nothing."""
    connector = Dynamics365Connector(Dynamics365Bench().settings(custom_fields={"colour": "new_colour"}))
    for message, named in (
        ("The value 9 of 'prioritycode' on record of type 'incident' is outside the valid range.", ("priority",)),
        ("Invalid property 'new_colour' was found in entity 'Microsoft.Dynamics.CRM.incident'.", ("custom.colour",)),
        ("Entity 'SystemUser' With Id = 7 Does Not Exist", ("assignee",)),
        ("SecLib::AccessCheckEx failed.", ()),
    ):  # fmt: skip
        body = {"error": {"code": "0x80048408", "message": message}}
        intent = wish("title", "priority", "assignee", "custom.colour")
        assert of_dynamics365(connector.account, intent, answer(body)) == named
