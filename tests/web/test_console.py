from __future__ import annotations

import re
import time
from datetime import timedelta
from html.parser import HTMLParser

import msgspec
import pytest
import requests

from gateway.domain.duplicate import Pair, PairState
from gateway.domain.stage import StageMove
from gateway.domain.ticket import Category, Kind, Level, Setter, Visibility
from gateway.domain.update import Operation, Reason, UpdateState
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.timekeeping import keep
from gateway.ports import AlertState
from gateway.store.unit import SqlTx
from gateway.web.console.markdown import to_html
from gateway.web.console.wording import duration, relative
from gateway.web.parts import WebLimits
from rules.conditions import ALWAYS
from rules.decide import RuleSet
from rules.policies import Policy
from tests.records import RT, ZENDESK, Recorder
from tests.web.conftest import TOKEN, Serve, SmallGateway, zendesk

BEARER = {"Authorization": f"Bearer {TOKEN}"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "'-alert(1)-'",
    "</title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "\u202eevil\u202c &lt;b&gt;",
]


@pytest.fixture
def recorder(parts: SmallGateway) -> Recorder:
    """Write records at this moment."""
    return Recorder(parts.store, parts.ids, parts.clock.now())


def page(address: str, path: str = "/") -> requests.Response:
    """Get a page as somebody who may."""
    return requests.get(address + path, headers=BEARER, timeout=10)


class _Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.tags.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the tags of a page."""
    parser = _Tags()
    parser.feed(html)
    return parser.tags


def test_without_the_token_there_is_a_clear_page(address: str) -> None:
    """401, saying where the token is; also for a wrong one, and nothing of the record is on it."""
    for path in ("/", "/part/live", "/tickets/x", "/part/tickets/x", "/?token=wrong", "/?token=%00%ff"):
        answer = requests.get(address + path, timeout=10, allow_redirects=False)
        assert answer.status_code == 401
        assert "gateway up" in answer.text
        assert TOKEN not in answer.text
    assert requests.get(f"{address}/", headers={"Authorization": "Bearer wrong"}, timeout=10).status_code == 401


def test_no_token_configured_means_nobody(serve: Serve) -> None:
    """An empty token opens nothing."""
    address = serve(WebLimits())
    for path in ("/", "/?token=", "/api/counts"):
        assert requests.get(address + path, headers={"Authorization": "Bearer "}, timeout=10).status_code == 401


def test_the_token_becomes_a_cookie_and_leaves_the_address(address: str) -> None:
    """HttpOnly, SameSite, not the token itself; the other parameters stay, and the way back leads to this host."""
    answer = requests.get(f"{address}/?token={TOKEN}&q=vpn", timeout=10, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?q=vpn")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    session = requests.Session()
    assert session.get(f"{address}/?token={TOKEN}", timeout=10).status_code == 200
    assert session.get(f"{address}/api/counts", timeout=10).status_code == 200
    assert TOKEN not in session.get(f"{address}/", timeout=10).text


def test_only_a_demo_can_be_broken(address: str, serve: Serve) -> None:
    """A real site has neither the link nor anything that takes a press; a demo has the link."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert "break" not in page(address).text.lower()
    assert requests.post(f"{address}/", data={"way": "kill-web"}, headers=bearer, timeout=10).status_code == 405
    for path in ("/counters", "/part", "/breaking/breaking.js"):
        assert requests.get(f"{address}{path}", headers=bearer, timeout=10).status_code == 404
    there = "http://127.0.0.1:9/"
    assert f'href="{there}"' in page(serve(WebLimits(token=TOKEN, break_page=there))).text
    assert "script:" not in page(serve(WebLimits(token=TOKEN, break_page="javascript:alert(1)"))).text


def test_hooks_and_health_need_no_token(address: str) -> None:
    """Desks and supervisors have none."""
    assert requests.get(f"{address}/healthz", timeout=10).status_code == 200
    assert requests.post(f"{address}/hooks/{ZENDESK}", timeout=10).json()["accepted"] is False


def test_every_page_is_closed_to_the_outside(address: str) -> None:
    """A strict policy, and nothing on the page that it would have to allow."""
    answer = page(address)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for tag, attributes in tags(answer.text):
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("/", "#", "https://acme", "https://rt")), value
        if tag == "script":
            assert attributes.get("src") == "/static/console.js"
    for path in ("console.css", "console.js", "icon.svg"):
        assert requests.get(f"{address}/static/{path}", timeout=10).status_code == 200


def test_the_page_shows_the_journey(address: str, recorder: Recorder) -> None:
    """Both desks' ids as links, each step with its time, what is on its way, and what was given up."""
    delivery = recorder.delivery("event-1", at=recorder.now - timedelta(milliseconds=900))
    ticket, lane = recorder.ticket("VPN is down", number=35436, category=Category.OPEN, level=Level.P1, language="sv")
    recorder.event(ticket, delivery, "35436:created")
    recorder.update(ticket, lane, UpdateState.DONE, delivery_id=delivery)
    text = page(address).text
    assert 'href="https://acme.zendesk.example/agent/tickets/35436"' in text
    assert 'href="https://rt.acme.example/Ticket/Display.html?id=42436"' in text
    assert f'href="/tickets/{ticket}"' in text
    steps = re.sub(r"<[^>]+>|\s+", " ", text.split('class="steps"')[1].split("</ol>")[0])
    assert re.search(
        r"desk \d\d:\d\d:\d\d received \+100 ms applied \+\d+ ms sent engineering-rt", " ".join(steps.split())
    )
    assert "done +210 ms" in " ".join(steps.split())
    for word in ("VPN is down", ">open<", ">P1<", ">sv<"):
        assert word in text


def test_updates_and_dead_letters_have_their_state(address: str, recorder: Recorder) -> None:
    """State, attempts and the next try; a dead letter its reason and the command that looks at it."""
    ticket, lane = recorder.ticket("waits")
    later = recorder.now + timedelta(minutes=9)
    recorder.update(ticket, lane, UpdateState.READY, not_before=later, detail="connection refused")
    other, other_lane = recorder.ticket("given up", number=2)
    dead = recorder.update(
        other, other_lane, UpdateState.DEAD, detail="no such queue", reason=Reason.REJECTED, summary="create in Nowhere"
    )
    recorder.delivery("unreadable", park=(Reason.UNREADABLE, "the body is not JSON"))
    text = page(address).text
    for words in ("waits", "1 attempt", "next try", "in 8 min", "connection refused"):
        assert words in text
    for words in (dead[-12:], "no such queue", "rejected", "the body is not JSON", "gateway dead-letters show"):
        assert words in text


def test_an_alert_that_stands_is_on_the_page(address: str, parts: SmallGateway) -> None:
    """Whoever was told of it."""
    state = AlertState("k", "clock_paused > 10d", "<b>2</b> clocks have waited", parts.clock.now(), version=1)
    parts.store.write(lambda tx: tx.alerts.change(state))
    shown = page(address).text
    assert "Alert <code>clock_paused &gt; 10d</code>, since " in shown
    assert "&lt;b&gt;2&lt;/b&gt; clocks have waited" in shown


def test_the_state_of_each_desk(serve: Serve, parts: SmallGateway) -> None:
    """Ok, paused, breaker open, throttled, poll failing; and a desk that is no longer in the site."""
    names = ["fine", "paused", "broken", "slow", "unpolled"]
    parts.live = msgspec.structs.replace(parts.live, connectors={name: zendesk(name) for name in names})
    soon = parts.clock.now() + timedelta(minutes=2)

    def work(tx: object) -> None:
        change = tx.desks.change  # type: ignore[attr-defined]
        change("paused", paused="401: the token is not valid")
        change("broken", failures=5, open_until=soon)
        change("slow", not_before=soon)
        change("unpolled", poll_error="the search failed")
        change("long-ago")

    parts.store.write(work)
    address = serve()
    found = {desk["name"]: desk["state"] for desk in page(address, "/api/desks").json()["desks"]}
    assert found == {
        "fine": "ok", "paused": "paused", "broken": "breaker", "slow": "throttled", "unpolled": "unpolled",
        "long-ago": "gone",
    }  # fmt: skip
    text = page(address).text
    for words in ("401: the token is not valid", "gateway connections test paused", "breaker open", "5 failures"):
        assert words in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_content_stays_text(address: str, recorder: Recorder, hostile: str) -> None:
    """In titles, bodies, comments, names, urls and reasons, on both pages."""
    ticket, lane = recorder.ticket(
        hostile, body=hostile, url=hostile, comments=((hostile, Visibility.PUBLIC),), requester=hostile, unmapped=True
    )
    recorder.update(ticket, lane, UpdateState.DEAD, detail=hostile, reason=Reason.REJECTED, summary=hostile)
    recorder.delivery(hostile, park=(Reason.UNREADABLE, hostile))
    for path in (
        "/",
        f"/tickets/{ticket}",
        "/part/live",
        f"/part/tickets/{ticket}",
        f"/?q={hostile}",
        f"/tickets/{hostile}",
    ):
        text = page(address, path).text
        for tag, attributes in tags(text):
            assert tag not in {"svg", "iframe", "object", "style"}
            assert tag != "img" or attributes.get("src") == "/static/icon.svg"
            assert tag != "script" or attributes.get("src") == "/static/console.js"
            assert not any(name.startswith("on") for name in attributes)
            for name in ("href", "src"):
                assert not (attributes.get(name) or "").lower().startswith("javascript")
        assert "49" not in text or hostile != HOSTILE[2] or "{{ 7*7 }}" in text


def test_a_poll_without_news_is_304(address: str, recorder: Recorder) -> None:
    """The tag does not change with time alone, only with the record."""
    first = page(address, "/part/live")
    tag = first.headers["ETag"]
    again = requests.get(f"{address}/part/live", headers=BEARER | {"If-None-Match": tag}, timeout=10)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    ticket, _ = recorder.ticket("news")
    news = again
    for _ in range(200):
        time.sleep(0.02)
        news = requests.get(f"{address}/part/live", headers=BEARER | {"If-None-Match": tag}, timeout=10)
        if news.status_code == 200:
            break
    assert "news" in news.text
    assert "<html" not in news.text
    tag = page(address, f"/part/tickets/{ticket}").headers["ETag"]
    again = requests.get(f"{address}/part/tickets/{ticket}", headers=BEARER | {"If-None-Match": tag}, timeout=10)
    assert again.status_code == 304


def test_the_page_can_be_searched(address: str, recorder: Recorder) -> None:
    """By words of the title, by a desk's number, by status; the poll keeps the filter."""
    recorder.ticket("printer on fire", number=1)
    recorder.ticket("vpn slow", number=2, category=Category.RESOLVED)
    assert "vpn slow" not in page(address, "/?q=printer").text
    assert "printer" not in page(address, "/part/live?q=7002").text
    only = page(address, "/?category=resolved").text
    assert "vpn slow" in only
    assert "printer on fire" not in only
    assert 'data-poll="/part/live?category=resolved"' in only
    assert page(address, "/?category=nonsense&q=%00%27").status_code == 200


def test_the_page_of_a_ticket(address: str, recorder: Recorder) -> None:
    """Fields with who set them, links, comments as safe Markdown, updates with attempts, events, audit trail."""
    delivery = recorder.delivery("e")
    ticket, lane = recorder.ticket(
        "VPN",
        body="It **fails**.\n\n- one\n- two",
        comments=(("Please *hurry*", Visibility.PUBLIC), ("between us", Visibility.INTERNAL)),
        unmapped=True,
    )
    recorder.event(ticket, delivery, "1:created")
    recorder.update(ticket, lane, UpdateState.UNKNOWN, operation=Operation.SET_FIELDS, detail="timed out")
    text = page(address, f"/tickets/{ticket}").text
    for words in (
        "<strong>fails</strong>", "<em>hurry</em>", "between us", "internal", "the rule outages are P1",
        "a person at acme-zendesk", "outcome unknown", "timed out", "1 attempt", "HTTP 201", "ticket created",
        "sky-high", "desk:acme-zendesk", "made by rule",
    ):  # fmt: skip
        assert words in text, words
    by_number = page(address, "/tickets/7001")
    assert by_number.status_code == 200
    missing = page(address, "/tickets/nothing")
    assert (missing.status_code, "no ticket nothing" in missing.text) == (404, True)


def test_the_page_of_a_ticket_shows_its_clocks(address: str, recorder: Recorder) -> None:
    """How each stands, by which policy, and what it went through; nothing where nothing was promised."""
    ticket, _ = recorder.ticket("VPN")
    assert "what was promised" not in page(address, f"/tickets/{ticket}").text
    spec = {"calendar": "always", "targets": {"resolution": "8h", "first_response": "4h"}}
    policy = Policy(name="<i>standard</i>", when=ALWAYS, spec=spec)
    rules = RuleSet(policies=(policy,), sections={"calendars": {"always": "24x7"}})

    def promise(tx: SqlTx) -> None:
        found = tx.tickets.get(ticket)
        assert found is not None
        at = recorder.now - timedelta(hours=6)
        early = msgspec.structs.replace(found, created_at=at)
        happened = Happened(before=None, ticket=early, policy=policy.name, links=frozenset(), at=at, now=recorder.now)
        keep(tx, happened, rules, recorder.store.ids)

    recorder.store.write(promise)
    text = page(address, f"/tickets/{ticket}").text
    for words in ("what was promised", "first_response", "breached", "6h of 8h used", "nearing", "broke its promise"):
        assert words in text, words
    assert "<i>" not in text


