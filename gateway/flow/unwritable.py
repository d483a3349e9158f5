"""Fields that a desk does not have at all are named before its connector is asked: none is left out in silence.

Planning keeps such fields back by what the connector says that it writes. They come all the same where it could not be
asked (it did not load then) or says less than it did: another version of it, or other settings of the connection.
"""

from __future__ import annotations

from gateway.domain.shown import DUE, TAGS, is_shown
from gateway.domain.ticket import SYNCED_FIELDS
from gateway.domain.update import Operation, Reason, Rejected, UpdateState
from gateway.ports import ConnectorSpec, UpdateRow


def unwritable(update: UpdateRow, spec: ConnectorSpec) -> Rejected | None:
    """Return the refusal of the fields that a desk does not have; None: it has them all.

    Only before the first attempt: what an earlier one may have written is for its strategy to find out.
    """
    if update.operation is not Operation.SET_FIELDS or update.state is not UpdateState.READY or update.steps:
        return None
    lacking = tuple(name for name in update.intent.fields if not _has(spec, name))
    if not lacking:
        return None
    return Rejected(f"{spec.title} has no {', '.join(lacking)} that could be changed", Reason.UNMAPPED, lacking)


def _has(spec: ConnectorSpec, field: str) -> bool:
    if not is_shown(field):
        return field in spec.writable_fields or field not in SYNCED_FIELDS
    return {DUE: spec.due_kinds is not None, TAGS: spec.own_tags}.get(field, spec.custom_fields)
