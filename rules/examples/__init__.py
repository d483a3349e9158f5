"""Sites that come with the gateway: `starter` for `gateway init`, `demo` for `gateway demo`, one that follows the sun.

The one place in `rules` that reads files: its own package data.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

NAMES = ("starter", "demo", "follow-the-sun")


def example(name: str) -> dict[str, str]:
    """Return the files of an example site (name below the site's folder -> text); raises KeyError for another name."""
    if name not in NAMES:
        raise KeyError(name)
    found: dict[str, str] = {}
    _collect(files(__name__) / name, "", found)
    return dict(sorted(found.items()))


def _collect(folder: Traversable, prefix: str, found: dict[str, str]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif entry.name.endswith((".yaml", ".md", ".example")):
            found[prefix + entry.name] = entry.read_text(encoding="utf-8")
