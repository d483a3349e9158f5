"""The codes of the source: read from it, so that none is forgotten."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: where problems of a site's files come from
PLACES = ("rules", "gateway/domain")
MAKERS = {"error", "warning", "problem", "complain", "stop", "Problem", "OperandError", "fault", "Fault"}
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def in_source() -> set[str]:
    """Return every code that is given to a problem somewhere."""
    found: set[str] = set()
    for place in PLACES:
        for path in (ROOT / place).rglob("*.py"):
            if path.name == "codes.py":
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if name in MAKERS:
                        found |= set(_words(node))
    return found


def _words(call: ast.Call) -> list[str]:
    given = [*call.args, *(each.value for each in call.keywords)]
    texts = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return [text for text in texts if CODE.fullmatch(text)]
