"""Fake question for scrubs: a dict of numbers, read by a few simple rules."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from bloctel.numbers._digits import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Periods that may block a number: (list, since, until).
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


def _read_spans(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """Return the key or the code of each text."""
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    texts = [data[start:end].tobytes().decode() for start, end in spans]
    return np.array([read_key(text) for text in texts], np.uint64)


class FakeQuestion:
    """Fake question: answers from a dict of numbers to indexes in `PERIODS`."""

    def __init__(self, blocked: Mapping[str, int]) -> None:
        self.blocked = {read_key(number): match for number, match in blocked.items()}

    def match_spans(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Return the keys and, for each, the index of the blocking period or -1."""
        keys = _read_spans(data, starts, ends)
        matches = [self.blocked.get(key, -1) for key in keys.tolist()]
        return keys, np.array(matches, np.int32)

    def why(self, match: int) -> tuple[str, date | None, date | None]:
        """Return the blocking period."""
        return PERIODS[match]
