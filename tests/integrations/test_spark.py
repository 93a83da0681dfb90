"""Scrubs on a real Spark cluster: two executors, each with its own Python workers."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bloctel
from bloctel._util import clock
from bloctel.errors import (
    DamagedSnapshotError,
    InputError,
    ListClosedError,
    SnapshotError,
    StaleSnapshotError,
    UnknownListError,
)
from bloctel.integrations.spark import scrub_frame
from tests.helpers.dirty_rows import DAY, expected, integers, lists_of, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

#: Only on the list of the second edition, and never in `texts`.
LATE = "06 39 98 99 01"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A snapshot of the first edition."""
    return snapshot_of(1, tmp_path / "s.bloctel")


def snapshot_of(edition: int, path: Path) -> Path:
    """Write a snapshot, over an existing one if there is one."""
    lists_of(edition).build_snapshot(path, on=DAY)
    return path


def frame(session: Any, rows: list[Any], kind: str = "string", parts: int = 4) -> Any:
    """Return a DataFrame of numbers with their row numbers, in several partitions."""
    numbered = list(enumerate(rows))
    return session.createDataFrame(numbered, f"row int, phone {kind}").repartition(
        parts
    )


def added(scrubbed: Any) -> list[tuple[str, str | None]]:
    """Return the two added columns in the order of the row numbers."""
    rows = scrubbed.orderBy("row").collect()
    return [(row.bloctel, row.bloctel_reason) for row in rows]


def run_in_workers(session: Any, probe: Callable[[], Any]) -> list[Any]:
    """Return the result of a function in each Python worker."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow

        for _ in batches:
            yield pyarrow.record_batch({"result": [repr(probe())]})

    # with a barrier both tasks start together, and each executor runs only one task
    tasks = session.range(0, 2, 1, 2).mapInArrow(run, "result string", barrier=True)
    return [eval(row.result, {}) for row in tasks.collect()]  # noqa: S307


# -- results ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "rows"), [("string", texts(30_000)), ("bigint", integers(10_000))]
)
def test_rows_get_the_answers_of_check(
    session: Any, path: Path, kind: str, rows: list[Any]
) -> None:
    """No row is lost, and each has the verdict and the reason that `check` gives."""
    book = bloctel.open(path)

    found = added(
        scrub_frame(frame(session, rows, kind), path, columns="phone", on=DAY)
    )

    assert found == [expected(book, row) for row in rows]


def test_other_columns_are_untouched(session: Any, path: Path) -> None:
    """Other columns may have any name and type; they are unchanged."""
    df = session.sql(
        """SELECT '0639980000' AS `tel. mobile`, id AS `a``b`, 1 AS twice, 2 AS twice,
        CAST(id AS decimal(20, 3)), TIMESTAMP '2020-01-02 03:04:05', map('a', id),
        TIMESTAMP_NTZ '2020-01-02 03:04:05', DATE '2020-01-02', array(1, NULL),
        named_struct('x', 1, 'y', 'z'), CAST('ab' AS binary), true, NULL,
        INTERVAL 1 DAY, CAST(1 AS float) FROM range(9)"""
    )
    from pyspark.sql.types import StringType, StructField, StructType

    out = scrub_frame(df, path, columns="tel. mobile", on=DAY)

    new_fields = (
        StructField("bloctel", StringType(), False),
        StructField("bloctel_reason", StringType()),
    )
    assert out.schema == StructType([*df.schema.fields, *new_fields])
    rows = sorted(out.collect(), key=lambda row: row[1])
    assert [tuple(row)[:-2] for row in rows] == [tuple(row) for row in df.collect()]
    assert {tuple(row)[-2:] for row in rows} == {("blocked", "own since 2024-01-01")}


def test_a_view_can_be_queried_in_sql(session: Any, path: Path) -> None:
    """The result can be queried in SQL, also with several phone columns."""
    df = frame(session, ["0199000001", "0639980000", "none"])
    df = df.selectExpr("row", "phone AS a", "'01 99 00 00 01' AS b")
    scrub_frame(df, path, columns=["a", "b"], on=DAY).createOrReplaceTempView(
        "scrubbed"
    )

    counts = session.sql("SELECT bloctel, count(*) FROM scrubbed GROUP BY 1 ORDER BY 1")
    reasons = session.sql("SELECT bloctel_reason FROM scrubbed WHERE row = 1")

    assert list(map(tuple, counts.collect())) == [
        ("blocked", 1),
        ("clear", 1),
        ("invalid", 1),
    ]
    assert reasons.first()[0] == "a: own since 2024-01-01"


def test_the_call_starts_no_job(session: Any, path: Path) -> None:
    """The call starts no Spark job; Spark runs when the rows are needed."""
    df = frame(session, texts(100))
    tracker = session.sparkContext.statusTracker()
    before = tracker.getJobIdsForGroup(None)

    out = scrub_frame(df, path, columns="phone", on=DAY)

    assert set(tracker.getJobIdsForGroup(None)) == set(before)
    assert out.count() == 100
    assert set(tracker.getJobIdsForGroup(None)) > set(before)


def test_the_day_is_that_of_the_call(
    session: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day is determined at the call on the driver, not by the workers' clocks."""
    noon = 1_704_193_200.0  # 2024-01-02T11:00Z
    monkeypatch.setattr(clock, "now", lambda: noon)

    out = scrub_frame(frame(session, ["0639980000"]), path, columns="phone")

    assert added(out) == [("blocked", "own since 2024-01-01")]


