"""Which updates a change of the one ticket asks for, desk by desk: pure.

A desk's edit goes to every other linked desk whose rule lets it; what the rules themselves decide goes to every linked
desk that has the field; a comment goes where its visibility may go; a new link begins with a create, then what was said
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from gateway.domain.event import Attachment, RemoteComment
from gateway.domain.ids import effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Setter, Ticket, Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, Reason, UpdateState
from gateway.flow.files.carrying import goes_alone, may_go, split, with_files
from gateway.flow.render import Rendered, no_account, render
from gateway.ports import CommentRow, ConnectionSettings, ConnectorSpec, NewUpdate
from rules.sync import SyncRule, attachment_allows, comment_allows, owner_allows

#: what the gateway itself decides and writes back to every linked desk that has the field
DECIDED_FIELDS = frozenset({"priority", "queue", "assignee"})


class Desk(Protocol):
    """What planning asks of a connector: what can be written there, and how it reads back."""

    spec: ConnectorSpec
    settings: ConnectionSettings

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as the desk will read them back."""
        ...


class Planned(msgspec.Struct, frozen=True):
    """One update to append to a lane."""

    link: Link
    operation: Operation
    effect_key: str
    intent: Intent
    summary: str
    rule: str
    state: UpdateState = UpdateState.READY
    reason: Reason | None = None
    detail: str = ""


