"""The commands for dead letters, with a simulated desk behind them where they look at one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from connectors.request_tracker.simulator import SimulatedRequestTracker
from dead_letters import Filter
from gateway.bootstrap import Gateway
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, Reason, UpdateState
from gateway.ports import UpdateRow
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run
from tests.records import RT, Recorder

STALLED = {"category": "on_hold", "native": "stalled"}


@pytest.fixture
def rt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedRequestTracker]:
    """Run the desk of the site's target connection."""
    del folder
    with SimulatedRequestTracker() as desk:
        monkeypatch.setenv("DEMO_RT_URL", desk.url)
        monkeypatch.setenv("DEMO_RT_TOKEN", desk.tokens["gateway"])
        yield desk


def row(gateway: Gateway, update_id: str) -> UpdateRow:
    """Return one update."""
    with gateway.store.read() as tx:
        found = tx.outbox.get(update_id)
    assert found is not None
    return found


def intend(gateway: Gateway, update_id: str, intent: Intent) -> None:
    """Let a dead letter want something else from the start."""
    gateway.store.write(lambda tx: tx.dead_letters.edit(update_id, intent, "as wanted"))
    with gateway.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE updates SET original_sealed = NULL, payload_version = 1")


def at_rt(gateway: Gateway, recorder: Recorder, remote_id: str, number: int = 5) -> tuple[str, str]:
    """Return a ticket and its lane, linked to a ticket of the running desk by a rule of the site."""
    ticket, lane = recorder.ticket("t", number=number)

    def work(tx: SqlTx) -> None:
        link = tx.links.get(lane)
        assert link is not None
        rule = "incidents-and-billing-to-rt"
        tx.links.save(msgspec.structs.replace(link, remote_id=remote_id, rule=rule))

    gateway.store.write(work)
    return ticket, lane


def stalled(gateway: Gateway, recorder: Recorder, remote_id: str, **more: object) -> str:
    """Return a dead letter that wants a status of a remote ticket."""
    ticket, lane = at_rt(gateway, recorder, remote_id)
    given: dict[str, object] = {"reason": Reason.REJECTED, "state": UpdateState.DEAD} | more
    dead = recorder.update(ticket, lane, operation=Operation.SET_FIELDS, **given)  # type: ignore[arg-type]
    intend(gateway, dead, Intent(Operation.SET_FIELDS, fields={"status": STALLED}))
    return dead


def test_the_list_in_groups_and_whole(run: Run, recorder: Recorder) -> None:
    """By cause with counts; every filter; all of them, a page at a time, as a table and as one JSON array."""
    for number in range(7):
        recorder.delivery(f"d{number}", park=(Reason.UNREADABLE, f"line {number} is not JSON"))
    ticket, lane = recorder.ticket("t", number=5)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, detail="no such queue")
    code, shown, _ = run("dlq", "list", "--group")
    assert code == 0
    first, second = shown.splitlines()[1:]
    assert first.split()[:3] == ["7", "acme-zendesk", "unreadable"]
    assert "line # is not JSON" in first
    assert dead[-12:] in second
    grouped = json.loads(run("dlq", "list", "--group", "--json")[1])
    assert (grouped["total"], grouped["groups"][0]["number"]) == (8, 7)
    code, shown, said = run("dlq", "list", "--limit", "3")
    assert (len(shown.splitlines()), "8 in all" in said) == (4, True)
    assert len(run("dlq", "list", "--limit", "3", "--all")[1].splitlines()) == 9
    assert len(json.loads(run("dlq", "list", "--all", "--json")[1])) == 8
    assert json.loads(run("dlq", "list", "--text", "nothing like it", "--all", "--json")[1]) == []
    for words, count in (
        (("--cause", "line #"), 7), (("--text", "QUEUE"), 1), (("--what", "update"), 1), (("--state", "parked"), 7),
        (("--rule", "engineering"), 1), (("--error-class", "HTTP 201"), 0), (("--older", "1h"), 0),
        (("--newer", "1h"), 8),
    ):  # fmt: skip
        assert len(json.loads(run("dlq", "list", *words, "--json")[1])) == count, words
    code, _, said = run("dlq", "list", "--older", "soon")
    assert (code, "a duration such as" in said) == (2, True)


