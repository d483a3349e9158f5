"""Files of the simulated Zendesk: uploads wait under a token until a comment takes them."""

from __future__ import annotations

from typing import Any

from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.zendesk.sim_answers import missing
from connectors.zendesk.sim_staff import StaffedDesk


class FilingDesk(StaffedDesk):
    """What a Zendesk does with files."""

    def file_routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of files."""
        return [
            ("POST", r"/api/v2/uploads(?:\.json)?", self._upload),
            ("GET", r"/api/v2/attachments/(?P<number>\d+)(?:\.json)?", self._attachment),
            ("GET", r"/attachments/token/(?P<token>[A-Za-z0-9]+)/", self._leads),
            ("GET", r"/cdn/(?P<token>[A-Za-z0-9]+)", self._file),
        ]

    def act_attach(self, ticket_id: int | str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent comment with a file."""
        kind = "image/png" if name.endswith(".png") else "application/octet-stream"
        token = self.records.stage(self.url, name, kind, data)
        self.act("comment", ticket_id=ticket_id, body=f"See {name}", public=public, uploads=[token])

    def _upload(self, request: SimRequest) -> SimResponse:
        kind = request.headers.get("content-type", "application/octet-stream")
        token = self.records.stage(self.url, request.query.get("filename", ""), kind, request.body)
        made = self.records.uploads[token]
        return json_answer({"upload": {"token": token, "attachment": made, "attachments": [made]}}, 201)

    def _attachment(self, request: SimRequest, number: str) -> SimResponse:
        del request
        found = next((each for each in self.records.uploads.values() if each["id"] == int(number)), None)
        return json_answer({"attachment": found}) if found else missing()

    def _leads(self, request: SimRequest, token: str) -> SimResponse:
        """Lead to where the bytes are, as Zendesk does."""
        del request
        return SimResponse(302, {"Location": f"{self.url}/cdn/{token}"}) if token in self.records.bytes else missing()

    def _file(self, request: SimRequest, token: str) -> SimResponse:
        del request
        found: dict[str, Any] = self.records.uploads.get(token, {})
        data = self.records.bytes.get(token)
        return missing() if data is None else SimResponse(200, {"Content-Type": found["content_type"]}, data)
