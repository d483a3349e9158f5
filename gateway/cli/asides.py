"""`gateway connections set-aside`: what a desk sent that no person wrote, and how one is taken after all."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gateway.cli.opening import author, opened, ring
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, tame, utc, write_json, write_table
from gateway.errors import NotFoundError
from gateway.ports import AuditEntry, DeliveryRow
from gateway.store.unit import SqlTx


@click.command("set-aside")
@click.argument("connection")
@click.option("--take", default="", metavar="ID", help="Take this one after all, as if a person had written it.")
@LIMIT
@JSON
@pass_site
def set_aside(site: SiteChoice, connection: str, take: str, limit: int, as_json: bool) -> None:
    """List what a connection set aside, such as automatic mail, each with its reason.

    With --take, one of them is entered like any other: a ticket, or a comment. ID is its id, or the last characters
    of it.
    """
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            rows = tx.inbox.aside(connection, limit if not take else 10_000)
        if not rows:
            # of one that the site had once, what it set aside is listed as long as it is kept
            gateway.site().connector(connection)
        if take:
            row = _named(rows, take, connection)
            who = f"person:{author()}"

            def work(tx: SqlTx) -> None:
                if not tx.inbox.take_after_all(row.id):
                    raise NotFoundError(f"{row.id[-12:]} was taken, or is gone, meanwhile")
                detail = {"delivery": row.id, "at": connection}
                tx.audit.add([AuditEntry(gateway.clock.now(), who, "taken after all", "", detail, row.trace_id)])

            gateway.store.write(work)
            ring(gateway, "apply")
            if as_json:
                write_json({"id": row.id, "taken": True})
            else:
                click.echo(f"Taken: {row.id[-12:]} is entered as soon as `gateway up` runs.")
            return
    if as_json:
        write_json([{"id": row.id, "received_at": row.received_at, "why": row.detail} for row in rows])
        return
    lines = [(row.id[-12:], utc(row.received_at), tame(row.detail)) for row in rows]
    write_table(("ID", "RECEIVED", "WHY"), lines, grows="WHY", empty=f"{connection} set nothing aside.")


def _named(rows: Sequence[DeliveryRow], word: str, connection: str) -> DeliveryRow:
    found = [row for row in rows if row.id == word or (len(word) >= 6 and row.id.endswith(word))]
    if len(found) == 1:
        return found[0]
    why = "nothing that was set aside" if not found else f"{len(found)} of those that were set aside"
    raise NotFoundError(f"{word!r} names {why} by {connection}: see gateway connections set-aside {connection}")
