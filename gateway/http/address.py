"""What exactly is sent, and whether it may go there.

`render` is a pure function of the connection and the request: the bytes that are stored with an intent are the bytes
that are sent, and sending the stored ones again gives the same bytes once more. Credentials are not in them.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from gateway.errors import NotSentError, OriginError
from gateway.http.pieces import Piece, json_pieces, length, multipart
from gateway.ports import Connector, Effect, HttpRequest

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
    pieces: tuple[Piece, ...]
    #: whether it goes to the desk itself: credentials leave for nowhere else
    home: bool = True

    @property
    def body(self) -> bytes:
        """The body of a request without files."""
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))

    @property
    def length(self) -> int:
        """How many bytes its body has."""
        return length(self.pieces)

    @property
    def files(self) -> int:
        """How many bytes of its body are files."""
        return self.length - len(self.body)

    def as_request(self, effect: Effect, label: str = "") -> HttpRequest:
        """Return the request that renders to exactly this again, for a resend of stored bytes."""
        return HttpRequest(self.method, self.url, effect, headers=self.headers, body=self.body, label=label)


def render(connector: Connector, request: HttpRequest) -> Rendered:
    """Render a request; raises OriginError when it must not go there, NotSentError when it cannot be sent at all."""
    name = connector.settings.name
    headers = dict(request.headers)
    if sum((request.json is not None, bool(request.body), bool(request.parts))) > 1:
        raise NotSentError(f"{name}: a request gives two of json, body and parts; this is a defect of the connector")
    kind, pieces = _content(request)
    if kind and not any(key.lower() == "content-type" for key in headers):
        headers["Content-Type"] = kind
    for key, value in headers.items():
        if not _TOKEN.fullmatch(key) or not _sendable(value):
            raise NotSentError(f"{name}: the header {key!r} cannot be sent; this is a defect of the connector")
    address, home = _address(connector, request)
    return Rendered(request.method.upper(), address, headers, pieces, home)


def _content(request: HttpRequest) -> tuple[str, tuple[Piece, ...]]:
    """Return the kind and the pieces of a request's body."""
    if request.json is not None:
        return "application/json", json_pieces(request.json)
    if request.parts:
        return multipart(request.parts)
    return "", (request.body,) if request.body else ()


def _sendable(value: str) -> bool:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return not any(character in value for character in "\r\n\0")


def _address(connector: Connector, request: HttpRequest) -> tuple[str, bool]:
    """Return the address of a request, and whether it is the desk's own; raises OriginError where it may not go."""
    name, home = connector.settings.name, connector.settings.url
    own = True
    if _UNSAFE.search(request.url):
        raise OriginError(f"{name}: an address holds white space, a backslash or a control character")
    try:
        parts = urlsplit(request.url)
        if parts.scheme or parts.netloc:
            allowed = [origin for text in (home, *connector.spec.origins) if (origin := _origin(urlsplit(text)))]
            own = _origin(parts) in allowed
            if "@" in parts.netloc or not (own or (request.keep and _is_file_host(connector, parts))):
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
    return urlunsplit((parts.scheme, parts.netloc, quote(parts.path, safe=_PATH_SAFE) or "/", query, "")), own


def _is_file_host(connector: Connector, parts: SplitResult) -> bool:
    """Say whether files of this desk lie there: over TLS, and at a host that its connector names."""
    host = parts.hostname or ""
    return parts.scheme == "https" and any(
        host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in connector.spec.file_hosts
    )


def _below(home: SplitResult, parts: SplitResult, name: str) -> SplitResult:
    """Join a path to the url of the connection, keeping the url's own path in front."""
    if _origin(home) is None:
        raise OriginError(f"{name}: this connection has no url; give it one in gateway.yaml")
    host = home.netloc.rpartition("@")[2]
    # the address of a catch hook or of one function is whole: some servers have nothing at the one with a slash more
    path = home.path.rstrip("/") + "/" + parts.path.removeprefix("/") if parts.path else home.path
    return SplitResult(home.scheme, host, path, parts.query, "")


def _origin(parts: SplitResult) -> tuple[str, str, int] | None:
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]
