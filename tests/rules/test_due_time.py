"""`due_time:` of a sync rule: what it may say, what a desk can hold, and what is made of it."""

from __future__ import annotations

import pytest

from gateway.config import resolve_settings
from rules import check_site, load_site
from rules.due_time import Form, Moment, Place, WhilePaused
from rules.problem import Problem
from rules.sync import own_shown
from tests.rules.making import installed

GATEWAY = """\
connections:
  acme-zendesk:
    connector: zendesk
    url: https://acme.example
    auth: {email: a@acme.example, api_token: "${A}"}
    webhook_secret: ${B}
    custom_fields: {sla_due: 360002, sla_status: 360003}
  engineering-rt: {connector: request_tracker, url: "https://rt.example", auth: {token: "${C}"}, webhook_secret: "${D}"}
  ops-slack: {connector: slack, auth: {bot_token: "${E}"}}
alerts:
  - {when: dead_letter_age > 30m, notify: {connection: ops-slack, channel: C0OPS}}
"""
RULES = """\
calendars: {office: {timezone: Europe/Prague, week: {mon-fri: ["09:00-17:00"]}}}
sla:
  - {name: all, calendar: office, targets: {first_response: 1h, resolution: 8h}, pause_when: {status: pending_customer}}
sync:
  - name: to-rt
    from: acme-zendesk
    to: engineering-rt
    create: {queue: General}
    fields:
      title: from
      due_time: %s
"""

TWICE = "[{metric: resolution, write: {acme-zendesk: custom.sla_due}}, {write: {acme-zendesk: custom.sla_due}}]"


def problems_of(due_time: str) -> list[Problem]:
    """Return what is wrong with a rule."""
    files = {"gateway.yaml": GATEWAY, "rules/a.yaml": RULES % due_time}
    return [each for each in check_site(files, installed()).problems if each.code != "unused-name"]


@pytest.mark.parametrize(
    "right",
    [
        "{metric: resolution, write: {acme-zendesk: custom.sla_due}}",
        "{metric: resolution, write: {acme-zendesk: custom.360002}}",
        "{write: {engineering-rt: due}}",
        "{metric: resolution}",
        "{write: {engineering-rt: false}}",
        "[{metric: first_response, write: {acme-zendesk: custom.sla_due}}, {write: {engineering-rt: due}}]",
        "{write: {acme-zendesk: {field: custom.sla_due, as: date, zone: UTC, status: custom.sla_status}}}",
        "{write: {acme-zendesk: {status: custom.sla_status, words: {nearing: hot}, tags: true, note: [due]}}}",
        "{write: {acme-zendesk: {tags: {breached: late}}, engineering-rt: {field: due, while_paused: keep}}}",
    ],
)
def test_what_is_right(right: str) -> None:
    """Nothing is said of it."""
    assert problems_of(right) == []


