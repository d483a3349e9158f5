"""What a command can say of the feeds that rotas are fetched from: by asking them now, or by what the record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors import registry
from gateway.cli.opening import glance
from gateway.cli.site import SiteChoice
from gateway.errors import ConfigError
from gateway.extensions import installed
from gateway.flow.feeds import ask
from gateway.http import HttpTransport
from gateway.ports.feeds import FeedCopy
from gateway.references import feed_address
from gateway.system import SystemClock
from rules import Problem, Severity, load_site
from rules.duration import words
from rules.feeds import MAX_BYTES, Feed
from rules.rotas import Rota

#: so far ahead the shifts of a feed are counted
AHEAD = timedelta(days=14)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a feed has found."""

    feed: Feed
    text: str = ""
    trouble: str = ""
    shifts: int = 0
    people: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Say it in a line."""
        if self.trouble:
            return f"feed: {self.feed.label} could not be fetched"
        who = ", ".join(self.people) or "nobody whom people: knows"
        number = "1 shift" if self.shifts == 1 else f"{self.shifts} shifts"
        return f"feed: {self.feed.label} was fetched: {number} in the next {AHEAD.days} days, of {who}"

    @property
    def problem(self) -> Problem | None:
        """Return what is wrong; another host may reach what this one does not, so that it is a warning."""
        if not self.trouble:
            return None
        feed = self.feed
        message = f"{feed.label} cannot be fetched: {self.trouble}"
        hint = "open the address in a browser where nobody is signed in; --offline asks nobody"
        return Problem(feed.file, feed.line, feed.column, "feed-unreachable", Severity.WARNING, message, hint)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "teams": list(self.feed.teams),
            "ok": not self.trouble,
            "trouble": self.trouble,
            "shifts": self.shifts,
            "people": list(self.people),
        }


def look(files: Mapping[str, str], environ: Mapping[str, str]) -> list[Seen]:
    """Ask every feed of a site now; one without an address here is said elsewhere."""
    specs = registry.load().specs
    site, _ = load_site(files, specs, extensions=installed())
    if site is None or not site.rules.routing.feeds:
        return []
    known = {}
    for name, spec in (site.rules.sections.get("people") or {}).items():
        known[name] = name
        known[str(spec.get("email", "")).strip().lower()] = name
    known.pop("", None)
    transport, now = HttpTransport(max_body=MAX_BYTES), SystemClock().now()
    found = []
    try:
        for feed in site.rules.routing.feeds:
            try:
                address = feed_address(feed, environ)
            except ConfigError:
                continue
            answer = ask(feed, address, None, transport, now=now, trace_id="")
            found.append(_seen(feed, answer.text, answer.trouble, known, now))
    finally:
        transport.close()
    return found


def _seen(feed: Feed, text: str, trouble: str, known: Mapping[str, str], now: datetime) -> Seen:
    if trouble:
        return Seen(feed=feed, trouble=trouble)
    rota = Rota(text.encode(), known)
    end = now + AHEAD
    months = dict.fromkeys(((now.year, now.month), (end.year, end.month)))
    shifts = {each for month in months for each in rota.shifts(*month) if each.end > now and each.start < end}
    times = {(each.start, each.end) for each in shifts}
    return Seen(feed=feed, text=text, shifts=len(times), people=tuple(sorted({each.person for each in shifts})))


def stored(choice: SiteChoice) -> Mapping[str, FeedCopy]:
    """Return what the record keeps of the feeds; nothing where there is no record yet."""
    return glance(choice, lambda tx: tx.feeds.all(), {})


def age(feed: Feed, copy: FeedCopy | None, now: datetime) -> str:
    """Say how old a copy is."""
    if copy is None or not copy.text:
        said = f"{feed.label} was never fetched: what stands in for it is shown"
    else:
        long = words(int((now - copy.good_at).total_seconds()) // 60 * 60) if now - copy.good_at >= MINUTE else "1m"
        said = f"{feed.label} was fetched {'less than ' if now - copy.good_at < MINUTE else ''}{long} ago"
    trouble = f"; now it cannot be: {copy.trouble}" if copy is not None and copy.trouble else ""
    return f"{said[:1].upper()}{said[1:]}{trouble}."


MINUTE = timedelta(minutes=1)
