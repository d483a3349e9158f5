"""The behaviour suite against a real Request Tracker: what holds here holds at the customer's."""

from __future__ import annotations

import pytest

from tests.connectors.request_tracker import behaviour

pytestmark = pytest.mark.desk


class TestCreation(behaviour.Creation):
    """Against RT 5."""


class TestFields(behaviour.Fields):
    """Against RT 5."""


class TestMessages(behaviour.Messages):
    """Against RT 5."""


class TestChanges(behaviour.Changes):
    """Against RT 5."""


class TestAccount(behaviour.Account):
    """Against RT 5."""


class TestCounting(behaviour.Counting):
    """Against a real RT."""


class TestDueTimes(behaviour.DueTimes):
    """Against a real RT."""


class TestAgents(behaviour.Agents):
    """Against a real RT."""


class TestLinks(behaviour.Links):
    """Against a real RT."""
