"""People as desks name them, and the one person behind several accounts."""

from __future__ import annotations

import msgspec


class RemotePerson(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person as one desk names them. Unknown parts are empty; nobody is ever matched by name."""

    external_id: str = ""
    email: str = ""
    phone: str = ""
    name: str = ""
    #: agent, customer, system (the desk itself) or empty when the desk does not say
    role: str = ""

    def keys(self, connection: str) -> tuple[tuple[str, str], ...]:
        """Return the (kind, value) pairs by which this person can be stitched to another account."""
        found = []
        if self.external_id:
            found.append((f"external:{connection}", self.external_id))
        if self.email:
            found.append(("email", self.email.strip().lower()))
        if self.phone:
            found.append(("phone", self.phone.strip()))
        return tuple(found)

    @property
    def label(self) -> str:
        """A name to show: the name, else the address, else the account."""
        return self.name or self.email or self.phone or self.external_id or "unknown"


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person across desks, stitched by e-mail, phone or external id."""

    id: str
    name: str = ""
    email: str = ""
    phone: str = ""
    #: connection name -> that desk's id of the person
    accounts: dict[str, str] = {}
