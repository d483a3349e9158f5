"""Salesforce holds what every connector must hold."""

from __future__ import annotations

from pathlib import Path

import connectors.salesforce
from connectors.salesforce.bench import SalesforceBench
from connectors.testing.conformance import Conformance


class TestSalesforce(Conformance):
    """The simulated org."""

    plugin = connectors.salesforce.gateway_connector()
    bench = SalesforceBench
    folder = Path(connectors.salesforce.__file__).parent
    samples = Path(__file__).parent / "samples"
