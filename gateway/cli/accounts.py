"""What desks say of the accounts that a site names for those who work on tickets: those that cannot be assigned."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli.opening import glance
from gateway.cli.site import SiteChoice
from gateway.cli.tables import age
from gateway.domain.availability import KnownAgent, stamp
from gateway.ports import AgentsRead
from gateway.store.unit import SqlTx
from gateway.system import SystemClock
from rules.routes import Routing

Heard = tuple[dict[str, AgentsRead], dict[tuple[str, str], KnownAgent]]


def remarks(site: SiteChoice, routing: Routing) -> list[str]:
    """Return a line for each account that its desk does not know, or that is deactivated there.

    Nothing is said where the site has no record yet, or a desk was not read.
    """

    def heard(tx: SqlTx) -> Heard:
        known = {(each.connection, each.account_id): each for each in tx.staff.known(SystemClock().now())}
        return {read.connection: read for read in tx.staff.reads()}, known

    nothing: Heard = ({}, {})
    return list(_told(routing, glance(site, heard, nothing)))


def _told(routing: Routing, heard: Heard) -> Iterator[str]:
    reads, known = heard
    for (connection, account), person in sorted(routing.people.items()):
        read = reads.get(connection)
        if not connection or person not in routing.roster.of_person or read is None or read.read_at is None:
            continue
        found = known.get((connection, account))
        where = f"people.{person}.accounts.{connection}"
        if found is None:
            ago = age(read.read_at, SystemClock().now())
            yield (
                f"{person} has the account {account} at {connection}, which does not list it (asked {ago} ago): "
                f"correct {where}, or let the gateway's own account there see it"
            )
        elif not found.active:
            yield (
                f"{person} is given nothing: the account {account} is deactivated at {connection} since "
                f"{stamp(found.since)}; activate it there, or take {where} out"
            )
