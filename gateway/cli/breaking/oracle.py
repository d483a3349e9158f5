"""What people said at one desk, and how often it stands at the other: read from the desks' own effect logs alone.

Counted are new tickets, replies and notes: each of them appears at the other desk exactly once, or something went
wrong. Fields are not counted, because they are set again after an unclear answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec


class Said(msgspec.Struct):
    """One thing that a person said at a desk, and how often it was found at the other."""

    desk: str
    at: datetime
    text: str
    copies: int = 0


class Case(msgspec.Struct):
    """A ticket of the front desk and its copies at the back desk: none, unless it concerns that desk; never two."""

    front_id: str
    opened: Said
    title: str
    back_ids: list[str] = []
    #: marker of the first copy
    marker: str = ""
    said: list[Said] = []
    #: the gateway has looked, and the other desk has no part in it
    local: bool = False

    def items(self) -> Iterator[Said]:
        """Give the ticket itself and what was said in it."""
        yield self.opened
        yield from self.said


class Oracle:
    """Joins the logs of a desk where customers write (front) and of one where the gateway makes tickets (back)."""

    def __init__(self, front: str, back: str) -> None:
        self.front = front
        self.back = back
        self.cases: dict[str, Case] = {}
        #: by every number that a case has at the front: its own, and those of its follow-ups
        self._here: dict[str, Case] = {}
        self._copies: dict[str, Case] = {}
        self._homeless: list[tuple[str, Mapping[str, Any]]] = []

    def hear(self, desk: str, effects: Sequence[Mapping[str, Any]]) -> None:
        """Take the next effects of a desk's log.

        What comes before its cause, because the two logs are read one after the other, is tried again next time.
        """
        waiting = [*self._homeless, *((desk, effect) for effect in effects)]
        self._homeless = [(place, effect) for place, effect in waiting if not self._place(place, effect)]

    def shared(self) -> Iterator[Case]:
        """Give the tickets that both desks have."""
        return (case for case in self.cases.values() if case.back_ids)

    def single(self) -> Iterator[Case]:
        """Give the tickets that only the front desk has, and that may yet concern the other."""
        return (case for case in self.cases.values() if not case.back_ids and not case.local)

    def _place(self, desk: str, effect: Mapping[str, Any]) -> bool:
        """Put one effect where it belongs; False when that is not known yet."""
        by_gateway = bool(effect.get("method"))
        match effect["kind"]:
            case "create" if desk == self.back:
                # a person's own ticket there has no other side in this site
                return self._copied(effect) if by_gateway else True
            case "create" if desk == self.front and by_gateway:
                return self._followed(effect)
            case "create":
                self._opened(effect)
            case "comment":
                case = (self._here if desk == self.front else self._copies).get(str(effect["remote_id"]))
                if case is None:
                    return False
                return self._appeared(case, desk, effect) if by_gateway else self._spoken(case, desk, effect)
        return True

    def _opened(self, effect: Mapping[str, Any]) -> None:
        detail = effect["detail"]
        number = str(effect["remote_id"])
        opened = Said(self.front, _at(effect), _plain(detail["description"]))
        self.cases[number] = self._here[number] = Case(number, opened, _plain(detail["subject"]))

    def _copied(self, effect: Mapping[str, Any]) -> bool:
        given = effect["detail"]["given"]
        title, text, marker = _plain(given["Subject"]), _plain(given.get("Content", "")), str(effect.get("key", ""))
        alike = [case for case in self.cases.values() if case.title == title and text.endswith(case.opened.text)]
        same = [case for case in alike if marker and case.marker == marker]
        free = [case for case in alike if not case.back_ids]
        case = next(iter([*same, *free, *alike]), None)
        if case is None:
            return False
        case.marker = case.marker or marker
        case.back_ids.append(str(effect["remote_id"]))
        case.opened.copies += 1
        self._copies[str(effect["remote_id"])] = case
        return True

    def _followed(self, effect: Mapping[str, Any]) -> bool:
        """Take a ticket in which a reply to a closed one goes on: its description is the reply."""
        detail = effect["detail"]
        case = self._here.get(str(detail.get("follows", "")))
        if case is None or not self._appeared(case, self.front, {"detail": {"body": detail["description"]}}):
            return False
        self._here[str(effect["remote_id"])] = case
        return True

    def _spoken(self, case: Case, desk: str, effect: Mapping[str, Any]) -> bool:
        case.said.append(Said(desk, _at(effect), _text(effect)))
        return True

    @staticmethod
    def _appeared(case: Case, desk: str, effect: Mapping[str, Any]) -> bool:
        """Find whose words these are: those that are not here yet come first, so that a second copy is seen as one."""
        text = _text(effect)
        # the gateway may put a line above that says who wrote it
        alike = [said for said in case.said if said.desk != desk and text.endswith(said.text)]
        if not alike:
            return False
        min(alike, key=lambda said: said.copies).copies += 1
        return True


def _at(effect: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(effect["at"]))


def _text(effect: Mapping[str, Any]) -> str:
    detail = effect["detail"]
    return _plain(detail.get("body") or detail.get("content") or "")


def _plain(text: Any) -> str:
    """Leave out how the words are laid out: each desk has its own way."""
    return " ".join(str(text).split())
