"""`ports.Transport` for every kind of desk: HTTP requests go by `gateway.http`, mail commands by `gateway.mail`."""

from __future__ import annotations

from gateway.http import HttpTransport
from gateway.mail import MailTransport
from gateway.ports import Connector, Files, HttpRequest, HttpResponse, Skew
from gateway.ports.mail import MailRequest


class DeskTransport:
    """Sends what connectors yield. One for a process; threads share it, a fork gets connections of its own."""

    def __init__(self, *, files: Files | None = None, http: HttpTransport | None = None) -> None:
        self.http = http or HttpTransport(files=files)
        self.mail = MailTransport(files=files, token=self.http.token)

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:
        """Send once, without retry or redirect, within `deadline` seconds in all.

        Raises NotSentError when it is certain that the desk got nothing, OutcomeUnknownError otherwise.
        """
        way = self.mail if isinstance(request, MailRequest) else self.http
        return way.send(connector, request, deadline=deadline, trace_id=trace_id)

    def skew(self, connection: str) -> Skew | None:
        """Return how far a desk's clock is ahead of ours; None where it is not known, as with mail."""
        return self.http.skew(connection)

    def close(self) -> None:
        """Close the idle connections."""
        self.http.close()
        self.mail.close()
