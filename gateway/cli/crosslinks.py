"""`gateway tickets cross-links|link|keep-apart`: tickets of two desks that name one another, and a person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click
import msgspec

from gateway.cli.doing import by_person
from gateway.cli.opening import author, opened, ticket_named
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, write_json, write_table
from gateway.domain.adoption import Match, Spot, Verdict
from gateway.domain.crosslink import Evidence
from gateway.errors import NotFoundError
from gateway.flow import adopting
from gateway.store.unit import SqlTx

T = TypeVar("T")

#: how a ticket is named by another, in words
BY = {Evidence.KEPT: "a field or link", Evidence.ADDRESS: "an address", Evidence.MENTION: "a mention"}


@click.command("cross-links")
@click.option(
    "--verdict", type=click.Choice([*(each.value for each in Verdict), "all"]), default="all", show_default=True,
    help="What becomes of the two: they are linked by themselves, a person says, or an import is waited for.",
)  # fmt: skip
@LIMIT
@JSON
@pass_site
def cross_links(site: SiteChoice, verdict: str, limit: int, as_json: bool) -> None:
    """List tickets of two desks that name one another and are not one ticket (yet), and why not."""
    with opened(site) as gateway:
        live = gateway.site()
        with gateway.store.read() as tx:
            found = adopting.listed(tx, live)
    mine = [each for each in found if verdict in {"all", each.verdict.value}]
    shown = mine[:limit]
    if as_json:
        write_json([as_fact(each) for each in shown])
        return
    rows = [(":".join(each.stay), ":".join(each.goes), said(each), each.verdict.value, each.why) for each in shown]
    write_table(("TICKET", "OTHER", "BY", "VERDICT", "WHY"), rows, grows="WHY", empty="No such cross-links.")
    if len(mine) > limit:
        click.echo(f"and {len(mine) - limit} more: --limit shows them", err=True)
    if any(each.verdict is Verdict.ASK for each in shown):
        click.echo(
            "\ngateway tickets link TICKET OTHER makes the two one, gateway tickets keep-apart says they are not"
        )


@click.command()
@click.argument("ticket")
@click.argument("other")
@by_person
@pass_site
def link(site: SiteChoice, ticket: str, other: str, *, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Make TICKET and OTHER, of two desks, one ticket.

    Nothing is written to a desk. The ticket begins at the desk from which a sync rule leads to the other, else at the
    older of the two; from then on that rule carries what changes. Each is named as show takes it.
    """
    with opened(site) as gateway:
        live = gateway.site()
        actor = f"person:{who or author()}"

        def work(tx: SqlTx) -> adopting.Adopted:
            named = [ticket_named(tx, word) for word in (ticket, other)]
            done = adopting.by_person(tx, live, named[0], named[1], gateway.clock.now(), gateway.ids, actor)
            if dry_run:
                raise _DryRunError(done)
            return done

        done = _tried(lambda: gateway.store.write(work))
    if as_json:
        facts = {"ticket": done.ticket_id, "was": done.was, "rule": done.rule, **as_fact(done.match)}
        write_json({"dry_run": dry_run, **facts})
        return
    word = "would join" if dry_run else "joins"
    by = f"rule {done.rule!r} carries what changes" if done.rule else "no sync rule: nothing is carried between them"
    click.echo(f"{_at(done.match.goes)} {word} {_at(done.match.stay)}, ticket {done.ticket_id}; {by}")


@click.command("keep-apart")
@click.argument("ticket")
@click.argument("other")
@by_person
@pass_site
def keep_apart(site: SiteChoice, ticket: str, other: str, *, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Say that TICKET and OTHER are two, whatever they name: they are not listed again, and may get copies."""
    with opened(site) as gateway:
        actor = f"person:{who or author()}"

        def work(tx: SqlTx) -> int:
            named = [ticket_named(tx, word) for word in (ticket, other)]
            count = adopting.keep_apart(tx, named[0], named[1], gateway.clock.now(), actor)
            if not count:
                raise NotFoundError("neither names the other: gateway tickets cross-links lists those that do")
            if dry_run:
                raise _DryRunError(count)
            return count

        count = _tried(lambda: gateway.store.write(work))
    if as_json:
        write_json({"dry_run": dry_run, "refused": count})
        return
    click.echo(f"{'would refuse' if dry_run else 'refused'} {count} cross-link{'s' * (count > 1)} of the two")


class _DryRunError(Exception):
    """Carries what would have been done out of a transaction that must not stay."""

    def __init__(self, done: object) -> None:
        super().__init__()
        self.done = done


def _tried(work: Callable[[], T]) -> T:
    try:
        return work()
    except _DryRunError as trial:
        done: T = trial.done  # type: ignore[assignment]
        return done


def said(match: Match) -> str:
    """Say by what the two are tied."""
    return BY[match.evidence] + (", each names the other" if match.mutual else "")


def as_fact(match: Match) -> dict[str, object]:
    """Return a pair for machines."""
    fact: dict[str, object] = msgspec.to_builtins(match)
    return fact


def _at(spot: Spot) -> str:
    return f"{spot[0]} #{spot[1]}"


COMMANDS = (cross_links, link, keep_apart)
