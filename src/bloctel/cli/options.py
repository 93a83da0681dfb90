"""Options and arguments that several commands share."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from inspect import Parameter, Signature, signature
from typing import Any, Final, TypeAlias, TypeVar, get_type_hints

import typer

from bloctel import rules
from bloctel._util.instants import read_instant
from bloctel._util.protected_files import files_in_use, protect
from bloctel._util.raising import raise_alone
from bloctel._util.whole_files import read_file
from bloctel.errors import InputError
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.scrub.opposition_source import files_read
from bloctel.tabular.outputs import Target, refuse_clashes

_F = TypeVar("_F", bound=Callable[..., Any])
#: Parameters of a command by name, each with its type and its default.
Parameters = dict[str, tuple[Any, Any]]

#: Name of a column (str) or its number from 1 (int); typer accepts no union of types.
Column: TypeAlias = Any

#: A text with more digits than this is the name of a column, not its number.
_COLUMN_DIGITS = 9


class Format(StrEnum):
    """Format of printed data."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Language(StrEnum):
    """Language of a text for people."""

    EN = "en"
    FR = "fr"


def option(usage: str, help: str, default: object = None, **settings: Any) -> Any:
    """Return an option; *usage* is its name and its value, such as `--output FILE`.

    Days, instants and columns are parsed here; typer parses values of other types.  If
    the default is a member of an enumeration, the help shows all members.
    """
    name, _, metavar = usage.partition(" ")
    if isinstance(default, StrEnum):
        metavar = "|".join(type(default))
    if metavar in _PARSERS:
        settings = {"parser": _PARSERS[metavar], **settings}
    return typer.Option(default, name, metavar=metavar or None, help=help, **settings)


def required(usage: str, help: str, **settings: Any) -> Any:
    """Return an option that is mandatory for its command."""
    return option(usage, help, ..., **settings)


def argument(metavar: str, help: str, default: object = ..., **settings: Any) -> Any:
    """Return an argument; *metavar* is its name in the help, such as `FILE`."""
    return typer.Argument(default, metavar=metavar, help=help, **settings)


#: The files that the command writes, by the names of their options.
_written: dict[str, str] = {}


def _note_written(param: typer.CallbackParam, path: Any) -> Any:
    if path is not None:
        _written[param_name(param)] = str(path)
    return path


def new_file(usage: str, help: str, default: object = None) -> Any:
    """Return an option or an argument for a file that the command writes."""
    make = option if usage.startswith("-") else argument
    return make(usage, help, default, callback=_note_written)


def usage_error(text: str) -> InputError:
    """Return an InputError about options that cannot be used together."""
    return InputError("options that fit together", "other options", message=text)


def param_name(param: Any) -> str:
    """Return the name of an option such as --output, or of an argument such as FILE."""
    return str(param.opts[0] if param.opts[0].startswith("-") else param.metavar)


def forget_files() -> None:
    """Forget the output files of the command that this process ran before."""
    _written.clear()


def refuse_replacing(params: Iterable[Any], values: Mapping[str, Any]) -> None:
    """Raise InputError if a command would overwrite its input or write a file twice."""
    inputs: list[tuple[str, object]] = [*files_in_use()]
    for param in params if _written else ():
        name, given = param_name(param), values.get(param.name)
        if param.metavar in _PATHS and name not in _written:
            paths = given if isinstance(given, list) else [given]
            for path in map(str, filter(None, paths)):
                inputs += [(name, file) for _, file in files_read(path) if path != "-"]
    targets: dict[str, Target] = {
        name: sys.stdout.buffer if path == "-" else path
        for name, path in _written.items()
    }
    refuse_clashes(targets, inputs)


#: Names of options and arguments whose values are paths or URLs.
_PATHS: Final = ("FILE", "CALLS", "TARGET", "URL", "RECEIPT", "JOURNAL")


def parameters(function: Callable[..., Any], *groups: type) -> Parameters:
    """Return the parameters of a function; *groups* replace its `**` parameter.

    A group is a class; each of its annotated attributes is an option.
    """
    found = {
        name: (kind, getattr(group, name))
        for group in groups
        for name, kind in get_type_hints(group).items()
    }
    hints = get_type_hints(function)
    for each in signature(function).parameters.values():
        if each.kind is not Parameter.VAR_KEYWORD:
            found[each.name] = hints[each.name], each.default
    return found


def declare(command: Callable[..., None], parameters: Parameters) -> None:
    """Set the parameters of a command, which typer reads as options and arguments."""
    command.__annotations__ = {name: kind for name, (kind, _) in parameters.items()}
    vars(command)["__signature__"] = Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default)
            for name, (_, default) in parameters.items()
        ]
    )


def taking(*groups: type) -> Callable[[_F], _F]:
    """Return a decorator that replaces the `**` parameter of a command by options."""

    def declared(command: _F) -> _F:
        declare(command, parameters(command, *groups))
        return command

    return declared


def language(default: Language) -> Any:
    """Return the option for the language of a text."""
    return option("--lang", "The language of the text.", default)


