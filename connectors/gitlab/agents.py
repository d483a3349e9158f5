"""The members of the projects, who can be given issues. GitLab shows nobody's presence in that list."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.gitlab.account import Account
from connectors.gitlab.asking import everything, project_path
from connectors.gitlab.mapping import ident, text
from connectors.sdk import AgentState, Call, DeskAgent

#: Planner, the least role that may be given an issue by others; guests may be, too, but do no work
LEAST = 15


def agents(account: Account) -> Call[Sequence[DeskAgent]]:
    """List the members of every project, inherited ones too; who is blocked, or a guest, is not active."""
    found: dict[str, DeskAgent] = {}
    for project in account.projects:
        for row in (yield from everything(f"{project_path(project)}/members/all", "list members")):
            number, level = ident(row.get("id")), row.get("access_level")
            if not number:
                continue
            can = text(row.get("state")) == "active" and isinstance(level, int) and level >= LEAST
            known = found.get(number)
            active = can or (known is not None and known.active)
            email = text(row.get("email")) or text(row.get("public_email"))
            found[number] = DeskAgent(number, email, text(row.get("name")), active, AgentState.UNKNOWN)
    return [found[number] for number in sorted(found)]
