"""Scrubs of CSV files with many batches: threads, memory, late errors."""

from __future__ import annotations

import io
import threading
import tracemalloc
from datetime import date
from typing import TYPE_CHECKING

import pytest

import bloctel
from bloctel.errors import InputError
from bloctel.scrub import Outputs, ScrubSummary, scrub_csv
from tests.helpers.fake_book import FakeQuestion

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bloctel.numbers.columns import Block

    Matched = tuple[NDArray[np.uint64], NDArray[np.int32]]

BOOK = FakeQuestion({"0639980001": 0, "0639980002": 1, "0199000003": 2})
CELLS = ["0639980009", "0639980001", "12", "", "0639980002", '"0199000003"', "x"]
#: More rows than the sample for the detection of the dialect.
BEYOND = 12_000


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches small, so that a short file has many."""
    monkeypatch.setattr("bloctel.tabular.csv_reader._BATCH_ROWS", 100)


def scrub(
    content: bytes, threads: int | None = None
) -> tuple[ScrubSummary, dict[str, bytes]]:
    """Return the summary and the outputs."""
    outputs = Outputs(io.BytesIO(), io.BytesIO(), io.BytesIO())
    summary = scrub_csv(
        io.BytesIO(content), BOOK, columns=["tel"], outputs=outputs, threads=threads
    )
    written = {}
    for name, stream in outputs.wanted().items():
        assert isinstance(stream, io.BytesIO)
        written[name] = stream.getvalue()
    return summary, written


def workers() -> list[str]:
    """Return the names of the library's running threads."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("bloctel")]


def test_threads_change_nothing() -> None:
    """Outputs and summary are the same as with one thread, in order."""
    rows = [f"{i};{CELLS[i * i % len(CELLS)]}\n" for i in range(5_000)]
    content = "".join(["n;tel\n", *rows]).encode()

    alone = scrub(content, 1)

    assert scrub(content) == alone
    assert scrub(content, 2) == alone
    assert scrub(content, 5) == alone
    assert alone[0].rows == 5_000
    assert workers() == []


@pytest.mark.parametrize("threads", [0, -1, True, 2.0])
def test_threads_that_cannot_be_are_refused(threads: object) -> None:
    """An invalid number of threads is refused."""
    with pytest.raises(InputError, match="a whole number from 1"):
        scrub(b"tel\n1\n", threads)  # type: ignore[arg-type]


def test_a_registry_in_a_database_is_asked_by_several_threads(tmp_path: Path) -> None:
    """Any thread can get exact answers from the storage."""
    url = f"sqlite:///{tmp_path}/registry.db"
    day = date(2026, 3, 1)
    with bloctel.Registry.create(url, lists=["own"]) as registry:
        numbers = [33_639_980_000 + i for i in range(100)]
        registry.register_many(numbers, list="own", on=day)
    with bloctel.Registry.open(url, exact="storage") as registry:
        question = registry.question(on=day)
        content = "".join(f"06399800{i % 100:02d}\n" for i in range(3_000))

        summary = scrub_csv(
            io.BytesIO(b"tel\n" + content.encode()),
            question,
            columns=["tel"],
            threads=3,
        )

    assert summary.blocked == 3_000


class _Fails(FakeQuestion):
    """List lookup that raises after some batches."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__({})
        self._left = 10
        self._error = error

    def match_block(self, block: Block) -> Matched:
        """Return the matches of a block, or raise."""
        self._left -= 1
        if self._left < 0:
            raise self._error
        return super().match_block(block)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_middle_leaves_nothing(
    error: type[BaseException], threads: int, tmp_path: Path
) -> None:
    """No partial file and no thread remain; older files stay."""
    (tmp_path / "clear").write_text("older")
    content = "tel\n" + "0639980009\n" * 5_000

    with pytest.raises(error):
        scrub_csv(
            io.BytesIO(content.encode()),
            _Fails(error),
            columns=["tel"],
            outputs=Outputs(tmp_path / "clear", tmp_path / "blocked"),
            threads=threads,
        )

    assert [path.name for path in tmp_path.iterdir()] == ["clear"]
    assert (tmp_path / "clear").read_text() == "older"
    assert workers() == []


@pytest.mark.parametrize("threads", [1, 3])
def test_damage_far_inside_leaves_nothing(threads: int, tmp_path: Path) -> None:
    """The error has the right row number, although rows are read ahead."""
    content = "tel\n" + "0639980009\n" * BEYOND + '"06'

    with pytest.raises(InputError) as caught:
        scrub_csv(
            io.BytesIO(content.encode()),
            BOOK,
            columns=["tel"],
            outputs=Outputs(tmp_path / "clear"),
            threads=threads,
        )

    assert str(caught.value) == (
        "expected a closing quote, got the end of the file inside a quoted field"
        f" - at the input stream, row {BEYOND + 2}"
    )
    assert list(tmp_path.iterdir()) == []
    assert workers() == []


class _Endless(io.RawIOBase):
    """Stream with given first bytes, and then one byte without end."""

    def __init__(self, beginning: bytes, byte: bytes) -> None:
        self._beginning = beginning
        self._byte = byte
        self.given = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer."""
        start, self._beginning = self._beginning[: len(room)], b""
        room[:] = start + self._byte * (len(room) - len(start))
        self.given += len(room)
        return len(room)


