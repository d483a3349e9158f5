"""Sends one request to a desk, once, and says exactly what is known of its fate.

No retry, no redirect, no cookie, no proxy or netrc from the environment: what leaves is what the intent says, and where
it goes is where the site says. An answer is returned whole or not at all.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
import requests.structures
import urllib3
import urllib3.exceptions
from requests.hooks import default_hooks

from gateway import crashpoint
from gateway.dialing import Exchange, current, time_for, tls_context
from gateway.errors import NotSentError, OutcomeUnknownError, TooLargeError
from gateway.http.address import Rendered, render
from gateway.http.clocks import Clocks
from gateway.http.pieces import Piece, stream
from gateway.http.sockets import DeskAdapter
from gateway.http.tokens import YOUNG, Tokens
from gateway.ports import Blob, Connector, Files, Grant, Granting, HttpRequest, HttpResponse, Signing, Skew
from gateway.system import SystemClock
from gateway.telemetry import Redactor, new_span_id, traceparent

#: A larger answer is not read: its request has then an unknown outcome.
MIB = 1024 * 1024
MAX_BODY = 8 * MIB
#: Servers close idle connections, many after 5 s; a request that crosses such a close has an unknown outcome.
MAX_IDLE = 4.0
#: A larger file is not brought.
MAX_FILE = 50 * MIB
#: A file's address may lead to another so often.
MAX_REDIRECTS = 3
#: The answer to a request for an access token has so long.
TOKEN_SECONDS = 10.0
_TOKEN_HEADERS = {"Accept": "application/json", "Connection": "close"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 64 * 1024
_DROPPED_HEADERS = frozenset({"set-cookie"})


class _TooLargeError(Exception):
    """The answer is longer than so many bytes."""


#: What a failing exchange may raise. ValueError: a header or an address that the libraries refuse.
_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    HTTPException,
    OSError,
    ValueError,
    _TooLargeError,
    # a file of the body that is not there any more
    LookupError,
)


class HttpTransport:
    """`ports.Transport` over requests. One for a process; threads share it, a fork gets connections of its own."""

    def __init__(
        self,
        *,
        entropy: Callable[[int], bytes] = os.urandom,
        max_body: int = MAX_BODY,
        max_idle: float = MAX_IDLE,
        now: Callable[[], datetime] | None = None,
        files: Files | None = None,
        max_file: int = MAX_FILE,
        young: float = YOUNG,
    ) -> None:
        self._files = files
        self._max_file = max_file
        self._tokens = Tokens(self._exchange_grant, young)
        self._now = now or SystemClock().now
        self._clocks = Clocks()
        self._entropy = entropy
        self._max_idle = max_idle
        self._max_body = max_body
        self._user_agent = _user_agent()
        self._lock = threading.Lock()
        self._adapters: dict[tuple[int, str, bool], DeskAdapter] = {}
        self._context: ssl.SSLContext | None = None

    def render(self, connector: Connector, request: HttpRequest) -> Rendered:
        """Return exactly what `send` would put on the wire, without credentials and tracing."""
        return render(connector, request)

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:
        """Send once, within `deadline` seconds in all, connecting and the whole answer included; files have longer.

        A redirect is followed for a file only. Where an access token is no longer taken (401 proves that nothing took
        effect) a new one is got, and the request is sent with that.

        Raises NotSentError when no byte of the request has left, OutcomeUnknownError when any may have.
        """
        rendered = render(connector, request)
        answer = self._send(connector, request, rendered, deadline, trace_id)
        if answer.status == 401 and rendered.home and self._tokens.forget(connector.settings.name):
            answer = self._send(connector, request, rendered, deadline, trace_id)
        for _ in range(MAX_REDIRECTS if request.keep else 0):
            if answer.status not in _REDIRECTS:
                break
            there = urljoin(rendered.url, answer.header("location"))
            request = msgspec.structs.replace(request, url=there, params={})
            rendered = render(connector, request)
            answer = self._send(connector, request, rendered, deadline, trace_id)
        return answer

    def _send(
        self, connector: Connector, request: HttpRequest, rendered: Rendered, deadline: float, trace_id: str
    ) -> HttpResponse:
        prepared = self._prepare(connector, request, rendered, trace_id)
        if request.keep or rendered.files:
            size = self._max_file if request.keep else rendered.files
            deadline += time_for(size)
        exchange = Exchange(deadline, self._max_idle)
        started = time.monotonic()
        begun = self._now()
        token = current.set(exchange)
        try:
            crashpoint.reach("http.sending")
            answer = self._adapter(connector.settings.name, str(prepared.url)).send(
                prepared, stream=True, timeout=deadline
            )
            heard = self._now()
            crashpoint.reach("http.answering")
            with ExitStack() as closing:
                closing.callback(answer.raw.close)
                body, blob = self._taken(answer, request)
                closing.pop_all()
            headers = {key.lower(): value for key, value in answer.headers.items()}
        except _FAILURES as error:
            raise _failure(connector, rendered, exchange, error, deadline) from None
        finally:
            current.reset(token)
        for name in _DROPPED_HEADERS:
            headers.pop(name, None)
        if rendered.home:
            self._clocks.hear(connector.settings.name, headers, begun, heard)
        return HttpResponse(answer.status_code, headers, body, time.monotonic() - started, blob)

    def _taken(self, answer: requests.Response, request: HttpRequest) -> tuple[bytes, Blob | None]:
        """Take the body of an answer: into the files where it is one that was asked for."""
        if request.keep and self._files is not None and 200 <= answer.status_code < 300:
            return b"", self._files.keep(self._chunks(answer, self._max_file))
        most = max(self._max_body, min(request.most, 2 * self._max_file))
        return b"".join(self._chunks(answer, most)), None

    def token(self, connector: Connector, *, fresh: bool = False) -> str:
        """Return an access token for another protocol of the same account (XOAUTH2); `fresh`: the last was refused.

        Empty where the connector needs none, or where a fresh one would be refused as well. Raises LoginRefusedError
        or NotSentError where none can be got.
        """
        grant = connector.grant() if isinstance(connector, Granting) else None
        if grant is None or (fresh and not self._tokens.forget(connector.settings.name)):
            return ""
        return self._tokens.of(connector, grant)

    def skew(self, connection: str) -> Skew | None:
        """Return how far a desk's clock is ahead of ours, by the answers that this process got; None: not known."""
        return self._clocks.skew(connection)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            for adapter in self._adapters.values():
                adapter.close()
            self._adapters.clear()

    def _prepare(
        self, connector: Connector, request: HttpRequest, rendered: Rendered, trace_id: str
    ) -> requests.PreparedRequest:
        """Put credentials and tracing on. Prepared by hand: requests would quote and order things its own way."""
        prepared = requests.PreparedRequest()
        prepared.method = rendered.method
        prepared.url = rendered.url
        prepared.body = self._body(rendered.pieces)  # type: ignore[assignment]
        prepared.hooks = default_hooks()
        prepared.headers = requests.structures.CaseInsensitiveDict(
            {
                "User-Agent": self._user_agent,
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "Connection": "keep-alive",
                **({"traceparent": traceparent(trace_id, new_span_id(self._entropy(8)))} if trace_id else {}),
            }
        )
        prepared.headers.update(rendered.headers)
        if rendered.pieces or rendered.method in {"POST", "PUT", "PATCH"}:
            prepared.headers["Content-Length"] = str(rendered.length)
        if not rendered.home:
            return prepared
        prepared.headers.update(connector.authorize(request))
        grant = connector.grant() if isinstance(connector, Granting) else None
        if grant is not None:
            prepared.headers["Authorization"] = f"Bearer {self._tokens.of(connector, grant)}"
        if isinstance(connector, Signing):
            prepared.headers.update(connector.sign(request, self._now()))
        return prepared

    def _adapter(self, name: str, url: str) -> DeskAdapter:
        """Return the adapter of one connection and scheme; only TLS needs authorities, and they take long to read."""
        secure = not url.lower().startswith("http:")
        key = (os.getpid(), name, secure)
        adapter = self._adapters.get(key)
        if adapter is None:
            with self._lock:
                if secure and self._context is None:
                    self._context = tls_context()
                adapter = self._adapters.setdefault(key, DeskAdapter(self._context if secure else None))
        return adapter

    def _body(self, pieces: tuple[Piece, ...]) -> bytes | Iterator[bytes] | None:
        if not pieces:
            return None
        if len(pieces) == 1 and isinstance(pieces[0], bytes):
            return pieces[0]
        if self._files is None:
            raise NotSentError("a request holds a file, and this process keeps none; nothing was sent")
        return stream(pieces, self._files.open)

    def _exchange_grant(self, connector: Connector, grant: Grant) -> HttpResponse:
        """Ask for an access token: the address is the admin's, and nothing of ours goes there but the form."""
        prepared = requests.PreparedRequest()
        prepared.prepare(
            "POST", grant.token_url, data=grant.form, headers={"User-Agent": self._user_agent, **_TOKEN_HEADERS}
        )
        exchange = Exchange(TOKEN_SECONDS, self._max_idle)
        token = current.set(exchange)
        try:
            answer = self._adapter(connector.settings.name, str(prepared.url)).send(
                prepared, stream=True, timeout=TOKEN_SECONDS
            )
            body = b"".join(self._chunks(answer, MIB))
        except _FAILURES as error:
            words = Redactor((*connector.secrets(), *grant.form.values())).text(_reason(error, TOKEN_SECONDS))
            msg = f"{connector.settings.name}: no access token could be got: {words}; nothing was sent"
            raise NotSentError(msg) from None
        finally:
            current.reset(token)
        return HttpResponse(answer.status_code, {}, body)

    def _chunks(self, answer: requests.Response, most: int) -> Iterator[bytes]:
        size = 0
        for chunk in answer.raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > most:
                raise _TooLargeError(most)
            yield chunk


