"""What a read shows: everything, in order, once, with the right times, words and visibility; and who we are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.sdk import (
    AuthenticationError,
    Category,
    Naming,
    Operation,
    Priority,
    RemotePerson,
    Status,
    Visibility,
)
from connectors.testing.bench import Bench
from connectors.testing.conformance.polls import Polls
from connectors.testing.conformance.stand import comment, context
from connectors.testing.driver import Driver
from gateway.domain.crosslink import Place, found_in

TEXTS = (
    "plain", "Žluťoučký kůň – 処理中 🔥 👩\u200d👩\u200d👧", "עברית \u200fمرحبا", "tabs\tand `code` and *stars*",
    "a < b && c > d", "two\nlines", "a\n\nparagraph", "$100 %s {{x}} \\n", "“quotes” 'single' \"double\"",
)  # fmt: skip
#: as many as no page of a desk holds by itself
MANY_COMMENTS = 130


class Reads(Polls):
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
