"""Cache of added fields: each text is encoded once, also with several threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.scrub.added_columns import AddedFields

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_texts_appended_during_a_call() -> None:
    """Texts that another thread appends are encoded by the next call."""
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
