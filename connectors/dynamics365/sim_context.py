"""What a simulated environment sends: the execution context of an asynchronous step, in its own JSON."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from connectors.dynamics365.sim_odata import Record
from connectors.dynamics365.sim_records import TABLES, Records

ORGANIZATION = "4ef5b371-e89e-e711-8122-000d3aa2331c"
#: choices of a case, which a webhook wraps
CHOICES = frozenset({"statecode", "statuscode", "prioritycode", "casetypecode", "caseorigincode"})


def execution_context(
    records: Records, message: str, table: str, record: Record, changed: Record, by: str, now: datetime, more: list[Any]
) -> dict[str, Any]:
    """Return the context of a step that is registered for this message; `more` are parameters beside the target."""
    key = TABLES[table][0]
    name = "email" if table == "emails" else table.removesuffix("s")
    stamp = f"/Date({int(now.timestamp() * 1000)})/"
    columns = {**changed, "modifiedon": record["modifiedon"], "_modifiedby_value": by} if changed else {}
    target = {
        "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
        "Attributes": [_attribute(records, column, value) for column, value in columns.items() if column != key],
        "Id": record[key],
        "LogicalName": name,
    }
    return {
        "MessageName": message,
        "PrimaryEntityName": name,
        "PrimaryEntityId": record[key],
        "InputParameters": [{"key": "Target", "value": target}, *more],
        "PreEntityImages": [],
        "PostEntityImages": [],
        "InitiatingUserId": by,
        "UserId": by,
        "OperationId": str(uuid.uuid4()),
        "CorrelationId": str(uuid.uuid4()),
        "OperationCreatedOn": stamp,
        "OrganizationId": ORGANIZATION,
        "Depth": 1,
        "Mode": 1,
        "Stage": 40,
    }


def _attribute(records: Records, column: str, value: Any) -> dict[str, Any]:
    """Return one attribute: lookups and choices wrapped, times as `/Date(ms)/`."""
    if column.startswith("_") and value:
        name = column.removeprefix("_").removesuffix("_value")
        kind = "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts"
        held = {
            "__type": kind,
            "Id": value,
            "LogicalName": records.table_of(value) or "incident",
            "Name": None,
        }
        return {"key": name, "value": held}
    if column in CHOICES and value is not None:
        kind = "OptionSetValue:http://schemas.microsoft.com/xrm/2011/Contracts"
        return {"key": column, "value": {"__type": kind, "Value": value}}
    said = f"/Date({int(value.timestamp() * 1000)})/" if isinstance(value, datetime) else value
    return {"key": column, "value": said}
