"""Writes docs/rules/reference.md from the schemas, the fields and the operators, so that it cannot fall behind them.

And docs/connectors/matrix.md from the connectors. `python tools/reference.py` writes the pages; with --check it only
says whether they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from connectors import registry
from connectors.registry import BUILT_INS
from connectors.sdk import ConnectorSpec
from connectors.testing.quality import EDGES, LACKS, MECHANISMS, is_channel, life_faults, mechanism_faults
from gateway.cli.connector_facts import facts
from rules.fields import FieldType, Vocabulary
from rules.operators import OPERATORS
from rules.schema import SECTIONS, cases, clocks
from rules.schema.shapes import NAME_WORDS
from rules.schema.site import GATEWAY

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "rules" / "reference.md"
MATRIX = DOCS / "connectors" / "matrix.md"
CONNECTORS = Path(__file__).parents[1] / "connectors"
#: deeper than this a table says only what a value is
DEEPEST = 5
#: more keys than this that take the same are said once
ALIKE = 5

_HEAD = """\
# Reference

Every key of a site's files, every field and every operator. `make reference` writes this page from the schemas by which
the gateway checks your files. [Writing rules](README.md) says what they mean, the [tutorial](tutorial.md) shows them at
work.

In the tables, `a.b` is the key `b` inside `a`, `a[]` stands for each item of the list `a`, and `NAME` for a name of
letters, digits, `-`, `_` and `.`, at most 64.
"""

_MATRIX = """\
# What each desk can do