def parse_day(text: str) -> date:
    """Parse a day, such as 2026-11-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        # the message gives no example of a day, because messages of errors hide digits
        raise_alone(typer.BadParameter("not a day in the form YYYY-MM-DD"))


def parse_instant(text: str) -> datetime:
    """Parse an instant with its UTC offset, such as 2026-11-23T10:30+01:00."""
    try:
        return read_instant(text, "an option")
    except InputError:
        raise typer.BadParameter(
            "not a date and time with its UTC offset, from the year 2 to 2999, in the "
            "form YYYY-MM-DDTHH:MM+HH:MM"
        ) from None


def _parse_known(text: str) -> tuple[int, str]:
    """Parse the count of records and the digest that a verify command printed."""
    found = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise typer.BadParameter(
            "not in the form COUNT:DIGEST: the number of records, and 64 hexadecimal "
            "digits, as the verify command prints them"
        )
    return int(found[1]), found[2]


def parse_pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Parse the values of a repeated option such as NAME=TEXT."""
    pairs = [text.partition("=") for text in texts or ()]
    fault = None
    if not all(name and sign for name, sign, _ in pairs):
        fault = "not a name, an equals sign and a text"
    elif len({name for name, _, _ in pairs}) < len(pairs):
        fault = "the same name is given twice"
    if fault:
        raise typer.BadParameter(fault, param_hint=repr(option))
    return {name: text for name, _, text in pairs}


def parse_column(text: str) -> str | int:
    """Return the number of a column if the text is a number, otherwise the text."""
    return int(text) if text.isdecimal() and len(text) <= _COLUMN_DIGITS else text


#: The parser of an option, by a word in the usage of the option.
_PARSERS: Final = {
    "YYYY-MM-DD": parse_day,
    "INSTANT": parse_instant,
    "COLUMN": parse_column,
}


def _check_list(name: str) -> str:
    # a later error would show the text, which can be a misplaced phone number
    if not name[:1].isalpha():
        raise typer.BadParameter("not the name of a list; an example of a name is own")
    return name


def _check_lists(names: list[str] | None) -> list[str] | None:
    return None if names is None else [_check_list(name) for name in names]


def _check_region(code: str | None) -> str | None:
    if code is not None and not re.fullmatch("[A-Za-z]{2}", code):
        raise typer.BadParameter("not a code of two letters, such as FR")
    return code


def _read_secret(file: str | None) -> bytes | None:
    """Return the content of a file, without the line break at its end."""
    if file is None:
        return None
    protect(file, "the secret")
    return read_file(file, "the file with the secret").rstrip(b"\r\n")


REGISTRY = argument("URL", "The URL of the registry, such as sqlite:///own.db.")
NUMBER = argument("NUMBER", "A phone number.")
NUMBERS = argument(
    "NUMBER", "Phone numbers; - reads one number per line from standard input."
)
CSV_FILE = argument("FILE", "A CSV file; - is standard input.")
_AGAINST = (
    "--against TARGET",
    "The lists: a snapshot, the URL of a registry, or a CSV file of numbers.",
)
AGAINST = required(*_AGAINST)
OPTIONAL_AGAINST = option(*_AGAINST)
AT = option(
    "--at INSTANT",
    "The time of the event, such as 2026-11-23T10:30+01:00.  The default is now.",
)
ON = option(
    "--on YYYY-MM-DD",
    "The day of the look-up or change.  The default is today in the list's time zone.",
)
ALLOW_FUTURE = option(
    "--allow-future",
    "Accept a day in the future; the number is not protected before this day.",
    False,
)
LIST = required("--list NAME", "The list, such as own.", callback=_check_list)
LISTS = option(
    "--list NAME",
    "A list to search; may be repeated.  By default, all lists are searched.",
    callback=_check_lists,
)
REGION = option(
    "--region CODE",
    "The region (ISO 3166-1) of numbers without a country code.  The default is the "
    "region of the registry, store or snapshot.",
    callback=_check_region,
)
#: Option of commands that create a registry or a log; the new store keeps the region.
NEW_REGION = option(
    "--region CODE",
    "The region (ISO 3166-1) of numbers without a country code.",
    DEFAULT_REGION,
)
_LIST_COLUMNS = (
    "The column of numbers{}, by name or by number from 1.  This option may be "
    "repeated: every number of a row is read.  By default, the only column that may "
    "contain phone numbers is detected by its name and its content."
)
LIST_COLUMNS = option("--column COLUMN", _LIST_COLUMNS.format(""))
AGAINST_COLUMNS = option(
    "--against-column COLUMN", _LIST_COLUMNS.format(" if --against is a CSV file")
)
RULES = option(
    "--rules FILE",
    "A TOML file with the rules of your own list; may be repeated.",
    callback=lambda files: [rules.register(file) for file in files or ()],
    is_eager=True,  # the rules must be known before names of lists are checked
)
SECRET = option(
    "--secret-file FILE",
    "The file with the secret that hides the stored numbers.",
    parser=str,
    callback=_read_secret,
)
KNOWN = option(
    "--known RECORDS:DIGEST",
    "The number of records and the digest that this command printed earlier.",
    parser=_parse_known,
)
FORMAT = option("--format", "The format of the result.", Format.TABLE)


class OnList:
    """Options of a command that changes a list."""

    list: str = LIST
    on: date | None = ON


class Number:
    """Options for a phone number and its region."""

    number: str = NUMBER
    region: str | None = REGION


class NumberOnList(Number, OnList):
    """Options of a command that changes the registration of a number."""
