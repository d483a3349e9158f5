"""The versions of the schema, oldest first. A change expands first and contracts in a later release (ADR 11)."""
