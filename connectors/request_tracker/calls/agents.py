"""Who of the site's people can own tickets in RT. RT knows no presence: only whether an account is there and enabled.

RT lists its staff and everybody who ever wrote in as one, often a hundred thousand users, so only the accounts that the
site names are looked for. The search leaves disabled users out (RT::Users); a name that it leaves out is asked for by
itself, for `/user/NAME` answers for disabled ones, too, and says whether they are privileged: without that nobody
owns a ticket. An account without AdminUsers is not told `Disabled`, so it counts that the search leaves it out.
Measured on RT 5.0.3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.request_tracker.calls.desk import PAGE, Desk, ask, decoded, require, rows
from connectors.request_tracker.mapping import text
from connectors.sdk import Call, DeskAgent, TransportError

#: names in one search: the address of a request has its limits
TOGETHER = 40
FIELDS = "Name,EmailAddress,RealName"


def agents(desk: Desk, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Look for these accounts; one that RT does not have is left out."""
    names = sorted(accounts)
    found: list[DeskAgent] = []
    for first in range(0, len(names), TOGETHER):
        some = names[first : first + TOGETHER]
        enabled = yield from _enabled(desk, some)
        for name in some:
            known = enabled.get(name.lower())
            agent = _agent(name, known, active=True) if known is not None else (yield from _alone(desk, name))
            if agent is not None:
                found.append(agent)
    return found


def _enabled(desk: Desk, names: Sequence[str]) -> Call[dict[str, dict[str, Any]]]:
    """Return those that are enabled, by login in small letters: RT compares names so."""
    query = [{"field": "Name", "operator": "=", "value": name, "entry_aggregator": "OR"} for name in names]
    params = {"query": msgspec.json.encode(query).decode(), "fields": FIELDS, "per_page": str(PAGE)}
    response = yield desk.request("GET", "/users", params=params, label="list users")
    require(response)
    found = {text(row.get("Name")).lower(): row for row in rows(decoded(response))}
    wanted = {name.lower() for name in names}
    # a field that may not be searched by is ignored: everybody would be found
    return {name: row for name, row in found.items() if name in wanted}


def _alone(desk: Desk, name: str) -> Call[DeskAgent | None]:
    """Ask for one that was not among the enabled: it is disabled, named by its number, or not there."""
    row = yield from ask(desk.request("GET", f"/user/{quote(name, safe='')}", label="read user"))
    if not isinstance(row, dict):
        return None
    login = text(row.get("Name"))
    if not login:
        msg = f"RT's answer is not a user: {name}"
        raise TransportError(msg)
    enabled: Iterable[str] = (yield from _enabled(desk, [login])) if login.lower() != name.lower() else ()
    privileged = str(row.get("Privileged", "1")) not in {"0", ""}
    return _agent(name, row, active=login.lower() in enabled and privileged)


def _agent(name: str, row: dict[str, Any], *, active: bool) -> DeskAgent:
    return DeskAgent(name, text(row.get("EmailAddress")), text(row.get("RealName")), active)
