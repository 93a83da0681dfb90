"""Parquet files: phone columns of all types, and split outputs."""

from __future__ import annotations

import io
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bloctel import Registry
from bloctel.bulk import import_numbers
from bloctel.errors import InputError, MissingExtraError
from bloctel.scrub import Outputs, parquet, scrub_file, scrub_frame
from tests.helpers.call_files import LISTED, ask, names, scrub

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = ["0639980001", "0261910002", "12", None, ""]


def file_of(folder: Path, table: pa.Table, **options: Any) -> Path:
    """Write a table to a file."""
    path = folder / "calls.parquet"
    pq.write_table(table, path, **options)
    return path


@pytest.mark.parametrize(
    "type_",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.binary(),
    ],
    ids=str,
)
def test_text_of_every_layout_is_read_and_kept(type_: Any, tmp_path: Path) -> None:
    """Missing values and empty texts are empty; outputs keep the type."""
    column = pa.array(NUMBERS, pa.string()).cast(type_)
    source = file_of(tmp_path, pa.table({"n": range(5), "tel": column}))
    kept = pq.ParquetFile(source).schema_arrow.field("tel").type

    summary, outputs = scrub(source)
    clear, blocked, invalid = map(pq.read_table, outputs)

    assert kept == type_
    assert [t.schema.field("tel").type for t in (clear, blocked, invalid)] == [kept] * 3
    assert clear.column("n").to_pylist() == [1]
    assert blocked.column("n").to_pylist() == [0]
    assert blocked.column("bloctel").to_pylist() == ["own"]
    assert invalid.column("n").to_pylist() == [2, 3, 4]
    assert invalid.column("bloctel").to_pylist() == ["short_number", "empty", "empty"]
    assert summary.invalid_reasons == {"short_number": 1, "empty": 2}


@pytest.mark.parametrize("type_", [pa.int32(), pa.uint32(), pa.int64(), pa.uint64()])
def test_whole_numbers_are_read(type_: Any, tmp_path: Path) -> None:
    """Integers are read as numbers without their leading zero, and nulls as empty."""
    column = pa.array([639980001, 261910002, 12, None], type_)

    summary, _ = scrub(file_of(tmp_path, pa.table({"tel": column})))

    assert (summary.clear, summary.blocked, summary.invalid) == (1, 1, 2)


def test_an_integer_that_is_another_line_abroad_is_refused(tmp_path: Path) -> None:
    """The integer is clear as a French number, but blocked as a foreign number."""
    source = file_of(tmp_path, pa.table({"tel": pa.array([687123456, 639980001])}))
    text = file_of(tmp_path / "..", pa.table({"tel": ["687123456", "639980001"]}))
    question = ask(687_123_456)

    summary = scrub_file(source, question, columns=["tel"])

    assert summary.invalid_reasons == {"ambiguous": 1}
    assert summary.blocked == 1
    assert scrub_file(text, question, columns=["tel"]).invalid_reasons == {
        "ambiguous": 1
    }
    text.unlink()


def test_a_column_of_nulls_alone_is_empty(tmp_path: Path) -> None:
    """A column of Arrow's null type counts as empty."""
    source = file_of(tmp_path, pa.table({"tel": pa.nulls(3), "mobile": NUMBERS[:3]}))

    summary, _ = scrub(source, ["tel", "mobile"])

    assert (summary.clear, summary.blocked, summary.invalid) == (1, 1, 1)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (612345678.0, "double"),
        (True, "bool"),
        ([1], "list<element: int64>"),
        (date(2026, 1, 2), r"date32\[day\]"),
        (datetime(2026, 1, 2), r"timestamp\[us\]"),  # noqa: DTZ001
        (Decimal(612345678), r"decimal128\(9, 0\)"),
        ({"a": 1}, "struct<a: int64>"),
    ],
)
def test_a_column_of_another_type_is_refused(
    value: object, type_: str, tmp_path: Path
) -> None:
    """The message names the column and its type, before anything is written."""
    source = file_of(tmp_path, pa.table({"tel": [value]}))

    with pytest.raises(InputError) as caught:
        scrub(source)

    assert caught.match(
        f"expected a column of text or whole numbers, got a column of the type {type_}"
        f" - at {source}, column 'tel'"
    )
    assert names(tmp_path) == ["calls.parquet"]


