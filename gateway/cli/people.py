"""`gateway people`: who is who across desks, and what a person says of two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

from gateway.cli.doing import by_person
from gateway.cli.opening import author, opened
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, age, tame, utc, write_json, write_table
from gateway.domain.people import ACCOUNT, EMAIL, PHONE, Key, TieState, Why, email_key, phone_key
from gateway.errors import NotFoundError
from gateway.flow.people.judging import Judged, PeopleJudge
from gateway.ports.enriching import AnswerRow
from gateway.store.people_view import PersonLine, TicketLine, TieLine, emails
from gateway.store.unit import SqlTx

REASON = click.option("--reason", default="", help="Why, for the audit trail.")

#: why two are not taken for one by themselves
SPEAKS_AGAINST = {
    Why.SAME_DESK: "two accounts of one connection",
    Why.TWO_ADDRESSES: "one telephone number, two e-mail addresses",
    Why.CONTESTED: "another account claims the address as well",
    Why.SAID: "a person said so",
    Why.SHOWN: "a desk shows both",
}


class PersonPage(msgspec.Struct, frozen=True):
    """All that is known of a person."""

    person: PersonLine
    ties: tuple[TieLine, ...]
    tickets: tuple[TicketLine, ...]
    #: what other systems said: source, what came of it, when, values
    answers: tuple[AnswerRow, ...]
    trail: tuple[dict[str, Any], ...]


@click.group()
def people() -> None:
    """Look at who is who across desks, and say who is one person."""


@people.command("list")
@click.option("--text", "words", default="", help="A part of a name, an address, a number or an account.")
@click.option("--connection", default="", help="Only who has an account there.")
@click.option("--doubts", is_flag=True, help="Only of whom something is left to a person.")
@click.option("--merged", is_flag=True, help="Only who was merged by a person.")
@LIMIT
@JSON
@pass_site
def list_people(
    site: SiteChoice, words: str, connection: str, *, doubts: bool, merged: bool, limit: int, as_json: bool
) -> None:
    """List people, those whom we met last first."""
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            found = tx.people_view.page(
                words=words, connection=connection, doubts=doubts, merged=merged, limit=limit
            )  # fmt: skip
        now = gateway.clock.now()
    if as_json:
        write_json(found)
        return
    rows = [
        (
            line.id[-12:],
            line.name or "-",
            emails(line) or "-",
            ", ".join(_at(each.key) for each in line.known_as if _at(each.key)) or "-",
            str(line.tickets),
            age(line.newest, now),
        )
        for line in found
    ]
    write_table(("ID", "NAME", "E-MAIL", "AT", "TICKETS", "LAST"), rows, grows="E-MAIL", empty="Nobody matches.")
    if rows and doubts:
        click.echo("\ngateway people show ID says what speaks against it; merge or split with both decides")


@people.command()
@click.argument("person")
@LIMIT
@JSON
@pass_site
def show(site: SiteChoice, person: str, limit: int, as_json: bool) -> None:
    """Show one person: accounts and addresses, what ties them together, doubts, tickets.

    PERSON is an id or an end of it, an e-mail address, a telephone number, or CONNECTION:ACCOUNT.
    """
    with opened(site) as gateway, gateway.store.read() as tx:
        who = named(tx, person)
        page = PersonPage(
            person=tx.people_view.lines([who])[0],
            ties=tuple(tx.people_view.tied(who)),
            tickets=tuple(tx.people_view.tickets(who, limit)),
            answers=tuple(tx.answers.of_person(who)),
            trail=tuple(tx.people_view.trail(who)),
        )
    if as_json:
        write_json(page)
    else:
        _write(page)


@people.command()
@click.argument("person")
@click.argument("other")
@REASON
@by_person
@pass_site
def merge(
    site: SiteChoice, person: str, other: str, *, reason: str, who: str | None, dry_run: bool, as_json: bool
) -> None:
    """Say that PERSON and OTHER are one.

    Both are named as show takes them. Their tickets are those of one person from now on; split takes it back exactly.
    """

    def work(tx: SqlTx, judge: PeopleJudge) -> Judged:
        return judge.merge(named(tx, person), named(tx, other))

    _judge(site, work, reason=reason, who=who, dry_run=dry_run, as_json=as_json)


@people.command()
@click.argument("person")
@click.argument("other", required=False)
@click.option("--take", multiple=True, help="An address, a number or CONNECTION:ACCOUNT that is somebody else's.")
@REASON
@by_person
@pass_site
def split(
    site: SiteChoice,
    person: str,
    other: str | None,
    *,
    take: tuple[str, ...],
    reason: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take the latest merge of PERSON back, or what --take names out.

    With OTHER, say that the two are not one person, of whom that was in doubt. What was parted is never tied again but
    by merge.
    """
    if other is not None and take:
        raise click.UsageError("name another person, or what is to be taken out with --take, not both")

    def work(tx: SqlTx, judge: PeopleJudge) -> Judged:
        mine = named(tx, person)
        if other is not None:
            return judge.part(mine, named(tx, other))
        if take:
            return judge.take(mine, [_identity(tx, each) for each in take])
        return judge.undo(mine)

    _judge(site, work, reason=reason, who=who, dry_run=dry_run, as_json=as_json)


# ---------------------------------------------------------------- inside


