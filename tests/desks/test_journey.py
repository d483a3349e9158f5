"""The whole journey with a real Request Tracker: `gateway up` between it and the simulated Zendesk.

RT answers 200 to what it refuses, opens tickets as RT_System, drops fields from its webhooks, sends a webhook before it
answers the call: at both desks all comes out right, and once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from connectors.registry import load
from connectors.testing.driver import Driver
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.domain.event import RemoteTicket
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from tests.desks.rt_server import RtServer, missing
from tests.flows.site import API_TOKEN, EMAIL, RT, SYNC, ZENDESK, ZENDESK_SECRET, Site, Written
from tests.prepared import shared_folder
from tests.processes import wait_until

pytestmark = [pytest.mark.desk, pytest.mark.slow, pytest.mark.timeout(240)]

#: how long anything may take that a lost webhook, a poll and a settle time are part of
PATIENCE = 45.0
#: seconds between two questions to RT or to the record: asked all the time they have time for nothing else
PAUSE = 0.25
#: a status that RT's lifecycle does not have: RT answers 200 and changes nothing
REFUSED = SYNC.replace(
    "- {ours: [pending_customer, on_hold], theirs: stalled, back: on_hold}",
    "- {ours: pending_customer, theirs: waiting}\n          - {ours: on_hold, theirs: stalled}",
)


class House:
    """The gateway between both desks, what people do there, and what is there afterwards."""

    def __init__(self, site: Site, store: SqlStore, zendesk: ZendeskSimulator, rt: RtServer) -> None:
        self.site = site
        self.store = store
        self.zendesk = zendesk
        self.rt = rt
        settings = ConnectionSettings(
            RT, "request_tracker", rt.url, {"auth": {"token": rt.tokens["root"]}, "webhook_secret": "none"}
        )
        self._connector = load(("request_tracker",), ()).connect(settings)

    def ticket(self, subject: str, **fields: Any) -> tuple[int, str]:
        """Let a customer write in; return the Zendesk ticket and its copy in RT, at rest."""
        given = self.zendesk.act("create", subject=subject, body="It is broken", email="kim@customer.test", **fields)
        number = int(given["id"])
        assert wait_until(lambda: self.copy(number), PATIENCE, every=PAUSE), self.site.tail()
        self.settle()
        return number, self.copy(number)

    def copy(self, number: int) -> str:
        """Return the RT ticket that the gateway has linked, or an empty string."""
        with self.store.read() as tx:
            found = [line.links for line in tx.view.tickets(limit=1000)]
        return next((links[RT][0] for links in found if RT in links and links[ZENDESK][0] == str(number)), "")

    def settle(self) -> None:
        """Wait until nothing is open, both desks were polled since, and still nothing is open."""
        for _ in range(2):
            began = time.time()
            assert wait_until(partial(self._rests, began), PATIENCE, every=PAUSE), f"no rest: {self.counts()}"

    def _rests(self, since: float) -> bool:
        counts = self.counts()
        with self.store.read() as tx:
            polled = [state.polled_at for state in tx.desks.all().values()]
        names = ("deliveries_pending", "updates_ready", "updates_sending", "updates_unknown")
        fresh = all(at is not None and at.timestamp() > since for at in polled)
        return fresh and not any(counts.get(name) for name in names)

    def counts(self) -> dict[str, int]:
        """Return the store's counts."""
        with self.store.read() as tx:
            return tx.view.counts()

    def shown(self, copy: str) -> RemoteTicket:
        """Read an RT ticket with its comments, as an administrator sees it."""
        found = Driver(self._connector).run(self._connector.read(copy))
        assert found is not None
        return found

    def rt_texts(self, copy: str) -> list[str]:
        """Return RT's own history of a ticket: the words of each message, oldest first."""
        return [comment.body for comment in sorted(self.shown(copy).comments, key=lambda one: int(one.remote_id))]

    def rt_status(self, copy: str) -> str:
        """Return the status in RT."""
        return str(self.rt.call("GET", f"/ticket/{copy}")["Status"])

    def zendesk_texts(self, number: int) -> list[str]:
        """Return the comments of a Zendesk ticket without its description."""
        return [str(each["body"]) for each in self.zendesk.records.comments[number]][1:]

    def zendesk_status(self, number: int) -> str:
        """Return the status in Zendesk."""
        return str(self.zendesk.records.tickets[number]["status"])

    def written(self, number: int, kind: str) -> list[Any]:
        """Return what the gateway has written to a Zendesk ticket."""
        return [one for one in self.zendesk.effects.all(kind=kind, by_api=True) if one.remote_id == str(number)]

    def say(self, copy: str, kind: str, words: str) -> None:
        """Let an engineer correspond or comment."""
        self.rt.call("POST", f"/ticket/{copy}/{kind}", {"Content": words, "ContentType": "text/plain"})


@pytest.fixture(scope="module")
def rt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtServer]:
    """Run an RT of this module's own: it will be killed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RtServer(tmp_path_factory.mktemp("journey-rt"), shared_folder(tmp_path_factory)) as server:
        yield server


@pytest.fixture(scope="module")
def house(rt: RtServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run the whole gateway between the two."""
    folder = tmp_path_factory.mktemp("journey-site")
    with ZendeskSimulator(email=EMAIL, api_token=API_TOKEN, webhook_secret=ZENDESK_SECRET) as zendesk:
        site = Site(
            folder, zendesk=zendesk.url, rt=rt.url, rt_token=rt.tokens["gateway"], rt_secret=rt.webhook_secret,
            written=Written(sync=REFUSED),
        )  # fmt: skip
        with site, site.store() as store:
            zendesk.webhooks.url = site.hook(ZENDESK)
            rt.point_webhooks(site.hook(RT))
            yield House(site, store, zendesk, rt)
            rt.point_webhooks("")


