"""Commands about rotas that are fetched, and the running gateway, which takes up what has changed by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.bootstrap import Gateway, build
from gateway.config import Settings, environment
from gateway.system import SystemClock
from rules.feeds import key_of
from tests.cli.conftest import Run
from tests.flows.feed_server import FeedServer, calendar, shift
from tests.rules.routing.making import SITE

RULES = SITE.replace("{zen: ", "{acme-zendesk: ").replace(
    "manager: eva}", 'manager: eva, rota: {feed: "${EMEA_ROTA}"}}', 1
)
HOUR = timedelta(hours=1)


def now_and(person: str, hours: int) -> str:
    """Return a shift that goes on now, and for so many hours."""
    start = SystemClock().now().replace(minute=0, second=0, microsecond=0) - HOUR
    return shift(person, start, start + (hours + 2) * HOUR)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """Give a site whose first team works as a feed says: Lucia, at present."""
    (folder / "rules" / "30-sla.yaml").unlink()
    (folder / "rules" / "60-people.yaml").write_text(RULES, encoding="utf-8")
    with FeedServer(calendar(now_and("lucia", 3), now_and("somebody else", 1))) as made:
        monkeypatch.setenv("EMEA_ROTA", made.url)
        yield made


@pytest.fixture
def running(server: FeedServer, folder: Path) -> Iterator[Gateway]:
    """Give the gateway of that site, with a record and an active release."""
    assert server.url
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    made = build(Settings.from_env(environ), environ)
    made.activate_folder(author="tests")
    yield made
    made.close()


def there(gateway: Gateway) -> set[str]:
    """Return who of the first team works now."""
    roster = gateway.renewed().rules.routing.roster
    return {"lucia", "marek"} & set(roster.names(roster.on_shift(SystemClock().now())))


def test_check_fetches_and_says_what_it_found(run: Run, server: FeedServer) -> None:
    """How many shifts, of whom, and who on it is nobody; nothing is kept, and --offline asks nobody."""
    code, shown, said = run("check")
    assert code == 0, said
    assert "feed: the feed of emea-support was fetched: 1 shift in the next 14 days, of lucia" in shown
    assert "names 'somebody else', whom people: does not know" in shown
    (found,) = json.loads(run("check", "--json")[1])["feeds"]
    assert found == {"teams": ["emea-support"], "ok": True, "trouble": "", "shifts": 1, "people": ["lucia"]}
    asked = len(server.requests)
    assert "feed:" not in run("check", "--offline")[1]
    assert len(server.requests) == asked


def test_check_says_why_a_feed_cannot_be_fetched_and_never_its_address(run: Run, server: FeedServer) -> None:
    """A warning at the line of the rota: another host may reach it."""
    server.status = 404
    code, shown, said = run("check")
    assert code == 0, said
    assert "the feed of emea-support cannot be fetched: it answers 404" in shown
    assert "rules/60-people.yaml:" in shown
    assert run("check", "--strict")[0] == 1
    assert "private-" not in shown + said + run("check", "--json")[1]


def test_check_says_that_a_variable_is_missing(run: Run, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning, for it may be set where the gateway runs."""
    monkeypatch.delenv("EMEA_ROTA")
    code, shown, _ = run("check")
    assert code == 0
    assert "the environment variable EMEA_ROTA is not set" in shown
    assert server.requests == []


def test_the_running_gateway_takes_a_change_up_without_a_restart(running: Gateway, server: FeedServer) -> None:
    """The same object, the same release, another roster."""
    running.fetcher().fetch_due(holder="test", seconds=5)
    release = running.renewed().release
    assert there(running) == {"lucia"}
    server.body, server.etag = calendar(now_and("marek", 3)), '"2"'
    with running.store.read() as tx:
        (copy,) = tx.feeds.all().values()
    assert copy.key == key_of("${EMEA_ROTA}")
    due = msgspec.structs.replace(copy, due_at=running.clock.now())
    running.store.write(lambda tx: tx.feeds.save(due))
    assert running.fetcher().fetch_due(holder="test", seconds=5) == 1
    assert there(running) == {"marek"}
    assert running.renewed().release == release
    assert running.rules_of(release).routing.roster.of_person["marek"]


def test_the_roster_is_that_of_the_copy_and_says_how_old_it_is(run: Run, running: Gateway, server: FeedServer) -> None:
    """`show`, `gaps` and `feeds`; what is wrong is said beside it."""
    before = run("roster", "show", "--days", "1")
    assert "The feed of emea-support was never fetched: what stands in for it is shown." in before[2]
    assert "never" in run("roster", "feeds")[1]
    running.fetcher().fetch_due(holder="test", seconds=5)
    code, shown, said = run("roster", "show", "--days", "1")
    assert (code, said) == (0, "The feed of emea-support was fetched less than 1m ago.\n")
    assert shown != before[1]
    assert "less than 1m ago" in run("roster", "gaps", "--region", "emea", "--next", "1d")[2]
    with running.store.read() as tx:
        (copy,) = tx.feeds.all().values()
    (found,) = json.loads(run("roster", "feeds", "--json")[1])
    assert (found["teams"], found["every_s"], found["trouble"]) == (["emea-support"], 900, "")
    assert found["fetched_at"] == (copy.fetched_at.isoformat().replace("+00:00", "Z") if copy.fetched_at else "")
    assert server.PATH not in run("roster", "feeds")[1]
