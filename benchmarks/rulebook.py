"""A thousand conditions as an admin would mix them, and tickets to ask, in a form that every engine can be told."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.ticket import Kind, Org, Ticket

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)

CHANNELS = ("email", "web", "chat", "phone", "api")
PLANS = ("basic", "standard", "premium", "enterprise")
REGIONS = ("emea", "amer", "apac")
KINDS = tuple(str(kind) for kind in Kind)
TOPICS = (
    "vpn", "printer", "invoice", "outage", "password", "laptop", "sync", "license", "report", "backup", "export",
    "login", "refund", "upgrade", "webhook", "calendar", "onboarding", "migration", "certificate", "quota",
)  # fmt: skip
#: words that one ticket in some dozens holds
RARE = tuple(f"{first}{second}" for first in TOPICS for second in ("s", "-page", "-server", "-team"))
PROSE = (  # noqa: SIM905 - a list of words reads best as a sentence
    "hello since this morning our people at the office see a message when they open the page and nothing helps we "
    "tried another browser and restarted it twice please tell us what to do because the quarter ends on friday "
    "thanks and best regards from the whole team"
).split()


class Is(msgspec.Struct, frozen=True, tag=True):
    """A field has one of these values."""

    field: str
    values: tuple[str, ...]


class Has(msgspec.Struct, frozen=True, tag=True):
    """A list has this member."""

    field: str
    value: str


class AtLeast(msgspec.Struct, frozen=True, tag=True):
    """A number is at least this."""

    field: str
    number: int


class Words(msgspec.Struct, frozen=True, tag=True):
    """One of these whole words stands in the text."""

    words: tuple[str, ...]


class Matches(msgspec.Struct, frozen=True, tag=True):
    """A regular expression is found in the text, in any case."""

    pattern: str


Test = Is | Has | AtLeast | Words | Matches
#: the tests of one rule must all hold
Rule = tuple[Test, ...]


class Book(msgspec.Struct, frozen=True):
    """The same rules for us and for the others, and the tickets in both forms."""

    yaml: str
    tests: Sequence[Rule]
    tickets: Sequence[Ticket]
    plain: Sequence[dict[str, Any]]


def book(rules: int, tickets: int, *, texts: bool = True) -> Book:
    """Write so many rules and tickets; the same ones each time. Without `texts` no rule looks into the prose."""
    chance = random.Random(4)
    tests: list[Rule] = []
    while len(tests) < rules:
        rule = _rule(chance, len(tests))
        if texts or not any(isinstance(test, Words | Matches) for test in rule):
            tests.append(rule)
    written = [
        {"name": f"r{number}", "when": _condition(rule), "set": {"issue": f"issue-{number % 40}"}}
        for number, rule in enumerate(tests)
    ]
    made = [_ticket(chance, number) for number in range(tickets)]
    return Book(_yaml(written), tests, made, [_plain(each) for each in made])


def _rule(chance: random.Random, number: int) -> Rule:
    client = Is("org_id", (f"c{chance.randrange(400)}",))
    plan = Is("org_plan", (chance.choice(PLANS),))
    places = Is("region", tuple(sorted(chance.sample(REGIONS, 2))))
    channels = Is("channel", tuple(sorted(chance.sample(CHANNELS, 2))))
    kind = Is("kind", (chance.choice(KINDS),))
    tag = Has("tags", f"{chance.choice(TOPICS)}-{chance.randrange(20)}")
    seats = AtLeast("seats", chance.randrange(500, 5000))
    words = Words((f"{chance.choice(TOPICS)}{number}", f"case-{number}", chance.choice(RARE)))
    code = Matches(f"(err|error)[- ]?{number % 300:03d}[0-9]")
    mix: list[tuple[int, Rule]] = [
        (25, (client, kind)),
        (15, (client, words)),
        (12, (plan, places, kind)),
        (12, (tag, channels)),
        (8, (tag,)),
        (8, (seats, channels)),
        (10, (words, plan)),
        (4, (words,)),
        (6, (code,)),
    ]
    return chance.choices([rule for _, rule in mix], [weight for weight, _ in mix])[0]


def _condition(rule: Rule) -> dict[str, Any]:
    names = {"org_id": "org.id", "org_plan": "org.plan", "seats": "custom.seats"}
    text: dict[str, Any] = {}
    condition: dict[str, Any] = {}
    for test in rule:
        match test:
            case Is(field, values):
                condition[names.get(field, field)] = values[0] if len(values) == 1 else list(values)
            case Has(field, value):
                condition[field] = {"contains": value}
            case AtLeast(field, number):
                condition[names.get(field, field)] = {"at_least": number}
            case Words(words):
                text["words"] = list(words)
            case Matches(pattern):
                text["matches"] = pattern
    return condition | ({"text": text} if text else {})


def _yaml(rules: Sequence[dict[str, Any]]) -> str:
    """Write the rules as an admin does: a condition a line, and a comment now and then."""
    lines = ["classify:"]
    for number, rule in enumerate(rules):
        if number % 10 == 0:
            lines.append("  # what this group of rules is for")
        lines += [f"  - name: {rule['name']}", "    when:"]
        lines += [f"      {key}: {_flow(value)}" for key, value in rule["when"].items()]
        lines += [f"    set: {_flow(rule['set'])}", ""]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    text = str(value)
    return f"'{text}'" if any(letter in text for letter in "()[]{}?,: ") else text


def _ticket(chance: random.Random, number: int) -> Ticket:
    prose = chance.choices(PROSE, k=120)
    for _ in range(3):
        prose[chance.randrange(len(prose))] = chance.choice(RARE)
    if chance.random() < 0.3:
        prose.append(f"Error {chance.randrange(4000):04d}")
    topic = chance.choice(TOPICS)
    return Ticket(
        id=f"t{number}",
        source="zen",
        created_at=NOW,
        updated_at=NOW,
        channel=chance.choice(CHANNELS),
        kind=Kind(chance.choice(KINDS)),
        title=f"Trouble with {topic} at desk {number}",
        body=" ".join(prose),
        org=Org(id=f"c{chance.randrange(400)}", plan=chance.choice(PLANS)),
        region=chance.choice(REGIONS),
        tags=tuple(f"{chance.choice(TOPICS)}-{chance.randrange(20)}" for _ in range(chance.randrange(4))),
        custom={"seats": chance.randrange(1, 700), "asset": f"a-{number}", "floor": chance.randrange(9)},
    )


def _plain(ticket: Ticket) -> dict[str, Any]:
    return {
        "channel": ticket.channel,
        "kind": str(ticket.kind),
        "text": f"{ticket.title}\n{ticket.body}",
        "org_id": ticket.org.id,
        "org_plan": ticket.org.plan,
        "region": ticket.region,
        "tags": list(ticket.tags),
        "seats": ticket.custom["seats"],
    }
