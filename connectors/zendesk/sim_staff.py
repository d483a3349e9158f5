"""The agents of the simulated Zendesk: its users by role, and, with omnichannel routing, how each is shown."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from connectors.testing.desk import SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.zendesk.sim_answers import limits, missing
from connectors.zendesk.sim_state import Records, stamp

#: the statuses that every account has: name -> number, and what they mean for each channel
STATUSES = {"offline": 2, "online": 3, "away": 4, "transfers_only": 5}
CHANNELS = ("messaging", "support", "talk")


class StaffedDesk(SimulatedDesk):
    """What a Zendesk shows of its agents."""

    records: Records

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        #: omnichannel routing is on: else Zendesk has no such status
        self.omnichannel = False
        #: and it is shown to admins only
        self.is_admin = True
        #: user -> (name of the status, channel -> status, since)
        self.statuses: dict[int, tuple[str, dict[str, str], str]] = {}

    # -- what people do

    def act_agent(self, email: str, name: str = "", user_id: int = 0, role: str = "agent", **fields: Any) -> int:
        """Let an admin add an agent, or change one (`suspended`, `role_type`, `active`); returns the user's id."""
        known = next((number for number, user in self.records.users.items() if user["email"] == email.lower()), 0)
        number = known or user_id or self.records.user(email, name, role)
        before = self.records.users.get(number, {})
        blank = {"phone": None, "organization_id": None, "active": True, "suspended": False, "role_type": None}
        user = {**blank, **before, "id": number, "email": email.lower(), "name": name or before.get("name") or email}
        self.records.users[number] = {**user, "role": role, **fields}
        return number

    def act_status(self, user_id: int | str, status: str, **channels: str) -> None:
        """Let an agent choose a status: of Zendesk's own, or of the account's, with what it means for each channel."""
        self.omnichannel = True
        everywhere = "offline" if status == "away" else status
        shown = channels or dict.fromkeys(CHANNELS, everywhere if status in STATUSES else "online")
        self.statuses[int(user_id)] = (status, shown, stamp(self.now()))

    def act_gone(self, user_id: int | str) -> None:
        """Let an admin delete an agent: lists of users have them no more."""
        del self.records.users[int(user_id)]
        self.statuses.pop(int(user_id), None)

    # -- the API

    def _users(self, request: SimRequest) -> SimResponse:
        """Answer the list of users, of a role where one is asked for, by cursor pages."""
        role = request.query.get("role", "")
        found = [user for _, user in sorted(self.records.users.items()) if not role or user["role"] == role]
        part, paging = self._by_cursor(request, found)
        return json_answer({"users": part, **paging}, 200, limits())

    def _availabilities(self, request: SimRequest) -> SimResponse:
        """Answer how agents are (JSON:API, by cursor pages)."""
        if not self.omnichannel:
            return missing()
        if not self.is_admin:
            return json_answer({"errors": [{"code": "Forbidden", "status": "403", "title": "Forbidden"}]}, 403)
        part, paging = self._by_cursor(request, sorted(self.statuses.items()))
        data = [self._availability(number, status, since) for number, (status, _, since) in part]
        included = [
            {
                "id": f"agent_availabilities|{number}|channels|{channel}",
                "type": "channels",
                "attributes": {"name": channel, "status": shown, "work_item_count": 0},
            }
            for number, (_, channels, _) in part
            for channel, shown in channels.items()
        ]
        return json_answer({"data": data, "included": included, **paging}, 200, limits())

    def _availability(self, number: int, status: str, since: str) -> dict[str, Any]:
        name = f"agent_availabilities|{number}"
        said = {"id": STATUSES.get(status, 10_001), "name": status, "reason": "UNKNOWN", "updated_at": since}
        return {
            "id": name,
            "type": "agent_availabilities",
            "attributes": {"agent_id": number, "agent_status": said, "group_ids": [], "skills": [], "version": 1},
            "links": {"self": f"{self.url}/api/v2/agent_availabilities/{number}"},
            "relationships": {"channels": {"data": []}},
        }

    def _by_cursor(self, request: SimRequest, found: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        size = max(1, min(int(request.query.get("page[size]", "100")), 100))
        begin = int(base64.b64decode(request.query["page[after]"])) if "page[after]" in request.query else 0
        more = begin + size < len(found)
        after = base64.b64encode(str(begin + size).encode()).decode() if more else None
        following = f"{self.url}{request.path}?page%5Bafter%5D={after}&page%5Bsize%5D={size}" if more else None
        paging = {"meta": {"has_more": more, "after_cursor": after, "before_cursor": None}}
        return found[begin : begin + size], {**paging, "links": {"next": following, "prev": None}}
