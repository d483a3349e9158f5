"""Access tokens that are got by OAuth 2.0, renewed and kept by the transport: a connector never sees one."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an access token is got (RFC 6749 sections 4.4 and 6): the form that is posted, and where to.

    Its repr shows no secret.
    """

    token_url: str
    #: e.g. grant_type, client_id, client_secret, scope, resource, refresh_token
    form: dict[str, str]
    #: seconds for which a token counts where the answer does not say
    lifetime: int = 900

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Grant({self.token_url!r})"


@runtime_checkable
class Granting(Protocol):
    """A connector whose requests bear an access token."""

    def grant(self) -> Grant | None:
        """Return how the token is got; None where `authorize` proves us by itself."""
        ...
