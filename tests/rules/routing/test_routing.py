# ruff: noqa: E501 - rule files, and what is said of them
"""Routing, rule by rule: what is asked first, who is sticky, who fits best, what guards a ticket."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from gateway.domain.presence import Snapshot, State, Wait
from gateway.domain.ticket import Category, Setter, Status
from rules.route_words import lines
from rules.routed import Hop, Outcome, Work
from rules.routing import route
from tests.rules.making import facts, ticket
from tests.rules.routing.making import (
    AFTER_HOURS,
    BILLING,
    BOTH,
    HOURS,
    PEOPLE,
    SITE,
    TEAMS,
    WEEKEND,
    ask,
    full,
    held_by,
    reasons,
    routing,
    short,
    work_on,
)

DAY = timedelta(days=1)


def pool(agents: str, routes: str = "routes: [{name: all, needs: {skills: {api: 2}}}]\n", more: str = "") -> str:
    """Return a site of one team that always works."""
    return f"{HOURS}{PEOPLE}teams: {{all: {{calendar: always, region: emea, manager: eva}}}}\nagents:\n{agents}{routes}{more}"


def agent(name: str, api: int = 2, capacity: object = 10) -> str:
    """Return one agent of it."""
    return f"  - {{person: {name}, team: all, skills: {{api: {api}}}, capacity: {capacity}}}\n"


TWO = agent("marek") + agent("dana")


# ---------------------------------------------------------------- 1 match


def test_the_first_route_that_holds_decides() -> None:
    """Each is told of, with the reason."""
    routed = ask(work_on(issue="access"), explain=True)
    assert routed.rule == "rest"
    assert [(line.rule, line.matched) for line in routed.trace] == [("billing", False), ("rest", True)]
    assert "issue is 'access'" in routed.trace[0].reason


@pytest.mark.parametrize("issue", ["billing", "access"])
@pytest.mark.parametrize("tier", ["premium", "basic"])
@pytest.mark.parametrize("channel", ["chat", "email"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_matrix_of_issue_tier_channel_and_language(issue: str, tier: str, channel: str, language: str) -> None:
    """A route for each cell, each with an agent of its own: every ticket finds the one of its cell."""
    cells = [
        (i, t, c, n)
        for i in ("billing", "access")
        for t in ("premium", "basic")
        for c in ("chat", "email")
        for n in ("es", "en")
    ]
    people = "".join(
        f"  p{number}: {{email: p{number}@acme.example, languages: [{cell[3]}]}}\n" for number, cell in enumerate(cells)
    )
    agents = "".join(
        f"  - {{person: p{number}, team: all, skills: {{s-{'-'.join(cell[:3])}: 1}}}}\n"
        for number, cell in enumerate(cells)
    )
    routes = "".join(
        f"  - {{name: {'-'.join(cell)}, when: {{issue: {cell[0]}, tier: {cell[1]}, channel: {cell[2]}}},"
        f" needs: {{skills: {{s-{'-'.join(cell)}: 1}}, language: ticket.language}}}}\n"
        for cell in dict.fromkeys(each[:3] for each in cells)
    )
    rules = routing(f"{HOURS}people:\n{people}teams: {{all: {{calendar: always}}}}\nagents:\n{agents}routes:\n{routes}")
    routed = ask(work_on(issue=issue, tier=tier, channel=channel, language=language), rules=rules)
    assert routed.rule == f"{issue}-{tier}-{channel}"
    assert routed.agent == f"p{cells.index((issue, tier, channel, language))}"


def test_what_is_kept_of_a_decision_is_small() -> None:
    """However many agents there are."""
    agents = "".join(agent(f"p{number}") for number in range(500)).replace("capacity: 10}", "capacity: 10}")
    people = PEOPLE + "".join(f"  p{number}: {{email: p{number}@acme.example}}\n" for number in range(500))
    rules = routing(pool(agents).replace(PEOPLE, people))
    kept = msgspec.json.encode(ask(work_on(), rules=rules))
    assert len(kept) < 500
    assert msgspec.json.decode(kept, type=type(ask(work_on(), rules=rules))) == ask(work_on(), rules=rules)


def test_a_duplicate_is_not_routed_but_its_original() -> None:
    """They are merged first."""
    routed = ask(work_on(duplicate_of="t0"))
    assert (routed.outcome, routed.agent) == (Outcome.NONE, "")
    assert "t0" in routed.reason


@pytest.mark.parametrize("category", [Category.RESOLVED, Category.CLOSED, Category.CANCELLED])
def test_what_is_done_with_is_not_routed(category: Category) -> None:
    """Whoever has it keeps it."""
    assert ask(work_on(status=Status(category))).outcome is Outcome.NONE


def test_a_ticket_for_which_no_route_holds_is_not_lost() -> None:
    """It lies in the fallback queue, and that is an alert."""
    rules = routing(SITE.replace("  - name: rest\n    needs: {language: ticket.language}\n", ""))
    routed = ask(work_on(issue="access"), rules=rules)
    assert (routed.outcome, routed.queue, routed.alert) == (Outcome.UNROUTABLE, "triage", "unroutable")


def test_a_route_with_a_queue_and_no_needs_leaves_the_choice_to_people() -> None:
    """Its queue is all that it says."""
    routed = ask(work_on(), rules=routing(pool(TWO, "routes: [{name: fire, queue: fire-brigade}]\n")))
    assert (routed.outcome, routed.queue, routed.agent) == (Outcome.QUEUED, "fire-brigade", "")
    routed = ask(
        work_on(), rules=routing(pool(TWO, "routes: [{name: fire, queue: fire, needs: {skills: {api: 1}}}]\n"))
    )
    assert (routed.outcome, routed.queue, routed.agent) == (Outcome.ASSIGNED, "fire", "dana")


# ---------------------------------------------------------------- 2 candidates


def test_every_one_who_is_no_candidate_is_named_with_the_first_reason() -> None:
    """In the order in which it is asked: shift, accepting, guard, skill, language, room."""
    states = {"noah": State(accepting=False)}
    routed = ask(work_on(BOTH), Work(visited=frozenset({"lucia"})), states, explain=True)
    assert reasons(routed, "emea") == {"lucia": "had it in this cycle", "marek": "lacks billing 2"}
    assert reasons(routed, "amer") == {"noah": "accepts no tickets at present"}
    routed = ask(work_on(BOTH, language="ja", region="apac"), states=full("dana"), explain=True)
    assert reasons(routed, "apac") == {"yuki": "is not on shift"}
    assert reasons(routed, "amer") == {"dana": "does not speak ja", "noah": "has billing 1, and 2 is asked"}
    routed = ask(work_on(), states=full("dana"), explain=True)
    assert reasons(routed, "amer")["dana"] == "is full: 10 of 10 in use, and it takes 1"


def test_without_names_the_numbers_stay() -> None:
    """What is kept of every decision costs nothing; names are for who asks."""
    plain, told = ask(work_on()), ask(work_on(), explain=True)
    assert plain.rings[1].left_out == ()
    assert [msgspec.structs.replace(ring, left_out=(), candidates=()) for ring in told.rings] == list(plain.rings)
    ring = plain.rings[1]
    assert (ring.members, ring.on_shift, ring.accepting, ring.with_room, ring.fit) == (2, 2, 2, 2, 1)


def test_the_trace_reads_as_sentences() -> None:
    """Who has it and why, then region by region."""
    assert list(lines(ask(work_on(), explain=True))) == [
        "billing: dana has it (amer, amer-support); emea is closed; the only one who fits in amer and has room",
        "emea: closed: 2 there, 0 on shift, 0 accepting, 0 with room; 0 of those who accept fit",
        "  lucia, marek: is not on shift",
        "amer: takes it: 2 there, 2 on shift, 2 accepting, 2 with room; 1 of those who accept fit",
        "  candidates: dana",
        "  noah: has billing 1, and 2 is asked",
    ]


def test_a_needed_team_is_the_only_one_until_it_is_dropped() -> None:
    """Then everybody who fits is asked."""
    routes = "routes: [{name: all, needs: {team: apac-support}, relax: [{after: 5m, drop: team, flag: other-team}]}]\n"
    rules = routing(HOURS + PEOPLE + TEAMS + routes)
    assert short(ask(work_on(BOTH), rules=rules))[0] == "queued"
    later = ask(work_on(BOTH), Work(waiting_since=BOTH - timedelta(minutes=5)), rules=rules)
    assert (later.agent, later.flags) == ("dana", ("other-team",))


def test_without_a_region_every_open_one_is_asked_at_once() -> None:
    """The least loaded of them all has it."""
    states = {"lucia": State(load={"email": 4})}
    assert ask(work_on(BOTH, region=""), states=states).agent == "dana"


def test_a_region_that_there_is_not_starts_nowhere_else_than_all_others() -> None:
    """The regions that follow the sun are asked in their order."""
    assert short(ask(work_on(BOTH, region="latam"))) == ("assigned", "emea", "lucia")


def test_a_team_without_a_region_works_for_each() -> None:
    """It is asked in every one."""
    rules = routing(SITE.replace("apac-support: {calendar: apac, region: apac", "apac-support: {calendar: always"))
    given = work_on(issue="access", language="ja", region="emea")
    assert short(ask(given, rules=rules)) == ("assigned", "", "yuki")


# ---------------------------------------------------------------- languages


NEIGHBOURS = "routing: {neighbours: {pt: [es]}}\n"
BY_LANGUAGE = "routes: [{name: all, needs: {language: ticket.language}}]\n"


@pytest.mark.parametrize(
    ("language", "agent"),
    [("es-MX", "dana"), ("cs", "marek"), ("CS-cz", "marek"), ("pt-BR", "dana"), ("fr", ""), ("und", "dana")],
)
def test_a_language_is_looked_up_from_the_right_and_then_among_its_neighbours(language: str, agent: str) -> None:
    """What is not known is not asked."""
    rules = routing(HOURS + PEOPLE + TEAMS + BY_LANGUAGE + NEIGHBOURS)
    assert ask(work_on(BOTH, language=language, region=""), rules=rules).agent == agent


def test_a_neighbour_only_helps_out() -> None:
    """Whoever speaks the language itself comes first, however loaded; a neighbour when these are full."""
    people = PEOPLE.replace("languages: [cs, en]", "languages: [pt-BR]")
    rules = routing(HOURS + people + TEAMS + BY_LANGUAGE + NEIGHBOURS)
    given = work_on(BOTH, language="pt-BR", region="")
    assert ask(given, states={"marek": State(load={"email": 7})}, rules=rules).agent == "marek"
    assert ask(given, states=full("marek", units=8), rules=rules).agent == "dana"


def test_a_neighbour_who_fits_better_by_skill_still_only_helps_out() -> None:
    """The language itself comes before what makes one of several the better."""
    people = PEOPLE.replace("languages: [cs, en]", "languages: [pt]")
    routes = "routes: [{name: all, needs: {skills: {api: 2}, language: ticket.language}}]\n"
    rules = routing(pool(agent("marek", 5) + agent("dana", 2), routes, NEIGHBOURS).replace(PEOPLE, people))
    given = work_on(BOTH, language="pt", region="")
    assert ask(given, rules=rules).agent == "marek"
    assert ask(given, states=full("marek"), rules=rules).agent == "dana"


def test_scripts_are_not_crossed_unless_a_site_says_so() -> None:
    """Traditional Chinese is not for who reads Simplified."""
    people = PEOPLE.replace("languages: [cs, en]", "languages: [zh-Hans]").replace("[ja, en]", "[zh-Hant-TW]")
    for more, outcome in (("", Outcome.UNROUTABLE), ("routing: {cross_scripts: true}\n", Outcome.ASSIGNED)):
        rules = routing((HOURS + people + TEAMS + BY_LANGUAGE + more).replace(
            "on_call: {rota: [{person: eva, calendar: always}]}\n", ""
        ).replace("languages: [zh-Hans]", "languages: [zh]").replace("languages: [zh-Hant-TW]", "languages: [ja]"))  # fmt: skip
        assert ask(work_on(BOTH, language="zh-Hant", region=""), rules=rules).outcome is outcome


# ---------------------------------------------------------------- 3 sticky


def test_an_open_ticket_goes_back_to_who_had_it() -> None:
    """Although another has less in hand."""
    work = Work(owner="lucia", owned_until=BOTH - DAY, reopened=True)
    states = {"lucia": State(load={"email": 7})}
    assert ask(work_on(BOTH, region=""), work, states).agent == "lucia"
    assert ask(work_on(BOTH, region=""), states=states).agent == "dana"


def test_not_to_who_has_no_room_is_not_there_or_does_not_fit() -> None:
    """Then to their team, then as any other."""
    work = Work(owner="noah", owned_until=BOTH - DAY, reopened=True)
    routed = ask(work_on(BOTH, region="emea"), work)
    assert (routed.agent, "team" in routed.reason) == ("dana", True)
    states = full("dana")
    assert ask(work_on(BOTH, region="emea"), work, states).agent == "lucia"
    gone = Work(owner="yuki", owned_until=BOTH - DAY, reopened=True)
    assert ask(work_on(BOTH, region="emea"), gone).agent == "lucia"


def test_not_after_the_time_that_a_site_says() -> None:
    """Fourteen days here; none where it says nothing."""
    for days, name in ((14, "lucia"), (15, "dana")):
        work = Work(owner="lucia", owned_until=BOTH - DAY * days, reopened=True)
        states = {"lucia": State(load={"email": 7})}
        assert ask(work_on(BOTH, region=""), work, states).agent == name


def test_an_owner_who_is_back_soon_is_waited_for() -> None:
    """It is theirs at once; not when it is due before."""
    rules = routing(SITE.replace("sticky_owner: 14d", "sticky_owner: 14d, sticky_back_within: 1h"))
    early = AFTER_HOURS.replace(hour=7, minute=15)
    work = Work(owner="lucia", owned_until=early - DAY, reopened=True)
    assert ask(work_on(early), work, rules=rules).agent == "lucia"
    hasty = msgspec.structs.replace(work, due=early + timedelta(minutes=30))
    assert ask(work_on(early), hasty, rules=rules).agent == "eva"
    assert ask(work_on(early - timedelta(hours=1)), work, rules=rules).agent == ""


# ---------------------------------------------------------------- 4 score


@pytest.mark.parametrize(("fit", "name"), [("closest", "marek"), ("highest", "dana"), ("any", "noah")])
def test_skill_comes_before_load(fit: str, name: str) -> None:
    """By default who knows just enough, so that experts stay free; a site may want the best, or just the least loaded."""
    agents = agent("marek", 2) + agent("dana", 5) + agent("noah", 3)
    rules = routing(pool(agents, more=f"routing: {{fit: {fit}}}\n"))
    states = {"marek": State(load={"email": 5}), "dana": State(load={"email": 9})}
    assert ask(work_on(BOTH), states=states, rules=rules).agent == name


def test_language_comes_before_load_and_after_skill() -> None:
    """Mexican Spanish goes to who says so, then to Spanish."""
    people = PEOPLE.replace("languages: [cs, en]", "languages: [es-MX]").replace("dana@acme.example, languages: [en, es]",
                                                                                "dana@acme.example, languages: [es]")  # fmt: skip
    routes = "routes: [{name: all, needs: {skills: {api: 2}, language: ticket.language}}]\n"
    rules = routing(pool(TWO, routes).replace(PEOPLE, people))
    states = {"marek": State(load={"email": 8})}
    assert ask(work_on(BOTH, language="es-MX"), states=states, rules=rules).agent == "marek"
    better = routing(pool(agent("marek", 3) + agent("dana", 2), routes).replace(PEOPLE, people))
    assert ask(work_on(BOTH, language="es-MX"), rules=better).agent == "dana"


def test_several_skills_fit_together() -> None:
    """Who is nearest to all of them, not to the first."""
    agents = "  - {person: marek, team: all, skills: {api: 2, sso: 5}}\n  - {person: dana, team: all, skills: {api: 3, sso: 2}}\n"
    rules = routing(pool(agents, "routes: [{name: all, needs: {skills: {api: 2, sso: 2}}}]\n"))
    assert ask(work_on(BOTH), rules=rules).agent == "dana"


ORDER = {
    "least_loaded": ["dana", "dana", "marek", "dana", "dana", "marek"],
    "most_spare": ["dana", "dana", "dana", "dana", "dana", "dana"],
    "round_robin": ["dana", "marek", "dana", "marek", "dana", "marek"],
    "longest_idle": ["dana", "marek", "dana", "marek", "dana", "marek"],
}


@pytest.mark.parametrize(("balance", "expected"), ORDER.items())
def test_work_is_shared_as_a_site_says(balance: str, expected: list[str]) -> None:
    """Six tickets in one instant; one agent carries twenty, the other ten, of which one is in use."""
    agents = agent("marek", capacity=10) + agent("dana", capacity=20)
    rules = routing(pool(agents, more=f"routing: {{balance: {balance}}}\n"))
    snapshot = Snapshot(rules.roster, BOTH, {"marek": State(load={"email": 1})})
    got = []
    for _ in range(6):
        routed = route(rules, work_on(BOTH), snapshot)
        snapshot = snapshot.given(routed.agent, "email")
        got.append(routed.agent)
    assert got == expected


def test_who_is_idle_the_longest_is_not_who_was_given_one_first() -> None:
    """What counts is the last that was given or finished."""
    states = {
        "marek": State(assigned_at=BOTH - timedelta(hours=5), released_at=BOTH - timedelta(minutes=5)),
        "dana": State(assigned_at=BOTH - timedelta(hours=2), released_at=BOTH - timedelta(hours=1)),
    }
    for balance, name in (("longest_idle", "dana"), ("round_robin", "marek"), ("least_loaded", "marek")):
        rules = routing(pool(TWO, more=f"routing: {{balance: {balance}}}\n"))
        assert ask(work_on(BOTH), states=states, rules=rules).agent == name


# ---------------------------------------------------------------- 7 relaxation, 8 overflow


def test_a_busy_region_does_not_hold_what_is_due_before_it_relaxes() -> None:
    """The expected wait is longer than the time left: the next open region has it."""
    site = SITE.replace("skills: {api: 3}, capacity: 8", "skills: {billing: 1}, capacity: 8").replace(
        "[cs, en]", "[es]"
    )
    rules = routing(site)
    assert short(ask(work_on(BOTH), Work(due=BOTH + timedelta(hours=1)), full("lucia"), rules=rules)) == (
        "queued", "emea", "",
    )  # fmt: skip
    hasty = Work(due=BOTH + timedelta(minutes=10))
    assert short(ask(work_on(BOTH), hasty, full("lucia"), rules=rules)) == ("assigned", "amer", "dana")


def test_a_region_where_nobody_fits_overflows_at_once() -> None:
    """Also where a relaxation would let somebody in by and by."""
    assert "billing: 3, api: 1" in SITE
    rules = routing(
        SITE.replace("billing: 3, api: 1", "api: 1").replace(
            "skills: {api: 3}, capacity: 8", "skills: {billing: 1}, capacity: 8"
        )
    )
    assert short(ask(work_on(BOTH), rules=rules)) == ("assigned", "amer", "dana")


def test_where_waits_were_measured_they_decide() -> None:
    """Somebody usually has room after a minute: it waits; after three hours: it does not."""
    rules = routing(SITE)
    for seconds, expected in ((60, ("queued", "emea", "")), (3 * 3600, ("assigned", "amer", "dana"))):
        snapshot = Snapshot(rules.roster, BOTH, full("lucia"), waits={"emea": Wait(seconds)})
        assert short(route(rules, work_on(BOTH), snapshot, Work(due=BOTH + timedelta(hours=1)))) == expected


def test_the_trace_says_what_was_measured_and_what_is_left() -> None:
    """In the reason of the decision, and at the region that was passed over."""
    rules, waits = routing(SITE), {"emea": Wait(35 * 60, 20)}
    snapshot = Snapshot(rules.roster, BOTH, full("lucia"), waits=waits)
    hasty = route(rules, work_on(BOTH), snapshot, Work(due=BOTH + timedelta(minutes=20)))
    told = "expected wait 35m (from the last 20 tickets) is more than the 20m that are left"
    assert hasty.reason == f"emea is busy, and {told}; the only one who fits in amer and has room"
    assert [ring.too_long for ring in hasty.rings] == [told, ""]
    assert f"  {told}" in list(lines(hasty))
    calm = route(rules, work_on(BOTH), snapshot, Work(due=BOTH + timedelta(hours=1)))
    assert calm.reason == "it waits in emea: somebody usually has room after 35m (from the last 20 tickets)"
    assert calm.until == BOTH + timedelta(minutes=35)


def test_a_measured_wait_stands_in_for_how_long_a_full_house_is_thought_to_stay_so() -> None:
    """Everybody is full, and it is due in an hour: by `full_for` somebody is called, by what was measured it waits."""
    rules, due = routing(SITE), Work(due=BOTH + timedelta(hours=1))
    everybody = full("lucia", "marek", "dana", "noah", "yuki")
    assert short(route(rules, work_on(BOTH), Snapshot(rules.roster, BOTH, everybody), due)) == ("on_call", "", "eva")
    waits = {"emea": Wait(25 * 60, 9)}
    found = route(rules, work_on(BOTH), Snapshot(rules.roster, BOTH, everybody, waits=waits), due)
    assert short(found) == ("queued", "emea", "")
    assert found.reason.endswith("it waits for room, which usually takes 25m (from the last 9 tickets)")


def test_a_wider_search_looks_at_every_open_region_as_one() -> None:
    """From then on the least loaded of all has it."""
    site = SITE.replace("{after: 10m, skills: {billing: 1}}", "{after: 10m, widen: true}")
    work = Work(waiting_since=BOTH - timedelta(minutes=10))
    assert ask(work_on(BOTH), work, full("lucia"), rules=routing(site)).agent == "dana"
    assert [ring.region for ring in ask(work_on(BOTH), work, rules=routing(site)).rings] == [""]


def test_a_relaxation_may_raise_the_priority() -> None:
    """By as many levels as it says, for the queue."""
    site = SITE.replace("{after: 10m, skills: {billing: 1}}", "{after: 10m, skills: {billing: 1}, raise_priority: 2}")
    work = Work(waiting_since=AFTER_HOURS - timedelta(minutes=10))
    assert ask(work_on(), work, rules=routing(site)).raise_priority == 2
    assert ask(work_on(), rules=routing(site)).raise_priority == 0


def test_a_hard_level_may_be_higher_than_one() -> None:
    """What would fall below it stays at it."""
    site = SITE.replace("hard: [skills.billing]", "hard: {skills.billing: 2}")
    at = AFTER_HOURS + timedelta(hours=1)
    routed = ask(work_on(at), Work(waiting_since=AFTER_HOURS), full("dana"), rules=routing(site))
    assert routed.agent != "noah"


def test_nobody_on_call_is_asked_who_had_it() -> None:
    """The next on call is, and with none the fallback queue has it."""
    site = SITE.replace("{rota: [{person: eva, calendar: always}]}",
                        "{rota: [{person: eva, calendar: always, layer: 1}, {person: marek, calendar: always}]}")  # fmt: skip
    soon = Work(due=WEEKEND + timedelta(hours=1))
    assert ask(work_on(WEEKEND), soon, rules=routing(site)).agent == "eva"
    had = msgspec.structs.replace(soon, visited=frozenset({"eva"}))
    assert ask(work_on(WEEKEND), had, rules=routing(site)).agent == "marek"
    both = msgspec.structs.replace(soon, visited=frozenset({"eva", "marek"}))
    assert ask(work_on(WEEKEND), both, rules=routing(site)).outcome is Outcome.UNROUTABLE


# ---------------------------------------------------------------- 10 guardrails


def test_what_a_person_assigned_is_kept() -> None:
    """Whoever it is, and whether they are there or not; a rule's own assignment is not a person's."""
    routed = ask(held_by(work_on(BOTH), "yuki"))
    assert short(routed) == ("kept", "apac", "yuki")
    assert ask(held_by(work_on(BOTH), "yuki", Setter.RULE)).agent == "lucia"
    assert ask(held_by(work_on(BOTH), "yuki"), Work(owner="yuki", passed_on=True)).agent == "lucia"


def test_nobody_has_it_twice_in_a_cycle() -> None:
    """Not even when nobody else is there."""
    work = Work(visited=frozenset({"lucia", "dana"}))
    routed = ask(work_on(BOTH), work)
    assert routed.agent not in {"lucia", "dana"}


def test_who_passed_it_on_does_not_get_it_back_for_a_day() -> None:
    """Also in a new cycle."""
    for hours, name in ((23, "dana"), (25, "lucia")):
        hop = Hop("lucia", "dana", BOTH - timedelta(hours=hours))
        assert ask(work_on(BOTH), Work(hops=(hop,), hops_before=1)).agent == name


def test_after_five_hops_it_stays_for_the_triage_lead() -> None:
    """And that is an alert; hops of an earlier cycle do not count."""
    hops = tuple(Hop(f"a{number}", f"a{number + 1}", BOTH - timedelta(hours=number)) for number in range(5))
    assert ask(work_on(BOTH), Work(hops=hops[:4], passed_on=True)).outcome is Outcome.ASSIGNED
    frozen = ask(work_on(BOTH), Work(hops=hops, passed_on=True))
    assert (frozen.outcome, frozen.agent, frozen.queue, frozen.alert) == (Outcome.FROZEN, "", "triage", "frozen")
    assert ask(work_on(BOTH), Work(hops=hops, hops_before=5)).outcome is Outcome.ASSIGNED
    # until a person decides: the lead assigns it
    assigned = held_by(work_on(BOTH), "yuki")
    assert short(ask(assigned, Work(hops=hops, visited=frozenset({"yuki"})))) == ("kept", "apac", "yuki")
    led = routing(SITE.replace("sticky_owner: 14d", "triage_lead: eva, max_hops: 0"))
    assert ask(work_on(BOTH), rules=led).outcome is Outcome.ASSIGNED
    assert ask(work_on(BOTH), Work(owner="lucia", passed_on=True), rules=led).agent == "eva"


def test_who_gives_it_up_does_not_get_it() -> None:
    """They are told apart from who passed it on before."""
    routed = ask(work_on(BOTH), Work(owner="lucia", passed_on=True), explain=True)
    assert (routed.agent, reasons(routed, "emea")["lucia"]) == ("dana", "gives it up")


# ---------------------------------------------------------------- the same again


def test_the_order_in_which_agents_are_written_does_not_matter() -> None:
    """They are numbered by name."""
    turned = SITE.replace(TEAMS, "").replace(BILLING, "") + "".join(
        [
            TEAMS[: TEAMS.index("agents:")],
            "agents:\n",
            *reversed(_agents()),
            TEAMS[TEAMS.index("follow_the_sun") :],
            BILLING,
        ]
    )
    for at in (AFTER_HOURS, BOTH, WEEKEND):
        for region in ("emea", "amer", ""):
            given = work_on(at, region=region)
            assert ask(given, explain=True) == ask(given, rules=routing(turned), explain=True)


def _agents() -> list[str]:
    return [f"{line}\n" for line in TEAMS.splitlines() if line.startswith("  - ")]


def test_a_site_without_routes_routes_nothing() -> None:
    """It says so when it is asked: nothing is lost silently."""
    rules = routing("people: {}\n")
    assert not rules
    routed = ask(facts(ticket()), rules=rules)
    assert (routed.outcome, routed.rings) == (Outcome.UNROUTABLE, ())


def test_who_is_shown_as_away_may_be_back_soon() -> None:
    """On shift and away at a desk: what has time waits for them; what has not goes on call. Why is in the trace."""
    absent = State(accepting=False, why="away at zen since 2026-03-10 17:00 UTC")
    states = {"dana": absent, "noah": absent}
    waits = ask(work_on(), Work(due=AFTER_HOURS + timedelta(hours=4, minutes=1)), states, explain=True)
    assert (waits.outcome, waits.reason) == (
        Outcome.QUEUED, "who fits and works now is away at a desk: it waits for somebody to be back",
    )  # fmt: skip
    told = {each.person: each.why for ring in waits.rings for each in ring.left_out}
    assert told["dana"] == "is not accepting (away at zen since 2026-03-10 17:00 UTC)"
    called = ask(work_on(), Work(due=AFTER_HOURS + timedelta(hours=4)), states)
    assert (called.outcome, called.agent) == (Outcome.ON_CALL, "eva")


def test_a_region_that_opens_sooner_than_somebody_is_back_is_waited_for() -> None:
    """When it opens is known, and when somebody who is away is back is not."""
    noon = AFTER_HOURS.replace(hour=11, minute=30)
    absent = {"lucia": State(accepting=False, why="away at zen")}
    found = ask(work_on(noon), Work(due=noon + timedelta(hours=8)), absent)
    assert (short(found), found.until) == (("queued", "amer", ""), noon + timedelta(minutes=30))
    # no other opens for half a day: somebody may well be back before
    evening = noon.replace(hour=18)
    gone = {"dana": absent["lucia"], "noah": absent["lucia"]}
    found = ask(work_on(evening), Work(due=evening + timedelta(days=2)), gone)
    assert (found.until, found.reason) == (
        None, "who fits and works now is away at a desk: it waits for somebody to be back",
    )  # fmt: skip


def test_how_people_are_shown_after_hours_says_nothing_of_tomorrow() -> None:
    """Everybody is offline at night: it still waits for whoever opens before it is due."""
    offline = State(accepting=False, why="offline at zen")
    states = dict.fromkeys(("lucia", "marek", "dana", "noah", "yuki"), offline)
    night = work_on(WEEKEND)
    found = ask(night, Work(due=WEEKEND + timedelta(days=4)), states)
    assert (found.outcome, found.region) == (Outcome.QUEUED, ask(night, Work(due=WEEKEND + timedelta(days=4))).region)
    gone = dict.fromkeys(states, State(accepting=False, reachable=False, why="deactivated"))
    assert ask(night, Work(due=WEEKEND + timedelta(days=4)), gone).outcome is Outcome.ON_CALL
    back = WEEKEND + timedelta(days=3)
    later = {**gone, "dana": State(accepting=False, reachable=False, back=back)}
    waits = ask(night, Work(due=WEEKEND + timedelta(days=4)), later)
    assert (waits.outcome, waits.until) == (Outcome.QUEUED, back.replace(hour=12))


def test_nobody_is_called_who_was_sent_away() -> None:
    """Who is on call is not at a desk anyway; a person's word, or a deactivated account, counts for them, too."""
    work = Work(due=WEEKEND + timedelta(hours=1))
    assert ask(work_on(WEEKEND), work, {"eva": State(accepting=False)}).agent == "eva"
    away = {"eva": State(accepting=False, reachable=False)}
    assert ask(work_on(WEEKEND), work, away).outcome is Outcome.UNROUTABLE
