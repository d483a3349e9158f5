"""What goes wrong while people work: little enough that all is well in the end, enough that healing is seen."""

from __future__ import annotations

from connectors.testing.traffic.desks import SimulatorClient

_WRITES = "POST|PUT"
#: kind, chance for each request, and the rest of the fault
_FAULTS: tuple[tuple[str, float, dict[str, object]], ...] = (
    ("latency", 0.25, {"seconds": 0.12}),
    ("latency", 0.02, {"seconds": 1.5}),
    ("throttle", 0.008, {"seconds": 3.0, "method": _WRITES}),
    ("error_with_effect", 0.01, {"method": _WRITES}),
    ("error_without_effect", 0.01, {"method": _WRITES, "status": 503}),
    ("reset_after", 0.01, {"method": _WRITES}),
    ("reset_before", 0.005, {"method": _WRITES}),
)
#: chances for each webhook; a poll brings what is dropped, a doubled one changes nothing
_DOUBLED, _DROPPED = 0.05, 0.03


def brew(zendesk: SimulatorClient, rt: SimulatorClient) -> None:
    """Arm the faults of both desks."""
    for desk in (zendesk, rt):
        for kind, chance, how in _FAULTS:
            desk.fault(kind=kind, probability=chance, count=None, **how)
    zendesk.weather(duplicate=_DOUBLED, drop=_DROPPED)
    # RT's scrip runs inside the call that caused it, and tries once
    rt.weather(duplicate=_DOUBLED, drop=_DROPPED, before_answer=True, tries=1)
