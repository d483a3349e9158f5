"""A ticket that few may read at one desk is never written to a desk where everybody could (fails closed)."""

from __future__ import annotations

import msgspec
import pytest

from connectors.github.bench import GitHubBench
from connectors.gitlab.bench import GitLabBench
from connectors.redmine.bench import RedmineBench
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.roundup.bench import RoundupBench
from connectors.testing.bench import Bench
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from rules.decide import RuleSet
from tests.pairs.pair import SOURCE, TARGET, Pair

OPEN = (GitHubBench, RedmineBench, RoundupBench)
CLOSED = (ZendeskBench, RequestTrackerBench)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def creations(pair: Pair) -> int:
    """Return how many tickets the gateway has made at the target."""
    return len(pair.benches[TARGET].desk.effects.all(kind="create", by_api=True))


def opened(pair: Pair, *, confidential: bool) -> str:
    """Open an issue at GitLab."""
    made = pair.benches[SOURCE].desk.act("open", title="Leak", body="Our keys are out", confidential=confidential)
    pair.settle()
    return f"{made['project_id']}-{made['iid']}"


@pytest.mark.parametrize("target", OPEN, ids=lambda bench: bench.connector)
def test_a_confidential_issue_is_not_written_where_everybody_reads(store: SqlStore, target: type[Bench]) -> None:
    """Nothing of it arrives there; one letter says why, and what to do; made public, a replay writes it."""
    with Pair(store, GitLabBench, target) as pair:
        issue = opened(pair, confidential=True)
        pair.benches[SOURCE].say(issue, "The key is 4711", public=False)
        pair.settle()
        assert creations(pair) == 0
        (letter,) = pair.letters()
        assert "private at the-source" in letter
        assert "discard" in letter


@pytest.mark.parametrize("target", CLOSED, ids=lambda bench: bench.connector)
def test_a_confidential_issue_goes_to_a_desk_that_only_staff_reads(store: SqlStore, target: type[Bench]) -> None:
    """As any other."""
    with Pair(store, GitLabBench, target) as pair:
        opened(pair, confidential=True)
        assert creations(pair) == 1
        assert pair.letters() == []


@pytest.mark.parametrize("target", OPEN, ids=lambda bench: bench.connector)
def test_a_public_issue_that_becomes_confidential_is_not_told_of_any_more(store: SqlStore, target: type[Bench]) -> None:
    """What was copied before is there; from then on nothing is."""
    with Pair(store, GitLabBench, target) as pair:
        issue = opened(pair, confidential=False)
        assert creations(pair) == 1
        pair.benches[SOURCE].desk.act("set", issue=issue, confidential=True)
        pair.settle()
        pair.benches[SOURCE].desk.act("set", issue=issue, title="Our keys are out")
        pair.benches[SOURCE].say(issue, "The key is 4711")
        pair.settle()
        copy = pair.copy(issue)
        shown = pair.shown(TARGET, copy)
        assert shown.title == "Leak"
        assert not any("4711" in each.text for each in shown.comments)
        assert len(pair.letters()) == 1


def test_a_repository_that_is_known_to_be_private_may_have_it(store: SqlStore) -> None:
    """The fact is read from the desk, once a day."""
    with Pair(store, GitLabBench, GitHubBench) as pair:
        facts = {"closed_to_public": True}

        def learn(tx: object) -> None:
            state = tx.desks.get(TARGET)  # type: ignore[attr-defined]
            tx.desks.save(msgspec.structs.replace(state, facts={**state.facts, **facts}))  # type: ignore[attr-defined]

        store.write(learn)
        opened(pair, confidential=True)
        assert creations(pair) == 1


def test_a_rule_may_keep_the_copy_private(store: SqlStore) -> None:
    """`create: {private: true}` makes a private issue of it."""
    with Pair(store, GitLabBench, RedmineBench) as pair:
        rules = pair.site.rules
        (rule,) = rules.sync_rules
        hidden = msgspec.structs.replace(rule, create={**rule.create, "private": True})
        pair.site = msgspec.structs.replace(pair.site, rules=RuleSet(sync_rules=(hidden,), sections=rules.sections))
        issue = opened(pair, confidential=True)
        assert creations(pair) == 1
        assert pair.read(TARGET, pair.copy(issue)).private is True
