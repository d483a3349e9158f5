"""What others have captured of Dynamics 365, where it is at hand: each file means what the table says, and why."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from connectors.dynamics365.changes import changes
from connectors.sdk import Envelope, EventKind, HttpResponse, UnreadableError
from tests.connectors.dynamics365.conftest import AT, connect, facts, posted

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures/dynamics365"
UPDATE = "webhook_remote_execution_context_contact_update.json"
TRACKED = "api_track_changes_initial_200.json"

#: file -> why it brings nothing
IGNORED = {UPDATE: "it is about a contact, which is no case and not about one"}
#: file -> words of the reason
REFUSED = {TRACKED: "no RemoteExecutionContext"}

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")


def test_what_others_captured() -> None:
    """Every file is in the table."""
    assert {path.name for path in FIXTURES.iterdir()} == set(IGNORED) | set(REFUSED), "a payload nobody has looked at"
    for name in IGNORED:
        assert facts((FIXTURES / name).read_bytes()) == ()
    for name, words in REFUSED.items():
        with pytest.raises(UnreadableError, match=words):
            facts((FIXTURES / name).read_bytes())


def test_the_captured_update_as_one_of_a_case() -> None:
    """A case has the same shape: its id, its actor, its time, the columns that were set."""
    body = (FIXTURES / UPDATE).read_bytes()
    body = body.replace(b'"contactid"', b'"incidentid"').replace(b'"contact"', b'"incident"')
    body = body.replace(b'"fullname"', b'"title"')
    event, look = facts(body)
    assert (look.kind, look.remote_id, look.needs_read) == (EventKind.OBSERVED, event.remote_id, True), "first name"
    assert (event.kind, event.remote_id) == (EventKind.CHANGED, "6d81597f-0f9f-e711-8122-000d3aa2331c")
    assert event.actor is not None
    assert event.actor.external_id == "75c2dd85-e89e-e711-8122-000d3aa2331c"
    assert event.at.isoformat() == "2017-09-26T00:04:07+00:00"
    assert [(one.field, one.value) for one in event.changes] == [("title", "James Glynn (sample)")]
    named = connect().envelope(posted(body))
    assert isinstance(named, Envelope)
    assert named.ref == event.remote_id
    assert named.source_event_id.startswith("operation:")


def test_the_captured_delta_link_is_kept() -> None:
    """The poll goes on at the address that the answer names."""
    body = (
        (FIXTURES / TRACKED)
        .read_bytes()
        .replace(b"[Organization URI]/api/data/v9.0", b"https://x.example/api/data/v9.2")
    )
    call = changes(connect("https://x.example").account, "", AT)
    request = next(call)
    assert "odata.track-changes" in request.headers["Prefer"]
    with pytest.raises(StopIteration) as stop:
        call.send(HttpResponse(200, {}, body))
    page = stop.value.value
    assert page.tickets == (), "accounts are no cases"
    said = msgspec.json.decode(page.cursor)
    assert said["delta"].endswith("$deltatoken=919042%2108%2f22%2f2017%2008%3a10%3a44")