@pytest.mark.parametrize("byte", [b"a", b'"', b";"])
@pytest.mark.parametrize("beginning", [b"tel;x\n0639980009;", b'tel;x\n"', b""])
def test_a_line_without_end_is_refused_in_bounded_memory(
    beginning: bytes, byte: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row without an end is refused once it exceeds the greatest allowed length."""
    longest = 2 * 1024**2
    monkeypatch.setattr("bloctel.tabular.csv_reader._LONGEST_RECORD", longest)
    monkeypatch.setattr("bloctel.tabular.csv_reader._CHUNK_SIZE", 256 * 1024)
    stream = _Endless(beginning, byte)
    tracemalloc.start()

    with pytest.raises(InputError) as caught:
        scrub_csv(stream, BOOK, columns=[1])  # type: ignore[arg-type]

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    message = str(caught.value)
    assert "a row of at most 2 MiB, got a longer row" in message
    assert message.endswith(f"row {1 + bool(beginning)}")
    assert stream.given < 2 * longest
    assert peak < 10 * longest


def test_the_longest_row_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the greatest length is read like other rows."""
    monkeypatch.setattr("bloctel.tabular.csv_reader._CHUNK_SIZE", 256 * 1024)
    long = b'"' + b'a""\n' * 500_000 + b'"'
    content = b"x;tel\n" + long + b";0639980001\n1;0639980009\n"

    summary, written = scrub(content)

    assert (summary.blocked, summary.clear) == (1, 1)
    assert written["blocked"].split(b"\n", 1)[1].startswith(long)


def test_zeros_beyond_the_beginning_are_bytes_like_others() -> None:
    """A zero byte in a phone number makes it invalid; in other cells it is kept."""
    clean = b"0639980009;\n" * BEYOND
    content = b"tel;x\n" + clean + b"06399\x0080009;\n0639980009;\x00\n\x00;\n"

    summary, written = scrub(content)

    assert written["clear"] == b"tel;x\n" + clean + b"0639980009;\x00\n"
    assert summary.invalid == 2
    rows = [row.rsplit(b";", 1)[0] for row in written["invalid"].splitlines()[1:]]
    assert rows == [b"06399\x0080009;", b"\x00;"]


@pytest.mark.parametrize("first", ["\n", "\r\n", "\r"])
def test_line_endings_may_differ_from_row_to_row(first: str) -> None:
    """Each row keeps its line ending, also a last row without one."""
    endings = ["\n", "\r\n", "\r", "\n\n", "\r\r\n", "\r\n\r"]
    rows = [f"0639980009;{i}{endings[i % len(endings)]}" for i in range(1_800)]
    content = f"tel;n{first}{''.join(rows)}0639980009;last"

    summary, written = scrub(content.encode())

    assert summary.clear == 1_801
    assert summary.invalid_reasons == {"empty": 900}
    clear = "".join(row.rstrip("\r\n") for row in rows)
    kept = written["clear"].decode().replace("\r", "").replace("\n", "")
    assert kept == f"tel;n{clear}0639980009;last"
    assert written["clear"].startswith(f"tel;n{first}0639980009;0\n".encode())


def test_rows_may_end_before_the_number() -> None:
    """A row without the phone column is invalid, and the next row stays separate."""
    content = b"a;b;tel\n" + b"1\n1;2\n1;2;\n;;0639980009\n1;2;0639980009;3\n\n" * 500

    summary, written = scrub(content)

    assert summary.clear == 1_000
    assert summary.invalid_reasons == {"missing_field": 1_000, "empty": 1_000}
    assert written["clear"] == (
        b"a;b;tel\n" + b";;0639980009\n1;2;0639980009;3\n" * 500
    )
