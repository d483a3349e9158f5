"""What a site says about one Jira, read once from the settings of its connection."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from connectors.jira import words
from connectors.sdk import Category, ConnectionSettings, Kind, Level, Setting, Visibility
from gateway.errors import ConfigError

E = TypeVar("E", bound=Enum)

CLOUD, DATA_CENTER = "cloud", "data_center"
#: the members of `auth` that prove us, by themselves
PROOFS = (("token",), ("email", "api_token"), ("username", "password"), ("client_id", "client_secret"))
#: where a service account's access tokens are got [J12]
TOKEN_URL = "https://auth.atlassian.com/oauth/token"  # noqa: S105 - an address, not a secret
#: hosts of Atlassian's cloud; every other Jira is somebody's own
CLOUD_HOSTS = (".atlassian.net", ".jira.com", "api.atlassian.com", ".jira-dev.com", ".atlassian-us-gov-mod.net")


def _words(of: type[Enum], what: str) -> dict[str, Any]:
    values = [str(each.value) for each in of if each.value not in {"unknown", "unset"}]
    return {"type": "object", "additionalProperties": {"enum": values}, "description": what}


SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [
                {"required": ["email", "api_token"]},
                {"required": ["token"]},
                {"required": ["username", "password"]},
                {"required": ["oauth"]},
            ],
            "properties": {
                **{name: {"type": "string"} for name in ("email", "api_token", "token", "username", "password")},
                "oauth": {
                    "type": "object",
                    "required": ["client_id", "client_secret"],
                    "properties": {name: {"type": "string"} for name in ("client_id", "client_secret", "token_url")},
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="Cloud: {email, api_token}, or {oauth: {client_id, client_secret}} of a service account; "
        "Data Center: {token} (a personal access token) or {username, password}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the secret of the webhook; a list while it is being changed",
    ),
    Setting(
        "site",
        {"type": "string"},
        help="where people open Jira, where `url` is another: https://acme.atlassian.net beside api.atlassian.com",
    ),
    Setting(
        "deployment",
        {"enum": [CLOUD, DATA_CENTER]},
        help="cloud or data_center; told from the address where it is not given",
    ),
    Setting(
        "account_id",
        {"type": "string"},
        help="our account: its accountId (Cloud) or user name (Data Center); learned when it is not given",
    ),
    Setting(
        "projects",
        {"type": "array", "items": {"type": "string"}},
        help="keys of the projects whose issues are tickets; all that the account sees, where none are given",
    ),
    Setting("remote_links", {"type": "boolean"}, help="false: not read, which saves a request an issue. Default: true"),
    Setting("statuses", _words(Category, "a status's name: our category"), help="{Waiting for triage: new}"),
    Setting("priorities", _words(Level, "a priority's name: our level"), help="{Urgent: P1}"),
    Setting("issue_types", _words(Kind, "an issue type's name: our kind"), help="{Outage: incident}"),
    Setting(
        "resolutions",
        {"type": "object", "additionalProperties": {"type": "string"}},
        help="the resolution that is set with a category, where the workflow asks for one: {cancelled: Won't Do}",
    ),
    Setting(
        "unmarked_comments",
        {"enum": ["public", "internal"]},
        help="what a comment is of which Jira does not say who may read it (internal)",
    ),
    Setting(
        "note_visibility",
        {
            "type": "object",
            "required": ["type", "value"],
            "properties": {"type": {"enum": ["role", "group"]}, "value": {"type": "string"}},
            "additionalProperties": False,
        },
        help="who else may read our internal notes: {type: role, value: Developers}",
    ),
    Setting(
        "request_type_field",
        {"type": "string"},
        help="custom field of the request type (customfield_10010); asked for when it is not given",
    ),
    Setting(
        "sla_events",
        {"type": "boolean"},
        help="also read the SLAs of Service Management; done unasked where a policy names this desk as authority",
    ),
    Setting(
        "sla_metrics",
        {"type": "object", "additionalProperties": {"enum": ["first_response", "resolution"]}},
        help="an SLA's own name: our metric; {Zeit bis zur Lösung: resolution}",
    ),
    Setting(
        "custom_fields",
        {"type": "object", "additionalProperties": {"type": "string"}},
        help="names for custom fields that are read: {plant: customfield_10042}",
    ),
)


class Options(msgspec.Struct, frozen=True):
    """One connection's settings in the shape that the calls use; its repr shows no secret."""

    #: what stands before every path
    url: str
    #: where people open it
    base: str
    cloud: bool
    auth: dict[str, str]
    webhook_secrets: tuple[str, ...]
    account_id: str
    projects: tuple[str, ...]
    #: words in lower case -> what they mean, the site's own
    statuses: dict[str, Category]
    priorities: dict[str, Level]
    kinds: dict[str, Kind]
    #: what we write, the site's own words first
    status_words: dict[Category, tuple[str, ...]]
    priority_words: dict[Level, str]
    kind_words: dict[Kind, str]
    resolutions: dict[str, str]
    unmarked: Visibility
    note_visibility: dict[str, str]
    request_type_field: str
    #: custom field -> its name for us
    custom_names: dict[str, str]
    #: SLAs of Service Management are read; their names in lower case -> our metric
    reads_clocks: bool = False
    sla_metrics: dict[str, str] = {}
    #: its remote links are read with each issue
    remote_links: bool = True

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Options({self.base!r})"

    @property
    def api(self) -> str:
        """The path below which the REST API lies: 3 speaks the document format, 2 wiki markup."""
        return "/rest/api/3" if self.cloud else "/rest/api/2"

    def authorization(self) -> str:
        """Return the Authorization header: Basic for an API token or a password, Bearer for a token.

        Empty where the transport gets an access token.
        """
        if self.auth.get("client_id"):
            return ""
        if self.auth.get("token"):
            return f"Bearer {self.auth['token']}"
        name = self.auth.get("email") or self.auth.get("username") or ""
        word = self.auth.get("api_token") or self.auth.get("password") or ""
        return "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        bare = self.authorization().partition(" ")[2]
        kept = [self.auth.get(name, "") for name in ("api_token", "token", "password", "client_secret")]
        return tuple(dict.fromkeys(each for each in (*kept, bare, *self.webhook_secrets) if each))

    def is_ours(self, project: str) -> bool:
        """Say whether issues of a project are tickets; a project that is not said is taken."""
        return not self.projects or not project or project in self.projects