def test_diff_shows_what_the_desk_shows_now(
    run: Run, gateway: Gateway, recorder: Recorder, rt: SimulatedRequestTracker
) -> None:
    """Exit code 1 while it differs, 0 when all of it is there; a delivery cannot be compared."""
    remote = rt.act("create", subject="s", body="b")
    dead = stalled(gateway, recorder, remote)
    code, shown, _ = run("dlq", "diff", dead)
    assert code == 1
    assert "differs" in shown
    assert "on_hold" in shown
    assert f"ticket {remote} at {RT}" in shown
    rt.act("set", ticket=remote, Status="stalled")
    code, shown, _ = run("dlq", "diff", dead)
    assert (code, "confirm it" in shown) == (0, True)
    found = json.loads(run("dlq", "diff", dead, "--json")[1])
    assert (found["is_there"], found["differences"][0]["field"]) == (True, "status")
    parked = recorder.delivery("d", park=(Reason.UNREADABLE, "not JSON"))
    assert run("dlq", "diff", parked)[0] == 1
    rt.stop()
    code, _, said = run("dlq", "diff", dead)
    assert (code, said.count("\n")) == (1, 1)


def test_a_dry_run_shows_the_very_request(
    run: Run, gateway: Gateway, recorder: Recorder, rt: SimulatedRequestTracker
) -> None:
    """Without credentials, without sending it, and without changing anything."""
    remote = rt.act("create", subject="s", body="b")
    dead = stalled(gateway, recorder, remote)
    before = row(gateway, dead)
    code, shown, _ = run("dlq", "replay", dead, "--dry-run")
    assert code == 0
    assert f"PUT {rt.url}/REST/2.0/ticket/{remote}" in shown
    assert '"Status": "stalled"' in shown
    assert rt.tokens["gateway"] not in shown
    assert "authorization" not in shown.lower()
    document = json.loads(run("dlq", "replay", dead, "--dry-run", "--json")[1])["done"][0]
    assert (document["request"]["method"], document["request"]["body"]) == ("PUT", {"Status": "stalled"})
    assert row(gateway, dead) == before
    assert rt.effects.all(by_api=True) == []


def test_confirm_finds_the_ticket_of_a_create(
    run: Run, gateway: Gateway, recorder: Recorder, rt: SimulatedRequestTracker
) -> None:
    """By our mark, or by the number that a person gives; a number that is not there is refused."""
    ticket, lane = recorder.ticket("t", number=5, linked=False)
    dead = recorder.update(ticket, lane, UpdateState.AMBIGUOUS, reason=Reason.AMBIGUOUS)
    behind = recorder.update(ticket, lane, UpdateState.READY, operation=Operation.PUBLIC_REPLY)
    code, _, said = run("dlq", "confirm", dead)
    assert (code, "--remote-id" in said) == (1, True)
    code, _, said = run("dlq", "confirm", dead, "--remote-id", "999")
    assert (code, "999 is not there" in said) == (1, True)
    remote = rt.act("create", subject="s", body="b", CustomFields={"ExternalRef": row(gateway, dead).effect_key})
    code, shown, _ = run("dlq", "confirm", dead, "--dry-run")
    assert (code, "would be confirmed" in shown) == (0, True)
    assert row(gateway, dead).state is UpdateState.AMBIGUOUS
    code, shown, _ = run("dlq", "confirm", dead, "--why", "seen there", "--as", "olle", "--json")
    assert code == 0
    assert json.loads(shown)["done"][0]["freed"] == 1
    assert row(gateway, dead).resolution == "confirmed"
    with gateway.store.read() as tx:
        link = tx.links.get(lane)
        entry = next(each for each in tx.view.audit(ticket_id=ticket) if each["action"] == "dead letter confirmed")
        assert tx.outbox.next_due() is not None
    assert link is not None
    assert link.remote_id == remote
    assert (entry["actor"], entry["detail"]["why"], entry["detail"]["remote"]) == ("person:olle", "seen there", remote)
    assert row(gateway, behind).state is UpdateState.READY


def comment(gateway: Gateway, recorder: Recorder, state: UpdateState = UpdateState.DEAD) -> str:
    """Return a note that was given up."""
    ticket, lane = recorder.ticket("t", number=5)
    reason = Reason.REJECTED if state is UpdateState.DEAD else Reason.AMBIGUOUS
    dead = recorder.update(ticket, lane, state, operation=Operation.INTERNAL_NOTE, reason=reason)
    said = CommentIntent("c1", "with a typpo", Visibility.INTERNAL)
    intend(gateway, dead, Intent(Operation.INTERNAL_NOTE, comment=said))
    return dead


