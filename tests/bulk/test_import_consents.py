"""Import of consents from a CRM: if a row is invalid, nothing is recorded."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from bloctel import InvalidNumberError
from bloctel.bulk import ConsentColumns, import_consents
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.errors import BloctelError, InputError
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = 33199001234
DIGEST = "AB" * 32
HEADER = "number,given_at,firm,subject,mentions,sha256,where,expires_on"
ROW = (
    f"01 99 00 12 34,2026-09-01T18:12+02:00,Exemple SA,insurance,all,{DIGEST},"
    "archive,2027-01-01"
)


@pytest.fixture
def register() -> Iterator[ConsentRegister]:
    """An empty register in memory, under French law."""
    with ConsentRegister(RecordStore.create("memory:")) as opened:
        yield opened


def source(*lines: str, encoding: str = "utf-8") -> io.BytesIO:
    """Return lines as a file."""
    return io.BytesIO("\n".join(lines).encode(encoding))


def test_a_file_that_says_it_all(register: ConsentRegister) -> None:
    """Columns with the names of their fields are found without options."""
    assert import_consents(register, source(HEADER, ROW)) == (1, 1, 0)

    (found,) = register.of(KEY).consents
    assert found.given_at == datetime(2026, 9, 1, 16, 12, tzinfo=UTC)
    assert (found.firm, found.subject) == ("Exemple SA", "insurance")
    assert found.expires_on == date(2027, 1, 1)
    assert found.has_all_mentions
    assert found.evidence == f"archive (SHA-256 {'ab' * 32})"


def test_a_file_of_a_french_spreadsheet(
    register: ConsentRegister, tmp_path: Path
) -> None:
    """Semicolons, Windows encoding, other column names, and local times are read."""
    path = tmp_path / "crm.csv"
    path.write_bytes(
        source(
            "Téléphone;Recueilli le;Empreinte;Dossier",
            f"0199001234;2026-09-01 18:12;{DIGEST};boîte 3",
            f"+33 1 99 00 12 35;2026-11-01 18:12;{DIGEST};boîte 4",
            encoding="cp1252",
        ).getvalue()
    )
    columns = ConsentColumns(
        {
            "number": "Téléphone",
            "given_at": "Recueilli le",
            "sha256": 3,
            "where": "Dossier",
        },
        {"firm": "Exemple SA", "subject": "insurance", "mentions": "all"},
        time_zone="Europe/Paris",
    )

    assert import_consents(register, path, columns) == (2, 2, 0)
    assert import_consents(register, path, columns) == (2, 0, 2)

    (summer,) = register.of(KEY).consents
    (winter,) = register.of(KEY + 1).consents
    assert summer.given_at == datetime(2026, 9, 1, 16, 12, tzinfo=UTC)
    assert winter.given_at == datetime(2026, 11, 1, 17, 12, tzinfo=UTC)
    assert summer.expires_on == date(2027, 9, 1)
    assert "boîte 3" in summer.evidence


def test_an_end_that_the_file_has_is_never_passed_over(
    register: ConsentRegister,
) -> None:
    """`expires_on` is found in upper and lower case; a fixed value overrides it."""
    header = HEADER.replace("expires_on", "Expires_On")
    import_consents(register, source(header, ROW))
    assert register.of(KEY).consents[0].expires_on == date(2027, 1, 1)

    fixed = ConsentColumns(values={"expires_on": "2026-12-01"})
    rows = [ROW.replace("12 34", "12 35")]
    import_consents(register, source(HEADER, *rows), fixed)
    assert register.of(KEY + 1).consents[0].expires_on == date(2026, 12, 1)


def test_mentions_are_names(register: ConsentRegister) -> None:
    """Mentions are separated by blanks, commas or bars, and all are required."""
    told = "identity_and_goods|proposal validity_period;withdrawal_right"
    for said, complete in (
        (told, False),
        (f"{told} access_to_proof", True),
        ("", False),
    ):
        with ConsentRegister(RecordStore.create("memory:")) as fresh:
            import_consents(fresh, source(HEADER, ROW.replace("all", said, 1)))
            assert fresh.of(KEY).consents[0].has_all_mentions is complete
    del register


def test_many_rows(register: ConsentRegister) -> None:
    """An import of more rows than one batch records each consent once."""
    rows = [ROW.replace("insurance", f"goods {i % 1_700}") for i in range(2_500)]

    assert import_consents(register, source(HEADER, *rows)) == (2_500, 1_700, 800)
    assert register.verify().records == 1_700


BAD_ROWS = {
    "a phone number": ROW.replace("01 99 00 12 34", "01 99 00"),
    "a date and time with its offset": ROW.replace(
        "2026-09-01T18:12+02:00", "1/9/2026"
    ),
    "a time without an offset": ROW.replace("+02:00", ""),
    "a day such as": ROW.replace("2027-01-01", "soon"),
    "at most a year": ROW.replace("2027-01-01", "2029-09-01"),
    "SHA-256": ROW.replace(DIGEST, "x"),
    "a text": ROW.replace("Exemple SA", " "),
    "only the mentions": ROW.replace("all", "everything"),
    "fields without the phone number": ROW.replace("archive", "forms/0199001234"),
}


@pytest.mark.parametrize("expected", BAD_ROWS)
def test_a_row_that_is_refused_takes_all_with_it(
    register: ConsentRegister, expected: str
) -> None:
    """With an invalid row nothing is recorded; the error shows the row, no number."""
    rows = [ROW, BAD_ROWS[expected], ROW]

    with pytest.raises(BloctelError, match="row 2") as caught:
        import_consents(register, source(HEADER, *rows))

    assert expected in str(caught.value)
    assert "99001234" not in str(caught.value)
    assert isinstance(caught.value, InputError | InvalidNumberError)
    assert register.verify().records == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (ConsentColumns({"colour": "x"}), "only the fields"),
        (ConsentColumns(values={"colour": "x"}), "only the fields"),
        (ConsentColumns({"firm": "firm"}, {"firm": "x"}), "a column or a value"),
        (ConsentColumns({"firm": "subject"}), "a different column for each field"),
        (ConsentColumns({"firm": "company"}), "a column 'company'"),
        (ConsentColumns(values={"number": "01 99 00 12 34"}), "of one person"),
    ],
)
def test_columns_that_cannot_be(
    register: ConsentRegister, columns: ConsentColumns, message: str
) -> None:
    """A missing or ambiguous field raises an error before anything is read."""
    with pytest.raises(InputError, match=message):
        import_consents(register, source(HEADER, ROW), columns)


@pytest.mark.parametrize("row", [ROW + ",,x", ROW.rpartition(",")[0]])
def test_rows_of_another_length_are_refused(
    register: ConsentRegister, row: str
) -> None:
    """The end of the consent would be missing or read from another field."""
    with pytest.raises(InputError, match=r"a (longer|shorter) row .*row 2$") as caught:
        import_consents(register, source(HEADER, row))
    assert str(caught.value).count("row 2") == 1


def test_rows_hidden_in_a_quoted_cell_are_refused(register: ConsentRegister) -> None:
    """A quote that is closed in a later row would hide the consents between them."""
    hidden = ROW.replace("34,", "35,").replace("archive", 'archive"')
    rows = (ROW.replace("archive,", '"archive,'), hidden)

    with pytest.raises(InputError, match=r"cell that is not read .*, row 2$"):
        import_consents(register, source(HEADER, *rows))
    with pytest.raises(InputError, match=r"cell that is not read .*, row 1$"):
        import_consents(register, source(HEADER + ',"x', ROW + ',"', ROW))


def test_a_file_without_rows_is_an_error(register: ConsentRegister) -> None:
    """A file without rows is refused."""
    with pytest.raises(InputError, match="a row with a consent, got no rows"):
        import_consents(register, source(HEADER, ""))
