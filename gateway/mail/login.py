"""Who we are at a mail server: a password, or an access token."""

from __future__ import annotations

import msgspec


class Login(msgspec.Struct, frozen=True):
    """What proves us; its repr shows no secret."""

    user: str
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Name the user only."""
        return f"Login({self.user!r})"


def xoauth2(login: Login) -> bytes:
    """Return the answer to XOAUTH2, as Google and Microsoft describe it for IMAP and SMTP."""
    return f"user={login.user}\x01auth=Bearer {login.token}\x01\x01".encode()
