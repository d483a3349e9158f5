"""What can be said of a connector without its desk: its spec, its quality.yaml, the tests named there, and its imports.

The conformance suite asserts it and `gateway connectors check` prints it; so nothing here needs pytest. Each function
returns what is wrong, a line each; an empty list: nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from connectors.sdk import API_VERSION, Attaching, ConnectorSpec, Operation, Strategy
from connectors.testing.named import WrittenTests
from connectors.testing.purity import compares_in_constant_time, reaching
from gateway.domain.ticket import SYNCED_FIELDS

FILE = "quality.yaml"
_TEST_FILE = re.compile(r"\btest_\w+\.py\b")
#: words that a reason has at least
FEWEST_WORDS = 3

#: what may be named under `lacks` of a quality.yaml, and what that means
LACKS: Mapping[str, str] = {
    "webhooks": "the desk sends none",
    "signature": "its webhooks are not signed over their body: a shared secret stands in their place",
    "known_answer": "no public known answer of its signature exists",
    "replay_window": "its signature covers no time",
    "delivery_name": "nothing that is signed names a delivery, and its body is not unique",
    "ask": "customers cannot write again",
    "status": "people set no status",
    "priority": "people set no priority",
    "title": "people change no title",
    "assign": "nobody is assigned",
    "merge": "tickets are not merged",
    "delete": "tickets are not deleted",
    "new_status": "nobody adds a status there",
    "new_priority": "nobody adds a priority there",
    "name": "no other program can write where a mark of ours stands on a ticket",
    "marked_comments": "comments have no room for a mark: their words, time and author tell which is ours",
    "internal": "there are no internal notes",
    "public": "there are no public replies",
    "polling": "nothing tells what changed",
    "import": "an import begins with a cursor of its own, to which tests of its own hold it",
    "attachments": "it takes no files",
    "credentials": "it knows no wrong credentials",
}

#: what desks are compared by, and what it means; `mechanisms` of a quality.yaml says of each that it is used, or lacks
MECHANISMS: Mapping[str, str] = {
    "signed_webhook": "what it sends is signed",
    "delivery_id": "what it sends has a name that stays the same when it is sent again",
    "poll_cursor": "what changed can be asked for from where the last question ended",
    "idempotency_key": "a creation that is sent twice is made once by the desk itself",
    "external_id": "what we made can be found by a key of ours",
    "conditional_write": "a change is refused where the ticket is another than was read",
    "rate_limit": "it says for how long it wants to be left alone",
    "internal_note": "there are comments that customers do not see",
}

#: folders of tests of what a transport keeps for every connector
TRANSPORTS = ("http", "mail")
#: and of whole journeys of tickets that are not what they were
EDGE_TESTS = Path("flows", "edges")

#: what can become of a ticket; `life` of a quality.yaml says of each how the desk tells it, or why it does not
EDGES: Mapping[str, str] = {
    "merged": "merged into another",
    "deleted": "deleted",
    "spam": "called spam",
    "closed": "closed for good",
    "moved": "moved to another project, group or queue",
    "private": "private",
    "split": "split",
    "restored": "restored",
}
#: by which ways a desk may tell of it; by reads alone it is found when the ticket is read or written next
WAYS = ("webhook", "poll", "read")
READ = WAYS[-1]

#: files of a connector's folder that are no part of the connector
BESIDE = ("simulator", "simulated", "sim_", "bench", "test_", "conftest")


# ---------------------------------------------------------------- the spec


def spec_faults(spec: ConnectorSpec) -> list[str]:
    """Return what of a spec cannot be: an interface of another version, fields that are none, claims without a base."""
    known = set(SYNCED_FIELDS)
    found = []
    if spec.api_version != API_VERSION:
        found.append(f"made for connector interface {spec.api_version}, this gateway has {API_VERSION}")
    for word, fields in (("readable", spec.readable_fields), ("writable", spec.writable_fields)):
        if fields - known:
            found.append(f"{word}_fields: {', '.join(sorted(fields - known))}: there are {', '.join(SYNCED_FIELDS)}")
    for operation, claim in spec.operations.items():
        if claim.settle < 0:
            found.append(f"{operation.value}: settle is less than nothing")
        if claim.strategy is Strategy.KEY and claim.key_ttl <= 0:
            found.append(f"{operation.value}: strategy key, and key_ttl does not say how long the desk keeps it")
    for word, operations in (("sees", spec.sees), ("undoes", spec.undoes)):
        missing = sorted(each.value for each in operations - set(spec.operations))
        if missing:
            found.append(f"{word}: {', '.join(missing)}: no such operation here")
    if spec.undoes and Operation.UNDO not in spec.operations:
        found.append("undoes: there is no claim for the operation undo")
    if (spec.attaching is Attaching.ALONE) is not (Operation.ATTACH in spec.operations):
        found.append("attaching: `alone` and the operation attach go together")
    settings = (*spec.settings, *spec.create_params)
    return found + [f"setting {each.name}: no help for who has to fill it in" for each in settings if not each.help]


def is_channel(spec: ConnectorSpec) -> bool:
    """Say whether it only carries notices, and keeps no tickets."""
    return set(spec.operations) <= {Operation.NOTIFY}


# ---------------------------------------------------------------- quality.yaml


def read_quality(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return a connector's quality.yaml, and why it cannot be read."""
    try:
        content = _parsed((folder / FILE).read_text(encoding="utf-8"))
    except OSError as error:
        return {}, [f"{FILE} cannot be read: {error.strerror or error}"]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return {}, [f"{FILE} is no YAML: {' '.join(str(error).split())}"]
    if not isinstance(content, dict) or not isinstance(content.get("operations"), dict):
        return {}, [f"{FILE} is to be a mapping with `operations`"]
    return content, []


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """Parse a text once: each test of the conformance suite asks what is lacking."""
    return yaml.load(text, yaml.CSafeLoader)


