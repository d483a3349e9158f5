"""The settings of one connection, read once into a frozen value, and what is known of our own account."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors.request_tracker.mapping import STATUSES, Vocabulary, integer, text
from connectors.sdk import Category, ConnectionSettings, RemotePerson
from gateway.errors import ConfigError

REST = "/REST/2.0"

#: RT::AuthToken: version, number of the user, secret
_TOKEN = re.compile(r"\d+-(\d+)-[0-9a-f]{32}", re.IGNORECASE)


class Options(msgspec.Struct, frozen=True):
    """One connection's settings in the shape that the calls use; its repr shows no secret."""

    #: address of RT for people, without a slash at its end
    base: str
    #: what stands before every REST path, given the connection's url
    prefix: str
    token: str = ""
    user: str = ""
    password: str = ""
    account: str = ""
    webhook_secrets: tuple[str, ...] = ()
    words: Vocabulary = Vocabulary()
    #: custom field of tickets and custom field of transactions that carry our effect keys
    ticket_marker: str = "ExternalRef"
    comment_marker: str = "GatewayKey"
    #: statuses that the lifecycle lets a ticket begin with
    initial_statuses: tuple[str, ...] = ("new", "open", "resolved")

    def __repr__(self) -> str:
        """Name the desk only."""
        return f"Options({self.base!r})"


def read_options(settings: ConnectionSettings) -> Options:
    """Read the options of a connection; raises ConfigError naming what is wrong."""
    given = settings.options
    auth = given.get("auth") or {}
    if not (auth.get("token") or (auth.get("user") and auth.get("password"))):
        msg = f"connection {settings.name}: auth needs `token`, or `user` and `password`, of an account of RT"
        raise ConfigError(msg)
    secret = given.get("webhook_secret") or ()
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    url = settings.url.rstrip("/")
    return Options(
        base=url.removesuffix(REST),
        prefix="" if url.endswith(REST) else REST,
        token=text(auth.get("token")),
        user=text(auth.get("user")),
        password=text(auth.get("password")),
        account=text(given.get("account")),
        webhook_secrets=tuple(str(one) for one in secrets),
        words=_vocabulary(settings.name, given),
        ticket_marker=text(given.get("ticket_marker")) or "ExternalRef",
        comment_marker=text(given.get("comment_marker")) or "GatewayKey",
        initial_statuses=tuple(given.get("initial_statuses") or ("new", "open", "resolved")),
    )


def _vocabulary(name: str, given: dict[str, Any]) -> Vocabulary:
    try:
        statuses = {str(word).lower(): Category(meaning) for word, meaning in (given.get("statuses") or {}).items()}
    except ValueError as error:
        msg = f"connection {name}: statuses: {error} (one of: {', '.join(Category)})"
        raise ConfigError(msg) from error
    own = tuple(statuses.items())
    chosen = given.get("priorities")
    if not chosen:
        return Vocabulary({**STATUSES, **statuses}, own)
    priorities = {str(level): integer(number) for level, number in chosen.items()}
    known = {level: number for level, number in priorities.items() if number is not None}
    if set(priorities) - {"P1", "P2", "P3", "P4"} or len(known) != len(priorities):
        msg = f"connection {name}: priorities maps P1, P2, P3 and P4 to RT's numbers"
        raise ConfigError(msg)
    return Vocabulary({**STATUSES, **statuses}, own, known)


class Account:
    """Who we are at RT, learnt on the way: a token names its user by number, people are named by login."""

    def __init__(self, options: Options) -> None:
        found = _TOKEN.fullmatch(options.token)
        #: the user's number in RT, None with a password or a token of another form
        self.number = int(found.group(1)) if found else None
        self.login = options.account or options.user
        #: logins that came with another number
        self._others: set[str] = set()

    def learn(self, number: Any, login: Any) -> None:
        """Note whether a login that came beside its number is ours."""
        given = integer(number)
        if self.number is None or given is None or not text(login):
            return
        if given != self.number:
            self._others.add(text(login).lower())
        elif not self.login:
            self.login = text(login)

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account; None while that cannot be told."""
        if person is None or not person.external_id:
            return None
        login = person.external_id.lower()
        if person.role == "system" or login in self._others:
            return False
        return login == self.login.lower() if self.login else None
