"""The commands of `bloctel`, put together."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bloctel import __version__
from bloctel.cli import check, registry, scrub, snapshot
from bloctel.errors import BloctelError, CannotAnswerError

__all__ = ["app"]


class _Commands(TyperGroup):
    """Commands whose errors are one sentence and an exit code, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BloctelError as error:
            typer.echo(f"bloctel: {error}", err=True)
            raise typer.Exit(3 if isinstance(error, CannotAnswerError) else 2) from None
        except BrokenPipeError:
            # whoever read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


app = typer.Typer(
    name="bloctel",
    cls=_Commands,
    help="Know, before you dial, whether a phone number may be disturbed.\n\n"
    "'clear' means: on none of the lists asked, on that day.  It never means that "
    "the number may be called; since 11 August 2026 France requires prior consent.",
    epilog="Exit codes: 0 done or clear, 1 blocked, 2 wrong usage or bad input, "
    "3 no trustworthy answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(check.check)
app.command("scrub")(scrub.scrub)
app.add_typer(registry.app, name="registry")
app.add_typer(snapshot.app, name="snapshot")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"bloctel {__version__}")
        raise typer.Exit


@app.callback()
def bloctel(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Know, before you dial, whether a phone number may be disturbed."""
