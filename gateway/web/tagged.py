"""Answers that carry an ETag: a poll that brings nothing new costs a few bytes."""

from __future__ import annotations

import hashlib

from flask import Request, Response


def tag_of(*parts: bytes) -> str:
    """Return the tag of what an answer is made from."""
    return hashlib.blake2b(b"\0".join(parts), digest_size=12).hexdigest()


def unchanged(request: Request, tag: str) -> Response | None:
    """Return 304 when the client has what `tag` names, else None."""
    if request.if_none_match.contains_weak(tag):
        return stamp(Response(status=304), tag)
    return None


def stamp(answer: Response, tag: str) -> Response:
    """Put the tag on an answer; nobody but the client itself may keep it."""
    answer.set_etag(tag, weak=True)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
