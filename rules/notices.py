"""What is told when an escalation fires: the words of a template, and the people that a role stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from gateway.domain.clock_instance import Chain, Change, Instance, Transition
from gateway.domain.ticket import Ticket
from rules.duration import words

_PLACEHOLDER = re.compile(r"\{([a-z_.]+(?:\.[^{}:\s]+)?)(?::([a-z]+))?\}")
_FORMS = {"local": "%Y-%m-%d %H:%M %Z", "utc": "%Y-%m-%d %H:%M UTC", "date": "%Y-%m-%d", "time": "%H:%M"}
_SAID: Mapping[Change, str] = {
    Change.STARTED: "started",
    Change.PAUSED: "paused",
    Change.RESUMED: "went on",
    Change.RETARGETED: "got another target",
    Change.OVERRIDDEN: "got another due time by hand",
    Change.RESET: "began anew",
    Change.REOPENED: "was opened again",
    Change.BREACHED: "broke its promise",
    Change.STOPPED: "ended",
    Change.CANCELED: "was canceled",
    Change.ACKNOWLEDGED: "was acknowledged",
}
#: after these a clock runs
_GOES_ON = frozenset(
    {
        Change.STARTED,
        Change.RESUMED,
        Change.RETARGETED,
        Change.OVERRIDDEN,
        Change.RESET,
        Change.REOPENED,
        Change.BREACHED,
        Change.ACKNOWLEDGED,
    }
)
DEFAULT = (
    '{ticket.key} "{ticket.title}": {clock.metric} due {clock.due:local} ({clock.remaining}).\nWhy: {clock.explain}'
)


#: what a role may be instead of people or a field: whoever is to be called first
ON_CALL = "on_call"


class Person(msgspec.Struct, frozen=True):
    """Somebody that a role stands for: by their name in `people:`, or by an e-mail address only."""

    name: str
    email: str = ""
    #: connection -> account
    accounts: Mapping[str, str] = {}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice is about."""

    ticket: Ticket
    #: the ticket's name at its desk, and its address
    key: str
    url: str
    chain: Chain
    instance: Instance
    escalation: str
    runbook: str = ""
    zone: tzinfo = UTC


def people_of(
    given: Mapping[str, Any], ticket: Ticket | None, sections: Mapping[str, Any], *, on_call: Sequence[str] = ()
) -> tuple[tuple[Person, ...], tuple[str, ...]]:
    """Return whom `role`, `roles` and `person` stand for, each once, and the roles that stand for nobody now.

    Without a ticket a role that is a field of one stands for nobody. `on_call` are those on call now, the first to be
    called in front: the role that is `on_call` stands for that one.
    """
    roles = [*given.get("roles", ()), *([given["role"]] if "role" in given else ())]
    known: Mapping[str, Any] = sections.get("people") or {}
    found: dict[str, Person] = {}
    nobody = []
    for role in roles:
        meant = (sections.get("roles") or {}).get(role)
        lead = on_call[:1] if meant == ON_CALL else ()
        members = lead or (meant if isinstance(meant, list) else _field(meant, ticket, sections))
        named = [_person(member, known) for member in members if member]
        if not named:
            nobody.append(role)
        found.update((each.name, each) for each in named)
    if "person" in given:
        person = _person(given["person"], known)
        found[person.name] = person
    return tuple(found.values()), tuple(nobody)


def _field(path: Any, ticket: Ticket | None, sections: Mapping[str, Any]) -> Iterable[str]:
    """Return whom a field of the ticket names, such as `ticket.assignee` or `ticket.team.manager`."""
    if ticket is None:
        return []
    parts = str(path or "").removeprefix("ticket.").split(".")
    if parts[:1] == ["team"] and len(parts) == 2:
        team = (sections.get("teams") or {}).get(ticket.team or ticket.queue) or {}
        named = team.get(parts[1], ()) if isinstance(team, Mapping) else ()
        return [named] if isinstance(named, str) else list(named)
    value: Any = ticket
    for part in parts:
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
        if value is None:
            return []
    email = getattr(value, "email", "") or getattr(value, "name", "")
    return [email] if email else [value] if isinstance(value, str) else []


