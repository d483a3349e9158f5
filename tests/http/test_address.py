from __future__ import annotations

import pytest

from gateway.errors import NotSentError, OriginError
from gateway.http import render
from gateway.ports import Effect, HttpRequest
from tests.http.connector import TOKEN, connector

HOME = "https://desk.example/rt/REST"


def url_of(url: str, home: str = HOME, origins: tuple[str, ...] = (), **params: str) -> str:
    """Render one address."""
    return render(connector(home, origins), HttpRequest("get", url, params=params)).url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/ticket/1", "https://desk.example/rt/REST/ticket/1"),
        ("ticket/1", "https://desk.example/rt/REST/ticket/1"),
        ("/ticket/1?fields=a,b", "https://desk.example/rt/REST/ticket/1?fields=a,b"),
        ("/a%2Fb/ü b".replace(" ", "%20"), "https://desk.example/rt/REST/a%2Fb/%C3%BC%20b"),
        ("https://desk.example/rt/REST/next?page=2", "https://desk.example/rt/REST/next?page=2"),
        ("https://DESK.example:443/other", "https://DESK.example:443/other"),
    ],
)
def test_a_path_is_below_the_url_of_the_connection(url: str, expected: str) -> None:
    """Its own path prefix stays in front; an absolute address on its own origin is taken as it is."""
    assert url_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/rt",
        "http://desk.example/rt",
        "https://desk.example:8443/rt",
        "//evil.example/rt",
        "https://desk.example@evil.example/",
        "https://evil.example@desk.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "/ticket/../../admin",
        "/ticket/%2e%2e/%2E%2E/admin",
        "/ticket\\..\\admin",
        "/ticket 1",
        "/ticket\r\nX-Header: 1",
        "https://desk.example:port/",
        "https://[desk/",
    ],
)
def test_an_address_elsewhere_is_refused(url: str) -> None:
    """Nothing leads outside the origins of the connection, nor above its path."""
    with pytest.raises(OriginError):
        url_of(url)


def test_no_path_is_the_url_of_the_connection_as_it_is_written() -> None:
    """With its slash or without: to many servers they are two addresses."""
    assert url_of("", "https://hooks.example/webhook/desk") == "https://hooks.example/webhook/desk"
    assert url_of("", "https://hooks.example/hooks/catch/1/abc/") == "https://hooks.example/hooks/catch/1/abc/"
    assert url_of("", "https://hooks.example", a="1") == "https://hooks.example/?a=1"
    assert url_of("?a=1", "https://hooks.example/x") == "https://hooks.example/x?a=1"


def test_an_extra_origin_of_the_connector_is_allowed() -> None:
    """`spec.origins` names further hosts, exactly."""
    assert url_of("https://files.example/up", origins=("https://files.example",)) == "https://files.example/up"
    with pytest.raises(OriginError):
        url_of("https://files.example.evil/up", origins=("https://files.example",))


def test_a_connection_without_url_takes_absolute_addresses_only() -> None:
    """A connector such as Slack's knows its host itself."""
    assert url_of("https://slack.example/api/x", "", ("https://slack.example",)) == "https://slack.example/api/x"
    with pytest.raises(OriginError, match="no url"):
        url_of("/api/x", "")


def test_parameters_are_added_to_the_query() -> None:
    """`params` are encoded and come after what the address has."""
    assert url_of("/q?a=1", b="x y&z", c="ü") == f"{HOME}/q?a=1&b=x+y%26z&c=%C3%BC"


def test_json_becomes_bytes_and_a_content_type() -> None:
    """The body is fixed when it is rendered."""
    rendered = render(connector(HOME), HttpRequest("post", "/t", Effect.WRITE, json={"b": 1, "a": "ü"}))
    assert rendered.method == "POST"
    assert rendered.body == '{"b":1,"a":"ü"}'.encode()
    assert rendered.headers == {"Content-Type": "application/json"}
    own = HttpRequest("PATCH", "/t", headers={"content-type": "application/merge-patch+json"}, json={})
    assert render(connector(HOME), own).headers == {"content-type": "application/merge-patch+json"}


def test_stored_bytes_render_to_themselves() -> None:
    """A resend of what was stored is byte for byte what was sent, and holds no credential."""
    desk = connector(HOME)
    request = HttpRequest("PUT", "/t/ü%20x?y=[1]", Effect.WRITE, {"k": "a b"}, {"X-Key": "1"}, json={"x": [1, 2.5]})
    once = render(desk, request)
    assert render(desk, once.as_request(Effect.WRITE)) == once
    assert TOKEN not in repr(once)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "/t", json={"a": 1}, body=b"x"),
        HttpRequest("POST", "/t", headers={"X-A": "1\r\nX-B: 2"}),
        HttpRequest("POST", "/t", headers={"X A": "1"}),
        HttpRequest("POST", "/t", headers={"X-A": "зачем"}),
    ],
)
def test_a_request_that_cannot_be_sent_is_refused_before(request_: HttpRequest) -> None:
    """Two bodies, or a header that would not fit on a line."""
    with pytest.raises(NotSentError):
        render(connector(HOME), request_)
