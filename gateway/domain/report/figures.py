"""Shares and percentiles, exact: a share of 89.99 % is not 90 %, and a percentile is a length that really occurred."""

from __future__ import annotations

from array import array
from fractions import Fraction

import msgspec

#: what is aimed at, and below what somebody should act, in percent
GOAL, ALARM = Fraction(90), Fraction(85)
MEDIAN = Fraction(50)
_HUNDRED = 100
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (1, "s"))
_SHOWN = 2


class Share(msgspec.Struct, frozen=True):
    """So many of so many."""

    part: int
    whole: int

    def reaches(self, percent: Fraction) -> bool:
        """Say whether it is so many percent or more; nothing of nothing is all of it."""
        return self.part * _HUNDRED * percent.denominator >= percent.numerator * self.whole

    @property
    def rate(self) -> float | None:
        """As a number from 0 to 1, for programs; None of nothing."""
        return self.part / self.whole if self.whole else None

    def __str__(self) -> str:
        """In percent with two digits, cut off and not rounded: 89.999 % is less than 90 %."""
        if not self.whole:
            return "-"
        whole, rest = divmod(self.part * _HUNDRED * _HUNDRED // self.whole, _HUNDRED)
        return f"{whole}.{rest:02d} %"

    @property
    def rest(self) -> str:
        """What is left of it to 100 %, so that both add up."""
        if not self.whole:
            return "-"
        whole, rest = divmod(_HUNDRED * _HUNDRED - self.part * _HUNDRED * _HUNDRED // self.whole, _HUNDRED)
        return f"{whole}.{rest:02d} %"


class Sample:
    """Lengths of which percentiles are asked: eight bytes each, whatever their number.

    Some may still go on: they are longer than any that is known, so a percentile that falls among them is not known.
    """

    __slots__ = ("_is_sorted", "_known", "going")

    def __init__(self) -> None:
        self._known = array("q")
        self._is_sorted = True
        #: how many go on
        self.going = 0

    def add(self, seconds: int) -> None:
        """Add a length."""
        self._known.append(seconds)
        self._is_sorted = False

    def add_going(self) -> None:
        """Add one that goes on."""
        self.going += 1

    def join(self, other: Sample) -> None:
        """Add all of another."""
        self._known.extend(other._known)
        self.going += other.going
        self._is_sorted = False

    def __len__(self) -> int:
        return len(self._known) + self.going

    @property
    def known(self) -> int:
        """How many have ended."""
        return len(self._known)

    @property
    def total(self) -> int:
        """The sum of those that have ended."""
        return sum(self._known)

    @property
    def longest(self) -> int | None:
        """The longest that has ended."""
        return max(self._known, default=None)

    def percentile(self, percent: Fraction) -> int | None:
        """Return the least length within which so many percent have ended; None where they have not, or of none."""
        if not self._is_sorted:
            self._known = array("q", sorted(self._known))
            self._is_sorted = True
        rank = -(-percent.numerator * len(self) // (percent.denominator * _HUNDRED))
        place = max(rank, 1) - 1
        return self._known[place] if place < len(self._known) else None


def percent(text: str) -> Fraction:
    """Return what a person wrote as percent, such as 90 or 99.5; raises ValueError."""
    found = Fraction(text.strip().removesuffix("%").strip())
    if not 0 < found <= _HUNDRED:
        msg = f"'{text}' is no share: write a number above 0 and up to 100"
        raise ValueError(msg)
    return found


def number(value: Fraction) -> str:
    """Write percent as a person would: 90, 99.5."""
    return f"{float(value):g}"


def length(seconds: int | None, *, days: bool = False) -> str:
    """Write a length in its two largest units: `1 h 10 m`. Open time has no days, for a day at work has fewer hours."""
    if seconds is None:
        return "-"
    parts: list[str] = []
    left = abs(seconds)
    for size, unit in _UNITS if days else _UNITS[1:]:
        count, left = divmod(left, size)
        if count or (parts and len(parts) < _SHOWN):
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == _SHOWN:
            break
    return ("-" if seconds < 0 else "") + (" ".join(part for part in parts if part) or "0 s")
