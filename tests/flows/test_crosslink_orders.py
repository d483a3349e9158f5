"""Whatever order tickets come in, broken off and begun again, those that are tied become the same tickets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.event import RemoteTicket
from gateway.domain.ticket import Category, Status
from gateway.flow.adopting import listed
from gateway.flow.desks import IMPORT
from gateway.ports import ConnectionSettings, NewDelivery
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from rules.decide import RuleSet
from tests.databases import open_warm_store
from tests.flows.team import Team, tied
from tests.length import length
from tests.rules.making import built_in

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZENDESK, RT = "acme-zendesk", "engineering-rt"
NUMBERS = ("1", "2", "3")
#: at Zendesk and at RT: what a ticket holds in its field, and says
TICKET = st.tuples(st.sampled_from(["", *NUMBERS]), st.sampled_from(["", *NUMBERS]))
Said = Mapping[tuple[str, str], tuple[str, str]]
SAID = st.fixed_dictionaries({(desk, number): TICKET for desk in (ZENDESK, RT) for number in NUMBERS})


def remote(desk: str, number: str, kept: str, said: str) -> RemoteTicket:
    """Return a ticket that keeps the number of another in a field, and mentions one."""
    named = {ZENDESK: "RT #{}", RT: "Zendesk #{}"}[desk]
    return RemoteTicket(
        number,
        BEGAN + timedelta(minutes=int(number)),
        version=1,
        key=number if desk == ZENDESK else f"#{number}",
        created_at=BEGAN,
        external_id=named.format(kept) if kept else "",
        title="Printer",
        body=f"Like {named.format(said)}" if said else "",
        status=Status(Category.OPEN, "open"),
        complete=True,
    )


@contextmanager
def fresh(template: Path) -> Iterator[SqlStore]:
    """Give an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'gateway.db'}"
        shutil.copyfile(template, Path(folder) / "gateway.db")
        store = open_warm_store(url, Path(folder) / "keys")
        try:
            yield store
        finally:
            store.close()


def lived(
    template: Path, said: Said, order: Sequence[tuple[str, str]], pauses: frozenset[int]
) -> tuple[object, object]:
    """Let tickets come in an order, with a look of the sweep after some; return the tickets, and what is left."""
    first = order[0][0]
    with fresh(template) as store, Team(store, {}, ()) as team:
        team.site = msgspec.structs.replace(team.site, **_site(team))
        left = {name: sum(1 for each in order if each[0] == name) for name in (ZENDESK, RT)}
        _import(store, first, over=False)
        for place, spot in enumerate(order):
            _import(store, spot[0], over=False)
            store.write(lambda tx, spot=spot, place=place: _come(tx, team, spot, said[spot], place))  # type: ignore[misc]
            team.settle_applied()
            left[spot[0]] -= 1
            if not left[spot[0]]:
                _import(store, spot[0], over=True)
            if place in pauses:
                team.adopt()
        team.adopt()
        with store.read() as tx:
            asked = [(each.stay, each.goes, each.verdict, each.why) for each in listed(tx, team.site)]
        return team.tickets(), asked


def _site(team: Team) -> dict[str, object]:
    found = built_in()
    options = {
        ZENDESK: ("zendesk", {"auth": {"email": "a@b.example", "api_token": "t"}, "webhook_secret": "s" * 20}),
        RT: ("request_tracker", {"auth": {"token": "t"}, "webhook_secret": "s" * 20}),
    }
    connectors = {
        name: found.connect(ConnectionSettings(name, kind, f"https://{kind}.example", given))
        for name, (kind, given) in options.items()
    }
    return {"connectors": connectors, "rules": RuleSet(sync_rules=(tied(ZENDESK, RT),)), "mode": "observe"}


def _import(store: SqlStore, name: str, *, over: bool) -> None:
    progress = {"begun_at": BEGAN.isoformat(), "ended_at": BEGAN.isoformat() if over else None}

    def work(tx: SqlTx) -> None:
        state = tx.desks.get(name)
        tx.desks.save(msgspec.structs.replace(state, facts={**state.facts, IMPORT: progress}))

    store.write(work)


def _come(tx: SqlTx, team: Team, spot: tuple[str, str], said: tuple[str, str], place: int) -> None:
    body = msgspec.json.encode(remote(*spot, *said))
    named = f"import:{spot[1]}:{place}"
    tx.inbox.add(
        [NewDelivery(team.ids.new(), spot[0], named, spot[1], team.clock.now(), {}, body, "0" * 32, origin="poll")]
    )


@pytest.mark.long
@settings(max_examples=length(5, 60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=SAID, data=st.data())
def test_the_order_does_not_matter(sqlite_template: Path, said: Said, data: st.DataObject) -> None:
    """Either desk first, or both at once, ticket by ticket, with looks of the sweep in between."""
    spots = sorted(said)
    order = data.draw(st.permutations(spots))
    pauses = data.draw(st.frozensets(st.integers(0, len(spots))))
    assert lived(sqlite_template, said, order, pauses) == lived(sqlite_template, said, spots, frozenset())
