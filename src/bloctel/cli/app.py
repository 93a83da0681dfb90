"""Commands of `bloctel`, and the exit codes of their errors."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from bloctel._version import __version__
from bloctel.cli import options
from bloctel.cli.options import option
from bloctel.errors import BloctelError, CannotAnswerError, without_password

#: The base class of all errors about arguments; typer does not export this class.
_UsageError: Any = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError"
)
#: The message about an argument such as -33639981234, which looks like an option.
_NEGATIVE: Final = re.compile(r"No such option:? '?-\d")
_NUMBER: Final = re.compile(r"\d(?:[\s.\-/()]*\d){5,}")

#: Names of the commands, in the order of the help.  Each value is the name of an object
#: in the module of the command: a function, or a group of commands.
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
#: Groups of commands that have the option --rules without the option --against.
_OF_LISTS: Final = ("answers", "registry", "snapshot")
_STREAMS: Final = {"<stdout>": "standard output", "<stderr>": "standard error"}


def _load(name: str) -> Any:
    """Import and return one command, because an import of all commands takes longer."""
    module = import_module(f"{__package__}.{name.replace('-', '_')}")
    command = getattr(module, _COMMANDS[name])
    parent = typer.Typer(rich_markup_mode=None)
    parent.callback()(lambda: None)  # so typer makes a group, even of one command
    if isinstance(command, typer.Typer):
        parent.add_typer(command, name=name)
    else:
        parent.command(name)(command)
    group: Any = typer.main.get_command(parent)
    return group.commands[name]


def _rules_option() -> Any:
    """Return the option --rules.  Typer calls its callback, which reads the files."""
    parent = typer.Typer(add_completion=False)

    @parent.command()
    def command(rules: list[Path] | None = options.RULES) -> None: ...

    [option] = typer.main.get_command(parent).params
    option.expose_value = False
    return option


#: The words of the command that ran, such as `registry` and `create`.
_words_run: list[str] = []


def _record_run(command: Any, words: list[str]) -> None:
    """Make a command record its name when it runs, and refuse to overwrite an input."""
    function = command.callback

    def run(**arguments: Any) -> Any:
        _words_run[:] = words
        options.refuse_replacing(command.params, arguments)
        return function(**arguments)

    command.callback = run


def ran_as_written(arguments: list[str]) -> bool:
    """Return True if the command at the beginning of these arguments ran.

    A faulty version of typer could misread the arguments, print the version and exit
    with 0, which means "clear".  This check detects such a fault.
    """
    words = len(_words_run)
    return words > 0 and arguments[:words] == _words_run


class _Commands(TyperGroup):
    """Group of commands that prints errors as sentences and sets the exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; its help keeps the line breaks of the examples."""
        options.forget_files()
        command = _load(cmd_name) if cmd_name in _COMMANDS else None
        parts = getattr(command, "commands", {}).values() or [command]
        for each in (command, *parts):
            if each and each.help and "\b" not in each.help:
                each.help = each.help.replace("\nExample:\n", "\n\b\nExample:\n")
        for each in filter(None, parts):
            _record_run(each, [cmd_name] if each is command else [cmd_name, each.name])
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
            if _NEGATIVE.match(error.message):
                error.message = (
                    "a phone number does not begin with a minus: write the digits, or "
                    "a plus and the country code"
                )
            # the message repeats arguments, which can be phone numbers or URLs
            error.message = without_password(_NUMBER.sub("(digits)", error.message))
            # typer begins some messages with the name of a Python error
            error.message = error.message.removeprefix("Value error, ")
            raise
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # the program that reads the output has ended, so no message is written
            _discard_output()
            raise typer.Exit(141) from None
        except OSError as error:
            _discard_output()
            typer.echo(f"bloctel: {_io_error(error)}", err=True)
            raise typer.Exit(3) from None


def _io_error(error: OSError) -> str:
    """Return a sentence about an I/O error, with the path if it is known."""
    reason = error.strerror or str(error) or "unknown"
    path = without_password(str(error.filename or ""))
    where = f" ({_STREAMS.get(path, path)})" if path else ""
    return f"I/O error: {reason[0].lower()}{reason[1:]}{where}"


def _discard_output() -> None:
    """Redirect buffered output to the null device, so that no flush fails at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    name="bloctel",
    cls=_Commands,
    help="Check before a call whether a phone number is on an opposition list.\n\n"
    "'clear' means that the number is on none of the requested lists on the given day."
    "  It never means that the number may be called: since 11 August 2026, France "
    "requires prior consent.",
    epilog="Exit codes: 0 done or clear, 1 blocked (for receipts: a difference, or a "
    "file to scrub again; for calls: not lawful), 2 wrong usage or invalid input, 3 no "
    "reliable answer.",
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
    version: bool = option(
        "--version", "Show the version.", False, callback=_print_version, is_eager=True
    ),
) -> None:
    """Check before a call whether a phone number is on an opposition list."""
