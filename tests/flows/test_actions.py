"""Actions of other packages, and hooks: once each, apart from the clock, and a dead letter where they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from connectors.testing.loopback import json_answer
from connectors.webhook.simulator import WebhookSimulator
from dead_letters import Person, replay_delivery
from gateway import crashpoint
from gateway.domain.ticket import Level
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from rules import load_site
from rules.extending import Action, Extension, Extensions, Occasion, gather, hookimpl
from tests.flows.office import GATEWAY, RULES, Office, names
from tests.flows.test_escalations import DiedError
from tests.rules.making import built_in, installed

MAREK = "marek@acme.example"
SECRET = "a-secret-of-the-pager"
PAGER = '  pager: {connector: webhook, url: "https://pager.example/hook", secret: "${F}"}\n'
LEVELS = """
escalations:
  - name: half
    at: 50%
    metrics: [resolution]
    do: [{page: {person: eva, how: loud}}, {add_participant: {person: marek}}]
  - name: broken
    at: breach
    metrics: [resolution]
    do: [{raise_priority: 1}]
"""
HOOK = """
escalations:
  - name: half
    at: 50%
    metrics: [resolution]
    do: [{hook: {connection: pager, runbook: "https://wiki.example/half"}}]
  - name: broken
    at: breach
    metrics: [resolution]
    do: [{raise_priority: 1}, {hook: {connection: pager}}]
