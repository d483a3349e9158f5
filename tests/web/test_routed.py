"""The page of a ticket says who has it, or since when it waits, and who was looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.ports import AuditEntry
from gateway.ports.ways import Offered, Way
from gateway.store.unit import SqlTx
from rules.routed import LeftOut, Outcome, Ring, RingState, Routed
from tests.records import Recorder
from tests.web.conftest import SmallGateway
from tests.web.test_console import page

NOW = datetime(2026, 8, 3, 9, tzinfo=UTC)


@pytest.fixture
def recorder(parts: SmallGateway) -> Recorder:
    """Write records at this moment."""
    return Recorder(parts.store, parts.ids, parts.clock.now())


def test_the_page_says_who_has_it_and_why(address: str, recorder: Recorder) -> None:
    """With the offer that is open, each candidate, and the reason against everybody else."""
    ticket, _ = recorder.ticket("Billing")
    offer = Offered("dana", NOW, NOW + timedelta(minutes=15), "candidate")
    gone = Offered("noah", NOW, NOW + timedelta(minutes=15), "candidate", declined=True)
    way = Way(
        ticket_id=ticket, outcome="assigned", person="lucia", holds=True, reason="the only one who fits",
        offers=(gone, offer), wake_at=NOW + timedelta(minutes=15), left=(("rt", "lucia has no account there"),),
    )  # fmt: skip
    ring = Ring("emea", RingState.TAKES, 2, 2, 2, 2, 1, ("lucia",), (LeftOut("<marek>", "does not speak es"),))
    routed = Routed(Outcome.ASSIGNED, "the only one who fits", "billing", agent="lucia", rings=(ring,))

    def work(tx: SqlTx) -> None:
        tx.ways.save(way, NOW)
        tx.audit.add([AuditEntry(NOW, "gateway", "routed", ticket, {"route": routed})])

    recorder.store.write(work)
    shown = page(address, f"/tickets/{ticket}").text
    assert "lucia has it" in shown
    assert "offered to dana until" in shown
    assert "offered to noah" not in shown
    assert "not shown at rt: lucia has no account there" in shown
    assert "candidates: lucia" in shown
    assert "&lt;marek&gt;: does not speak es" in shown


def test_the_page_says_since_when_it_waits(address: str, recorder: Recorder) -> None:
    """And when it is looked at again."""
    ticket, _ = recorder.ticket("Billing")
    way = Way(
        ticket_id=ticket,
        outcome="queued",
        reason="it waits in amer",
        waiting_since=NOW,
        wake_at=NOW + timedelta(hours=1),
    )
    recorder.store.write(lambda tx: tx.ways.save(way, NOW))
    shown = page(address, f"/tickets/{ticket}").text
    assert "waits since 2026-08-03 09:00" in shown
    assert "looked at again 2026-08-03 10:00" in shown
