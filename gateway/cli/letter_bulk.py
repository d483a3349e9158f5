"""Many dead letters at once: counted first, frozen, worked on at a rate, with a bar; interrupted, it goes on later."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
import msgspec

from dead_letters import Bulk, DeadLetterError, Filter, Person, Resolved, Runner, Taken, freeze
from dead_letters.fate import Fate, fate
from dead_letters.look import Looked
from dead_letters.replay import rendered_today
from gateway.cli.bench import Bench
from gateway.cli.choosing import Choice
from gateway.cli.doing import ask
from gateway.cli.opening import ring
from gateway.cli.requests import Shown, looked_at, request_document, would, write_request
from gateway.cli.tables import age, tame, write_json, write_table
from gateway.domain.update import Operation
from gateway.errors import GatewayError, NotFoundError
from gateway.store.unit import SqlTx

#: how many that were left are named
NAMED = 20
#: letters a second that are let go
RATE = 20.0
RATES = click.FloatRange(0.1, 1000)
#: seconds that Ctrl-C may take to be heard
_ATTENTIVE = 0.1

Each = Callable[[Person, SqlTx, Taken], Resolved]
_DONE = {"replay": "replayed", "discard": "discarded"}


class Plan(msgspec.Struct, frozen=True):
    """What is to be done with many, and how."""

    action: str
    person: Person
    rate: float
    options: dict[str, Any]
    ambiguous: bool = False
    yes: bool = False
    as_json: bool = False


def run(here: Bench, choice: Choice, plan: Plan, each: Each, *, dry_run: bool, requests: int) -> None:
    """Do it with all that are chosen now, after one confirmation."""
    if choice.state == "waiting" and plan.action != "discard":
        raise click.UsageError("what waits goes on by itself when gateway.yaml names its connection again")
    store = here.gateway.store
    with store.read() as tx:
        # what merely waits for a connection that was taken out cannot be replayed: it goes on by itself
        chosen = here.filter(tx, choice, waiting=plan.action == "discard")
        if plan.action == "replay":
            chosen = msgspec.structs.replace(chosen, no_doubled=True)
        if not plan.ambiguous and chosen.state != "ambiguous" and chosen.reason != "ambiguous":
            # whether these landed is for a person to find out, one at a time, unless they are asked for
            left = tx.letters.count(msgspec.structs.replace(chosen, state="ambiguous", what="update"))
            chosen = msgspec.structs.replace(chosen, no_ambiguous=True)
        else:
            left = 0
        number = tx.letters.count(chosen)
    if dry_run:
        _dry_run(here, chosen, plan, number, left, requests)
        return
    if number == 0:
        _report(plan, None, {"pending": 0, "done": 0, "skipped": 0}, [], left)
        return
    if not plan.yes:
        if plan.as_json or not sys.stdin.isatty():
            raise click.UsageError(f"{number} are chosen: look with --dry-run, then add --yes")
        ask(f"{plan.action} {number} dead letters?")
    _finish(here, frozen(here, chosen, plan), plan, each, left)


def frozen(here: Bench, chosen: Filter, plan: Plan) -> Bulk:
    """Freeze what is chosen now."""
    person = plan.person
    bulk = Bulk(here.gateway.ids.new(), plan.action, person.name, person.why, chosen, plan.options, here.now())
    freeze(here.gateway.store, bulk, here.now())
    return bulk


def resume(here: Bench, word: str, plan: Plan, each: Each, *, dry_run: bool) -> None:
    """Go on with a bulk that was interrupted; for trial, say what is left of it."""
    with here.gateway.store.read() as tx:
        found = tx.bulks.find(word)
        left = [each.id[-12:] for each in tx.bulks.unfinished() if each.frozen_at is not None]
    if len(found) != 1:
        known = f"; unfinished are: {', '.join(left)}" if left else "; none is unfinished"
        raise NotFoundError(f"{'no' if not found else 'more than one'} bulk is named by {word!r}{known}")
    bulk = found[0]
    if bulk.action != plan.action:
        raise DeadLetterError(f"the bulk {bulk.id} is a {bulk.action}: gateway dead-letters {bulk.action} --resume")
    if bulk.frozen_at is None:
        raise DeadLetterError(
            f"the bulk {bulk.id} was interrupted before its set was whole: nothing was done, begin again"
        )
    if bulk.options != plan.options:
        raise DeadLetterError(f"the bulk {bulk.id} was begun with other options; {_goes_on(bulk)}")
    if dry_run:
        _left_of(here, bulk, plan)
        return
    _finish(here, bulk, plan, each, 0)


def _left_of(here: Bench, bulk: Bulk, plan: Plan) -> None:
    """Say how far an interrupted bulk is, and touch nothing."""
    with here.gateway.store.read() as tx:
        counts = tx.bulks.counts(bulk.id)
    if plan.as_json:
        write_json({"dry_run": True, "bulk": bulk.id, **counts})
        return
    dealt = f"{counts['done']} are {_DONE[plan.action]}, {counts['skipped']} left as they are"
    click.echo(f"{counts['pending']} of {sum(counts.values())} would be gone on with; {dealt}")


def work_on(here: Bench, bulk: Bulk, plan: Plan, each: Each) -> Mapping[str, int]:
    """Work on it until nothing is left, or until Ctrl-C, after which it can be resumed; return what became of it."""
    store = here.gateway.store
    person = Person(bulk.actor, bulk.why, bulk.id)
    with store.read() as tx:
        before = tx.bulks.counts(bulk.id)
    with interruptible() as stopped, _bar(sum(before.values()), plan) as tell:
        tell(before)
        runner = Runner(
            store,
            work=lambda tx, taken: each(person, tx, taken),
            clock=here.gateway.clock,
            wait=lambda seconds: pause(seconds, stopped),
            ring=lambda step: ring(here.gateway, step),
            rate=plan.rate,
        )
        try:
            return runner.run(bulk, tell, stopped)
        except (GatewayError, KeyboardInterrupt):
            click.echo(_goes_on(bulk), err=True)
            raise


def _finish(here: Bench, bulk: Bulk, plan: Plan, each: Each, left: int) -> None:
    counts = work_on(here, bulk, plan, each)
    with here.gateway.store.read() as tx:
        skipped = list(tx.bulks.skipped(bulk.id, NAMED))
    _report(plan, bulk, counts, skipped, left)
    end(bulk, counts)


def end(bulk: Bulk, counts: Mapping[str, int]) -> None:
    """End the command as its bulk ended: 130 when it was interrupted, 1 when some were left as they are."""
    if counts["pending"]:
        click.echo(f"interrupted: {counts['pending']} are left; {_goes_on(bulk)}", err=True)
        raise click.exceptions.Exit(130)
    if counts["skipped"]:
        raise click.exceptions.Exit(1)


def unfinished(tx: SqlTx, now: datetime) -> Iterator[str]:
    """Return a line for each bulk action that is not at its end: it runs somewhere, or whoever ran it has died."""
    for bulk in tx.bulks.unfinished():
        if bulk.frozen_at is not None:
            counts = tx.bulks.counts(bulk.id)
            begun = f"begun {age(bulk.created_at, now)} ago by {tame(bulk.actor)}"
            yield (
                f"a {bulk.action} of {sum(counts.values())}, {begun}, "
                f"has {counts['pending']} left; unless it still runs, {_goes_on(bulk)}"
            )


def _goes_on(bulk: Bulk) -> str:
    pinned = " --pinned" if bulk.options.get("pinned") else ""
    return f"it goes on with: gateway dead-letters {bulk.action} --resume {bulk.id[-12:]}{pinned}"


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C end the run after the transaction that it is in; a second one ends it at once."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def pause(seconds: float, stopped: Callable[[], bool]) -> None:
    """Wait, but not for somebody who has asked for the end of it."""
    until = time.monotonic() + seconds
    while not stopped() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _ATTENTIVE))


@contextmanager
def _bar(total: int, plan: Plan) -> Iterator[Callable[[Mapping[str, int]], None]]:
    """Show how far it is, on a terminal."""
    if plan.as_json or not sys.stderr.isatty():
        yield lambda _counts: None
        return
    with click.progressbar(length=total, label=plan.action, file=sys.stderr, show_pos=True) as bar:

        def tell(counts: Mapping[str, int]) -> None:
            bar.update(counts["done"] + counts["skipped"] - bar.pos)

        yield tell


def _report(
    plan: Plan, bulk: Bulk | None, counts: Mapping[str, int], skipped: list[tuple[str, str, str]], left: int
) -> None:
    if plan.as_json:
        named = [{"what": what, "id": letter, "why": why} for what, letter, why in skipped]
        write_json({"bulk": bulk.id if bulk else "", **counts, "ambiguous_left": left, "why_skipped": named})
        return
    click.echo(f"{counts['done']} {_DONE[plan.action]}, {counts['skipped']} left as they are")
    for what, letter, why in skipped:
        click.echo(f"  {what} {letter[-12:]}: {tame(why)}", err=True)
    _left(left)


def _left(number: int) -> None:
    if number:
        click.echo(
            f"{number} of which nobody knows whether they landed are not among them: --ambiguous adds them", err=True
        )


# ------------------------------------------------------------ dry run


def _dry_run(here: Bench, chosen: Filter, plan: Plan, number: int, left: int, requests: int) -> None:
    now = here.now()
    fates: list[Fate] = []
    ready: list[Looked] = []
    with here.gateway.store.read() as tx:
        if plan.action == "replay":
            shares = tx.letters.shares(chosen, here.keys_until(now))
            fates = _together(
                [fate(share, here.require, here.terms, lambda one: _renders(here, tx, one)) for share in shares]
            )
            if requests and chosen.what != "delivery":
                page = tx.letters.page(msgspec.structs.replace(chosen, what="update"), limit=requests)
                ready = [each for line in page if (each := looked_at(here, tx, line.id)) is not None]
    # outside of the transaction, for a connector may read before it writes
    shown = [_shown(here, each) for each in ready]
    goes = sum(each.number for each in fates if each.goes) if fates else number
    documents = [
        about | ({"note": seen[0].note, "request": _document(seen)} if seen is not None else {})
        for about, seen in shown
    ]
    documents = [here.redactor.value(msgspec.to_builtins(each)) for each in documents]
    if plan.as_json:
        write_json(
            {
                "dry_run": True,
                "chosen": number,
                "goes": goes,
                "ambiguous_left": left,
                "fates": fates,
                "first": documents,
            }
        )
        return
    click.echo(f"{goes} of {number} would be {_DONE[plan.action]}")
    if fates:
        rows = [(str(each.number), each.connection, each.operation or each.what, each.would) for each in fates]
        write_table(("COUNT", "CONNECTION", "WHAT", "WOULD BE"), rows, grows="WOULD BE", empty="")
    if any(each.goes and each.operation == Operation.SET_FIELDS for each in fates):
        click.echo(
            "those that would go over a newer value are left, each with the value: replay them one by one", err=True
        )
    if documents:
        click.echo(f"\nThe first {len(documents)}:")
    for document in documents:
        click.echo(f"{document['id'][-12:]}  {document['would']}")
        write_request(document)
    _left(left)


def _document(seen: Any) -> Any:
    found, connector = seen
    return request_document(found.request, connector) if found.request is not None else None


def _together(fates: list[Fate]) -> list[Fate]:
    """Put those together that come to the same."""
    found: dict[Fate, int] = {}
    for each in fates:
        bare = msgspec.structs.replace(each, number=0)
        found[bare] = found.get(bare, 0) + each.number
    whole = [msgspec.structs.replace(bare, number=number) for bare, number in found.items()]
    return sorted(whole, key=lambda each: (-each.number, each.connection, each.operation))


def _renders(here: Bench, tx: SqlTx, update_id: str) -> object:
    letter = tx.dead_letters.letter(update_id)
    if letter is None:
        return None
    return rendered_today(letter, here.terms(letter.update.connection, letter.update.operation))


def _shown(here: Bench, looked: Looked) -> Shown:
    """Render one, so that a person sees what would leave."""
    update = looked.letter.update
    try:
        return would(here, looked, accept_duplicate=False, among_many=True)
    except DeadLetterError as error:
        return {"what": "update", "id": update.id, "would": f"left: {error}", "warnings": []}, None
