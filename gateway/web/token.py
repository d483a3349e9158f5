"""The token of the page: GATEWAY_TOKEN, else one that is made once and kept beside the keys, for its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from urllib.parse import quote

from gateway.errors import ConfigError

FILE = "token"
_SHORTEST = 16


def page_token(given: str, state: Path) -> str:
    """Return the token; makes one when none is given and none is kept. Two processes that make one agree on it."""
    if given:
        if len(given) < _SHORTEST:
            raise ConfigError(f"GATEWAY_TOKEN has fewer than {_SHORTEST} characters: anybody could guess it")
        return given
    path = state / FILE
    if not path.exists():
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    kept = path.read_text(encoding="ascii").strip()
    if len(kept) < _SHORTEST:
        raise ConfigError(f"{path} holds no token: remove it, and a new one is made")
    return kept


def page_address(address: str, token: str) -> str:
    """Return the address that opens the page once and for all in a browser."""
    return f"{address.rstrip('/')}/?token={quote(token, safe='')}"
