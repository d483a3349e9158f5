"""Access tokens of desks that want OAuth 2.0: got when needed, kept in this process, renewed before they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.errors import LoginRefusedError, NotSentError
from gateway.ports import Connector, Grant, HttpResponse

#: a token is renewed so many seconds before it ends: it has to last for the request
MARGIN = 60.0
#: a desk that refuses a token that is younger than this refuses us, and not the token
YOUNG = 5.0


class _Held(msgspec.Struct, frozen=True):
    grant: Grant
    token: str
    got_at: float
    until: float


class Tokens:
    """The tokens of every connection. `ask` posts the form of a grant."""

    def __init__(self, ask: Callable[[Connector, Grant], HttpResponse], young: float = YOUNG) -> None:
        self._young = young
        self._ask = ask
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def of(self, connector: Connector, grant: Grant) -> str:
        """Return a token that holds for now; raises LoginRefusedError or NotSentError where none can be got."""
        name = connector.settings.name
        with self._lock:
            held = self._held.get(name)
            if held is None or held.grant != grant or time.monotonic() > held.until - MARGIN:
                held = self._got(connector, grant)
                self._held[name] = held
            return held.token

    def forget(self, name: str) -> bool:
        """Let a token go that a desk has refused; False where there is none, or it is as fresh as any would be."""
        with self._lock:
            held = self._held.get(name)
            if held is None or time.monotonic() - held.got_at < self._young:
                return False
            del self._held[name]
            return True

    def _got(self, connector: Connector, grant: Grant) -> _Held:
        name = connector.settings.name
        answer = self._ask(connector, grant)
        said = _object(answer)
        if answer.status in {400, 401, 403}:
            why = str(said.get("error") or f"HTTP {answer.status}")[:100]
            raise LoginRefusedError(f"{name}: no access token was given ({why}): check the client id and its secret")
        token = said.get("access_token")
        if not answer.ok or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise NotSentError(f"{name}: no access token came (HTTP {answer.status}); nothing was sent")
        lasts = said.get("expires_in")
        try:
            seconds = max(0.0, float(lasts)) if lasts else float(grant.lifetime)
        except (TypeError, ValueError):
            seconds = float(grant.lifetime)
        now = time.monotonic()
        # a token that ends sooner than the margin is used for as long as it holds
        return _Held(grant, token, now, now + max(seconds, MARGIN + 1))


def _object(answer: HttpResponse) -> dict[str, Any]:
    try:
        found = answer.json()
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
