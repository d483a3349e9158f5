"""Alerts about tickets: a clock that has waited for too long, a ticket that stays in its stage, or that nobody has.

What is looked at lies in an index of its own, so that a look costs what is over its limit, not what is open. The limit
is real time, for it is about what is forgotten and not about a promise; business days where it says so. Each is told
once for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.domain.calendar import Calendar
from gateway.domain.calendar_spec import CalendarError
from gateway.domain.clock_chain import RESOLUTION
from gateway.domain.link import Link, Role
from gateway.domain.open_days import DayMode
from gateway.flow.desks import LiveSite
from gateway.flow.telling import Place, Said, Told, moment, nobody_told, places
from gateway.ports import Tx
from gateway.ports.alerting import Lasting
from rules.alerts import DAY, Alert, Metric
from rules.decide import RuleSet
from rules.duration import words
from rules.notices import people_of

#: of which one look tells; the rest in the next
MOST = 200
#: that a message names
NAMED = 10
#: business days where a ticket has no calendar
WEEKDAYS = Calendar.from_spec({"timezone": "UTC", "week": {"mon-fri": ["00:00-24:00"]}})
_INSTANT = timedelta(microseconds=1)


def over(tx: Tx, alert: Alert, rules: RuleSet, now: datetime) -> tuple[int, Sequence[Lasting]]:
    """Return how many are over the limit, and those of which nobody was told yet."""
    before = now - timedelta(seconds=alert.limit) + (_INSTANT if alert.inclusive else timedelta())
    looks = {
        Metric.CLOCK_PAUSED: tx.alerts.waiting,
        Metric.TICKET_UNROUTABLE: tx.alerts.unroutable,
        Metric.TICKET_FROZEN: tx.alerts.frozen,
    }
    number, fresh = looks.get(alert.metric or Metric.TICKET_IN_STAGE, tx.alerts.staying)(alert.key, before, MOST)
    if not alert.days:
        return number, fresh
    # it takes a calendar to tell; these few are near the limit, or over it
    fresh = [each for each in fresh if _is_over(tx, alert, each, rules, now)]
    return tx.alerts.told(alert.key) + len(fresh), fresh


def _is_over(tx: Tx, alert: Alert, each: Lasting, rules: RuleSet, now: datetime) -> bool:
    """Say whether so many business days are over, by the calendar of the clock, for a stage by one of its ticket."""
    names = {row.instance.metric: row.instance.calendar for row in tx.clocks.rows(each.ticket_id)}
    name = names.get(each.name) or names.get(RESOLUTION) or min(names.values(), default="")
    calendar = rules.calendars.get(name.partition("@")[0], WEEKDAYS)
    try:
        end = calendar.business_days(each.since, alert.days, DayMode.SAME_WALL)
    except CalendarError:  # one that is always open has none
        end = WEEKDAYS.business_days(each.since, alert.days, DayMode.SAME_WALL)
    return end is not None and (end <= now if alert.inclusive else end < now)


def length_of(alert: Alert) -> str:
    """Return a limit as it is written."""
    return f"{alert.days}bd" if alert.days else words(alert.limit)


def headline(alert: Alert, number: int) -> str:
    """Say how many there are of what."""
    length = length_of(alert)
    how = f"for {length} or more" if alert.inclusive else f"for more than {length}"
    if alert.metric is Metric.CLOCK_PAUSED:
        return f"1 clock has waited {how}" if number == 1 else f"{number} clocks have waited {how}"
    if alert.metric is Metric.TICKET_UNROUTABLE:
        return f"nobody could be given {'1 ticket' if number == 1 else f'{number} tickets'} {how}"
    if alert.metric is Metric.TICKET_FROZEN:
        return f"1 ticket has been frozen {how}" if number == 1 else f"{number} tickets have been frozen {how}"
    stay = "1 ticket has been in its stage" if number == 1 else f"{number} tickets have been in their stages"
    return f"{stay} {how}"


def messages(
    tx: Tx, alert: Alert, fresh: Sequence[Lasting], site: LiveSite, now: datetime
) -> tuple[list[tuple[Place, Said]], str]:
    """Return a message for each place that is to be told, with what it is told of; and who cannot be told."""
    found: dict[tuple[str, str], tuple[Place, list[Lasting]]] = {}
    missed: dict[str, None] = {}
    first = site.rules.routing.roster.on_call(now)
    for each in fresh:
        people, _ = people_of(alert.notify, tx.tickets.get(each.ticket_id), site.rules.sections, on_call=first)
        placed = places(alert.notify, people, site.connectors)
        if trouble := nobody_told(placed, people).removeprefix("; "):
            missed[trouble] = None
        for place in placed:
            told, mine = found.get((place.connection, place.channel), (place, []))
            mentions = {each.name: each for each in (*told.mentions, *place.mentions)}
            told = msgspec.structs.replace(told, mentions=tuple(mentions.values()))
            found[place.connection, place.channel] = (told, [*mine, each])
    return [(place, _message(tx, alert, mine, now)) for place, mine in found.values()], ", ".join(missed)


def _message(tx: Tx, alert: Alert, mine: Sequence[Lasting], now: datetime) -> Said:
    lines = [f"Alert `{alert.when}`."]
    for each in mine[:NAMED]:
        length = words(int((now - each.since).total_seconds()) // 3600 * 3600)
        lines.append(f"{_place(tx, each.ticket_id)}: {_what(tx, alert, each)} since {moment(each.since)}, {length}.")
    if len(mine) > NAMED:
        lines.append(f"And {len(mine) - NAMED} more.")
    lines.append(f"Next: `{_command(alert)}`")
    if alert.runbook:
        lines.append(f"Runbook: {alert.runbook}")
    return Said(Told.RAISED, f"Desk Gateway: {headline(alert, len(mine))}", "\n".join(lines))


def _place(tx: Tx, ticket_id: str) -> str:
    """Name a ticket by its number at the desk that it came from."""
    links: Sequence[Link] = sorted(tx.links.of_ticket(ticket_id), key=lambda each: each.role is not Role.SOURCE)
    if not links:
        return f"ticket {ticket_id[-12:]}"
    link = links[0]
    named = f"{link.connection} {link.key if link.key not in {'', link.remote_id} else f'#{link.remote_id}'}"
    return f"[{named}]({link.url})" if link.url else named


def _what(tx: Tx, alert: Alert, each: Lasting) -> str:
    if alert.metric is Metric.CLOCK_PAUSED:
        return f"{each.name} waits"
    if alert.metric is Metric.TICKET_UNROUTABLE:
        return "nobody can be given it"
    if alert.metric is Metric.TICKET_FROZEN:
        return "frozen, for it was passed on too often,"
    ticket = tx.tickets.get(each.ticket_id)
    return f"in stage {ticket.stage}" if ticket is not None and ticket.stage else "in its stage"


def _command(alert: Alert) -> str:
    if alert.metric is Metric.CLOCK_PAUSED:
        return f"gateway sla list --waiting-for {words(alert.limit or DAY)}"
    if alert.metric in {Metric.TICKET_UNROUTABLE, Metric.TICKET_FROZEN}:
        return "gateway rules explain TICKET"
    return f"gateway tickets list --in-stage-for {words(alert.limit or DAY)}"
