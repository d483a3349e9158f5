"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant, Json
from gateway.store.migrations import (
    alerts,
    bulks,
    clocks,
    crosslinks,
    echoes,
    files,
    looks,
    originals,
    people,
    relations,
    releases,
    routing,
    staff,
    updates,
)

revision = "0001"
down_revision = branch_labels = depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - one statement a table
    """Expand."""
    originals.create()
    for apart in (
        alerts,
        bulks,
        clocks,
        crosslinks,
        files,
        looks,
        people,
        relations,
        releases,
        routing,
        staff,
        updates,
    ):
        apart.create()
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("update_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("payload_version", sa.Integer(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("deadline", sa.Float(), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("detail_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", "day"),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index("ix_attempts_update", ["update_id", "number"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("detail", Json(), nullable=True),
        sa.Column("inputs_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.Column("chain", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", "day"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_place", ["place"], unique=True)
        batch_op.create_index("ix_audit_ticket", ["ticket_id", "at"], unique=False)
        batch_op.create_index(
            "ix_audit_unsealed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("place IS NULL"),
            postgresql_where=sa.text("place IS NULL"),
        )

    op.create_table(
        "comment_links",
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=False),
        sa.Column("comment_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("link_id", "remote_id"),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("visibility", sa.String(length=10), nullable=False),
        sa.Column("author", Json(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("edited_at", Instant(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("comments", schema=None) as batch_op:
        batch_op.create_index("ix_comments_ticket", ["ticket_id", "at"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("source_event_id", sa.String(length=300), nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("headers", Json(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("detail_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("error_class", sa.String(length=60), nullable=True),
        sa.Column("cause_key", sa.String(length=32), nullable=True),
        sa.Column("release", sa.String(length=36), nullable=True),
        sa.Column("resolution", sa.String(length=20), nullable=True),
        sa.Column("payload_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "day"),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_ended",
            ["state", "applied_at"],
            unique=False,
            sqlite_where=sa.text("applied_at IS NOT NULL"),
            postgresql_where=sa.text("applied_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_deliveries_deferred",
            ["connection", "ref"],
            unique=False,
            sqlite_where=sa.text("state = 'pending' AND not_before IS NOT NULL"),
            postgresql_where=sa.text("state = 'pending' AND not_before IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_deliveries_parked",
            ["received_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'parked'"),
            postgresql_where=sa.text("state = 'parked'"),
        )
        batch_op.create_index(
            "ix_deliveries_pending",
            ["received_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    op.create_table(
        "delivery_keys",
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("source_event_id", sa.String(length=300), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "source_event_id"),
    )
    with op.batch_alter_table("delivery_keys", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_keys_day", ["day"], unique=False)

    op.create_table(
        "desks",
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("paused_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", Instant(), nullable=True),
        sa.Column("trial_until", Instant(), nullable=True),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("tokens_at", Instant(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("polled_at", Instant(), nullable=True),
        sa.Column("poll_due", Instant(), nullable=True),
        sa.Column("poll_error_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("ahead", sa.Integer(), nullable=False),
        sa.Column("ahead_at", Instant(), nullable=True),
        sa.Column("facts", Json(), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
    echoes.create()
    op.create_table(
        "effect_keys",
        sa.Column("effect_key", sa.String(length=64), nullable=False),
        sa.Column("update_id", sa.String(length=36), nullable=False),
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("effect_key"),
    )
    with op.batch_alter_table("effect_keys", schema=None) as batch_op:
        batch_op.create_index("ix_effect_keys_day", ["day"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("event_key", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "event_key"),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_recorded", ["recorded_at"], unique=False)
        batch_op.create_index("ix_events_ticket", ["ticket_id", "at"], unique=False)

    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "lanes",
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("next_due", Instant(), nullable=True),
        sa.Column("hold_until", Instant(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("lease_boot", sa.String(length=64), nullable=True),
        sa.Column("lease_holder", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("link_id"),
    )
    with op.batch_alter_table("lanes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lanes_due",
            ["connection", "next_due"],
            unique=False,
            sqlite_where=sa.text("next_due IS NOT NULL"),
            postgresql_where=sa.text("next_due IS NOT NULL"),
        )

    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("lease_boot", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("synced_version", sa.BigInteger(), nullable=False),
        sa.Column("version_token", sa.String(length=300), nullable=False),
        sa.Column("merged_into", sa.String(length=36), nullable=True),
        sa.Column("observed_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection", "remote_id"),
        sa.UniqueConstraint("ticket_id", "connection", "rule"),
    )
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.create_index("ix_links_key", ["connection", "key"], unique=False)
        batch_op.create_index("ix_links_ticket", ["ticket_id"], unique=False)

    op.create_table(
        "tickets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("doc", Json(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_as", sa.String(length=36), nullable=False),
        sa.Column("redacted_at", Instant(), nullable=True),
        sa.Column("stage_since", Instant(), nullable=True),
        sa.Column("duplicate_of", sa.String(length=36), nullable=False),
        sa.Column("org_key", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.create_index(
            "ix_tickets_stage",
            ["stage_since"],
            unique=False,
            sqlite_where=sa.text("stage_since IS NOT NULL"),
            postgresql_where=sa.text("stage_since IS NOT NULL"),
        )
        batch_op.create_index("ix_tickets_category", ["category", "updated_at"], unique=False)
        batch_op.create_index(
            "ix_tickets_personal",
            ["updated_at"],
            unique=False,
            sqlite_where=sa.text("redacted_at IS NULL OR updated_at > redacted_at"),
            postgresql_where=sa.text("redacted_at IS NULL OR updated_at > redacted_at"),
        )
        batch_op.create_index("ix_tickets_asked_as", ["asked_as", "created_at"], unique=False)
        batch_op.create_index("ix_tickets_org", ["org_key", "created_at"], unique=False)
        batch_op.create_index(
            "ix_tickets_duplicates",
            ["duplicate_of"],
            unique=False,
            sqlite_where=sa.text("duplicate_of <> ''"),
            postgresql_where=sa.text("duplicate_of <> ''"),
        )
        batch_op.create_index("ix_tickets_updated", ["updated_at"], unique=False)
