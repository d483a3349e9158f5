"""A server of calendars on loopback, as a rota tool publishes them: with an ETag, and whatever a test lets go wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse


def shift(person: str, start: datetime, end: datetime, **more: str) -> str:
    """Return one shift, in UTC."""
    lines = {
        "UID": f"{person}-{start:%Y%m%d%H%M}",
        "DTSTART": f"{start:%Y%m%dT%H%M%SZ}",
        "DTEND": f"{end:%Y%m%dT%H%M%SZ}",
    }
    lines |= {"SUMMARY": person, **more}
    return "\n".join(["BEGIN:VEVENT", *(f"{name}:{value}" for name, value in lines.items()), "END:VEVENT"])


def calendar(*shifts: str, stamp: str = "") -> bytes:
    """Return a calendar of them; `stamp` is when it was written out."""
    found = [each.replace("BEGIN:VEVENT", f"BEGIN:VEVENT\nDTSTAMP:{stamp}") if stamp else each for each in shifts]
    return "\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//ops//rota//EN", *found, "END:VCALENDAR", ""]
    ).encode()


class FeedServer:
    """Serves one calendar below an address that only its readers know."""

    PATH = "/rotas/private-0c9f3b7a41d2e85f6/basic.ics"

    def __init__(self, body: bytes = b"") -> None:
        self.body = body
        self.etag = '"1"'
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests: list[SimRequest] = []
        self._server = LoopbackServer(self._answer)

    @property
    def url(self) -> str:
        """The address."""
        return f"{self._server.url}{self.PATH}"

    def __enter__(self) -> Self:
        self._server.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.refuse()

    def away(self) -> None:
        """Let nobody answer any more."""
        self._server.refuse()

    def back(self) -> None:
        """Answer again."""
        self._server.listen()

    def _answer(self, request: SimRequest) -> SimResponse:
        self.requests.append(request)
        if request.path != self.PATH:
            return SimResponse(404)
        if self.status != 200:
            return SimResponse(self.status, self.headers)
        if request.headers.get("if-none-match") == self.etag:
            return SimResponse(304, {"ETag": self.etag})
        return SimResponse(200, {"Content-Type": "text/calendar", "ETag": self.etag, **self.headers}, self.body)
