"""A site, read: the one folder of files that an ops team keeps, as values, or everything that is wrong with it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from jsonschema import Draft7Validator

from gateway.domain.filing import MOST_BYTES, FileRules
from gateway.domain.ids import digest
from gateway.domain.people import Terms
from gateway.domain.public_holidays import HolidaySource
from gateway.domain.ticket import Kind
from gateway.ports import ConnectorSpec
from rules.alerts import Alert, alerts
from rules.classifiers import Known
from rules.conditions import ALWAYS, compile_condition
from rules.connections import Connection, connections, moment
from rules.decide import RuleSet
from rules.duration import seconds
from rules.enriching import enrichment
from rules.escalations import Escalation, escalation
from rules.extending import NOTHING, Extensions
from rules.fields import DEFAULT_STAGES, Field, FieldType, Vocabulary
from rules.lint import Reading
from rules.lint import findings as lint
from rules.lint.effect import PolicyEffect, effects
from rules.loading.calendars import calendars
from rules.loading.classify import classify_rules
from rules.loading.duplicates import duplicate_rules
from rules.loading.languages import languages
from rules.loading.policies import policies
from rules.loading.routing import routing
from rules.loading.sections import Sections, merge, names
from rules.loading.stages import stages
from rules.loading.sync import sync_rules
from rules.people import terms
from rules.problem import Problem, Problems, Severity, TooManyError, beyond, in_order, nearest
from rules.recent import counting
from rules.release import holidays_of
from rules.schema import for_loader
from rules.schema.check import findings, validator
from rules.source import GATEWAY_FILE, ROTA_SUFFIX, Document, Path
from rules.yaml12 import load

YEAR = 365 * 86_400
#: nothing was fetched
NO_COPIES: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")


class Mode(StrEnum):
    """What a gateway may do."""

    LIVE = "live"
    #: reads, decides and explains, but never writes to a desk
    OBSERVE = "observe"


class Retention(msgspec.Struct, frozen=True):
    """For how many seconds things are kept."""

    deliveries: int = 30 * 86_400
    personal_data: int = 180 * 86_400
    audit: int = 7 * YEAR


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site that can be run."""

    mode: Mode
    #: until then nothing is written anywhere
    live_from: datetime | None = None
    connections: dict[str, Connection]
    rules: RuleSet
    retention: Retention = Retention()
    attachments: FileRules = FileRules()
    alerts: tuple[Alert, ...] = ()
    stitch: Terms = Terms()
    #: classifiers that are installed and not to be asked
    classifiers_off: frozenset[str] = frozenset()
    #: names these files, whatever their order: the release
    digest: str
    #: name below the site's folder -> text
    files: dict[str, str]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away while thousands of rules are read.

    Next to nothing of what loading makes is garbage, and all of it stays: to go through it over and over took half of
    the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def file_digest(files: Mapping[str, str]) -> str:
    """Name a set of files by their names and texts."""
    # A text that is no UTF-8 never becomes a site, and what is said of it must not fail for its name.
    return digest("site", {name: text.encode("utf-8", "replace").decode() for name, text in files.items()})


def _file_rules(given: Mapping[str, Any]) -> FileRules:
    found: dict[str, Any] = {}
    if "largest" in given:
        text = given["largest"]
        unit = 1000 if text.endswith("KB") else 1_000_000
        found["largest"] = min(int(text[:-2]) * unit, MOST_BYTES)
    if "refuse" in given:
        found["refused"] = frozenset(ending.lower() for ending in given["refuse"])
    return FileRules(**found)


@cache
def _validator(name: str) -> Draft7Validator:
    return validator(for_loader(name))


def _validator_with(name: str, extensions: Extensions) -> Draft7Validator:
    """Return the validator of one kind of file; without actions of other packages it is made once a process."""
    if name != "rules" or not extensions.actions:
        return _validator(name)
    return validator(for_loader(name, {action.name: action.schema for action in extensions.actions.values()}))


def load_site(
    files: Mapping[str, str],
    specs: Mapping[str, ConnectorSpec],
    holidays: HolidaySource | None = None,
    extensions: Extensions = NOTHING,
    copies: Mapping[str, str] = NO_COPIES,
) -> tuple[Site | None, tuple[Problem, ...]]:
    """Read a site from the texts of its files (`gateway.yaml`, `rules/*.yaml`) and the connectors that are installed.

    No site comes back when there is an error; warnings come beside a site. Nothing is read, resolved or run here.
    `holidays` gives the days of a country; without it, those that a release keeps with its files, and the library's.
    `extensions` are the operators, actions and classifiers of other packages, `copies` what was fetched of its feeds.
    """
    with _uncollected():
        loading = _Loading(files, specs, holidays or holidays_of(files), extensions, copies)
        site = loading.run()
        problems = loading.found()
    return (None if any(problem.is_error for problem in problems) else site), problems