class Planner:
    """Plans the updates of one event. `pending(link_id)` are the fields that open updates of a lane will set."""

    def __init__(
        self,
        *,
        links: Sequence[Link],
        rules: Sequence[SyncRule],
        connectors: Mapping[str, Desk],
        people: Mapping[str, Any],
        pending: Callable[[str], Mapping[str, Any]],
        event_key: str,
        followed: Sequence[Link] = (),
    ) -> None:
        #: links of another ticket, into whose remote ticket one of ours was merged: only comments go there
        self._followed = tuple(followed)
        alive = {LinkState.LIVE, LinkState.PENDING}
        self._links = [link for link in links if link.state in alive and link.is_covered]
        self._rules = {rule.name: rule for rule in rules}
        self._connectors = connectors
        self._people = people
        self._pending = pending
        self._event_key = event_key
        #: (connection, why) where an assignee is not shown
        self.left: list[tuple[str, str]] = []

    def create(
        self,
        ticket: Ticket,
        link: Link,
        rule: SyncRule,
        comments: Sequence[CommentRow],
        files: Sequence[Attachment] = (),
    ) -> list[Planned]:
        """Begin a link: the create with every field that may go there, then the comments said so far, in order.

        `files` are those of the ticket that belong to no comment.
        """
        connector = self._connectors[link.connection]
        wanted = [field for field in ("title", "body", *rule.fields) if owner_allows(rule, field, True)]
        wanted += [
            "title",
            "body",
            *(each for each in DECIDED_FIELDS & connector.spec.writable_fields if _decided(ticket, each)),
        ]
        rendered = self._render(ticket, link, rule, dict.fromkeys(wanted))
        requester = ticket.requester or RemotePerson()
        asked = msgspec.to_builtins(msgspec.structs.replace(requester, external_id=""))
        fields = {**rendered.fields, "requester": asked}
        intent = Intent(Operation.CREATE, fields=fields, ours=rendered.ours, params=dict(rule.create))
        with_files = attachment_allows(rule, True)
        intent, alone = self._with_files(link, intent, files if with_files else ())
        planned = [self._planned(link, intent, "create", rule.name, "create", rendered.refused)]
        planned += [self._attach(link, each, rule) for each in alone]
        # of a comment whose time is over only its place is left
        allowed = [each for each in comments if is_said(each) and comment_allows(rule, each.visibility, True)]
        return planned + [
            each for comment in allowed for each in self.comment(link, comment, rule, with_files=with_files)
        ]

    def fields(self, ticket: Ticket, changed: Sequence[str], origin: Link) -> list[Planned]:
        """Carry a desk's edits to the other linked desks."""
        planned: list[Planned] = []
        for link in self._links:
            if link.id == origin.id:
                # what we were still going to write there has been overtaken by this very edit
                overtaken = [field for field in changed if field in self._pending(link.id)]
                planned += self._set(ticket, link, self._rules.get(link.rule), overtaken, self._event_key, link.rule)
                continue
            rule = self._rule_of(link, origin)
            allowed = [field for field in changed if rule is not None and self._may_go(field, origin, link)]
            if rule is not None and allowed:
                planned += self._set(ticket, link, rule, allowed, self._event_key, rule.name)
        return planned

    def overruled(self, ticket: Ticket, fields: Sequence[str], origin: Link) -> list[Planned]:
        """Write the value that stands to a desk whose older edit lost, where it still shows that edit."""
        rule = self._rules.get(origin.rule)
        if _is_routed(ticket):
            # in its own words, which desks do not know; it tells them of it itself
            fields = [field for field in fields if field != "queue"]
        if origin.role is Role.TARGET and rule is not None:
            fields = [field for field in fields if owner_allows(rule, field, True)]
        return self._set(ticket, origin, rule, fields, f"{self._event_key}:overruled", origin.rule) if fields else []

    def decided(self, ticket: Ticket, sets: Sequence[tuple[str, str]], skip: frozenset[str]) -> list[Planned]:
        """Write what rules decided, (field, rule name) pairs, to every linked desk but those in `skip` (link ids)."""
        planned = []
        for link in self._links:
            connector = self._connectors.get(link.connection)
            if link.id in skip or connector is None or not connector.settings.write_back:
                continue
            rule = self._rules.get(link.rule) or next(iter(self._rules.values()), None)
            named = [(field, by) for field, by in sets if field in DECIDED_FIELDS & connector.spec.writable_fields]
            if not named or (rule is not None and not rule.write_back):
                continue
            key = f"{self._event_key}:decided"
            planned += self._set(ticket, link, rule, [field for field, _ in named], key, named[0][1])
        return planned

    def comments(self, new: Sequence[CommentRow], origin: Link) -> list[Planned]:
        """Carry new comments to the other linked desks."""
        planned = []
        for comment in new:
            for link in (*self._links, *self._followed):
                if link.id == origin.id or not self._comment_may_go(comment.visibility, origin, link):
                    continue
                rule = self._rule_of(link, origin)
                if rule is not None:
                    may = self._may_pass(attachment_allows, origin, link)
                    planned += self.comment(link, comment, rule, with_files=may)
        return planned

    def files(self, new: Sequence[Attachment], origin: Link) -> list[Planned]:
        """Carry files that belong to no comment to the other linked desks."""
        planned = []
        for each in new:
            for link in self._links:
                may = self._may_pass(attachment_allows, origin, link)
                if link.id == origin.id or not may or not self._comment_may_go(each.visibility, origin, link):
                    continue
                rule, spec = self._rule_of(link, origin), self._connectors[link.connection].spec
                if rule is None:
                    continue
                if goes_alone(spec) and not may_go(spec, each):
                    planned.append(self._attach(link, each, rule))
                else:
                    said = f"{origin.connection}: {each.name}"
                    planned += self._said(link, each.visibility, f"file:{each.remote_id}", said, rule, (each,))
        return planned

    def comment(self, link: Link, comment: CommentRow, rule: SyncRule, *, with_files: bool = True) -> list[Planned]:
        """Return what writes one comment at one desk, attributed to who said it: what it speaks of stands before it."""
        words = attributed(comment)
        files = comment.attachments if with_files else ()
        return self._said(link, comment.visibility, comment.id, words, rule, files, comment.author)

    def _said(
        self,
        link: Link,
        visibility: Visibility,
        comment_id: str,
        words: str,
        rule: SyncRule,
        attachments: Sequence[Attachment],
        author: RemotePerson | None = None,
    ) -> list[Planned]:
        public = visibility is Visibility.PUBLIC
        operation = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
        intent = Intent(operation, comment=CommentIntent(comment_id, words, visibility, author))
        intent, alone = self._with_files(link, intent, attachments)
        summary = "public reply" if public else "internal note"
        key = effect_key(link.id, f"comment:{comment_id}", operation.value, comment_id)
        before = [self._attach(link, each, rule) for each in alone]
        return [*before, Planned(link, operation, key, intent, summary, rule.name)]

    def _with_files(
        self, link: Link, intent: Intent, attachments: Sequence[Attachment]
    ) -> tuple[Intent, list[Attachment]]:
        """Return an intent with its files, or with words for those that cannot go, and those that go alone."""
        connector = self._connectors.get(link.connection)
        if not attachments or connector is None:
            return intent, []
        taken, left = split(connector.spec, attachments)
        intent = with_files(intent, taken, [(each.name, f"{link.connection} {why}") for each, why in left])
        return intent, taken if goes_alone(connector.spec) else []

    def _attach(self, link: Link, each: Attachment, rule: SyncRule) -> Planned:
        key = effect_key(link.id, f"file:{each.remote_id}", Operation.ATTACH.value, each.remote_id)
        return Planned(link, Operation.ATTACH, key, Intent(Operation.ATTACH, attachments=(each,)), "file", rule.name)

    # ------------------------------------------------------------ inside

    def _rule_of(self, link: Link, origin: Link) -> SyncRule | None:
        """Return the rule by which `origin` reaches `link`: the target's own."""
        return self._rules.get(link.rule if link.role is Role.TARGET else origin.rule)

    def _may_go(self, field: str, origin: Link, link: Link) -> bool:
        """Say whether a field may travel, over the source where both are targets."""
        out = self._rules.get(link.rule)
        back = self._rules.get(origin.rule)
        if link.role is Role.TARGET and (out is None or not owner_allows(out, field, True)):
            return False
        return not (origin.role is Role.TARGET and (back is None or not owner_allows(back, field, False)))

    def _comment_may_go(self, visibility: Visibility, origin: Link, link: Link) -> bool:
        def allows(rule: SyncRule, origin_is_source: bool) -> bool:  # noqa: FBT001 - the same
            return comment_allows(rule, visibility, origin_is_source)

        return self._may_pass(allows, origin, link)

    def _may_pass(self, allows: Callable[[SyncRule, bool], bool], origin: Link, link: Link) -> bool:
        """Say whether rules let something through from one desk to another, over the source where both are targets."""
        out = self._rules.get(link.rule)
        back = self._rules.get(origin.rule)
        if link.role is Role.TARGET and (out is None or not allows(out, True)):
            return False
        return not (origin.role is Role.TARGET and (back is None or not allows(back, False)))

    def _set(
        self, ticket: Ticket, link: Link, rule: SyncRule | None, wanted: Sequence[str], key: str, by: str
    ) -> list[Planned]:
        # a connector that is missing (for now) tells nothing: what is wanted waits in its lane until it is back
        connector = self._connectors.get(link.connection)
        if connector is not None:
            wanted = [field for field in wanted if field in connector.spec.writable_fields]
        rendered = self._render(ticket, link, rule, dict.fromkeys(wanted))
        fields, ours, refused = rendered.fields, rendered.ours, rendered.refused
        if ticket.assignee is not None and "assignee" in wanted and "assignee" not in fields:
            self.left.append((link.connection, no_account(ticket.assignee)))
        pending = self._pending(link.id)
        reads = connector.as_read(Intent(Operation.SET_FIELDS, fields=fields)) if connector is not None else {}
        needed = {}
        for field, value in fields.items():
            if field in pending:
                if pending[field] != value:
                    needed[field] = value
            else:
                seen = link.observed.get(field)
                if seen is None or field not in reads or seen.value != reads[field]:
                    needed[field] = value
        planned = []
        if needed:
            words = {field: value for field, value in ours.items() if field in needed}
            intent = Intent(Operation.SET_FIELDS, fields=needed, ours=words)
            planned.append(self._planned(link, intent, "set " + ", ".join(needed), by, key, ()))
        if refused:
            # apart, so that it keeps nothing back that does have a word
            summary = "set " + ", ".join(name for name, _ in refused)
            words = {field: ours[field] for field, _ in refused}
            planned.append(self._planned(link, Intent(Operation.SET_FIELDS, ours=words), summary, by, key, refused))
        return planned

    def _planned(
        self, link: Link, intent: Intent, summary: str, by: str, key: str, refused: Sequence[tuple[str, str]]
    ) -> Planned:
        subject = ",".join(sorted(intent.fields)) or ",".join(name for name, _ in refused)
        name = effect_key(link.id, key, intent.operation.value, subject)
        if not refused:
            return Planned(link, intent.operation, name, intent, summary, by)
        return Planned(
            link,
            intent.operation,
            name,
            intent,
            summary,
            by,
            UpdateState.DEAD,
            Reason.UNMAPPED,
            "; ".join(why for _, why in refused),
        )

    def _render(self, ticket: Ticket, link: Link, rule: SyncRule | None, wanted: Mapping[str, None]) -> Rendered:
        return render({field: getattr(ticket, field) for field in wanted}, link, rule, self._people)


