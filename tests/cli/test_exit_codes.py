"""The exit codes of docs/cli.md, clause by clause, beside what the commands for dead letters end with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from connectors.request_tracker.simulator import SimulatedRequestTracker
from gateway.bootstrap import Gateway
from gateway.domain.update import Intent, Operation, Reason, UpdateState
from tests.cli.conftest import Run
from tests.records import Recorder
from tests.terminal import CTRL_C, CTRL_D, at_terminal

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


class Scene:
    """A site with dead letters of each kind, and commands at it."""

    def __init__(self, run: Run, gateway: Gateway, recorder: Recorder, folder: Path) -> None:
        self.gateway = gateway
        self.recorder = recorder
        self.folder = folder
        self._run = run
        self.parked = recorder.delivery("d", park=(Reason.UNREADABLE, "not JSON"))
        self.ticket, lane = recorder.ticket("t", number=5)
        self.dead = recorder.update(
            self.ticket, lane, UpdateState.DEAD, operation=Operation.SET_FIELDS, reason=Reason.REJECTED
        )
        ticket, lane = recorder.ticket("unsure", number=6, linked=False)
        self.unsure = recorder.update(ticket, lane, UpdateState.AMBIGUOUS, reason=Reason.AMBIGUOUS)

    def __call__(self, *words: str) -> int:
        """Run a command without a terminal; return its exit code."""
        return self._run("dlq", *words)[0]

    def typed(self, keys: str, *words: str, after: str = "[y/N]:") -> int:
        """Run a command at a terminal, and type once it has written something."""
        return at_terminal(self.folder, ("dlq", *words), typed=[(after, keys)]).code

    def file(self, text: str) -> str:
        """Return the path of a file with this text."""
        path = self.folder / "given"
        path.write_text(text, encoding="utf-8")
        return str(path)


@pytest.fixture
def scene(run: Run, gateway: Gateway, recorder: Recorder, folder: Path) -> Scene:
    """Make the site; its desks do not answer."""
    return Scene(run, gateway, recorder, folder)


def differing(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, wanted: str) -> int:
    """Compare an update with a desk that answers."""
    with SimulatedRequestTracker() as desk:
        monkeypatch.setenv("DEMO_RT_URL", desk.url)
        monkeypatch.setenv("DEMO_RT_TOKEN", desk.tokens["gateway"])
        remote = desk.act("create", subject="as it is", body="b")

        def work(tx: object) -> None:
            letter = tx.dead_letters.letter(scene.dead)  # type: ignore[attr-defined]
            tx.links.save(msgspec.structs.replace(letter.link, remote_id=remote))  # type: ignore[attr-defined]
            tx.dead_letters.edit(scene.dead, Intent(Operation.SET_FIELDS, fields={"title": wanted}), "t")  # type: ignore[attr-defined]

        scene.gateway.store.write(work)
        return scene("diff", scene.dead)


def without_release(scene: Scene) -> int:
    """Replay where no release is active."""
    with scene.gateway.store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM activations")
        connection.exec_driver_sql("DELETE FROM releases")
    return scene("replay", scene.dead)


def without_secret(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> int:
    """Replay where a secret that the release needs is not set."""
    monkeypatch.delenv("DEMO_RT_TOKEN")
    return scene("replay", scene.dead)


Ends = Callable[[Scene, pytest.MonkeyPatch], int]
#: code -> clause of the table -> what ends so
CLAUSES: Mapping[int, Mapping[str, Mapping[str, Ends]]] = {
    0: {
        "All was done.": {
            "list": lambda do, _: do("list"),
            "group": lambda do, _: do("list", "--group", "--json"),
            "nothing found": lambda do, _: do("list", "--text", "nothing like it"),
            "nothing to do": lambda do, _: do("replay", "--text", "nothing like it"),
            "show": lambda do, _: do("show", do.dead),
            "replay": lambda do, _: do("replay", do.parked, do.dead),
            "replay for trial": lambda do, _: do("replay", "--all", "--dry-run"),
            "accepted": lambda do, _: do("replay", do.unsure, "--accept-duplicate"),
            "many": lambda do, _: do("replay", "--all", "--yes", "--rate", "1000"),
            "yes": lambda do, _: do.typed("y\n", "discard", "--what", "delivery", "--reason", "r"),
            "confirm": lambda do, _: do("confirm", do.dead),
            "edit": lambda do, _: do("edit", do.dead, "--file", do.file('{"fields": {"title": "new"}}')),
            "discard": lambda do, _: do("discard", do.dead, "--reason", "r"),
            "heal nothing": lambda do, _: do("heal"),
            "export": lambda do, _: do("export"),
            "import": lambda do, _: do("import", do.file("")),
            "watch": lambda do, _: do("watch", "--for", "1s", "--every", "1s"),
            "diff": lambda do, patch: differing(do, patch, wanted="as it is"),
        },
    },
    1: {
        "A letter cannot be dealt with in this way (of many: some were left)": {
            "blindly": lambda do, _: do("replay", do.unsure),
            "of many": lambda do, _: do("replay", "--all", "--ambiguous", "--yes", "--rate", "1000"),
            "confirm a delivery": lambda do, _: do("confirm", do.parked),
            "edit a delivery": lambda do, _: do("edit", do.parked, "--file", do.file("{}")),
            "edit to nonsense": lambda do, _: do("edit", do.dead, "--file", do.file("{")),
            "the desk is away": lambda do, _: do("diff", do.dead),
            "a wrong line": lambda do, _: do("import", do.file("nonsense")),
        },
        "`diff` shows a difference": {"diff": lambda do, patch: differing(do, patch, wanted="as it is not")},
        "a question was answered with no.": {
            "no": lambda do, _: do.typed("n\n", "replay", "--all"),
            "nothing": lambda do, _: do.typed("\n", "discard", "--all", "--reason", "r"),
        },
    },
    2: {
        "Wrong usage": {
            "no letter": lambda do, _: do("replay"),
            "two ways": lambda do, _: do("replay", do.dead, "--all"),
            "no such option": lambda do, _: do("list", "--colour"),
            "no such value": lambda do, _: do("list", "--reason", "boredom"),
            "no reason": lambda do, _: do("discard", do.dead),
            "accepted for many": lambda do, _: do("replay", do.dead, do.unsure, "--accept-duplicate"),
            "no file": lambda do, _: do("import", "/no/such/file"),
        },
        "many were chosen without `--yes` where nobody can be asked": {
            "replay": lambda do, _: do("replay", "--all"),
            "discard": lambda do, _: do("discard", "--all", "--reason", "r", "--json"),
        },
        "a release or a secret is missing": {"release": lambda do, _: without_release(do), "secret": without_secret},
        "a file cannot be written.": {"export": lambda do, _: do("export", "--output", "/no/such/folder/file")},
    },
    3: {
        "There is no such open dead letter, ticket, connection or bulk.": {
            "show": lambda do, _: do("show", "no-such-letter"),
            "too short": lambda do, _: do("show", "01"),
            "diff": lambda do, _: do("diff", "no-such-letter"),
            "replay": lambda do, _: do("replay", do.dead, "no-such-letter"),
            "confirm": lambda do, _: do("confirm", "no-such-letter"),
            "edit": lambda do, _: do("edit", "no-such-letter", "--file", "-"),
            "discard": lambda do, _: do("discard", "no-such-letter", "--reason", "r"),
            "done already": lambda do, _: do("discard", do.dead, "--reason", "r") or do("replay", do.dead),
            "ticket": lambda do, _: do("list", "--ticket", "no-such-ticket"),
            "connection": lambda do, _: do("export", "--connection", "no-such-connection"),
            "bulk": lambda do, _: do("replay", "--resume", "no-such-bulk"),
        },
    },
    130: {
        "Interrupted: what is left of a bulk can be resumed.": {
            "a question": lambda do, _: do.typed(CTRL_C, "replay", "--all"),
            "its end": lambda do, _: do.typed(CTRL_D, "replay", "--all"),
            "a watch": lambda do, _: do.typed(CTRL_C, "watch", after="Ctrl-C ends this"),
        },
    },
}
CASES = [
    pytest.param(code, ends, id=f"{code}-{name}")
    for code, clauses in CLAUSES.items()
    for cases in clauses.values()
    for name, ends in cases.items()
]


@pytest.mark.parametrize(("code", "ends"), CASES)
def test_a_command_ends_as_it_is_written(scene: Scene, monkeypatch: pytest.MonkeyPatch, code: int, ends: Ends) -> None:
    """Each case of each clause."""
    assert ends(scene, monkeypatch) == code


def test_each_clause_of_the_page_is_tried() -> None:
    """No code and no clause stands in the table of the page that is not one of these, nor the other way round."""
    section = DOCS.read_text(encoding="utf-8").partition("\n## Dead letters\n")[2].partition("\n## ")[0]
    table = {int(code): words for code, words in re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)}
    written = {code: set(words.split("; ")) for code, words in table.items()}
    assert written == {code: set(clauses) for code, clauses in CLAUSES.items()}
