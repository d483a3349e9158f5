"""The kinds of things that a case can expect, each with what holds it against what happened.

`JUDGES` is the one table: a phase that is built later adds its judge, and what waited for it is judged from then on.
Until then such an expectation is *pending*: named, counted apart, and never taken for one that holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from gateway.domain.clock_instance import Instance
from rules.cases import escalated, routes, told
from rules.cases.model import Expected, Moment, Place
from rules.cases.values import as_words, shown, value_at
from rules.cases.words import Words
from rules.duration import seconds, words
from rules.fields import LEVEL_NAMES
from rules.notices import step
from rules.operators import is_empty
from rules.problem import nearest
from rules.schema.cases import EXPECT_FIELDS
from rules.source import Spot
from rules.trace import TraceLine

#: parts of `expect` whose phase is not built yet, and what is told of them
PENDING_KINDS: Mapping[str, str] = {}


class Seen(msgspec.Struct, frozen=True):
    """What an expectation is held against."""

    words: Words
    #: everything until now
    moments: tuple[Moment, ...]
    #: the part of it that the expectation is about: all of it at the end of a case, one moment after a step
    scope: tuple[Moment, ...]

    @property
    def now(self) -> Moment:
        """How it stands."""
        return self.moments[-1]

    def lines(self, phase: str) -> Iterator[TraceLine]:
        """Return the last word of each rule of a phase: of those that were asked, when they were asked last."""
        found: dict[str, TraceLine] = {}
        for moment in self.moments:
            for line in moment.trace:
                if line.phase == phase and (line.ran or line.rule not in found):
                    found[line.rule] = line
        yield from found.values()


class Difference(msgspec.Struct, frozen=True):
    """An expectation that does not hold."""

    path: str
    place: Place
    expected: str
    got: str
    #: the lines of the trace that matter
    why: tuple[str, ...] = ()


Judge = Callable[[Expected, Seen], Difference | None]


def expectations(spot: Spot, prefix: str = "") -> Iterator[Expected]:
    """Go through the leaves of an `expect`."""
    for name, inner in spot.entries():
        if name in EXPECT_FIELDS or name.startswith("custom."):
            yield _leaf("field", name, f"{prefix}{name}", inner)
        elif name == "sync":
            yield from _sync(inner, f"{prefix}sync")
        elif name == "rules":
            for side, listed in inner.entries():
                for each in listed.each():
                    yield _leaf(side, each.value, f"{prefix}rules.{side}", each)
        elif name in {"clocks", "route"}:
            yield from _parts(name, inner, f"{prefix}{name}")
        else:
            yield _leaf(name, name, f"{prefix}{name}", inner)


def place_of(spot: Spot, *, key: bool = False) -> Place:
    """Return where a value stands."""
    line, column = spot.document.where(spot.path, key=key)
    return Place(spot.document.file, line, column)


def _leaf(kind: str, subject: str, path: str, spot: Spot) -> Expected:
    return Expected(kind, subject, path, spot.value, place_of(spot))


def _parts(name: str, spot: Spot, path: str) -> Iterator[Expected]:
    """Go through the parts of where a ticket goes, or of each of its clocks."""
    for part, value in spot.entries():
        if name == "route":
            yield _leaf("route", part, f"{path}.{part}", value)
            continue
        for inner, each in value.entries():
            yield _leaf("clock", f"{part} {inner}", f"{path}.{part}.{inner}", each)


def _sync(spot: Spot, path: str) -> Iterator[Expected]:
    for name, inner in spot.entries():
        if name == "parked" or isinstance(inner.value, list):
            yield _leaf(name, "", f"{path}.{name}", inner)
            continue
        if name == "created":
            connections = list(inner.value)
            yield Expected("created", "", f"{path}.created", connections, place_of(inner))
        for connection, fields in inner.entries():
            if name == "updates" and not fields.value:
                yield Expected("nothing", connection, f"{path}.updates.{connection}", {}, place_of(fields))
            for field, value in fields.entries():
                kind = "created_with" if name == "created" else "told"
                yield _leaf(kind, f"{connection} {field}", f"{path}.{name}.{connection}.{field}", value)


# ---------------------------------------------------------------- judges


def _field(expected: Expected, seen: Seen) -> Difference | None:
    value = value_at(seen.now.ticket, expected.subject)
    if _same(expected.subject, expected.wanted, value, seen.words):
        return None
    got = shown(value) if not is_empty(value) else "null"
    return different(expected, got, _field_why(expected.subject, seen))


def _same(name: str, wanted: object, value: object, words: Words) -> bool:
    if wanted is None:
        return is_empty(value)
    if name == "priority":
        return LEVEL_NAMES[as_words(wanted)] == value
    if name in {"requester", "assignee"}:
        address, account = words.account(str(wanted), "")
        person = words.people.get(str(wanted), {})
        accounts = {account, *map(str, person.get("accounts", {}).values())} - {""}
        email, known = getattr(value, "email", "").lower(), getattr(value, "external_id", "")
        return bool((address and address == email) or (known and known in accounts))
    if isinstance(wanted, list):
        return isinstance(value, list | tuple) and sorted(map(str, wanted)) == sorted(map(str, value))
    if name.startswith(("custom.", "recent.")):
        return value == wanted or (isinstance(value, str) and value == as_words(wanted))
    if name == "language":
        return str(value).lower() == str(wanted).lower()
    return value == as_words(wanted)


def _field_why(name: str, seen: Seen) -> tuple[str, ...]:
    field = "status" if name in {"hold_reason", "status.native"} else name
    found = []
    stamp = seen.now.ticket.stamps.get(field)
    if stamp is not None and stamp.by == "person":
        found.append(f"a person set it at {stamp.name}")
    setters = {rule.name for rule in seen.words.rules.classify_rules if field in rule.sets}
    found += [told_of(line) for line in seen.lines("classify") if line.rule in setters]
    found += [told_of(line) for line in seen.lines("stages") if field == "stage"]
    if not found and not field.startswith("custom."):
        found.append(f"no classify rule sets {field}" if not setters else "no rule that sets it was asked")
    for moment in seen.moments:
        found += [lost for lost in moment.lost if lost.startswith(f"{field} ")]
        found += [moment.parked] if moment.parked.startswith(f"{field} ") else []
    return tuple(found)


def _policy(expected: Expected, seen: Seen) -> Difference | None:
    got = seen.now.policy
    if got == (expected.wanted or ""):
        return None
    known = seen.words.named()["sla"]
    why = [told_of(line) for line in seen.lines("sla") if line.rule in {got, expected.wanted}]
    if expected.wanted is not None and expected.wanted not in known:
        why = [_no_such("policy", expected.wanted, known)]
    return different(expected, got or "null", why or ["no policy applies"])


def _matched(expected: Expected, seen: Seen) -> Difference | None:
    lines = _lines_of(expected.subject, seen)
    if isinstance(lines, str):
        return different(expected, "no such rule", [lines])
    if any(line.matched for line in lines):
        return None
    return different(expected, "it did not match", [told_of(line) for line in lines[-1:]] or ["it was not asked"])


def _not_matched(expected: Expected, seen: Seen) -> Difference | None:
    lines = _lines_of(expected.subject, seen)
    if isinstance(lines, str):
        return different(expected, "no such rule", [lines])
    matched = [line for line in lines if line.matched]
    return different(expected, "it matched", [told_of(line) for line in matched[-1:]]) if matched else None


def _lines_of(subject: str, seen: Seen) -> list[TraceLine] | str:
    """Return what became of a rule (`name`, `phase:name` where two phases share it), or that there is none."""
    phase, _, name = subject.rpartition(":")
    named = seen.words.named()
    phases = [each for each, names in named.items() if name in names and phase in {"", each}]
    if not phases:
        known = [each for names in named.values() for each in names]
        return _no_such("rule", subject, known)
    lines = [line for moment in seen.scope for line in moment.trace]
    asked = [line for line in lines if line.rule == name and line.phase in phases]
    return [line for line in asked if line.ran] or asked


def _duplicates(expected: Expected, seen: Seen) -> Difference | None:
    found = tuple(dict.fromkeys(each for moment in seen.scope for each in moment.duplicates))
    wanted = [{**each} for each in expected.wanted]
    left = list(found)
    for each in wanted:
        fits = next((one for one in left if _is_duplicate(each, one.of, str(one.action), one.rule)), None)
        if fits is not None:
            left.remove(fits)
    if not left and len(found) == len(wanted):
        return None
    got = [{"of": each.of, "do": str(each.action), "rule": each.rule} for each in found]
    return different(expected, shown(got), [told_of(line) for line in seen.lines("duplicates")])


def _is_duplicate(wanted: Mapping[str, str], of: str, action: str, rule: str) -> bool:
    return wanted["of"] == of and wanted.get("do", action) == action and wanted.get("rule", rule) == rule


def _created(expected: Expected, seen: Seen) -> Difference | None:
    got = told.created_in(seen.scope)
    if sorted(got) == sorted(expected.wanted):
        return None
    missing = [name for name in expected.wanted if name not in got]
    return different(
        expected, shown(list(got)), _sync_why(missing or [n for n in got if n not in expected.wanted], seen)
    )


def _sync_why(connections: Iterable[str], seen: Seen) -> list[str]:
    why = []
    for connection in connections:
        if connection not in seen.words.connections:
            why.append(_no_such("connection", connection, seen.words.connections))
            continue
        rules = {rule.name for rule in seen.words.rules.sync_rules if rule.target == connection}
        why += [told_of(line) for line in seen.lines("sync") if line.rule in rules]
        if not rules:
            why.append(f"no sync rule goes to '{connection}'")
    return why


def _created_with(expected: Expected, seen: Seen) -> Difference | None:
    connection, _, field = expected.subject.partition(" ")
    made = [each for each in told.to(seen.scope, connection) if each.operation == "create"]
    if not made:
        return different(expected, "it is not created", _sync_why([connection], seen))
    if field in told.COMMENTS:
        return _told(expected, seen)
    return _word(expected, made[-1].fields, field, connection, seen)


def _told(expected: Expected, seen: Seen) -> Difference | None:
    connection, _, field = expected.subject.partition(" ")
    if connection not in seen.words.connections:
        return different(expected, "no such connection", _sync_why([connection], seen))
    updates = [each for each in told.to(seen.scope, connection) if each.operation != "create" and not each.refused]
    if field in told.COMMENTS:
        said = [each.comment for each in updates if each.operation == field]
        holds = not said if expected.wanted is None else any(expected.wanted in each for each in said)
        return None if holds else different(expected, shown(said), told.why(seen.scope, connection))
    fields = {name: value for each in updates for name, value in each.fields.items()}
    return _word(expected, fields, field, connection, seen)


def _word(
    expected: Expected, fields: Mapping[str, object], field: str, connection: str, seen: Seen
) -> Difference | None:
    if field not in fields:
        if expected.wanted is None:
            return None
        return different(expected, "it is not told", told.why(seen.scope, connection))
    if expected.wanted is not None and told.is_word(field, expected.wanted, fields[field], connection, seen.words):
        return None
    return different(expected, told.in_words(field, fields[field]), told.why(seen.scope, connection))


def _nothing(expected: Expected, seen: Seen) -> Difference | None:
    if expected.subject not in seen.words.connections:
        return different(expected, "no such connection", _sync_why([expected.subject], seen))
    updates = [each for each in told.to(seen.scope, expected.subject) if each.operation != "create"]
    if not updates:
        return None
    return different(expected, "; ".join(told.summary(each) for each in updates), [])


def _parked(expected: Expected, seen: Seen) -> Difference | None:
    parked = {moment.connection: moment.parked for moment in seen.scope if moment.parked}
    parked |= {each.connection: each.refused for moment in seen.scope for each in moment.told if each.refused}
    if sorted(parked) == sorted(expected.wanted):
        return None
    return different(expected, shown(list(parked)), [f"{name}: {why}" for name, why in parked.items()])


def _clock(expected: Expected, seen: Seen) -> Difference | None:
    metric, _, part = expected.subject.rpartition(" ")
    chain = seen.now.clocks.get(metric)
    if chain is None or not chain.instances:
        policy = seen.now.policy
        promised = f"the policy '{policy}' promises no {metric}" if policy else "no policy applies"
        return different(expected, "there is no such clock", [promised])
    instance = chain.instances[-1]
    got, wanted = _part_of(instance, part), expected.wanted
    if part in {"elapsed", "remaining"}:
        holds = seconds(str(wanted)) == got
    elif part in {"due", "breached_at"}:
        holds = got is not None and datetime.fromisoformat(str(wanted)) == got
    else:
        holds = wanted == got
    if holds:
        return None
    if isinstance(got, datetime):
        shown_as = got.isoformat()
    elif part in {"elapsed", "remaining"} and isinstance(got, int):
        shown_as = words(got) if got >= 0 else f"{words(-got)} over"
    else:
        shown_as = "null" if got is None else str(got)
    return different(expected, shown_as, [f"{metric} {said}" for said in map(step, chain.transitions)])


def _escalated(expected: Expected, seen: Seen) -> Difference | None:
    known = [each.name for each in seen.words.rules.escalations]
    found = escalated.differs(expected.wanted, (each for moment in seen.scope for each in moment.fired), known)
    return None if found is None else different(expected, *found)


def _route(expected: Expected, seen: Seen) -> Difference | None:
    found = routes.differs(expected.subject, expected.wanted, seen.now.route, seen.words.rules.routing)
    return None if found is None else different(expected, *found)


def _part_of(instance: Instance, part: str) -> datetime | int | str | None:
    """Return what a case may expect of a clock."""
    match part:
        case "phase":
            return instance.phase.value
        case "outcome":
            return instance.outcome.value
        case "elapsed":
            return instance.elapsed_s
        case "remaining":
            return instance.remaining_s
        case "due":
            return instance.due
        case "breached_at":
            return instance.breached_at
        case _:
            return instance.cycle


JUDGES: Mapping[str, Judge] = {
    "clock": _clock,
    "escalations": _escalated,
    "field": _field,
    "policy": _policy,
    "matched": _matched,
    "not_matched": _not_matched,
    "duplicates": _duplicates,
    "created": _created,
    "created_with": _created_with,
    "told": _told,
    "nothing": _nothing,
    "parked": _parked,
    "route": _route,
}


def different(expected: Expected, got: str, why: Iterable[str]) -> Difference:
    """Say that an expectation does not hold."""
    wanted = shown(expected.wanted)
    if expected.kind in {"matched", "not_matched"}:
        wanted = f"rule '{expected.subject}' " + ("matches" if expected.kind == "matched" else "does not match")
    elif expected.kind == "nothing":
        wanted = "nothing is told"
    return Difference(expected.path, expected.place, wanted, got, tuple(dict.fromkeys(why)))


def told_of(line: TraceLine) -> str:
    """Return a line of the trace as a report shows it."""
    said = "matched" if line.matched else "no" if line.ran else "not asked"
    return f"{line.phase}: {line.rule}: {said}" + (f": {line.reason}" if line.reason else "")


def _no_such(what: str, name: str, known: Iterable[str]) -> str:
    hint = nearest(name, known)
    return f"there is no {what} '{name[:60]}'" + (f"; {hint}" if hint else "")
