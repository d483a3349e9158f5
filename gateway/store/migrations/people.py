"""The tables of people, as the first schema has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant


def create() -> None:
    """Make them."""
    op.create_table(
        "identities",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=140), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("home", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "value"),
    )
    op.create_index("ix_identities_person", "identities", ["person_id"])
    op.create_index("ix_identities_created", "identities", ["created_at"])
    op.create_table(
        "ties",
        sa.Column("one", sa.String(length=36), nullable=False),
        sa.Column("other", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("one", "other"),
    )
    op.create_index("ix_ties_other", "ties", ["other"])
    doubted = sa.text("state = 'doubted'")
    op.create_index("ix_ties_doubted", "ties", ["at"], sqlite_where=doubted, postgresql_where=doubted)
    op.create_table(
        "answers",
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("values_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("trouble_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("question"),
    )
    op.create_index("ix_answers_person", "answers", ["person_id"])
    op.create_index("ix_answers_due", "answers", ["due_at"])
    op.create_index(
        "ix_answers_wanted",
        "answers",
        ["due_at"],
        sqlite_where=sa.text("wanted = 1"),
        postgresql_where=sa.text("wanted"),
    )
