"""The life of some dozens of tickets at a time, one action after the other, so that it can go on for ever."""

from __future__ import annotations

import random

import msgspec

from connectors.testing.traffic.desks import DeskAwayError, DeskError, RequestTracker, Zendesk
from connectors.testing.traffic.stories import Library, Turn

#: tickets that are worked on at once; the others are finished and left alone
MOST_OPEN = 30
FEWEST_OPEN = 5
ENGINEERS = ("agent1", "agent2")
#: an action of this number, and then every so many, leads to something that only a person can put right
FIRST_MISHAP, NEXT_MISHAP, MOST_MISHAPS = 30, 400, 20
LATE_WORDS = "One more detail from the logs, for the record: the change is in the release notes as well."
#: chances: of a new ticket, and of what is done to one that is there (the rest: its status is changed)
_CREATES, _SPEAKS, _REORDERS = 0.2, 0.7, 0.12
_REOPENED = 0.08


class Case(msgspec.Struct):
    """One ticket and what is still to be said about it."""

    title: str
    zendesk: str
    turns: list[Turn]
    #: what its customer writes when the trouble comes back; empty: it has come back once
    again: str
    #: its number in RT, once the gateway has made it there
    rt: str = ""
    priority: int = 1
    waiting: bool = False


class Life:
    """Chooses who does what next. The same seed gives the same choices, as far as the desks keep the same pace."""

    def __init__(self, zendesk: Zendesk, rt: RequestTracker, library: Library, seed: int) -> None:
        self._zendesk = zendesk
        self._rt = rt
        self._library = library
        self._chance = random.Random(seed)  # noqa: S311 - made-up people, who can be repeated
        self._open: list[Case] = []
        self._titles: dict[str, Case] = {}
        self._actions = 0
        self._mishap_at = FIRST_MISHAP
        self._mishaps = 0

    @property
    def open(self) -> int:
        """How many tickets are worked on."""
        return len(self._open)

    def step(self) -> str:
        """Let one thing happen; returns what it was. Raises DeskError."""
        self._actions += 1
        self._find_copies()
        if len(self._open) < FEWEST_OPEN:
            return self._create()
        if self._actions >= self._mishap_at and self._mishaps < MOST_MISHAPS and self._mishap():
            return "mishap"
        if self._chance.random() < _CREATES and len(self._open) < MOST_OPEN:
            return self._create()
        case = self._chance.choice(self._open)
        try:
            return self._work_on(case)
        except DeskAwayError:
            raise  # it comes back, and the next one may be for the other desk
        except DeskError:
            self._leave(case)  # its desk has forgotten it, or takes nothing more for it
            raise

    def _work_on(self, case: Case) -> str:
        if not case.turns:
            return self._resolve(case)
        luck = self._chance.random()
        if luck < _SPEAKS:
            return self._speak(case)
        return self._set_priority(case) if luck < _SPEAKS + _REORDERS else self._set_status(case)

    # ------------------------------------------------------------ what happens

    def _create(self) -> str:
        told = self._library.tell(self._chance)
        while told.title in self._titles:
            told = self._library.tell(self._chance)
        level = self._chance.choice([None, None, 0, 1, 1, 2])
        number = self._zendesk.create(told.title, told.body, name=told.name, email=told.email, priority=level)
        case = Case(told.title, number, list(told.turns), told.again, priority=1 if level is None else level)
        self._titles[case.title] = case
        self._open.append(case)
        return "create"

    def _speak(self, case: Case) -> str:
        turn = case.turns[0]
        by = self._engineer()
        if turn.who.startswith("engineer") and not case.rt:
            return self._set_status(case)  # engineering has not got it yet
        match turn.who:
            case "customer":
                self._zendesk.customer(case.zendesk, turn.text)
                case.waiting = False
            case "agent":
                self._zendesk.reply(case.zendesk, turn.text)
            case "agent-note":
                self._zendesk.note(case.zendesk, turn.text)
            case "engineer":
                self._rt.reply(case.rt, turn.text, by)
            case _:
                self._rt.note(case.rt, turn.text, by)
        case.turns.pop(0)
        return turn.who

    def _set_status(self, case: Case) -> str:
        case.waiting = not case.waiting
        if case.rt and self._chance.random() < 0.5:
            self._rt.status(case.rt, "stalled" if case.waiting else "open", self._engineer())
        else:
            self._zendesk.status(case.zendesk, self._chance.choice(["pending", "hold"]) if case.waiting else "open")
        return "status"

    def _set_priority(self, case: Case) -> str:
        case.priority = (case.priority + self._chance.choice([1, 3])) % 4
        if case.rt and self._chance.random() < 0.5:
            self._rt.priority(case.rt, case.priority, self._engineer())
        else:
            self._zendesk.priority(case.zendesk, case.priority)
        return "priority"

    def _resolve(self, case: Case) -> str:
        """Finish a ticket; a few are opened again by their customer before they are left alone."""
        if case.rt and self._chance.random() < 0.5:
            self._rt.status(case.rt, "resolved", self._engineer())
        else:
            self._zendesk.status(case.zendesk, "solved")
        if case.again and self._chance.random() < _REOPENED:
            case.turns, case.again = [Turn("customer", case.again)], ""
        else:
            self._leave(case)
        return "resolve"

    def _mishap(self) -> bool:
        """Close a ticket for good in Zendesk while an engineer still writes: Zendesk will refuse the reply."""
        known = [each for each in self._open if each.rt]
        if not known:
            return False
        case = min(known, key=lambda each: len(each.turns))
        self._zendesk.status(case.zendesk, "closed")
        self._rt.reply(case.rt, LATE_WORDS, self._engineer())
        self._leave(case)
        self._mishaps += 1
        self._mishap_at = self._actions + NEXT_MISHAP
        return True

    # ------------------------------------------------------------ bookkeeping

    def _find_copies(self) -> None:
        """Note which tickets have reached RT."""
        try:
            copies = self._rt.copies()
        except DeskAwayError:
            return  # while it is down, people at the other desk go on
        for title, number in copies.items():
            case = self._titles.get(title)
            if case is not None:
                case.rt = number

    def _leave(self, case: Case) -> None:
        self._open.remove(case)
        del self._titles[case.title]

    def _engineer(self) -> str:
        return self._chance.choice(ENGINEERS)
