"""The commands of `bloctel`, put together."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bloctel._version import __version__
from bloctel.cli.options.common import RulesOption
from bloctel.errors import BloctelError, CannotAnswerError

__all__ = ["app"]


#: Both click and typer's own copy of it have this class, under different names.
_UsageError: Any = typer.BadParameter.__mro__[1]
_NUMBER = re.compile(r"\d(?:[\s.\-/()]*\d){5,}")


#: The commands in the order of the help, the module of each, and what it is there.
_COMMANDS: Final = {
    "check": ("check", "check"),
    "may-call": ("may_call", "may_call"),
    "audit": ("audit", "audit"),
    "scrub": ("scrub", "scrub"),
    "countries": ("countries", "countries_command"),
    "answers": ("answers", "app"),
    "calls": ("calls", "app"),
    "complaint": ("complaint", "app"),
    "consent": ("consent", "app"),
    "receipt": ("receipt", "app"),
    "registry": ("registry", "app"),
    "snapshot": ("snapshot", "app"),
}
#: Groups of commands that use lists.  They have the option --rules, as all commands
#: with --against.
_OF_LISTS: Final = ("answers", "registry", "snapshot")


def _load(name: str) -> Any:
    """Return a command, which is imported only now: few need more than one."""
    module, attribute = _COMMANDS[name]
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    holder = typer.Typer(rich_markup_mode=None)
    holder.callback()(lambda: None)  # so that one command makes a group as well
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    group: Any = typer.main.get_command(holder)
    return group.commands[name]


def _rules_option() -> Any:
    """Return the option --rules, which no command has as a parameter."""
    holder = typer.Typer(add_completion=False)

    @holder.command()
    def command(rules: RulesOption = None) -> None: ...

    [option] = typer.main.get_command(holder).params
    option.expose_value = False
    return option


class _Commands(TyperGroup):
    """Commands whose errors are one sentence and an exit code, not a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command whose help shows examples line by line, to be copied."""
        command = _load(cmd_name) if cmd_name in _COMMANDS else None
        parts = getattr(command, "commands", {}).values() or [command]
        for each in (command, *parts):
            if each and each.help and "\b" not in each.help:
                each.help = each.help.replace("\nExample:\n", "\n\b\nExample:\n")
        for each in filter(None, parts):
            names = {param.name for param in each.params}
            if cmd_name in _OF_LISTS or "against" in names:
                each.params.append(_rules_option())
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BloctelError as error:
            typer.echo(f"bloctel: {error}", err=True)
            raise typer.Exit(3 if isinstance(error, CannotAnswerError) else 2) from None
        except _UsageError as error:
            # click repeats what was typed: digits of a number, if it was not quoted
            error.message = _NUMBER.sub("(digits)", error.message)
            raise
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # whoever read our output has gone: neither "done" nor worth a message
            _drop_output()
            raise typer.Exit(141) from None
        except OSError as error:
            _drop_output()
            place = f" - at {error.filename}" if error.filename else ""
            typer.echo(
                f"bloctel: expected a system that reads and writes, "
                f"got {error.strerror}{place}",
                err=True,
            )
            raise typer.Exit(3) from None


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that Python's end does not stumble."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    name="bloctel",
    cls=_Commands,
    help="Know, before you dial, whether a phone number may be disturbed.\n\n"
    "'clear' means: on none of the lists asked, on that day.  It never means that "
    "the number may be called; since 11 August 2026 France requires prior consent.",
    epilog="Exit codes: 0 done or clear, 1 blocked (of receipts: something differs, or "
    "is due; of calls: not lawful), 2 wrong usage or bad input, 3 no trustworthy "
    "answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
