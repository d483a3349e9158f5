"""Durations, business days and rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.duration import BusinessDays, rate, seconds, span, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("15m", 900),
        ("4h", 14_400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("7y", 220_752_000),
        ("1h30m", 5400),
    ],
)
def test_a_duration_is_seconds(text: str, expected: int) -> None:
    """A day is 24 hours, a year 365 days."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "30", "s", "1.5h", "-1h", "3bd", "1 h", "1H", "99999999999s", "h1", "1h\n"])
def test_anything_else_is_refused_in_words(text: str) -> None:
    """The words name an example."""
    with pytest.raises(ValueError, match="is not a duration such as 30s"):
        seconds(text)


def test_business_days_stay_what_they_are() -> None:
    """Only a calendar gives them a length."""
    assert span("3bd") == BusinessDays(3)
    assert span("4h") == 14_400


def test_a_rate_is_a_number_a_second() -> None:
    """By second, minute or hour."""
    assert [rate("10/s"), rate("600/m"), rate("3600/h")] == [10, 10, 1]
    with pytest.raises(ValueError, match="is not a rate such as 10/s"):
        rate("10/d")


@given(st.integers(0, 10**8))
def test_words_are_read_back(total: int) -> None:
    """What a trace prints can be written into a rule."""
    assert seconds(words(total)) == total
