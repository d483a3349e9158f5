"""What journeys along the edges of a ticket's life share: a gateway whose time can be put forward."""

from __future__ import annotations

from datetime import timedelta

from gateway.store import SqlStore
from tests.clocks import MovedClock
from tests.flows.world import World

ZENDESK, RT = "acme-zendesk", "engineering-rt"


class Edge(World):
    """A Zendesk and an RT; every Zendesk ticket also lives in RT."""

    #: tests put the clock forward
    patience = timedelta(0)

    def __init__(self, store: SqlStore) -> None:
        self.time = MovedClock()
        super().__init__(store, clock=self.time)

    def begun(self, subject: str = "Printer") -> tuple[int, str]:
        """Return a Zendesk ticket and its copy in RT."""
        number = int(self.zendesk.act("create", subject=subject, body="It burns", email="kim@customer.example")["id"])
        self.settle()
        return number, self.rt.effects.all(kind="create")[-1].remote_id

    def pass_time(self, seconds: float, rounds: int = 1) -> None:
        """Let time pass for everybody, so often, and let the gateway work in between."""
        for _ in range(rounds):
            span = timedelta(seconds=seconds)
            self.time.ahead += span
            for desk in self.desks:
                desk.clock.skew += span
            self.settle(quiet=0.1)

    def poll(self, *names: str) -> None:
        """Ask desks what has changed."""
        for name in names or (ZENDESK, RT):
            self.reconciler().poll(name, holder="edge")
        self.settle(quiet=0.1)

    def letters(self) -> list[tuple[str, str]]:
        """Return (connection, reason) of the dead letters."""
        with self.store.read() as tx:
            return [(each.connection, each.reason) for each in tx.view.dead_letters(limit=20)]

    def at_zendesk(self, number: int) -> list[str]:
        """Return the last lines of the comments of a Zendesk ticket, without its description."""
        return [str(each["body"]).splitlines()[-1] for each in self.zendesk.records.comments[number]][1:]

    def at_rt(self, number: str) -> list[str]:
        """Return the last lines of what was said on an RT ticket."""
        records = self.rt.records
        ticket = records.ticket(int(number))
        assert ticket is not None
        said = [one for one in records.history(ticket) if one.type in {"Comment", "Correspond"}]
        texts = [records.parts(one.number)[0].content.strip() for one in said if records.parts(one.number)]
        return [text.splitlines()[-1] for text in texts]
