from collections.abc import Iterator
from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class Chunk:
    @property
    def kind(self) -> str: ...
    def __len__(self) -> int: ...
    def spans(
        self, start: int, stop: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]: ...
    def integers(
        self, start: int, stop: int
    ) -> tuple[NDArray[np.int64] | NDArray[np.uint64], NDArray[np.bool_] | None]: ...

def chunks(
    producer: object, kinds: tuple[str, ...], expected: str
) -> Iterator[Chunk]: ...
