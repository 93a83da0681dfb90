"""Snapshot files: written atomically, used only if valid."""

from __future__ import annotations

import gc
import mmap
import os
import sqlite3
import struct
import subprocess
import sys
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
from bloctel._util import _clocks, clock
from bloctel.errors import (
    BloctelError,
    CannotAnswerError,
    DamagedSnapshotError,
    DayNotCoveredError,
    InputError,
    ListClosedError,
    ListRulesError,
    NewerSnapshotError,
    NotASnapshotError,
    SnapshotError,
    StaleSnapshotError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = 33639981234
ON = date(2024, 1, 2)


@pytest.fixture
def registry() -> Registry:
    """A registry with two lists, one number on each and one number on both."""
    made = Registry.create("memory:", lists=["own", "fr.bloctel"])
    made.register_many([KEY, KEY + 1], list="own", on=date(2020, 1, 1))
    made.register_many([KEY, KEY + 2], list="fr.bloctel", on=date(2018, 1, 1))
    return made


@pytest.fixture
def path(registry: Registry, tmp_path: Path) -> Path:
    """A snapshot of the registry in this file."""
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
    """The snapshot gives the answers of its registry, with reasons and days."""
    with Snapshot.open(path) as opened:
        opened.verify()
        for key in range(KEY - 2, KEY + 5):
            for on in (date(2018, 1, 15), date(2019, 1, 1), date(2022, 5, 1), ON):
                assert opened.check(key, on=on) == registry.check(key, on=on)
        assert opened.lists == registry.lists


def test_it_says_what_it_is(path: Path) -> None:
    """The snapshot's description has the data of the file and of the registry."""
    info = snapshot.verify(path)

    assert (info.n_numbers, info.n_entries) == (3, 4)
    assert info.size_bytes == path.stat().st_size
    assert (info.built_on, info.covered_until) == (ON, ON + timedelta(days=30))
    assert (info.region, info.lists) == ("FR", ("own", "fr.bloctel"))
    assert (info.generation, info.format_version) == (6, 1)


def test_the_same_state_is_the_same_file(
    registry: Registry, path: Path, tmp_path: Path
) -> None:
    """Building a snapshot twice from the same registry gives the same bytes."""
    registry.build_snapshot(tmp_path / "again", on=ON)

    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_it_grows_stale(path: Path) -> None:
    """From the 30th day on look-ups raise, because later registrations are missing."""
    opened = Snapshot.open(path)

    assert opened.is_blocked(KEY, on=ON + timedelta(days=29))
    with pytest.raises(StaleSnapshotError):
        opened.is_blocked(KEY, on=ON + timedelta(days=30))
    with pytest.raises(StaleSnapshotError):
        opened.check_many([KEY], on=ON + timedelta(days=30))


def test_it_grows_stale_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups of an open snapshot raise as soon as it does not cover today."""
    midnight = 1706742000.0  # seconds of 1 February 2024 in Paris
    monkeypatch.setattr(clock, "now", lambda: midnight - 1)
    opened = Snapshot.open(path)
    assert opened.is_blocked(KEY)

    monkeypatch.setattr(clock, "now", lambda: midnight)
    _clocks.skip(1)

    with pytest.raises(StaleSnapshotError):
        opened.is_blocked(KEY)


def test_days_outside_the_lists_are_refused(path: Path) -> None:
    """Look-ups for days before the first day of the lists are refused."""
    with pytest.raises(ListClosedError):
        Snapshot.open(path).is_blocked(KEY, on=date(2016, 5, 31))


def test_what_was_erased_is_not_clear(registry: Registry, tmp_path: Path) -> None:
    """A snapshot does not cover days that its registry has erased."""
    registry.withdraw(KEY, list="own", on=date(2020, 12, 1))
    registry.purge(on=date(2023, 12, 2))
    registry.build_snapshot(tmp_path / "s", on=ON)

    opened = Snapshot.open(tmp_path / "s")

    with pytest.raises(DayNotCoveredError):
        opened.is_blocked(KEY, on=date(2020, 11, 30))
    assert not opened.is_blocked(KEY, on=date(2020, 12, 1), lists=["own"])


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
    """After `close` the file is not mapped into memory any more."""
    mapped: list[weakref.ref[mmap.mmap]] = []
    make = mmap.mmap

    def remember(*args: Any, **options: Any) -> mmap.mmap:
        made = make(*args, **options)
        mapped.append(weakref.ref(made))
        return made

    monkeypatch.setattr(mmap, "mmap", remember)
    opened = Snapshot.open(path, verify=False)
    opened.is_blocked(KEY, on=ON)

    opened.close()
    gc.collect()

    assert [ref() for ref in mapped] == [None]


def sections(content: bytes | bytearray) -> dict[bytes, slice]:
    """The position of each section of a file."""
    rows = struct.iter_unpack("<8sQQQ", content[128:_SECTIONS])
    return {name.rstrip(b"\0"): slice(at, at + size) for name, at, size, _ in rows}


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("at", [4, 8])
@pytest.mark.parametrize("day", [-(2**31), -(2**22) - 1, 2**31 - 2])
def test_periods_outside_the_calendar_are_damage(
    day: int, at: int, verify: bool, path: Path
) -> None:
    """A day that no calendar has is refused when the file is opened."""
    content = bytearray(path.read_bytes())
    first = sections(content)[b"PERIODS"].start
    struct.pack_into("<i", content, first + at, day)
    path.write_bytes(seal(content))

    with pytest.raises(DamagedSnapshotError, match="valid periods"):
        Snapshot.open(path, verify=verify)


def test_wrong_counts_of_numbers_are_damage(path: Path) -> None:
    """`verify` counts the phone numbers, and refuses a wrong count in the header."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, 48, 2)
    path.write_bytes(seal(content))

    with pytest.raises(DamagedSnapshotError, match="in the header, got 3"):
        snapshot.verify(path)


def test_filters_without_a_number_are_damage(path: Path) -> None:
    """`verify` refuses a filter that lacks a number: look-ups would miss it."""
    content = bytearray(path.read_bytes())
    filter = sections(content)[b"FILTER"]
    content[filter] = bytes(filter.stop - filter.start)
    path.write_bytes(seal(content))

    with pytest.raises(DamagedSnapshotError, match="in the filter"):
        snapshot.verify(path)


def overwrite(path: Path) -> None:
    """Write a snapshot without numbers of the same size into the file, in place."""
    content = bytearray(path.read_bytes())
    for name in (b"FILTER", b"REMAINS"):
        part = sections(content)[name]
        content[part] = bytes(part.stop - part.start)
    with path.open("r+b") as file:
        file.write(seal(content))


def truncate(path: Path) -> None:
    """Remove the content of the file, in place."""
    os.truncate(path, 0)


@pytest.mark.parametrize("modify", [overwrite, truncate])
def test_files_in_memory_do_not_depend_on_the_file(
    modify: Callable[[Path], None], path: Path
) -> None:
    """Answers come from the bytes that were verified, even if the file is modified."""
    with Snapshot.open(path) as book, Snapshot.open(path, verify=False) as mapped:
        questions = [book.question(on=ON), mapped.question(on=ON)]
        modify(path)
        _clocks.skip(1)

        assert book.is_blocked(KEY, on=ON)
        assert book.check_many([KEY, KEY + 1], on=ON).tolist() == [1, 1]
        book.verify()
        for question in questions:
            assert question.check_many([KEY, KEY + 1]).tolist() == [1, 1]


def test_mapped_files_that_are_overwritten_do_not_answer(path: Path) -> None:
    """Look-ups of columns raise at once, and of one number after 0.25 s at most."""
    with Snapshot.open(path, verify=False) as book:
        assert book.is_blocked(KEY, on=ON)
        overwrite(path)

        for ask in (book.check_many, book.is_blocked_many):
            with pytest.raises(DamagedSnapshotError, match="overwritten"):
                ask([KEY], on=ON)
        with pytest.raises(DamagedSnapshotError, match="overwritten"):
            book.question(on=ON)
        _clocks.skip(0.25)
        for one in (book.is_blocked, book.check):
            with pytest.raises(DamagedSnapshotError, match="overwritten"):
                one(KEY, on=ON)


@pytest.mark.parametrize("follows", [False, True])
def test_verify_of_a_truncated_mapped_file(path: Path, follows: bool) -> None:
    """A check of a file that was truncated raises an error and ends no process."""
    code = f"""
import os
from bloctel import Snapshot
from bloctel.errors import DamagedSnapshotError
book = Snapshot.{"follow" if follows else "open"}({str(path)!r}, verify=False)
os.truncate({str(path)!r}, 512)
try:
    book.verify()
except DamagedSnapshotError:
    print("refused")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "refused\n"), run.stderr


def restore_times(path: Path, before: os.stat_result) -> None:
    """Set the time of the last write of *path*, as `rsync --times` does."""
    times = before.st_atime_ns, before.st_mtime_ns
    os.utime(path, ns=times)
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock has wide steps
        os.utime(path, ns=times)


def test_restored_times_do_not_hide_writes_to_mapped_files(path: Path) -> None:
    """A write to one section is found, although size, time and header are equal."""
    with Snapshot.open(path, verify=False) as book:
        before, content = path.stat(), path.read_bytes()
        filter = sections(content)[b"FILTER"]
        with path.open("r+b") as file:
            file.seek(filter.start)
            file.write(bytes(filter.stop - filter.start))
        restore_times(path, before)

        with pytest.raises(DamagedSnapshotError, match="overwritten"):
            book.check_many([KEY], on=ON)


def test_memory_maps_do_not_hide_writes_to_mapped_files(path: Path) -> None:
    """Another header is found, although a write through a map leaves the times."""
    other = path.with_name("other.bloctel")
    other.write_bytes(path.read_bytes())
    overwrite(other)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[:] = path.read_bytes()  # later writes to these pages set no time
        with Snapshot.open(path, verify=False) as book:
            assert book.check_many([KEY], on=ON).tolist() == [1]
            memory[:] = other.read_bytes()

            with pytest.raises(DamagedSnapshotError, match="overwritten"):
                book.check_many([KEY], on=ON)


def test_mapped_files_that_only_get_another_name_answer(path: Path) -> None:
    """A rename and other permissions change a time, but not the content."""
    with Snapshot.open(path, verify=False) as book:
        before = path.stat()
        path.chmod(0o600)
        restore_times(path.rename(path.with_name("renamed.bloctel")), before)

        assert book.check_many([KEY, KEY + 1], on=ON).tolist() == [1, 1]


def test_mapped_files_that_are_replaced_answer(registry: Registry, path: Path) -> None:
    """A new file with the same name does not change the file that is mapped."""
    with Snapshot.open(path, verify=False) as book:
        registry.register(KEY + 9, list="own", on=ON)
        registry.build_snapshot(path, on=ON)
        _clocks.skip(1)

        assert book.is_blocked(KEY, on=ON)
        assert book.check_many([KEY, KEY + 9], on=ON).tolist() == [1, 0]


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
    """A file of another format is refused; the error names the format and the path."""
    (tmp_path / "f").write_bytes(content)
    for verify in (False, True):
        with pytest.raises(error, match=r"f$"):
            Snapshot.open(tmp_path / "f", verify=verify)


def test_other_things_are_refused(tmp_path: Path) -> None:
    """A folder, a database and a missing file raise `SnapshotError`."""
    with closing(sqlite3.connect(tmp_path / "db")) as other:
        other.execute("CREATE TABLE t (x)")
    for name in ("", "none", "db", "a\0b"):
        with pytest.raises(SnapshotError):
            bloctel.open(tmp_path / name)


def test_a_newer_version_is_refused(path: Path) -> None:
    """A file of a later format raises its own error, even with wrong checksums."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 8, 2)
    for made in (bytes(content), seal(content)):
        path.write_bytes(made)
        with pytest.raises(NewerSnapshotError, match="version 2"):
            Snapshot.open(path)


def test_hostile_headers_are_refused(path: Path) -> None:
    """Headers with wrong sizes or positions are refused despite valid checksums."""
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
            except struct.error:  # the section would be outside the file
                continue
            if made != good:
                path.write_bytes(made)
                believed[at] += is_believed(path)

    # days, counts and the registry may have any value; one size may stay valid
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

    # changes may stay undetected: a period, for example, may have any days
    assert len(believed) > 1000
    assert sum(believed) < len(believed) / 6


#: First byte after the header and the table of sections.
_SECTIONS = 128 + 7 * 32


def is_believed(path: Path) -> bool:
    """Ask every question, also after a refusal; return whether none was refused.

    An error that is not a BloctelError fails the test.
    """
    try:
        opened = Snapshot.open(path, verify=False)
    except (SnapshotError, ListRulesError):
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


HELD = (
    b'[{"name":"own","rules":null,"complete_from":null},'
    b'{"name":"fr.bloctel","rules":null,"complete_from":%s}]'
)


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
    entry = b'{"name":"xx.other","rules":null,"complete_from":null}'
    text = b'{"region":"FR","lists":[' + entry + b"]}"
    path.write_bytes(with_lists(path.read_bytes(), text))

    with pytest.raises(ListRulesError, match=r"xx\.other.*bloctel.rules.register"):
        Snapshot.open(path)


def test_an_older_file_goes_on(registry: Registry, path: Path) -> None:
    """An open snapshot still reads the old file; a newly opened one the new file."""
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
    """A path that cannot be written gives a one-sentence error, and leaves no file."""
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
    """If a build fails, the old file remains, and no temporary file."""
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
    """A snapshot of a future day is refused: later registrations are unknown."""
    with pytest.raises(InputError):
        registry.build_snapshot(tmp_path / "s", on=on)


def test_an_empty_list_is_an_answer(tmp_path: Path) -> None:
    """An empty list gives answers; a registry without a list gives an error."""
    Registry.create("memory:", lists=["own"]).build_snapshot(tmp_path / "s", on=ON)

    assert Snapshot.open(tmp_path / "s").check(KEY, on=ON).status is Status.CLEAR
    with pytest.raises(CannotAnswerError):
        Registry.create("memory:", lists=()).build_snapshot(tmp_path / "t", on=ON)
    assert not (tmp_path / "t").exists()


def test_a_closed_list_is_asked_about_the_past(tmp_path: Path) -> None:
    """A snapshot built after Bloctel closed answers for earlier days, not for today."""
    registry = Registry.create("memory:", lists=["fr.bloctel"])
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
