"""A contact is looked up exactly, with its primary company and who looks after that."""

from __future__ import annotations

import pytest

from connectors.hubspot.bench import HubSpotBench
from connectors.sdk import Answer, Enriching, Question, TransportError
from connectors.testing.driver import Driver
from gateway.errors import ThrottledError

FIELDS = {"tier": "company.support_tier", "region": "contact.country"}
KIM = "kim@customer.example"


@pytest.fixture
def there(bench: HubSpotBench) -> HubSpotBench:
    """Give an account with two contacts."""
    bench.desk.act_contact(KIM, phone="+46701740605", hs_language="sv", country="Sweden")
    bench.desk.act_contact("lee@customer.example")
    bench.desk.act_company(KIM, primary=False, name="Old AB", support_tier="none")
    bench.desk.act_company(KIM, name="Customer AB", hubspot_owner_id="76299546", support_tier="gold")
    return bench


def ask(driver: Driver, question: Question) -> Answer:
    """Ask about somebody."""
    assert isinstance(driver.connector, Enriching)
    found: Answer = driver.run(driver.connector.enrich(question, FIELDS))
    return found


def test_a_contact_is_found_by_mail_by_number_and_by_id(there: HubSpotBench, driver: Driver) -> None:
    """With what its primary company says, and the name of that one's owner."""
    by_mail = ask(driver, Question(emails=(KIM,)))
    assert by_mail.matches == 1
    assert by_mail.values.pop("org.id").isdigit()
    assert by_mail.values.pop("org.account_manager")
    assert by_mail.values == {"tier": "gold", "org.name": "Customer AB", "language": "sv", "region": "Sweden"}
    assert ask(driver, Question(phones=("+46701740605",))).values["tier"] == "gold"
    number = next(each["id"] for each in there.desk.records.objects["contacts"].values()
                  if each["properties"]["email"] == KIM)  # fmt: skip
    assert ask(driver, Question(accounts=(f"contact:{number}",))).values["region"] == "Sweden"


def test_nobody_else_is_found_and_two_who_differ_are_nobody(there: HubSpotBench, driver: Driver) -> None:
    """Nothing matches roughly."""
    assert there.desk.companies
    assert ask(driver, Question(emails=("im@customer.example",))) == Answer()
    assert ask(driver, Question(phones=("+4670174060",))) == Answer()
    assert ask(driver, Question(emails=(KIM, "lee@customer.example"))) == Answer(matches=2)


def test_what_is_no_property_and_too_much_is_said(there: HubSpotBench, driver: Driver) -> None:
    """In words for whoever wrote gateway.yaml, or so that the account is left alone."""
    assert isinstance(driver.connector, Enriching)
    with pytest.raises(TransportError, match="no property"):
        driver.run(driver.connector.enrich(Question(emails=(KIM,)), {"tier": "support_tier"}))
    there.desk.used_up = "TEN_SECONDLY_ROLLING"
    with pytest.raises(ThrottledError):
        ask(driver, Question(emails=(KIM,)))
