"""The commands for dead letters as somebody on call meets them: at a terminal, however narrow, with any editor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from gateway.bootstrap import Gateway
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, Reason, UpdateState
from tests.cli.conftest import Run
from tests.records import Recorder
from tests.store.many import give_up
from tests.terminal import CTRL_C, CTRL_D, at_terminal

QUESTION = "[y/N]:"


def many(recorder: Recorder, number: int) -> list[str]:
    """Return so many parked deliveries."""
    return [recorder.delivery(f"d{each}", park=(Reason.UNREADABLE, "not JSON")) for each in range(number)]


def listed(run: Run, *words: str) -> list[str]:
    """Return the ids of the dead letters that there are."""
    return [each["id"] for each in json.loads(run("dlq", "list", *words, "--json")[1])]


# ------------------------------------------------------------ questions


@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        (["y\n"], 0, "3 discarded"),
        (["n\n"], 1, "gateway: nothing was done"),
        (["\n"], 1, "gateway: nothing was done"),
        (["maybe\n", "YES\n"], 0, "invalid input"),
        ([CTRL_C], 130, "\ngateway: interrupted"),
        ([CTRL_D], 130, "\ngateway: interrupted"),
    ],
)
def test_a_question_takes_yes_no_and_neither(
    run: Run, recorder: Recorder, folder: Path, keys: list[str], code: int, said: str
) -> None:
    """Only a yes does something; a no is no interruption, and what ends the question begins a line of its own."""
    parked = many(recorder, 3)
    words = ("dlq", "discard", "--all", "--reason", "a test of the desk", "--rate", "1000")
    ended = at_terminal(folder, words, typed=[(QUESTION, each) for each in keys])
    assert (ended.code, said in ended.screen.replace("\r", "")) == (code, True), ended.screen
    assert listed(run) == ([] if code == 0 else parked)


def test_heal_asks_as_well(run: Run, recorder: Recorder, folder: Path) -> None:
    """One confirmation for all that it would replay; a no leaves it."""
    recorder.delivery("d", park=(Reason.REMOVED, "acme-zendesk is not in gateway.yaml any more"))
    no = at_terminal(folder, ("dlq", "heal"), typed=[(QUESTION, "n\n")])
    assert (no.code, "nothing was done" in no.screen, len(listed(run))) == (1, True, 1)
    yes = at_terminal(folder, ("dlq", "heal"), typed=[(QUESTION, "y\n")])
    assert (yes.code, "1 replayed" in yes.screen, listed(run)) == (0, True, [])


def test_ctrl_c_leaves_a_bulk_that_can_be_tried_and_resumed(run: Run, recorder: Recorder, folder: Path) -> None:
    """The bar shows how far it was; a dry run of the rest does nothing, and the rest is done once."""
    many(recorder, 8)
    words = ("dlq", "replay", "--all", "--rate", "2")
    ended = at_terminal(folder, words, typed=[(QUESTION, "y\n"), ("2/8", CTRL_C)])
    assert (ended.code, "--resume" in ended.screen) == (130, True), ended.screen
    word = ended.screen.rsplit("--resume", 1)[1].split()[0]
    left = listed(run)
    assert 0 < len(left) < 8
    code, shown, _ = run("dlq", "replay", "--resume", word, "--dry-run")
    assert (code, f"{len(left)} of 8 would be gone on with" in shown) == (0, True)
    told = json.loads(run("dlq", "replay", "--resume", word, "--dry-run", "--json")[1])
    assert (told["dry_run"], told["pending"]) == (True, len(left))
    assert listed(run) == left
    assert run("dlq", "replay", "--resume", word, "--rate", "1000")[0] == 0
    assert listed(run) == []


def test_ctrl_c_is_heard_at_once_however_slow_the_rate_is(run: Run, recorder: Recorder, folder: Path) -> None:
    """One letter in ten seconds: nobody waits for the next one, and nobody hits the keys again."""
    many(recorder, 4)
    words = ("dlq", "replay", "--all", "--rate", "0.1")
    begun = time.monotonic()
    ended = at_terminal(folder, words, typed=[(QUESTION, "y\n"), ("1/4", CTRL_C)])
    assert (ended.code, "interrupted: 3 are left; it goes on with:" in ended.screen) == (130, True), ended.screen
    assert time.monotonic() - begun < 9
    assert len(listed(run)) == 3


def test_an_import_that_is_interrupted_is_taken_again(run: Run, recorder: Recorder, folder: Path) -> None:
    """Its bar has a line of its own; what was done says so when the same file comes again, and the rest is done."""
    lanes = [recorder.ticket(f"t{number}", number=number) for number in range(1, 7)]
    for ticket, lane in lanes:
        recorder.update(ticket, lane, UpdateState.DEAD, operation=Operation.SET_FIELDS, reason=Reason.REJECTED)
    lines = [json.loads(line) | {"do": "edit", "why": "a typo"} for line in run("dlq", "export")[1].splitlines()]
    for line in lines:
        line["intent"]["fields"]["title"] = "as it should be"
    file = folder / "lines.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    ended = at_terminal(folder, ("dlq", "import", str(file), "--rate", "2"), typed=[("33%", CTRL_C)])
    assert (ended.code, "the same file can be taken again" in ended.screen) == (130, True), ended.screen
    told = [row.rpartition("\r")[2] for row in ended.screen.split("\r\n") if "is edited" in row]
    assert told
    assert [row for row in told if "%" in row] == []
    code, shown, said = run("dlq", "import", str(file), "--rate", "1000")
    assert (code, shown.count("is edited")) == (1, len(lines) - len(told))
    assert said.count("intent: it wants that already") == len(told), said


# ------------------------------------------------------------ a narrow terminal


def test_a_narrow_terminal_gets_rows_that_fit(recorder: Recorder, folder: Path) -> None:
    """Where no line holds a row it is written below itself, each part with its name; else the words give way."""
    ticket, lane = recorder.ticket("t", number=5)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, detail="no such queue at that desk")
    narrow = at_terminal(folder, ("dlq", "list"), columns=40)
    rows = narrow.screen.replace("\r", "").splitlines()
    assert f"\x1b[1m{dead[-12:]}\x1b[0m" in rows
    assert "  WHY         no such queue at that desk" in rows
    assert max(len(row) for row in rows if "\x1b" not in row) <= 40
    wide = at_terminal(folder, ("dlq", "list"), columns=82).screen.replace("\r", "").splitlines()
    assert next(row for row in wide if row.startswith(dead[-12:])).endswith("…")


# ------------------------------------------------------------ editors


@pytest.fixture
def note(gateway: Gateway, recorder: Recorder) -> str:
    """Return a note that was given up."""
    ticket, lane = recorder.ticket("t", number=5)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, operation=Operation.INTERNAL_NOTE, reason=Reason.REJECTED)
    said = CommentIntent("c1", "with a typpo", Visibility.INTERNAL)
    gateway.store.write(lambda tx: tx.dead_letters.edit(dead, Intent(Operation.INTERNAL_NOTE, comment=said), "a note"))
    return dead


def drafts(folder: Path) -> list[str]:
    """Return what is kept of what was typed."""
    kept = folder / ".gateway" / "drafts"
    return [each.read_text(encoding="latin-1") for each in kept.iterdir()] if kept.is_dir() else []


@pytest.mark.parametrize(
    ("editor", "said", "is_kept"),
    [
        ("false", "the editor false ended with 1; nothing was changed", False),
        ("true", "nothing was changed", False),
        ("no-such-editor --wait", "the editor no-such-editor cannot be started: No such file or directory", False),
        ('sed "', "EDITOR cannot be read: No closing quotation", False),
        ("rm", "nothing was changed", False),
        ("sh -c 'sed -i s/typpo/typo/ $0; kill -9 $$'", "the editor sh was ended by signal 9; nothing was", True),
        ("sh -c 'sed -i s/typpo/typo/ $0; exit 3'", "the editor sh ended with 3; nothing was changed", True),
        ("sh -c 'kill -9 $$'", "the editor sh was ended by signal 9; nothing was changed", False),
        (r"sh -c 'printf \\377 > $0'", "this is no UTF-8 any more, at byte 0", True),
        ("sh -c 'printf {} > $0'", "comment: it has no text", True),
        ("", "there is no terminal for an editor: set EDITOR, or give the text with --file", False),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_whatever_an_editor_does_is_one_line_and_loses_no_text(
    run: Run, folder: Path, note: str, monkeypatch: pytest.MonkeyPatch, editor: str, said: str, *, is_kept: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """What was saved before it failed is a draft, and a line says how to go on; what was not is no draft."""
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor)
    code, shown, told = run("dlq", "edit", note, *["--json"] * as_json)
    assert (code, shown, told.count("\n"), said in told) == (1, "", 1, True), told
    assert ("your text is kept: gateway dead-letters edit" in told, len(drafts(folder))) == (is_kept, int(is_kept))


def test_ctrl_c_belongs_to_the_editor(folder: Path, note: str) -> None:
    """One that ends by it leaves what it had saved; one that takes it otherwise goes on."""
    ends = "sh -c 'sed -i s/typpo/typo/ $0; echo READY; sleep 30'"
    ended = at_terminal(folder, ("dlq", "edit", note), typed=[("READY", CTRL_C)], env={"EDITOR": ends, "VISUAL": ""})
    assert (ended.code, "your text is kept" in ended.screen) == (130, True), ended.screen
    assert "with a typo" in drafts(folder)[0]
    goes_on = "sh -c 'trap \"echo NO\" INT; echo READY; read line; sed -i s/typo/misprint/ $0'"
    keys = [("READY", CTRL_C), ("NO", "\n")]
    ended = at_terminal(folder, ("dlq", "edit", note), typed=keys, env={"EDITOR": goes_on, "VISUAL": ""})
    assert (ended.code, "is edited" in ended.screen, drafts(folder)) == (0, True, []), ended.screen


def test_a_program_reads_json_whatever_the_editor_writes(folder: Path, note: str) -> None:
    """What an editor says goes beside the answer, not into it."""
    env = {**os.environ, "EDITOR": "sh -c 'echo I am an editor; sed -i s/typpo/typo/ $0'", "VISUAL": ""}
    command = [sys.executable, "-m", "gateway.cli", "--site", str(folder), "dlq", "edit", note, "--json"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode, json.loads(ended.stdout)["done"][0]["state"]) == (0, "edited")
    assert "I am an editor" in ended.stderr


# ------------------------------------------------------------ what is listed, and written out


def test_no_list_shows_a_secret(run: Run, recorder: Recorder) -> None:
    """A secret that a desk repeats is masked in lists and groups as it is in `show`, with connectors loaded or not."""
    secret = os.environ["DEMO_ZENDESK_TOKEN"]
    recorder.delivery("d", park=(Reason.UNREADABLE, f"the word {secret} is not JSON"))
    for words in (("list",), ("list", "--json"), ("list", "--all"), ("list", "--group"), ("list", "--group", "--json")):
        code, shown, _ = run("dlq", *words)
        assert (code, "the word ***" in shown, secret in shown) == (0, True, False), words


def test_a_mistyped_connection_is_no_empty_list(run: Run, recorder: Recorder) -> None:
    """It is not found, and the line names the connections that there are; nothing is done with nothing."""
    many(recorder, 1)
    for words in (
        ("list",), ("list", "--group"), ("export",), ("watch", "--for", "1s"), ("heal", "--dry-run"),
        ("replay", "--yes"), ("discard", "--reason", "why", "--yes"),
    ):  # fmt: skip
        code, shown, said = run("dlq", *words, "--connection", "acme_zendesk")
        assert (code, shown, said.count("\n")) == (3, "", 1), words
        assert "no connection 'acme_zendesk'; the site has: acme-zendesk, engineering-rt" in said
    assert len(listed(run)) == 1


def test_an_export_asks_as_often_for_many_as_for_few(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    """A page of letters takes as many queries as one letter, with attempts and without."""
    give_up(gateway.store, 400, gateway.clock.now(), parked=0.5)
    asked: list[str] = []

    def note_down(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note_down)
    try:
        numbers = {}
        for name, words in {"few": ("--rule", "rule 1", "--error-class", "HTTP 421"), "many": ()}.items():
            asked.clear()
            file = tmp_path / f"{name}.jsonl"
            assert run("dlq", "export", "--attempts", "--output", str(file), *words)[0] == 0
            numbers[name] = (len(file.read_text(encoding="utf-8").splitlines()), len(asked))
    finally:
        event.remove(Engine, "before_cursor_execute", note_down)
    assert (numbers["few"][0] < 20, numbers["many"][0]) == (True, 400)
    assert numbers["many"][1] < numbers["few"][1] + 10


def test_a_file_that_cannot_be_written_is_named(run: Run, recorder: Recorder, tmp_path: Path) -> None:
    """With why, and what to do; it is no defect of ours."""
    many(recorder, 1)
    for path in (tmp_path / "nowhere" / "x.jsonl", Path("/dev/full")):
        code, _, said = run("dlq", "export", "--output", str(path))
        assert (code, said.count("\n"), f"{path} cannot be written: " in said) == (2, 1, True), said


# ------------------------------------------------------------ where there is less than a terminal


@pytest.mark.parametrize(
    ("closed", "words", "code", "said"),
    [
        ("<&-", "replay --all", 2, "look with --dry-run, then add --yes"),
        (">&-", "list", 0, ""),
        ("<&- >&-", "discard --all --yes --rate 1000 --reason r", 0, ""),
    ],
)
def test_a_closed_stream_is_no_defect(
    recorder: Recorder, folder: Path, closed: str, words: str, code: int, said: str
) -> None:
    """As a job without any terminal starts commands: nobody can be asked there, and nobody reads."""
    many(recorder, 2)
    command = f"exec {sys.executable} -m gateway.cli --site {folder} dlq {words} {closed}"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, said in ended.stderr, "unexpected" in ended.stderr) == (code, True, False), ended.stderr


def test_a_user_without_a_name_is_named_by_number(
    run: Run, gateway: Gateway, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose user stands in no list; the trail says so."""
    (parked,) = many(recorder, 1)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    assert run("dlq", "discard", parked, "--reason", "a test")[0] == 0
    with gateway.store.read() as tx:
        assert "person:user 54321" in [each["actor"] for each in tx.view.audit()]
