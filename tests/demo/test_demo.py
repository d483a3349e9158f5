"""`gateway demo` as a person starts it: a process of its own with an empty home."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.testing.traffic.stories import load
from gateway.cli.demo import RT, ZENDESK
from gateway.cli.plan import free_port
from gateway.supervisor import SiteStatus, read_status
from rules.examples import example
from tests.processes import gone, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(400)]


class Demo:
    """A running demo, and what it has written so far."""

    def __init__(self, home: Path, *options: str, keep: Path | None = None) -> None:
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        self._kept = keep
        self._out = home / "out"
        # one of its own: between two demos that begin at once the next free port is a matter of luck
        port = str(free_port())
        command = [sys.executable, "-P", "-m", "gateway.cli", "demo", "--rate", "5", "--seed", "3", "--port", port]
        command += options if keep is None else ("--keep", str(keep), *options)
        environ = {"HOME": str(home), "TMPDIR": str(self.temporary), "PATH": os.defpath, "GATEWAY_TOKEN": "for-others"}
        # the code of this checkout, whatever is installed
        environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=home, env=environ, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )

    @property
    def said(self) -> str:
        """What is on the terminal."""
        return self._out.read_text(encoding="utf-8")

    def page(self) -> str:
        """Wait for the address."""
        found = re.compile(r"Open (http://127\.0\.0\.1:\d+/\?token=\S+)")
        assert wait_until(lambda: found.search(self.said) or self.process.poll() is not None, 90), self.said
        shown = found.search(self.said)
        assert shown, self.said
        return shown.group(1)

    def status(self) -> SiteStatus:
        """Read what the supervisor says."""
        (folder,) = [self._kept] if self._kept else self.temporary.glob("gateway-demo-*")
        status = read_status(folder / ".gateway")
        assert status is not None
        return status


@pytest.fixture
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Demo]:
    """Start a demo that would go on for ever, in a folder that goes away or in one that is kept."""
    made = Demo(tmp_path, keep=tmp_path / "site" if getattr(request, "param", "") == "kept" else None)
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def fetch(url: str, token: str) -> Any:
    """Ask the read API."""
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def effects(url: str) -> list[dict[str, Any]]:
    """Return the effect log of a desk."""
    with urllib.request.urlopen(f"{url}/_sim/effects", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["effects"]
    return found


def doubled(url: str) -> list[tuple[str, str]]:
    """Return the keys of effects that happened twice."""
    counts = Counter((each["key"], each["kind"]) for each in effects(url) if each.get("key"))
    assert counts
    return [name for name, count in counts.items() if count > 1]


def test_a_person_sees_tickets_of_both_desks_and_leaves_nothing_behind(demo: Demo) -> None:
    """The printed address shows tickets that live in two desks; no effect is doubled; SIGTERM takes it all away."""
    page = demo.page()
    address, _, token = page.partition("?token=")
    shown = ""

    def busy() -> bool:
        counts = fetch(f"{address}api/counts", token)
        return bool(counts["done"] >= 20 and counts["tickets"] >= 5)

    assert wait_until(busy, 60, every=0.3), demo.said
    cookies = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with cookies.open(page, timeout=10) as answer:
        shown = answer.read().decode()
    assert ZENDESK in shown
    assert RT in shown
    tickets = fetch(f"{address}api/tickets", token)["tickets"]
    assert any({ZENDESK, RT} <= set(each["links"]) and each["links"][RT][0] for each in tickets)
    status = demo.status()
    assert [doubled(status.facts[name]) for name in (ZENDESK, RT)] == [[], []]
    pids = [each.pid for each in status.processes if each.pid]
    assert len(pids) == 10
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(60) == 0, demo.said
    assert list(demo.temporary.iterdir()) == []
    assert all(gone(pid) for pid in [*pids, status.pid])
    assert all(_group_is_gone(pid) for pid in pids)
    assert "Traceback" not in demo.said


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


class Visitor:
    """Somebody whose browser runs no scripts, on the page that breaks things."""

    def __init__(self, page: str) -> None:
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        found = re.search(r'class="break" href="(http://127\.0\.0\.1:\d+/)"', self._open(page))
        assert found, "the page does not lead to where it may be broken"
        self._address = found.group(1)

    def _open(self, address: str, form: dict[str, str] | None = None) -> str:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        with self._browser.open(address, data, timeout=20) as answer:
            shown: str = answer.read().decode()
        return shown

    def buttons(self) -> list[dict[str, str]]:
        """Return every button of the page as what it sends."""
        forms = re.findall(r"<form method=\"post\".*?</form>", self._open(self._address), re.DOTALL)
        hidden = re.compile(r'type="hidden" name="(\w+)" value="([\w-]+)"')
        return [
            {**dict(hidden.findall(form)), "target": target}
            for form in forms
            for target in re.findall(r'<button name="target" value="([^"]+)"', form)
        ]

    def press(self, button: dict[str, str]) -> str:
        """Press one; returns the page that it leads to."""
        return self._open(self._address, button)

    def counters(self) -> dict[str, Any]:
        """Return the last look."""
        found: dict[str, Any] = json.loads(self._open(f"{self._address}counters"))
        return found

    def healed(self) -> bool:
        """Say whether everything that was broken has healed."""
        return all(each.get("healed_at") for each in self.counters()["breaks"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("demo", ["kept"], indirect=True)
def test_a_visitor_breaks_everything_and_it_heals(demo: Demo, tmp_path: Path) -> None:
    """Each button is pressed; all that people had said is then at the other desk, once, and the page was never away.

    A folder that is kept is taken again, and `--seconds` ends that demo with 0.
    """
    visitor = Visitor(demo.page())
    address, _, token = demo.page().partition("?token=")
    assert wait_until(lambda: visitor.counters()["tally"]["delivered"] >= 20, 90, every=0.3), visitor.counters()
    first = {each.name: each.pid for each in demo.status().processes}
    buttons = visitor.buttons()
    assert {each["way"] for each in buttons} == {
        "desk-down", "drop-answers", "double-webhooks", "kill-worker", "flush-redis", "kill-web",
    }  # fmt: skip
    # a desk that is down cannot be told to do anything else
    for button in sorted(buttons, key=lambda each: (each["way"] == "desk-down", each["target"] == "up again")):
        if button["target"] == "up again":
            assert wait_until(lambda: not all(each["answers"] for each in visitor.counters()["desks"]), 60)
        assert "What was broken" in visitor.press(button)
    breaks = visitor.counters()["breaks"]
    assert len(breaks) == len(buttons) - 1
    assert wait_until(visitor.healed, 200, every=0.3), visitor.counters()
    seen = visitor.counters()
    assert [seen["tally"][name] for name in ("lost", "duplicated", "ambiguous")] == [0, 0, 0]
    assert seen["tally"]["delivered"] > 20
    assert max(each["waited"] for each in seen["breaks"]) > 3
    now = {each.name: each.pid for each in demo.status().processes}
    assert {name for name in first if first[name] != now[name]} == {"deliver", "apply", "web"}
    twice = [each for name in (ZENDESK, RT) for each in doubled(demo.status().facts[name])]
    assert twice == []
    assert fetch(f"{address}api/counts", token)["accepted"] > 20
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(60) == 0, demo.said
    site = tmp_path / "site"
    _require_kept(site)
    demo.temporary.rmdir()
    again = Demo(tmp_path, "--seconds", "1", keep=site)
    assert again.process.wait(90) == 0, again.said
    _require_kept(site)
    again.temporary.rmdir()


def _require_kept(site: Path) -> None:
    assert {name for name in example("demo") if (site / name).is_file()} == set(example("demo"))
    assert (site / ".gateway" / "gateway.db").is_file()


def test_a_folder_that_is_something_else_is_not_taken(tmp_path: Path) -> None:
    """It says so, and ends with 2."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").touch()
    made = Demo(tmp_path, keep=tmp_path / "other")
    assert made.process.wait(60) == 2
    assert "holds something else" in made.said


def test_a_stop_during_the_start_leaves_nothing_either(tmp_path: Path) -> None:
    """SIGTERM before the page is there."""
    made = Demo(tmp_path)
    assert wait_until(lambda: "database" in made.said, 60), made.said
    time.sleep(0.3)
    made.process.terminate()
    made.process.wait(60)
    assert list(made.temporary.iterdir()) == []


def test_every_story_can_be_told() -> None:
    """In at least six languages, with an ending, and to addresses that belong to nobody."""
    library = load()
    assert len({story.language for story in library.stories}) >= 6
    for seed in range(200):
        told = library.tell(random.Random(seed))
        assert told.turns
        assert "{" not in told.title + told.body + "".join(turn.text for turn in told.turns)
        assert re.fullmatch(r"[a-z]+@[a-z-]+\.example", told.email)
