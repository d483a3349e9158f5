"""The views of the page: whole pages, and the part of each that a script polls and swaps."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from flask import Blueprint, Flask, Response, render_template, request

from gateway.domain.ticket import Category
from gateway.errors import GatewayError
from gateway.flow.plan import Cause
from gateway.flow.sla.acknowledging import Known, Word, acknowledge
from gateway.store.unit import SqlTx
from gateway.telemetry import current_trace
from gateway.web.access import Access
from gateway.web.console import wording
from gateway.web.console.markdown import to_html
from gateway.web.console.recent import Filters, Recent
from gateway.web.console.ticket import TicketPage, read_ticket, steady
from gateway.web.console.why import Explained, by_phase, explain_last
from gateway.web.console.wording import instant
from gateway.web.parts import Parts
from gateway.web.tagged import stamp, tag_of, unchanged
from rules.duration import words

#: Nothing from elsewhere, no inline script or style, and nobody may put the page into a frame.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


#: the name that a person gave at last, so that they need not give it again
WHO_COOKIE = "gateway_who"
#: so long may it be
WHO = 80
YEAR = 365 * 86400


class Pages:
    """The views."""

    def __init__(self, parts: Parts, access: Access) -> None:
        self._parts = parts
        self._access = access
        self._recent = Recent(parts)

    def live(self) -> Response:
        """Show what happens at this moment."""
        filters = _filters()
        snapshot, _ = self._recent.get(filters)
        return _page("live.html", snap=snapshot, filters=filters, now=self._now(), poll=_poll("/part/live"))

    def live_part(self) -> Response:
        """Give the changing part of the first page."""
        filters = _filters()
        snapshot, tag = self._recent.get(filters)
        return unchanged(request, tag) or stamp(
            _page("_live.html", snap=snapshot, filters=filters, now=self._now()), tag
        )

    def ticket(self, ticket_id: str, trouble: str = "", status: int = 200) -> Response:
        """Show one ticket."""
        found = read_ticket(self._parts.store, ticket_id)
        if found is None:
            return _page("missing.html", 404, what=f"ticket {ticket_id}")
        poll = _poll(f"/part/tickets/{found.id}")
        return _page("ticket.html", status, trouble=trouble, poll=poll, **self._shown(found))

    def ticket_part(self, ticket_id: str) -> Response:
        """Give the changing part of a ticket's page."""
        found = read_ticket(self._parts.store, ticket_id)
        if found is None:
            return _page("missing.html", 404, what=f"ticket {ticket_id}")
        shown = self._shown(found)
        tag = tag_of(msgspec.json.encode(steady(found)), msgspec.json.encode(shown["why"]))
        return unchanged(request, tag) or stamp(_page("_ticket.html", **shown), tag)

    def acknowledge(self, ticket_id: str) -> Response:
        """Take the word of a person that they know of a breach, and lead back to the ticket."""
        if not self._access.allows_form(request):
            return self.ticket(
                ticket_id, "That button came from another page, or from before a restart: press it here.", 403
            )
        who = " ".join(request.form.get("who", "").split())[:WHO]
        if not who or not who.isprintable():
            return self.ticket(ticket_id, "Say who you are: the name is kept with the clock.", 400)
        found = read_ticket(self._parts.store, ticket_id)
        if found is None:
            return _page("missing.html", 404, what=f"ticket {ticket_id}")
        cycle = request.form.get("cycle", "")
        word = Word(
            ticket_id=found.id,
            metric=request.form.get("metric", "")[:WHO],
            by=who,
            way="page",
            cycle=int(cycle) if re.fullmatch(r"[0-9]{1,6}", cycle) else 0,
        )
        try:
            known = self._note(word)
        except GatewayError as error:
            return self.ticket(found.id, f"{str(error)[:1].upper()}{str(error)[1:]}.", 409)
        if not known.is_new:
            return self.ticket(found.id, f"{known.by} has acknowledged that already, {instant(known.step.at)}.", 409)
        answer = Response(status=303, headers={"Location": f"/tickets/{found.id}"})
        answer.set_cookie(WHO_COOKIE, quote(who), max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure)
        return answer

    def _note(self, word: Word) -> Known:
        site = self._parts.site()

        def work(tx: SqlTx) -> Known:
            tx.tickets.hold([word.ticket_id])
            cause = Cause(site.release, current_trace(), self._now())
            return acknowledge(tx, word, site.rules, self._parts.ids, cause)

        return self._parts.store.write(work)

    def _shown(self, found: TicketPage) -> dict[str, Any]:
        who = unquote(request.cookies.get(WHO_COOKIE, ""))[:WHO]
        form_key = self._access.form_key
        return {"ticket": found, "why": self._why(found.id), "now": self._now(), "who": who, "form_key": form_key}

    def _why(self, ticket_id: str) -> Explained | None:
        return explain_last(self._parts.store, self._parts.rules_of, ticket_id)

    def _now(self) -> datetime:
        return self._parts.clock.now()


def _filters() -> Filters:
    category = request.args.get("category", "")
    known = category if category in set(Category) else ""
    return request.args.get("q", "").strip()[:200], known, request.args.get("connection", "")[:120]


def _poll(path: str) -> str:
    query = request.query_string.decode("ascii", "replace")
    return f"{path}?{query}" if query else path


def _page(template: str, status: int = 200, **values: Any) -> Response:
    answer = Response(render_template(template, **values), status, content_type="text/html; charset=utf-8")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def denied() -> Response:
    """Say where the token is."""
    return _page("denied.html", 401, given=bool(request.args.get("token")))


def safe_url(url: str) -> str:
    """Return an address that a link may have, else nothing."""
    return url if url.lower().startswith(("http://", "https://")) else ""


def guard_pages(answer: Response) -> Response:
    """Put the headers of every page on an answer."""
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return answer


def add_console(app: Flask, parts: Parts, access: Access, break_page: str = "") -> None:
    """Add the page to an application."""
    console = Blueprint("console", __name__)
    pages = Pages(parts, access)

    @console.before_request
    def let_in() -> Response | None:
        if request.args.get("token"):
            return access.exchange(request) or denied()
        return None if access.allows(request) else denied()

    views: dict[str, Callable[..., Response]] = {
        "/": pages.live,
        "/part/live": pages.live_part,
        "/tickets/<ticket_id>": pages.ticket,
        "/part/tickets/<ticket_id>": pages.ticket_part,
    }
    for rule, view in views.items():
        console.add_url_rule(rule, view.__name__, view)
    console.add_url_rule("/tickets/<ticket_id>/acknowledge", "acknowledge", pages.acknowledge, methods=["POST"])
    console.after_request(guard_pages)
    app.register_blueprint(console)
    add_words(app)
    app.jinja_env.globals["break_page"] = safe_url(break_page)


def add_words(app: Flask) -> None:
    """Give templates the words in which every page says the same things."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "instant": wording.instant,
        "length_of": words,
        "iso": wording.iso,
        "relative": wording.relative,
        "markdown": to_html,
        "safe_url": safe_url,
        "as_json": lambda value: msgspec.json.encode(value).decode(),
    }
    app.jinja_env.globals |= {
        "by_phase": by_phase,
        "say": wording,
        "step": wording.step,
        "categories": [each.value for each in Category],
    }
