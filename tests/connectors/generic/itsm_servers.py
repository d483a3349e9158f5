"""What stands in for GLPI 11 and for Frappe Helpdesk: as much of each as its source says of these requests."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import msgspec

from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from tests.connectors.generic.servers import Row, Server

TOKEN = "glpi-access-token-0123456789"


class Glpi(Server):
    """Tickets and their timeline; a token is got with a password, and lists say 206."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[int, Row] = {}
        self.followups: list[Row] = []
        self.granted: list[dict[str, list[str]]] = []

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the example."""
        ticket = r"/api.php/v2/Assistance/Ticket"
        return [
            ("POST", "/api.php/token", self._token),
            ("GET", ticket, self._search),
            ("POST", ticket, self._create),
            ("GET", ticket + r"/(?P<number>\d+)", self._get),
            ("PATCH", ticket + r"/(?P<number>\d+)", self._patch),
            ("GET", ticket + r"/(?P<number>\d+)/Timeline/Followup", self._timeline),
            ("POST", ticket + r"/(?P<number>\d+)/Timeline/Followup", self._say),
        ]

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Ask for the token everywhere but where it is given."""
        if request.path == "/api.php/token" or request.headers.get("authorization") == f"Bearer {TOKEN}":
            return None
        return json_answer({"status": "ERROR_UNAUTHENTICATED", "title": "You are not authenticated"}, 401)

    def _token(self, request: SimRequest) -> SimResponse:
        asked = parse_qs(request.body.decode())
        self.granted.append(asked)
        if asked.get("password") != ["glpi_password"] or asked.get("grant_type") != ["password"]:
            return json_answer({"error": "invalid_grant"}, 400)
        return json_answer({"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN})

    def _stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%S+00:00")

    def _search(self, request: SimRequest) -> SimResponse:
        field, sign, wanted = re.split(r"(=ge=|==)", request.query["filter"])
        found = [
            each
            for each in self.tickets.values()
            if (each[field][:19] >= wanted[:19] if sign == "=ge=" else each[field] == wanted)
        ]
        start, most = int(request.query.get("start", "0")), int(request.query.get("limit", "100"))
        page = found[start : start + most]
        return json_answer(page, 206 if start + most < len(found) else 200)

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        if not body.get("name"):
            return json_answer({"status": "ERROR_INVALID_PARAMETER", "detail": "name is required"}, 400)
        number = len(self.tickets) + 1
        body.pop("entity", None)
        status = {"id": body.pop("status")["id"], "name": "somehow"}
        team = [{"role": "requester", "name": "kim", "display_name": "Kim", "href": "/front/user.form.php?id=5"}]
        self.tickets[number] = {
            "id": number, **body, "status": status, "is_deleted": False, "category": None, "team": team,
            "date_creation": self._stamp(), "date_mod": self._stamp(),
        }  # fmt: skip
        href = f"/Assistance/Ticket/{number}"
        return json_answer({"id": number, "href": href}, 201, {"Location": f"/api.php{href}"})

    def _get(self, request: SimRequest, number: str) -> SimResponse:
        found = self.tickets.get(int(number))
        return json_answer(found) if found else json_answer({"status": "ERROR_ITEM_NOT_FOUND"}, 404)

    def _patch(self, request: SimRequest, number: str) -> SimResponse:
        body = self.keep(request)
        assert all(not isinstance(body.get(name, 0), str) for name in ("priority", "type"))
        self.tickets[int(number)] |= {**body, "date_mod": self._stamp()}
        return json_answer(self.tickets[int(number)])

    def _timeline(self, request: SimRequest, number: str) -> SimResponse:
        return json_answer(
            [{"type": "Followup", "item": each} for each in self.followups if each["items_id"] == int(number)]
        )

    def _say(self, request: SimRequest, number: str) -> SimResponse:
        body = self.keep(request)
        made = {"id": 700 + len(self.followups), "itemtype": "Ticket", "items_id": int(number), **body,
                "date_creation": self._stamp(), "date_mod": self._stamp()}  # fmt: skip
        self.followups.append(made)
        return json_answer({"id": made["id"], "href": f"/Timeline/Followup/{made['id']}"}, 201)


class Frappe(Server):
    """Documents by their kinds, filters in JSON, a method that makes a communication and does not name it."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, list[Row]] = {
            "HD Ticket": [], "Communication": [], "HD Ticket Comment": [], "File": [],
        }  # fmt: skip
        self.bytes: dict[str, bytes] = {}
        self.uploads: list[bytes] = []

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the example."""
        kind = r"/api/resource/(?P<kind>[^/]+)"
        return [
            ("GET", kind, self._search),
            ("POST", kind, self._create),
            ("GET", kind + r"/(?P<name>[^/]+)", self._get),
            ("PUT", kind + r"/(?P<name>[^/]+)", self._put),
            ("POST", kind + r"/(?P<name>[^/]+)", self._run),
            ("POST", "/api/method/upload_file", self._upload),
            ("GET", r"/private/files/(?P<name>[^/]+)", self._file),
        ]

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Ask for key and secret, also for private files."""
        if request.headers.get("authorization") == "token frappe_key:frappe_secret":
            return None
        return json_answer({"exc_type": "AuthenticationError"}, 401)

    def stamp(self) -> str:
        """Return the site's time: two hours or one ahead of UTC, without saying so."""
        return self.now().astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%d %H:%M:%S.%f")

    def make(self, kind: str, **fields: Any) -> Row:
        """Make a document."""
        rows = self.documents[kind]
        at = self.stamp()
        name: Any = len(rows) + 1 if kind == "HD Ticket" else f"{kind[:2].lower()}{len(rows) + 1}"
        rows.append({"name": name, "creation": at, "modified": at, **fields})
        return rows[-1]

    def _search(self, request: SimRequest, kind: str) -> SimResponse:
        found = self.documents[_plain(kind)]
        for field, sign, wanted in msgspec.json.decode(request.query["filters"]):
            found = [each for each in found if _fits(each.get(field), sign, wanted)]
        start, most = int(request.query.get("limit_start", "0")), int(request.query.get("limit_page_length", "20"))
        return json_answer({"data": found[start : start + most]})

    def _create(self, request: SimRequest, kind: str) -> SimResponse:
        body, kind = self.keep(request), _plain(kind)
        key = body.get("custom_gateway_key")
        if key and any(each.get("custom_gateway_key") == key for each in self.documents[kind]):
            return json_answer({"exc_type": "UniqueValidationError", "exception": "it must be unique"}, 409)
        if body.get("status") == "nonsense":
            return json_answer({"exc_type": "ValidationError", "exception": "Status cannot be nonsense"}, 417)
        made = self.make(kind, **{"status": "Open", "_assign": None, "ticket_type": None, "agent_group": None, **body})
        if kind == "HD Ticket":
            self.make("Communication", reference_doctype=kind, reference_name=str(made["name"]),
                      content=body["description"], sender=body["raised_by"], sent_or_received="Received")  # fmt: skip
        return json_answer({"data": made})

    def _one(self, kind: str, name: str) -> Row | None:
        return next((each for each in self.documents[_plain(kind)] if str(each["name"]) == name), None)

    def _get(self, request: SimRequest, kind: str, name: str) -> SimResponse:
        found = self._one(kind, name)
        return json_answer({"data": found}) if found else json_answer({"exc_type": "DoesNotExistError"}, 404)

    def _put(self, request: SimRequest, kind: str, name: str) -> SimResponse:
        body, found = self.keep(request), self._one(kind, name)
        if found is None:
            return json_answer({"exc_type": "DoesNotExistError", "exception": "HD Ticket not found"}, 404)
        found |= {**body, "modified": self.stamp()}
        return json_answer({"data": found})

    def _run(self, request: SimRequest, kind: str, name: str) -> SimResponse:
        body, found = self.keep(request), self._one(kind, name)
        assert found is not None
        assert body["run_method"] == "reply_via_agent"
        self.make("Communication", reference_doctype=_plain(kind), reference_name=name, content=body["message"],
                  sender="gateway@acme.example", sent_or_received="Sent")  # fmt: skip
        found["modified"] = self.stamp()
        return json_answer({"data": None})

    def _upload(self, request: SimRequest) -> SimResponse:
        self.uploads.append(request.body)
        private = int(b'name="is_private"\r\n\r\n1' in request.body)
        made = self.make("File", file_name="a.png", file_size=9, is_private=private, attached_to_doctype="HD Ticket",
                         attached_to_name="1", file_url="/private/files/a.png")  # fmt: skip
        self.bytes["a.png"] = b"\x89PNG\x00\xff\r\n!"
        return json_answer({"message": made})

    def _file(self, request: SimRequest, name: str) -> SimResponse:
        return SimResponse(200, {"Content-Type": "image/png"}, self.bytes[name])


def _plain(kind: str) -> str:
    return kind.replace("%20", " ")


def _fits(value: Any, sign: str, wanted: str) -> bool:
    return str(value) >= wanted if sign == ">=" else str(value) == wanted
