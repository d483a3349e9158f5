"""The parts of it: places, placeholders, times, signatures, and what is claimed for what is described."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.generic import SPEC, connect
from connectors.generic.options import Options
from connectors.generic.places import find, is_there, word
from connectors.generic.reading import Reader
from connectors.generic.reads import next_page
from connectors.generic.signing import sign, verify
from connectors.generic.template import MISSING, fill, path, texts
from connectors.generic.times import Times
from connectors.sdk import (
    AuthenticationError,
    Category,
    ConnectionSettings,
    Connector,
    Done,
    Envelope,
    HoldReason,
    HttpRequest,
    HttpResponse,
    IncomingRequest,
    Intent,
    Operation,
    RawDelivery,
    Receipt,
    Rejected,
    Status,
    Strategy,
    Unknown,
    UnreadableError,
    Visibility,
    WriteContext,
    hmac_base64,
    hmac_hex,
)
from gateway.domain.crosslink import Place, named_by

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
    assert fill({"m": "{status|new}", "n": "{assignee|nobody}", "t": "{title|none}", "e": "{queue|}"}, values) == {
        "m": "new", "n": "nobody", "t": "X {body}", "e": "",
    }  # fmt: skip
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
        ({"kind": "hmac", "header": "X-Signed", "prefix": "v1=", "signed": "{timestamp}.{body}",
          "timestamp_prefix": "t="},
         {"x-signed": f"t={STAMP}, v1=00, v1={hmac_hex('s', STAMP.encode() + b'.' + BODY)}"}, {}),
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
    if {"timestamp", "timestamp_prefix"} & set(scheme) and scheme.get("tolerance") != 0:
        with pytest.raises(AuthenticationError, match="behind our clock"):
            verify(scheme, ["s"], request, NOW + timedelta(seconds=301))


def test_a_time_beside_the_signature_is_signed_both_ways() -> None:
    """What we send so is proved by the same shape, and a time that was put in its place is not."""
    shape = {"kind": "hmac", "header": "X-Signed", "prefix": "v1=", "signed": "{timestamp}.{body}"}
    shape |= {"timestamp_prefix": "t="}
    sent = sign(shape, ["s", "older"], HttpRequest("POST", "https://desk.example/t", body=BODY), NOW)
    assert sent["X-Signed"].startswith(f"t={STAMP},v1=")
    proved = IncomingRequest("POST", "/hooks/x", {}, {"x-signed": sent["X-Signed"]}, BODY)
    verify(shape, ["older"], proved, NOW)
    for other in (f"t={int(STAMP) + 1}", "t=", "t=now", "u=1"):
        headers = {"x-signed": sent["X-Signed"].replace(f"t={STAMP}", other)}
        with pytest.raises(AuthenticationError):
            verify(shape, ["s"], msgspec.structs.replace(proved, headers=headers), NOW)


def answer(value: Any, **headers: str) -> HttpResponse:
    """Return an answer of a desk."""
    return HttpResponse(200, headers, msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("paging", "response", "listed", "page", "after"),
    [
        ({"kind": "page"}, answer([]), [1], "", "2"),
        ({"kind": "page", "start": 0}, answer([]), [1], "3", "4"),
        ({"kind": "page"}, answer([]), [], "7", ""),
        ({"kind": "page", "size": 2}, answer([]), [1], "", ""),
        ({"kind": "page", "size": 2}, answer([]), [1, 2], "", "2"),
        ({"kind": "offset"}, answer([]), [1, 2, 3], "", "3"),
        ({"kind": "offset"}, answer([]), [1, 2, 3], "30", "33"),
        ({"kind": "cursor", "at": "meta.next"}, answer({"meta": {"next": "c2"}}), [1], "", "c2"),
        ({"kind": "cursor", "at": "meta.next"}, answer({"meta": {"next": None}}), [1], "c1", ""),
        ({"kind": "next", "at": "next"}, answer({"next": "https://desk.example/api/t?page=2"}), [1], "",
         "https://desk.example/api/t?page=2"),
        ({"kind": "link"}, answer([], link='<https://x/t?p=2>; rel="next", <https://x/t?p=9>; rel="last"'), [1], "",
         "https://x/t?p=2"),
        ({"kind": "link"}, answer([]), [1], "", ""),
        ({}, answer([]), [1], "", ""),
    ],
)  # fmt: skip
def test_a_next_page_is_found(
    paging: dict[str, Any], response: HttpResponse, listed: list[Any], page: str, after: str
) -> None:
    """By its number, by how many came, by the desk's own mark, by an address, by a header."""
    assert next_page({"paging": paging}, response, listed, page) == after


def settings(**options: Any) -> Connector:
    """Connect with these settings."""
    return connect(
        ConnectionSettings("desk", "generic", "https://desk.example/api", {"webhook_secret": "s", **options})
    )


def test_an_address_of_a_next_page_is_followed_below_our_own() -> None:
    """A desk may name itself as others see it; where it leads elsewhere, the path alone counts."""
    read = {"path": "/t/{ticket}"}
    comments = {"path": "/t/{ticket}/c", "paging": {"kind": "next", "at": "next"}, "list": "items"}
    connector = settings(
        ticket={"id": "id"}, comment={"body": "b", "id": "i"}, calls={"read": read, "comments": comments}
    )
    call = connector.read("7")
    assert next(call).url == "/t/7"
    assert call.send(answer({"id": 7})).url == "/t/7/c"
    second = call.send(answer({"items": [{"i": 1, "b": "one"}], "next": "https://inner.example/api/t/7/c?page=2"}))
    assert second.url == "/t/7/c?page=2"
    with pytest.raises(StopIteration) as end:
        call.send(answer({"items": [{"i": 2, "b": "two"}], "next": None}))
    assert [one.body for one in end.value.value.comments] == ["one", "two"]


