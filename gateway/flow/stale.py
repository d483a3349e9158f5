"""The alert about rotas that are fetched: since when one could not be, so that people may work at other times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway.flow.telling import Said, Told, moment
from gateway.ports.feeds import FeedCopy
from rules.alerts import Alert
from rules.duration import words
from rules.feeds import Feed


class Rotas(msgspec.Struct, frozen=True):
    """The feeds of a site, and what is known of each."""

    feeds: tuple[Feed, ...]
    copies: Mapping[str, FeedCopy]

    def value(self, alert: Alert, now: datetime) -> float:  # noqa: ARG002 - one number, whatever the alert
        """Return for how long the worst of them could not be fetched, in seconds."""
        return max((self._age(copy, now) for _, copy in self._known()), default=0.0)

    def text(self, alert: Alert, what: Told, since: datetime, now: datetime) -> Said:
        """Say which could not be fetched, since when and why."""
        lines = [f"Alert `{alert.when}`, since {moment(since)}."]
        old = [(feed, copy) for feed, copy in self._known() if alert.exceeds(self._age(copy, now))]
        if what is Told.OVER:
            title = f"Desk Gateway: over: {alert.when}"
            lines = [f"It began {moment(since)} and lasted {words(int((now - since).total_seconds()))}."]
        else:
            rotas = "1 rota" if len(old) == 1 else f"{len(old)} rotas"
            title = f"Desk Gateway: {rotas} could not be fetched for more than {words(alert.limit)}"
            if what is Told.STILL:
                title = title.replace("Desk Gateway:", "Desk Gateway, still:", 1)
            for feed, copy in old:
                stands = f"what was fetched {moment(copy.fetched_at)} stands" if copy.fetched_at else "it never was"
                lines.append(f"{feed.label[:1].upper()}{feed.label[1:]}: {copy.trouble or 'not asked'}; {stands}.")
            lines.append("Next: `gateway roster feeds`, then `gateway check`")
            if alert.runbook:
                lines.append(f"Runbook: {alert.runbook}")
        return Said(what, title, "\n".join(lines))

    def _known(self) -> list[tuple[Feed, FeedCopy]]:
        return [(feed, self.copies[feed.key]) for feed in self.feeds if feed.key in self.copies]

    @staticmethod
    def _age(copy: FeedCopy, now: datetime) -> float:
        return max(0.0, (now - copy.good_at).total_seconds())
