"""Planfix holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.planfix
from connectors.planfix.bench import PlanfixBench
from connectors.testing.conformance import Conformance

HERE = Path(__file__).parent


class TestPlanfix(Conformance):
    """The simulated account."""

    plugin = connectors.planfix.gateway_connector()
    bench = PlanfixBench
    folder = Path(connectors.planfix.__file__).parent
    samples = HERE / "samples"
