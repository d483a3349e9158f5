"""What a site says about its repositories, read once from the settings of a connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import msgspec

from connectors.sdk import Category, ConnectionSettings, Kind, Level, Setting, Visibility
from gateway.errors import ConfigError

E = TypeVar("E", bound=Enum)

#: labels that stand for what GitHub has no field for; those that are not there yet GitHub makes when they are first set
STATUSES = {
    "status: in progress": Category.OPEN,
    "status: waiting for customer": Category.PENDING_CUSTOMER,
    "status: on hold": Category.ON_HOLD,
}
PRIORITIES = {
    "priority: urgent": Level.P1,
    "priority: high": Level.P2,
    "priority: normal": Level.P3,
    "priority: low": Level.P4,
}
KINDS = {"bug": Kind.PROBLEM, "question": Kind.QUESTION, "enhancement": Kind.REQUEST}

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


def _labels(of: type[Enum]) -> dict[str, Any]:
    values = [str(each.value) for each in of if each.value not in {"unknown", "unset"}]
    return {"type": "object", "additionalProperties": {"enum": values}}


SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "required": ["token"],
            "properties": {"token": {"type": "string"}},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{token}: a fine-grained personal access token of an account kept for the gateway",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the webhook's secret; a list while it is being changed",
    ),
    Setting(
        "repositories",
        {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[^/]+/[^/]+$"}},
        required=True,
        help="owner/name of each repository whose issues are tickets",
    ),
    Setting("account_id", {"type": "string"}, help="our account's login; learned when it is not given"),
    Setting("statuses", _labels(Category), help="labels that say a status: {waiting: pending_customer}"),
    Setting("priorities", _labels(Level), help="labels that say a priority: {P0: P1}"),
    Setting("kinds", _labels(Kind), help="labels, and issue types, that say a kind: {incident: incident}"),
    Setting(
        "comments",
        {"enum": ["public", "internal"]},
        help="internal: a repository of colleagues, whose comments no customer may read (public)",
    ),
)


class Options(msgspec.Struct, frozen=True):
    """One connection's settings in the shape that the calls use; its repr shows no secret."""

    #: where people open issues
    site: str
    token: str
    webhook_secrets: tuple[str, ...]
    repositories: tuple[str, ...]
    account_id: str
    #: labels in lower case -> what they mean
    statuses: dict[str, Category]
    priorities: dict[str, Level]
    kinds: dict[str, Kind]
    #: what is written
    status_labels: dict[Category, str]
    priority_labels: dict[Level, str]
    kind_labels: dict[Kind, str]
    comments: Visibility

    def __repr__(self) -> str:
        """Name the repositories only."""
        return f"Options({self.repositories!r})"

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(dict.fromkeys(each for each in (self.token, *self.webhook_secrets) if each))

    def repository(self, name: str) -> str:
        """Return a repository as the settings write it, in whatever case it is named; empty: it is none of ours."""
        wanted = name.lower()
        return next((each for each in self.repositories if each.lower() == wanted), "")


def read_options(settings: ConnectionSettings) -> Options:
    """Read the settings; raises ConfigError where they cannot work."""
    given = settings.options
    auth = given.get("auth")
    token = str(auth.get("token") or "") if isinstance(auth, Mapping) else ""
    if not token:
        msg = f"connection {settings.name!r}: auth needs {{token}}"
        raise ConfigError(msg)
    repositories = tuple(str(each).strip() for each in given.get("repositories") or ())
    wrong = [each for each in repositories if _REPOSITORY.fullmatch(each) is None]
    if not repositories or wrong:
        msg = (
            f"connection {settings.name!r}: repositories are named as owner/name{', not ' + wrong[0] if wrong else ''}"
        )
        raise ConfigError(msg)
    secret = given.get("webhook_secret")
    statuses = _meanings(given.get("statuses"), Category, STATUSES)
    priorities = _meanings(given.get("priorities"), Level, PRIORITIES)
    kinds = _meanings(given.get("kinds"), Kind, KINDS)
    return Options(
        site=_site(settings.url),
        token=token,
        webhook_secrets=tuple(str(each) for each in ([secret] if isinstance(secret, str) else secret or ()) if each),
        repositories=repositories,
        account_id=str(given.get("account_id") or ""),
        statuses={label.lower(): meaning for label, meaning in statuses.items()},
        priorities={label.lower(): meaning for label, meaning in priorities.items()},
        kinds={label.lower(): meaning for label, meaning in kinds.items()},
        status_labels=_first(statuses),
        priority_labels=_first(priorities),
        kind_labels=_first(kinds),
        comments=Visibility.INTERNAL if given.get("comments") == "internal" else Visibility.PUBLIC,
    )


def _site(url: str) -> str:
    """Return where people open issues: github.com, or the server that has its API below /api/v3."""
    bare = url.rstrip("/").removesuffix("/api/v3")
    return "https://github.com" if bare == "https://api.github.com" else bare.replace("://api.", "://", 1)


def _meanings(given: Any, of: type[E], usual: Mapping[str, E]) -> dict[str, E]:
    """Return the site's own labels, then the usual ones for what it has none of."""
    own = {str(label).strip(): of(meaning) for label, meaning in given.items()} if isinstance(given, Mapping) else {}
    meant = set(own.values())
    return {**own, **{label: meaning for label, meaning in usual.items() if meaning not in meant}}


def _first(given: Mapping[str, E]) -> dict[E, str]:
    found: dict[E, str] = {}
    for label, meaning in given.items():
        found.setdefault(meaning, label)
    return found
