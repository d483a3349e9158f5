"""A record with very many dead letters, made inside the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from gateway.domain.update import Intent, Operation
from gateway.store import SqlStore
from gateway.store.columns import day_of, to_micros
from gateway.store.rows import UpdateRows

_SERIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"
#: eight causes at two connections; every tenth may have landed, every thirtieth is ambiguous
_UPDATES = f"""
INSERT INTO updates (id, day, link_id, seq, ticket_id, connection, operation, effect_key, intent_sealed,
    payload_version, state, standing, summary, attempts, probes, first_sent_at, reason, detail_sealed, error_class,
    cause_key, rule, release, delivery_id, event_key, trace_id, created_at, done_at)
{_SERIES} SELECT 'u-' || i, :day, 'l-' || i, 1, 't-' || (i % 50000), CASE i % 2 WHEN 0 THEN 'engineering-rt' ELSE
    'acme-zendesk' END, CASE i % 3 WHEN 0 THEN 'create' WHEN 1 THEN 'set_fields' ELSE 'internal_note' END, 'e-' || i,
    :intent, 1, CASE i % 30 WHEN 0 THEN 'ambiguous' ELSE 'dead' END, CAST(1 AS {{boolean}}), 'set status of ' || i,
    1, 0, :at, CASE i % 4 WHEN 0 THEN 'unmapped' ELSE 'rejected' END, :detail,
    'HTTP 42' || (i % 8), 'cause ' || (i % 8), 'rule ' || (i % 5), 'r', 'd', 'k', 't', :at + i, :at + i
FROM n
"""
_ATTEMPTS = f"""
INSERT INTO attempts (id, day, update_id, number, epoch, payload_version, started_at, deadline, status, outcome,
    trace_id)
{_SERIES} SELECT 'a-' || i, :day, 'u-' || i, 1, 1, 1, :at, 10.0, 422, CASE i % 10 WHEN 0 THEN 'unknown' ELSE 'rejected'
    END, 't' FROM n
"""
_LINKS = f"""
INSERT INTO links (id, ticket_id, connection, remote_id, state, role, rule, key, url, version, synced_version,
    version_token, created_at)
{_SERIES} SELECT 'l-' || i, 't-' || i, CASE i % 2 WHEN 0 THEN 'engineering-rt' ELSE 'acme-zendesk' END, '' || i, 'live',
    'target', 'incidents-and-billing-to-rt', '' || i, '', 1, 1, '', :at FROM n
"""
_LANES = f"""
INSERT INTO lanes (link_id, connection, epoch, next_seq)
{_SERIES} SELECT 'l-' || i, CASE i % 2 WHEN 0 THEN 'engineering-rt' ELSE 'acme-zendesk' END, 1, 2 FROM n
"""
_DELIVERIES = f"""
INSERT INTO deliveries (id, day, connection, source_event_id, ref, origin, received_at, headers, body_sealed, trace_id,
    state, tries, applied_at, reason, detail_sealed, error_class, cause_key, payload_version)
{_SERIES} SELECT 'd-' || i, :day, 'acme-zendesk', 's-' || i, '7', 'webhook', :at + i, '{{{{}}}}', :body, 't', 'parked',
    0, :at + i, CASE i % 3 WHEN 0 THEN 'poison' ELSE 'unreadable' END, :detail, 'unreadable', 'not JSON ' || (i % 3), 1
FROM n
"""


def give_up(store: SqlStore, number: int, now: datetime, *, parked: float = 0.2) -> None:
    """Store so many dead letters, a share of them parked deliveries, the oldest first; each update holds a lane."""
    intent = Intent(Operation.SET_FIELDS, fields={"title": "as asked"})
    sealed = UpdateRows(store.sealer).seal_intent(intent)
    boolean = "BOOLEAN" if store.engine.dialect.name == "postgresql" else "INTEGER"
    detail = UpdateRows(store.sealer).seal_detail("refused for a cause")
    body = store.sealer.seal("delivery", b'{"ticket": {"description": "' + b"as it came " * 50 + b'"}}')
    values = {"body": body, "day": day_of(now), "at": to_micros(now) - 10 * number, "intent": sealed, "detail": detail}
    with store.engine.begin() as connection:
        of_updates = [(each, 1 - parked) for each in (_UPDATES, _ATTEMPTS, _LINKS, _LANES)]
        for statement, share in (*of_updates, (_DELIVERIES, parked)):
            asked = text(statement.format(boolean=boolean))
            given = {**values, "number": int(number * share)}
            wanted = {name: given[name] for name in asked._bindparams}
            connection.execute(asked, wanted)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


_CLOCKS = f"""
INSERT INTO clocks (ticket_id, metric, cycle, version, policy, level, status, outcome, shown, started_at, due_at,
    revision, doc, wake_at)
{_SERIES} SELECT 't-' || i, 'resolution', 1, 1, 'standard', 'P3', 'in progress', 'pending', CAST(1 AS {{boolean}}), :at,
    :at + 1000000 * CAST(i AS BIGINT), 1, '{{{{}}}}', :at + 1000000 * CAST(i AS BIGINT) FROM n
"""


def clocks_that_go_on(store: SqlStore, number: int, wake: datetime) -> None:
    """Store so many clocks that wake up from then on, one a second; those of before are gone."""
    boolean = "BOOLEAN" if store.engine.dialect.name == "postgresql" else "INTEGER"
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM clocks"))
        connection.execute(text(_CLOCKS.format(boolean=boolean)), {"number": number, "at": to_micros(wake)})
        connection.execute(text("ANALYZE"))
