"""Seeded storms over a real gateway: people at two desks while everything that can break does, all at once."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import click
import msgspec
from sqlalchemy import select

from connectors.testing.desk import SimulatedDesk
from gateway.embedded import find_server
from gateway.store import SqlStore
from gateway.store.tables import deliveries, updates
from tests.databases import PostgresProcess
from tests.faults.oracle import Verdict
from tests.faults.refusals import Refusals
from tests.faults.trouble import (
    DEADLINE,
    Trouble,
    befall,
    counted,
    drop_ring,
    flush,
    freeze_machine,
    freeze_role,
    kill_database,
    lock,
    ring_twice,
    skew,
    stop_horse,
    struck,
)
from tests.flows.promised import broken, waits, watch
from tests.flows.promises import Colleagues, PromisedDesks, promises
from tests.flows.site import PLAIN, Site
from tests.flows.storm import ROLES, Desks, Judgement, Killer, People, judge, wait_quiet

QUIET_SECONDS = 900.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How large a storm is, and what belongs to it."""

    seed: int
    updates: int = 400
    lanes: int = 40
    #: actions of people a second
    rate: float = 7.0
    #: of the writes that go wrong
    share: float = 0.33
    #: seconds by which the clocks of the desks stand wrong, one before and one behind
    skew: float = 0.0
    #: stop what drains the outbox beyond its lease
    stops: bool = True
    #: engineers change statuses too; see what remains in docs/reliability.md
    engineers_edit: bool = True
    #: a point at which workers die by chance (GATEWAY_CRASH_AT)
    crash_at: str = ""
    #: the whole machine, or one role of it, stands still for a while
    freezes: bool = True
    #: clocks, due times at the desks, escalations and routing belong to it
    promises: bool = True
    #: words and people are taken away at the desks, which refuse them; only where they are promised
    refuses: bool = True
    #: tickets that one person can have, where they are given to people
    capacity: int = 6
    #: how slow promises are: a short storm does not wait minutes for the last of them
    pace: float = 1.0


class Stormed(msgspec.Struct, frozen=True):
    """What happened in a storm, and how it is judged."""

    verdict: Verdict
    troubles: Counter[str]
    #: seconds until everything was at rest
    quiet: float | None
    #: what the audit trail and the outbox say, when anything was found
    history: str = ""


def run(
    folder: Path, plan: Plan, database_url: str, server: PostgresProcess | None, keep: Path | None = None
) -> Stormed:
    """Let people act while everything goes wrong; wait for rest; judge by what the desks really have.

    What the gateway and the desks know goes to `keep` when anything was found.
    """
    with ExitStack() as stack:
        desks = stack.enter_context(PromisedDesks() if plan.promises else Desks())
        both = desks.all()
        skew(both, plan.skew)
        asked = None
        if isinstance(desks, PromisedDesks):
            asked = promises(desks, capacity=plan.capacity, deadline=DEADLINE, pace=plan.pace)
        site = Site(
            folder, zendesk=desks.zendesk.url, rt=desks.rt.url, rt_token=desks.rt.tokens["gateway"],
            database_url=database_url, deadline=DEADLINE, written=asked.written if asked is not None else PLAIN,
            environment={"GATEWAY_CRASH_AT": plan.crash_at},
        )  # fmt: skip
        stack.enter_context(site)
        store = stack.enter_context(site.store())
        if asked is not None:
            watch(store)
        people = (Colleagues if asked is not None else People)(
            desks, plan.seed, plan.rate, fewest=min(5, plan.lanes), most=plan.lanes, engineers_edit=plan.engineers_edit
        )
        for desk in both:
            befall(desk, plan.share)
        desks.point_webhooks(site)
        killer = Killer(site, plan.seed, 0, (0, 0))
        refusals = None
        if plan.refuses and asked is not None and isinstance(desks, PromisedDesks):
            refusals = Refusals(desks, store, asked.rules, plan.seed)
        with refusals.dealing() if refusals is not None else nullcontext():
            planned = [*troubles_of(plan, site, store, server, killer), *(refusals.troubles() if refusals else ())]
            with blowing(planned) as troubles:
                let_act(people, plan)
            for desk in both:
                desk.faults.clear()
            quiet = wait_quiet(desks, store, QUIET_SECONDS, waits=waits)
        judgement = judge(desks, people, store)
        judgement.broken += refusals.judge() if refusals is not None else []
        if asked is not None and isinstance(desks, PromisedDesks):
            judgement.broken += broken(desks, store, asked)
        verdict = judged(judgement, store, struck(both), sum(killer.kills.values()))
        if quiet is None:
            verdict.lost.append("it never came to rest")
        history = history_of(store) if verdict.findings else ""
        for line in verdict.findings:
            click.echo(f"  {line}")
        if history and keep is not None:
            keep_of(keep, folder, {"zendesk": desks.zendesk, "rt": desks.rt}, history)
        happened = counted(troubles)
        happened.update({f"kill {role}": times for role, times in killer.kills.items()})
        happened.update({f"letters {what}": times for what, times in refusals.dealt.items()} if refusals else {})
        del happened["kill"]
    return Stormed(verdict, happened, quiet, history)


