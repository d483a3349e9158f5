"""Dead letters as JSON lines: out with what each wants, and back in with what is to be done with each."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import Gateway, build
from gateway.config import Settings, environment
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, Reason, UpdateState
from gateway.ports import UpdateRow
from tests.cli.conftest import Run
from tests.records import Recorder


def note(gateway: Gateway, recorder: Recorder, words: str = "with a typpo", number: int = 5) -> str:
    """Return a note that was given up."""
    ticket, lane = recorder.ticket("t", number=number)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, operation=Operation.INTERNAL_NOTE, reason=Reason.REJECTED)
    intent = Intent(Operation.INTERNAL_NOTE, comment=CommentIntent("c1", words, Visibility.INTERNAL))
    gateway.store.write(lambda tx: tx.dead_letters.edit(dead, intent, "as wanted"))
    with gateway.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE updates SET original_sealed = NULL, payload_version = 1")
    return dead


def row(gateway: Gateway, update_id: str) -> UpdateRow:
    """Return one update."""
    with gateway.store.read() as tx:
        found = tx.outbox.get(update_id)
    assert found is not None
    return found


def exported(run: Run, *words: str) -> dict[str, dict[str, Any]]:
    """Return the lines of an export by the ids of their letters."""
    code, shown, _ = run("dlq", "export", *words)
    assert code == 0
    return {each["id"]: each for each in map(json.loads, shown.splitlines())}


def write(file: Path, *lines: object) -> str:
    """Write lines, values as JSON; return the name of the file."""
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), encoding="utf-8")
    return str(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file for lines."""
    return tmp_path / "letters.jsonl"


def test_lines_go_out_and_come_back(run: Run, gateway: Gateway, recorder: Recorder, file: Path) -> None:
    """For their owner only; without `do` nothing happens, a trial changes nothing, a file can be taken twice."""
    dead = note(gateway, recorder)
    parked = recorder.delivery("d", park=(Reason.UNREADABLE, "not JSON"))
    code, _, said = run("dlq", "export", "--output", str(file), "--attempts")
    assert (code, said) == (0, "2 dead letters\n")
    assert file.stat().st_mode & 0o077 == 0
    lines = {each["id"]: each for each in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
    assert lines[dead]["intent"]["comment"]["body"] == "with a typpo"
    assert (lines[dead]["version"], "original" in lines[dead], len(lines[dead]["tried"])) == (1, False, 1)
    assert lines[parked]["body"] == '{"id": 1}'
    assert run("dlq", "import", str(file))[0] == 0
    assert len(exported(run)) == 2
    taken = write(file, lines[dead] | {"do": "confirm", "why": "seen"}, lines[parked] | {"do": "discard", "why": "old"})
    code, shown, _ = run("dlq", "import", taken, "--dry-run")
    assert (code, "would be confirmed" in shown, "would be discarded" in shown) == (0, True, True)
    assert len(exported(run)) == 2
    code, shown, _ = run("dlq", "import", taken, "--json", "--as", "olle")
    assert (code, [each["state"] for each in json.loads(shown)["done"]]) == (0, ["confirmed", "discarded"])
    with gateway.store.read() as tx:
        lines_of_trail = [each for each in tx.view.audit() if str(each["action"]).startswith("dead letter")]
    assert {(each["actor"], each["detail"]["why"]) for each in lines_of_trail} == {
        ("person:olle", "seen"), ("person:olle", "old")
    }  # fmt: skip
    code, _, said = run("dlq", "import", taken)
    assert code == 1
    assert f"{file}:1: {dead} is dealt with already: it was confirmed" in said
    assert f"{file}:2: {parked} is dealt with already: it was discarded" in said
    assert exported(run) == {}


def test_a_wrong_line_is_named_by_its_place_and_stops_no_other(
    run: Run, gateway: Gateway, recorder: Recorder, file: Path
) -> None:
    """Whatever is wrong with it; and the letters of the others are dealt with."""
    dead, parked = note(gateway, recorder), recorder.delivery("d", park=(Reason.UNREADABLE, "not JSON"))
    other = note(gateway, recorder, number=6)
    wrong = [
        ("{", "no line of a letter: "),
        ("[]", "Expected `object`"),
        ('{"do": "replay"}', "missing required field `id`"),
        ({"id": dead, "do": "burn"}, "do: 'burn' is none of replay, edit, confirm, discard"),
        ({"id": dead, "do": "discard", "why": " "}, "why: a discard needs its reason"),
        ({"id": dead, "do": "edit"}, "intent: an edit needs what the update is to want"),
        ({"id": dead, "do": "edit", "intent": {"operation": "fly"}}, "intent: Invalid enum value 'fly'"),
        ({"id": parked, "do": "confirm"}, "what came in cannot be confirmed"),
        ({"id": dead[-12:], "do": "replay"}, "is no update and no delivery of this site"),
    ]
    lines = [one for one, _ in wrong]
    write(file, *lines, "", {"id": other, "do": "replay", "why": "mended"})
    file.write_bytes(file.read_bytes() + b'\n{"id": "\xff"}')
    code, shown, said = run("dlq", "import", str(file), "--rate", "1000")
    assert (code, shown.count("\n"), other in shown) == (1, 1, True)
    told = said.splitlines()
    for number, (_, why) in enumerate(wrong, 1):
        assert told[number - 1].startswith(f"{file}:{number}: ")
        assert why in told[number - 1]
    assert f"{file}:12: no line of a letter" in told[-2]
    assert told[-1] == f"{len(wrong) + 1} lines are left as they are"
    assert row(gateway, other).state is UpdateState.READY
    assert row(gateway, dead).state is UpdateState.DEAD


def test_an_edited_intent_travels_with_its_original(run: Run, gateway: Gateway, recorder: Recorder, file: Path) -> None:
    """What a line makes of an update is stored as an edit, or before its replay; what was asked first is kept."""
    dead = note(gateway, recorder)
    line = exported(run)[dead]
    line["intent"]["comment"]["body"] = "with a typo"
    code, shown, _ = run("dlq", "import", write(file, line | {"do": "edit", "why": "a typo"}))
    assert (code, "is edited" in shown) == (0, True)
    again = exported(run)[dead]
    assert (again["version"], again["intent"]["comment"]["body"]) == (2, "with a typo")
    assert again["original"]["comment"]["body"] == "with a typpo"
    code, _, said = run("dlq", "import", str(file))
    assert (code, "intent: it wants that already" in said) == (1, True)
    line["intent"]["comment"]["body"] = "with another one"
    code, _, said = run("dlq", "import", write(file, line | {"do": "edit"}))
    assert (code, "version: it was edited since this line was written (1, now 2)" in said) == (1, True)
    code, _, said = run("dlq", "import", write(file, again | {"do": "edit"}))
    assert (code, "it wants that already" in said) == (1, True)
    again["intent"]["comment"]["body"] = "without any"
    assert run("dlq", "import", write(file, again | {"do": "replay"}), "--dry-run")[0] == 0
    assert row(gateway, dead).payload_version == 2
    assert run("dlq", "import", str(file))[0] == 0
    after = row(gateway, dead)
    assert after.intent.comment is not None
    assert (after.state, after.intent.comment.body) == (UpdateState.READY, "without any")
    with gateway.store.read() as tx:
        original = tx.dead_letters.original(dead)
        actions = [each["action"] for each in tx.view.audit()]
    assert original is not None
    assert original.comment is not None
    assert original.comment.body == "with a typpo"
    assert (actions.count("dead letter edited"), actions.count("dead letter replayed")) == (2, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"visibility": "public"}, "of a comment its text can be changed, and nothing else"),
        ({"comment_id": "c2"}, "of a comment its text can be changed, and nothing else"),
        ({"body": "  "}, "comment: it has no text"),
        ({"body": "it is ***"}, "a secret in it was written as ***"),
    ],
)
def test_what_an_edit_may_not_do_a_line_may_not_either(
    run: Run, gateway: Gateway, recorder: Recorder, file: Path, change: dict[str, str], why: str
) -> None:
    """A note never becomes a public reply, and the mask of a secret never its value."""
    dead = note(gateway, recorder)
    line = exported(run)[dead]
    line["intent"]["comment"] |= change
    code, _, said = run("dlq", "import", write(file, line | {"do": "replay"}))
    assert (code, why in said) == (1, True), said
    assert (row(gateway, dead).state, row(gateway, dead).payload_version) == (UpdateState.DEAD, 1)


