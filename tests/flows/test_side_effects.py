"""What a desk does by itself because of our write is no edit of a person, whatever we last saw of it."""

from __future__ import annotations

import json

from gateway.ports import IncomingRequest
from gateway.store import SqlStore
from tests.flows.world import World


class DeafWorld(World):
    """A gateway that does not hear that RT has a status again."""

    deaf_to = ""

    def _hook(self, name: str, request: IncomingRequest) -> int:
        said = json.loads(request.body)
        if self.deaf_to and said.get("type") == "Status" and said.get("new_value") == self.deaf_to:
            return 200
        return super()._hook(name, request)


def test_an_opening_whose_webhook_is_lost_is_seen_beside_our_reply(store: SqlStore) -> None:
    """RT opens a ticket on an engineer's answer; only the webhook of our own next reply shows that it is open."""
    with World(store) as world:
        number = int(world.zendesk.act("create", subject="Opened", body="Body", email="kim@customer.example")["id"])
        world.settle()
        remote = world.rt.effects.all(kind="create")[0].remote_id
        world.webhooks_lost = True
        world.rt.act("reply", ticket=remote, body="an engineer's answer", by="agent1")
        world.settle()
        copy = world.rt.records.ticket(int(remote))
        assert copy is not None
        assert (world.zendesk.records.tickets[number]["status"], copy.status) == ("new", "open")
        world.webhooks_lost = False
        world.zendesk.act("comment", ticket_id=number, body="our reply", by="agent", public=True)
        world.settle()
        world.settle()
        assert (world.zendesk.records.tickets[number]["status"], copy.status) == ("open", "open")


def test_a_reply_after_a_lost_webhook_undoes_no_edit(store: SqlStore) -> None:
    """RT opens a new ticket at each of two replies, and we put it back; the first webhook about that is lost."""
    with DeafWorld(store) as world:
        for desk in ("acme-zendesk", "engineering-rt"):
            world.reconciler().poll(desk, holder="test-poll")
        number = int(world.zendesk.act("create", subject="Replies", body="Body", email="kim@customer.example")["id"])
        world.settle()
        for words in ("first reply", "second reply"):
            world.zendesk.act("comment", ticket_id=number, body=words, public=True)
        world.zendesk.act("set", ticket_id=number, status="open")
        world.zendesk.webhooks.flush(2)
        world.applier().drain(holder="test-apply", seconds=2)
        world.deaf_to = "new"
        world.deliverer().drain(
            holder="test-deliver", seconds=5, stop=lambda: bool(world.rt.effects.all(kind="comment"))
        )
        world.applier().drain(holder="test-apply", seconds=1)
        world.deaf_to = ""
        world.settle()
        copy = world.rt.records.ticket(int(world.rt.effects.all(kind="create")[0].remote_id))
        assert copy is not None
        assert (world.zendesk.records.tickets[number]["status"], copy.status) == ("open", "open")
        with world.store.read() as tx:
            assert [letter.detail for letter in tx.view.dead_letters()] == []
