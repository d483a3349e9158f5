"""Identifiers and digests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import canonical, digest, effect_key, uuid7


@given(seconds=st.integers(0, 200_000_000_000), entropy=st.binary(min_size=10, max_size=10))
def test_a_uuid7_carries_its_time(seconds: int, entropy: bytes) -> None:
    """Version, variant and the 48 bits of milliseconds are those of RFC 9562."""
    at = datetime.fromtimestamp(seconds, UTC)
    made = uuid.UUID(uuid7(at, entropy))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == seconds * 1000


def test_equal_values_have_one_form() -> None:
    """The order of keys does not count."""
    assert canonical({"b": 1, "a": [None, "ü"]}) == canonical({"a": [None, "ü"], "b": 1})
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_an_effect_is_named_by_all_its_parts() -> None:
    """Link, remote change, operation and subject each make another effect."""
    names = {
        effect_key("l", "e", "set_fields", "title"),
        effect_key("m", "e", "set_fields", "title"),
        effect_key("l", "f", "set_fields", "title"),
        effect_key("l", "e", "create", "title"),
        effect_key("l", "e", "set_fields", "status"),
    }
    assert len(names) == 5
