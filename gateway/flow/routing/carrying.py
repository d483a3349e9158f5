"""Carries an assignment to the desks: the person by their account there, the team by its group. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gateway.domain.ids import digest, effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Operation
from gateway.flow.duplicates import note, takes_notes
from gateway.flow.plan import Desk, Planned, Planner
from gateway.flow.render import account_of, no_account
from rules.decide import RuleSet
from rules.sync import Owner


class Carried(msgspec.Struct, frozen=True):
    """Who is told, and where nothing could be written and why."""

    planned: tuple[Planned, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


def carry(  # noqa: PLR0913 - who has it, where, and all that it is written by
    ticket: Ticket,
    links: Sequence[Link],
    *,
    rules: RuleSet,
    connectors: Mapping[str, Desk],
    pending: Callable[[str], Mapping[str, Any]],
    key: str,
    by: str,
    queue: str = "",
    nobody: bool = False,
) -> Carried:
    """Plan the updates that show at each linked desk who has a ticket; `queue` is where it lies, else its team.

    Where nobody has it, a desk keeps whom it shows, unless `nobody`: it was taken from somebody.
    """
    people = rules.sections.get("people") or {}
    named = {link.rule for link in links}
    planner = Planner(
        links=links,
        rules=tuple(rule for rule in rules.sync_rules if rule.name in named),
        connectors=connectors,
        people=people,
        pending=pending,
        event_key=key,
    )
    planned: list[Planned] = []
    left: list[tuple[str, str]] = []
    for link in links:
        sets = []
        who = ticket.assignee
        if who is not None and account_of(who, link.connection, people) is None:
            left.append((link.connection, no_account(who)))
            continue
        if who is not None or nobody:
            rule = rules.sync(link.rule)
            if link.role is Role.TARGET and rule is not None and rule.fields.get("assignee") is Owner.TO:
                left.append((link.connection, f"rule '{rule.name}' leaves the assignee to that desk"))
                continue
            sets.append(("assignee", by))
        group = group_of(queue or ticket.team, link.connection, rules, written=bool(queue))
        shown = ticket
        if group:
            sets.append(("queue", by))
            shown = msgspec.structs.replace(ticket, queue=group)
        others = frozenset(each.id for each in links if each.id != link.id)
        planned += planner.decided(shown, sets, others) if sets else []
    return Carried(tuple(planned), tuple(left))


def group_of(name: str, connection: str, rules: RuleSet, *, written: bool) -> str:
    """Return what a desk calls a team or queue: the team's account there; else, where an admin wrote it, that word.

    The fallback queue is the gateway's own word: it is written where a team of that name has a group.
    """
    team = (rules.sections.get("teams") or {}).get(name)
    if isinstance(team, Mapping):
        return str((team.get("accounts") or {}).get(connection, ""))
    return name if written and name != rules.routing.settings.fallback_queue else ""


def told(ticket_id: str, links: Sequence[Link], connectors: Mapping[str, Desk], words: str, why: str) -> list[Planned]:
    """Tell the agents of the desk that a ticket came from, by an internal note."""
    for link in sorted(links, key=lambda each: each.role is not Role.SOURCE):
        if link.state is LinkState.LIVE and takes_notes(link, connectors):
            key = effect_key(link.id, why, Operation.INTERNAL_NOTE.value, digest(ticket_id, words))
            return [note(link, key, digest("note", key), words, why.partition(":")[0])]
    return []
