"""A ticket that lives in a simulated Zendesk and a real Redmine, and some that do while Redmine is killed.

Whatever the proxy loses, delays or breaks, and wherever Redmine dies: its own journals hold each word once, with its
visibility, made by our account and in order; there is one issue for each ticket; nothing is given up.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from connectors.sdk import Operation
from connectors.testing.bench import Bench
from connectors.testing.faults import FaultKind
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.desks.real_pair import RealPair
from tests.desks.redmine_bench import DEADLINE, RealRedmine
from tests.desks.redmine_server import RedmineServer
from tests.desks.test_under_fire import mishaps
from tests.pairs.pair import SOURCE, TARGET, Journey, Pair

pytestmark = [pytest.mark.desk, pytest.mark.slow, pytest.mark.timeout(400)]

SEED = int(os.environ.get("GATEWAY_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
OPEN = ("deliveries_pending", "updates_ready", "updates_sending", "updates_unknown")
GIVEN_UP = ("deliveries_parked", "updates_dead", "updates_ambiguous")
TICKETS = 3


@pytest.fixture
def redmine(redmine_server: RedmineServer) -> Iterator[type[RealRedmine]]:
    """Give the bench of the session's Redmine, which may have been killed meanwhile."""

    class Here(RealRedmine):
        server = redmine_server

    yield Here
    if not redmine_server.serves():
        redmine_server.serve()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("there", [True, False], ids=["to-redmine", "from-redmine"])
def test_a_ticket_lives_in_both(store: SqlStore, redmine: type[RealRedmine], there: bool) -> None:
    """Created, talked about from both sides, changed from both sides, and at rest."""
    ends: tuple[type[Bench], type[Bench]] = (ZendeskBench, redmine) if there else (redmine, ZendeskBench)
    with RealPair(store, *ends) as pair:
        pair.polled = (TARGET if there else SOURCE,)
        Journey(pair).run()


def _killed_within(server: RedmineServer, seconds: float) -> Callable[[], None]:
    """Return what kills Redmine so long after a write has reached it."""

    def kill() -> None:
        time.sleep(seconds)
        server.kill()

    return kill


