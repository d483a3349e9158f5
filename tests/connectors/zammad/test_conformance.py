"""Zammad holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.zammad
from connectors.testing.conformance import Conformance
from connectors.zammad.bench import ZammadBench

HERE = Path(__file__).parent


class TestZammad(Conformance):
    """The simulated desk."""

    plugin = connectors.zammad.gateway_connector()
    bench = ZammadBench
    folder = Path(connectors.zammad.__file__).parent
    samples = HERE / "samples"
