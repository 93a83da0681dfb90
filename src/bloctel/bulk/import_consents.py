"""Import of consents from a CSV file, such as a CRM export."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel._util import clock
from bloctel._util.strict import show
from bloctel.bulk.row_sources import cells_of, field_columns
from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.register import EvidenceFile, NewConsent
from bloctel.errors import InputError, InvalidNumberError
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import open_records, source_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from bloctel.compliance.consents.register import ConsentRegister
    from bloctel.tabular.csv_reader import Progress, RecordFile, Source

__all__ = ["CONSENT_FIELDS", "ConsentColumns", "ImportedConsents", "import_consents"]

#: Fields of a row; only `expires_on` is optional.
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
_SEPARATORS: Final = re.compile(r"[\s,;|]+")


class ImportedConsents(NamedTuple):
    """Result of an import of consents.

    Attributes:
        rows: The number of rows.
        recorded: The number of new consents.
        known: The number of consents that were already recorded, with equal content.
    """

    rows: int
    recorded: int
    known: int


@dataclass(frozen=True, slots=True)
class ConsentColumns:
    """Columns and constant values for the fields in `CONSENT_FIELDS`.

    Attributes:
        columns: The columns of fields, by name or by number from 1.
        values: Values for all rows, instead of a column.
        time_zone: The IANA time zone of times without an offset; None refuses them.
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

    A field without a column and without a value is read from the column of the same
    name.  A consent without an end is valid for as long as the law allows.  Mentions
    are names separated by spaces or commas, or `all` for all mandatory mentions on the
    day of the consent.  A second import of a file changes nothing.

    Args:
        register: The register.
        source: A path, or a binary stream of CSV with a header row.
        columns: The columns and values of the fields.
        region: The region of national forms; by default that of the register.
        options: CSV options; None in an option means detection.
        progress: Called with the amount read, and the total if known.

    Raises:
        InvalidNumberError: The number of a row cannot be read; `where` names the row.
        InputError: The file, a column, or a consent is not valid.
    """
    _check_fields(columns)
    name = source_name(source)
    fields = [field for field in CONSENT_FIELDS if field not in columns.values]
    choose = field_columns(columns.columns, fields, [_OPTIONAL], name)
    zone = None if columns.time_zone is None else clock.zone(columns.time_zone)
    rows = _Rows(register, columns, region or register.region, zone)
    with open_records(source, choose, options, progress) as records:
        try:
            done = register.record_many(rows.consents(records))
        except InvalidNumberError as error:
            raise InvalidNumberError(error.reason, f"{name}, row {rows.n}") from None
        except InputError as error:
            where = f"{name}, row {rows.n}, {error.where}"
            raise InputError(
                error.expected, error.got, where, message=error.message
            ) from None
    if rows.n == 0:
        raise InputError("consents, one a row", "no rows", name)
    return ImportedConsents(rows.n, *done)


def _check_fields(columns: ConsentColumns) -> None:
    unknown = {*columns.columns, *columns.values} - set(CONSENT_FIELDS)
    if unknown:
        expected = f"fields out of {', '.join(CONSENT_FIELDS)}"
        raise InputError(expected, f"{len(unknown)} unknown fields", "columns")
    if both := sorted(columns.columns.keys() & columns.values.keys()):
        raise InputError("a column or a value", "a column and a value", both[0])


@dataclass(slots=True)
class _Rows:
    """Conversion of rows to consents; `n` is the number of rows read so far."""

    register: ConsentRegister
    columns: ConsentColumns
    region: str | None
    zone: ZoneInfo | None
    n: int = 0

    def consents(self, records: RecordFile) -> Iterator[tuple[int, NewConsent]]:
        """Yield the key and the consent of each row."""
        fields = records.dialect.columns.names
        for batch in records.batches():
            columns = [cells_of(batch, index) for index in range(len(fields))]
            for cells in zip(*columns, strict=True):
                self.n += 1
                texts = [cell.decode(errors="replace").strip() for cell in cells]
                named = dict(zip(fields, texts, strict=True))
                yield self._consent({**self.columns.values, **named})

    def _consent(self, fields: Mapping[str, str]) -> tuple[int, NewConsent]:
        key = self.register.key_of(fields["number"], region=self.region)
        given_at = self._time(fields["given_at"])
        return key, NewConsent(
            given_at=given_at,
            firm=fields["firm"],
            goods=fields["goods"],
            mentions=self._mentions(fields["mentions"], key, given_at),
            evidence=EvidenceFile(fields["sha256"], fields["where"]),
            expires_on=_day(fields.get(_OPTIONAL, "")),
        )

    def _time(self, text: str) -> datetime:
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            expected = "a time such as 2026-09-01T18:12+02:00"
            raise InputError(expected, show(text), "given_at") from None
        if time.tzinfo is not None:
            return time
        if self.zone is None:
            expected = "a time with its offset, or a time zone for all rows"
            raise InputError(expected, "a time without an offset", "given_at")
        return time.replace(tzinfo=self.zone)

    def _mentions(self, text: str, key: int, given_at: datetime) -> list[str]:
        if text == _ALL:
            day = given_at.astimezone(zone_of(key)).date()
            return list(self.register.figures(day).mentions)
        return [name for name in _SEPARATORS.split(text) if name]


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        expected = "a day such as 2027-09-01"
        raise InputError(expected, show(text), _OPTIONAL) from None
