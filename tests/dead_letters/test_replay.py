from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from dead_letters import DeadLetterError, Letter, Replay, Terms, Tried
from dead_letters.replay import decide as decide_by
from gateway.domain.link import Link, LinkState, Observed, Role
from gateway.domain.update import Intent, Operation, Reason, Strategy, UpdateState
from gateway.ports import OperationClaim, UpdateRow

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PROBE = OperationClaim(Strategy.PROBE)
NONE = OperationClaim(Strategy.NONE)
KEY = OperationClaim(Strategy.KEY, key_ttl=7200)
LINK = Link("l", "t", "rt", LinkState.LIVE, Role.TARGET, "7")


def decide(given: Letter, claim: OperationClaim, now: datetime, *, accept_duplicate: bool) -> Replay:
    """Decide by a claim alone."""
    return decide_by(given, Terms(claim), now, accept_duplicate=accept_duplicate)


def letter(*outcomes: str, state: UpdateState = UpdateState.DEAD, **changes: Any) -> Letter:
    """Return a dead letter after attempts with these outcomes."""
    update = UpdateRow(
        id="u", link_id="l", seq=1, ticket_id="t", connection="rt", operation=Operation.SET_FIELDS, effect_key="k",
        intent=Intent(Operation.SET_FIELDS, fields={"status": {}}), payload_version=1, state=state, summary="s",
        attempts=3, probes=0, created_at=NOW, trace_id="", reason=Reason.REJECTED,
        first_sent_at=NOW - timedelta(hours=1) if outcomes else None,
    )  # fmt: skip
    made = Letter(
        update=update,
        standing=True,
        tries=tuple(Tried(each, NOW) for each in outcomes),
        held=0,
        later_fields=frozenset(),
        link=LINK,
    )
    own = {name: changes.pop(name) for name in ("standing", "later_fields") if name in changes}
    return msgspec.structs.replace(made, update=msgspec.structs.replace(update, **changes), **own)


@pytest.mark.parametrize("claim", [PROBE, NONE, KEY, OperationClaim(Strategy.NATURAL)])
@pytest.mark.parametrize(
    "outcomes", [(), ("rejected",), ("notsent", "throttled", "conflict", "forbidden"), ("progress",)]
)
def test_what_had_no_effect_is_sent_again(claim: OperationClaim, outcomes: tuple[str, ...]) -> None:
    """Whatever the strategy."""
    assert decide(letter(*outcomes), claim, NOW, accept_duplicate=False).how.state is UpdateState.READY


@pytest.mark.parametrize("strategy", [Strategy.PROBE, Strategy.NATURAL, Strategy.CONDITIONAL])
@pytest.mark.parametrize("outcomes", [("unknown",), ("unknown", "rejected"), ("",), ("something new",)])
@pytest.mark.parametrize("accept", [False, True])
def test_what_may_have_landed_is_resolved_first(strategy: Strategy, outcomes: tuple[str, ...], accept: bool) -> None:
    """One attempt without a certain end is enough; accepting a duplicate does not skip the question."""
    replay = decide(letter(*outcomes), OperationClaim(strategy), NOW, accept_duplicate=accept)
    assert replay.how.state is UpdateState.UNKNOWN


def test_a_late_effect_is_waited_for() -> None:
    """Until the settle time has passed."""
    later = NOW + timedelta(seconds=9)
    assert decide(letter("unknown", settle_until=later), PROBE, NOW, accept_duplicate=False).how.not_before == later
    assert decide(letter("unknown", settle_until=NOW), PROBE, NOW, accept_duplicate=False).how.not_before is None


@pytest.mark.parametrize("claim", [NONE, OperationClaim(Strategy.KEY, key_ttl=60)])
def test_nothing_is_sent_blindly(claim: OperationClaim) -> None:
    """Without a way to tell (or with an expired key), only when a person accepts a duplicate."""
    ambiguous = letter("unknown", state=UpdateState.AMBIGUOUS)
    with pytest.raises(DeadLetterError, match="--accept-duplicate"):
        decide(ambiguous, claim, NOW, accept_duplicate=False)
    accepted = decide(ambiguous, claim, NOW, accept_duplicate=True)
    assert (accepted.how.state, len(accepted.warnings)) == (UpdateState.READY, 1)


def test_a_young_key_or_a_probe_behind_it_resolves() -> None:
    """The stored bytes go under the same key while the desk remembers it; then a probe."""
    ambiguous = letter("unknown", state=UpdateState.AMBIGUOUS)
    assert decide(ambiguous, KEY, NOW, accept_duplicate=False).how.state is UpdateState.UNKNOWN
    expired = OperationClaim(Strategy.KEY, key_ttl=60, probe=True)
    assert decide(ambiguous, expired, NOW, accept_duplicate=False).how.state is UpdateState.UNKNOWN


