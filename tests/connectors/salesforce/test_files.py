"""Files on cases: read whole, written once, seen by those who may."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.salesforce.bench import SalesforceBench
from connectors.salesforce.connector import SalesforceConnector
from connectors.sdk import Attachment, Blob, Intent, Operation, RemoteTicket, Visibility
from connectors.testing.conformance.writes import FAULTS
from connectors.testing.driver import Driver
from tests.connectors.salesforce.conftest import first_attempt

DATA = b"\x00\x01 some bytes \xff\r\n--boundary" * 5_000


def sending(driver: Driver, name: str = "plan.pdf", visibility: Visibility = Visibility.INTERNAL) -> Intent:
    """Return the intent to put a file on a case."""
    blob = driver.files.put(DATA)
    file = Attachment(name, "application/pdf", blob.size, sha256=blob.sha256, visibility=visibility)
    return Intent(Operation.ATTACH, attachments=(file,))


def whole(driver: Driver, case: str) -> RemoteTicket:
    """Read a case that must be there."""
    found = driver.run(driver.connector.read(case))
    assert found is not None
    return found


def fetched(driver: Driver, file: Attachment) -> bytes:
    """Return the bytes of a file."""
    assert isinstance(driver.connector, SalesforceConnector)
    blob = driver.run(driver.connector.fetch(file))
    assert isinstance(blob, Blob)
    return driver.files.held[blob.sha256]


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_arrives_once_under_every_fault(bench: SalesforceBench, driver: Driver, fault: str) -> None:
    """Whatever befalls the upload and the link: it is shown once, and the receipt names it as a read does."""
    case = bench.open_ticket("Printer", "It is on fire")
    how: dict[str, Any] = {**FAULTS[fault], "count": 2}
    bench.desk.fault(fault, method="POST", path="Content", **how)
    intent, given = sending(driver), first_attempt("k1", case)
    receipt = driver.settle(intent, given, bench.desk.accept)
    # a connection that closed without a word is found closed by whoever asks next
    driver = Driver(driver.connector, deadline=2.0)
    (shown,) = bench.shown(case).files
    assert (shown.name, shown.data) == ("plan.pdf", DATA)
    (read,) = whole(driver, case).attachments
    assert receipt.file_ids == (read.remote_id,)
    assert fetched(driver, read) == DATA
    driver.close()


@pytest.mark.parametrize("visibility", list(Visibility))
def test_who_may_read_a_file(bench: SalesforceBench, driver: Driver, visibility: Visibility) -> None:
    """An internal one is shown to those who work there, both ways."""
    case = bench.open_ticket("Printer", "It is on fire")
    driver.settle(sending(driver, visibility=visibility), first_attempt("k1", case))
    assert [one.public for one in bench.shown(case).files] == [visibility is Visibility.PUBLIC]
    bench.attach(case, "by an agent.txt", b"hello", public=visibility is Visibility.PUBLIC)
    assert {one.visibility for one in whole(driver, case).attachments} == {visibility}


def test_files_of_both_kinds_are_read(bench: SalesforceBench, driver: Driver) -> None:
    """Of the case and of its e-mails: name, type and size, and their bytes."""
    case = bench.open_ticket("Printer", "It is on fire")
    desk = bench.desk
    desk.act("attach", case_id=case, name="log.txt", data=b"12345")
    desk.act("old_attachment", case_id=case, name="old.txt", data=b"older", private=True)
    letter = desk.act("email", case_id=case, body="See the picture")
    desk.act("attach", case_id=letter, name="picture.png", data=b"\x89PNG")
    found = whole(driver, case)
    told = {one.name: (one.mime, one.size, one.visibility) for one in found.attachments}
    assert told == {
        "log.txt": ("text/plain", 5, Visibility.PUBLIC),
        "old.txt": ("text/plain", 5, Visibility.INTERNAL),
    }
    assert {fetched(driver, one) for one in found.attachments} == {b"12345", b"older"}
    (said,) = found.comments
    assert [(one.name, one.mime) for one in said.attachments] == [("picture.png", "image/png")]
    assert fetched(driver, said.attachments[0]) == b"\x89PNG"


def test_a_file_that_is_gone(driver: Driver, bench: SalesforceBench) -> None:
    """It is None, whatever its id."""
    assert isinstance(driver.connector, SalesforceConnector)
    for number in ("0695j00000AbCdEAAV", "00P5j00000AbCdEAAV", "17", ""):
        assert driver.run(driver.connector.fetch(Attachment("x", remote_id=number))) is None
    assert bench.desk.stored == {}
