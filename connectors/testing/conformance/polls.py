"""What a poll shows: every change, page by page, from a cursor that is all there is to go on from.

A worker may stop in the middle of a poll, and another one goes on: so each page is asked for by a connector that was
made for it and remembers nothing. And what changes is not seen at once: a transaction takes its time when it begins and
shows when it is committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest

from connectors.sdk import Category, ChangePage, Event, RemoteTicket
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import Stand
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind

#: the backlog that a poll is given, in pages of the desk: that, and some more
PAGES = 3
MORE = 30
#: a page may ask one address so often (who counts by two clocks asks twice), and never once for each page there is
MOST_ASKED = 2
#: pages of a poll after which there ought to be an end
MOST_PAGES = 400
#: further back than any first poll looks
AGO = timedelta(days=40)
#: long enough that no overlap reaches what was before
LONG = timedelta(minutes=15)
#: what an index of a simulated desk is behind, at most
INDEXED = timedelta(seconds=10)
MOMENT, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Polls(Stand):
    """Polls, of one change and of more than a page holds."""

    def test_a_poll_tells_of_every_change(self, there: Bench, driver: Driver) -> None:
        """What is new, what was said, what was changed; the second round tells of what changed since the first."""
        self.need("polling")
        first = [there.open_ticket(f"Printer {number}", "It is on fire") for number in range(3)]
        seen, _, cursor = self.poll(there, driver, "")
        # a first poll may begin now: what was there before is for the import
        changes = []
        changes.append(there.open_ticket("New", "Since the poll"))
        there.say(first[0], "Said since", public=not self.lacks("public"))
        changes.append(first[0])
        if not self.lacks("status"):
            there.set_status(first[1], Category.RESOLVED)
            changes.append(first[1])
        seen, events, again = self.poll(there, driver, cursor)
        told = {one.remote_id for one in seen} | {event.remote_id for event in events}
        assert set(changes) <= told, f"not told of {sorted(set(changes) - told)}"
        assert isinstance(again, str)
        for one in seen:
            read = self.whole(driver, one.remote_id)
            assert one.updated_at == read.updated_at or not one.complete
        self.idle(there, driver, again)

    def idle(self, there: Bench, driver: Driver, cursor: str) -> None:
        """Check that a poll of nothing ends at once, and that the next one takes its cursor."""
        _, _, after = self.poll(there, driver, cursor)
        self.poll(there, driver, after)

    def test_nothing_is_missed_over_many_pages(self, there: Bench, driver: Driver) -> None:
        """More changes than a page holds, of one second and of many: each page is one of the desk's, by its cursor."""
        self.need("polling")
        _, _, cursor = self.poll(there, driver, "")
        made = []
        for number in range(PAGES * there.page + MORE):
            if number % 50 == 0:
                there.desk.clock.skew += timedelta(seconds=1)
            made.append(there.open_ticket(f"Printer {number}", "It is on fire"))
        there.desk.clock.skew += timedelta(minutes=5)
        told: set[str] = set()
        for page in self.pages(there, driver, cursor):
            told |= heard_of(page)
            assert len(page.tickets) <= there.page, "more than a page of the desk: a backlog may be of any size"
            asked = Counter((each.method, each.url.partition("?")[0]) for each in driver.requests)
            [(address, times)] = asked.most_common(1)
            assert times <= MOST_ASKED, f"one page asks {times} times for {address}: is that the backlog?"
        missing = sorted(set(made) - told)
        assert missing == [], f"{len(missing)} of {len(made)} were not told of"

    def test_more_than_a_page_of_one_moment_is_told(self, there: Bench, driver: Driver) -> None:
        """An import or a mass change: a page and more bear the very same time."""
        self.need("polling")
        _, _, cursor = self.poll(there, driver, "")
        there.desk.clock.skew += LONG
        there.desk.clock.frozen = there.desk.now() - there.desk.clock.skew
        made = {there.open_ticket(f"Printer {number}", "It is on fire") for number in range(there.page + MORE)}
        there.desk.clock.frozen = None
        there.desk.clock.skew += timedelta(minutes=5)
        told = {each for page in self.pages(there, driver, cursor) for each in heard_of(page)}
        assert made <= told, f"{len(made - told)} of {len(made)} were not told of"

    def test_what_is_committed_late_is_told(self, there: Bench, driver: Driver, subtests: pytest.Subtests) -> None:
        """What took its time before the newest change that a poll saw, and shows after it, is in the next poll."""
        self.need("polling")
        doings: dict[str, Callable[[str], object]] = {
            "said": lambda ticket: there.say(ticket, "Said", public=not self.lacks("public")),
        }
        if not self.lacks("title"):
            doings["renamed"] = lambda ticket: there.set_title(ticket, "Another")
        if not self.lacks("attachments"):
            doings["given a file"] = lambda ticket: there.attach(ticket, "a.txt", b"abc", public=False)
        before = {name: there.open_ticket("Printer", name) for name in doings}
        ahead = {name: there.open_ticket("Door", name) for name in doings}
        _, _, cursor = self.poll(there, driver, "")
        there.desk.clock.skew += LONG
        for name, doing in doings.items():
            doing(ahead[name])
        newest = there.open_ticket("Newest", "Seen by the poll")
        there.desk.clock.skew += INDEXED
        seen = list(self.pages(there, driver, cursor))
        assert newest in {each for page in seen for each in heard_of(page)}
        lag = there.lag or Bench.lag
        late = {"made": there.late(lag, lambda: there.open_ticket("Late", "Seen after it"))}
        for name, doing in doings.items():
            there.late(lag, partial(doing, before[name]))
            late[name] = before[name]
        # nor does it lie in a minute that was begun: some desks are asked for so many whole minutes
        there.desk.clock.skew += MINUTE * (lag // MINUTE + 1) - MOMENT
        told = {each for page in self.pages(there, driver, seen[-1].cursor) for each in heard_of(page)}
        for name, ticket in late.items():
            with subtests.test(name):
                assert ticket in told, f"{name} {lag} before {newest}, committed after the poll, and never told"

    def test_an_import_reaches_back(self, there: Bench, driver: Driver) -> None:
        """What was asked for first as if it were long ago goes on from there with the present time."""
        self.need("polling", "import")
        there.desk.clock.skew -= AGO
        ticket = there.open_ticket("Printer", "It is on fire")
        there.desk.clock.skew += AGO
        page = driver.run(driver.connector.changes("", there.desk.now() - AGO * 2))
        seen, _, _ = self.poll(there, driver, page.cursor)
        assert ticket in {one.remote_id for one in (*page.tickets, *seen)}

    def test_a_poll_that_breaks_off_goes_on(self, there: Bench, driver: Driver) -> None:
        """A page that brings no answer is asked for again with the same cursor, and nothing is lost."""
        self.need("polling")
        _, _, cursor = self.poll(there, driver, "")
        made = {there.open_ticket(f"Printer {number}", "It is on fire") for number in range(3)}
        there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, status=503, count=1)
        with pytest.raises(Exception, match=r"(?s)."):
            self.poll(there, driver, cursor)
        seen, events, _ = self.poll(there, driver, cursor)
        assert made <= {one.remote_id for one in seen} | {event.remote_id for event in events}

    def poll(self, there: Bench, driver: Driver, cursor: str) -> tuple[list[RemoteTicket], list[Event], str]:
        """Poll to the end some time later, as reconcile does; returns tickets, events and the cursor."""
        there.desk.clock.skew += timedelta(minutes=5)
        seen: list[RemoteTicket] = []
        events: list[Event] = []
        for page in self.pages(there, driver, cursor):
            seen += page.tickets
            events += page.events
            cursor = page.cursor
        return seen, events, cursor

    def pages(self, there: Bench, driver: Driver, cursor: str) -> Iterator[ChangePage]:
        """Poll to the end now, page by page, each by a connector that knows nothing but the cursor."""
        for _ in range(MOST_PAGES):
            driver.connector = self.plugin.factory(there.settings())
            page = driver.run(driver.connector.changes(cursor, there.desk.now()))
            assert page.cursor, "a page without a cursor"
            assert page.end or page.cursor != cursor or page.tickets, "a page that leads nowhere"
            cursor = page.cursor
            yield page
            if page.end:
                return
        pytest.fail("the poll never ends")


def heard_of(page: ChangePage) -> set[str]:
    """Return the tickets of which a page tells something."""
    return {one.remote_id for one in page.tickets} | {event.remote_id for event in page.events}


__all__ = ["Polls"]
