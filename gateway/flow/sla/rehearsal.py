"""What the clocks of a rehearsed ticket come to while time passes: the next escalations, in order, without a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from gateway.domain.clock_instance import Chain
from gateway.domain.clock_log import LogEntry
from gateway.flow.sla.levels import Ladder, Level
from gateway.flow.sla.timekeeping import wakes
from gateway.ports.clocks import Firing
from rules.decide import RuleSet
from rules.fields import Facts


class Climber:
    """Wakes the clocks of one ticket at the very seconds at which something happens to them."""

    def __init__(self, rules: RuleSet, tell: Callable[[datetime], Mapping[str, Chain]]) -> None:
        self._rules = rules
        self._tell = tell
        self._fired: list[Firing] = []

    def next(self, log: Sequence[LogEntry], facts: Facts, until: datetime) -> tuple[datetime, list[Level]] | None:
        """Return when the next levels are come to, after the instant of `facts` and by `until`, and which; None: none.

        They count as fired from then on. What is passed over is left out.
        """
        now = facts.now
        while True:
            chains = self._tell(now)
            ladder = Ladder(self._rules.escalations, log, self._fired)
            due = ladder.due(chains, now, lambda escalation: escalation.when.holds(facts))
            self._fired += [each.firing("this") for each in due]
            acting = [each for each in due if not each.passed_over]
            if acting:
                return now, acting
            if due:
                continue
            later = [wakes(chain, chain.instances[-1], now, ladder) for chain in chains.values() if chain.instances]
            moments = [moment for moment in later if moment is not None and now < moment <= until]
            if not moments:
                return None
            now = min(moments)
