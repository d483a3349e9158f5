"""What a site says about one Salesforce org, read once from the settings of its connection.

Status, Priority and Type are picklists that each org fills by itself, so their words are settings, with those of a
fresh org as the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.salesforce.ids import full_id
from connectors.sdk import Category, ConnectionSettings, Grant, Kind, Level, RemotePerson, Setting
from gateway.errors import ConfigError

W = TypeVar("W", Category, Level, Kind)

#: the version of the REST API that is asked for; any since 47.0 (Case.MasterRecordId) will do
API_VERSION = "62.0"
#: the text field of Case, External ID and unique, that holds our effect key
KEY_FIELD = "Gateway_Key__c"

#: the words that orgs are born with, and those that most add; the first one of a meaning is the one that is written
STATUSES: Mapping[str, Category] = {
    "New": Category.NEW,
    "Working": Category.OPEN,
    "Open": Category.OPEN,
    "In Progress": Category.OPEN,
    "Escalated": Category.OPEN,
    "Reopened": Category.OPEN,
    "Waiting on Customer": Category.PENDING_CUSTOMER,
    "Waiting for Customer": Category.PENDING_CUSTOMER,
    "Pending Customer": Category.PENDING_CUSTOMER,
    "Awaiting Customer": Category.PENDING_CUSTOMER,
    "On Hold": Category.ON_HOLD,
    "Pending": Category.ON_HOLD,
    "Resolved": Category.RESOLVED,
    "Solved": Category.RESOLVED,
    "Closed": Category.CLOSED,
    "Cancelled": Category.CANCELLED,
    "Canceled": Category.CANCELLED,
    "Duplicate": Category.CANCELLED,
    "Merged": Category.CLOSED,
}
PRIORITIES: Mapping[str, Level] = {
    "Critical": Level.P1,
    "Urgent": Level.P1,
    "High": Level.P2,
    "Medium": Level.P3,
    "Normal": Level.P3,
    "Low": Level.P4,
}
TYPES: Mapping[str, Kind] = {
    "Incident": Kind.INCIDENT,
    "Problem": Kind.PROBLEM,
    "Question": Kind.QUESTION,
    "Feature Request": Kind.REQUEST,
    "Request": Kind.REQUEST,
    "Service Request": Kind.REQUEST,
    "Change": Kind.CHANGE,
    "Task": Kind.TASK,
}
#: what a fresh org has is all that is written there unasked
BORN_STATUSES = {Category.NEW: "New", Category.OPEN: "Working", Category.RESOLVED: "Closed", Category.CLOSED: "Closed"}
BORN_PRIORITIES = {Level.P1: "High", Level.P2: "High", Level.P3: "Medium", Level.P4: "Low"}

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_WORDS = {"type": "object", "additionalProperties": {"type": "string"}}

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["oauth"]}, {"required": ["token"]}],
            "properties": {
                "oauth": {
                    "type": "object",
                    "required": ["client_id", "client_secret"],
                    "properties": {
                        name: {"type": "string"}
                        for name in ("token_url", "client_id", "client_secret", "refresh_token", "scope")
                    },
                    "additionalProperties": False,
                },
                "token": {"type": "string"},
            },
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{oauth: {client_id, client_secret}} of a connected app, or {token}: an access token that lasts",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="stands in the URL of outbound messages (?key=…) or in a header of a relay; a list while it is changed",
    ),
    Setting("organization_id", {"type": "string"}, help="the org's id (00D…): messages of any other org are refused"),
    Setting("account_id", {"type": "string"}, help="id (005…) of the gateway's user; learned when it is not given"),
    Setting("api_version", {"type": "string", "pattern": r"^\d{2,3}\.0$"}, help=f"of the REST API ({API_VERSION})"),
    Setting(
        "key_field",
        {"type": "string", "pattern": _FIELD.pattern},
        help=f"the unique external id field of Case that the gateway writes its key into ({KEY_FIELD})",
    ),
    Setting("statuses", _WORDS, help="words of Case.Status: {Working: open}; the first of a category is written"),
    Setting("priorities", _WORDS, help="words of Case.Priority: {High: P2}; the first of a level is written"),
    Setting("types", _WORDS, help="words of Case.Type: {Problem: problem}; without it the type is only read"),
    Setting(
        "queues", _WORDS, help="names for queues: {Support: 00G…}; a queue is the name, else as Salesforce names it"
    ),
    Setting("unassigned", {"type": "string"}, help="the queue that gets a case which nobody has any more"),
    Setting("custom_fields", _WORDS, help="names for custom fields of Case: {sla_due: SLA_Due__c}"),
    Setting("emails", {"type": "boolean"}, help="false: e-mails of Email-to-Case are not read as comments (true)"),
)


class Account(msgspec.Struct):
    """One org; its repr shows no secret."""

    url: str
    token: str
    grant: Grant | None
    webhook_secrets: tuple[str, ...]
    organization_id: str
    #: our user there, by the settings, or learned
    account_id: str
    root: str
    key_field: str
    #: lower-case word -> its meaning; meaning -> the word that is written
    statuses: dict[str, Category]
    status_words: dict[Category, str]
    priorities: dict[str, Level]
    priority_words: dict[Level, str]
    types: dict[str, Kind]
    type_words: dict[Kind, str]
    queue_ids: dict[str, str]
    queue_names: dict[str, str]
    unassigned: str
    field_names: dict[str, str]
    emails: bool

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options, name = settings.options, settings.name
        url = settings.url.rstrip("/")
        auth = options.get("auth")
        token = str(auth.get("token") or "") if isinstance(auth, Mapping) else ""
        grant = _grant(auth.get("oauth"), url) if isinstance(auth, Mapping) else None
        if not token and grant is None:
            msg = f"connection {name!r}: auth needs {{oauth: {{client_id, client_secret}}}} or {{token}}"
            raise ConfigError(msg)
        statuses = _meanings(options.get("statuses"), Category, STATUSES, name)
        priorities = _meanings(options.get("priorities"), Level, PRIORITIES, name)
        types = _meanings(options.get("types"), Kind, TYPES, name)
        queues = {word: full_id(number) or number for word, number in _texts(options.get("queues")).items()}
        fields = _texts(options.get("custom_fields"))
        key_field = str(options.get("key_field") or KEY_FIELD)
        for field in (key_field, *fields.values()):
            if not _FIELD.fullmatch(field):
                msg = f"connection {name!r}: {field!r} is not the API name of a field"
                raise ConfigError(msg)
        return cls(
            url=url,
            token=token,
            grant=grant,
            webhook_secrets=_secrets(options.get("webhook_secret")),
            organization_id=full_id(str(options.get("organization_id") or "")),
            account_id=full_id(str(options.get("account_id") or "")),
            root=f"/services/data/v{options.get('api_version') or API_VERSION}",
            key_field=key_field,
            statuses={word.lower(): meaning for word, meaning in statuses.items()},
            status_words=_words(options.get("statuses"), statuses, BORN_STATUSES),
            priorities={word.lower(): meaning for word, meaning in priorities.items()},
            priority_words=_words(options.get("priorities"), priorities, BORN_PRIORITIES),
            types={word.lower(): meaning for word, meaning in types.items()},
            type_words=_words(options.get("types"), types, {}),
            queue_ids=queues,
            queue_names={number: word for word, number in queues.items()},
            unassigned=str(options.get("unassigned") or ""),
            field_names=fields,
            emails=options.get("emails") is not False,
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        hidden = ("client_secret", "refresh_token")
        granted = [self.grant.form.get(name, "") for name in hidden] if self.grant else []
        return tuple(dict.fromkeys(secret for secret in (self.token, *granted, *self.webhook_secrets) if secret))

    def learn(self, account_id: str) -> None:
        """Keep who we are there, as the desk said it."""
        if not self.account_id:
            self.account_id = full_id(account_id)

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our user; None until the settings or a read have told us."""
        if person is None or not person.external_id or not self.account_id:
            return None
        return full_id(person.external_id) == self.account_id

    def custom_field(self, name: str) -> str:
        """Return the API name of a custom field by our name for it, or by its own; empty when it has none."""
        return self.field_names.get(name, name if name.endswith("__c") and _FIELD.fullmatch(name) else "")


