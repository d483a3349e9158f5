"""The files of the project, as the house tests see them."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Folders of tools and of running gateways; whatever else begins with a dot is left out too, except what is ours.
_NOT_OURS = {"__pycache__", "build", "dist", "demo-site", "node_modules"}
_OURS_WITH_A_DOT = {".ci", ".env.example", ".editorconfig", ".gitignore", ".pre-commit-config.yaml"}


def files(*suffixes: str, under: str = ".") -> Iterator[Path]:
    """Yield the project's files in `under`, with one of `suffixes` if any are given."""
    folder = ROOT / under
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = path.name
        if name in _NOT_OURS or (name.startswith(".") and name not in _OURS_WITH_A_DOT) or path.is_symlink():
            continue
        if path.is_dir():
            yield from files(*suffixes, under=str(path.relative_to(ROOT)))
        elif not suffixes or path.suffix in suffixes:
            yield path


def relative(path: Path) -> str:
    """Name a file as a person would."""
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    """Return the text of a file; empty for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
