"""Whether a write would show a private ticket to everybody."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Operation, Reason
from gateway.flow.privacy import withheld

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OPEN: Any = SimpleNamespace(open_to_all=True, private_param="")


def is_withheld(link: Link, *, private_at: tuple[str, ...] = ("help-desk",)) -> bool:
    """Say whether a reply of ticket `a` is kept back from a link at a desk that everybody reads."""
    ticket = Ticket("a", "help-desk", created_at=NOW, updated_at=NOW, private_at=private_at)
    tx: Any = SimpleNamespace(tickets=SimpleNamespace(get=lambda name: ticket if name == "a" else None))
    update: Any = SimpleNamespace(ticket_id="a", operation=Operation.PUBLIC_REPLY)
    found = withheld(tx, update, link, OPEN, {}, ())
    assert found is None or found.reason is Reason.PRIVATE
    return found is not None


def at_public_desk(ticket_id: str, role: Role) -> Link:
    """Return a link there."""
    return Link("l", ticket_id, "public-desk", LinkState.LIVE, role, "7")


@pytest.mark.parametrize("role", list(Role))
def test_what_goes_on_in_another_ticket_is_not_shown_there(role: Role) -> None:
    """Its own issue was merged into one that people opened at the public desk: they must not read it."""
    assert is_withheld(at_public_desk("b", role))
    assert not is_withheld(at_public_desk("b", role), private_at=())


def test_where_a_ticket_began_its_own_words_may_go() -> None:
    """Those who read it there know of it; whoever has only a copy does not."""
    assert not is_withheld(at_public_desk("a", Role.SOURCE))
    assert is_withheld(at_public_desk("a", Role.TARGET))
    assert not is_withheld(at_public_desk("a", Role.TARGET), private_at=("help-desk", "public-desk"))
