"""How a webhook proves where it comes from, and how what we send does: one table for all shapes that desks use.

`standard_webhooks` is the scheme of standardwebhooks.com; `hmac` is any other: the header, what stands before the
digest, the algorithm, its encoding, what is signed, and the time where it is signed. `header`, `query` and `basic`
compare a secret. Everything is compared in constant time, with every secret that is configured.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sdk import AuthenticationError, HttpRequest, IncomingRequest, require_recent

STANDARD = "standard_webhooks"
#: the libraries of Standard Webhooks refuse what is five minutes off
TOLERANCE = 300

_PARTS = ("{body}", "{timestamp}", "{id}", "{method}", "{path}")


def verify(scheme: Mapping[str, Any], secrets: Sequence[str], request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless one of `secrets` proves the request."""
    usable = [secret for secret in secrets if secret]
    if not usable:
        msg = "this connection has no webhook_secret"
        raise AuthenticationError(msg)
    kind = str(scheme.get("kind") or STANDARD)
    if kind in {STANDARD, "hmac"}:
        _signed(full(scheme), usable, request, now)
        return
    given, what = _shared(kind, scheme, request)
    if not given:
        msg = f"missing {what}"
        raise AuthenticationError(msg)
    # every secret is compared, whichever fits
    if not any([_same(given, secret) for secret in usable]):  # noqa: C419 - none is skipped
        msg = f"wrong {what}"
        raise AuthenticationError(msg)


def full(scheme: Mapping[str, Any]) -> dict[str, Any]:
    """Return a signature's shape with everything that was left out."""
    if str(scheme.get("kind") or STANDARD) == STANDARD:
        return {
            "header": "webhook-signature", "prefix": "v1,", "separator": " ", "algorithm": "sha256",
            "encoding": "base64", "signed": "{id}.{timestamp}.{body}", "timestamp": "webhook-timestamp",
            "id": "webhook-id", "tolerance": TOLERANCE, "secret": "whsec", **scheme,
        }  # fmt: skip
    beside = bool(scheme.get("timestamp_prefix"))
    return {
        "prefix": "", "separator": "," if beside else "", "algorithm": "sha256", "encoding": "hex", "signed": "{body}",
        "timestamp": str(scheme.get("header") or "") if beside else "", "id": "", "tolerance": TOLERANCE,
        "secret": "text", **scheme,
    }  # fmt: skip


def _signed(scheme: Mapping[str, Any], secrets: Sequence[str], request: IncomingRequest, now: datetime) -> None:
    header = str(scheme["header"])
    given = request.headers.get(header.lower(), "")
    if not given:
        msg = f"missing {header}"
        raise AuthenticationError(msg)
    offered = [each.strip() for each in (given.split(scheme["separator"]) if scheme["separator"] else [given])]
    stamp = _stamp(scheme, offered, request)
    identity = request.headers.get(str(scheme["id"]).lower(), "") if scheme["id"] else ""
    # a tolerance of 0 asks for no time at all
    tolerance = int(scheme["tolerance"]) if scheme["timestamp"] else 0
    if tolerance:
        _require_time(stamp, str(scheme["timestamp"]))
    if "{id}" in scheme["signed"] and not identity:
        msg = f"missing {scheme['id']}"
        raise AuthenticationError(msg)
    message = signed_bytes(scheme, request.body, stamp, identity, request.method, request.path)
    prefix = str(scheme["prefix"])
    digests = [each.removeprefix(prefix) for each in offered if each.startswith(prefix)]
    expected = [digest(scheme, key, message) for secret in secrets for key in keys_of(scheme, secret)]
    if not any([_same(each, one) for each in digests for one in expected]):  # noqa: C419 - none is skipped
        msg = f"wrong {header}"
        raise AuthenticationError(msg)
    if tolerance:
        require_recent(str(scheme["timestamp"]), int(stamp) / (1000 if len(stamp) > 11 else 1), now, tolerance)


def _stamp(scheme: Mapping[str, Any], offered: Sequence[str], request: IncomingRequest) -> str:
    """Return the time that is signed: of its own header, or of the signature's where it stands beside the digests."""
    beside = str(scheme.get("timestamp_prefix") or "")
    if beside:
        return next((each.removeprefix(beside) for each in offered if each.startswith(beside)), "")
    return request.headers.get(str(scheme["timestamp"]).lower(), "") if scheme["timestamp"] else ""


