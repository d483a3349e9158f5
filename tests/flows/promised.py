"""How a storm with promises is judged: by the record's history, by a replay of its logs, and by what the desks show.

Every way that was ever stored is kept by triggers of the database, so that what was so for a moment is seen as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select, text

from gateway.domain.clock_instance import Chain, Instance, Status
from gateway.domain.link import Link, LinkState
from gateway.domain.shown import instant_text
from gateway.domain.standing import current, promise
from gateway.domain.ticket import Setter, Ticket
from gateway.flow.render import account_of
from gateway.flow.routing.counting import counted
from gateway.flow.routing.ways import work_of
from gateway.flow.sla.levels import Ladder
from gateway.flow.sla.timekeeping import tell
from gateway.store import SqlStore
from gateway.store.clock_tables import clocks
from gateway.store.routing_tables import ways
from gateway.store.tables import tickets, updates
from gateway.store.unit import SqlTx
from gateway.system import SystemClock
from rules.decide import RuleSet
from rules.fields import Facts
from rules.routed import Outcome
from rules.routing import route
from tests.flows.promises import AHEAD, TEAMS, PromisedDesks, Promises
from tests.flows.site import RT, ZENDESK

_NEW = "NEW.ticket_id, NEW.person, NEW.holds, NEW.outcome"
_KEEP = f"INSERT INTO seen_ways (ticket_id, person, holds, outcome) VALUES ({_NEW})"
_COLUMNS = "ticket_id VARCHAR(36), person VARCHAR(200), holds BOOLEAN, outcome VARCHAR(12)"
#: statements that keep every way that is stored, in order: whoever gives out holds a lock to the end of its transaction
WATCH = {
    "sqlite": (
        f"CREATE TABLE seen_ways (n INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS})",
        f"CREATE TRIGGER seen_new AFTER INSERT ON ways BEGIN {_KEEP}; END",
        f"CREATE TRIGGER seen_again AFTER UPDATE ON ways BEGIN {_KEEP}; END",
    ),
    "postgresql": (
        f"CREATE TABLE seen_ways (n BIGSERIAL PRIMARY KEY, {_COLUMNS})",
        f"CREATE FUNCTION seen_way() RETURNS trigger AS $$ BEGIN {_KEEP}; RETURN NULL; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER seen_new AFTER INSERT OR UPDATE ON ways FOR EACH ROW EXECUTE FUNCTION seen_way()",
    ),
}


def watch(store: SqlStore) -> None:
    """Keep every way that is stored from now on."""
    with store.engine.begin() as connection:
        for statement in WATCH[connection.dialect.name]:
            connection.exec_driver_sql(statement)


def waits(tx: SqlTx) -> bool:
    """Say whether a clock or a way has something to do by itself before long."""
    soon = SystemClock().now() + AHEAD
    due = (select(table.c.ticket_id).where(table.c.wake_at <= soon).limit(1) for table in (clocks, ways))
    return any(tx.connection.execute(statement).first() is not None for statement in due)


def broken(desks: PromisedDesks, store: SqlStore, asked: Promises) -> list[str]:
    """Return what was promised and is not so, once everything is at rest."""
    now, rules = SystemClock().now(), asked.rules
    found: list[str] = []
    with store.read() as tx:
        found += _overfull(tx, asked.capacity)
        found += _waiting(tx, rules, now)
        for ticket_id in tx.connection.execute(select(tickets.c.id).order_by(tickets.c.id)).scalars():
            ticket = tx.tickets.get(ticket_id)
            assert ticket is not None
            links = {
                link.connection: link
                for link in tx.links.of_ticket(ticket_id)
                if link.state is LinkState.LIVE and link.connection in {ZENDESK, RT}
            }
            number = links[ZENDESK].remote_id
            wrong = [
                *_replayed(tx, ticket, rules, now),
                *_people(desks, ticket, links, rules),
                *_due_times(desks, links, tell(tx, ticket_id, now).chains),
            ]
            found += [f"ticket {number} ({ticket_id[-12:]}): {each}" for each in wrong]
        found += _messages(tx, desks)
    return found


def _overfull(tx: SqlTx, capacity: int) -> Iterator[str]:
    """Yield whom the gateway ever gave more than they can carry, by every way that was stored."""
    held: dict[str, str] = {}
    loads: Counter[str] = Counter()
    for row in tx.connection.execute(text("SELECT ticket_id, person, holds, outcome FROM seen_ways ORDER BY n")):
        had = held.pop(row.ticket_id, "")
        loads[had] -= bool(had)
        if row.holds:
            held[row.ticket_id] = row.person
            loads[row.person] += 1
            if had != row.person and row.outcome == Outcome.ASSIGNED and loads[row.person] > capacity:
                yield f"{row.person} was given {row.ticket_id[-12:]} as the {loads[row.person]}th of {capacity}"


def _waiting(tx: SqlTx, rules: RuleSet, now: datetime) -> Iterator[str]:
    """Yield the tickets that wait though somebody could have them."""
    routing = rules.routing
    for way in tx.ways.waiting(1000):
        ticket = tx.tickets.get(way.ticket_id)
        assert ticket is not None
        facts = Facts(ticket, ticket, frozenset(link.connection for link in tx.links.of_ticket(ticket.id)), now)
        snapshot = counted(tx, routing, now, but=ticket.id)
        routed = route(routing, facts, snapshot, work_of(way))
        if routed.outcome is Outcome.ASSIGNED:
            yield f"{ticket.id[-12:]} waits ({way.outcome}, looked at next {way.wake_at}), and {routed.agent} has room"


# ---------------------------------------------------------------- a ticket


def _replayed(tx: SqlTx, ticket: Ticket, rules: RuleSet, now: datetime) -> Iterator[str]:
    """Yield where the log tells other clocks than those that are stored, and levels that did not fire once."""
    stood = tell(tx, ticket.id, now)
    told = dict(map(_standing, (each for chain in stood.chains.values() for each in chain.instances)))
    stored = dict(map(_standing, (row.instance for row in tx.clocks.rows(ticket.id))))
    for key in sorted(told.keys() | stored.keys()):
        if told.get(key) != stored.get(key):
            yield f"{key}: its log tells {_apart(told.get(key), stored.get(key))}"
    fired = tx.clocks.firings(ticket.id)
    for due in Ladder(rules.escalations, stood.log, fired).due(stood.chains, now, lambda _: True):
        yield f"{due.escalation.name} of {due.instance.metric} was due at {due.at} and has not fired"
    lines = [
        line["detail"] for line in tx.view.audit(ticket_id=ticket.id, limit=100_000) if line["action"] == "escalated"
    ]
    did = Counter((line["escalation"], line["metric"], line["cycle"]) for line in lines)
    noted = Counter((each.escalation, each.metric, each.cycle) for each in fired)
    for level in sorted(did.keys() | noted.keys()):
        # a warning is once for each target, and passed over where the next is reached already
        is_warning = level[0] == "halfway"
        if not (not is_warning) <= did[level] <= (noted[level] if is_warning else min(noted[level], 1)):
            yield f"{level} was noted {noted[level]} times and carried out {did[level]} times"


def _apart(told: Instance | None, stored: Instance | None) -> str:
    """Say in what two differ."""
    if told is None or stored is None:
        return f"{told}, stored is {stored}"
    ours, theirs = msgspec.structs.asdict(told), msgspec.structs.asdict(stored)
    return "; ".join(f"{name} {ours[name]}, stored is {theirs[name]}" for name in ours if ours[name] != theirs[name])


def _standing(instance: Instance) -> tuple[tuple[str, int, int], Instance]:
    """Return an instance by its name, without what passes while it stands: its seconds until now."""
    stands = msgspec.structs.replace(instance, elapsed_s=0, remaining_s=0, paused_s=0)
    return (instance.metric, instance.cycle, instance.version), stands


def _people(desks: PromisedDesks, ticket: Ticket, links: Mapping[str, Link], rules: RuleSet) -> Iterator[str]:
    """Yield where a desk shows somebody else, or another group, than the record has."""
    people = rules.sections.get("people") or {}
    for connection, link in links.items():
        account = account_of(ticket.assignee, connection, people)
        wanted = account.external_id if account is not None else ""
        who, group = _shown(desks, connection, link.remote_id)
        if who != wanted:
            label = ticket.assignee.label if ticket.assignee is not None else "nobody"
            yield f"{connection} {link.remote_id} shows {who or 'nobody'}, and {label} ({wanted}) has it"
        team = TEAMS.get(ticket.team)
        stamp = ticket.stamps.get("assignee")
        if stamp is not None and (stamp.by, stamp.name) == (Setter.PERSON, connection):
            # where a person says who has it, they say the group as well
            continue
        if team is not None and group != team[connection == RT]:
            yield f"{connection} {link.remote_id} shows the group {group}, and team {ticket.team} has it"


def _shown(desks: PromisedDesks, connection: str, number: str) -> tuple[str, str]:
    """Return who has a ticket by its desk (empty: nobody), and the group."""
    if connection == ZENDESK:
        ticket = desks.zendesk.records.tickets[int(number)]
        return str(ticket["assignee_id"] or ""), str(ticket["group_id"] or "")
    copy = desks.rt.records.ticket(int(number))
    assert copy is not None
    return copy.owner.replace("Nobody", ""), copy.queue


def _due_times(desks: PromisedDesks, links: Mapping[str, Link], chains: Mapping[str, Chain]) -> Iterator[str]:
    """Yield where a desk shows another due time or status than the clocks have."""
    stands = promise(chains, "resolution")
    if stands is None or RT not in links:
        # it is the rule of the link that says what is shown, at both desks
        return
    shown: dict[str, str | None] = {}
    ticket = desks.zendesk.records.tickets[int(links[ZENDESK].remote_id)]
    fields = {each["id"]: each["value"] for each in ticket["custom_fields"]}
    shown[ZENDESK] = fields.get(desks.due) or None
    if fields.get(desks.status) != stands.status.value:
        yield f"Zendesk shows the status {fields.get(desks.status)}, its clock is {stands.status.value}"
    copy = desks.rt.records.ticket(int(links[RT].remote_id))
    assert copy is not None
    unset = copy.due.startswith("1970")
    shown[RT] = None if unset else instant_text(datetime.fromisoformat(copy.due).replace(tzinfo=UTC))
    if stands.over and stands.status is not Status.CANCELED:
        # it stays as it was
        broken_at = current(chains, "resolution")[0].breached_at
        wanted = instant_text(broken_at) if broken_at is not None else shown[ZENDESK]
    else:
        wanted = instant_text(stands.due) if stands.due is not None else None
    for connection, value in shown.items():
        if value != wanted:
            yield f"{connection} shows {value} as due, its clock says {wanted}"


def _messages(tx: SqlTx, desks: PromisedDesks) -> Iterator[str]:
    """Yield the messages that were not told once."""
    asked = select(updates.c.effect_key, updates.c.state).where(updates.c.operation == "notify")
    states: dict[str, str] = {row.effect_key: row.state for row in tx.connection.execute(asked)}
    told: dict[str, int] = defaultdict(int, Counter(each.key for each in desks.slack.effects.all(kind="message")))
    for key in sorted(states.keys() | told.keys()):
        if told[key] != 1 or states.get(key) not in {"done", "observed"}:
            yield f"message {key} was told {told[key]} times; its update is {states.get(key)}"
