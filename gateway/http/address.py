"""What exactly is sent, and whether it may go there.

`render` is a pure function of the connection and the request: the bytes that are stored with an intent are the bytes
that are sent, and sending the stored ones again gives the same bytes once more. Credentials are not in them.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from gateway.errors import NotSentError, OriginError
from gateway.ports import Blob, Connector, Effect, HttpRequest

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Left as they are in a path and in a query: reserved characters, and % because the connector has quoted already.
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_QUERY_SAFE = _PATH_SAFE + "?[]"


class Rendered(msgspec.Struct, frozen=True):
    """A request as it goes over the wire, without credentials and without tracing."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def as_request(self, effect: Effect, label: str = "") -> HttpRequest:
        """Return the request that renders to exactly this again, for a resend of stored bytes."""
        return HttpRequest(self.method, self.url, effect, headers=self.headers, body=self.body, label=label)


def render(connector: Connector, request: HttpRequest) -> Rendered:
    """Render a request; raises OriginError when it must not go there, NotSentError when it cannot be sent at all."""
    name = connector.settings.name
    headers = dict(request.headers)
    body = request.body
    if isinstance(body, Blob):
        raise NotSentError(f"{name}: files cannot be sent")
    if request.json is not None:
        if body:
            raise NotSentError(f"{name}: a request gives both json and a body; this is a defect of the connector")
        body = msgspec.json.encode(request.json)
        if not any(key.lower() == "content-type" for key in headers):
            headers["Content-Type"] = "application/json"
    for key, value in headers.items():
        if not _TOKEN.fullmatch(key) or not _sendable(value):
            raise NotSentError(f"{name}: the header {key!r} cannot be sent; this is a defect of the connector")
    return Rendered(request.method.upper(), _address(connector, request), headers, body)


def _sendable(value: str) -> bool:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return not any(character in value for character in "\r\n\0")


def _address(connector: Connector, request: HttpRequest) -> str:
    name, home = connector.settings.name, connector.settings.url
    if _UNSAFE.search(request.url):
        raise OriginError(f"{name}: an address holds white space, a backslash or a control character")
    try:
        parts = urlsplit(request.url)
        if parts.scheme or parts.netloc:
            allowed = [origin for text in (home, *connector.spec.origins) if (origin := _origin(urlsplit(text)))]
            if "@" in parts.netloc or _origin(parts) not in allowed:
                raise OriginError(
                    f"{name}: the connector asked for {parts.scheme}://{parts.netloc.rpartition('@')[2]}, which is not "
                    f"an origin of this connection; nothing was sent"
                )
        else:
            parts = _below(urlsplit(home), parts, name)
    except ValueError as error:  # a port or an IPv6 address that is none
        raise OriginError(f"{name}: not an address: {error}") from error
    if any(segment in {".", ".."} for segment in unquote(parts.path).split("/")):
        raise OriginError(f"{name}: the path of a request leaves its connection's url with '..'; nothing was sent")
    query = quote(parts.query, safe=_QUERY_SAFE)
    if request.params:
        query = "&".join(filter(None, (query, urlencode(request.params))))
    return urlunsplit((parts.scheme, parts.netloc, quote(parts.path, safe=_PATH_SAFE) or "/", query, ""))


def _below(home: SplitResult, parts: SplitResult, name: str) -> SplitResult:
    """Join a path to the url of the connection, keeping the url's own path in front."""
    if _origin(home) is None:
        raise OriginError(f"{name}: this connection has no url; give it one in gateway.yaml")
    host = home.netloc.rpartition("@")[2]
    path = home.path.rstrip("/") + "/" + parts.path.removeprefix("/")
    return SplitResult(home.scheme, host, path, parts.query, "")


def _origin(parts: SplitResult) -> tuple[str, str, int] | None:
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]
