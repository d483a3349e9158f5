"""What others have captured of Salesforce, where it is at hand: each file means what the table says, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.connectors.salesforce.conftest import facts

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures/salesforce"

#: file -> why it brings nothing
IGNORED = {
    "outbound_OutboundMessage1.xml": "its notifications are of leads, which are no cases and not about any",
    "outbound_OutboundMessage2.xml": "it has no notification",
}
#: file -> words of the reason
REFUSED = {"outbound_NotificationResponse.xml": "no outbound message"}

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")


def test_what_others_captured() -> None:
    """Every file is in the table; those that are about no case bring nothing; an answer is no message."""
    there = {path.name for path in FIXTURES.iterdir()}
    assert there == set(IGNORED) | set(REFUSED), "a captured payload that nobody has looked at"
    for name in IGNORED:
        assert facts((FIXTURES / name).read_bytes()) == ()
    for name, words in REFUSED.items():
        with pytest.raises(Exception, match=words):
            facts((FIXTURES / name).read_bytes())


def test_a_captured_message_about_a_case(tmp_path: Path) -> None:
    """The captured lead with the type of a case is read as one: its id, its times, its actor, its status and owner."""
    body = (FIXTURES / "outbound_OutboundMessage1.xml").read_bytes()
    body = body.replace(b'"sf:Lead1"', b'"sf:Case"').replace(b"0123456789ABCDEEAE", b"5003700000ABCDEEAE")
    (event,) = facts(body)
    assert event.remote_id == "5003700000ABCDEEAE"
    assert event.actor is not None
    assert event.actor.external_id == "1123456789ABCDEAAW"
    assert event.at.isoformat() == "2015-08-14T18:27:02+00:00"
    assert event.snapshot is not None
    assert event.snapshot.body == "Some notes..."
    assert event.snapshot.status.native == "Open - Not Contacted"  # type: ignore[union-attr]
    assert event.key.endswith("04l37000000L0E5AAK")
