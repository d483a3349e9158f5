"""Requests that the settings describe: rendered at the moment of sending, and what their answers prove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from connectors.generic.bodies import holds_file, parts_of
from connectors.generic.options import Options, Shape
from connectors.generic.places import find, word
from connectors.generic.template import MISSING, fill, path, texts
from connectors.sdk import (
    AuthenticationError,
    Blob,
    Effect,
    HttpRequest,
    HttpResponse,
    Outcome,
    Rejected,
    TransportError,
    Unauthorized,
    Unknown,
    classify,
    excerpt,
    retry_after,
)
from gateway.errors import ThrottledError

JSON, FORM, PLAIN = "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"
NOT_THERE = (403, 404, 410)


def request_of(
    options: Options, name: str, shape: Shape, values: Mapping[str, Any], *, effect: Effect = Effect.READ, key: str = ""
) -> HttpRequest:
    """Render one request; its body is bytes, so that what is stored, signed and sent again is the same."""
    headers = {"Accept": JSON, **texts(shape.get("headers") or {}, values)}
    body: bytes | Blob = b""
    given: Any = None
    if "json" in shape:
        filled = fill(shape["json"], values)
        if holds_file(filled):
            given = filled
        else:
            body = msgspec.json.encode({} if filled is MISSING else filled)
        headers.setdefault("Content-Type", JSON)
    elif "form" in shape:
        body = urlencode(texts(shape["form"], values)).encode()
        headers.setdefault("Content-Type", FORM)
    elif "text" in shape:
        filled = fill(str(shape["text"]), values)
        body = filled if isinstance(filled, Blob) else b"" if filled is MISSING else word(filled).encode()
        usual = "{file_type}" if isinstance(filled, Blob) else PLAIN
        headers.setdefault("Content-Type", word(fill(str(shape.get("content_type") or usual), values)))
    if shape.get("idempotency_header") and key:
        headers[str(shape["idempotency_header"])] = key
    if effect is Effect.WRITE and options.signature and key:
        headers["webhook-id"] = key
    method = str(shape.get("method") or ("GET" if effect is Effect.READ else "POST"))
    return HttpRequest(
        method=method,
        url=path(str(shape["path"]), values),
        effect=effect,
        params=texts(shape.get("query") or {}, values),
        headers=headers,
        json=given,
        body=body,
        parts=parts_of(shape["parts"], values) if "parts" in shape else (),
        label=name,
    )


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; its text where it is none, for a desk that answers with a bare number."""
    try:
        return response.json()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return response.body[:10_000].decode("utf-8", "replace").strip()


def is_json(response: HttpResponse) -> bool:
    """Say whether an answer is JSON."""
    try:
        response.json()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def succeeded(shape: Shape, response: HttpResponse) -> bool:
    """Say whether a status means success."""
    wanted = shape.get("success")
    return response.status in wanted if wanted else response.ok


def proved(shape: Shape, answer: Any) -> bool:
    """Say whether an answer with a good status says that it was done: some desks refuse with 200."""
    ok = shape.get("ok")
    if not isinstance(ok, Mapping):
        return True
    if "absent" in ok and find(ok["absent"], answer) is not None:
        return False
    found = find(ok.get("at"), answer)
    if "is" in ok:
        return word(found) in {word(each) for each in ok["is"]}
    return "at" not in ok or found is not None


def said(shape: Shape, response: HttpResponse) -> str:
    """Return why a desk refused: what lies at `error:`, else the first words of its answer."""
    words = word(find(shape.get("error"), decoded(response))) if shape.get("error") else ""
    return f"HTTP {response.status} {words}"[:500] if words else excerpt(response)


def outcome_of(shape: Shape, response: HttpResponse) -> Outcome | None:
    """Say what the answer to a write means; None: it was done, as far as the answer proves it."""
    if response.status in (shape.get("refused") or ()):
        return Rejected(said(shape, response))
    if succeeded(shape, response):
        answer = decoded(response)
        if proved(shape, answer):
            return None
        # the desk's own words about a failure are its no; anything else is nobody's word
        return Rejected(said(shape, response)) if is_json(response) else Unknown(excerpt(response))
    if 300 <= response.status < 400:
        where = response.header("location")[:200] or "elsewhere"
        return Rejected(f"it redirects to {where}: write that address in gateway.yaml")
    found = classify(response)
    if found is None:
        return Unknown(f"a status that the settings do not call success: {excerpt(response)}")
    if isinstance(found, Rejected):
        return Rejected(said(shape, response))
    return Unauthorized(said(shape, response)) if isinstance(found, Unauthorized) else found


def answer_of(shape: Shape, response: HttpResponse) -> Any:
    """Return the answer to a read, at its place; raises as a read without an answer does."""
    if response.status == 401:
        msg = f"the desk does not accept our credentials: {said(shape, response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"the desk asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if not succeeded(shape, response):
        msg = f"the desk could not answer: {said(shape, response)}"
        raise TransportError(msg)
    if not is_json(response):
        msg = f"the desk's answer is not JSON: {excerpt(response)}"
        raise TransportError(msg)
    found = response.json()
    if not proved(shape, found):
        msg = f"the desk could not answer: {said(shape, response)}"
        raise TransportError(msg)
    return find(shape["answer"], found) if "answer" in shape else found


def is_missing(shape: Shape, response: HttpResponse) -> bool:
    """Say whether an answer means that there is no such thing: by its status, or by what it says."""
    missing = shape.get("missing") or NOT_THERE
    if not isinstance(missing, Mapping):
        return response.status in missing
    found = find(missing.get("at"), decoded(response))
    known = found is not None and ("is" not in missing or word(found) in {word(each) for each in missing["is"]})
    return known or response.status in NOT_THERE
