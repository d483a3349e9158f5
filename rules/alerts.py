"""The `alerts:` of gateway.yaml: what the gateway watches about itself, how much is too much, and where it says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.ids import digest
from gateway.domain.update import Operation
from gateway.ports import ConnectorSpec
from rules.connections import Connection
from rules.duration import DURATION_WORDS, SPAN_WORDS, BusinessDays, seconds, span
from rules.notices import ON_CALL, Person, people_of
from rules.problem import Problem, nearest
from rules.source import Spot

DAY = 86_400
_PEOPLE = ("person", "role", "roles")
_WHEN = re.compile(r"([a-z_]+) *(>=|<=|>|<) *([0-9]{1,9}(?:bd|%)?|(?:[0-9]{1,9}[smhdwy])+)")


class Metric(StrEnum):
    """What can be watched."""

    #: since when the oldest dead letter waits for a person
    DEAD_LETTER_AGE = "dead_letter_age"
    #: how many of the dead letters that wait were given up within the last hour
    DEAD_LETTERS_PER_HOUR = "dead_letters_per_hour"
    #: for how long a clock has waited, in real time
    CLOCK_PAUSED = "clock_paused"
    #: for how long an open ticket has been in its stage, in real time
    TICKET_IN_STAGE = "ticket_in_stage"
    #: since when nobody could be given an open ticket, so that it lies in the fallback queue
    TICKET_UNROUTABLE = "ticket_unroutable"
    #: since when an open ticket is frozen, for it was passed on too often
    TICKET_FROZEN = "ticket_frozen"
    #: since when a rota that is fetched could not be
    ROSTER_FEED_STALE = "roster_feed_stale"


#: about tickets, of which there are many: each is told once
OF_TICKETS = frozenset({Metric.CLOCK_PAUSED, Metric.TICKET_IN_STAGE, Metric.TICKET_UNROUTABLE, Metric.TICKET_FROZEN})


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One alert. `limit` is in seconds where the metric is a time."""

    #: the threshold as written
    when: str
    notify: dict[str, Any]
    metric: Metric | None = None
    limit: int = 0
    #: the limit itself is too much already (`>=`)
    inclusive: bool = False
    #: the limit where it is business days; `limit` is then so much real time as they have at least
    days: int = 0

    @property
    def runbook(self) -> str:
        """Return where it says what to do."""
        return str(self.notify.get("runbook", ""))

    @property
    def of_tickets(self) -> bool:
        """Say whether it watches tickets, each by itself."""
        return self.metric in OF_TICKETS

    @property
    def key(self) -> str:
        """Name this alert, whatever its place in the file."""
        return digest("alert", self.when, self.notify)

    def exceeds(self, value: float) -> bool:
        """Say whether that is too much."""
        return value >= self.limit if self.inclusive else value > self.limit


def alerts(
    section: Spot,
    configured: Mapping[str, Connection],
    specs: Mapping[str, ConnectorSpec],
    bad: frozenset[int],
    problems: list[Problem],
    people: Mapping[str, Any],
) -> tuple[Alert, ...]:
    """Read the section; items that their schema refused (`bad`) are not looked at.

    `people` are the sections of the rule files that say who is who.
    """
    found = []
    for place, spot in enumerate(section.each()):
        if place in bad:
            continue
        metric, inclusive, limit, days = _threshold(spot["when"], problems)
        alert = Alert(spot.value["when"], spot.value["notify"], metric, limit, inclusive, days)
        if "connection" in spot["notify"]:
            _connection(spot["notify"], configured, specs, problems)
        else:
            able = frozenset(name for name, each in configured.items() if _notifies(each, specs))
            _reached(spot["notify"], alert, able, people, problems)
        found.append(alert)
    return tuple(found)


def _threshold(spot: Spot, problems: list[Problem]) -> tuple[Metric | None, bool, int, int]:
    """Return what is watched, whether the limit is too much itself, and the limit; business days beside it."""
    found = _WHEN.fullmatch(spot.value)
    if found is None:
        problems.append(
            spot.error("wrong-form", f"'{spot.value[:60]}' is not a threshold such as dead_letter_age > 30m")
        )
        return None, False, 0, 0
    name, comparison, written = found.groups()
    known = [metric.value for metric in Metric]
    if name not in known:
        problems.append(spot.error("unknown-metric", f"there is nothing '{name}' to watch", nearest(name, known)))
        return None, False, 0, 0
    if comparison.startswith("<"):
        problems.append(
            spot.error("wrong-comparison", "an alert watches for too much, not for too little", "write > or >=")
        )
    limit, days = _limit(spot, Metric(name), written, problems)
    return Metric(name), comparison == ">=", limit, days


