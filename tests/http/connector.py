"""The least connector that a transport needs: settings, extra origins, credentials and secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from gateway.ports import ConnectionSettings, Connector, ConnectorSpec, HttpRequest

TOKEN = "s3cret-token-value"


class Credentials:
    """Has the three things that HttpTransport asks a connector for."""

    def __init__(self, url: str, origins: tuple[str, ...] = ()) -> None:
        self.settings = ConnectionSettings("acme-desk", "sample", url, {})
        self.spec = ConnectorSpec("sample", "Sample", 1, (), {}, frozenset(), frozenset(), origins=origins)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:
        """Return the credential headers."""
        return {"Authorization": f"Bearer {TOKEN}"}

    def secrets(self) -> Sequence[str]:
        """Return what must not be shown."""
        return (TOKEN,)


def connector(url: str, origins: tuple[str, ...] = ()) -> Connector:
    """Return it as the Connector that the transport is typed for."""
    return cast("Connector", cast("Any", Credentials(url, origins)))
