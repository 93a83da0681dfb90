"""What is added to rows: each text is made once, whoever makes more meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.scrub.added_columns import AddedFields

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_texts_that_come_while_others_are_made() -> None:
    """Another thread adds to the list: they are made the next time."""
    texts = ["a", "b"]

    def made(text: str) -> Sequence[bytes]:
        if text == "b":
            texts.append("c")
        return [text.encode()]

    added = AddedFields(made)

    first, second = added.of(texts), added.of(texts)

    assert len(first.offsets) - 1 == 2
    assert second.data.startswith(b"abc")
    assert second.offsets.tolist() == [0, 1, 2, 3]
