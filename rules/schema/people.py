"""Schema of what gateway.yaml says of people: who is one, and what is asked about them."""

from __future__ import annotations

from gateway.domain.people import EMAIL, PHONE
from gateway.ports.enriching import FIELDS
from rules.schema.shapes import NAME, SOME_TIME, TEXT, Schema, choice, listed, record

_FIELDS: Schema = record(dict.fromkeys(FIELDS, TEXT), description="a mapping from fields to their names there")
ENRICH: Schema = record(
    {
        "fresh": SOME_TIME,
        "from": listed(
            record(
                {
                    "connection": NAME,
                    "directory": {
                        "type": "string",
                        "pattern": r"^(?!/)(?!.*\.\.)[^\\]{1,200}\.csv$",
                        "description": "the name of a CSV file in the site's folder",
                    },
                    "fields": _FIELDS,
                    "columns": record(
                        dict.fromkeys((EMAIL, PHONE, *FIELDS), TEXT),
                        description="a mapping from fields to columns",
                    ),
                    "only": listed(choice(*FIELDS), "fields"),
                },
                description="a source",
            ),
            "a list of sources, the first before the others",
        ),
    },
    required=("from",),
    description="what is asked about people",
)
