"""Dataverse's record ids, which we choose ourselves for what we make: our effect key is 128 bits, and so is a GUID.

So a create can be sent twice and makes one record, a record of ours says so by its own id, and no column of ours is
needed anywhere.
"""

from __future__ import annotations

import re
import uuid

from connectors.sdk import digest

_GUID = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
_KEY = re.compile(r"[0-9a-f]{32}")
ZERO = "00000000-0000-0000-0000-000000000000"


def guid(value: object) -> str:
    """Return an id in its one form, lower case and without braces; empty when it is none, or all zeros."""
    found = _GUID.fullmatch(value.strip()) if isinstance(value, str) else None
    text = found[1].lower() if found else ""
    return "" if text == ZERO else text


def guid_of(effect_key: str) -> str:
    """Return the id of what an effect makes."""
    return str(uuid.UUID(effect_key if _KEY.fullmatch(effect_key) else digest(effect_key)))


def key_of(record_id: str) -> str:
    """Return the effect key that made a record with this id, if one of ours did."""
    return record_id.replace("-", "")


def contact_of(email: str) -> str:
    """Return the id of the contact that we make for an address that nobody has yet: always the same one."""
    return str(uuid.UUID(digest("contact", email.strip().lower())))
