"""What a ticket names of tickets elsewhere, and which of them are one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.registry import BUILT_INS
from gateway.domain.adoption import Known, Match, Sight, Spot, Verdict, matches
from gateway.domain.crosslink import Crosslink, Evidence, Place, found_in, host_of, named_by
from gateway.domain.event import RemoteComment, RemoteTicket

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOSTS = {"github": "https://api.github.com", "hubspot": "https://api.hubapi.com"}


def place(name: str) -> Place:
    """Return a connection of a kind of desk at its own host."""
    spec = registry.load(BUILT_INS, ()).plugin(name).spec
    return Place(name, frozenset({host_of(HOSTS.get(name, f"https://{name}.example"))}), spec.addresses, spec.words)


PLACES = [place(name) for name in ("github", "gitlab", "jira", "request_tracker", "servicenow", "zendesk")]

SYS_ID = "9d385017c611228701d22104cc95c371"


@pytest.mark.parametrize(
    ("desk", "address", "name"),
    [
        ("zendesk", "https://zendesk.example/agent/tickets/35436", "35436"),
        ("zendesk", "https://zendesk.example/tickets/35436?brand=1", "35436"),
        ("zendesk", "https://zendesk.example/hc/en-us/requests/35436", "35436"),
        ("zendesk", "https://zendesk.example/api/v2/tickets/35436.json", "35436"),
        ("zendesk", "https://zendesk.example/agent/users/35436", ""),
        ("zendesk", "https://other.example/agent/tickets/35436", ""),
        ("jira", "https://jira.example/browse/HELP-12?focusedCommentId=3", "HELP-12"),
        ("jira", "https://jira.example/jira/software/c/projects/HELP/boards/1?selectedIssue=HELP-12", "HELP-12"),
        ("jira", "https://jira.example/jira/servicedesk/projects/HELP/queues/issue/HELP-12", "HELP-12"),
        ("jira", "https://jira.example/jira/people/5b10", ""),
        ("servicenow", f"https://servicenow.example/incident.do?sys_id={SYS_ID}", SYS_ID),
        ("servicenow", f"https://servicenow.example/nav_to.do?uri=incident.do?sys_id={SYS_ID}", SYS_ID),
        ("servicenow", f"https://servicenow.example/nav_to.do?uri=%2Fincident.do%3Fsys_id%3D{SYS_ID}", SYS_ID),
        ("servicenow", f"https://servicenow.example/now/workspace/agent/record/incident/{SYS_ID}", SYS_ID),
        ("request_tracker", "https://request_tracker.example/Ticket/Display.html?id=7", "7"),
        ("request_tracker", "https://request_tracker.example/rt/Ticket/History.html?foo=1;id=7", "7"),
        ("request_tracker", "https://request_tracker.example/User/Summary.html?id=7", ""),
        ("gitlab", "https://gitlab.example/group/sub/app/-/issues/4#note_9", "group/sub/app#4"),
        ("gitlab", "https://gitlab.example/group/app/-/merge_requests/4", ""),
        ("github", "https://github.com/acme/app/issues/12", "acme/app#12"),
        ("github", "https://api.github.com/repos/acme/app", ""),
    ],
)
def test_an_address_names_a_ticket(desk: str, address: str, name: str) -> None:
    """In each form in which people copy it, and nothing else at the same host."""
    assert named_by(address, place(desk)) == name


def remote(**fields: object) -> RemoteTicket:
    """Return a ticket of Zendesk."""
    return RemoteTicket("1", NOW, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"external_id": "HELP-12"}, {("jira", "HELP-12"): Evidence.KEPT}),
        ({"external_id": "HELP-12, HELP-13"}, {("jira", key): Evidence.KEPT for key in ("HELP-12", "HELP-13")}),
        ({"external_id": "order HELP-12 of May"}, {}),
        ({"external_id": "12345"}, {}),
        ({"external_id": "gateway:0123456789abcdef0123456789abcdef"}, {}),
        ({"references": ("https://jira.example/browse/HELP-12",)}, {("jira", "HELP-12"): Evidence.KEPT}),
        ({"custom": {"rt": "7"}}, {("request_tracker", "7"): Evidence.KEPT}),
        ({"custom": {"other": "7"}}, {}),
        ({"custom": {"rt": 7, "yes": True, "no": None}}, {("request_tracker", "7"): Evidence.KEPT}),
        ({"title": "Again HELP-12"}, {("jira", "HELP-12"): Evidence.MENTION}),
        ({"body": "see (https://jira.example/browse/HELP-12)."}, {("jira", "HELP-12"): Evidence.ADDRESS}),
        ({"body": "[it](https://jira.example/browse/HELP-12) is HELP-12"}, {("jira", "HELP-12"): Evidence.ADDRESS}),
        ({"body": "RT #7, INC0010001"}, {
            ("request_tracker", "7"): Evidence.MENTION, ("servicenow", "INC0010001"): Evidence.MENTION,
        }),
        ({"body": "https://zendesk.example/agent/tickets/2 is one of ours"}, {}),
    ],
)  # fmt: skip
def test_what_a_ticket_names(fields: dict[str, object], found: dict[tuple[str, str], Evidence]) -> None:
    """In fields, links and words, with its best evidence; a bare number only where the settings say whose it is."""
    links = found_in(remote(**fields), "zendesk", PLACES, {"rt": ("request_tracker",)})
    assert {(each.at, each.name): each.evidence for each in links} == found


def test_mentions_count_where_the_settings_say_so() -> None:
    """As much as an address does."""
    said = remote(comments=(RemoteComment("1", NOW, "that is HELP-12"),))
    assert [each.evidence for each in found_in(said, "zendesk", PLACES, {"mentions": ("jira",)})] == [Evidence.ADDRESS]


def test_hostile_words_are_read_in_no_time() -> None:
    """A text that a stranger wrote to make a pattern slow."""
    begun = datetime.now(UTC)
    for piece in ("a.", "A-", "a/", "https://", "RT ", "[a ", "[a #", "a/b#", "CAS-", "INC0"):
        found_in(remote(body=piece * 60_000), "zendesk", [place(name) for name in BUILT_INS], {})
    assert datetime.now(UTC) - begun < timedelta(seconds=20)


# ---------------------------------------------------------------- which are one

DESKS = ("a", "b", "c")


def sight(spot: Spot, **changes: object) -> Sight:
    """Return a ticket that is at one desk only."""
    given: dict[str, object] = {
        "connection": spot[0], "remote_id": spot[1], "ticket_id": f"{spot[0]}{spot[1]}", "is_source": True,
        "connections": frozenset({spot[0]}), "created_at": NOW,
    }  # fmt: skip
    return Sight(**{**given, **changes})  # type: ignore[arg-type]


def named(one: Spot, other: Spot, evidence: Evidence = Evidence.KEPT, *, known: bool = True) -> Known:
    """Return that one ticket names another."""
    return Known(Crosslink(*one, *other, evidence), (other,) if known else ())


def judged(*known: Known, rules: set[tuple[str, str]] | None = None, **of: Sight) -> dict[tuple[Spot, Spot], Match]:
    """Return what becomes of the pairs."""
    spots = {spot for each in known for spot in ((each.link.connection, each.link.remote_id), *each.targets)}
    sights = {spot: sight(spot) for spot in spots} | {(each.connection, each.remote_id): each for each in of.values()}
    found = matches(known, sights, rules={("a", "b")} if rules is None else rules)
    return {(each.stay, each.goes): each for each in found}


A1, A2, B1, B2, C1 = ("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")


@pytest.mark.parametrize("known", [[named(A1, B1)], [named(B1, A1)], [named(A1, B1), named(B1, A1)]])
def test_one_and_its_only_counterpart(known: list[Known]) -> None:
    """Are one, whichever names the other; it begins where the sync rule begins."""
    assert {pair: each.verdict for pair, each in judged(*known).items()} == {(A1, B1): Verdict.LINK}


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ([named(A1, B1), named(A1, B2)], "2 tickets of b"),
        ([named(A1, B1), named(A2, B1)], "2 tickets of a"),
        ([named(A1, B1), named(A1, ("b", "9"), known=False)], "2 tickets of b"),
        ([named(A1, B1, Evidence.MENTION)], "only mentioned"),
    ],
)
def test_a_doubt_is_a_persons(known: list[Known], why: str) -> None:
    """With the reason."""
    found = judged(*known)[A1, B1]
    assert found.verdict is Verdict.ASK
    assert why in found.why


def test_a_chain_is_a_persons() -> None:
    """Two sync rules lead over the one in the middle; where only one does, those two are one."""
    chain = (named(A1, B1), named(B1, C1))
    assert {each.verdict for each in judged(*chain, rules={("a", "b"), ("b", "c")}).values()} == {Verdict.ASK}
    found = judged(*chain)
    assert (found[A1, B1].verdict, found[B1, C1].verdict) == (Verdict.LINK, Verdict.ASK)
    assert "more than two" in found[B1, C1].why


def test_better_evidence_settles_it() -> None:
    """A field outdoes an address, an address a mention; and the other is told why it is not it."""
    found = judged(named(A1, B1), named(A1, B2, Evidence.ADDRESS), named(B2, A1, Evidence.MENTION))
    assert found[A1, B1].verdict is Verdict.LINK
    assert "more closely" in found[A1, B2].why


def test_a_mention_that_is_answered_is_enough() -> None:
    """Each names the other by its key."""
    found = judged(named(A1, B1, Evidence.MENTION), named(B1, A1, Evidence.MENTION))
    assert found[A1, B1].verdict is Verdict.LINK


def test_one_ticket_in_three_desks() -> None:
    """Where sync rules begin both others at the first; without a rule for the third, that one is a person's."""
    known = (named(A1, B1), named(A1, C1))
    both = judged(*known, rules={("a", "b"), ("a", "c")})
    assert {each.verdict for each in both.values()} == {Verdict.LINK}
    one = judged(*known)
    assert (one[A1, B1].verdict, one[A1, C1].verdict) == (Verdict.LINK, Verdict.ASK)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"worked_on": True}, "worked on"),
        ({"connections": frozenset({"b", "c"})}, "worked on"),
        ({"connections": frozenset({"a", "b"})}, "at a already"),
        ({"shut": True}, "duplicate"),
        ({"requester": "lee", "is_customer": True}, "two customers"),
    ],
)
def test_what_is_more_than_a_view_of_one_desk_stays(changes: dict[str, object], why: str) -> None:
    """It was shown elsewhere, it is there already, or it is somebody else's."""
    asked = sight(A1, requester="kim", is_customer=True)
    found = judged(named(A1, B1), one=asked, other=sight(B1, **changes))[A1, B1]
    assert found.verdict is Verdict.ASK
    assert why in found.why


