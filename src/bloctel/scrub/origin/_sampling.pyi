import numpy as np
from numpy.typing import NDArray

def draw(
    keys: NDArray[np.uint64], group: int, limit: int, out: NDArray[np.uint64]
) -> tuple[int, int]: ...
def count_steps(keys: NDArray[np.uint64]) -> int: ...
