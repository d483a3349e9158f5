"""The original of a duplicate becomes one with a ticket of another desk: the duplicate is one of that ticket then."""

from __future__ import annotations

import pytest

from connectors.request_tracker.bench import RequestTrackerBench
from connectors.zendesk.bench import ZendeskBench
from gateway.domain.duplicate import PairState
from gateway.domain.ticket import Visibility
from gateway.flow.duplicates import forwarded
from gateway.flow.judge import Judge
from gateway.ports import CommentRow
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.team import Team, tied

ZENDESK, RT = "acme-zendesk", "engineering-rt"


@pytest.mark.parametrize("by", ["person", "desk"])
def test_what_is_said_on_the_duplicate_is_still_heard(store: SqlStore, by: str) -> None:
    """It points to the ticket that there is; and, where a person said so here, it can be taken back."""
    with Team(store, {ZENDESK: ZendeskBench(), RT: RequestTrackerBench()}, [tied(ZENDESK, RT)]) as team:
        zendesk, rt = team.benches[ZENDESK], team.benches[RT]
        asked = zendesk.open_ticket("The printer", "It burns", email="kim@customer.example")
        made = rt.open_ticket("Printer of kim", "See Zendesk", email="kim@customer.example")
        again = rt.open_ticket("Printer of kim, again", "Still", email="kim@customer.example")
        team.bring(RT)
        original, double = team.ticket((RT, made)), team.ticket((RT, again))

        def judge(tx: SqlTx) -> Judge:
            return Judge(tx, team.site, ids=team.ids, now=team.clock.now(), actor="person:eva")

        if by == "person":
            store.write(lambda tx: judge(tx).merge(double.id, original.id))
        else:
            rt.merge(again, made)
            team.bring(RT)
            team.reconciler().poll(RT, holder="team")
            team.settle_applied()
        assert team.ticket((RT, again)).duplicate_of == original.id
        rt.refer(made, f"{zendesk.desk.url}/agent/tickets/{asked}")
        team.reconciler().poll(RT, holder="team")
        team.bring(ZENDESK)
        team.settle_applied()
        assert team.adopt() == 1
        now = team.ticket((RT, made))
        assert now.source == ZENDESK
        double = team.ticket((RT, again))
        assert double.duplicate_of == now.id
        if by == "desk":
            return

        def said(tx: SqlTx) -> set[str]:
            comment = CommentRow("c", double.id, RT, team.clock.now(), Visibility.PUBLIC, "It still burns")
            origin = tx.links.by_remote([(RT, again)])[RT, again]
            return {each.link.connection for each in forwarded(tx, double, [comment], origin, team.site.connectors)}

        assert store.write(said) == {ZENDESK, RT}
        pair = store.write(lambda tx: judge(tx).split(double.id)).pair
        assert (pair.of, pair.state) == (now.id, PairState.SPLIT)
        assert team.ticket((RT, again)).duplicate_of == ""