def attributed(comment: CommentRow) -> str:
    """Return a comment's text with who said it and where, so that the other desk's readers know.

    A public reply by an agent goes to the customer as it is; what a customer said, and every internal note, is named.
    """
    author = comment.author
    if comment.visibility is Visibility.PUBLIC and (author is None or author.role != "customer"):
        return comment.body
    label = author.label if author else "someone"
    return f"{label} ({comment.connection}):\n\n{comment.body}"


def is_said(comment: CommentRow) -> bool:
    """Say whether a comment says anything: of one whose time is over, only its place is left."""
    return bool(comment.body or comment.attachments)


def _is_routed(ticket: Ticket) -> bool:
    """Say whether a ticket lies where its team works, or where routing put it, and not where somebody said."""
    stamp = ticket.stamps.get("queue")
    if stamp is None or stamp.by is Setter.DESK:
        return stamp is None or bool(ticket.team)
    return stamp.by is Setter.RULE and stamp.name.partition(":")[0] in {"route", "routing"}


def comment_row(comment: RemoteComment, comment_id: str, ticket_id: str, connection: str) -> CommentRow:
    """Return the row of a remote comment."""
    return CommentRow(
        id=comment_id,
        ticket_id=ticket_id,
        connection=connection,
        at=comment.at,
        visibility=comment.visibility,
        body=comment.body,
        author=comment.author,
        edited_at=comment.edited_at if comment.was_edited else None,
    )


