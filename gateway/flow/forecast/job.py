"""One made-up ticket on its way: what the gateway would know of it, and what is still to be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from random import Random

from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Chain, Instance
from gateway.domain.clock_log import LogEntry
from gateway.domain.clock_state import Outcome
from gateway.domain.person import RemotePerson
from gateway.domain.terms import Terms
from gateway.domain.ticket import Setter, Stamp, Ticket, Visibility, with_field
from gateway.flow.forecast.arrivals import Arrival, as_ticket
from gateway.flow.forecast.behaviour import Act
from gateway.flow.sla.entries import Happened, entries_of
from gateway.flow.sla.timekeeping import is_promised
from gateway.ports import CommentRow
from gateway.ports.ways import Way
from rules.clocks import Clockwork, digest
from rules.decide import RuleSet, decide
from rules.fields import Facts

AGENT, CUSTOMER = RemotePerson(name="an agent", role="agent"), RemotePerson(name="the customer", role="customer")


#: of a promise that is still to be kept, in time or late
_WANTED = frozenset({Outcome.PENDING, Outcome.BREACHED})


class Job:
    """A ticket."""

    __slots__ = (
        "_clockwork", "_dues", "_ids", "_is_new", "_until", "arrival", "began", "came", "chosen", "done", "hand",
        "log", "looks", "policy", "rules", "steps", "terms", "ticket", "turns", "way",
    )  # fmt: skip

    def __init__(self, arrival: Arrival, rules: RuleSet, clockwork: Clockwork, seed: int) -> None:
        self.rules = rules
        self._clockwork = clockwork
        self.arrival = arrival
        self.chosen = Random(f"{seed}:{arrival.number}:work")
        self.ticket: Ticket = as_ticket(arrival)
        self.policy = ""
        self.way = Way(ticket_id=self.ticket.id, channel=self.ticket.channel)
        self.log: list[LogEntry] = []
        self.terms: dict[str, Terms] = {}
        self._ids = Numbers()
        #: instants at which a promise is due; None: to be told anew
        self._dues: list[datetime] | None = None
        #: when a pause ends by itself, so that they are others
        self._until: datetime | None = None
        self._is_new = True
        #: since when it is to be given to somebody: it came, or was opened again
        self.came = arrival.at
        #: how often it was
        self.turns = 1
        #: what is still to be done: (after so many seconds of work in all, what)
        self.steps: list[tuple[int, Act]] = []
        self.done = 0
        #: since when somebody works on it; None: nobody does, or it waits for the customer
        self.began: datetime | None = None
        #: counts the hands that it went through, so that what was planned for another's is void
        self.hand = 0
        #: the same for looks at it that were planned
        self.looks = 0

    @property
    def links(self) -> frozenset[str]:
        """Where it lives."""
        return frozenset({self.ticket.source})

    def facts(self, now: datetime) -> Facts:
        """Return what rules ask of it."""
        return Facts(self.ticket, self.ticket, self.links, now)

    # ------------------------------------------------------------ what happens to it

    def decide(self, now: datetime, *said: RemotePerson) -> None:
        """Let the rules decide on it as it is now, and its clocks hear what was said."""
        self.change(self.ticket, now, *said)

    def change(self, ticket: Ticket, now: datetime, *said: RemotePerson) -> None:
        """Let somebody change it, or say something, and let the rules decide."""
        before = None if self._is_new else self.ticket
        if self._is_new or ticket != self.ticket:
            decision = decide(self.rules, ticket, previous=before, links=self.links, now=now, explain=False)
            self.ticket, self.policy = decision.ticket, decision.policy
        self._enter(before, now, said, automatic=False)
        self._is_new = False

    def show(self, ticket: Ticket, now: datetime, *, automatic: bool = True) -> None:
        """Note who has it: its clocks hear of that, the rules are not asked."""
        before, self.ticket = self.ticket, ticket
        self._enter(before, now, (), automatic=automatic)

    def _enter(self, before: Ticket | None, now: datetime, said: Iterable[RemotePerson], *, automatic: bool) -> None:
        clockwork = self._clockwork
        if not self.log and not is_promised(clockwork.terms(self.policy, self.ticket.priority.level)):
            return
        comments = [
            CommentRow(f"{len(self.log)}", self.ticket.id, self.ticket.source, now, Visibility.PUBLIC, "", author)
            for author in said
        ]
        happened = Happened(
            before=before, ticket=self.ticket, policy=self.policy, links=self.links, comments=comments, at=now, now=now,
            automatic=automatic,
        )  # fmt: skip
        added, terms = entries_of(happened, self.log, clockwork, self._ids)
        if added:
            self.log += added
            self.terms[digest(terms)] = terms
            self._dues = None

    def set(self, now: datetime, *said: RemotePerson, **fields: object) -> None:
        """Let a person set some fields at the desk."""
        ticket = self.ticket
        for name, value in fields.items():
            ticket = with_field(ticket, name, value, Stamp(Setter.PERSON, ticket.source, now))
        self.change(ticket, now, *said)

    # ------------------------------------------------------------ its clocks

    def instances(self, now: datetime) -> list[Instance]:
        """Return its clocks as they stand."""
        return [instance for chain in self._told(now) for instance in chain.instances]

    def _told(self, now: datetime) -> Iterable[Chain]:
        if not self.log:
            return ()
        calendars = self._clockwork.calendars()
        return chains(self.log, self.terms, calendars=calendars, known_at=now, query_at=now).values()

    def due(self, now: datetime) -> datetime | None:
        """Return when the next of its clocks is due, else since when one is overdue; None when none runs.

        While nothing happens to it, and no pause is over, the instants at which its clocks are due stay as they are.
        """
        if self._dues is None or (self._until is not None and now >= self._until):
            told = list(self._told(now))
            going = [chain.instances[-1] for chain in told if chain.instances]
            wanted = [each for each in going if each.ended is None and each.outcome in _WANTED]
            self._dues = sorted(each.due for each in wanted if each.due is not None)
            ends = (chain.clock.fold.pause_ends() for chain in told if chain.clock is not None)
            self._until = min((each for each in ends if each is not None), default=None)
        return next((each for each in self._dues if each >= now), min(self._dues, default=None))


class Numbers:
    """Names the entries of one log in their order."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        """Return the next name."""
        self._last += 1
        return f"{self._last:06}"