class Checked(msgspec.Struct, frozen=True):
    """Everything that can be said of a site's files without running them."""

    #: None when there is an error
    site: Site | None
    problems: tuple[Problem, ...]
    #: which clocks of which policy start, pause and stop when; empty when there is an error
    policies: tuple[PolicyEffect, ...] = ()


def check_site(
    files: Mapping[str, str],
    specs: Mapping[str, ConnectorSpec],
    holidays: HolidaySource | None = None,
    extensions: Extensions = NOTHING,
    copies: Mapping[str, str] = NO_COPIES,
) -> Checked:
    """Read a site as `load_site` does, and look at what its rules mean together: see `rules.lint`.

    This is what decides whether files may become a release. `load_site` alone is for a release that is one already: it
    must still load when a later version of the gateway has learnt to find more.
    """
    with _uncollected():
        loading = _Loading(files, specs, holidays or holidays_of(files), extensions, copies)
        site = loading.run()
        loading.lint()
        problems = loading.found()
        if site is None or loading.reading is None or any(problem.is_error for problem in problems):
            return Checked(None, problems)
        return Checked(site, problems, tuple(effects(loading.reading)))


def _schema_of(file: str) -> str:
    if file == GATEWAY_FILE:
        return "gateway"
    return "cases" if file.endswith((".cases.yaml", ".cases.yml")) else "rules"


