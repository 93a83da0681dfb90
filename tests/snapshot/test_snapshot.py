"""Snapshot files: written atomically, used only if valid."""

from __future__ import annotations

import gc
import mmap
import sqlite3
import struct
import weakref
from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import xxhash

import bloctel
from bloctel import Registry, Snapshot, Status, snapshot
from bloctel._util import _coarse_clock, clock
from bloctel.errors import (
    BloctelError,
    CannotAnswerError,
    DamagedSnapshotError,
    DayNotCoveredError,
    InputError,
    ListClosedError,
    NewerSnapshotError,
    NotASnapshotError,
    SnapshotError,
    StaleSnapshotError,
    UnknownListError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = 33639981234
ON = date(2024, 1, 2)


@pytest.fixture
def registry() -> Registry:
    """Two lists, one number on each and one on both."""
    made = Registry.create("memory:")
    made.register_many([KEY, KEY + 1], list="own", on=date(2020, 1, 1))
    made.register_many([KEY, KEY + 2], list="fr.bloctel", on=date(2018, 1, 1))
    return made


@pytest.fixture
def path(registry: Registry, tmp_path: Path) -> Path:
    """A snapshot of that registry."""
    made = tmp_path / "s.bloctel"
    registry.build_snapshot(made, on=ON)
    return made


def seal(content: bytes | bytearray) -> bytes:
    """Return a file with all checksums recomputed, as an attacker would."""
    made = bytearray(content)
    n_sections = min(struct.unpack_from("<I", made, 12)[0], 7)
    for i in range(n_sections):
        at = 128 + 32 * i
        name, offset, size, _ = struct.unpack_from("<8sQQQ", made, at)
        checksum = xxhash.xxh3_64_intdigest(bytes(made[offset : offset + size]))
        struct.pack_into("<8sQQQ", made, at, name, offset, size, checksum)
    made[120:128] = bytes(8)
    end = 128 + 32 * struct.unpack_from("<I", made, 12)[0]
    struct.pack_into("<Q", made, 120, xxhash.xxh3_64_intdigest(bytes(made[:end])))
    return bytes(made)


def test_it_answers_as_the_registry_did(registry: Registry, path: Path) -> None:
    """Each answer of the file equals that of the registry, with reasons and days."""
    with Snapshot.open(path) as opened:
        opened.verify()
        for key in range(KEY - 2, KEY + 5):
            for on in (date(2018, 1, 15), date(2019, 1, 1), date(2022, 5, 1), ON):
                assert opened.check(key, on=on) == registry.check(key, on=on)
        assert opened.lists == registry.lists


def test_it_says_what_it_is(path: Path) -> None:
    """The description matches the file and the registry."""
    info = snapshot.verify(path)

    assert (info.n_numbers, info.n_entries) == (3, 4)
    assert info.size_bytes == path.stat().st_size
    assert (info.built_on, info.covered_until) == (ON, ON + timedelta(days=30))
    assert (info.region, info.lists) == ("FR", ("own", "fr.bloctel"))
    assert (info.generation, info.format_version) == (6, 1)


def test_the_same_state_is_the_same_file(
    registry: Registry, path: Path, tmp_path: Path
) -> None:
    """Building twice gives the same bytes."""
    registry.build_snapshot(tmp_path / "again", on=ON)

    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_it_grows_stale(path: Path) -> None:
    """From the 30th day on it raises, because registrations are missing."""
    opened = Snapshot.open(path)

    assert opened.is_blocked(KEY, on=ON + timedelta(days=29))
    with pytest.raises(StaleSnapshotError):
        opened.is_blocked(KEY, on=ON + timedelta(days=30))
    with pytest.raises(StaleSnapshotError):
        opened.check_many([KEY], on=ON + timedelta(days=30))


def test_it_grows_stale_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open snapshot raises when today is no longer covered."""
    midnight = 1706742000.0  # seconds of 1 February 2024 in Paris
    monkeypatch.setattr(clock, "now", lambda: midnight - 1)
    opened = Snapshot.open(path)
    assert opened.is_blocked(KEY)

    monkeypatch.setattr(clock, "now", lambda: midnight)
    _coarse_clock.skip(1)

    with pytest.raises(StaleSnapshotError):
        opened.is_blocked(KEY)


def test_days_outside_the_lists_are_refused(path: Path) -> None:
    """There is no answer before the first day of the lists."""
    with pytest.raises(ListClosedError):
        Snapshot.open(path).is_blocked(KEY, on=date(2016, 5, 31))


def test_what_was_erased_is_not_clear(registry: Registry, tmp_path: Path) -> None:
    """A snapshot does not cover days that its registry has erased."""
    registry.withdraw(KEY, list="own", on=date(2022, 1, 1))
    registry.purge(on=date(2023, 1, 1))
    registry.build_snapshot(tmp_path / "s", on=ON)

    opened = Snapshot.open(tmp_path / "s")

    with pytest.raises(DayNotCoveredError):
        opened.is_blocked(KEY, on=date(2021, 12, 31))
    assert not opened.is_blocked(KEY, on=date(2022, 1, 1), lists=["own"])


def test_a_closed_one_answers_nothing(path: Path) -> None:
    """After `close` every look-up raises."""
    opened = Snapshot.open(path)
    opened.is_blocked(KEY, on=ON)
    opened.close()
    opened.close()

    for ask in (
        lambda: opened.is_blocked(KEY, on=ON),
        lambda: opened.check(KEY, on=ON),
        lambda: opened.check_many([KEY], on=ON),
        lambda: opened.lists,
        opened.verify,
    ):
        with pytest.raises(CannotAnswerError, match="closed"):
            ask()


def test_a_closed_one_lets_go_of_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `close` the file is unmapped."""
    mapped: list[weakref.ref[mmap.mmap]] = []
    make = mmap.mmap

    def remember(*args: Any, **options: Any) -> mmap.mmap:
        made = make(*args, **options)
        mapped.append(weakref.ref(made))
        return made

    monkeypatch.setattr(mmap, "mmap", remember)
    opened = Snapshot.open(path)
    opened.is_blocked(KEY, on=ON)

    opened.close()
    gc.collect()

    assert [ref() for ref in mapped] == [None]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", DamagedSnapshotError),
        (b"\x89BLO", DamagedSnapshotError),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), NotASnapshotError),
        (b"06 39 98 12 34\n" * 50, NotASnapshotError),
        (b"\0" * 4096, NotASnapshotError),
    ],
)
def test_foreign_files_are_refused(
    content: bytes, error: type[SnapshotError], tmp_path: Path
) -> None:
    """Other files are refused with their kind and their path."""
    (tmp_path / "f").write_bytes(content)
    for verify in (False, True):
        with pytest.raises(error, match=r"f$"):
            Snapshot.open(tmp_path / "f", verify=verify)


