"""The page of the bench: counters, buttons, recent breaks. It opens with the token of the gateway's own page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
from flask import Blueprint, Flask, Response, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader

from gateway.cli.breaking.bench import Bench, Break, Seen
from gateway.cli.breaking.verdict import PATIENCE
from gateway.errors import GatewayError
from gateway.ports import Clock
from gateway.web import console
from gateway.web.access import Access
from gateway.web.console.pages import add_words, guard_pages
from gateway.web.console.wording import duration
from gateway.web.tagged import stamp, tag_of, unchanged

_HERE = Path(__file__).parent
#: The page looks like the gateway's own, with the same style and script.
_CONSOLE = Path(console.__file__).parent


class Pages:
    """The views."""

    def __init__(self, bench: Bench, access: Access, clock: Clock) -> None:
        self._bench = bench
        self._access = access
        self._clock = clock

    def whole(self, trouble: str = "", status: int = 200) -> Response:
        """Show all of it."""
        values = {"ways": self._bench.ways.values(), "form_key": self._access.form_key, "trouble": trouble}
        return self._page("breaking.html", status, poll="/part", **values)

    def part(self) -> Response:
        """Give the changing part."""
        tag = tag_of(msgspec.json.encode(self._bench.seen))
        return unchanged(request, tag) or stamp(self._page("_breaking.html", 200), tag)

    def counters(self) -> Response:
        """Give the last look as JSON."""
        return Response(msgspec.json.encode(self._bench.seen), content_type="application/json")

    def press(self) -> Response:
        """Break what the form names, and lead back to the page."""
        if not self._access.allows_form(request):
            return self.whole("That button came from another page, or from before a restart: press it here.", 403)
        try:
            self._bench.press(request.form.get("way", ""), request.form.get("target", ""))
        except GatewayError as error:
            return self.whole(str(error), 409)
        return Response(status=303, headers={"Location": "/"})

    def denied(self) -> Response:
        """Say where the token is."""
        return self._page("denied.html", 401, given=bool(request.args.get("token")))

    def _page(self, template: str, status: int, **values: object) -> Response:
        text = render_template(
            template, seen=self._bench.seen, now=self._clock.now(), patience=int(PATIENCE.total_seconds()), **values
        )
        answer = Response(text, status, content_type="text/html; charset=utf-8")
        answer.headers["Cache-Control"] = "private, no-store"
        return answer


def create_app(bench: Bench, access: Access, clock: Clock, live_page: str) -> Flask:
    """Return the application; `live_page` is the address of the gateway's own page."""
    app = Flask("gateway.cli.breaking", static_folder=str(_CONSOLE / "static"))
    app.jinja_loader = ChoiceLoader([FileSystemLoader(_HERE / "templates"), FileSystemLoader(_CONSOLE / "templates")])
    add_words(app)
    app.jinja_env.globals |= {"home": live_page, "standing": standing, "disturbed": disturbed, "took": took}
    pages = Pages(bench, access, clock)
    views = Blueprint("breaking", __name__, static_folder=str(_HERE / "static"), static_url_path="/breaking")

    @app.before_request
    def let_in() -> Response | None:
        if request.endpoint in {"static", "breaking.static"}:
            return None
        if request.args.get("token"):
            return access.exchange(request) or pages.denied()
        return None if access.allows(request) else pages.denied()

    views.add_url_rule("/", "whole", pages.whole)
    views.add_url_rule("/part", "part", pages.part)
    views.add_url_rule("/counters", "counters", pages.counters)
    views.add_url_rule("/", "press", pages.press, methods=["POST"])
    app.register_blueprint(views)
    app.after_request(guard_pages)
    return app


def standing(seen: Seen) -> list[Break]:
    """Return the breaks that have not healed."""
    return [each for each in seen.breaks if each.healed_at is None]


def disturbed(seen: Seen, now: datetime) -> bool:
    """Say whether something is being done to a desk at this moment."""
    return any(each.until > now for each in seen.breaks)


def took(each: Break, now: datetime) -> str:
    """Say how long it took until all was well again, or takes so far."""
    return duration((each.healed_at or now) - each.at)
