"""Writes that reach people whose programs may answer by themselves."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Braking(Protocol):
    """A connector by which two programs could answer each other for ever: no desk stands between us and people."""

    def most_an_hour(self) -> int:
        """Return how many messages the people of one ticket are sent at most within an hour."""
        ...
