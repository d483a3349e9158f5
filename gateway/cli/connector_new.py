"""`gateway connectors new`: a package to begin a connector from. It never overwrites anything."""

from __future__ import annotations

import keyword
import re
from importlib.util import find_spec
from pathlib import Path

import click

from connectors import registry
from connectors.scaffold import package
from gateway.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 30


@click.command()
@click.argument("name")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where its folder is to be. Default: the current folder.",
)
def new(name: str, directory: Path) -> None:
    """Begin a connector: a package of its own with tests that fail until it is written.

    NAME stands in gateway.yaml as `connector: NAME`, and is the name of its Python package: lower-case letters, digits
    and single underscores. A folder that is there already is an error, and nothing is written.
    """
    _refuse(name)
    folder = directory / name.replace("_", "-")
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} is there already, and nothing is overwritten")
    try:
        for path, text in package(name).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as writing:
                writing.write(text)
            click.echo(f"  {file}")
    except OSError as error:
        raise ConfigError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from error
    click.echo(
        f"""
Next:
  cd {folder}
  pip install "pytest>=9"     once, beside the gateway
  pytest                      fails: each test says which step of docs/connectors/README.md fills what it needs
  gateway connectors check .  says what is still to be written
  pip install .               when both are content: `connector: {name}` can stand in gateway.yaml"""
    )


def _refuse(name: str) -> None:
    """Raise ConfigError for a name that a connector cannot have."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a connector: {LONGEST} lower-case letters, digits and single underscores "
            "at most, a letter first, and no word of Python"
        )
    if name in registry.load().plugins:
        raise ConfigError(f"there is a connector {name!r} already: take another name")
    if find_spec(name) is not None:
        raise ConfigError(f"a Python package {name!r} is there already, which it would hide: take another name")
