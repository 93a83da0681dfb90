"""Detection of CSV dialects."""

from __future__ import annotations

import pytest

from bloctel.errors import InputError
from bloctel.tabular.csv_dialect import CsvOptions, Dialect, detect
from bloctel.tabular.phone_columns import named_columns


def found(
    sample: bytes | str,
    *wanted: str | int,
    at_end: bool = True,
    options: CsvOptions | None = None,
) -> Dialect:
    """Detect the dialect of a sample, with these requested columns."""
    return detect(
        sample.encode() if isinstance(sample, str) else sample,
        at_end=at_end,
        choose=named_columns(wanted, where="calls.csv"),
        where="calls.csv",
        options=options or CsvOptions(),
    )


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_the_consistent_one(delimiter: str) -> None:
    """The delimiter with the same count in every row wins over others inside cells."""
    rows = [["nom", "tel"], ["Dupont, Léa; M|me", "1"], ['"a\tb"', "2"], ["c", "3"]]
    quoted = [[f'"{c}"' if delimiter in c else c for c in row] for row in rows]
    text = "\n".join(delimiter.join(row) for row in quoted)

    assert found(text, "tel").delimiter == delimiter


def test_the_delimiter_that_shows_the_column_wins() -> None:
    """A requested column name is more important than a consistent number of fields."""
    assert found("nom, prénom;tel\nA, B;1\nC, D, E;2\n", "tel").delimiter == ";"


def test_one_column_needs_no_delimiter() -> None:
    """A file with one column gets a semicolon as the delimiter for added columns."""
    assert found("tel\n0639980001\n", "tel").delimiter == ";"


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("té".encode(), "utf-8"),
        ("té".encode("cp1252"), "cp1252"),
        ("té;\n".encode("utf-16"), "utf-16-le"),
        ("té;\n".encode("utf-16-le"), "utf-16-le"),
        ("té;\n".encode("utf-16-be"), "utf-16-be"),
        (b"\xef\xbb\xbft", "utf-8"),
    ],
)
def test_the_encoding_is_found(sample: bytes, name: str) -> None:
    """Byte-order marks decide first, then zero bytes, then whether UTF-8 is valid."""
    assert found(sample, 1).encoding.name == name


def test_a_character_cut_by_the_sample_is_still_utf8() -> None:
    """A multi-byte character that the end of the sample cuts is not an error."""
    cut = "tel;é".encode()[:-1]

    assert found(cut, 1, at_end=False).encoding.name == "utf-8"
    assert found(cut, 1, at_end=True).encoding.name == "cp1252"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("UTF8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("windows-1252", "cp1252"),
        ("latin-1", "iso8859-1"),
        ("ISO-8859-15", "iso8859-15"),
    ],
)
def test_an_encoding_may_be_given(given: str, name: str) -> None:
    """All names of an encoding in Python are accepted."""
    options = CsvOptions(encoding=given)

    assert found("tel\n1", "tel", options=options).encoding.name == name


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("tel", True),
        ("Tél. 1", True),
        ("0639980001", False),
        ("tel:+33639980001", False),
        ("", False),
        ("112", False),
    ],
)
def test_a_first_row_with_a_number_is_no_header(first: str, header: bool) -> None:
    """If the first row may be data, it is scrubbed and not treated as the header."""
    dialect = found(f"x;{first}\nx;0639980002\n", 2)

    assert dialect.columns.has_header is header
    assert dialect.columns.names == (first if header else "2",)


@pytest.mark.parametrize(
    "wanted", ["Téléphone", " téléphone ", "Te\u0301le\u0301phone"]
)
def test_a_column_is_found_by_its_name(wanted: str) -> None:
    """A name is found despite other blanks, quotes, Unicode composition or case."""
    dialect = found('\ufeffid,"Téléphone "\n1,2\n', wanted)

    assert dialect.columns.indexes == (1,)


def test_the_exact_name_comes_before_its_other_cases() -> None:
    """Case is ignored only without an exact match."""
    assert found("TEL,tel\n1,2\n", "tel").columns.indexes == (1,)


def test_the_same_column_twice_is_one() -> None:
    """A column that is given by its name and by its number is read once."""
    assert found("a,tel\n1,2\n", "tel", 2).columns.indexes == (1,)


def test_no_cell_is_shown_as_a_column_name() -> None:
    """The error about a missing column does not show the cells of the first row."""
    with pytest.raises(InputError) as caught:
        found("Dupont;0639980001\n", "tel")

    assert "Dupont" not in str(caught.value)
    assert "0639980001" not in str(caught.value)
