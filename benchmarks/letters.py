"""Dead letters: what the commands for them take with very many of them, beside what they take with few."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.commands import Taken
from benchmarks.commands import run as run_command
from benchmarks.lab import RT, Lab
from benchmarks.report import Measure, Progress

STAGE = "dead-letters"
FEW, MANY = 1_000, 100_000
#: seconds of wall clock, from the command to its end, on a machine that does nothing else
AIM = 2.0
#: how much more memory very many may take than few: pages are bounded, so next to none
AIM_MEMORY = 1.25
ROUNDS = 3
#: half of them are updates, half are parked deliveries; the first words are what a person types
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "list": ("list",),
    "list --group": ("list", "--group"),
    "list --reason --older --text": ("list", "--reason", "rejected", "--older", "1s", "--text", "status of 4"),
    "replay --dry-run, filtered": ("replay", "--connection", RT, "--reason", "rejected", "--dry-run"),
    "replay --all --dry-run": ("replay", "--all", "--dry-run"),
    "discard --dry-run": ("discard", "--older", "1s", "--reason", "an exercise", "--dry-run"),
    "show": ("show", "u-{half}"),
    "list --all": ("list", "--all", "--json"),
    "export --attempts": ("export", "--attempts"),
}
#: these write each letter out: their time is in the number of letters, their memory is not
WHOLE = frozenset({"list --all", "export --attempts"})
STEPS = 2 * len(COMMANDS) + 2


def run(progress: Progress, new_database: Callable[[], str] = str, name: str = "SQLite") -> list[Measure]:
    """Measure; `new_database` gives the address of an empty one for each size (empty: SQLite in the site)."""
    few, many = (_with(number, progress, new_database()) for number in (FEW, MANY))
    found = []
    for command in COMMANDS:
        more = many[command].megabytes / few[command].megabytes
        note = f"{FEW:,}: {few[command]}; {MANY:,}: {many[command]}, {more:.2f} of the memory"
        whole = command in WHOLE
        met = more <= AIM_MEMORY and (whole or many[command].seconds <= AIM)
        aim = f"memory ≤ {AIM_MEMORY}" if whole else f"≤ {AIM:g} s, memory ≤ {AIM_MEMORY}"
        found.append(Measure(STAGE, f"{command}, {name}", many[command].seconds, "s", aim, met, note))
    return found


def _with(number: int, progress: Progress, database: str) -> dict[str, Taken]:
    """Give up so many, and run every command."""
    from tests.store.many import give_up  # noqa: PLC0415 - a measuring of other stages needs nothing of the tests

    progress.step(f"{number:,} are given up")
    with Lab(database) as lab:
        lab.desk(RT)
        gateway = lab.prepared()
        give_up(gateway.store, number, gateway.clock.now(), parked=0.5)
        gateway.close()
        taken = {}
        for name, words in COMMANDS.items():
            progress.step(f"{name}, {number:,}")
            asked = [word.format(half=number // 4) for word in words]
            rounds = [run_command(lab, ("dead-letters", *asked)) for _ in range(1 if name in WHOLE else ROUNDS)]
            taken[name] = min(rounds, key=lambda each: each.seconds)
        return taken
