"""The search of the simulated Jira: as much JQL as the connector speaks, pages, and an index that may lag behind."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any

from connectors.jira.sim_state import Records
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer

_CLAUSE = re.compile(
    r'project in \((?P<many>[^)]*)\)|project = (?P<one>"[^"]*")|updated >= -(?P<span>\d+)(?P<unit>[md])'
)
_BROKEN = re.compile(r"\((?P<each>\(cf\[\d+\] = running\(\) AND cf\[\d+\] = breached\(\)\)(?: OR )?)+\) *")
_ORDER = re.compile(r"(?P<field>updated|created) DESC, key DESC")


class Searching(SimulatedDesk):
    """The part of the simulator that searches."""

    cloud: bool
    index_lag: timedelta

    @property
    def records(self) -> Records:
        """What the desk keeps."""
        raise NotImplementedError

    def search_routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths: each deployment has its own."""
        if self.cloud:
            return [("GET", r"/rest/api/(?P<version>[23])/search/jql", self._by_token)]
        return [("GET", r"/rest/api/(?P<version>2)/search", self._by_number)]

    def _by_token(self, request: SimRequest, version: str) -> SimResponse:
        """Answer with a token of the next page, which holds for this search alone; there is no total."""
        jql = request.query.get("jql", "")
        found = self._found(jql)
        if isinstance(found, str):
            return json_answer({"errorMessages": [found], "errors": {}}, 400)
        start = 0
        if token := request.query.get("nextPageToken"):
            place, _, asked = base64.b64decode(token).decode().partition("|")
            if asked != jql:
                return json_answer({"errorMessages": ["The page token is not valid for this search."]}, 400)
            start = int(place)
        size = min(int(request.query.get("maxResults", "50")), 100)
        part = found[start : start + size]
        last = start + size >= len(found)
        token = base64.b64encode(f"{start + size}|{jql}".encode()).decode()
        answer: dict[str, Any] = {"issues": [self.records.issue_json(each, version) for each in part], "isLast": last}
        return json_answer(answer if last else {**answer, "nextPageToken": token})

    def _by_number(self, request: SimRequest, version: str) -> SimResponse:
        found = self._found(request.query.get("jql", ""))
        if isinstance(found, str):
            return json_answer({"errorMessages": [found], "errors": {}}, 400)
        start, size = int(request.query.get("startAt", "0")), min(int(request.query.get("maxResults", "50")), 100)
        part = found[start : start + size]
        shown = [self.records.issue_json(each, version) for each in part]
        return json_answer({"startAt": start, "maxResults": size, "total": len(found), "issues": shown})

    def _found(self, jql: str) -> list[dict[str, Any]] | str:
        """Return the issues that a search shows by now; a text: why it is refused."""
        where, _, order = jql.partition("ORDER BY")
        broken = _BROKEN.search(where)
        where = _BROKEN.sub("", where).rstrip().removesuffix("AND")
        seen = [each for each in self.records.issues.values() if self.now() - each["created"] >= self.index_lag]
        for clause in filter(None, (part.strip() for part in where.split(" AND "))):
            given = _CLAUSE.fullmatch(clause)
            if given is None:
                return f"Error in the JQL Query: {clause!r} is not understood."
            if given["span"]:
                minutes = int(given["span"]) * (1440 if given["unit"] == "d" else 1)
                bound = (self.now() - timedelta(minutes=minutes)).replace(second=0, microsecond=0)
                seen = [each for each in seen if each["updated"] >= bound]
                continue
            keys = {key.strip().strip('"') for key in (given["many"] or given["one"]).split(",")}
            unknown = sorted(keys - set(self.records.projects))
            if unknown:
                return f"The value '{unknown[0]}' does not exist for the field 'project'."
            seen = [each for each in seen if each["project"] in keys]
        if broken:
            numbers = {f"customfield_{each}" for each in re.findall(r"cf\[(\d+)\]", broken[0])}
            seen = [each for each in seen if any(_is_broken(each.get("slas", {}).get(name)) for name in numbers)]
        ordered = _ORDER.fullmatch(order.strip())
        if order and ordered is None:
            return f"Error in the JQL Query: cannot order by {order.strip()!r}."
        field = ordered["field"] if ordered else "created"
        return sorted(seen, key=lambda each: (each[field], int(each["id"])), reverse=True)


def _is_broken(value: dict[str, Any] | None) -> bool:
    going = (value or {}).get("ongoingCycle") or {}
    return going.get("breached") is True and going.get("paused") is not True
