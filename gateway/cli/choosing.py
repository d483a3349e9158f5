"""The options by which dead letters are chosen, the same for every command that works on many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import click
import msgspec

from dead_letters import Filter
from gateway.cli.moments import OUT_OF_REACH, YEARS
from gateway.domain.update import Reason
from gateway.errors import NotFoundError
from gateway.store.unit import SqlTx
from rules import duration

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """A span of time such as 30m, 4h or 2d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return float(duration.seconds(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Instant(click.ParamType[datetime]):
    """An instant of the command line; without a zone UTC."""

    name = "instant"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is no instant such as 2026-03-10 or 2026-03-10T09:00+01:00", param, ctx)
        if found.year not in YEARS:
            self.fail(f"'{value}' {OUT_OF_REACH}", param, ctx)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


class Choice(msgspec.Struct, frozen=True):
    """What was given; the ticket is not looked up yet."""

    connection: str = ""
    reason: str | None = None
    error_class: str = ""
    cause: str = ""
    ticket: str = ""
    rule: str = ""
    text: str = ""
    what: str | None = None
    state: str | None = None
    older: float | None = None
    newer: float | None = None

    @property
    def is_given(self) -> bool:
        """Say whether anything narrows it."""
        return self != Choice()

    def filter(self, tx: SqlTx, now: datetime, named: tuple[str, ...] | None = None) -> Filter:
        """Return which are meant; raises NotFoundError when there is no such ticket.

        `named`: the connections of the site; updates that wait for another one are meant, too.
        """
        ticket_id = ""
        if self.ticket:
            ticket_id = tx.view.find_ticket(self.ticket) or ""
            if not ticket_id:
                raise NotFoundError(f"no ticket, or more than one, is named by {self.ticket!r}")
        return Filter(
            connection=self.connection,
            reason=self.reason or "",
            error_class=self.error_class,
            cause=self.cause,
            ticket_id=ticket_id,
            rule=self.rule,
            text=self.text,
            what=self.what or "",
            state=self.state or "",
            before=now - timedelta(seconds=self.older) if self.older is not None else None,
            after=now - timedelta(seconds=self.newer) if self.newer is not None else None,
            named=named,
        )


def choosing(reason: str = "--reason") -> Callable[[F], F]:
    """Add the options; the command gets them as `choice`. `reason` is the name of the one for the reason."""

    def decorate(command: F) -> F:
        @wraps(command)
        def wrapped(*args: Any, **given: Any) -> Any:
            choice = Choice(**{name: given.pop(name) for name in Choice.__struct_fields__})
            return command(*args, choice=choice, **given)

        for option in (
            click.option("--newer", type=Duration(), help="Only of the last so long, such as 2h."),
            click.option("--older", type=Duration(), help="Only older than this, such as 30m or 2d."),
            click.option(
                "--state",
                type=click.Choice(["dead", "ambiguous", "doubled", "parked", "waiting"]),
                help="Only in this state; waiting: for a connection that was taken out.",
            ),
            click.option("--what", type=click.Choice(["update", "delivery"]), help="Only what goes out, or comes in."),
            click.option("--text", default="", help="Only with this in what was asked, or in the cause."),
            click.option("--rule", default="", help="Only of this rule."),
            click.option(
                "--ticket",
                default="",
                help="Only of this ticket: its id, the beginning of it, or its number at a desk.",
            ),
            click.option("--cause", default="", help="Only with a cause that begins so (see list --group)."),
            click.option("--error-class", default="", help="Only with this error, such as 'HTTP 422'."),
            click.option(
                reason, "reason", type=click.Choice([each.value for each in Reason]), help="Only for this reason."
            ),
            click.option("--connection", default="", help="Only of this connection."),
        ):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate
