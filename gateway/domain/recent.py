"""What else somebody has asked of late: the counts that rules may look at, and which tickets are of one organisation.

The counts stand on the ticket: a decision keeps what it was made from, and rules run again where one has changed.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

#: so far back is looked where a site says nothing else
WITHIN = timedelta(days=30)
#: more than so many are not counted: a monitoring system may open thousands a day
MOST = 1000


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many other tickets there are; None: nobody knows whose, or no rule asks."""

    tickets: int | None = None
    #: of these, the ones that are open now
    open: int | None = None


class Recent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The other tickets of late, when the rules last ran."""

    #: of the same person, at whichever desk
    requester: Count = Count()
    #: of the same organisation
    org: Count = Count()
