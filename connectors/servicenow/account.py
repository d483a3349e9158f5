"""What a site says about one ServiceNow instance, read once from the settings of its connection."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sdk import Category, ConnectionSettings, Grant, HoldReason, Setting
from connectors.servicenow.tables import Meaning, Table, table_of
from gateway.errors import ConfigError

_NAMES = {"type": "object", "additionalProperties": {"type": "string"}}
_OAUTH = ("client_id", "client_secret", "refresh_token", "username", "password", "scope", "token_url")
_ROW = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [
                {"required": ["username", "password"]},
                {"required": ["token"]},
                {"required": ["api_key"]},
                {"required": ["oauth"]},
            ],
            "properties": {
                "username": {"type": "string"},
                "password": {"type": "string"},
                "token": {"type": "string"},
                "api_key": {"type": "string"},
                "oauth": {
                    "type": "object",
                    "required": ["client_id", "client_secret"],
                    "properties": {name: {"type": "string"} for name in _OAUTH},
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{username, password} of an account kept for the gateway, {api_key}, {token}, or {oauth: {client_id, …}}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="what the business rule signs with; a list while it is being changed",
    ),
    Setting(
        "webhook_auth",
        {"enum": ["signature", "secret"]},
        help="secret: the body is not signed, the secret itself comes as a header (signature)",
    ),
    Setting("table", {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}, help="the task table (incident)"),
    Setting("query", {"type": "string"}, help="an encoded query that limits what is polled: assignment_group=…"),
    Setting("user_name", {"type": "string"}, help="user name of our account, where `auth` does not give it"),
    Setting(
        "groups", _NAMES, help="names for assignment groups: {Network: sys_id}; a queue is the name, else the sys_id"
    ),
    Setting(
        "states",
        _NAMES,
        help='what states of your own mean: {"11": open}; on_hold/third_party gives a reason, too',
    ),
    Setting(
        "priorities",
        {"type": "object", "additionalProperties": _ROW},
        help="columns to set for a priority, where it is not impact and urgency: {P1: {impact: 1, urgency: 1}}",
    ),
    Setting("close", _NAMES, help="columns to set with a resolved or closed state: {close_code: …, close_notes: …}"),
    Setting("requester_field", {"type": "string"}, help="column of the requester, where it is not the table's usual"),
    Setting("custom_fields", _NAMES, help="names for columns of your own: {severity: u_severity}"),
    Setting(
        "sla_events",
        {"type": "boolean"},
        help="also read ServiceNow's own SLA clocks; done unasked where a policy names this desk as authority",
    ),
    Setting("title_length", {"type": "integer", "minimum": 20}, help="longest short description (160)"),
)

#: impact and urgency that make each priority, as ServiceNow ships the table of its priority lookup rules
PRIORITY_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "1": {"impact": "1", "urgency": "1"},
    "2": {"impact": "1", "urgency": "2"},
    "3": {"impact": "2", "urgency": "2"},
    "4": {"impact": "2", "urgency": "3"},
    "5": {"impact": "3", "urgency": "3"},
}
#: without a code and a note ServiceNow's own data policy lets no incident be resolved
CLOSE: Mapping[str, str] = {"close_code": "Solution provided", "close_notes": "Resolved at another desk."}
TITLE_LENGTH = 160
_COLUMN = re.compile(r"[a-z][a-z0-9_]*")


class Us:
    """Our own account there, as far as it is known: told by the settings, learned from an answer."""

    def __init__(self, user_name: str) -> None:
        self.sys_id = ""
        self.user_name = user_name

    def learn(self, sys_id: str, user_name: str) -> None:
        """Remember what the desk said of us."""
        self.sys_id = sys_id or self.sys_id
        self.user_name = user_name or self.user_name


class Account(msgspec.Struct, frozen=True):
    """One table of one instance; its repr shows no secret."""

    url: str
    us: Us
    table: str
    of_table: Table
    username: str
    password: str
    token: str
    api_key: str
    oauth: Grant | None
    webhook_secrets: tuple[str, ...]
    signed: bool
    query: str
    group_ids: dict[str, str]
    group_names: dict[str, str]
    states: dict[str, Meaning]
    #: by ServiceNow's number of the priority
    priorities: dict[str, dict[str, str]]
    close: dict[str, str]
    requester: str
    #: our name -> column, and back
    columns: dict[str, str]
    column_names: dict[str, str]
    title_length: int
    #: ServiceNow's own SLA clocks are read
    reads_clocks: bool

    def __repr__(self) -> str:
        """Name the address and the table only."""
        return f"Account({self.url!r}, {self.table!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        where = f"connection {settings.name!r}"
        auth = options.get("auth")
        given = {
            name: str(auth.get(name) or "") if isinstance(auth, Mapping) else ""
            for name in ("username", "password", "token", "api_key")
        }
        oauth = _grant(settings.url.rstrip("/"), auth.get("oauth")) if isinstance(auth, Mapping) else None
        bare = given["token"] or given["api_key"] or (given["username"] and given["password"])
        if not bare and oauth is None:
            msg = f"{where}: auth needs {{username, password}}, {{token}}, {{api_key}} or {{oauth}}"
            raise ConfigError(msg)
        table = str(options.get("table") or "incident")
        known = table_of(table)
        groups, columns = _texts(options.get("groups")), _texts(options.get("custom_fields"))
        bad = [column for column in columns.values() if not _COLUMN.fullmatch(column)]
        if bad:
            msg = f"{where}: custom_fields: {bad[0]!r} is no name of a column"
            raise ConfigError(msg)
        return cls(
            url=settings.url.rstrip("/"),
            us=Us(str(options.get("user_name") or given["username"])),
            table=table,
            of_table=known,
            **given,
            oauth=oauth,
            webhook_secrets=_secrets(options.get("webhook_secret")),
            signed=options.get("webhook_auth", "signature") != "secret",
            query=str(options.get("query") or "").strip("^ "),
            group_ids=groups,
            group_names={sys_id: name for name, sys_id in groups.items()},
            states={state: _meaning(where, word) for state, word in _texts(options.get("states")).items()},
            priorities=_priorities(where, options.get("priorities")),
            close={**CLOSE, **_texts(options.get("close"))},
            requester=str(options.get("requester_field") or known.requester),
            columns=columns,
            column_names={column: name for name, column in columns.items()},
            title_length=int(options.get("title_length") or TITLE_LENGTH),
            reads_clocks=bool(settings.counts) or options.get("sla_events") is True,
        )

    def authorization(self) -> dict[str, str]:
        """Return the headers that prove who we are: bearer, API key, or Basic; none where a token is to be got."""
        if self.oauth is not None:
            return {}
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.api_key:
            return {"x-sn-apikey": self.api_key}
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        headers = [value.rpartition(" ")[2] for value in self.authorization().values()]
        form = self.oauth.form if self.oauth is not None else {}
        hidden = [form[name] for name in ("client_secret", "refresh_token", "password") if name in form]
        found = (self.password, self.token, self.api_key, *headers, *hidden, *self.webhook_secrets)
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def queue(self, group: str) -> str:
        """Return our word for an assignment group: its name in the settings, else its sys_id."""
        return self.group_names.get(group, group)


def _grant(url: str, given: Any) -> Grant | None:
    """Read how a token is got: by the client itself, a refresh token, or the password of a user."""
    if not isinstance(given, Mapping):
        return None
    form = {str(name): str(value) for name, value in given.items() if name in _OAUTH and name != "token_url"}
    kind = "refresh_token" if "refresh_token" in form else "password" if "password" in form else "client_credentials"
    return Grant(str(given.get("token_url") or f"{url}/oauth_token.do"), {"grant_type": kind, **form})


def _meaning(where: str, word: str) -> Meaning:
    """Read `open` or `on_hold/third_party`."""
    category, _, reason = word.partition("/")
    try:
        return Category(category.strip()), HoldReason(reason.strip()) if reason else None
    except ValueError:
        msg = f"{where}: states: {word!r} is no category (there are: {', '.join(Category)})"
        raise ConfigError(msg) from None


def _priorities(where: str, given: Any) -> dict[str, dict[str, str]]:
    found = {number: dict(columns) for number, columns in PRIORITY_COLUMNS.items()}
    for level, columns in given.items() if isinstance(given, Mapping) else ():
        number = str(level).upper().removeprefix("P")
        if number not in found or not isinstance(columns, Mapping):
            msg = f"{where}: priorities: {level!r} is none of P1, P2, P3, P4 and 5"
            raise ConfigError(msg)
        found[number] = {str(column): str(value) for column, value in columns.items()}
    return found


def _texts(given: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(str(secret) for secret in given if secret) if isinstance(given, list | tuple) else ()
