"""CSV files in gzip and zstd, also damaged ones."""

from __future__ import annotations

import gzip
import io
import sys
from typing import TYPE_CHECKING

import pytest
import zstandard

from bloctel.errors import InputError, MissingExtraError
from bloctel.scrub import Outputs, scrub_file
from bloctel.tabular import compression
from tests.helpers.call_files import ask, names, read, scrub, write

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [["nom", "tel"], ["A", "0639980001"], ["B", "0261910002"], ["C", "12"]]
packed = pytest.mark.parametrize("ending", ["csv.gz", "csv.zst"])


def bytes_of(ending: str, data: bytes) -> bytes:
    """Return a complete archive."""
    return gzip.compress(data) if ending == "csv.gz" else zstandard.compress(data)


@packed
def test_rows_come_out_byte_for_byte(ending: str, tmp_path: Path) -> None:
    """Input is decompressed; outputs are compressed if their names say so."""
    source = tmp_path / f"calls.{ending}"
    source.write_bytes(bytes_of(ending, b'nom;tel\r\n"A";0261910002\r\nB;12'))

    summary, outputs = scrub(source)

    assert (summary.rows, summary.clear, summary.invalid) == (2, 1, 1)
    assert outputs[0].read_bytes()[:2] == source.read_bytes()[:2]
    assert read(outputs[0]) == [["nom", "tel"], ["A", "0261910002"]]
    assert read(outputs[2]) == [["nom", "tel", "bloctel"], ["B", "12", "short_number"]]


@packed
def test_names_lie_and_bytes_do_not(ending: str, tmp_path: Path) -> None:
    """Input is recognised by its first bytes; outputs are compressed if named so."""
    source = write(tmp_path / f"calls.{ending}", ROWS).rename(tmp_path / "calls.csv")
    plain, other = tmp_path / "clear.csv", tmp_path / "blocked.csv.gz"

    scrub_file(source, ask(), columns=["tel"], outputs=Outputs(plain, other))

    assert plain.read_bytes() == b"nom;tel\nB;0261910002\n"
    assert read(other)[1] == ["A", "0639980001", "own"]


@packed
def test_several_archives_in_a_row_are_one(ending: str) -> None:
    """All archives in a file are read; `cat` and parallel compressors write several."""
    parts = [b"tel\n0261910002\n", b"0261910003\n06399800", b"01\n"]
    source = io.BytesIO(b"".join(bytes_of(ending, part) for part in parts))

    summary = scrub_file(source, ask(), columns=["tel"])

    assert (summary.rows, summary.clear, summary.blocked) == (3, 2, 1)


def test_a_frame_without_data_may_come_first() -> None:
    """A first frame without data is accepted, because parallel zstd writes it."""
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    source = io.BytesIO(skipped + zstandard.compress(b"tel\n0639980001\n"))

    assert scrub_file(source, ask(), columns=["tel"]).blocked == 1


@packed
@pytest.mark.parametrize("cut", [9, 0.5, -1])
def test_a_truncated_archive_is_refused(
    ending: str, cut: float, tmp_path: Path
) -> None:
    """A truncated archive is refused, because rows could be missing."""
    source = write(tmp_path / f"calls.{ending}", [ROWS[0], *ROWS[1:] * 20_000])
    data = source.read_bytes()
    source.write_bytes(data[: int(cut * len(data)) if isinstance(cut, float) else cut])

    with pytest.raises(InputError, match=r"a complete \w+ archive, got a truncated"):
        scrub(source)

    assert names(tmp_path) == [source.name]


@packed
@pytest.mark.parametrize("after", [b"x", b"tel\n0261910002\n", b"\x1f", b"\x28\xb5"])
def test_bytes_after_an_archive_are_refused(
    ending: str, after: bytes, tmp_path: Path
) -> None:
    """Bytes after an archive are refused, because they could be appended rows."""
    source = write(tmp_path / f"calls.{ending}", ROWS)
    source.write_bytes(source.read_bytes() + after)

    with pytest.raises(InputError, match=f"a complete .* - at {source}"):
        scrub(source)

    assert names(tmp_path) == [source.name]


