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
    #: dead, ambiguous or parked; or waiting, which only those can be that `named` adds
    state: str = ""
    #: asked for before, or after
    before: datetime | None = None
    after: datetime | None = None
    #: given up since
    given_up_since: datetime | None = None
    #: without updates of which nobody knows whether they landed
    no_ambiguous: bool = False
    #: the connections that the site names. When it is given, what is left of others is marked, and updates that merely
    #: wait for one of them, which nobody will write, are meant as well
    named: tuple[str, ...] | None = None
    #: without those that landed more than once, of which nothing is left to send
    no_doubled: bool = False

    @property
    def is_everything(self) -> bool:
        """Say whether nothing narrows it."""
        return self == Filter()
