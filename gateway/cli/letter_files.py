"""`gateway dead-letters export`: dead letters as JSON lines, for other programs and for `import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

import click
import msgspec

from gateway.cli.bench import Bench, bench
from gateway.cli.choosing import Choice, choosing
from gateway.cli.letter import letter_documents
from gateway.cli.site import SiteChoice, pass_site
from gateway.errors import GatewayError

PAGE = 500


@click.command()
@choosing()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file, not to stdout.")
@click.option("--attempts", is_flag=True, help="With every attempt, its request and its answer.")
@pass_site
def export(site: SiteChoice, choice: Choice, *, output: Path | None, attempts: bool) -> None:
    """Write dead letters as JSON lines, one a line, with what each wants.

    They hold what people wrote. A file is made for its owner only. `import` takes such lines back, with what is to be
    done.
    """
    with bench(site) as here:
        if output is None:
            number = _export(here, choice, sys.stdout, attempts=attempts)
        else:
            try:
                output.touch(mode=0o600)
                with output.open("w", encoding="utf-8") as file:
                    number = _export(here, choice, file, attempts=attempts)
            except OSError as error:
                # a pipe that somebody closes is none of ours to explain, a file is
                why = error.strerror or error
                raise FileError(f"{output} cannot be written: {why}; choose another --output") from None
    click.echo(f"{number} dead letters" if number != 1 else "1 dead letter", err=True)


def _export(here: Bench, choice: Choice, file: TextIO, *, attempts: bool) -> int:
    number = 0
    with here.gateway.store.read() as tx:
        for page in tx.letters.pages(here.filter(tx, choice), PAGE):
            for document in letter_documents(tx, page, attempts=attempts):
                file.write(msgspec.json.encode(here.redactor.value(document)).decode() + "\n")
                number += 1
    return number


class FileError(GatewayError):
    """A file that a person named cannot be used; the text says which, and why."""

    exit_code = 2
