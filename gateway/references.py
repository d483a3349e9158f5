"""Puts in what references stand for: secrets, and the addresses of feeds, from the environment or from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from rules import Problem, Severity, Site
from rules.feeds import Feed, address_of, wrong_with
from rules.references import REFERENCE, Reference, within

MAX_SECRET = 64 * 1024


def resolve_reference(reference: Reference, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the value and why there is none."""
    if not reference.is_file:
        value = environ.get(reference.target, "")
        return value, "" if value else f"the environment variable {reference.target} is not set"
    path = Path(environ.get("GATEWAY_SITE") or ".") / reference.target
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SECRET + 1).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        return "", f"the file {reference.target} cannot be read: {why}"
    if not text or len(text) > MAX_SECRET:
        return "", f"the file {reference.target} is {'too long' if text else 'empty'}"
    return text, ""


def filled(value: Any, environ: Mapping[str, str]) -> Any:
    """Put the values of references in."""
    if isinstance(value, dict):
        return {key: filled(each, environ) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, environ) for each in value]
    if not isinstance(value, str):
        return value

    def put(match: Any) -> str:
        reference = Reference(match["file"] or match["name"], (), 0, 0, is_file=bool(match["file"]))
        return resolve_reference(reference, environ)[0]

    return REFERENCE.sub(put, value)


def feed_references(feed: Feed) -> tuple[Reference, ...]:
    """Return the references in the address of a feed."""
    return within(feed.written)


def feed_address(feed: Feed, environ: Mapping[str, str]) -> str:
    """Return the address of a feed; raises ConfigError, which does not repeat it, where there is none."""
    why = next((why for each in feed_references(feed) if (why := resolve_reference(each, environ)[1])), "")
    address = "" if why else address_of(filled(feed.written, environ))
    why = why or wrong_with(address)
    if why:
        raise ConfigError(f"{feed.label} cannot be fetched: {why}")
    return address


def missing_feeds(site: Site, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Say which feeds of a site have no address in this environment, or none that can be asked."""
    for feed in site.rules.routing.feeds:
        try:
            feed_address(feed, environ)
        except ConfigError as error:
            hint = "set it where the gateway is started"
            yield Problem(feed.file, feed.line, feed.column, "missing-feed", Severity.ERROR, str(error), hint)
