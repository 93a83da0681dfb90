"""What a file is scrubbed against: a registry, a snapshot, or a plain file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from bloctel import rules
from bloctel._open import is_url
from bloctel._open import open as open_book
from bloctel.errors import InputError
from bloctel.lookup.book import Book
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.registry.registry import Registry
from bloctel.scrub.plain import read_numbers
from bloctel.snapshot import MAGIC, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bloctel.tabular.outputs import Outputs, Target

__all__ = [
    "PLAIN_LIST",
    "open_against",
    "refuse_overwriting",
    "refuse_replacing",
    "shown_target",
]

#: The list that a plain file of numbers stands for: a firm's own objections.
PLAIN_LIST = "own"


@contextmanager
def open_against(
    target: str, *, column: str | int | None = None, region: str | None = None
) -> Iterator[Book]:
    """Open what a user names after `--against`.

    The numbers of a plain CSV file are blocked on every day, on the list `own`.

    Args:
        target: A snapshot, a registry's URL, or a CSV file of numbers.
        column: The column of numbers of a CSV file; found if not given.
        region: The region of numbers without a country code in a CSV file.

    Raises:
        InputError: The CSV file holds something that is no number, or no number.
        BloctelError: As `bloctel.open`.
    """
    if is_url(target) or _is_snapshot(target):
        book = open_book(target)
    else:
        book = _plain_book(target, column, region or DEFAULT_REGION)
    try:
        yield book
    finally:
        if isinstance(book, Registry | Snapshot):
            book.close()


def refuse_overwriting(outputs: Outputs, target: str) -> None:
    """Make sure that no output takes the place of what a file is scrubbed against.

    Raises:
        InputError: One would; the opposition list would be lost.
    """
    refuse_replacing(outputs.wanted(), target)


def refuse_replacing(targets: Mapping[str, Target], target: str) -> None:
    """Make sure of the same for files by other names than those of the outputs.

    Raises:
        InputError: One would.
    """
    against = os.path.realpath(target.removeprefix("sqlite:///"))
    for name, output in targets.items():
        if not isinstance(output, str | Path):
            continue
        path = os.path.realpath(output)
        same = os.path.exists(path) and os.path.exists(against)
        if path == against or (same and os.path.samefile(path, against)):
            got = "the same as the opposition list"
            raise InputError("a file of its own", got, f"the {name} output")


def shown_target(target: str) -> str:
    """Return what people may see of a target: a URL without user, password, options.

    >>> shown_target("postgresql://bloctel:secret@db.example/lists?secret=s")
    'postgresql://db.example/lists'
    >>> shown_target("oppositions.bloctel")
    'oppositions.bloctel'
    """
    if not is_url(target):
        return target
    try:
        parts = urlsplit(target)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "a registry"
    return f"{parts.scheme}:{'//' if '://' in target else ''}{host}{parts.path}"


def _is_snapshot(path: str) -> bool:
    """Tell whether a file begins as a snapshot, be it damaged after that."""
    try:
        if Path(path).is_fifo():  # what is read from a pipe is gone
            return False
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return path.endswith(".bloctel")


def _plain_book(path: str, column: str | int | None, region: str) -> Book:
    keys = list(read_numbers(path, column=column, region=region))
    return Book.of_numbers(np.concatenate(keys), rules.load(PLAIN_LIST), region)
