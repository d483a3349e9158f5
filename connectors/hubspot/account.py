"""What a site says about one HubSpot account, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sdk import Category, ConnectionSettings, HoldReason, Setting, Status
from gateway.domain.crosslink import own_fields
from gateway.errors import ConfigError

#: the stages that every account's first pipeline begins with, by HubSpot's ids of them
SUPPORT_PIPELINE = "0"
SUPPORT_STAGES: Mapping[str, str] = {"1": "new", "2": "pending_customer", "3": "open", "4": "resolved"}
#: what proves a public app, whose access tokens last for half an hour
PUBLIC_APP = ("client_id", "client_secret", "refresh_token")
SIGNATURES = ("v1", "v2", "v3")

_CATEGORY = {"enum": [each.value for each in Category if each is not Category.UNKNOWN]}
_ID = {"type": ["integer", "string"]}

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["token"]}, {"required": ["client_id", "client_secret", "refresh_token"]}],
            "properties": {
                "token": {"type": "string"},
                "client_id": {"type": "string"},
                "client_secret": {"type": "string"},
                "refresh_token": {"type": "string"},
            },
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{token}: the access token of a private app; or {client_id, client_secret, refresh_token} of a public one",
    ),
    Setting("app_id", _ID, required=True, help="the id of that app: what it does is known as ours by it"),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the app's client secret; a list while it is being changed",
    ),
    Setting(
        "webhook_url",
        {"type": "string", "format": "uri"},
        help="the address that stands in the app's webhook settings, which HubSpot signs; "
        "without it the Host header of each request is believed",
    ),
    Setting(
        "signatures",
        {"type": "array", "items": {"enum": list(SIGNATURES)}, "minItems": 1},
        help="which signatures are taken: [v3] takes no older ones (all three, the newest that a request carries)",
    ),
    Setting("portal_id", _ID, help="the account's id (Hub ID): events of any other are ignored, and links lead there"),
    Setting("user_id", _ID, help="the HubSpot user in whose name replies to customers are sent"),
    Setting(
        "key_property",
        {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        help="the ticket property with unique values that holds our key (gateway_key)",
    ),
    Setting(
        "pipelines",
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["stages"],
                "properties": {
                    "name": {"type": "string"},
                    "stages": {
                        "type": "object",
                        "additionalProperties": {
                            "oneOf": [
                                _CATEGORY,
                                {
                                    "type": "object",
                                    "required": ["category"],
                                    "properties": {"category": _CATEGORY, "name": {"type": "string"}},
                                    "additionalProperties": False,
                                },
                            ]
                        },
                    },
                },
                "additionalProperties": False,
            },
        },
        help='what the stages of pipelines mean: {"0": {name: Support, stages: {"1": new, "4": resolved}}}; '
        "of several stages of one category the first is written",
    ),
    Setting(
        "create_contacts",
        {"type": "boolean"},
        help="make a contact for a requester whom HubSpot does not know by e-mail (false: the ticket has no contact)",
    ),
)


class Stage(msgspec.Struct, frozen=True):
    """One stage of a pipeline and what it means."""

    id: str
    pipeline: str
    status: Status


class Account(msgspec.Struct, frozen=True):
    """One account; its repr shows no secret."""

    url: str
    token: str
    #: the form by which an access token of a public app is got; empty: `token` is one
    grant: dict[str, str]
    webhook_secrets: tuple[str, ...]
    app_id: str
    webhook_url: str
    signatures: frozenset[str]
    portal_id: str
    user_id: str
    key_property: str
    #: pipeline id -> our word for it
    pipelines: dict[str, str]
    #: in the order of the settings
    stages: tuple[Stage, ...]
    create_contacts: bool = False
    #: properties of tickets in which people keep the numbers of tickets elsewhere (`cross_links:`)
    kept: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        said = auth if isinstance(auth, Mapping) else {}
        token = str(said.get("token") or "")
        grant = {} if token else {name: str(said.get(name) or "") for name in PUBLIC_APP}
        if not token and not all(grant.values()):
            msg = f"connection {settings.name!r}: auth needs {{token}}, or {{{', '.join(PUBLIC_APP)}}}"
            raise ConfigError(msg)
        app = str(options.get("app_id") or "")
        if not app:
            msg = f"connection {settings.name!r}: app_id is missing: without it our own changes are not known as ours"
            raise ConfigError(msg)
        given = options.get("pipelines")
        if not isinstance(given, Mapping) or not given:
            given = {SUPPORT_PIPELINE: {"stages": SUPPORT_STAGES}}
        return cls(
            settings.url.rstrip("/"),
            token,
            {"grant_type": "refresh_token", **grant} if grant else {},
            _secrets(options.get("webhook_secret")),
            app,
            str(options.get("webhook_url") or ""),
            frozenset(str(each) for each in options.get("signatures") or SIGNATURES),
            str(options.get("portal_id") or ""),
            str(options.get("user_id") or ""),
            str(options.get("key_property") or "gateway_key"),
            {str(number): str(each.get("name") or number) for number, each in given.items()},
            tuple(_stages(settings.name, given)),
            options.get("create_contacts") is True,
            own_fields(settings.cross_links),
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        kept = (self.grant.get("client_secret", ""), self.grant.get("refresh_token", ""))
        return tuple(dict.fromkeys(each for each in (self.token, *kept, *self.webhook_secrets) if each))

    def queue(self, pipeline: str) -> str:
        """Return our word for a pipeline: its name in the settings, else its id."""
        return self.pipelines.get(pipeline, pipeline)

    def pipeline(self, queue: str) -> str:
        """Return the id of the pipeline behind a queue; empty where the settings have none."""
        return next((number for number, name in self.pipelines.items() if queue in {name, number}), "")

    def status(self, stage: str) -> Status:
        """Return what a stage means; one that the settings do not have keeps its id under `unknown`."""
        return next((each.status for each in self.stages if each.id == stage), Status(Category.UNKNOWN, stage))


def _stages(connection: str, pipelines: Mapping[Any, Any]) -> list[Stage]:
    found = []
    for pipeline, content in pipelines.items():
        for number, said in content.get("stages", {}).items():
            word, name = (said.get("category"), said.get("name")) if isinstance(said, Mapping) else (said, "")
            if word not in set(Category) or word == Category.UNKNOWN:
                msg = f"connection {connection!r}: stage {number} of pipeline {pipeline}: {word!r} is no category"
                raise ConfigError(msg)
            category = Category(word)
            reason = HoldReason.THIRD_PARTY if category is Category.ON_HOLD else None
            found.append(Stage(str(number), str(pipeline), Status(category, str(name or number), reason)))
    return found


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