def test_an_agent_who_opened_the_other_is_no_second_customer() -> None:
    """Whoever is not said to be a customer may be one; a field is believed, an address is not."""
    kim, lee = sight(A1, requester="kim", is_customer=True), sight(B1, requester="lee")
    assert judged(named(A1, B1), one=kim, other=lee)[A1, B1].verdict is Verdict.LINK
    assert judged(named(A1, B1, Evidence.ADDRESS), one=kim, other=lee)[A1, B1].verdict is Verdict.ASK


SPOTS = [(desk, str(number)) for desk in DESKS for number in range(3)]
KNOWN = st.lists(
    st.builds(
        named,
        st.sampled_from(SPOTS),
        st.sampled_from(SPOTS),
        st.sampled_from(Evidence),
        known=st.booleans(),
    ).filter(lambda each: each.link.connection != each.link.at),
    max_size=12,
    unique_by=lambda each: (each.link.connection, each.link.remote_id, each.link.at, each.link.name),
)


@given(known=KNOWN, data=st.data())
def test_the_order_does_not_matter_and_nothing_is_taken_twice(known: list[Known], data: st.DataObject) -> None:
    """What is linked is one to one, never within one desk, and the same in whatever order it was heard of."""
    rules = {("a", "b"), ("a", "c")}
    sights = {spot: sight(spot) for spot in SPOTS}
    found = matches(known, sights, rules=rules)
    again = matches(data.draw(st.permutations(known)), dict(reversed(sights.items())), rules=rules)
    assert found == again
    groups: dict[Spot, set[Spot]] = {}
    for each in found:
        assert each.stay[0] != each.goes[0]
        if each.verdict is Verdict.LINK:
            assert each.goes not in groups
            groups.setdefault(each.stay, {each.stay}).add(each.goes)
    members = [spot for group in groups.values() for spot in group]
    assert len(members) == len(set(members))
    assert all(len({spot[0] for spot in group}) == len(group) for group in groups.values())
