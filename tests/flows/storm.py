"""A seeded storm: people at both desks while processes are killed, and the judgement of what is there afterwards.

The oracle is what the simulated desks really hold: every ticket has one copy, every comment is at the other desk once
and in order, the statuses agree, and no marker of ours was written twice.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, Self

import msgspec

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.testing.desk import SimulatedDesk
from connectors.testing.faults import FaultKind
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.system import SystemClock
from tests.flows.site import API_TOKEN, EMAIL, RT, RT_SECRET, ZENDESK, ZENDESK_SECRET, Site
from tests.processes import wait_until

ROLES = ("web", "web worker", "worker", "work-horse", "sweep", "redis")
STEPS = ("apply", "deliver", "reconcile")
#: Zendesk's status -> RT's, by the site's map
AGREES = {"new": "new", "open": "open", "pending": "stalled", "hold": "stalled", "solved": "resolved"}
OPEN_STATES = ("deliveries_pending", "updates_ready", "updates_sending", "updates_unknown")
#: how long a desk takes for a write
WRITE_SECONDS = 0.15
MOST_TICKETS = 40
FEWEST_TICKETS = 5
ENGINEERS = ("agent1", "agent2")


class Weathered(Protocol):
    """The desks of a storm."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the connections to those that are polled."""
        ...

    def all(self) -> tuple[SimulatedDesk, ...]:
        """Return everything that is written to."""
        ...


class Desks:
    """Both simulated desks, in this process."""

    names = (ZENDESK, RT)

    def __init__(self) -> None:
        self.zendesk = ZendeskSimulator(email=EMAIL, api_token=API_TOKEN, webhook_secret=ZENDESK_SECRET)
        self.rt = SimulatedRequestTracker(webhook_secret=RT_SECRET)

    def __enter__(self) -> Self:
        self.zendesk.start()
        self.rt.start()
        for desk in Desks.all(self):
            # a write takes effect even when who sent it was killed while waiting for the answer
            desk.fault(FaultKind.LATENCY, method="POST|PUT", seconds=WRITE_SECONDS, count=None)
        return self

    def __exit__(self, *_: object) -> None:
        self.zendesk.stop()
        self.rt.stop()

    def point_webhooks(self, site: Site) -> None:
        """Send the webhooks of both to a gateway."""
        self.zendesk.webhooks.url = site.hook(ZENDESK)
        self.rt.webhooks.url = site.hook(RT)

    def all(self) -> tuple[SimulatedDesk, ...]:
        """Return everything that is written to."""
        return (self.zendesk, self.rt)

    def copies(self) -> dict[int, list[str]]:
        """Return Zendesk ticket -> the RT tickets that the gateway made of it (by the title, which is its own)."""
        found: dict[int, list[str]] = {number: [] for number in self.zendesk.records.tickets}
        for effect in self.rt.effects.all(kind="create"):
            found[int(str(effect.detail["given"]["Subject"]).rpartition(" ")[2])].append(effect.remote_id)
        return found

    def zendesk_texts(self, number: int) -> list[str]:
        """Return a Zendesk ticket's comments in order, without its description."""
        return [str(each["body"]) for each in self.zendesk.records.comments[number]][1:]

    def rt_texts(self, number: str) -> list[str]:
        """Return the messages of an RT ticket in order, without its first."""
        records = self.rt.records
        ticket = records.ticket(int(number))
        said = [one for one in records.history(ticket) if one.type in {"Comment", "Correspond"}] if ticket else []
        return [records.parts(one.number)[0].content for one in said if records.parts(one.number)]

    def accepted(self, *, at_zendesk: bool) -> set[str]:
        """Return the tokens of the comments at one desk whose webhook the gateway took."""
        sender = self.zendesk.webhooks if at_zendesk else self.rt.webhooks
        bodies = [sent.body.decode("utf-8", "replace") for sent in list(sender.sent) if sent.status == 200]
        return {token for body in bodies for token in tokens(body)}


def tokens(text: str) -> Iterator[str]:
    """Return the tokens of comments (`token-0042`) in a text."""
    for part in text.split("token-")[1:]:
        yield f"token-{part[:4]}"


class Said(msgspec.Struct, frozen=True):
    """One comment that a person made."""

    token: str
    ticket: int
    at_zendesk: bool


