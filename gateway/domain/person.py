"""People as desks name them; who is one with whom, people.py says."""

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

    @property
    def label(self) -> str:
        """A name to show: the name, else the address, else the account."""
        return self.name or self.email or self.phone or self.external_id or "unknown"
