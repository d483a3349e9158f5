"""One delivery's events, entered into the record inside the transaction of apply.

Finds the link (or begins a ticket), folds the event, lets the rules decide, and appends the planned updates, the events
and the audit trail. Everything here is undone together when it raises.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain import bounce
from gateway.domain.event import Attachment, Event, EventKind, RemoteTicket
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Ticket
from gateway.flow import crosslinks, originals
from gateway.flow.beginning import with_words
from gateway.flow.brought import ended
from gateway.flow.comments import first_copies, named
from gateway.flow.deciding import decide_on, for_the_trail
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import merged_at_desk
from gateway.flow.ending import ENDED, come_back, end_link, ends
from gateway.flow.files.hearing import all_said, hear_comments, hear_files, with_their_files
from gateway.flow.fold import Fold, first_sight, fold, new_ticket, observe, told
from gateway.flow.holding import held, is_to_go
from gateway.flow.listening import Listener
from gateway.flow.merge import followed, goes_on, merge, note_move, out_of_ring, survivor_of
from gateway.flow.people.stitching import with_person
from gateway.flow.plan import Cause, Planned, Planner, new_update, stopped
from gateway.flow.recall import ask_again, ask_in_doubt
from gateway.flow.rewording import hear_edits
from gateway.flow.sight import note_merged
from gateway.flow.sla.carrying import OF_OURS, take
from gateway.flow.sla.following import Decided, follow
from gateway.flow.sla.merging import DELETED, MERGED, Merger
from gateway.flow.sla.showing import own_fields
from gateway.flow.thin import require_whole
from gateway.flow.waiting import Waits
from gateway.ports import AuditEntry, CommentRow, DeliveryRow, Ids, Tx
from rules.inputs import encoded
from rules.sync import SyncRule

log = logging.getLogger(__name__)


class Entry:
    """Enters the events of one delivery."""

    def __init__(
        self,
        tx: Tx,
        site: LiveSite,
        row: DeliveryRow,
        *,
        now: datetime,
        ids: Ids,
        listener: Listener,
        held: Collection[str] = (),
        read_at: datetime | None = None,
    ) -> None:
        self._tx, self._site, self._row = tx, site, row
        self._listener, self._now, self._ids = listener, now, ids
        self._waits = Waits(tx, row, now, held=held, read_at=read_at)
        self._cause = Cause(site.release, row.trace_id, now, row.id, site.skipping)
        self._merger = Merger(tx, rules=site.rules, ids=ids, now=now)
        self._audit: list[AuditEntry] = []
        #: whether updates were planned
        self.planned = False
        #: why the delivery is to be parked, although what was said in it is taken
        self.unmapped = ""

    def enter(self, event: Event, read: RemoteTicket | None) -> str:
        """Enter one event; return its outcome in a word or two. `read` is the ticket as the desk shows it now.

        Raises DeferError while a write of ours is in flight there, UnreadableError to park the delivery.
        """
        connection = self._row.connection
        if event.kind in OF_OURS:
            outcome, rings = take(self._tx, event, connection, self._site, self._ids, self._cause, self._listener)
            self.planned = self.planned or rings
            return outcome
        said, event = event, ended(event, read)
        link = self._tx.links.by_remote([(connection, event.remote_id)]).get((connection, event.remote_id))
        if link is None:
            link = self._adopt(event, read)
        event = out_of_ring(self._tx, link, said, event)
        if link is not None and link.state is LinkState.MERGED:
            outcome = self._past(link, event)
        else:
            outcome = self._begin(event, read) if link is None else self._go_on(link, event, read)
        self._tx.audit.add(self._audit)
        self._audit = []
        return outcome

    def _adopt(self, event: Event, read: RemoteTicket | None) -> Link | None:
        """Recognise a ticket that we created ourselves by its marker; wait while one is being created."""
        for remote in (read, event.snapshot):
            if remote is None or not remote.marker:
                continue
            link = self._tx.links.by_effect_key(self._row.connection, remote.marker)
            if link is not None and link.state is LinkState.PENDING:
                link = self._waits.for_flight(link)
            if link is not None and link.state is LinkState.PENDING:
                link = msgspec.structs.replace(link, remote_id=event.remote_id, state=LinkState.LIVE)
                self._tx.links.save(link)
                given_up = self._tx.outbox.confirm_by_marker(remote.marker, self._now)
                if given_up is not None:
                    told = {"update": given_up, "remote": event.remote_id, "why": "it was seen there with our mark"}
                    self._note(link.ticket_id, "dead letter confirmed", told)
            if link is not None and link.remote_id == event.remote_id:
                return link
            if link is not None:
                # one that follows a closed ticket of ours is known once its outcome is recorded
                self._waits.for_flight(link)
                # a second ticket with our mark: our own, or a person's clone of it, which the look tells apart
                self._tx.looks.witness(remote.marker, self._now)
        self._waits.for_creation()
        return None

    # ------------------------------------------------------------ a new ticket

    def _begin(self, event: Event, read: RemoteTicket | None) -> str:
        remote, connection = read or event.snapshot, self._row.connection
        if read is None and self._waits.patient:
            require_whole(event, self._row.tries, self._site.connectors[connection])
        if event.kind in ENDED or remote is None:
            return "of a ticket that we do not have"
        remote = with_words(remote)
        ticket = new_ticket(self._ids.new(), connection, remote, event)
        link = Link(
            id=self._ids.new(),
            ticket_id=ticket.id,
            connection=connection,
            state=LinkState.LIVE,
            role=Role.SOURCE,
            remote_id=event.remote_id,
            key=remote.key,
            url=remote.url,
        )
        rules = tuple(rule for rule in self._site.rules.sync_rules if rule.active and rule.source == connection)
        ticket = first_sight(ticket, link, remote, rules)
        link = observe(link, remote)
        ticket = self._stitched(ticket, connection, None)
        self._tx.tickets.save(ticket)
        self._tx.links.add(link, self._now)
        if read is not None and read.complete:
            self._tx.links.set_synced_version(link.id, read.version)
        comments = hear_comments(self._tx, self._ids, ticket.id, link, all_said(remote, event))
        hear_files(self._tx, self._ids, ticket.id, link, remote, (), self._now)
        self._say_lost(originals.of_body(self._tx, None, link, remote), comments, link)
        crosslinks.note(self._tx, self._site, link, remote, self._now, is_new=True)
        self._note(ticket.id, "ticket created", {"from": connection, "remote": event.remote_id})
        self._audit += goes_on(self._tx, link, remote.follows, self._now) if remote.follows else []
        outcome = "ticket created" + self._decide(None, ticket, link, None, comments, event=event)
        self._remember(event, ticket.id, outcome)
        return outcome

    # ------------------------------------------------------------ a known ticket

    def _go_on(self, link: Link, event: Event, read: RemoteTicket | None) -> str:
        link = self._waits.for_flight(link)
        if read is not None:
            self._waits.for_reading(link)
        ticket = self._tx.tickets.get(link.ticket_id)
        if ticket is None:  # pragma: no cover - a link without its ticket is a defect of the store
            raise LookupError(f"link {link.id} has no ticket")
        # a comment is known by its own id, and what is shown in passing by its version
        if event.changes and self._tx.tickets.knows_event(link.connection, event.key):
            # told once more, perhaps by another way: only what the desk shows now can be news
            if read is None:
                return "known already"
            kind = event.kind if event.kind in ENDED else EventKind.OBSERVED
            event = msgspec.structs.replace(event, kind=kind, changes=(), comment=None)
        if event.kind in ENDED:
            return self._close_link(link, ticket, event) if ends(link, event) else "gone already"
        return self._take(ticket, link, event, read)

    def _past(self, link: Link, event: Event) -> str:
        """Take what comes late about a ticket that was merged: a comment counts, the rest is the survivor's to say."""
        survivor = survivor_of(self._tx, link)
        if survivor is None or survivor.state is not LinkState.LIVE or event.comment is None or event.kind in ENDED:
            return "of a ticket that was merged into another"
        late = msgspec.structs.replace(event, remote_id=survivor.remote_id, changes=(), snapshot=None)
        return self._go_on(survivor, late, None)

    def _take(self, ticket: Ticket, link: Link, event: Event, read: RemoteTicket | None) -> str:
        """Fold an event into its ticket, store what it taught, and let the rules decide."""
        if read is not None:
            event = msgspec.structs.replace(event, snapshot=read)
        was, link = link, come_back(self._tx, link, read, self._now)
        ledger = self._tx.ledger.entries(link.id)
        rules = self._rules_of(self._tx.links.of_ticket(ticket.id))
        folded = fold(
            ticket,
            link,
            event,
            rules=rules,
            ledger=ledger,
            by_us=self._site.connectors[link.connection].is_us(event.actor) if event.actor else None,
            known_comments=self._tx.tickets.known_comments(link.id, named(event)),
            pending=self._tx.outbox.pending_fields(link.id),
            shown=own_fields(link, rules, self._site, ticket),
            stays=self._site.connectors[link.connection].spec.effects_stay,
        )
        self.unmapped = self.unmapped or folded.unmapped
        self._tx.ledger.consume(folded.consumed, self._now)
        for remote_id in folded.own_comments:
            self._tx.tickets.bind_comment(link.id, remote_id, "")
        comments = hear_comments(
            self._tx, self._ids, ticket.id, link, first_copies(self._tx, link, folded.comments, self._now)
        )
        files = hear_files(self._tx, self._ids, ticket.id, link, event.snapshot, ledger, self._now)
        self._say_lost(originals.of_body(self._tx, was, folded.link, event.snapshot), comments, link)
        for action, detail in hear_edits(self._tx, link, event):
            self._note(ticket.id, action, detail)
        ask_in_doubt(self._tx, event, link, read, self._ids, self._now)
        ask_again(self._tx, folded.ticket, self._ids, self._now, self._row.trace_id)
        self._tx.links.save(folded.link)
        note_move(self._tx, link, folded.link, self._ids, self._now)
        crosslinks.note(self._tx, self._site, folded.link, event.snapshot, self._now, is_new=False)
        if read is not None and read.complete and not folded.unmapped:
            self._tx.links.set_synced_version(link.id, read.version)
        for lost in folded.lost:
            self._note(ticket.id, "edit not taken", {"field": lost.field, "at": link.connection, "why": lost.why})
        outcome = told(folded, len(comments))
        late = folded.intruded or event.kind is EventKind.ENRICHED or any(each.ours is not None for each in folded.lost)
        late = late or was is not link
        is_news = folded.changed or comments or files or folded.overruled or folded.moved is not None or late
        if not is_news and folded.ticket == ticket:
            if event.kind is not EventKind.OBSERVED:
                self._remember(event, ticket.id, outcome)
            return outcome
        now = self._stitched(folded.ticket, link.connection, ticket.requester)
        outcome += self._decide(ticket, now, folded.link, folded, comments, event=event, files=files)
        self._remember(event, ticket.id, outcome)
        return outcome

    def _close_link(self, link: Link, ticket: Ticket, event: Event) -> str:
        """Close a link whose ticket is gone, or let it go on at the one that it was merged into; the trail says so."""
        detail: dict[str, Any] = {"at": link.connection, "remote": link.remote_id}
        if event.kind is EventKind.MERGED and event.merged_into:
            pair = (link.connection, event.merged_into)
            if not self._tx.links.by_remote([pair]):
                # the survivor may be the very ticket that we are creating
                self._waits.for_creation()
            self.planned = note_merged(self._tx, link, self._now) or self.planned
            made = merge(self._tx, link, event.merged_into, self._now, self._ids)
            survivor = made.survivor
            if survivor is not None and survivor.ticket_id != ticket.id and link.role is Role.SOURCE:
                self._audit += merged_at_desk(self._tx, ticket, survivor.ticket_id, self._now, link.connection)
                self._merger.join(ticket, survivor.ticket_id)
            detail |= {"into": event.merged_into, "updates moved": made.moved, "fields not carried over": made.dropped}
            outcome = f"merged into {event.merged_into}"
        else:
            state, outcome = end_link(self._tx, link, event.kind)
            if link.role is Role.SOURCE:
                self._merger.end(ticket.id, MERGED if state is LinkState.MERGED else DELETED)
        self._remember(event, ticket.id, outcome)
        self._note(ticket.id, event.kind.value, detail)
        return outcome

    def _stitched(self, ticket: Ticket, connection: str, known: RemotePerson | None) -> Ticket:
        """Say who the requester is, across desks, as soon as one is known, and again when more is known of them."""
        terms, trace = self._site.stitch, self._row.trace_id
        return with_person(self._tx, ticket, connection, known, terms, now=self._now, ids=self._ids, trace_id=trace)

    # ------------------------------------------------------------ decisions and updates

    def _decide(
        self,
        before: Ticket | None,
        ticket: Ticket,
        origin: Link,
        folded: Fold | None,
        comments: list[CommentRow],
        *,
        event: Event,
        files: Sequence[Attachment] = (),
    ) -> str:
        """Let the rules decide and append what follows; return what of it has to wait behind a dead letter."""
        links = list(self._tx.links.of_ticket(ticket.id))
        moved = folded.moved if folded is not None else None
        decision, inputs = decide_on(
            ticket, before, links, moved, tx=self._tx, rules=self._site.rules, listener=self._listener, now=self._now
        )
        decided = decision.ticket
        self._note(ticket.id, "decided", for_the_trail(decision, self._site.release), encoded(inputs))
        if before is None or decided != before:
            self._tx.tickets.save(decided)
        planner = self._planner(links, self._rules_of(links), event, followed(self._tx, links))
        planned = planner.files(files, origin) + planner.comments(comments, origin)
        if folded is not None:
            planned += planner.fields(decided, folded.changed, origin)
            planned += planner.overruled(decided, folded.overruled, origin)
        for at, why in planner.left if not self._site.rules.routing else ():
            self._note(ticket.id, "assignment not carried", {"at": at, "why": why})
        planned += planner.decided(decided, [(each.field, each.rule) for each in decision.sets], frozenset())
        for rule in decision.create:
            planned += self._link_up(decided, rule, links, event)
        if folded is not None and folded.bounced:
            planned = self._stop(planned, folded.bounced, origin)
        seen: dict[str, Any] = {"event": event, "comments": comments, "origin": origin, "folded": folded}
        made = Decided(before=before, decision=decision, links=links, **seen)
        said = follow(self._tx, made, site=self._site, cause=self._cause, ids=self._ids)
        self._audit += said.audit
        planned += said.planned
        for each in planned:
            self._append(each)
        return self._held(ticket.id, planned)

    def _held(self, ticket_id: str, planned: list[Planned]) -> str:
        """Say which of the updates are held, and behind what."""
        said = ""
        for at, letter, reason, what in held(self._tx, planned):
            self._note(ticket_id, "held", {"at": at, "behind": letter, "reason": reason, "what": what})
            said += f"; held at {at} behind {letter[-12:]} ({reason})"
        return said

    def _stop(self, planned: list[Planned], bounced: Sequence[str], origin: Link) -> list[Planned]:
        """Leave the writes that a bounce asks for to a person: dead letters, which hold their lanes."""
        if not any(is_to_go(each) for each in planned):
            return planned
        why = bounce.told(" and ".join(bounced), origin.connection)
        self._note(origin.ticket_id, "bounce stopped", {"at": origin.connection, "fields": list(bounced)})
        log.warning("bounce stopped", extra={"ticket": origin.ticket_id, "connection": origin.connection})
        return stopped(planned, why)

    def _link_up(self, ticket: Ticket, rule: SyncRule, links: list[Link], event: Event) -> list[Planned]:
        """Begin the link of a sync rule: the ticket will be created in its target."""
        if rule.target not in self._site.connectors:
            return []
        awaited = crosslinks.awaited_at(self._tx, links, rule)
        if awaited or self._site.observes(rule.target, self._now):
            # no link is begun: the first event of the ticket in mode live creates it
            why = {"why": awaited} if awaited else {}
            self._note(ticket.id, "withheld", {"at": rule.target, "what": "create", **why})
            return []
        link = Link(
            id=self._ids.new(),
            ticket_id=ticket.id,
            connection=rule.target,
            state=LinkState.PENDING,
            role=Role.TARGET,
            rule=rule.name,
        )
        self._tx.links.add(link, self._now)
        links.append(link)
        planner = self._planner(links, (rule,), event)
        return planner.create(ticket, link, rule, *with_their_files(self._tx, ticket.id))

    def _planner(
        self, links: Sequence[Link], rules: Sequence[SyncRule], event: Event, followed: Sequence[Link] = ()
    ) -> Planner:
        return Planner(
            links=links,
            rules=rules,
            connectors=self._site.connectors,
            people=self._site.rules.sections.get("people") or {},
            pending=self._tx.outbox.pending_fields,
            event_key=f"{self._row.connection}:{event.key}",
            followed=followed,
        )

    def _append(self, planned: Planned) -> None:
        if self._site.observes(planned.link.connection, self._now):
            self._note(planned.link.ticket_id, "withheld", {"at": planned.link.connection, "what": planned.summary})
            return
        self.planned = True
        self._tx.outbox.add(new_update(planned, self._ids.new(), self._cause))

    def _rules_of(self, links: Iterable[Link]) -> tuple[SyncRule, ...]:
        names = {link.rule for link in links}
        return tuple(rule for rule in self._site.rules.sync_rules if rule.name in names)

    def _remember(self, event: Event, ticket_id: str, outcome: str) -> None:
        self._tx.tickets.add_event(
            event,
            delivery_id=self._row.id,
            connection=self._row.connection,
            ticket_id=ticket_id,
            outcome=outcome[:200],
        )

    def _say_lost(self, body: tuple[str, ...], comments: Sequence[CommentRow], link: Link) -> None:
        """Say in the trail which texts have more than Markdown can show: they are kept as the desk has them."""
        said = [("the description", body), *(("a comment", each.lost) for each in comments)]
        for what, lost in said:
            if lost:
                self._note(link.ticket_id, originals.ACTION, originals.for_the_trail(link.connection, what, lost))

    def _note(self, ticket_id: str, action: str, detail: dict[str, Any], inputs: bytes = b"") -> None:
        actor = f"desk:{self._row.connection}"
        self._audit.append(AuditEntry(self._now, actor, action, ticket_id, detail, self._row.trace_id, inputs))
