"""The tables. Large ones carry the day in their key, so that PostgreSQL can partition and pruning is cheap.

Columns named `*_sealed` hold AES-GCM ciphertext (see sealing.py). A change here needs a migration; a test compares.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.columns import Instant, Json

metadata = MetaData()

#: A partial index serves only who asks in its very words: what waits, what was given up.
PENDING = "state = 'pending'"
PARKED = "state = 'parked'"
#: in a lane: what is being written, or may have been; and what is still to set fields
FLYING = "state IN ('sending', 'unknown')"
SETTING = "operation IN ('set_fields', 'create')"
LETTER = "state IN ('dead', 'ambiguous', 'doubled') AND resolution IS NULL"
OUT_OF_SIGHT = "state = 'dead' AND reason = 'hidden' AND resolution IS NULL"
#: It says something about people: it always did, or does again.
PERSONAL = "redacted_at IS NULL OR updated_at > redacted_at"
IN_STAGE = "stage_since IS NOT NULL"
IS_DUPLICATE = "duplicate_of <> ''"

_ID = String(36)
_NAME = String(120)


def _some(name: str, *columns: str, where: str) -> Index:
    """Return an index of some rows only; SQLite, which has no truth values, is asked for them as for numbers."""
    numbers = where.replace("standing", "standing = 1")
    return Index(name, *columns, sqlite_where=text(numbers), postgresql_where=text(where))


facts = Table("facts", metadata, Column("name", _NAME, primary_key=True), Column("value", Text, nullable=False))

delivery_keys = Table(
    "delivery_keys",
    metadata,
    Column("connection", _NAME, nullable=False),
    Column("source_event_id", String(300), nullable=False),
    Column("delivery_id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    PrimaryKeyConstraint("connection", "source_event_id"),
    Index("ix_delivery_keys_day", "day"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    Column("connection", _NAME, nullable=False),
    Column("source_event_id", String(300), nullable=False),
    Column("ref", String(200), nullable=False),
    Column("origin", String(10), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body_sealed", LargeBinary),
    Column("trace_id", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", Instant),
    Column("applied_at", Instant),
    Column("reason", String(20)),
    #: what is wrong, often in words of the desk, which may be about people
    Column("detail_sealed", LargeBinary),
    Column("error_class", String(60)),
    Column("cause_key", String(32)),
    #: under which it was parked; of a pending one, by which it is decided (NULL: by the active one)
    Column("release", _ID),
    Column("resolution", String(20)),
    Column("payload_version", Integer, nullable=False),
    PrimaryKeyConstraint("id", "day"),
    _some("ix_deliveries_pending", "received_at", where=PENDING),
    # those that wait for their time: what is behind them is found by their ref
    _some("ix_deliveries_deferred", "connection", "ref", where="state = 'pending' AND not_before IS NOT NULL"),
    _some("ix_deliveries_parked", "received_at", "id", where=PARKED),
    _some("ix_deliveries_ended", "state", "applied_at", where="applied_at IS NOT NULL"),
)

events = Table(
    "events",
    metadata,
    Column("id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    Column("connection", _NAME, nullable=False),
    Column("event_key", String(300), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("ticket_id", _ID, nullable=False),
    Column("delivery_id", _ID, nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("outcome", String(200), nullable=False),
    Column("content_sealed", LargeBinary),
    PrimaryKeyConstraint("connection", "event_key"),
    Index("ix_events_ticket", "ticket_id", "at"),
    Index("ix_events_recorded", "recorded_at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("source", _NAME, nullable=False),
    Column("title", Text, nullable=False),
    Column("category", String(20), nullable=False),
    Column("priority", String(10), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("doc", Json, nullable=False),
    Column("body_sealed", LargeBinary),
    Column("version", Integer, nullable=False),
    #: the identity by which the requester asked; empty: none is known
    Column("asked_as", _ID, nullable=False),
    #: since when it is without what was about people
    Column("redacted_at", Instant),
    #: of one that is open and in a stage: since when
    Column("stage_since", Instant),
    #: the original, where it repeats another; empty: it does not
    Column("duplicate_of", _ID, nullable=False),
    #: which tickets are of one organisation (Ticket.org_key); empty: none is known
    Column("org_key", String(32), nullable=False),
    _some("ix_tickets_stage", "stage_since", where=IN_STAGE),
    Index("ix_tickets_updated", "updated_at"),
    Index("ix_tickets_asked_as", "asked_as", "created_at"),
    Index("ix_tickets_org", "org_key", "created_at"),
    _some("ix_tickets_duplicates", "duplicate_of", where=IS_DUPLICATE),
    _some("ix_tickets_personal", "updated_at", where=PERSONAL),
    Index("ix_tickets_category", "category", "updated_at"),
)

comments = Table(
    "comments",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("ticket_id", _ID, nullable=False),
    Column("connection", _NAME, nullable=False),
    Column("at", Instant, nullable=False),
    Column("visibility", String(10), nullable=False),
    Column("author", Json),
    Column("automatic", Boolean, nullable=False),
    #: when its words were changed at its desk
    Column("edited_at", Instant),
    Column("body_sealed", LargeBinary),
    Index("ix_comments_ticket", "ticket_id", "at"),
)

comment_links = Table(
    "comment_links",
    metadata,
    Column("link_id", _ID, nullable=False),
    Column("remote_id", String(200), nullable=False),
    Column("comment_id", _ID, nullable=False),
    PrimaryKeyConstraint("link_id", "remote_id"),
)

links = Table(
    "links",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("ticket_id", _ID, nullable=False),
    Column("connection", _NAME, nullable=False),
    Column("remote_id", String(200)),
    Column("state", String(10), nullable=False),
    Column("role", String(10), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("url", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("synced_version", BigInteger, nullable=False),
    Column("version_token", String(300), nullable=False),
    Column("merged_into", _ID),
    Column("observed_sealed", LargeBinary),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("connection", "remote_id"),
    UniqueConstraint("ticket_id", "connection", "rule"),
    Index("ix_links_ticket", "ticket_id"),
    Index("ix_links_key", "connection", "key"),
)

lanes = Table(
    "lanes",
    metadata,
    Column("link_id", _ID, primary_key=True),
    Column("connection", _NAME, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("next_seq", Integer, nullable=False),
    Column("next_due", Instant),
    Column("hold_until", Instant),
    Column("lease_until", Float),
    Column("lease_boot", String(64)),
    Column("lease_holder", String(120)),
    _some("ix_lanes_due", "connection", "next_due", where="next_due IS NOT NULL"),
)

effect_keys = Table(
    "effect_keys",
    metadata,
    Column("effect_key", String(64), primary_key=True),
    Column("update_id", _ID, nullable=False),
    Column("link_id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    Index("ix_effect_keys_day", "day"),
)

updates = Table(
    "updates",
    metadata,
    Column("id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    Column("link_id", _ID, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("ticket_id", _ID, nullable=False),
    Column("connection", _NAME, nullable=False),
    Column("operation", String(20), nullable=False),
    Column("effect_key", String(64), nullable=False),
    Column("intent_sealed", LargeBinary),
    #: what was asked for before a person edited it; NULL while nobody has
    Column("original_sealed", LargeBinary),
    Column("payload_version", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    #: True while it stands in its lane and holds what comes after it
    Column("standing", Boolean, nullable=False),
    Column("summary", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("probes", Integer, nullable=False),
    Column("not_before", Instant),
    Column("settle_until", Instant),
    Column("first_sent_at", Instant),
    Column("reason", String(20)),
    Column("detail_sealed", LargeBinary),
    Column("error_class", String(60)),
    Column("cause_key", String(32)),
    Column("resolution", String(20)),
    Column("superseded_by", _ID),
    Column("steps", Json),
    Column("rule", String(200), nullable=False),
    Column("release", _ID, nullable=False),
    Column("delivery_id", _ID, nullable=False),
    Column("event_key", String(300), nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    PrimaryKeyConstraint("id", "day"),
    _some("ix_updates_standing", "link_id", "seq", where="standing"),
    _some("ix_updates_flying", "link_id", where=f"standing AND {FLYING}"),
    _some("ix_updates_setting", "link_id", "seq", where=f"standing AND {SETTING}"),
    # what a lane has lately landed
    _some("ix_updates_landed", "link_id", "done_at", where="done_at IS NOT NULL"),
    # of one lane: what was given up because its ticket is out of sight goes on together
    _some("ix_updates_hidden", "link_id", where=OUT_OF_SIGHT),
    _some("ix_updates_dead", "created_at", "id", where=LETTER),
    _some("ix_updates_creates", "connection", where="standing AND operation = 'create'"),
    Index("ix_updates_ticket", "ticket_id", "created_at"),
    _some("ix_updates_ended", "state", "done_at", where="done_at IS NOT NULL"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    Column("update_id", _ID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("payload_version", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("deadline", Float, nullable=False),
    Column("request_sealed", LargeBinary),
    Column("ended_at", Instant),
    Column("status", Integer),
    Column("outcome", String(20)),
    Column("detail_sealed", LargeBinary),
    Column("answer_sealed", LargeBinary),
    Column("trace_id", String(32), nullable=False),
    PrimaryKeyConstraint("id", "day"),
    Index("ix_attempts_update", "update_id", "number"),
)

echoes = Table(
    "echoes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("link_id", _ID, nullable=False),
    Column("update_id", _ID, nullable=False),
    Column("subject", String(120), nullable=False),
    Column("value_hash", String(64), nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("change_ids", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("landed_at", Instant),
    Column("side_effect", Boolean, nullable=False),
    Column("since", BigInteger, nullable=False),
    Index("ix_echoes_link", "link_id"),
    Index("ix_echoes_update", "update_id"),
    Index("ix_echoes_sent", "sent_at"),
)

desks = Table(
    "desks",
    metadata,
    Column("connection", _NAME, primary_key=True),
    #: why it is paused, in words of the desk; NULL when it is not
    Column("paused_sealed", LargeBinary),
    Column("not_before", Instant),
    Column("failures", Integer, nullable=False),
    Column("open_until", Instant),
    Column("trial_until", Instant),
    Column("tokens", Float, nullable=False),
    Column("tokens_at", Instant),
    Column("cursor", Text, nullable=False),
    Column("polled_at", Instant),
    Column("poll_due", Instant),
    Column("poll_error_sealed", LargeBinary),
    #: seconds by which its clock is ahead of ours, negative where it is behind; and when that was learned
    Column("ahead", Integer, nullable=False),
    Column("ahead_at", Instant),
    Column("facts", Json, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String(120), nullable=False),
    Column("lease_until", Float),
    Column("lease_boot", String(64)),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, nullable=False),
    Column("day", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ticket_id", _ID, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("detail", Json),
    Column("inputs_sealed", LargeBinary),
    Column("digest", String(64), nullable=False),
    Column("trace_id", String(32), nullable=False),
    #: place and hash in the chain, given by the sweep
    Column("place", BigInteger),
    Column("chain", String(64)),
    PrimaryKeyConstraint("id", "day"),
    Index("ix_audit_ticket", "ticket_id", "at"),
    Index("ix_audit_unsealed", "id", sqlite_where=text("place IS NULL"), postgresql_where=text("place IS NULL")),
    Index("ix_audit_place", "place", unique=True),
)