def _limit(spot: Spot, metric: Metric, written: str, problems: list[Problem]) -> tuple[int, int]:
    """Return the limit, in seconds where it is a time, and business days."""
    name = metric.value
    if metric is Metric.DEAD_LETTERS_PER_HOUR:
        if written.isdigit():
            return int(written), 0
        problems.append(spot.error("wrong-limit", f"'{written}' is not a number", f"{name} is a number such as 20"))
        return 0, 0
    of_tickets = metric in OF_TICKETS
    try:
        found = span(written) if of_tickets else seconds(written)
    except ValueError:
        such = "10d" if of_tickets else "30m"
        message = f"'{written}' is not {SPAN_WORDS if of_tickets else DURATION_WORDS}"
        problems.append(spot.error("wrong-limit", message, f"{name} is a time: write for example {name} > {such}"))
        return 0, 0
    if isinstance(found, BusinessDays):
        return max(0, found.days - 1) * DAY, found.days
    return found, 0


def _connection(
    notify: Spot, configured: Mapping[str, Connection], specs: Mapping[str, ConnectorSpec], problems: list[Problem]
) -> None:
    """Say what is wrong with the connection that an alert goes to."""
    name = notify.value["connection"]
    if name not in configured:
        spot = notify["connection"]
        problems.append(spot.error("unknown-connection", f"there is no connection '{name}'", nearest(name, configured)))
        return
    spec = specs.get(configured[name].connector)
    if spec is None:
        # said at the connection already: it takes no part
        return
    if Operation.NOTIFY not in spec.operations:
        able = [each for each, one in configured.items() if _notifies(one, specs)]
        hint = f"name one that can: {', '.join(able)}" if able else "add a connection to a channel such as Slack"
        spot = notify["connection"]
        problems.append(spot.error("cannot-notify", f"{spec.title} takes no notifications", hint))
        return
    own = any(setting.name == "channel" for setting in spec.settings) and not configured[name].options.get("channel")
    if own and not any(key in notify for key in ("channel", *_PEOPLE)):
        problems.append(notify.error("missing-key", "an alert needs 'channel'", "add channel: here"))


def _reached(
    notify: Spot, alert: Alert, able: frozenset[str], people: Mapping[str, Any], problems: list[Problem]
) -> None:
    """Say where nobody, or not everybody, can be told: without a connection, each is by an account of their own."""
    hint = f"give {{connection: {min(able) if able else 'NAME'}, channel: NAME}}"
    if not any(key in notify for key in _PEOPLE):
        problems.append(notify.warning("nobody-to-tell", "this names no connection and nobody: nobody is told", hint))
        return
    named, fields = _members(notify.value, people)
    missed = [each.name for each in named if not able & each.accounts.keys()]
    if fields and not alert.of_tickets:
        message = f"{', '.join(fields)} stands for a field of a ticket, and this is about none: nobody is told by it"
        problems.append(notify.warning("nobody-to-tell", message, hint))
    if missed:
        which = ", ".join(sorted(able)) or "none is configured"
        message = f"{', '.join(missed)} cannot be told: no account at a connection that takes notifications ({which})"
        problems.append(notify.warning("nobody-to-tell", message, f"add accounts: to people:, or {hint}"))


def _members(named: Mapping[str, Any], people: Mapping[str, Any]) -> tuple[tuple[Person, ...], list[str]]:
    """Return whom a notice names, and the roles that a ticket's field stands for. Unknown names are said elsewhere."""
    roles = people.get("roles") or {}
    asked = [*named.get("roles", ()), *([named["role"]] if "role" in named else ())]
    fields = [role for role in asked if role in roles and not isinstance(roles[role], list) and roles[role] != ON_CALL]
    lists = {"roles": [role for role in asked if isinstance(roles.get(role), list)]}
    known = named.get("person") in (people.get("people") or {})
    found, _ = people_of({**lists, **({"person": named["person"]} if known else {})}, None, people)
    return found, fields


def _notifies(connection: Connection, specs: Mapping[str, ConnectorSpec]) -> bool:
    spec = specs.get(connection.connector)
    return spec is not None and Operation.NOTIFY in spec.operations
