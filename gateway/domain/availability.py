"""Whether somebody is to be given tickets: what their desks say of them, and what a person said by hand.

Only what is known keeps anybody from work. A desk that says nothing, or has not been heard for a while, leaves people
as their shifts have them: one ticket given to somebody who is away is passed on, a desk that is out of reach would
let every ticket go to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

#: a deactivation counts for so long after the desk was heard last
DEACTIVATED_FOR = timedelta(days=1)


class AgentState(StrEnum):
    """How a desk shows one of its agents."""

    AVAILABLE = "available"
    #: here, and not to be given anything: somebody said so
    AWAY = "away"
    #: not signed in there
    OFFLINE = "offline"
    #: the desk does not say, or not to us
    UNKNOWN = "unknown"


class DeskAgent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account at a desk, as it lists it."""

    #: as `assignee` of its tickets names it
    account_id: str
    email: str = ""
    name: str = ""
    #: tickets can be assigned to it: neither deactivated nor without the right
    active: bool = True
    state: AgentState = AgentState.UNKNOWN
    #: since when it is in that state, where the desk says so
    since: datetime | None = None


class KnownAgent(msgspec.Struct, frozen=True):
    """The account of one of our people, as it was heard last."""

    connection: str
    account_id: str
    #: a name
    person: str
    active: bool
    state: AgentState
    since: datetime
    #: when the desk was asked last, and told of it or left it out
    seen_at: datetime
    #: the state still counts: it was not long ago
    fresh: bool = True


class Absence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody is away because a person said so: `gateway roster away`."""

    person: str
    since: datetime
    #: None: until a person says otherwise
    until: datetime | None = None
    by: str = ""


class Availability(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether somebody is given tickets, and why not."""

    accepting: bool = True
    #: might be given some at another time, or on call: not where they are away by a person's word, or deactivated
    reachable: bool = True
    #: when they may be given some again, where that is known
    back: datetime | None = None
    #: empty when they accept
    why: str = ""


ACCEPTS = Availability()


def availability(agents: Iterable[KnownAgent], absence: Absence | None, now: datetime) -> Availability:
    """Say whether somebody with these accounts is given tickets.

    A person's word counts before everything; an account that is deactivated anywhere is one that cannot be assigned.
    `away` is said by somebody about themselves, so it counts wherever it was said; `offline` only says where they are
    not signed in: it does not count while another desk shows them as available.
    """
    if absence is not None and (absence.until is None or absence.until > now):
        by = f", by {absence.by}" if absence.by else ""
        until = f" until {stamp(absence.until)}" if absence.until is not None else f" since {stamp(absence.since)}"
        return Availability(accepting=False, reachable=False, back=absence.until, why=f"away{until}{by}")
    # asked of everybody for each ticket that is given out
    deactivated: KnownAgent | None = None
    shown: dict[AgentState, KnownAgent] = {}
    for each in agents:
        if not each.active:
            if now - each.seen_at < DEACTIVATED_FOR and (deactivated is None or _name(each) < _name(deactivated)):
                deactivated = each
        elif each.fresh and (each.state not in shown or _name(each) < _name(shown[each.state])):
            shown[each.state] = each
    if deactivated is not None:
        where = f"account {deactivated.account_id} is deactivated at {deactivated.connection}"
        why = f"{where} since {stamp(deactivated.since)}"
        return Availability(accepting=False, reachable=False, why=why)
    found = shown.get(AgentState.AWAY)
    if found is None and AgentState.AVAILABLE not in shown:
        found = shown.get(AgentState.OFFLINE)
    if found is None:
        return ACCEPTS
    return Availability(accepting=False, why=f"{found.state.value} at {found.connection} since {stamp(found.since)}")


def _name(agent: KnownAgent) -> tuple[str, str]:
    return agent.connection, agent.account_id


def stamp(at: datetime) -> str:
    """Write an instant as traces do: to the minute, in UTC."""
    return f"{at.astimezone(UTC).isoformat(' ')[:16]} UTC"
