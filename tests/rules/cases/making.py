"""A site with two desks, and cases on it: what the tests of cases share."""

from __future__ import annotations

from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules import Problem, Site
from rules.cases import Result, Run, Words, load_cases, run_cases
from tests.rules.making import installed, problems_of, site

GATEWAY = """\
connections:
  zen:
    connector: zendesk
    url: https://zen.example
    auth: {email: ops@acme.example, api_token: "${ZEN}"}
    webhook_secret: ${ZEN_HOOK}
  rt:
    connector: request_tracker
    url: https://rt.example
    auth: {token: "${RT}"}
    webhook_secret: ${RT_HOOK}
  rt2:
    connector: request_tracker
    url: https://rt2.example
    auth: {token: "${RT}"}
    webhook_secret: ${RT_HOOK}
"""

RULES = """\
people:
  lucia: {email: lucia@acme.example, accounts: {zen: "9001", rt: lucia}}
classify:
  - {name: outage, when: {text: {words: [outage]}}, set: {kind: incident, priority: P1}}
  - {name: set-up, when: {text: {words: [set up]}}, set: {kind: implementation, stage: pending_approval}}
  - {name: billing, when: {text: {words: [invoice]}}, set: {issue: billing, tags: [money], custom.desk: finance}}
  - {name: often, when: {recent.requester.tickets: {at_least: 3}}, set: {tags: [often]}}
  - {name: loud, when: {priority: {changed_to: P1}}, set: {tier: loud}}
stages:
  implementation:
    - pending_approval: {zen: new}
    - provisioning: {zen: open, rt: open}
    - testing: {rt: testing}
duplicates:
  - {name: twice, same: [requester, issue], within: 24h, do: propose}
  - {name: same-title, when: {channel: email}, same: [requester, title], within: 1h, do: merge}
sla:
  - {name: incidents, when: {kind: incident}, targets: {resolution: 4h}}
  - {name: rest, targets: {resolution: 8h}}
sync:
  - name: work-to-rt
    from: zen
    to: rt
    when: {kind: [incident, implementation]}
    create: {queue: Onboarding}
    fields:
      title: from
      body: from
      priority: from
      assignee: from
      status:
        owner: both
        map:
          - {ours: new, theirs: new}
          - {ours: open, theirs: [open, testing], to: open}
          - {ours: [pending_customer, on_hold], theirs: stalled, back: on_hold}
          - {ours: [resolved, closed], theirs: resolved, back: resolved}
      comments: {public: both, internal: from}
    unmapped: park
"""


def made() -> Site:
    """Return the site."""
    return site(RULES, GATEWAY, installed())


def read(cases: str) -> tuple[Problem, ...]:
    """Return what is wrong with a file of cases."""
    assert not [each for each in problems_of(RULES, GATEWAY, installed()) if each.is_error]
    return load_cases({"rules/a.cases.yaml": cases}, Words.of(made()))[1]


def run(cases: str) -> Run:
    """Run cases that can be read."""
    here = made()
    words = Words.of(here)
    files, problems = load_cases({"rules/a.cases.yaml": cases}, words)
    assert problems == (), "\n".join(map(str, problems))
    desks = rehearsed_desks(here, installed())
    found = [case for file in files for case in file.cases]
    return run_cases(found, words, lambda given: rehearse(given, here.rules, desks))


def one(given: str, expect: str, then: str = "") -> Result:
    """Run one case: a ticket, what happens to it, what is expected."""
    steps = f"      then: {then}\n" if then else ""
    text = f"cases:\n  - name: it\n    given:\n      ticket: {given}\n{steps}    expect: {expect}\n"
    return run(text).results[0]
