"""Consents of a CRM, from a CSV file into a file of consents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel._util import clock
from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.register import EvidenceFile, NewConsent
from bloctel.errors import InputError, InvalidNumberError
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.phone_columns import ChosenColumns, clean_name, named_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bloctel.compliance.consents.register import ConsentRegister
    from bloctel.tabular.csv_reader import Batch, Progress, Source
    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = ["CONSENT_FIELDS", "ConsentColumns", "ImportedConsents", "import_consents"]

#: What a row says of a consent; only `expires_on` may be left out.
CONSENT_FIELDS: Final = (
    "number",
    "given_at",
    "firm",
    "goods",
    "mentions",
    "sha256",
    "where",
    "expires_on",
)
_OPTIONAL: Final = "expires_on"
_ALL: Final = "all"
_BETWEEN: Final = re.compile(r"[\s,;|]+")


class ImportedConsents(NamedTuple):
    """What came of a file of consents.

    Attributes:
        rows: Rows read.
        recorded: Consents that were new.
        known: Those that were there already, word for word.
    """

    rows: int
    recorded: int
    known: int


@dataclass(frozen=True, slots=True)
class ConsentColumns:
    """Where a file has what is recorded, by the names of `CONSENT_FIELDS`.

    Attributes:
        columns: The columns of fields, by name or by number from 1 on.
        values: What holds for all rows, in the place of a column.
        time_zone: Of moments without an offset, as an IANA name; None refuses them.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    time_zone: str | None = None


def import_consents(
    register: ConsentRegister,
    source: Source,
    columns: ConsentColumns = ConsentColumns(),
    *,
    region: str | None = None,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> ImportedConsents:
    """Record the consents of a CSV file: all of them, or none if one is refused.

    A field without a column and without a value is looked for in a column of its own
    name; without any end a consent holds for as long as the law allows.  Mentions are
    names between blanks or commas, or `all` for all that are mandatory on the day of
    the consent.  Importing a file again changes nothing.

    Args:
        register: Where to record them.
        source: A path, or a binary stream of CSV with a header row.
        columns: Where the file has what.
        region: The region of national forms; the register's own if not given.
        options: What need not be found out about the file.
        progress: Told how much has been read, and of how much.

    Raises:
        InvalidNumberError: A row has no number; `where` tells which.
        InputError: The file, a column, or a consent is not what it must be.
    """
    places = _places(columns)
    name = source_name(source)
    choose = _chooser(places, columns, name)
    rows = _Rows(register, columns, places, region or register.region)
    with open_records(source, choose, options, progress) as records:
        if len(records.dialect.columns.indexes) < len(places):
            raise InputError("a column of its own for each field", "one for two", name)
        try:
            done = register.record_many(rows.consents(records.batches()))
        except InvalidNumberError as error:
            raise InvalidNumberError(error.reason, rows.place(name)) from None
        except InputError as error:
            where = f"{rows.place(name)}, {error.where}"
            raise InputError(error.expected, error.got, where) from None
    if rows.n == 0:
        raise InputError("consents, one a row", "none", name)
    return ImportedConsents(rows.n, *done)


def _places(columns: ConsentColumns) -> dict[str, str | int]:
    """Return the columns to read, by the fields that they hold."""
    unknown = {*columns.columns, *columns.values} - set(CONSENT_FIELDS)
    if unknown:
        expected = f"fields out of {', '.join(CONSENT_FIELDS)}"
        raise InputError(expected, "another", "columns")
    if both := sorted(columns.columns.keys() & columns.values.keys()):
        raise InputError("a column or a value", "both", both[0])
    given = {**dict.fromkeys(CONSENT_FIELDS[:-1]), **columns.columns}
    return {
        name: name if place is None else place
        for name, place in given.items()
        if name not in columns.values
    }


def _chooser(
    places: dict[str, str | int], columns: ConsentColumns, where: str
) -> ColumnChooser:
    """Return what chooses the columns; *places* gets the optional one if it is there.

    An end that the file has is never passed over: the consent would hold for longer.
    """

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        first = [clean_name(cell).casefold() for cell in (rows[0] if rows else ())]
        if _OPTIONAL in first and _OPTIONAL not in columns.values:
            places.setdefault(_OPTIONAL, _OPTIONAL)
        return named_columns(list(places.values()), where=where)(rows, has_header)

    return choose


class _Rows:
    """Rows on their way into consents.

    Attributes:
        n: How many have been read.
    """

    def __init__(
        self,
        register: ConsentRegister,
        columns: ConsentColumns,
        names: Collection[str],
        region: str | None,
    ) -> None:
        self.n = 0
        self._register = register
        self._columns = columns
        self._names = names
        self._region = region
        zone = columns.time_zone
        self._zone = None if zone is None else clock.zone(zone)

    def place(self, name: str) -> str:
        """Return how messages call the row that was read last."""
        return f"{name}, row {self.n}"

    def consents(self, batches: Iterator[Batch]) -> Iterator[tuple[int, NewConsent]]:
        """Yield keys and consents, one a row."""
        for batch in batches:
            cells = [batch.cells(place) for place in range(len(self._names))]
            for row in range(len(batch)):
                self.n += 1
                texts = (
                    data[starts[row] : ends[row]].tobytes().decode(errors="replace")
                    for data, starts, ends in cells
                )
                named = dict(zip(self._names, map(str.strip, texts), strict=True))
                yield self._consent({**self._columns.values, **named})

    def _consent(self, said: Mapping[str, str]) -> tuple[int, NewConsent]:
        key = self._register.key_of(said["number"], region=self._region)
        given_at = self._moment(said["given_at"])
        return key, NewConsent(
            given_at=given_at,
            firm=said["firm"],
            goods=said["goods"],
            mentions=self._mentions(said["mentions"], key, given_at),
            evidence=EvidenceFile(said["sha256"], said["where"]),
            expires_on=_day(said.get(_OPTIONAL, "")),
        )

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            expected = "a moment such as 2026-09-01T18:12+02:00"
            raise InputError(expected, "another text", "given_at") from None
        if moment.tzinfo is not None:
            return moment
        if self._zone is None:
            expected = "a moment with its offset, or the time zone of all"
            raise InputError(expected, "one without", "given_at")
        return moment.replace(tzinfo=self._zone)

    def _mentions(self, text: str, key: int, given_at: datetime) -> list[str]:
        if text == _ALL:
            day = given_at.astimezone(zone_of(key)).date()
            return list(self._register.figures(day).mentions)
        return [name for name in _BETWEEN.split(text) if name]


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        expected = "a day such as 2027-09-01"
        raise InputError(expected, "another text", _OPTIONAL) from None
