"""Help Scout holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.helpscout
from connectors.helpscout.bench import HelpScoutBench
from connectors.testing.conformance import Conformance


class TestHelpScout(Conformance):
    """The simulated account."""

    plugin = connectors.helpscout.gateway_connector()
    bench = HelpScoutBench
    folder = Path(connectors.helpscout.__file__).parent
    samples = Path(__file__).parent / "samples"
