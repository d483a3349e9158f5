"""What somebody does in a rehearsal, as the desk at which they do it would tell it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.event import Event, EventKind, FieldChange, RemoteComment
from gateway.domain.link import Link, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Status, Ticket
from gateway.flow.rehearsed import RehearsedDesk
from rules.cases.model import CaseError, Place, Reply, Step
from rules.cases.values import synced
from rules.decide import RuleSet

_AGENT = RemotePerson(external_id="agent", name="an agent", role="agent")


class Steps:
    """Tells steps in the words of desks."""

    def __init__(self, desks: Mapping[str, RehearsedDesk], rules: RuleSet) -> None:
        self._desks = desks
        self._rules = rules

    def event(self, number: int, step: Step, link: Link, at: datetime, ticket: Ticket) -> Event:
        """Return a step as the desk would tell it."""
        home = link.role is Role.SOURCE
        fields = {**step.sets}
        native = "" if home else fields.pop("status", "")
        said = synced(fields, ticket)
        if native:
            said["status"] = self._word_of(native, link, fields, step.place)
        elif "status" in said:
            said["status"] = self.at_home(said["status"], ticket.source)
        return Event(
            EventKind.COMMENTED if step.reply is not None else EventKind.CHANGED,
            link.remote_id,
            f"step {number}",
            at,
            number,
            actor=_AGENT,
            changes=tuple(FieldChange(name, value) for name, value in said.items()),
            comment=_comment(number, step.reply, at, ticket) if step.reply is not None else None,
        )

    def _word_of(self, native: str, link: Link, fields: Mapping[str, Any], place: Place) -> Status:
        """Return what another desk's own word for a status says; without a map it has to be one of ours."""
        desk = self._desks[link.connection]
        status = desk.status(Status(Category.UNKNOWN, native, fields.get("hold_reason")))
        rule = self._rules.sync(link.rule)
        if status.category is Category.UNKNOWN and (rule is None or rule.status_map is None):
            hint = "without a map, write one of: " + ", ".join(each for each in Category if each != "unknown")
            raise CaseError(place, f"nothing says what '{native}' means at '{link.connection}'", hint)
        return status

    def at_home(self, said: Status, source: str) -> Status:
        """Return a status as the desk that a ticket came from shows it."""
        desk = self._desks.get(source)
        return desk.status(said) if desk is not None else said


def _comment(number: int, reply: Reply, at: datetime, ticket: Ticket) -> RemoteComment:
    author = _AGENT
    if reply.by == "customer":
        known = ticket.requester or RemotePerson(external_id="customer", name="the customer")
        author = msgspec.structs.replace(known, role="customer")
    return RemoteComment(f"comment {number}", at, reply.text, reply.visibility, author)