def test_the_job_is_small(
    session: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function that Spark sends to workers is small, as it lacks the list."""
    from pyspark import cloudpickle

    df = frame(session, ["0639980000"])
    sent: list[Any] = []
    real = type(df).mapInArrow

    def spy(df: Any, work: object, schema: object) -> Any:
        sent.append(work)
        return real(df, work, schema)

    monkeypatch.setattr(type(df), "mapInArrow", spy)

    scrub_frame(df, path, columns="phone", on=DAY)

    assert len(cloudpickle.dumps(sent[0])) < min(2_000, path.stat().st_size)


# -- the file on the executors ------------------------------------------------------


def test_each_worker_reads_the_file_once(session: Any, path: Path) -> None:
    """A Python worker reads the snapshot into its memory once, and uses it again."""
    df = frame(session, texts(1_000), parts=8)
    for _ in range(2):
        scrub_frame(df, path, columns="phone", on=DAY).collect()

    def probe() -> tuple[int, int, int]:
        from bloctel.integrations.spark_worker import opened

        hits, misses, *_ = opened.cache_info()
        return os.getppid(), hits, misses

    workers = run_in_workers(session, probe)

    assert len({parent for parent, *_ in workers}) == 2  # there are two executors
    assert all(hits > misses >= 1 for _, hits, misses in workers)


def test_a_replaced_file_is_a_new_list(session: Any, path: Path) -> None:
    """A DataFrame keeps the list of its call; the next call uses the new list."""
    df = frame(session, [LATE, "0639980000"])
    old = scrub_frame(df, path, columns="phone", on=DAY)
    snapshot_of(2, path)
    new = scrub_frame(df, path, columns="phone", on=DAY)
    path.unlink()

    assert [kind for kind, _ in added(new)] == ["blocked", "blocked"]
    assert [kind for kind, _ in added(old)] == ["clear", "blocked"]


def test_files_of_the_same_name_do_not_clash(session: Any, tmp_path: Path) -> None:
    """Two snapshots with the same file name in different folders are not confused."""
    rows = frame(session, [LATE])
    out = []
    for edition in (1, 2):
        (tmp_path / str(edition)).mkdir()
        named = snapshot_of(edition, tmp_path / str(edition) / "same.bloctel")
        df = rows.selectExpr(f"{edition} AS row", "phone")
        out.append(scrub_frame(df, named, columns="phone", on=DAY))

    assert added(out[0].unionByName(out[1])) == [
        ("clear", None),
        ("blocked", "own since 2024-01-01"),
    ]


def test_an_unchanged_file_is_sent_once(session: Any, path: Path) -> None:
    """A second scrub with an unchanged list does not send the file again."""
    df = frame(session, ["0639980000"])
    scrub_frame(df, path, columns="phone", on=DAY)
    before = session.sparkContext.listFiles

    scrub_frame(df, path, columns="phone", on=DAY)

    assert sorted(session.sparkContext.listFiles) == sorted(before)


def test_a_shared_file_is_not_sent(session: Any, path: Path) -> None:
    """With `shared`, the list is read at its path, and Spark sends no file."""
    before = session.sparkContext.listFiles
    out = scrub_frame(
        frame(session, [LATE]), path, columns="phone", on=DAY, shared=True
    )

    assert added(out) == [("clear", None)]
    assert session.sparkContext.listFiles == before


def test_a_replaced_shared_file_fails_the_job(session: Any, path: Path) -> None:
    """The job fails instead of mixing two lists; the message has no phone number."""
    from pyspark.errors import PySparkException

    out = scrub_frame(
        frame(session, [LATE]), path, columns="phone", on=DAY, shared=True
    )
    snapshot_of(2, path)

    with pytest.raises(PySparkException) as caught:
        out.collect()

    message = str(caught.value)
    assert (
        "bloctel.errors.SnapshotError: expected the snapshot of 2024-01-02" in message
    )
    assert "(scrub again)" in message
    assert not re.search(r"0?6[ .]?39[ .]?98", message)


def test_a_damaged_copy_fails_the_job(session: Any, path: Path) -> None:
    """Damage to the file is detected before a row is scrubbed."""
    from pyspark.errors import PySparkException

    out = scrub_frame(
        frame(session, [LATE]), path, columns="phone", on=DAY, shared=True
    )
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)

    with pytest.raises(PySparkException, match="DamagedSnapshotError: the checksum"):
        out.collect()


# -- errors at the call ---------------------------------------------------------------


def cut(path: Path) -> None:
    """Truncate a file."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:1000])


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (InputError, {"columns": "fax"}),
        (InputError, {"columns": []}),
        (InputError, {"columns": 3}),
        (InputError, {"columns": "price"}),
        (InputError, {"region": "XX"}),
        (InputError, {"lists": []}),
        (InputError, {"on": "2024-01-02"}),
        (UnknownListError, {"lists": ["own:brand"]}),
        (ListClosedError, {"lists": "fr.bloctel", "on": date(2026, 8, 11)}),
        (StaleSnapshotError, {"on": date(2024, 2, 2)}),
        (StaleSnapshotError, {"on": None}),
    ],
)
def test_a_wrong_argument_is_an_error_at_the_call(
    session: Any, path: Path, error: type[Exception], change: dict[str, Any]
) -> None:
    """The error is raised before any job starts on the cluster."""
    df = frame(session, ["0639980000"]).selectExpr("phone", "1.5 AS price")
    arguments: dict[str, Any] = {"columns": "phone", "on": DAY, **change}

    with pytest.raises(error):
        scrub_frame(df, path, **arguments)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT '0639980000' AS phone, 1 AS Bloctel",
        "SELECT '0639980000' AS phone, 1 AS BLOCTEL_reason",
        "SELECT '0639980000' AS phone, INTERVAL 1 MONTH AS age",
    ],
)
def test_a_wrong_frame_is_an_error_at_the_call(
    session: Any, path: Path, query: str
) -> None:
    """A frame with the added columns, or with an unsupported type, is refused."""
    with pytest.raises(InputError):
        scrub_frame(session.sql(query), path, columns="phone", on=DAY)