def read_options(settings: ConnectionSettings) -> Options:
    """Read the settings; raises ConfigError where they cannot work."""
    given = settings.options
    said = given.get("auth")
    auth = _auth(said) if isinstance(said, Mapping) else {}
    if not any(set(each) <= set(auth) for each in PROOFS):
        msg = (
            f"connection {settings.name!r}: auth needs {{email, api_token}}, {{token}}, {{username, password}} "
            f"or {{oauth: {{client_id, client_secret}}}}"
        )
        raise ConfigError(msg)
    statuses = _meanings(given.get("statuses"), Category)
    priorities = _meanings(given.get("priorities"), Level)
    kinds = _meanings(given.get("issue_types"), Kind)
    custom = given.get("custom_fields")
    note = given.get("note_visibility")
    return Options(
        url=settings.url.rstrip("/"),
        base=str(given.get("site") or settings.url).rstrip("/"),
        cloud=_is_cloud(settings),
        auth=auth,
        webhook_secrets=_secrets(given.get("webhook_secret")),
        account_id=str(given.get("account_id") or ""),
        projects=tuple(str(key).strip().upper() for key in given.get("projects") or ()),
        statuses={word.lower(): meaning for word, meaning in statuses.items()},
        priorities={word.lower(): meaning for word, meaning in priorities.items()},
        kinds={word.lower(): meaning for word, meaning in kinds.items()},
        status_words={
            category: (*(word for word, meaning in statuses.items() if meaning is category), *usual)
            for category, usual in words.STATUS_WORDS.items()
        },
        priority_words={**words.PRIORITY_WORDS, **_first(priorities)},
        kind_words=_first(kinds),
        resolutions={str(name): str(word) for name, word in (given.get("resolutions") or {}).items()},
        unmarked=Visibility.PUBLIC if given.get("unmarked_comments") == "public" else Visibility.INTERNAL,
        note_visibility=dict(note) if isinstance(note, Mapping) else {},
        request_type_field=str(given.get("request_type_field") or ""),
        custom_names={str(number): str(name) for name, number in custom.items()} if isinstance(custom, Mapping) else {},
        reads_clocks=bool(settings.counts) or given.get("sla_events") is True,
        sla_metrics={str(name).strip().lower(): str(ours) for name, ours in (given.get("sla_metrics") or {}).items()},
        remote_links=given.get("remote_links") is not False,
    )


def _auth(given: Mapping[str, Any]) -> dict[str, str]:
    oauth = given.get("oauth")
    inner = oauth if isinstance(oauth, Mapping) else {}
    return {str(name): str(value) for name, value in {**given, **inner}.items() if value and name != "oauth"}


def _is_cloud(settings: ConnectionSettings) -> bool:
    said = settings.options.get("deployment")
    if said in {CLOUD, DATA_CENTER}:
        return bool(said == CLOUD)
    host = urlsplit(settings.url).hostname or ""
    return host.endswith(CLOUD_HOSTS)


def _meanings(given: Any, of: type[E]) -> dict[str, E]:
    return {str(word).strip(): of(meaning) for word, meaning in given.items()} if isinstance(given, Mapping) else {}


def _first(given: Mapping[str, E]) -> dict[E, str]:
    """Return for each meaning the first word that has it."""
    found: dict[E, str] = {}
    for word, meaning in given.items():
        found.setdefault(meaning, word)
    return found


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(str(secret) for secret in given if secret) if isinstance(given, list | tuple) else ()
