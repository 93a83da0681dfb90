"""Commands on a store: a registry, or a log of calls, consents or complaints."""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

import typer

from bloctel.cli import options
from bloctel.cli.io import Rows, print_record, print_rows
from bloctel.cli.options import Format
from bloctel.records.stream import RecordStream

_F = TypeVar("_F", bound=Callable[..., Any])

_CREATE = """\
Create an empty store of {what}; a registry already contains a store of {what}.

Example:
    bloctel {name} create sqlite:///{what}.db
"""
_VERIFY = """\
Check that no record was altered, deleted or moved.

The command prints the count of records and the digest of the last record.

Exit code: 0 all records are unaltered, 3 a record is missing or altered.

Example:
    bloctel {name} verify sqlite:///{what}.db
"""


class StoreCommands:
    """Group of commands that open a store at the URL in their first argument."""

    def __init__(self, store: Any, url: Any, help: str) -> None:
        self.app = typer.Typer(help=help, no_args_is_help=True)
        self._store = store
        self._url = url

    def command(self, name: str | None = None, *groups: type) -> Callable[[_F], _F]:
        """Return a decorator that makes a command from a function that gets a store.

        The command has the argument `URL`, the parameters of the function except the
        store, the options of *groups*, and the option `--secret-file`.  If the function
        returns a record or a table, the command also has the option `--format`, and
        prints the result after the store is closed.
        """

        def register(function: _F) -> _F:
            own = options.parameters(function, *groups)
            del own[next(iter(signature(function).parameters))]
            prints = signature(function).return_annotation is not None

            def command(url: str, secret: bytes | None, **given: Any) -> None:
                format = given.pop("format") if prints else Format.TABLE
                with self._store.open(url, secret=secret) as store:
                    result = function(store, **given)
                if isinstance(result, Rows):
                    print_rows(*result, format)
                elif prints:
                    print_record(result, format)

            declared = {"url": (str, self._url), **own}
            if prints:
                declared["format"] = (Format, options.FORMAT)
            declared["secret"] = (bytes | None, options.SECRET)
            options.declare(command, declared)
            command.__doc__ = function.__doc__
            self.app.command(name or function.__name__)(command)
            return function

        return register


class RecordCommands(StoreCommands):
    """Group of commands on a store of records, including `create` and `verify`."""

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
            opened: RecordStream, known: Any = options.KNOWN
        ) -> dict[str, object]:
            return opened.verify(known=known)._asdict()

        create.__doc__ = _CREATE.format(name=name, what=store.stream)
        verify.__doc__ = _VERIFY.format(name=name, what=store.stream)
        self.app.command()(create)
        self.command()(verify)
