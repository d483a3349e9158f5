# ruff: noqa: E501 - a table of whole messages
"""Loading a site: what it becomes, and every class of error with its exact place."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.update import Operation, Strategy
from gateway.ports import OperationClaim, Setting
from rules import GATEWAY_FILE, Metric, Mode, OnDead, Owner, Retention, check_site, file_digest, load_site
from rules.problem import in_order
from tests.rules.making import DESK, GATEWAY, SPECS, problems_of, site

FULL = """\
mode: observe
connections:
  zen:
    connector: desk
    url: ${ZEN_URL}
    token: ${ZEN_TOKEN}
    auth: {user: ops, password: "${file:secrets/zen}"}
    rate_limit: 600/m
    reconcile_every: 30s
    deadline: 5s
    write_back: false
    on_dead: skip
  rt: {connector: desk, url: https://rt.example}
retention: {deliveries: 2w}
alerts:
  - {when: dead_letter_age > 30m, notify: {role: duty}}
"""


def test_a_site_becomes_values() -> None:
    """References stay as written, with their places."""
    loaded = site("", FULL)
    zen, rt = loaded.connections.values()
    assert loaded.mode is Mode.OBSERVE
    assert (zen.url, zen.options["token"]) == ("${ZEN_URL}", "${ZEN_TOKEN}")
    assert zen.options == {"token": "${ZEN_TOKEN}", "auth": {"user": "ops", "password": "${file:secrets/zen}"}}
    assert (zen.rate_limit, zen.reconcile_every, zen.deadline, zen.write_back, zen.on_dead) == (
        10.0, 30, 5.0, False, OnDead.SKIP,
    )  # fmt: skip
    assert (rt.rate_limit, rt.reconcile_every, rt.deadline, rt.write_back, rt.on_dead) == (
        None, None, 10.0, True, OnDead.BLOCK,
    )  # fmt: skip
    assert [(each.target, each.is_file, each.line, each.column) for each in zen.references] == [
        ("ZEN_URL", False, 5, 10), ("ZEN_TOKEN", False, 6, 12), ("secrets/zen", True, 7, 33),
    ]  # fmt: skip
    assert loaded.retention == Retention(deliveries=1_209_600)
    (alert,) = loaded.alerts
    assert (alert.when, alert.metric, alert.limit) == ("dead_letter_age > 30m", Metric.DEAD_LETTER_AGE, 1800)


def test_the_digest_names_the_files_whatever_their_order() -> None:
    """Any change of any file is another release."""
    files = {"gateway.yaml": GATEWAY, "rules/a.yaml": "# a"}
    loaded, _ = load_site(files, SPECS)
    assert loaded is not None
    assert loaded.digest == loaded.rules.digest == file_digest(dict(reversed(files.items())))
    assert loaded.digest != file_digest(files | {"rules/a.yaml": "# b"})
    assert loaded.files == files


def test_any_rule_file_may_hold_any_section() -> None:
    """Mappings of several files are joined, too."""
    files = {
        "gateway.yaml": GATEWAY,
        "rules/a.yaml": "people: {ann: {email: ann@x.example}}\nclassify:\n  - {name: a, when: {requester: bob}, set: {tier: a}}\n",
        "rules/b.yaml": "people: {bob: {email: bob@x.example}}\nstages: {task: [begun]}\n",
        "rules/c.yaml": "classify:\n  - {name: c, set: {stage: begun}}\n",
        "notes.md": "not a rule file: {",
    }
    loaded, problems = load_site(files, SPECS)
    assert loaded is not None, problems
    assert [rule.name for rule in loaded.rules.classify_rules] == ["a", "c"]
    assert set(loaded.rules.sections["people"]) == {"ann", "bob"}


def test_one_key_in_two_files_names_both_places() -> None:
    """Where the other one is."""
    files = {
        "gateway.yaml": GATEWAY,
        "rules/a.yaml": "people:\n  ann: {email: a@x.example}\n",
        "rules/b.yaml": "\npeople:\n  ann: {email: b@x.example}\n",
    }
    assert [each.head for each in load_site(files, SPECS)[1]] == [
        "rules/b.yaml:3:3: error[duplicate-name]: 'ann' is already in rules/a.yaml:2:3; join the two or rename one"
    ]


MAP = "sync:\n  - name: s\n    from: zen\n    to: rt\n    fields:\n      status:\n        owner: both\n        map:\n"
TOTAL = "          - {ours: [open, pending_customer, on_hold, resolved, closed, cancelled], theirs: b, back: open}\n"

RULE_ERRORS = [
    ("clasify: []", "1:1: error[unknown-key]: there is no section 'clasify'; did you mean 'classify'?"),
    ("connections: {}", "1:1: error[unknown-key]: there is no section 'connections'; write it in gateway.yaml"),
    ("classify: {name: x}", "1:11: error[wrong-type]: this is a mapping, not a list of classify rules"),
    ("classify:", "1:1: error[wrong-type]: this is empty, a list of classify rules is expected"),
    ("classify:\n  - set: {kind: task}", "2:5: error[missing-key]: a classify rule needs 'name'; add name: here"),
    ("classify:\n  - {name: x, wen: {kind: task}, set: {kind: task}}", "2:15: error[unknown-key]: a classify rule has no key 'wen'; did you mean 'when'?"),
    ("classify:\n  - {name: x, set: {kin: task}}", "2:21: error[unknown-key]: what the rule sets has no key 'kin'; did you mean 'kind'?"),
    ("classify:\n  - {name: x, set: {kind: incidnt}}", "2:27: error[not-one-of]: 'incidnt' is not valid here; did you mean 'incident'?"),
    ("classify:\n  - {name: x, set: {}}", "2:20: error[empty-value]: what the rule sets cannot be empty"),
    ("classify:\n  - {name: x, set: {tier: 1.10}}", '2:27: error[wrong-type]: this is a number (1.10), not a text; put it in quotes: "1.10"'),
    ("classify:\n  - {name: x, set: {custom.v: 1.10}}", '2:31: warning[ambiguous-number]: 1.10 is read as the number 1.1; put it in quotes to keep it: "1.10"'),
    ("classify:\n  - {name: x, set: {stage: provisionning}}", "2:28: error[unknown-stage]: no kind has the stage 'provisionning'; did you mean 'provisioning'?"),
    ("classify:\n  - {name: 'a b', set: {kind: task}}", "2:12: error[wrong-form]: 'a b' is not a name of letters, digits, '-', '_' and '.', at most 64"),
    ("classify:\n  - {name: x, set: {kind: task}}\n  - {name: x, set: {kind: task}}", "3:12: error[duplicate-name]: there is another classify rule 'x' in rules/a.yaml:2:12; give each rule a name of its own"),
    ("classify:\n  - name: x\n    when: {knd: task}\n    set: {kind: task}", "3:12: error[unknown-field]: there is no field 'knd'; did you mean 'kind'?"),
    ("classify:\n  - {name: x, set: {kind: task}}\n  - {name: y, when: {source: zem}, set: {kind: task}}", "3:30: error[unknown-value]: 'zem' is not a source; did you mean 'zen'?"),
    ("sync:\n  - {name: s, from: zen, to: rtt}", "2:30: error[unknown-connection]: there is no connection 'rtt'; did you mean 'rt'?"),
    ("sync:\n  - {name: s, from: zen, to: zen}", "2:30: error[same-desk]: a ticket cannot be synced with its own desk; name another"),
    ("sync:\n  - {name: s, from: zen, to: rt, fields: {titel: from}}", "2:43: error[unknown-key]: which fields go where has no key 'titel'; did you mean 'title'?"),
    ("sync:\n  - {name: s, from: zen, to: rt, fields: {title: form}}", "2:50: error[not-one-of]: 'form' is not valid here; did you mean 'from'?"),
    ("sync:\n  - {name: s, from: zen, to: rt, create: {qeue: x}}", "2:43: error[unknown-key]: create in Desk has no key 'qeue'; did you mean 'queue'?"),
    ("sync:\n  - {name: s, from: zen, to: rt, create: {queue: 12}}", '2:50: error[wrong-type]: this is a number (12), not a text; put it in quotes: "12"'),
    ("sync:\n  - {name: s, from: zen, to: rt, unmapped: drop}", "2:44: error[not-one-of]: 'drop' is not valid here; valid: ignore, park"),
    ("sync:\n  - {name: s, from: zen, to: rt, write_back: no}", "2:46: error[wrong-type]: this is a text, not true or false; write false"),
    (MAP + "          - {ours: opne, theirs: a}\n", "9:20: error[not-one-of]: 'opne' is not valid here; did you mean 'open'?"),
    (MAP + "          - {ours: new, theirs: a, back: open}\n" + TOTAL, "9:42: error[wrong-back]: `back` is 'open', which is not among `ours` of this row; valid: new"),
    (MAP + "          - {ours: new, theirs: a, to: c}\n" + TOTAL, "9:40: error[wrong-to]: `to` is 'c', which is not among `theirs` of this row; valid: a"),
    (MAP + "          - {ours: new, theirs: B}\n" + TOTAL, "10:92: error[mapped-twice]: 'b' is among `theirs` twice, first in rules/a.yaml:9:33; one row for it, with `to` or `back` to choose"),
    (MAP + "          - {ours: [new, open], theirs: a, back: new}\n" + TOTAL, "10:21: error[mapped-twice]: 'open' is among `ours` twice, first in rules/a.yaml:9:26; one row for it, with `to` or `back` to choose"),
    (MAP + TOTAL, "8:9: warning[status-map-gap]: the map says nothing about new of ours; add a row for each"),
    (MAP + "          - {ours: new, theirs: [a, c]}\n" + TOTAL, "9:33: warning[status-not-invertible]: several of theirs meet 'new': 'a' will be written; say which with `to:`"),
    (MAP + "          - {ours: new, theirs: a}\n" + TOTAL.replace(", back: open", ""), "10:20: warning[status-not-invertible]: several of ours meet 'b': coming back it will mean 'open'; say which with `back:`"),
    ("sla:\n  - {name: s, targets: {resolution: {P1: 5x}}}", "2:42: error[wrong-form]: '5x' is not a duration such as 15m, 4h or 1d, or business days such as 3bd"),
    ("sla:\n  - {name: s, targets: {resolution: {within: 5h, wran: 3h}}}", "2:50: error[unknown-key]: a target has no key 'wran'; did you mean 'warn'?"),
    ("sla:\n  - {name: s, pause_when: {statuss: open}}", "2:28: error[unknown-field]: there is no field 'statuss'; did you mean 'status'?"),
    ("escalations:\n  - {name: e, at: soon, do: [{queue: a}]}", "2:19: error[wrong-form]: 'soon' is not a threshold such as 75%, 30m left, breach or breach + 2h"),
    ("escalations:\n  - {name: e, at: breach, do: [{queue: a, raise_priority: 1}]}", "2:32: error[too-many-keys]: an action has one key only, not several (queue, raise_priority); write each as an item of its own"),
    ("escalations:\n  - {name: e, at: breach, do: [{raise_priority: 9}]}", "2:49: error[wrong-value]: '9' is not 1, 2 or 3 levels"),
    ("calendars:\n  c: {timezone: Europe/Prague, week: {mon-fry: ['09:00-17:00']}}", "2:39: error[wrong-form]: the key 'mon-fry' is not a day or a range of days such as mon-fri"),
    ("agents:\n  - {person: a, team: b, capacity: lots}", "2:36: error[wrong-type]: this is a text, not a number of tickets, or units for each channel"),
    ("people:\n  a: {email: x}\n  a: {email: y}", "3:3: error[yaml-duplicate-key]: the key 'a' is here twice; it is first at line 2: join the two or rename one"),
    ("routes:\n  - {name: r, when: {issue: {is: billing}}}", "2:30: error[unknown-operator]: there is no operator 'is'; did you mean 'equals'?"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "head"), RULE_ERRORS)
def test_what_is_wrong_in_a_rule_file_is_said_with_its_place(rules: str, head: str) -> None:
    """Exactly one problem each: nothing follows from it that is none."""
    problems = problems_of(rules)
    assert [each.head for each in problems] == [f"rules/a.yaml:{head}"]
    line, column = problems[0].line, problems[0].column
    assert problems[0].text.splitlines()[1].endswith(rules.split("\n")[line - 1][-40:])
    assert column <= len(rules.split("\n")[line - 1]) + 1


ONE = "connections:\n  zen: {connector: desk, url: https://zen.example"

GATEWAY_ERRORS = [
    ("mode: live", "1:1: error[missing-key]: the site needs 'connections'; add connections: here"),
    (GATEWAY + 'live_from: "2026-13-01T09:00Z"', "8:12: error[bad-date]: no calendar has this time; write it as 2026-04-01T09:00+02:00"),
    (GATEWAY + 'live_from: "tomorrow"', "8:12: error[wrong-form]: 'tomorrow' is not a time with its zone, quoted, such as \"2026-04-01T09:00+02:00\""),
    (GATEWAY + "mode: observ", "8:7: error[not-one-of]: 'observ' is not valid here; did you mean 'observe'?"),
    (GATEWAY + "modes: live", "8:1: error[unknown-key]: there is no section 'modes'; did you mean 'mode'?"),
    (GATEWAY + "calendars: {}", "8:1: error[unknown-key]: there is no section 'calendars'; write it in a file under rules/"),
    ("connections:\n  zen: {url: https://x.example}", "2:8: error[missing-key]: a connection needs 'connector'; add connector: here"),
    ("connections:\n  zen: {connector: desk}", "2:8: error[missing-key]: a connection to Desk needs 'url'; add url: https://…"),
    ("connections:\n  zen: {connector: dsk, url: https://x.example}", "2:20: warning[unknown-connector]: the connector 'dsk' is not installed, so 'zen' takes no part; did you mean 'desk'?"),
    ("connections:\n  zen: {connector: desk, url: zen.example}", "2:31: error[bad-url]: this is not the address of a desk; write https://host, as in a browser"),
    ("connections:\n  zen: {connector: desk, url: https://u:p@zen.example}", "2:31: error[bad-url]: an address holds no user, no password, no ? and no #; credentials go into auth"),
    ("connections:\n  zen: {connector: desk, url: http://zen.example}", "2:31: warning[insecure-url]: credentials travel unprotected over http; write https://"),
    (ONE + ", token: abc123}", "2:59: error[literal-secret]: the secret 'token' is written out; write ${ZEN_TOKEN} and set that variable instead"),
    (ONE + ", auth: {api_token: abc123}}", "2:70: error[literal-secret]: the secret 'api_token' is written out; write ${ZEN_API_TOKEN} and set that variable instead"),
    (ONE + ", webhook_secret: ['${A}', abc123]}", "2:77: error[literal-secret]: the secret 'webhook_secret' is written out; write ${ZEN_WEBHOOK_SECRET} and set that variable instead"),
    (ONE + ", token: '${a-b}'}", "2:59: error[bad-reference]: this ${…} names neither a variable nor a file; write ${NAME} or ${file:/path/to/secret}"),
    (ONE + ", size: big}", "2:58: error[wrong-type]: this is a text, not a whole number"),
    (ONE + ", tokn: '${X}'}", "2:52: error[unknown-key]: a connection to Desk has no key 'tokn'; did you mean 'token'?"),
    (ONE + ", rate_limit: 10}", "2:64: error[wrong-type]: this is a number (10), not a rate such as 10/s, 600/m or 3600/h"),
    (
        ONE + ", deadline: 20s}",
        (
            "2:62: error[deadline-range]: a request may take from 1s to 14s: a lane is held for twice as long; "
            "the default is 10s"
        ),
    ),
    (ONE + ", deadline: soon}", "2:62: error[wrong-form]: 'soon' is not a duration such as 30s, 15m, 4h, 1d or 2w"),
    (ONE + ", on_dead: stop}", "2:61: error[not-one-of]: 'stop' is not valid here; valid: block, skip"),
    (GATEWAY + "retention: {audits: 3d}", "8:13: error[unknown-key]: retention has no key 'audits'; did you mean 'audit'?"),
    (GATEWAY + "alerts: [{when: things, notify: {role: a}}]", "8:17: error[wrong-form]: 'things' is not a threshold such as dead_letter_age > 30m"),
]  # fmt: skip


@pytest.mark.parametrize(("gateway", "head"), GATEWAY_ERRORS)
def test_what_is_wrong_in_gateway_yaml_is_said_with_its_place(gateway: str, head: str) -> None:
    """One problem each; no secret is repeated."""
    problems = problems_of("", gateway)
    assert [each.head for each in problems] == [f"gateway.yaml:{head}"]
    for secret in ("abc123", "u:p@"):
        assert secret not in problems[0].text
        assert secret not in str(problems[0].as_json())


CHAT = msgspec.structs.replace(
    DESK,
    name="chat",
    title="Chat",
    operations={Operation.NOTIFY: OperationClaim(Strategy.NONE)},
    settings=(Setting("channel", {"type": "string"}),),
)
ALERT_PROBLEMS = [
    ("alerts: [{when: dead_leter_age > 30m, notify: {role: a}}]", "9:17: error[unknown-metric]: there is nothing 'dead_leter_age' to watch; did you mean 'dead_letter_age'?"),
    ("alerts: [{when: dead_letter_age > 30, notify: {connection: chat, channel: a}}]", "9:17: error[wrong-limit]: '30' is not a duration such as 30s, 15m, 4h, 1d or 2w; dead_letter_age is a time: write for example dead_letter_age > 30m"),
    ("alerts: [{when: dead_letters_per_hour > 30m, notify: {connection: chat, channel: a}}]", "9:17: error[wrong-limit]: '30m' is not a number; dead_letters_per_hour is a number such as 20"),
    ("alerts: [{when: dead_letter_age < 30m, notify: {connection: chat, channel: a}}]", "9:17: error[wrong-comparison]: an alert watches for too much, not for too little; write > or >="),
    ("alerts: [{when: dead_letter_age > 30m, notify: {connection: cat}}]", "9:61: error[unknown-connection]: there is no connection 'cat'; did you mean 'chat'?"),
    ("alerts: [{when: dead_letter_age > 30m, notify: {connection: zen}}]", "9:61: error[cannot-notify]: Desk takes no notifications; name one that can: chat"),
    ("alerts: [{when: dead_letter_age > 30m, notify: {connection: chat}}]", "9:48: error[missing-key]: an alert needs 'channel'; add channel: here"),
    ("alerts: [{when: dead_letter_age > 30m, notify: {channel: a}}]", "9:48: warning[nobody-to-tell]: this names no connection and nobody: nobody is told; give {connection: chat, channel: NAME}"),
    ("alerts: [{when: ticket_in_stage > 5, notify: {connection: chat, channel: a}}]", "9:17: error[wrong-limit]: '5' is not a duration such as 15m, 4h or 1d, or business days such as 3bd; ticket_in_stage is a time: write for example ticket_in_stage > 10d"),
    ("alerts: [{when: dead_letter_age > 3bd, notify: {connection: chat, channel: a}}]", "9:17: error[wrong-limit]: '3bd' is not a duration such as 30s, 15m, 4h, 1d or 2w; dead_letter_age is a time: write for example dead_letter_age > 30m"),
    ("alerts: [{when: ticket_in_stage < 5d, notify: {connection: chat, channel: a}}]", "9:17: error[wrong-comparison]: an alert watches for too much, not for too little; write > or >="),
]  # fmt: skip


@pytest.mark.parametrize(("alerts", "head"), ALERT_PROBLEMS)
def test_what_is_wrong_in_alerts_is_said_with_its_place(alerts: str, head: str) -> None:
    """One problem each: what is watched, how much is too much, and where it is said."""
    gateway = GATEWAY + "  chat: {connector: chat, url: https://chat.example}\n" + alerts
    _, problems = load_site({"gateway.yaml": gateway}, {**SPECS, "chat": CHAT})
    assert [each.head for each in problems] == [f"gateway.yaml:{head}"]


PEOPLE = """
people:
  eva: {email: eva@acme.example, accounts: {chat: U04EVA}}
  marek: {email: marek@acme.example, accounts: {zen: "7"}}
roles: {duty: [eva], night: [eva, marek], owner: ticket.assignee}
"""
REACHES = [
    ("clock_paused > 10d", "role: duty", ""),
    ("dead_letter_age > 1h", "person: eva", ""),
    ("dead_letter_age > 1h", "roles: [duty, night]", "warning[nobody-to-tell]: marek cannot be told: no account at a connection that takes notifications (chat); add accounts: to people:, or give {connection: chat, channel: NAME}"),
    ("clock_paused > 10d", "person: marek", "warning[nobody-to-tell]: marek cannot be told: no account at a connection that takes notifications (chat); add accounts: to people:, or give {connection: chat, channel: NAME}"),
    ("ticket_in_stage > 5d", "role: owner", ""),
    ("dead_letter_age > 1h", "role: owner", "warning[nobody-to-tell]: owner stands for a field of a ticket, and this is about none: nobody is told by it; give {connection: chat, channel: NAME}"),
]  # fmt: skip


@pytest.mark.parametrize(("when", "notify", "head"), REACHES)
def test_whom_an_alert_does_not_reach_is_said(when: str, notify: str, head: str) -> None:
    """Roles and people are told by accounts of their own; who has none is named."""
    gateway = GATEWAY + "  chat: {connector: chat, url: https://chat.example}\n"
    gateway += f"alerts: [{{when: {when}, notify: {{{notify}}}}}]"
    files = {"gateway.yaml": gateway, "rules/05-people.yaml": PEOPLE}
    loaded, problems = load_site(files, {**SPECS, "chat": CHAT})
    assert loaded is not None, problems
    assert [each.head.partition(": ")[2] for each in problems] == ([head] if head else [])


def test_an_alert_becomes_what_is_watched() -> None:
    """Seconds or a number, the limit itself included or not, and a name that the place in the file does not change."""
    gateway = GATEWAY + "  chat: {connector: chat, url: https://chat.example, channel: ops}\nalerts:\n"
    lines = [
        "  - {when: dead_letter_age >= 1h30m, notify: {connection: chat, channel: night}}\n",
        "  - {when: dead_letters_per_hour > 20, notify: {connection: chat, runbook: see-wiki}}\n",
    ]
    (age, hourly), (second, first) = (
        site("", gateway + "".join(ordered), {**SPECS, "chat": CHAT}).alerts for ordered in (lines, lines[::-1])
    )
    assert (age.metric, age.limit, age.notify["channel"]) == (Metric.DEAD_LETTER_AGE, 5400, "night")
    assert (hourly.limit, hourly.runbook) == (20, "see-wiki")
    assert (age.key, hourly.key) == (first.key, second.key)
    assert (age.exceeds(5400), age.exceeds(5399), hourly.exceeds(20), hourly.exceeds(21)) == (True, False, False, True)


def test_a_setting_behind_a_reference_is_checked_later() -> None:
    """Its type is not known yet."""
    assert problems_of("", ONE + ", size: '${SIZE}'}") == ()


def test_a_broken_connection_is_not_reported_again_where_it_is_used() -> None:
    """One cause, one error."""
    gateway = GATEWAY + "  bad: {url: https://x.example}\n"
    codes = [each.code for each in problems_of("sync:\n  - {name: s, from: zen, to: bad}\n", gateway)]
    assert codes == ["missing-key"]


def test_an_uninstalled_connector_is_a_warning_and_its_rules_are_inert() -> None:
    """With its name; nothing is checked against a desk that is not known."""
    gateway = GATEWAY.replace("connector: desk\n    url: https://rt", "connector: jira\n    url: https://rt")
    problems = problems_of("sync:\n  - {name: s, from: zen, to: rt, create: {x: 1}, fields: {title: both}}\n", gateway)
    assert [each.head for each in problems] == [
        "gateway.yaml:6:16: warning[unknown-connector]: the connector 'jira' is not installed, so 'rt' takes no part; valid: desk",
        "rules/a.yaml:2:30: warning[inert-rule]: 's' does nothing: the connector 'jira' is not installed; install it, or take the rule out",
    ]


def test_a_field_that_a_desk_cannot_read_or_write_is_an_error() -> None:
    """By what its connector declares; a title or a body may still be given when a ticket is created."""
    poor = msgspec.structs.replace(
        DESK, name="poor", title="Poor", readable_fields=frozenset({"title"}), writable_fields=frozenset({"status"})
    )
    gateway = GATEWAY.replace("connector: desk\n    url: https://rt", "connector: poor\n    url: https://rt")
    rules = "sync:\n  - name: s\n    from: zen\n    to: rt\n    fields:\n      title: from\n      tags: from\n      status: to\n"
    assert [each.head for each in problems_of(rules, gateway, {**SPECS, "poor": poor})] == [
        "rules/a.yaml:6:7: warning[only-at-creation]: 'title' reaches 'rt' only when the ticket is created there; Poor cannot change it later",
        "rules/a.yaml:7:7: error[not-writable]: 'tags' cannot be written at 'rt' (Poor); it can: status",
        "rules/a.yaml:8:7: error[not-readable]: 'status' cannot be read at 'rt' (Poor); it can: title",
    ]


def test_statuses_are_compared_with_those_that_the_desk_is_known_to_have() -> None:
    """Its own, those of the connection, those of `stages:`; anything else is only a warning."""
    spec = msgspec.structs.replace(
        DESK, statuses=("new", "open"), settings=(*DESK.settings, msgspec.structs.replace(DESK.settings[0], name="statuses", schema={}, secret=False))
    )  # fmt: skip
    gateway = GATEWAY + "    statuses: {testing: open}\n"
    rules = (
        "stages: {task: [{doing: {rt: [doing, done]}}]}\n" + MAP
        + "          - {ours: new, theirs: new}\n          - {ours: open, theirs: [testing, doing, opne], to: testing}\n"
        + TOTAL.replace("open, ", "").replace("theirs: b, back: open", "theirs: done, back: on_hold")
    )  # fmt: skip
    assert [each.head for each in problems_of(rules, gateway, {"desk": spec})] == [
        "rules/a.yaml:9:9: warning[status-map-gap]: the map says nothing about open of 'rt'; add them to `theirs` of a row",
        "rules/a.yaml:11:51: warning[unknown-status]: 'rt' is not known to have the status 'opne'; did you mean 'open'?",
    ]


def test_a_needed_create_key_is_asked_for() -> None:
    """At `create:`, or at `to:` when there is none."""
    needing = msgspec.structs.replace(
        DESK, create_params=(msgspec.structs.replace(DESK.create_params[0], required=True),)
    )
    rules = "sync:\n  - {name: s, from: zen, to: rt}\n  - {name: t, from: zen, to: rt, create: {}}\n"
    assert [each.head for each in problems_of(rules, specs={"desk": needing})] == [
        "rules/a.yaml:2:30: error[missing-key]: a ticket in Desk needs queue; add create: {queue: …}",
        "rules/a.yaml:3:42: error[missing-key]: create in Desk needs 'queue'; add queue: here",
    ]


def test_without_gateway_yaml_there_is_no_site() -> None:
    """And the error says how to get one."""
    loaded, problems = load_site({"rules/a.yaml": ""}, SPECS)
    assert loaded is None
    assert problems[0].code == "missing-file"
    assert "gateway init" in problems[0].hint


def test_problems_come_in_order_and_as_json() -> None:
    """File, line, column; each once."""
    problems = problems_of("classify:\n  - {name: x, set: {kin: a, kynd: b}}\n", GATEWAY + "mode: x\n")
    assert [each.file for each in problems] == ["gateway.yaml", "rules/a.yaml", "rules/a.yaml"]
    assert in_order((*problems, *problems)) == problems
    assert json.loads(json.dumps(problems[0].as_json())) == {
        "file": "gateway.yaml", "line": 8, "column": 7, "code": "not-one-of", "severity": "error",
        "message": "'x' is not valid here", "hint": "valid: live, observe", "excerpt": "mode: x",
        "docs": "docs/rules/problems.md#not-one-of",
    }  # fmt: skip


def test_the_owner_of_a_field_may_stand_alone_or_in_a_mapping() -> None:
    """Both mean the same."""
    rules = site("sync:\n  - {name: s, from: zen, to: rt, fields: {title: both, tags: {owner: to}}}\n").rules
    found = rules.sync("s")
    assert found is not None
    assert found.fields == {"title": Owner.BOTH, "tags": Owner.TO}


# ---------------------------------------------------------------- anything at all

WORDS = st.sampled_from(
    ["classify", "sync", "sla", "people", "stages", "name", "when", "set", "from", "to", "zen", "rt", "fields", "status",
     "map", "ours", "theirs", "owner", "both", "kind", "task", "all", "any", "not", "text", "words", "matches", "(a", "P1",
     "priority", "custom.x", "targets", "resolution", "P1", "5h", "do", "notify", "create", "calendars", "connector",
     "connections", "desk", "url", "${X}", "token", "alerts", "exists", "above", "stage", "implementation", "agents"],
)  # fmt: skip
VALUES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=30,
)
SECTIONS = st.dictionaries(
    st.sampled_from(["classify", "sync", "stages", "sla", "escalations", "routes", "people", "duplicates", "teams"]),
    st.lists(st.dictionaries(WORDS, VALUES, min_size=1, max_size=5), max_size=3) | VALUES,
    max_size=3,
)


@given(SECTIONS, VALUES)
@settings(deadline=None)
def test_no_tree_makes_loading_fail(sections: object, gateway: object) -> None:
    """Whatever the shape: a site, or errors with places."""
    for files in (
        {GATEWAY_FILE: GATEWAY, "rules/a.yaml": json.dumps(sections)},
        {GATEWAY_FILE: json.dumps({"connections": gateway}), "rules/a.yaml": json.dumps(sections)},
        {GATEWAY_FILE: json.dumps(gateway), "rules/a.cases.yaml": json.dumps(sections)},
    ):
        loaded, problems = load_site(files, SPECS)
        assert (loaded is None) is any(each.is_error for each in problems)
        assert all(each.line >= 1 and each.column >= 1 and each.text for each in problems)


RULE = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b"]), "from": st.sampled_from(["zen", "rt", "x"]), "to": st.sampled_from(["zen", "rt"])},
    optional={
        "when": VALUES,
        "fields": st.dictionaries(st.sampled_from(["title", "status", "priority", "comments", "attachments", "kind"]), VALUES),
        "create": VALUES,
    },
)  # fmt: skip


@given(st.lists(RULE, max_size=3))
@settings(deadline=None)
def test_no_sync_rule_makes_loading_fail(rules: list[object]) -> None:
    """Closer to what is right, so deeper into the checks."""
    problems = problems_of(json.dumps({"sync": rules}))
    assert all(each.line == 1 for each in problems)


@pytest.mark.parametrize("read", [load_site, check_site])
def test_reading_many_rules_does_not_wake_the_garbage_collector(read: Callable[..., object]) -> None:
    """The collector would go over and over what is made, which all stays; afterwards it is as it was before."""
    rules = "\n".join(f"  - {{name: r{each}, when: {{org.id: o{each}}}, set: {{tier: gold}}}}" for each in range(1000))
    woken: list[str] = []

    def hear(phase: str, _info: object) -> None:
        woken.append(phase)

    gc.callbacks.append(hear)
    try:
        read({GATEWAY_FILE: GATEWAY, "rules/a.yaml": f"classify:\n{rules}\n"}, SPECS)
    finally:
        gc.callbacks.remove(hear)
    # once: as soon as it may again
    assert woken.count("start") <= 1
    assert gc.isenabled()
    gc.disable()
    try:
        read({}, SPECS)
        assert not gc.isenabled()
    finally:
        gc.enable()
