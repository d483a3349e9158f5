"""The agents of a Zendesk account: everybody who can be assigned, and how each is shown, where it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.testing.driver import Driver
from connectors.zendesk.agents import agents
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.domain.availability import AgentState, DeskAgent
from gateway.errors import AuthenticationError, ThrottledError
from gateway.ports import HttpResponse, Staffed


def listed(driver: Driver) -> dict[str, DeskAgent]:
    """Return the agents by address."""
    found = driver.run(agents())
    assert not driver.writes
    return {each.email: each for each in found}


def test_agents_and_admins_are_listed_and_who_cannot_be_assigned_is_not_active(
    desk: ZendeskSimulator, driver: Driver, zendesk: ZendeskConnector
) -> None:
    """Without omnichannel routing nobody's state is known; customers are no agents."""
    assert isinstance(zendesk, Staffed)
    desk.act("agent", email="dana@acme.example", name="Dana", user_id=9003)
    desk.act("agent", email="boss@acme.example", role="admin")
    desk.act("agent", email="gone@acme.example", suspended=True)
    desk.act("agent", email="light@acme.example", role_type=1)
    desk.act("create", subject="s", body="b", email="kim@customer.example")
    found = listed(driver)
    assert found["dana@acme.example"] == DeskAgent("9003", "dana@acme.example", "Dana")
    active = {address.partition("@")[0]: each.active for address, each in found.items() if "acme" in address}
    assert active == {"dana": True, "boss": True, "gone": False, "light": False}
    assert "kim@customer.example" not in found


def test_how_they_are_shown_is_told_where_the_account_has_it(desk: ZendeskSimulator, driver: Driver) -> None:
    """Zendesk's own statuses by their names, those that an admin made by what they mean for tickets."""
    statuses = {
        "online": ("online", {}),
        "away": ("away", {}),
        "transfers": ("transfers_only", {}),
        "offline": ("offline", {}),
        "meeting": ("In meeting", {"support": "online", "messaging": "away"}),
        "lunch": ("Lunch", {"support": "offline", "messaging": "offline"}),
        "phones": ("Phones", {"talk": "online"}),
    }
    for name, (status, channels) in statuses.items():
        number = desk.act("agent", email=f"{name}@acme.example")
        desk.act("status", user_id=number, status=status, **channels)
    desk.act("agent", email="never@acme.example")
    found = {address.partition("@")[0]: each for address, each in listed(driver).items()}
    assert {name: found[name].state for name in (*statuses, "never")} == {
        "online": AgentState.AVAILABLE,
        "away": AgentState.AWAY,
        "transfers": AgentState.AWAY,
        "offline": AgentState.OFFLINE,
        "meeting": AgentState.AVAILABLE,
        "lunch": AgentState.OFFLINE,
        "phones": AgentState.AVAILABLE,
        "never": AgentState.UNKNOWN,
    }
    since = found["away"].since
    assert since is not None
    assert timedelta(0) <= desk.now() - since < timedelta(minutes=1)
    assert found["never"].since is None


def test_states_that_are_not_shown_to_us_are_unknown(desk: ZendeskSimulator, driver: Driver) -> None:
    """Zendesk shows them to admins only: everybody who is active counts as there."""
    number = desk.act("agent", email="dana@acme.example")
    desk.act("status", user_id=number, status="away")
    desk.is_admin = False
    assert listed(driver)["dana@acme.example"].state is AgentState.UNKNOWN


def test_every_page_is_read(desk: ZendeskSimulator, driver: Driver) -> None:
    """Both lists go on by cursor, a hundred at a time."""
    for number in range(205):
        made = desk.act("agent", email=f"agent{number}@acme.example", user_id=50_000 + number)
        desk.act("status", user_id=made, status="away")
    found = [each for each in driver.run(agents()) if each.state is AgentState.AWAY]
    assert len(found) == 205
    assert [request.url.rpartition("/")[2] for request in driver.requests] == [
        "users", "users", "users", "users", "agent_availabilities", "agent_availabilities", "agent_availabilities",
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (429, ThrottledError)])
def test_a_refusal_is_told_as_of_any_read(status: int, error: type[Exception]) -> None:
    """Half a list would make those who are missing look deactivated."""
    call = agents()
    next(call)
    with pytest.raises(error):
        call.send(HttpResponse(status, {"retry-after": "7"}, b"{}"))


def test_the_example_of_the_vendor_is_read() -> None:
    """The documented answer, whose number and name do not go together: the name counts."""
    status = b'{"id": 1, "name": "online", "reason": "UNKNOWN", "updated_at": "2022-06-21T10:23:25.583732Z"}'
    body = b'{"data": [{"attributes": {"agent_id": 10011, "agent_status": %s, "group_ids": [1], "version": 236},'
    body += b'"id": "agent_availabilities|10011", "type": "agent_availabilities"}], "included": [{"id":'
    body += b'"agent_availabilities|10011|channels|talk", "attributes": {"status": "away"}, "type": "channels"}]}'
    call = agents()
    next(call)
    call.send(HttpResponse(200, {}, b'{"users": [{"id": 10011, "email": "a@b.example", "role": "agent"}]}'))
    call.send(HttpResponse(200, {}, b'{"users": []}'))
    with pytest.raises(StopIteration) as end:
        call.send(HttpResponse(200, {}, body % status))
    (agent,) = end.value.value
    assert (agent.account_id, agent.state) == ("10011", AgentState.AVAILABLE)
    assert f"{agent.since:%Y-%m-%d %H:%M}" == "2022-06-21 10:23"
