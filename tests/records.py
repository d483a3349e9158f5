"""Puts a plausible record into a database: tickets with links, comments, journeys, updates in every state."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.domain.event import Event, EventKind
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Level, Priority, Setter, Stamp, Status, Ticket, Unmapped, Visibility
from gateway.domain.update import Intent, Operation, Reason, UpdateState
from gateway.ports import (
    AttemptEnd,
    AttemptStart,
    AuditEntry,
    CommentRow,
    Ids,
    NewDelivery,
    NewUpdate,
)
from gateway.store import SqlStore
from gateway.store.unit import SqlTx

ZENDESK, RT = "acme-zendesk", "engineering-rt"

_OUTCOMES = {UpdateState.DEAD: "rejected", UpdateState.AMBIGUOUS: "unknown", UpdateState.READY: "notsent"}


class Recorder:
    """Writes records as the steps would."""

    def __init__(self, store: SqlStore, ids: Ids, now: datetime) -> None:
        self.store = store
        self.ids = ids
        self.now = now

    def delivery(self, name: str, *, at: datetime | None = None, park: tuple[Reason, str] | None = None) -> str:
        """Store a delivery; parked when a reason is given, else pending."""
        new = NewDelivery(
            self.ids.new(), ZENDESK, name, name, at or self.now, {}, b'{"id": 1}', self.ids.new().replace("-", "")
        )

        def work(tx: SqlTx) -> None:
            tx.inbox.add([new])
            if park is not None:
                tx.inbox.park(new.id, park[0], park[1], self.now)

        self.store.write(work)
        return new.id

    def ticket(
        self,
        title: str,
        *,
        body: str = "",
        number: int = 1,
        age: timedelta = timedelta(minutes=3),
        category: Category = Category.NEW,
        level: Level = Level.P3,
        language: str = "en",
        url: str | None = None,
        comments: tuple[tuple[str, Visibility], ...] = (),
        requester: str = "Ida Berg",
        linked: bool = True,
        unmapped: bool = False,
    ) -> tuple[str, str]:
        """Store a ticket of Zendesk with its link to RT; return its id and the id of the RT lane."""
        at = self.now - age
        ticket = Ticket(
            id=self.ids.new(),
            source=ZENDESK,
            created_at=at,
            updated_at=at + timedelta(seconds=number),
            title=title,
            body=body,
            status=Status(category, "Ny"),
            priority=Priority(level, "high"),
            requester=RemotePerson(name=requester, email="ida@customer.example"),
            assignee=RemotePerson(name="R. Ops"),
            queue="General",
            tags=("vpn", "urgent"),
            language=language,
            stamps={
                "status": Stamp(Setter.PERSON, ZENDESK, at),
                "priority": Stamp(Setter.RULE, "outages are P1", at),
            },
            unmapped=(Unmapped(ZENDESK, "priority", "sky-high"),) if unmapped else (),
        )
        where = "https://acme.zendesk.example/agent/tickets/" + str(number) if url is None else url
        source = Link(self.ids.new(), ticket.id, ZENDESK, LinkState.LIVE, Role.SOURCE, str(number), str(number), where)
        target = Link(
            self.ids.new(),
            ticket.id,
            RT,
            LinkState.LIVE if linked else LinkState.PENDING,
            Role.TARGET,
            str(7000 + number) if linked else "",
            url=f"https://rt.acme.example/Ticket/Display.html?id={7000 + number}" if linked else "",
            rule="engineering",
        )

        def work(tx: SqlTx) -> None:
            tx.tickets.save(ticket)
            tx.links.add(source, at)
            tx.links.add(target, at)
            for index, (text, visibility) in enumerate(comments):
                tx.tickets.add_comment(
                    CommentRow(
                        self.ids.new(),
                        ticket.id,
                        ZENDESK if index % 2 == 0 else RT,
                        at + timedelta(minutes=index + 1),
                        visibility,
                        text,
                        RemotePerson(name=requester if index % 2 == 0 else "R. Ops"),
                    ),
                    link_id=source.id,
                    remote_id=f"c{index}",
                )
            tx.audit.add(
                [
                    AuditEntry(at, f"desk:{ZENDESK}", "ticket created", ticket.id, {"remote": str(number)}),
                    AuditEntry(at, "rules", "decided", ticket.id, {"sets": {"priority": "P1"}, "matched": ["a", "b"]}),
                ]
            )

        self.store.write(work)
        return ticket.id, target.id

    def event(self, ticket_id: str, delivery_id: str, key: str, *, lag: timedelta = timedelta(seconds=1)) -> None:
        """Record a fact that was applied now."""
        event = Event(EventKind.CREATED if key.endswith("created") else EventKind.COMMENTED, "1", key, self.now - lag)

        def work(tx: SqlTx) -> None:
            tx.tickets.add_event(
                event, delivery_id=delivery_id, connection=ZENDESK, ticket_id=ticket_id, outcome="ticket created"
            )
            tx.inbox.applied(delivery_id, self.now)

        self.store.write(work)

    def update(
        self,
        ticket_id: str,
        lane: str,
        state: UpdateState,
        *,
        delivery_id: str = "",
        operation: Operation = Operation.CREATE,
        summary: str = "create in queue General",
        detail: str = "",
        reason: Reason | None = None,
        sent: bool = True,
        not_before: datetime | None = None,
    ) -> str:
        """Append an update and bring it into a state as deliver would."""
        new = NewUpdate(
            id=self.ids.new(),
            link_id=lane,
            ticket_id=ticket_id,
            connection=RT,
            operation=operation,
            effect_key=self.ids.new(),
            intent=Intent(operation, fields={"title": "as asked"}),
            summary=summary,
            delivery_id=delivery_id,
            event_key="k",
            rule="engineering",
            release="r1",
            trace_id=self.ids.new().replace("-", ""),
            created_at=self.now - timedelta(milliseconds=400),
        )
        self.store.write(lambda tx: tx.outbox.add(new))
        if state is not UpdateState.READY or not_before is not None:
            self._deliver(new, state, detail=detail, reason=reason, sent=sent, not_before=not_before)
        return new.id

    def _deliver(
        self,
        new: NewUpdate,
        state: UpdateState,
        *,
        detail: str,
        reason: Reason | None,
        sent: bool,
        not_before: datetime | None,
    ) -> None:
        started = self.now - timedelta(milliseconds=300)

        def work(tx: SqlTx) -> None:
            claims = tx.outbox.claim(holder="test", limit=50, lease=60, now=self.now, budgets={RT: 50})
            claim = next(claim for claim in claims if claim.link_id == new.link_id)
            attempt = self.ids.new() if sent else None
            if attempt is not None:
                tx.outbox.intend(
                    [
                        AttemptStart(
                            attempt, new.id, claim.link_id, RT, claim.epoch, 1, 1, started, 10.0,
                            b'{"method":"POST","url":"/REST/2.0/ticket"}', new.trace_id,
                        )
                    ],
                    lease=60,
                    now=started,
                )  # fmt: skip
            if state is not UpdateState.SENDING:
                end = AttemptEnd(
                    update_id=new.id, link_id=claim.link_id, connection=RT, epoch=claim.epoch, state=state,
                    at=self.now - timedelta(milliseconds=90), attempt_id=attempt, status=201 if sent else 0,
                    answer="{}" if sent else "", outcome=_OUTCOMES.get(state, state.value), detail=detail,
                    reason=reason, not_before=not_before, counts=sent,
                )  # fmt: skip
                tx.outbox.record([end], lease=60, now=self.now)
            tx.outbox.release(claims, self.now)

        self.store.write(work)
