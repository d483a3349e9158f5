"""Standard Webhooks as real libraries sign and read them: what they made is taken, and what we make is what they make.

The signatures here were made by `standardwebhooks` (npm 1.1.1, PyPI 1.1.0) and `svix` (npm 1.99.1, PyPI 2.9.1), which
all made the same ones, with the secret as it stands and with `whsec_` before it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.generic.signing import sign, verify
from connectors.registry import load
from gateway.errors import AuthenticationError
from gateway.ports import ConnectionSettings, Effect, Envelope, HttpRequest, IncomingRequest

OLD, NEW = "bWFkZSBieSBoYW5kIGZvciB0aGUgdGVzdHM=", "YW5kIHdoYXQgaXQgaXMgY2hhbmdlZCB0bw=="
BY_OLD = "v1,Y6454VYvlcsvpuKRNxjakWszIZc4n0cUQB0nMac2lH8="
BY_NEW = "v1,49O4RwEyupzdmlyScE7/rLjge+VARAN4yx+OyaA9H10="
BODY = '{"type":"ticket.created","data":{"number":7,"title":"Größe 処"}}'.encode()
AT = datetime(2026, 1, 1, tzinfo=UTC)
STANDARD: dict[str, Any] = {"kind": "standard_webhooks"}
SVIX = {**STANDARD, "header": "svix-signature", "id": "svix-id", "timestamp": "svix-timestamp"}


def taken(signature: str, *secrets: str, scheme: dict[str, Any] = STANDARD, prefix: str = "webhook") -> bool:
    """Say whether a request with this signature is taken."""
    headers = {
        f"{prefix}-id": "msg_7",
        f"{prefix}-timestamp": str(int(AT.timestamp())),
        f"{prefix}-signature": signature,
    }
    try:
        verify(scheme, secrets, IncomingRequest("POST", "/hooks/desk", {}, headers, BODY), AT)
    except AuthenticationError:
        return False
    return True


@pytest.mark.parametrize("before", ["", "whsec_"])
def test_what_a_library_signs_is_taken(before: str) -> None:
    """With one signature or several, in any order, and while the secret is being changed on either side."""
    old, new = before + OLD, before + NEW
    assert taken(BY_OLD, old)
    assert taken(BY_OLD, new, old)
    assert taken(f"{BY_OLD} {BY_NEW}", new)
    assert taken(f"{BY_NEW} {BY_OLD}", new)
    assert taken(f"v1a,c29tZSBvdGhlciBraW5k {BY_OLD}", old)
    assert not taken(BY_OLD, new)
    assert not taken(BY_OLD.replace("v1,", "v1a,"), old)


def test_svix_with_its_own_headers() -> None:
    """Other names, nothing else."""
    assert taken(BY_OLD, f"whsec_{OLD}", scheme=SVIX, prefix="svix")
    assert not taken(BY_NEW, f"whsec_{OLD}", scheme=SVIX, prefix="svix")


def test_a_message_is_named_by_its_own_header() -> None:
    """Whatever that is called: a second try of Svix is the same delivery."""
    options = {
        "webhook_secret": f"whsec_{OLD}",
        "ticket": {"id": "number"},
        "incoming": {
            "signature": SVIX,
            "event": {"at": "type", "kinds": {"ticket.created": "created"}},
            "ticket": "data",
        },
    }
    desk = load(("generic",), ()).connect(ConnectionSettings("desk", "generic", "https://desk.acme.example", options))
    request = IncomingRequest("POST", "/hooks/desk", {}, {"svix-id": "msg_7", "content-type": "application/json"}, BODY)
    named = desk.envelope(request)
    assert isinstance(named, Envelope)
    assert named.source_event_id == "id:msg_7"


def test_a_sender_may_sign_with_the_text_of_its_secret() -> None:
    """As home-made ones do."""
    secret = "a-long-random-text-0123456789"
    made = sign(STANDARD, [secret], sent(), AT)["webhook-signature"]
    assert taken(made, secret)
    assert not taken(made, "another-long-random-text-0123")


def test_what_we_sign_is_what_the_libraries_make() -> None:
    """One signature for each secret, so that a receiver changes its own at any time."""
    made = sign(STANDARD, [f"whsec_{NEW}", f"whsec_{OLD}"], sent(), AT)
    assert made == {"webhook-timestamp": "1767225600", "webhook-signature": f"{BY_NEW} {BY_OLD}"}


def test_a_secret_of_nothing_signs_nothing() -> None:
    """An empty key would be everybody's."""
    empty = sign({**STANDARD, "secret": "text"}, ["whsec_"], sent(), AT)["webhook-signature"]
    assert sign(STANDARD, ["whsec_"], sent(), AT)["webhook-signature"] == empty


def sent() -> HttpRequest:
    """Return a request of ours."""
    headers = {"webhook-id": "msg_7", "Content-Type": "application/json"}
    return HttpRequest(
        method="POST", url="https://desk.acme.example/in", effect=Effect.WRITE, headers=headers, body=BODY
    )
