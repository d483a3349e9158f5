"""The tables of people: by what each is known, and what holds between two such identities."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.columns import Instant
from gateway.store.tables import metadata

DOUBTED = "state = 'doubted'"

identities = Table(
    "identities",
    metadata,
    Column("id", String(36), primary_key=True),
    #: email, phone, external:<connection>
    Column("kind", String(140), nullable=False),
    #: NULL when it was forgotten
    Column("value", String(320)),
    Column("name", Text, nullable=False),
    Column("home", String(36), nullable=False),
    Column("person_id", String(36), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("kind", "value"),
    Index("ix_identities_person", "person_id"),
    Index("ix_identities_created", "created_at"),
)

ties = Table(
    "ties",
    metadata,
    Column("one", String(36), nullable=False),
    Column("other", String(36), nullable=False),
    #: joined, doubted, apart
    Column("state", String(10), nullable=False),
    Column("why", String(20), nullable=False),
    #: the identity by which they were compared
    Column("by", String(36), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    PrimaryKeyConstraint("one", "other"),
    Index("ix_ties_other", "other"),
    Index("ix_ties_doubted", "at", sqlite_where=text(DOUBTED), postgresql_where=text(DOUBTED)),
)

answers = Table(
    "answers",
    metadata,
    #: a digest: whom it is about cannot be read from it
    Column("question", String(32), primary_key=True),
    Column("source", String(200), nullable=False),
    Column("person_id", String(36), nullable=False),
    Column("state", String(10), nullable=False),
    Column("values_sealed", LargeBinary),
    Column("answered_at", Instant),
    Column("due_at", Instant, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("trouble_sealed", LargeBinary),
    Index("ix_answers_person", "person_id"),
    Index("ix_answers_due", "due_at"),
    Index("ix_answers_wanted", "due_at", sqlite_where=text("wanted = 1"), postgresql_where=text("wanted")),
)
