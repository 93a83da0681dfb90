"""Scrubs of record batches as in a Python worker of Spark, without Spark."""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from msgspec import structs

import bloctel
from bloctel import rules
from bloctel._util import clock
from bloctel.errors import (
    CannotAnswerError,
    DamagedSnapshotError,
    InputError,
    ListRulesError,
    MissingExtraError,
    SnapshotError,
)
from bloctel.integrations import spark, spark_worker
from bloctel.integrations.spark_worker import Edition, FrameJob, SparkQuestion
from bloctel.scrub import FileOptions, Outputs, ScrubbedFile, scrub_file
from bloctel.snapshot import read_content
from tests.helpers.dirty_rows import ABROAD, DAY, expected, integers, lists_of, texts
from tests.helpers.own_rules import NAME, TEXT, no_registrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A snapshot of two lists."""
    made = tmp_path / "s.bloctel"
    lists_of(1).build_snapshot(made, on=DAY)
    return made


@pytest.fixture(autouse=True)
def _new_worker() -> Iterator[None]:
    """Start each test without opened files, as a new worker."""
    yield
    spark_worker.opened.cache_clear()


def job_of(path: Path, names: tuple[str, ...] = ("phone",), **more: Any) -> FrameJob:
    """Return the job that the driver would send to a worker for a file."""
    edition = Edition.of(read_content(path, verify=True))
    options = {"on": DAY, "lists": None, "region": None, **more}
    question = SparkQuestion(str(path), True, edition, bloctel.__version__, **options)
    return FrameJob(question, tuple(range(len(names))), names)


def changed(job: FrameJob, **changes: Any) -> FrameJob:
    """Return a job with changes to its question."""
    return replace(job, question=replace(job.question, **changes))


def added(job: FrameJob, *batches: pa.RecordBatch) -> list[tuple[str, str | None]]:
    """Return the two added columns as rows."""
    scrubbed = spark_worker.scrubbed_batches(job, iter(batches))
    return [
        pair
        for kinds, reasons in (batch.columns[-2:] for batch in scrubbed)
        for pair in zip(kinds.to_pylist(), reasons.to_pylist(), strict=True)
    ]


def batches_of(rows: list[Any], kind: pa.DataType, size: int) -> list[pa.RecordBatch]:
    """Return rows in batches of one column."""
    table = pa.table({"phone": pa.array(rows, kind)})
    return list(table.to_batches(max_chunksize=size))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@pytest.mark.parametrize("size", [7, 70_000])
def test_texts_get_the_answers_of_check(
    path: Path, kind: pa.DataType, size: int
) -> None:
    """Each row has the verdict and the reason of `check`, in batches of any size."""
    rows = texts(66_000 if size > 7 else 2_000)
    book = bloctel.open(path)

    found = added(job_of(path), *batches_of(rows, kind, size))

    assert found == [expected(book, row) for row in rows]
    assert {kind for kind, _ in found} == {"clear", "blocked", "invalid"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()], ids=str)
def test_integers_get_the_answers_of_check(path: Path, kind: pa.DataType) -> None:
    """An integer of nine digits is French, but invalid if it is blocked abroad."""
    rows = integers(2_000)
    book = bloctel.open(path)

    found = added(job_of(path), *batches_of(rows, kind, 501))

    assert found == [expected(book, row) for row in rows]
    assert ("invalid", "ambiguous") in found


def test_nine_digits_belong_to_the_region_of_the_question(path: Path) -> None:
    """Outside France, an integer of nine digits has only one reading."""
    book = bloctel.open(path)

    found = added(job_of(path, region="NC"), *batches_of([ABROAD], pa.int64(), 1))

    assert found == [expected(book, ABROAD, region="NC")]
    assert found[0][0] == "blocked"


def test_a_row_is_blocked_if_one_of_its_numbers_is(path: Path) -> None:
    """The reason names the column; a row is valid if only some cells are empty."""
    blocked, clear = "06 39 98 00 00", "01 99 00 00 01"
    rows = [
        (clear, clear, ("clear", None)),
        (clear, blocked, ("blocked", "b: own since 2024-01-01")),
        ("rubbish", blocked, ("blocked", "b: own since 2024-01-01")),
        ("rubbish", clear, ("invalid", "letters")),
        (None, clear, ("clear", None)),
        (None, None, ("invalid", "empty")),
    ]
    first, second, want = zip(*rows, strict=True)
    batch = pa.record_batch({"a": list(first), "b": list(second)})

    assert added(job_of(path, ("a", "b")), batch) == list(want)


def test_other_columns_are_not_copied(path: Path) -> None:
    """The added columns come last, and the other columns are unchanged."""
    field = pa.field("tags", pa.list_(pa.string()), metadata={"k": "v"})
    schema = pa.schema([pa.field("phone", pa.string(), nullable=False), field])
    batch = pa.record_batch([["0199000001"], [["x"]]], schema=schema)

    [out] = spark_worker.scrubbed_batches(job_of(path), iter([batch]))

    assert out.schema.names == ["phone", "tags", "bloctel", "bloctel_reason"]
    assert [out.schema.field(index) for index in range(2)] == list(schema)
    assert out.schema.field("tags").metadata == {b"k": b"v"}
    assert out.column(1).equals(batch.column(1))


def test_empty_batches_are_scrubbed(path: Path) -> None:
    """A batch without rows gives a result without rows."""
    assert added(job_of(path), *batches_of([], pa.string(), 1)) == []
    empty = pa.record_batch({"phone": pa.array([], pa.string())})
    assert added(job_of(path), empty) == []


def test_only_the_requested_lists_count(path: Path) -> None:
    """Only the lists of the question can block a number."""
    batch = pa.record_batch({"phone": ["0639980000"]})

    assert added(job_of(path), batch)[0][0] == "blocked"
    assert added(job_of(path, lists=("fr.bloctel",)), batch)[0][0] == "clear"


# -- call files -----------------------------------------------------------------


def test_results_of_files_are_sent_as_json(path: Path, tmp_path: Path) -> None:
    """The driver gets the counts or the error of each file, with its message."""
    good, bad, out = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "out.csv"
    good.write_text("n;phone\n1;0639980000\n2;0199000001\n3;12\n")
    bad.write_text("n;fax\n1;2\n")
    files = tuple((str(source), {"clear": str(out)}) for source in (good, bad))
    question = job_of(path).question
    job = spark_worker.FilesJob(question, files, ("phone",), FileOptions(), 1)
    indexes = pa.record_batch({"id": [1, 0]})

    batches = list(spark_worker.scrubbed_files(job, iter([indexes])))

    assert [batch.to_pydict()["id"] for batch in batches] == [[1], [0]]
    failed, done = (
        spark._scrubbed(source, Outputs(out), json.loads(batch["result"][0].as_py()))
        for source, batch in zip((bad, good), batches, strict=True)
    )
    with bloctel.Snapshot.open(path) as book:
        options: Any = {"columns": ["phone"], "outputs": Outputs(out)}
        summary = scrub_file(good, book.question(on=DAY), **options)
        with pytest.raises(InputError) as caught:
            scrub_file(bad, book.question(on=DAY), **options)
    assert done == ScrubbedFile(good, replace(summary, examples={}), None)
    assert type(failed.error) is InputError
    assert str(failed.error) == str(caught.value)
    assert failed.summary is None


# -- the file -------------------------------------------------------------------


def test_another_generation_is_refused(path: Path) -> None:
    """A file that replaced the one that the driver read is not used."""
    job = job_of(path)
    batch = pa.record_batch({"phone": ["0639980000"]})
    assert added(job, batch) == [("blocked", "own since 2024-01-01")]
    lists_of(2).build_snapshot(path, on=DAY)

    with pytest.raises(SnapshotError, match=r"generation \d+.*the driver read, got"):
        added(job, batch)


def test_another_registry_is_refused(path: Path, tmp_path: Path) -> None:
    """A snapshot of another registry is refused, even if its content is equal."""
    job = job_of(path)
    other = tmp_path / "other.bloctel"
    lists_of(1).build_snapshot(other, on=DAY)

    with pytest.raises(SnapshotError, match="which the driver read"):
        added(changed(job, file=str(other)), pa.record_batch({"phone": ["1"]}))


def test_every_byte_is_checked(path: Path) -> None:
    """A file with a damaged section is refused, even if its header is correct."""
    job = job_of(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)

    with pytest.raises(DamagedSnapshotError):
        added(job, pa.record_batch({"phone": ["0639980000"]}))


def test_a_file_is_opened_once(path: Path) -> None:
    """A worker verifies the file once, and uses it for all its tasks."""
    job = job_of(path)
    for _ in range(3):
        added(job, pa.record_batch({"phone": ["0639980000"]}))

    assert spark_worker.opened.cache_info()[:2] == (2, 1)


def test_a_worker_gets_the_rules_of_lists_of_your_own(tmp_path: Path) -> None:
    """Rules that the driver registered are sent to the workers with each task."""
    file, made = tmp_path / "rules.toml", tmp_path / "own.bloctel"
    file.write_text(TEXT)
    row = pa.record_batch({"phone": ["06 39 98 12 34"]})
    with no_registrations():
        rules.register(file)
        with bloctel.Registry.create("memory:", lists=[NAME]) as registry:
            registry.register("06 39 98 12 34", list=NAME, on=date(2023, 1, 2))
            registry.build_snapshot(made, on=DAY)
        job = changed(job_of(made), own_rules=rules.registered())
    job = pickle.loads(pickle.dumps(job))  # noqa: S301 - our own bytes

    with no_registrations():
        with pytest.raises(ListRulesError, match=NAME):
            added(changed(job, own_rules=()), row)
        said_until = f"{NAME} since 2023-01-12 until 2025-01-02"
        assert added(job, row) == [("blocked", said_until)]


def test_another_version_of_the_library_is_refused(path: Path) -> None:
    """All machines need the same version, because versions may differ in results."""
    job = changed(job_of(path), version="0.0.0")

    with pytest.raises(
        CannotAnswerError, match=r"bloctel 0\.0\.0, as on the driver, got bloctel"
    ):
        added(job, pa.record_batch({"phone": ["0639980000"]}))


# -- the day, and missing packages ------------------------------------------------


def test_lists_in_different_days_need_an_explicit_day(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If today differs between the time zones of two lists, the day is required."""
    days = {"Europe/Paris": DAY, "Pacific/Noumea": date(2024, 1, 3)}
    book = bloctel.open(path)
    load = rules.load
    monkeypatch.setattr(clock, "today", days.__getitem__)
    assert spark._fixed_day(book, None, None, None) == DAY

    def elsewhere(name: str) -> rules.ListRules:
        zone = "Pacific/Noumea" if name == "own" else "Europe/Paris"
        return structs.replace(load(name), time_zone=zone)

    monkeypatch.setattr(rules, "load", elsewhere)

    assert spark._fixed_day(book, None, ("fr.bloctel",), None) == DAY
    assert spark._fixed_day(book, DAY, None, None) == DAY
    with pytest.raises(InputError, match="have different dates"):
        spark._fixed_day(book, None, None, None)


@pytest.mark.parametrize("module", ["pyspark", "pandas", "pyarrow"])
def test_a_missing_package_is_named(
    module: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a package is missing, the error names the extra to install."""
    for name in ("pyspark", "pandas", "pyarrow"):
        # the module can be imported, even if it is not installed
        monkeypatch.setitem(sys.modules, name, pa)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[spark\]"):
        spark.scrub_frame(None, path, columns="phone")
