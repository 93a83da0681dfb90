"""Opposition sources: plain CSV files, and the sources that scrubs accept."""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from bloctel import Registry, scrub_frame
from bloctel._open import is_url
from bloctel._open import open as open_book
from bloctel.errors import InputError, UnknownListError
from bloctel.scrub import Outputs, scrub_csv
from bloctel.scrub.opposition_source import open_against, read_numbers
from tests.helpers.error_chain import shown_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bloctel.scrub.opposition_source import Against
    from bloctel.tabular.number_lists import ListColumns


def keys(text: str, columns: ListColumns = None) -> list[int]:
    """Return the keys of all the numbers in a file of that text."""
    stream = io.BytesIO(text.encode())
    batches = read_numbers(stream, columns=columns, region="FR")
    return [key for batch in batches for key in batch.tolist()]


FIRST, SECOND = 33_639_980_001, 33_639_980_002


@pytest.mark.parametrize(
    "text",
    [
        "0639980001\n0639980002\n",
        "n'importe quoi\n0639980001\n\n0639980002",
        "nom;Téléphone\nA;0639980001\nB;0639980002\n",
        "nom;N°;Tél.\nA;1;0639980001\nB;2;0639980002\n",
        "\n\n;;\nnom;tel;\nA;0639980001;\nB;0639980002;\n",
        "\n0639980001\n0639980002\n",
        "nom;tel\nA\nB;0639980001\nC;0639980002\n",
        "A;0639980001\nB;0639980002\n",
        "nom;contact\nA;0639980001\nB;0639980002\n",
    ],
    ids=[
        "bare",
        "only",
        "accents",
        "usual",
        "blank",
        "blank+bare",
        "short",
        "bare+name",
        "content",
    ],
)
def test_the_column_that_can_be_meant_is_found(text: str) -> None:
    """The only column, a usual column name, or the only column of numbers is found."""
    assert keys(text) == [FIRST, SECOND]


def test_the_column_may_be_given() -> None:
    """The column can be given by name or by number."""
    text = "a;b\n0639980001;0639980002\n"

    assert keys(text, "b") == [SECOND]
    assert keys(text, 1) == [FIRST]
    assert sorted(keys(text, ["a", 2])) == [FIRST, SECOND]


def refusal(text: str) -> str:
    """Return the error message with which a file of that text is refused."""
    with pytest.raises(InputError) as caught:
        keys(text)
    return str(caught.value)


def test_one_unreadable_number_stops_everything() -> None:
    """An opposition that cannot be read is never skipped."""
    assert refusal("tel\n0639980001\n0639x\n") == (
        "the value is not a phone number (reason: letters)"
        " - at the input stream, row 3, column 'tel'"
    )


def test_no_number_at_all_is_refused() -> None:
    """A list without phone numbers is refused, because it is likely a wrong file."""
    assert refusal("tel\n\n") == (
        "all phone cells are empty: name the column of phone numbers - at the input "
        "stream, column 'tel'"
    )


