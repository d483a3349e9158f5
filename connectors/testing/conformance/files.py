"""Files: a person's is read as it is, and ours arrives once, whole, and for no other eyes than it was meant for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Attaching,
    Attachment,
    CommentIntent,
    Filing,
    Intent,
    Operation,
    RemoteTicket,
    Strategy,
    Visibility,
)
from connectors.testing.bench import Bench, Lacking
from connectors.testing.conformance.stand import Stand, context, creation
from connectors.testing.conformance.writes import FAULTS, writing
from connectors.testing.driver import Driver

#: a PNG of one dot, and bytes that no text encoding survives
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000"
    "000049454e44ae426082"
)
DATA = bytes(range(256)) * 700 + b"\r\n\x00the end"
NAME = "Größe 100% of it, 処理中.bin"


class Files(Stand):
    """What a desk does with files; a desk that takes none says so."""

    def test_it_says_how_files_go(self, there: Bench, driver: Driver) -> None:
        """As its operations, its methods and its bench do."""
        spec = self.plugin.spec
        assert (spec.attaching is None) is self.lacks("attachments")
        assert (spec.attaching is Attaching.ALONE) is (Operation.ATTACH in spec.operations)
        if spec.attaching is None:
            with pytest.raises(Lacking):
                there.attach("1", "a.txt", b"a")
            return
        assert isinstance(driver.connector, Filing)
        assert spec.max_file >= 1_000_000

    # ------------------------------------------------------------ read

    @pytest.mark.parametrize("public", [True, False])
    def test_a_file_of_a_person_is_read(self, there: Bench, driver: Driver, public: bool) -> None:  # noqa: FBT001
        """Its name, its size, who may see it, and each of its bytes."""
        self.need("attachments", *([] if public else ["internal"]))
        ticket = there.open_ticket("Printer", "It is on fire")
        for name, data in ((NAME, DATA), ("dot.png", DOT)):
            there.attach(ticket, name, data, public=public)
        found = files_of(self.whole(driver, ticket))
        assert [each.name for each, _ in found] == [NAME, "dot.png"]
        for (each, visibility), data in zip(found, (DATA, DOT), strict=True):
            assert each.size in {0, len(data)}
            assert each.remote_id
            assert fetched(driver, each) == data
            if self.plugin.spec.internal_files:
                assert visibility is (Visibility.PUBLIC if public else Visibility.INTERNAL)
        assert found[1][0].mime in {"image/png", "application/octet-stream"}
        assert len({each.remote_id for each, _ in found}) == 2

    def test_a_file_that_is_not_there_is_none(self, there: Bench, driver: Driver) -> None:
        """And raises nothing."""
        self.need("attachments")
        ticket = there.open_ticket("Printer", "It is on fire")
        there.attach(ticket, "a.txt", b"a")
        (known, _), *_ = files_of(self.whole(driver, ticket))
        gone = known.remote_id.translate(str.maketrans("0123456789abcdef", "9" * 16))
        gone += "99999" * gone.isdigit()
        missing = msgspec.structs.replace(known, remote_id=gone, url=known.url.replace(known.remote_id, gone))
        if missing == known:
            pytest.skip("its files are named by nothing that could be wrong")
        assert fetched(driver, missing) is None

    # ------------------------------------------------------------ written

    def carrying(self, driver: Driver, operation: Operation, *named: tuple[str, bytes]) -> Intent:
        """Return an intent that puts files there."""
        public = operation is not Operation.INTERNAL_NOTE
        visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
        given = []
        for name, data in named:
            blob = driver.files.put(data)
            mime = "image/png" if name.endswith(".png") else "application/octet-stream"
            given.append(Attachment(name, mime, blob.size, sha256=blob.sha256, visibility=visibility))
        words = None
        if operation in {Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}:
            words = CommentIntent("c1", "Here it is.", visibility)
        return Intent(operation, comment=words, attachments=tuple(given))

    def by(self) -> list[Operation]:
        """Return the operations by which files get there."""
        if self.plugin.spec.attaching is Attaching.ALONE:
            return [Operation.ATTACH]
        said = (Operation.PUBLIC_REPLY, *((Operation.INTERNAL_NOTE,) if self.plugin.spec.internal_files else ()))
        return [each for each in said if each in self.plugin.spec.operations]

    def test_a_file_of_ours_arrives(self, there: Bench, driver: Driver) -> None:
        """Under its name, whole, and hidden where it is to be hidden; it reads back as one that is known."""
        self.need("attachments")
        for operation in self.by():
            ticket = there.open_ticket("Printer", "It is on fire")
            named = ((NAME, DATA),) if operation is Operation.ATTACH else ((NAME, DATA), ("dot.png", DOT))
            receipt = driver.settle(self.carrying(driver, operation, *named), context(ticket))
            shown = there.shown(ticket).files
            assert [(each.name, each.data) for each in shown] == list(named)
            if operation is Operation.INTERNAL_NOTE:
                assert not any(each.public for each in shown)
            read = files_of(self.whole(driver, ticket))
            assert [each.name for each, _ in read] == [name for name, _ in named]
            if operation is Operation.ATTACH:
                assert receipt.file_ids == (read[0][0].remote_id,)

    def test_a_new_ticket_brings_its_files(self, there: Bench, driver: Driver) -> None:
        """With the create, where the desk takes files with what is said."""
        self.need("attachments")
        if self.plugin.spec.attaching is Attaching.ALONE:
            pytest.skip("each file is a write of its own there")
        given = self.carrying(driver, Operation.PUBLIC_REPLY, ("dot.png", DOT)).attachments
        intent = msgspec.structs.replace(creation(there), attachments=given)
        receipt = driver.settle(intent, context())
        assert [(each.name, each.data) for each in there.shown(receipt.remote_id).files] == [("dot.png", DOT)]

    @pytest.mark.faults
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_file_arrives_once(self, there: Bench, driver: Driver, fault: str) -> None:
        """Twice in a row with each fault; an upload that nobody sees may be repeated."""
        self.need("attachments")
        operation = self.by()[-1]
        claim = self.plugin.spec.operations[operation]
        ticket = there.open_ticket("Printer", "It is on fire")
        there.desk.fault(fault, method="POST|PUT|PATCH", path=writing(there), count=2, **FAULTS[fault])
        try:
            driver.settle(self.carrying(driver, operation, ("dot.png", DOT)), context(ticket), there.desk.accept)
        except LookupError:
            assert claim.strategy is Strategy.NONE
            assert len(there.shown(ticket).files) <= 1
            return
        assert [(each.name, each.data) for each in there.shown(ticket).files] == [("dot.png", DOT)]

    def test_a_look_takes_no_file_that_is_known(self, there: Bench, driver: Driver) -> None:
        """The same file a second time is another file."""
        self.need("attachments")
        if self.plugin.spec.attaching is not Attaching.ALONE:
            pytest.skip("files come with comments there, which are looked for")
        ticket = there.open_ticket("Printer", "It is on fire")
        intent = self.carrying(driver, Operation.ATTACH, ("dot.png", DOT))
        first = driver.settle(intent, context(ticket))
        faults: dict[str, Any] = {"count": 1, "method": "POST|PUT|PATCH", "path": writing(there)}
        there.desk.fault("reset_after", **faults)
        second = driver.settle(intent, context(ticket, known_files=frozenset(first.file_ids)), there.desk.accept)
        assert len(there.shown(ticket).files) == 2
        assert set(second.file_ids).isdisjoint(first.file_ids)


def files_of(ticket: RemoteTicket) -> list[tuple[Attachment, Visibility]]:
    """Return the files of a ticket and of its comments, with who may see them."""
    said = [(each, comment.visibility) for comment in ticket.comments for each in comment.attachments]
    return [*((each, each.visibility) for each in ticket.attachments), *said]


def fetched(driver: Driver, attachment: Attachment) -> bytes | None:
    """Fetch a file as the flow does."""
    connector = driver.connector
    assert isinstance(connector, Filing)
    found = driver.run(connector.fetch(attachment))
    if found is None or isinstance(found, bytes):
        return found
    return b"".join(driver.files.open(found.sha256))
