"""Freshdesk and Freshservice hold what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.freshdesk
from connectors.freshdesk.bench import FreshdeskBench, FreshserviceBench
from connectors.testing.conformance import Conformance

HERE = Path(__file__).parent


class TestFreshdesk(Conformance):
    """A simulated Freshdesk account."""

    plugin = connectors.freshdesk.gateway_connector()
    bench = FreshdeskBench
    folder = Path(connectors.freshdesk.__file__).parent
    samples = HERE / "samples"


class TestFreshservice(TestFreshdesk):
    """A simulated Freshservice account."""

    bench = FreshserviceBench
