"""A click group that imports a command when it is used, and ends every failure with one clear line.

Exit codes are part of the contract: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 130 interrupted; an
error of ours brings its own.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import click

from gateway.cli.site import SiteChoice
from gateway.errors import GatewayError
from gateway.telemetry import JsonFormatter, current_trace, new_trace_id, traced

INTERRUPTED = 130
_LOG = "errors.log"


class LazyGroup(click.Group):
    """`commands_at` maps a name to (module:attribute, help line); `hidden_at` maps those that the help leaves out."""

    def __init__(
        self,
        *args: Any,
        commands_at: Mapping[str, tuple[str, str]],
        hidden_at: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = commands_at
        self._hidden_at = hidden_at or {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name every command that a person may use."""
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command."""
        known = {name: where for name, (where, _) in self._commands_at.items()} | dict(self._hidden_at)
        if cmd_name not in known:
            return None
        module, _, attribute = known[cmd_name].partition(":")
        command: click.Command = getattr(imported(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._commands_at.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what nobody foresaw goes into a file, not onto the screen."""
        try:
            return super().invoke(ctx)
        except (GatewayError, click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            raise DefectError(_record(ctx, error)) from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 - click's signature
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command, and end the process with its exit code."""
        _open_streams()
        with traced(new_trace_id(os.urandom(16))):
            try:
                _require_text(sys.argv[1:] if args is None else args)
                code = super().main(
                    args,
                    prog_name or "gateway",
                    complete_var,
                    standalone_mode=False,
                    windows_expand_args=windows_expand_args,
                    **extra,
                )
                sys.exit(code if isinstance(code, int) else 0)
            except click.ClickException as error:
                error.show()
                sys.exit(error.exit_code)
            except (KeyboardInterrupt, click.Abort):
                _fail("interrupted", INTERRUPTED)
            except GatewayError as error:
                _fail(str(error), error.exit_code)


def imported(name: str) -> ModuleType:
    """Import a module without the garbage collector, which would look for what an import never leaves: garbage."""
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


class DefectError(GatewayError):
    """Something that should not happen did; the text says where its traceback is."""


def _require_text(words: Sequence[str]) -> None:
    """Raise UsageError for a word that is no UTF-8: no database takes it, and no terminal shows it."""
    for number, word in enumerate(words, 1):
        if any("\ud800" <= sign <= "\udfff" for sign in word):
            shown = word.encode("utf-8", "replace").decode()
            msg = f"word {number} of the command is not UTF-8: '{shown[:60]}'; write it in UTF-8"
            raise click.UsageError(msg)


def _open_streams() -> None:
    """Put nothing in the place of a standard stream that is closed, or the next file that is opened would be there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            found = os.open(os.devnull, os.O_RDWR)
            if found != number:
                os.dup2(found, number)
                os.close(found)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _record(ctx: click.Context, error: Exception) -> str:
    """Write the traceback to a file, redacted, and return the line that tells where."""
    site = ctx.obj if isinstance(ctx.obj, SiteChoice) else SiteChoice(None)
    info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("gateway.cli", logging.ERROR, __file__, 0, "unexpected error", (), info)
    path = Path(tempfile.gettempdir()) / f"gateway-{os.getuid()}-{_LOG}"
    with contextlib.suppress(GatewayError, OSError):
        path = site.state / _LOG
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8") as file:
            file.write(JsonFormatter(site.redactor).format(record) + "\n")
    except OSError as trouble:
        return (
            f"an unexpected {type(error).__name__} (trace {current_trace()}), and {path} cannot be written: {trouble}"
        )
    return f"an unexpected {type(error).__name__} (trace {current_trace()}); the details are in {path}"


def _fail(line: str, code: int) -> NoReturn:
    click.echo(f"gateway: {line}", err=True)
    sys.exit(code)
