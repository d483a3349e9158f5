"""A webhook's body: the RemoteExecutionContext of the step that an admin has registered, in the shape of the Web API.

Attributes come as lists of key and value, choices as `OptionSetValue`, lookups as `EntityReference`, times as
`/Date(ms)/` [D1]. Above 256 KB the parameters and images are left out, so that only the record's id is there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import LOOKUP, Json, obj, objects, text

#: names of the parameter that holds what is worked on
TARGETS = ("Target", "EntityMoniker", "Entity")


class Said(msgspec.Struct, frozen=True):
    """What a context says, as far as it is about one record."""

    message: str
    table: str
    id: str
    #: what was changed, by the names and in the forms of the Web API
    changed: dict[str, Any]
    #: how the record looks beside that, by the images of the step
    image: dict[str, Any]
    #: other parameters, by name
    given: dict[str, Any]
    actor: str
    operation: str
    correlation: str
    at: str
    organization: str


def read(body: Json) -> Said:
    """Take a context apart."""
    given = pairs(body.get("InputParameters"))
    target: Any = next((given[name] for name in TARGETS if isinstance(given.get(name), dict)), {})
    image: dict[str, Any] = {}
    for images in ("PreEntityImages", "PostEntityImages"):
        for entity in pairs(body.get(images)).values():
            image |= attributes(entity)
    return Said(
        message=text(body.get("MessageName")),
        table=(text(body.get("PrimaryEntityName")) or text(obj(target).get("LogicalName"))).lower(),
        id=guid(body.get("PrimaryEntityId")) or guid(obj(target).get("Id")) or _closed(given),
        changed=attributes(target),
        image=image,
        given=given,
        actor=guid(body.get("InitiatingUserId")) or guid(body.get("UserId")),
        operation=guid(body.get("OperationId")),
        correlation=guid(body.get("CorrelationId")),
        at=text(body.get("OperationCreatedOn")),
        organization=guid(body.get("OrganizationId")),
    )


def _closed(given: dict[str, Any]) -> str:
    """Return the case that is closed: CloseIncident names it in the resolution that it makes, and may nowhere else."""
    return guid(attributes(given.get("IncidentResolution")).get("_incidentid_value"))


def pairs(value: Any) -> dict[str, Any]:
    """Return a list of `{key, value}` as an object; a plug-in of somebody's own may write them in capitals."""
    listed = [{name.lower(): inner for name, inner in each.items()} for each in objects(value)]
    return {text(each.get("key")): each.get("value") for each in listed if text(each.get("key"))}


def attributes(entity: Any) -> dict[str, Any]:
    """Return the attributes of an Entity as the Web API writes them."""
    found: dict[str, Any] = {}
    for name, value in pairs(obj(entity).get("Attributes")).items():
        held = obj(value)
        kind = text(held.get("__type")).partition(":")[0]
        if kind == "EntityReference" or (not kind and "LogicalName" in held):
            found[f"_{name}_value"] = guid(held.get("Id")) or None
            found[f"_{name}_value{LOOKUP}"] = text(held.get("LogicalName"))
        elif held:
            # OptionSetValue, Money, BooleanManagedProperty: what they hold
            found[name] = held.get("Value")
        elif f"_{name}_value" not in found:
            found[name] = value
    return found


def reference(value: Any) -> str:
    """Return the id that an EntityReference, or a bare id, names."""
    return guid(obj(value).get("Id")) or guid(value)
