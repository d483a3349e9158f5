"""A desk on the bench: one simulated desk, what its people do in our words, and how a connection to it is configured.

Each connector's `bench.py` says in the desk's own terms what customers and agents do there, so that one conformance
suite, and one journey between any two desks, can run against all of them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from inspect import isabstract
from typing import Any, ClassVar, Self, TypeVar

import msgspec

from connectors.registry import BUILT_INS
from connectors.testing.desk import SimulatedDesk
from connectors.testing.faults import FaultKind
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse
from gateway.domain.ticket import Category, Level, Priority, Status
from gateway.ports import ConnectionSettings, IncomingRequest

T = TypeVar("T")


class Lacking(Exception):  # noqa: N818 - nothing has gone wrong: the desk has no such thing
    """This desk has no such doing; its quality.yaml names it under `lacks` with the reason."""


class ShownComment(msgspec.Struct, frozen=True):
    """A comment as the desk shows it to its agents, its description left out."""

    text: str
    public: bool


class ShownFile(msgspec.Struct, frozen=True):
    """A file as the desk shows it to its agents."""

    name: str
    data: bytes
    public: bool = True


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ticket as the desk shows it to its agents: in the desk's own words where it has words."""

    title: str
    body: str
    status: str
    priority: str = ""
    assignee: str = ""
    comments: tuple[ShownComment, ...] = ()
    #: of the ticket and of all comments
    files: tuple[ShownFile, ...] = ()


