"""Identifiers and digests, as pure functions of their inputs.

Ids are UUIDv7 (RFC 9562 section 5.7): sortable by time for indexes. Only comments that a desk dates to one instant rely
on their order, and these come from one process.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime
from typing import Any

import msgspec

_canonical = msgspec.json.Encoder(order="sorted")
_EFFECT_KEY = re.compile(r"[0-9a-f]{32}")


def uuid7(now: datetime, entropy: bytes) -> str:
    """Return the text of a UUIDv7 for `now` (aware UTC) and ten bytes of entropy."""
    millis = int(now.timestamp() * 1000)
    value = (millis & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def canonical(value: Any) -> bytes:
    """Encode a JSON-like value in one way only (sorted keys, no white space), so that equal values hash equally."""
    return _canonical.encode(value)


def digest(*parts: Any) -> str:
    """Return 32 hex digits of SHA-256 over the canonical form of `parts`."""
    return hashlib.sha256(canonical(parts)).hexdigest()[:32]


def our_mark(text: str) -> str:
    """Return a text that has the form of an effect key, without white space around it; empty for what others wrote."""
    bare = text.strip()
    return bare if _EFFECT_KEY.fullmatch(bare) else ""


def effect_key(link_id: str, event_key: str, operation: str, subject: str) -> str:
    """Name one intended effect for ever (docs/delivery.md section 1).

    `event_key` names the remote change, never the delivery, so that a webhook and a poll of one change give one key;
    `subject` is the field list or the comment id.
    """
    return digest("effect", link_id, event_key, operation, subject)
