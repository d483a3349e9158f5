"""Durations and rates as admins write them: `30s`, `15m`, `4h`, `1d`, `2w`, `7y`, `1h30m`, `10/s`.

They become whole seconds. Business days (`3bd`) have no length until a calendar gives them one, so they stay a value.
"""

from __future__ import annotations

import re

import msgspec

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 365 * 86_400}

#: six parts, none beyond some 270 years: what is that far from now is still within the calendar
_PARTS = "([0-9]{1,9}s|[0-9]{1,8}m|[0-9]{1,6}h|[0-9]{1,5}d|[0-9]{1,4}w|([0-9]{1,2}|100)y){1,6}"
DURATION_PATTERN = f"^{_PARTS}$"
BUSINESS_DAYS_PATTERN = r"^[0-9]{1,4}bd$"
SPAN_PATTERN = f"^({_PARTS}|[0-9]{{1,4}}bd)$"
ZERO_PATTERN = r"^(0+([smhdwy]|bd))+$"
RATE_PATTERN = r"^[0-9]{1,6}/[smh]$"

DURATION_WORDS = "a duration such as 30s, 15m, 4h, 1d or 2w"
SPAN_WORDS = "a duration such as 15m, 4h or 1d, or business days such as 3bd"
RATE_WORDS = "a rate such as 10/s, 600/m or 3600/h"

_PART = re.compile(r"([0-9]{1,9})([smhdwy])")
_WHOLE = re.compile(DURATION_PATTERN)
_BUSINESS = re.compile(BUSINESS_DAYS_PATTERN)
_RATE = re.compile(RATE_PATTERN)


class BusinessDays(msgspec.Struct, frozen=True):
    """So many open days of a calendar."""

    days: int


def seconds(text: str) -> int:
    """Return a duration in seconds; raises ValueError with words for a person."""
    if not _WHOLE.fullmatch(text):
        msg = f"'{text[:40]}' is not {DURATION_WORDS}"
        raise ValueError(msg)
    return sum(int(count) * UNITS[unit] for count, unit in _PART.findall(text))


def span(text: str) -> int | BusinessDays:
    """Return seconds, or business days as they are; raises ValueError with words for a person."""
    if _BUSINESS.fullmatch(text):
        return BusinessDays(int(text.removesuffix("bd")))
    return seconds(text)


def rate(text: str) -> float:
    """Return a rate as a number for each second; raises ValueError with words for a person."""
    if not _RATE.fullmatch(text):
        msg = f"'{text[:40]}' is not {RATE_WORDS}"
        raise ValueError(msg)
    count, unit = text.split("/")
    return int(count) / UNITS[unit]


def words(total: int) -> str:
    """Write whole seconds as an admin would: `1d4h`, `90s` as `1m30s`, zero as `0s`."""
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, total = divmod(total, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
