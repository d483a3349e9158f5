"""The gateway says what is wrong with itself: the `alerts:` of gateway.yaml, looked at by the sweep.

An alert is an ordinary update in a lane of its own, written in the transaction that moves the alert's state on by a
compare-and-set: several sweeps that look at once raise it once. It names connections, reasons and numbers; never a
ticket, a person or a desk's words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial

import msgspec

from gateway.domain.ids import effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.update import Intent, Operation
from gateway.flow.desks import LiveSite
from gateway.ports import AlertState, AuditEntry, Backlog, Clock, Ids, NewUpdate, Store, Tx
from rules.alerts import Alert, Metric
from rules.duration import words

log = logging.getLogger(__name__)

LOOK_EVERY = 15.0
#: a raised alert is told again after an hour, then after two, four …
REPEAT = timedelta(hours=1)
LONGEST_REPEAT = timedelta(days=1)
#: an alert is over when what it watches was within its limit for this long: no message for each flutter
CALM = timedelta(minutes=5)


class Told(StrEnum):
    """What there is to say."""

    RAISED = "raised"
    STILL = "still"
    OVER = "over"


class Said(msgspec.Struct, frozen=True):
    """A message: why it is sent, its headline and the rest."""

    what: Told
    title: str
    body: str


class Watch:
    """Looks at the alerts of the site."""

    def __init__(self, *, store: Store, site: Callable[[], LiveSite], clock: Clock, ids: Ids) -> None:
        self._store = store
        self._site = site
        self._clock = clock
        self._ids = ids
        self._looked_at: float | None = None

    def look(self) -> int:
        """Look, unless that was just done; return how many messages were put into the outbox."""
        now = self._clock.monotonic()
        site = self._site()
        # in mode observe nothing leaves
        watched = [each for each in site.alerts if each.watched and each.connection in site.connectors]
        if site.mode == "observe" or not watched or (self._looked_at and now - self._looked_at < LOOK_EVERY):
            return 0
        self._looked_at = now
        at = self._clock.now()
        with self._store.read() as tx:
            backlog = tx.alerts.backlog(at)
            states = {alert.key: tx.alerts.state(alert.key) for alert in watched}
        told = 0
        for alert in watched:
            before = states[alert.key]
            after, what = judge(before, at, exceeded=alert.exceeds(value_of(alert, backlog, at)))
            if after != before:
                said = text(alert, what, backlog, before.raised_at or at, at) if what else None
                told += self._store.write(partial(self._move, site=site, alert=alert, state=after, said=said, at=at))
        return told

    def _move(self, tx: Tx, *, site: LiveSite, alert: Alert, state: AlertState, said: Said | None, at: datetime) -> int:
        """Store how an alert stands now and put what there is to say into the outbox; 0 when another was quicker."""
        lane = state.link_id or (self._ids.new() if said else "")
        moved = msgspec.structs.replace(state, link_id=lane, version=state.version + 1)
        if not tx.alerts.change(moved) or said is None:
            return 0
        if not state.link_id:
            # no ticket stands behind it
            link = Link(lane, "", alert.connection, LinkState.LIVE, Role.TARGET, rule=f"alert {alert.key}")
            tx.links.add(link, at)
        event = f"alert:{alert.key}:{moved.version}"
        update = NewUpdate(
            id=self._ids.new(),
            link_id=lane,
            ticket_id="",
            connection=alert.connection,
            operation=Operation.NOTIFY,
            effect_key=effect_key(lane, event, Operation.NOTIFY.value, said.what.value),
            intent=Intent(
                Operation.NOTIFY,
                fields={"title": said.title, "body": said.body},
                params={"channel": alert.channel} if alert.channel else {},
            ),
            summary=f"alert {said.what.value}: {alert.when}",
            delivery_id="",
            event_key=event,
            rule=f"alert {alert.when}"[:200],
            release=site.release,
            trace_id=self._ids.new().replace("-", ""),
            created_at=at,
        )
        tx.outbox.add(update)
        tx.audit.add(
            [
                AuditEntry(
                    at, "gateway", f"alert {said.what.value}", detail={"alert": alert.when}, trace_id=update.trace_id
                )
            ]
        )
        log.warning("alert", extra={"alert": alert.when, "told": said.what.value, "connection": alert.connection})
        return 1


def value_of(alert: Alert, backlog: Backlog, now: datetime) -> float:
    """Return what an alert watches: seconds or a number."""
    if alert.metric is Metric.DEAD_LETTERS_PER_HOUR:
        return backlog.recent
    return (now - backlog.oldest).total_seconds() if backlog.oldest else 0.0


def judge(state: AlertState, now: datetime, *, exceeded: bool) -> tuple[AlertState, Told | None]:
    """Return how an alert stands after a look, and what there is to say of it."""
    if state.raised_at is None:
        if not exceeded:
            return state, None
        return msgspec.structs.replace(state, raised_at=now, told_at=now, told=1, calm_since=None), Told.RAISED
    if exceeded:
        awake = msgspec.structs.replace(state, calm_since=None)
        if state.told_at is None or now - state.told_at >= _pause(state.told):
            return msgspec.structs.replace(awake, told_at=now, told=state.told + 1), Told.STILL
        return awake, None
    if state.calm_since is None:
        return msgspec.structs.replace(state, calm_since=now), None
    if now - state.calm_since < CALM:
        return state, None
    return msgspec.structs.replace(state, raised_at=None, told_at=now, told=0, calm_since=None), Told.OVER


def _pause(told: int) -> timedelta:
    """Return how long to be silent after so many messages."""
    return min(REPEAT * (1 << min(10, max(0, told - 1))), LONGEST_REPEAT)


def text(alert: Alert, what: Told, backlog: Backlog, since: datetime, now: datetime) -> Said:
    """Say what happened, how much, since when, what most of it is, and which command comes next."""
    lines = [f"Alert `{alert.when}`, since {_moment(since)}."]
    if what is Told.OVER:
        title = f"Desk Gateway: over: {alert.when}"
        lines = [f"It began {_moment(since)} and lasted {words(int((now - since).total_seconds()))}."]
    elif alert.metric is Metric.DEAD_LETTERS_PER_HOUR:
        title = f"Desk Gateway: {_letters(backlog.recent)} within an hour"
    else:
        age = int(value_of(alert, backlog, now)) // 60 * 60
        title = f"Desk Gateway: {_letters(backlog.total)}, the oldest for {words(age)}"
    if what is Told.STILL:
        title = title.replace("Desk Gateway:", "Desk Gateway, still:", 1)
    if backlog.total and backlog.oldest:
        waits = "waits" if backlog.total == 1 else "wait"
        waiting = f"{_letters(backlog.total)} {waits} for a person, the oldest since {_moment(backlog.oldest)}"
        lines += [
            f"{waiting}; {backlog.recent} given up within the last hour.",
            f"Most of it ({backlog.top}): {_cause(backlog)}.",
            f"Next: `{_command(backlog)}`",
        ]
    else:
        lines.append("No dead letter waits any more.")
    if alert.runbook and what is not Told.OVER:
        lines.append(f"Runbook: {alert.runbook}")
    return Said(what, title, "\n".join(lines))


def _letters(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number} dead letters"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _cause(backlog: Backlog) -> str:
    what = f"updates to {backlog.connection}" if backlog.what == "update" else f"deliveries of {backlog.connection}"
    return f"{what}, {backlog.reason}" if backlog.reason else what


def _command(backlog: Backlog) -> str:
    reason = f" --reason {backlog.reason}" if backlog.reason else ""
    return f"gateway dead-letters list --connection {backlog.connection}{reason}"
