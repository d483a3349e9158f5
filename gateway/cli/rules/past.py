"""The past as `simulate` and `export-history` read it: from the record, ticket by ticket, or from an exported file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from gateway.bootstrap import Gateway
from gateway.domain.clock_log import LogEntry
from gateway.errors import ConfigError, GatewayError
from gateway.flow.routing.simulated import Step, walked
from gateway.flow.sla.entries import said_by
from gateway.flow.sla.simulated import next_due, told
from gateway.flow.sla.timekeeping import tell
from gateway.store.history import SqlHistory
from gateway.store.unit import SqlTx
from rules import RuleSet
from rules.duration import seconds
from rules.inputs import decoded
from rules.simulate import Happened, HistoryError, Outcome, Promised, TicketHistory, read_line

PAGE = 200
_LAST = re.compile(r"last-([0-9a-z]+)")

#: why a ticket of the record cannot be simulated
REDACTED = "what its decisions were made from has been redacted"
FORGOTTEN = "the release that decided it does not load any more"

Past = TicketHistory | str


class LastType(click.ParamType):  # type: ignore[type-arg]
    """`last-30d`, or a file. Older versions of click have no generic ParamType."""

    name = "last-30d|FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta | Path:
        """Return how far to look back, or the file."""
        if isinstance(value, timedelta | Path):
            return value
        found = _LAST.fullmatch(str(value))
        if found is not None:
            try:
                return timedelta(seconds=seconds(found[1]))
            except ValueError as error:
                self.fail(str(error), param, ctx)
        path = Path(value)
        if not path.is_file():
            self.fail(f"'{value}' is neither a time such as last-30d nor a file", param, ctx)
        return path


def count(gateway: Gateway, since: datetime) -> int:
    """Count the tickets that have decisions."""
    with gateway.store.read() as tx:
        return SqlHistory(tx.connection).count(since)


def recorded(gateway: Gateway, since: datetime) -> Iterator[Past]:
    """Go through the tickets with a decision since an instant: the history of each, or why there is none."""
    after = ""
    while True:
        with gateway.store.read() as tx:
            page = SqlHistory(tx.connection).tickets(since, after=after, limit=PAGE)
        if not page:
            return
        for ticket_id in page:
            yield _history(gateway, ticket_id, since)
        after = page[-1]


def _history(gateway: Gateway, ticket_id: str, since: datetime) -> Past:
    with gateway.store.read() as tx:
        decisions = tx.view.decisions(ticket_id)
        promised = _promised(tx, ticket_id, gateway.clock.now())
    body = ""
    happened = []
    steps = []
    for each in decisions:
        if not each["inputs"]:
            if each["at"] >= since:
                return REDACTED
            continue
        inputs = decoded(each["inputs"]).with_body(body)
        body = inputs.ticket.body
        if each["at"] < since:
            continue
        rules = _rules(gateway, str(each["detail"].get("release", "")))
        if rules is None:
            return FORGOTTEN
        links = frozenset(inputs.links)
        decision = inputs.again(rules, explain=False)
        happened.append(Happened(inputs, Outcome.of(decision, rules, links)))
        steps.append(Step.of(rules.routing, decision.ticket, inputs))
    if not happened:
        return REDACTED
    went = walked(steps, due=partial(_due, gateway, ticket_id, promised.log), until=promised.until)
    return TicketHistory(ticket_id, happened[-1].inputs.ticket.title, tuple(happened), promised=promised, went=went)


def _due(gateway: Gateway, ticket_id: str, log: Sequence[LogEntry], at: datetime) -> datetime | None:
    """Return when the next clock of a ticket was due, as it was known at an instant."""
    if not log:
        return None
    with gateway.store.read() as tx:
        return next_due(tell(tx, ticket_id, at, log=log).chains)


def _promised(tx: SqlTx, ticket_id: str, now: datetime) -> Promised:
    """Return what was promised of a ticket and what came of it; where nothing was, who said what."""
    log = tuple(tx.clocks.log(ticket_id))
    if log:
        return Promised(now, log, dict(told(row.instance for row in tx.clocks.rows(ticket_id))))
    ticket = tx.tickets.get(ticket_id)
    comments = tx.tickets.comments(ticket_id) if ticket is not None else ()
    said = [(said_by(each, ticket), each.at) for each in comments if ticket is not None]
    return Promised(now, said=tuple((kind, at) for kind, at in said if kind is not None))


def _rules(gateway: Gateway, release: str) -> RuleSet | None:
    try:
        return gateway.rules_of(release)
    except GatewayError:
        return None


def exported(path: Path) -> Iterator[tuple[int, TicketHistory]]:
    """Go through an exported file: (how many bytes were read so far, the history of a ticket).

    Raises ConfigError with file:line for a line that cannot be read.
    """
    position = 0
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            position += len(text)
            if not text.strip():
                continue
            try:
                history = read_line(text)
            except HistoryError as error:
                raise ConfigError(f"{path}:{number}: {error}") from None
            if not history.decisions:
                continue
            yield position, history
