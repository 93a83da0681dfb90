"""Methods that the pandas accessor and the polars namespaces share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from numpy.typing import NDArray

from bloctel.lookup.book import Book
from bloctel.lookup.question import OrBlock
from bloctel.numbers.phone_number import (
    DEFAULT_REGION,
    check_region,
    e164_many,
    normalize_many,
)
from bloctel.scrub.opposition_source import open_question

Method: TypeAlias = Literal["status", "is_blocked", "phone_key", "e164"]
#: Function that looks up a column.  The array that it returns contains `Status` values,
#: booleans, or phone numbers as integers (0 for a cell without a phone number).
Compute: TypeAlias = Callable[[Any], NDArray[Any]]
_Column = TypeVar("_Column")


class PhoneColumn(ABC, Generic[_Column]):
    """Look-ups and normalisation of a column of phone numbers (text or integers).

    `Book.is_blocked` explains the arguments `on`, `lists` and `region`.
    """

    @abstractmethod
    def _apply(self, compute: Compute, method: Method) -> _Column:
        """Apply *compute* to the column; return the result column of *method*."""

    def status(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> _Column:
        """Return `clear`, `blocked` or `invalid` for each row.

        The type of the result is `category` in pandas, and `Enum` in polars.
        `clear` means "on none of these lists on that day", never "may be called".

        Raises:
            CannotAnswerError: See `Book.is_blocked`.  The error is raised before the
                first row is looked up.
        """
        with open_question(book, on=on, lists=lists, region=region) as question:
            return self._apply(question.check_many, "status")

    def is_blocked(
        self,
        book: Book,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
        invalid: OrBlock = "raise",
    ) -> _Column:
        """Return True for each row whose phone number is blocked (bool, never null).

        False means "on none of these lists on that day", never "may be called".
        *invalid* is for a row without a phone number, and for a phone number about
        which the body that runs the list has given no valid answer.  With `raise`, the
        method raises an error.  With `block`, the result of the row is True.

        Raises:
            CannotAnswerError: See `Book.is_blocked`.  The error is raised before the
                first row is looked up.
            InvalidNumberError: A row is not a phone number; `where` names the row.
            NotKnownError: There is no valid answer about the phone number in a row.

        A polars expression raises `ComputeError` in place of `InvalidNumberError` and
        `NotKnownError`.  Its message contains the index of the row in a batch of rows.
        """
        with open_question(book, on=on, lists=lists, region=region) as question:
            look_up = partial(
                question.is_blocked_many, invalid=invalid, unknown=invalid
            )
            return self._apply(look_up, "is_blocked")

    def phone_key(self, *, region: str | None = DEFAULT_REGION) -> _Column:
        """Return the key of each phone number (UInt64); null for other cells.

        All ways to write a phone number give the same key.  So you can join tables by
        the key, and count distinct phone numbers.
        """
        region = check_region(region)
        return self._apply(partial(normalize_many, region=region), "phone_key")

    def e164(self, *, region: str | None = DEFAULT_REGION) -> _Column:
        """Return each phone number as text in E.164 form; null for other cells."""
        region = check_region(region)
        return self._apply(
            lambda numbers: e164_many(normalize_many(numbers, region=region)), "e164"
        )
