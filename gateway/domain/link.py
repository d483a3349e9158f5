"""A link: the same ticket in one desk, and what we last saw and wrote there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class LinkState(StrEnum):
    """Where a link is in its life."""

    #: decided, the desk has given no id yet
    PENDING = "pending"
    LIVE = "live"
    #: deleted or out of our sight
    GONE = "gone"
    #: merged into another remote ticket
    MERGED = "merged"


class Role(StrEnum):
    """Which side of its sync rule a link is."""

    SOURCE = "source"
    TARGET = "target"


class Observed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last value of one field seen at a desk (canonical JSON value), when, and at which version of the desk."""

    value: Any
    at: datetime
    version: int = 0
    #: True when that value was written by us
    ours: bool = False


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ticket in one desk. Its id is also the id of its lane."""

    id: str
    ticket_id: str
    connection: str
    state: LinkState
    role: Role
    remote_id: str = ""
    key: str = ""
    url: str = ""
    #: name of the sync rule that made it; empty for the source
    rule: str = ""
    version: int = 0
    version_token: str = ""
    #: field -> last observation
    observed: dict[str, Observed] = {}