class _DryRunError(Exception):
    """Carries what would have been done out of a transaction that must not stay."""

    def __init__(self, judged: Judged) -> None:
        super().__init__()
        self.judged = judged


def _judge(
    site: SiteChoice,
    work: Callable[[SqlTx, PeopleJudge], Judged],
    *,
    reason: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    with opened(site) as gateway:
        actor = f"person:{who or author()}"

        def together(tx: SqlTx) -> Judged:
            judged = work(tx, PeopleJudge(tx, ids=gateway.ids, now=gateway.clock.now(), actor=actor, reason=reason))
            if dry_run:
                raise _DryRunError(judged)
            return judged

        try:
            judged = gateway.store.write(together)
        except _DryRunError as trial:
            judged = trial.judged
    if as_json:
        write_json({"dry_run": dry_run, **msgspec.to_builtins(judged)})
        return
    many = len(judged.people) > 1
    verb = "would be" if dry_run else "are" if many else "is"
    click.echo(f"{' and '.join(judged.people)} {verb} {'two people' if many else 'one person'} ({judged.action}):")
    for person, known_as in judged.people.items():
        click.echo(f"  {person[-12:]}  {tame(', '.join(known_as))}")


def named(tx: SqlTx, word: str) -> str:
    """Return the id of the person whom a word means; raises NotFoundError where it is nobody, or could be several."""
    found = tx.people_view.find(word, _key(word))
    if len(found) != 1:
        why = f"{word!r} could be {len(found)} people" if found else f"nobody is known as {word!r}"
        raise NotFoundError(f"{why}: gateway people list shows who there is")
    return found[0]


def _key(word: str) -> Key | None:
    """Return the identity that a word writes out; None: it is an id, or an end of one."""
    if email_key(word):
        return Key(EMAIL, email_key(word))
    if phone_key(word):
        return Key(PHONE, phone_key(word))
    kind, colon, value = word.partition(":")
    if not colon or not value:
        return None
    if kind in {EMAIL, PHONE}:
        return Key(kind, (email_key if kind == EMAIL else phone_key)(value) or value)
    return Key(f"{ACCOUNT}{kind}", value)


def _identity(tx: SqlTx, word: str) -> str:
    key = _key(word)
    found = tx.people.find([key]) if key is not None else ()
    if not found:
        hint = "an address, a number, or CONNECTION:ACCOUNT as gateway people show has it"
        raise NotFoundError(f"nobody is known as {word!r}: --take wants {hint}")
    return found[0].id


def _at(key: str) -> str:
    return "" if not key or key.startswith((f"{EMAIL}:", f"{PHONE}:")) else key


def _write(page: PersonPage) -> None:
    line = page.person
    click.echo(click.style(tame(line.name) or "(no name)", bold=True))
    click.echo(f"{line.id}, {line.tickets} ticket{'s' * (line.tickets != 1)}")
    _head("Known as")
    for each in line.known_as:
        note = "  used by several people, and ties nobody" if each.shared else ""
        called = f"  {tame(each.name)}" if each.name else ""
        click.echo(f"  {tame(each.key) or '(forgotten)'}{called}  since {utc(each.at)}{note}")
    _write_ties(line.id, page.ties)
    if page.answers:
        _head("What other systems say")
    for row in page.answers:
        said = ", ".join(f"{name} {value}" for name, value in row.values.items())
        told = said or row.trouble or row.state.value
        click.echo(f"  {utc(row.answered_at)}  {tame(row.source)}  {row.state.value}  {tame(told)}")
    if page.tickets:
        _head("Tickets")
    for ticket in page.tickets:
        click.echo(f"  {utc(ticket.created_at)}  {ticket.id[-12:]}  {ticket.category:<16} {tame(ticket.title)}")
    if page.trail:
        _head("Audit trail")
    for entry in page.trail:
        told = ", ".join(f"{name} {_in_words(value)}" for name, value in (entry["detail"] or {}).items())
        click.echo(f"  {utc(entry['at'])}  {tame(entry['actor'])}  {tame(entry['action'])}: {tame(told)}")


def _in_words(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _write_ties(person: str, ties: Sequence[TieLine]) -> None:
    for state, title in (
        (TieState.JOINED, "Held together by"),
        (TieState.DOUBTED, "Left to a person"),
        (TieState.APART, "Told apart by a person"),
    ):
        holds = [tie for tie in ties if (tie.persons[0] == tie.persons[1]) == (state is TieState.JOINED)]
        some = [tie for tie in holds if tie.state is state]
        if some:
            _head(title)
        for tie in some:
            why = SPEAKS_AGAINST[tie.why]
            click.echo(f"  {utc(tie.at)}  {tame(tie.one)} and {tame(tie.other)}: {why}  by {tame(tie.actor)}")
        for other in sorted({each for tie in some for each in tie.persons} - {person}):
            if state is TieState.DOUBTED:
                mine, theirs = person[-12:], other[-12:]
                click.echo(f"      gateway people merge {mine} {theirs}, or gateway people split {mine} {theirs}")


def _head(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


@people.command("unmerge", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("_words", nargs=-1)
def unmerge(_words: tuple[str, ...]) -> None:
    """Name the command that takes a merge back."""
    raise click.UsageError("a merge is taken back by: gateway people split PERSON")