def test_out_of_a_lane_that_went_on() -> None:
    """It comes last, with a warning when a newer one has set the same field."""
    replay = decide(letter(standing=False, later_fields=frozenset({"status"})), PROBE, NOW, accept_duplicate=False)
    assert replay.how.tail
    assert "status" in replay.warnings[0]
    assert decide(letter(standing=False), PROBE, NOW, accept_duplicate=False).warnings == ()


def test_over_a_value_that_was_set_at_the_desk_since() -> None:
    """A replay says so with both values; not of one that we wrote, that was there before, or that is the same."""

    def terms(value: object) -> Terms:
        return Terms(PROBE, as_read=lambda intent: dict.fromkeys(intent.fields, value))

    def seen(value: object, minutes: int, **more: Any) -> Letter:
        shown = Observed({"category": value, "native": value}, NOW + timedelta(minutes=minutes), **more)
        return msgspec.structs.replace(letter(), link=msgspec.structs.replace(LINK, observed={"status": shown}))

    wanted = {"category": "on_hold", "native": "stalled"}
    (warning,) = decide_by(seen("resolved", 5), terms(wanted), NOW, accept_duplicate=False).over
    assert warning == (
        "status: rt shows 'resolved', set there at 2026-03-01 08:05:00 UTC, after this was asked for; "
        "'stalled' goes over it"
    )
    for quiet in (seen("resolved", -5), seen("resolved", 5, ours=True), seen("resolved", 5, kept=True)):
        assert decide_by(quiet, terms(wanted), NOW, accept_duplicate=False).warnings == ()
    same = {"category": "resolved", "native": "resolved"}
    assert decide_by(seen("resolved", 5), terms(same), NOW, accept_duplicate=False).warnings == ()
    # one of ours that waits behind it says how it ends
    behind = msgspec.structs.replace(seen("resolved", 5), later_fields=frozenset({"status"}))
    assert decide_by(behind, terms(wanted), NOW, accept_duplicate=False).warnings == ()


def test_remembered_bytes_go_again_as_they_were() -> None:
    """While the desk knows the key nothing is rendered; an edited update is never taken for its old bytes."""
    ambiguous = letter("unknown", state=UpdateState.AMBIGUOUS)
    replay = decide(ambiguous, KEY, NOW, accept_duplicate=False)
    assert (replay.stored, replay.how.intent) == (True, None)
    assert not decide(ambiguous, PROBE, NOW, accept_duplicate=False).stored
    assert not decide(letter("rejected"), KEY, NOW, accept_duplicate=False).stored
    expired = OperationClaim(Strategy.KEY, key_ttl=60, probe=True)
    assert not decide(ambiguous, expired, NOW, accept_duplicate=False).stored
    edited = letter("unknown", state=UpdateState.AMBIGUOUS, edited=True)
    with pytest.raises(DeadLetterError, match="as it was before the edit"):
        decide(edited, KEY, NOW, accept_duplicate=False)
    probed = OperationClaim(Strategy.KEY, key_ttl=7200, probe=True)
    assert not decide(edited, probed, NOW, accept_duplicate=False).stored


@pytest.mark.parametrize(
    ("outcome", "strategy", "accept", "key", "state"),
    [
        ("rejected", Strategy.PROBE, False, "new", UpdateState.READY),
        ("unknown", Strategy.PROBE, False, "", UpdateState.UNKNOWN),
        ("unknown", Strategy.PROBE, True, "new", UpdateState.READY),
        ("unknown", Strategy.NATURAL, False, "", UpdateState.UNKNOWN),
        ("unknown", Strategy.NONE, True, "new", UpdateState.READY),
    ],
)
def test_an_edited_update_has_a_name_of_its_own_where_both_may_be(
    outcome: str, strategy: Strategy, accept: bool, key: str, state: UpdateState
) -> None:
    """Nothing of the old one landed, or a person accepts both; else it stays the same effect."""
    given = letter(outcome, edited=True)
    how = decide_by(given, Terms(OperationClaim(strategy)), NOW, accept_duplicate=accept, new_key="new").how
    assert (how.effect_key, how.state) == (key, state)
    plain = decide_by(letter(outcome), Terms(OperationClaim(strategy)), NOW, accept_duplicate=accept, new_key="new")
    assert plain.how.effect_key == ""


def test_a_creation_whose_ticket_is_known_is_not_made_again() -> None:
    """Unless a step of it is still to be done."""
    made = letter("unknown", operation=Operation.CREATE)
    with pytest.raises(DeadLetterError, match="Confirm this one"):
        decide(made, PROBE, NOW, accept_duplicate=True)
    halfway = letter("unknown", operation=Operation.CREATE, steps={"created": "7"})
    assert decide(halfway, PROBE, NOW, accept_duplicate=False).how.state is UpdateState.UNKNOWN
