"""Rotas that are fetched, live: the last good copy stays, a change makes another roster, no address is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.domain.ids import digest
from gateway.errors import ConfigError
from gateway.flow.alerts import CALM, Watch
from gateway.flow.feeds import Fetcher, copies
from gateway.flow.sweep import Sweeper
from gateway.http import HttpTransport
from gateway.ports import ConnectionSettings
from gateway.ports.feeds import FeedCopy
from gateway.references import feed_address
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from rules import load_site
from rules.feeds import MAX_BYTES
from tests.flows.desk_room import GATEWAY, RULES, DeskRoom
from tests.flows.feed_server import FeedServer, calendar, shift
from tests.flows.test_routing_alerts import SLACK
from tests.flows.world import Silent
from tests.rules.making import built_in, installed

#: the people of amer work as the feed says
ROTA = '{rota: {feed: "${AMER_ROTA}", every: 5m}, calendar: amer,'
FED = RULES.replace("amer-support:\n    {calendar: amer,", f"amer-support:\n    {ROTA}")
ALERTS = """
alerts:
  - {when: roster_feed_stale > 2h, notify: {connection: ops-slack, channel: C0LEADS}}
"""
HOUR = timedelta(hours=1)


class Fed(DeskRoom):
    """A room on a Monday at noon, in which Dana works as a feed says."""

    def __init__(self, store: SqlStore, server: FeedServer) -> None:
        self.server = server
        self.environ = {"AMER_ROTA": server.url}
        super().__init__(store, FED, at="12:00")
        self.slow = HttpTransport(max_body=MAX_BYTES)

    def close(self) -> None:
        """Stop everything."""
        super().close()
        self.slow.close()

    def renew(self, gateway: str = GATEWAY) -> None:
        """Take the site up as it is now, as each process does within a second."""
        with self.store.read() as tx:
            known = tx.feeds.all()
            fetched = digest("copies", tx.feeds.essences())
        files = {"gateway.yaml": gateway, "rules/routing.yaml": FED}
        site, problems = load_site(files, installed(), copies=copies(known))
        assert site is not None, problems
        self.site = msgspec.structs.replace(self.site, rules=site.rules, alerts=site.alerts, fetched=fetched)

    def fetch(self, **later: float) -> int:
        """Let time pass and fetch what is due; return how many have changed."""
        self.moved.ahead += timedelta(**later)
        self._follow_time()
        made = Fetcher(
            store=self.store, site=self.site, transport=self.slow, clock=self.clock, ids=self.ids,
            address=lambda feed: feed_address(feed, self.environ),
        )  # fmt: skip
        return made.fetch_due(holder="test", seconds=10)

    def kept(self) -> FeedCopy:
        """Return what is kept of the one feed."""
        with self.store.read() as tx:
            (copy,) = tx.feeds.all().values()
        return copy

    def hours(self, person: str, start: int, end: int) -> str:
        """Return a shift of today."""
        day = self.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return shift(person, day + start * HOUR, day + end * HOUR)

    def there(self, person: str, at: datetime | None = None) -> bool:
        """Say whether somebody works."""
        roster = self.site.rules.routing.roster
        return bool(roster.on_shift(at or self.now()) & roster.of_person[person])


@pytest.fixture
def room(store: SqlStore) -> Iterator[Fed]:
    """Give one on each database, with a rota by which Dana works in the evening."""
    with FeedServer() as server, Fed(store, server) as made:
        server.body = calendar(made.hours("dana", 18, 22))
        yield made


def test_the_copy_makes_the_roster_and_is_asked_for_again_only_when_it_changed(room: Fed) -> None:
    """Asked for every five minutes with what the server called it; without a copy the calendar counts."""
    evening = room.now() + 7 * HOUR
    assert room.there("dana", evening - 4 * HOUR)
    assert (room.fetch(), room.fetch(minutes=4), room.fetch(minutes=1)) == (1, 0, 0)
    assert [each.headers.get("if-none-match") for each in room.server.requests] == [None, '"1"']
    room.renew()
    assert room.there("dana", evening)
    assert not room.there("dana", evening - 4 * HOUR)
    copy = room.kept()
    assert (copy.etag, copy.fetched_at, copy.trouble) == ('"1"', room.kept().fetched_at, "")
    assert copy.fetched_at is not None
    assert copy.changed_at is not None
    assert copy.fetched_at - copy.changed_at >= timedelta(minutes=5)
    with room.store.read() as tx:
        lines = [each for each in tx.view.audit(limit=50) if each["action"] == "rota fetched"]
    assert [each["detail"] for each in lines] == [{"teams": ["amer-support"]}]


def test_an_export_that_says_the_same_changes_nothing(room: Fed) -> None:
    """Its instants of writing and its ETag are others: the roster is not made anew."""
    shifts = room.hours("dana", 18, 22)
    room.server.body = calendar(shifts, stamp="20260301T000000Z")
    assert room.fetch() == 1
    room.server.body, room.server.etag = calendar(shifts, stamp="20260302T000000Z"), '"2"'
    assert room.fetch(minutes=5) == 0
    assert room.kept().etag == '"2"'


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (404, b"", "it answers 404: is the address still the right one?"),
        (500, b"", "it answers 500"),
        (302, b"", "it answers 302 and points to signin.example: write the address that it points to"),
        (200, b"", "what it answered is no rota: it is empty"),
        (200, b"<html>Sign in</html>", "what it answered is no rota: it is no calendar in the form of RFC 5545"),
        (200, calendar(), "what it answered is no rota: there is no shift in it"),
        (200, b"BEGIN:VCALENDAR\n" + b"X" * 3 * 1024 * 1024, "the answer is larger than 2 MiB"),
    ],
    ids=["gone", "broken", "moved", "empty", "a page", "no shift", "too large"],
)
def test_a_broken_feed_keeps_the_last_good_copy(room: Fed, status: int, body: bytes, why: str) -> None:
    """It says why, asks again soon and then ever later, and goes on when the feed is mended."""
    room.fetch()
    good = room.kept()
    server = room.server
    server.status, server.body, server.etag = status, body, '"2"'
    server.headers = {"Location": "https://signin.example/private"} if status == 302 else {}
    assert room.fetch(minutes=5) == 0
    bad = room.kept()
    assert bad.trouble.startswith(why)
    assert (bad.text, bad.fetched_at, bad.essence) == (good.text, good.fetched_at, good.essence)
    assert bad.failing_since is not None
    room.renew()
    assert room.there("dana", room.now().replace(hour=19))
    assert bad.due_at - bad.failing_since == timedelta(minutes=1)
    asked = len(server.requests)
    room.fetch(seconds=30)
    assert len(server.requests) == asked
    server.status, server.body = 200, calendar(room.hours("dana", 6, 8))
    assert room.fetch(minutes=1) == 1
    assert (room.kept().trouble, room.kept().failing_since) == ("", None)


def test_a_server_that_is_away_and_a_variable_that_is_gone(room: Fed, caplog: pytest.LogCaptureFixture) -> None:
    """Both are told by what is to be mended; the address stands in no message and in no row."""
    room.fetch()
    room.server.away()
    with caplog.at_level(logging.INFO):
        room.fetch(minutes=5)
        assert room.kept().trouble == "connection refused"
        room.environ.clear()
        room.fetch(minutes=5)
        assert room.kept().trouble == "the environment variable AMER_ROTA is not set"
        room.environ["AMER_ROTA"] = "http://calendar.example/private-0c9f3b7a41d2e85f6/a.ics"
        room.fetch(minutes=10)
        assert room.kept().trouble == "it is http, which anybody on the way can read and change"
    with room.store.read() as tx:
        told = f"{caplog.text} {[each.__dict__ for each in caplog.records]} {tx.view.audit(limit=50)}"
    assert "0c9f3b7a41d2e85f6" not in told + repr(msgspec.structs.replace(room.kept(), text=""))


def test_another_address_is_not_asked_with_the_name_of_the_old_copy(room: Fed) -> None:
    """The variable holds another feed now."""
    room.fetch()
    with FeedServer(calendar(room.hours("dana", 1, 2))) as other:
        room.environ["AMER_ROTA"] = other.url
        assert room.fetch(minutes=5) == 1
        assert [each.headers.get("if-none-match") for each in other.requests] == [None]


def test_a_change_gives_out_what_waits_without_a_restart(room: Fed) -> None:
    """Noah is called in at one: the ticket of noon, for which nobody has had room, is his at once."""
    room.fetch()
    room.renew()
    room.later(seconds=1)
    with room.store.read() as tx:
        assert not tx.feeds.due([feed.key for feed in room.site.rules.routing.feeds], room.now())
    full = [room.ticket() for _ in range(3)]
    assert [room.way(number).person for number in full[:2]] == ["lucia", "lucia"]
    assert (room.way(full[2]).outcome, room.way(full[2]).holds) == ("queued", False)
    room.later(minutes=11)
    assert not room.way(full[2]).holds
    room.server.body, room.server.etag = calendar(room.hours("noah", 12, 20)), '"2"'
    assert room.fetch() == 1
    room.later(seconds=1)
    assert not room.way(full[2]).holds
    room.renew()
    room.later(seconds=1)
    assert (room.way(full[2]).person, room.way(full[2]).holds) == ("noah", True)


def test_who_leaves_earlier_now_is_asked_to_hand_over_in_time(room: Fed) -> None:
    """The moment at which a ticket in hand is looked at next is reckoned anew."""
    room.server.body = calendar(room.hours("dana", 17, 23))
    room.fetch(hours=5, minutes=30)
    room.renew()
    number = room.ticket()
    assert room.way(number).person == "dana"
    before = room.way(number).wake_at
    assert before is not None
    room.server.body, room.server.etag = calendar(room.hours("dana", 17, 19)), '"2"'
    room.fetch(minutes=5)
    room.renew()
    room.later(seconds=1)
    after = room.way(number).wake_at
    assert after is not None
    assert after < before


def learned(name: str, tx: SqlTx) -> None:
    """Note that a desk has nothing to be asked."""
    tx.desks.change(name, facts={"known": True})


def test_the_sweep_rings_for_a_feed_that_is_due(room: Fed) -> None:
    """Never fetched, or five minutes ago; in between it does not."""
    room.settle()
    for name, connector in room.site.connectors.items():
        connector.settings = msgspec.structs.replace(connector.settings, reconcile_every=None)
        room.store.write(partial(learned, name))
    sweeper = Sweeper(
        store=room.store, site=lambda: room.site, doorbell=Silent(), clock=room.clock, holder="test-sweep"
    )
    assert "reconcile" in sweeper.sweep()
    room.fetch()
    assert "reconcile" not in sweeper.sweep()
    room.moved.ahead += timedelta(minutes=5)
    assert "reconcile" in sweeper.sweep()


def test_a_feed_that_no_rota_names_any_more_is_forgotten(room: Fed) -> None:
    """With the people whom it names."""
    room.fetch()
    room.rules(RULES)
    room.fetch(minutes=5)
    with room.store.read() as tx:
        assert tx.feeds.all() == {}


def test_a_feed_without_an_address_is_a_reason_not_to_release(room: Fed) -> None:
    """As with any other secret."""
    (feed,) = room.site.rules.routing.feeds
    with pytest.raises(ConfigError, match="the feed of amer-support cannot be fetched: the environment variable"):
        feed_address(feed, {})
    assert feed_address(feed, {"AMER_ROTA": "webcal://cal.example/a.ics"}) == "https://cal.example/a.ics"


def test_the_alert_tells_of_a_feed_that_is_stale_and_that_it_is_over(room: Fed) -> None:
    """After two hours without a good copy, once; with the feed's team, why, and the command."""
    with SlackSimulator(bot_token="xoxb") as slack:
        settings = ConnectionSettings(
            "ops-slack", "slack", slack.url, {"auth": {"bot_token": "xoxb"}, "channel": "C0LEADS"}, deadline=2.0
        )
        room.fetch()
        room.renew(GATEWAY + SLACK + ALERTS)
        connectors = {**room.site.connectors, "ops-slack": built_in().connect(settings)}
        room.site = msgspec.structs.replace(room.site, connectors=connectors)

        def look(**later: float) -> list[tuple[str, str]]:
            room.fetch(**later)
            with room.store.read() as tx:
                before = len(tx.view.updates(limit=100))
            Watch(store=room.store, site=lambda: room.site, clock=room.clock, ids=room.ids).look()
            with room.store.read() as tx:
                lines = tx.view.updates(limit=100)
                rows = [tx.outbox.get(line.id) for line in lines[: len(lines) - before]]
            return [
                (str(row.intent.fields["title"]), str(row.intent.fields["body"])) for row in rows if row is not None
            ]

        assert look(minutes=5) == []
        room.server.status = 500
        assert look(minutes=119) == []
        ((title, body),) = look(minutes=2)
        assert title == "Desk Gateway: 1 rota could not be fetched for more than 2h"
        assert "The feed of amer-support: it answers 500; what was fetched " in body
        assert "Next: `gateway roster feeds`" in body
        assert look(minutes=10) == []
        room.server.status = 200
        assert look(hours=1) == []
        ((title, _),) = look(seconds=CALM.total_seconds() + 1)
        assert title == "Desk Gateway: over: roster_feed_stale > 2h"
