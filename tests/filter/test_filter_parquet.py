"""Parquet filters: the bits equal those that other programs write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from bloctel._filter import BloomFilter
from tests.oracles import sbbf

if TYPE_CHECKING:
    from pathlib import Path

KEYS = np.random.default_rng(11).choice(10**9, 3000, replace=False) + 33_000_000_000
EDGES = np.array([0, 1, 2**63 - 1, 2**50])


@pytest.mark.parametrize("keys", [KEYS, EDGES], ids=["phones", "edges"])
@pytest.mark.parametrize("rate", [0.1, 0.01, 0.0001])
def test_bits_are_arrow_s(
    tmp_path: Path, keys: npt.NDArray[np.int64], rate: float
) -> None:
    """Arrow C++, given the same keys and number of blocks, writes the same bits."""
    pa = pytest.importorskip("pyarrow", minversion="24")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "keys.parquet"
    table = pa.table({"key": pa.array(keys, pa.int64())})
    options = {"key": {"ndv": len(keys), "fpp": rate}}

    parquet.write_table(table, path, bloom_filter_options=options)

    column = parquet.read_metadata(path).row_group(0).column(0)
    bits = sbbf.bitset_at(path.read_bytes(), column.bloom_filter_offset)
    assert_same_bits(bits, keys)


@pytest.mark.parametrize("keys", [KEYS, EDGES], ids=["phones", "edges"])
@pytest.mark.parametrize("rate", [0.1, 0.01, 0.0001])
def test_bits_are_duckdb_s(
    tmp_path: Path, keys: npt.NDArray[np.int64], rate: float
) -> None:
    """DuckDB, given the same keys and number of blocks, writes the same bits."""
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "keys.parquet"
    with duckdb.connect() as connection:
        connection.execute("create table t as select unnest(?) as key", [keys.tolist()])
        connection.execute("alter table t alter key type bigint")
        # DuckDB writes a filter only for columns with a dictionary.
        connection.execute(
            f"copy t to '{path}' (format parquet, dictionary_size_limit 100000,"
            f" bloom_filter_false_positive_ratio {rate})"
        )
        ((offset,),) = connection.execute(
            "select bloom_filter_offset from parquet_metadata(?)", [str(path)]
        ).fetchall()

    assert_same_bits(sbbf.bitset_at(path.read_bytes(), offset), keys)


def assert_same_bits(bits: bytes, keys: npt.NDArray[np.int64]) -> None:
    """Assert that a filter of as many blocks has *bits*, and reads them in place."""
    made = BloomFilter.with_blocks(len(bits) // 32, capacity=len(keys))
    made.add_many(keys)
    words = np.frombuffer(bits, np.uint32)
    rate = made.false_positive_rate
    theirs = BloomFilter.from_blocks(words, len(keys), rate, made.n_added)

    assert made.blocks.tobytes() == bits
    assert theirs.might_contain_many(keys).all()