def _person(member: str, known: Mapping[str, Any]) -> Person:
    for name, spec in known.items():
        if member == name or (spec.get("email") and member.casefold() == spec["email"].casefold()):
            return Person(name, spec.get("email", ""), spec.get("accounts") or {})
    return Person(member, member if "@" in member else "")


def person_at(connection: str, account: str, sections: Mapping[str, Any]) -> Person | None:
    """Return whose account that is at a connection; None where `people:` does not say."""
    for name, spec in (sections.get("people") or {}).items():
        if account and str((spec.get("accounts") or {}).get(connection, "")) == account:
            return Person(name, spec.get("email", ""), spec.get("accounts") or {})
    return None


def text(template: str, notice: Notice) -> str:
    """Fill in a template. What stands for nothing stays empty, so that no word of the admin is lost."""

    def value(found: re.Match[str]) -> str:
        what = _value(found[1], notice)
        if isinstance(what, datetime):
            return _moment(what, found[2] or "utc", notice.zone)
        return "" if what is None else str(what)

    return _PLACEHOLDER.sub(value, template).strip()


def _value(name: str, notice: Notice) -> Any:
    instance = notice.instance
    known: dict[str, Any] = {
        "runbook": notice.runbook,
        "escalation": notice.escalation,
        "ticket.id": notice.key or notice.ticket.id,
        "ticket.key": notice.key,
        "ticket.url": notice.url,
        "clock.metric": instance.metric,
        "clock.policy": instance.policy,
        "clock.due": instance.due,
        "clock.remaining": _left(instance),
        "clock.elapsed": words(instance.elapsed_s),
        "clock.target": words(instance.target_s),
        "clock.phase": instance.phase.value,
        "clock.outcome": instance.outcome.value,
        "clock.explain": explain(notice.chain, notice.zone),
        "clock.stage": notice.ticket.stage,
    }
    if name in known:
        return known[name]
    found: Any = notice.ticket
    for part in name.removeprefix("ticket.").split("."):
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
    if isinstance(found, tuple | list):
        return ", ".join(str(each) for each in found)
    for inner in ("category", "level", "label"):
        if hasattr(found, inner):
            found = getattr(found, inner)
    return getattr(found, "value", found)


def _left(instance: Instance) -> str:
    left = instance.remaining_s
    return f"{words(-left)} over" if left < 0 else words(left)


def _moment(at: datetime, form: str, zone: tzinfo) -> str:
    local = at.astimezone(UTC if form == "utc" else zone)
    return local.strftime(_FORMS.get(form, _FORMS["utc"]))


def explain(chain: Chain, zone: tzinfo = UTC) -> str:
    """Say in one line what a clock went through in its present cycle."""
    cycle = chain.instances[-1].cycle if chain.instances else 1
    return "; ".join(step(each, zone) for each in chain.transitions if each.cycle == cycle)


def step(transition: Transition, zone: tzinfo = UTC) -> str:
    """Say one thing that happened to a clock."""
    said = f"{_SAID[transition.change]} {_moment(transition.at, 'local', zone)}"
    if transition.change is not Change.STARTED:
        said += f" after {words(transition.elapsed_s)}"
    return f"{said} ({transition.note})" if transition.note else said


def timeline(steps: Sequence[Transition], zone: tzinfo = UTC) -> list[str]:
    """Say what a clock went through, a line each, and between two of them how much counted and how much was closed."""
    lines = []
    before: Transition | None = None
    for each in steps:
        if before is not None and before.change in _GOES_ON:
            spent = max(0, each.elapsed_s - before.elapsed_s)
            closed = int((each.at - before.at).total_seconds()) - spent
            if closed > 0:
                lines.append(f"  {words(spent)} counted, {words(closed)} closed")
        lines.append(step(each, zone))
        before = each
    return lines
