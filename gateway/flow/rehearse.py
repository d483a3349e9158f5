"""What the gateway would do with a ticket, without desk, database or clock: for the cases of a site, and to explain.

One ticket goes through the very code of apply (fold, rules, plan). The other desks take what they are told at once and
as it is, people do what the steps say, and time is what the case says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Chain
from gateway.domain.clock_log import LogEntry
from gateway.domain.duplicate import Candidate
from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import COMMENT, Link, LinkState, Observed, Role
from gateway.domain.terms import Terms
from gateway.domain.ticket import OPEN_CATEGORIES, Priority, Setter, Stamp, Status, Ticket
from gateway.domain.update import Operation, UpdateState
from gateway.errors import ConflictError, UnmappedError
from gateway.flow.fold import Fold, fold, new_ticket, observe
from gateway.flow.listening import Listener
from gateway.flow.plan import Planned, Planner, comment_row
from gateway.flow.rehearsed import RehearsedDesk
from gateway.flow.rehearsed_route import RehearsedRoute
from gateway.flow.rehearsed_step import Steps
from gateway.flow.rehearsed_told import told_by
from gateway.flow.sla.acts import Situation, act
from gateway.flow.sla.entries import Happened, entries_of
from gateway.flow.sla.levels import Level
from gateway.flow.sla.rehearsal import Climber
from gateway.flow.sla.waking import ESCALATED
from gateway.flow.stages import desk_statuses
from gateway.ports import CommentRow
from rules.cases.model import CaseError, Earlier, Fired, Given, Moment, Step, Told
from rules.cases.values import synced, with_rest
from rules.classify import value_text
from rules.clocks import digest
from rules.decide import Decision, RuleSet, decide
from rules.fields import Facts
from rules.sync import SyncRule
from rules.trace import TraceLine

#: rules that change a ticket in a ring end here
MOST_LEVELS = 500


def rehearse(given: Given, rules: RuleSet, desks: Mapping[str, RehearsedDesk]) -> tuple[Moment, ...]:
    """Return what happens: a moment for the beginning, and one for each step.

    Raises CaseError where a step cannot happen.
    """
    return _Rehearsal(given, rules, desks).run()


class _Rehearsal:
    """One ticket on its way."""

    def __init__(self, given: Given, rules: RuleSet, desks: Mapping[str, RehearsedDesk]) -> None:
        self.given = given
        self.rules = rules
        self.desks = desks
        self.source = ""
        self.links: list[Link] = []
        self.comments: list[CommentRow] = []
        self.listener = Listener()
        #: what was there before: candidate and the keys by which it is found
        self.others: list[tuple[Candidate, frozenset[str]]] = []
        #: what its clocks are told from
        self.log: list[LogEntry] = []
        self.terms: dict[str, Terms] = {}
        self.ids = _Numbers()
        self.steps = Steps(desks, rules)
        self.climber = Climber(rules, self.clocks)
        #: what escalations did since the last moment
        self.fired: list[Fired] = []
        self.by_time: list[Told] = []
        self.route = RehearsedRoute(rules, given.agents)
        self.ticket: Ticket
        self.moments: list[Moment] = []

    def run(self) -> tuple[Moment, ...]:
        self.begin()
        for number, step in enumerate(self.given.steps, 2):
            self.step(number, step)
        return tuple(self.moments)

    # ------------------------------------------------------------ what happens

    def begin(self) -> None:
        """Let the desk send a new ticket, after those that were there before."""
        for each in sorted(self.given.earlier, key=lambda one: -one.ago):
            self.remember(each)
        self.source = self.given.fields["source"]
        ticket, remote = self.arrive("this", self.given.fields, self.given.at)
        link = Link("1", "this", self.source, LinkState.LIVE, Role.SOURCE, "1", "1")
        self.links.append(observe(link, remote))
        self.decide(None, ticket, self.links[0], None, [], at=self.given.at, key="1")

    def remember(self, earlier: Earlier) -> None:
        """Let an earlier ticket come in, so that later ones may be its duplicates."""
        self.source = earlier.fields["source"]
        at = self.given.at - timedelta(seconds=earlier.ago)
        ticket, remote = self.arrive(earlier.name, earlier.fields, at)
        link = Link(earlier.name, earlier.name, self.source, LinkState.LIVE, Role.SOURCE, "1", "1")
        desks = desk_statuses([observe(link, remote)], None)
        here = frozenset({self.source})
        decision = decide(self.rules, ticket, previous=None, links=here, now=at, desks=desks, earlier=self.look_up)
        ticket = decision.ticket
        candidate = Candidate(
            id=earlier.name,
            created_at=ticket.created_at,
            requester_id=ticket.requester_id,
            original=ticket.duplicate_of,
            open=ticket.status.category in OPEN_CATEGORIES,
        )
        self.others.append((candidate, frozenset(key.key for key in decision.keys or ())))

    def arrive(self, name: str, fields: Mapping[str, Any], at: datetime) -> tuple[Ticket, RemoteTicket]:
        """Return a new ticket: what is given was set by a person, the rest is as a desk leaves it."""
        created = fields.get("created_at", at)
        said = synced(fields, Ticket(id="", source=self.source, created_at=at, updated_at=at))
        asked = dict.fromkeys(said, Stamp(Setter.PERSON, self.source, created, 1))
        said["status"] = self.steps.at_home(said.get("status", Status()), self.source)
        left = {"title": "", "body": "", "priority": Priority()}
        remote = RemoteTicket(
            remote_id=name,
            updated_at=at,
            version=1,
            channel=fields.get("channel", ""),
            created_at=created,
            complete=True,
            **{**left, **said},
        )
        ticket = new_ticket(name, self.source, remote, Event(EventKind.CREATED, name, "1", at, 1))
        ticket = msgspec.structs.replace(ticket, stamps={**ticket.stamps, **asked})
        return with_rest(ticket, fields, Stamp(Setter.PERSON, self.source, created, 1)), remote

    def look_up(self, key: str, since: datetime, until: datetime) -> tuple[Candidate, ...]:
        """Return the earlier tickets with that key."""
        return tuple(each for each, keys in self.others if key in keys and since <= each.created_at <= until)

    def step(self, number: int, step: Step) -> None:
        """Let somebody do something at one of the desks."""
        at = self.given.at + timedelta(seconds=step.after)
        connection = step.connection or self.source
        link = next((each for each in self.links if each.connection == connection), None)
        if link is None:
            where = ", ".join(each.connection for each in self.links)
            message = f"the ticket does not live in '{connection}' at this step"
            raise CaseError(step.place, message, f"it lives in {where}; a sync rule would have to take it there first")
        self.pass_time(at)
        link = next(each for each in self.links if each.id == link.id)
        event = self.steps.event(number, step, link, at, self.ticket)
        rules = self.rules_of()
        try:
            folded = fold(
                self.ticket,
                link,
                event,
                rules=rules,
                ledger=(),
                by_us=False,
                known_comments=frozenset(),
                pending={},
            )
        except (UnmappedError, ConflictError) as error:
            self.moments.append(self.same(at, connection, parked=str(error)))
            return
        before = self.ticket
        ticket = with_rest(folded.ticket, step.sets, Stamp(Setter.PERSON, connection, at, number))
        self.links[self.links.index(link)] = folded.link
        new = [comment_row(each, each.remote_id, "this", connection) for each in folded.comments]
        self.comments += new
        if ticket == before and not new and not folded.overruled and folded.moved is None:
            self.moments.append(self.same(at, connection, lost=_lost(folded, connection)))
            return
        self.decide(before, ticket, folded.link, folded, new, at=at, key=str(number))

    def pass_time(self, until: datetime) -> None:
        """Let everything happen that clocks come to before somebody does something next."""
        now = self.moments[-1].at
        for _ in range(MOST_LEVELS):
            here = frozenset(link.connection for link in self.links)
            found = self.climber.next(self.log, Facts(self.ticket, self.ticket, here, now), until)
            if found is None:
                return
            now, levels = found
            for level in levels:
                self.escalate(level, now)

    def escalate(self, level: Level, now: datetime) -> None:
        """Do what an escalation asks for, as the sweep does, and let the rules look at the ticket that it leaves."""
        before, told = self.ticket, list[Planned]()
        said: list[str] = []
        chain = self.clocks(now)[level.instance.metric]
        for action in level.escalation.do:
            given = Situation(
                ticket=self.ticket,
                links=self.links,
                chain=chain,
                level=level,
                rules=self.rules,
                connectors=self.desks,
                now=now,
            )
            done = act(action, given)
            self.ticket, said = done.ticket, [*said, done.said]
            self.links += [link for link in done.links if link.ticket_id]
            told += done.planned
        self.fired.append(Fired(level.escalation.name, level.instance.metric, level.at, tuple(said)))
        key = f"{len(self.moments)}.{len(self.fired)}"
        if self.ticket != before:
            told += self.follow(before, level, now, key)
        for each in told:
            if each.operation is not Operation.NOTIFY:
                self.land(each, now, len(self.moments))
        self.by_time += [told_by(each) for each in told]

    def follow(self, before: Ticket, level: Level, now: datetime, key: str) -> list[Planned]:
        """Let the rules decide on a ticket that an escalation has changed; return what the desks are told."""
        asked = self.ticket
        decision = self.asked(before, asked, now, None)
        self.ticket = decision.ticket
        by = f"escalation {level.escalation.name}"
        sets = {each.field: each.rule for each in decision.sets}
        fields = [field for field in ESCALATED if getattr(decision.ticket, field) != getattr(before, field)]
        self.count(before, decision, [], now)
        wanted = [*((field, sets.pop(field, by)) for field in fields), *sets.items()]
        return self.planner(self.rules_of(), key).decided(decision.ticket, wanted, frozenset())

    def asked(self, before: Ticket | None, ticket: Ticket, at: datetime, folded: Fold | None) -> Decision:
        """Ask the rules."""
        return decide(
            self.rules,
            ticket,
            previous=before,
            links=frozenset(link.connection for link in self.links),
            now=at,
            explain=True,
            desks=desk_statuses(self.links, folded.moved if folded is not None else None),
            earlier=self.look_up,
            said=self.listener.about(self.rules, ticket, before),
        )

    # ------------------------------------------------------------ what the gateway makes of it

    def decide(
        self,
        before: Ticket | None,
        ticket: Ticket,
        origin: Link,
        folded: Fold | None,
        comments: list[CommentRow],
        *,
        at: datetime,
        key: str,
    ) -> None:
        """Let the rules decide, as apply does, and let the desks take what follows."""
        decision = self.asked(before, ticket, at, folded)
        self.ticket = decision.ticket
        planner = self.planner(self.rules_of(), key)
        planned = planner.comments(comments, origin)
        if folded is not None:
            planned += planner.fields(decision.ticket, folded.changed, origin)
            planned += planner.overruled(decision.ticket, folded.overruled, origin)
        planned += planner.decided(decision.ticket, [(each.field, each.rule) for each in decision.sets], frozenset())
        for rule in decision.create:
            planned += self.link_up(decision.ticket, rule, key)
        for each in planned:
            self.land(each, at, int(key))
        lost = _lost(folded, origin.connection) if folded is not None else ()
        clocks = self.count(before, decision, comments, at)
        routed = self.route.at(at, decision.ticket, before, self.links, clocks)
        self.moments.append(
            Moment(
                at=at,
                ticket=decision.ticket,
                policy=decision.policy,
                duplicates=decision.duplicates,
                sets=_sets(decision),
                told=(*self.by_time, *(told_by(each) for each in planned)),
                trace=(*decision.trace, *(routed.trace if routed is not None else ())),
                lost=lost,
                connection=origin.connection,
                clocks=clocks,
                fired=tuple(self.fired),
                route=routed,
            )
        )
        self.fired, self.by_time = [], []

    def count(
        self, before: Ticket | None, decision: Decision, comments: list[CommentRow], at: datetime
    ) -> Mapping[str, Chain]:
        """Return what the clocks say after an event."""
        happened = Happened(
            before=before,
            ticket=decision.ticket,
            policy=decision.policy,
            links=frozenset(link.connection for link in self.links),
            comments=comments,
            at=at,
            now=at,
        )
        added, terms = entries_of(happened, self.log, self.rules.clockwork, self.ids)
        self.log += added
        self.terms[digest(terms)] = terms
        return self.clocks(at)

    def clocks(self, at: datetime) -> Mapping[str, Chain]:
        """Tell the clocks of the ticket."""
        return chains(self.log, self.terms, calendars=self.rules.clockwork.calendars(), known_at=at, query_at=at)

    def same(self, at: datetime, connection: str, *, lost: tuple[str, ...] = (), parked: str = "") -> Moment:
        """Return a moment in which nothing was decided."""
        last = self.moments[-1]
        none: tuple[TraceLine, ...] = ()
        clocks, told, fired = self.clocks(at), tuple(self.by_time), tuple(self.fired)
        self.fired, self.by_time = [], []
        route = self.route.at(at, self.ticket, last.ticket, self.links, clocks)
        return Moment(
            at,
            self.ticket,
            last.policy,
            last.duplicates,
            {},
            told,
            none,
            lost,
            parked,
            connection,
            clocks,
            fired,
            route,
        )

    def link_up(self, ticket: Ticket, rule: SyncRule, key: str) -> list[Planned]:
        if rule.target not in self.desks:
            return []
        number = str(len(self.links) + 1)
        link = Link(number, "this", rule.target, LinkState.PENDING, Role.TARGET, rule=rule.name)
        self.links.append(link)
        return self.planner((rule,), key).create(ticket, link, rule, self.comments)

    def land(self, planned: Planned, at: datetime, version: int) -> None:
        """Let a desk take one update at once."""
        if planned.state is not UpdateState.READY:
            return
        place = next(index for index, link in enumerate(self.links) if link.id == planned.link.id)
        link = self.links[place]
        reads = self.desks[link.connection].as_read(planned.intent)
        seen = {field: Observed(value, at, version, True) for field, value in reads.items() if field != COMMENT}
        link = msgspec.structs.replace(link, observed={**link.observed, **seen}, version=version)
        if planned.operation is Operation.CREATE:
            link = msgspec.structs.replace(link, state=LinkState.LIVE, remote_id=link.id, key=link.id)
        self.links[place] = link

    def planner(self, rules: tuple[SyncRule, ...], key: str) -> Planner:
        return Planner(
            links=self.links,
            rules=rules,
            connectors=self.desks,
            people=self.rules.sections.get("people") or {},
            pending=lambda _link: {},
            event_key=key,
        )

    def rules_of(self) -> tuple[SyncRule, ...]:
        names = {link.rule for link in self.links if link.rule}
        return tuple(rule for rule in self.rules.sync_rules if rule.name in names)


class _Numbers:
    """Names entries of a log in their order."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        """Return the next name."""
        self._last += 1
        return f"{self._last:09}"


def _sets(decision: Decision) -> dict[str, str]:
    return {each.field: value_text(each.value) for each in decision.sets}


def _lost(folded: Fold, connection: str) -> tuple[str, ...]:
    return tuple(f"{lost.field} of {connection} is not taken: {lost.why}" for lost in folded.lost)