def stopped(planned: Sequence[Planned], why: str) -> list[Planned]:
    """Leave to a person what a bounce asks for: dead letters, which hold their lanes. A create is none of it."""
    dead = {"state": UpdateState.DEAD, "reason": Reason.BOUNCE, "detail": why}
    return [
        msgspec.structs.replace(each, **dead)
        if each.state is UpdateState.READY and each.operation is not Operation.CREATE
        else each
        for each in planned
    ]


class Cause(msgspec.Struct, frozen=True):
    """What updates come from: the delivery (empty: a person's word), the release that decided, when."""

    release: str
    trace_id: str
    now: datetime
    delivery_id: str = ""
    #: connections whose dead letters do not hold their lane
    skipping: Collection[str] = ()


def new_update(planned: Planned, update_id: str, cause: Cause) -> NewUpdate:
    """Return what is planned as the outbox takes it."""
    return NewUpdate(
        id=update_id,
        link_id=planned.link.id,
        ticket_id=planned.link.ticket_id,
        connection=planned.link.connection,
        operation=Operation(planned.operation),
        effect_key=planned.effect_key,
        intent=planned.intent,
        summary=planned.summary,
        delivery_id=cause.delivery_id,
        event_key=planned.effect_key,
        rule=planned.rule,
        release=cause.release,
        trace_id=cause.trace_id,
        created_at=cause.now,
        state=planned.state,
        reason=planned.reason,
        detail=planned.detail,
        blocks=planned.reason is Reason.BOUNCE or planned.link.connection not in cause.skipping,
    )


def _decided(ticket: Ticket, field: str) -> bool:
    """Say whether the gateway set a field: what a desk has by itself stays at home unless a rule names it."""
    stamp = ticket.stamps.get(field)
    return stamp is not None and stamp.by is Setter.RULE
