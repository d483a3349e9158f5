"""The package that `gateway connectors new` writes: whole in its shape, and to be filled step by step.

Each function that is still to be written raises NotImplementedError with the step of docs/connectors/README.md that is
about it, so that the conformance suite fails with these words and not while it is collected.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

#: of every file here: they are no modules of ours
ENDING = ".template"


def package(name: str) -> dict[str, str]:
    """Return the files of a package for the connector `name` (path below its folder -> text)."""
    title = " ".join(word.capitalize() for word in name.split("_"))
    words = {"@NAME@": name, "@TITLE@": title, "@CLASS@": title.replace(" ", ""), "@PROJECT@": name.replace("_", "-")}
    found: dict[str, str] = {}
    _collect(files(__name__) / "files", "", found)
    return {
        path.replace("package/", f"{name}/", 1) if path.startswith("package/") else path: _filled(text, words)
        for path, text in sorted(found.items())
    }


def _filled(text: str, words: dict[str, str]) -> str:
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _collect(folder: Traversable, prefix: str, found: dict[str, str]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif entry.name.endswith(ENDING):
            found[prefix + entry.name.removesuffix(ENDING)] = entry.read_text(encoding="utf-8")
