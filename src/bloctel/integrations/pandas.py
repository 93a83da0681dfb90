"""The accessor `bloctel` of pandas series.

```python
import bloctel.integrations.pandas
frame[~frame["tel"].bloctel.is_blocked(book, invalid="block")]
```

Importing this module registers the accessor.
"""

from typing import Any

from bloctel._util.optional import optional_module
from bloctel.integrations._phone_column import Compute, Method, PhoneColumn
from bloctel.scrub.classifier import KINDS

pd = optional_module("pandas", "the pandas accessor", "pandas")


class SeriesAccessor(PhoneColumn[Any]):
    """Accessor `frame["tel"].bloctel`: look-ups of a series of phone numbers.

    Each method returns a series with the name and the index of the original series.
    """

    def __init__(self, series: Any) -> None:
        self._series = series

    def _apply(self, compute: Compute, method: Method) -> Any:
        values: Any = compute(self._series)
        if method == "status":
            values = pd.Categorical.from_codes(values.astype("int8"), KINDS)
        elif method != "is_blocked":
            values = pd.arrays.IntegerArray(values, values == 0)
        column = pd.Series(values, index=self._series.index, name=self._series.name)
        if method == "e164":
            text = pd.Series([""]).dtype  # the text type of this version of pandas
            column = "+" + column.astype("string").astype(text)
        return column


pd.api.extensions.register_series_accessor("bloctel")(SeriesAccessor)
