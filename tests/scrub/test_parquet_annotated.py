"""Annotated Parquet files, and Parquet input that is hostile or modified meanwhile."""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from bloctel.errors import InputError
from bloctel.scrub import Outputs, parquet, scrub_file
from bloctel.tabular import parquet_reader
from tests.helpers.call_files import ask, names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUMBERS = ["0639980001", "0261910002", "12", None]
ANSWERS = [
    ("blocked", "own"),
    ("clear", None),
    ("invalid", "short_number"),
    ("invalid", "empty"),
]
SPARK = "org.apache.spark.sql.parquet.row.metadata"


def annotate(source: Path, column: str | int = "tel") -> Path:
    """Return the annotated file."""
    target = source.with_name("annotated.parquet")
    scrub_file(source, ask(), columns=[column], outputs=Outputs(annotated=target))
    return target


def answers(table: pa.Table) -> list[tuple[str, str | None]]:
    """Return the two added columns, row by row."""
    columns = table.column("bloctel"), table.column("bloctel_reason")
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def rows_of(n_rows: int) -> pa.Table:
    """Return a table with that many rows and all kinds of numbers."""
    texts = [NUMBERS[row % 4] for row in range(n_rows)]
    return pa.table({"n": range(n_rows), "tel": pa.array(texts, pa.string())})


def file_of(folder: Path, table: pa.Table, **options: Any) -> Path:
    """Write a table to a file."""
    path = folder / "calls.parquet"
    pq.write_table(table, path, **options)
    return path


def test_columns_types_metadata_and_compression_are_kept(tmp_path: Path) -> None:
    """Nested columns, Arrow's own types and metadata of the footer are kept."""
    fields = [
        pa.field("id", pa.int16(), nullable=False),
        pa.field("tel", pa.string_view(), metadata={"of": "the person"}),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("at", pa.timestamp("ns", "Europe/Paris")),
        pa.field("town", pa.struct([("x", pa.float32()), ("tel", pa.string())])),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
        pa.field("pairs", pa.map_(pa.string(), pa.int64())),
    ]
    schema = pa.schema(fields, metadata={"made by": "the CRM"})
    rows = [
        {"id": 1, "tel": "0639980001", "tags": ["a", None], "at": 5, "kind": "x"},
        {"id": 2, "tel": "0261910002", "town": {"x": 0.5}, "pairs": [("a", 1)]},
    ]
    source = tmp_path / "calls.parquet"
    with pq.ParquetWriter(source, schema, compression="zstd") as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema))
        writer.add_key_value_metadata({"footer": "only"})

    target = annotate(source)

    found = pq.read_table(target)
    assert answers(found) == ANSWERS[:2]
    assert found.schema.field("bloctel") == pa.field("bloctel", "string", False)
    assert found.schema.field("bloctel_reason") == pa.field("bloctel_reason", "string")
    kept = found.drop_columns(["bloctel", "bloctel_reason"])
    table = pq.read_table(source)
    assert kept.schema.metadata == {b"made by": b"the CRM", b"footer": b"only"}
    kept = kept.replace_schema_metadata(table.schema.metadata)
    assert kept.equals(table, check_metadata=True)
    group = pq.ParquetFile(target).metadata.row_group(0)
    codecs = {group.column(index).compression for index in range(group.num_columns)}
    assert codecs == {"ZSTD"}


