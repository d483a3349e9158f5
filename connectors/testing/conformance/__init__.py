"""What every connector must hold, ours or a third party's: one class to subclass, run by pytest.

    class TestMyDesk(Conformance):
        plugin = my_desk.gateway_connector()
        bench = MyDeskBench
        folder = Path(my_desk.__file__).parent
        samples = Path(__file__).parent / "samples"
        known_answers = (...)

The tests talk to the connector's own simulated desk over real HTTP. What a desk does not have is named in the
connector's quality.yaml under `lacks`, each with its reason: nothing is skipped that is not named there, and what is
named there must really be lacking. What carries notices alone, and no tickets, subclasses `Channel`.
"""

from __future__ import annotations

from connectors.testing.conformance.channel import Channel
from connectors.testing.conformance.claims import Claims
from connectors.testing.conformance.files import Files
from connectors.testing.conformance.hostile import Hostile
from connectors.testing.conformance.incoming import Incoming
from connectors.testing.conformance.marks import Marks
from connectors.testing.conformance.outcomes import Outcomes
from connectors.testing.conformance.people import People
from connectors.testing.conformance.pure import Pure
from connectors.testing.conformance.stand import KnownAnswer, Stand
from connectors.testing.conformance.turns import Turns
from connectors.testing.conformance.unanswered import Unanswered
from connectors.testing.conformance.unsaid import Unsaid
from connectors.testing.conformance.wholes import Wholes
from connectors.testing.conformance.words import Words


class Conformance(
    Claims, Incoming, Unsaid, Hostile, Unanswered, Outcomes, Wholes, Turns, Words, Marks, Files, People, Pure
):
    """Everything. A subclass gives what `Stand` names."""


__all__ = ["Channel", "Conformance", "KnownAnswer", "Stand"]