Written by `make reference` from the connectors themselves; `gateway connectors list` and `gateway connectors show NAME`
say the same of what is installed. What the strategies (key, natural, probe) mean stands in
[delivery](../delivery.md#what-goes-out); each claim is proved by the tests that the connector's quality.yaml names, and
by the [conformance suite](conformance.md) that every connector passes.
"""

_TYPES = {
    FieldType.TEXT: "text",
    FieldType.CHOICE: "word",
    FieldType.LEVEL: "priority",
    FieldType.LANGUAGE: "language",
    FieldType.LIST: "list",
    FieldType.TIME: "time",
    FieldType.DURATION: "length of time",
    FieldType.NUMBER: "number",
    FieldType.PERSON: "person",
    FieldType.ANY: "anything",
}

_DEFINITIONS = {**clocks.DEFINITIONS, **cases.DEFINITIONS}


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    parts += ["## gateway.yaml\n", _table(GATEWAY)]
    parts.append("## Rule files: rules/*.yaml\n\nAny file may hold any section.\n")
    for name, schema in SECTIONS.items():
        parts += [f"### {name}\n", f"{_first_upper(_said(schema))}.\n", _table(schema)]
    parts += ["## Conditions\n", _fields(), _operators()]
    parts += ["## Cases: rules/*.cases.yaml\n", _table(cases.CASES)]
    for name in ("ticket", "expect", "clock"):
        parts += [f"### {name}\n", _table(cases.DEFINITIONS[name])]
    return "\n".join(parts)


# ---------------------------------------------------------------- keys


def _table(schema: dict[str, Any]) -> str:
    rows = list(_rows(schema, "", 0))
    if not rows:
        return ""
    lines = ["| key | value | |", "|---|---|---|"]
    lines += [f"| `{path}` | {_cell(said)} | {'needed' if needed else ''} |" for path, said, needed in rows]
    return "\n".join(lines) + "\n"


def _rows(schema: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str, bool]]:
    """Go through the keys of a mapping, or of the items of a list, and what is inside them."""
    for path, inner, needed in _inside(schema, prefix):
        if path != prefix and not path.endswith("[]"):
            yield path, _said(inner), needed
        shared = inner.get("$ref", "").rpartition("/")[2]
        if depth < DEEPEST and shared not in {"ticket", "expect", "clock", "case_value", "condition"}:
            yield from _rows(inner, path, depth + 1)


def _inside(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    dot = f"{prefix}." if prefix else ""
    schema = _resolved(schema)
    properties = schema.get("properties", {})
    if len(properties) > ALIKE and all(each == next(iter(properties.values())) for each in properties.values()):
        # every kind has such stages, every metric such a target: said once
        for key, inner in list(properties.items())[:1]:
            one_of = {"description": f"{_said(inner)}; NAME is one of {', '.join(properties)}"}
            yield f"{dot}NAME", {**_resolved(inner), **one_of}, key in schema.get("required", ())
        properties = {}
    for key, inner in properties.items():
        yield f"{dot}{key}", inner, key in schema.get("required", ())
    for pattern, inner in schema.get("patternProperties", {}).items():
        yield f"{dot}{_pattern(pattern)}", inner, False
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and more:
        yield f"{dot}NAME", more, False
    if "items" in schema:
        yield f"{prefix}[]", schema["items"], False
    for branch in schema.get("allOf", ()):
        then = branch.get("then", {})
        if str(_resolved(then).get("type")) in {"object", "array"}:
            yield from _inside(then, prefix)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return _DEFINITIONS.get(name, {}) if name else schema


def _pattern(pattern: str) -> str:
    return {"^stage:": "stage:NAME", "^custom\\.": "custom.NAME"}.get(pattern.partition("[")[0], "NAME")


def _said(schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    if name == "condition":
        return "a [condition](#conditions)"
    if name in {"ticket", "expect", "clock"}:
        return f"[{_resolved(schema)['description']}](#{name})"
    found = _resolved(schema)
    said = str(found.get("description") or "anything")
    return "a name" if said == NAME_WORDS else said


# ---------------------------------------------------------------- fields and operators


def _fields() -> str:
    lines = ["### Fields\n", "| field | holds | words |", "|---|---|---|"]
    for field in Vocabulary(stages=()).fields.values():
        words = {"source": "the connections of the site", "links": "the connections of the site"}.get(field.name)
        words = words or {"stage": "the stages of the site"}.get(field.name) or ", ".join(field.words)
        lines.append(f"| `{field.name}` | {_TYPES.get(field.type, str(field.type))} | {_cell(words)} |")
    lines.append(f"| `custom.NAME` | {_TYPES[FieldType.ANY]} | |")
    return "\n".join(lines) + "\n"


def _operators() -> str:
    lines = ["### Operators\n", "| operator | for |", "|---|---|"]
    for operator in OPERATORS.values():
        known = [_TYPES.get(each, str(each)) for each in FieldType if each in operator.types]
        missing = [_TYPES.get(each, str(each)) for each in FieldType if each not in operator.types]
        every = f"all but {', '.join(missing)}" if missing and len(missing) < len(known) else ", ".join(known)
        lines.append(f"| `{operator.name}` | {every if missing else 'all'} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def connectors_page() -> str:
    """Return the capability matrix of the connectors: what each says in its spec."""
    specs = [registry.load(BUILT_INS, ()).plugin(name).spec for name in BUILT_INS]
    specs.sort(key=lambda spec: spec.title.lower())
    if unsaid := _unsaid(specs):
        raise SystemExit("\n".join(unsaid))
    said = {spec.name: dict(facts(spec)) for spec in specs}
    shown = list(said[specs[0].name])
    parts = [_MATRIX]
    for title, names in (
        ("What is written", shown[: shown.index("reads")]),
        ("What is known", shown[shown.index("reads") :]),
    ):
        rows = [["desk", *names], ["---"] * (len(names) + 1)]
        rows += [[f"[{spec.title}]({spec.name}.md)", *(said[spec.name][name] for name in names)] for spec in specs]
        parts += [f"## {title}\n", *map(_row, rows), ""]
    parts += [*_mechanisms(specs), "", *_edges(specs), ""]
    parts.append("## What each lacks\n")
    parts.append("What a desk does not have, with the reason; the suite holds each connector to it.\n")
    for spec in specs:
        claimed = yaml.safe_load((CONNECTORS / spec.name / "quality.yaml").read_text(encoding="utf-8"))
        lines = [f"  - {LACKS[what]}: {reason}" for what, reason in (claimed.get("lacks") or {}).items()]
        proof = f"[its claims](../../connectors/{spec.name}/quality.yaml)"
        parts += [f"- {spec.title} ({proof}){':' if lines else ''}", *lines]
    return "\n".join((*parts, ""))


def _unsaid(specs: Sequence[ConnectorSpec]) -> list[str]:
    """Return which connectors do not say by what they are sure of their desk, and what it tells; one of ours has to."""
    found = []
    for spec in specs:
        path = CONNECTORS / spec.name / "quality.yaml"
        claimed = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
        faults = mechanism_faults(claimed) if "mechanisms" in claimed else ["it has no section `mechanisms`"]
        faults += life_faults(spec, claimed) if "life" in claimed or is_channel(spec) else ["it has no section `life`"]
        where = f"connectors/{spec.name}/quality.yaml"
        found += [f"{where}: {each} (docs/connectors/conformance.md says what stands there)" for each in faults]
    return found


def _mechanisms(specs: Sequence[ConnectorSpec]) -> Iterator[str]:
    """Yield the table of what the desks give to be sure by, and what the connectors therefore use."""
    yield "## By what means\n"
    yield "What a desk has is used; a dash: it has none, and its quality.yaml says why.\n"
    names = list(MECHANISMS)
    yield _row(["desk", *(name.replace("_", " ") for name in names)])
    yield _row(["---"] * (len(names) + 1))
    for spec in specs:
        claimed = yaml.safe_load((CONNECTORS / spec.name / "quality.yaml").read_text(encoding="utf-8"))
        cells = [
            "–" if "lacks" in claimed["mechanisms"][name] else claimed["mechanisms"][name]["claim"] for name in names
        ]
        yield _row([f"[{spec.title}]({spec.name}.md)", *cells])


def _edges(specs: Sequence[ConnectorSpec]) -> Iterator[str]:
    """Yield the table of how each desk tells what becomes of a ticket, and why others do not."""
    yield "## What becomes of tickets\n"
    yield "How a desk says it; [edges](../edges.md) says what the gateway then does. In brackets: the ways by which it"
    yield "is told, to which the conformance suite holds the connector. `read` is when the ticket is read, because"
    yield "something else is heard of it or is to be written there."
    yield "A dash: below the table stands why.\n"
    names, missing = list(EDGES), list[str]()
    yield _row(["desk", *names])
    yield _row(["---"] * (len(names) + 1))
    for spec in specs:
        claimed = yaml.safe_load((CONNECTORS / spec.name / "quality.yaml").read_text(encoding="utf-8")).get("life")
        if is_channel(spec):
            continue
        yield _row([f"[{spec.title}]({spec.name}.md)", *(_edge(claimed[name]) for name in names)])
        lacking = [f"{name}: {claimed[name]['lacks']}" for name in names if "lacks" in claimed[name]]
        missing += [f"- {spec.title}: {'; '.join(lacking)}"] if lacking else []
    yield from ("", *missing)


def _edge(claimed: Mapping[str, Any]) -> str:
    if "lacks" in claimed:
        return "–"
    told = claimed.get("told")
    return f"{claimed['claim']} ({', '.join(told)})" if told else str(claimed["claim"])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell_of(cell) for cell in cells) + " |"


def _cell_of(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write the pages, or say whether they are up to date."""
    late = []
    for path, text in ((PAGE, page()), (MATRIX, connectors_page())):
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            late.append(path.name)
    if late:
        print(f"{', '.join(late)}: not up to date: make reference", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
