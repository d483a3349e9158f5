"""Who may see the page and the read API: whoever has the token of this gateway.

The token comes once in the address (`?token=`), is exchanged for a cookie that scripts cannot read, and leaves the
address at once; programs send `Authorization: Bearer`. The cookie holds a digest of the token, and its name another,
so that two gateways on one host do not take each other's cookie.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlencode

from flask import Request, Response

_AGE = 30 * 86400


class Access:
    """Checks requests against one token."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._cookie = _digest("cookie", token)
        self.cookie_name = f"gateway_{_digest('name', token)[:8]}"
        #: what a form of a page carries: another site may send a form here, cookie included, but cannot know this
        self.form_key = _digest("form", token)

    def allows(self, request: Request) -> bool:
        """Say whether the request shows the token or its cookie."""
        if not self._token:
            return False
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return _same(given.strip(), self._token)
        return _same(request.cookies.get(self.cookie_name, ""), self._cookie)

    def allows_form(self, request: Request) -> bool:
        """Say whether a form that changes something comes from a page of ours."""
        return self.allows(request) and _same(request.form.get("form_key", ""), self.form_key)

    def exchange(self, request: Request) -> Response | None:
        """Return the redirect that puts a token of the address into a cookie; None when it has no right one."""
        if not self._token or not _same(request.args.get("token", ""), self._token):
            return None
        rest = [(name, value) for name, value in request.args.items(multi=True) if name != "token"]
        # one slash: //host would be another site
        path = "/" + request.path.lstrip("/")
        answer = Response(status=303, headers={"Location": f"{path}?{urlencode(rest)}" if rest else path})
        answer.set_cookie(
            self.cookie_name,
            self._cookie,
            max_age=_AGE,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
            path="/",
        )
        return answer


def _digest(use: str, token: str) -> str:
    return hmac.new(token.encode(), f"gateway page {use}".encode(), hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
