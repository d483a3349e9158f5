"""What a desk shows of the promises of a ticket: the fields in which the gateway alone writes. Pure.

An intent names them beside the synced fields: `due` is the desk's own field for a due time, `custom.NAME` a custom
field, `sla_tags` those of the gateway's own tags that a ticket is to have. Values are plain JSON in one form, whatever
a desk makes of them, so that what was written and what is read back can be compared.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

DUE = "due"
TAGS = "sla_tags"
CUSTOM = "custom."


def is_shown(field: str) -> bool:
    """Say whether a field of an intent is one of these."""
    return field in {DUE, TAGS} or field.startswith(CUSTOM)


def instant_text(at: datetime) -> str:
    """Write an instant in UTC and whole seconds: `2026-03-10T17:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_shown(value: Any) -> Any:
    """Return a value in the form in which it is compared.

    A desk may give a number back as text, an instant with fractions or an offset, and an empty field as an empty text.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, list | tuple):
        return sorted(str(each) for each in value) if value else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return _instant(text) or text or None


def _instant(text: str) -> str:
    """Return a text that is an instant with its zone in our form; empty: it is none."""
    if "T" not in text and " " not in text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return ""
    try:
        return instant_text(found) if found.tzinfo is not None else ""
    except OverflowError:
        return ""
