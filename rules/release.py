"""What a release keeps beside the files of its admin: the public holidays as they were known when it was made.

So a newer library of holidays changes no day of a release that is approved; `gateway rules diff` shows which days the
next one would change, and a person releases them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.domain import public_holidays
from gateway.domain.public_holidays import HolidaySource
from rules.decide import RuleSet

#: lies in a release only; an admin's folder has none, and one that lies there is not read
HOLIDAYS_FILE = "holidays.json"
#: how many years before and after that of the release are kept; what is further away comes from the library
YEARS_BEFORE, YEARS_AFTER = 1, 10


def released(files: Mapping[str, str], rules: RuleSet, year: int) -> dict[str, str]:
    """Return the files of a site with the holidays of its calendars, for a release that is made in that year."""
    found = frozenset(rule for calendar in rules.calendars.values() for rule in calendar.holidays)
    if not found:
        return written(files)
    ordered = sorted(found, key=msgspec.json.encode)
    days = public_holidays.snapshot(ordered, year - YEARS_BEFORE, year + YEARS_AFTER)
    # a date a line, for those who read the difference of two releases
    text = msgspec.json.format(msgspec.json.encode(days), indent=1).decode()
    return {**written(files), HOLIDAYS_FILE: f"{text}\n"}


def written(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files that a person wrote."""
    return {name: text for name, text in files.items() if name != HOLIDAYS_FILE}


def holidays_of(files: Mapping[str, str]) -> HolidaySource:
    """Return where the holidays of a site come from: what its release keeps, and the library beside it."""
    text = files.get(HOLIDAYS_FILE)
    if text is None:
        return public_holidays.dates
    return public_holidays.kept(_days(text))


def kept_days(text: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Go through the holidays that a release keeps: of which country (`AU NSW`), of which year, date -> name."""
    for rule, years in _days(text).items():
        country = " ".join(str(value) for value in msgspec.json.decode(rule, type=dict[str, Any]).values())
        for year, days in years.items():
            yield country, year, days


def _days(text: str) -> dict[str, dict[str, dict[str, str]]]:
    return msgspec.json.decode(text, type=dict[str, dict[str, dict[str, str]]])