class People(threading.Thread):
    """Customers, agents and engineers, `rate` actions a second until `stop`."""

    def __init__(
        self,
        desks: Desks,
        seed: int,
        rate: float,
        *,
        fewest: int = FEWEST_TICKETS,
        most: int = MOST_TICKETS,
        engineers_edit: bool = True,
    ) -> None:
        super().__init__(name="people", daemon=True)
        self._fewest, self._most = fewest, most
        self._engineers_edit = engineers_edit
        self.said: list[Said] = []
        self.actions: Counter[str] = Counter()
        self.trouble: BaseException | None = None
        self._desks = desks
        self._chance = random.Random(seed)
        self._rate = rate
        self._ended = threading.Event()

    def stop(self) -> None:
        """Let them go home."""
        self._ended.set()
        self.join(30)

    def run(self) -> None:
        """Act until told to stop."""
        try:
            while not self._ended.wait(self._chance.uniform(0.4, 1.6) / self._rate):
                self.act()
        except BaseException as trouble:  # noqa: BLE001 - the test tells of it
            self.trouble = trouble

    def act(self) -> None:
        """Let one thing happen."""
        tickets = list(self._desks.zendesk.records.tickets)
        chance = self._chance
        if len(tickets) < self._fewest or (chance.random() < 0.1 and len(tickets) < self._most):
            self._create(len(tickets) + 1)
            return
        number = chance.choice(tickets)
        copies = self._desks.copies()[number]
        at_zendesk = not copies or chance.random() < 0.5
        if chance.random() < 0.7:
            self._speak(number, copies, at_zendesk=at_zendesk)
        elif at_zendesk or not self._engineers_edit:
            status = chance.choice(("open", "pending", "hold", "solved"))
            self._desks.zendesk.act("set", ticket_id=number, status=status)
            self.actions["status in Zendesk"] += 1
        else:
            status = chance.choice(("open", "stalled", "resolved"))
            self._desks.rt.act("set", ticket=copies[0], by=chance.choice(ENGINEERS), Status=status)
            self.actions["status in RT"] += 1

    def _create(self, number: int) -> None:
        email = f"customer{number}@customer.example"
        self._desks.zendesk.act("create", subject=f"Case {number}", body=f"It is case {number}", email=email)
        self.actions["create"] += 1

    def _speak(self, number: int, copies: list[str], *, at_zendesk: bool) -> None:
        said = Said(f"token-{len(self.said):04d}", number, at_zendesk)
        self.said.append(said)
        words = f"What I have to say is {said.token}"
        luck = self._chance.random()
        if at_zendesk:
            by = "customer" if luck < 0.3 else "agent"
            self._desks.zendesk.act("comment", ticket_id=number, body=words, by=by, public=luck < 0.6)
        else:
            by = self._chance.choice(ENGINEERS)
            self._desks.rt.act("reply" if luck < 0.5 else "note", ticket=copies[0], body=words, by=by)
        self.actions["comment in " + ("Zendesk" if at_zendesk else "RT")] += 1


class Killer:
    """Kills processes of a site, `each` times a role, in a seeded order."""

    def __init__(self, site: Site, seed: int, each: int, pause: tuple[float, float]) -> None:
        self.kills: Counter[str] = Counter()
        self._site = site
        self._chance = random.Random(seed)
        self._order = [role for role in ROLES for _ in range(each)]
        self._chance.shuffle(self._order)
        self._pause = pause

    def run(self) -> None:
        """Kill them all, one after the other; raises when a role does not come back."""
        for role in self._order:
            time.sleep(self._chance.uniform(*self._pause))
            assert wait_until(lambda role=role: self.kill(role), 30), f"no {role} to kill:\n{self._site.tail()}"  # type: ignore[misc]

    def kill(self, role: str) -> bool:
        """Kill one process of a role; False when there is none at the moment."""
        victims = self._victims(role)
        killed = bool(victims) and self._site.kill(self._chance.choice(victims))
        self.kills[role] += killed
        return killed

    def _victims(self, role: str) -> list[int]:
        match role:
            case "worker":
                found = [self._site.pid(step) for step in STEPS]
            case "work-horse":
                found = [child for step in STEPS for child in self._site.children(step)]
            case "web worker":
                found = list(self._site.children("web"))
            case _:
                found = [self._site.pid(role)]
        return [pid for pid in found if pid is not None]


# ---------------------------------------------------------------- afterwards


def wait_quiet(
    desks: Weathered, store: SqlStore, seconds: float, *, waits: Callable[[SqlTx], bool] = lambda _: False
) -> float | None:
    """Wait until nothing is open and both desks were polled after the last change; return how long, None if never.

    `waits` says whether something is still to happen by itself.
    """
    began = time.monotonic()
    changes: tuple[int, ...] = ()
    changed_at = SystemClock().now()
    while time.monotonic() - began < seconds:
        time.sleep(0.25)
        now = tuple(len(desk.effects.all()) for desk in desks.all())
        with store.read() as tx:
            counts, states, is_coming = tx.view.counts(), tx.desks.all(), waits(tx)
        if now != changes or is_coming or any(counts.get(state) for state in OPEN_STATES):
            changes, changed_at = now, SystemClock().now()
            continue
        # a poll that began soon after the change may have shown it within the second in which more could come
        polled = [states[name].polled_at for name in desks.names]
        if all(at is not None and (at - changed_at).total_seconds() > 6 for at in polled):
            return time.monotonic() - began
    return None