class Bench(ABC):
    """One desk of one kind. `with` starts and stops it.

    `webhooks` is where the desk sends its webhooks to; empty: nowhere.
    """

    #: name of the connector in gateway.yaml
    connector: ClassVar[str]
    #: the categories and levels that people can set there; a desk without one of them names it in quality.yaml
    categories: ClassVar[frozenset[Category]] = frozenset(
        {Category.NEW, Category.OPEN, Category.PENDING_CUSTOMER, Category.ON_HOLD, Category.RESOLVED}
    )
    levels: ClassVar[frozenset[Level]] = frozenset({Level.P1, Level.P2, Level.P3, Level.P4})
    #: two agents, by the accounts that an intent's assignee names
    agents: tuple[str, str]
    #: `create:` of a sync rule
    create_params: ClassVar[Mapping[str, Any]] = {}
    #: the word of the desk's effect log for what an operation does
    effects: ClassVar[Mapping[str, str]] = {
        "create": "create", "set_fields": "fields", "public_reply": "comment", "internal_note": "comment"
    }  # fmt: skip

    #: by how much what the desk lists of changes may lag behind them: as its vendor says, else what we reckon with
    lag: ClassVar[timedelta] = timedelta(seconds=20)

    #: rows of one page of the list by which changes are polled, at most
    page: ClassVar[int] = 100

    #: paths by which a connector only stages what nobody sees: a fault of a write does not befall them
    staging: ClassVar[str] = ""

    desk: SimulatedDesk

    # -- the connection

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return what stands in gateway.yaml beside `connector` and `url`, secrets resolved."""

    def settings(self, name: str = "", *, every: timedelta | None = None, **changes: Any) -> ConnectionSettings:
        """Return the settings of a connection to this desk that is polled so often; `changes` are to its options."""
        given = {**self.options(), **changes}
        return ConnectionSettings(
            name or self.connector, self.connector, self.desk.url, given, reconcile_every=every, deadline=2.0
        )

    # -- people

    @abstractmethod
    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open a ticket; returns its remote id."""

    @abstractmethod
    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent reply to the customer, or note something for colleagues."""

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        raise Lacking

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status that means this."""
        raise Lacking

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority that means this."""
        raise Lacking

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the title."""
        raise Lacking

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give the ticket to one of `agents`."""
        raise Lacking

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge a ticket into another."""
        raise Lacking

    def delete(self, ticket: str) -> None:
        """Let an agent delete a ticket."""
        raise Lacking

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        raise Lacking

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status of which no settings know, and an agent set it; returns how it is to be read.

        Its category is unknown, but where the desk says to which of its own it belongs.
        """
        raise Lacking

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a priority of which no settings know, and an agent set it; returns how it is to be read."""
        raise Lacking

    def move(self, ticket: str) -> str:
        """Let an agent move a ticket to another project, group or queue; returns the remote id that it has there."""
        raise Lacking

    def set_private(self, ticket: str, *, private: bool) -> None:
        """Let an agent keep a whole ticket from most people there, or no more."""
        raise Lacking

    def set_spam(self, ticket: str, *, spam: bool) -> None:
        """Let an agent call a ticket spam, or say that it is none after all."""
        raise Lacking

    def close_for_good(self, ticket: str) -> None:
        """Let a ticket be closed so that nothing can be written to it any more."""
        raise Lacking

    def split(self, ticket: str) -> str:
        """Let an agent make a ticket of its own out of what was said last; returns its remote id."""
        raise Lacking

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on a ticket, with a few words where the desk wants some."""
        raise Lacking

    def hide(self, ticket: str, status: int = 404) -> None:
        """Let our account lose sight of one ticket: whatever it asks about it is answered with this status."""
        path = self.place(ticket)
        self.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path=path, count=None, status=status)

    def reveal(self) -> None:
        """Give the right back: everything can be seen again."""
        self.desk.faults.clear()

    def place(self, ticket: str) -> str:
        """Return a regular expression that finds the paths of a ticket."""
        return rf"(?<![\w-]){re.escape(ticket)}(?:\.json)?(?![\w.-])"

    def refer(self, ticket: str, text: str) -> None:
        """Let an agent note the address of a ticket elsewhere that is this one: where it is kept, or in words."""
        try:
            self.say(ticket, f"That is {text}", public=False)
        except Lacking:
            self.say(ticket, f"That is {text}")

    def name(self, ticket: str, name: str) -> None:
        """Let another program keep its own name of a ticket where a mark of ours stands."""
        raise Lacking

    def late(self, lag: timedelta, doing: Callable[[], T]) -> T:
        """Let something take its time so long ago, and be committed only now: a slow transaction, a mail in a queue.

        A desk that gives numbers and no times to its changes lets this one have a number of that time.
        """
        self.desk.clock.skew -= lag
        try:
            return doing()
        finally:
            self.desk.clock.skew += lag

    @classmethod
    def plays(cls, doing: str) -> bool:
        """Say whether its people do something that a bench may leave out, by the name of the method."""
        ours: object = getattr(cls, doing)
        return ours is not vars(Bench)[doing]

    @abstractmethod
    def shown(self, ticket: str) -> Shown:
        """Return a ticket as agents see it; raises LookupError when it is not there."""

    # -- life

    def __enter__(self) -> Self:
        self.desk.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.stop()


class Sink:
    """Keeps every webhook that arrives, as the gateway's web process would see it."""

    def __init__(self, connection: str = "desk") -> None:
        self.requests: list[IncomingRequest] = []
        self.connection = connection
        self.server = LoopbackServer(self._take)
        self.server.listen()

    @property
    def url(self) -> str:
        """Where webhooks are to be sent."""
        return f"{self.server.url}/hooks/{self.connection}"

    def close(self) -> None:
        """Listen no more."""
        self.server.refuse()

    def _take(self, request: SimRequest) -> SimResponse:
        self.requests.append(
            IncomingRequest(request.method, request.path, request.query, request.headers, request.body)
        )
        return SimResponse(200)


def benches() -> tuple[type[Bench], ...]:
    """Return the bench of every built-in connector that has one: each desk that keeps tickets."""
    found = []
    for name in BUILT_INS:
        if find_spec(f"connectors.{name}.bench") is None:
            continue
        module = import_module(f"connectors.{name}.bench")
        found += [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, Bench) and each.__module__ == module.__name__
            and not isabstract(each)
        ]  # fmt: skip
    return tuple(found)