def test_other_columns_and_metadata_are_kept(tmp_path: Path) -> None:
    """Other columns keep types, order, metadata, nullability and compression."""
    fields = [
        pa.field("id", pa.int16(), nullable=False),
        pa.field("tel", pa.string(), metadata={"of": "the person"}),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("day", pa.date32()),
        pa.field("at", pa.timestamp("ns", "Europe/Paris")),
        pa.field("price", pa.decimal128(9, 2)),
        pa.field("place", pa.struct([("x", pa.float32())])),
    ]
    schema = pa.schema(fields, metadata={"made by": "the CRM"})
    moment = datetime.fromisoformat("2026-01-02T03:04:05+01:00")
    other = [["a", None], date(2026, 1, 2), moment, Decimal("1.50"), {"x": 0.5}]
    texts = ["0261910002", "0639980001"]
    rows = [[i, text, *other] for i, text in enumerate(texts)]
    table = pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema
    )
    codecs = {"id": "gzip", "tel": "zstd", "tags.list.element": "lz4"}
    source = file_of(tmp_path, table, compression=codecs)

    _, (clear, blocked, _) = scrub(source)

    table = pq.read_table(source)
    assert pq.read_table(clear).equals(table.slice(0, 1), check_metadata=True)
    extended = pq.read_table(blocked)
    assert extended.schema.metadata == schema.metadata
    assert extended.drop_columns("bloctel").equals(table.slice(1), check_metadata=True)
    for output in (clear, blocked):
        assert {
            path: codec for path, codec in compressions(output) if path != "bloctel"
        } == dict(compressions(source))


def compressions(path: Path) -> list[tuple[str, str]]:
    """Return each column's path and codec."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = map(group.column, range(group.num_columns))
    return [(column.path_in_schema, column.compression) for column in columns]


def test_a_column_with_the_added_name_is_kept(tmp_path: Path) -> None:
    """A column `bloctel` of the input is kept, and the new column gets another name."""
    source = file_of(tmp_path, pa.table({"bloctel": ["x"], "tel": ["0639980001"]}))

    _, (_, blocked, _) = scrub(source)

    assert pq.read_table(blocked).to_pylist() == [
        {"bloctel": "x", "tel": "0639980001", "bloctel_2": "own"}
    ]


def test_outputs_without_rows_are_valid_files(tmp_path: Path) -> None:
    """Outputs without rows are valid files, also if the input has no row groups."""
    empty = pa.table({"tel": pa.array([], pa.string())})
    source = file_of(tmp_path, empty)
    with pq.ParquetWriter(tmp_path / "none.parquet", empty.schema):
        pass

    for path in (source, tmp_path / "none.parquet"):
        summary, outputs = scrub(path)

        assert summary.rows == 0
        assert [pq.read_table(output).num_rows for output in outputs] == [0, 0, 0]


def test_many_row_groups_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches and row groups may end anywhere; each group may have its dictionary."""
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 7)
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 50)
    texts = [NUMBERS[i % 3] for i in range(1000)]
    tags = pa.array([f"t{i // 10}" for i in range(1000)]).dictionary_encode()
    table = pa.table({"n": range(1000), "tel": texts, "tag": tags})
    source = file_of(tmp_path, table, row_group_size=64)
    seen: list[tuple[int, int | None]] = []

    _, outputs = scrub(source)
    scrub_file(source, ask(), columns=[2], progress=lambda *done: seen.append(done))

    order = [pq.read_table(output).column("n").to_pylist() for output in outputs]
    assert order == [list(range(1, 1000, 3)), list(range(0, 1000, 3)), order[2]]
    assert pq.read_table(outputs[0]).column("tag").to_pylist() == [
        f"t{i // 10}" for i in range(1, 1000, 3)
    ]
    assert pq.ParquetFile(outputs[0]).num_row_groups < 10
    assert seen == sorted(seen)
    assert seen[-1] == (1000, 1000)


def test_a_stream_of_any_kind_is_read(tmp_path: Path) -> None:
    """Parquet is read from its end, so a pipe is copied first."""
    source = file_of(tmp_path, pa.table({"tel": NUMBERS}))
    clear = io.BytesIO()

    with source.open("rb") as file:
        in_place = scrub_file(file, ask(), columns=["tel"])
    pipe: Any = Pipe(source.read_bytes())
    piped = scrub_file(pipe, ask(), columns=["tel"], outputs=Outputs(clear))

    assert in_place.rows == piped.rows == 5
    assert pq.read_table(clear).column("tel").to_pylist() == ["0261910002"]


