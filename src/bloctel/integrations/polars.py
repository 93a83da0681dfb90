"""The namespace `bloctel` of polars expressions and series.

```python
import bloctel.integrations.polars
frame.filter(~pl.col("tel").bloctel.is_blocked(book, invalid="block"))
```

Importing this module registers the namespace.  An expression always gives the answers
for the day on which it was created, even if it runs later.  So create a new expression
for each run.
"""

from collections.abc import Mapping
from typing import Final

from bloctel.errors import MissingExtraError
from bloctel.integrations._phone_column import Compute, Method, PhoneColumn
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.frames import in_polars

try:
    import polars as pl
except ImportError as error:
    raise MissingExtraError("the polars namespace", "polars") from error

#: The type of the column that `status` returns.
STATUS: Final = pl.Enum(KINDS)

_TYPES: Final[Mapping[Method, pl.DataType]] = {
    "status": STATUS,
    "is_blocked": pl.Boolean(),
    "phone_key": pl.UInt64(),
    "e164": pl.String(),
}


class SeriesNamespace(PhoneColumn[pl.Series]):
    """Namespace `frame["tel"].bloctel`: methods that look up a series immediately."""

    def __init__(self, column: pl.Series) -> None:
        self._column = column

    def _apply(self, compute: Compute, method: Method) -> pl.Series:
        name, values = self._column.name, compute(self._column)
        if method == "status":
            return pl.Series(name, KINDS, STATUS).gather(values)
        column = pl.Series(name, values)
        if method == "is_blocked":
            return column
        column = column.set(column == 0, None)
        if method == "e164":
            column = ("+" + column.cast(pl.String)).alias(name)
        return column


class ExprNamespace(PhoneColumn[pl.Expr]):
    """Namespace `pl.col("tel").bloctel`: methods that return an expression."""

    def __init__(self, column: pl.Expr) -> None:
        self._column = column

    def _apply(self, compute: Compute, method: Method) -> pl.Expr:
        def answer(numbers: pl.Series) -> pl.Series:
            return SeriesNamespace(numbers)._apply(compute, method)

        return self._column.map_batches(
            in_polars(answer), _TYPES[method], is_elementwise=True
        )


pl.api.register_expr_namespace("bloctel")(ExprNamespace)
pl.api.register_series_namespace("bloctel")(SeriesNamespace)
