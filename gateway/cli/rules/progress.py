"""How far a simulation is, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def bar(length: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how far it is, where a person looks; the value is told the place that is reached."""
    if quiet or not sys.stderr.isatty():
        yield lambda _place: None
        return
    with click.progressbar(length=length, label="simulating", file=sys.stderr, show_eta=True) as shown:
        yield lambda place: shown.update(place - shown.pos)
