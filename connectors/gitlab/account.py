"""What a site says about its projects at one GitLab, read once from the settings of the connection."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from connectors.sdk import Category, ConnectionSettings, HoldReason, Level, Setting
from gateway.errors import ConfigError

_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
#: the labels that GitLab's own documentation gives as an example of scoped ones
PRIORITY_LABELS = {"P1": "priority::1", "P2": "priority::2", "P3": "priority::3", "P4": "priority::4"}
SIGNING = "whsec_"

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["token"]}, {"required": ["oauth_token"]}],
            "properties": {"token": {"type": "string"}, "oauth_token": {"type": "string"}},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{token}: a personal, project or group access token with the scope api; or {oauth_token}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the webhook's signing token (whsec_…, GitLab 19) or its secret token; a list while it is being changed",
    ),
    Setting("project", {"type": ["string", "integer"]}, required=True, help="the project: group/name, or its id"),
    Setting(
        "projects",
        {"type": "array", "items": {"type": ["string", "integer"]}},
        help="more projects of this connection; new issues go to `project` unless a rule names another",
    ),
    Setting(
        "status_labels",
        _LABELS,
        help='labels for what opened and closed do not say: {pending_customer: "status::waiting"}',
    ),
    Setting(
        "priority_labels",
        _LABELS,
        help='labels for priorities ({P1: "priority::1", …})',
    ),
    Setting("confidential", {"enum": ["sync", "skip"]}, help="skip: confidential issues are left alone (sync)"),
    Setting("user_id", {"type": ["integer", "string"]}, help="GitLab's id of our account; learned when not given"),
)


class Us:
    """Our own account there, and the version of GitLab, as far as they are known."""

    def __init__(self, number: str) -> None:
        self.id = number
        self.username = ""
        #: the major version; 0: not asked yet
        self.major = 0

    def learn(self, number: str, username: str) -> None:
        """Remember what the desk said of us."""
        self.id = number or self.id
        self.username = username or self.username


class Account(msgspec.Struct, frozen=True):
    """Projects of one GitLab; its repr shows no secret."""

    url: str
    us: Us
    token: str
    oauth_token: str
    webhook_secrets: tuple[str, ...]
    #: the first one takes new issues
    projects: tuple[str, ...]
    #: label -> what it means
    status_labels: dict[str, tuple[Category, HoldReason | None]]
    priority_labels: dict[str, Level]
    skips_confidential: bool

    def __repr__(self) -> str:
        """Name the address and the projects only."""
        return f"Account({self.url!r}, {self.projects!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        where = f"connection {settings.name!r}"
        auth = options.get("auth")
        given = auth if isinstance(auth, Mapping) else {}
        token, oauth = str(given.get("token") or ""), str(given.get("oauth_token") or "")
        if not token and not oauth:
            msg = f"{where}: auth needs {{token}} or {{oauth_token}}"
            raise ConfigError(msg)
        more = options.get("projects")
        projects = [options.get("project"), *(more if isinstance(more, list | tuple) else ())]
        named = tuple(dict.fromkeys(str(one).strip("/ ") for one in projects if one))
        if not named:
            msg = f"{where}: name the project: group/name or its id"
            raise ConfigError(msg)
        secrets = _secrets(options.get("webhook_secret"))
        for secret in secrets:
            if secret.startswith(SIGNING) and not signing_key(secret):
                msg = f"{where}: webhook_secret begins with {SIGNING} and is not base64 after that"
                raise ConfigError(msg)
        return cls(
            settings.url.rstrip("/"),
            Us(str(options.get("user_id") or "")),
            token,
            oauth,
            secrets,
            named,
            {label: _meaning(where, word) for word, label in _texts(options.get("status_labels")).items()},
            _levels(where, {**PRIORITY_LABELS, **_texts(options.get("priority_labels"))}),
            options.get("confidential") == "skip",
        )

    def authorization(self) -> dict[str, str]:
        """Return the header that proves who we are."""
        return {"PRIVATE-TOKEN": self.token} if self.token else {"Authorization": f"Bearer {self.oauth_token}"}

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(dict.fromkeys(one for one in (self.token, self.oauth_token, *self.webhook_secrets) if one))

    def is_mine(self, number: str, path: str) -> bool:
        """Say whether a project is one of this connection, by its id or its path."""
        return bool({number, path} & set(self.projects) - {""})


def signing_key(secret: str) -> bytes:
    """Return the key in a signing token: base64 after its prefix (Standard Webhooks); empty where it is none."""
    try:
        return base64.b64decode(secret.removeprefix(SIGNING), validate=True)
    except (binascii.Error, ValueError):
        return b""


def scopes(labels: Iterable[str]) -> frozenset[str]:
    """Return the scopes of labels: `status::waiting` is of the scope `status::`."""
    return frozenset(label[: label.rindex("::") + 2] for label in labels if "::" in label)


def _meaning(where: str, word: str) -> tuple[Category, HoldReason | None]:
    category, _, reason = word.partition("/")
    try:
        return Category(category.strip()), HoldReason(reason.strip()) if reason else None
    except ValueError:
        msg = f"{where}: status_labels: {word!r} is no category (there are: {', '.join(Category)})"
        raise ConfigError(msg) from None


def _levels(where: str, given: Mapping[str, str]) -> dict[str, Level]:
    found: dict[str, Level] = {}
    for word, label in given.items():
        if word not in set(Level) - {Level.UNSET}:
            msg = f"{where}: priority_labels: {word!r} is none of P1, P2, P3 and P4"
            raise ConfigError(msg)
        if label:
            found[label] = Level(word)
    return found


def _texts(given: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(str(secret) for secret in given if secret) if isinstance(given, list | tuple) else ()
