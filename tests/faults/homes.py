"""Storms between two desks made at home (`generic`): what the storm over Zendesk and RT cannot have.

Each kind is another way to be one with whom nothing may be there twice:

- *late*: the desk that is written to lists and finds what is new later than a lease lasts, and says so (`settle:`);
- *natural*: it knows each write by a key of ours and drops what it has seen, and has nothing that could be looked for;
- *polled*: neither sends a webhook, and only polls tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, cast

import click
import yaml

from connectors.generic.bench import SECRET, GenericBench
from connectors.generic.simulator import CREDENTIAL, HomeDesk
from connectors.testing.desk import SimulatedDesk
from connectors.testing.faults import FaultKind
from connectors.testing.loopback import SimRequest, SimResponse
from gateway.domain.ticket import Category
from gateway.store import SqlStore
from tests.databases import PostgresProcess
from tests.faults.storms import Plan, Stormed, blowing, history_of, judged, keep_of, let_act, troubles_of
from tests.faults.trouble import DEADLINE, befall, counted, skew, struck
from tests.flows.site import Site, Written
from tests.flows.storm import WRITE_SECONDS, Desks, Judgement, Killer, People, Said, tokens, wait_quiet

KINDS = ("late", "natural", "polled")
HERE, THERE = "home", "workshop"
#: seconds by which a late desk lags, longer than a lease; and what it is reckoned with
LAG, SETTLE = 40, 45
STATES = (Category.OPEN, Category.PENDING_CUSTOMER, Category.ON_HOLD, Category.RESOLVED)
QUIET_SECONDS = 900.0
RULES = f"""\
sync:
  - name: all-to-{THERE}
    from: {HERE}
    to: {THERE}
    fields: {{title: from, body: from, status: both, comments: {{public: both, internal: both}}}}
    unmapped: park
"""


class LateDesk(HomeDesk):
    """Lists and searches show what is new LAG seconds later; what is asked for by its id is there at once."""

    def _known(self, at: str) -> bool:
        return datetime.fromisoformat(at) <= self.now().astimezone(UTC) - timedelta(seconds=LAG)

    def _list(self, request: SimRequest) -> SimResponse:
        whole = self.tickets
        when = "created" if "ref" in request.query else "changed"
        try:
            self.tickets = {number: each for number, each in whole.items() if self._known(each[when])}
            return super()._list(request)
        finally:
            self.tickets = whole

    def _list_messages(self, request: SimRequest, number: str) -> SimResponse:
        whole = self.messages
        try:
            self.messages = {name: [each for each in said if self._known(each["at"])] for name, said in whole.items()}
            return super()._list_messages(request, number)
        finally:
            self.messages = whole


class RepeatableDesk(HomeDesk):
    """Knows each ticket and message by our key, and makes none twice."""

    def _made(self, given: dict[str, Any], who: str) -> dict[str, Any]:
        ref = given.get("ref")
        known = next((each for each in self.tickets.values() if ref and each["ref"] == ref), None)
        return known or super()._made(given, who)

    def _say(self, ticket: dict[str, Any], text: str, who: str, **more: Any) -> dict[str, Any]:
        ref = more.get("ref")
        known = next((each for each in self.messages[ticket["number"]] if ref and each["ref"] == ref), None)
        return known or super()._say(ticket, text, who, **more)


class Home(GenericBench):
    """One of the two."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        made = {"late": LateDesk, "natural": RepeatableDesk}.get(kind, HomeDesk)
        self.desk = made(webhook_secret=SECRET)
        self._kind = kind

    def written(self) -> dict[str, Any]:
        """Return the connection as an admin writes it."""
        told = self.options()
        calls = told["calls"]
        for name in ("create", "reply", "note"):
            if self._kind == "natural":
                calls[name].pop("find", None)
                calls[name]["repeatable"] = True
            if self._kind == "late":
                calls[name]["settle"] = SETTLE
        if self._kind == "natural":
            del told["comment"]["marker"]
        secrets = {"auth": {"token": "${HOME_TOKEN}"}, "webhook_secret": "${HOME_SECRET}"}
        common = {
            "connector": self.connector,
            "url": self.desk.url,
            "reconcile_every": "2s",
            "deadline": f"{DEADLINE}s",
        }
        return {**told, **secrets, **common}


