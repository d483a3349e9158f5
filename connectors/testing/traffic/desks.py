"""What people do in the two desks, in each desk's own words, over the control interface of its simulator."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

#: our levels, lowest first, as each desk writes them
ZENDESK_PRIORITIES = ("low", "normal", "high", "urgent")
RT_PRIORITIES = (25, 50, 75, 100)
_TIMEOUT = 20


class DeskError(Exception):
    """A simulator refused, or does not answer."""


class DeskAwayError(DeskError):
    """It does not answer: it is down, or not up yet."""


class SimulatorClient:
    """One simulator's /_sim/."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port
        self._seen = 0

    def act(self, doing: str, /, **arguments: Any) -> Any:
        """Let a person do something; returns what came of it."""
        return self._ask("POST", "/_sim/act", {"act": doing, "args": arguments})["result"]

    def fault(self, **fault: Any) -> None:
        """Arm a fault."""
        self._ask("POST", "/_sim/faults", fault)

    def weather(self, **weather: Any) -> None:
        """Say how unreliable the desk's webhooks are."""
        self._ask("POST", "/_sim/webhooks", {"weather": weather})

    def weather_now(self) -> dict[str, Any]:
        """Return how unreliable they are, as far as it differs from not at all."""
        found: dict[str, Any] = self._ask("POST", "/_sim/webhooks", {})["weather"]
        return found

    def news(self) -> list[dict[str, Any]]:
        """Return the effects since the last look."""
        found: list[dict[str, Any]] = self._ask("GET", f"/_sim/effects?after={self._seen}")["effects"]
        self._seen += len(found)
        return found

    def _ask(self, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT)
        try:
            connection.request(method, path, None if given is None else json.dumps(given))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DeskAwayError(f"{path}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise DeskError(f"{path}: {answer.status} {body[:200]!r}")
        return json.loads(body)


class Zendesk(SimulatorClient):
    """The customers' desk: customers write here, agents answer."""

    def create(self, title: str, body: str, *, name: str, email: str, priority: int | None) -> str:
        """Let a customer write in; returns the ticket's id."""
        fields = {} if priority is None else {"priority": ZENDESK_PRIORITIES[priority]}
        return str(self.act("create", subject=title, body=body, name=name, email=email, **fields)["id"])

    def customer(self, ticket: str, text: str) -> None:
        """Let the customer reply."""
        self.act("comment", ticket_id=ticket, body=text, by="customer")

    def reply(self, ticket: str, text: str) -> None:
        """Let an agent reply to the customer."""
        self.act("comment", ticket_id=ticket, body=text)

    def note(self, ticket: str, text: str) -> None:
        """Let an agent write to colleagues only."""
        self.act("comment", ticket_id=ticket, body=text, public=False)

    def status(self, ticket: str, word: str) -> None:
        """Set the status."""
        self.act("set", ticket_id=ticket, status=word)

    def priority(self, ticket: str, level: int) -> None:
        """Set the priority."""
        self.act("set", ticket_id=ticket, priority=ZENDESK_PRIORITIES[level])


class RequestTracker(SimulatorClient):
    """The engineers' desk: the gateway makes its tickets."""

    def reply(self, ticket: str, text: str, by: str) -> None:
        """Let an engineer reply to the customer."""
        self.act("reply", ticket=ticket, body=text, by=by)

    def note(self, ticket: str, text: str, by: str) -> None:
        """Let an engineer write to colleagues only."""
        self.act("note", ticket=ticket, body=text, by=by)

    def status(self, ticket: str, word: str, by: str) -> None:
        """Set the status."""
        self.act("set", ticket=ticket, Status=word, by=by)

    def priority(self, ticket: str, level: int, by: str) -> None:
        """Set the priority."""
        self.act("set", ticket=ticket, Priority=RT_PRIORITIES[level], by=by)

    def copies(self) -> dict[str, str]:
        """Return title -> number of the tickets that were made by the gateway since the last look."""
        return {
            str(effect["detail"]["given"]["Subject"]): str(effect["remote_id"])
            for effect in self.news()
            if effect["kind"] == "create" and effect.get("method")
        }
