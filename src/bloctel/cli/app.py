"""Commands of `bloctel`, and the exit codes of their errors."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bloctel._version import __version__
from bloctel.cli.options.common import RulesOption, option
from bloctel.errors import BloctelError, CannotAnswerError

__all__ = ["app"]

#: The class of click that reports wrong arguments. Newer versions of typer contain a
#: copy of click, so it is found as the base class of one that typer exports.
_UsageError: Any = typer.BadParameter.__mro__[1]
_NUMBER: Final = re.compile(r"\d(?:[\s.\-/()]*\d){5,}")

#: Names of the commands, in the order of the help, with the function or the group in
#: the module of the command.
_COMMANDS: Final = {
    "check": "check",
    "may-call": "may_call",
    "audit": "audit",
    "scrub": "scrub",
    "countries": "countries_command",
    "answers": "app",
    "calls": "app",
    "complaint": "app",
    "consent": "app",
    "receipt": "app",
    "registry": "app",
    "snapshot": "app",
}
#: Groups of commands that use lists.  They have the option --rules, as all commands
#: with --against.
_OF_LISTS: Final = ("answers", "registry", "snapshot")
_STREAMS: Final = {"<stdout>": "standard output", "<stderr>": "standard error"}


def _load(name: str) -> Any:
    """Import a command: a run needs only one of them."""
    module = import_module(f"{__package__}.{name.replace('-', '_')}")
    command = getattr(module, _COMMANDS[name])
    parent = typer.Typer(rich_markup_mode=None)
    parent.callback()(lambda: None)  # so that a single command makes a group as well
    if isinstance(command, typer.Typer):
        parent.add_typer(command, name=name)
    else:
        parent.command(name)(command)
    group: Any = typer.main.get_command(parent)
    return group.commands[name]


def _rules_option() -> Any:
    """Return the option --rules, which no command has as a parameter."""
    parent = typer.Typer(add_completion=False)

    @parent.command()
    def command(rules: RulesOption = None) -> None: ...

    [option] = typer.main.get_command(parent).params
    option.expose_value = False
    return option


class _Commands(TyperGroup):
    """Group of commands whose errors are a sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; its help shows examples on lines that can be copied."""
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
        """Run the command, and turn its errors into messages and exit codes."""
        try:
            return super().invoke(ctx)
        except BloctelError as error:
            typer.echo(f"bloctel: {error}", err=True)
            raise typer.Exit(3 if isinstance(error, CannotAnswerError) else 2) from None
        except _UsageError as error:
            # the message repeats arguments: hide what can be a phone number
            error.message = _NUMBER.sub("(digits)", error.message)
            raise
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # the reader of the output has ended: not a success, and needs no message
            _discard_output()
            raise typer.Exit(141) from None
        except OSError as error:
            _discard_output()
            typer.echo(f"bloctel: {_io_error(error)}", err=True)
            raise typer.Exit(3) from None


def _io_error(error: OSError) -> str:
    """Return a sentence about an I/O error, with the path if it is known."""
    reason = error.strerror or str(error) or "unknown"
    path = str(error.filename or "")
    where = f" ({_STREAMS.get(path, path)})" if path else ""
    return f"I/O error: {reason[0].lower()}{reason[1:]}{where}"


def _discard_output() -> None:
    """Redirect buffered output to the null device: a flush at exit must not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    name="bloctel",
    cls=_Commands,
    help="Check before a call whether a phone number is on an opposition list.\n\n"
    "'clear' means: on none of the requested lists, on that day.  It never means that "
    "the number may be called: since 11 August 2026, France requires prior consent.",
    epilog="Exit codes: 0 done or clear, 1 blocked (of receipts: something differs, or "
    "is due; of calls: not lawful), 2 wrong usage or invalid input, 3 no reliable "
    "answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"bloctel {__version__}")
        raise typer.Exit


@app.callback()
def bloctel(
    version: Annotated[
        bool,
        option(
            "--version", "Show the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Check before a call whether a phone number is on an opposition list."""