@pytest.mark.parametrize("group_rows", [1, 6, 7, 8, 1000])
def test_answers_stay_with_their_rows(
    group_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer is in its own row, wherever row groups and batches end."""
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 7)
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 30)
    source = file_of(tmp_path, rows_of(100), row_group_size=group_rows)

    found = pq.read_table(annotate(source))

    assert found.column("n").to_pylist() == list(range(100))
    assert answers(found) == ANSWERS * 25


def test_row_groups_without_rows(tmp_path: Path) -> None:
    """Row groups may be empty at any position, and a file may have no row group."""
    source = tmp_path / "calls.parquet"
    table = rows_of(4)
    with pq.ParquetWriter(source, table.schema) as writer:
        for part in (table[:0], table[:1], table[:0], table[1:], table[:0]):
            writer.write_table(part)
    assert pq.ParquetFile(source).num_row_groups == 5

    assert answers(pq.read_table(annotate(source))) == ANSWERS
    with pq.ParquetWriter(source, table.schema):
        pass
    empty = pq.read_table(annotate(source))
    assert (empty.num_rows, empty.num_columns) == (0, 4)


@pytest.mark.parametrize("library", ["duckdb", "polars", "pandas"])
def test_files_of_other_libraries_are_readable_by_all(
    library: str, tmp_path: Path
) -> None:
    """Annotated files that DuckDB, Polars or pandas wrote are read by all libraries."""
    table, source = rows_of(1000), tmp_path / "calls.parquet"
    with closing(duckdb.connect()) as connection:
        if library == "duckdb":
            connection.register("rows", table)
            connection.execute(
                f"COPY rows TO '{source}' (FORMAT parquet, ROW_GROUP_SIZE 300)"
            )
        elif library == "polars":
            pl.DataFrame(table).write_parquet(source, row_group_size=300)
        else:
            table.to_pandas().set_index("n").to_parquet(source)

        target = annotate(source)

        wanted = ANSWERS * 250
        assert answers(pq.read_table(target)) == wanted
        query = f"SELECT bloctel, bloctel_reason FROM '{target}'"
        assert connection.execute(query).fetchall() == wanted
        frame = pl.read_parquet(target)
        assert frame["tel"].to_list() == table.column("tel").to_pylist()
        assert frame.select("bloctel", "bloctel_reason").rows() == wanted
        found = pd.read_parquet(target)
        assert (found.index.name == "n") == (library == "pandas")
        assert found["bloctel"].tolist() == [kind for kind, _ in wanted]


@pytest.mark.parametrize("output", ["annotated", None])
@pytest.mark.parametrize(
    "columns",
    [
        ["tel.2", "n"],  # a dot does not make a path
        ["n", "tel", "town"],  # a struct with a field of that name
        ["tel", "n", "tel2"],
    ],
)
def test_the_phone_column_is_found_among_similar_names(
    columns: list[str], output: str | None, tmp_path: Path
) -> None:
    """A phone column is found even if other columns have similar or nested names."""
    wanted = columns[0] if "tel.2" in columns else "tel"
    values: dict[str, list[Any]] = {
        "tel.2": NUMBERS,
        "tel": NUMBERS,
        "n": [1, 2, 3, 4],
        "tel2": ["0639980001"] * 4,
        "town": [{"tel": "0639980001"}] * 4,
    }
    source = file_of(tmp_path, pa.table({name: values[name] for name in columns}))

    if output:
        assert answers(pq.read_table(annotate(source, wanted))) == ANSWERS
    else:
        summary = scrub_file(source, ask(), columns=[wanted])
        assert (summary.clear, summary.blocked, summary.invalid) == (1, 1, 2)


def test_several_phone_columns_in_any_order(tmp_path: Path) -> None:
    """With several phone columns, the reason names the column that is blocked."""
    columns = {"tel1": ["0261910002"] * 2, "x": [0, 0], "tel2": NUMBERS[:2]}
    source, target = file_of(tmp_path, pa.table(columns)), tmp_path / "out.parquet"

    outputs = Outputs(annotated=target)
    scrub_file(source, ask(), columns=["tel2", "tel1"], outputs=outputs)

    assert answers(pq.read_table(target)) == [("blocked", "tel2: own"), ("clear", None)]


def test_two_columns_of_one_name_are_told_apart_by_number(tmp_path: Path) -> None:
    """Of two columns with the same name, the column number selects one."""
    columns = [pa.array(["0639980001"] * 4), pa.array(NUMBERS)]
    source = file_of(tmp_path, pa.Table.from_arrays(columns, names=["tel", "tel"]))

    assert answers(pq.ParquetFile(annotate(source, 2)).read()) == ANSWERS
    assert scrub_file(source, ask(), columns=[2]).invalid == 2


def test_streams_are_annotated() -> None:
    """Parquet streams are annotated, both in memory and unpacked by gzip."""
    plain = io.BytesIO()
    pq.write_table(rows_of(4), plain)
    packed = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(plain.getvalue())))

    for source in (io.BytesIO(plain.getvalue()), cast("io.BytesIO", packed)):
        target = io.BytesIO()
        outputs = Outputs(annotated=target)
        scrub_file(source, ask(), columns=["tel"], outputs=outputs)
        assert answers(pq.read_table(io.BytesIO(target.getvalue()))) == ANSWERS


def test_reasons_are_those_of_the_split_outputs(tmp_path: Path) -> None:
    """Reasons agree in row groups with many reasons and with text that is not UTF-8."""
    texts = [b"12", b"t\xe9l\xe9phone", b"+33 6", b"0639980001", b"", b"3.5"] * 30
    raw = pa.array(texts)
    column = pa.StringArray.from_buffers(len(texts), *raw.buffers()[1:])
    source = file_of(tmp_path, pa.table({"tel": column}), row_group_size=20)

    targets = [tmp_path / f"{kind}.parquet" for kind in ("blocked", "invalid")]
    scrub_file(source, ask(), columns=["tel"], outputs=Outputs(None, *targets))

    split = [
        (path.stem, reason)
        for path in targets
        for reason in pq.read_table(path).column("bloctel").to_pylist()
    ]
    assert sorted(answers(pq.read_table(annotate(source)))) == sorted(split)
    assert ("invalid", "letters") in split


def test_the_schema_of_spark_is_extended(tmp_path: Path) -> None:
    """The added columns are in Spark's own schema too: Spark reads only that schema."""
    own = '{"type":"struct","fields":[{"name":"tel","type":"string"}]}'
    table = rows_of(4).select(["tel"])
    source = file_of(tmp_path, table.replace_schema_metadata({SPARK: own}))
    kinds = ("clear", "blocked", "invalid", "annotated")
    targets = [tmp_path / f"{kind}.parquet" for kind in kinds]

    scrub_file(source, ask(), columns=["tel"], outputs=Outputs(*targets))

    added = [[], ["bloctel"], ["bloctel"], ["bloctel", "bloctel_reason"]]
    for target, columns in zip(targets, added, strict=True):
        fields = json.loads(pq.read_metadata(target).metadata[SPARK.encode()])["fields"]
        assert [field["name"] for field in fields] == ["tel", *columns]
        assert [field["nullable"] for field in fields[1:]] == [False, True][
            : len(columns)
        ]
    for damaged in ("[]", "[" * 100_000):
        pq.write_table(table.replace_schema_metadata({SPARK: damaged}), source)
        found = pq.read_table(annotate(source))
        assert answers(found) == ANSWERS
        assert not found.schema.metadata


def touch(path: Path) -> None:
    """Change the time of a file."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def rewrite(path: Path) -> None:
    """Write a file in place and set its time back."""
    status = path.stat()
    time.sleep(0.05)  # some systems record the time of changes in steps
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("output", ["annotated", "clear"])
@pytest.mark.parametrize("change", [touch, rewrite])
@pytest.mark.parametrize(
    ("module", "step"), [(parquet_reader, "ParquetSource"), (parquet, "_classified")]
)
def test_a_file_modified_during_the_run_is_refused(
    module: Any,
    step: str,
    change: Callable[[Path], None],
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A modified file is refused, because rows and answers could disagree."""
    source = file_of(tmp_path, rows_of(4))
    do = getattr(module, step)

    def changing(*args: Any) -> Any:
        done = do(*args)
        change(source)
        return done

    monkeypatch.setattr(module, step, changing)
    outputs = Outputs(**{output: tmp_path / "out.parquet"})

    with pytest.raises(InputError, match="the file was modified while it was read"):
        scrub_file(source, ask(), columns=["tel"], outputs=outputs)

    assert names(tmp_path) == ["calls.parquet"]


def test_a_file_that_replaces_the_input_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that was opened is read to its end."""
    source, other = file_of(tmp_path, rows_of(4)), tmp_path / "other.parquet"
    pq.write_table(rows_of(4)[::-1], other)
    classified = parquet._classified

    def replacing(*args: Any) -> Any:
        if other.exists():
            other.replace(source)
        return classified(*args)

    monkeypatch.setattr(parquet, "_classified", replacing)

    found = pq.read_table(annotate(source))

    assert found.column("tel").to_pylist() == NUMBERS
    assert answers(found) == ANSWERS


def test_encrypted_columns_are_refused(tmp_path: Path) -> None:
    """Encrypted columns are refused, even if the phone column is readable."""
    source, table = tmp_path / "calls.parquet", rows_of(4)
    properties = pe.CryptoFactory(lambda _: _Kms()).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            "k", column_keys={"k": ["n"]}, plaintext_footer=True
        ),
    )
    with pq.ParquetWriter(
        source, table.schema, encryption_properties=properties
    ) as writer:
        writer.write_table(table)

    with pytest.raises(InputError, match="got a file with encrypted columns"):
        annotate(source)
    with pytest.raises(InputError, match="got a file with encrypted columns"):
        scrub_file(source, ask(), columns=["tel"])

    assert names(tmp_path) == ["calls.parquet"]


class _Kms(pe.KmsClient):  # type: ignore[misc]
    """Key management without secrets."""

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return key_bytes

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        return wrapped_key


def footer_start(data: bytes) -> int:
    """Return the position of the footer in a Parquet file."""
    return len(data) - 8 - int.from_bytes(data[-8:-4], "little")


@pytest.mark.parametrize("output", ["annotated", "clear", None])
def test_an_unknown_compression_is_refused(output: str | None, tmp_path: Path) -> None:
    """An unknown compression is refused, because pyarrow would abort the process."""
    source = file_of(tmp_path, rows_of(4), compression="zstd")
    data = source.read_bytes()
    start = footer_start(data)
    # field 4 of the column metadata is the codec: 12 is ZSTD, 26 is not assigned
    damaged = data[start:].replace(b"\x15\x0c\x16", b"\x15\x1a\x16")
    assert damaged != data[start:]
    source.write_bytes(data[:start] + damaged)
    outputs = Outputs(**{output: tmp_path / "out.parquet"}) if output else Outputs()

    with pytest.raises(InputError, match="a Parquet file, got a damaged file"):
        scrub_file(source, ask(), columns=["tel"], outputs=outputs)

    assert names(tmp_path) == ["calls.parquet"]


#: Numbers of rows as Thrift stores them: 40,000, and others of the same length.
STORED, FEWER, NEGATIVE = b"\x80\xf1\x04", b"\xa0\x9c\x01", b"\xff\xf0\x04"


@pytest.mark.parametrize("output", ["annotated", "clear"])
@pytest.mark.parametrize(
    ("occurrences", "count", "got"),
    [
        ([0], FEWER, "it declares 10000 rows, but its row groups have 40000"),
        ([1], FEWER, "row group 1 declares 40000 rows and has "),
        ([3], FEWER, "it declares 40000 rows, but its row groups have 10000"),
        ([0, 3], FEWER, "row group 1 declares 10000 rows and has 40000"),
        ([3], NEGATIVE, "row group 1 has -40000 rows"),
    ],
    ids=["file", "column", "row group", "file and row group", "negative"],
)
def test_row_counts_that_contradict_each_other_are_refused(
    occurrences: list[int], count: bytes, got: str, output: str, tmp_path: Path
) -> None:
    """No row is lost, and no impossible count reaches pyarrow's reader."""
    source = file_of(tmp_path, pa.table({"tel": NUMBERS[:2] * 20_000}))
    data = source.read_bytes()
    start = footer_start(data)
    parts = data[start:].split(STORED)
    assert len(parts) == 5  # a histogram contains the third occurrence
    for index, part in enumerate(parts[1:]):
        parts[index + 1] = (count if index in occurrences else STORED) + part
    source.write_bytes(data[:start] + b"".join(parts))

    with pytest.raises(InputError, match=f"contradicts itself: {got}"):
        scrub_file(
            source,
            ask(),
            columns=["tel"],
            outputs=Outputs(**{output: tmp_path / "out.parquet"}),
        )

    assert names(tmp_path) == ["calls.parquet"]


@pytest.mark.parametrize("output", ["annotated", "clear"])
def test_the_schema_names_the_columns(output: str, tmp_path: Path) -> None:
    """Column names come from the schema; damaged names in row groups do not matter."""
    source, target = file_of(tmp_path, rows_of(4)), tmp_path / "out.parquet"
    data = source.read_bytes()
    damaged = data.replace(b"\x19\x18\x03tel", b"\x19\x18\x03t\xff\xff")
    assert damaged != data
    source.write_bytes(damaged)

    outputs = Outputs(**{output: target})
    summary = scrub_file(source, ask(), columns=["tel"], outputs=outputs)

    assert (summary.clear, summary.blocked, summary.invalid) == (1, 1, 2)
    assert "0261910002" in pq.read_table(target).column("tel").to_pylist()


def test_hostile_files_neither_crash_nor_hang() -> None:
    """Damaged files are scrubbed in another process, which must survive all of them.

    With seeds from 12 on, pyarrow aborts the process if it is asked about a column
    that was not read before.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        for seed in (0, 1, 12, 21, 22, 34, 38):
            refused = pool.submit(n_refused, seed, 40).result(timeout=60)
            assert 10 < refused <= 40, seed


def n_refused(seed: int, n_files: int) -> int:
    """Scrub damaged files, and return the number of those that are refused."""
    source, chance = io.BytesIO(), random.Random(seed)  # noqa: S311 - not for secrets
    tags = [["x"], None, [], ["y", "z"]] * 5
    table = rows_of(20).append_column("tags", pa.array(tags, pa.list_(pa.string())))
    pq.write_table(
        table,
        source,
        row_group_size=chance.choice([7, 20]),
        compression=chance.choice(["none", "zstd"]),
        store_schema=chance.random() < 0.5,
        write_page_index=chance.random() < 0.5,
    )
    data, refused = source.getvalue(), 0
    for _ in range(n_files):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            first = footer_start(data) if chance.random() < 0.8 else 4
            at, byte = chance.randrange(first, len(data) - 8), chance.randrange(256)
            damaged[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, byte])
        outputs = Outputs(clear=io.BytesIO(), annotated=io.BytesIO())
        try:
            scrub_file(io.BytesIO(damaged), ask(), columns=[2], outputs=outputs)
        except InputError:
            refused += 1
    return refused
