"""The page says that nothing is written, and until when, beside each desk and on top."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tests.web.conftest import Serve, SmallGateway
from tests.web.test_console import page


def test_the_page_says_until_when_nothing_is_written(serve: Serve, parts: SmallGateway) -> None:
    """On top, and beside each desk."""
    parts.live = msgspec.structs.replace(parts.live, live_from=parts.clock.now() + timedelta(days=9))
    address = serve()
    text = page(address).text
    assert "writes to no desk yet: only observed until " in text
    (desk,) = page(address, "/api/desks").json()["desks"]
    assert desk["state"] == "ok"
    assert desk["detail"].endswith(" UTC (live_from): nothing is written there")


def test_the_page_of_a_site_that_is_live(serve: Serve, parts: SmallGateway) -> None:
    """Nothing is said of the day from which on it was."""
    parts.live = msgspec.structs.replace(parts.live, live_from=parts.clock.now() - timedelta(days=9))
    address = serve()
    assert "writes to no desk" not in page(address).text
    assert page(address, "/api/desks").json()["desks"][0]["detail"] == ""


def test_the_page_of_a_site_that_observes(serve: Serve, parts: SmallGateway) -> None:
    """It never writes."""
    parts.live = msgspec.structs.replace(parts.live, mode="observe")
    assert "This gateway only observes: it decides and explains" in page(serve()).text
