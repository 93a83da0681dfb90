"""Scrubs of call files on a real Spark cluster."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

import bloctel
from bloctel.errors import InputError, MissingExtraError, StaleSnapshotError
from bloctel.integrations.spark import scrub_files
from bloctel.scrub import CsvOptions, FileOptions, Outputs, scrub_file
from bloctel.snapshot import Snapshot
from tests.helpers.call_files import names, write
from tests.helpers.dirty_rows import DAY, lists_of, texts

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

LATE = DAY.replace(year=DAY.year + 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A snapshot of the first edition."""
    lists_of(1).build_snapshot(tmp_path / "s.bloctel", on=DAY)
    return tmp_path / "s.bloctel"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A folder with call files of several formats, and a file without numbers."""
    folder = tmp_path / "calls"
    folder.mkdir()
    rows = [[str(row), text or ""] for row, text in enumerate(texts(3000))]
    for number, ending in enumerate(("csv", "csv.gz", "parquet", "xlsx")):
        part = rows[number * 700 : (number + 1) * 700]
        write(folder / f"calls{number}.{ending}", [["n", "phone"], *part])
    book = openpyxl.load_workbook(folder / "calls3.xlsx")
    book.create_sheet("Notes").append(["not checked"])
    book.save(folder / "calls3.xlsx")
    (folder / "notes.txt").write_text("no call file\n")
    return folder


@pytest.mark.parametrize("shared", [False, True])
def test_results_are_those_of_one_machine(
    session: Any, path: Path, calls: Path, *, shared: bool
) -> None:
    """Spark gives the same files, counts and errors as `scrub_files` without Spark."""
    in_spark, local = calls.parent / "spark", calls.parent / "local"
    write_all = ("clear", "blocked", "invalid", "annotated")
    with Snapshot.open(path) as book:
        alone = bloctel.scrub_files(
            calls, book.question(on=DAY), columns=["phone"], into=local, write=write_all
        )

    done = scrub_files(
        *(session, calls, path),
        columns=["phone"],
        into=in_spark,
        write=write_all,
        on=DAY,
        shared=shared,
    )

    assert [each.source for each in done] == [each.source for each in alone]
    for each, other in zip(done, alone, strict=True):
        assert (each.error and str(each.error)) == (other.error and str(other.error))
        assert type(each.error) is type(other.error)
        if other.summary is not None and each.summary is not None:
            assert each.summary.rows == other.summary.rows
            assert each.summary.invalid_reasons == other.summary.invalid_reasons
            assert each.summary.blocked_lists == other.summary.blocked_lists
            assert each.summary.other_sheets == other.summary.other_sheets
            assert each.summary.outputs == {
                kind: in_spark / output.name
                for kind, output in other.summary.outputs.items()
            }
    assert [each.summary for each in done if each.error] == [None]
    assert [each.summary.other_sheets for each in done if each.summary][-1] == {
        "Notes": ""
    }
    assert names(in_spark) == names(local)
    for name in names(local):
        if not name.endswith("xlsx"):  # a workbook contains the time of its creation
            assert (in_spark / name).read_bytes() == (local / name).read_bytes()


def test_errors_are_raised_before_a_job_starts(
    session: Any, path: Path, calls: Path
) -> None:
    """Wrong arguments raise errors before Spark starts a job; no folder is created."""
    into = calls.parent / "out"

    def scrubbed(source: Any, against: Path, on: date = DAY, **more: Any) -> None:
        more = {"columns": ["phone"], "into": into, **more}
        scrub_files(session, source, against, on=on, **more)

    with pytest.raises(InputError, match="no call files found"):
        scrubbed(calls / "*.tsv", path)
    with pytest.raises(InputError, match="one or more of clear"):
        scrubbed(calls, path, write=["everything"])
    with pytest.raises(StaleSnapshotError):
        scrubbed(calls, path, on=LATE)
    with pytest.raises(InputError, match="a SparkSession, got a str"):
        scrub_files("spark", calls, path, columns=["phone"], into=into)
    own = path.rename(calls.parent / "calls0.clear.csv")
    with pytest.raises(InputError):
        scrubbed(calls / "calls0.csv", own, into=calls.parent)
    assert not into.exists()


def test_options_reach_the_machines(session: Any, path: Path, tmp_path: Path) -> None:
    """CSV options of the call are used by the workers."""
    source = tmp_path / "bare.csv"
    source.write_text("A;0639980000\nB;0199000001\n")
    options = FileOptions(CsvOptions(header=False))

    done = scrub_files(
        *(session, source, path),
        columns=[2],
        into=tmp_path / "out",
        on=DAY,
        options=options,
    )

    assert [(each.summary and each.summary.rows) for each in done] == [2]
    assert (tmp_path / "out" / "bare.clear.csv").read_text() == "B;0199000001\n"


def test_a_replaced_list_stops_the_job(
    session: Any, path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the list was replaced after the driver read it, the job stops."""
    from pyspark.errors import PythonException

    from bloctel.integrations import spark

    original = spark._question

    def replacing(*args: Any, **more: Any) -> Any:
        question = original(*args, **more)
        other = path.with_name("other.bloctel")
        lists_of(2).build_snapshot(other, on=DAY)
        other.replace(path)
        return question

    monkeypatch.setattr(spark, "_question", replacing)
    into = calls.parent / "out"

    with pytest.raises(PythonException, match="which the driver read"):
        scrub_files(
            *(session, calls, path), columns=["phone"], into=into, on=DAY, shared=True
        )

    assert names(into) == []


def test_spark_sees_the_added_columns_of_its_own_files(
    session: Any, path: Path, tmp_path: Path
) -> None:
    """Spark sees the added columns in Parquet files that Spark itself wrote."""
    rows = [(0, "0639980000"), (1, "0199000001"), (2, "12")]
    frame = session.createDataFrame(rows, "row int, phone string").coalesce(1)
    frame.write.parquet(str(tmp_path / "rows"))
    (source,) = (tmp_path / "rows").glob("*.parquet")
    shutil.move(source, tmp_path / "rows.parquet")
    kinds = ("clear", "blocked", "invalid", "annotated")
    targets = [tmp_path / f"{kind}.parquet" for kind in kinds]
    with Snapshot.open(path) as book:
        scrub_file(
            tmp_path / "rows.parquet",
            book.question(on=DAY),
            columns=["phone"],
            outputs=Outputs(*targets),
        )

    def read(target: Path) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in session.read.parquet(str(target)).collect()]

    why = "own since 2024-01-01"
    assert read(targets[0]) == [(1, "0199000001")]
    assert read(targets[1]) == [(0, "0639980000", why)]
    assert read(targets[2]) == [(2, "12", "short_number")]
    assert read(targets[3]) == [
        (0, "0639980000", "blocked", why),
        (1, "0199000001", "clear", None),
        (2, "12", "invalid", "short_number"),
    ]


def test_without_spark_the_error_names_the_extra(
    path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pyspark, the error names the extra before other arguments are checked."""
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)

    with pytest.raises(MissingExtraError, match="spark"):
        scrub_files(None, calls, path, columns=["phone"], into=calls.parent / "out")
