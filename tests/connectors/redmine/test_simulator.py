"""The behaviour suite against the simulated Redmine: it must do what tests/desks sees a real one do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.redmine.sim_state import STATUSES
from connectors.redmine.simulator import FIELDS, MARKER, NOTE_MARKER, REQUESTER, RedmineSimulator
from tests.connectors.redmine import behaviour
from tests.connectors.redmine.stand import Stand

COST = 11
KEYS = {who: f"key-of-{who}" for who in ("gateway", "agent1", "agent2", "customer")}


class SimulatedOffice:
    """Does in the simulated Redmine what no REST call does."""

    def __init__(self, desk: RedmineSimulator, ids: dict[str, int]) -> None:
        self._records = desk.records
        self._ids = ids

    def revoke(self, *permissions: str) -> Callable[[], None]:
        """Take permissions away."""
        held = set(self._records.permissions)
        self._records.permissions.difference_update(permissions)
        return lambda: self._records.permissions.update(held)

    def forbid(self, old: str, new: str) -> Callable[[], None]:
        """Take a change of status out of the workflow."""
        pair = (STATUSES[old], STATUSES[new])
        self._records.forbidden.add(pair)
        return lambda: self._records.forbidden.discard(pair)

    def lock(self, who: str) -> Callable[[], None]:
        """Lock a user."""
        user = self._records.users[self._ids[who]]
        user["status"] = 3
        return lambda: user.update(status=1)

    def write_in(self, formatting: str) -> Callable[[], None]:
        """Do nothing: a text is formatted where it is shown."""
        return lambda: None

    def limit(self, size: int) -> Callable[[], None]:
        """Let files have so many bytes."""
        before, self._records.most_bytes = self._records.most_bytes, size
        return lambda: setattr(self._records, "most_bytes", before)


@pytest.fixture
def desk() -> Iterator[RedmineSimulator]:
    """Start a simulated Redmine."""
    with RedmineSimulator(api_key=KEYS["gateway"]) as made:
        yield made


@pytest.fixture
def stand(desk: RedmineSimulator) -> Iterator[Stand]:
    """Give it with its people."""
    records = desk.records
    ids = {"gateway": records.me, "agent1": records.agent, "agent2": records.other}
    ids["customer"] = records.user("customer@desk.example", "Kim Customer")
    records.keys.update({KEYS[who]: number for who, number in ids.items()})
    records.permissions.add("edit_own_issue_notes")
    records.fields = {**FIELDS, COST: ("Cost centre", False)}
    fields = {"Gateway key": MARKER, "Gateway note": NOTE_MARKER, "Requester": REQUESTER, "Cost centre": COST}
    made = Stand(desk.url, KEYS, ids, fields, SimulatedOffice(desk, ids))
    yield made
    made.driver.close()


class TestCreation(behaviour.Creation):
    """Simulated."""


class TestFields(behaviour.Fields):
    """Simulated."""


class TestNotes(behaviour.Notes):
    """Simulated."""


class TestFiles(behaviour.Files):
    """Simulated."""


class TestChanges(behaviour.Changes):
    """Simulated."""


class TestAccount(behaviour.Account):
    """Simulated."""


class TestUndoing(behaviour.Undoing):
    """Simulated."""


def test_a_redmine_in_another_language_is_told(stand: Stand, desk: RedmineSimulator) -> None:
    """Its own words, of which nobody has said what they mean, and ours that it lacks; with settings all is well."""
    desk.renamed = {"New": "Neu", "In Progress": "In Bearbeitung", "High": "Hoch", "Bug": "Fehler"}
    lines = {line.name: line for line in stand.driver.run(stand.connector.check())}
    assert lines["status"].detail == (
        "say under `statuses:` what these mean: Neu, In Bearbeitung; "
        "Redmine has no In Progress, New, which would be written"
    )
    assert "Hoch" in lines["priority"].detail
    assert "Fehler" in lines["tracker"].detail
    assert all(lines[name].warning for name in ("status", "priority", "tracker"))
    said = {"statuses": {"Neu": "new", "In Bearbeitung": "open"}, "priorities": {"Hoch": "P2"}}
    stand.use(**said, trackers={"Fehler": "incident"})
    assert [each.name for each in stand.driver.run(stand.connector.check()) if not each.ok] == ["webhook_secret"]
