"""Handing over: what is offered before a shift ends, to whom, and who is asked when nobody accepts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.domain.presence import Snapshot
from rules.handoffs import Asked, Handoff, Held, Offer, handoff, handoffs
from rules.routed import Hop, Work
from tests.rules.routing.making import SITE, full, routing, work_on

#: Prague closes at 17:30, which is 16:30 UTC; New York stays until 22:00
NEARLY = datetime.fromisoformat("2026-03-10T17:00+01:00")
TONIGHT = datetime.fromisoformat("2026-03-10T20:00+00:00")
#: lunch from half past twelve to one
LUNCH = SITE.replace("[09:00-17:30]", "[09:00-12:30, 13:00-17:30]")


def held(
    at: datetime = NEARLY, due: datetime | None = TONIGHT, *, offers: tuple[Offer, ...] = (), **work: object
) -> Held:
    """Return a ticket that Lucia has."""
    return Held(facts=work_on(at), work=Work(owner="lucia", due=due, **work), offers=offers)  # type: ignore[arg-type]


def asked(given: Held, *full_ones: str, rules: str = SITE) -> Handoff | None:
    """Return whom to ask about one ticket."""
    compiled = routing(rules)
    return handoff(compiled, given, Snapshot(compiled.roster, given.facts.now, full(*full_ones)))


def test_half_an_hour_before_the_shift_ends_it_is_offered_to_the_open_region() -> None:
    """It is due tonight, and she is back tomorrow."""
    found = asked(held())
    assert found is not None
    assert (found.owner, found.to, found.asked) == ("lucia", "dana", Asked.CANDIDATE)
    assert found.until == NEARLY + timedelta(minutes=15)
    assert found.reason.startswith(
        "lucia leaves at 16:30 UTC and is back 2026-03-11 08:00 UTC; it is due 2026-03-10 20:00"
    )


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (NEARLY - timedelta(minutes=1), TONIGHT),
        (NEARLY, datetime.fromisoformat("2026-03-11T09:00+01:00")),
        (NEARLY, None),
    ],
)
def test_it_is_not_offered_too_early_nor_when_she_is_back_in_time(at: datetime, due: datetime | None) -> None:
    """Nor when nothing is due."""
    assert asked(held(at, due)) is None


def test_lunch_is_no_end_of_a_shift() -> None:
    """Although it is due while she eats."""
    noon = datetime.fromisoformat("2026-03-10T12:10+01:00")
    assert asked(held(noon, noon + timedelta(minutes=40)), rules=LUNCH) is None
    assert asked(held(), rules=LUNCH) is not None


def test_it_is_offered_to_nobody_who_leaves_as_well() -> None:
    """Her colleague's day ends at the same time: he is not asked, whatever he knows."""
    rules = SITE.replace("skills: {api: 3}, capacity: 8", "skills: {billing: 2}, capacity: 8").replace(
        "[cs, en]", "[es]"
    )
    found = asked(held(), rules=rules)
    assert found is not None
    assert found.to == "dana"


def test_who_does_not_accept_gives_way_to_the_next_and_then_to_the_manager() -> None:
    """Fifteen minutes each; in the end it stays with her."""
    rules = SITE.replace("skills: {billing: 1}, capacity: 10", "skills: {billing: 2}, capacity: 10")
    offers: tuple[Offer, ...] = ()
    at = NEARLY
    for name, as_what in (("dana", Asked.CANDIDATE), ("noah", Asked.CANDIDATE), ("eva", Asked.MANAGER)):
        found = asked(held(at, offers=offers), rules=rules)
        assert found is not None
        assert (found.to, found.asked) == (name, as_what)
        offers = (*offers, Offer(found.to, at))
        assert asked(held(at + timedelta(minutes=14), offers=offers), rules=rules) is None
        at += timedelta(minutes=15)
    assert asked(held(at, offers=offers), rules=rules) is None


def test_an_owner_who_has_left_is_still_followed_up() -> None:
    """The first candidate did not accept before the shift was over."""
    later = NEARLY + timedelta(minutes=40)
    found = asked(held(later, offers=(Offer("dana", NEARLY + timedelta(minutes=20)),)))
    assert found is not None
    assert (found.to, found.asked) == ("eva", Asked.MANAGER)


def test_with_nobody_there_the_manager_is_asked_at_once() -> None:
    """Everybody who could take it is full."""
    found = asked(held(), "dana", "noah")
    assert found is not None
    assert (found.to, found.asked) == ("eva", Asked.MANAGER)


def test_what_was_passed_on_too_often_is_offered_to_nobody() -> None:
    """It is frozen, for the triage lead."""
    hops = tuple(Hop(f"a{number}", f"a{number + 1}", NEARLY - timedelta(days=2)) for number in range(5))
    assert asked(held(hops=hops)) is None


def test_offers_count_as_work_in_hand() -> None:
    """Two tickets, one place: the more urgent is offered to her, the other to the manager."""
    rules = routing(SITE)
    first = Held(facts=work_on(NEARLY, id="first"), work=Work(owner="lucia", due=TONIGHT - timedelta(hours=1)))
    second = Held(facts=work_on(NEARLY, id="second"), work=Work(owner="lucia", due=TONIGHT))
    for queue in ((first, second), (second, first)):
        found = handoffs(rules, queue, Snapshot(rules.roster, NEARLY, full("dana", units=9)))
        assert [(each.ticket, each.to) for each in found] == [("first", "dana"), ("second", "eva")]
