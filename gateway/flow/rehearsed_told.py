"""What a desk is told in a rehearsal, as cases look at it."""

from __future__ import annotations

from gateway.domain.update import UpdateState
from gateway.flow.plan import Planned
from rules.cases.model import Told


def told_by(planned: Planned) -> Told:
    """Return what one planned update tells its desk."""
    intent = planned.intent
    return Told(
        connection=planned.link.connection,
        operation=planned.operation.value,
        rule=planned.rule,
        # as a connector reads it: what the rule says of a new ticket stands where the ticket says nothing
        fields=intent.fields | {name: value for name, value in intent.params.items() if not intent.fields.get(name)},
        comment=intent.comment.body if intent.comment is not None else "",
        refused=planned.detail if planned.state is UpdateState.DEAD else "",
    )
