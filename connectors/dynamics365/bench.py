"""A simulated Dynamics 365 on the bench: what its people do, in our words."""

from __future__ import annotations

import base64
import html
from datetime import timedelta
from typing import Any

from connectors.dynamics365.account import PRIORITIES, STATUSES, WEB
from connectors.dynamics365.simulator import Dynamics365Simulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from connectors.testing.faults import FaultKind
from gateway.domain.ticket import Category, Level, Priority, Status

TOKEN, SECRET = "eyJ-access-token-0123456789", "a-secret-of-a-webhook-0123456789"
#: the number of what an admin adds
ADDED = 100_000_042
CODES = {Category.OPEN: 1, Category.ON_HOLD: 2, Category.PENDING_CUSTOMER: 3, Category.CANCELLED: 6}
LEVELS = {Level.P2: 1, Level.P3: 2, Level.P4: 3}


class Dynamics365Bench(Bench):
    """One environment with a portal."""

    connector = "dynamics365"
    #: change tracking goes by the versions of rows: what is committed later comes with a later token
    lag = timedelta(0)
    desk: Dynamics365Simulator
    categories = frozenset({*CODES, Category.RESOLVED})
    levels = frozenset(LEVELS)

    def __init__(self) -> None:
        self.desk = Dynamics365Simulator(token=TOKEN, webhook_secret=SECRET)
        self.desk.page = self.page
        records = self.desk.records
        self.agents = (records.agent, records.user("Agent Jones", "jones@org.example", self.desk.now()))

    def options(self) -> dict[str, Any]:
        """Return a token, the webhook's secret, and whose the cases of people without an e-mail are."""
        somebody = self.desk.records.contact("unknown@org.example", self.desk.now())
        return {
            "auth": {"token": TOKEN}, "webhook_secret": SECRET, "unassigned": "Support", "customer": somebody
        }  # fmt: skip

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open a case in the portal."""
        return str(self.desk.act("create", title=title, description=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent write a note, which the portal shows where it begins so."""
        self.desk.act("note", case_id=ticket, text=f"{WEB} {text}" if public else text)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer send an e-mail."""
        self.desk.act("email", case_id=ticket, html=f"<div>{html.escape(text)}</div>")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status, or resolve the case."""
        if category is Category.RESOLVED:
            self.desk.act("resolve", case_id=ticket)
            return
        code = CODES[category]
        self.desk.act("set", case_id=ticket, statuscode=code, statecode=STATUSES[code][2])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", case_id=ticket, prioritycode=LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the title."""
        self.desk.act("set", case_id=ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give the case to somebody."""
        self.desk.act("set", case_id=ticket, **{"ownerid@odata.bind": f"/systemusers({account})"})

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", case_id=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", case_id=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent give the case to another team."""
        team = self.desk.records.add("teams", {"name": "Sales"}, self.desk.records.me, self.desk.now())["teamid"]
        self.desk.act("set", case_id=ticket, **{"ownerid@odata.bind": f"/teams({team})"})
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:  # noqa: ARG002 - it has a number
        """Let an admin add a status reason, of which the API shows the number alone."""
        self.desk.records.states[ADDED] = 0
        self.desk.act("set", case_id=ticket, statuscode=ADDED)
        return Status(Category.UNKNOWN, str(ADDED))

    def add_priority(self, ticket: str, word: str) -> Priority:  # noqa: ARG002 - it has a number
        """Let an admin add a priority, of which the API shows the number alone."""
        self.desk.act("set", case_id=ticket, prioritycode=ADDED)
        return Priority(Level.UNSET, str(ADDED))

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on the case."""
        mime = "image/png" if name.endswith(".png") else "application/octet-stream"
        self.desk.act("attach", case_id=ticket, name=name, data=data, text=WEB if public else "", mime=mime)

    def hide(self, ticket: str, status: int = 404) -> None:
        """Let a role lose it: nobody can put notes or e-mails on what they do not see."""
        super().hide(ticket, status)
        bound = {"method": "POST|PUT|PATCH", "path": r"/(annotations|emails|\$batch)", "count": None, "status": status}
        self.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, **bound)

    def shown(self, ticket: str) -> Shown:
        """Return the case as its page shows it."""
        with self.desk.lock:
            tables = self.desk.records.all
            held = tables["incidents"][ticket]
            rows = [
                *(row for row in tables["annotations"].values() if row["_objectid_value"] == ticket),
                *(row for row in tables["emails"].values() if row["_regardingobjectid_value"] == ticket),
            ]
            rows.sort(key=lambda row: row["versionnumber"])
            comments = [_comment(row) for row in rows if not row.get("isdocument")]
            owner = held["_ownerid_value"]
            return Shown(
                title=held["title"] or "",
                body=held["description"] or "",
                status=STATUSES.get(held["statuscode"], (str(held["statuscode"]),))[0],
                priority=PRIORITIES.get(held["prioritycode"], (str(held["prioritycode"]),))[0],
                assignee=owner if owner in tables["systemusers"] else "",
                comments=tuple(comments),
                files=tuple(_file(row) for row in rows if row.get("isdocument")),
            )


def _comment(row: dict[str, Any]) -> ShownComment:
    if "notetext" not in row:
        said = html.unescape(str(row["description"]).removeprefix("<div>").removesuffix("</div>"))
        return ShownComment(said, public=True)
    said = str(row["notetext"])
    return ShownComment(said.removeprefix(WEB).strip(), said.startswith(WEB))


def _file(row: dict[str, Any]) -> ShownFile:
    public = str(row["notetext"] or "").startswith(WEB)
    return ShownFile(str(row["filename"]), base64.b64decode(str(row["documentbody"])), public)
