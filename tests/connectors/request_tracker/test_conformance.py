"""Request Tracker holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.request_tracker
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.testing.conformance import Conformance

HERE = Path(__file__).parent


class TestRequestTracker(Conformance):
    """The simulated one; a real one runs the behaviour suite."""

    plugin = connectors.request_tracker.gateway_connector()
    bench = RequestTrackerBench
    folder = Path(connectors.request_tracker.__file__).parent
    samples = HERE / "samples"
