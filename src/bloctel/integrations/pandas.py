"""The accessor `bloctel` of series of pandas.

```python
import bloctel.integrations.pandas
frame[~frame["tel"].bloctel.is_blocked(book, invalid="block")]
```

Importing this module registers the accessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bloctel.errors import MissingExtraError
from bloctel.numbers.phone_number import DEFAULT_REGION, e164_many, normalize_many
from bloctel.scrub.classifier import KINDS

try:
    import pandas as pd
except ImportError as error:
    raise MissingExtraError("the accessor of pandas", "pandas") from error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from bloctel.lookup.book import Book
    from bloctel.lookup.question import OrBlock

__all__ = ["SeriesAccessor"]


class SeriesAccessor:
    """`frame["tel"].bloctel`: what can be asked about a series of phone numbers.

    Each answer is a series of the same name and index.
    """

    def __init__(self, series: Any) -> None:
        self._series = series

    def status(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> Any:
        """Return `clear`, `blocked` or `invalid` for each row, as a category.

        `clear` means "on none of the lists asked", never "may be called".

        Args:
            book: What is asked.
            on: As for `Book.is_blocked`.
            lists: As for `Book.is_blocked`.
            region: As for `Book.is_blocked`.

        Raises:
            CannotAnswerError: As for `Book.is_blocked`.
        """
        codes = book.check_many(self._series, on=on, lists=lists, region=region)
        return self._like(pd.Categorical.from_codes(codes.astype("int8"), KINDS))

    def is_blocked(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
        invalid: OrBlock = "raise",
    ) -> Any:
        """Tell of each row whether it is blocked (bool).

        False means "on none of these lists", never "may be called".

        Args:
            book: What is asked.
            on: As for `Book.is_blocked`.
            lists: As for `Book.is_blocked`.
            region: As for `Book.is_blocked`.
            invalid: What to do with a row that is no number, or of which nobody
                knows: `raise`, or `block` it.

        Raises:
            CannotAnswerError: As for `Book.is_blocked`.
            InvalidNumberError: A row is no number; `where` is its place, from 0.
        """
        blocked = book.is_blocked_many(
            self._series,
            on=on,
            lists=lists,
            region=region,
            invalid=invalid,
            unknown=invalid,
        )
        return self._like(blocked)

    def phone_key(self, *, region: str | None = DEFAULT_REGION) -> Any:
        """Return the key of each line (UInt64), `<NA>` where there is no number.

        Numbers of one line, however written, have one key: join and count by it.

        Args:
            region: As for `normalize`.
        """
        keys = normalize_many(self._series, region=region)
        return self._like(pd.arrays.IntegerArray(keys, keys == 0))

    def e164(self, *, region: str | None = DEFAULT_REGION) -> Any:
        """Return each number as E.164 writes it, as text, null where there is none.

        Args:
            region: As for `normalize`.
        """
        digits = e164_many(normalize_many(self._series, region=region))
        texts = pd.arrays.IntegerArray(digits, digits == 0).astype("string")
        usual = pd.Series([""]).dtype  # what this version makes of text
        return "+" + self._like(texts).astype(usual)

    def _like(self, values: Any) -> Any:
        return pd.Series(values, index=self._series.index, name=self._series.name)


pd.api.extensions.register_series_accessor("bloctel")(SeriesAccessor)
