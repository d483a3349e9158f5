"""The settings of one connection, read once into a frozen value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connectors.roundup.mapping import PRIORITIES, STATUSES, Vocabulary, number, text
from connectors.sdk import Category, ConnectionSettings, Level
from gateway.errors import ConfigError

#: seconds for which Roundup knows an address that takes one post: it gives 30 minutes by default and an hour at most
POE_LIFETIME = 900


class Options(msgspec.Struct, frozen=True):
    """One connection's settings in the shape that the calls use; its repr shows no secret."""

    #: the tracker's own address, without a slash at its end
    web: str
    user: str = ""
    password: str = ""
    token: str = ""
    #: our user's id, where the token says it
    number: str = ""
    words: Vocabulary = Vocabulary()
    #: the class whose items are tickets, and its properties for who works on one and for its tags
    kind: str = "issue"
    assignee: str = "assignedto"
    tags: str = "keyword"
    ticket_marker: str = ""
    private: str = ""

    def __repr__(self) -> str:
        """Name the tracker only."""
        return f"Options({self.web!r})"

    @property
    def host(self) -> str:
        """The host of our Message-IDs."""
        return urlsplit(self.web).hostname or "localhost"

    @property
    def headers(self) -> dict[str, str]:
        """What Roundup wants of every request against forgery: the tracker's own origin and a header of any value."""
        parts = urlsplit(self.web)
        return {
            "X-Requested-With": "rest",
            "Origin": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            "Referer": f"{self.web}/",
            "Accept": "application/json",
        }


def read_options(settings: ConnectionSettings) -> Options:
    """Read the options of a connection; raises ConfigError naming what is wrong."""
    given = settings.options
    auth = given.get("auth") or {}
    token = text(auth.get("token"))
    if not (token or (auth.get("user") and auth.get("password"))):
        msg = f"connection {settings.name}: auth needs `user` and `password`, or `token` (a JWT), of a user of Roundup"
        raise ConfigError(msg)
    return Options(
        web=(text(given.get("web")) or settings.url).rstrip("/"),
        user=text(auth.get("user")) or text(given.get("account")),
        password=text(auth.get("password")),
        token=token,
        number=_subject(token),
        words=_vocabulary(settings),
        kind=issues_of(given)["class"],
        assignee=issues_of(given)["assignee"],
        tags=issues_of(given)["tags"],
        ticket_marker=text(given.get("ticket_marker")),
        private=text(given.get("private")),
    )


def issues_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Return how a tracker calls its tickets: the class, and its properties; as in classic where it says nothing."""
    said = given.get("issues")
    own = {str(name): str(value) for name, value in said.items() if value} if isinstance(said, Mapping) else {}
    return {"class": "issue", "assignee": "assignedto", "tags": "keyword", **own}


def _subject(token: str) -> str:
    """Return the user's id that a JWT names (`sub`: doc/rest.txt, "Creating Custom JWTs"); empty where it does not."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return ""
    return number(claims.get("sub")) if isinstance(claims, dict) else ""


def _vocabulary(settings: ConnectionSettings) -> Vocabulary:
    given = settings.options
    try:
        statuses = tuple((str(word), Category(meaning)) for word, meaning in (given.get("statuses") or {}).items())
        priorities = tuple((str(word), Level(meaning)) for word, meaning in (given.get("priorities") or {}).items())
    except ValueError as error:
        msg = f"connection {settings.name}: statuses and priorities: {error}"
        raise ConfigError(msg) from error
    return Vocabulary(
        statuses={**STATUSES, **{word.lower(): meaning for word, meaning in statuses}},
        priorities={**PRIORITIES, **{word.lower(): meaning for word, meaning in priorities}},
        own_statuses=statuses,
        own_priorities=priorities,
    )
