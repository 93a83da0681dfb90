"""Import of consents from a CSV file, such as a CRM export."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bloctel._util import clock
from bloctel._util.instants import read_instant
from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.bulk.row_sources import field_columns, text_columns
from bloctel.compliance.consents.records import EvidenceFile, NewConsent
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.errors import InputError, InvalidNumberError
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import (
    Progress,
    RecordFile,
    Source,
    open_records,
    source_name,
)
from bloctel.tabular.number_lists import with_surplus

#: Fields of a row; only `expires_on` is optional.
CONSENT_FIELDS: Final = (
    "number",
    "given_at",
    "firm",
    "subject",
    "mentions",
    "sha256",
    "where",
    "expires_on",
)
_OPTIONAL: Final = "expires_on"
_SEPARATORS: Final = re.compile(r"[\s,;|]+")


class ImportedConsents(NamedTuple):
    """Result of an import of consents.

    Attributes:
        rows: The number of rows in the file.
        recorded: The number of new consents.
        known: The number of consents that were already recorded with equal content.
    """

    rows: int
    recorded: int
    known: int


@dataclass(frozen=True, slots=True)
class ConsentColumns:
    """Source of each field in `CONSENT_FIELDS`: a column or a constant value.

    Attributes:
        columns: The column of each field, by name or by number from 1.
        values: The value of a field in all rows, if the file has no column for the
            field.  `number` needs a column, because each row is about one person.
        time_zone: The IANA time zone of times without a UTC offset; if it is None, such
            times are refused.
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
    """Record all consents of a CSV file; if a row is invalid, no consent is recorded.

    If *columns* has neither a column nor a value for a field, the field is read from
    the column of the same name.  A consent without `expires_on` is valid as long as the
    law allows.  The field `mentions` contains the names of the mentions (items of
    information) that the person got, separated by spaces or commas; `all` means all
    mentions that the law required on that day.  If a file is imported twice, the second
    import changes nothing.

    Args:
        register: The register.
        source: A path, or a binary stream of CSV with a header row.
        columns: The column or the value of each field.
        region: The region of phone numbers in national form; by default the region of
            the register.
        options: Known properties of the CSV file; a property that is None is detected.
        progress: Function that gets the bytes read and the size (None if unknown).

    Raises:
        InvalidNumberError: A cell is not a phone number; `where` names the row.
        InputError: The file, a column, or a consent is not valid.
    """
    _check_fields(columns)
    name = source_name(source)
    fields = [field for field in CONSENT_FIELDS if field not in columns.values]
    choose = with_surplus(field_columns(columns.columns, fields, [_OPTIONAL], name))
    zone = None if columns.time_zone is None else clock.zone(columns.time_zone)
    region = register.region if region is None else region
    rows = _Rows(register, columns, region, zone)
    with open_records(source, choose, options, progress) as records:
        try:
            done = register.record_many(rows.consents(records))
        except (InvalidNumberError, InputError) as error:
            if rows.current is None:
                raise  # the message of this error already names the file or the row
            where = f"{name}, row {rows.current}"
            if isinstance(error, InvalidNumberError):
                raise InvalidNumberError(error.reason, where) from None
            raise InputError(
                error.expected,
                error.got,
                f"{where}, {error.where}",
                message=error.message,
            ) from None
    if rows.n == 0:
        raise InputError("a row with a consent", "no rows", name)
    return ImportedConsents(rows.n, *done)


def _check_fields(columns: ConsentColumns) -> None:
    unknown = {*columns.columns, *columns.values} - set(CONSENT_FIELDS)
    if unknown:
        expected = f"only the fields {', '.join(CONSENT_FIELDS)}"
        raise InputError(expected, f"{len(unknown)} unknown fields", "columns")
    if both := sorted(columns.columns.keys() & columns.values.keys()):
        got = "both a column and a value"
        raise InputError("either a column or a value", got, f"field {both[0]}")
    if "number" in columns.values:
        expected, got = "a column of phone numbers", "one phone number for all rows"
        message = (
            "all rows would be consents of one person: name the column that contains "
            "the phone number of each row"
        )
        raise InputError(expected, got, "columns", message=message)


@dataclass(slots=True)
class _Rows:
    """Converter of the rows of a CSV file to consents."""

    register: ConsentRegister
    columns: ConsentColumns
    region: str | None
    zone: ZoneInfo | None
    n: int = 0  # the number of rows read so far
    current: int | None = None  # the number of the row that is processed, if any

    def consents(self, records: RecordFile) -> Iterator[tuple[int, NewConsent]]:
        """Yield the key of the phone number and the consent of each row."""
        fields = records.dialect.columns.names
        n_numbers = fields.count("number")
        for columns in text_columns(records, n_numbers, self.region, len(fields)):
            for cells in zip(*columns, strict=True):
                self.n = self.current = self.n + 1
                named = dict(zip(fields, map(str.strip, cells), strict=True))
                yield self._consent({**self.columns.values, **named})
            self.current = None

    def _consent(self, fields: Mapping[str, str]) -> tuple[int, NewConsent]:
        key = self.register.key_of(fields["number"], region=self.region)
        given_at = read_instant(fields["given_at"], "given_at", zone=self.zone)
        return key, NewConsent(
            given_at=given_at,
            firm=fields["firm"],
            subject=fields["subject"],
            mentions=[name for name in _SEPARATORS.split(fields["mentions"]) if name],
            evidence=EvidenceFile(fields["sha256"], fields["where"]),
            expires_on=_day(fields.get(_OPTIONAL, "")),
        )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise_alone(InputError("a day such as 2027-09-01", show(text), _OPTIONAL))
