"""What a visit's outcome means for the update, its lane, its link and its connection: pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from gateway.domain.link import COMMENT, LinkPatch, Observed
from gateway.domain.shown import is_shown
from gateway.domain.ticket import SYNCED_FIELDS
from gateway.domain.update import (
    Absent,
    Conflict,
    Done,
    Forbidden,
    Found,
    NotSent,
    Operation,
    Progress,
    Reason,
    Receipt,
    Rejected,
    Strategy,
    Throttled,
    Unauthorized,
    Unknown,
    Unsure,
    UpdateState,
)
from gateway.flow import limits
from gateway.flow.attempt import Ended, Task, has_earlier
from gateway.flow.fold import observe
from gateway.flow.parting import is_without_effect, left_out, refused_fields, split
from gateway.flow.skew import here, set_right, ticket_set_right
from gateway.ports import AttemptEnd, DeskState, Parted


class Verdict(msgspec.Struct, frozen=True):
    """What to record, and how the connection stands afterwards."""

    end: AttemptEnd
    desk: DeskState


def judge(ended: Ended, desk: DeskState, now: datetime, *, blocks: bool) -> Verdict:
    """Turn a visit into its record. `ended.outcome` is never None here."""
    task, outcome = ended.task, ended.outcome
    detail = getattr(outcome, "detail", "")
    end = AttemptEnd(
        update_id=task.update.id,
        link_id=task.claim.link_id,
        connection=task.claim.connection,
        epoch=task.claim.epoch,
        state=UpdateState.READY,
        at=now,
        attempt_id=task.attempt_id if ended.sent or isinstance(outcome, NotSent) else None,
        status=ended.status,
        answer=ended.answer,
        outcome=type(outcome).__name__.lower(),
        detail=detail,
        blocks=blocks,
    )
    if isinstance(outcome, Done | Found):
        return Verdict(_took_effect(ended, end, outcome, now), limits.answered(desk))
    if isinstance(outcome, Progress):
        link = _learned(outcome.receipt, task, now, in_part=True)
        end = msgspec.structs.replace(
            end, steps={**task.update.steps, **outcome.steps}, link=link, comment=_bound(outcome.receipt, task)
        )
        return Verdict(end, limits.answered(desk))
    if isinstance(outcome, Rejected | Forbidden):
        return Verdict(_parted(end, ended, now) or _refused(ended, end, now), limits.answered(desk))
    if isinstance(outcome, Throttled):
        return Verdict(
            _as_before(_withdrawn(end, task), task),
            limits.throttled(limits.answered(desk), now, outcome.retry_after),
        )
    if isinstance(outcome, Unauthorized):
        paused = limits.refused(limits.answered(desk), detail)
        return Verdict(_as_before(_withdrawn(end, task), task), paused)
    if isinstance(outcome, NotSent | Conflict):
        return _again(ended, end, desk, now)
    if isinstance(outcome, Unsure):
        return _unsure(outcome, end, task, desk, now)
    return _unknown(ended, end, desk, now)


def _refused(ended: Ended, end: AttemptEnd, now: datetime) -> AttemptEnd:
    """Give up what was refused; unless an earlier attempt may have landed, of which the refusal says nothing.

    That one is looked for: there, it has landed; not there and too late to come, nothing has; else it stays unknown.
    """
    task, outcome, earlier = ended.task, ended.outcome, ended.looked_back
    reason = outcome.reason if isinstance(outcome, Rejected) else Reason.REJECTED
    if isinstance(earlier, Found):
        return _landed(end, task, earlier.receipt, UpdateState.OBSERVED, now)
    sure = is_without_effect(ended, now)
    again = None if sure else _look_again(ended, now)
    if again is not None:
        return msgspec.structs.replace(end, state=UpdateState.UNKNOWN, not_before=again, counts=True, probed=True)
    if not sure:
        end = _doubtful(msgspec.structs.replace(end, probed=True), task, reason, now)
        if end.state is UpdateState.AMBIGUOUS:
            return msgspec.structs.replace(end, counts=True)
    # what waits for a hidden ticket waits in its order, also where other letters let the next one pass
    blocks = end.blocks or reason in {Reason.HIDDEN, Reason.PRIVATE, Reason.BOUNCE}
    dead = {"state": UpdateState.DEAD, "reason": reason, "counts": True, "blocks": blocks}
    if reason is Reason.CLOSED:
        # a reply goes on elsewhere; nothing else may keep it waiting, and what is set there is set for good
        dead["blocks"] = False
        if task.update.operation is Operation.SET_FIELDS:
            dead |= {"state": UpdateState.SUPERSEDED, "reason": None}
    return msgspec.structs.replace(_withdrawn(end, task), **dead)


def _look_again(ended: Ended, now: datetime) -> datetime | None:
    """Return when an earlier attempt can be looked for again; None where nothing more is to be learned of it."""
    task, settle, probes = ended.task, ended.task.update.settle_until, ended.task.update.probes + 1
    if isinstance(ended.looked_back, Absent) and settle is not None:
        return settle
    if task.strategy.probe and probes < limits.MAX_PROBES:
        return now + limits.backoff(probes)
    # it can still come: what is refused then as well is given up
    return settle if settle is not None and settle > now else None


def _parted(end: AttemptEnd, ended: Ended, now: datetime) -> AttemptEnd | None:
    """Let the other fields go on without those that the desk refuses by name; None where it does not, or they cannot.

    Nothing of this attempt took effect. An earlier one, whose answer was lost, may have: where the same values again
    are the same, or their key would have told of it, that does no harm once it is too late for it to come.
    """
    task, outcome = ended.task, ended.outcome
    if not isinstance(outcome, Rejected) or not (named := refused_fields(ended, outcome)):
        return None
    sure, settle = is_without_effect(ended, now), task.update.settle_until
    if not sure and not task.strategy.repeats(task.update.first_sent_at, now):
        return None
    if not sure and settle is not None and settle > now:
        return msgspec.structs.replace(end, state=UpdateState.UNKNOWN, not_before=settle, counts=True, probed=True)
    parted = Parted(named, task.update.payload_version, outcome.reason, doubtful=not sure)
    return msgspec.structs.replace(_withdrawn(end, task), counts=True, parted=parted)


def _took_effect(ended: Ended, end: AttemptEnd, outcome: Done | Found, now: datetime) -> AttemptEnd:
    """Note that it landed; fields that the desk refused while it set the others become a letter of their own."""
    task = ended.task
    if isinstance(outcome, Found):
        return _landed(end, task, outcome.receipt, UpdateState.OBSERVED, now)
    named = left_out(ended, outcome)
    if not named:
        return _landed(end, task, outcome.receipt, UpdateState.DONE, now)
    rest, _ = split(task.update.intent, frozenset(named))
    done = msgspec.structs.replace(task, update=msgspec.structs.replace(task.update, intent=rest))
    parted = Parted(named, task.update.payload_version, Reason.REJECTED)
    return msgspec.structs.replace(_landed(end, done, outcome.receipt, UpdateState.DONE, now), parted=parted)


def _doubtful(end: AttemptEnd, task: Task, reason: Reason, now: datetime) -> AttemptEnd:
    """Give up where an earlier attempt may have landed: ambiguous, unless the same again does no harm.

    That is a letter like any other then: whoever mends its cause replays it, and need not look at the desk first.
    """
    harmless = task.strategy.repeats(task.update.first_sent_at, now)
    detail = f"{end.detail}; an earlier attempt may have landed" + (", which does no harm" if harmless else "")
    state = UpdateState.DEAD if harmless else UpdateState.AMBIGUOUS
    return msgspec.structs.replace(end, state=state, reason=reason, detail=detail, not_before=None)


def _withdrawn(end: AttemptEnd, task: Task) -> AttemptEnd:
    """Take the expected echoes back, unless an earlier attempt (or step) may have landed and can still echo."""
    return msgspec.structs.replace(end, drop_echoes=not has_earlier(task) and not task.update.steps)


def _as_before(end: AttemptEnd, task: Task) -> AttemptEnd:
    """Leave the state as it was: an earlier attempt that is unknown stays unknown."""
    if not has_earlier(task):
        return end
    return msgspec.structs.replace(end, state=UpdateState.UNKNOWN, not_before=task.update.not_before)


def _again(ended: Ended, end: AttemptEnd, desk: DeskState, now: datetime) -> Verdict:
    """Try again what was certainly without effect and is worth another try, until the attempts are used up."""
    task, outcome = ended.task, ended.outcome
    if ended.broken:
        end = msgspec.structs.replace(end, state=UpdateState.DEAD, reason=Reason.POISON, counts=True)
        # a connector that breaks now says nothing of an earlier attempt
        return Verdict(_doubtful(end, task, Reason.POISON, now) if has_earlier(task) else end, desk)
    number = task.update.attempts + 1
    wait = limits.backoff(number)
    if isinstance(outcome, NotSent) and outcome.retry_after is not None:
        wait = timedelta(seconds=outcome.retry_after)
    if isinstance(outcome, Conflict):
        wait = min(wait, timedelta(seconds=number))
        desk = limits.answered(desk)
    elif not ended.status:
        desk = limits.failed(desk, now)
    end = msgspec.structs.replace(_as_before(_withdrawn(end, task), task), counts=True, not_before=now + wait)
    if number >= limits.MAX_ATTEMPTS and end.state is UpdateState.UNKNOWN:
        end = _doubtful(end, task, Reason.EXHAUSTED, now)
    elif number >= limits.MAX_ATTEMPTS:
        end = msgspec.structs.replace(end, state=UpdateState.DEAD, reason=Reason.EXHAUSTED, not_before=None)
    return Verdict(end, desk)


def _unsure(outcome: Unsure, end: AttemptEnd, task: Task, desk: DeskState, now: datetime) -> Verdict:
    """Probe again after a while, by its own counter."""
    number = task.update.probes + 1
    if number >= (limits.FEW_PROBES if outcome.lasting else limits.MAX_PROBES):
        parked = msgspec.structs.replace(end, state=UpdateState.AMBIGUOUS, reason=Reason.AMBIGUOUS, probed=True)
        return Verdict(parked, desk)
    again = msgspec.structs.replace(
        end, state=UpdateState.UNKNOWN, probed=True, not_before=now + limits.backoff(number)
    )
    return Verdict(again, desk)


def _unknown(ended: Ended, end: AttemptEnd, desk: DeskState, now: datetime) -> Verdict:
    """Wait for the settle time, for the write may have landed; then the strategy resolves it."""
    task, claim = ended.task, ended.task.strategy
    if ended.ambiguous or claim.strategy is Strategy.NONE:
        parked = msgspec.structs.replace(end, state=UpdateState.AMBIGUOUS, reason=Reason.AMBIGUOUS, counts=ended.sent)
        return Verdict(parked, limits.failed(desk, now) if ended.sent else desk)
    number = task.update.attempts + 1
    # a late effect can appear until our deadline and the desk's own settle time have passed
    settle = now + timedelta(seconds=task.connector.settings.deadline + claim.settle)
    wait = now + limits.backoff(number)
    # a natural write that can be looked for is looked for first: a person may have changed the field since it landed
    resend = claim.strategy is Strategy.KEY or (claim.strategy is Strategy.NATURAL and not claim.probe)
    end = msgspec.structs.replace(
        end,
        state=UpdateState.UNKNOWN,
        counts=True,
        settle_until=settle,
        not_before=wait if resend else max(settle, min(wait, settle)),
    )
    if number >= limits.MAX_ATTEMPTS:
        end = _doubtful(end, task, Reason.EXHAUSTED, now)
    return Verdict(end, limits.failed(desk, now))


def _landed(end: AttemptEnd, task: Task, receipt: Receipt, state: UpdateState, now: datetime) -> AttemptEnd:
    """Note that it took effect: the link learns what the desk said, the ledger when and as what it landed."""
    hold = None
    if task.strategy.strategy is Strategy.NATURAL and task.update.settle_until is not None:
        # an earlier, unknown attempt may still land late: what comes next must come after it
        hold = task.update.settle_until if task.update.settle_until > now else None
    return msgspec.structs.replace(
        end,
        state=state,
        look_at=now + limits.LOOK_SETTLES * timedelta(seconds=task.strategy.settle) if has_earlier(task) else None,
        counts=end.attempt_id is not None,
        probed=state is UpdateState.OBSERVED,
        hold_until=hold,
        # an undo is about a copy, of which the link says nothing
        link=None if task.update.intent.operation is Operation.UNDO else _learned(receipt, task, now),
        comment=_bound(receipt, task),
        files=tuple((remote_id, "") for remote_id in receipt.file_ids if remote_id),
        undone=tuple(set_right(each, task.ahead, now) for each in receipt.undone),
        echo_version=receipt.version,
        echo_since=receipt.since,
        spared=receipt.spared,
        echo_change_ids=receipt.change_ids,
        landed_at=here(receipt.at, task.ahead, now) if receipt.at is not None else now,
        left=task.link.remote_id if receipt.followed else "",
    )


def _bound(receipt: Receipt, task: Task) -> tuple[str, str] | None:
    """Return which remote comment is which of ours, so that it is nobody's news."""
    comment = task.update.intent.comment
    return (receipt.comment_id, comment.comment_id) if comment is not None and receipt.comment_id else None


