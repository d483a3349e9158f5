"""The agents of desks: how a connector lists them, and what the record keeps of them. All instants are aware UTC."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from gateway.domain.availability import Absence, DeskAgent, KnownAgent
from gateway.ports.http import Call


@runtime_checkable
class Staffed(Protocol):
    """A connector whose desk can say who works there; its spec says so, too (`agents_every`)."""

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """List the desk's agents with their state, whole (reads only); an agent that is missing is not there.

        `accounts` are those that the site names: a desk that cannot tell its agents from everybody else may tell of
        these alone. A state that cannot be read is unknown; raises as reads do where the agents cannot be.
        """
        ...


class AgentsRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it went with the agents of one connection."""

    connection: str
    #: when they are to be read again
    due_at: datetime
    #: when they were read last
    read_at: datetime | None = None
    #: until when their states count; None: no more
    fresh_until: datetime | None = None
    #: since when somebody has become available there, and the queue was not looked at
    news_at: datetime | None = None
    #: why the last look failed: the name of an error, for what the desk said may be about people
    trouble: str = ""


class Staff(Protocol):
    """Who is available, by the desks and by hand."""

    def reads(self) -> Sequence[AgentsRead]:
        """Return how it went with the agents of each connection."""
        ...

    def save_read(self, read: AgentsRead) -> None:
        """Store how it went."""
        ...

    def known(self, now: datetime, connection: str = "") -> Sequence[KnownAgent]:
        """Return the accounts of our people, of one connection or of all, as they were heard last."""
        ...

    def absent(self, now: datetime) -> Sequence[KnownAgent]:
        """Return the accounts that may keep somebody from work, and what another desk says of them."""
        ...

    def keep(self, connection: str, agents: Sequence[KnownAgent]) -> None:
        """Let these be the accounts of a connection; `seen_at` is that of its last look."""
        ...

    def absences(self) -> Sequence[Absence]:
        """Return who is away by a person's word, those whose time is over included until the queue was looked at."""
        ...

    def leave(self, absence: Absence) -> None:
        """Let somebody be away."""
        ...

    def come_back(self, person: str, now: datetime) -> bool:
        """Let somebody be back, and the queue be looked at; False when they were not away."""
        ...

    def is_news(self, now: datetime) -> bool:
        """Say whether somebody has become available since the queue was looked at: shown, by hand or by time."""
        ...

    def looked_at(self, until: datetime) -> None:
        """Note that the queue was looked at for whoever was available by then."""
        ...
