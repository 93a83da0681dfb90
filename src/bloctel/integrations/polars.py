"""The namespace `bloctel` of expressions and series of polars.

```python
import bloctel.integrations.polars
frame.filter(~pl.col("tel").bloctel.is_blocked(book, invalid="block"))
```

Importing this module registers the namespace.  An expression settles the day and the
lists when it is made, and answers for that day whenever it is run: make it where you
run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bloctel.errors import MissingExtraError
from bloctel.numbers.phone_number import (
    DEFAULT_REGION,
    check_region,
    e164_many,
    normalize_many,
)
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.frame_adapters import in_polars

try:
    import polars as pl
except ImportError as error:
    raise MissingExtraError("the namespace of polars", "polars") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from bloctel.lookup.book import Book
    from bloctel.lookup.question import OrBlock

__all__ = ["STATUS", "ExprNamespace", "SeriesNamespace"]

#: The type of what `status` gives.
STATUS: Final = pl.Enum(KINDS)

_Column = TypeVar("_Column", pl.Expr, pl.Series)


class _Namespace(Generic[_Column]):
    """What can be asked about a column of phone numbers, text or integers."""

    def __init__(self, column: _Column) -> None:
        self._column: _Column = column

    def _apply(
        self, answer: Callable[[pl.Series], pl.Series], dtype: pl.DataType
    ) -> _Column:
        raise NotImplementedError

    def status(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> _Column:
        """Return `clear`, `blocked` or `invalid` for each row, as an enumeration.

        `clear` means "on none of the lists asked", never "may be called".

        Args:
            book: What is asked.
            on: As for `Book.is_blocked`.
            lists: As for `Book.is_blocked`.
            region: As for `Book.is_blocked`.

        Raises:
            CannotAnswerError: As for `Book.is_blocked`, when it is called.
        """
        question = book.question(on=on, lists=lists, region=region)

        def answer(numbers: pl.Series) -> pl.Series:
            words = pl.Series(numbers.name, KINDS, STATUS)
            return words.gather(question.check_many(numbers, question.region))

        return self._apply(answer, STATUS)

    def is_blocked(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
        invalid: OrBlock = "raise",
    ) -> _Column:
        """Tell of each row whether it is blocked; never null.

        False means "on none of these lists", never "may be called".

        Args:
            book: What is asked.
            on: As for `Book.is_blocked`.
            lists: As for `Book.is_blocked`.
            region: As for `Book.is_blocked`.
            invalid: What to do with a row that is no number, or of which nobody
                knows: `raise`, or `block` it.

        Raises:
            CannotAnswerError: As for `Book.is_blocked`, when it is called.
            InvalidNumberError: A row is no number; of an expression, polars raises
                its `ComputeError` for it, and the place is that in a batch.
            NotKnownError: Nobody knows of a row; likewise.
        """
        question = book.question(on=on, lists=lists, region=region)

        def answer(numbers: pl.Series) -> pl.Series:
            blocked = question.is_blocked_many(
                numbers, question.region, invalid=invalid, unknown=invalid
            )
            return pl.Series(numbers.name, blocked)

        return self._apply(answer, pl.Boolean())

    def phone_key(self, *, region: str | None = DEFAULT_REGION) -> _Column:
        """Return the key of each line (UInt64), null where there is no number.

        Numbers of one line, however written, have one key: join and count by it.

        Args:
            region: As for `normalize`.
        """
        region = check_region(region)

        def answer(numbers: pl.Series) -> pl.Series:
            keys = pl.Series(numbers.name, normalize_many(numbers, region=region))
            return keys.set(keys == 0, None)

        return self._apply(answer, pl.UInt64())

    def e164(self, *, region: str | None = DEFAULT_REGION) -> _Column:
        """Return each number as E.164 writes it (String), null where there is none.

        Args:
            region: As for `normalize`.
        """
        region = check_region(region)

        def answer(numbers: pl.Series) -> pl.Series:
            keys = normalize_many(numbers, region=region)
            digits = pl.Series(e164_many(keys))
            texts = "+" + digits.set(digits == 0, None).cast(pl.String)
            return texts.alias(numbers.name)

        return self._apply(answer, pl.String())


class ExprNamespace(_Namespace[pl.Expr]):
    """`pl.col("tel").bloctel`: expressions, row by row, that the engines may stream."""

    def _apply(
        self, answer: Callable[[pl.Series], pl.Series], dtype: pl.DataType
    ) -> pl.Expr:
        column: pl.Expr = self._column  # has lost its type where it comes from
        return column.map_batches(in_polars(answer), dtype, is_elementwise=True)


class SeriesNamespace(_Namespace[pl.Series]):
    """`frame["tel"].bloctel`: answers at once."""

    def _apply(
        self, answer: Callable[[pl.Series], pl.Series], dtype: pl.DataType
    ) -> pl.Series:
        return answer(self._column)


pl.api.register_expr_namespace("bloctel")(ExprNamespace)
pl.api.register_series_namespace("bloctel")(SeriesNamespace)
