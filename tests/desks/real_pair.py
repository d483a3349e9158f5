"""Two desks with a gateway between them, of which one is real: time is not put forward but waited for."""

from __future__ import annotations

import time
from datetime import timedelta

from tests.pairs.pair import Pair

#: a real desk has its own clock: more than this nobody waits for in a test
LONGEST = 2.0


class RealPair(Pair):
    """The journey of simulated desks, with a desk whose clock is the machine's; such desks are polled."""

    #: the ends that send no webhooks, whatever their connectors could take
    polled: tuple[str, ...] = ()

    def pass_time(self, span: timedelta) -> None:
        """Wait."""
        time.sleep(min(span.total_seconds(), LONGEST))

    def settle_all(self, seconds: float = 90.0) -> None:
        """Settle; who sends no webhooks is asked first, in a second of its own: its times are no finer."""
        if self.polled:
            self.pass_time(timedelta(seconds=1.05 - time.time() % 1))
        for name in self.polled:
            self.reconciler().poll(name, holder="pair")
        super().settle_all(seconds)
