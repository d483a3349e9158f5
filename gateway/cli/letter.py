"""One dead letter in full, for `gateway dead-letters show`."""

from __future__ import annotations

from collections.abc import Callable

import click
import msgspec

from dead_letters import Letter
from gateway.cli.tables import block, tame, utc, write_json
from gateway.domain.update import Reason, UpdateState
from gateway.errors import NotFoundError
from gateway.store.unit import SqlTx

#: How much of a body is shown.
_EXCERPT = 2000

_NEXT = {
    Reason.REJECTED: "the desk refused it: mend what it complains about, there or in the rules, then replay",
    Reason.EXHAUSTED: "every attempt failed: see that the desk answers (gateway connections test), then replay",
    Reason.AUTH: "the credentials do not hold: mend them, gateway connections test, then replay",
    Reason.POISON: "the connector failed on it, which is a defect: report it; after the repair, replay",
    Reason.UNREADABLE: "the desk sent what nobody can read: mend its webhook or template; replay, or discard",
    Reason.UNMAPPED: "no map covers a value: add a line to it in rules/, gateway up, then replay or discard",
    Reason.CONFLICT: "two desks changed the same field: set the right value at one of them, then discard",
    Reason.BOUNCE: "automations of two desks answer each other: switch one off, then replay, or discard",
    Reason.AMBIGUOUS: "it may have landed: look at the desk; if it is there, discard, else replay",
}


def show_update(tx: SqlTx, update_id: str, *, redact: Callable[[str], str], as_json: bool) -> None:
    """Write a given-up update."""
    letter = tx.dead_letters.letter(update_id)
    if letter is None:
        raise NotFoundError(f"{update_id} is no dead letter any more")
    tries = tx.view.attempts(update_id)
    held = [tx.outbox.get(each) for each in tx.dead_letters.held_behind(update_id)] if letter.standing else []
    if as_json:
        write_json(
            {
                "update": letter.update,
                "attempts": tries,
                "held": [{"id": each.id, "summary": each.summary} for each in held if each is not None],
                "next": what_next(letter),
            }
        )
        return
    row = letter.update
    _line("update", row.id)
    _line("asked", f"{row.operation.value} at {row.connection}: {row.summary}")
    _line("ticket", row.ticket_id)
    _line("decided by", f"rule {row.rule or '-'}, {utc(row.created_at)} UTC")
    _line("trace", row.trace_id)
    _line("state", f"{row.state.value}{f' ({row.reason.value})' if row.reason else ''}")
    _line("why", row.detail or "-")
    if row.intent.fields:
        _line("fields", msgspec.json.encode(row.intent.fields).decode())
    if row.intent.comment is not None:
        _line("comment", f"{row.intent.comment.visibility.value}:")
        click.echo(_excerpt(row.intent.comment.body))
    click.echo(f"\n{len(tries)} attempt{'s' * (len(tries) != 1)}")
    for each in tries:
        took = f", {(each.ended_at - each.started_at).total_seconds():.1f} s" if each.ended_at else ", no end recorded"
        status = f", HTTP {each.status}" if each.status else ""
        click.echo(f"  {each.number}. {utc(each.started_at)} UTC{took}{status}, {each.outcome or 'unknown'}")
        if each.detail:
            click.echo(f"     {tame(redact(each.detail))}")
        if each.request:
            click.echo(f"     asked    {tame(redact(each.request))[:_EXCERPT]}")
        if each.answer:
            click.echo(f"     answered {tame(redact(each.answer))[:_EXCERPT]}")
    if held:
        click.echo(f"\n{len(held)} wait{'s' * (len(held) == 1)} behind it")
        for waiting in held:
            if waiting is not None:
                click.echo(f"  {waiting.id[-12:]}  {waiting.operation.value}  {tame(waiting.summary)}")
    _advice(what_next(letter), row.id)


def show_delivery(tx: SqlTx, delivery_id: str, *, as_json: bool) -> None:
    """Write a parked delivery."""
    row = tx.inbox.get(delivery_id)
    if row is None:
        raise NotFoundError(f"{delivery_id} is no dead letter any more")
    reason = Reason(row.reason) if row.reason in set(Reason) else Reason.UNREADABLE
    if as_json:
        found = msgspec.to_builtins(row) | {"body": row.body.decode("utf-8", "replace"), "next": _NEXT[reason]}
        write_json(found)
        return
    _line("delivery", row.id)
    _line("from", f"{row.connection}, by {row.origin}, {utc(row.received_at)} UTC")
    _line("its id", row.source_event_id)
    _line("trace", row.trace_id)
    _line("state", f"{row.state} ({row.reason})")
    _line("why", row.detail or "-")
    _line("body", f"{len(row.body)} bytes")
    click.echo(_excerpt(row.body.decode("utf-8", "replace")))
    _advice(_NEXT[reason], row.id)


def what_next(letter: Letter) -> str:
    """Return what a person can do."""
    reason = letter.update.reason
    if letter.update.state is UpdateState.AMBIGUOUS or reason is None:
        return _NEXT[Reason.AMBIGUOUS]
    return _NEXT[reason]


def _line(name: str, text: str) -> None:
    click.echo(f"{name:<10} {tame(text)}")


def _excerpt(text: str) -> str:
    shown = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}\n… ({len(text)} characters in all)"
    return "\n".join(f"    {line}" for line in block(shown).splitlines())


def _advice(text: str, letter_id: str) -> None:
    short = letter_id[-12:]
    click.echo(f"\nNext: {text}.")
    click.echo(f"  gateway dead-letters replay {short}\n  gateway dead-letters discard {short} --reason '…'")
