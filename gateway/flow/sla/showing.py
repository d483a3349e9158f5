"""What the desks of a ticket show of its promises: due times, statuses, tags and notes. Pure.

What is wanted at a desk is compared with what it shows or is about to be told, so that nothing is written twice and a
busy ticket's due times, which wait in its lane, are merged into one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.domain.clock_instance import Chain, Change, Instance, Status
from gateway.domain.ids import digest, effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.shown import CUSTOM, DUE, TAGS, instant_text
from gateway.domain.standing import Promise, current, promise
from gateway.domain.ticket import Category, Ticket
from gateway.domain.update import Intent, Operation
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import note, takes_notes
from gateway.flow.plan import Planned
from gateway.ports import Connector
from rules.decide import RuleSet
from rules.due_time import STATUS_WORDS, DueTime, Form, Moment, Place, WhilePaused
from rules.duration import words
from rules.sync import SyncRule

_STATES = frozenset({LinkState.LIVE, LinkState.PENDING})
_WORDS = {status: word for word, status in STATUS_WORDS.items()}
#: what is older is no news: a note about it would only puzzle
NEWS = timedelta(days=1)
_PROMISED = frozenset({Change.STARTED, Change.RESET, Change.REOPENED, Change.RETARGETED, Change.OVERRIDDEN})


class Shown(msgspec.Struct, frozen=True):
    """One metric (or what is due first) as one desk shows it, and by which rule."""

    metric: str
    place: Place
    rule: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket whose promises are shown, and where."""

    ticket: Ticket
    links: Sequence[Link]
    chains: Mapping[str, Chain]
    rules: RuleSet
    connectors: Mapping[str, Connector]
    #: the fields that open updates of a lane will set
    pending: Callable[[str], Mapping[str, Any]]
    #: what updates are named by
    event_key: str
    now: datetime


def own_fields(link: Link, rules: Iterable[SyncRule], site: LiveSite, ticket: Ticket) -> frozenset[str]:
    """Return the fields of a link in which the gateway alone writes; `rules` are those of the ticket's links."""
    connector = site.connectors.get(link.connection)
    if connector is None:
        return frozenset()
    found: set[str] = set()
    for each in _shown_at(link, rules, site.rules, connector, ticket):
        found |= each.place.fields()
        found |= {TAGS} if each.place.tags else set()
    return frozenset(found)


def show(view: View) -> list[Planned]:
    """Return the updates by which each desk shows how the promises of a ticket stand."""
    if not view.chains:
        return []
    named = {link.rule for link in view.links}
    rules = [rule for rule in view.rules.sync_rules if rule.name in named]
    planned: list[Planned] = []
    for link in view.links:
        connector = view.connectors.get(link.connection)
        if link.state not in _STATES or connector is None:
            continue
        pending = view.pending(link.id)
        if _is_shut(link, pending):
            continue
        shown = _shown_at(link, rules, view.rules, connector, view.ticket)
        planned += _fields(view, link, connector, shown, pending)
        planned += [each for one in shown for each in _notes(view, link, one)]
    return planned


def _is_shut(link: Link, pending: Mapping[str, Any]) -> bool:
    """Say whether nothing can be written any more: a ticket that is closed, or will be by then, takes no change."""
    seen = link.observed.get("status")
    stands = [pending.get("status"), seen.value if seen is not None else None]
    return any(isinstance(each, dict) and each.get("category") == Category.CLOSED.value for each in stands)


def _shown_at(
    link: Link, rules: Iterable[SyncRule], every: RuleSet, connector: Connector, ticket: Ticket
) -> list[Shown]:
    """Return what a desk shows: what its rules name, else what it shows of every ticket; and its own due time."""
    if not connector.settings.write_back:
        return []
    name = link.connection
    mine = [rule for rule in rules if (rule.name == link.rule if link.role is Role.TARGET else rule.source == name)]
    written = [(rule.name, due) for rule in mine for due in rule.due_time]
    if not any(name in due.write for _, due in written):
        written += [(f"due_time of {name}", due) for due in every.due_times.get(name, ())]
    named = [due.write[name] for _, due in written if name in due.write]
    found = [
        Shown(due.metric, due.write[name], by)
        for by, due in written
        if name in due.write and not due.write[name].hidden
    ]
    kinds = connector.spec.due_kinds
    if kinds is None or (kinds and ticket.kind.value not in kinds):
        return [_without(each, DUE) for each in found]
    if not any(place.field or place.hidden for place in named) and all(rule.write_back for rule in mine):
        by, due = written[0] if written else ("due time", DueTime())
        found.append(Shown(due.metric, Place(field=DUE), by))
    return found


def _without(shown: Shown, field: str) -> Shown:
    if shown.place.field != field:
        return shown
    return msgspec.structs.replace(shown, place=msgspec.structs.replace(shown.place, field=""))


# ---------------------------------------------------------------- fields and tags


def _fields(
    view: View, link: Link, connector: Connector, shown: Sequence[Shown], pending: Mapping[str, Any]
) -> list[Planned]:
    """Return the one update that makes the fields of a desk show what they should, where they do not."""
    wanted: dict[str, Any] = {}
    tags: set[str] | None = None
    by = ""
    for each in shown:
        stands = promise(view.chains, each.metric)
        if stands is None:
            continue
        by = by or each.rule
        for field, value in _values(each.place, stands, view.rules).items():
            wanted.setdefault(field, value)
        if each.place.tags:
            tag = each.place.tags.get(_WORDS[stands.status])
            tags = (tags or set()) | ({tag} if tag else set())
    if tags is not None:
        wanted[TAGS] = sorted(tags)
    reads = connector.as_read(Intent(Operation.SET_FIELDS, fields=wanted))
    needed = {field: value for field, value in wanted.items() if _is_needed(field, value, link, reads, pending)}
    if not needed:
        return []
    subject = ",".join(sorted(needed))
    name = effect_key(link.id, f"{view.event_key}:due", Operation.SET_FIELDS.value, subject)
    intent = Intent(Operation.SET_FIELDS, fields=needed)
    return [Planned(link, Operation.SET_FIELDS, name, intent, "set " + ", ".join(needed), by)]


def _is_needed(field: str, value: Any, link: Link, reads: Mapping[str, Any], pending: Mapping[str, Any]) -> bool:
    if field in pending:
        return bool(pending[field] != value)
    seen = link.observed.get(field)
    if seen is None:
        return value not in (None, [])
    return bool(seen.value != reads.get(field, value))


def _values(place: Place, stands: Promise, rules: RuleSet) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ended = stands.over and stands.status is not Status.CANCELED
    left = stands.first is None and (ended or (not stands.over and place.while_paused is WhilePaused.KEEP))
    if place.field and not left:
        found[place.field] = _written(place, stands.first, rules) if stands.first is not None else None
    if place.status:
        word = _WORDS[stands.status]
        found[place.status] = place.words.get(word, word)
    return found


def _written(place: Place, first: Instance, rules: RuleSet) -> Any:
    """Return a due time as a field takes it."""
    due = first.due
    if due is None:
        return None
    if not place.field.startswith(CUSTOM):
        return instant_text(due)
    there = due.astimezone(ZoneInfo(place.zone) if place.zone else zone_of(first, rules))
    match place.form:
        case Form.DATE:
            return there.date().isoformat()
        case Form.EPOCH:
            return int(due.timestamp())
        case Form.TEXT:
            return there.strftime("%Y-%m-%d %H:%M %Z")
        case _:
            return instant_text(due)


def zone_of(instance: Instance, rules: RuleSet) -> tzinfo:
    """Return the zone of the calendar by which a clock counts."""
    calendar = rules.calendars.get(instance.calendar.partition("@")[0])
    return ZoneInfo(calendar.timezone) if calendar is not None and calendar.timezone else UTC


# ---------------------------------------------------------------- notes


def _notes(view: View, link: Link, shown: Shown) -> list[Planned]:
    """Return a note for each moment that a rule wants to hear of; its effect key lets each be written once."""
    if not shown.place.note or not takes_notes(link, view.connectors):
        return []
    planned = []
    for instance in current(view.chains, shown.metric):
        for moment in shown.place.note:
            told = _moment(moment, instance, view)
            if told is None:
                continue
            name, said = told
            subject = f"sla:{instance.metric}:{instance.cycle}:{name}"
            key = effect_key(link.id, subject, Operation.INTERNAL_NOTE.value, "due time")
            planned.append(note(link, key, digest("note", key), said, f"note: {instance.metric} {moment}"))
    return planned


def _moment(moment: Moment, instance: Instance, view: View) -> tuple[str, str] | None:
    """Return what names a moment and what is said of it; None where it is not there, or long over."""
    zone = zone_of(instance, view.rules)
    goes_on = instance.ended is None
    due = _when(instance.due, zone)
    found: tuple[datetime | None, str, str] | None = None
    match moment:
        case Moment.DUE if goes_on and instance.due is not None and instance.breached_at is None:
            last = _promised(view.chains[instance.metric], instance)
            if last is not None:
                level = f" ({instance.level}, {instance.policy})"
                found = (last[0], f"due:{last[1]}", f"SLA: {instance.metric} is due {due}{level}.")
        case Moment.NEARING if goes_on and instance.status is Status.NEARING:
            left = words(max(0, instance.remaining_s))
            found = (
                instance.warn_at,
                f"nearing:{instance.version}",
                f"SLA: {instance.metric} is near: {left} left, due {due}.",
            )
        case Moment.BREACHED if instance.breached_at is not None:
            at = _when(instance.breached_at, zone)
            found = (instance.breached_at, "breached", f"SLA: {instance.metric} broke its promise at {at}.")
        case Moment.SUCCEEDED if instance.status is Status.SUCCEEDED:
            used = f"{words(instance.elapsed_s)} of {words(instance.target_s)} used"
            found = (instance.ended, f"succeeded:{instance.ended}", f"SLA: {instance.metric} was kept, {used}.")
        case _:
            found = None
    if found is None or found[0] is None or view.now - found[0] > NEWS:
        return None
    return found[1], found[2]


def _promised(chain: Chain, instance: Instance) -> tuple[datetime, str] | None:
    """Return when an instance was last given its due time by a target or a person, and what names that."""
    made = [
        each
        for each in chain.transitions
        if each.change in _PROMISED and (each.cycle, each.version) == (instance.cycle, instance.version)
    ]
    return (made[-1].at, f"{instance.version}:{made[-1].entry or made[-1].at}") if made else None


def _when(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if at is not None else "-"
