"""Alembic's environment and the versions of the schema."""

#: the revision of the newest file of `versions`
NEWEST = "0001"
