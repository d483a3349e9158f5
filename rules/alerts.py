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
from rules.duration import DURATION_WORDS, seconds, span
from rules.problem import Problem, nearest
from rules.source import Spot

_WHEN = re.compile(r"([a-z_]+) *(>=|<=|>|<) *([0-9]{1,9}(?:bd|%)?|(?:[0-9]{1,9}[smhdwy])+)")


class Metric(StrEnum):
    """What can be watched."""

    #: since when the oldest dead letter waits for a person
    DEAD_LETTER_AGE = "dead_letter_age"
    #: how many of the dead letters that wait were given up within the last hour
    DEAD_LETTERS_PER_HOUR = "dead_letters_per_hour"


#: understood, and watched once clocks and stages are kept
LATER = ("clock_paused", "ticket_in_stage")
_TIMES = frozenset({Metric.DEAD_LETTER_AGE.value, *LATER})


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One alert. `limit` is in seconds where the metric is a time."""

    #: the threshold as written
    when: str
    notify: dict[str, Any]
    metric: Metric | None = None
    limit: int = 0
    #: the limit itself is too much already (`>=`)
    inclusive: bool = False
    connection: str = ""
    channel: str = ""
    runbook: str = ""

    @property
    def watched(self) -> bool:
        """Say whether it can be watched and told: the metric is kept, and the connection takes notifications."""
        return self.metric is not None and bool(self.connection)

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
) -> tuple[Alert, ...]:
    """Read the section; items that their schema refused (`bad`) are not looked at."""
    return tuple(
        _alert(spot, configured, specs, problems) for place, spot in enumerate(section.each()) if place not in bad
    )


def _alert(
    spot: Spot, configured: Mapping[str, Connection], specs: Mapping[str, ConnectorSpec], problems: list[Problem]
) -> Alert:
    when, notify = spot.value["when"], spot.value["notify"]
    metric, inclusive, limit = _threshold(spot["when"], problems)
    connection = _connection(spot["notify"], configured, specs, problems, told=metric is not None)
    return Alert(
        when=when,
        notify=notify,
        metric=metric,
        limit=limit,
        inclusive=inclusive,
        connection=connection,
        channel=notify.get("channel", ""),
        runbook=notify.get("runbook", ""),
    )


def _threshold(spot: Spot, problems: list[Problem]) -> tuple[Metric | None, bool, int]:
    """Return what is watched, whether the limit is too much itself, and the limit."""
    found = _WHEN.fullmatch(spot.value)
    if found is None:
        problems.append(
            spot.error("wrong-form", f"'{spot.value[:60]}' is not a threshold such as dead_letter_age > 30m")
        )
        return None, False, 0
    name, comparison, written = found.groups()
    known = [*(metric.value for metric in Metric), *LATER]
    if name not in known:
        problems.append(spot.error("unknown-metric", f"there is nothing '{name}' to watch", nearest(name, known)))
        return None, False, 0
    if comparison.startswith("<"):
        problems.append(
            spot.error("wrong-comparison", "an alert watches for too much, not for too little", "write > or >=")
        )
    limit = _limit(spot, name, written, problems)
    if name in LATER:
        problems.append(
            spot.warning(
                "not-watched-yet", f"'{name}' is not watched yet: this alert will not be sent", "it may stay for later"
            )
        )
        return None, False, 0
    return Metric(name), comparison == ">=", limit


def _limit(spot: Spot, name: str, written: str, problems: list[Problem]) -> int:
    if name not in _TIMES:
        if written.isdigit():
            return int(written)
        problems.append(spot.error("wrong-limit", f"'{written}' is not a number", f"{name} is a number such as 20"))
        return 0
    try:
        # business days are for the metrics that a calendar measures
        length = span(written) if name in LATER else seconds(written)
    except ValueError:
        message = f"'{written}' is not {DURATION_WORDS}"
        problems.append(spot.error("wrong-limit", message, f"{name} is a time: write for example {name} > 30m"))
        return 0
    return length if isinstance(length, int) else 0


def _connection(
    notify: Spot,
    configured: Mapping[str, Connection],
    specs: Mapping[str, ConnectorSpec],
    problems: list[Problem],
    *,
    told: bool,
) -> str:
    """Return the connection that an alert goes to, empty when there is none to go to."""
    name = notify.get("connection")
    if name is None:
        if told:
            message = "people and roles are not told by themselves yet: this alert will not be sent"
            problems.append(notify.warning("not-sent-yet", message, "give {connection: NAME, channel: NAME}"))
        return ""
    if name not in configured:
        spot = notify["connection"]
        problems.append(spot.error("unknown-connection", f"there is no connection '{name}'", nearest(name, configured)))
        return ""
    spec = specs.get(configured[name].connector)
    if spec is None:
        # said at the connection already: it takes no part
        return ""
    if Operation.NOTIFY not in spec.operations:
        able = [each for each, one in configured.items() if _notifies(one, specs)]
        hint = f"name one that can: {', '.join(able)}" if able else "add a connection to a channel such as Slack"
        spot = notify["connection"]
        problems.append(spot.error("cannot-notify", f"{spec.title} takes no notifications", hint))
        return ""
    if not notify.get("channel") and not configured[name].options.get("channel"):
        problems.append(notify.error("missing-key", "an alert needs 'channel'", "add channel: here"))
    return str(name)


def _notifies(connection: Connection, specs: Mapping[str, ConnectorSpec]) -> bool:
    spec = specs.get(connection.connector)
    return spec is not None and Operation.NOTIFY in spec.operations
