"""Why nothing is written to a desk, in words: a site or a connection that only observes, or does not write yet."""

from __future__ import annotations

from datetime import UTC, datetime


def silence(now: datetime, *, observes: bool, live_from: datetime | None) -> str:
    """Say why nothing is written; empty where it is. `observes`: mode: observe; `live_from`: until then it does."""
    if observes:
        return "only observed (mode: observe): nothing is written there"
    if live_from is not None and now < live_from:
        begins = live_from.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"only observed until {begins} (live_from): nothing is written there"
    return ""