def operation_faults(spec: ConnectorSpec, quality: Mapping[str, Any]) -> list[str]:
    """Return the operations of which the code and quality.yaml say different things."""
    said = quality.get("operations") or {}
    claimed = {str(name): str(claim.get("strategy")) for name, claim in said.items() if isinstance(claim, dict)}
    coded = {operation.value: claim.strategy.value for operation, claim in spec.operations.items()}
    found = [f"operations: {name} is not claimed in {FILE}" for name in coded if name not in claimed]
    found += [f"operations: {name} is claimed, and the connector has no such" for name in claimed if name not in coded]
    return found + [
        f"operations: {name} is {claimed[name]} in {FILE} and {coded[name]} in the code"
        for name in coded
        if name in claimed and claimed[name] != coded[name]
    ]


def lacks_faults(spec: ConnectorSpec, quality: Mapping[str, Any]) -> list[str]:
    """Return what is lacking without a known name or a reason, or against what the spec says."""
    lacking = quality.get("lacks") or {}
    found = []
    for name, reason in lacking.items():
        if name not in LACKS:
            found.append(f"lacks: {name} means nothing here; there are {', '.join(LACKS)}")
        elif not is_reason(reason):
            found.append(f"lacks: {name}: say why, in {FEWEST_WORDS} words at least")
    if is_channel(spec):
        return found
    there = {
        "webhooks": spec.webhooks,
        "polling": spec.polling,
        "public": Operation.PUBLIC_REPLY in spec.operations,
        "internal": Operation.INTERNAL_NOTE in spec.operations,
        "attachments": spec.attaching is not None,
    }
    for name, has in there.items():
        if has and name in lacking:
            found.append(f"lacks: {name}, which the spec says that it has")
        if not has and name not in lacking:
            found.append(f"lacks: {name} is not in the spec, and {FILE} does not say why")
    return found


def mechanism_faults(quality: Mapping[str, Any]) -> list[str]:
    """Return which mechanisms of a desk nothing is said of, or lack without a reason; without the section: none."""
    said = quality.get("mechanisms")
    if said is None:
        return []
    if not isinstance(said, dict):
        return ["mechanisms: is to be a mapping"]
    found = [
        f"mechanisms: {name} means nothing; there are {', '.join(MECHANISMS)}" for name in set(said) - set(MECHANISMS)
    ]
    for name in MECHANISMS:
        entry = said.get(name)
        if not isinstance(entry, dict) or ("claim" in entry) is ("lacks" in entry):
            found.append(
                f"mechanisms: {name}: say what is used by `claim` and `tests`, or by `lacks` why there is none"
            )
        elif "lacks" in entry and not is_reason(entry["lacks"]):
            found.append(f"mechanisms: {name}: lacks: say why, in {FEWEST_WORDS} words at least")
    return found


def life_faults(spec: ConnectorSpec, quality: Mapping[str, Any]) -> list[str]:
    """Return which edges of a ticket's life nothing is said of, or something that `lacks` or the spec denies.

    A package of somebody else may leave the section out, and a channel has no tickets.
    """
    said = quality.get("life")
    if said is None or is_channel(spec):
        return []
    if not isinstance(said, dict):
        return ["life: is to be a mapping"]
    found = [f"life: {name} means nothing; there are {', '.join(EDGES)}" for name in set(said) - set(EDGES)]
    for name in EDGES:
        entry = said.get(name)
        if not isinstance(entry, dict) or ("claim" in entry) is ("lacks" in entry):
            found.append(
                f"life: {name}: say how the desk tells it by `claim` and `tests`, or by `lacks` why it does not"
            )
            continue
        if "lacks" in entry and not is_reason(entry["lacks"]):
            found.append(f"life: {name}: lacks: say why, in {FEWEST_WORDS} words at least")
        told = entry.get("told", [])
        if not isinstance(told, list) or set(told) - set(WAYS):
            found.append(f"life: {name}: told: of {', '.join(WAYS)}")
    lacking = quality.get("lacks") or {}
    denied = {"merged": "merge" not in lacking, "deleted": "delete" not in lacking, "closed": spec.follow_ups}
    for name, has in denied.items():
        entry = said.get(name)
        if isinstance(entry, dict) and ("claim" in entry) is not has:
            found.append(f"life: {name}: {'lacks' if has else 'is claimed'}, against its `lacks` or its spec")
    return found


