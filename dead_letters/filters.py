"""Which dead letters are meant."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is given must hold; nothing given means every dead letter."""

    connection: str = ""
    reason: str = ""
    error_class: str = ""
    #: the beginning of the cause, as `list --group` shows it
    cause: str = ""
    #: exactly this cause, by the key of its group
    cause_key: str = ""
    ticket_id: str = ""
    rule: str = ""
    #: sought in what was asked, and in the cause
    text: str = ""
    #: update or delivery
    what: str = ""
    #: dead, ambiguous or parked
    state: str = ""
    #: asked for before, or after
    before: datetime | None = None
    after: datetime | None = None
    #: given up since
    given_up_since: datetime | None = None
    #: without updates of which nobody knows whether they landed
    no_ambiguous: bool = False
    #: without those that landed more than once, of which nothing is left to send
    no_doubled: bool = False

    @property
    def is_everything(self) -> bool:
        """Say whether nothing narrows it."""
        return self == Filter()
