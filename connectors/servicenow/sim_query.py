"""Encoded queries as ServiceNow runs them: a part that it does not understand is left out, and nobody is told [S4]."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

Record = dict[str, str]

_CONDITION = re.compile(r"([a-z_][a-z0-9_.]*)(>=|<=|!=|=|>|<|IN|LIKE|STARTSWITH|ISEMPTY|ISNOTEMPTY)(.*)", re.DOTALL)
_TIME = "%Y-%m-%d %H:%M:%S"


class Query:
    """One query over rows whose columns are known; `zone` is how far the asking user's clock stands from UTC."""

    def __init__(self, text: str, columns: Iterable[str], *, zone: timedelta, me: str, strict: bool = False) -> None:
        self.columns = frozenset(columns)
        self.nothing = False
        self.order: list[tuple[str, bool]] = []
        self._me = me
        self._zone = zone
        self._groups: list[list[tuple[str, str, str]]] = []
        for part in filter(None, text.split("^")):
            self._take(part, strict=strict)

    def _take(self, part: str, *, strict: bool) -> None:
        for word, falling in (("ORDERBYDESC", True), ("ORDERBY", False)):
            if part.startswith(word):
                name = part.removeprefix(word)
                self.order += [(name, falling)] if name in self.columns else []
                return
        other = part.startswith("OR")
        found = _CONDITION.fullmatch(part.removeprefix("OR") if other else part)
        if found is None or found.group(1) not in self.columns:
            self.nothing = self.nothing or strict
            return
        name, sign, value = found.groups()
        condition = (name, sign, self._value(name, value))
        if other and self._groups:
            self._groups[-1].append(condition)
        else:
            self._groups.append([condition])

    def _value(self, name: str, value: str) -> str:
        if value == "javascript:gs.getUserID()":
            return self._me
        if name.startswith("sys_") and name.endswith("_on") and self._zone:
            return (datetime.strptime(value, _TIME) - self._zone).strftime(_TIME)  # noqa: DTZ007 - the user's own zone
        return value

    def run(self, rows: Iterable[Record]) -> list[Record]:
        """Return the rows that match, in order."""
        if self.nothing:
            return []
        found = [row for row in rows if all(any(_holds(row, *one) for one in group) for group in self._groups)]
        for name, falling in reversed(self.order):
            found.sort(key=lambda row: row.get(name, ""), reverse=falling)
        return found


def _holds(row: Record, name: str, sign: str, value: str) -> bool:
    there = str(row.get(name, ""))
    answers: dict[str, Any] = {
        # as its database compares texts
        "=": lambda: there.lower() == value.lower(),
        "!=": lambda: there != value,
        ">": lambda: there > value,
        "<": lambda: there < value,
        ">=": lambda: there >= value,
        "<=": lambda: there <= value,
        "IN": lambda: there in value.split(","),
        "LIKE": lambda: value.lower() in there.lower(),
        "STARTSWITH": lambda: there.lower().startswith(value.lower()),
        "ISEMPTY": lambda: not there,
        "ISNOTEMPTY": lambda: bool(there),
    }
    return bool(answers[sign]())
