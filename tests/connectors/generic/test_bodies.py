"""A body is written over another: what Markdown cannot show of that one, and its images, stay."""

from __future__ import annotations

import pytest

from connectors.generic import connect
from connectors.generic.bench import GenericBench
from connectors.sdk import Intent, Operation
from connectors.testing.conformance.stand import context
from connectors.testing.driver import Driver


def rewritten(there: str, body: str) -> str:
    """Write a body twice over one of HTML; return what stands there then."""
    with GenericBench() as bench:
        options = bench.options()
        options["ticket"]["format"] = "html"
        options["calls"]["update"]["json"]["text"] = "{body_html}"
        driver = Driver(connect(bench.settings(**options)))
        ticket = bench.open_ticket("Printer", there)
        for _ in range(2):
            driver.settle(Intent(Operation.SET_FIELDS, {"body": body}), context(ticket))
        driver.close()
        return bench.shown(ticket).body


@pytest.mark.parametrize("there", ["<p>a <u>b</u></p>", '<p>a <img src="https://x.example/a.png"></p>'])
def test_a_body_of_which_something_would_be_gone_is_added_to(there: str) -> None:
    """Once."""
    assert rewritten(there, "New") == f"{there}<hr><p>New</p>"


def test_any_other_is_replaced() -> None:
    """By ours alone."""
    assert rewritten("<p>a <b>b</b></p>", "New") == "<p>New</p>"
