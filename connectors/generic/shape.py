"""The settings of a generic connection as JSON Schema: what an admin may write, with a word for each part."""

from __future__ import annotations

from typing import Any

from connectors.sdk import Category, HoldReason, Kind, Level, Setting, Visibility

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1, "description": "a text"}
BOOL: Schema = {"type": "boolean", "description": "true or false"}
WHOLE: Schema = {"type": "integer", "minimum": 0, "description": "a whole number"}
SECRET: Schema = {**TEXT, "writeOnly": True}
TEXTS: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number"]},
    "description": "a mapping of texts",
}
FORMATS = ("markdown", "html", "plain")


def record(properties: dict[str, Schema], description: str, required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a mapping that has these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "description": description,
    }


def choice(*values: str) -> Schema:
    """Return the schema of one of these words."""
    return {"enum": list(values), "description": f"one of: {', '.join(values)}"}


#: a path, a list of paths, or a mapping that says more
PLACE: Schema = {
    "type": ["string", "array", "object"],
    "items": {"type": "string"},
    "properties": {
        "path": {"type": ["string", "array"], "items": {"type": "string"}, "description": "a path, or a list of them"},
        "default": {"description": "what stands where nothing lies there"},
        "value": {"description": "a constant"},
        "join": {"type": "array", "items": {"type": "string"}, "description": "paths; what lies there, with / between"},
        "pattern": {"type": "string", "format": "regex", "description": "a regular expression; its group is the value"},
    },
    "additionalProperties": False,
    "description": "a place such as ticket.title or /ticket/title",
}
PERSON = record(dict.fromkeys(("id", "email", "name", "phone", "role"), PLACE), "where the parts of a person lie")


def _words(values: tuple[str, ...], description: str) -> Schema:
    return {
        "type": "object",
        "additionalProperties": {"enum": list(values), "description": f"one of: {', '.join(values)}"},
        "description": description,
    }


#: a category, and why it waits where that is known: `on_hold:third_party`
_STATUSES = (
    *(each.value for each in Category),
    *(f"{each}:{why}" for each in (Category.ON_HOLD, Category.PENDING_CUSTOMER) for why in HoldReason),
)

WORDS = record(
    {
        "status": _words(_STATUSES, "a mapping from the desk's statuses to ours"),
        "priority": _words(tuple(Level), "a mapping from the desk's priorities to P1, P2, P3, P4 and unset"),
        "kind": _words(tuple(Kind), "a mapping from the desk's types to our kinds"),
        "visibility": _words(tuple(Visibility), "a mapping from what the desk says to public and internal"),
        "role": _words(
            ("agent", "customer", "system"), "a mapping from the desk's roles to agent, customer and system"
        ),
    },
    "what the desk's words mean; the first of a meaning is the one that is written",
)

_TICKET = (
    "id", "key", "url", "title", "body", "status", "priority", "kind", "queue", "language", "assignee", "requester",
    "tags", "created", "updated", "version", "etag", "marker", "external_id", "deleted", "merged_into", "comments",
    "files",
)  # fmt: skip
_CUT: Schema = {"type": "string", "format": "regex", "description": "a regular expression of what is cut out of bodies"}

TICKET = record(
    {
        **dict.fromkeys(_TICKET, PLACE),
        "custom": {"type": "object", "additionalProperties": PLACE, "description": "a mapping from names to places"},
        "format": choice(*FORMATS),
        "cut": _CUT,
        "first_comment_is_body": BOOL,
        "link": {"type": "string", "description": "an address for people such as https://desk.example/t/{ticket}"},
    },
    "where the parts of a ticket lie",
)  # fmt: skip

COMMENT = record(
    {
        **dict.fromkeys(("id", "body", "at", "author", "visibility", "marker", "files"), PLACE),
        "format": choice(*FORMATS),
        "cut": _CUT,
        "only": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
            "description": "a mapping from places to the values that a comment has there",
        },
    },
    "where the parts of a comment lie",
)

FILE = record(
    {
        **dict.fromkeys(("id", "name", "type", "size", "url", "visibility", "comment"), PLACE),
        "largest_mb": {"type": "integer", "minimum": 1, "description": "megabytes, a whole number"},
        "hosts": {"type": "array", "items": TEXT, "description": "a list of hosts such as files.example.com"},
    },
    "where the parts of a file lie",
)

