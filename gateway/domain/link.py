"""A link: the same ticket in one desk, and what we last saw and wrote there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

#: in Link.observed, beside the fields: the last comment of somebody else (its hash), or the last of ours
COMMENT = "comment"
#: and what a message there has to name: the connector's own words, of no meaning to anybody else
CORRESPONDENCE = "correspondence"
#: so many members of a list of it are kept: the first ones, and the newest
_FIRST, _NEWEST = 2, 48


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
    #: True when a write of something else put it back as it stood (a reply that would have opened the ticket)
    kept: bool = False
    #: what our write replaced; how often in a row the desk answered a write of ours at once, and since when (bounce.py)
    replaced: Any = None
    rounds: int = 0
    since: datetime | None = None


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
    #: id of the link that goes on, where the remote ticket was merged into one that has a link
    merged_into: str = ""
    #: field -> last observation
    observed: dict[str, Observed] = {}

    @property
    def is_covered(self) -> bool:
        """Say whether a sync rule joins it to its ticket: one that was only found to be the same is not written to."""
        return self.role is Role.SOURCE or bool(self.rule)


class LinkPatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one write taught about a link; put over the link as it is stored then, which may have moved on meanwhile."""

    observed: dict[str, Observed] = {}
    remote_id: str = ""
    key: str = ""
    url: str = ""
    version: int = 0
    version_token: str = ""
    #: the ticket is another one from now on: what was seen of the old one says nothing of it
    moved: bool = False


def corresponding(known: Observed | None, said: dict[str, Any], at: datetime) -> Observed:
    """Return what a message has to name, with what one more says: lists grow, the rest is as it was said last."""
    before = known.value if known is not None and isinstance(known.value, dict) else {}
    late = known is not None and known.at > at
    now = {**said, **before} if late else {**before, **said}
    for name, value in said.items():
        if isinstance(value, list | tuple):
            grown = list(dict.fromkeys([*before.get(name, ()), *value]))
            now[name] = grown if len(grown) <= _FIRST + _NEWEST else [*grown[:_FIRST], *grown[-_NEWEST:]]
    return Observed(now, known.at if late and known is not None else at)


def _carried(known: Observed, value: Observed) -> Observed:
    replaced = known.replaced if known.ours else known.value
    return msgspec.structs.replace(value, replaced=replaced, rounds=known.rounds, since=known.since)


def patched(link: Link, patch: LinkPatch) -> Link:
    """Return the link with what a write taught; an observation never replaces one of a later version."""
    observed = {} if patch.moved else dict(link.observed)
    for field, value in patch.observed.items():
        known = observed.get(field)
        if known is None or not (known.version and value.version) or value.version >= known.version:
            observed[field] = value if known is None else _carried(known, value)
    newer = patch.moved or patch.version >= link.version
    return msgspec.structs.replace(
        link,
        observed=observed,
        remote_id=patch.remote_id or link.remote_id,
        state=LinkState.LIVE if patch.remote_id and link.state is LinkState.PENDING else link.state,
        key=patch.key or link.key,
        url=patch.url or link.url,
        version=max(link.version, patch.version),
        version_token=(patch.version_token if newer else "") or link.version_token,
    )
