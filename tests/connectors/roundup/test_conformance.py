"""Roundup holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.roundup
from connectors.roundup.bench import RoundupBench
from connectors.testing.conformance import Conformance

HERE = Path(__file__).parent


class TestRoundup(Conformance):
    """The simulated one; a real one runs the behaviour suite."""

    plugin = connectors.roundup.gateway_connector()
    bench = RoundupBench
    folder = Path(connectors.roundup.__file__).parent
    samples = HERE / "samples"
