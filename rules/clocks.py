"""What the policies say of clocks: the terms of a ticket, and which of its clocks wait."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from gateway.domain import public_holidays
from gateway.domain.calendar import Calendar
from gateway.domain.clock_chain import CUSTOMER_WAIT, OWNERSHIP, RESOLUTION, STAGE_PREFIX, STATUS_PREFIX, WATCHED
from gateway.domain.open_days import DayMode
from gateway.domain.public_holidays import HolidaySource
from gateway.domain.terms import (
    BusinessDays,
    CalendarChange,
    Goal,
    Merging,
    Options,
    Reentry,
    Reopen,
    Retarget,
    Terms,
    UpdateStart,
)
from gateway.domain.ticket import Category, Level
from rules.duration import BusinessDays as Days
from rules.duration import seconds, span
from rules.fields import Facts
from rules.policies import Policy, is_one_target

#: a calendar that is open all the time, where a policy names none
ALWAYS = "always"
#: the years of which a version of a calendar keeps the public holidays; those of others are the library's
FIRST_YEAR, LAST_YEAR = 2024, 2040
#: what these wait for is the same under every policy
_WAITS: Mapping[str, frozenset[Category]] = {
    "requester_wait": frozenset({Category.PENDING_CUSTOMER}),
    "agent_work": frozenset({Category.PENDING_CUSTOMER, Category.ON_HOLD}),
}
#: what these wait for says the policy
_BY_POLICY = frozenset({RESOLUTION, OWNERSHIP, "pausable_update"})


class Watch(msgspec.Struct, frozen=True):
    """A time that an escalation watches beside the promises: in a status, in a stage, or until the customer hears."""

    #: name of the escalation
    name: str
    #: `status:on_hold`, `stage:testing` or `customer_wait`
    what: str
    over: int | Days
    calendar: str

    @property
    def metric(self) -> str:
        """The name of its clock."""
        return f"{self.what}{WATCHED}{self.name}"


def watches(escalations: Iterable[Mapping[str, Any]]) -> tuple[Watch, ...]:
    """Return the times that escalations watch."""
    found = []
    for each in escalations:
        on = each.get("on")
        if on is None:
            continue
        if "time_in_status" in on:
            what = f"{STATUS_PREFIX}{on['time_in_status']}"
        elif "time_in_stage" in on:
            what = f"{STAGE_PREFIX}{on['time_in_stage']}"
        else:
            what = CUSTOMER_WAIT
        found.append(Watch(each["name"], what, span(on["over"]), on.get("calendar", ALWAYS)))
    return tuple(found)


class Clockwork:
    """Tells the terms of tickets by the policies of one release.

    `specs` are its calendars by name, `holidays` says which days are none.
    """

    def __init__(
        self,
        policies: Iterable[Policy],
        specs: Mapping[str, Any],
        holidays: HolidaySource,
        watched: tuple[Watch, ...] = (),
    ) -> None:
        self._policies = {policy.name: policy for policy in policies}
        self._specs = specs
        self._holidays = holidays
        self._watched = watched
        #: versions of calendars by their name, as they are kept
        self.versions: dict[str, str] = {}
        self._made: dict[str, Calendar] = {}
        self.terms = lru_cache(maxsize=4096)(self._terms)
        self._version = lru_cache(maxsize=None)(self._version_of)

    def _terms(self, policy: str, level: Level) -> Terms:
        """Return the terms of a ticket to which a policy (or none: an empty name) applies, and that has a priority."""
        found = self._policies.get(policy)
        watched = self.watched()
        if found is None:
            return Terms(policy="", level=level.value, goals=watched)
        spec = found.spec
        calendar, mode = spec.get("calendar", ALWAYS), spec.get("business_days", DayMode.SAME_WALL.value)
        goals = {
            metric: self._goal(promise, calendar, mode)
            for metric, target in spec.get("targets", {}).items()
            if (promise := promise_of(target, level)) is not None
        }
        longest = span(spec["max_pause"]) if "max_pause" in spec else None
        options = Options(
            retarget=Retarget(spec.get("on_retarget", Retarget.CARRY.value)),
            reopen=Reopen(spec.get("on_reopen", Reopen.CONTINUE_EXCLUDE.value)),
            reopen_within_s=seconds(spec["reopen_within"]) if "reopen_within" in spec else None,
            calendar_change=CalendarChange(spec.get("on_calendar_change", CalendarChange.SEGMENTED.value)),
            max_pause_s=longest if isinstance(longest, int) else None,
            max_pause_days=BusinessDays(longest.days, DayMode(mode)) if isinstance(longest, Days) else None,
            max_pause_calendar=self._version(calendar) if isinstance(longest, Days) else "",
        )
        return Terms(
            policy=policy,
            level=level.value,
            goals={**goals, **watched},
            options=options,
            restart_on_reply=spec.get("on_customer_reply") == "restart",
            reentry=Reentry(spec.get("stage_reentry", Reentry.ACCUMULATE.value)),
            merging=Merging(spec.get("on_merge", Merging.ADOPT_OLDEST.value)),
            update_starts=UpdateStart(spec.get("update_starts", UpdateStart.CREATED.value)),
        )

    def warm(self) -> None:
        """Work out the public holidays of every calendar now: processes that are forked from this one find them."""
        for name in (*self._specs, ALWAYS):
            self._version(name)

    def watched(self) -> dict[str, Goal]:
        """Return the goals of what escalations watch beside the promises: the same for every ticket."""
        return {each.metric: self._goal({"within": each.over}, each.calendar, "") for each in self._watched}

    def under(self, terms: Terms) -> Terms:
        """Return terms with what is watched now, and with the promises that they made."""
        promised = {metric: goal for metric, goal in terms.goals.items() if WATCHED not in metric}
        return msgspec.structs.replace(terms, goals={**promised, **self.watched()})

    def _goal(self, promise: Mapping[str, Any], calendar: str, mode: str) -> Goal:
        name = promise.get("calendar", calendar)
        mode = promise.get("business_days", mode) or DayMode.SAME_WALL.value
        target = _length(promise["within"], mode)
        warn = _length(promise["warn"], mode) if "warn" in promise else None
        return Goal(target, self._version(name), warn)

    def _version_of(self, name: str) -> str:
        """Return a calendar by its name and version: another one when anything changes that it is made of."""
        doc = kept(name, self._specs, self._holidays)
        version = f"{name}@{hashlib.sha256(doc.encode()).hexdigest()[:12]}"
        self.versions[version] = doc
        return version

    def calendars(self) -> Mapping[str, Calendar]:
        """Return the versions of calendars that the terms so far name."""
        for version, doc in self.versions.items():
            if version not in self._made:
                self._made[version] = restored(doc)
        return self._made

    def waiting(self, terms: Terms, facts: Facts) -> tuple[str, ...]:
        """Return the metrics of the terms whose clocks wait while a ticket is as it is."""
        policy = self._policies.get(terms.policy)
        condition = policy.pause_when if policy is not None else None
        found = []
        for metric in terms.goals:
            if metric in _WAITS:
                waits = facts.ticket.status.category in _WAITS[metric]
            elif condition is None or not (metric in _BY_POLICY or _is_stage(metric)):
                waits = False
            else:
                waits = condition.holds(msgspec.structs.replace(facts, metric=metric))
            if waits:
                found.append(metric)
        return tuple(sorted(found))


def _is_stage(metric: str) -> bool:
    return metric.startswith(STAGE_PREFIX) and WATCHED not in metric


def promise_of(target: Any, level: Level) -> Mapping[str, Any] | None:
    """Return what a target says for a priority: what it says for `default` where it says nothing of it; None: nothing.

    A ticket without a priority takes `default`.
    """
    if not is_one_target(target):
        word = level.value if level is not Level.UNSET and level.value in target else "default"
        if word not in target:
            return None
        target = target[word]
    return target if isinstance(target, dict) else {"within": target}


def _length(written: Any, mode: str) -> int | BusinessDays:
    length = span(written) if isinstance(written, str) else written
    return BusinessDays(length.days, DayMode(mode)) if isinstance(length, Days) else length


def digest(terms: Terms) -> str:
    """Return the name by which a log tells terms."""
    return hashlib.sha256(msgspec.json.encode(terms)).hexdigest()[:32]


class _Kept(msgspec.Struct, frozen=True):
    """A version of a calendar: its spec, those that it names, and the public holidays as they were known."""

    name: str
    specs: dict[str, Any]
    days: dict[str, dict[str, dict[str, str]]] = {}


def kept(name: str, specs: Mapping[str, Any], holidays: HolidaySource) -> str:
    """Return a calendar with all that it is made of, to be read again however the rules have changed by then."""
    parts: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        part = waiting.pop()
        if part not in parts and part in specs:
            parts[part] = specs[part]
            waiting += specs[part].get("union", ()) if isinstance(specs[part], dict) else ()
    calendar = Calendar.from_spec(parts.get(name, "24x7"), parts, holidays=holidays)
    ordered = sorted(calendar.holidays, key=msgspec.json.encode)
    days = public_holidays.snapshot(ordered, FIRST_YEAR, LAST_YEAR, holidays)
    return msgspec.json.encode(_Kept(name, parts, days), order="sorted").decode()


def restored(doc: str) -> Calendar:
    """Return a calendar that was kept."""
    found = msgspec.json.decode(doc, type=_Kept)
    return Calendar.from_spec(
        found.specs.get(found.name, "24x7"), found.specs, holidays=public_holidays.kept(found.days)
    )
