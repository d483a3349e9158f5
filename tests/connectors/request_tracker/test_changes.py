"""The poll's arithmetic: ages in words that RT reads without a zone, and a cursor that any text may be."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.request_tracker.calls.changes import age
from connectors.request_tracker.simulated.query import QueryError, compile_query, read_date

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIELDS = frozenset({"id", "Type", "Created"})


@given(st.timedeltas(min_value=timedelta(seconds=-10), max_value=timedelta(days=998)))
def test_an_age_is_never_younger_than_what_was_asked_and_has_three_digits(passed: timedelta) -> None:
    """A longer number is read as something else by RT."""
    words = age(NOW - passed, NOW)
    assert re.fullmatch(r"[1-9]\d{0,2} (minutes|hours|days) ago", words)
    from_when = read_date(words, NOW, None)  # type: ignore[arg-type]  # a relative date has no zone
    assert from_when is not None
    assert from_when <= NOW - passed


@pytest.mark.parametrize("query", ["", "garbage", "id >", "NoSuch = 1", "(id = 1", "id = 1 AND", "id = 1 id = 2"])
def test_the_simulated_query_language_refuses_as_rt_does(query: str) -> None:
    """Nothing is skipped silently but dates."""
    with pytest.raises(QueryError):
        compile_query(query, FIELDS, NOW, "UTC")


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("id = 5", True),
        ("id > 5", False),
        ("Type = 'status' AND id >= 5", True),
        ("Type = 'Set' OR id = 5", True),
        ("(Type = 'Set' OR Type = 'Status') AND id < 5", False),
        ("'CF.{Key}' = 'it\\'s'", True),
        ("CF.{Nope} = 'x'", False),
    ],
)
def test_the_simulated_query_language_decides(query: str, holds: bool) -> None:
    """The part that is used here."""
    record = {"id": 5, "Type": "Status", "Created": NOW, "CF.{Key}": "it's"}
    assert compile_query(query, FIELDS, NOW, "UTC")(record) is holds