def test_edit_opens_the_editor_and_keeps_the_original(
    run: Run, gateway: Gateway, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the editor leaves is checked and stored as a new version; show has both."""
    dead = comment(gateway, recorder)
    monkeypatch.setenv("EDITOR", "true")
    code, _, said = run("dlq", "edit", dead)
    assert (code, "nothing was changed" in said) == (1, True)
    monkeypatch.setenv("EDITOR", "sed -i s/typpo/typo/")
    code, shown, _ = run("dlq", "edit", dead, "--why", "a typo", "--as", "olle")
    assert (code, "is edited" in shown) == (0, True)
    after = row(gateway, dead)
    assert (after.payload_version, after.edited, after.state) == (2, True, UpdateState.DEAD)
    assert after.intent.comment is not None
    assert after.intent.comment.body == "with a typo"
    shown = run("dlq", "show", dead)[1]
    assert "Edited (version 2)" in shown
    assert "with a typpo" in shown
    assert json.loads(run("dlq", "show", dead, "--json")[1])["original"]["comment"]["body"] == "with a typpo"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"comment": "  "}', "comment: it has no text"),
        ('{"comment": 7}', "comment: it has no text"),
        ('{"comment": "x", "visibility": "public"}', "visibility: this update has no such part"),
        ('{"comment": "x", "fields": {"status": {}}}', "fields: this update has no such part"),
        ("[]", "an object"),
        ("{", "no JSON any more"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(
    run: Run, gateway: Gateway, recorder: Recorder, tmp_path: Path, text: str, why: str
) -> None:
    """With the place of the mistake; nothing is changed. A note never becomes public by an edit."""
    dead = comment(gateway, recorder)
    before = row(gateway, dead)
    file = tmp_path / "edited.json"
    file.write_text(text, encoding="utf-8")
    code, _, said = run("dlq", "edit", dead, "--file", str(file))
    assert (code, why in said) == (1, True), said
    assert row(gateway, dead) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"fields": {"status": "stalled"}}', "fields.status: this is no dict"),
        ('{"fields": {"colour": "red"}}', "fields.colour: engineering-rt takes no such field"),
        ('{"fields": {}}', "fields: nothing is left to write"),
        ('{"fields": 7}', "fields: an object is wanted"),
    ],
)
def test_fields_that_cannot_be_are_refused(
    run: Run, gateway: Gateway, recorder: Recorder, tmp_path: Path, text: str, why: str
) -> None:
    """Each by its name."""
    dead = stalled(gateway, recorder, "7005")
    file = tmp_path / "edited.json"
    file.write_text(text, encoding="utf-8")
    code, _, said = run("dlq", "edit", dead, "--file", str(file))
    assert (code, why in said) == (1, True), said
    file.write_text('{"fields": {"status": {"category": "open", "native": "open"}}}', encoding="utf-8")
    assert run("dlq", "edit", dead, "--file", str(file))[0] == 0
    assert row(gateway, dead).intent.fields["status"]["native"] == "open"


def many(recorder: Recorder, number: int = 9) -> list[str]:
    """Return so many parked deliveries."""
    return [recorder.delivery(f"d{each}", park=(Reason.UNREADABLE, "not JSON")) for each in range(number)]


def test_many_are_replayed_by_a_filter(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """After a dry run that says what would become of them; what nobody knows about is left, and what cannot be, too."""
    parked = many(recorder, 3)
    ticket, lane = recorder.ticket("t", number=5)
    fine = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, operation=Operation.PUBLIC_REPLY)
    ticket, lane = recorder.ticket("t", number=6)
    made = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED)
    ticket, lane = recorder.ticket("t", number=7)
    unsure = recorder.update(ticket, lane, UpdateState.AMBIGUOUS, operation=Operation.INTERNAL_NOTE)
    assert run("dlq", "replay")[0] == 2
    assert run("dlq", "replay", fine, "--all")[0] == 2
    code, shown, said = run("dlq", "replay", "--all", "--dry-run")
    assert (code, "4 of 5 would be replayed" in shown, "1 of which nobody knows" in said) == (0, True, True)
    assert "read again" in shown
    found = json.loads(run("dlq", "replay", "--all", "--dry-run", "--json")[1])
    assert (found["chosen"], found["ambiguous_left"], len(found["first"])) == (5, 1, 2)
    code, _, said = run("dlq", "replay", "--all")
    assert (code, "--dry-run" in said) == (2, True)
    code, shown, said = run("dlq", "replay", "--all", "--yes", "--why", "mended", "--rate", "1000")
    assert (code, "4 replayed, 1 left as they are" in shown) == (1, True)
    assert "Confirm this one" in said
    assert row(gateway, fine).state is UpdateState.READY
    assert row(gateway, made).state is UpdateState.DEAD
    assert row(gateway, unsure).state is UpdateState.AMBIGUOUS
    with gateway.store.read() as tx:
        assert {tx.inbox.get(each).state for each in parked} == {"pending"}  # type: ignore[union-attr]
        entries = [each["detail"] for each in tx.view.audit() if each["action"] == "dead letter replayed"]
    assert len(entries) == 4
    assert {each["why"] for each in entries} == {"mended"}
    assert len({each["bulk"] for each in entries}) == 1
    code, shown, _ = run("dlq", "replay", "--state", "ambiguous", "--yes", "--json", "--rate", "1000")
    assert (code, json.loads(shown)["done"]) == (0, 1)
    assert row(gateway, unsure).state is UpdateState.UNKNOWN


def test_many_are_discarded_with_one_reason(run: Run, recorder: Recorder) -> None:
    """Chosen by what they were given up for; the reason of the discard is always wanted."""
    many(recorder, 4)
    other = recorder.delivery("p", park=(Reason.POISON, "a defect"))
    assert run("dlq", "discard", "--only-reason", "unreadable", "--yes")[0] == 2
    words = ("dlq", "discard", "--only-reason", "unreadable", "--reason", "a test of the desk", "--rate", "1000")
    code, shown, _ = run(*words, "--dry-run")
    assert (code, "4 of 4 would be discarded" in shown) == (0, True)
    assert run(*words, "--yes")[0] == 0
    assert [each["id"] for each in json.loads(run("dlq", "list", "--json")[1])] == [other]


def test_an_interrupted_bulk_is_resumed(run: Run, gateway: Gateway, recorder: Recorder, folder: Path) -> None:
    """Ctrl-C ends it after the letter that it is at, with 130 and the command that goes on; nothing is done twice."""
    parked = many(recorder, 12)
    words = ["replay", "--all", "--yes", "--rate", "2", "--why", "mended"]
    command = [sys.executable, "-m", "gateway.cli", "--site", str(folder), "dead-letters", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with gateway.store.read() as tx:
            if len(tx.letters.page(Filter())) < len(parked):
                break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "--resume" in said
    word = said.rsplit("--resume", 1)[1].split()[0]
    assert run("dlq", "discard", "--resume", word)[0] == 1
    assert run("dlq", "replay", "--resume", "nothing")[0] == 3
    code, shown, _ = run("dlq", "replay", "--resume", word, "--rate", "1000")
    assert (code, "12 replayed, 0 left" in shown) == (0, True)
    with gateway.store.read() as tx:
        done = [each for each in tx.view.audit(limit=500) if each["action"] == "dead letter replayed"]
    assert len(done) == 12


def test_export_and_import(run: Run, gateway: Gateway, recorder: Recorder, tmp_path: Path) -> None:
    """Lines go out with what each wants, and come back with what is to be done; a wrong line does nothing at all."""
    dead = comment(gateway, recorder)
    parked = recorder.delivery("d", park=(Reason.UNREADABLE, "not JSON"))
    file = tmp_path / "letters.jsonl"
    code, _, said = run("dlq", "export", "--output", str(file), "--attempts")
    assert (code, said) == (0, "2 dead letters\n")
    assert file.stat().st_mode & 0o077 == 0
    lines = {each["id"]: each for each in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
    assert lines[dead]["intent"]["comment"]["body"] == "with a typpo"
    assert len(lines[dead]["tried"]) == 1
    assert lines[parked]["body"] == '{"id": 1}'
    assert run("dlq", "import", str(file))[0] == 0
    assert len(json.loads(run("dlq", "list", "--json")[1])) == 2
    orders = [lines[dead] | {"do": "confirm", "why": "seen"}, lines[parked] | {"do": "discard"}]
    file.write_text("\n".join(map(json.dumps, orders)), encoding="utf-8")
    code, _, said = run("dlq", "import", str(file))
    assert (code, "line 2: why: a discard needs its reason" in said) == (1, True)
    assert row(gateway, dead).state is UpdateState.DEAD
    orders[1]["why"] = "a test"
    file.write_text("\n".join(map(json.dumps, orders)), encoding="utf-8")
    assert run("dlq", "import", str(file), "--dry-run")[0] == 0
    assert len(json.loads(run("dlq", "list", "--json")[1])) == 2
    code, shown, _ = run("dlq", "import", str(file), "--json")
    assert (code, [each["state"] for each in json.loads(shown)["done"]]) == (0, ["confirmed", "discarded"])
    code, _, said = run("dlq", "import", str(file))
    assert (code, said.count("left as it is: line")) == (1, 2)
    assert json.loads(run("dlq", "list", "--json")[1]) == []


def test_watch_tells_what_is_given_up_meanwhile(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """Each once, and none that was there before."""
    many(recorder, 2)
    later = Recorder(gateway.store, gateway.ids, gateway.clock.now() + timedelta(milliseconds=300))
    timer = threading.Timer(0.6, lambda: later.delivery("new", park=(Reason.POISON, "a defect")))
    timer.start()
    code, shown, said = run("dlq", "watch", "--for", "3s", "--every", "1s", "--json")
    timer.join()
    assert (code, said) == (0, "")
    assert [json.loads(line)["summary"] for line in shown.splitlines()] == ["delivery new"]


def test_secrets_are_masked_in_what_is_shown(run: Run, gateway: Gateway, recorder: Recorder) -> None:
    """A secret that a desk repeats in its answer reaches neither the terminal nor JSON nor an export."""
    secret = os.environ["DEMO_RT_TOKEN"]
    ticket, lane = recorder.ticket("t", number=5)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, detail=f"token {secret} is not it")
    del gateway
    for words in (("show", dead), ("show", dead, "--json"), ("export",)):
        code, shown, _ = run("dlq", *words)
        assert (code, secret in shown) == (0, False), words


def test_heal_names_the_line_and_then_replays(run: Run, gateway: Gateway, recorder: Recorder, folder: Path) -> None:
    """The line and its place; then that it is in the folder; then, once it is deployed, one replay for the cause."""
    why = (
        "status 'Awaiting vendor' of engineering-rt is not in the map of rule 'incidents-and-billing-to-rt': add a "
        "line for it, then replay"
    )
    for number in range(3):
        recorder.delivery(f"d{number}", park=(Reason.UNMAPPED, why))
    recorder.delivery("other", park=(Reason.UNREADABLE, "not JSON"))
    code, shown, _ = run("dlq", "heal", "--dry-run")
    assert (code, "0 would be released" in shown) == (0, True)
    assert "status 'Awaiting vendor' x3: write it into the row of rules/50-sync.yaml that means the same" in shown
    parked = json.loads(run("dlq", "list", "--reason", "unmapped", "--json")[1])[0]["id"]
    assert "rules/50-sync.yaml:" in run("dlq", "show", parked)[1]
    assert len(json.loads(run("dlq", "show", parked, "--json")[1])["cure"]["widen"]) == 5
    cause = json.loads(run("dlq", "heal", "--json")[1])["causes"][0]
    assert not cause["cured"]
    file = folder / cause["cure"]["file"]
    change = next(each for each in cause["cure"]["widen"] if "on_hold" in each["text"])
    assert f"rules/50-sync.yaml:{change['line']}: {change['text']}" in shown
    lines = file.read_text(encoding="utf-8").split("\n")
    lines[change["line"] - 1] = "          " + change["text"]
    file.write_text("\n".join(lines), encoding="utf-8")
    shown = run("dlq", "heal", "--dry-run")[1]
    assert "has its line in the folder: gateway rules release, then heal releases 3" in shown
    gateway.activate_folder(author="tests")
    code, shown, _ = run("dlq", "heal", "--dry-run")
    assert (code, "3 would be released" in shown) == (0, True)
    assert run("dlq", "heal")[0] == 2
    code, shown, _ = run("dlq", "heal", "--yes", "--rate", "1000")
    assert (code, "3 replayed" in shown) == (0, True)
    assert [each["summary"] for each in json.loads(run("dlq", "list", "--json")[1])] == ["delivery other"]


def test_heal_asks_the_desk_whether_it_answers_again(
    run: Run, gateway: Gateway, recorder: Recorder, rt: SimulatedRequestTracker
) -> None:
    """What was given up because a desk was away goes when our credentials are taken there."""
    ticket, lane = recorder.ticket("t", number=5)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.EXHAUSTED, operation=Operation.PUBLIC_REPLY)
    rt.stop()
    code, shown, _ = run("dlq", "heal", "--dry-run")
    assert (code, "engineering-rt does not answer" in shown) == (0, True)
    rt.start()
    assert "1 dead letter from while it did not answer" in run("connections", "test", RT)[1]
    code, shown, _ = run("dlq", "heal", "--yes", "--json", "--rate", "1000")
    assert (code, json.loads(shown)["healed"][0]["done"]) == (0, 1)
    assert row(gateway, dead).state is UpdateState.READY
