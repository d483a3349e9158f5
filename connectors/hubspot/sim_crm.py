"""The contacts of a simulated HubSpot account and their companies, as they are looked up."""

from __future__ import annotations

from typing import Any

from connectors.hubspot.sim_people import ROSA, People
from connectors.hubspot.sim_state import Record
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse


class Companies(People):
    """The part of an account that knows who people are."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.companies: dict[str, Record] = {}
        #: contact -> (company, whether it is the primary one)
        self.employers: dict[str, list[tuple[str, bool]]] = {}

    def company_routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths by which people are looked up."""
        crm = "/crm/v3/objects"
        return [
            ("POST", f"{crm}/contacts/batch/read", self._read_contacts),
            ("POST", f"{crm}/contacts/search", self._search_contacts),
            ("GET", rf"{crm}/companies/(?P<number>\d+)", self._company),
            ("GET", r"/crm/v4/objects/contacts/(?P<number>\d+)/associations/companies", self._employers),
        ]

    def act_company(self, email: str, *, primary: bool = True, **properties: str) -> str:
        """Let an agent say for whom a contact works; returns the company's id."""
        made = self.records.number()
        self.companies[made] = {"id": made, "properties": properties}
        contact = self.records.contact(email, self.now())
        self.employers.setdefault(str(contact["id"]), []).append((made, primary))
        return made

    def act_contact(self, email: str, **properties: str) -> str:
        """Let an agent write a contact down; returns its id."""
        made = self.records.make("contacts", {"email": email, **properties}, self.now(), ROSA)
        return str(made["id"])

    def _read_contacts(self, request: SimRequest) -> SimResponse:
        asked = request.json()
        by = asked.get("idProperty", "")
        # HubSpot keeps addresses in small letters
        wanted = [str(each["id"]).lower() for each in asked["inputs"]]
        held = self.records.objects["contacts"].values()
        found = [each for each in held if str(each["properties"].get(by, "") if by else each["id"]).lower() in wanted]
        answer = [_shown(each, asked["properties"]) for each in found]
        return self._answer_with({"status": "COMPLETE", "results": answer}, 200 if len(found) == len(wanted) else 207)

    def _search_contacts(self, request: SimRequest) -> SimResponse:
        asked = request.json()
        filters = [one for group in asked["filterGroups"] for one in group["filters"]]
        held = self.records.objects["contacts"].values()
        found = [
            each
            for each in held
            if any(each["properties"].get(one["propertyName"]) in one.get("values", ()) for one in filters)
        ]
        return self._answer_with(
            {"total": len(found), "results": [_shown(each, asked["properties"]) for each in found[:10]]}
        )

    def _company(self, request: SimRequest, number: str) -> SimResponse:
        found = self.companies.get(number)
        wanted = request.query.get("properties", "").split(",")
        return self._answer_with(_shown(found, wanted)) if found is not None else self._missing()

    def _employers(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - every handler is given it
        listed = []
        for each, first in self.employers.get(number, []):
            kind = {"category": "HUBSPOT_DEFINED", "label": "Primary" if first else None}
            listed.append({"toObjectId": int(each), "associationTypes": [kind]})
        return self._answer_with({"results": listed})


def _shown(record: Record, wanted: list[str]) -> Record:
    return {"id": record["id"], "properties": {name: record["properties"].get(name) for name in wanted}}