def _learned(receipt: Receipt, task: Task, now: datetime, *, in_part: bool = False) -> LinkPatch:
    """Return what the desk said about the link, and the fields that we wrote as they will be read back.

    Only what we wrote ourselves: whatever else the read-back shows may be a person's edit, which must still count.
    `in_part`: more is to follow, and only the read-back tells what of it is there already. To what is not the desk
    still shows the old value, which is nobody's edit.
    """
    intent = task.update.intent
    mine = {field for field in intent.fields if field in SYNCED_FIELDS or is_shown(field)}
    written = task.connector.as_read(intent) if mine else {}
    at = here(receipt.at, task.ahead, now) if receipt.at is not None else now
    sure = set() if in_part else mine & set(written)
    observed = {field: Observed(written[field], at, receipt.version, ours=True) for field in sure}
    # an edit that we put back without having known of it is then seen to be older than ours, and is written again
    observed |= {
        field: Observed(value, at, receipt.version, ours=True, kept=True) for field, value in receipt.kept.items()
    }
    if intent.comment is not None and not in_part:
        observed[COMMENT] = Observed(None, at, ours=True)
    created = intent.operation is Operation.CREATE or receipt.followed
    if receipt.observed is not None:
        blank = msgspec.structs.replace(task.link, observed={})
        seen = observe(blank, ticket_set_right(receipt.observed, task.ahead, now), ours=True).observed
        # where it shows another value than we wrote, somebody was quicker than our look: that edit is still to be taken
        observed |= {
            field: value
            for field, value in seen.items()
            if (created or field in mine) and (field not in written or value.value == written[field])
        }
    return LinkPatch(
        observed=observed,
        remote_id=receipt.remote_id if created else "",
        key=receipt.key,
        url=receipt.url,
        version=receipt.version,
        version_token=receipt.version_token,
        moved=receipt.followed,
    )


def unkept(end: AttemptEnd, why: str) -> AttemptEnd:
    """Return an end without what the desk said, which the database refused.

    A create of which the id cannot be kept leaves its lane without an address: a person has to look.
    """
    bare = msgspec.structs.replace(
        end,
        link=None,
        comment=None,
        undone=(),
        steps=None,
        echo_version=0,
        echo_since=0,
        echo_change_ids=(),
        answer="",
        detail=why,
    )
    if end.link is None or not end.link.remote_id:
        return bare
    return msgspec.structs.replace(bare, state=UpdateState.AMBIGUOUS, reason=Reason.AMBIGUOUS)


def abandoned(task: Task, *, granted: bool) -> Ended:
    """Return what is known of a visit whose thread did not come back in time."""
    outcome = Unknown("no answer within the deadline") if granted else NotSent("the desk did not answer in time")
    return Ended(task, outcome, sent=granted)