def once(texts: list[str], words: str) -> bool:
    """Say whether words are there exactly once."""
    return sum(words in text for text in texts) == 1


def soon(condition: Callable[[], object]) -> bool:
    """Wait for a condition."""
    return wait_until(condition, PATIENCE, every=PAUSE)


def test_a_zendesk_ticket_becomes_one_rt_ticket(house: House) -> None:
    """One ticket, with the customer's words and address, and one link."""
    _, copy = house.ticket("Order 4711 is lost")
    found = house.rt.call("GET", "/tickets?query=Subject%20LIKE%20%27Order%204711%27")
    assert [str(row["id"]) for row in found["items"]] == [copy]
    shown = house.shown(copy)
    assert shown.body == "It is broken"
    assert shown.marker


def test_comments_go_both_ways_once_and_no_echo_comes_back(house: House) -> None:
    """Replies and notes of either side are at the other once, in order, with their visibility."""
    number, copy = house.ticket("Both ways")
    house.zendesk.act("comment", ticket_id=number, body="An agent answers", public=True)
    house.zendesk.act("comment", ticket_id=number, body="Between agents", public=False)
    house.say(copy, "correspond", "An engineer answers")
    house.say(copy, "comment", "Between engineers")
    assert soon(lambda: len(house.zendesk_texts(number)) >= 4 and len(house.rt_texts(copy)) >= 4)
    house.settle()
    for texts in (house.zendesk_texts(number), house.rt_texts(copy)):
        assert len(texts) == 4
        said = ("An agent answers", "Between agents", "An engineer answers", "Between engineers")
        assert all(once(texts, words) for words in said)
    carried = [each for each in house.zendesk.records.comments[number] if "engineer" in str(each["body"])]
    assert [each["public"] for each in carried] == [True, False]


def test_a_status_goes_both_ways(house: House) -> None:
    """What an agent sets is in RT, what an engineer sets is in Zendesk, and neither comes back."""
    number, copy = house.ticket("Status")
    house.zendesk.act("set", ticket_id=number, status="hold")
    assert soon(lambda: house.rt_status(copy) == "stalled")
    house.settle()
    assert house.written(number, "fields") == []
    house.rt.call("PUT", f"/ticket/{copy}", {"Status": "resolved"})
    assert soon(lambda: house.zendesk_status(number) == "solved")
    house.settle()
    assert (house.zendesk_status(number), house.rt_status(copy)) == ("solved", "resolved")
    assert len(house.written(number, "fields")) == 1


def test_what_rt_does_by_itself_because_of_our_reply_is_nobodys_edit(house: House) -> None:
    """Our reply makes RT_System open the new ticket: Zendesk is not told, and RT shows the old status."""
    number, copy = house.ticket("New and answered")
    house.zendesk.act("comment", ticket_id=number, body="We look into it", public=True)
    assert soon(lambda: once(house.rt_texts(copy), "We look into it"))
    house.settle()
    assert house.written(number, "fields") == []
    assert (house.zendesk_status(number), house.rt_status(copy)) == ("new", "new")


def test_fields_that_rt_keeps_out_of_its_webhooks_are_found_by_the_poll(house: House) -> None:
    """RT tells of the owner only; the status that was set with it is in Zendesk all the same."""
    number, copy = house.ticket("Owner and status")
    house.rt.call("PUT", f"/ticket/{copy}", {"Owner": "agent2", "Status": "stalled"})
    assert soon(lambda: house.zendesk_status(number) == "hold")
    house.settle()
    assert (house.zendesk_status(number), house.rt_status(copy)) == ("hold", "stalled")


def test_a_refused_change_is_a_dead_letter(house: House) -> None:
    """RT answers 200 to a status that it does not have: the update is given up with RT's own words."""
    number, copy = house.ticket("Refused")
    house.zendesk.act("set", ticket_id=number, status="pending")
    assert soon(lambda: house.counts().get("updates_dead"))
    with house.store.read() as tx:
        letters = tx.view.dead_letters()
    assert [(letter.connection, letter.reason) for letter in letters] == [(RT, "rejected")]
    assert "RT refused Status" in letters[0].detail
    assert house.rt_status(copy) == "new"


# in make test test_under_fire.py kills a real RT, in the middle of writes
@pytest.mark.long(only=True)
def test_comments_are_in_rt_once_though_it_is_killed_meanwhile(house: House) -> None:
    """RT is killed and started again while comments arrive: its own history holds each once, in order."""
    number, copy = house.ticket("Through the storm")
    words = [f"Word {place:02d}" for place in range(24)]
    for place, text in enumerate(words):
        house.zendesk.act("comment", ticket_id=number, body=text, public=place % 2 == 0)
        time.sleep(0.2)
        if place == 8:
            house.rt.kill()
        elif place == 16:
            house.rt.serve()
            house.say(copy, "comment", "An engineer in between")

    def arrived() -> bool:
        # RT is slow to tell its history: it is asked once a look
        there = house.rt_texts(copy)
        return all(once(there, text) for text in words)

    assert wait_until(arrived, 120, every=1.0), house.counts()
    house.settle()
    texts = house.rt_texts(copy)
    assert [text for text in texts if text.strip() in words or text.split("\n")[-1] in words] == [
        text for text in texts if "Word" in text
    ]
    assert [text[text.index("Word") :].strip() for text in texts if "Word" in text] == words
    assert once(house.zendesk_texts(number), "An engineer in between")
    assert not house.counts().get("updates_ambiguous")
