"""Numbers that the tests of integrations look up, and the expected answers."""

from __future__ import annotations

from datetime import date

from bloctel import InvalidNumberError, Registry, normalize

ON = date(2026, 11, 23)
TEXTS = [
    "01 99 00 12 34",
    "+33 1 99 00 12 35",
    None,
    "12",
    "0639981234",
    "+44 7700 900123",
    "",
    "+508 41 12 34",
    "x",
    "0708 41 12 34",
]
#: The last one is ambiguous: blocked as a foreign number, clear as a French one.
INTEGERS = [199001234, 33199001235, None, 12, 639981234, 447700900123, 0, 687123456]


def made_book() -> Registry:
    """Return a registry with three numbers on the list `own`."""
    book = Registry.create("memory:")
    numbers = ["01 99 00 12 34", "+44 7700 900123", "+687 12 34 56"]
    book.register_many(numbers, list="own", on=date(2026, 3, 1))
    return book


def statuses(book: Registry, rows: list[str | None] | list[int | None]) -> list[str]:
    """Return the status of each row, from one look-up per row."""
    return [book.check(row, on=ON).status.name.lower() for row in rows]


def keys(rows: list[str | None] | list[int | None]) -> list[int | None]:
    """Return the key of each row, None where the row is not a number."""
    return [None if number is None else number[0] for number in map(_read, rows)]


def numbers(rows: list[str | None] | list[int | None]) -> list[str | None]:
    """Return the E.164 form of each row, None where the row is not a number."""
    return [None if number is None else number[1] for number in map(_read, rows)]


def _read(row: object) -> tuple[int, str] | None:
    try:
        number = normalize(row)
    except InvalidNumberError:
        return None
    return number.key, number.e164
