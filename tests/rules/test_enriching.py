"""What a site says of people: which are one, which systems are asked; and the files in which they are looked up."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.people import Terms
from gateway.ports.enriching import Answer, Question
from rules.directory import read_directory
from rules.enriching import Source
from tests.rules.making import DESK, GATEWAY, problems_of, site

SPECS = {"desk": DESK, "crm": msgspec.structs.replace(DESK, name="crm", title="CRM", enriches=True)}
WITH_CRM = GATEWAY + "  acme-crm:\n    connector: crm\n    url: https://crm.example\n"


def test_the_terms_of_a_site_are_read() -> None:
    """Patterns in any case; connections by name."""
    made = site(gateway=f"{GATEWAY}stitch: {{shared: ['Support@*'], accounts_only: [zen]}}\n")
    assert made.stitch == Terms(("support@*",), frozenset({"zen"}))


def test_sources_are_read_in_order() -> None:
    """With what they are called there."""
    text = """\
enrich:
  fresh: 30m
  from:
    - connection: acme-crm
      fields: {tier: Tier__c}
      only: [tier, org.plan]
    - directory: people/customers.csv
      columns: {email: E-Mail, org.name: Company}
"""
    found = site(gateway=WITH_CRM + text, specs=SPECS).rules.enrichment
    assert found.fresh == 1800
    assert found.sources == (
        Source("acme-crm", "", {"tier": "Tier__c"}, ("tier", "org.plan")),
        Source("", "people/customers.csv", {"email": "E-Mail", "org.name": "Company"}),
    )
    assert found.sources[0].takes("tier")
    assert not found.sources[0].takes("region")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("stitch: {shared: ['**']}", "6:19", "every address"),
        ("stitch: {accounts_only: [zon]}", "6:26", "there is no connection 'zon'"),
        ("enrich: {from: [{connection: rt}]}", "6:30", "Desk cannot be asked about people"),
        ("enrich: {from: [{connection: nobody}]}", "6:30", "there is no connection 'nobody'"),
        ("enrich: {from: [{only: [tier]}]}", "6:17", "a source is a connection or a directory"),
        ("enrich: {from: [{directory: a.csv, fields: {tier: T}}]}", "6:36", "a directory has columns"),
        ("enrich: {from: [{directory: ../a.csv}]}", "6:29", "CSV file"),
        ("enrich: {from: [{directory: a.csv}, {directory: a.csv}]}", "6:37", "asked already"),
        ("enrich: {from: [{directory: a.csv, only: [prize]}]}", "6:43", "prize"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, place: str, said: str) -> None:
    """In the line of gateway.yaml."""
    lines = len(GATEWAY.splitlines())
    (problem, *_) = problems_of(gateway=GATEWAY + text + "\n")
    assert f"{problem.line - lines + 5}:{problem.column}" == place
    assert said in f"{problem.message} {problem.hint}"


HEADER = "E-Mail;Phone;Tier;Company\n"
COLUMNS = {"email": "E-Mail", "phone": "Phone", "tier": "Tier", "org.name": "Company"}


def test_people_are_found_exactly() -> None:
    """By e-mail, else by telephone; what two lines say differently is not said."""
    kims = 'Kim@Customer.example;+46 70 174 06 05;gold;"A; B ""C"""'
    text = f"\ufeffE-Mail;Phone;Tier;Company\r\n{kims}\r\n\r\nlee@x.example;;;\r\n"
    found, problems = read_directory("a.csv", text, COLUMNS)
    assert problems == []
    kim = Answer({"tier": "gold", "org.name": 'A; B "C"'}, 1)
    assert found.answer(Question(emails=("kim@customer.example",))) == kim
    assert found.answer(Question(phones=("+46701740605",))) == kim
    assert found.answer(Question(emails=("kim@customer.example",), phones=("+46701740605",))) == kim
    assert found.answer(Question(emails=("kim@customer.example", "lee@x.example"))) == Answer(matches=2)
    assert found.answer(Question(emails=("im@customer.example",))) == Answer()
    assert found.answer(Question(accounts=("7",))) == Answer()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "1:1", "it is empty"),
        ("Mail,Tier\n", "1:1", "no column 'E-Mail'"),
        ("E-Mail;E-Mail;Tier;Company;Phone\n", "1:8", "there twice"),
        (HEADER + "kim@x.example;;gold\n", "2:1", "this line has 3 columns"),
        (HEADER + "kim;;gold;A\n", "2:1", "'kim' is no email"),
        (HEADER + "kim@x.example;070 1;gold;A\n", "2:15", "is no phone"),
        (HEADER + 'a@x.example;;"two\nlines";A\nkim@x.example;1;gold;A\n', "4:15", "is no phone"),
        (HEADER + "kim@x.example;;;\nKIM@x.example;;;A\n", "3:1", "is in line 2 as well"),
        (HEADER + ";;gold;A\n", "2:1", "nobody can be found"),
    ],
)
def test_a_file_that_is_wrong_says_where(text: str, place: str, said: str) -> None:
    """With line and column, and what to do."""
    _, problems = read_directory("a.csv", text, COLUMNS)
    assert any(f"{each.line}:{each.column}" == place and said in each.message for each in problems), problems


@given(st.text(alphabet='a@.;,"\n\r +1', max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever stands in a file, it is read or said to be wrong."""
    read_directory("a.csv", text, {})
    read_directory("a.csv", f"email,phone\n{text}", {})
