"""`gateway rules release|list|diff|activate|rollback`: which version of the rules decides, who said so, and why."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping

import click
import msgspec

from dead_letters import Filter
from dead_letters.heal import covered
from gateway.bootstrap import Gateway
from gateway.cli.opening import author, is_begun, opened
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, RELEASE, block, tame, utc, write_json, write_table
from gateway.config import read_site
from gateway.domain.update import Reason
from gateway.errors import ConfigError, GatewayError
from gateway.flow.release import Released, Releasing
from gateway.ports import ReleaseRow
from rules.difference import Difference, differences, unified
from rules.release import written

_NONE = "There is no release yet: the first gateway up makes one, or gateway rules release."
#: causes of dead letters that a new release is held against
CAUSES = 200
_WHO = click.option("--as", "who", help="Who does this, for the record.  [default: your user name]")


@click.command()
@click.option("-m", "--message", required=True, help="What is new, and why: for those who come after you.")
@click.option("--author", "who", help="Who wrote it.  [default: your user name]")
@click.option("--dry-run", is_flag=True, help="Check, and say what would change; release nothing.")
@JSON
@pass_site
def release(site: SiteChoice, message: str, who: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Make the files of the folder a release, and the active one.

    They are checked first, with the connectors and the secrets of this environment; what is not usable is not released
    (exit code 2). Running workers go on with the new release at their next transaction. The same files are one release:
    those of an earlier one make that one active again. A site without a record begins one.
    """
    with opened(site, begin=not dry_run) as gateway:
        files = read_site(site.folder)
        releasing = gateway.releasing
        if dry_run:
            gateway.check(files)
            active = releasing.active()
            old = releasing.files(active) if active is not None else {}
            _show_difference(_label(active), "the folder", old, gateway.complete(files), as_json=as_json, lines=False)
            return
        _tell(gateway, releasing.release(files, actor=who or author(), message=message), as_json=as_json)


@click.command("list")
@LIMIT
@JSON
@pass_site
def listing(site: SiteChoice, limit: int, *, as_json: bool) -> None:
    """List the releases, the newest first."""
    if not is_begun(site):
        if as_json:
            write_json([])
        else:
            click.echo(_NONE)
        return
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            rows = tx.releases.listed(limit=limit)
        if as_json:
            write_json([_document(row) for row in rows])
            return
        write_table(
            ("", "number", "made", "author", "active since", "message"),
            [
                (
                    "*" if row.active else "",
                    str(row.number),
                    utc(row.created_at),
                    row.author,
                    utc(row.activated_at) if row.active else "",
                    row.message.partition("\n")[0],
                )
                for row in rows
            ],
            grows="message",
            empty=_NONE,
        )
        if rows and not as_json:
            _note_folder(site, gateway.releasing)


def _note_folder(site: SiteChoice, releasing: Releasing) -> None:
    """Say whether the folder is what runs."""
    active = releasing.active()
    if active is None:
        return
    try:
        files = read_site(site.folder)
    except ConfigError as error:
        click.echo(f"The folder cannot be read: {error}", err=True)
        return
    if files != written(releasing.files(active)):
        click.echo("The files of the folder differ from the active release: gateway rules diff", err=True)


@click.command()
@click.argument("old", type=RELEASE, required=False)
@click.argument("new", type=RELEASE, required=False)
@click.option("--summary", is_flag=True, help="Only what was added, removed, changed and moved, without the lines.")
@JSON
@pass_site
def diff(site: SiteChoice, old: int | None, new: int | None, *, summary: bool, as_json: bool) -> None:
    """Show how two releases differ, or a release and the folder.

    OLD is a number (without one: the active release), NEW another (without one: the files of the folder). Ends with 0
    when nothing differs and with 1 when something does, as diff does.
    """
    with opened(site) as gateway:
        releasing = gateway.releasing
        first = releasing.find(old) if old is not None else releasing.active()
        second = releasing.find(new) if new is not None else None
        before = releasing.files(first) if first is not None else {}
        after = releasing.files(second) if second is not None else gateway.complete(read_site(site.folder))
        named = _label(second) if second is not None else "the folder"
        if _show_difference(_label(first), named, before, after, as_json=as_json, lines=not summary):
            sys.exit(1)


