"""What an escalation does: to the ticket, and to the desks and people that are told. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.domain.clock_instance import Chain
from gateway.domain.ids import digest, effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Priority, Setter, Stamp, Ticket, with_field
from gateway.domain.update import Intent, Operation
from gateway.flow.duplicates import note, takes_notes
from gateway.flow.plan import Desk, Planned
from gateway.flow.sla.context import context_of
from gateway.flow.sla.hooks import known_of
from gateway.flow.sla.levels import Level
from gateway.flow.telling import LANES, lane_of, places, unheard
from rules.decide import RuleSet
from rules.escalations import Act, raised
from rules.notices import DEFAULT, Notice, Person, people_of, text


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What an escalation acts on."""

    ticket: Ticket
    #: where it lives
    links: Sequence[Link]
    chain: Chain
    level: Level
    rules: RuleSet
    connectors: Mapping[str, Desk]
    now: datetime


class Acted(msgspec.Struct, frozen=True):
    """What came of an action."""

    ticket: Ticket
    #: fields that it changed
    changed: tuple[str, ...] = ()
    planned: tuple[Planned, ...] = ()
    #: links that the updates need and that are new: lanes without a ticket, and a ticket that is to be created
    links: tuple[Link, ...] = ()
    #: what it did, in a line for the trail
    said: str = ""
    #: an action of another package, which is carried out in a transaction of its own
    asked: Act | None = None


def act(action: Act, given: Situation) -> Acted:
    """Do one thing."""
    does = _DOES.get(action.name)
    if does is None:
        return Acted(given.ticket, said=f"{action.name}: asked for", asked=action)
    return does(action.given, given)


def _raise(by: Any, given: Situation) -> Acted:
    level = raised(given.ticket.priority.level, int(by))
    return _set(given, "priority", Priority(level), f"priority {level.value}")


def _queue(name: Any, given: Situation) -> Acted:
    return _set(given, "queue", str(name), f"queue {name}")


def _set(given: Situation, field: str, value: Any, said: str) -> Acted:
    ticket = given.ticket
    if getattr(ticket, field) == value:
        return Acted(ticket, said=f"{said}: it is so already")
    stamp = Stamp(Setter.RULE, f"escalation:{given.level.escalation.name}", given.now)
    return Acted(with_field(ticket, field, value, stamp), (field,), said=said)


def _people(named: Mapping[str, Any], given: Situation) -> tuple[tuple[Person, ...], tuple[str, ...]]:
    return people_of(named, given.ticket, given.rules.sections, on_call=given.rules.routing.roster.on_call(given.now))


def _reassign(named: Mapping[str, Any], given: Situation) -> Acted:
    found, _ = _people(named, given)
    if not found:
        return Acted(given.ticket, said=f"reassign: {_names(named)} is nobody now")
    person = found[0]
    assignee = RemotePerson(email=person.email, name=person.name, role="agent")
    return _set(given, "assignee", assignee, f"assignee {person.name}")


def _join(named: Mapping[str, Any], given: Situation) -> Acted:
    found, _ = _people(named, given)
    names = tuple(each.email or each.name for each in found)
    fresh = tuple(each for each in names if each not in given.ticket.participants)
    if not fresh:
        return Acted(given.ticket, said=f"add_participant: {_names(named)} is nobody new")
    ticket = msgspec.structs.replace(given.ticket, participants=(*given.ticket.participants, *fresh))
    words = f"{', '.join(each.name for each in found)} should look at this: {_title(given)}"
    return Acted(ticket, ("participants",), _notes(given, words), said=f"participant {', '.join(fresh)}")


def _comment(words: Any, given: Situation) -> Acted:
    return Acted(given.ticket, planned=_notes(given, text(str(words), _notice(given, {}))), said="comment")


def _notify(named: Mapping[str, Any], given: Situation) -> Acted:
    """Tell people and channels; where nothing can carry it to them, the desk of the ticket gets a note."""
    found, nobody = _people(named, given)
    template = (given.rules.sections.get("templates") or {}).get(named.get("template", ""), DEFAULT)
    body = text(template, _notice(given, named))
    if named.get("runbook") and named["runbook"] not in body:
        body += f"\nRunbook: {named['runbook']}"
    placed = places(named, found, given.connectors)
    planned: list[Planned] = []
    by = given.level.escalation.name
    shown = context_of(
        given.ticket, given.links, given.level.instance, zone=_zone(given), runbook=str(named.get("runbook", ""))
    )
    for place in placed:
        lane = lane_of(place)
        fields = {"title": _title(given), "body": place.addressed(body)}
        intent = Intent(Operation.NOTIFY, fields=fields, params=place.params | {"context": shown} | _button(given))
        what = digest("notify", place.connection, place.channel, named)
        key = effect_key(lane.id, _event(given), Operation.NOTIFY.value, what)
        planned.append(Planned(lane, Operation.NOTIFY, key, intent, f"notify: {by}", f"escalation {by}"))
    links = tuple(each.link for each in planned)
    told = [f"{place.connection} {place.channel}".strip() for place in placed]
    missed = unheard(placed, found)
    if missed or not told:
        whom = ", ".join([*missed, *nobody])
        words = f"{f'For {whom}: ' if whom else ''}{_title(given)}\n\n{body}"
        planned += _notes(given, words)
        told.append("a note at the desk")
    return Acted(given.ticket, planned=tuple(planned), links=links, said=f"notify {', '.join(told) or 'nobody'}")


