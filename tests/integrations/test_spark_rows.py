"""What a Python worker of Spark makes of the rows it is given; no Spark needed."""

from __future__ import annotations

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
    MissingExtraError,
    SnapshotError,
    UnknownListError,
)
from bloctel.integrations import spark, spark_worker
from bloctel.integrations.spark_worker import Asked, Edition, Job
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
    """Let each test be a worker that has opened nothing yet."""
    yield
    spark_worker.opened.cache_clear()


def job_of(path: Path, names: tuple[str, ...] = ("phone",), **more: Any) -> Job:
    """Return what the driver would tell a worker about a file."""
    edition = Edition.of(read_content(path, verify=True))
    told = {"on": DAY, "lists": None, "region": None, **more}
    asked = Asked(str(path), True, edition, bloctel.__version__, **told)
    return Job(asked, tuple(range(len(names))), names)


def asking(job: Job, **changes: Any) -> Job:
    """Return a job that asks something else."""
    return replace(job, asked=replace(job.asked, **changes))


def said(job: Job, *batches: pa.RecordBatch) -> list[tuple[str, str | None]]:
    """Return the two added columns as rows."""
    added = [batch.columns[-2:] for batch in spark_worker.judged(job, iter(batches))]
    return [
        pair
        for kinds, reasons in added
        for pair in zip(kinds.to_pylist(), reasons.to_pylist(), strict=True)
    ]


def batches_of(rows: list[Any], kind: pa.DataType, size: int) -> list[pa.RecordBatch]:
    """Return rows in batches of one column."""
    table = pa.table({"phone": pa.array(rows, kind)})
    return list(table.to_batches(max_chunksize=size))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@pytest.mark.parametrize("size", [7, 70_000])
def test_texts_get_what_check_says(path: Path, kind: pa.DataType, size: int) -> None:
    """Whatever the batches, each row has the verdict and the reason of `check`."""
    rows = texts(66_000 if size > 7 else 2_000)
    book = bloctel.open(path)

    found = said(job_of(path), *batches_of(rows, kind, size))

    assert found == [expected(book, row) for row in rows]
    assert {kind for kind, _ in found} == {"clear", "blocked", "invalid"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()], ids=str)
def test_integers_get_what_check_says(path: Path, kind: pa.DataType) -> None:
    """Nine digits are French without their 0, or refused if blocked abroad."""
    rows = integers(2_000)
    book = bloctel.open(path)

    found = said(job_of(path), *batches_of(rows, kind, 501))

    assert found == [expected(book, row) for row in rows]
    assert ("invalid", "ambiguous") in found


def test_nine_digits_are_foreign_where_the_region_is(path: Path) -> None:
    """Elsewhere than in France, an integer of nine digits has no second meaning."""
    book = bloctel.open(path)

    found = said(job_of(path, region="NC"), *batches_of([ABROAD], pa.int64(), 1))

    assert found == [expected(book, ABROAD, region="NC")]
    assert found[0][0] == "blocked"


def test_a_row_is_blocked_if_one_of_its_numbers_is(path: Path) -> None:
    """Of several columns the reason names the one, and gaps alone are no refusal."""
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

    assert said(job_of(path, ("a", "b")), batch) == list(want)


def test_other_columns_pass_as_they_are(path: Path) -> None:
    """The added columns stand at the end, and the others are the same memory."""
    field = pa.field("tags", pa.list_(pa.string()), metadata={"k": "v"})
    schema = pa.schema([pa.field("phone", pa.string(), nullable=False), field])
    batch = pa.record_batch([["0199000001"], [["x"]]], schema=schema)

    [out] = spark_worker.judged(job_of(path), iter([batch]))

    assert out.schema.names == ["phone", "tags", "bloctel", "bloctel_reason"]
    assert [out.schema.field(place) for place in range(2)] == list(schema)
    assert out.schema.field("tags").metadata == {b"k": b"v"}
    assert out.column(1).equals(batch.column(1))


