"""`gateway dead-letters heal`: which causes are over, the line that cures one that is not, and one replay for them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from functools import cache

import click
import msgspec

from dead_letters import Person, Taken
from dead_letters.heal import Prognosis, Site, prognosis
from dead_letters.resolve import Resolved
from gateway.cli.bench import Bench, bench
from gateway.cli.choosing import Choice
from gateway.cli.doing import ask, by_person, replay_one
from gateway.cli.letter import write_cure
from gateway.cli.letter_bulk import RATE, RATES, Plan, end, frozen, work_on
from gateway.cli.opening import author
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import tame, write_json
from gateway.config import read_site
from gateway.errors import GatewayError
from gateway.flow.calls import whoami
from gateway.store.unit import SqlTx
from gateway.telemetry import new_trace_id
from rules.decide import RuleSet

#: causes that are looked at
MOST = 200


@click.command()
@click.option("--connection", default="", help="Only of this connection.")
@click.option("--yes", is_flag=True, help="Do not ask before what can be healed is replayed.")
@click.option("--rate", type=RATES, default=RATE, show_default=True, help="So many a second.")
@click.option("--why", default="", help="Why, for the audit trail.")
@by_person
@pass_site
def heal(
    site: SiteChoice,
    *,
    connection: str,
    yes: bool,
    rate: float,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Replay what was given up for a cause that is over: a map has its line now, a desk answers again.

    For a value that still has no line it says which one to add, and where.
    """
    with bench(site) as here:
        with here.gateway.store.read() as tx:
            chosen = here.filter(tx, Choice(connection=connection), waiting=False)
            groups = tx.letters.groups(msgspec.structs.replace(chosen, no_ambiguous=True), limit=MOST)
        known = _known(here, site)
        found = [each for group in groups if (each := prognosis(group, known)).says]
        cured = [each for each in found if each.cured]
        number = sum(each.group.number for each in cured)
        if not as_json:
            _write(found, number, dry_run=dry_run)
        if dry_run or not cured:
            if as_json:
                write_json({"dry_run": dry_run, "would_release": number, "causes": found, "healed": []})
            return
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise click.UsageError(f"{number} can be healed: look with --dry-run, then add --yes")
            ask(f"replay {number} dead letters?")
        person = Person(who or author(), why or "the cause is over")
        plan = Plan("replay", person, rate, {"pinned": False}, yes=yes)

        def work(person: Person, tx: SqlTx, taken: Taken) -> Resolved:
            return replay_one(here, person, tx, (taken.what, taken.letter_id))

        healed = []
        for each in cured:
            bulk = frozen(here, each.chosen, plan)
            counts = work_on(here, bulk, plan, work)
            healed.append({"bulk": bulk.id, "cause": each.group.cause, **counts})
            if not as_json:
                left = f", {counts['skipped']} left as they are" if counts["skipped"] else ""
                click.echo(f"{counts['done']} replayed{left}: {tame(each.says)}")
            if counts["pending"]:
                end(bulk, counts)
        if as_json:
            write_json({"dry_run": False, "would_release": number, "causes": found, "healed": healed})


def _known(here: Bench, choice: SiteChoice) -> Site:
    """Gather what causes are judged by: the rules of today and of the folder, and whether desks answer."""
    files = read_site(choice.folder)
    folder: RuleSet | None = None
    with contextlib.suppress(GatewayError):
        loaded, _ = here.gateway.load(files)
        if loaded is not None and loaded.rules.digest != here.site.rules.digest:
            folder = loaded.rules

    @cache
    def answers(connection: str) -> bool:
        connector = here.site.connectors.get(connection)
        if connector is None:
            return False
        return whoami(connector, here.gateway.transport, new_trace_id(os.urandom(16))) is True

    return Site(here.site.rules, folder, files, here.site.connectors.keys(), answers)


def _write(found: Sequence[Prognosis], number: int, *, dry_run: bool) -> None:
    if not found:
        click.echo("No cause is known to be over, or to have a cure; gateway dead-letters list --group", err=True)
        return
    for each in found:
        about = "over" if each.cured else "    "
        click.echo(f"{about}  {tame(each.says)}" + (f": {each.group.number}" if each.cured else ""))
        if each.cure is not None:
            write_cure(each.cure, each.group.connection)
    if dry_run:
        click.echo(f"{number} would be released")
