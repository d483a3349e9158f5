"""Public holidays of countries and their parts.

They come from the library `holidays`, which is tables and arithmetic: the same question has the same answer, whatever
the machine. It is imported when the first calendar asks for a country, because most do not and it is slow to import.
A site that is released keeps the days as they were then; a source that reads them is given in place of `dates`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

import msgspec

#: years for which holidays are known; the calendars of others have none
FIRST_YEAR, LAST_YEAR = 1901, 2100


class HolidayRule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whose holidays are meant."""

    #: ISO 3166 code
    country: str
    subdivision: str = ""
    #: also the days on which a holiday that falls on a weekend is kept instead
    observed: bool = True
    #: such as public, bank or half_day; none: those that the country calls public
    categories: tuple[str, ...] = ()
    #: of the names of the days
    language: str = ""


#: gives the holidays of a year with their names; raises UnknownHolidaysError for what it does not have
HolidaySource = Callable[[HolidayRule, int], Mapping[date, str]]


class UnknownHolidaysError(Exception):
    """There are no holidays of that country, subdivision, category or language: `key` says which of them."""

    def __init__(self, key: str, message: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.key = key
        self.known = known


@cache
def dates(rule: HolidayRule, year: int) -> Mapping[date, str]:
    """Return the holidays of a year with their names; raises UnknownHolidaysError."""
    country = _country(rule)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return {}
    # A holiday of January may be kept in December.
    years = (year - 1, year, year + 1)
    # The library prints where it does not know all days of a year (India before 2001 and after 2035).
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        found = country(
            years=years,
            expand=False,
            observed=rule.observed,
            subdiv=rule.subdivision or None,
            categories=rule.categories or None,
            # Without a language the library would look for one in the environment.
            language=rule.language or country.default_language or "en_US",
        )
    return {day: name for day, name in sorted(found.items()) if day.year == year}


def _country(rule: HolidayRule) -> Any:
    """Return the library's class of a country, once it is known to have what the rule asks for."""
    import holidays  # noqa: PLC0415 - see above
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - see above

    codes = {code: names[0] for names in COUNTRIES.values() for code in names[1:3]}
    if rule.country not in codes:
        known = tuple(sorted(code for code in codes if len(code) == 2))
        raise UnknownHolidaysError("country", f"there are no holidays for the country '{rule.country[:60]}'", known)
    country: Any = getattr(holidays, codes[rule.country]).get_entity()
    parts = (*country.subdivisions, *country.subdivisions_aliases)
    if rule.subdivision and rule.subdivision not in parts:
        message = f"{rule.country} has no subdivision '{rule.subdivision[:60]}' with holidays of its own"
        raise UnknownHolidaysError("subdivision", message, tuple(country.subdivisions))
    for category in rule.categories:
        if category not in country.supported_categories:
            message = f"{rule.country} has no holidays of the category '{category[:60]}'"
            raise UnknownHolidaysError("categories", message, tuple(sorted(country.supported_categories)))
    if rule.language and rule.language not in (*country.supported_languages, country.default_language):
        message = f"the holidays of {rule.country} have no names in '{rule.language[:60]}'"
        raise UnknownHolidaysError("language", message, tuple(sorted(country.supported_languages)))
    return country


def snapshot(
    rules: Iterable[HolidayRule], first_year: int, last_year: int, source: HolidaySource = dates
) -> dict[str, dict[str, dict[str, str]]]:
    """Return the holidays of some years as plain JSON: rule -> year -> date -> name; `kept` reads it."""
    return {
        _name(rule): {
            str(year): {day.isoformat(): name for day, name in source(rule, year).items()}
            for year in range(first_year, last_year + 1)
        }
        for rule in rules
    }


def kept(days: Mapping[str, Mapping[str, Mapping[str, str]]]) -> HolidaySource:
    """Return a source that knows the days of a snapshot, whatever the library says by now, and asks it for the rest."""

    def source(rule: HolidayRule, year: int) -> Mapping[date, str]:
        found = days.get(_name(rule), {}).get(str(year))
        return dates(rule, year) if found is None else {date.fromisoformat(day): found[day] for day in found}

    return source


def _name(rule: HolidayRule) -> str:
    return msgspec.json.encode(rule).decode()
