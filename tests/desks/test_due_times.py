"""Due times at a real Request Tracker: RT's own Due, in whatever zone the server and its people live."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.zendesk.simulator import ZendeskSimulator
from gateway.domain.shown import instant_text
from tests.desks.rt_server import RtServer, missing
from tests.desks.test_journey import PATIENCE, PAUSE, House
from tests.flows.site import API_TOKEN, EMAIL, RT, SYNC, ZENDESK, ZENDESK_SECRET, Site, Written
from tests.prepared import shared_folder
from tests.processes import wait_until

pytestmark = [
    pytest.mark.desk,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    # in make test test_request_tracker.py sets due times of a real RT, and flows/test_showing.py follows clocks
    pytest.mark.long(only=True),
]

PROMISES = """
calendars: {always: 24x7}
sla:
  - name: standard
    calendar: always
    targets: {resolution: {P1: 2h, default: 8h}}
    pause_when: {status: pending_customer}
"""
UNSET = "1970-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run the whole gateway between the simulated Zendesk and a real RT, with promises."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("due-site")
    due = "      due_time: {metric: resolution, write: {acme-zendesk: custom.sla_due}}\n"
    sync = SYNC.replace("    unmapped: park\n", due + "    unmapped: park\n") + PROMISES
    with (
        RtServer(tmp_path_factory.mktemp("due-rt"), shared_folder(tmp_path_factory)) as rt,
        ZendeskSimulator(email=EMAIL, api_token=API_TOKEN, webhook_secret=ZENDESK_SECRET) as zendesk,
    ):
        zendesk.act("field", title="SLA due")
        site = Site(
            folder, zendesk=zendesk.url, rt=rt.url, rt_token=rt.tokens["gateway"], rt_secret=rt.webhook_secret,
            written=Written(sync=sync),
        )  # fmt: skip
        with site, site.store() as store:
            zendesk.webhooks.url = site.hook(ZENDESK)
            rt.point_webhooks(site.hook(RT))
            yield House(site, store, zendesk, rt)
            rt.point_webhooks("")


def soon(condition: Callable[[], object]) -> bool:
    """Wait for a condition."""
    return wait_until(condition, PATIENCE, every=PAUSE)


def due(house: House, copy: str) -> str:
    """Return the due time that RT shows."""
    return str(house.rt.call("GET", f"/ticket/{copy}")["Due"])


def promised(house: House, number: int) -> str:
    """Return the due time of the clock."""
    with house.store.read() as tx:
        ticket = next(line.id for line in tx.view.tickets(limit=100) if line.links[ZENDESK][0] == str(number))
        at = [row.instance for row in tx.clocks.rows(ticket) if row.instance.metric == "resolution"][-1].due
    return instant_text(at) if at is not None else UNSET


def test_due_is_set_on_the_real_server_and_follows_the_clock(house: House) -> None:
    """Set with the ticket, moved by the priority, unset while it waits, and again when it goes on."""
    number, copy = house.ticket("When is it due")
    assert due(house, copy) == promised(house, number) != UNSET
    (field,) = house.zendesk.records.tickets[number]["custom_fields"]
    assert field["value"] == promised(house, number)
    later = due(house, copy)
    house.zendesk.act("set", ticket_id=number, priority="urgent")
    assert soon(lambda: due(house, copy) not in {later, UNSET})
    house.settle()
    assert due(house, copy) == promised(house, number) < later
    house.zendesk.act("set", ticket_id=number, status="pending")
    assert soon(lambda: due(house, copy) == UNSET)
    house.zendesk.act("set", ticket_id=number, status="open")
    assert soon(lambda: due(house, copy) != UNSET)
    house.settle()
    assert due(house, copy) == promised(house, number)
    before = len(house.written(number, "fields"))
    house.settle()
    assert len(house.written(number, "fields")) == before


def test_an_engineers_own_due_time_is_written_over_once(house: House) -> None:
    """RT's webhook tells of it, the gateway writes its own again, and there it rests."""
    number, copy = house.ticket("Whose due time")
    counted = due(house, copy)
    house.rt.call("PUT", f"/ticket/{copy}", {"Due": "2031-01-01 00:00:00"})
    assert soon(lambda: due(house, copy) == counted)
    house.settle()
    history = house.rt.call("GET", f"/ticket/{copy}/history?fields=Type,Field,NewValue&per_page=100")["items"]
    moves = [each["NewValue"] for each in history if each.get("Field") == "Due"]
    assert len(moves) == len(["ours", "theirs", "ours again"]), moves
    assert promised(house, number) == counted
