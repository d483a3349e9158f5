"""The parts of it: places, placeholders, times, signatures, and what is claimed for what is described."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.generic import SPEC
from connectors.generic.options import Options
from connectors.generic.places import find, is_there, word
from connectors.generic.reading import Reader
from connectors.generic.signing import verify
from connectors.generic.template import MISSING, fill, path, texts
from connectors.generic.times import Times
from connectors.sdk import (
    AuthenticationError,
    Category,
    HoldReason,
    IncomingRequest,
    Operation,
    Status,
    Strategy,
    Visibility,
    hmac_base64,
    hmac_hex,
)

VALUE: dict[str, Any] = {
    "ticket": {"id": 7, "tags": [{"name": "a"}, {"name": "b"}], "empty": "", "none": None, "odd.key": 1, "no": False},
    "fields": [{"name": "Key", "value": "k1"}, {"name": "Other", "value": "o"}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("ticket.id", 7),
        ("/ticket/id", 7),
        ("/ticket/odd.key", 1),
        ("ticket.tags.0.name", "a"),
        ("ticket.tags[-1].name", "b"),
        ("ticket.tags.*.name", ["a", "b"]),
        ("fields.name=Key.value", "k1"),
        ("fields.name=Nobody.value", None),
        ("ticket.nothing.further", None),
        ("ticket.tags.9.name", None),
        (["ticket.empty", "ticket.none", "ticket.id"], 7),
        ({"path": "ticket.none", "default": "x"}, "x"),
        ({"path": "ticket.no", "default": True}, False),
        ({"value": "constant"}, "constant"),
        ({"path": "fields.0.value", "pattern": "k(\\d)"}, "1"),
        ({"path": "fields.0.value", "pattern": "z(\\d)", "default": "-"}, "-"),
        (".", VALUE),
        ("header:X-Kind", "made"),
    ],
)
def test_a_place_leads_there(place: Any, found: Any) -> None:
    """As the page has it."""
    assert find(place, VALUE, {"x-kind": "made"}) == found


@given(JSON, st.text(max_size=20))
def test_no_place_breaks_on_any_value(value: Any, place: str) -> None:
    """Wherever it leads."""
    find(place, value, {})
    is_there(place, value)
    word(value)


def test_a_field_that_was_not_said_is_left_alone() -> None:
    """Nothing in it is something else than nothing said."""
    assert is_there("ticket.none", VALUE)
    assert not is_there("ticket.other", VALUE)
    assert is_there({"path": "ticket.other", "default": 1}, VALUE)


def test_a_request_holds_what_has_a_value() -> None:
    """Values keep their type, null is sent, what is missing is left out with its key."""
    template = {
        "t": "{title}",
        "n": {"a": "{assignee}"},
        "l": "{tags}",
        "m": "{status}",
        "s": "Re: {title}",
        "c": 1,
        "d": [{"k": "{status}"}],
    }
    values = {"title": "X {body}", "assignee": None, "tags": ["a", "b"], "body": "never read"}
    assert fill(template, values) == {
        "t": "X {body}", "n": {"a": None}, "l": ["a", "b"], "s": "Re: X {body}", "c": 1,
    }  # fmt: skip
    assert fill({"m": "{status}"}, values) is MISSING
    assert path("/t/{ticket}/x", {"ticket": "../a b/ü"}) == "/t/..%2Fa%20b%2F%C3%BC/x"
    assert texts({"a": "{tags}", "b": "{status}", "c": 3}, values) == {"a": "a,b", "c": "3"}


@pytest.mark.parametrize(
    ("times", "said", "at"),
    [
        (Times(), "2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (Times(), "2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (Times(), "2020-03-03 13:05:57 UTC", datetime(2020, 3, 3, 13, 5, 57, tzinfo=UTC)),
        (Times(zone="Europe/Berlin"), "2026-07-01 12:00:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        (Times(), 1783918924, datetime.fromtimestamp(1783918924, UTC)),
        (Times(), 1783918924.5, datetime.fromtimestamp(1783918924.5, UTC)),
        (Times(), "1783918924643", datetime(2026, 7, 13, 5, 2, 4, 643000, tzinfo=UTC)),
        (Times(("%d.%m.%Y %H:%M",), "America/New_York"), "01.02.2026 07:30", datetime(2026, 2, 1, 12, 30, tzinfo=UTC)),
        (Times(("%d.%m.%Y %H:%M", "iso")), "2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (Times(), "yesterday", None),
        (Times(), "9999-12-31T23:59:59-12:00", None),
        (Times(), None, None),
        (Times(), True, None),
    ],
)
def test_a_time_is_read(times: Times, said: Any, at: datetime | None) -> None:
    """In several formats, whatever the zone."""
    assert times.read(said) == at


def test_a_time_is_written_as_the_desk_wants_it() -> None:
    """For `{since}`."""
    at = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert Times(("%Y-%m-%d %H:%M:%S",), "Europe/Berlin").write(at) == "2026-07-01 12:00:00"
    assert Times(("epoch",)).write(at) == str(int(at.timestamp()))
    assert Times(("epoch_ms",)).write(at) == str(int(at.timestamp() * 1000))
    assert Times().write(at) == "2026-07-01T10:00:00Z"


BODY = b'{"a": 1}'
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


@pytest.mark.parametrize(
    ("scheme", "headers", "query"),
    [
        ({"kind": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256="},
         {"x-hub-signature-256": "sha256=" + hmac_hex("s", BODY)}, {}),
        ({"kind": "hmac", "header": "X-FreeScout-Signature", "algorithm": "sha1", "encoding": "base64"},
         {"x-freescout-signature": hmac_base64("s", BODY, "sha1")}, {}),
        ({"kind": "hmac", "header": "X-Frappe-Webhook-Signature", "encoding": "base64"},
         {"x-frappe-webhook-signature": hmac_base64("s", BODY)}, {}),
        ({"kind": "hmac", "header": "X-GLPI-signature", "signed": "{body}{timestamp}", "timestamp": "X-GLPI-timestamp",
          "tolerance": 0}, {"x-glpi-signature": hmac_hex("s", BODY + b"99"), "x-glpi-timestamp": "99"}, {}),
        ({"kind": "hmac", "header": "X-Chatwoot-Signature", "prefix": "sha256=", "signed": "{timestamp}.{body}",
          "timestamp": "X-Chatwoot-Timestamp"},
         {"x-chatwoot-signature": "sha256=" + hmac_hex("s", f"{STAMP}.".encode() + BODY),
          "x-chatwoot-timestamp": STAMP},
         {}),
        ({"kind": "header", "header": "X-Secret"}, {"x-secret": "s"}, {}),
        ({"kind": "header", "header": "Authorization", "prefix": "Bearer "}, {"authorization": "Bearer s"}, {}),
        ({"kind": "query", "name": "token"}, {}, {"token": "s"}),
        ({"kind": "basic", "user": "desk"}, {"authorization": "Basic ZGVzazpz"}, {}),
    ],
)  # fmt: skip
def test_each_shape_of_signature_proves(scheme: dict[str, Any], headers: dict[str, str], query: dict[str, str]) -> None:
    """With one of two secrets; and nothing else does."""
    request = IncomingRequest("POST", "/hooks/x", query, headers, BODY)
    verify(scheme, ["older", "s"], request, NOW)
    signed = scheme["kind"] == "hmac"
    wrong = [
        IncomingRequest("POST", "/hooks/x", {}, {}, BODY),
        IncomingRequest("POST", "/hooks/x", dict.fromkeys(query, "x"), dict.fromkeys(headers, "x"), BODY),
        *([IncomingRequest("POST", "/hooks/x", query, headers, BODY + b" ")] if signed else []),
    ]
    for other in wrong:
        with pytest.raises(AuthenticationError):
            verify(scheme, ["older", "s"], other, NOW)
    with pytest.raises(AuthenticationError):
        verify(scheme, ["older", ""], request, NOW)
    with pytest.raises(AuthenticationError):
        verify(scheme, [], request, NOW)
    if "timestamp" in scheme and scheme.get("tolerance") != 0:
        with pytest.raises(AuthenticationError, match="off"):
            verify(scheme, ["s"], request, NOW + timedelta(seconds=301))


SAY = {"path": "/t/{ticket}/c", "json": {"text": "{comment}", "ref": "{key}"}}
READS = {"read": {"path": "/t/{ticket}"}, "comments": {"path": "/t/{ticket}/c"}}


@pytest.mark.parametrize(
    ("described", "operation", "strategy", "probe"),
    [
        ({"calls": {"create": {"path": "/t"}}}, Operation.CREATE, Strategy.NONE, False),
        ({"calls": {"create": {"path": "/t", "repeatable": True}}}, Operation.CREATE, Strategy.NATURAL, False),
        ({"calls": {"create": {"path": "/t", "idempotency_header": "X"}}}, Operation.CREATE, Strategy.KEY, False),
        ({"calls": {"create": {"path": "/t", "find": {"path": "/t"}}}}, Operation.CREATE, Strategy.PROBE, False),
        ({"calls": {"create": {"path": "/t", "idempotency_header": "X", "find": {"path": "/t"}}}}, Operation.CREATE,
         Strategy.KEY, True),
        ({"calls": {"update": {"path": "/t"}}}, Operation.SET_FIELDS, Strategy.NATURAL, False),
        ({"calls": {**READS, "update": {"path": "/t"}}}, Operation.SET_FIELDS, Strategy.NATURAL, True),
        ({"calls": {**READS, "update": {"path": "/t", "if_match": True}}}, Operation.SET_FIELDS, Strategy.CONDITIONAL,
         True),
        ({"calls": {"reply": SAY}}, Operation.PUBLIC_REPLY, Strategy.NONE, False),
        ({"calls": {**READS, "reply": SAY}}, Operation.PUBLIC_REPLY, Strategy.NONE, False),
        ({"calls": {**READS, "reply": SAY}, "comment": {"marker": "ref"}}, Operation.PUBLIC_REPLY, Strategy.PROBE,
         False),
        ({"calls": {**READS, "note": {**SAY, "find": "words"}}}, Operation.INTERNAL_NOTE, Strategy.PROBE, False),
    ],
)  # fmt: skip
def test_what_is_described_is_claimed(
    described: dict[str, Any], operation: Operation, strategy: Strategy, *, probe: bool
) -> None:
    """A search by a mark is a probe, a header is a key, nothing is nothing."""
    claim = SPEC.of(described).operations[operation]
    assert (claim.strategy, claim.probe) == (strategy, probe)
    assert claim.strategy is not Strategy.KEY or claim.key_ttl == 86_400


def test_a_comment_is_internal_unless_its_word_is_public() -> None:
    """Whatever the desk says that nobody has named."""
    reader = Reader(Options("https://x", words={"visibility": {"false": "public", "0": "public"}}))
    assert reader.visibility(False) is Visibility.PUBLIC
    assert reader.visibility(0) is Visibility.PUBLIC
    unknown: tuple[Any, ...] = (None, True, "yes", "secret", "", {}, [])
    for said in unknown:
        assert reader.visibility(said) is Visibility.INTERNAL


def test_words_are_kept_that_nobody_has_mapped() -> None:
    """And a status may say why it waits."""
    reader = Reader(Options("https://x", words={"status": {"vendor": "on_hold:third_party"}}))
    assert reader.status("vendor") == Status(Category.ON_HOLD, "vendor", HoldReason.THIRD_PARTY)
    assert reader.status("odd") == Status(Category.UNKNOWN, "odd")
