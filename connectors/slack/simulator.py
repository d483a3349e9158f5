"""A Slack look-alike on loopback: the few methods that notifications need, with Slack's 200-for-everything habit.

Run it as a process of its own with `python -m connectors.slack.simulator --port N`.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime
from itertools import count
from typing import Any
from urllib.parse import urlencode

import msgspec

from connectors.sdk import hmac_hex
from connectors.slack.mapping import effect_key
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve


class SlackSimulator(SimulatedDesk):
    """One workspace with two channels. `bot_token` is asked for where it is given."""

    def __init__(self, *, bot_token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.bot_token = bot_token
        self.channels = {"C0GATEWAY": "gateway", "C0DUTY": "duty"}
        self.archived: set[str] = set()
        self.messages: list[dict[str, Any]] = []
        #: the blocks of each message as it was posted
        self.first_blocks: dict[str, list[dict[str, Any]]] = {}
        #: the error that the next methods answer with, by method
        self.errors: dict[str, str] = {}
        #: address of mail -> account
        self.people = {"eva@acme.example": "U04EVA"}
        self._numbers = count(1)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the methods of the Web API."""
        return [
            ("POST", r"/api/chat\.postMessage", self._post),
            ("POST", r"/api/chat\.update", self._change),
            ("GET", r"/api/(?P<method>conversations\.(?:history|replies))", self._history),
            ("GET", r"/api/conversations\.list", self._list),
            ("GET", r"/api/auth\.test", self._auth),
            ("GET", r"/api/users\.lookupByEmail", self._find),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Return the headers of an Events API request [S1]."""
        stamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + hmac_hex(self.webhook_secret, f"v0:{stamp}:".encode() + body),
        }
        return headers if attempt == 1 else {**headers, "X-Slack-Retry-Num": str(attempt - 1)}

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse as Slack does: with HTTP 200."""
        given = request.headers.get("authorization", "")
        if not given:
            return json_answer({"ok": False, "error": "not_authed"})
        if self.bot_token and given != f"Bearer {self.bot_token}":
            return json_answer({"ok": False, "error": "invalid_auth"})
        method = request.path.rpartition("/")[2]
        if method in self.errors:
            error = self.errors[method]
            if error == "ratelimited":
                return json_answer({"ok": False, "error": error}, 429, {"Retry-After": "30"})
            return json_answer({"ok": False, "error": error})
        return None

    def press(self, ts: str, user: str = "U04EVA", label: str = "") -> bytes:
        """Return what Slack sends when a person presses a button of a message: a form [S5], to be signed.

        `label` is what stands on it, where there are several. A screen may show buttons that were taken away since.
        """
        (message,) = [each for each in self.messages if each["ts"] == ts]
        buttons = [part for block in self.first_blocks[ts] if block["type"] == "actions" for part in block["elements"]]
        (button,) = [each for each in buttons if not label or each["text"]["text"] == label]
        action_ts = f"{self.now().timestamp():.6f}"
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": "T0ACME"},
            "api_app_id": "A0GATEWAY",
            "token": "not-used",
            "container": {
                "type": "message", "message_ts": ts, "channel_id": message["channel"], "is_ephemeral": False,
            },
            "trigger_id": f"1.2.{next(self._numbers):06d}",
            "team": {"id": "T0ACME", "domain": "acme"},
            "channel": {"id": message["channel"], "name": self.channels.get(message["channel"], "directmessage")},
            "message": message,
            "response_url": "https://hooks.slack.example/actions/T0ACME/1/x",
            "actions": [{**button, "block_id": "b", "action_ts": action_ts}],
        }  # fmt: skip
        return urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()

    def sign_form(self, body: bytes) -> dict[str, str]:
        """Return the headers of a press [S1]."""
        return {**self.sign(body, self.now(), 1), "Content-Type": "application/x-www-form-urlencoded"}

    def act_archive(self, channel: str) -> None:
        """Let a person archive a channel."""
        self.archived.add(channel)

    def _channel(self, name: str) -> str:
        by_name = {known: number for number, known in self.channels.items()}
        if re.fullmatch(r"U[0-9A-Z]+", name):
            # a message to a person opens a conversation with them
            return "D" + name[1:]
        if re.fullmatch(r"D[0-9A-Z]+", name):
            return name
        return name if name in self.channels else by_name.get(name.removeprefix("#"), "")

    def _post(self, request: SimRequest) -> SimResponse:
        try:
            given = request.json()
        except msgspec.DecodeError:
            return json_answer({"ok": False, "error": "invalid_json"})
        channel = self._channel(str(given.get("channel") or ""))
        if not channel:
            return json_answer({"ok": False, "error": "channel_not_found"})
        if channel in self.archived:
            return json_answer({"ok": False, "error": "is_archived"})
        text = str(given.get("text") or "")
        if not text:
            return json_answer({"ok": False, "error": "no_text"})
        ts = f"{int(self.now().timestamp())}.{next(self._numbers):06d}"
        message = {"type": "message", "bot_id": "B0GATEWAY", "text": text, "ts": ts, "channel": channel,
                   "metadata": given.get("metadata") or {}, "thread_ts": given.get("thread_ts") or ts,
                   "blocks": given.get("blocks") or []}  # fmt: skip
        self.messages.append(message)
        self.first_blocks[ts] = given.get("blocks") or []
        self.effect("message", channel, key=effect_key(message), change_id=ts, detail={"text": text})
        return json_answer({"ok": True, "channel": channel, "ts": ts, "message": message})

    def _change(self, request: SimRequest) -> SimResponse:
        given = request.json()
        found = [each for each in self.messages if each["ts"] == given["ts"] and each["channel"] == given["channel"]]
        if not found:
            return json_answer({"ok": False, "error": "message_not_found"})
        found[0].update({name: given[name] for name in ("text", "blocks", "metadata") if name in given})
        found[0]["edited"] = {"user": "B0GATEWAY", "ts": f"{self.now().timestamp():.6f}"}
        self.effect("update", given["channel"], key=effect_key(found[0]), change_id=given["ts"], detail={})
        return json_answer({"ok": True, "channel": given["channel"], "ts": given["ts"], "text": found[0]["text"]})

    def act_remove(self, ts: str) -> None:
        """Let a person delete a message."""
        self.messages = [each for each in self.messages if each["ts"] != ts]

    def _history(self, request: SimRequest, method: str) -> SimResponse:
        query = request.query
        found = [message for message in reversed(self.messages) if message["channel"] == query.get("channel")]
        found = [message for message in found if message["ts"] >= query.get("oldest", "")]
        found = [message for message in found if message["ts"] <= query.get("latest", "9")]
        if method == "conversations.replies":
            found = [message for message in found if message["thread_ts"] == query.get("ts")]
        if query.get("include_all_metadata") != "true":
            found = [{name: value for name, value in one.items() if name != "metadata"} for one in found]
        start, size = int(query.get("cursor") or 0), int(query.get("limit") or 100)
        more = start + size < len(found)
        paging = {"next_cursor": str(start + size) if more else ""}
        page = found[start : start + size]
        return json_answer({"ok": True, "messages": page, "has_more": more, "response_metadata": paging})

    def _list(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        channels = [{"id": number, "name": name} for number, name in self.channels.items()]
        return json_answer({"ok": True, "channels": channels, "response_metadata": {"next_cursor": ""}})

    def _find(self, request: SimRequest) -> SimResponse:
        number = self.people.get(request.query.get("email", "").lower())
        if number is None:
            return json_answer({"ok": False, "error": "users_not_found"})
        return json_answer({"ok": True, "user": {"id": number, "team_id": "T0ACME", "deleted": False}})

    def _auth(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        return json_answer(
            {"ok": True, "team": "Acme", "user": "gateway", "user_id": "U0GATEWAY", "bot_id": "B0GATEWAY"}
        )


if __name__ == "__main__":
    sys.exit(serve(SlackSimulator, "A simulated Slack workspace on loopback"))