def mechanisms(folder: Path | None) -> dict[str, bool] | None:
    """Return which mechanisms a connector in a folder uses, by its quality.yaml; None where it says nothing of them."""
    content, _ = ({}, []) if folder is None else read_quality(folder)
    said = content.get("mechanisms")
    if not isinstance(said, dict):
        return None
    return {name: isinstance(entry := said.get(name), dict) and "claim" in entry for name in MECHANISMS}


def is_reason(value: Any) -> bool:
    """Say whether this is a reason, in words."""
    return isinstance(value, str) and len(value.split()) >= FEWEST_WORDS


def claims(quality: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every claim of a quality.yaml with its place."""
    if isinstance(quality, dict):
        if "claim" in quality:
            yield where or str(quality["claim"]), quality
            return
        for name, inner in quality.items():
            yield from claims(inner, f"{where}.{name}" if where else str(name))
    elif isinstance(quality, list):
        for number, inner in enumerate(quality, 1):
            yield from claims(inner, f"{where}[{number}]")


def claim_faults(quality: Mapping[str, Any], known: WrittenTests | None) -> list[str]:
    """Return the claims without a test and without a reason, and tests that are not there; None: they are not known."""
    found = []
    for where, claim in claims(quality):
        named = claim.get("tests") or []
        if "exempt" in claim and not is_reason(claim["exempt"]):
            found.append(f"{where}: exempt, and not why")
        elif _TEST_FILE.search(str(claim.get("exempt", ""))):
            found.append(f"{where}: exempt by a file of tests: name the test under `tests`, so that it must be there")
        if not named and "exempt" not in claim:
            found.append(f"{where}: neither `tests` nor `exempt` with a reason: a claim without a test is a wish")
        missing = [str(test) for test in named if known is not None and not known.has(str(test))]
        found += [f"{where}: the test {test} is not there" for test in missing]
    return found


# ---------------------------------------------------------------- code


def tests_of(folder: Path) -> WrittenTests | None:
    """Return the tests of a connector, those of the conformance suite included; None where none lie beside it.

    What a transport keeps for every connector (TLS, deadlines) is tested with the transport. A package of somebody
    else has `tests` beside the folder of its code; ours are in `tests/connectors/NAME`.
    """
    suite = Path(__file__).parent / "conformance"
    for above in list(folder.parents)[:3]:
        ours, theirs = above / "tests" / "connectors" / folder.name, above / "tests"
        if ours.is_dir():
            return WrittenTests(ours, suite, *(above / "tests" / each for each in (*TRANSPORTS, EDGE_TESTS)))
        if theirs.is_dir() and (above / "pyproject.toml").is_file():
            return WrittenTests(theirs, suite)
    return None


def sources(folder: Path) -> list[Path]:
    """Return the modules of a connector, without its simulator and its tests."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not any(part.startswith(BESIDE) for part in path.relative_to(folder).with_suffix("").parts)
    ]


def io_faults(folder: Path) -> list[str]:
    """Return where a connector reaches outside, reads a clock or makes chance."""
    return [
        f"{path.name}:{line}: {what}"
        for path in sources(folder)
        for line, what in reaching(path.read_text(encoding="utf-8"))
    ]


def comparing_faults(spec: ConnectorSpec, folder: Path) -> list[str]:
    """Return that a connector with webhooks compares what proves them by nothing that is safe for it.

    Of what is not written yet there is nothing to say.
    """
    if not spec.webhooks or unfilled(folder):
        return []
    safe = any(compares_in_constant_time(path.read_text(encoding="utf-8")) for path in sources(folder))
    return [] if safe else ["nothing is compared in constant time: take sdk.require_equal, not == or !="]


def unfilled(folder: Path) -> list[str]:
    """Return what has not been written yet: functions that raise NotImplementedError, with what they say.

    Parts of a simulator may leave something to a subclass: there only one counts that says what is to be written.
    """
    own = set(sources(folder))
    found = [
        (path, node.lineno, _missing(node.exc))
        for path in sorted(folder.rglob("*.py"))
        if "NotImplementedError" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Raise)
    ]
    return [
        f"{path.name}:{line}: {words or 'to be written'}"
        for path, line, words in found
        if words or (words is not None and path in own)
    ]


def _missing(raised: ast.expr | None) -> str | None:
    """Return what a NotImplementedError says; None for any other error."""
    name = raised.func if isinstance(raised, ast.Call) else raised
    if not isinstance(name, ast.Name) or name.id != "NotImplementedError":
        return None
    said = (
        [each.value for each in raised.args if isinstance(each, ast.Constant)] if isinstance(raised, ast.Call) else []
    )
    return str(said[0]) if said else ""
