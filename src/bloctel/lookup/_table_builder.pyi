from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

_Keys: TypeAlias = npt.NDArray[np.uint64]
_Codes: TypeAlias = (
    npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
)

@final
class Entries:
    def __init__(self) -> None: ...
    def reserve(self, n: int, /) -> None: ...
    def add(self, keys: _Keys, periods: _Keys, /) -> None: ...
    def join(self) -> tuple[_Keys, _Codes, _Keys, int]: ...
