"""Times as desks write them: ISO 8601, seconds or milliseconds since 1970, or a format of their own in a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from connectors.generic.places import word

ISO, EPOCH, MILLISECONDS = "iso", "epoch", "epoch_ms"
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?")
#: 1 January 2200 in seconds: what is more is milliseconds
_LATEST = 7_258_118_400
_NAMED_UTC = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)


class Times(msgspec.Struct, frozen=True):
    """How one desk writes times."""

    formats: tuple[str, ...] = (ISO,)
    zone: str = "UTC"

    def read(self, value: Any) -> datetime | None:
        """Read an instant as aware UTC; None for what is none. A number is seconds; a large one, milliseconds."""
        text = word(value).strip()
        if not text:
            return None
        if _NUMBER.fullmatch(text):
            return _since_1970(float(text))
        for form in self.formats:
            found = _iso(text) if form in {ISO, EPOCH, MILLISECONDS} else _strptime(text, form)
            if found is not None:
                return _utc(found, self.zone)
        return None

    def write(self, at: datetime) -> str:
        """Write an instant as the desk wants it."""
        form = self.formats[0]
        if form == EPOCH:
            return str(int(at.timestamp()))
        if form == MILLISECONDS:
            return str(int(at.timestamp() * 1000))
        if form == ISO:
            return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return at.astimezone(zone_of(self.zone) or UTC).strftime(form)


def zone_of(name: str) -> ZoneInfo | None:
    """Return a zone by its name; None where there is none of it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_readable(form: str) -> bool:
    """Say whether times of a format of the desk's own could be read back."""
    sample = datetime(2026, 3, 31, 18, 5, 9, tzinfo=UTC).strftime(form)
    return _strptime(sample, form) is not None


def _since_1970(number: float) -> datetime | None:
    # the more digits, the finer: seconds, milliseconds, microseconds, nanoseconds
    seconds = number
    while abs(seconds) > _LATEST:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


def _iso(text: str) -> datetime | None:
    utc = _NAMED_UTC.search(text)
    try:
        found = datetime.fromisoformat(text[: utc.start()] if utc else text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if utc and found.tzinfo is None else found


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - a time without a zone is in the desk's, see `_utc`
    except (ValueError, re.error):
        return None


def _utc(found: datetime, zone: str) -> datetime | None:
    """Return a time as UTC; one without a zone is in the desk's."""
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone_of(zone) or UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
