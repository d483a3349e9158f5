"""What `gateway check` says of settings that cannot work: where they stand, what is wrong, what to do."""

from __future__ import annotations

import pytest
import yaml

from connectors.generic import SPEC
from connectors.sdk import Operation
from rules.site import check_site
from tests.connectors.generic.examples import blocks

HEAD = """\
connections:
  desk:
    connector: generic
    url: https://desk.example
    webhook_secret: ${SECRET}
"""

TICKET = "    ticket: {id: id}\n"

#: settings, the line on which they are wrong, and words of what is said
WRONG = {
    "a key that means nothing": ("    tickets: {id: number}\n", 6, "tickets"),
    "a place that is a number": ("    ticket: {id: 7}\n", 6, "not a place"),
    "a meaning that is none": ("    words:\n      status: {done: finished}\n", 7, "one of"),
    "nothing at all": ("", 3, "neither hears nor says"),
    "a placeholder that is none": (
        f"{TICKET}    calls:\n      create: {{path: /t, json: {{a: '{{titel}}'}}}}\n",
        8,
        "{titel}",
    ),
    "a placeholder in other letters": (
        f"{TICKET}    calls:\n      update: {{path: '/t/{{ticket}}', json: {{a: 'x {{Title}}'}}}}\n",
        8,
        "write {title}",
    ),
    "a placeholder with gaps": (f"{TICKET}    calls:\n      read: {{path: '/t/{{ ticket }}'}}\n", 8, "write {ticket}"),
    "a brace that is not closed": (
        f"{TICKET}    calls:\n      read: {{path: '/t/{{ticket'}}\n",
        8,
        "a brace of this path",
    ),
    "a time that nobody could read": (
        f"{TICKET}    times: {{format: '%Q'}}\n    calls:\n      read: {{path: '/t'}}\n",
        7,
        "'%Q'",
    ),
    "a create without an id": ("    calls:\n      create: {path: /t, json: {a: '{title}'}}\n", 7, "new ticket's id"),
    "a find without a mark": (
        f"{TICKET}    calls:\n      create:\n        path: /t\n        json: {{a: b}}\n        find: {{path: /t}}\n",
        11,
        "{key}",
    ),
    "a status without words": (
        f"{TICKET}    calls:\n      create: {{path: /t, json: {{s: '{{status}}'}}}}\n",
        8,
        "words",
    ),
    "polls that would read everything": (
        "    ticket: {id: id, updated: at}\n    calls:\n      read: {path: '/t/{ticket}'}\n      changes: {path: /t}\n",
        9,
        "every ticket",
    ),
    "changes without times": (
        f"{TICKET}    calls:\n      read: {{path: '/t/{{ticket}}'}}\n      changes: {{path: '/t?s={{since}}'}}\n",
        9,
        "when a ticket changed",
    ),
    "a header that is not signed names a delivery": (
        f"{TICKET}    incoming:\n      signature: {{kind: hmac, header: X-Sig}}\n      delivery: header:X-Id\n",
        9,
        "rename",
    ),
    "a default in a change": (
        f"{TICKET}    calls:\n      update: {{path: '/t/{{ticket}}', json: {{a: '{{title|none}}'}}}}\n",
        8,
        "write defaults in `create` only",
    ),
    "a search page by page without its place": (
        (
            f"{TICKET}    calls:\n      create:\n        path: /t\n        json: {{a: '{{key}}'}}\n"
            "        find: {path: /t, paging: {kind: next}}\n"
        ),
        11,
        "give `at:`",
    ),
    "a signature without a header": (f"{TICKET}    incoming:\n      signature: {{kind: hmac}}\n", 8, "which header"),
    "a webhook about nothing": ("    incoming: {event: {at: type}}\n", 6, "which ticket"),
    "a zone that is none": (f"{TICKET}    incoming: {{}}\n    times: {{zone: Mars/Base}}\n", 8, "time zone"),
    "an expression that is none": (
        "    ticket: {id: id, marker: {path: a, pattern: '('}}\n    incoming: {}\n",
        6,
        "regular expression",
    ),
    "a comment that cannot be found again": (
        f"{TICKET}    calls:\n      reply: {{path: '/t/{{ticket}}', find: words, json: {{a: '{{comment}}'}}}}\n",
        8,
        "found again",
    ),
    "two bodies": (
        f"{TICKET}    calls:\n      create: {{path: /t, json: {{a: '{{title}}'}}, form: {{a: '{{title}}'}}}}\n",
        8,
        "one body",
    ),
    "a secret that is written out": (
        f"{TICKET}    incoming: {{}}\n    outgoing: {{secret: abcdefgh}}\n",
        8,
        "written out",
    ),
    "credentials that prove nothing": (f"{TICKET}    incoming: {{}}\n    auth: {{user: ann}}\n", 8, "proves nothing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_refused_where_it_stands(name: str) -> None:
    """With its line, and words that lead on."""
    text, line, words = WRONG[name]
    checked = check_site({"gateway.yaml": HEAD + text}, {"generic": SPEC})
    errors = [problem for problem in checked.problems if problem.is_error]
    assert any(problem.line == line and words in f"{problem.message} {problem.hint}" for problem in errors), [
        f"{problem.line}: {problem.message} ({problem.hint})" for problem in errors
    ]


def test_no_secret_is_asked_for_twice() -> None:
    """Webhooks that nobody could prove are refused."""
    text = HEAD.replace("    webhook_secret: ${SECRET}\n", "") + "    ticket: {id: id}\n    incoming: {}\n"
    checked = check_site({"gateway.yaml": text}, {"generic": SPEC})
    assert any("webhook_secret" in problem.hint for problem in checked.problems)


def test_a_rule_that_asks_for_what_is_not_described_is_refused() -> None:
    """An osTicket takes no comments: a sync rule that sends some is an error, as for any desk without them."""
    narrow = SPEC.of(_written("osticket"))
    assert narrow.operations.keys() == {Operation.CREATE}
    site = blocks()["zapier"].rstrip() + "\n" + blocks()["osticket"].split("\n", 1)[1]
    rules = """\
sync:
  - name: copies
    from: zapier
    to: osticket
    create: {}
    fields: {title: from, body: from, status: from, comments: {public: from}}
"""
    checked = check_site({"gateway.yaml": site, "rules/sync.yaml": rules}, {"generic": SPEC})
    said = " ".join(f"{problem.message} {problem.hint}" for problem in checked.problems)
    assert "status" in said, said
    assert "public replies" in said, said


def _written(name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(blocks()[name])["connections"][name]
    return found
