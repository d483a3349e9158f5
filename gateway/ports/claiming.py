"""What a connector claims of an operation: by which strategy an outcome that nobody heard is resolved."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from gateway.domain.update import Strategy


class OperationClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one operation of a connector stays single."""

    strategy: Strategy
    #: seconds after our deadline within which a late effect may still appear or an index may lag
    settle: int = 5
    #: seconds for which the desk remembers an idempotency key (key strategy)
    key_ttl: int = 0
    #: the fact (see CheckResult.facts) without which the claim degrades to none; empty: unconditional
    needs_fact: str = ""
    #: can it be probed for? key: after the key has expired; natural: before it is sent again; both: after a refusal
    probe: bool = False

    def remembers(self, first_sent_at: datetime | None, now: datetime) -> bool:
        """Say whether the desk still knows the idempotency key of the first attempt."""
        if self.strategy is not Strategy.KEY or first_sent_at is None:
            return False
        return now - first_sent_at < timedelta(seconds=self.key_ttl)

    def repeats(self, first_sent_at: datetime | None, now: datetime) -> bool:
        """Say whether the same again does no harm, whatever became of the first: a natural or a keyed write."""
        return self.strategy is Strategy.NATURAL or self.remembers(first_sent_at, now)
