"""Whom a notice calls in a channel: by their account, by their address where that finds them, else by name."""

from __future__ import annotations

import pytest

from gateway.flow.telling import Place
from rules.notices import Person

PEOPLE = (
    Person("eva", "eva@acme.example", {"ops-slack": "U04EVA"}),
    Person("sam", "sam@acme.example"),
    Person("night shift"),
)


@pytest.mark.parametrize(
    ("finds", "words", "people"),
    [
        (True, "<@U04EVA> <@sam@acme.example> night shift", {"people": {"sam@acme.example": "sam"}}),
        (False, "<@U04EVA> sam night shift", {}),
    ],
)
def test_each_is_called_as_the_connection_knows_them(finds: bool, words: str, people: dict[str, object]) -> None:
    """An account first; an address only where the connection can find somebody by it."""
    place = Place("ops-slack", "C0DUTY", PEOPLE, finds=finds)
    assert place.addressed("late") == f"{words}\nlate"
    assert place.params == {"channel": "C0DUTY", "mentions": ["U04EVA"]} | people
