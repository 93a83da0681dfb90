"""Properties of snapshot files, compared with a second reader, and damaged files."""

from __future__ import annotations

import struct
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bloctel import Registry, Snapshot, Status, normalize
from bloctel.errors import BloctelError
from bloctel.numbers.phone_number import are_possible_keys
from tests.helpers.golden import FOLDER
from tests.oracles import snapshot as oracle

FIRST = date(2018, 1, 1)
NEAR = st.integers(33639980000, 33639989999)
KEYS = st.one_of(NEAR, st.integers(1_000_000, 2**50 - 1)).filter(
    lambda key: are_possible_keys(np.array([key], np.uint64))
)
ROWS = st.lists(
    st.tuples(KEYS, st.sampled_from(["own", "fr.bloctel"]), st.integers(0, 2000)),
    max_size=30,
)


@given(rows=ROWS)
@settings(max_examples=settings().max_examples // 4)
def test_a_second_reader_reads_the_same(rows: list[tuple[int, str, int]]) -> None:
    """The second reader gives the same lists for each key and each boundary day."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.bloctel"
        registry = Registry.create("memory:", lists=["own"], region=None)
        valid = []
        for key, list, more in rows:
            try:
                first = FIRST + timedelta(days=more)
                registry.register(f"+{key}", list=list, on=first)
                # a numbering plan may have a trunk prefix, which is not part of the key
                valid.append(normalize(f"+{key}", region=None).key)
            except BloctelError:
                continue  # this number does not exist in any country
        info = registry.build_snapshot(path, on=date(2024, 1, 1))
        file = oracle.File(path.read_bytes())
        periods = file.entries()

        assert {period.key for period in periods} == set(valid)
        assert info.n_entries == len(periods)
        edges = {d for p in periods[:4] for d in (p.starts_on, p.ends_on) if d}
        with Snapshot.open(path) as snapshot:
            for on in sorted({FIRST, date(2023, 12, 31), *edges})[:8]:
                if on >= date(2024, 1, 31):
                    continue
                for key in {*valid, *(key + 1 for key in valid)}:
                    blocked = any(
                        p.key == key
                        and p.starts_on is not None
                        and p.starts_on <= on
                        and (p.ends_on is None or on < p.ends_on)
                        for p in periods
                    )
                    got = snapshot.check(key, on=on).status
                    assert {*file.look_up(key)} == {p for p in periods if p.key == key}
                    assert (got is Status.BLOCKED) == blocked


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small file with two lists, and periods with and without an end."""
    registry = Registry.create("memory:", lists=["own", "fr.bloctel"])
    registry.register_many(
        [33639980000 + 7 * i for i in range(12)], list="own", on=date(2020, 1, 1)
    )
    registry.register_many(
        [33639980000 + 9 * i for i in range(12)], list="fr.bloctel", on=FIRST
    )
    path = tmp_path_factory.mktemp("good") / "s.bloctel"
    registry.build_snapshot(path, on=date(2024, 1, 1))
    return path.read_bytes()


def ask(path: Path, *, verify: bool) -> str:
    """Do all look-ups in a file; return the answers, or the library error."""
    try:
        with Snapshot.open(path, verify=verify) as snapshot:
            for key in range(33639980000, 33639980100, 3):
                snapshot.check(key, on=date(2020, 2, 1))
                snapshot.is_blocked(key, on=date(2019, 2, 1))
            snapshot.check_many(range(33639980000, 33639980100), on=date(2020, 2, 1))
    except BloctelError as error:
        return type(error).__name__
    return "answers"


@pytest.fixture(scope="module")
def with_prefixes() -> bytes:
    """A small file with prefix rules."""
    return (FOLDER / "prefixes.bloctel").read_bytes()


@pytest.mark.parametrize("name", ["good", "with_prefixes"])
def test_every_altered_byte_is_noticed(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Verification detects each altered byte; without verification nothing crashes."""
    good: bytes = request.getfixturevalue(name)
    path = tmp_path / "s.bloctel"
    # bytes between the sections are padding
    (n_sections,) = struct.unpack_from("<I", good, 12)
    used = set(range(128 + 32 * n_sections))
    for i in range(n_sections):
        _, offset, size, _ = struct.unpack_from("<8sQQQ", good, 128 + 32 * i)
        used |= set(range(offset, offset + size))
    for place in range(len(good)):
        for value in (good[place] ^ 1 << place % 8, good[place] ^ 0xFF):
            altered = bytearray(good)
            altered[place] = value
            path.write_bytes(altered)
            assert ask(path, verify=False)
            if place in used:
                assert ask(path, verify=True) != "answers", place


@pytest.mark.parametrize("name", ["good", "with_prefixes"])
def test_every_other_length_is_noticed(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Truncated files and files with appended bytes are refused, verified or not."""
    good: bytes = request.getfixturevalue(name)
    path = tmp_path / "s.bloctel"
    lengths = [good[:n] for n in range(len(good))]
    for content in [*lengths, good + b"\0", good + good]:
        path.write_bytes(content)
        for verify in (False, True):
            assert ask(path, verify=verify).endswith("SnapshotError")
