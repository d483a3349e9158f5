"""The ticket's page says why it is so: each rule, whether it matched, and if not, what it saw."""

from __future__ import annotations

import pytest

from gateway.ports import AuditEntry
from rules import decide
from rules.classify import value_text
from rules.inputs import Inputs, encoded
from tests.records import ZENDESK, Recorder
from tests.rules.making import rule_set
from tests.web.conftest import SmallGateway
from tests.web.test_console import HOSTILE, page, tags

RULES = """\
classify:
  - {name: outage, when: {text: {words: [outage]}}, set: {kind: incident, priority: P1}}
  - {name: billing, when: {title: {words: [invoice]}}, set: {issue: billing}}
sla:
  - {name: incidents, when: {kind: incident}, targets: {resolution: 4h}}
  - {name: rest, targets: {resolution: 8h}}
"""


@pytest.fixture
def recorder(parts: SmallGateway) -> Recorder:
    """Write records at this moment."""
    return Recorder(parts.store, parts.ids, parts.clock.now())


def decided(recorder: Recorder, title: str, release: str, *, redacted: bool = False, number: int = 1) -> str:
    """Store a ticket and a decision on it, as apply does."""
    ticket_id, _ = recorder.ticket(title, number=number)
    with recorder.store.read() as tx:
        ticket = tx.tickets.get(ticket_id)
    assert ticket is not None
    here = frozenset({ZENDESK})
    decision = decide(rule_set(RULES), ticket, previous=None, links=here, now=recorder.now)
    sets = {each.field: value_text(each.value) for each in decision.sets}
    inputs = b"" if redacted else encoded(Inputs.of(ticket, None, here, recorder.now))
    entry = AuditEntry(recorder.now, "desk:x", "decided", ticket_id, {"release": release, "sets": sets}, "", inputs)
    recorder.store.write(lambda tx: tx.audit.add([entry]))
    return ticket_id


def test_every_rule_is_there_with_what_it_saw(address: str, recorder: Recorder, parts: SmallGateway) -> None:
    """Folded away, phase by phase, also in the part that is polled."""
    parts.releases["r1"] = rule_set(RULES)
    ticket = decided(recorder, "Total outage", "r1")
    for path in (f"/tickets/{ticket}", f"/part/tickets/{ticket}"):
        text = page(address, path).text
        folded = text[text.index('<details id="why">') : text.index("</details>", text.index('<details id="why">'))]
        assert folded.index("<h3>classify</h3>") < folded.index("<h3>sla</h3>")
        assert "set kind = incident, priority = P1" in folded
        assert "title is &#39;Total outage&#39;, not with the words" in folded
        assert "policy “incidents”" in folded
        assert "not asked: " in folded
    assert ("details", {"id": "why"}) in tags(page(address, f"/tickets/{ticket}").text)


def test_the_poll_sees_a_new_decision(address: str, recorder: Recorder, parts: SmallGateway) -> None:
    """What explains it is part of the tag: a release that can be asked again changes the page."""
    ticket = decided(recorder, "Total outage", "r1")
    before = page(address, f"/part/tickets/{ticket}")
    parts.releases["r1"] = rule_set(RULES)
    after = page(address, f"/part/tickets/{ticket}")
    assert before.headers["ETag"] != after.headers["ETag"]


def test_what_cannot_be_explained_says_so(address: str, recorder: Recorder) -> None:
    """A release whose files do not load, a decision whose inputs are gone, a ticket without any."""
    assert "do not load any more" in page(address, f"/tickets/{decided(recorder, 'one', 'gone')}").text
    redacted = decided(recorder, "two", "r1", redacted=True, number=2)
    assert "has been redacted" in page(address, f"/tickets/{redacted}").text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_titles_stay_text(address: str, recorder: Recorder, parts: SmallGateway, hostile: str) -> None:
    """A reason quotes what a stranger wrote."""
    parts.releases["r1"] = rule_set(RULES)
    text = page(address, f"/tickets/{decided(recorder, hostile, 'r1')}").text
    for tag, attributes in tags(text):
        assert tag not in {"svg", "iframe"}
        assert tag != "img" or attributes.get("src") == "/static/icon.svg"
        assert tag != "script" or attributes.get("src") == "/static/console.js"
        assert not any(name.startswith("on") for name in attributes)
