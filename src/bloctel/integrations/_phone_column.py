"""Methods that the pandas accessor and the polars namespaces share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from bloctel.numbers.phone_number import (
    DEFAULT_REGION,
    check_region,
    e164_many,
    normalize_many,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.lookup.book import Book
    from bloctel.lookup.question import OrBlock

__all__ = ["Method", "PhoneColumn"]

Method: TypeAlias = Literal["status", "is_blocked", "phone_key", "e164"]
_Column = TypeVar("_Column")


class PhoneColumn(ABC, Generic[_Column]):
    """Look-ups and normalisation of a column of phone numbers, text or integers.

    `Book.is_blocked` explains the arguments `on`, `lists` and `region`.
    """

    @abstractmethod
    def _apply(self, compute: Callable[[Any], NDArray[Any]], method: Method) -> _Column:
        """Return the column that a method gives.

        Args:
            compute: Returns an array for a column: status codes, booleans, or integers
                that are 0 for cells without a phone number.
            method: The method that was called.
        """

    def status(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> _Column:
        """Return `clear`, `blocked` or `invalid` for each row.

        The result is a category in pandas, or an enumeration in polars.  `clear` means
        "on none of these lists", never "may be called".

        Raises:
            CannotAnswerError: See `Book.is_blocked`; this method raises it at once.
        """
        question = book.question(on=on, lists=lists, region=region)
        return self._apply(
            lambda numbers: question.check_many(numbers, question.region), "status"
        )

    def is_blocked(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
        invalid: OrBlock = "raise",
    ) -> _Column:
        """Return for each row whether it is blocked (bool, never null).

        False means "on none of these lists", never "may be called".  If a row has no
        valid number, or no known answer, `invalid="raise"` raises an error, and
        `invalid="block"` returns true.

        Raises:
            CannotAnswerError: See `Book.is_blocked`; this method raises it at once.
            InvalidNumberError: A row is not a phone number; `where` is its index.
            NotKnownError: The answer for a row is not known.

        In an expression, polars raises `ComputeError` with the same message instead of
        the last two errors; the index is then the index in a batch.
        """
        question = book.question(on=on, lists=lists, region=region)
        return self._apply(
            lambda numbers: question.is_blocked_many(
                numbers, question.region, invalid=invalid, unknown=invalid
            ),
            "is_blocked",
        )

    def phone_key(self, *, region: str | None = DEFAULT_REGION) -> _Column:
        """Return the key of each phone number (UInt64), null without a phone number.

        Different spellings of a phone number have the same key, so that you can join
        and count by the key.
        """
        region = check_region(region)
        return self._apply(
            lambda numbers: normalize_many(numbers, region=region), "phone_key"
        )

    def e164(self, *, region: str | None = DEFAULT_REGION) -> _Column:
        """Return each number as text in E.164 form, null without a phone number."""
        region = check_region(region)
        return self._apply(
            lambda numbers: e164_many(normalize_many(numbers, region=region)), "e164"
        )