def _failure(
    connector: Connector, rendered: Rendered, exchange: Exchange, error: Exception, deadline: float
) -> NotSentError | OutcomeUnknownError:
    where = urlsplit(rendered.url)
    reason = _reason(error, deadline)
    line = f"{connector.settings.name}: {rendered.method} {where.scheme}://{where.netloc}{where.path}: {reason}"
    line = Redactor(connector.secrets()).text(line)
    if exchange.left:
        if any(isinstance(each, _TooLargeError) for each in _causes(error)):
            return TooLargeError(line)
        return OutcomeUnknownError(f"{line}; it may have taken effect")
    return NotSentError(f"{line}; nothing was sent")


def _reason(error: BaseException, deadline: float) -> str:
    """Say in plain words what happened, from the innermost cause that has words of its own."""
    for cause in _causes(error):
        words = _words(cause, deadline)
        if words:
            return words
    return type(error).__name__


def _words(cause: BaseException, deadline: float) -> str:  # noqa: PLR0911 - a table
    match cause:
        case _TooLargeError():
            most: int = cause.args[0]
            return f"the answer is larger than {most // MIB} MiB" if most >= MIB else f"it is larger than {most} bytes"
        case ssl.SSLCertVerificationError():
            return f"its certificate does not hold ({cause.verify_message})"
        case TimeoutError():
            return f"no whole answer within {deadline:g} s"
        case ssl.SSLError():
            return f"TLS failed ({cause.reason or 'unexpected end'})"
        case socket.gaierror():
            return "no such host"
        case ConnectionRefusedError():
            return "connection refused"
        case HTTPException() | urllib3.exceptions.IncompleteRead():
            return f"the connection ended in mid-answer or the answer is not HTTP ({type(cause).__name__})"
        case ConnectionError():
            return "the connection was reset"
        case OSError() if cause.errno:
            return os.strerror(cause.errno)
        case _:
            return ""


def _causes(error: BaseException) -> list[BaseException]:
    """Return the chain of what led to `error`, innermost first."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        item = queue.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue.extend([item.__context__, item.__cause__, getattr(item, "reason", None), *item.args])
    return found[::-1]


@cache
def _user_agent() -> str:
    try:
        return f"desk-gateway/{version('desk-gateway')}"
    except PackageNotFoundError:
        return "desk-gateway"