def test_the_page_of_a_ticket_that_repeats_another(address: str, recorder: Recorder) -> None:
    """A proposal with what to do about it, a merge at both of them, and the stages; names of strangers stay text."""
    first, _ = recorder.ticket("VPN")
    second, _ = recorder.ticket("VPN again", number=2)
    pair = Pair(second, first, PairState.PROPOSED, "<i>again</i>", "", recorder.now)
    move = StageMove(second, "testing", Kind.TASK, recorder.now, recorder.now, Setter.RULE, "<i>rule</i>")

    def propose(tx: SqlTx) -> None:
        tx.duplicates.add(pair)
        tx.stages.add(move)

    recorder.store.write(propose)
    text = page(address, f"/tickets/{second}").text
    for words in ("Perhaps a duplicate of", f'href="/tickets/{first}"', "gateway tickets merge", "testing", "the rule"):
        assert words in text, words
    assert "<i>" not in text
    assert "is a duplicate of this one, says rule" in page(address, f"/tickets/{first}").text
    merged = msgspec.structs.replace(pair, state=PairState.MERGED)
    recorder.store.write(lambda tx: tx.duplicates.save(merged))
    text = page(address, f"/tickets/{first}").text
    assert "is a duplicate of this one." in text
    assert "Perhaps" not in text
    shown = page(address, f"/api/tickets/{first}").json()
    assert [(each["ticket"], each["state"]) for each in shown["pairs"]] == [(second, "merged")]


def test_markdown_is_safe() -> None:
    """No raw HTML, no scripts by link, no images from elsewhere; links do not leak where they were."""
    html = to_html(
        "<b onclick=x>b</b> [a](javascript:alert(1)) ![i](https://x.example/i.png) <https://ok.example> "
        "[ok](https://ok.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    assert "<b" not in html.replace("<blockquote", "")
    assert "javascript:alert" not in re.sub(r"\[a\]\(javascript:alert\(1\)\)", "", html)
    assert "<img" not in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "<table>" in html
    assert len(to_html("x" * 100_000)) < 30_000


def test_the_api(address: str, recorder: Recorder) -> None:
    """Lists with filters and limits, one ticket, and tags; without the token 401."""
    ticket, lane = recorder.ticket("one")
    recorder.ticket("two", number=2)
    recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED)
    assert requests.get(f"{address}/api/tickets", timeout=10).status_code == 401
    listed = page(address, "/api/tickets?limit=1").json()["tickets"]
    assert [each["title"] for each in listed] == ["two"]
    assert page(address, f"/api/tickets/{ticket}").json()["title"] == "one"
    assert page(address, "/api/tickets/none").status_code == 404
    assert page(address, f"/api/updates?ticket={ticket}&state=dead").json()["updates"][0]["connection"] == RT
    assert page(address, "/api/updates?state=done").json()["updates"] == []
    assert len(page(address, "/api/dead-letters?reason=rejected").json()["dead_letters"]) == 1
    assert page(address, "/api/dead-letters?connection=nobody").json()["dead_letters"] == []
    assert page(address, "/api/counts").json()["dead_letters"] == 1
    for bad in ("0", "-1", "x", "501", "9" * 50, "٣"):
        assert page(address, f"/api/tickets?limit={bad}").status_code == 400
    tag = page(address, "/api/counts").headers["ETag"]
    again = requests.get(f"{address}/api/counts", headers=BEARER | {"If-None-Match": tag}, timeout=10)
    assert again.status_code == 304
    assert requests.post(f"{address}/api/tickets", headers=BEARER, timeout=10).status_code == 405


def test_a_failure_shows_nothing_of_itself(address: str, parts: SmallGateway) -> None:
    """No traceback, no SQL; a trace is in the log."""
    with parts.store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE tickets")
    for path in ("/api/tickets", "/", "/tickets/x"):
        answer = page(address, path)
        assert answer.status_code >= 500
        assert "Traceback" not in answer.text
        assert "SELECT" not in answer.text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0124, "12 ms"),
        (0.9999, "1.0 s"),
        (3.42, "3.4 s"),
        (59.6, "1 min"),
        (59.4, "59 s"),
        (7200, "2 h"),
        (-5, "-5.0 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """As a person says them."""
    assert duration(timedelta(seconds=seconds)) == text


def test_relative_times(parts: SmallGateway) -> None:
    """Past and future."""
    now = parts.clock.now()
    assert relative(now - timedelta(seconds=61), now) == "1 min ago"
    assert relative(now + timedelta(days=3, hours=1), now) == "in 3 d"
    assert (relative(now, now), relative(None, now)) == ("now", "")