def _require_time(stamp: str, name: str) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        msg = f"missing {name}" if not stamp else f"{name} is no time"
        raise AuthenticationError(msg)


def signed_bytes(scheme: Mapping[str, Any], body: bytes, stamp: str, identity: str, method: str, path: str) -> bytes:
    """Return what is signed: the template with the raw bytes of the body in their place."""
    known = {"{timestamp}": stamp, "{id}": identity, "{method}": method, "{path}": path}
    found, rest = b"", str(scheme["signed"])
    while rest:
        name = min((part for part in _PARTS if part in rest), key=rest.index, default="")
        before, _, rest = rest.partition(name) if name else (rest, "", "")
        found += before.encode()
        if name:
            found += body if name == "{body}" else known[name].encode("utf-8", "surrogatepass")
    return found


def key_of(scheme: Mapping[str, Any], secret: str) -> bytes:
    """Return the bytes that sign; a secret that is not what it is said to be signs as its own text."""
    how = scheme["secret"]
    if how == "whsec" and not secret.startswith("whsec_"):
        return secret.encode()
    try:
        if how in {"whsec", "base64"}:
            found = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        else:
            found = bytes.fromhex(secret) if how == "hex" else secret.encode()
    except (binascii.Error, ValueError):
        return secret.encode()
    # an empty key would sign for everybody
    return found or secret.encode()


def keys_of(scheme: Mapping[str, Any], secret: str) -> list[bytes]:
    """Return the bytes that may have signed.

    The libraries of Standard Webhooks take a secret for base64 with `whsec_` before it and without (npm 1.1.1, PyPI
    1.1.0, Svix), and some senders sign with its text.
    """
    key = key_of(scheme, secret)
    if scheme["secret"] != "whsec":  # noqa: S105 - the name of a form, no secret
        return [key]
    return list(dict.fromkeys((key, key_of({**scheme, "secret": "base64"}, secret))))


def digest(scheme: Mapping[str, Any], key: bytes, message: bytes) -> str:
    """Return the digest of a message as it stands in the header."""
    made = hmac.new(key, message, str(scheme["algorithm"]))
    return made.hexdigest() if scheme["encoding"] == "hex" else base64.b64encode(made.digest()).decode()


def _shared(kind: str, scheme: Mapping[str, Any], request: IncomingRequest) -> tuple[str, str]:
    """Return the secret that a request shows, and what that is called."""
    if kind == "query":
        name = str(scheme.get("name") or "token")
        return request.query.get(name, ""), f"{name}= in the address"
    header = str(scheme.get("header") or ("authorization" if kind == "basic" else ""))
    given = request.headers.get(header.lower(), "")
    if kind == "basic":
        word, _, pair = given.partition(" ")
        try:
            user, _, password = base64.b64decode(pair, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", "credentials"
        right = word.lower() == "basic" and _same(user, str(scheme.get("user") or user))
        return (password if right else ""), "credentials"
    prefix = str(scheme.get("prefix") or "")
    return (given.removeprefix(prefix) if given.startswith(prefix) else ""), header


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def sign(scheme: Mapping[str, Any], secrets: Sequence[str], request: HttpRequest, now: datetime) -> dict[str, str]:
    """Return the headers that prove one sending of ours; a list of secrets signs with each while it is changed."""
    shape = full(scheme)
    body = request.body if isinstance(request.body, bytes) else b""
    stamp = str(int(now.timestamp()))
    identity = next((value for name, value in request.headers.items() if name.lower() == str(shape["id"]).lower()), "")
    message = signed_bytes(shape, body, stamp, identity, request.method, request.url)
    made = [f"{shape['prefix']}{digest(shape, key_of(shape, secret), message)}" for secret in secrets if secret]
    beside = str(shape.get("timestamp_prefix") or "")
    if beside:
        made = [f"{beside}{stamp}", *made]
    shown = str(shape["separator"] or " ").join(made if shape["separator"] else made[:1])
    return {
        **({str(shape["timestamp"]): stamp} if shape["timestamp"] and not beside else {}),
        str(shape["header"]): shown,
    }