def _button(given: Situation) -> dict[str, Any]:
    """Return what lets a person acknowledge a breach where they are told of it; nothing where there is none."""
    instance = given.level.instance
    if instance.breached_at is None or not instance.shown:
        return {}
    return {"acknowledge": {"ticket": given.ticket.id, "metric": instance.metric, "cycle": instance.cycle}}


def _incident(named: Mapping[str, Any], given: Situation) -> Acted:
    connection = named["connection"]
    if connection not in given.connectors:
        return Acted(given.ticket, said=f"open_incident: {connection} takes no part now")
    if any(link.connection == connection for link in given.links):
        return Acted(given.ticket, said=f"open_incident: the ticket lives in {connection} already")
    ticket, by = given.ticket, given.level.escalation.name
    name = str(uuid.uuid5(LANES, f"{ticket.id}\n{connection}\n{_event(given)}"))
    link = Link(name, ticket.id, connection, LinkState.PENDING, Role.TARGET, rule=f"escalation {by}")
    body = text(DEFAULT, _notice(given, {}))
    fields = {
        "title": f"{_title(given)}: {ticket.title}"[:250],
        "body": f"{body}\n\n{ticket.body}".strip(),
        "priority": msgspec.to_builtins(Priority(ticket.priority.level)),
    }
    params = {key: value for key, value in named.items() if key != "connection"}
    key = effect_key(link.id, _event(given), Operation.CREATE.value, "create")
    planned = Planned(
        link,
        Operation.CREATE,
        key,
        Intent(Operation.CREATE, fields=fields, params=params),
        "create",
        f"escalation {by}",
    )
    return Acted(ticket, planned=(planned,), links=(link,), said=f"incident in {connection}")


def _hook(named: Mapping[str, Any], given: Situation) -> Acted:
    """Call an address with what is known of the ticket and of its clock; calls about one ticket leave in order."""
    connection, ticket, by = named["connection"], given.ticket, given.level.escalation.name
    if connection not in given.connectors:
        return Acted(ticket, said=f"hook: {connection} takes no part now")
    name = str(uuid.uuid5(LANES, f"{connection}\nhook\n{ticket.id}"))
    lane = Link(name, "", connection, LinkState.LIVE, Role.TARGET, rule="hook")
    fields = {
        "title": _title(given),
        "body": text(DEFAULT, _notice(given, named)),
        "data": known_of(given.ticket, given.links, given.level, given.now, str(named.get("runbook", ""))),
    }
    key = effect_key(lane.id, _event(given), Operation.NOTIFY.value, digest("hook", connection, named))
    intent = Intent(Operation.NOTIFY, fields=fields)
    planned = Planned(lane, Operation.NOTIFY, key, intent, f"hook: {by}", f"escalation {by}")
    return Acted(ticket, planned=(planned,), links=(lane,), said=f"hook {connection}")


def _notes(given: Situation, words: str) -> tuple[Planned, ...]:
    """Write a note for the agents at the desk that the ticket came from."""
    for link in sorted(given.links, key=lambda each: each.role is not Role.SOURCE):
        if link.state is LinkState.LIVE and takes_notes(link, given.connectors):
            key = effect_key(link.id, _event(given), Operation.INTERNAL_NOTE.value, digest(words))
            return (note(link, key, digest("note", key), words, f"note: {given.level.escalation.name}"),)
    return ()


def _notice(given: Situation, named: Mapping[str, Any]) -> Notice:
    source = next((link for link in given.links if link.role is Role.SOURCE), None)
    return Notice(
        ticket=given.ticket,
        key=source.key or source.remote_id if source is not None else "",
        url=source.url if source is not None else "",
        chain=given.chain,
        instance=given.level.instance,
        escalation=given.level.escalation.name,
        runbook=str(named.get("runbook", "")),
        zone=_zone(given),
    )


def _zone(given: Situation) -> tzinfo:
    calendar = given.rules.calendars.get(given.level.instance.calendar.partition("@")[0])
    return ZoneInfo(calendar.timezone) if calendar is not None and calendar.timezone else UTC


def _title(given: Situation) -> str:
    level = given.level
    what = "broke its promise" if level.instance.breached_at is not None else "is near its due time"
    return f"{level.escalation.name}: {level.instance.metric} {what}"


def _event(given: Situation) -> str:
    firing = given.level.firing(given.ticket.id)
    return f"escalation:{firing.escalation}:{firing.metric}:{firing.cycle}:{firing.version}:{firing.turn}"


def _names(named: Mapping[str, Any]) -> str:
    return ", ".join([*named.get("roles", ()), *(str(named[key]) for key in ("role", "person") if key in named)])


#: every action that comes with the gateway; another one is asked of its package
_DOES: Mapping[str, Callable[[Any, Situation], Acted]] = {
    "notify": _notify,
    "raise_priority": _raise,
    "queue": _queue,
    "reassign": _reassign,
    "add_participant": _join,
    "comment": _comment,
    "hook": _hook,
    "open_incident": _incident,
}
