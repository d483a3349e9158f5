"""A replay beside what people did at the desk since the letter was written, as its commands tell it."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec

from gateway.bootstrap import Gateway
from gateway.domain.link import Observed
from gateway.domain.update import Intent, Operation, Reason, UpdateState
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run
from tests.records import Recorder

STALLED = {"category": "on_hold", "native": "stalled"}
RESOLVED = {"category": "resolved", "native": "resolved"}


def given_up(gateway: Gateway, recorder: Recorder, number: int) -> tuple[str, str]:
    """Return a dead letter that wants a status, and its lane."""
    ticket, lane = recorder.ticket("t", number=number)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, operation=Operation.SET_FIELDS)
    wanted = Intent(Operation.SET_FIELDS, fields={"status": STALLED})
    gateway.store.write(lambda tx: tx.dead_letters.edit(dead, wanted, "set status"))
    return dead, lane


def set_at_the_desk(gateway: Gateway, lane: str) -> None:
    """Let somebody have set the status at the desk, later."""

    def work(tx: SqlTx) -> None:
        link = tx.links.get(lane)
        assert link is not None
        seen = Observed(RESOLVED, gateway.clock.now() + timedelta(minutes=1))
        rule = "incidents-and-billing-to-rt"
        tx.links.save(msgspec.structs.replace(link, rule=rule, observed={**link.observed, "status": seen}))

    gateway.store.write(work)


def state(gateway: Gateway, update_id: str) -> UpdateState:
    """Return how an update stands."""
    with gateway.store.read() as tx:
        found = tx.outbox.get(update_id)
    assert found is not None
    return found.state


def test_a_named_letter_goes_with_a_warning(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """For trial and in earnest, with the value of the desk and with ours."""
    dead, lane = given_up(gateway, recorder, 5)
    assert "warning" not in run("dlq", "replay", dead, "--dry-run")[2]
    set_at_the_desk(gateway, lane)
    for words in (("--dry-run",), ()):
        code, _, said = run("dlq", "replay", dead, *words)
        assert (code, said.count("warning")) == (0, 1)
        assert "status: engineering-rt shows 'resolved', set there at " in said
        assert "'stalled' goes over it" in said
    assert state(gateway, dead) is UpdateState.READY


def test_among_many_it_is_left(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """With the value, and what to do; the others go, and a dry run says so before."""
    (over, lane), (fine, _) = given_up(gateway, recorder, 5), given_up(gateway, recorder, 6)
    set_at_the_desk(gateway, lane)
    code, shown, said = run("dlq", "replay", "--all", "--dry-run")
    assert (code, "left: status: engineering-rt shows" in shown, "one by one" in said) == (0, True, True)
    code, shown, said = run("dlq", "replay", "--all", "--yes", "--rate", "1000")
    assert (code, "1 replayed, 1 left as they are" in shown) == (1, True)
    assert "'stalled' goes over it: replay it by itself, or discard it" in said
    assert (state(gateway, over), state(gateway, fine)) == (UpdateState.DEAD, UpdateState.READY)
    assert json.loads(run("dlq", "replay", over, "--json")[1])["done"][0]["state"] == "ready"
