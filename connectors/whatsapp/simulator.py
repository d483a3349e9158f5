"""A Cloud API look-alike on loopback, with customers who write and phones that get messages.

It keeps what is easily got wrong: a message is taken with HTTP 200 and fails later by a status (the closed window is
told so), statuses say our word again, media lie behind an address that wants the token, and deliveries hold several
messages. Run it as a process of its own with `python -m connectors.whatsapp.simulator --port N`.
"""

from __future__ import annotations

import hashlib
import re
import sys
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

NUMBER_ID = "106540352242922"
DISPLAY = "15550783881"
WINDOW = timedelta(hours=24)
#: why a request is refused: status and error code
_REFUSALS = {
    "token": (401, 190, "Error validating access token"),
    "parameter": (400, 100, "Invalid parameter"),
    "pace": (400, 130429, "Rate limit hit"),
    "template": (404, 132001, "Template name does not exist in the translation"),
    "variables": (400, 132000, "Number of parameters does not match the expected number of params"),
    "media": (400, 100, "Unsupported get request. Object does not exist"),
}


class WhatsAppSimulator(SimulatedDesk):
    """One business number. `token` is asked for where it is given."""

    def __init__(self, *, token: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.token = token
        self.templates = {("follow_up", "en_US"): 1}
        #: what arrived at customers' phones, oldest first
        self.sent: list[dict[str, Any]] = []
        #: everything that stands on each customer's phone, their own messages and ours, oldest first
        self.phones: dict[str, list[dict[str, Any]]] = {}
        self.media: dict[str, tuple[str, bytes]] = {}
        self.wrote: dict[str, datetime] = {}
        self.names: dict[str, str] = {}
        #: whether statuses are told, and why the next request is refused
        self.statuses = True
        self.refuse_next = ""
        self._numbers = count(1)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the few methods that there are."""
        return [
            ("POST", rf"/{NUMBER_ID}/messages", self._post),
            ("POST", rf"/{NUMBER_ID}/media", self._upload),
            ("GET", rf"/{NUMBER_ID}", self._number),
            ("GET", r"/files/(?P<media>[^/]+)", self._file),
            ("GET", r"/(?P<media>[^/]+)", self._media),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - neither is signed
        """Return the headers of a delivery."""
        return {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": "sha256=" + hmac_hex(self.webhook_secret, body),
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse a request without the token; media want it, too."""
        if self.refuse_next and request.method == "POST":
            reason, self.refuse_next = self.refuse_next, ""
            return _refused(reason)
        given = request.headers.get("authorization", "")
        if not given or (self.token and given != f"Bearer {self.token}"):
            return _refused("token")
        return None

    # -- people

    def act_write(self, phone: str, text: str, name: str = "") -> str:
        """Let a customer write; returns the id of the message."""
        return self.act_send(phone, {"type": "text", "text": {"body": text}}, name)

    def act_send(self, phone: str, message: dict[str, Any], name: str = "") -> str:
        """Let a customer send anything."""
        made = self._made(phone, message, name)
        self._deliver(phone, {"messages": [made]})
        return str(made["id"])

    def act_write_in_group(self, phone: str, group: str, text: str) -> str:
        """Let a customer write in a group that the number is in; it opens no window with them."""
        self.names.setdefault(phone, "Test Customer")
        made = {"from": phone, "group_id": group, "id": self._wamid(), "timestamp": self._stamp(), "type": "text",
                "text": {"body": text}}  # fmt: skip
        self._deliver(phone, {"messages": [made]})
        return str(made["id"])

    def act_write_often(self, phones: list[str], text: str) -> list[str]:
        """Let several customers write what arrives in one delivery."""
        made = [self._made(phone, {"type": "text", "text": {"body": text}}, "") for phone in phones]
        self._deliver("", {"messages": made})
        return [str(each["id"]) for each in made]

    def act_send_file(self, phone: str, name: str, mime: str, data: bytes) -> str:
        """Let a customer send a document; returns the id of its media."""
        number = str(next(self._numbers) + 10**15)
        self.media[number] = (mime, data)
        self.act_send(phone, {"type": "document", "document": {"id": number, "mime_type": mime, "filename": name}})
        return number

    def act_answer_by_app(self, phone: str, text: str) -> str:
        """Let a colleague answer in the WhatsApp Business app."""
        made = {"from": DISPLAY, "to": phone, "id": self._wamid(), "timestamp": self._stamp(), "type": "text",
                "text": {"body": text}}  # fmt: skip
        self._show(phone, made)
        self._deliver(phone, {"message_echoes": [made]}, field="smb_message_echoes")
        return str(made["id"])

    def _made(self, phone: str, message: dict[str, Any], name: str) -> dict[str, Any]:
        self.wrote[phone] = self.now()
        self.names[phone] = name or self.names.get(phone, "Test Customer")
        made = {"from": phone, "id": self._wamid(), "timestamp": self._stamp(), **message}
        self._show(phone, made)
        return made

    def _show(self, phone: str, message: dict[str, Any]) -> None:
        self.phones.setdefault(phone, []).append(message)

    def _wamid(self) -> str:
        return f"wamid.SIM{next(self._numbers):06d}="

    def _stamp(self) -> str:
        return str(int(self.now().timestamp()))

    def _deliver(self, phone: str, said: dict[str, Any], field: str = "messages") -> None:
        contacts = [{"profile": {"name": name}, "wa_id": number} for number, name in self.names.items()
                    if phone in {"", number}]  # fmt: skip
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": DISPLAY, "phone_number_id": NUMBER_ID},
            **({"contacts": contacts} if contacts else {}),
            **said,
        }
        body = {
            "object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": [{"value": value, "field": field}]}],
        }
        self.announce(msgspec.json.encode(body))

    # -- the API

    def _post(self, request: SimRequest) -> SimResponse:
        try:
            given = request.json()
        except msgspec.DecodeError:
            return _refused("parameter")
        to, kind = str(given.get("to") or given.get("recipient") or ""), str(given.get("type") or "text")
        inside = given.get(kind)
        if given.get("messaging_product") != "whatsapp" or not to or not isinstance(inside, dict):
            return _refused("parameter")
        if kind == "text" and not 0 < len(str(inside.get("body") or "")) <= 4096:
            return _refused("parameter")
        if kind == "template" and (wrong := self._template_error(inside)):
            return _refused(wrong)
        if kind in {"document", "image", "video", "audio"} and inside.get("id") not in self.media:
            return _refused("media")
        number, key = self._wamid(), str(given.get("biz_opaque_callback_data") or "")
        wrote = self.wrote.get(to)
        late = kind != "template" and (wrote is None or self.now() - wrote >= WINDOW)
        if not late:
            self.sent.append({"id": number, "to": to, "type": kind, kind: inside})
            self._show(to, self.sent[-1])
            self.effect("message", to, key=key, change_id=number, detail={"type": kind})
        if self.statuses:
            self._deliver(to, {"statuses": [self._status(number, to, key, late=late)]})
        return json_answer(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": to, "wa_id": to}],
                "messages": [{"id": number}],
            }
        )

    def _status(self, number: str, to: str, key: str, *, late: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"id": number, "status": "failed" if late else "sent", "timestamp": self._stamp(),
                                "recipient_id": to}  # fmt: skip
        if key:
            told["biz_opaque_callback_data"] = key
        if late:
            details = "Message failed to send because more than 24 hours have passed since the customer last replied"
            told["errors"] = [{"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
                               "error_data": {"details": details}}]  # fmt: skip
        return told

    def _template_error(self, inside: dict[str, Any]) -> str:
        language = inside.get("language")
        code = language.get("code") if isinstance(language, dict) else ""
        wanted = self.templates.get((str(inside.get("name")), str(code)))
        if wanted is None:
            return "template"
        given = [
            variable
            for part in inside.get("components") or []
            if part.get("type") == "body"
            for variable in part.get("parameters") or []
        ]
        if len(given) != wanted:
            return "variables"
        return "parameter" if any(re.search(r"[\n\t]| {5}", str(each.get("text"))) for each in given) else ""

    def _upload(self, request: SimRequest) -> SimResponse:
        found = re.search(
            rb'name="file"; filename="([^"]*)"\r\n(?:[^\r\n]+\r\n)*?Content-Type: ([^\r\n]+)\r\n(?:[^\r\n]+\r\n)*\r\n',
            request.body,
            re.IGNORECASE,
        )
        if found is None or b'name="messaging_product"' not in request.body:
            return _refused("parameter")
        boundary = request.body.partition(b"\r\n")[0]
        data = request.body[found.end() :].partition(b"\r\n" + boundary)[0]
        number = str(next(self._numbers) + 10**15)
        self.media[number] = (found[2].decode(), data)
        return json_answer({"id": number})

    def _media(self, request: SimRequest, media: str) -> SimResponse:  # noqa: ARG002 - the path says it all
        if media not in self.media:
            return _refused("media")
        mime, data = self.media[media]
        return json_answer(
            {
                "messaging_product": "whatsapp",
                "url": f"{self.url}/files/{media}",
                "mime_type": mime,
                "sha256": hashlib.sha256(data).hexdigest(),
                "file_size": str(len(data)),
                "id": media,
            }
        )

    def _file(self, request: SimRequest, media: str) -> SimResponse:  # noqa: ARG002 - the path says it all
        if media not in self.media:
            return SimResponse(404)
        mime, data = self.media[media]
        return SimResponse(200, {"Content-Type": mime}, data)

    def _number(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every field is told
        return json_answer(
            {
                "verified_name": "Acme Support",
                "display_phone_number": f"+{DISPLAY}",
                "quality_rating": "GREEN",
                "id": NUMBER_ID,
            }
        )


def _refused(reason: str) -> SimResponse:
    status, code, words = _REFUSALS[reason]
    error = {"message": f"(#{code}) {words}", "type": "OAuthException", "code": code, "fbtrace_id": "Az8or2yhqkZfEZ-"}
    return json_answer({"error": error}, status)


if __name__ == "__main__":
    sys.exit(serve(WhatsAppSimulator, "A simulated WhatsApp number on loopback"))
