"""A contact is looked up exactly, and no text of anybody's leaves its quotes."""

from __future__ import annotations

import pytest

from connectors.salesforce.bench import SalesforceBench
from connectors.salesforce.simulator import SalesforceSimulator
from connectors.sdk import Answer, Enriching, Question, TransportError
from connectors.testing.driver import Driver
from gateway.errors import ThrottledError

FIELDS = {"tier": "Account.Tier__c", "org.plan": "Account.Plan__c", "language": "Language__c"}
KIM = "kim@customer.example"


@pytest.fixture
def there(bench: SalesforceBench) -> SalesforceBench:
    """Give an org with two customers of one firm."""
    records, now = bench.desk.records, bench.desk.now()
    account = records.add(
        "Account", {"Name": "Customer AB", "OwnerId": records.agent, "Tier__c": "gold", "Plan__c": "premium"}, "", now
    )["Id"]
    given = {"Email": "Kim@Customer.example", "Name": "Kim", "AccountId": account, "MobilePhone": "+46701740605",
             "Language__c": "sv"}  # fmt: skip
    records.add("Contact", given, "", now)
    records.add("Contact", {"Email": "lee@customer.example", "Name": "Lee", "AccountId": account}, "", now)
    return bench


def ask(driver: Driver, question: Question) -> Answer:
    """Ask about somebody."""
    assert isinstance(driver.connector, Enriching)
    found: Answer = driver.run(driver.connector.enrich(question, FIELDS))
    return found


def test_a_contact_is_found_by_mail_by_number_and_by_id(there: SalesforceBench, driver: Driver) -> None:
    """With what its account says, and who owns that."""
    desk: SalesforceSimulator = there.desk
    by_mail = ask(driver, Question(emails=(KIM,)))
    assert by_mail.matches == 1
    assert by_mail.values.pop("org.id").startswith("001")
    assert by_mail.values == {
        "tier": "gold", "org.plan": "premium", "org.name": "Customer AB", "org.account_manager": "Agent Smith",
        "language": "sv",
    }  # fmt: skip
    assert ask(driver, Question(phones=("+46701740605",))).values["tier"] == "gold"
    number = next(each["Id"] for each in desk.records.all["Contact"].values() if each["Name"] == "Kim")
    assert ask(driver, Question(accounts=(number,), emails=("nobody@customer.example",))).values["language"] == "sv"


@pytest.mark.parametrize(
    "email",
    ["kim@customer.exampl", "im@customer.example", "%@customer.example", "x' OR Email != 'x", "x') OR (Id != '", "\\"],
)
def test_nobody_else_is_found(there: SalesforceBench, driver: Driver, email: str) -> None:
    """Nothing matches roughly, and a quote stays a quote."""
    assert there.desk.records.all["Contact"]
    assert ask(driver, Question(emails=(email,))) == Answer()


def test_two_who_differ_are_nobody(there: SalesforceBench, driver: Driver) -> None:
    """One who is there twice, alike, is one."""
    assert ask(driver, Question(emails=(KIM, "lee@customer.example"))) == Answer(matches=2)
    records = there.desk.records
    lee = next(each for each in records.all["Contact"].values() if each["Name"] == "Lee")
    records.add("Contact", {"Email": "lee@customer.example", "AccountId": lee["AccountId"]}, "", there.desk.now())
    assert ask(driver, Question(emails=("lee@customer.example",))).matches == 1


def test_what_is_no_field_and_too_much_is_said(there: SalesforceBench, driver: Driver) -> None:
    """In words for whoever wrote gateway.yaml, or so that the org is left alone."""
    assert isinstance(driver.connector, Enriching)
    for wrong in ("Tier__c FROM Contact", "Account.Nothing__c"):
        with pytest.raises(TransportError):
            driver.run(driver.connector.enrich(Question(emails=(KIM,)), {"tier": wrong}))
    there.desk.used = there.desk.most
    with pytest.raises(ThrottledError):
        ask(driver, Question(emails=(KIM,)))
