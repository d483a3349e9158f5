"""How a given-up update is tried again without being done twice: pure.

The effect key stays, so a desk that knows it, or a probe that finds it, recognises the earlier attempt. When one of
these may have landed, the update goes back to `unknown`, where the strategy resolves it (a probe first, or the stored
bytes under the same key); only when all are known to have had no effect does it go back to `ready`. But for stored
bytes, what it wants is rendered again, so that a corrected map takes part.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from dead_letters.model import WITHOUT_EFFECT, DeadLetterError, Letter, Reopening, Terms
from gateway.domain.update import Intent, Operation, Strategy, UpdateState
from gateway.flow.drift import in_short
from gateway.flow.render import render_again
from gateway.ports import OperationClaim, UpdateRow


class Replay(msgspec.Struct, frozen=True):
    """How to try again."""

    how: Reopening
    warnings: tuple[str, ...] = ()
    #: the bytes of an earlier attempt go again under their key, nothing is rendered
    stored: bool = False
    #: those of the warnings that name a newer value, over which it goes
    over: tuple[str, ...] = ()


def may_have_landed(letter: Letter) -> bool:
    """Say whether any attempt may have taken effect at the desk."""
    if letter.update.state is UpdateState.AMBIGUOUS:
        return True
    return any(tried.outcome not in WITHOUT_EFFECT for tried in letter.tries)


def decide(letter: Letter, terms: Terms, now: datetime, *, accept_duplicate: bool, new_key: str = "") -> Replay:
    """Say how to try again, by the terms of today.

    Raises DeadLetterError when it would have to be sent blindly and the duplicate is not accepted, when a value still
    has no mapping, and when it is known to have landed. `new_key` is a name for an edited update: it is used where
    nothing has landed under the old one, or where the duplicate is accepted.
    """
    update, claim = letter.update, terms.claim
    require_undone(letter)
    if update.operation is Operation.CREATE and letter.made and not update.steps:
        msg = (
            f"its ticket {letter.link.remote_id} at {update.connection} is known: to create it again would make a "
            f"second one. Confirm this one"
        )
        raise DeadLetterError(msg)
    warnings = []
    state, not_before, stored, key = UpdateState.READY, None, False, ""
    if may_have_landed(letter):
        if _resolvable(update, claim, now) and not (update.edited and accept_duplicate):
            state = UpdateState.UNKNOWN
            settle = update.settle_until
            not_before = settle if settle is not None and settle > now else None
            stored = not update.edited and claim.remembers(update.first_sent_at, now)
            if update.edited and claim.strategy is not Strategy.NATURAL:
                warnings.append("if an earlier attempt is found at the desk, that one counts, without the edit")
        elif not accept_duplicate:
            raise DeadLetterError(_blind(update))
        else:
            key = new_key if update.edited else ""
            warnings.append("it is sent again although an earlier attempt may have landed")
    elif update.edited:
        key = new_key
    intent = update.intent if stored else rendered_today(letter, terms)
    over = _goes_over(letter, intent, terms)
    again = intent if intent != update.intent else None
    how = Reopening(state, not_before, tail=not letter.standing, intent=again, effect_key=key)
    return Replay(how, (*warnings, *over), stored, over)


def require_undone(letter: Letter) -> None:
    """Raise DeadLetterError where an update has landed, and more than once: nothing of it is ever sent again."""
    if letter.update.state is UpdateState.DOUBLED:
        raise DeadLetterError("it has landed more than once already: look at the desk, then discard this note of it")


def rendered_today(letter: Letter, terms: Terms) -> Intent:
    """Return what the update wants in the words of today; raises DeadLetterError while a value has none."""
    update = letter.update
    if terms.rules is None:
        return update.intent
    rule = next((each for each in terms.rules.sync_rules if each.name == letter.link.rule), None)
    if letter.link.rule and rule is None:
        if set(update.intent.ours) - set(update.intent.fields):
            msg = (
                f"{update.detail or 'a value has no mapping'}; and the rule {letter.link.rule!r} is not there any more"
            )
            raise DeadLetterError(msg)
        return update.intent
    people = terms.rules.sections.get("people") or {}
    wanted = update.intent
    if update.edited:
        # what a person wrote is meant as it stands; only what has no word yet is rendered
        own = {name: value for name, value in wanted.ours.items() if name not in wanted.fields}
        again, lacking = render_again(msgspec.structs.replace(wanted, fields={}, ours=own), letter.link, rule, people)
        again = msgspec.structs.replace(
            wanted, fields={**again.fields, **wanted.fields}, ours={**wanted.ours, **again.ours}
        )
    else:
        again, lacking = render_again(wanted, letter.link, rule, people)
    if lacking:
        raise DeadLetterError(f"{lacking}, gateway rules release, then replay")
    if update.operation is Operation.SET_FIELDS and not again.fields:
        msg = "the rule leaves such values alone now, so nothing is left to write: discard this one"
        raise DeadLetterError(msg)
    return again


def _goes_over(letter: Letter, intent: Intent, terms: Terms) -> tuple[str, ...]:
    """Say which newer values it goes over: one that we wrote since, or that somebody set at the desk since."""
    if letter.update.operation is not Operation.SET_FIELDS:
        return ()
    found = []
    later = sorted(letter.later_fields & set(intent.fields))
    if later and not letter.standing:
        found.append(f"{', '.join(later)}: a newer one has been written there since, and this one goes over it")
    reads = terms.as_read(intent) if terms.as_read is not None else {}
    for field in sorted(set(reads) & set(intent.fields) - set(later)):
        # where a newer one of ours is to come after it, or went over theirs, that one says how it ends
        seen = letter.link.observed.get(field)
        if seen is None or seen.ours or seen.kept or seen.at <= letter.update.created_at or seen.value == reads[field]:
            continue
        theirs, ours = in_short(seen.value), in_short(reads[field])
        when = f"{seen.at:%Y-%m-%d %H:%M:%S} UTC"
        found.append(
            f"{field}: {letter.update.connection} shows {theirs!r}, set there at {when}, after this was asked for; "
            f"{ours!r} goes over it"
        )
    return tuple(found)


def _blind(update: UpdateRow) -> str:
    was, harm = (" as it was before the edit", "both do") if update.edited else ("", "twice does")
    return (
        f"an earlier attempt may have landed{was}, and nothing at {update.connection} can tell: look there first. "
        f"If it is there, confirm this one; if it is not, or {harm} no harm, add --accept-duplicate"
    )


def _resolvable(update: UpdateRow, claim: OperationClaim, now: datetime) -> bool:
    """Say whether the strategy can find out what became of the earlier attempt, or may repeat it harmlessly."""
    if claim.strategy is Strategy.KEY:
        # the key stands for the bytes that were sent: other ones under it would be refused, or taken for them
        return claim.probe or (not update.edited and claim.remembers(update.first_sent_at, now))
    return claim.strategy is not Strategy.NONE