SIGNATURE = record(
    {
        "kind": choice("standard_webhooks", "hmac", "header", "query", "basic"),
        "header": TEXT,
        "name": TEXT,
        "user": TEXT,
        "prefix": {"type": "string", "description": "what stands before the digest, such as sha256="},
        "separator": {"type": "string", "description": "what stands between several signatures"},
        "algorithm": choice("sha256", "sha1", "sha384", "sha512", "md5"),
        "encoding": choice("hex", "base64"),
        "signed": {
            "type": "string",
            "pattern": r"\{body\}",
            "description": "what is signed, such as {timestamp}.{body}",
        },
        "timestamp": TEXT,
        "timestamp_prefix": {
            "type": "string",
            "minLength": 1,
            "description": "what stands before the time where it is in the header of the signature, such as t=",
        },
        "id": TEXT,
        "tolerance": WHOLE,
        "secret": choice("text", "base64", "hex", "whsec"),
    },
    "how a webhook is signed",
)

INCOMING = record(
    {
        "signature": SIGNATURE,
        "format": choice("json", "form"),
        "form_field": TEXT,
        "delivery": PLACE,
        "events": PLACE,
        "event": record(
            {
                "at": PLACE,
                "kinds": _words(
                    ("created", "changed", "commented", "observed", "deleted", "merged", "ignored"),
                    "a mapping from the desk's events to what happened",
                ),
                "other": choice("observed", "ignored"),
            },
            "what happened",
        ),
        "change": PLACE,
        "at": PLACE,
        "actor": PLACE,
        "id": PLACE,
        "ticket": PLACE,
        "comment": PLACE,
        "ticket_fields": TICKET,
        "comment_fields": COMMENT,
        "trust": BOOL,
        "partial": BOOL,
    },
    "webhooks that the desk sends",
)

PAGING = record(
    {
        "kind": choice("page", "offset", "cursor", "next", "link"),
        "param": TEXT,
        "start": WHOLE,
        "size": {"type": "integer", "minimum": 1, "description": "a whole number"},
        "size_param": TEXT,
        "in": choice("query", "json"),
        "at": PLACE,
    },
    "how the next page is asked for",
    ("kind",),
)

_REQUEST: dict[str, Schema] = {
    "method": choice("GET", "POST", "PUT", "PATCH", "DELETE"),
    "path": {"type": "string", "description": "an address below url, such as /tickets/{ticket}"},
    "query": TEXTS,
    "headers": TEXTS,
    "json": {"description": "a JSON body with placeholders such as {title}"},
    "form": TEXTS,
    "text": TEXT,
    "parts": {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "object", "array"]},
        "description": "a mapping: the parts of a multipart form",
    },
    "content_type": TEXT,
    "success": {"type": "array", "items": {"type": "integer"}, "description": "a list of statuses that mean success"},
    "ok": record({"at": PLACE, "is": {"type": "array"}, "absent": PLACE}, "what of a 2xx answer proves success"),
    "refused": {"type": "array", "items": {"type": "integer"}, "description": "a list of statuses that mean a refusal"},
    "error": PLACE,
    "answer": PLACE,
}
_READ: dict[str, Schema] = {
    **_REQUEST,
    "missing": {
        "type": ["array", "object"],
        "items": {"type": "integer"},
        "properties": {"at": PLACE, "is": {"type": "array", "description": "a list of values"}},
        "additionalProperties": False,
        "description": "statuses that mean: not there; or {at: error.code, is: [404]}, where the answer says it",
    },
}
FIND = record({**_READ, "list": PLACE, "paging": PAGING}, "the search that finds a ticket by our mark", ("path",))
_WRITE: dict[str, Schema] = {
    **_REQUEST,
    "idempotency_header": TEXT,
    "remembered": {"type": "string", "pattern": r"^\d+[smhd]$", "description": "how long, such as 24h"},
    "repeatable": BOOL,
    "id": {
        "type": ["string", "array", "object", "boolean"],
        "description": "where the new id lies, or {key}; false: the answer does not say it",
    },
    "settle": WHOLE,
}
_EACH: dict[str, Schema] = {"each_file": {"description": "what stands for each file in the list {files}"}}
_SAID = record({**_WRITE, **_EACH, "find": choice("marker", "words")}, "the request that writes a comment", ("path",))
_UPDATE = record(
    {
        **_WRITE,
        "for": {"type": "array", "items": {"type": "string"}, "description": "a list of the fields that it is for"},
        "if_match": BOOL,
    },
    "the request that changes a ticket",
    ("path",),
)

