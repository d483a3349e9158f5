"""The alerts of the site that stand: told wherever a person looks how the gateway is, whoever was told of them."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.cli.opening import glance
from gateway.cli.site import SiteChoice
from gateway.cli.tables import tame
from gateway.ports import AlertState


def standing(choice: SiteChoice) -> Sequence[AlertState]:
    """Return the alerts that stand, the longest first; nothing where no record can be read."""
    nothing: Sequence[AlertState] = ()
    return glance(choice, lambda tx: tx.alerts.raised(), nothing)


def line(alert: AlertState) -> str:
    """Say one in a line."""
    since = f", since {alert.raised_at:%Y-%m-%d %H:%M} UTC" if alert.raised_at is not None else ""
    return tame(f"alert {alert.name}{since}: {alert.detail}")
