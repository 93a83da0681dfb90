"""Marked Parquet files: no byte of a column changes, every reader sees two more."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from bloctel.errors import InputError
from bloctel.scrub import Outputs, ScrubSummary, parquet, parquet_marked, scrub_file
from bloctel.scrub.parquet_footer import read_footer
from bloctel.scrub.parquet_schema import SPARK_SCHEMA
from bloctel.tabular import parquet_reader
from tests.helpers.call_files import ask, names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NUMBERS = ["0639980001", "0261910002", "12", None]
SAID = [("blocked", "own"), ("clear", None), ("invalid", "short_number")]
SAID = [*SAID, ("invalid", "empty")]


def mark(source: Path, column: str = "tel") -> Path:
    """Return the marked file."""
    target = source.with_name("marked.parquet")
    scrub_file(source, ask(), columns=[column], outputs=Outputs(marked=target))
    return target


def said(table: pa.Table) -> list[tuple[str, str | None]]:
    """Return the two added columns."""
    columns = table.column("bloctel"), table.column("bloctel_reason")
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def rows_of(n_rows: int) -> pa.Table:
    """Return a table of so many rows, all kinds of numbers among them."""
    texts = [NUMBERS[row % 4] for row in range(n_rows)]
    return pa.table({"n": range(n_rows), "tel": pa.array(texts, pa.string())})


def test_columns_types_and_metadata_are_as_they_were(tmp_path: Path) -> None:
    """Nested columns too, and those whose types are Arrow's alone."""
    fields = [
        pa.field("id", pa.int16(), nullable=False),
        pa.field("tel", pa.string_view(), metadata={"of": "the person"}),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("at", pa.timestamp("ns", "Europe/Paris")),
        pa.field("place", pa.struct([("x", pa.float32()), ("tel", pa.string())])),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
        pa.field("pairs", pa.map_(pa.string(), pa.int64())),
    ]
    schema = pa.schema(fields, metadata={"made by": "the CRM"})
    rows = [
        {"id": 1, "tel": "0639980001", "tags": ["a", None], "at": 5, "kind": "x"},
        {"id": 2, "tel": "0261910002", "place": {"x": 0.5}, "pairs": [("a", 1)]},
    ]
    source = tmp_path / "calls.parquet"
    table = pa.Table.from_pylist(rows, schema)
    pq.write_table(table, source, compression="zstd", write_page_checksum=True)

    marked = mark(source)

    found = pq.read_table(marked)
    assert said(found) == SAID[:2]
    assert found.schema.field("bloctel").type == pa.string()
    assert not found.schema.field("bloctel").nullable
    kept = found.drop_columns(["bloctel", "bloctel_reason"])
    assert kept.equals(pq.read_table(source), check_metadata=True)
    assert kept.schema.metadata == schema.metadata
    codecs = {
        pq.ParquetFile(marked).metadata.row_group(0).column(place).compression
        for place in (0, -1 + pq.ParquetFile(marked).metadata.num_columns)
    }
    assert codecs == {"ZSTD"}


@pytest.mark.parametrize("options", [{}, {"write_page_index": True}], ids=str)
def test_no_byte_of_a_column_changes(options: dict[str, Any], tmp_path: Path) -> None:
    """Page indexes and statistics of the columns stay where they are."""
    source = tmp_path / "calls.parquet"
    pq.write_table(rows_of(5000), source, row_group_size=700, **options)

    marked = mark(source).read_bytes()

    data = source.read_bytes()
    footer = int.from_bytes(data[-8:-4], "little")
    columns = data[: -8 - footer]
    assert marked.startswith(columns)
    before = pq.ParquetFile(io.BytesIO(data)).metadata
    after = pq.ParquetFile(io.BytesIO(marked)).metadata
    assert after.num_row_groups == before.num_row_groups == 8
    for place in range(8):
        groups = before.row_group(place), after.row_group(place)
        assert [groups[0].column(i) for i in (0, 1)] == [
            groups[1].column(i) for i in (0, 1)
        ]
        assert groups[1].total_byte_size > groups[0].total_byte_size