def test_a_masked_secret_goes_back_as_it_was(run: Run, gateway: Gateway, recorder: Recorder, file: Path) -> None:
    """A line that was not changed is no edit, although the export does not show all of what it wants."""
    secret = os.environ["DEMO_RT_TOKEN"]
    dead = note(gateway, recorder, words=f"the token was {secret}")
    line = exported(run)[dead]
    assert line["intent"]["comment"]["body"] == "the token was ***"
    assert run("dlq", "import", write(file, line | {"do": "replay"}))[0] == 0
    after = row(gateway, dead)
    assert after.intent.comment is not None
    assert (after.payload_version, after.intent.comment.body) == (1, f"the token was {secret}")


def test_the_lines_of_another_site_do_nothing(run: Run, gateway: Gateway, recorder: Recorder, file: Path) -> None:
    """They name letters that are not known here; nothing is made of them."""
    dead = note(gateway, recorder)
    line = exported(run)[dead] | {"do": "replay", "id": "0" * 8 + dead[8:]}
    code, _, said = run("dlq", "import", write(file, line))
    assert (code, "is no update and no delivery of this site: is the file of another one?" in said) == (1, True)
    assert list(exported(run)) == [dead]


def test_lines_outlive_a_change_of_keys(
    run: Run, gateway: Gateway, recorder: Recorder, file: Path, folder: Path
) -> None:
    """A file written under one key is taken under the next; what it changes is sealed by that one."""
    dead = note(gateway, recorder)
    line = exported(run)[dead]
    gateway.close()
    keys = folder / ".gateway" / "keys"
    keys.write_text(base64.b64encode(os.urandom(32)).decode() + "\n" + keys.read_text(encoding="ascii"), "ascii")
    line["intent"]["comment"]["body"] = "under another key"
    assert run("dlq", "import", write(file, line | {"do": "edit"}))[0] == 0
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    fresh = build(Settings.from_env(environ), environ)
    try:
        after = row(fresh, dead).intent.comment
        with fresh.store.engine.connect() as connection:
            sealed = connection.exec_driver_sql("SELECT intent_sealed, original_sealed FROM updates").one()
        current = bytes.fromhex(fresh.store.sealer.current)
    finally:
        fresh.close()
    assert after is not None
    assert after.body == "under another key"
    assert [bytes(each)[1:9] == current for each in sealed] == [True, False]
