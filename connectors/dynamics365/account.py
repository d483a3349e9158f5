"""What a site says about one environment of Dynamics 365, read once from the settings of its connection.

The choices of statuscode, prioritycode and casetypecode are numbers that an environment may add to, so settings name
the meaning of a number; those that every environment is born with are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.dynamics365.ids import guid
from connectors.sdk import Category, ConnectionSettings, Grant, Kind, Level, RemotePerson, Setting
from gateway.errors import ConfigError

W = TypeVar("W", Category, Level, Kind)

API = "/api/data/v9.2"
LOGIN = "https://login.microsoftonline.com"
#: what the portal shows of notes: those that begin so
WEB = "*WEB*"
MAX_DESCRIPTION = 2_000

ACTIVE, RESOLVED, CANCELLED = 0, 1, 2
#: statuscode -> the word that people see, what it means, and its statecode
STATUSES: Mapping[int, tuple[str, Category, int]] = {
    1: ("In Progress", Category.OPEN, ACTIVE),
    2: ("On Hold", Category.ON_HOLD, ACTIVE),
    3: ("Waiting for Details", Category.PENDING_CUSTOMER, ACTIVE),
    4: ("Researching", Category.OPEN, ACTIVE),
    5: ("Problem Solved", Category.RESOLVED, RESOLVED),
    1000: ("Information Provided", Category.RESOLVED, RESOLVED),
    6: ("Canceled", Category.CANCELLED, CANCELLED),
    2000: ("Merged", Category.CANCELLED, CANCELLED),
}
#: the number that is written for a meaning
STATUS_NUMBERS = {
    Category.NEW: 1, Category.OPEN: 1, Category.ON_HOLD: 2, Category.PENDING_CUSTOMER: 3, Category.RESOLVED: 5,
    Category.CLOSED: 5, Category.CANCELLED: 6,
}  # fmt: skip
STATE_OF = {
    Category.RESOLVED: RESOLVED, Category.CLOSED: RESOLVED, Category.CANCELLED: CANCELLED,
}  # fmt: skip
PRIORITIES: Mapping[int, tuple[str, Level]] = {1: ("High", Level.P2), 2: ("Normal", Level.P3), 3: ("Low", Level.P4)}
PRIORITY_NUMBERS = {Level.P1: 1, Level.P2: 1, Level.P3: 2, Level.P4: 3}
TYPES: Mapping[int, tuple[str, Kind]] = {
    1: ("Question", Kind.QUESTION), 2: ("Problem", Kind.PROBLEM), 3: ("Request", Kind.REQUEST),
}  # fmt: skip
ORIGINS = {1: "phone", 2: "email", 3: "web", 2483: "facebook", 3986: "twitter", 700610000: "iot"}

_NUMBERS = {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"pattern": r"^\d{1,10}$"}}

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
                        for name in ("tenant_id", "token_url", "client_id", "client_secret", "scope")
                    },
                    "additionalProperties": False,
                },
                "token": {"type": "string"},
            },
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{oauth: {tenant_id, client_id, client_secret}} of an app registration, or {token}: an access token",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the webhook's key (?code=), or the value of its header x-gateway-secret; a list while it is changed",
    ),
    Setting("organization_id", {"type": "string"}, help="the organization's id: messages of any other are refused"),
    Setting("account_id", {"type": "string"}, help="systemuserid of the application user; learned when not given"),
    Setting("statuses", _NUMBERS, help='meanings of statuscode: {"100000001": pending_customer}'),
    Setting("priorities", _NUMBERS, help='meanings of prioritycode: {"1": P1}'),
    Setting("types", _NUMBERS, help='meanings of casetypecode: {"100000000": incident}'),
    Setting(
        "teams",
        {"type": "object", "additionalProperties": {"type": "string"}},
        help="names for teams: {Support: its id}; a queue is the owning team's name",
    ),
    Setting("unassigned", {"type": "string"}, help="the team that gets a case which nobody has any more"),
    Setting("customer", {"type": "string"}, help="id of the contact of cases whose requester has no e-mail"),
    Setting("web_prefix", {"type": "string"}, help=f"how notes begin that the portal shows ({WEB}); empty: none are"),
    Setting(
        "description_length", {"type": "integer", "minimum": 100}, help=f"of incident.description ({MAX_DESCRIPTION})"
    ),
    Setting(
        "custom_fields",
        {"type": "object", "additionalProperties": {"type": "string"}},
        help="names for custom columns of the case: {sla_due: new_sladue}",
    ),
)


class Account(msgspec.Struct):
    """One environment; its repr shows no secret."""

    url: str
    token: str
    grant: Grant | None
    webhook_secrets: tuple[str, ...]
    organization_id: str
    #: our user there, by the settings, or learned
    account_id: str
    #: meanings of numbers that the site adds to, or sets in the place of, those that are known
    statuses: dict[int, Category]
    priorities: dict[int, Level]
    types: dict[int, Kind]
    team_ids: dict[str, str]
    team_names: dict[str, str]
    unassigned: str
    customer: str
    web_prefix: str
    description_length: int
    field_names: dict[str, str]

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
            msg = f"connection {name!r}: auth needs {{oauth: {{tenant_id, client_id, client_secret}}}} or {{token}}"
            raise ConfigError(msg)
        teams = {word: guid(number) for word, number in _texts(options.get("teams")).items()}
        fields = _texts(options.get("custom_fields"))
        for field in fields.values():
            if not field.isidentifier():
                msg = f"connection {name!r}: {field!r} is not the logical name of a column"
                raise ConfigError(msg)
        return cls(
            url=url,
            token=token,
            grant=grant,
            webhook_secrets=_secrets(options.get("webhook_secret")),
            organization_id=guid(options.get("organization_id")),
            account_id=guid(options.get("account_id")),
            statuses=_meanings(options.get("statuses"), Category, name),
            priorities=_meanings(options.get("priorities"), Level, name),
            types=_meanings(options.get("types"), Kind, name),
            team_ids=teams,
            team_names={number: word for word, number in teams.items() if number},
            unassigned=str(options.get("unassigned") or ""),
            customer=guid(options.get("customer")),
            web_prefix=str(options.get("web_prefix", WEB)),
            description_length=int(options.get("description_length") or MAX_DESCRIPTION),
            field_names=fields,
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        granted = self.grant.form.get("client_secret", "") if self.grant else ""
        return tuple(dict.fromkeys(secret for secret in (self.token, granted, *self.webhook_secrets) if secret))

    def learn(self, account_id: str) -> None:
        """Keep who we are there, as the desk said it."""
        if not self.account_id:
            self.account_id = guid(account_id)

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our user; None until the settings or a read have told us."""
        if person is None or not person.external_id or not self.account_id:
            return None
        return guid(person.external_id) == self.account_id


def _grant(given: Any, url: str) -> Grant | None:
    """Read how an access token is got: by the credentials of the app registration, for this environment alone."""
    said = _texts(given)
    where = said.get("token_url") or (f"{LOGIN}/{said['tenant_id']}/oauth2/v2.0/token" if said.get("tenant_id") else "")
    if not (where and said.get("client_id") and said.get("client_secret")):
        return None
    form = {"grant_type": "client_credentials", "scope": said.get("scope") or f"{url}/.default"}
    return Grant(where, form | {"client_id": said["client_id"], "client_secret": said["client_secret"]})


def _texts(given: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}


def _meanings(given: Any, kind: type[W], name: str) -> dict[int, W]:
    found: dict[int, W] = {}
    for number, meaning in _texts(given).items():
        try:
            found[int(number)] = kind(meaning)
        except ValueError:
            there = ", ".join(each.value for each in kind)
            msg = f"connection {name!r}: {meaning!r} is no meaning of {number!r} (there are: {there})"
            raise ConfigError(msg) from None
    return found


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
