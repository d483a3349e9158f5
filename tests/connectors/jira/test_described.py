"""A description is written over another: pictures, calls, dates and links to files of the old one stay."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.jira.bench import JiraCloudBench
from connectors.sdk import Intent, Operation
from connectors.testing.conformance.stand import context
from connectors.testing.driver import Driver

BOB = "557058:b0b"
SHOT = {
    "type": "mediaSingle",
    "attrs": {"layout": "align-start", "width": 50},
    "content": [{"type": "media", "attrs": {"type": "file", "id": "m1", "collection": "", "alt": "shot.png"}}],
}
CALL = {"type": "mention", "attrs": {"id": BOB, "text": "@Bob Stone", "accessLevel": ""}}
DATE = {"type": "date", "attrs": {"timestamp": "1582152559000"}}


def words(said: str) -> dict[str, Any]:
    """Return a text node."""
    return {"type": "text", "text": said}


def document(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Return a document."""
    return {"type": "doc", "version": 1, "content": list(blocks)}


def paragraph(*inside: dict[str, Any]) -> dict[str, Any]:
    """Return a paragraph."""
    return {"type": "paragraph", "content": list(inside)}


def rewritten(bench: JiraCloudBench, driver: Driver, there: Any, body: str) -> Any:
    """Write a body over a description, twice; return what stands there then."""
    ticket = bench.open_ticket("Printer", "On fire")
    held = bench.desk.records.issues[ticket]
    held["description"] = there
    for _ in range(2):
        driver.settle(Intent(Operation.SET_FIELDS, {"body": body}), context(ticket))
    return held["description"]


@pytest.mark.parametrize("shown", ["![shot.png](attachment:m1)", "[shot.png]"])
def test_a_picture_that_stands_there_is_written_back_as_itself(
    bench: JiraCloudBench, driver: Driver, shown: str
) -> None:
    """By its name too: other desks show no more of it."""
    if not bench.cloud:
        pytest.skip("documents are those of Cloud")
    there = document(paragraph(words("see")), SHOT, paragraph(words("please")))
    found = rewritten(bench, driver, there, f"look\n\n{shown}\n\nplease")
    assert found == document(paragraph(words("look")), SHOT, paragraph(words("please")))


def test_who_is_called_there_stays_called_and_nobody_else_is(bench: JiraCloudBench, driver: Driver) -> None:
    """A name of somebody whom the old text does not call is words."""
    if not bench.cloud:
        pytest.skip("documents are those of Cloud")
    there = document(paragraph(CALL, words(" please")))
    found = rewritten(bench, driver, there, "@Bob Stone and [@Ann](mention:557058:a11) please look")
    inside = found["content"][0]["content"]
    assert inside[0] == CALL
    assert [each["type"] for each in inside[1:]] == ["text"] * len(inside[1:])
    assert "".join(each["text"] for each in inside[1:]) == " and @Ann please look"


@pytest.mark.parametrize(
    "there",
    [
        document(paragraph(words("see")), SHOT),
        document(paragraph(words("by "), DATE)),
        document(paragraph(CALL, words(" please"))),
        document({"type": "mediaGroup", "content": SHOT["content"]}),
        document({**SHOT, "content": [*SHOT["content"], {"type": "caption", "content": [words("So")]}]}),
    ],
    ids=["picture", "date", "call", "file", "caption"],
)
def test_what_a_new_text_does_not_name_is_added_to(
    bench: JiraCloudBench, driver: Driver, there: dict[str, Any]
) -> None:
    """The old text stays as it is, and ours stands below it once."""
    if not bench.cloud:
        pytest.skip("documents are those of Cloud")
    found = rewritten(bench, driver, there, "And more")
    assert found == document(*there["content"], {"type": "rule"}, paragraph(words("And more")))


@pytest.mark.parametrize(
    ("there", "body", "after"),
    [
        ("see !shot.png!", "look at [shot.png]", "look at !shot.png!"),
        ("see !shot.png!", "look", "see !shot.png!\n\n----\n\nlook"),
        ("[~bob] please", "@bob please look", "[~bob] please look"),
        ("[~bob] please", "look", "[~bob] please\n\n----\n\nlook"),
        ("see [^log.txt]", "see log.txt", "see [^log.txt]\n\n----\n\nsee log.txt"),
    ],
)
def test_wiki_markup_keeps_what_stands_there(
    bench: JiraCloudBench, driver: Driver, there: str, body: str, after: str
) -> None:
    """As a document does."""
    if bench.cloud:
        pytest.skip("wiki markup is that of Data Center")
    assert rewritten(bench, driver, there, body) == after
