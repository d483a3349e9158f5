"""Reading cases: every error with its place, as in the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft7Validator

from gateway.domain.presence import State
from gateway.domain.ticket import Visibility
from rules.cases.kinds import expectations, place_of
from rules.cases.model import Case, Earlier, Expected, Given, Reply, Step
from rules.cases.values import instant, read_fields
from rules.cases.words import Words
from rules.duration import seconds
from rules.duration import words as in_words
from rules.problem import Problem, Problems, TooManyError, beyond, in_order, nearest
from rules.schema.cases import CASES, DEFINITIONS, GIVEN, STEP_FIELDS, TICKET
from rules.schema.check import findings, validator
from rules.site import Site
from rules.source import Spot
from rules.yaml12 import load

CASES_SUFFIXES = (".cases.yaml", ".cases.yml")

#: when a case happens that does not say: a Monday
MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_SCHEMAS: Mapping[str, dict[str, Any]] = {"cases": CASES, "given": GIVEN, "ticket": TICKET}


class CaseFile(msgspec.Struct, frozen=True):
    """One file of cases, read."""

    file: str
    cases: tuple[Case, ...]


@cache
def _validator(name: str) -> Draft7Validator:
    return validator({**_SCHEMAS[name], "definitions": DEFINITIONS})


def cases_of(site: Site) -> dict[str, str]:
    """Return the files of cases among those of a site."""
    return {file: text for file, text in site.files.items() if file.endswith(CASES_SUFFIXES)}


def load_cases(files: Mapping[str, str], words: Words) -> tuple[tuple[CaseFile, ...], tuple[Problem, ...]]:
    """Read files of cases (name -> text); what is wrong comes beside those cases that can be run.

    More than is read of what is wrong ends the reading: then no case can be run.
    """
    problems = Problems()
    found = []
    for file, text in sorted(files.items()):
        try:
            cases = _file(file, text, words, problems)
        except TooManyError:
            return (), in_order((*problems, beyond(problems[-1])))
        if cases is not None:
            found.append(cases)
    return tuple(found), in_order(problems)


def _file(file: str, text: str, words: Words, problems: Problems) -> CaseFile | None:
    document, trouble = load(file, text)
    problems.extend(trouble)
    if document is None:
        return None
    bad = set()
    for path, problem in findings(document, _validator("cases")):
        problems.append(problem)
        bad.add(path[:2])
    if () in bad or ("cases",) in bad:
        return None
    spots = [spot for spot in document.root["cases"].each() if spot.path not in bad]
    cases = [case for spot in spots if (case := _Reader(words, problems).case(spot)) is not None]
    _named_once(spots, problems)
    return CaseFile(file, tuple(cases))


def load_given(file: str, text: str, words: Words) -> tuple[Given | None, tuple[Problem, ...]]:
    """Read a file that holds one ticket: what stands under `given`, or under `ticket` there."""
    document, trouble = load(file, text)
    if document is None:
        return None, trouble
    alone = "ticket" not in document.root
    wrong = [problem for _, problem in findings(document, _validator("ticket" if alone else "given"))]
    if wrong:
        return None, in_order(wrong)
    reader = _Reader(words, [])
    given = reader.ticket_alone(document.root) if alone else reader.given(document.root)
    return (None if reader.problems else given), in_order(reader.problems)


def _named_once(spots: Iterable[Spot], problems: list[Problem]) -> None:
    first: dict[str, Spot] = {}
    for spot in spots:
        name = spot.value["name"]
        if name in first:
            message = f"there is another case '{name[:60]}' in {first[name]['name'].at()}"
            problems.append(spot["name"].error("duplicate-name", message, "give each case a name of its own"))
        first.setdefault(name, spot)


class _Reader:
    """Reads cases whose form is right already."""

    def __init__(self, words: Words, problems: list[Problem]) -> None:
        self.words = words
        self.problems = problems

    def case(self, spot: Spot) -> Case | None:
        """Read one case; None when something in it is wrong."""
        before = len(self.problems)
        given = self.given(spot["given"])
        expect = tuple(expectations(spot["expect"])) if "expect" in spot else ()
        if not expect and not any(step.expect for step in given.steps):
            hint = "add expect: to it, or to one of its steps"
            self.problems.append(spot["name"].error("missing-key", "this case expects nothing", hint))
        if len(self.problems) > before:
            return None
        return Case(spot.value["name"], place_of(spot["name"]), given, expect)

    def given(self, spot: Spot) -> Given:
        """Read what stands under `given`."""
        at = (instant(spot["at"], self.problems) if "at" in spot else None) or MONDAY
        earlier = tuple(self._earlier(each) for each in spot["earlier"].each()) if "earlier" in spot else ()
        steps = tuple(self._steps(spot["then"])) if "then" in spot else ()
        fields = read_fields(spot["ticket"].entries(), self.words, self.problems)
        created = fields.get("created_at")
        if created is not None and created > at:
            message = "the ticket would be created after what happens to it"
            self.problems.append(spot["ticket"]["created_at"].error("impossible-step", message, "see `at`"))
        agents = dict(self._agents(spot["agents"])) if "agents" in spot else {}
        return Given(at, fields, place_of(spot["ticket"]), earlier, steps, agents)

    def ticket_alone(self, spot: Spot) -> Given:
        """Read a ticket by itself."""
        return Given(MONDAY, read_fields(spot.entries(), self.words, self.problems), place_of(spot))

    def _agents(self, spot: Spot) -> Iterable[tuple[str, State]]:
        known = self.words.rules.routing.roster.of_person
        for name, inner in spot.entries():
            if name not in known:
                message = f"no agent is called '{name[:60]}'"
                self.problems.append(inner.error("unknown-person", message, nearest(name, known), key=True))
            load = inner.get("load", 0)
            assigned, released = (
                instant(inner[key], self.problems) if key in inner else None for key in ("assigned_at", "released_at")
            )
            units = load if isinstance(load, dict) else {"": load}
            accepting = inner.get("accepting", True)
            yield name, State(accepting=accepting, load=units, assigned_at=assigned, released_at=released)

    def _earlier(self, spot: Spot) -> Earlier:
        fields = read_fields(spot["ticket"].entries(), self.words, self.problems)
        return Earlier(spot.value["name"], seconds(spot.value["ago"]), fields, place_of(spot))

    def _steps(self, spot: Spot) -> Iterable[Step]:
        last = 0
        for each in spot.each():
            step = self._step(each)
            if step.after < last:
                message = f"this step is after {in_words(step.after)}, and the one above it after {in_words(last)}"
                hint = "steps stand in order, and each counts from the beginning"
                self.problems.append(each["after"].error("impossible-step", message, hint))
            last = max(last, step.after)
            yield step

    def _step(self, spot: Spot) -> Step:
        connection = spot.get("connection", "")
        if connection and connection not in self.words.connections:
            self.problems.append(self._unknown(spot["connection"]))
        theirs = bool(connection)
        flat = ((name, inner) for name, inner in spot.entries() if name in STEP_FIELDS or name.startswith("custom."))
        sets = read_fields(flat, self.words, self.problems, theirs=theirs)
        if "set" in spot:
            more = read_fields(spot["set"].entries(), self.words, self.problems, theirs=theirs)
            for name in more.keys() & sets.keys():
                message = f"{name} is set twice in this step"
                self.problems.append(spot["set"][name].error("impossible-step", message, "say it once", key=True))
            sets |= more
        reply = self._reply(spot["reply"]) if "reply" in spot else None
        expect: tuple[Expected, ...] = ()
        if "expect" in spot:
            expect = tuple(expectations(spot["expect"], f"after {in_words(seconds(spot.value['after']))}: "))
        if not spot.value.keys() - {"after", "connection"}:
            hint = "set a field, write a reply, or expect something"
            self.problems.append(spot.error("impossible-step", "nothing happens in this step", hint))
        return Step(seconds(spot.value["after"]), place_of(spot), connection, sets, reply, expect)

    def _reply(self, spot: Spot) -> Reply:
        visibility = Visibility(spot.get("visibility", "public"))
        if spot.value["by"] == "customer" and visibility is Visibility.INTERNAL:
            message = "a customer cannot write an internal note"
            self.problems.append(spot["visibility"].error("impossible-step", message, "leave visibility out"))
        return Reply(spot.value["by"], spot.value["text"], visibility)

    def _unknown(self, spot: Spot) -> Problem:
        message = f"there is no connection '{spot.value[:60]}'"
        return spot.error("unknown-connection", message, nearest(spot.value, self.words.connections))