def test_other_things_are_refused(tmp_path: Path) -> None:
    """A folder, a database, a missing file: a `SnapshotError`."""
    with closing(sqlite3.connect(tmp_path / "db")) as other:
        other.execute("CREATE TABLE t (x)")
    for name in ("", "none", "db", "a\0b"):
        with pytest.raises(SnapshotError):
            bloctel.open(tmp_path / name)


def test_a_newer_version_is_refused(path: Path) -> None:
    """A file of a later format is reported as such, with or without valid checksums."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 8, 2)
    for made in (bytes(content), seal(content)):
        path.write_bytes(made)
        with pytest.raises(NewerSnapshotError, match="version 2"):
            Snapshot.open(path)


def test_hostile_headers_are_refused(path: Path) -> None:
    """Altered numbers of the layout with valid checksums are refused."""
    good = path.read_bytes()
    assert seal(good) == good
    assert is_believed(path)
    edges = (0, 1, 2, 3, 63, 64, 255, 2**31 - 1, 2**31, 2**32 - 1)
    believed: Counter[int] = Counter()
    for at in range(8, _SECTIONS, 4):
        for value in edges:
            content = bytearray(good)
            struct.pack_into("<I", content, at, value)
            try:
                made = seal(content)
            except struct.error:  # a section outside of the file
                continue
            if made != good:
                path.write_bytes(made)
                believed[at] += is_believed(path)

    # the days, the counts and the registry are free; one size still fits the padding
    layout = [*range(8, 32, 4), *range(52, 72, 4), *range(128, _SECTIONS, 4)]
    assert [at for at in layout if believed[at] > 1] == []
    assert sum(believed[at] for at in layout) <= 1
    assert sum(believed.values()) > 100


def test_hostile_sections_are_refused(path: Path) -> None:
    """Most altered bytes with valid checksums are detected by `verify`."""
    good = path.read_bytes()
    believed: list[bool] = []
    for at in range(_SECTIONS, len(good)):
        for value in {good[at] ^ 1, good[at] ^ 0x80, 0, 0xFF}:
            content = bytearray(good)
            content[at] = value
            made = seal(content)
            if made != good:
                path.write_bytes(made)
                believed.append(is_believed(path))

    # such as the days of a period, which may be any days
    assert len(believed) > 1000
    assert sum(believed) < len(believed) / 6


#: First byte after the header and the table of sections.
_SECTIONS = 128 + 7 * 32


def is_believed(path: Path) -> bool:
    """Ask every question, also after a refusal; return whether none was refused.

    Any error that is not ours fails the test.
    """
    try:
        opened = Snapshot.open(path, verify=False)
    except (SnapshotError, UnknownListError):
        return False
    n_refused = 0
    questions: list[Callable[[], object]] = [
        *(partial(opened.check, key, on=ON) for key in range(KEY - 2, KEY + 4)),
        lambda: opened.is_blocked_many(range(KEY - 9, KEY + 9), on=ON),
        opened.verify,
    ]
    with opened:
        for ask in questions:
            try:
                ask()
            except BloctelError:
                n_refused += 1
    return n_refused == 0


def with_lists(content: bytes, text: bytes) -> bytes:
    """Return a file with another section of lists."""
    made = bytearray(content)
    made += bytes(-len(made) % 64)
    struct.pack_into("<QQ", made, 136, len(made), len(text))
    made += text
    struct.pack_into("<Q", made, 16, len(made))
    return seal(made)


HELD = b'[{"name":"own","complete_from":null},{"name":"fr.bloctel","complete_from":%s}]'


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"{}",
        b"5",
        b"\xff\xfe",
        b"1" * 5_000,
        b'{"region":"FR","lists":[]}',
        b'{"region":"FR","lists":"ab"}',
        b'{"region":["FR"],"lists":' + HELD % b"null" + b"}",
        b'{"region":"Nowhere","lists":' + HELD % b"null" + b"}",
        b'{"region":"FR","lists":' + HELD % b'"2024-13-01"' + b"}",
        b'{"region":"FR","lists":' + HELD % b"7" + b"}",
    ],
    ids=lambda text: text[:30],
)
def test_hostile_lists_are_refused(text: bytes, path: Path) -> None:
    """An invalid section of lists is refused as damaged."""
    path.write_bytes(with_lists(path.read_bytes(), text))

    with pytest.raises(SnapshotError):
        Snapshot.open(path)


def test_a_list_without_rules_is_refused_by_name(path: Path) -> None:
    """The file is intact; this process has not registered the rules of its list."""
    text = b'{"region":"FR","lists":[{"name":"xx.other","complete_from":null}]}'
    path.write_bytes(with_lists(path.read_bytes(), text))

    with pytest.raises(UnknownListError, match=r"xx\.other.*bloctel.rules.register"):
        Snapshot.open(path)


def test_an_older_file_goes_on(registry: Registry, path: Path) -> None:
    """An open snapshot stays on the old file; a new one reads the new file."""
    old = Snapshot.open(path)
    registry.register(KEY + 3, list="own", on=date(2020, 1, 1))
    registry.build_snapshot(path, on=ON)

    assert not old.is_blocked(KEY + 3, on=ON)
    assert old.is_blocked(KEY, on=ON)
    assert Snapshot.open(path).is_blocked(KEY + 3, on=ON)


@pytest.mark.parametrize(
    "target", ["none/s.bloctel", "file/s.bloctel", "folder", "/proc/version"]
)
def test_a_bad_place_is_one_sentence(
    target: str, registry: Registry, tmp_path: Path
) -> None:
    """If nothing can be written, one error says so and no file remains."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(SnapshotError, match="the snapshot cannot be written") as caught:
        registry.build_snapshot(tmp_path / target, on=ON)

    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_failed_build_changes_nothing(
    error: BaseException,
    registry: Registry,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an error the old file remains, without a temporary file."""
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("bloctel._util.atomic_files.os.fsync", fail)
    with pytest.raises((SnapshotError, KeyboardInterrupt)):
        registry.build_snapshot(path, on=ON)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("on", [date.max, date(9999, 12, 25)])
def test_a_day_to_come_is_refused(on: date, registry: Registry, tmp_path: Path) -> None:
    """Future registrations are unknown, so the snapshot would never expire."""
    with pytest.raises(InputError):
        registry.build_snapshot(tmp_path / "s", on=on)


def test_an_empty_list_is_an_answer(tmp_path: Path) -> None:
    """An empty list gives answers; a registry without a list gives an error."""
    Registry.create("memory:", lists=["own"]).build_snapshot(tmp_path / "s", on=ON)

    assert Snapshot.open(tmp_path / "s").check(KEY, on=ON).status is Status.CLEAR
    with pytest.raises(CannotAnswerError):
        Registry.create("memory:").build_snapshot(tmp_path / "t", on=ON)
    assert not (tmp_path / "t").exists()


def test_a_closed_list_is_asked_about_the_past(tmp_path: Path) -> None:
    """A snapshot built after the end of Bloctel answers for its days, not for today."""
    registry = Registry.create("memory:")
    registry.register(KEY, list="fr.bloctel", on=date(2024, 1, 1))
    registry.build_snapshot(tmp_path / "s", on=date(2026, 10, 1))
    opened = Snapshot.open(tmp_path / "s")

    assert opened.is_blocked(KEY, on=date(2026, 8, 10))
    asks: list[Callable[[], Any]] = [
        lambda: opened.is_blocked(KEY, on=date(2026, 8, 11)),
        lambda: opened.check_many([KEY], on=date(2026, 10, 2)),
    ]
    for ask in asks:
        with pytest.raises(ListClosedError, match="L223-1"):
            ask()
