"""Answers that the simulated Zendesk gives in many places."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.zendesk.mapping import MARKER_PREFIX, METADATA_KEY
from connectors.zendesk.sim_state import InvalidError


def ticket_of(request: SimRequest) -> dict[str, Any] | None:
    """Return the `ticket` object of a request, or None."""
    try:
        found = request.json()
    except msgspec.DecodeError:
        return None
    given = found.get("ticket") if isinstance(found, dict) else None
    return given if isinstance(given, dict) else None


def key_of(given: dict[str, Any]) -> str:
    """Return the key that a write carries, for the effect log."""
    metadata = given.get("metadata")
    key = str(metadata.get(METADATA_KEY) or "") if isinstance(metadata, dict) else ""
    return key or str(given.get("external_id") or "").removeprefix(MARKER_PREFIX)


def limits() -> dict[str, str]:
    """Return the rate-limit headers [Z13]."""
    return {"x-rate-limit": "700", "ratelimit-limit": "700", "ratelimit-remaining": "699", "ratelimit-reset": "60"}


def missing() -> SimResponse:
    """Return what Zendesk says of a record that is not there."""
    return json_answer({"error": "RecordNotFound", "description": "Not found"}, 404)


def unreadable() -> SimResponse:
    """Return what Zendesk says of a body that is not JSON."""
    return json_answer({"error": "Unprocessable", "message": "Server could not parse JSON"}, 422)


def invalid(error: InvalidError) -> SimResponse:
    """Return what Zendesk says of a record that it refuses."""
    details = {error.field: [{"description": error.description}]}
    return json_answer({"error": "RecordInvalid", "description": "Record validation errors", "details": details}, 422)
