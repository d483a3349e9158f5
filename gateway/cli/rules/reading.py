"""Reads the rules of a site's folder for the commands about rules: no record, no secret and no desk is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from connectors import registry
from gateway.cli.tables import block, write_json
from gateway.config import read_site
from gateway.errors import ConfigError
from gateway.extensions import installed
from gateway.ports import ConnectorSpec
from rules import GATEWAY_FILE, Problem, Site, load_site
from rules.site import NO_COPIES
from rules.source import ROTA_SUFFIX
from rules.yaml12 import MAX_BYTES


class Read(msgspec.Struct, frozen=True):
    """A site, read from its folder."""

    site: Site
    specs: Mapping[str, ConnectorSpec]
    warnings: tuple[Problem, ...]


def read_files(folder: Path, *, as_json: bool = False, copies: Mapping[str, str] = NO_COPIES) -> Read:
    """Read a site, with `copies` of its feeds; where it has an error, show every error and end with 2."""
    return _loaded(read_site(folder), as_json=as_json, copies=copies)


def read_candidate(folder: Path, rules: Path, *, as_json: bool = False) -> Read:
    """Read the rules in another folder: a whole site, or the files of a `rules` folder beside this gateway.yaml."""
    if (rules / GATEWAY_FILE).is_file():
        return read_files(rules, as_json=as_json)
    kinds = {".yaml", ".yml", ROTA_SUFFIX}
    files = {f"rules/{path.name}": text_of(path) for path in sorted(rules.iterdir()) if path.suffix in kinds}
    if not files:
        raise ConfigError(f"{rules} holds neither a {GATEWAY_FILE} nor files of rules (*.yaml)")
    return _loaded({GATEWAY_FILE: text_of(folder / GATEWAY_FILE), **files}, as_json=as_json)


def _loaded(files: Mapping[str, str], *, as_json: bool, copies: Mapping[str, str] = NO_COPIES) -> Read:
    specs = registry.load().specs
    site, problems = load_site(files, specs, extensions=installed(), copies=copies)
    if site is None:
        show([problem for problem in problems if problem.is_error], as_json=as_json)
        sys.exit(2)
    return Read(site, specs, problems)


def show(problems: Sequence[Problem], *, as_json: bool = False) -> None:
    """Write what is wrong."""
    if as_json:
        write_json({"problems": [problem.as_json() for problem in problems]})
        return
    for problem in problems:
        click.echo(f"{block(problem.text)}\n", err=True)


def text_of(path: Path) -> str:
    """Return the text of a file; raises ConfigError when it cannot be read, or is far too long."""
    try:
        with path.open("rb") as file:
            return file.read(4 * MAX_BYTES).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8: save it as such") from None
