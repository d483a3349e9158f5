from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.telemetry import (
    Redactor,
    configure,
    current_trace,
    new_span_id,
    new_trace_id,
    tell_defect,
    trace_id_of,
    traced,
    traceparent,
)

SECRET = 'hunter2"&/ü'


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _own_root() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read what was logged."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_json_object_a_line() -> None:
    """With time, level, logger, message, trace and the extra fields."""
    stream = io.StringIO()
    configure("INFO", (), stream)
    with traced("ab" * 16):
        logging.getLogger("gateway.flow").info("applied %d", 3, extra={"ticket": "t1", "odd": {1: object}})
    logging.getLogger("gateway.flow").debug("not shown")
    (line,) = lines(stream)
    assert line["message"] == "applied 3"
    assert (line["level"], line["logger"], line["trace_id"], line["ticket"]) == (
        "info",
        "gateway.flow",
        "ab" * 16,
        "t1",
    )
    assert line["time"].endswith("+00:00")
    assert current_trace() == ""


def test_no_secret_is_written() -> None:
    """Message, arguments, extra fields, their names and tracebacks are redacted."""
    stream = io.StringIO()
    redactor = configure("DEBUG", [SECRET], stream)
    redactor.add("added-later")
    log = logging.getLogger("x")
    log.info("message %s", SECRET)
    log.info("later %s", {"a": "added-later"})
    log.info("extra", extra={"where": [SECRET, {"deep": SECRET.encode()}], "password": "pw", "h": {"Cookie": "c00kie"}})
    try:
        raise ValueError(f"bad value {SECRET!r}")
    except ValueError:
        log.exception("failed")
    log.info("%d is no number", "x")
    text = stream.getvalue()
    for hidden in (SECRET, SECRET.replace('"', '\\"'), "added-later", "c00kie", '"pw"'):
        assert hidden not in text
    assert "ValueError" in text
    assert len(lines(stream)) == 5


def test_a_defect_is_told_without_the_words_of_the_data_that_brought_it() -> None:
    """Class, chain and place, as a traceback has them; what a stranger wrote stays out of the log."""
    stream = io.StringIO()
    configure("INFO", (), stream)
    try:
        try:
            int("my diagnosis")
        except ValueError as error:
            raise LookupError("what kim wrote") from error
    except LookupError as error:
        tell_defect(logging.getLogger("x"), "it broke", error, delivery="d1")
    (line,) = lines(stream)
    assert (line["message"], line["delivery"], line["error"]) == ("it broke", "d1", "LookupError")
    told = line["exception"].splitlines()
    assert [each for each in told if not each.startswith("  ")] == ["ValueError", "LookupError"]
    assert all(__file__ in each for each in told if each.startswith("  "))
    assert "diagnosis" not in stream.getvalue()
    assert "kim" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Basic b3BzOnB3", "b3BzOnB3"),
        ("authorization='Bearer abc.def'", "abc.def"),
        ('{"Authorization": "token 12ab"}', "12ab"),
        ("redis://:p@ss@host:6379/0", "p@ss"),
        ("postgresql+psycopg://gateway:pw1234@db/x", "pw1234"),
        ("GET /x?a=1&access_token=abcd&b=2", "abcd"),
        ("https://h/x?api_key=abcd", "abcd"),
        ("X-Api-Key: abcd", "abcd"),
        ("X-Zendesk-Webhook-Signature: c2ln", "c2ln"),
        ("sent Bearer abcdef123456 there", "abcdef123456"),
        ("Set-Cookie: session=abcd", "abcd"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, hidden: str) -> None:
    """Without being registered."""
    assert hidden not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication is needed",
        "10:00 applied=3",
        "https://desk.example/t/1?page=2&sort=asc",
        "a token of thanks",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """Redaction leaves alone what is no secret."""
    assert Redactor(["abc"]).text(text) == text


def test_registered_secrets_are_found_in_every_writing() -> None:
    """Quoted for a URL, escaped for JSON, and the longer of two that overlap."""
    redactor = Redactor([SECRET, "abcd", "abcdefgh"])
    assert redactor.text(json.dumps({"x": SECRET})) == '{"x": "***"}'
    assert redactor.text("hunter2%22%26%2F%C3%BC") == "***"
    assert redactor.text("abcdefgh") == "***"


def test_a_terminal_gets_lines_for_people() -> None:
    """And JSON goes everywhere else."""
    stream = Terminal()
    configure("info", ["topsecret"], stream)
    logging.getLogger("gateway.web").warning("slow", extra={"seconds": 2, "token": "x"})
    assert "WARNING gateway.web: slow seconds=2 token=***" in stream.getvalue()


def test_w3c_trace_context() -> None:
    """Ids have their lengths, are never all zero, and a header that came in is checked."""
    trace, span = new_trace_id(bytes(range(16))), new_span_id(bytes(range(8)))
    header = traceparent(trace, span)
    assert header == "00-000102030405060708090a0b0c0d0e0f-0001020304050607-01"
    assert trace_id_of(header) == trace
    assert len(new_trace_id(bytes(16))) == 32
    assert new_trace_id(bytes(16)).strip("0")
    for wrong in ("", "00-xyz", f"00-{'0' * 32}-{span}-01", "ff" + header[2:], header.upper()):
        assert trace_id_of(wrong) == ""