def test_a_form_is_read() -> None:
    """Its members, or the JSON that one of them holds; what a script only calls a form is JSON."""
    flat = settings(incoming={}, ticket={"id": "ticket", "title": "title"})
    held = settings(incoming={"form_field": "payload"}, ticket={"id": "t.id", "title": "t.title"})
    kind = {"content-type": "application/x-www-form-urlencoded"}
    for connector, body in (
        (flat, b"ticket=7&title=Gr%C3%BC%C3%9Fe+an"),
        (flat, b'{"ticket": 7, "title": "Gr\xc3\xbc\xc3\x9fe an"}'),
        (held, b"payload=%7B%22t%22%3A%7B%22id%22%3A7%2C%22title%22%3A%22Gr%C3%BC%C3%9Fe%20an%22%7D%7D"),
    ):
        named = connector.envelope(IncomingRequest("POST", "/hooks/x", {}, kind, body))
        assert isinstance(named, Envelope)
        assert named.ref == "7"
        (event,) = connector.parse(RawDelivery("x", NOW, named.headers, body))
        assert event.snapshot is not None
        assert (event.remote_id, event.snapshot.title) == ("7", "Grüße an")
    with pytest.raises(UnreadableError, match="no field payload"):
        held.parse(RawDelivery("x", NOW, kind, b"other=1"))


def test_a_list_of_events_is_read() -> None:
    """Each by itself, each with a key of its own."""
    event = {"at": "kind", "kinds": {"made": "created", "gone": "deleted", "said": "commented"}, "other": "ignored"}
    connector = settings(
        incoming={"events": "events", "event": event, "change": "n"}, ticket={"id": "id"}, comment={"body": "words"}
    )
    kinds = ("made", "said", "other", "gone")
    body = {"events": [{"kind": kind, "id": 7, "n": number, "words": "Hm"} for number, kind in enumerate(kinds)]}
    found = connector.parse(RawDelivery("x", NOW, {}, msgspec.json.encode(body)))
    assert [(each.kind.value, each.key) for each in found] == [
        ("created", "created:0"), ("commented", "commented:1"), ("deleted", "deleted:3"),
    ]  # fmt: skip


def test_an_id_may_stand_in_a_header() -> None:
    """As FreeScout tells it."""
    create = {"path": "/conversations", "json": {"subject": "{title}"}, "id": "header:Resource-ID"}
    connector = settings(calls={"create": create})
    call = connector.write(Intent(Operation.CREATE, {"title": "x"}), WriteContext("k"))
    next(call)
    with pytest.raises(StopIteration) as end:
        call.send(HttpResponse(201, {"resource-id": "17"}, b""))
    assert end.value.value == Done(Receipt(remote_id="17", key="#17"))


def test_a_desk_that_refuses_with_200_is_heard() -> None:
    """By what must be there, or must not; anything that is not its JSON is nobody's word."""
    create = {"path": "/t", "json": {"s": "{title}"}, "id": "id", "ok": {"at": "state", "is": ["done"]}, "error": "why"}
    connector = settings(calls={"create": create})
    for body, kind in (
        (b'{"state": "done", "id": 7}', Done),
        (b'{"state": "failed", "why": "no subject"}', Rejected),
        (b"<html>hello</html>", Unknown),
        (b'{"state": "done"}', Unknown),
    ):
        call = connector.write(Intent(Operation.CREATE, {"title": "x"}), WriteContext("k"))
        next(call)
        with pytest.raises(StopIteration) as end:
            call.send(HttpResponse(200, {}, body))
        assert isinstance(end.value.value, kind)


def test_a_check_says_how_writes_stay_single() -> None:
    """And what to describe where nothing is claimed."""
    connector = settings(calls={"create": {"path": "/t", "json": {"s": "{title}"}, "id": "id"}})
    with pytest.raises(StopIteration) as end:
        next(connector.check())
    line = next(each for each in end.value.value if each.name == "writes")
    assert (line.ok, line.warning) == (False, True)
    assert "find:" in line.detail


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


def test_the_address_for_people_names_a_ticket_elsewhere() -> None:
    """At its own host, and nothing that goes on differently."""
    spec = SPEC.of(
        {"ticket": {"id": "id", "link": "https://help.acme.example/z/index.pl?Action=Zoom;TicketID={ticket}"}}
    )
    place = Place("help", frozenset({"api.acme.example"}), spec.addresses)
    told = "https://help.acme.example/z/index.pl?Action=Zoom;TicketID="
    assert named_by(f"{told}35", place) == "35"
    assert named_by(f"{told}35;ArticleID=7#9", place) == "35"
    assert named_by("https://api.acme.example/z/index.pl?Action=Zoom;TicketID=35", place) == ""
    assert named_by("https://help.acme.example/z/index.pl?Action=Edit;TicketID=35", place) == ""
    assert SPEC.of({"ticket": {"id": "id", "link": "no address"}}).addresses == ()