_CHANGES = record(
    {
        **_READ,
        "list": PLACE,
        "paging": PAGING,
        "overlap": {"type": "string", "pattern": r"^\d+[smhd]$", "description": "how far back, such as 5m"},
        "newest_first": BOOL,
        "whole": BOOL,
        "compare": BOOL,
        "id": PLACE,
        "at": PLACE,
    },
    "the request that lists changed tickets",
    ("path",),
)


_COMMENTS = record({**_READ, "list": PLACE, "paging": PAGING}, "the request that reads comments", ("path",))


def _several(one: Schema, description: str) -> Schema:
    """Return the schema of a request, or of a list of them."""
    return {
        "type": ["object", "array"],
        "items": one,
        "properties": one["properties"],
        "additionalProperties": False,
        "description": description,
    }


CALLS = record(
    {
        "read": record(_READ, "the request that reads one ticket", ("path",)),
        "comments": _several(_COMMENTS, "a request that reads comments, or a list of them"),
        "changes": _several(_CHANGES, "a request that lists changed tickets, or a list of them"),
        "whoami": record({**_READ, "person": PLACE}, "the request that says who we are", ("path",)),
        "create": record({**_WRITE, **_EACH, "find": FIND}, "the request that makes a ticket", ("path",)),
        "update": _several(_UPDATE, "a request that changes a ticket, or a list of them"),
        "reply": _SAID,
        "note": _SAID,
        "files": record({**_READ, "list": PLACE, "paging": PAGING}, "the request that lists files", ("path",)),
        "fetch": record(
            {"path": _REQUEST["path"], "query": TEXTS, "headers": TEXTS, "content": PLACE},
            "the request that reads one file",
            ("path",),
        ),
        "upload": record(
            {
                **_REQUEST,
                "id": PLACE,
            },
            "the request that uploads a file which nobody sees yet",
            ("path", "id"),
        ),
        "attach": record(_WRITE, "the request that puts one file on a ticket", ("path",)),
    },
    "the requests that the desk takes",
)

#: what of the form by which an access token is got is no secret
_GRANT = ("token_url", "grant_type", "client_id", "username", "scope", "resource")

SETTINGS = (
    Setting(
        "auth",
        record(
            {
                "token": {**TEXT, "writeOnly": True},
                "scheme": TEXT,
                "user": TEXT,
                "password": {**TEXT, "writeOnly": True},
                "headers": {
                    "type": "object", "additionalProperties": TEXT, "description": "a mapping from headers to secrets",
                },
                "oauth": record(
                    {
                        **dict.fromkeys(_GRANT, TEXT),
                        **dict.fromkeys(("client_secret", "password", "refresh_token"), SECRET),
                    },
                    "how an access token is got: where, and the form that is posted there",
                    ("token_url", "client_id"),
                ),
            },
            "how we prove who we are: `token`, `user` and `password`, `headers`, or `oauth`",
        ),
        help="token (Bearer, or another scheme), user and password, headers of your own, or oauth.",
    ),
    Setting("ticket", TICKET, help="Where the parts of a ticket lie in what the desk sends and answers."),
    Setting("comment", COMMENT, help="Where the parts of a comment lie."),
    Setting("person", PERSON, help="Where the parts of a person lie."),
    Setting("file", FILE, help="Where the parts of a file lie, and how large one may be."),
    Setting("words", WORDS, help="What the desk's words mean; the first of a meaning is written."),
    Setting(
        "times",
        record(
            {
                "format": {
                    "type": ["string", "array"], "items": {"type": "string"}, "description": "iso, epoch or %Y…",
                },
                "zone": TEXT,
            },
            "how the desk writes times",
        ),
        help="The format of the desk's times (iso, epoch, epoch_ms, or %Y-%m-%d %H:%M:%S) and their zone.",
    ),
    Setting("us", record(dict.fromkeys(("id", "email", "name"), TEXT), "our own account there"),
            help="Our own account at the desk, where no request tells it."),
    Setting("incoming", INCOMING, help="Webhooks that the desk sends."),
    Setting("calls", CALLS, help="The requests that the desk takes."),
    Setting(
        "outgoing",
        record(
            {
                "signature": SIGNATURE,
                "secret": {
                    "type": ["string", "array"],
                    "items": TEXT,
                    "writeOnly": True,
                    "description": "one, or a list of them",
                },
            },
            "how what we send is signed",
            ("secret",),
        ),
        help="How our own requests are signed, for a receiver that checks it.",
    ),
)  # fmt: skip
