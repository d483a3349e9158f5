"""Files on cases: read whole, written once, seen by those who may."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.dynamics365.bench import Dynamics365Bench
from connectors.dynamics365.connector import Dynamics365Connector
from connectors.sdk import Attachment, Intent, Operation, RemoteTicket, Visibility
from connectors.testing.conformance.writes import FAULTS
from connectors.testing.driver import Driver
from tests.connectors.dynamics365.conftest import first_attempt

DATA = b"\x00\x01 some bytes \xff\r\n" * 5_000
KEY = "0123456789abcdef0123456789abcdef"


def sending(driver: Driver, visibility: Visibility = Visibility.INTERNAL) -> Intent:
    """Return the intent to put a file on a case."""
    blob = driver.files.put(DATA)
    file = Attachment("plan.pdf", "application/pdf", blob.size, sha256=blob.sha256, visibility=visibility)
    return Intent(Operation.ATTACH, attachments=(file,))


def whole(driver: Driver, case: str) -> RemoteTicket:
    """Read a case that must be there."""
    found = driver.run(driver.connector.read(case))
    assert found is not None
    return found


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_arrives_once_under_every_fault(bench: Dynamics365Bench, driver: Driver, fault: str) -> None:
    """It is there once, with its bytes, and the receipt names it as a read does."""
    case = bench.open_ticket("Printer", "It is on fire")
    how: dict[str, Any] = {**FAULTS[fault], "count": 2}
    bench.desk.fault(fault, method="PATCH", **how)
    receipt = driver.settle(sending(driver), first_attempt(KEY, case), bench.desk.accept)
    (shown,) = bench.shown(case).files
    assert (shown.name, shown.data) == ("plan.pdf", DATA)
    # a connection that closed without a word is found closed by whoever asks next
    later = Driver(driver.connector, deadline=2.0)
    (read,) = whole(later, case).attachments
    assert receipt.file_ids == (read.remote_id,)
    assert (read.name, read.mime, read.size) == ("plan.pdf", "application/pdf", len(DATA))
    assert isinstance(later.connector, Dynamics365Connector)
    assert later.run(later.connector.fetch(read)) == DATA
    later.close()
    assert bench.desk.effects.doubled() == {}


@pytest.mark.parametrize("visibility", list(Visibility))
def test_who_may_read_a_file(bench: Dynamics365Bench, driver: Driver, visibility: Visibility) -> None:
    """The portal shows one whose note begins so, both ways."""
    case = bench.open_ticket("Printer", "It is on fire")
    driver.settle(sending(driver, visibility), first_attempt(KEY, case))
    assert [one.public for one in bench.shown(case).files] == [visibility is Visibility.PUBLIC]
    bench.attach(case, "by an agent.txt", b"hello", public=visibility is Visibility.PUBLIC)
    assert {one.visibility for one in whole(driver, case).attachments} == {visibility}


def test_a_file_that_is_gone(driver: Driver, bench: Dynamics365Bench) -> None:
    """It is None, whatever its id; a note without a file is none."""
    assert isinstance(driver.connector, Dynamics365Connector)
    note = bench.desk.act("note", case_id=bench.open_ticket("Printer", "On fire"), text="Hello")
    for number in (note, KEY, "17", ""):
        assert driver.run(driver.connector.fetch(Attachment("x", remote_id=number))) is None
