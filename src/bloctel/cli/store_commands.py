"""Commands on a store: a registry, or a log of calls, consents or complaints."""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar, get_type_hints

import typer

from bloctel.cli import options
from bloctel.cli.io import print_record
from bloctel.cli.options import Format, parse_known
from bloctel.records.stream import RecordStream

_F = TypeVar("_F", bound=Callable[..., Any])

_CREATE = """\
Create an empty store of {what}; a registry already contains a store of {what}.

Example:
    bloctel {name} create sqlite:///{what}.db
"""
_VERIFY = """\
Check that no record was altered, deleted or moved; print the count and a digest.

Exit code: 0 all records are unaltered, 3 a record is missing or altered.

Example:
    bloctel {name} verify sqlite:///{what}.db
"""


class StoreCommands:
    """Group of commands that open a store.

    Attributes:
        app: The group.

    Args:
        store: The class of the store, which has a class method `open`.
        url: The argument for the URL of the store.
        help: The help of the group.
    """

    def __init__(self, store: Any, url: Any, help: str) -> None:
        self.app = typer.Typer(help=help, no_args_is_help=True)
        self._store = store
        self._url = url

    def command(
        self, name: str | None = None, texts: Mapping[str, Any] | None = None
    ) -> Callable[[_F], _F]:
        """Return a decorator that makes a command from a function on an open store.

        The command has the argument `URL`, the options *texts*, the parameters of the
        function except the store, and the option `--secret-file`.  If the function
        returns a record, the command also has the option `--format`, and prints the
        record after the store is closed.

        Args:
            name: The name of the command; by default the name of the function.
            texts: Options for texts, which the function gets as keyword arguments.
        """

        def register(function: _F) -> _F:
            hints = get_type_hints(function)
            prints = hints["return"] is not type(None)

            def command(url: str, secret: bytes | None, **given: Any) -> None:
                format = given.pop("format") if prints else None
                with self._store.open(url, secret=secret) as store:
                    record = function(store, **given)
                if format is not None:
                    print_record(record, format)

            _, *own = signature(function).parameters.values()
            kinds: dict[str, Any] = {"url": str} | dict.fromkeys(texts or (), str)
            defaults = {"url": self._url, **(texts or {})}
            for each in own:
                if each.kind is not Parameter.VAR_KEYWORD:
                    kinds[each.name] = hints[each.name]
                    defaults[each.name] = each.default
            if prints:
                kinds["format"], defaults["format"] = Format, options.FORMAT
            kinds["secret"], defaults["secret"] = bytes | None, options.SECRET
            # typer reads the parameters of a command from these two attributes
            command.__annotations__ = kinds
            vars(command)["__signature__"] = Signature(
                [
                    Parameter(key, Parameter.KEYWORD_ONLY, default=default)
                    for key, default in defaults.items()
                ]
            )
            command.__doc__ = function.__doc__
            self.app.command(name or function.__name__)(command)
            return function

        return register


class RecordCommands(StoreCommands):
    """Group of commands on a store of records; `create` and `verify` are among them."""

    def __init__(
        self, name: str, store: type[RecordStream], url: Any, help: str
    ) -> None:
        super().__init__(store, url, help)

        def create(
            url: str = url,
            region: str = options.NEW_REGION,
            secret: bytes | None = options.SECRET,
        ) -> None:
            store.create(url, region=region, secret=secret).close()

        def verify(
            opened: RecordStream, known: str | None = options.KNOWN
        ) -> dict[str, object]:
            return opened.verify(known=parse_known(known))._asdict()

        create.__doc__ = _CREATE.format(name=name, what=store.stream)
        verify.__doc__ = _VERIFY.format(name=name, what=store.stream)
        self.app.command()(create)
        self.command()(verify)
