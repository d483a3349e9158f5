"""Files go from desk to desk: once, whole, and only those that may; what stays behind is said."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from connectors.testing.conformance.files import DATA, DOT
from gateway.domain.filing import FileRules
from gateway.flow.files.carrying import PATIENCE
from gateway.flow.sweep import Sweeper
from gateway.ports import FileState
from gateway.store import SqlStore
from gateway.store.file_tables import blobs
from gateway.store.tables import audit, leases
from gateway.system import SystemClock
from rules.sync import Owner
from tests.flows.world import Silent, World, sync_rule

SAID = "See the file"


class Ahead(SystemClock):
    """A clock that can be put forward."""

    ahead = timedelta()

    def now(self):  # type: ignore[no-untyped-def] # noqa: ANN201, D102 - as the one that it stands for
        return super().now() + self.ahead


def opened(world: World) -> tuple[str, str]:
    """Let a customer write in; returns the ticket and its copy."""
    ticket = str(world.zendesk.act("create", subject="Printer", body="It burns")["id"])
    world.settle_all()
    with world.store.read() as tx:
        link = tx.links.by_remote([("acme-zendesk", ticket)])["acme-zendesk", ticket]
        copy = next(each for each in tx.links.of_ticket(link.ticket_id) if each.connection == "engineering-rt")
    return ticket, copy.remote_id


def messages(world: World, copy: str, *, first: bool = False) -> list[tuple[str, list[tuple[str, bytes]]]]:
    """Return the messages of a ticket in RT, on demand with its `first` one: the words and the files of each."""
    types = {"Comment", "Correspond", *(["Create"] if first else [])}
    with world.rt.lock:
        records = world.rt.records
        ticket = records.ticket(int(copy))
        assert ticket is not None
        said = [records.parts(one.number) for one in records.history(ticket) if one.type in types]
    return [
        (next((part.content for part in parts if not part.filename), ""),
         [(part.filename, part.data) for part in parts if part.filename])
        for parts in said
    ]  # fmt: skip


def attach(world: World, ticket: str, name: str, data: bytes) -> None:
    """Let an agent of Zendesk comment with a file."""
    world.zendesk.act("attach", ticket_id=ticket, name=name, data=data)
    world.settle_all()


def test_a_file_comes_with_its_comment(store: SqlStore) -> None:
    """Although its desk tells of the comment first, and of the file afterwards; its bytes are kept once."""
    with World(store) as world:
        ticket, copy = opened(world)
        for name in ("dot.png", "the same dot.png"):
            attach(world, ticket, name, DOT)
        attach(world, ticket, "large.bin", DATA)
        brought = [file for _, files in messages(world, copy) for file in files]
        assert brought == [("dot.png", DOT), ("the same dot.png", DOT), ("large.bin", DATA)]
        with store.read() as tx:
            assert tx.connection.execute(select(func.count()).select_from(blobs)).scalar_one() == 2
        world.reconciler().poll("acme-zendesk", holder="t")
        world.reconciler().poll("engineering-rt", holder="t")
        world.settle_all()
        assert len([file for _, files in messages(world, copy) for file in files]) == 3
        assert len(world.zendesk.records.comments[int(ticket)]) == 4, "nothing came back"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("virus.EXE", b"MZ", "files that end in .exe are not let through"),
        ("photo.jpg.scr", b"MZ", "files that end in .scr are not let through"),
        ("large.bin", b"x" * 3000, "it is larger than"),
    ],
)
def test_what_is_not_let_through_is_said(store: SqlStore, name: str, data: bytes, why: str) -> None:
    """With the comment that spoke of it, and in the trail of the ticket."""
    with World(store) as world:
        world.site = msgspec.structs.replace(world.site, files=FileRules(largest=2000))
        ticket, copy = opened(world)
        attach(world, ticket, name, data)
        said = messages(world, copy)
        assert [files for _, files in said if files] == []
        assert any(name in words and why in words for words, _ in said)
        with store.read() as tx:
            found = tx.links.by_remote([("acme-zendesk", ticket)])["acme-zendesk", ticket].ticket_id
            assert [row.state for row in tx.files.of_ticket(found)] == [FileState.REFUSED]
            told = select(audit.c.action).where(audit.c.ticket_id == found)
            assert "file not brought" in tx.connection.execute(told).scalars().all()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_files_of_a_ticket_of_another_gateway_are_theirs(store: SqlStore) -> None:
    """What hangs on the first words of a ticket that bears a mark is brought, but where the mark is one of ours."""
    ours = sync_rule(name="to-zendesk", source="engineering-rt", target="acme-zendesk", create={}, fields={})
    with World(store, [sync_rule(), ours]) as world:
        token = world.zendesk.records.stage(world.zendesk.url, "dot.png", "image/png", DOT)
        marked = {"external_id": "gateway:01890000000070008000000000000000"}
        ticket = str(world.zendesk.act("create", subject="P", body="It burns", uploads=[token], **marked)["id"])
        world.settle_all()
        with store.read() as tx:
            link = tx.links.by_remote([("acme-zendesk", ticket)])["acme-zendesk", ticket]
            copy = next(each for each in tx.links.of_ticket(link.ticket_id) if each.connection == "engineering-rt")
        told = messages(world, copy.remote_id, first=True)
        assert [files for _, files in told if files] == [[("dot.png", DOT)]]
        source = str(world.rt.act("create", subject="Q", body="It smokes"))
        world.settle_all()
        (made,) = [each for each in world.zendesk.records.tickets.values() if each["subject"] == "Q"]
        assert made["external_id"].startswith("gateway:")
        token = world.zendesk.records.stage(world.zendesk.url, "dot.png", "image/png", DOT)
        world.zendesk.records.comments[made["id"]][0]["attachments"].append(world.zendesk.records.uploads[token])
        for _ in range(2):
            attach(world, str(made["id"]), "new.png", DOT)
        assert [files for _, files in messages(world, source) if files] == [[("new.png", DOT)]] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_rule_narrows_where_files_go(store: SqlStore) -> None:
    """`attachments: to`: those of the other desk come back, ours stay at home; what was said goes."""
    rules = [sync_rule(attachments=Owner.TO)]
    with World(store, rules) as world:
        ticket, copy = opened(world)
        attach(world, ticket, "dot.png", DOT)
        assert messages(world, copy) == [("See dot.png", [])]
        world.rt.act("attach", ticket=copy, name="dot.png", data=DOT, public=True)
        world.settle_all()
        last = world.zendesk.records.comments[int(ticket)][-1]
        assert [each["file_name"] for each in last["attachments"]] == ["dot.png"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_leads_elsewhere_is_not_brought(store: SqlStore) -> None:
    """An address that a desk's user made up is none of the desk's own: nobody is asked there."""
    with World(store) as world:
        ticket, copy = opened(world)
        token = world.zendesk.records.stage("http://127.0.0.1:9", "a.txt", "text/plain", b"a")
        world.zendesk.act("comment", ticket_id=ticket, body="See", uploads=[token])
        world.settle_all()
        assert any("an address that is not the desk's own" in words for words, _ in messages(world, copy))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_gone_holds_nothing_up(store: SqlStore) -> None:
    """Its comment goes, and says so."""
    with World(store) as world:
        ticket, copy = opened(world)
        world.zendesk.records.bytes = dict.fromkeys(world.zendesk.records.bytes, b"")
        token = world.zendesk.records.stage(world.zendesk.url, "a.txt", "text/plain", b"a")
        del world.zendesk.records.bytes[token]
        world.zendesk.act("comment", ticket_id=ticket, body="See", uploads=[token])
        world.settle_all()
        assert any("a.txt" in words and "does not have it any more" in words for words, _ in messages(world, copy))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_does_not_come_is_not_waited_for_long(store: SqlStore) -> None:
    """A desk that never answers for it: what was said goes after a while, and other comments do not wait at all."""
    clock = Ahead()
    with World(store, clock=clock) as world:
        ticket, copy = opened(world)
        world.zendesk.fault("error_without_effect", path="/cdn/", count=None, status=503)
        world.zendesk.act("attach", ticket_id=ticket, name="slow.bin", data=DATA)
        world.settle(seconds=3)
        assert not any("slow.bin" in words and "is not here" in words for words, _ in messages(world, copy))
        clock.ahead = PATIENCE + timedelta(seconds=1)
        world.settle_all()
        (said,) = [words for words, _ in messages(world, copy) if "slow.bin" in words]
        assert "(the file slow.bin is not here: acme-zendesk did not hand it over)" in said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_sweep_rings_for_a_file_where_nothing_is_polled(store: SqlStore) -> None:
    """A site with webhooks alone: the step that brings files is rung as soon as one is wanted, and not after it."""
    with World(store) as world:
        ticket, _ = opened(world)
        for connector in world.site.connectors.values():
            world.reconciler().poll(connector.settings.name, holder="t")
            connector.settings = msgspec.structs.replace(connector.settings, reconcile_every=None)
        world.settle_all()

        def rung() -> tuple[str, ...]:
            sweeper = Sweeper(
                store=store, site=lambda: world.site, doorbell=Silent(), clock=world.clock, holder=world.ids.new()
            )
            store.write(lambda tx: tx.connection.execute(leases.delete()))
            return sweeper.sweep()

        assert "reconcile" not in rung()
        world.zendesk.act("attach", ticket_id=ticket, name="dot.png", data=DOT)
        world.zendesk.webhooks.flush(2)
        world.applier().drain(holder="t", seconds=5)
        assert "reconcile" in rung()
        world.settle_all()
        assert "reconcile" not in rung()
