"""Intercom holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.intercom
from connectors.intercom.bench import IntercomBench
from connectors.testing.conformance import Conformance


class TestIntercom(Conformance):
    """The simulated workspace."""

    plugin = connectors.intercom.gateway_connector()
    bench = IntercomBench
    folder = Path(connectors.intercom.__file__).parent
    samples = Path(__file__).parent / "samples"