def _show_difference(
    old: str, new: str, before: Mapping[str, str], after: Mapping[str, str], *, as_json: bool, lines: bool
) -> bool:
    """Print a difference; return whether there is one."""
    found = differences(before, after)
    changed = tuple(unified(before, after))
    if as_json:
        rows = [msgspec.to_builtins(each) for each in found]
        write_json(
            {"old": old, "new": new, "same": not changed, "differences": rows, "lines": changed if lines else ()}
        )
        return bool(changed)
    if not changed:
        click.echo(f"Nothing differs between {old} and {new}.")
        return False
    click.echo(f"From {old} to {new}:")
    for each in found:
        click.echo(f"  {_coloured(each)}")
    if not found:
        click.echo("  nothing but comments and layout")
    if lines:
        click.echo("")
        for line in changed:
            click.echo(click.style(block(line), fg=_colour(line)))
    return True


def _coloured(each: Difference) -> str:
    return click.style(tame(str(each)), fg={"added": "green", "removed": "red"}.get(each.change))


def _colour(line: str) -> str | None:
    if line.startswith(("+++", "---")):
        return None
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])


@click.command()
@click.argument("number", type=RELEASE)
@click.option("-m", "--message", "why", required=True, help="Why, for those who come after you.")
@_WHO
@JSON
@pass_site
def activate(site: SiteChoice, number: int, why: str, who: str | None, *, as_json: bool) -> None:
    """Make a release of before the active one again.

    It is checked like a new one: with the connectors and the secrets that are here now.
    """
    with opened(site) as gateway:
        _tell(gateway, gateway.releasing.activate(number, actor=who or author(), why=why), as_json=as_json)


@click.command()
@click.option("-m", "--message", "why", required=True, help="Why, for those who come after you.")
@_WHO
@JSON
@pass_site
def rollback(site: SiteChoice, why: str, who: str | None, *, as_json: bool) -> None:
    """Go back to the release that was active before this one.

    Done once more, it goes further back. The files of the folder stay as they are.
    """
    with opened(site) as gateway:
        _tell(gateway, gateway.releasing.rollback(actor=who or author(), why=why), as_json=as_json)


def _can_heal(gateway: Gateway) -> int:
    """Return how many dead letters lacked a word that the active release has."""
    with gateway.store.read() as tx:
        groups = tx.letters.groups(Filter(reason=Reason.UNMAPPED.value, no_ambiguous=True), limit=CAUSES)
    if groups:
        with contextlib.suppress(GatewayError):
            return covered(groups, gateway.site().rules)
    return 0


def _tell(gateway: Gateway, done: Released, *, as_json: bool) -> None:
    healing = _can_heal(gateway) if done.changed else 0
    if as_json:
        before = done.before.number if done.before is not None else None
        write_json(
            {
                "release": _document(done.release),
                "before": before,
                "changed": done.changed,
                "warnings": [each.as_json() for each in done.warnings],
                "can_heal": healing,
            }
        )
        return
    for warning in done.warnings:
        click.echo(f"{warning.text}\n", err=True)
    number = done.release.number
    if not done.changed:
        click.echo(f"Release {number} is the active one already: nothing has changed.")
    elif done.before is None:
        click.echo(f"Release {number} is active.")
    else:
        click.echo(f"Release {number} is active; before it was release {done.before.number}.")
    if healing:
        letters = "dead letter" if healing == 1 else "dead letters"
        click.echo(f"{healing} {letters} lacked a word that it has: gateway dead-letters heal")


def _label(row: ReleaseRow | None) -> str:
    return f"release {row.number}" if row is not None else "nothing"


def _document(row: ReleaseRow) -> dict[str, object]:
    return {
        "number": row.number,
        "active": row.active,
        "author": row.author,
        "message": row.message,
        "created_at": row.created_at,
        "activated_at": row.activated_at,
        "digest": row.digest,
    }