class Fire:
    """People at both desks while the way between the gateway and Redmine is bad; `said` is what must be in Redmine."""

    def __init__(self, pair: Pair, redmine: RealRedmine, zendesk: ZendeskBench) -> None:
        self.pair = pair
        self.redmine = redmine
        self.zendesk = zendesk
        self.chance = random.Random(SEED)
        self.tickets: list[str] = []
        self.said: dict[str, list[tuple[str, bool]]] = {}
        self.answered: dict[str, list[str]] = {}
        self.acts = 0
        for connector in pair.site.connectors.values():
            # a write that a desk holds back takes effect within that time
            claims = {name: msgspec.structs.replace(each, settle=3) for name, each in connector.spec.operations.items()}
            connector.spec = msgspec.structs.replace(connector.spec, operations=claims)
        # the desks are asked what they can do: strategies rest on it
        pair.reconciler().poll_due(holder="fire", seconds=20)

    def write_in(self) -> None:
        """Let a customer write in."""
        number = len(self.tickets)
        ticket = self.zendesk.open_ticket(f"Fire {number} of {SEED}", "It burns", email="kim@customer.example")
        self.tickets.append(ticket)
        self.said[ticket], self.answered[ticket] = [], []

    def act(self) -> None:
        """Let an agent say something at Zendesk, and now and then an engineer in Redmine."""
        ticket = self.tickets[self.acts % len(self.tickets)]
        words, public = f"word {self.acts:02d} end", self.chance.random() < 0.5
        self.zendesk.say(ticket, words, public=public)
        self.said[ticket].append((words, public))
        self.acts += 1
        self.step()
        copy = self.copies().get(ticket)
        if copy and self.chance.random() < 0.3 and self.redmine.server.serves():
            answer = f"answer {self.acts:02d} end"
            self.redmine.say(copy, answer)
            self.answered[ticket].append(answer)

    def step(self) -> None:
        """Do what is due, once."""
        self.pair.settle(seconds=2.0, quiet=0.1)

    def rest(self, seconds: float) -> None:
        """Go on until nothing is open and both desks were polled after that."""
        until = time.monotonic() + seconds
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < until, self.pair.counts()
            self.pair.reconciler().poll_due(holder="fire", seconds=20)
            self.step()
            quiet = 0 if any(name in self.pair.counts() for name in OPEN) else quiet + 1
            time.sleep(0.4)

    def copies(self) -> dict[str, str]:
        """Return the issue of each ticket, by the record."""
        found: dict[str, str] = {}
        with self.pair.store.read() as tx:
            for ticket in self.tickets:
                link = tx.links.by_remote([(SOURCE, ticket)]).get((SOURCE, ticket))
                links = tx.links.of_ticket(link.ticket_id) if link is not None else ()
                for each in links:
                    if each.connection == TARGET and each.remote_id:
                        found[ticket] = each.remote_id
        return found

    def judge(self) -> list[str]:
        """Return what is not as it must be."""
        counts = self.pair.counts()
        wrong = [f"{name}: {counts[name]}, {self.pair.letters()}" for name in GIVEN_UP if counts.get(name)]
        copies = self.copies()
        made = self.redmine.call("GET", "/issues.json?status_id=*&limit=100&sort=id:desc", who="admin")["issues"]
        ours = sorted(str(each["id"]) for each in made if each["subject"].endswith(f"of {SEED}"))
        if ours != sorted(copies.values()):
            wrong.append(f"Redmine has the issues {ours}, the gateway has linked {copies}")
        gateway = self.redmine.server.made.people["gateway"].id
        for ticket, copy in copies.items():
            shown = self.redmine.call("GET", f"/issues/{copy}.json?include=journals", who="admin")["issue"]
            told = [
                (each["notes"].strip().splitlines()[-1], not each["private_notes"])
                for each in shown["journals"]
                if each["notes"] and each["user"]["id"] == gateway
            ]
            if told != self.said[ticket]:
                wrong.append(f"ticket {ticket}: Redmine has {told}, said was {self.said[ticket]}")
            heard = [each.text for each in self.zendesk.shown(ticket).comments]
            wrong += [
                f"ticket {ticket}: {words!r} is {times} times in Zendesk"
                for words in self.answered[ticket]
                if (times := sum(words in text for text in heard)) != 1
            ]
        return wrong


# in make test test_under_fire.py and test_django_helpdesk.py break the way to a real desk, and kill it
@pytest.mark.long(only=True)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_redmine_under_fire_holds_everything_once(store: SqlStore, redmine: type[RealRedmine]) -> None:
    """Each mishap befalls a creation or a note, Redmine is killed in the middle of two: all is there once."""
    with RealPair(store, ZendeskBench, redmine) as pair:
        zendesk, real = pair.benches[SOURCE], pair.benches[TARGET]
        assert isinstance(zendesk, ZendeskBench)
        assert isinstance(real, RealRedmine)
        fire = Fire(pair, real, zendesk)
        assert pair.can(TARGET, Operation.INTERNAL_NOTE)
        left = mishaps(DEADLINE)
        fire.chance.shuffle(left)
        lost = {"kind": FaultKind.RESET_AFTER}
        for place in range(TICKETS):
            # the answer to a creation is lost, or something else befalls it
            real.proxy.fault(**(lost if place == 0 else left[place]), method="POST", path="/issues.json")
            fire.write_in()
            fire.step()
        for mishap in left:
            real.proxy.fault(**mishap, method="PUT")
            fire.act()
            fire.act()
        for _ in range(2):
            killed = real.proxy.lie_in_wait(_killed_within(real.server, fire.chance.uniform(0, 0.4)))
            fire.act()
            end = time.monotonic() + 60
            while not killed.is_set() and time.monotonic() < end:
                fire.step()
            assert killed.is_set(), pair.counts()
            fire.act()
            real.server.serve()
            fire.act()
        fire.rest(240)
        assert fire.judge() == [], f"seed {SEED}: {pair.counts()}"
        befallen = {line.fault for line in real.proxy.journal if line.fault}
        assert befallen >= {str(each["kind"]) for each in left} - {"latency"}, f"seed {SEED}"
