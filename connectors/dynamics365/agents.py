"""The users of an environment who can own cases; how they are is shown by Omnichannel only, and not read here."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.dynamics365.account import Account
from connectors.dynamics365.asking import PAGE, every, get
from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import text
from connectors.sdk import AgentState, Call, DeskAgent, TransportError

#: systemuser.accessmode of people: read-write and administrative; the others are applications and support
PEOPLE = "(accessmode eq 0 or accessmode eq 1)"


def agents(account: Account) -> Call[Sequence[DeskAgent]]:
    """List every user who can own cases."""
    chosen = "systemuserid,fullname,internalemailaddress,isdisabled"
    asked = get(
        "systemusers", "list users", select=chosen, filter=PEOPLE, orderby="systemuserid",
        prefer=f"odata.maxpagesize={PAGE}",
    )  # fmt: skip
    users = yield from every(account, asked, none=(403, 404))
    if users is None:
        msg = "Dynamics 365 does not show us its users"
        raise TransportError(msg)
    return [
        DeskAgent(
            guid(user.get("systemuserid")),
            text(user.get("internalemailaddress")),
            text(user.get("fullname")),
            user.get("isdisabled") is not True,
            AgentState.UNKNOWN,
            None,
        )
        for user in users
    ]
