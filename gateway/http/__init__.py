"""The one place that talks HTTP to desks: `ports.Transport` over requests.

`address.py` decides what exactly is sent and where it may go, `sockets.py` keeps one total deadline over everything
that touches the network and knows when the first byte has left, `transport.py` sends once and says what became of it.
"""

from __future__ import annotations

from gateway.http.address import Rendered, render
from gateway.http.transport import MAX_BODY, HttpTransport

__all__ = ["MAX_BODY", "HttpTransport", "Rendered", "render"]
