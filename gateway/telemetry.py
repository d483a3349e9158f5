"""What the gateway says about itself: one JSON object a line on stderr, with no secret in it, under one trace id.

Redaction works on what is written, not on what is meant: message, arguments, extra fields and tracebacks pass through
one `Redactor`, which knows the literal secrets of the site and the shapes in which secrets travel. It is the second
line of defence; the first is not to log them.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import quote

MASK = "***"
#: A shorter literal would black out ordinary words.
_MIN_SECRET = 4
_MAX_DEPTH = 8
#: keys that a redactor remembers
_MOST_KEYS = 1000

_NAMES = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*hmac|"
    r"[\w-]*(?:api[-_]?key|token|secret|password|passwd|signature)"
)
_HEADER = re.compile(
    rf"""(?ix)\b({_NAMES})(["']?\s*[:=]\s*["']?)   # the name, then : or = with or without quotes
    ((?:basic|bearer|token|digest)\s+)?          # the scheme may stay
    (?!\*\*\*)[^\s"',;&}}]+"""
)
_URL_PASSWORD = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@\"']*):([^\s/\"']+)@")
_QUERY = re.compile(
    r"(?i)([?&](?:[\w-]*token|[\w-]*key|[\w-]*secret|sig|signature|hmac|pass|password|passwd|auth|code)=)[^&\s\"'#]+"
)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s+(?=\S*[\d=])[A-Za-z0-9._~+/=-]{8,}")
_SENSITIVE_KEY = re.compile(rf"(?i)^(?:{_NAMES})$")

_trace: ContextVar[str] = ContextVar("gateway_trace", default="")

#: What every LogRecord has; anything else on it came in by `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Redactor:
    """Takes secrets out of text and of JSON-like values."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._literals: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._keys: dict[str, tuple[str, bool]] = {}
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Register literal secrets, in the forms in which they may be written."""
        for secret in secrets:
            if len(secret) >= _MIN_SECRET:
                self._literals.update((secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]))
        # what was harmless under another name may be one of these
        self._keys.clear()
        longest_first = sorted(self._literals, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        if "://" in text:
            text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
        if "=" in text:
            text = _QUERY.sub(rf"\1{MASK}", text)
        if "=" in text or ":" in text:
            text = _HEADER.sub(rf"\1\2\3{MASK}", text)
        if "Bearer" in text or "Basic" in text:
            text = _SCHEME.sub(rf"\1 {MASK}", text)
        return text

    def _key(self, key: str) -> tuple[str, bool]:
        """Return how a key is written, and whether what it names is a secret; the same few come again and again."""
        known = self._keys.get(key)
        if known is None:
            known = self.text(key), _SENSITIVE_KEY.match(key) is not None
            if len(self._keys) < _MOST_KEYS:
                self._keys[key] = known
        return known

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a JSON-like copy of `value` without secrets."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if depth >= _MAX_DEPTH:
            return "…"
        if isinstance(value, Mapping):
            found = {}
            for key, item in value.items():
                name, is_secret = self._key(str(key))
                found[name] = MASK if is_secret else self.value(item, depth + 1)
            return found
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "backslashreplace"))
        return self.text(_as_text(value))


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log line must not fail over a broken __str__
        return f"<{type(value).__name__}>"


class _Formatter(logging.Formatter):
    """Renders a record once, redacted."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what the record says, redacted."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit the message
            message = f"{record.msg} {record.args!r}"
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redactor.text(message),
            "pid": record.process,
        }
        if trace := _trace.get():
            found["trace_id"] = trace
        for key, value in vars(record).items():
            if key not in _STANDARD and not key.startswith("_"):
                found[key] = MASK if _SENSITIVE_KEY.match(key) else self._redactor.value(value)
        if record.exc_info and record.exc_info[0] is not None:
            found["exception"] = self._redactor.text(self.formatException(record.exc_info))
        if record.stack_info:
            found["stack"] = self._redactor.text(record.stack_info)
        return found


class JsonFormatter(_Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record."""
        return json.dumps(self.fields(record), ensure_ascii=False)


class HumanFormatter(_Formatter):
    """One readable line, for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record."""
        found = self.fields(record)
        more = {key: found.pop(key) for key in ("exception", "stack") if key in found}
        clock, level, name, message = (found.pop(key) for key in ("time", "level", "logger", "message"))
        found.pop("pid", None)
        rest = "".join(f" {key}={value}" for key, value in found.items())
        line = f"{clock[11:23]} {level.upper():<7} {name}: {message}{rest}"
        return "\n".join([line, *more.values()])


def configure(level: str = "INFO", secrets: Iterable[str] = (), stream: TextIO | None = None) -> Redactor:
    """Send every log record of this process to `stream` (stderr), redacted; return the redactor, to add to it.

    Readable lines where the stream is a terminal, JSON elsewhere. Calling it again replaces what was there.
    """
    target = sys.stderr if stream is None else stream
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(target)
    handler.setFormatter(HumanFormatter(redactor) if target.isatty() else JsonFormatter(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("urllib3", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return redactor


def tell_defect(log: logging.Logger, message: str, error: BaseException, **about: str) -> None:
    """Log what a stranger's data broke: its class and where it was raised, but not what it says.

    The words of such an error are often the data's own (`invalid literal for int(): 'my diagnosis is …'`): they belong
    into the sealed reason of a dead letter, not into a log.
    """
    log.error(message, extra={**about, "error": type(error).__name__, "exception": _frames(error)})


def _frames(error: BaseException) -> str:
    """Return a traceback without words, the first cause first."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    lines = []
    for one in reversed(chain):
        lines += [f"  {at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_tb(one.__traceback__)]
        lines.append(type(one).__name__)
    return "\n".join(lines)


# ---------------------------------------------------------------- W3C trace context


def new_trace_id(entropy: bytes) -> str:
    """Return a trace id (32 hex digits, never all zero) made of 16 bytes of entropy."""
    return (entropy[:16] if any(entropy[:16]) else b"\x01").rjust(16, b"\0").hex()


def new_span_id(entropy: bytes) -> str:
    """Return a span id (16 hex digits, never all zero) made of 8 bytes of entropy."""
    return (entropy[:8] if any(entropy[:8]) else b"\x01").rjust(8, b"\0").hex()


def traceparent(trace_id: str, span: str) -> str:
    """Return the `traceparent` header of one outgoing call."""
    return f"00-{trace_id}-{span}-01"


def trace_id_of(header: str) -> str:
    """Return the trace id of a `traceparent` header that came in; empty when it is not a valid one."""
    match = re.fullmatch(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", header.strip())
    if match is None or header.startswith("ff") or not match[1].strip("0"):
        return ""
    return match[1]


def current_trace() -> str:
    """Return the trace id that this thread works under, or an empty string."""
    return _trace.get()


@contextmanager
def traced(trace_id: str) -> Iterator[None]:
    """Put every log record within under `trace_id`."""
    token = _trace.set(trace_id)
    try:
        yield
    finally:
        _trace.reset(token)
