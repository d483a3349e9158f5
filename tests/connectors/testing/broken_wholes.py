"""Writes that leave a field out in silence, at several desks, under the suite: test_conformance.py expects failures."""

from __future__ import annotations

import msgspec

from connectors.sdk import Call, Done, Intent, Outcome, Reason, Rejected, WriteContext
from tests.connectors.testing.broken_polls import WHOLE, Broken, broken_classes


class Silent(Broken):
    """Writes what has a word, and says that all is done."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Leave out what would be refused by name."""
        outcome: Outcome = yield from self.inner.write(intent, context)
        if isinstance(outcome, Rejected) and outcome.reason is Reason.UNMAPPED:
            rest = {name: value for name, value in intent.fields.items() if name not in outcome.fields}
            outcome = yield from self.inner.write(msgspec.structs.replace(intent, fields=rest), context)
        return outcome


class Wordless(Broken):
    """Keeps to itself what it did not do."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Say that it is done."""
        outcome: Outcome = yield from self.inner.write(intent, context)
        return Done(outcome.receipt) if isinstance(outcome, Done) else outcome


_TEST = "test_no_field_is_left_out_in_silence"
DEFECTS = {Silent: _TEST, Wordless: _TEST}
globals().update(broken_classes(DEFECTS, __name__))
NOTICED: dict[str, tuple[str, ...]] = {
    f"{whole.__name__}{kind.__name__}": (test,) for kind, test in DEFECTS.items() for whole in WHOLE
}
_NEW = "test_a_new_ticket_says_what_it_was_not_given"
NOTICED |= {name: (*tests, _NEW) for name, tests in NOTICED.items() if name.endswith("Wordless")}
#: GitLab writes no kind, and a priority of none is the lack of a label: only a new issue can lack something
NOTICED["TestGitLabWordless"] = (_NEW,)
