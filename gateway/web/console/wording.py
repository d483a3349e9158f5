"""How the page says times, ages and states: one place, so that the same thing always reads the same."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))

STATES = {
    "ready": "waits",
    "sending": "being sent",
    "done": "done",
    "observed": "was there already",
    "unknown": "outcome unknown",
    "ambiguous": "ambiguous",
    "dead": "given up",
    "doubled": "there more than once",
    "superseded": "merged into a later one",
    "parked": "parked",
}
OPERATIONS = {
    "create": "create the ticket",
    "set_fields": "set fields",
    "public_reply": "public reply",
    "internal_note": "internal note",
    "notify": "notification",
    "undo": "take a copy back",
}
CATEGORIES = {"pending_customer": "pending", "on_hold": "on hold"}
DESK_STATES = {
    "ok": "ok",
    "paused": "paused",
    "breaker": "breaker open",
    "throttled": "throttled",
    "unpolled": "polling fails",
    "gone": "gone",
}
KINDS = {
    "created": "ticket created",
    "changed": "ticket changed",
    "commented": "comment",
    "observed": "read",
    "merged": "merged",
    "deleted": "deleted",
}


def instant(at: datetime | None) -> str:
    """Return an instant in UTC to the second, for a title or a cell."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def iso(at: datetime | None) -> str:
    """Return an instant for the datetime attribute."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z" if at else ""


def duration(span: timedelta) -> str:
    """Return a length of time as a person says it: 12 ms, 3.4 s, 5 min, 2 h, 8 d."""
    seconds = span.total_seconds()
    if seconds < 0:
        return "-" + duration(-span)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    for size, unit in _UNITS:
        if seconds >= size * 0.9999:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} min"


def relative(at: datetime | None, now: datetime) -> str:
    """Return how long ago, or in how long; to the second at best."""
    if at is None:
        return ""
    span = now - at
    seconds = abs(span.total_seconds())
    if seconds < 1:
        return "now"
    text = f"{int(seconds)} s"
    for size, unit in _UNITS:
        if seconds >= size:
            text = f"{int(seconds // size)} {unit}"
            break
    return f"{text} ago" if span > timedelta(0) else f"in {text}"


def step(start: datetime | None, end: datetime | None) -> str:
    """Return how long a step took; nothing while it is not over. Two clocks may disagree: never below zero."""
    if start is None or end is None:
        return ""
    return duration(max(end - start, timedelta(0)))