class Judgement(msgspec.Struct):
    """What the desks hold, compared with what people did. Every list names what is wrong."""

    operations: int = 0
    #: writes that had landed though their sender was killed before it could say so, found by looking
    observed: int = 0
    lost: list[str] = []
    doubled: list[str] = []
    #: a comment that came after a later one though the gateway had been told of it in time
    disordered: list[str] = []
    #: the same, where its webhook was lost: only a poll could tell, later
    late: list[str] = []
    disagreeing: list[str] = []
    given_up: list[str] = []
    #: what is not as it was promised: clocks, due times, escalations, who has what (tests/flows/promised.py)
    broken: list[str] = []

    @property
    def faults(self) -> dict[str, list[str]]:
        """Return what must be empty."""
        named = {
            "lost": self.lost, "doubled": self.doubled, "disordered": self.disordered,
            "disagreeing": self.disagreeing, "given up": self.given_up, "broken promises": self.broken,
        }  # fmt: skip
        return {name: found for name, found in named.items() if found}


def judge(desks: Desks, people: People, store: SqlStore) -> Judgement:
    """Compare both desks and the record with what people did."""
    found = Judgement(operations=sum(people.actions.values()))
    accepted = {side: desks.accepted(at_zendesk=side) for side in (True, False)}
    with store.read() as tx:
        lines = {line.links[ZENDESK][0]: line.links for line in tx.view.tickets(limit=1000)}
        counts = tx.view.counts()
        for letter in tx.view.dead_letters(limit=100):
            found.given_up.append(f"{letter.connection} {letter.summary}: {letter.reason} {letter.detail}"[:200])
    found.observed = counts.get("updates_observed", 0)
    if counts["tickets"] != len(desks.zendesk.records.tickets):
        found.doubled.append(f"{counts['tickets']} tickets of {len(desks.zendesk.records.tickets)} in Zendesk")
    for number, copies in desks.copies().items():
        here = str(desks.zendesk.records.tickets[number]["status"])
        known = lines.get(str(number))
        if not copies and here == "solved" and known is not None and RT not in known:
            # it was finished before the gateway came to it: such a ticket is not copied
            continue
        if len(copies) != 1:
            (found.doubled if copies else found.lost).append(f"ticket {number} is {copies} in RT")
            continue
        linked = lines.get(str(number), {}).get(RT, ("", "", ""))[0]
        if linked != copies[0]:
            found.lost.append(f"ticket {number} is {copies[0]} in RT and linked to {linked!r}")
        _judge_comments(found, desks, [one for one in people.said if one.ticket == number], copies[0], accepted)
        copy = desks.rt.records.ticket(int(copies[0]))
        if copy is None or AGREES[here] != copy.status:
            there = copy.status if copy is not None else "nothing"
            found.disagreeing.append(f"ticket {number} is {here} in Zendesk, its copy {copies[0]} {there} in RT")
    for name, log in (("Zendesk", desks.zendesk.effects), ("RT", desks.rt.effects)):
        found.doubled += [f"{name}: {kind} {key} {times} times" for (key, kind), times in log.doubled().items()]
    return found


def _judge_comments(
    found: Judgement, desks: Desks, said: list[Said], copy: str, accepted: Mapping[bool, set[str]]
) -> None:
    """Judge the comments of one ticket in both directions."""
    if not said:
        return
    here, there = desks.zendesk_texts(said[0].ticket), desks.rt_texts(copy)
    for side, texts, others in (("RT", there, True), ("Zendesk", here, False)):
        arrived = [token for text in texts for token in tokens(text)]
        counts = Counter(arrived)
        for one in said:
            if counts[one.token] != 1:
                times = f"{one.token} of ticket {one.ticket} is {counts[one.token]} times in {side}"
                (found.doubled if counts[one.token] else found.lost).append(times)
        carried = {one.token for one in said if one.at_zendesk is others}
        highest = ""
        for token in (token for token in arrived if token in carried):
            if token < highest:
                words = f"{token} of ticket {said[0].ticket} came to {side} after {highest}"
                (found.disordered if token in accepted[others] else found.late).append(words)
            highest = max(highest, token)


def table(title: str, killed: Mapping[str, int], judgement: Judgement, people: People, seconds: float | None) -> str:
    """Return what happened as a few lines."""
    quiet = "never" if seconds is None else f"{seconds:.0f} s"
    kills = {role: killed[role] for role in ROLES if role in killed}
    names = ("lost", "doubled", "disordered", "late", "disagreeing", "given_up", "broken")
    rows = [
        title,
        f"  operations   {judgement.operations:5d}  {json.dumps(dict(sorted(people.actions.items())))}",
        f"  kills        {sum(kills.values()):5d}  {json.dumps(kills)}",
        f"  observed     {judgement.observed:5d}",
        *(f"  {name:<12} {len(getattr(judgement, name)):5d}" for name in names),
        f"  quiet after  {quiet:>5}",
    ]
    return "\n".join(rows)


@contextmanager
def storm(site: Site, desks: Desks, people: People) -> Iterator[People]:
    """Let people act while the body runs."""
    desks.point_webhooks(site)
    people.start()
    try:
        yield people
    finally:
        people.stop()
    assert people.trouble is None, people.trouble
