from typing import Self, final

import numpy as np
from numpy.typing import NDArray

@final
class Ranges:
    def __new__(cls, starts: NDArray[np.uint64], codes: NDArray[np.int32]) -> Self: ...
    def find(self, key: int, /) -> int: ...
    def find_many(
        self, keys: NDArray[np.uint64], out: NDArray[np.int32], /
    ) -> None: ...
