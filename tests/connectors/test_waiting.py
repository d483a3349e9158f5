"""For how long a desk wants to be left alone, in every form in which desks say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.sdk import HttpResponse, Throttled, classify, retry_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7", "ratelimit-reset": "50"}, 7),
        ({"ratelimit-reset": "41"}, 41),
        ({"x-ratelimit-reset": "30"}, 30),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 90), "date": DATE}, 90),
        ({"ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"x-ratelimit-reset": "2026-03-01T12:01:00Z", "date": DATE}, 60),
        ({"x-ratelimit-reset": "2026-03-01T13:01:00+01:00"}, 60),
        ({"x-ratelimit-reset": "2026-03-01T11:00:00Z"}, 0),
        ({"x-ratelimit-reset": "999999999"}, 3600),
        ({"x-ratelimit-reset": "9" * 40}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "2026-03-01T12:01:00"}, None),
        ({}, None),
    ],
)
def test_a_limit_says_when_it_ends(headers: dict[str, str], seconds: int | None) -> None:
    """Retry-After first; else when the limit begins anew, in seconds, since 1970 or as an instant."""
    assert retry_after(HttpResponse(429, headers, b""), NOW) == seconds


def test_only_a_limit_that_is_used_up_is_waited_for() -> None:
    """Desks send these headers with every answer; a refusal for want of a right is no limit."""
    headers = {"ratelimit-reset": "41", "ratelimit-remaining": "300"}
    for status in (200, 403, 500, 503):
        assert retry_after(HttpResponse(status, headers, b""), NOW) is None
    assert retry_after(HttpResponse(403, {**headers, "ratelimit-remaining": "0"}, b""), NOW) == 41


def test_a_write_that_is_put_off_waits_for_it() -> None:
    """The default table passes it on."""
    assert classify(HttpResponse(429, {"ratelimit-reset": "41"}, b"")) == Throttled("HTTP 429", 41)