def test_a_batch_without_rows_is_one(path: Path) -> None:
    """Nothing in, nothing out, and no error."""
    assert said(job_of(path), *batches_of([], pa.string(), 1)) == []
    empty = pa.record_batch({"phone": pa.array([], pa.string())})
    assert said(job_of(path), empty) == []


def test_only_the_lists_asked_are(path: Path) -> None:
    """A question about one list is not answered from another."""
    batch = pa.record_batch({"phone": ["0639980000"]})

    assert said(job_of(path), batch)[0][0] == "blocked"
    assert said(job_of(path, lists=("fr.bloctel",)), batch)[0][0] == "clear"


# -- which file -----------------------------------------------------------------


def test_another_generation_is_refused(path: Path) -> None:
    """A file that took the place of the one that the driver saw answers nothing."""
    job = job_of(path)
    batch = pa.record_batch({"phone": ["0639980000"]})
    assert said(job, batch) == [("blocked", "own since 2024-01-01")]
    lists_of(2).build_snapshot(path, on=DAY)

    with pytest.raises(SnapshotError, match=r"generation \d+.*the driver saw, got"):
        said(job, batch)


def test_another_registry_is_refused(path: Path, tmp_path: Path) -> None:
    """Lists that are filled alike are not the same list."""
    job = job_of(path)
    other = tmp_path / "other.bloctel"
    lists_of(1).build_snapshot(other, on=DAY)

    with pytest.raises(SnapshotError, match="which the driver saw"):
        said(asking(job, file=str(other)), pa.record_batch({"phone": ["1"]}))


def test_every_byte_is_checked(path: Path) -> None:
    """A file with the right header and a wrong section is refused."""
    job = job_of(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)

    with pytest.raises(DamagedSnapshotError):
        said(job, pa.record_batch({"phone": ["0639980000"]}))


def test_a_file_is_opened_once(path: Path) -> None:
    """Task after task, a worker keeps the file that it has checked."""
    job = job_of(path)
    for _ in range(3):
        said(job, pa.record_batch({"phone": ["0639980000"]}))

    assert spark_worker.opened.cache_info()[:2] == (2, 1)


def test_a_worker_gets_the_rules_of_lists_of_your_own(tmp_path: Path) -> None:
    """The driver registers them, and sends them with each task."""
    file, made = tmp_path / "rules.toml", tmp_path / "own.bloctel"
    file.write_text(TEXT)
    row = pa.record_batch({"phone": ["06 39 98 12 34"]})
    with no_registrations():
        rules.register(file)
        with bloctel.Registry.create("memory:", lists=[NAME]) as registry:
            registry.register("06 39 98 12 34", list=NAME, on=date(2023, 1, 2))
            registry.build_snapshot(made, on=DAY)
        job = asking(job_of(made), own_rules=rules.registered())
    job = pickle.loads(pickle.dumps(job))  # noqa: S301 - our own bytes

    with no_registrations():
        with pytest.raises(UnknownListError, match=NAME):
            said(asking(job, own_rules=()), row)
        said_until = f"{NAME} since 2023-01-12 until 2025-01-02"
        assert said(job, row) == [("blocked", said_until)]


def test_another_version_of_the_library_is_refused(path: Path) -> None:
    """Two versions may read a text in two ways, so all machines have the same."""
    job = asking(job_of(path), version="0.0.0")

    with pytest.raises(CannotAnswerError, match=r"driver runs, 0\.0\.0, got version"):
        said(job, pa.record_batch({"phone": ["0639980000"]}))


# -- the day, and what is missing -------------------------------------------------


def test_lists_that_differ_in_their_day_need_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where midnight is between the zones of two lists, nobody guesses the day."""
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
    with pytest.raises(InputError, match="not the same for all"):
        spark._fixed_day(book, None, None, None)


@pytest.mark.parametrize("module", ["pyspark", "pandas", "pyarrow"])
def test_a_missing_package_is_named(
    module: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what it needs, the error names the extra to install."""
    for name in ("pyspark", "pandas", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, pa)  # there, whatever is
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[spark\]"):
        spark.scrub_frame(None, path, column="phone")