def test_other_types_are_not_frames(session: Any, path: Path) -> None:
    """A list is not a DataFrame, and the message does not repeat its content."""
    with pytest.raises(InputError, match="a Spark DataFrame, got a list"):
        scrub_frame(["0639980000"], path, columns="phone", on=DAY)


@pytest.mark.parametrize(
    ("error", "change"), [(DamagedSnapshotError, cut), (SnapshotError, Path.unlink)]
)
def test_a_bad_file_is_an_error_at_the_call(
    session: Any, path: Path, error: type[Exception], change: Callable[[Path], None]
) -> None:
    """A damaged or missing file is not sent to executors."""
    change(path)

    with pytest.raises(error):
        scrub_frame(frame(session, ["0639980000"]), path, columns="phone", on=DAY)
    with pytest.raises(InputError, match="a URL"):
        scrub_frame(frame(session, ["1"]), f"file:{path}", columns="phone", on=DAY)


def test_a_stream_is_scrubbed_batch_by_batch(
    session: Any, path: Path, tmp_path: Path
) -> None:
    """A streaming frame is refused, because its batches have different days."""
    rows = tmp_path / "rows"
    frame(session, ["0639980000", "0199000001"]).write.parquet(str(rows))
    stream = session.readStream.schema("row int, phone string").parquet(str(rows))
    found: list[tuple[str, str | None]] = []
    with pytest.raises(InputError, match="foreachBatch"):
        scrub_frame(stream, path, columns="phone", on=DAY)

    def scrub_batch(batch: Any, number: int) -> None:
        found.extend(added(scrub_frame(batch, path, columns="phone", on=DAY)))

    writer = stream.writeStream.foreachBatch(scrub_batch).trigger(availableNow=True)
    writer = writer.option("checkpointLocation", str(tmp_path / "checkpoint"))
    writer.start().awaitTermination()

    assert found == [("blocked", "own since 2024-01-01"), ("clear", None)]
