"""What waits for too long, as a person lists it, and the alerts that stand."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec

from gateway.bootstrap import Gateway
from gateway.domain.clock_instance import Instance, Status
from gateway.domain.clock_state import Outcome, Phase
from gateway.domain.ticket import Setter, Stamp
from gateway.ports import AlertState
from gateway.ports.clocks import ClockRow
from tests.cli.conftest import Run
from tests.records import Recorder


def test_clocks_that_wait_are_listed_by_how_long(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """The longest first, and only those over the limit; with a status it makes no sense."""
    now = gateway.clock.now()
    for number, days in enumerate((3, 12, 11), start=1):
        ticket, _ = recorder.ticket(f"Number {number}", number=number)
        instance = Instance(
            metric="resolution", cycle=1, version=1, policy="p", level="P3", calendar="always", status=Status.PAUSED,
            phase=Phase.PAUSED, outcome=Outcome.PENDING, started=now - timedelta(days=20), due=None, warn_at=None,
            breached_at=None, target_s=60, elapsed_s=5, remaining_s=55, paused_s=0,
            waits_since=now - timedelta(days=days),
        )  # fmt: skip
        gateway.store.write(lambda tx, t=ticket, i=instance: tx.clocks.save(t, [ClockRow(i)], []))  # type: ignore[misc]
    code, shown, _ = run("sla", "list", "--waiting-for", "10d")
    assert code == 0
    assert [line.split()[-1] for line in shown.splitlines()[1:]] == ["2", "3"]
    assert "waits for 12d" in shown
    assert len(json.loads(run("sla", "list", "--waiting-for", "2d", "--json")[1])) == 3
    assert run("sla", "list", "--waiting-for", "soon")[0] == 2
    code, _, said = run("sla", "list", "--waiting-for", "10d", "--status", "nearing")
    assert (code, "leave --status out" in said) == (2, True)


def test_tickets_are_listed_by_how_long_they_are_in_their_stage(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """Only open ones in a stage, the longest first."""
    now = gateway.clock.now()
    for number, days in enumerate((3, 6, 9), start=1):
        ticket, _ = recorder.ticket(f"Number {number}", number=number)
        with gateway.store.read() as tx:
            found = tx.tickets.get(ticket)
        assert found is not None
        stamps = {"stage": Stamp(Setter.PERSON, "eva", now - timedelta(days=days))}
        staged = msgspec.structs.replace(found, stage="testing", stamps=stamps)
        gateway.store.write(lambda tx, one=staged: tx.tickets.save(one))  # type: ignore[misc]
    shown = run("tickets", "list", "--in-stage-for", "5d")[1]
    assert [line.split()[-1] for line in shown.splitlines()[1:]] == ["3", "2"]


def test_an_alert_that_stands_is_shown_with_the_status(run: Run, gateway: Gateway) -> None:
    """Since when, of what, and who could not be told; in JSON as well."""
    state = AlertState("k", "clock_paused > 10d", "2 clocks have waited", gateway.clock.now(), version=1)
    assert gateway.store.write(lambda tx: tx.alerts.change(state))
    shown = run("status")[1]
    assert (
        f"warning: alert clock_paused > 10d, since {state.raised_at:%Y-%m-%d %H:%M} UTC: 2 clocks have waited" in shown
    )
    (found,) = json.loads(run("status", "--json")[1])["alerts"]
    assert (found["when"], found["detail"]) == ("clock_paused > 10d", "2 clocks have waited")
