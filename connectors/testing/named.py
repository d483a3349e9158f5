"""The tests that a quality.yaml names, looked up in the files where they are written: nothing is imported or run.

A test is a function `test_*` of a module, or of a class or of what the class inherits from, as pytest would find it.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec


class _Class(msgspec.Struct, frozen=True):
    bases: tuple[str, ...]
    tests: frozenset[str]


class _Module(msgspec.Struct, frozen=True):
    #: the path in parts, so that `tests/test_x.py` finds the file wherever the folder lies
    place: tuple[str, ...]
    tests: frozenset[str]
    classes: dict[str, _Class]


class WrittenTests:
    """All tests in some folders."""

    def __init__(self, *folders: Path) -> None:
        paths = sorted({path for folder in folders for path in folder.rglob("*.py")})
        self._modules = [_read(path, path.stat().st_mtime_ns) for path in paths]

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return any(each.tests or each.classes for each in self._modules)

    def has(self, name: str) -> bool:
        """Say whether a test is there: `path/test_x.py::TestX::test_y[case]`, `TestX.test_y` or `test_y` alone.

        What is named before the function is to be there, too: the class has it, or one that it inherits from; and the
        file has the class. Without a file, any file will do.
        """
        path, owner, function = _parts(name)
        if not function.startswith("test_"):
            return False
        found = [each for each in self._modules if not path or each.place[-len(path) :] == path]
        if owner:
            return any(owner in each.classes and self._inherits(each, owner, function) for each in found)
        if path:
            return any(function in each.tests for each in found)
        return any(function in tests for each in found for tests in _all(each))

    def _inherits(self, module: _Module, owner: str, function: str) -> bool:
        """Say whether a class has a test; a base is looked for in its own module first, then in all."""
        waiting, seen = [(module, owner)], set[tuple[tuple[str, ...], str]]()
        while waiting:
            module, owner = waiting.pop()
            if (module.place, owner) in seen:
                continue
            seen.add((module.place, owner))
            known = module.classes[owner]
            if function in known.tests:
                return True
            for base in known.bases:
                near = [module] if base in module.classes and base != owner else self._modules
                waiting += [(each, base) for each in near if base in each.classes]
        return False


def _parts(name: str) -> tuple[tuple[str, ...], str, str]:
    """Take the name of a test apart: the parts of its file, its class and its function."""
    bare = name.partition("[")[0]
    path, dot, rest = bare.partition(".py")
    names = re.split(r"::|\.", (rest if dot else bare).strip(":."))
    return Path(f"{path}.py").parts if dot else (), names[-2] if len(names) > 1 else "", names[-1]


def _all(module: _Module) -> Iterator[frozenset[str]]:
    yield module.tests
    yield from (each.tests for each in module.classes.values())


@functools.lru_cache(maxsize=4096)
def _read(path: Path, _changed: int) -> _Module:
    """Return the tests of a file; many connectors name tests of the same folders."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    #: `from x import Whole as Other`: a base that is named `Other` here is `Whole` where it is written
    real = {
        alias.asname: alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    classes = {
        node.name: _Class(
            tuple(real.get(name, name) for base in node.bases if (name := _last(base))), _functions(node.body)
        )
        for node in nodes
        if isinstance(node, ast.ClassDef)
    }
    return _Module(path.parts, _functions(tree.body), classes)


def _last(base: ast.expr) -> str:
    """Return the name of a base class without its module and its parameters."""
    inner = base.value if isinstance(base, ast.Subscript) else base
    return inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""


def _functions(body: list[ast.stmt]) -> frozenset[str]:
    return frozenset(
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )
