"""The agents of an org, and how Omni-Channel shows those who are at work.

Whoever can be assigned is an active user of the type Standard. `UserServicePresence` has a row for each presence that
goes on (`IsCurrentState`), with `IsAway`; whoever has none may work without Omni-Channel, so nothing is known of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.salesforce.account import Account
from connectors.salesforce.asking import every
from connectors.salesforce.ids import full_id
from connectors.salesforce.mapping import moment, said_true, text
from connectors.sdk import AgentState, Call, DeskAgent, TransportError

USERS = "SELECT Id, Name, Email, IsActive FROM User WHERE UserType = 'Standard' ORDER BY Id"
PRESENCES = "SELECT UserId, IsAway, StatusStartDate FROM UserServicePresence WHERE IsCurrentState = true"


def agents(account: Account) -> Call[Sequence[DeskAgent]]:
    """List every user who can own cases, with their state where Omni-Channel shows one."""
    users = yield from every(account, USERS, "list users")
    if users is None:
        msg = "Salesforce does not show us its users"
        raise TransportError(msg)
    presences = yield from every(account, PRESENCES, "how agents are")
    shown = {full_id(text(row.get("UserId"))): row for row in presences or ()}
    found = []
    for user in users:
        number = full_id(text(user.get("Id")))
        active = said_true(user.get("IsActive"))
        row = shown.get(number) if active else None
        state = AgentState.UNKNOWN
        if row is not None:
            state = AgentState.AWAY if said_true(row.get("IsAway")) else AgentState.AVAILABLE
        since = moment(row.get("StatusStartDate")) if row is not None else None
        found.append(DeskAgent(number, text(user.get("Email")), text(user.get("Name")), active, state, since))
    return found