class Pipe:
    """Pipe whose first reads return one byte."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        return self._file.read(1 if self._file.tell() < 3 else size)


def test_a_damaged_file_is_an_error_and_no_row(tmp_path: Path) -> None:
    """Truncated or altered anywhere: an error names the file, nothing is written."""
    table = pa.table({"tel": [f"026191{i:04}" for i in range(2000)]})
    source = file_of(tmp_path, table, write_page_checksum=True)
    data = source.read_bytes()
    damaged = [data[:n] for n in (4, 9, len(data) // 2, len(data) - 1)]
    damaged += [data[:n] + b"\xff\xff\xff" + data[n + 3 :] for n in (500, 5000)]
    for content in damaged:
        source.write_bytes(content)

        with pytest.raises(InputError, match=f"a Parquet file.* - at {source}"):
            scrub(source)
    assert names(tmp_path) == ["calls.parquet"]


@pytest.mark.parametrize("n_groups", [0, 1, 3])
def test_joined_files_are_refused(n_groups: int, tmp_path: Path) -> None:
    """The rows of only one file would be read, although `cat` joined two files."""
    parts = []
    for first in (1000, 2000):
        rows = [f"026191{first + i}" for i in range(300 * n_groups)]
        table = pa.table({"tel": pa.array(rows, pa.string())})
        source = file_of(tmp_path, table, row_group_size=300, write_page_index=True)
        scrub_file(source, ask(), columns=["tel"])
        parts.append(source.read_bytes())
    source.write_bytes(b"".join(parts))

    with pytest.raises(InputError, match=r"several Parquet files|a damaged file"):
        scrub(source)
    assert names(tmp_path) == ["calls.parquet"]


def test_a_smaller_file_before_the_last_one_is_refused(tmp_path: Path) -> None:
    """The first of two joined files can be shorter than the offsets of the last one."""
    parts = []
    for step, n_rows in ((1, 1000), (7919, 900)):
        rows = [f"026191{step * i % 10000:04}" for i in range(n_rows)]
        parts.append(file_of(tmp_path, pa.table({"tel": rows})).read_bytes())
    assert len(parts[0]) < len(parts[1])
    (tmp_path / "calls.parquet").write_bytes(b"".join(parts))

    with pytest.raises(InputError, match="several Parquet files"):
        scrub(tmp_path / "calls.parquet")


def test_a_name_that_is_a_number_is_refused(tmp_path: Path) -> None:
    """The first number of a list without a header can become the name of a column."""
    frame = pd.DataFrame({LISTED[0]: NUMBERS})
    source = file_of(tmp_path, pa.Table.from_pandas(frame))

    with pytest.raises(InputError, match="the name of a phone column is a phone"):
        scrub_file(source, ask(), columns=[LISTED[0]])
    with pytest.raises(InputError, match="the name of a phone column is a phone"):
        scrub_frame(frame, ask(), columns=LISTED[0])
    registry = Registry.create("memory:", lists=["own"])
    with pytest.raises(InputError, match="the name of a phone column is a phone"):
        import_numbers(registry, source, list="own")


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    """An encrypted file is refused, because its first bytes show the encryption."""
    (tmp_path / "calls.parquet").write_bytes(b"PARE" + bytes(100))

    with pytest.raises(InputError, match="got an encrypted Parquet file"):
        scrub(tmp_path / "calls.parquet")


@pytest.mark.parametrize("name", ["clear.csv", "clear.xlsx", "c.tsv", "c.parquet.gz"])
def test_an_output_named_otherwise_is_refused(name: str, tmp_path: Path) -> None:
    """An output of Parquet must not have the file name ending of another format."""
    source = file_of(tmp_path, pa.table({"tel": NUMBERS}))

    with pytest.raises(InputError, match="the format of the input, Parquet"):
        scrub_file(source, ask(), columns=["tel"], outputs=Outputs(tmp_path / name))

    assert names(tmp_path) == ["calls.parquet"]


def test_missing_columns(tmp_path: Path) -> None:
    """The error about a missing column lists the columns of the file."""
    source = file_of(tmp_path, pa.table({"nom": ["A"], "mobile": ["0639980001"]}))

    with pytest.raises(InputError, match="the columns 'nom', 'mobile'"):
        scrub(source)
    with pytest.raises(InputError, match="expected a column 3"):
        scrub(source, [3])
    assert scrub(source, [2])[0].blocked == 1


def test_without_pyarrow_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pyarrow, a Parquet file is recognised, and the error names the extra."""
    source = file_of(tmp_path, pa.table({"tel": NUMBERS}))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'bloctel\[arrow\]'"):
        scrub(source)
