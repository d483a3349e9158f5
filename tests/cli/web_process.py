"""The web process around a small application. Argument: the address."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from gateway.cli.serving import Web
from gateway.telemetry import configure


def make_app() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Answer at once, or slowly at /slow, or fail at /fail."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            time.sleep(1)
        if environ["PATH_INFO"] == "/fail":
            raise ValueError("a defect with s3cret-value")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"here"]

    return app


if __name__ == "__main__":
    configure("INFO", ["s3cret-value"])
    Web(make_app, sys.argv[1], workers=2, threads=4).run()
