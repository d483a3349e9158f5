"""Dynamics 365 holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.dynamics365
from connectors.dynamics365.bench import Dynamics365Bench
from connectors.testing.conformance import Conformance


class TestDynamics365(Conformance):
    """The simulated environment."""

    plugin = connectors.dynamics365.gateway_connector()
    bench = Dynamics365Bench
    folder = Path(connectors.dynamics365.__file__).parent
    samples = Path(__file__).parent / "samples"
