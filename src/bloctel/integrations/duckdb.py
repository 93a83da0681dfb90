"""SQL functions for DuckDB that look up and normalise phone numbers.

```python
bloctel.integrations.duckdb.register(connection, book)
connection.sql("SELECT * FROM calls WHERE NOT is_blocked(tel)")
```

DuckDB calls a function with Arrow arrays of at most 2,048 rows.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final

from bloctel._util.optional import optional_module
from bloctel.errors import InputError
from bloctel.lookup.book import Book
from bloctel.lookup.question import OrBlock
from bloctel.numbers.phone_number import e164_many, normalize_many

_FEATURE: Final = "SQL functions in DuckDB"

#: Pattern of the SQL types that can store all digits of a phone number.
_EXACT_TYPES: Final = (
    r"VARCHAR|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\([0-9]+,0\)"
    r'|ENUM\((?s:.*)\)|"NULL"'
)


def register(
    connection: Any,
    book: Book,
    *,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    invalid: OrBlock = "raise",
) -> None:
    """Add the SQL functions `is_blocked`, `phone_key`, `phone_e164` to a connection.

    `is_blocked(VARCHAR) -> BOOLEAN` is false if the phone number is on none of the
    lists, which never means "may be called".  The result is never NULL, because `CASE`
    and `IS NOT TRUE` would treat NULL as clear.

    `phone_key(VARCHAR) -> UBIGINT` and `phone_e164(VARCHAR) -> VARCHAR` are NULL if the
    text is not a phone number.

    The argument can be a text, a whole number or an ENUM.  All other types are refused,
    because a FLOAT, for example, does not store all digits of a phone number.

    Args:
        connection: A `DuckDBPyConnection` without functions of these three names.
        book: The book that contains the lists.  The book must stay open as long as
            queries run.
        on: The day of the look-up.  By default, each execution of `is_blocked` uses the
            current day, so a query that runs past midnight gets answers for two days.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.
        invalid: The treatment of NULL, of a text that is not a phone number, and of a
            number about which the body that runs the list has given no valid answer.
            With `raise`, the query fails.  With `block`, `is_blocked` is true.

    Raises:
        CannotAnswerError: See `Book.is_blocked`.  During a query, DuckDB raises its own
            error with the same message.
        MissingExtraError: pyarrow is not installed.
    """
    pa = optional_module("pyarrow", _FEATURE, "duckdb")
    pc = optional_module("pyarrow.compute", _FEATURE, "duckdb")
    if not isinstance(book, Book):
        got = f"a value of type {type(book).__name__}"
        raise InputError("a book, such as a registry or a snapshot", got, "book")
    if isinstance(lists, Iterable) and not isinstance(lists, str):
        lists = [*lists]  # every query reads this, but an iterator is read only once
    # if an argument is not valid, raise the error now, not in the first query
    book.question(on=on, lists=lists, region=region)
    plan = book.region if region is None else region

    def is_blocked(numbers: Any) -> Any:
        found = book.is_blocked_many(
            numbers, on=on, lists=lists, region=region, invalid=invalid, unknown=invalid
        )
        return pa.array(found)

    def phone_key(numbers: Any) -> Any:
        keys = normalize_many(numbers, region=plan)
        return pa.array(keys, mask=keys == 0)

    def phone_e164(numbers: Any) -> Any:
        digits = e164_many(normalize_many(numbers, region=plan))
        texts = pa.array(digits, mask=digits == 0).cast(pa.string())
        return pc.binary_join_element_wise("+", texts, "")

    _create(connection, is_blocked, "BOOLEAN", side_effects=True)
    _create(connection, phone_key, "UBIGINT", side_effects=False)
    _create(connection, phone_e164, "VARCHAR", side_effects=False)


def _create(
    connection: Any, function: Callable[[Any], Any], result: str, *, side_effects: bool
) -> None:
    """Create an SQL function that calls *function* and has the same name.

    The SQL function is a macro that checks the type of its argument.  Without this
    check, DuckDB would convert a FLOAT to text, which has only seven correct digits.

    If *side_effects* is true, each run of a prepared statement calls *function*.  If it
    is false and the argument is a constant, DuckDB calls *function* only in the first
    run.
    """
    name = function.__name__
    connection.create_function(
        f"bloctel_{name}",
        function,
        ["VARCHAR"],
        result,
        type="arrow",
        null_handling="special",
        side_effects=side_effects,
    )
    connection.execute(
        f"CREATE TEMP MACRO {name}(number) AS bloctel_{name}("
        f"CASE WHEN regexp_full_match(typeof(number), '{_EXACT_TYPES}') "
        "THEN number::VARCHAR "
        f"ELSE error('{name}: expected text or whole numbers, got ' || typeof(number)) "
        "END)"
    )
