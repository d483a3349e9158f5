"""By what people are known, and what is never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.people import Key, Terms, email_key, keys_of, parts, phone_key
from gateway.domain.person import RemotePerson


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        (" Kim@Customer.Example ", "kim@customer.example"),
        ("kim+printer@customer.example", "kim+printer@customer.example"),
        ("k.i.m@customer.example", "k.i.m@customer.example"),
        ("kim@BÜCHER.example", "kim@xn--bcher-kva.example"),
        ("kim@xn--bcher-kva.example.", "kim@xn--bcher-kva.example"),
        # two owners may have the two domains: only the older standard makes them one
        ("kim@straße.example", "kim@xn--strae-oqa.example"),
        ("kim@strasse.example", "kim@strasse.example"),
        ("Kim <kim@customer.example>", ""),
        ("kim@customer", ""),
        ("kim@@customer.example", ""),
        ("@customer.example", ""),
        ("kim@cust omer.example", ""),
        ("kim\x00@customer.example", ""),
        ("kim@-x.example", ""),
        ("", ""),
    ],
)
def test_an_address_has_one_form(written: str, compared: str) -> None:
    """Case and the writing of a domain do not count; dots and tags do; what is no address is none."""
    assert email_key(written) == compared


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("+46 70-174 06 05", "+46701740605"),
        ("+1 (202) 555.0143", "+12025550143"),
        ("070-174 06 05", ""),
        ("0046701740605", ""),
        ("+44 (0)20 7946 0000", ""),
        ("+46", ""),
        ("+4670174060512345", ""),
        ("+46 70 174 06 05 ext 3", ""),
        ("+٤٦٧٠١٧٤٠٦٠٥", ""),
    ],
)
def test_a_number_is_international_or_none(written: str, compared: str) -> None:
    """Of a national one nobody knows the country."""
    assert phone_key(written) == compared


def test_shared_addresses_and_doubtful_connections_tie_nobody() -> None:
    """A site names both; an account always counts."""
    who = RemotePerson("7", "Support@acme.example", "+46701740605", "Kim")
    terms = Terms(shared=("support@*", "+46701740605"), accounts_only=frozenset({"portal"}))
    assert keys_of(who, "zen", terms) == (Key("external:zen", "7"),)
    plain = RemotePerson("7", "kim@acme.example")
    assert keys_of(plain, "portal", terms) == (Key("external:portal", "7"),)
    assert keys_of(RemotePerson(email="kim@acme.example"), "portal", terms) == (
        Key("external:portal", "kim@acme.example"),
    )
    assert keys_of(RemotePerson(name="Kim"), "zen") == ()


@given(st.text(max_size=40))
def test_any_text_is_an_address_in_one_form_or_none(text: str) -> None:
    """What was made comparable once stays as it is."""
    for one in (email_key(text), email_key(f"{text}@customer.example"), email_key(f"kim@{text}.example")):
        assert email_key(one) == one
    assert phone_key(phone_key(text)) == phone_key(text)
    assert parts([text], []) == [frozenset({text})]