"""
Returns = Callable[[Occasion], Any]


def packages(run: Returns | None) -> Extensions:
    """Return what an installed package with an action `page` adds."""
    schema = {"type": "object", "properties": {"person": {"type": "string"}, "how": {"type": "string"}}}

    @hookimpl
    def gateway_rules() -> Extension:
        return Extension(actions=(Action(name="page", schema=schema, run=run),))

    return gather([("pager", lambda: SimpleNamespace(gateway_rules=gateway_rules))])


class Site(Office):
    """An office with packages, and with a receiver of hooks."""

    def __init__(
        self, store: SqlStore, slack: SlackSimulator, levels: str, pager: WebhookSimulator | None = None
    ) -> None:
        super().__init__(store, slack, "")
        self.pager = pager
        self.levels = levels
        self.install(lambda _: ())
        settings = ConnectionSettings(
            "pager",
            "webhook",
            f"{pager.url if pager else 'https://pager.example'}/hook",
            {"secret": SECRET},
            deadline=2.0,
        )
        connectors = {**self.site.connectors, "pager": built_in().connect(settings)}
        self.site = msgspec.structs.replace(self.site, connectors=connectors)

    def install(self, run: Returns | None, levels: str = "") -> None:
        """Install another version of the package, and load the site with it."""
        files = {"gateway.yaml": GATEWAY + PAGER, "rules/sla.yaml": RULES + (levels or self.levels)}
        site, problems = load_site(files, installed(), extensions=packages(run))
        assert site is not None, problems
        self.site = msgspec.structs.replace(self.site, rules=site.rules)

    def parked(self) -> list[tuple[str, str]]:
        """Return the dead letters: id and what is wrong."""
        with self.store.read() as tx:
            return [(each.id, each.detail) for each in tx.view.dead_letters()]

    def replay(self, letter: str) -> None:
        """Let a person put a dead letter back."""
        self.store.write(lambda tx: replay_delivery(tx, letter, self.clock.now(), Person("eva", "mended", "cli")))
        self.settle()

    def later(self, **how: float) -> list[str]:
        """Let time pass, also where hooks go: what is signed with our time is not of another there."""
        found = super().later(**how)
        if self.pager is not None:
            self.pager.clock.skew = self.moved.ahead
        return found

    def work(self, **later: float) -> None:
        """Let time pass, wake what is due, and apply."""
        self.later(**later)
        self.applier().drain(holder="test-apply", seconds=5)

    def did(self) -> list[dict[str, Any]]:
        """Return what actions of packages have done."""
        with self.store.read() as tx:
            lines = [dict(line) for line in tx.view.audit(limit=500) if line["action"] == "action carried out"]
        return [line["detail"] for line in lines][::-1]


@pytest.fixture
def slack() -> Iterator[SlackSimulator]:
    """Run a simulated workspace."""
    with SlackSimulator(bot_token="xoxb") as simulator:
        yield simulator


@pytest.fixture
def site(store: SqlStore, slack: SlackSimulator) -> Iterator[Site]:
    """Give an office whose package is still to be installed."""
    with Site(store, slack, LEVELS) as made:
        yield made


def test_an_action_of_a_package_is_asked_with_plain_values_and_done_once(site: Site) -> None:
    """It is given the ticket, the clock and the people; what it returns is done as if a rule had asked for it."""
    asked: list[Occasion] = []

    def page(occasion: Occasion) -> Sequence[Mapping[str, Any]]:
        asked.append(occasion)
        (eva,) = occasion.people
        return [
            {"notify": {"connection": "ops-slack", "channel": eva.accounts["ops-slack"]}},
            {"comment": f"{eva.name} was paged {occasion.given['how']} about {occasion.clock.metric}"},
            {"raise_priority": 1},
        ]

    site.install(page)
    number = site.ticket()
    assert names(site.later(hours=10.5)) == ["half"]
    assert site.now().participants == (MAREK,)
    assert (asked, site.did()) == ([], [])
    site.settle()
    (occasion,) = asked
    assert (occasion.escalation, occasion.ticket.title, occasion.clock.level) == ("half", "Door", "unset")
    assert (occasion.due - occasion.clock.started).total_seconds() == 10 * 3600
    assert site.now().priority.level is Level.P3
    assert [channel for channel, _ in site.notices()] == ["U04EVA"]
    (done,) = site.did()
    assert (done["action"], done["did"]) == ("page", ["notify ops-slack U04EVA", "comment", "priority P3"])
    site.settle()
    said = [str(each.detail) for each in site.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]
    assert len([each for each in said if "eva was paged loud about resolution" in each]) == 1
    assert "half" not in names(site.later(minutes=1))
    site.settle()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda given: given.steps[99], "the action 'page' broke: IndexError: "),
        (None, "the action 'page' has no `run`: its package says how it is written, not what it does"),
        (lambda _: "queue", "the action 'page' returned no list of actions, but a str"),
        (lambda _: [7], "the action 'page' returned as number 1 no action, but a int"),
        (lambda _: [{"queue": "A"}, {"fly": 1}], "the action 'page' returned as number 2 something: "),
        (lambda _: [{"raise_priority": 9}], "the action 'page' returned as number 1 raise_priority: 9 is greater than"),
        (lambda _: [{"page": {}}], "the action 'page' returned as number 1 something: "),
        (lambda _: [{"comment": object()}], "the action 'page' returned what is no plain value: "),
        (lambda _: [{"queue": "A"}] * 21, "the action 'page' returned 21 actions, more than 20"),
    ],
)
def test_what_breaks_is_a_dead_letter_and_holds_nothing(site: Site, run: Returns | None, words: str) -> None:
    """One clear line; the other actions of the level, the clock and the later levels go on; mended, it is replayed."""
    site.install(run)
    site.ticket()
    assert names(site.later(hours=10.5)) == ["half"]
    site.settle()
    ((letter, detail),) = site.parked()
    assert detail.startswith(words)
    assert "\n" not in detail
    assert site.now().participants == (MAREK,)
    assert names(site.later(hours=10)) == ["broken"]
    assert site.now().priority.level is Level.P3
    site.settle()
    site.install(lambda _: [{"add_participant": {"person": "eva"}}])
    site.replay(letter)
    assert site.parked() == []
    assert site.now().participants == (MAREK, "eva@acme.example")
    assert len(site.did()) == 1


def test_a_package_that_is_gone_is_said(site: Site) -> None:
    """Between the moment at which it was asked for and that at which it is carried out."""
    site.ticket()
    site.later(hours=10.5)
    site.install(None, "\nescalations: []\n")
    site.settle()
    ((_, detail),) = site.parked()
    assert detail == "the site has no escalation 'half' any more: discard this, or name it again"


def test_it_may_have_nothing_to_do(site: Site) -> None:
    """None, or an empty list: that is an answer."""
    site.install(lambda _: None)
    site.ticket()
    site.later(hours=10.5)
    site.settle()
    assert site.parked() == []
    assert [each["did"] for each in site.did()] == [[]]


@pytest.mark.faults
@pytest.mark.parametrize("point", ["sweep.firing", "apply.applying", "apply.applied"])
def test_it_is_done_once_whenever_the_process_dies(site: Site, point: str) -> None:
    """Asked for with the note that the level fired, done with the note that it was asked for."""
    site.install(lambda _: [{"comment": "paged"}])
    number = site.ticket()

    def die(reached: str) -> None:
        if reached == point:
            raise DiedError

    crashpoint.arm(die)
    try:
        with pytest.raises(DiedError):
            site.work(hours=10.5)
    finally:
        crashpoint.arm(lambda _: None)
    site.later()
    site.settle()
    assert len(site.did()) == 1
    said = [str(each.detail) for each in site.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]
    assert len([each for each in said if "paged" in each]) == 1


def test_a_hook_is_called_once_with_the_ticket_and_its_clock(store: SqlStore, slack: SlackSimulator) -> None:
    """Signed, in order, and under a name that the receiver knows again."""
    with WebhookSimulator(key=SECRET.encode()) as pager, Site(store, slack, HOOK, pager) as site:
        number = site.ticket()
        site.later(hours=21)
        site.settle()
        first, second = pager.messages.values()
    assert len(pager.posts) == 2
    assert (first["type"], first["data"]["escalation"], second["data"]["escalation"]) == (
        "sla.escalation", "half", "broken",
    )  # fmt: skip
    assert first["data"]["ticket"]["title"] == "Door"
    assert first["data"]["ticket"]["links"][0]["remote_id"] == str(number)
    assert first["data"]["runbook"] == "https://wiki.example/half"
    assert second["data"]["ticket"]["priority"] == "P3"
    assert second["data"]["clock"]["status"] == "breached"
    assert "kim@customer.example" not in str(first)


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["reset_after", "half_body", "error_with_effect"])
def test_a_hook_whose_answer_is_lost_is_posted_again_under_its_name(
    store: SqlStore, slack: SlackSimulator, fault: str
) -> None:
    """The receiver has it once."""
    with WebhookSimulator(key=SECRET.encode()) as pager, Site(store, slack, HOOK, pager) as site:
        site.ticket()
        pager.fault(fault, method="POST")
        site.later(hours=10.5)
        site.settle()
        for _ in range(3):
            site.later(minutes=2)
            site.settle()
        assert (len(pager.posts), len(pager.messages)) == (2, 1)


def test_a_hook_that_is_refused_is_a_dead_letter_and_holds_no_later_one(store: SqlStore, slack: SlackSimulator) -> None:
    """With what the receiver said, and what to do."""
    with WebhookSimulator(key=SECRET.encode()) as pager, Site(store, slack, HOOK, pager) as site:
        pager.answers = [json_answer({"error": "no such hook"}, 410)]
        site.ticket()
        site.later(hours=10.5)
        site.settle()
        ((_, detail),) = site.parked()
        assert detail.startswith("the receiver is gone (410)")
        assert names(site.later(hours=10)) == ["broken"]
        site.settle()
        (message,) = pager.messages.values()
        assert message["data"]["escalation"] == "broken"