def troubles_of(
    plan: Plan, site: Site, store: SqlStore, server: PostgresProcess | None, killer: Killer
) -> Sequence[Trouble]:
    """Return everything that goes wrong beside the faults of the desks."""
    url = find_server(site.state).url
    ended = threading.Event()
    troubles = [
        Trouble("kill", plan.seed, (1.5, 3.5), lambda chance: killer.kill(chance.choice(ROLES))),
        Trouble("FLUSHALL", plan.seed, (2, 3), lambda _: flush(url)),
        Trouble("ring twice", plan.seed, (0.5, 1.5), lambda chance: ring_twice(url, chance)),
        Trouble("ring dropped", plan.seed, (0.5, 1.5), lambda chance: drop_ring(url, chance)),
        Trouble("database locked", plan.seed, (6, 12), lambda chance: lock(store, chance.uniform(0.5, 2.0))),
    ]
    if plan.stops:
        troubles.append(Trouble("SIGSTOP", plan.seed, (5, 10), lambda _: stop_horse(site, ended)))
    if plan.freezes:
        troubles.append(Trouble("all stood still", plan.seed, (90, 150), lambda chance: freeze_machine(site, chance)))
        troubles.append(Trouble("role stood still", plan.seed, (60, 120), lambda chance: freeze_role(site, chance)))
    if server is not None:
        troubles.append(Trouble("database killed", plan.seed, (6, 12), lambda _: kill_database(server)))
    return troubles


@contextmanager
def blowing(troubles: Sequence[Trouble]) -> Iterator[Sequence[Trouble]]:
    """Let troubles happen while the body runs; what one of them met is raised."""
    for each in troubles:
        each.start()
    try:
        yield troubles
    finally:
        for each in troubles:
            each.stop()
    for each in troubles:
        if each.failure is not None:
            raise each.failure


def let_act(people: People, plan: Plan) -> None:
    """Wait until people have done as much as they are to do."""
    people.start()
    with click.progressbar(length=plan.updates, label="storm     ", show_pos=True) as bar:
        while (done := sum(people.actions.values())) < plan.updates and people.is_alive():
            bar.update(done - bar.pos)
            time.sleep(0.5)
    people.stop()
    if people.trouble is not None:
        raise people.trouble


def history_of(store: SqlStore) -> str:
    """Return everything that was done in order, for whoever has to find out why it went wrong."""
    with store.read() as tx:
        lines = [
            f"{each['at']} {each['actor']} {each['action']} {each['ticket_id']} {each['detail']}"
            for each in tx.view.audit(limit=10_000)
        ]
        for row in tx.connection.execute(select(updates)).mappings():
            told = tx.outbox.get(row["id"])
            fields = told.intent.fields if told is not None else {}
            where = f"{row['connection']} {row['ticket_id']} seq {row['seq']}"
            lines.append(f"{row['created_at']} {where} {row['summary']} {row['state']} {row['done_at']} {fields}")
        lines += [
            f"{row['received_at']} {row['connection']} {row['source_event_id']} {row['state']}"
            for row in tx.connection.execute(select(deliveries)).mappings()
        ]
        tickets = [f"ticket {line.id} {line.links}" for line in tx.view.tickets(limit=1000)]
    return "\n".join(sorted(lines) + tickets)


def keep_of(keep: Path, folder: Path, desks: Mapping[str, SimulatedDesk], history: str) -> None:
    """Write down what there is for whoever has to find out why."""
    keep.mkdir(parents=True)
    (keep / "history.txt").write_text(history, encoding="utf-8")
    shutil.copytree(folder, keep / "site", ignore=shutil.ignore_patterns("*.sock"))
    for name, desk in desks.items():
        told: dict[str, Sequence[object]] = {
            "effects": desk.effects.all(),
            "sent": list(desk.webhooks.sent),
            "journal": list(desk.journal),
        }
        for what, lines in told.items():
            text = "\n".join(repr(line) for line in lines)
            (keep / f"{name}-{what}.txt").write_text(text, encoding="utf-8")


def judged(found: Judgement, store: SqlStore, faults: int, crashes: int) -> Verdict:
    """Return the verdict on what was found."""
    with store.read() as tx:
        counts = tx.view.counts()
    wrong = [*found.disordered, *found.disagreeing, *(each for each in found.given_up if ": ambiguous" not in each)]
    wrong += found.broken
    return Verdict(
        operations=found.operations,
        faults=faults,
        crashes=crashes,
        ambiguous=counts.get("updates_ambiguous", 0),
        listed=counts.get("updates_doubled", 0),
        lost=found.lost,
        doubled=found.doubled,
        wrong=wrong,
    )
