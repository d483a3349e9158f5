"""What stands in for further desks of the examples: tables of one's own, service requests, conversations, bugs."""

from __future__ import annotations

from typing import Any

from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from tests.connectors.generic.servers import Row, Server


class Jestor(Server):
    """Tables; everything is a POST, and filters and pages stand in the body."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[Row]] = {"tickets": [], "ticket_comments": []}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the three addresses."""
        return [
            ("POST", "/object/list", self._list),
            ("POST", "/object/create", self._create),
            ("POST", "/object/update", self._update),
        ]

    def _list(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        assert not request.query
        found = self.tables[body["object_type"]]
        for each in body.get("filters", []):
            assert each["operator"] == "=="
            found = [row for row in found if str(row.get(each["field"])) == each["value"]]
        size, page = body.get("size", 20), body.get("page", 1)
        return json_answer({"status": True, "data": {"items": found[(page - 1) * size : page * size]}})

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        table = self.tables[body["object_type"]]
        row = {
            f"id_{body['object_type']}": len(table) + 1,
            "at": self.now().strftime("%Y-%m-%d %H:%M:%S"),
            **body["data"],
        }
        table.append(row)
        return json_answer({"status": True, "data": row})

    def _update(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        name = f"id_{body['object_type']}"
        (row,) = [each for each in self.tables[body["object_type"]] if str(each[name]) == body["data"][name]]
        row |= {key: value for key, value in body["data"].items() if key != name}
        return json_answer({"status": True, "data": row})


class OracleService(Server):
    """Service requests of Fusion: searched with `q`, paged by offset, changed with PATCH."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, Row] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the resource and its items."""
        return [
            ("GET", "/serviceRequests", self._search),
            ("POST", "/serviceRequests", self._create),
            ("GET", r"/serviceRequests/(?P<number>SR\d+)", self._get),
            ("PATCH", r"/serviceRequests/(?P<number>SR\d+)", self._patch),
        ]

    def _stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.000+00:00")

    def _search(self, request: SimRequest) -> SimResponse:
        sign = ">=" if ">=" in request.query["q"] else "="
        field, _, quoted = request.query["q"].partition(sign)
        wanted = quoted.strip("'")
        found = [
            each
            for each in self.requests.values()
            if (str(each[field])[:19] >= wanted[:19] if sign == ">=" else each[field] == wanted)
        ]
        start, most = int(request.query.get("offset", "0")), int(request.query.get("limit", "25"))
        page = found[start : start + most]
        return json_answer({"items": page, "count": len(page), "hasMore": start + most < len(found)})

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        if not body.get("Title"):
            return json_answer(
                {"title": "Bad Request", "status": "400", "detail": "You must enter a value: Title"}, 400
            )
        number = f"SR{len(self.requests) + 66125:06d}"
        self.requests[number] = {
            "SrId": 3000, "SrNumber": number, "QueueName": None, "OriginalSystemReference": None,
            "CreationDate": self._stamp(), "LastUpdateDate": self._stamp(), **body,
        }  # fmt: skip
        return json_answer(self.requests[number], 201)

    def _get(self, request: SimRequest, number: str) -> SimResponse:
        assert request.query["onlyData"] == "true"
        found = self.requests.get(number)
        return json_answer(found) if found else json_answer({"title": "Not Found", "status": "404"}, 404)

    def _patch(self, request: SimRequest, number: str) -> SimResponse:
        body = self.keep(request)
        if not str(body.get("StatusCd", "ORA_")).startswith("ORA_"):
            return json_answer(
                {"title": "Bad Request", "detail": "The value of the attribute StatusCd isn't valid"}, 400
            )
        self.requests[number] |= {**body, "LastUpdateDate": self._stamp()}
        return json_answer(self.requests[number])


class FreeScout(Server):
    """Conversations with threads; what is made is named by a header."""

    def __init__(self) -> None:
        super().__init__()
        self.conversations: dict[str, Row] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the resource, its items and their threads."""
        one = r"/conversations/(?P<number>\d+)"
        return [
            ("GET", "/conversations", self._list),
            ("POST", "/conversations", self._create),
            ("GET", one, self._get),
            ("PUT", one, self._put),
            ("POST", f"{one}/threads", self._thread),
        ]

    def _stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _made(self, number: str) -> SimResponse:
        return SimResponse(201, {"Resource-ID": number, "Content-Type": "application/json"}, b"")

    def _list(self, request: SimRequest) -> SimResponse:
        found = [
            each for each in self.conversations.values() if each["updatedAt"] >= request.query["updatedSince"][:19]
        ]
        start = (int(request.query["page"]) - 1) * 50
        return json_answer({"_embedded": {"conversations": found[start : start + 50]}, "page": {"number": 1}})

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        if not body.get("mailboxId"):
            return json_answer({"message": "Bad request", "_embedded": {"errors": [{"path": "mailboxId"}]}}, 400)
        number = str(len(self.conversations) + 1)
        self.conversations[number] = {
            "id": int(number), "number": int(number), "subject": body["subject"], "status": "active",
            "state": "published", "assignee": None, "customer": {"id": 9, "type": "customer", **body["customer"]},
            "createdAt": self._stamp(), "updatedAt": self._stamp(), "_embedded": {"threads": []},
        }  # fmt: skip
        self.say(number, body["threads"][0]["text"], "customer", {"id": 9, "type": "customer"})
        return self._made(number)

    def say(self, number: str, text: str, sort: str, by: Row) -> str:
        """Let somebody say something."""
        threads = self.conversations[number]["_embedded"]["threads"]
        made = str(100 + len(threads))
        threads.append({"id": int(made), "type": sort, "body": text, "createdAt": self._stamp(), "createdBy": by})
        self.conversations[number]["updatedAt"] = self._stamp()
        return made

    def _get(self, request: SimRequest, number: str) -> SimResponse:
        assert request.query["embed"] == "threads"
        found = self.conversations.get(number)
        return json_answer(found) if found else json_answer({"message": "Not found"}, 404)

    def _put(self, request: SimRequest, number: str) -> SimResponse:
        body = self.keep(request)
        if "byUser" not in body:
            return json_answer({"message": "byUser is missing"}, 400)
        self.conversations[number] |= {name: body[name] for name in ("subject", "status") if name in body}
        self.conversations[number]["updatedAt"] = self._stamp()
        return SimResponse(204)

    def _thread(self, request: SimRequest, number: str) -> SimResponse:
        body = self.keep(request)
        return self._made(self.say(number, body["text"], body["type"], {"id": body["user"], "type": "user"}))


class Bugzilla(Server):
    """Bugs with a unique alias; a closed one has a resolution beside its status."""

    def __init__(self) -> None:
        super().__init__()
        self.bugs: dict[int, Row] = {}
        self.said: dict[int, list[Row]] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the parts of its REST interface."""
        one = r"/bug/(?P<number>\d+)"
        return [
            (
                "GET",
                "/whoami",
                lambda _: json_answer({"id": 7, "name": "gateway@acme.example", "real_name": "Gateway"}),
            ),
            ("GET", "/bug", self._search),
            ("POST", "/bug", self._create),
            ("GET", one, self._get),
            ("PUT", one, self._put),
            ("GET", f"{one}/comment", self._comments),
            ("POST", f"{one}/comment", self._comment),
        ]

    def _stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _refused(self, message: str, code: int, status: int = 400) -> SimResponse:
        return json_answer({"error": True, "message": message, "code": code}, status)

    def _search(self, request: SimRequest) -> SimResponse:
        found = list(self.bugs.values())
        if "alias" in request.query:
            found = [each for each in found if request.query["alias"] in each["alias"]]
        since = request.query.get("last_change_time", "")
        found = [each for each in found if each["last_change_time"][:19] >= since[:19]]
        start, most = int(request.query.get("offset", "0")), int(request.query.get("limit", "500"))
        return json_answer({"bugs": found[start : start + most]})

    def _create(self, request: SimRequest) -> SimResponse:
        body = self.keep(request)
        if any(set(body["alias"]) & set(each["alias"]) for each in self.bugs.values()):
            return self._refused(f"Bug 1 has already taken the alias '{body['alias'][0]}'.", 103)
        number = len(self.bugs) + 1
        given: dict[str, Any] = {name: value for name, value in body.items() if name != "description"}
        who = {"name": "gateway@acme.example", "email": "gateway@acme.example", "real_name": "Gateway"}
        self.bugs[number] = {
            "id": number, "status": "CONFIRMED", "resolution": "", "keywords": [], "assigned_to_detail": who,
            "creator_detail": who, "creation_time": self._stamp(), "last_change_time": self._stamp(), **given,
        }  # fmt: skip
        self.said[number] = []
        self._say(number, body["description"], private=False)
        return json_answer({"id": number})

    def _say(self, number: int, text: str, *, private: bool) -> int:
        made = 100 * number + len(self.said[number])
        self.said[number].append({
            "id": made, "text": text, "creator": "gateway@acme.example", "creation_time": self._stamp(),
            "is_private": private,
        })  # fmt: skip
        self.bugs[number]["last_change_time"] = self._stamp()
        return made

    def _get(self, request: SimRequest, number: str) -> SimResponse:
        del request
        found = self.bugs.get(int(number))
        return json_answer({"bugs": [found]}) if found else self._refused(f"Bug #{number} does not exist.", 101, 404)

    def _put(self, request: SimRequest, number: str) -> SimResponse:
        body, bug = self.keep(request), self.bugs[int(number)]
        if body.get("status") in {"RESOLVED", "VERIFIED"} and not body.get("resolution"):
            return self._refused("You must choose a resolution when you close a bug.", 121)
        if body.get("status") in {"CONFIRMED", "IN_PROGRESS"}:
            bug["resolution"] = ""
        bug |= {**body, "last_change_time": self._stamp()}
        return json_answer({"bugs": [{"id": int(number), "changes": {}}]})

    def _comments(self, request: SimRequest, number: str) -> SimResponse:
        del request
        return json_answer({"bugs": {number: {"comments": self.said[int(number)]}}, "comments": {}})

    def _comment(self, request: SimRequest, number: str) -> SimResponse:
        body = self.keep(request)
        return json_answer({"id": self._say(int(number), body["comment"], private=body["is_private"])}, 201)
