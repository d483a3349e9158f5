"""Who of the site's people can be assigned in Roundup. It knows no presence: a user is there, or retired."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.roundup.calls.desk import Desk, collection
from connectors.roundup.mapping import text
from connectors.sdk import Call, DeskAgent


def agents(desk: Desk, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Look for these user names; one that Roundup does not have, or has retired, is left out of its searches."""
    found: list[DeskAgent] = []
    for name in sorted(accounts):
        params = {"username:": name, "@fields": "username,realname,address", "@verbose": "2"}
        rows = yield from collection(desk, "/user", params, "look for agent")
        found += [
            DeskAgent(text(row.get("username")), text(row.get("address")), text(row.get("realname")), active=True)
            for row in rows
        ]
    return found
