"""`gateway init`: a folder to start a site from. It never overwrites anything."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gateway.errors import ConfigError
from rules.examples import NAMES, example

_IGNORE = ".gateway/\n.env\n"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--demo", is_flag=True, help="The rules and connections of gateway demo instead of the starter.")
@click.option("--example", "chosen", type=click.Choice(NAMES), help="The site of that name instead.")
def init(directory: Path, demo: bool, chosen: str | None) -> None:
    """Make a folder to start a site from.

    Writes gateway.yaml, rules/, .gitignore and .env.example. A file that is there already is an error, and nothing is
    written.
    """
    if demo and chosen is not None:
        raise click.UsageError("--demo and --example exclude each other")
    wanted = dict(example(chosen or ("demo" if demo else "starter")))
    wanted.setdefault(".gitignore", _IGNORE)
    names = sorted({name for text in wanted.values() for name in _VARIABLE.findall(text)} - {"NAME"})
    wanted.setdefault(".env.example", "".join(f"{name}=\n" for name in names))
    taken = [name for name in wanted if (directory / name).exists() or (directory / name).is_symlink()]
    if taken:
        raise ConfigError(f"{directory} has {', '.join(sorted(taken))} already, and nothing is overwritten")
    try:
        for name, text in wanted.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(f"{error.filename or directory} cannot be written: {error.strerror or error}") from error
    for each in sorted(wanted):
        click.echo(f"  {directory / each}")
    click.echo(
        f"""
Next:
  cd {directory}
  put your desks into gateway.yaml, and their secrets into the environment (.env.example lists the variables)
  gateway check               says what is wrong, with file, line and column
  gateway connections test    tries every desk
  gateway up                  runs it"""
    )