def test_a_column_that_cannot_be_told_is_refused() -> None:
    """With two or no columns of numbers, the caller must choose."""
    sentence = (
        "{} columns may contain the phone numbers{}: give the columns to read, by name"
        " or by number - at the input stream"
    )

    assert refusal("nom;ville\nA;B\n") == sentence.format(0, "")
    assert refusal("\n\n") == sentence.format(0, "")
    assert refusal("0639980001;0639980002\n") == sentence.format(2, " (1, 2)")
    for first, second in [
        ("Phone Number", "Mobile Phone Number"),
        ("telephone", "tel2"),
        ("Tél.", "N° de tél"),
        ("telephone", "contact"),
    ]:
        text = f"{first};{second}\n0639980001;N/A\n0639980001;0639980002\n"
        assert refusal(text) == sentence.format(2, f" ('{first}', '{second}')")


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("tel;x\n0639980001;\n" + "0639980001;A\n" * 300 + ";0639980002\n", 303, None),
        ("tel;x\n0639980001;0639980002 / 0639980003\n", 2, None),
        ("0639980001\n0639980001;;0639980002\n", 2, 1),
        ("tel;nom\n0639980001;b;;0639980002 (soir)\n", 2, "tel"),
        ("nom;tel\nA;0639980001\n0639980002\n", 3, "tel"),
        ('tel;nom\n0639980001;"A\n0639980002;B"\n', 2, "tel"),
        ('nom;tel\n"A;0639980002\nB";0639980001\n', 2, "tel"),
        ('"nom\nA;0639980002\nB";tel\nC;0639980001\n', 1, "tel"),
        ('tel;x\n0639980001;0639980002"\n', 2, None),
        ('tel;x\n0639980001; "0639980002\n', 2, None),
        ("tel;x\n0639980001;tel:0639980002x\n", 2, None),
        ("tel;x\n0639980001;Tél. 0639980002 (bureau)\n", 2, None),
        ("tel;x\n0639980001;lot 12 +33 (0)6 39 98 00 02 12/05/2024\n", 2, None),
        ("tel;x\n0639980001;de 33639980002\n", 2, None),
        ("tel;x\n0639980001;3.36E+10\n", 2, None),
        ("tel;x\n" + "0639980001;A\n" * 300 + "0639980001;00465711234\n", 302, None),
        ("tel;id\n" + "0639980001;A\n" * 300 + "0639980001;0639980002\n", 302, None),
        ("tel;siren\n0639980001;639980002 (soir)\n0639980001;06 39980002 t\n", 3, None),
        ('nom;tel;x\nA;0639980001;"soir\n0639980002"\n', 2, None),
        ('nom;tel;x\nA;0639980001;"b\n;;0639980002\n"\n', 2, None),
        ('nom;tel;"x\n;;0639980002\n"\nA;0639980001;\n', 1, None),
    ],
    ids=[
        *("far", "two", "surplus", "surplus text", "short", "lines", "before"),
        *("header", "quote", "first quote", "letter", "words", "more words", "no plus"),
        *("rounded", "ambiguous", "identifier", "words in an identifier"),
        *("note", "shifted row", "shifted header"),
    ],
)
def test_a_number_is_never_skipped(
    text: str, row: int, column: str | int | None
) -> None:
    """A list with a number in a cell that is not read is refused."""
    with pytest.raises(InputError, match="a cell that is not read") as caught:
        keys(text, column)

    assert caught.value.where == f"the input stream, row {row}"


@pytest.mark.parametrize(
    "cell",
    [
        "SIREN 639980002",
        "SIRET 63998000200011",
        "2024-05-12T09:30:15.123456",
        "FR76 3000 6000 0112 3456 7890 189",
        "lot 12, 75001 Paris",
        "rappeler au 06 39 98 00 01",
    ],
)
def test_other_digits_are_not_refused(cell: str) -> None:
    """Other digits than phone numbers, and the number of the same row, are allowed."""
    assert keys(f"tel;note\n0639980001;{cell}\n") == [FIRST]


@pytest.mark.parametrize("name", ["siren", "SIRET", "id", "Code client"])
@pytest.mark.parametrize("cell", ["639 980 002", "63998000200011"])
def test_identifiers_alongside_a_phone_column(name: str, cell: str) -> None:
    """A column with the name of an identifier is not a phone column alongside one."""
    assert keys(f"{name};tel\n{cell};0639980001\n") == [FIRST]
    for text in (f"{name};x\n{cell};0639980001\n", f"{name};tel\n0639980002;\n"):
        assert "columns may contain" in refusal(text)


def test_cells_of_several_lines_are_read() -> None:
    """A name in several lines, or the number of the same row again, hides nothing."""
    text = 'nom;tel\n"A;0639980001\nB";0639980001\n"B\nC";0639980002\n'

    assert keys(text, "tel") == [FIRST, SECOND]
    assert keys(text, None) == [FIRST, SECOND]


DAY = date(2026, 10, 6)
REASON = "own since 2026-03-01"


@pytest.fixture
def book() -> Iterator[Registry]:
    """A registry with one number on a firm's own list."""
    with Registry.create("memory:") as registry:
        registry.register("0639980001", list="own", on=date(2026, 3, 1))
        yield registry


def scrub(against: Against, **options: Any) -> list[str]:
    """Return the blocked rows of a small file, with their reasons."""
    blocked = io.BytesIO()
    calls = io.BytesIO(b"tel\n0639980001\n0639980002\n")
    scrub_csv(
        calls, against, columns="tel", outputs=Outputs(blocked=blocked), **options
    )
    return blocked.getvalue().decode().splitlines()[1:]


