"""The agents of a Zendesk account, and how each is shown.

Who they are stands in the list of users by role [Z16]: `suspended` ones, and those without a seat for tickets (light
agents, contributors, billing admins: `role_type`), cannot be assigned. How they are is the unified agent status [Z17],
which an account has with omnichannel routing and shows to admins only: 403 and 404 mean that nobody is known to be
away. Of the four statuses that Zendesk brings along [Z18] only *Online* takes new work; *Transfers only* takes what
colleagues hand over, which is not ours to give. A status that an admin has made says by its channels what it means:
that of `support` is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from connectors.sdk import AgentState, Call, DeskAgent, TransportError
from connectors.zendesk.asking import API, MAX_PAGES, PAGE, ask, get, more_after
from connectors.zendesk.mapping import Json, ident, moment, obj, objects, text

#: an admin who has no seat is `admin` too; an agent's role of the account's own making is still `agent`
ROLES = ("agent", "admin")
#: light agents, chat-only agents, contributors and billing admins: they comment at most
WITHOUT_SEAT = frozenset({1, 2, 3, 5})
#: by name, as it is written, and by the number of what Zendesk brings along
STATES: Mapping[str, AgentState] = {
    "online": AgentState.AVAILABLE,
    "away": AgentState.AWAY,
    "transfers_only": AgentState.AWAY,
    "offline": AgentState.OFFLINE,
}
NUMBERS: Mapping[str, AgentState] = {
    "2": AgentState.OFFLINE,
    "3": AgentState.AVAILABLE,
    "4": AgentState.AWAY,
    "5": AgentState.AWAY,
}
SUPPORT = "support"


class _Shown(msgspec.Struct, frozen=True):
    state: AgentState
    since: datetime | None


def agents() -> Call[Sequence[DeskAgent]]:
    """List every agent, with their state where the account has one that we may see."""
    users: dict[str, Json] = {}
    for role in ROLES:
        users |= yield from _users(role)
    shown = yield from _availabilities()
    return [_agent(number, user, shown.get(number)) for number, user in sorted(users.items())]


def _agent(number: str, user: Json, shown: _Shown | None) -> DeskAgent:
    without_seat = user.get("role_type") in WITHOUT_SEAT
    active = user.get("active") is not False and user.get("suspended") is not True and not without_seat
    state, since = (shown.state, shown.since) if shown is not None and active else (AgentState.UNKNOWN, None)
    return DeskAgent(number, text(user.get("email")), text(user.get("name")), active, state, since)


def _users(role: str) -> Call[dict[str, Json]]:
    """Read the users of a role by cursor pages [Z16]."""
    found: dict[str, Json] = {}
    params = {"role": role, "page[size]": str(PAGE)}
    for _ in range(MAX_PAGES):
        body = (yield from ask(get(f"{API}/users", f"list {role}s", **params), none=())) or {}
        found |= {number: user for user in objects(body.get("users")) if (number := ident(user.get("id")))}
        after = text(obj(body.get("meta")).get("after_cursor"))
        if not more_after(body) or not after:
            return found
        params["page[after]"] = after
    # a part of them would make the others look as if they had gone
    msg = f"Zendesk lists more than {MAX_PAGES * PAGE} {role}s"
    raise TransportError(msg)


def _availabilities() -> Call[dict[str, _Shown]]:
    """Read how agents are, by their ids; empty where this account has no such thing, or does not show it to us."""
    found: dict[str, _Shown] = {}
    params = {"page[size]": str(PAGE)}
    for _ in range(MAX_PAGES):
        request = get(f"{API}/agent_availabilities", "how agents are", **params)
        body = yield from ask(request, none=(403, 404))
        if body is None:
            break
        channels = _channels(body)
        for each in objects(body.get("data")):
            attributes = obj(each.get("attributes"))
            number = ident(attributes.get("agent_id"))
            if number:
                found[number] = _shown(obj(attributes.get("agent_status")), channels.get(number, {}))
        after = _after(body)
        if not after or after == params.get("page[after]"):
            break
        params["page[after]"] = after
    return found


def _shown(status: Json, channels: Mapping[str, str]) -> _Shown:
    since = moment(status.get("updated_at"))
    name = "_".join(text(status.get("name")).lower().split())
    state = STATES.get(name) or NUMBERS.get(ident(status.get("id"))) or STATES.get(channels.get(SUPPORT, ""))
    if state is None and channels:
        # no word of tickets: who is online for anything is here
        said = {STATES[each] for each in channels.values() if each in STATES}
        order = (AgentState.AVAILABLE, AgentState.AWAY, AgentState.OFFLINE)
        state = next((each for each in order if each in said), None)
    return _Shown(state or AgentState.UNKNOWN, since)


def _channels(body: Json) -> dict[str, dict[str, str]]:
    """Return the states of agents by channel: resources named `agent_availabilities|AGENT|channels|CHANNEL` [Z17]."""
    found: dict[str, dict[str, str]] = {}
    for each in objects(body.get("included")):
        parts = text(each.get("id")).split("|")
        if len(parts) == 4 and parts[2] == "channels":
            found.setdefault(parts[1], {})[parts[3]] = text(obj(each.get("attributes")).get("status")).lower()
    return found


def _after(body: Json) -> str:
    """Return the cursor of the next page: in `meta`, or in the address that `links` names."""
    meta: Any = obj(body.get("meta"))
    if meta.get("has_more") is False:
        return ""
    after = text(meta.get("after_cursor"))
    if after and meta.get("has_more") is True:
        return after
    following = text(obj(body.get("links")).get("next"))
    return next(iter(parse_qs(urlsplit(following).query).get("page[after]", [])), "") if following else ""
