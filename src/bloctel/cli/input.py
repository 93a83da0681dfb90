"""Standard input, as bytes or as one number a line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["all_numbers", "source"]

_WHERE = "standard input"


def source(file: str) -> str | BinaryIO:
    """Return the path, or the bytes of standard input for `-`.

    Raises:
        InputError: Standard input is closed.
    """
    if file != "-":
        return file
    if sys.stdin is None:
        raise InputError("an open standard input", "a closed one")
    return sys.stdin.buffer


def all_numbers(arguments: Iterable[str]) -> list[str]:
    """Return the numbers of the command line, with the lines that a `-` stands for.

    Raises:
        InputError: Standard input is closed, or has no line: what feeds it must
            have failed, and "nothing is blocked" would hide that.
    """
    return [number for text in arguments for number in _numbers(text)]


def _numbers(argument: str) -> list[str]:
    stream = source(argument)
    if isinstance(stream, str):
        return [stream]
    # what is no UTF-8 becomes a character that no number holds
    text = stream.read().decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("phone numbers, one a line", "none", _WHERE)
    return lines