def test_a_scrub_takes_all_kinds_of_sources(book: Registry, tmp_path: Path) -> None:
    """A book, a list look-up, a snapshot, a URL and a CSV file are accepted."""
    path, url = tmp_path / "own.bloctel", f"sqlite:///{tmp_path}/own.db"
    book.build_snapshot(path, on=DAY)
    with Registry.create(url) as stored:
        stored.register("0639980001", list="own", on=date(2026, 3, 1))
    (tmp_path / "own.csv").write_text("tel\n0639980001\n")

    for source in (book, path, str(path), url):
        assert scrub(source, on=DAY) == [f"0639980001;{REASON}"]
    assert scrub(book.question(on=DAY)) == [f"0639980001;{REASON}"]
    assert scrub(tmp_path / "own.csv") == ["0639980001;own"]
    frame = pl.DataFrame({"tel": ["0639980001", "0639980002"]})
    scrubbed = scrub_frame(frame, tmp_path / "own.csv", columns="tel")
    assert scrubbed["bloctel"].to_list() == ["blocked", "clear"]


def test_day_lists_and_region_are_those_of_the_look_up(book: Registry) -> None:
    """Scrubs accept the same arguments as `Book.is_blocked`."""
    assert scrub(book, on=date(2026, 2, 1)) == []
    assert scrub(book, on=DAY, lists=["own"], region="FR") == scrub(book, on=DAY)
    with pytest.raises(UnknownListError):
        scrub(book, lists=["other"])


@pytest.mark.parametrize("fixed", [{"on": DAY}, {"lists": ["own"]}, {"region": "FR"}])
def test_a_list_lookup_has_its_day_already(
    book: Registry, fixed: dict[str, object]
) -> None:
    """A prepared look-up has a day, lists and a region; other values are refused."""
    with pytest.raises(InputError, match="a prepared look-up already has a value"):
        scrub(book.question(on=DAY), **fixed)


@pytest.mark.parametrize("name", ["own.db", "own.db-wal", "own.db-shm", "own.bloctel"])
def test_an_output_never_replaces_the_files_of_a_book(
    tmp_path: Path, name: str
) -> None:
    """The files of a book are refused, if the source is a book, a question or a URL."""
    url, target = f"sqlite:///{tmp_path}/own.db", tmp_path / name
    snapshot = tmp_path / "own.bloctel"
    with Registry.create(url, lists=["own"]) as registry:
        registry.build_snapshot(snapshot)
    by_link = tmp_path / "link"
    by_link.symlink_to(target)
    with open_book(snapshot if target == snapshot else url) as book:
        for against in (book, book.question(), snapshot if target == snapshot else url):
            for output in (target, by_link):
                with pytest.raises(InputError, match="file as the opposition list"):
                    scrub_csv(
                        io.BytesIO(b"tel\n"),
                        against,
                        columns="tel",
                        outputs=Outputs(clear=output),
                    )
    with Registry.open(url) as registry:
        assert registry.lists == ("own",)


@pytest.mark.parametrize(
    "url",
    [
        " postgresql://u:s3cret@db.invalid/lists",
        "(postgresql://u:s3cret@db.invalid/lists)",
        "postgresql//u:s3cret@db.invalid/lists",
        "//u:s3cret@db.invalid/lists",
    ],
)
def test_a_url_with_a_mistake_is_not_shown(url: str) -> None:
    """A URL with a mistake is not used as a path, which an error would show."""
    for call in (open_book, open_against):
        with pytest.raises(InputError, match="a registry URL") as caught:
            call(url)
        assert "s3cret" not in shown_by(caught.value)


@pytest.mark.parametrize("path", ["C:\\a@b.csv", "C:/a.csv", "C://a.csv", "a//b.csv"])
def test_a_path_is_not_a_url(path: str) -> None:
    """A path with a drive, double slashes or an at sign is a path."""
    assert not is_url(path)


def test_an_output_never_overwrites_the_source(tmp_path: Path) -> None:
    """An output with the path of the opposition list is refused."""
    own = tmp_path / "own.csv"
    own.write_text("tel\n0639980001\n")

    with pytest.raises(InputError, match="file as the opposition list"):
        scrub_csv(io.BytesIO(b"tel\n"), own, columns="tel", outputs=Outputs(clear=own))

    assert own.read_text() == "tel\n0639980001\n"
