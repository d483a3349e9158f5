"""The accounts that a site names, and whether each can be assigned. Users say nothing of their presence."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.sdk import AgentState, Call, DeskAgent
from connectors.servicenow import mapping
from connectors.servicenow.asking import everything, table
from connectors.servicenow.mapping import is_sys_id, plain
from connectors.servicenow.reads import USER

_MANY = 50


def agents(accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Say of each account whether it is there and active."""
    wanted = sorted({account for account in accounts if is_sys_id(account)})
    found: list[DeskAgent] = []
    for start in range(0, len(wanted), _MANY):
        some = frozenset(wanted[start : start + _MANY])
        listed = yield from everything(
            lambda offset, some=some: table(  # type: ignore[misc]
                "sys_user", f"sys_idIN{','.join(sorted(some))}^ORDERBYsys_id", USER, "list agents", offset=offset
            ),
            lambda row, some=some: plain(row.get("sys_id")) in some,  # type: ignore[misc]
        )
        for row in listed:
            who = mapping.user(row)
            if who is not None:
                active = plain(row.get("active")) == "true"
                found.append(DeskAgent(who.external_id, who.email, who.name, active, AgentState.UNKNOWN))
    return found
