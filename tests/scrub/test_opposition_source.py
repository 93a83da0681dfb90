"""Opposition sources: plain CSV files, and the sources that scrubs accept."""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from bloctel import Registry, scrub_frame
from bloctel.errors import InputError, UnknownListError
from bloctel.scrub import Outputs, scrub_csv
from bloctel.scrub.opposition_source import read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bloctel.scrub.opposition_source import Against


def keys(text: str, column: str | int | None = None) -> list[int]:
    """Return the keys of all the numbers in a file of that text."""
    stream = io.BytesIO(text.encode())
    batches = read_numbers(stream, column=column, region="FR")
    return [key for batch in batches for key in batch.tolist()]


FIRST, SECOND = 33_639_980_001, 33_639_980_002


@pytest.mark.parametrize(
    "text",
    [
        "0639980001\n0639980002\n",
        "n'importe quoi\n0639980001\n\n0639980002",
        "nom;Téléphone\nA;0639980001\nB;0639980002\n",
        "nom;N° de tél;Tél.\nA;1;0639980001\nB;2;0639980002\n",
        "A;0639980001\nB;0639980002\n",
        "nom;contact\nA;0639980001\nB;0639980002\n",
    ],
    ids=["bare", "only", "accents", "usual", "no header", "by content"],
)
def test_the_column_that_can_be_meant_is_found(text: str) -> None:
    """The only column, a column with a usual name, or the only column of numbers."""
    assert keys(text) == [FIRST, SECOND]


def test_the_column_may_be_given() -> None:
    """The column can be given by name or by number."""
    text = "a;b\n0639980001;0639980002\n"

    assert keys(text, "b") == [SECOND]
    assert keys(text, 1) == [FIRST]


def refusal(text: str) -> str:
    """Return the sentence with which a file of that text is refused."""
    with pytest.raises(InputError) as caught:
        keys(text)
    return str(caught.value)


def test_one_unreadable_number_stops_everything() -> None:
    """An opposition that cannot be read is never skipped."""
    assert refusal("tel\n0639980001\n0639x\n") == (
        "expected a phone number, got text that is refused as letters"
        " - at the input stream, row 3, column 'tel'"
    )


def test_no_number_at_all_is_refused() -> None:
    """An empty list is more likely a wrong file."""
    assert refusal("tel\n\n") == (
        "the column has no phone number - at the input stream, column 'tel'"
    )


def test_a_column_that_cannot_be_told_is_refused() -> None:
    """With two or no columns of numbers, the caller must choose."""
    sentence = (
        "{} columns may contain the phone numbers: give the name or the number of the"
        " column to read - at the input stream"
    )

    assert refusal("0639980001;0639980002\n") == sentence.format(2)
    assert refusal("nom;ville\nA;B\n") == sentence.format(0)


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
    """A book, a list lookup, a snapshot, a registry's URL, a CSV file."""
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
    """The same arguments as for `Book.is_blocked`."""
    assert scrub(book, on=date(2026, 2, 1)) == []
    assert scrub(book, on=DAY, lists=["own"], region="FR") == scrub(book, on=DAY)
    with pytest.raises(UnknownListError):
        scrub(book, lists=["other"])


@pytest.mark.parametrize("fixed", [{"on": DAY}, {"lists": ["own"]}, {"region": "FR"}])
def test_a_list_lookup_has_its_day_already(
    book: Registry, fixed: dict[str, object]
) -> None:
    """A second day, list or region is refused."""
    with pytest.raises(InputError, match="which has fixed it already"):
        scrub(book.question(on=DAY), **fixed)


def test_an_output_never_overwrites_the_source(tmp_path: Path) -> None:
    """The opposition list would be lost."""
    own = tmp_path / "own.csv"
    own.write_text("tel\n0639980001\n")

    with pytest.raises(InputError, match="would overwrite the opposition list"):
        scrub_csv(io.BytesIO(b"tel\n"), own, columns="tel", outputs=Outputs(clear=own))

    assert own.read_text() == "tel\n0639980001\n"
