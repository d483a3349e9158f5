"""ServiceNow holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.servicenow
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.conformance import Conformance

HERE = Path(__file__).parent


class TestServiceNow(Conformance):
    """The simulated instance."""

    plugin = connectors.servicenow.gateway_connector()
    bench = ServiceNowBench
    folder = Path(connectors.servicenow.__file__).parent
    samples = HERE / "samples"
    replay_seconds = 300