class _Loading:
    def __init__(
        self,
        files: Mapping[str, str],
        specs: Mapping[str, ConnectorSpec],
        holidays: HolidaySource,
        extensions: Extensions,
        copies: Mapping[str, str],
    ) -> None:
        self.copies = copies
        self.files = {file: text for file, text in files.items() if file.endswith((".yaml", ".yml", ROTA_SUFFIX))}
        self.specs = specs
        self.holidays = holidays
        self.extensions = extensions
        self.problems = Problems()
        #: items that their schema refused: they are not looked at further
        self.bad: set[tuple[str, Path]] = set()
        #: says that there is more than is shown
        self.beyond: list[Problem] = []
        #: for lint; None when a file could not be read, for then much would seem to be missing
        self.reading: Reading | None = None

    def found(self) -> tuple[Problem, ...]:
        """Return what is wrong, in order."""
        return in_order((*self.problems, *self.beyond))

    def lint(self) -> None:
        """Look at what the rules mean together."""
        reading = self.reading
        if reading is not None and not self.beyond:
            self.enough(lambda: self.problems.extend(lint(reading, tuple(self.problems))))

    def enough(self, step: Callable[[], T]) -> T | None:
        """Take a step; where it finds too much, say so and go no further."""
        try:
            return step()
        except TooManyError:
            self.beyond.append(beyond(self.problems[-1]))
            return None

    def run(self) -> Site | None:
        """Read everything; None when something is wrong."""
        return self.enough(self.read_all)

    def read_all(self) -> Site | None:
        written = sorted(file for file in self.files if not file.endswith(ROTA_SUFFIX))
        documents = {file: document for file in written if (document := self.read(file)) is not None}
        gateway = documents.get(GATEWAY_FILE)
        if GATEWAY_FILE not in self.files:
            message = "there is no gateway.yaml"
            hint = "a site needs one: `gateway init DIR` makes a folder with a commented example"
            self.problems.append(Problem(GATEWAY_FILE, 1, 1, "missing-file", Severity.ERROR, message, hint))
        configured = self.connections(gateway)
        rule_files = [document for file, document in documents.items() if _schema_of(file) == "rules"]
        sections = merge(rule_files, frozenset(self.bad), self.problems)
        off = self.classifiers_off(gateway)
        rules = self.rules(sections, configured, off)
        if len(documents) == len(written):
            self.reading = Reading(
                sections,
                _of_clocks(self.vocabulary),
                connections=configured,
                specs=self.specs,
                calendars=rules.calendars,
                policies=rules.policies,
                actions=self.extensions.actions,
                documents=documents,
            )
        watched = self.alerts(gateway, configured, rules.sections)
        stitch = terms(gateway, configured, self.problems)
        rules.enrichment = enrichment(gateway, configured, self.specs, self.problems)
        rules.counting = counting(gateway, rules.sections, self.problems)
        if gateway is None or not isinstance(gateway.root.get("connections"), dict):
            self.problems.forget("unknown-connection")
        if gateway is None or any(problem.is_error for problem in self.problems):
            return None
        return Site(
            mode=Mode(gateway.value.get("mode", "live")),
            live_from=moment(gateway.root, "live_from", self.problems),
            connections=configured,
            rules=rules,
            attachments=_file_rules(gateway.value.get("attachments", {})),
            retention=Retention(**{key: seconds(text) for key, text in gateway.value.get("retention", {}).items()}),
            alerts=watched,
            stitch=stitch,
            classifiers_off=off,
            digest=rules.digest,
            files=self.files,
        )

    def read(self, file: str) -> Document | None:
        """Read one file and check it by its schema."""
        document, found = load(file, self.files[file])
        self.problems.extend(found)
        if document is None:
            return None
        for path, problem in findings(document, _validator_with(_schema_of(file), self.extensions)):
            self.problems.append(problem)
            self.bad.add((file, path[:2]))
        return document

    def connections(self, gateway: Document | None) -> dict[str, Connection]:
        if gateway is None or not isinstance(gateway.root.get("connections"), dict):
            return {}
        section = gateway.root["connections"]
        bad = frozenset(name for name in section.value if (GATEWAY_FILE, ("connections", name)) in self.bad)
        return connections(section, self.specs, bad, self.problems)

    def alerts(
        self, gateway: Document | None, configured: Mapping[str, Connection], people: Mapping[str, Any]
    ) -> tuple[Alert, ...]:
        if gateway is None or not isinstance(gateway.root.get("alerts"), list):
            return ()
        section = gateway.root["alerts"]
        bad = frozenset(place for place in range(len(section.value)) if (GATEWAY_FILE, ("alerts", place)) in self.bad)
        return alerts(section, configured, self.specs, bad, self.problems, people)

    def classifiers_off(self, gateway: Document | None) -> frozenset[str]:
        """Return the classifiers that the site does not want to be asked."""
        if gateway is None or not isinstance(gateway.root.get("classifiers"), dict):
            return frozenset()
        section = gateway.root["classifiers"]
        known = [classifier.name for classifier in self.extensions.classifiers]
        for name, spot in section.entries():
            if name not in known:
                message = f"no classifier '{name[:60]}' is installed, so it says nothing anyway"
                self.problems.append(spot.warning("unknown-classifier", message, nearest(name, known), key=True))
        return frozenset(name for name, spot in section.entries() if spot.value is False)

    def rules(self, sections: Sections, configured: Mapping[str, Connection], off: Collection[str]) -> RuleSet:
        hours = calendars(sections, self.holidays, self.refused("calendars"), self.problems)
        vocabulary = self.vocabulary = Vocabulary(
            connections=tuple(configured),
            stages=_stages(sections),
            # one that is wrong is known all the same: a rule that names it is right
            calendars={**dict.fromkeys(sections.entries("calendars"), _Closed()), **hours},
            operators=self.extensions.operators,
            people={name: spot.value.get("email", "") for name, spot in sections.entries("people").items()},
        )
        return RuleSet(
            classify_rules=classify_rules(sections, vocabulary, self.problems),
            stages=stages(sections, configured, self.problems),
            duplicate_rules=duplicate_rules(sections, vocabulary, self.problems),
            policies=policies(sections, vocabulary, _of_clocks(vocabulary), self.problems),
            sync_rules=sync_rules(sections, configured, self.specs, vocabulary, self.problems),
            calendars=hours,
            classifiers=tuple(each for each in self.extensions.classifiers if each.name not in off),
            known=Known(languages(sections)),
            sections=sections.plain(),
            digest=file_digest(self.files),
            holidays=self.holidays,
            escalations=self.escalations(sections, vocabulary),
            due_times={name: each.due_time for name, each in configured.items() if each.due_time},
            actions=self.extensions.actions,
            routing=routing(sections, vocabulary, hours, self.files, self.problems, self.copies),
        )

    def refused(self, section: str) -> frozenset[str]:
        """Return the names in a section that their schema refused."""
        return frozenset(str(path[1]) for _, path in self.bad if len(path) > 1 and path[0] == section)

    def escalations(self, sections: Sections, vocabulary: Vocabulary) -> tuple[Escalation, ...]:
        """Compile the escalations, in order."""
        found = []
        for _, item in names(sections.items("escalations"), "escalation", self.problems):
            when = compile_condition(item["when"], vocabulary, self.problems) if "when" in item else ALWAYS
            made = escalation(item.value, when)
            if made is not None:
                found.append(made)
        return tuple(found)


class _Closed:
    """Stands for a calendar that could not be compiled, in a site that does not load."""

    def is_open(self, at: datetime) -> bool:  # noqa: ARG002 - as OpenHours
        return False


def _of_clocks(vocabulary: Vocabulary) -> Vocabulary:
    """Return the words that `pause_when` knows: those of every rule, and the metric that is asked about."""
    metric = Field("metric", FieldType.TEXT, lambda _ticket, facts: facts.metric)
    return Vocabulary(
        connections=vocabulary.fields["source"].words,
        stages=vocabulary.fields["stage"].words,
        people=vocabulary.people,
        calendars=vocabulary.calendars,
        operators=vocabulary.operators,
        extra=(metric,),
    )


def _stages(sections: Sections) -> tuple[str, ...]:
    """Return the stages of every kind."""
    found: list[str] = []
    for steps in sections.entries("stages").values():
        for stage in steps.value:
            found += [stage] if isinstance(stage, str) else list(stage)
    if Kind.IMPLEMENTATION.value not in sections.entries("stages"):
        found += DEFAULT_STAGES
    return tuple(dict.fromkeys(found))
