"""SQL functions for DuckDB.

```python
bloctel.integrations.duckdb.register(connection, book)
connection.sql("SELECT * FROM calls WHERE NOT is_blocked(tel)")
```

DuckDB passes columns as Arrow arrays of 2,048 rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bloctel._util.optional import optional_module
from bloctel.numbers.phone_number import e164_many, normalize_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from bloctel.lookup.book import Book
    from bloctel.lookup.question import OrBlock

__all__ = ["register"]

_FEATURE: Final = "SQL functions in DuckDB"


def register(
    connection: Any,
    book: Book,
    *,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    invalid: OrBlock = "raise",
) -> None:
    """Add the functions `is_blocked`, `phone_key` and `phone_e164` to a connection.

    `is_blocked(VARCHAR) -> BOOLEAN` is false if the number is on none of these lists,
    which never means "may be called".  It is never NULL, because `CASE` and
    `IS NOT TRUE` would treat NULL as clear.  For NULL and for text that is not a phone
    number, the query fails if *invalid* is `raise`, and the result is true if it is
    `block`.

    `phone_key(VARCHAR) -> UBIGINT` and `phone_e164(VARCHAR) -> VARCHAR` are NULL if the
    text is not a phone number.

    Args:
        connection: A `DuckDBPyConnection` without functions of these names.
        book: The lists to look up; the book must stay open as long as queries run.
        on: The day; by default the current day of each call of a function, so that a
            query that runs past midnight gets answers for two days.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.
        invalid: The result for a row without a valid number or without a known answer:
            `raise` raises an error, `block` returns true.

    Raises:
        CannotAnswerError: See `Book.is_blocked`; inside a query DuckDB raises its
            own error with the same message.
        MissingExtraError: pyarrow is not installed.
    """
    pa = optional_module("pyarrow", _FEATURE, "duckdb")
    pc = optional_module("pyarrow.compute", _FEATURE, "duckdb")
    lists = None if lists is None else [*([lists] if isinstance(lists, str) else lists)]
    # raise errors now, not in the first query
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
    """Create an SQL function with the name of a Python function.

    With *side_effects*, each run of a prepared statement calls the function.  Without
    them, DuckDB calls it only once if the number is a constant, and the result would
    ignore later registrations.
    """
    connection.create_function(
        function.__name__,
        function,
        ["VARCHAR"],
        result,
        type="arrow",
        null_handling="special",
        side_effects=side_effects,
    )
