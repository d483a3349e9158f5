"""Puts in what a site refers to: secrets and addresses of feeds, from the environment or files; files of people."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from rules import Problem, Severity, Site
from rules.directory import MOST_BYTES, Directory, read_directory
from rules.enriching import Source
from rules.feeds import Feed, address_of, wrong_with
from rules.references import REFERENCE, Reference, within

MAX_SECRET = 64 * 1024
log = logging.getLogger(__name__)


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


class Directories:
    """The CSV files of a site's folder in which people are looked up: read again when they change.

    They are no part of a release: customers come and go daily, and what a release holds is kept for ever. A file that
    cannot be used leaves the copy before it in use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int], Directory]] = {}
        self._looking = threading.Lock()

    def read(self, source: Source) -> Directory | None:
        """Return the last good copy; None where there is none."""
        with self._looking:
            try:
                shown = self._stamp(source)
            except OSError:
                shown = None
            known = self._read.get(source.key)
            if shown is None or (known is not None and known[0] == shown):
                return known[1] if known is not None else None
            found, problems = self.look(source)
            if problems:
                log.warning("a directory of people cannot be used", extra={"why": str(problems[0])})
                found = known[1] if known is not None else None
            if found is not None:
                self._read[source.key] = (shown, found)
            return found

    def look(self, source: Source) -> tuple[Directory | None, Sequence[Problem]]:
        """Read a file as it is now; say what is wrong with it."""
        line, hint = 1, "nobody is looked up there until it can be read"
        try:
            with self._path(source).open("rb") as file:
                text = file.read(MOST_BYTES + 1).decode("utf-8")
        except OSError as error:
            why = error.strerror
        except UnicodeDecodeError as error:
            why, line = "it is not UTF-8", error.object.count(b"\n", 0, error.start) + 1
            hint = "save it as UTF-8 (spreadsheets: CSV UTF-8); nobody is looked up there until then"
        else:
            return read_directory(source.file, text, source.names)
        told = f"{source.file} cannot be read: {why}"
        return None, [Problem(source.file, line, 1, "missing-file", Severity.WARNING, told, hint)]

    def _path(self, source: Source) -> Path:
        path = (self._folder / source.file).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise OSError(0, "it lies outside of the site")
        return path

    def _stamp(self, source: Source) -> tuple[int, int]:
        found = self._path(source).stat()
        return found.st_mtime_ns, found.st_size


def missing_directories(site: Site, directories: Directories) -> Iterator[Problem]:
    """Say what is wrong with the files in which people are looked up."""
    for source in site.rules.enrichment.sources:
        if source.file:
            yield from directories.look(source)[1]