@pytest.mark.parametrize(
    ("wrong", "code", "at", "words"),
    [
        ("{write: {acme-zendesk: custom.slad_ue}}", "unknown-field", "custom.slad", "did you mean 'sla_due'?"),
        ("{write: {acme-zendesk: deadline}}", "unknown-field", "deadline", "write custom.NAME"),
        ("{write: {ops-slack: custom.due}}", "cannot-do", "ops-slack", "name one of the two"),
        ("{write: {engineering-rt: {tags: true}}}", "cannot-do", "tags", "write `status: custom.NAME` or `note: true`"),
        ("{write: {engineering-rt: {status: due}}}", "unknown-field", "due}", "write custom.NAME"),
        ("{write: {engineering-rt: {field: due, as: date}}}", "wrong-value", "as:", "take it out"),
        ("{write: {acme-zendesk: {field: custom.sla_due, zone: UTC}}}", "wrong-value", "zone", "take it out"),
        (
            "{write: {acme-zendesk: {field: custom.sla_due, as: text, zone: Europe/Pragu}}}",
            "unknown-timezone", "Europe/Pragu", "did you mean 'Europe/Prague'?",
        ),
        ("{write: {acme-zendesk: {as: date}}}", "missing-key", "as:", "add field: here"),
        ("{write: {acme-zendesk: {words: {nearing: hot}}}}", "missing-key", "words", "add status: here"),
        ("{metric: resoluton}", "unknown-metric", "resoluton", "did you mean 'resolution'?"),
        ("{write: {acme-zendesk: {tags: {breached: Very Late}}}}", "wrong-form", "Very Late", ""),
        (
            TWICE,
            "field-mapped-twice", "custom.sla_due}}]", "write one of them into a field of its own",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_shown_where_it_stands(wrong: str, code: str, at: str, words: str) -> None:
    """With line and column, and what to do."""
    (problem,) = problems_of(wrong)
    line = (RULES % wrong).splitlines()[problem.line - 1]
    assert problem.code == code, problem
    assert line[problem.column - 1 :].startswith(at), line[problem.column - 1 :]
    assert words in problem.hint


def test_what_is_made_of_it() -> None:
    """Places with their defaults, and which fields and tags the gateway keeps at a desk."""
    text = RULES % (
        "{metric: resolution, write: {acme-zendesk: {field: custom.sla_due, as: epoch, while_paused: keep, "
        "status: custom.sla_status, tags: true, note: true}, engineering-rt: due}}"
    )
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": text}, installed())
    assert site is not None, problems
    (rule,) = site.rules.sync_rules
    (due,) = rule.due_time
    assert due.metric == "resolution"
    assert due.write["engineering-rt"] == Place(field="due")
    place = due.write["acme-zendesk"]
    assert (place.form, place.while_paused, place.note) == (
        Form.EPOCH,
        WhilePaused.KEEP,
        (Moment.NEARING, Moment.BREACHED),
    )
    fields, tags = own_shown(site.rules.sync_rules, "acme-zendesk")
    assert fields == {"sla_due", "sla_status"}
    assert tags == {"sla:at-risk", "sla:breached", "sla:paused"}
    assert own_shown(site.rules.sync_rules, "engineering-rt") == (frozenset(), frozenset())


def test_a_desk_counts_only_what_it_can() -> None:
    """An authority is a connection with clocks of its own for that metric, or the gateway."""

    def found(authority: str) -> list[tuple[str, str]]:
        text = (RULES % "{metric: resolution}").replace("targets:", f"authority: {authority}, targets:")
        problems = check_site({"gateway.yaml": GATEWAY, "rules/a.yaml": text}, installed()).problems
        return [(each.code, each.hint) for each in problems if each.code != "unused-name"]

    assert found("{first_response: acme-zendesk, resolution: gateway}") == []
    ((code, hint),) = found("{first_response: engineering-rt}")
    assert (code, hint) == ("cannot-do", "write gateway")
    ((code, hint),) = found("{ownership: acme-zendesk}")
    assert code == "cannot-do"
    assert hint.startswith("it counts: agent_work")
    ((code, _),) = found("{first_response: acme-zendsk}")
    assert code == "unknown-connection"
    ((code, _),) = found("{first_respnse: acme-zendesk}")
    assert code == "unknown-key"


def test_a_connection_is_told_what_it_keeps_and_counts() -> None:
    """So that the connector knows which fields and tags are nobody's edit, and reads its clocks."""
    due = "{write: {acme-zendesk: {field: custom.sla_due, tags: {breached: late}}}}"
    text = (RULES % due).replace("targets:", "authority: {next_reply: acme-zendesk}, targets:")
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": text}, installed())
    assert site is not None, problems
    settings, missing = resolve_settings(site, dict.fromkeys("ABCDE", "x"), installed())
    assert missing == ()
    zendesk, rt = settings["acme-zendesk"], settings["engineering-rt"]
    kept = [sorted(each) for each in (zendesk.own_fields, zendesk.own_tags, zendesk.counts)]
    assert kept == [["sla_due"], ["late"], ["next_reply"]]
    assert (rt.own_fields, rt.own_tags, rt.counts) == (frozenset(), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("written", "code", "at"),
    [
        ("custom.sla_due", "", ""),
        ("{metric: resolution, field: custom.sla_due, as: date, zone: UTC, tags: true}", "", ""),
        ("[{metric: resolution, field: custom.sla_due}, {metric: first_response, note: true}]", "", ""),
        ("false", "", ""),
        ("custom.slad_ue", "unknown-field", "custom.slad_ue"),
        ("{metric: resoluton, field: custom.sla_due}", "unknown-metric", "resoluton"),
        ("{field: custom.sla_due, as: dat}", "not-one-of", "dat"),
    ],
)
def test_a_connection_shows_it_of_every_ticket(written: str, code: str, at: str) -> None:
    """In gateway.yaml, checked like that of a rule."""
    gateway = GATEWAY.replace("    webhook_secret: ${B}\n", f"    webhook_secret: ${{B}}\n    due_time: {written}\n")
    files = {"gateway.yaml": gateway, "rules/a.yaml": RULES % "{metric: resolution}"}
    found = [each for each in check_site(files, installed()).problems if each.code != "unused-name"]
    assert [each.code for each in found] == ([code] if code else [])
    for problem in found:
        assert problem.file == "gateway.yaml"
        assert gateway.splitlines()[problem.line - 1][problem.column - 1 :].startswith(at)


def test_lint_leaves_what_a_desk_counts_to_the_desk() -> None:
    """Its pauses and targets are not ours; and the effect of the policy says who counts."""
    text = """\
sla:
  - name: all
    targets: {resolution: 8h}
    authority: {resolution: acme-zendesk, next_reply: acme-zendesk}
escalations:
  - {name: late, at: breach, metrics: [next_reply], do: [{comment: late}]}
"""
    checked = check_site({"gateway.yaml": GATEWAY, "rules/a.yaml": text}, installed())
    assert [each.code for each in checked.problems if each.code != "unused-name"] == []
    (effect,) = checked.policies
    assert {each.metric: each.pauses for each in effect.clocks} == {
        "resolution": "as acme-zendesk says",
        "next_reply": "as acme-zendesk says",
    }
