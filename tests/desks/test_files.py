"""Files at a real Request Tracker: ours arrive whole and under their names, a person's are read byte for byte."""

from __future__ import annotations

import base64

import pytest

from connectors.sdk import Attachment, CommentIntent, Intent, Operation, TransportError, Visibility, WriteContext
from connectors.testing.conformance.files import DATA, DOT, NAME, fetched, files_of
from tests.connectors.request_tracker.stand import Stand

pytestmark = [pytest.mark.desk, pytest.mark.slow, pytest.mark.timeout(240)]
NAMED = (("dot.png", "image/png", DOT), (NAME, "application/octet-stream", DATA))


def attachments(stand: Stand, visibility: Visibility) -> tuple[Attachment, ...]:
    """Return files that we have."""
    found = []
    for name, mime, data in NAMED:
        blob = stand.driver.files.put(data)
        found.append(Attachment(name, mime, blob.size, sha256=blob.sha256, visibility=visibility))
    return tuple(found)


@pytest.mark.parametrize("operation", [Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE])
def test_files_go_with_a_message(stand: Stand, operation: Operation) -> None:
    """In the one request that makes it; they read back as they were, for the same eyes."""
    ticket = stand.ticket()
    visibility = Visibility.PUBLIC if operation is Operation.PUBLIC_REPLY else Visibility.INTERNAL
    intent = Intent(
        operation,
        comment=CommentIntent("c1", "Here they are.", visibility),
        attachments=attachments(stand, visibility),
    )
    stand.driver.settle(intent, WriteContext("f" * 31 + str(len(operation.value) % 10), ticket))
    read = stand.driver.run(stand.connector.read(ticket))
    assert read is not None
    found = files_of(read)
    assert [(each.name, each.mime, seen) for each, seen in found] == [
        (name, mime, visibility) for name, mime, _ in NAMED
    ]
    assert [fetched(stand.driver, each) for each, _ in found] == [data for _, _, data in NAMED]


def test_a_new_ticket_brings_its_files(stand: Stand) -> None:
    """RT takes them with the create."""
    intent = Intent(
        Operation.CREATE,
        {"title": "With files", "body": "Here they are.", "requester": {"email": "kim@customer.test"}},
        params={"queue": "Support"},
        attachments=attachments(stand, Visibility.PUBLIC),
    )
    receipt = stand.driver.settle(intent, WriteContext("e" * 32))
    rows = stand.person("GET", f"/ticket/{receipt.remote_id}/attachments?fields=Filename,ContentLength")
    named = {each["Filename"]: int(each["ContentLength"]) for each in rows["items"] if each.get("Filename")}
    assert named == {name: len(data) for name, _, data in NAMED}


def test_a_file_of_a_person_is_read(stand: Stand) -> None:
    """By the poll's read and by the webhook, under one id."""
    ticket = stand.ticket()
    stand.events()
    file = {
        "FileName": "log.bin",
        "FileType": "application/octet-stream",
        "FileContent": base64.b64encode(DATA).decode(),
    }
    given = {"Content": "See the log", "ContentType": "text/plain", "Attachments": [file]}
    stand.person("POST", f"/ticket/{ticket}/comment", given)
    read = stand.driver.run(stand.connector.read(ticket))
    assert read is not None
    ((each, seen),) = files_of(read)
    assert (each.name, each.size, seen) == ("log.bin", len(DATA), Visibility.INTERNAL)
    assert fetched(stand.driver, each) == DATA
    told = [file for event in stand.events() if event.comment for file in event.comment.attachments]
    assert [(file.name, file.remote_id) for file in told] == [("log.bin", each.remote_id)]
    # RT 5.0.3 answers 500 to a number that is none: it is asked again, and given up in the end
    with pytest.raises(TransportError):
        fetched(stand.driver, Attachment("x", remote_id="999999"))
