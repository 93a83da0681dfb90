"""Fake list lookup: a dict of phone numbers, with a simple number parser."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from bloctel.lookup.question import Question
from bloctel.numbers.columns import Spans
from bloctel.numbers.phone_number import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bloctel.numbers.columns import Block

#: The periods that block numbers: (list, since, until).
PERIODS = (
    ("fr.bloctel", date(2021, 6, 2), None),
    ("fr.bloctel", date(2021, 6, 2), date(2024, 1, 2)),
    ("own", date(2023, 5, 1), None),
    ("own", None, None),
)


def read_key(text: str) -> int:
    """Return the key of a number, or the code of the reason why it is refused."""
    if not text.strip():
        return REASONS.index("empty")
    if re.search("[A-Za-zé]", text):
        return REASONS.index("letters")
    if re.fullmatch(r"\d+\.\d+", text):
        return REASONS.index("decimal")
    digits = re.sub(r"[\s=\"\u00a0]", "", text)
    if len(digits) != 10 or not digits.isdecimal():
        return REASONS.index("too_short")
    return 33_000_000_000 + int(digits)


class FakeQuestion(Question):
    """List lookup in a dict of numbers, by the index of the period that blocks each."""

    def __init__(self, blocked: Mapping[str, int]) -> None:
        self.blocked = {read_key(number): match for number, match in blocked.items()}
        self.region = "FR"
        self.files = ()

    def match_block(self, block: Block) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Return the keys and the index of the period that blocks each, or -1."""
        assert isinstance(block, Spans)
        spans = zip(block.starts.tolist(), block.ends.tolist(), strict=True)
        texts = [block.data[start:end].tobytes().decode() for start, end in spans]
        keys = [read_key(text) for text in texts]
        matches = [self.blocked.get(key, -1) for key in keys]
        return np.array(keys, np.uint64), np.array(matches, np.int32)

    def reason(self, code: int) -> tuple[str, date | None, date | None]:
        """Return the list, the first day and the end of the period with this code."""
        return PERIODS[code]
