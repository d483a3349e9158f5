"""The button on a ticket's page: whoever presses it says who they are, and only a page of ours may."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
import requests

from gateway.domain.clock_log import EntryKind
from gateway.flow.desks import LiveSite
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.timekeeping import keep
from gateway.store.unit import SqlTx
from gateway.web.console.ticket import TicketPage, read_ticket, steady
from rules.conditions import ALWAYS
from rules.decide import RuleSet
from rules.policies import Policy
from tests.records import Recorder
from tests.web.conftest import TOKEN, SmallGateway
from tests.web.test_console import page

SPEC = {"calendar": "always", "targets": {"resolution": "8h", "first_response": "4h"}}
RULES = RuleSet(policies=(Policy(name="standard", when=ALWAYS, spec=SPEC),), sections={"calendars": {"always": "24x7"}})


class Visitor:
    """A browser with the cookie of the page, and a ticket whose first response is late."""

    def __init__(self, address: str, parts: SmallGateway) -> None:
        recorder = Recorder(parts.store, parts.ids, parts.clock.now())
        self.store = parts.store
        self.address = address
        self.ticket, _ = recorder.ticket("VPN")
        self.browser = requests.Session()
        self.browser.get(f"{address}/?token={TOKEN}", timeout=10)
        parts.live = LiveSite(release="r", rules=RULES, connectors=parts.live.connectors)

        def promise(tx: SqlTx) -> None:
            found = tx.tickets.get(self.ticket)
            assert found is not None
            at = recorder.now - timedelta(hours=6)
            early = msgspec.structs.replace(found, created_at=at)
            happened = Happened(
                before=None, ticket=early, policy="standard", links=frozenset(), at=at, now=recorder.now
            )
            keep(tx, happened, RULES, recorder.store.ids)

        parts.store.write(promise)

    def page(self) -> str:
        """Return the page of the ticket."""
        return self.browser.get(f"{self.address}/tickets/{self.ticket}", timeout=10).text

    def forms(self) -> list[dict[str, str]]:
        """Return the fields of each button that is there."""
        found = re.findall(r"<form.*?</form>", self.page(), re.DOTALL)
        return [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in found]

    def press(self, **changes: str) -> requests.Response:
        """Press the button of the first response."""
        fields = {**(self.forms() or [{}])[0], "who": "Eva Blue", **changes}
        where = f"{self.address}/tickets/{self.ticket}/acknowledge"
        return self.browser.post(where, data=fields, allow_redirects=False, timeout=10)

    def words(self) -> list[tuple[str, str, str]]:
        """Return who has acknowledged what, and where."""
        with self.store.read() as tx:
            log = tx.clocks.log(self.ticket)
        return [(each.metric, each.by, each.way) for each in log if each.kind is EntryKind.ACKNOWLEDGED]


@pytest.fixture
def visitor(address: str, parts: SmallGateway) -> Visitor:
    """Give a visitor."""
    return Visitor(address, parts)


def test_a_breach_is_acknowledged_on_the_page(visitor: Visitor) -> None:
    """The clock that is broken has a button, and only that; then the page says who knows, and has none."""
    (form,) = visitor.forms()
    assert (form["metric"], form["cycle"]) == ("first_response", "1")
    answer = visitor.press(who="  Eva \t Blue ")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tickets/{visitor.ticket}")
    assert visitor.words() == [("first_response", "Eva Blue", "page")]
    shown = visitor.page()
    assert "acknowledged by Eva Blue, 20" in shown
    assert "was acknowledged 20" in shown
    assert visitor.forms() == []
    with visitor.store.read() as tx:
        (line,) = [each for each in tx.view.audit(limit=50) if each["action"] == "clock acknowledged"]
    assert (line["actor"], line["detail"]["way"]) == ("person:Eva Blue", "page")


def test_the_name_is_kept_for_the_next_time(visitor: Visitor) -> None:
    """In the browser of whom it is; nobody else sees it."""
    visitor.press(who='Éva "B" <i>')
    visitor.store.write(lambda tx: tx.connection.exec_driver_sql("DELETE FROM clock_log WHERE doc LIKE '%acknowl%'"))
    assert 'name="who" value="Éva &#34;B&#34; &lt;i&gt;"' in visitor.page()
    assert 'name="who" value=""' in page(visitor.address, f"/tickets/{visitor.ticket}").text


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"form_key": "0" * 64}, 403, "That button came from another page"),
        ({"who": "   "}, 400, "Say who you are"),
        ({"who": "a\x00b"}, 400, "Say who you are"),
        ({"metric": "resolution"}, 409, "Resolution has not broken its promise"),
        ({"metric": "<i>nothing</i>"}, 409, "No clock &#39;&lt;i&gt;nothing&lt;/i&gt;&#39; goes on there"),
        ({"cycle": "7"}, 409, "has begun anew since"),
    ],
)
def test_what_cannot_be_acknowledged_is_said_on_the_page(
    visitor: Visitor, changes: dict[str, str], status: int, said: str
) -> None:
    """With the page below it; nothing is noted."""
    answer = visitor.press(**changes)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text[:3000]
    assert "Clocks" in answer.text
    assert visitor.words() == []


def test_a_second_word_says_who_was_first(visitor: Visitor) -> None:
    """Two people have the page open."""
    (form,) = visitor.forms()
    visitor.press()
    answer = visitor.press(**form | {"who": "Marek"})
    assert (answer.status_code, "Eva Blue has acknowledged that already, 20" in answer.text) == (409, True)
    assert visitor.words() == [("first_response", "Eva Blue", "page")]


def test_nobody_presses_without_the_token(visitor: Visitor) -> None:
    """Neither does a look at the address change anything."""
    (form,) = visitor.forms()
    where = f"{visitor.address}/tickets/{visitor.ticket}/acknowledge"
    assert requests.post(where, data=form | {"who": "x"}, timeout=10).status_code == 401
    assert visitor.browser.get(where, timeout=10).status_code == 405
    assert visitor.words() == []


def test_a_running_clock_is_no_news_to_a_poll(visitor: Visitor) -> None:
    """The page is not swapped by every second, only when a minute is over."""
    found = read_ticket(visitor.store, visitor.ticket)
    assert found is not None

    def later(seconds: int) -> TicketPage:
        line = found.clocks[0]
        began = line.instance.elapsed_s // 60 * 60
        moved = msgspec.structs.replace(line.instance, elapsed_s=began + seconds)
        return steady(msgspec.structs.replace(found, clocks=(msgspec.structs.replace(line, instance=moved),)))

    assert later(0) == later(59) != later(60)
