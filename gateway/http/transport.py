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
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

import requests
import requests.structures
import urllib3
import urllib3.exceptions
from requests.hooks import default_hooks

from gateway import crashpoint
from gateway.errors import NotSentError, OutcomeUnknownError
from gateway.http.address import Rendered, render
from gateway.http.sockets import DeskAdapter, Exchange, current, tls_context
from gateway.ports import Connector, HttpRequest, HttpResponse, Signing
from gateway.system import SystemClock
from gateway.telemetry import Redactor, new_span_id, traceparent

#: A larger answer is not read: its request has then an unknown outcome.
MIB = 1024 * 1024
MAX_BODY = 8 * MIB
#: Servers close idle connections, many after 5 s; a request that crosses such a close has an unknown outcome.
MAX_IDLE = 4.0
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
    ) -> None:
        self._now = now or SystemClock().now
        self._entropy = entropy
        self._max_idle = max_idle
        self._max_body = max_body
        self._user_agent = _user_agent()
        self._lock = threading.Lock()
        self._adapters: dict[tuple[int, str], DeskAdapter] = {}
        self._context: ssl.SSLContext | None = None

    def render(self, connector: Connector, request: HttpRequest) -> Rendered:
        """Return exactly what `send` would put on the wire, without credentials and tracing."""
        return render(connector, request)

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:
        """Send once, within `deadline` seconds in all, connecting and the whole answer included.

        Raises NotSentError when no byte of the request has left, OutcomeUnknownError when any may have.
        """
        rendered = render(connector, request)
        prepared = self._prepare(connector, request, rendered, trace_id)
        exchange = Exchange(deadline, self._max_idle)
        started = time.monotonic()
        token = current.set(exchange)
        try:
            crashpoint.reach("http.sending")
            answer = self._adapter(connector.settings.name).send(prepared, stream=True, timeout=deadline)
            crashpoint.reach("http.answering")
            try:
                body = self._read(answer)
            except BaseException:
                answer.raw.close()
                raise
            headers = {key.lower(): value for key, value in answer.headers.items()}
        except _FAILURES as error:
            raise _failure(connector, rendered, exchange, error, deadline) from None
        finally:
            current.reset(token)
        for name in _DROPPED_HEADERS:
            headers.pop(name, None)
        return HttpResponse(answer.status_code, headers, body, time.monotonic() - started)

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
        prepared.body = rendered.body or None
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
        if rendered.body or rendered.method in {"POST", "PUT", "PATCH"}:
            prepared.headers["Content-Length"] = str(len(rendered.body))
        prepared.headers.update(connector.authorize(request))
        if isinstance(connector, Signing):
            prepared.headers.update(connector.sign(request, self._now()))
        return prepared

    def _adapter(self, name: str) -> DeskAdapter:
        key = (os.getpid(), name)
        adapter = self._adapters.get(key)
        if adapter is None:
            with self._lock:
                if self._context is None:
                    self._context = tls_context()
                adapter = self._adapters.setdefault(key, DeskAdapter(self._context))
        return adapter

    def _read(self, answer: requests.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        for chunk in answer.raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self._max_body:
                raise _TooLargeError(self._max_body)
            parts.append(chunk)
        return b"".join(parts)


def _failure(
    connector: Connector, rendered: Rendered, exchange: Exchange, error: Exception, deadline: float
) -> NotSentError | OutcomeUnknownError:
    where = urlsplit(rendered.url)
    reason = _reason(error, deadline)
    line = f"{connector.settings.name}: {rendered.method} {where.scheme}://{where.netloc}{where.path}: {reason}"
    line = Redactor(connector.secrets()).text(line)
    if exchange.left:
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


def _user_agent() -> str:
    try:
        return f"desk-gateway/{version('desk-gateway')}"
    except PackageNotFoundError:
        return "desk-gateway"