def _grant(given: Any, url: str) -> Grant | None:
    """Read how an access token is got: by the app's own credentials, or by a refresh token of our user.

    Salesforce does not say how long a token lasts (the session settings of the org do), so it is renewed often.
    """
    said = _texts(given)
    if not (said.get("client_id") and said.get("client_secret")):
        return None
    form = {name: said[name] for name in ("client_id", "client_secret", "refresh_token", "scope") if said.get(name)}
    form["grant_type"] = "refresh_token" if said.get("refresh_token") else "client_credentials"
    return Grant(said.get("token_url") or f"{url}/services/oauth2/token", form)


def _texts(given: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}


def _meanings(given: Any, kind: type[W], known: Mapping[str, W], name: str) -> dict[str, W]:
    """Return the words of the settings before those that are known; raises ConfigError for a meaning that is none."""
    found: dict[str, W] = {}
    for word, meaning in _texts(given).items():
        try:
            found[word] = kind(meaning)
        except ValueError:
            there = ", ".join(each.value for each in kind)
            msg = f"connection {name!r}: {meaning!r} is no meaning of {word!r} (there are: {there})"
            raise ConfigError(msg) from None
    told = {word.lower() for word in found}
    return found | {word: meaning for word, meaning in known.items() if word.lower() not in told}


def _words(given: Any, meanings: Mapping[str, W], born: Mapping[W, str]) -> dict[W, str]:
    """Return the word to write for each meaning: the site's first one, else that of a fresh org."""
    found: dict[W, str] = {}
    for word in _texts(given):
        found.setdefault(meanings[word], word)
    return dict(born) | found


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