@packed
def test_a_damaged_archive_is_refused(ending: str, tmp_path: Path) -> None:
    """An archive with an altered byte of the data or the checksum is refused."""
    source = tmp_path / f"calls.{ending}"
    rows = b"".join(b"%d;026191%04d\n" % (i, i % 9973) for i in range(3_000))
    data = bytes_of("csv.gz", b"n;tel\n" + rows)
    if ending == "csv.zst":
        data = zstandard.ZstdCompressor(write_checksum=True).compress(b"n;tel\n" + rows)
    for position in [*range(20, len(data), len(data) // 40), len(data) - 1]:
        altered = bytearray(data)
        altered[position] ^= 0xFF
        source.write_bytes(altered)

        with pytest.raises(InputError):
            scrub(source)
    assert names(tmp_path) == [source.name]


@packed
def test_other_formats_in_an_archive_are_refused(ending: str, tmp_path: Path) -> None:
    """An archive in an archive is not CSV, nor is a file of another format."""
    for inner in (gzip.compress(b"tel\n"), b"PAR1\x15", b"PK\x03\x04"):
        source = tmp_path / f"calls.{ending}"
        source.write_bytes(bytes_of(ending, inner))

        with pytest.raises(InputError, match="expected a CSV file, got a"):
            scrub(source)


class Endless:
    """Archive that unpacks to the same row without end."""

    def __init__(self, ending: str) -> None:
        self._parts = self._made(ending)
        self._rest = b""

    @staticmethod
    def _made(ending: str) -> object:
        rows = b"0261910002\n" * 400_000
        if ending == "csv.gz":
            while True:
                yield gzip.compress(b"tel\n" + rows)
        frame = zstandard.compress(b"tel\n" + rows)
        while True:
            yield frame

    def read(self, size: int) -> bytes:
        """Return bytes of a stream that never ends."""
        self._rest += next(self._parts)  # type: ignore[call-overload]
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)


def test_an_archive_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the size that is always allowed, the ratio is limited."""
    monkeypatch.setattr(compression, "_ALWAYS_ALLOWED", 8 * 1024 * 1024)

    with pytest.raises(InputError) as caught:
        scrub_file(Endless("csv.zst"), ask(), columns=["tel"])  # type: ignore[arg-type]

    assert str(caught.value) == (
        "the archive unpacks to more than 500 times its size; if you trust the "
        "archive, use --unpack-without-limit (in Python: unpack_without_limit=True) "
        "- at the input stream"
    )


def test_the_limit_can_be_lifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user may trust a file that repeats one row."""
    monkeypatch.setattr(compression, "_ALWAYS_ALLOWED", 1024 * 1024)
    source = tmp_path / "calls.csv.zst"
    source.write_bytes(zstandard.compress(b"tel\n" + b"0261910002\n" * 300_000))

    with pytest.raises(InputError, match="500 times"):
        scrub(source)
    summary, _ = scrub(source, unpack_without_limit=True)

    assert summary.clear == 300_000


@packed
def test_empty_members_are_skipped(ending: str) -> None:
    """Empty gzip members and zstd frames before the data give no bytes."""
    data = bytes_of(ending, b"") * 10_000 + bytes_of(ending, b"tel\n0261910002\n")
    codec = compression.Codec.GZIP if ending == "csv.gz" else compression.Codec.ZSTD
    archive = compression.Archive(io.BytesIO(data), codec, "x", limited=True)

    assert archive.read(1 << 20) == b"tel\n0261910002\n"
    assert archive.read(1 << 20) == b""


@packed
def test_little_is_unpacked_at_once(ending: str) -> None:
    """A read unpacks at most the requested size, whatever the compression ratio."""
    data = bytes_of(ending, bytes(50_000_000))
    codec = compression.Codec.GZIP if ending == "csv.gz" else compression.Codec.ZSTD
    archive = compression.Archive(io.BytesIO(data), codec, "x", limited=False)
    lengths = []

    while piece := archive.read(1000_000):
        lengths.append(len(piece))

    assert max(lengths) <= 1000_000
    assert sum(lengths) == 50_000_000


@packed
def test_progress_counts_the_bytes_of_the_archive(ending: str, tmp_path: Path) -> None:
    """Progress counts compressed bytes, up to the size of the file."""
    rows = [["A", f"026191{i % 9973:04}"] for i in range(400_000)]
    source = write(tmp_path / f"calls.{ending}", [ROWS[0], *rows])
    seen: list[tuple[int, int | None]] = []

    scrub_file(source, ask(), columns=["tel"], progress=lambda *done: seen.append(done))

    size = source.stat().st_size
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1] == (size, size)


def test_the_same_rows_make_the_same_archive(tmp_path: Path) -> None:
    """Equal rows give equal archives, because archives have no time or file name."""
    source = write(tmp_path / "calls.csv.gz", ROWS)

    first = scrub(source)[1][0].read_bytes()
    source = source.rename(tmp_path / "other.csv.gz")

    assert scrub(source)[1][0].read_bytes() == first


def test_without_zstandard_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes for reading and for writing, and no output is left."""
    source = write(tmp_path / "calls.csv.zst", ROWS)
    plain = write(tmp_path / "calls.csv", ROWS)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    cure = r"pip install 'bloctel\[zstd\]'"

    with pytest.raises(MissingExtraError, match=cure):
        scrub(source)
    with pytest.raises(MissingExtraError, match=cure):
        scrub_file(
            plain, ask(), columns=["tel"], outputs=Outputs(tmp_path / "x.csv.zst")
        )
    assert names(tmp_path) == ["calls.csv", "calls.csv.zst"]
