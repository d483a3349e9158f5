"""Where a notice goes: into a channel, or to the people whom it names, directly. Escalations and alerts share this."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.link import Link, LinkState, Role
from gateway.domain.update import Operation
from gateway.flow.plan import Desk
from rules.notices import Person

#: names of lanes and links are made of what they are for
LANES = uuid.UUID("6f1d2b0e-5a0f-4c53-9c5b-0a6d3f1f7c11")


class Told(StrEnum):
    """What an alert has to say."""

    RAISED = "raised"
    STILL = "still"
    OVER = "over"


class Said(msgspec.Struct, frozen=True):
    """The message of an alert: why it is sent, its headline and the rest."""

    what: Told
    title: str
    body: str


class Place(msgspec.Struct, frozen=True):
    """One place that a notice goes to."""

    connection: str
    #: empty: the connection's own
    channel: str = ""
    #: who is mentioned there
    mentions: tuple[Person, ...] = ()
    #: whose own account it is
    to: str = ""
    #: the connection finds people by their address of mail
    finds: bool = False

    def addressed(self, body: str) -> str:
        """Return a text with the mentions above it."""
        words = " ".join(f"<@{name}>" if (name := self._called(each)) else each.name for each in self.mentions)
        return f"{words}\n{body}" if words else body

    @property
    def params(self) -> dict[str, Any]:
        """What an intent says of it: where, and which accounts its words may call."""
        found: dict[str, Any] = {"channel": self.channel} if self.channel else {}
        called = [each.accounts[self.connection] for each in self.mentions if self.connection in each.accounts]
        sought = {name: each.name for each in self.mentions if (name := self._called(each)) and name not in called}
        return found | ({"mentions": called} if called else {}) | ({"people": sought} if sought else {})

    def _called(self, person: Person) -> str:
        """Return how a person is called there: by their account, else by their address where that finds them."""
        return person.accounts.get(self.connection, "") or (person.email if self.finds else "")


def places(named: Mapping[str, Any], people: Sequence[Person], connectors: Mapping[str, Desk]) -> tuple[Place, ...]:
    """Return where a notice goes: its own channel, or to each of the people where a connection knows their account."""
    connection, channel = str(named.get("connection", "")), str(named.get("channel", ""))
    able = [name for name, each in connectors.items() if Operation.NOTIFY in each.spec.operations]
    if connection:
        if connection not in able:
            return ()
        if channel or not people or connectors[connection].settings.options.get("channel"):
            return (Place(connection, channel, tuple(people), finds=connectors[connection].spec.finds_people),)
        able = [connection]
    found = []
    for person in people:
        name = next((name for name in able if name in person.accounts), "")
        if name:
            found.append(Place(name, person.accounts[name], to=person.name))
    return tuple(found)


def unheard(placed: Iterable[Place], people: Iterable[Person]) -> tuple[str, ...]:
    """Return the people whom no place reaches."""
    reached = {name for place in placed for name in (place.to, *(each.name for each in place.mentions))}
    return tuple(each.name for each in people if each.name not in reached)


def nobody_told(placed: Sequence[Place], people: Sequence[Person]) -> str:
    """Say, where a list of what is wrong is shown, whom no notice reaches."""
    missed = unheard(placed, people)
    if missed:
        return f"; {', '.join(missed)} cannot be told: no account at a connection that takes notifications"
    return "" if placed else "; nobody is told of it"


def stranger(connection: str, account: str) -> str:
    """Say to whoever pressed a button why they are not known, and what whoever keeps the site has to write."""
    return (
        f"nobody under people: has the account {account} at {connection}; whoever keeps the site writes "
        f"accounts: {{{connection}: {account}}} to the person whose it is"
    )


def moment(at: datetime) -> str:
    """Return an instant as messages say it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def lane_of(place: Place) -> Link:
    """Return the lane of a place: behind it stands no ticket, and what fails in it holds nothing back."""
    name = str(uuid.uuid5(LANES, f"{place.connection}\n{place.channel}"))
    return Link(name, "", place.connection, LinkState.LIVE, Role.TARGET, rule=f"notices {place.channel}".strip())