@pytest.mark.parametrize("group_rows", [1, 6, 7, 8, 1000])
def test_marks_stand_beside_their_rows(
    group_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However row groups and batches fall."""
    monkeypatch.setattr(parquet, "_ROWS_AT_ONCE", 7)
    source = tmp_path / "calls.parquet"
    pq.write_table(rows_of(100), source, row_group_size=group_rows)

    marked = mark(source)

    found = pq.read_table(marked)
    assert found.column("n").to_pylist() == list(range(100))
    assert said(found) == SAID * 25
    # one row group alone is right as well
    last = pq.ParquetFile(marked)
    assert said(last.read_row_group(last.num_row_groups - 1))[-1] == SAID[3]


def test_row_groups_without_rows(tmp_path: Path) -> None:
    """At the beginning, in between, at the end; or none at all."""
    source = tmp_path / "calls.parquet"
    table = rows_of(4)
    with pq.ParquetWriter(source, table.schema) as writer:
        for part in (table[:0], table[:1], table[:0], table[1:], table[:0]):
            writer.write_table(part)
    assert pq.ParquetFile(source).num_row_groups == 5

    found = pq.ParquetFile(mark(source))

    assert found.num_row_groups == 5
    assert said(found.read()) == SAID
    with pq.ParquetWriter(source, table.schema):
        pass
    assert pq.ParquetFile(mark(source)).read().num_rows == 0


def test_files_of_other_writers_are_marked_for_all_readers(tmp_path: Path) -> None:
    """Of DuckDB and polars, which keep no schema, or another one."""
    table = rows_of(1000)
    source = tmp_path / "calls.parquet"
    with closing(duckdb.connect()) as connection:
        for maker in ("duckdb", "polars", "pandas"):
            if maker == "duckdb":
                connection.register("rows", table)
                connection.execute(
                    f"COPY rows TO '{source}' (FORMAT parquet, ROW_GROUP_SIZE 300)"
                )
            elif maker == "polars":
                pl.from_arrow(table).write_parquet(  # type: ignore[union-attr]
                    source, row_group_size=300
                )
            else:
                table.to_pandas().to_parquet(source)

            marked = mark(source)

            wanted = SAID * 250
            assert said(pq.read_table(marked)) == wanted
            query = f"SELECT bloctel, bloctel_reason FROM '{marked}' ORDER BY n"
            assert connection.execute(query).fetchall() == wanted
            frame = pl.read_parquet(marked)
            assert frame["tel"].to_list() == table.column("tel").to_pylist()
            assert frame.select("bloctel", "bloctel_reason").rows() == wanted


@pytest.mark.parametrize(
    "columns",
    [
        ["tel.2", "n"],  # a point is no path
        ["n", "tel", "place"],  # of a struct that has a field of that name
        ["tel", "n", "tel2"],
    ],
)
def test_the_phone_column_is_found_whatever_else_there_is(
    columns: list[str], tmp_path: Path
) -> None:
    """Only its bytes are decoded, wherever it stands."""
    wanted = columns[0] if "tel.2" in columns else "tel"
    values: dict[str, list[Any]] = {
        "tel.2": NUMBERS,
        "tel": NUMBERS,
        "n": [1, 2, 3, 4],
        "tel2": ["0639980001"] * 4,
        "place": [{"tel": "0639980001"}] * 4,
    }
    source = tmp_path / "calls.parquet"
    pq.write_table(pa.table({name: values[name] for name in columns}), source)

    assert said(pq.read_table(mark(source, wanted))) == SAID


def test_several_phone_columns_in_any_order(tmp_path: Path) -> None:
    """The first that the caller names is the one that a reason names."""
    table = pa.table(
        {"n": [1, 2], "tel1": ["0261910002"] * 2, "x": [0, 0], "tel2": NUMBERS[:2]}
    )
    source, target = tmp_path / "calls.parquet", tmp_path / "marked.parquet"
    pq.write_table(table, source)

    outputs = Outputs(marked=target)
    scrub_file(source, ask(), columns=["tel2", "tel1"], outputs=outputs)

    marked = pq.read_table(target)
    assert said(marked) == [("blocked", "tel2: own"), ("clear", None)]


def test_two_columns_of_one_name_are_told_apart_by_place(tmp_path: Path) -> None:
    """What pyarrow cannot read by its name alone is read with all the rest."""
    table = pa.Table.from_arrays(
        [pa.array(["0639980001"] * 4), pa.array(NUMBERS)], names=["tel", "tel"]
    )
    source = tmp_path / "calls.parquet"
    pq.write_table(table, source)
    target = tmp_path / "marked.parquet"

    scrub_file(source, ask(), columns=[2], outputs=Outputs(marked=target))

    assert said(pq.ParquetFile(target).read()) == SAID


def test_a_stream_is_marked(tmp_path: Path) -> None:
    """From memory into memory."""
    source, target = io.BytesIO(), io.BytesIO()
    pq.write_table(rows_of(4), source)
    source.seek(0)

    scrub_file(source, ask(), columns=["tel"], outputs=Outputs(marked=target))

    assert said(pq.read_table(io.BytesIO(target.getvalue()))) == SAID


def touch(path: Path) -> None:
    """Change the time of a file."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def rewrite(path: Path) -> None:
    """Write a file in place, and set its time back: only the system's own tells."""
    status = path.stat()
    time.sleep(0.05)  # which some systems count in steps
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("output", ["marked", "clear"])
@pytest.mark.parametrize("change", [touch, rewrite])
@pytest.mark.parametrize(
    ("module", "step"), [(parquet_reader, "read_footer"), (parquet, "_judged")]
)
def test_a_file_that_changes_meanwhile_is_refused(
    module: Any,
    step: str,
    change: Callable[[Path], None],
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the first look at it on: else marks would stand beside other rows."""
    source = tmp_path / "calls.parquet"
    pq.write_table(rows_of(4), source)
    do = getattr(module, step)

    def changing(*args: Any) -> Any:
        done = do(*args)
        change(source)
        return done

    monkeypatch.setattr(module, step, changing)
    outputs = Outputs(**{output: tmp_path / "out.parquet"})

    with pytest.raises(InputError, match="that was changed"):
        scrub_file(source, ask(), columns=["tel"], outputs=outputs)

    assert names(tmp_path) == ["calls.parquet"]


def test_a_file_that_ends_before_its_footer_did_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody cuts it while its bytes are copied."""
    source = tmp_path / "calls.parquet"
    pq.write_table(rows_of(4), source)
    monkeypatch.setattr(os, "preadv", lambda *_: 0)

    with pytest.raises(InputError, match="one with fewer bytes than it had"):
        mark(source)

    assert names(tmp_path) == ["calls.parquet"]


def test_a_file_that_takes_its_place_is_not_mixed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened is read to its end."""
    source, other = tmp_path / "calls.parquet", tmp_path / "other.parquet"
    pq.write_table(rows_of(4), source)
    pq.write_table(rows_of(4)[::-1], other)
    judged = parquet._judged

    def replacing(*args: Any) -> Any:
        if other.exists():
            other.replace(source)
        return judged(*args)

    monkeypatch.setattr(parquet, "_judged", replacing)

    marked = pq.read_table(mark(source))

    assert marked.column("tel").to_pylist() == NUMBERS
    assert said(marked) == SAID


def test_encrypted_columns_are_refused(tmp_path: Path) -> None:
    """Their footer is signed: nobody without the key can change it."""
    source = tmp_path / "calls.parquet"
    factory = pe.CryptoFactory(lambda _: _Kms())
    properties = factory.file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            "k", column_keys={"k": ["n"]}, plaintext_footer=True
        ),
    )
    table = rows_of(4)
    with pq.ParquetWriter(
        source, table.schema, encryption_properties=properties
    ) as writer:
        writer.write_table(table)

    with pytest.raises(InputError, match="got one with encrypted columns"):
        mark(source)

    assert names(tmp_path) == ["calls.parquet"]


class _Kms(pe.KmsClient):  # type: ignore[misc]
    """Keeps no secret."""

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return key_bytes

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        return wrapped_key


def test_the_schema_of_spark_is_extended_as_well(tmp_path: Path) -> None:
    """Spark believes it more than the file's own; one that is damaged is refused."""
    key = "org.apache.spark.sql.parquet.row.metadata"
    own = '{"type":"struct","fields":[{"name":"tel","type":"string"}]}'
    source = tmp_path / "calls.parquet"
    table = rows_of(4).select(["tel"])
    pq.write_table(table.replace_schema_metadata({key: own}), source)

    found = pq.ParquetFile(mark(source)).metadata.metadata[key.encode()]

    def of(*names: str) -> str:
        added = "".join(
            f',{{"name":"{name}","type":"string","nullable":{nullable},"metadata":{{}}}}'
            for name, nullable in zip(names, ("false", "true"), strict=False)
        )
        return own[:-2] + added + "]}"

    assert found.decode() == of("bloctel", "bloctel_reason")
    outputs = Outputs(*(tmp_path / f"{kind}.parquet" for kind in "abc"))
    scrub_file(source, ask(), columns=["tel"], outputs=outputs)
    for kind, names_ in (("a", ()), ("b", ("bloctel",)), ("c", ("bloctel",))):
        kept = pq.read_schema(tmp_path / f"{kind}.parquet").metadata
        assert kept[key.encode()].decode() == of(*names_)
    pq.write_table(table.replace_schema_metadata({key: "[]"}), source)
    with pytest.raises(InputError, match="a schema of Spark"):
        mark(source)


def test_many_reasons_are_told_apart(tmp_path: Path) -> None:
    """Each row group has a dictionary of those that occur in it."""
    texts = ["12", "x", "+33 6", "0639980001", "", "3.5", "0639980001 poste 4"] * 30
    source = tmp_path / "calls.parquet"
    pq.write_table(pa.table({"tel": texts}), source, row_group_size=20)

    marked = pq.read_table(mark(source))

    def plain(outputs: Sequence[Path]) -> list[tuple[str, str | None]]:
        return [
            (path.stem, reason)
            for path in outputs
            for reason in pq.read_table(path).column("bloctel").to_pylist()
        ]

    targets = [tmp_path / f"{kind}.parquet" for kind in ("blocked", "invalid")]
    summary: ScrubSummary = scrub_file(
        source, ask(), columns=["tel"], outputs=Outputs(None, *targets)
    )
    assert sorted(said(marked), key=str) == sorted(plain(targets), key=str)
    assert summary.clear == 0


def test_readers_can_skip_row_groups(tmp_path: Path) -> None:
    """What is known of the marks is true: some readers believe a lack of it as well."""
    numbers = ["0261910002"] * 4 + ["0639980001", "0261910002"] + ["12", "x"]
    source = tmp_path / "calls.parquet"
    pq.write_table(pa.table({"tel": numbers}), source, row_group_size=2)

    metadata = pq.ParquetFile(mark(source)).metadata

    told = []
    for place in range(4):
        for column in (1, 2):
            found = metadata.row_group(place).column(column).statistics
            bounds = (found.min, found.max) if found.has_min_max else None
            told.append((bounds, found.null_count))
    assert told == [
        (("clear", "clear"), 0),
        (None, 2),
        (("clear", "clear"), 0),
        (None, 2),
        (("blocked", "clear"), 0),
        (("own", "own"), 1),
        (("invalid", "invalid"), 0),
        (("letters", "short_number"), 0),
    ]


def test_page_indexes_are_left_out_of_the_footer(tmp_path: Path) -> None:
    """Of all columns or none: a reader refuses a file that has those of some."""
    source = tmp_path / "calls.parquet"
    pq.write_table(rows_of(100), source, write_page_index=True)

    group = pq.ParquetFile(mark(source)).metadata.row_group(0)

    kinds = [group.column(place) for place in range(4)]
    assert not any(kind.has_column_index or kind.has_offset_index for kind in kinds)


def test_a_stream_whose_descriptor_is_another_files(tmp_path: Path) -> None:
    """Of what is unpacked on the way, the packed bytes are nobody's."""
    plain, packed = io.BytesIO(), tmp_path / "calls.parquet.gz"
    pq.write_table(rows_of(4), plain)
    packed.write_bytes(gzip.compress(plain.getvalue()))
    target = tmp_path / "marked.parquet"

    with gzip.open(packed) as stream:
        outputs = Outputs(marked=target)
        scrub_file(cast("Any", stream), ask(), columns=["tel"], outputs=outputs)

    assert said(pq.read_table(target)) == SAID


def test_text_that_is_none_is_invalid(tmp_path: Path) -> None:
    """A column of text whose bytes are Latin-1, as careless writers make them."""
    raw = pa.array([b"t\xe9l\xe9phone", b"0639980001"])
    texts = pa.StringArray.from_buffers(2, *raw.buffers()[1:])
    source = tmp_path / "calls.parquet"
    pq.write_table(pa.table({"tel": texts}), source)

    marked = mark(source)

    assert said(pq.read_table(marked)) == [("invalid", "letters"), SAID[0]]


@pytest.mark.parametrize("outputs", ["marked", "clear", None])
def test_compression_that_nobody_knows_is_refused(
    outputs: str | None, tmp_path: Path
) -> None:
    """And nothing left: pyarrow would end the process."""
    source, target = tmp_path / "calls.parquet", tmp_path / "out.parquet"
    pq.write_table(rows_of(4), source, compression="zstd")
    footer = int.from_bytes(source.read_bytes()[-8:-4], "little")
    data = source.read_bytes()
    # the codec is the fourth field of what is said of a column: 12 as written is ZSTD
    damaged = data[-footer - 8 :].replace(b"\x15\x0c\x16", b"\x15\x1a\x16")
    assert damaged != data[-footer - 8 :]
    source.write_bytes(data[: -footer - 8] + damaged)
    wanted = Outputs(**{outputs: target}) if outputs else Outputs()

    with pytest.raises(InputError, match="one with compression that is not known"):
        scrub_file(source, ask(), columns=["tel"], outputs=wanted)

    assert names(tmp_path) == ["calls.parquet"]


@pytest.mark.parametrize("place", [0, 1, 3], ids=["file", "column", "group"])
@pytest.mark.parametrize("name", ["marked", "clear"])
def test_a_footer_that_contradicts_itself_is_refused(
    place: int, name: str, tmp_path: Path
) -> None:
    """Whether a column, a row group or the file should have fewer, no row is lost."""
    source = tmp_path / "calls.parquet"
    pq.write_table(pa.table({"tel": NUMBERS[:2] * 20_000}), source)
    data = source.read_bytes()
    start = read_footer(io.BytesIO(data)).start
    # as signed numbers of variable length; the third is of a histogram
    said, fewer = b"\x80\xf1\x04", b"\xa0\x9c\x01"  # 40,000 and 10,000
    parts = data[start:].split(said)
    assert len(parts) == 5
    parts[place : place + 2] = [fewer.join(parts[place : place + 2])]
    source.write_bytes(data[:start] + said.join(parts))

    with pytest.raises(InputError, match="other rows than it says"):
        scrub_file(
            source,
            ask(),
            columns=["tel"],
            outputs=Outputs(**{name: tmp_path / "out.parquet"}),
        )

    assert names(tmp_path) == ["calls.parquet"]


def test_a_row_group_too_large_to_mark_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any work is done."""
    monkeypatch.setattr(parquet_marked, "MOST_ROWS", 3)
    source = tmp_path / "calls.parquet"
    pq.write_table(rows_of(4), source)

    with pytest.raises(InputError, match="one with a row group of more than 3 rows"):
        mark(source)

    assert names(tmp_path) == ["calls.parquet"]


def test_spark_sees_the_columns_if_only_the_footer_has_its_schema(
    tmp_path: Path,
) -> None:
    """Arrow's own schema need not know of it; what is nested too deep is refused."""
    key, own = SPARK_SCHEMA, b'{"type":"struct","fields":[]}'
    source = tmp_path / "calls.parquet"

    def write(spark: bytes) -> None:
        with pq.ParquetWriter(source, rows_of(4).schema) as writer:
            writer.write_table(rows_of(4))
            writer.add_key_value_metadata({key: spark})

    write(own)
    found = pq.ParquetFile(mark(source)).metadata.metadata[key]
    assert [each["name"] for each in json.loads(found)["fields"]] == [
        "bloctel",
        "bloctel_reason",
    ]
    write(b"[" * 100_000)
    refused = ""
    try:
        mark(source)
    except InputError as error:
        refused = str(error)
    # else the frames of the reader would go into the report of a failure
    assert "expected a schema of Spark, as JSON" in refused


@pytest.mark.parametrize("output", ["marked", "clear"])
def test_what_a_column_is_called_beside_its_values_is_not_asked(
    output: str, tmp_path: Path
) -> None:
    """The schema names it: pyarrow raises its own errors, or ends the process."""
    source, target = tmp_path / "calls.parquet", tmp_path / "out.parquet"
    pq.write_table(rows_of(4), source)
    data = source.read_bytes()
    damaged = data.replace(b"\x19\x18\x03tel", b"\x19\x18\x03t\xff\xff")
    assert damaged != data
    source.write_bytes(damaged)

    outputs = Outputs(**{output: target})
    summary = scrub_file(source, ask(), columns=["tel"], outputs=outputs)

    assert (summary.clear, summary.blocked, summary.invalid) == (1, 1, 2)
    assert pq.read_table(target).column("tel").to_pylist()[:2] == (
        ["0261910002"] if output == "clear" else NUMBERS[:2]
    )