class HomeSite(Written, frozen=True):
    """What an admin writes who has these two."""

    gateway: str = ""

    def site(self, *, zendesk: str, rt: str, deadline: int) -> dict[str, str]:
        """Return the files of the site."""
        return {"gateway.yaml": self.gateway, "rules/50-sync.yaml": self.sync}


class Homes:
    """Both desks, in this process: every ticket of the first also lives in the second."""

    names = (HERE, THERE)

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.benches = {HERE: Home("polled" if kind == "polled" else ""), THERE: Home(kind)}
        self.here, self.there = self.benches[HERE].desk, self.benches[THERE].desk

    def __enter__(self) -> Self:
        for desk in self.all():
            desk.start()
            desk.fault(FaultKind.LATENCY, method="POST|PATCH", seconds=WRITE_SECONDS, count=None)
        return self

    def __exit__(self, *_: object) -> None:
        for desk in self.all():
            desk.stop()

    def all(self) -> tuple[SimulatedDesk, ...]:
        """Return everything that is written to."""
        return (self.here, self.there)

    def point_webhooks(self, site: Site) -> None:
        """Send the webhooks of both to a gateway, where they send any."""
        if self.kind != "polled":
            for name, bench in self.benches.items():
                bench.desk.webhooks.url = site.hook(name)

    def written(self) -> HomeSite:
        """Return what an admin writes."""
        connections = {name: bench.written() for name, bench in self.benches.items()}
        gateway = yaml.safe_dump({"mode": "live", "connections": connections}, sort_keys=False)
        secrets = {"HOME_TOKEN": CREDENTIAL, "HOME_SECRET": SECRET}
        return HomeSite(sync=RULES, environment=secrets, names=self.names, gateway=gateway)

    def copies(self) -> dict[str, list[str]]:
        """Return ticket -> those that the gateway made of it, by the title, which is its own."""
        found: dict[str, list[str]] = {number: [] for number in list(self.here.tickets)}
        for effect in self.there.effects.all(kind="create"):
            found[str(effect.detail["subject"]).rpartition(" ")[2]].append(effect.remote_id)
        return found


class Neighbours(People):
    """Customers at the first desk, and colleagues at both."""

    def __init__(self, homes: Homes, plan: Plan) -> None:
        # of its desks nothing is used but what is used here
        super().__init__(cast("Desks", homes), plan.seed, plan.rate, fewest=min(5, plan.lanes), most=plan.lanes)
        self._homes = homes

    def act(self) -> None:
        """Let one thing happen."""
        chance, tickets = self._chance, list(self._homes.here.tickets)
        if len(tickets) < self._fewest or (chance.random() < 0.1 and len(tickets) < self._most):
            case = len(tickets) + 1
            email = f"customer{case}@customer.example"
            self._homes.benches[HERE].open_ticket(f"Case {case}", f"It is case {case}", email=email)
            self.actions["open"] += 1
            return
        number = chance.choice(tickets)
        copies = self._homes.copies()[number]
        here = not copies or chance.random() < 0.5
        bench, ticket = (self._homes.benches[HERE], number) if here else (self._homes.benches[THERE], copies[0])
        where = HERE if here else THERE
        if chance.random() < 0.7:
            said = Said(f"token-{len(self.said):04d}", int(number), here)
            self.said.append(said)
            bench.say(ticket, f"What I have to say is {said.token}", public=chance.random() < 0.6)
            self.actions[f"comment at {where}"] += 1
        else:
            bench.set_status(ticket, chance.choice(STATES))
            self.actions[f"status at {where}"] += 1


