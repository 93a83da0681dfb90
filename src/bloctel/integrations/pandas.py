"""The accessor `bloctel` of pandas series.

```python
import bloctel.integrations.pandas
frame[~frame["tel"].bloctel.is_blocked(book, invalid="block")]
```

Importing this module registers the accessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bloctel.errors import MissingExtraError
from bloctel.integrations._phone_column import PhoneColumn
from bloctel.scrub.classifier import KINDS

try:
    import pandas as pd
except ImportError as error:
    raise MissingExtraError("the pandas accessor", "pandas") from error

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bloctel.integrations._phone_column import Method

__all__ = ["SeriesAccessor"]


class SeriesAccessor(PhoneColumn[Any]):
    """Accessor `frame["tel"].bloctel`: look-ups of a series of phone numbers.

    Each result is a series with the same name and index.
    """

    def __init__(self, series: Any) -> None:
        self._series = series

    def _apply(self, compute: Callable[[Any], NDArray[Any]], method: Method) -> Any:
        values: Any = compute(self._series)
        if method == "status":
            values = pd.Categorical.from_codes(values.astype("int8"), KINDS)
        elif method != "is_blocked":
            values = pd.arrays.IntegerArray(values, values == 0)
        column = pd.Series(values, index=self._series.index, name=self._series.name)
        if method == "e164":
            text = pd.Series([""]).dtype  # the default text type depends on the version
            column = "+" + column.astype("string").astype(text)
        return column


pd.api.extensions.register_series_accessor("bloctel")(SeriesAccessor)
