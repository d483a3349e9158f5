"""Jira's webhooks: proof of origin, name, and the facts in them.

Admin webhooks with a secret are signed, on Cloud [J1] and on Data Center 10 [J10]. An automation rule's
*Send web request* signs nothing: it is trusted where it brings the secret itself, as a bearer token.
"""

from __future__ import annotations

import base64

from connectors.content import damaged
from connectors.jira import events
from connectors.jira.options import Options
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    IncomingRequest,
    RawDelivery,
    UnreadableError,
    body_digest,
    hmac_hex,
    require_equal,
)

SIGNATURE = "x-hub-signature"
#: the algorithms that the signature's header may name
ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})


def verify(options: Options, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the signature is `METHOD=hex(HMAC(secret, raw body))` [J1].

    There is no time in it, and Jira repeats a webhook for up to half an hour [J5]: a replay has the name of the first.
    """
    if not options.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    proof = request.headers.get("authorization", "").strip()
    failure: AuthenticationError | None = None
    for secret in options.webhook_secrets:
        try:
            if not given and proof:
                require_equal(_brought(proof), secret, "authorization")
            else:
                algorithm = given.partition("=")[0].lower()
                algorithm = algorithm if algorithm in ALGORITHMS else "sha256"
                require_equal(given, f"{algorithm}={hmac_hex(secret, request.body, algorithm)}", SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def _brought(proof: str) -> str:
    """Return the secret in an Authorization header: a bearer token, or the password of Basic [J10]."""
    scheme, _, word = proof.partition(" ")
    if scheme.lower() == "bearer":
        return word.strip()
    try:
        return base64.b64decode(word, validate=True).decode().partition(":")[2] if scheme.lower() == "basic" else ""
    except ValueError:
        return ""


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by its signed body, which holds the time; Jira's own identifier is not signed."""
    try:
        body = damaged.object_in(request.body)
    except UnreadableError:
        return Envelope(body_digest(request.body))
    return Envelope(body_digest(request.body), events.issue_id(body))


def parse(options: Options, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for what is not about issues, or about those of other projects.

    Raises UnreadableError where neither an event nor the number of an issue can be made out.
    """
    body = damaged.object_in(delivery.body)
    return events.read(body, options, delivery)