def run(
    folder: Path, plan: Plan, kind: str, database_url: str, server: PostgresProcess | None, keep: Path | None = None
) -> Stormed:
    """Let people act while everything goes wrong; wait for rest; judge by what both desks really have."""
    with ExitStack() as stack:
        homes = stack.enter_context(Homes(kind))
        skew(homes.all(), plan.skew)
        site = Site(
            folder, zendesk="", rt="", rt_token="", database_url=database_url, deadline=DEADLINE,
            written=homes.written(), environment={"GATEWAY_CRASH_AT": plan.crash_at},
        )  # fmt: skip
        stack.enter_context(site)
        store = stack.enter_context(site.store())
        people = Neighbours(homes, plan)
        for desk in homes.all():
            befall(desk, plan.share, method="POST|PATCH")
        homes.point_webhooks(site)
        killer = Killer(site, plan.seed, 0, (0, 0))
        with blowing(troubles_of(plan, site, store, server, killer)) as troubles:
            let_act(people, plan)
        for desk in homes.all():
            desk.faults.clear()
        quiet = wait_quiet(homes, store, QUIET_SECONDS)
        verdict = judged(_judge(homes, people, store), store, struck(homes.all()), sum(killer.kills.values()))
        if quiet is None:
            verdict.lost.append("it never came to rest")
        history = history_of(store) if verdict.findings else ""
        for line in verdict.findings:
            click.echo(f"  {line}")
        if history and keep is not None:
            keep_of(keep, folder, {name: bench.desk for name, bench in homes.benches.items()}, history)
        happened = counted(troubles)
        happened.update({f"kill {role}": times for role, times in killer.kills.items()})
        del happened["kill"]
    return Stormed(verdict, happened, quiet, history)


def _judge(homes: Homes, people: People, store: SqlStore) -> Judgement:
    """Compare both desks with what people did: one copy of each ticket, each comment once, and statuses that agree."""
    found = Judgement(operations=sum(people.actions.values()))
    with store.read() as tx:
        for letter in tx.view.dead_letters(limit=100):
            found.given_up.append(f"{letter.connection} {letter.summary}: {letter.reason} {letter.detail}"[:200])
        known = tx.view.counts()["tickets"]
    if known != len(homes.here.tickets):
        found.doubled.append(f"{known} tickets of {len(homes.here.tickets)}")
    for number, copies in homes.copies().items():
        if not copies and homes.here.tickets[number]["state"] == "done":
            # it was finished before the gateway came to it: such a ticket is not copied
            continue
        if len(copies) != 1:
            (found.doubled if copies else found.lost).append(f"ticket {number} is {copies} there")
            continue
        here, there = homes.here.tickets[number], homes.there.tickets[copies[0]]
        if here["state"] != there["state"]:
            found.disagreeing.append(f"ticket {number} is {here['state']}, its copy {copies[0]} {there['state']}")
        said = [one for one in people.said if one.ticket == int(number)]
        for name, desk, ticket in ((HERE, homes.here, number), (THERE, homes.there, copies[0])):
            _judge_comments(found, f"ticket {number} at {name}", desk.messages[ticket], said, mine=name == HERE)
    for name, bench in homes.benches.items():
        times = bench.desk.effects.doubled().items()
        found.doubled += [f"{name}: {what} {key} {often} times" for (key, what), often in times]
    return found


def _judge_comments(
    found: Judgement, where: str, messages: Sequence[dict[str, Any]], said: Sequence[Said], *, mine: bool
) -> None:
    """Judge what stands at one desk: each comment once."""
    counts = Counter(token for each in messages for token in tokens(each["text"]))
    for one in said:
        if counts[one.token] != 1:
            whose = "its own" if one.at_zendesk is mine else "the other's"
            times = f"{one.token} ({whose}) of {where} is there {counts[one.token]} times"
            (found.doubled if counts[one.token] else found.lost).append(times)
