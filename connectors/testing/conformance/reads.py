"""What a read and a poll show: everything, in order, once, with the right times, words and visibility."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.sdk import (
    AuthenticationError,
    Category,
    Event,
    Naming,
    Operation,
    Priority,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
)
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import Stand, comment, context
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from gateway.domain.crosslink import Place, found_in

TEXTS = (
    "plain", "Žluťoučký kůň – 処理中 🔥 👩\u200d👩\u200d👧", "עברית \u200fمرحبا", "tabs\tand `code` and *stars*",
    "a < b && c > d", "two\nlines", "a\n\nparagraph", "$100 %s {{x}} \\n", "“quotes” 'single' \"double\"",
)  # fmt: skip
#: as many as no page of a desk holds by itself
MANY_COMMENTS = 130
MANY_TICKETS = 230
#: pages of a poll after which there ought to be an end
MOST_PAGES = 400
#: further back than any first poll looks
AGO = timedelta(days=40)


class Reads(Stand):
    """Reads, polls, and who we are."""

    def test_a_ticket_is_read_whole(self, there: Bench, driver: Driver) -> None:
        """Title, body, requester, times; its description is no comment."""
        before = datetime.now(UTC) - timedelta(seconds=2)
        ticket = there.open_ticket("Printer", "It is on fire", email="kim@example.com")
        found = self.whole(driver, ticket)
        assert (found.remote_id, found.title, found.body) == (ticket, "Printer", "It is on fire")
        assert found.complete
        assert found.comments == ()
        assert isinstance(found.requester, RemotePerson)
        assert found.requester.email == "kim@example.com"
        assert found.key
        for at in (found.created_at, found.updated_at):
            assert at is not None
            assert at.utcoffset() == timedelta()
            assert before <= at <= datetime.now(UTC) + timedelta(seconds=2), "a wrong time zone?"
        assert isinstance(found.status, Status)
        assert found.status.category is not Category.UNKNOWN
        if found.url:
            assert found.url.startswith(("http://", "https://"))

    def test_what_a_ticket_names_elsewhere_is_read(self, there: Bench, driver: Driver) -> None:
        """An address that people keep with a ticket, where this desk has a place for it, or in words."""
        ticket = there.open_ticket("Printer", "It is on fire")
        there.refer(ticket, "https://desk.example/t/77")
        elsewhere = Place("elsewhere", frozenset({"desk.example"}), (Naming(r"^/t/(?P<name>\d+)"),))
        named = found_in(self.whole(driver, ticket), "here", [elsewhere], {})
        assert [(each.at, each.name) for each in named] == [("elsewhere", "77")]

    def test_what_is_not_there_is_none(self, driver: Driver, there: Bench) -> None:
        """Neither an error nor an empty ticket."""
        there.open_ticket("Printer", "It is on fire")
        for number in ("987654321", "no-such-ticket"):
            assert driver.run(driver.connector.read(number)) is None

    def test_texts_arrive_as_they_were_written(self, there: Bench, driver: Driver, subtests: pytest.Subtests) -> None:
        """Of all scripts, with signs that mean something to markup."""
        for text in TEXTS:
            with subtests.test(text):
                ticket = there.open_ticket("Title", text)
                assert _words(str(self.whole(driver, ticket).body)) == _words(text)

    def test_comments_are_read_to_the_end(self, there: Bench, driver: Driver) -> None:
        """All of them, in order, each once, with its time and who may read it."""
        ticket = there.open_ticket("Printer", "It is on fire")
        said = []
        for number in range(MANY_COMMENTS):
            public = number % 2 == 0
            if self.lacks("public" if public else "internal"):
                public = not public
            there.say(ticket, f"Comment {number}", public=public)
            said.append((f"Comment {number}", Visibility.PUBLIC if public else Visibility.INTERNAL))
        found = self.whole(driver, ticket).comments
        assert [(one.body, one.visibility) for one in found] == said
        assert len({one.remote_id for one in found}) == MANY_COMMENTS
        assert list(found) == sorted(found, key=lambda one: one.at)
        assert all(one.at.utcoffset() == timedelta() for one in found)
        assert all(one.author is not None for one in found)

    def test_the_customers_word_is_public_and_theirs(self, there: Bench, driver: Driver) -> None:
        """Told from that of an agent."""
        self.need("ask")
        ticket = there.open_ticket("Printer", "It is on fire", email="kim@example.com")
        there.ask(ticket, "Any news?")
        (found,) = self.whole(driver, ticket).comments
        assert found.body == "Any news?"
        assert found.visibility is Visibility.PUBLIC
        assert found.author is not None
        assert driver.connector.is_us(found.author) is not True

    def test_every_status_is_read(self, there: Bench, driver: Driver) -> None:
        """Each category that people can set there."""
        self.need("status")
        for category in sorted(there.categories):
            ticket = there.open_ticket("Printer", str(category))
            there.set_status(ticket, category)
            status = self.whole(driver, ticket).status
            assert isinstance(status, Status)
            assert status.category is category, status
            assert status.native, "the desk's own word is kept"

    def test_every_priority_is_read(self, there: Bench, driver: Driver) -> None:
        """Each level that people can set there."""
        self.need("priority")
        for level in sorted(there.levels):
            ticket = there.open_ticket("Printer", str(level))
            there.set_priority(ticket, level)
            priority = self.whole(driver, ticket).priority
            assert isinstance(priority, Priority)
            assert priority.level is level, priority

    def test_an_assignee_is_read(self, there: Bench, driver: Driver) -> None:
        """By the account that an intent would name."""
        self.need("assign")
        ticket = there.open_ticket("Printer", "It is on fire")
        for account in there.agents:
            there.assign(ticket, account)
            assignee = self.whole(driver, ticket).assignee
            assert isinstance(assignee, RemotePerson)
            assert assignee.external_id == account

    def test_versions_grow(self, there: Bench, driver: Driver) -> None:
        """Each change is newer than the one before, as the desk counts."""
        ticket = there.open_ticket("Printer", "It is on fire")
        versions = [self.whole(driver, ticket).version]
        for number in range(3):
            there.desk.clock.skew += timedelta(seconds=2)
            there.say(ticket, f"Comment {number}", public=not self.lacks("public"))
            versions.append(self.whole(driver, ticket).version)
        assert versions == sorted(set(versions)), versions

    # ------------------------------------------------------------ polls

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
        """More changes than a page holds, of one second and of many; a page is never the whole backlog."""
        self.need("polling")
        _, _, cursor = self.poll(there, driver, "")
        made = []
        for number in range(MANY_TICKETS):
            if number % 50 == 0:
                there.desk.clock.skew += timedelta(seconds=1)
            made.append(there.open_ticket(f"Printer {number}", "It is on fire"))
        seen, events, _ = self.poll(there, driver, cursor)
        told = {one.remote_id for one in seen} | {event.remote_id for event in events}
        missing = sorted(set(made) - told)
        assert missing == [], f"{len(missing)} of {MANY_TICKETS} were not told of"

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
        for _ in range(MOST_PAGES):
            page = driver.run(driver.connector.changes(cursor, there.desk.now()))
            assert len(page.tickets) <= 1000, "a page that holds the whole backlog"
            assert page.cursor, "a page without a cursor"
            assert page.end or page.cursor != cursor or page.tickets, "a page that leads nowhere"
            seen += page.tickets
            events += page.events
            cursor = page.cursor
            if page.end:
                return seen, events, cursor
        pytest.fail("the poll never ends")

    # ------------------------------------------------------------ who we are

    def test_we_know_who_we_are(self, there: Bench, driver: Driver) -> None:
        """And what we write is known as ours."""
        identity = driver.run(driver.connector.whoami())
        assert identity.person.external_id
        assert driver.connector.is_us(identity.person) is True
        assert driver.connector.is_us(None) is not True
        stranger = RemotePerson(external_id="somebody-else", email="somebody@else.example")
        assert driver.connector.is_us(stranger) is False
        for operation in (Operation.INTERNAL_NOTE, Operation.PUBLIC_REPLY):
            if operation in driver.connector.spec.operations:
                ticket = there.open_ticket("Printer", "It is on fire")
                driver.settle(comment(operation, "We are at it"), context(ticket))
                (said,) = self.whole(driver, ticket).comments
                assert driver.connector.is_us(said.author) is True, f"our own {operation} is by {said.author}"

    def test_wrong_credentials_are_told(self, there: Bench) -> None:
        """By whoami as an AuthenticationError, by a check in a line that says what to do."""
        self.need("credentials")
        options = there.options()
        wrong = {name: f"wrong-{value}" if isinstance(value, str) else value for name, value in options["auth"].items()}
        connector = self.plugin.factory(there.settings(auth=wrong))
        driver = Driver(connector, deadline=2.0)
        try:
            with pytest.raises(AuthenticationError):
                driver.run(connector.whoami())
            lines = driver.run(connector.check())
        finally:
            driver.close()
        assert any(not line.ok and line.detail for line in lines)
        said = " ".join(line.detail for line in lines)
        assert not [secret for secret in connector.secrets() if secret in said]

    def test_a_check_holds_and_leaves_nothing(self, there: Bench, driver: Driver) -> None:
        """Every line holds on a desk that is set up right, and nobody there sees that it was tried."""
        there.open_ticket("Printer", "It is on fire")
        before = len(there.desk.effects.all())
        lines = driver.run(driver.connector.check())
        assert lines
        assert [line for line in lines if not line.ok and not line.warning] == []
        assert len({line.name for line in lines}) == len(lines)
        assert len(there.desk.effects.all()) == before
        assert driver.writes == []

    def test_a_read_has_no_effect(self, there: Bench, driver: Driver) -> None:
        """Whatever is asked."""
        ticket = there.open_ticket("Printer", "It is on fire")
        before = len(there.desk.effects.all())
        self.whole(driver, ticket)
        assert driver.writes == []
        if not self.lacks("polling"):
            self.poll(there, driver, "")
        assert len(there.desk.effects.all()) == before


def _words(text: str) -> str:
    """Return a text without what markup may change about white space."""
    return " ".join(text.split())
