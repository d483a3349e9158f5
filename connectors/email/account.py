"""What a site says about one mailbox, read once from the settings of its connection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connectors.sdk import ConnectionSettings, Setting
from gateway.errors import ConfigError
from gateway.ports import Grant
from gateway.ports.mail import MailAccount, MailServer

#: scheme -> (port, TLS from the first byte on): RFC 8314 section 7
_IMAP = {"imaps": (993, True), "imap": (143, False)}
_SMTP = {"smtps": (465, True), "smtp": (587, False)}
#: a mail with the largest files that are let through, as base64, and some words
MAX_MAIL = 36_000_000
#: to the people of one ticket: more than people write, less than two programs do that answer each other
MAILS_PER_HOUR = 20
ADDRESS = r"^[^\s<>@,;\"]+@[^\s<>@,;\"]+$"
_ADDRESSES = {"type": "array", "items": {"type": "string", "pattern": ADDRESS}}
_AUTH_KEYS = ("user", "password", "token_url", "client_id", "client_secret", "refresh_token", "scope")

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "required": ["user"],
            "properties": {key: {"type": "string", "pattern": "^[^\\r\\n\\u0000]*$"} for key in _AUTH_KEYS},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{user, password}, or {user, token_url, client_id, client_secret, refresh_token, scope} for XOAUTH2",
    ),
    Setting(
        "smtp",
        {"type": "string", "pattern": "^smtps?://[^/?#@]+$"},
        required=True,
        help="where mail is sent: smtps://host, or smtp://host for STARTTLS",
    ),
    Setting("address", {"type": "string", "pattern": ADDRESS}, required=True, help="what customers write to"),
    Setting("aliases", _ADDRESSES, help="other addresses of which mail comes into this mailbox"),
    Setting("from_name", {"type": "string", "maxLength": 100}, help="the name beside the address in what is sent"),
    Setting("folder", {"type": "string", "minLength": 1}, help="the folder that is read; INBOX where it is not given"),
    Setting(
        "sent_folder",
        {"type": "string", "minLength": 1},
        help="where the server keeps what was sent, if it does",
    ),
    Setting(
        "copy",
        {"type": "boolean"},
        help="send a blind copy of each mail to the mailbox, which proves that it was sent; true where it is not given",
    ),
    Setting(
        "agents",
        {"type": "array", "items": {"type": "string", "pattern": "^[^\\s<>@,;]*@[^\\s<>@,;]+$"}},
        help="colleagues: addresses, or @domain for everybody there",
    ),
    Setting("internal_to", _ADDRESSES, help="who gets internal notes by mail; nobody else ever does"),
    Setting(
        "participants",
        {"type": "boolean"},
        help="write to everybody who takes part, not to the requester alone; true where it is not given",
    ),
    Setting(
        "backlog",
        {"type": "boolean"},
        help="the first poll reads what lies in the folder already; false where it is not given",
    ),
    Setting(
        "spam",
        {"enum": ["set_aside", "take"]},
        help="what becomes of mail that the server marks as spam; set_aside where it is not given",
    ),
    Setting(
        "automatic_from",
        {"type": "array", "items": {"type": "string"}},
        help="senders (addresses, or @domain) whose automatic mail opens tickets, such as a monitoring system",
    ),
    Setting(
        "lists",
        {"type": "array", "items": {"type": "string"}},
        help="mailing lists (List-Id) whose mail opens tickets, such as a group that forwards to this mailbox",
    ),
    Setting(
        "mails_per_hour",
        {"type": "integer", "minimum": 1, "maximum": 1000},
        help="so many mails go to the people of one ticket in an hour, and no more; 20 where it is not given",
    ),
    Setting(
        "max_mail",
        {"type": "integer", "minimum": 100_000, "maximum": 100_000_000},
        help="larger mails are cut",
    ),
    Setting("authority", {"type": "string"}, help="the certificate of a company's own authority, as PEM"),
)


class Account(msgspec.Struct, frozen=True):
    """One mailbox; its repr shows no secret."""

    mailbox: MailAccount
    address: str
    #: every address of ours, in lower case
    own: frozenset[str]
    auth: dict[str, str]
    from_name: str = ""
    folder: str = "INBOX"
    sent_folder: str = ""
    copy: bool = True
    agents: tuple[str, ...] = ()
    internal_to: tuple[str, ...] = ()
    participants: bool = True
    backlog: bool = False
    takes_spam: bool = False
    automatic_from: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    max_mail: int = MAX_MAIL
    mails_per_hour: int = MAILS_PER_HOUR

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.address!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they do not name a mailbox."""
        options = settings.options
        wrong = [message for _, message, _ in troubles({"url": settings.url, **options})]
        if wrong:
            msg = f"connection {settings.name!r}: {wrong[0]}"
            raise ConfigError(msg)
        given = options.get("auth")
        auth = {name: str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
        address = str(options["address"])
        mailbox = MailAccount(
            _server(settings.url, _IMAP),
            _server(str(options["smtp"]), _SMTP),
            auth["user"],
            auth.get("password", ""),
            str(options.get("authority") or ""),
        )
        return cls(
            mailbox,
            address,
            frozenset(each.lower() for each in (address, *_texts(options, "aliases"))),
            auth,
            str(options.get("from_name") or ""),
            str(options.get("folder") or "INBOX"),
            str(options.get("sent_folder") or ""),
            options.get("copy") is not False,
            _texts(options, "agents"),
            _texts(options, "internal_to"),
            options.get("participants") is not False,
            options.get("backlog") is True,
            options.get("spam") == "take",
            _texts(options, "automatic_from"),
            _texts(options, "lists"),
            int(options.get("max_mail") or MAX_MAIL),
            int(options.get("mails_per_hour") or MAILS_PER_HOUR),
        )

    @property
    def folders(self) -> tuple[str, ...]:
        """Where mails lie: what came in, and what was sent."""
        return tuple(dict.fromkeys(filter(None, (self.folder, self.sent_folder))))

    @property
    def mark(self) -> str:
        """What stands for this mailbox in the ids of its mails: two mailboxes of one domain are told apart by it."""
        return hashlib.sha256(self.address.lower().encode()).hexdigest()[:10]

    @property
    def domain(self) -> str:
        """The domain of our Message-IDs."""
        domain = self.address.rpartition("@")[2]
        try:
            return domain.encode("idna").decode()
        except UnicodeError:
            return "invalid"

    def is_agent(self, address: str) -> bool:
        """Say whether an address is a colleague's."""
        return is_among(address, self.agents)

    def grant(self) -> Grant | None:
        """Return how an access token is got; None where there is a password."""
        if self.auth.get("password") or not self.auth.get("token_url"):
            return None
        kind = "refresh_token" if self.auth.get("refresh_token") else "client_credentials"
        names = ("client_id", "client_secret", "refresh_token", "scope")
        form = {name: self.auth[name] for name in names if self.auth.get(name)}
        return Grant(self.auth["token_url"], {"grant_type": kind, **form})

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(filter(None, (self.auth.get(name) for name in ("password", "client_secret", "refresh_token"))))


def is_among(address: str, named: Sequence[str]) -> bool:
    """Say whether an address is one of some that are named, or of a domain that is (@domain)."""
    here = address.lower()
    return any(here == each.lower() or (each.startswith("@") and here.endswith(each.lower())) for each in named)


def _texts(options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = options.get(name)
    return tuple(str(each) for each in given) if isinstance(given, list | tuple) else ()


def _server(url: str, schemes: Mapping[str, tuple[int, bool]]) -> MailServer:
    parts = urlsplit(url)
    port, implicit = schemes[parts.scheme]
    return MailServer(parts.hostname or "", parts.port or port, implicit)


def troubles(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Say what no schema says of the settings: where, what is wrong, what to do."""
    for name, schemes in (("url", _IMAP), ("smtp", _SMTP)):
        url = given.get(name)
        first = next(iter(schemes))
        try:
            parts = urlsplit(str(url or ""))
            fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fits = False
        if not fits:
            yield (name,), f"{name} is not the address of a mail server", f"write {first}://host"
    auth = given.get("auth")
    if not isinstance(auth, Mapping) or not auth.get("user"):
        yield ("auth",), "auth names no user", "write auth: {user: …, password: …}"
    elif bool(auth.get("password")) is bool(auth.get("token_url")):
        yield ("auth",), "auth needs a password or a token_url, and not both", "see docs/connectors/email.md"
    elif auth.get("token_url") and not _is_safe(str(auth["token_url"])):
        yield ("auth", "token_url"), "an access token is got over https only", "write https://"
    if not re.fullmatch(ADDRESS, str(given.get("address") or "")):
        yield ("address",), "address is not an address of mail", "write the address that customers write to"
    own = {str(each).lower() for each in (given.get("address"), *_texts(given, "aliases"))}
    for number, each in enumerate(_texts(given, "internal_to")):
        if each.lower() in own:
            yield ("internal_to", number), "internal notes would come back into this mailbox", "name colleagues"


def _is_safe(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return url.startswith("https://") or host == "localhost" or host.startswith("127.")
