"""Several files into one folder, and properties of all file formats."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bloctel.errors import CannotAnswerError, InputError
from bloctel.scrub import (
    CsvOptions,
    FileOptions,
    NumberFile,
    Outputs,
    files,
    open_against,
    scrub_file,
    scrub_files,
)
from bloctel.tabular import csv_reader
from tests.helpers.call_files import ENDINGS, ask, names, read, scrub, write
from tests.helpers.servers import small_disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.scrub.folders import Sources

ROWS = [["nom", "tel"], ["A", "0639980001"], ["B", "0261910002"], ["C", "12"]]
every_kind = pytest.mark.parametrize("ending", ENDINGS)
#: Enough rows to fill more than a buffer, so that writing fails during the run.
MANY = [["nom", "tel"], *([f"P{i:06}", f"026191{i % 9973:04}"] for i in range(30_000))]


# -- several files -----------------------------------------------------------------


def test_each_file_of_a_folder_gets_three_results(tmp_path: Path) -> None:
    """Results have its name and format; files with other names are not read."""
    calls, into = tmp_path / "calls", tmp_path / "out"
    calls.mkdir()
    for number, ending in enumerate(ENDINGS):
        write(calls / f"c{number}.{ending}", ROWS)
    others = {
        ".hidden.csv": "a hidden file",
        ".bloctel-1.csv": "a hidden file",
        "README": "the ending of the name is not used for call files",
        "a.xls": "the ending .xls is not used for call files",
        "b.csv.bz2": "the ending .bz2 is not used for call files",
        "below.csv": "a folder: use the pattern **/* to scrub the files in folders",
        "~$c4.xlsx": "a temporary file of a spreadsheet program",
    }
    (calls / "below.csv").mkdir()
    for other in others.keys() - {"below.csv"}:
        (calls / other).write_text("x")

    found = scrub_files(calls, ask(), columns=["tel"], into=into)

    left_out = {each.source.name: each.left_out for each in found if each.left_out}
    assert left_out == others
    assert not any(each.summary or each.error for each in found if each.left_out)
    done = [each for each in found if each.left_out is None]
    assert [each.source.name for each in done] == [
        f"c{number}.{ending}" for number, ending in enumerate(ENDINGS)
    ]
    assert names(into) == sorted(
        f"c{number}.{kind}.{ending}"
        for number, ending in enumerate(ENDINGS)
        for kind in ("clear", "blocked", "invalid")
    )
    for number, ending in enumerate(ENDINGS):
        assert done[number].error is None
        assert read(into / f"c{number}.clear.{ending}") == [ROWS[0], ROWS[2]]


def test_a_pattern_a_file_or_several(tmp_path: Path) -> None:
    """Each file is scrubbed once, in the order of the names."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/2.csv", "a/1.csv", "a/b/3.csv", "a/b/odd", "a/[x].csv"):
        write(tmp_path / name, ROWS)
    into = tmp_path / "out"

    def sources(given: object) -> list[str]:
        done = scrub_files(given, ask(), columns=[2], into=into)  # type: ignore[arg-type]
        return [str(each.source.relative_to(tmp_path)) for each in done]

    assert sources(f"{tmp_path}/a/*.csv") == ["a/1.csv", "a/2.csv", "a/[x].csv"]
    assert sources(f"{tmp_path}/a/b/**") == ["a/b/3.csv", "a/b/odd"]
    assert sources(tmp_path / "a" / "[x].csv") == ["a/[x].csv"]
    several = [
        tmp_path / "a/2.csv",
        f"{tmp_path}/a/?.csv",
        tmp_path / "a" / "b" / "odd",
    ]
    assert sources(several) == ["a/1.csv", "a/2.csv", "a/b/odd"]
    assert "odd.clear" in names(into)


@pytest.mark.parametrize("sources", ["", "*.csv"], ids=["folder", "pattern"])
def test_a_broken_link_is_an_error(sources: str, tmp_path: Path) -> None:
    """A broken link is an error, because the file it names was not scrubbed."""
    write(tmp_path / "1.csv", ROWS)
    (tmp_path / "2.csv").symlink_to(tmp_path / "gone" / "2.csv")

    done = scrub_files(
        tmp_path / sources, ask(), columns=["tel"], into=tmp_path / "out"
    )

    assert [each.source.name for each in done] == ["1.csv", "2.csv"]
    assert done[0].error is None
    assert "no such file" in str(done[1].error)


def test_every_name_of_a_file_is_scrubbed(tmp_path: Path) -> None:
    """Each link has its own results, so no results of an earlier run look current."""
    calls = tmp_path / "calls"
    calls.mkdir()
    write(calls / "b.csv", ROWS)
    os.link(calls / "b.csv", calls / "c.csv")
    (calls / "a.csv").symlink_to("b.csv")
    (tmp_path / "other").symlink_to("calls")
    given = [calls, tmp_path / "other" / "b.csv"]

    done = scrub_files(given, ask(), columns=["tel"], into=tmp_path / "out")

    assert [each.source.name for each in done] == ["a.csv", "b.csv", "c.csv"]
    assert all(each.summary for each in done)


def test_a_pattern_reports_what_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders, devices and temporary files that match a pattern are left out."""
    calls = tmp_path / "calls"
    for name in ("a.csv", "below/b.csv", "below/deep/c.csv", "closed/d.csv"):
        (calls / name).parent.mkdir(parents=True, exist_ok=True)
        write(calls / name, ROWS)
    (calls / "~$a.xlsx").write_text("x")
    os.mkfifo(calls / "pipe.csv")
    scandir, lstat, closed_folder = os.scandir, os.lstat, calls / "closed"

    # root may read every folder
    def refuse_to_list(path: str | Path) -> object:
        if Path(path) in (closed_folder, tmp_path):  # the latter is never listed
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def refuse_entry(path: str | Path) -> object:
        if str(path).startswith(f"{closed_folder}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path)

    monkeypatch.setattr(os, "scandir", refuse_to_list)
    monkeypatch.setattr(os, "lstat", refuse_entry)

    def left_out(pattern: str) -> tuple[list[str], dict[str, str]]:
        done = scrub_files(
            f"{calls}/{pattern}", ask(), columns=["tel"], into=tmp_path / "out"
        )
        names = {str(each.source.relative_to(calls)): each.left_out for each in done}
        return (
            [name for name, reason in names.items() if reason is None],
            {name: reason for name, reason in names.items() if reason},
        )

    closed = "a folder that cannot be read (Permission denied)"
    folder = "a folder: use the pattern **/* to scrub the files in folders"
    pipe = {"pipe.csv": "a device, a pipe or a socket"}
    temporary = {"~$a.xlsx": "a temporary file of a spreadsheet program"}
    assert left_out("*") == (
        ["a.csv"],
        {"below": folder, "closed": folder, **pipe, **temporary},
    )
    assert left_out("**/[a-d].csv") == (
        ["a.csv", "below/b.csv", "below/deep/c.csv"],
        {"closed": closed},
    )
    assert left_out("*/*.csv") == (["below/b.csv"], {"closed": closed})
    assert left_out("*/b.csv") == (["below/b.csv"], {"closed": closed})
    assert left_out("**")[1]["closed"] == closed
    assert left_out("below/*.csv") == (["below/b.csv"], {})
    with pytest.raises(InputError, match=re.escape(closed)):
        scrub_files(calls / "closed", ask(), columns=["tel"], into=tmp_path / "out")


def test_a_file_that_cannot_be_reached_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that may be listed but not opened, no file can be examined."""
    calls, ordinary = tmp_path / "calls", os.stat
    (calls / "b.csv").mkdir(parents=True)
    write(calls / "a.csv", ROWS)

    def refuse(path: str | Path, **options: Any) -> os.stat_result:
        if str(path) == str(calls / "b.csv"):
            raise PermissionError(13, "Permission denied", str(path))
        return ordinary(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    found = scrub_files(calls, ask(), columns=["tel"], into=tmp_path / "out")

    assert [bool(each.summary) for each in found] == [True, False]
    assert "cannot be read" in str(found[1].error)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("column", [2, "06 39 98 00 01"])
def test_a_number_in_the_header_is_refused(
    ending: str, column: str | int, tmp_path: Path
) -> None:
    """A number in a row that is taken for the header would not be looked up."""
    rows = [["A", "06 39 98 00 01"], ["B", "0261910002"]]
    source = write(tmp_path / f"calls.{ending}", rows)
    options = FileOptions(CsvOptions(header=True))

    with pytest.raises(InputError, match="name of a phone column is a phone number"):
        scrub_file(source, ask(), columns=column, options=options)
    if ending == "csv":
        with pytest.raises(
            InputError, match="name of a phone column is a phone number"
        ):
            open_against(NumberFile(source, columns="06 39 98 00 01"))


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its error is reported at the end; its earlier results are kept."""
    into = tmp_path / "out"
    for name in ("1.csv", "2.csv", "3.csv"):
        write(tmp_path / name, ROWS)
    scrub_files(tmp_path, ask(), columns=["tel"], into=into)
    earlier = (into / "2.clear.csv").read_bytes()
    (tmp_path / "2.csv").write_text("nom;mobile\nA;0261910002\n")
    (tmp_path / "1.csv").write_text("tel\n0261910009\n")

    done = scrub_files(
        [tmp_path, tmp_path / "4.csv"], ask(), columns=["tel"], into=into
    )

    assert [each.summary is None for each in done] == [False, True, False, True]
    assert [str(each.error) for each in done if each.error] == [
        "expected a column 'tel', got the columns 'nom', 'mobile'"
        f" - at {tmp_path / '2.csv'}",
        f"expected a call file, got no such file - at {tmp_path / '4.csv'}",
    ]
    assert (into / "1.clear.csv").read_text() == "tel\n0261910009\n"
    assert (into / "2.clear.csv").read_bytes() == earlier


def test_a_damaged_workbook_does_not_stop_a_folder(tmp_path: Path) -> None:
    """A damaged workbook has its own error, and the other files are scrubbed."""
    for name in ("1.xlsx", "2.xlsx"):
        write(tmp_path / name, ROWS)
    data = bytearray((tmp_path / "1.xlsx").read_bytes())
    end = data.rindex(b"PK\5\6")
    data[end + 16 : end + 20] = b"\xff\xff\xff\x7f"
    (tmp_path / "1.xlsx").write_bytes(data)

    done = scrub_files(tmp_path, ask(), columns=["tel"], into=tmp_path / "out")

    assert [each.summary is None for each in done] == [True, False]
    assert "a damaged file" in str(done[0].error)


def test_an_unreachable_storage_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the storage is unreachable, no more files are scrubbed."""
    write(tmp_path / "1.csv", ROWS)

    def fail(*_: object) -> None:
        raise CannotAnswerError("an answer", "none")

    monkeypatch.setattr(files, "split_csv", fail)

    with pytest.raises(CannotAnswerError):
        scrub_files(tmp_path, ask(), columns=["tel"], into=tmp_path / "out")


def test_results_are_never_taken_for_call_files(tmp_path: Path) -> None:
    """Results in the folder are not scrubbed in a second run."""
    write(tmp_path / "calls.csv", ROWS)
    write(tmp_path / "more.csv.gz", ROWS)

    (tmp_path / "out").mkdir()
    for into, kept in ((tmp_path, 2), (tmp_path / "out", 0)):
        given: tuple[Sources, ...] = (tmp_path, f"{tmp_path}/*", tmp_path)
        for source in given:
            if into != tmp_path:  # only files in the output folder are results
                source = [tmp_path / "calls.csv", tmp_path / "more.csv.gz", into]
            done = scrub_files(source, ask(), columns=["tel"], into=into)

            scrubbed = [e.source.name for e in done if e.left_out is None]
            assert scrubbed == ["calls.csv", "more.csv.gz"]
            assert {e.source.name for e in done if e.left_out} <= {"out"}
            assert len([path for path in into.iterdir() if path.is_file()]) == 6 + kept
    with pytest.raises(InputError, match="no call files found"):
        scrub_files(tmp_path / "out", ask(), columns=["tel"], into=tmp_path / "out")


def refusal(sources: object, into: Path) -> str:
    """Return the message of the error about a plan; nothing is written."""
    folder = into.parent
    before = names(folder)
    with pytest.raises(InputError) as caught:
        scrub_files(sources, ask(), columns=["tel"], into=into)  # type: ignore[arg-type]
    assert names(folder) == before
    return str(caught.value)


def test_invalid_plans(tmp_path: Path) -> None:
    """A plan is refused if it would overwrite a file, or has no file or folder."""
    into = tmp_path / "out"
    (tmp_path / "a").mkdir()
    for name in ("x.csv", "a/x.csv", "y.xlsx", "y.xlsm", "z.csv", "a/z.clear.csv"):
        write(tmp_path / name, ROWS) if "xlsm" not in name else (
            (tmp_path / name).write_bytes((tmp_path / "y.xlsx").read_bytes())
        )

    assert refusal(f"{tmp_path}/**/x.csv", into) == (
        "expected a separate file, got the same file as the clear output of "
        f"{tmp_path}/a/x.csv - at the clear output of {tmp_path}/x.csv"
    )
    assert "the same file as the clear output" in refusal(f"{tmp_path}/y.*", into)
    (tmp_path / "b").symlink_to(tmp_path / "a" / "z.clear.csv")
    clash = [tmp_path / "z.csv", tmp_path / "b"]
    assert "the same file as the call file" in refusal(clash, tmp_path / "a")
    assert refusal(tmp_path / "no*", into).startswith("no call files found")
    assert refusal([], into).startswith("no call files found")
    assert "got no such folder" in refusal(tmp_path, tmp_path / "no" / "out")
    assert "a folder for the results, got a file" in refusal(
        tmp_path, tmp_path / "x.csv"
    )


def test_progress_runs_over_all_files(tmp_path: Path) -> None:
    """Progress ends at the size of all files, including files with errors."""
    for name in ("1.csv", "2.parquet", "3.csv.gz", "4.xlsx"):
        write(tmp_path / name, ROWS)
    (tmp_path / "5.csv").write_text("bad")
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    seen: list[tuple[int, int | None]] = []

    scrub_files(
        tmp_path,
        ask(),
        columns=["tel"],
        into=tmp_path / "out",
        progress=lambda *done: seen.append(done),
    )

    assert seen == sorted(seen)
    assert seen[-1] == (total, total)


# -- all file formats -----------------------------------------------------------------


@every_kind
def test_an_output_is_never_the_input(ending: str, tmp_path: Path) -> None:
    """No name and no link makes the input an output; the input is unchanged."""
    source = write(tmp_path / f"calls.{ending}", ROWS)
    (tmp_path / f"soft.{ending}").symlink_to(source)
    os.link(source, tmp_path / f"hard.{ending}")
    before, content = names(tmp_path), source.read_bytes()

    for name in ("calls", "soft", "hard"):
        for given in (source, str(source), tmp_path / f"soft.{ending}"):
            outputs = Outputs(blocked=tmp_path / f"{name}.{ending}")
            with pytest.raises(InputError, match="the same file as the input"):
                scrub_file(given, ask(), columns=["tel"], outputs=outputs)
    with source.open("rb") as stream, pytest.raises(InputError, match="the input"):
        scrub_file(stream, ask(), columns=["tel"], outputs=Outputs(source))

    assert source.read_bytes() == content
    assert names(tmp_path) == before


@every_kind
def test_a_folder_or_a_device_is_not_an_output(ending: str, tmp_path: Path) -> None:
    """A folder, a device or a file in a read-only folder cannot be an output."""
    source = write(tmp_path / f"calls.{ending}", ROWS)
    (tmp_path / f"folder.{ending}").mkdir()
    cases = {
        tmp_path / f"folder.{ending}": "a directory",
        tmp_path / "no" / f"x.{ending}": "no such folder",
        Path(os.devnull): "a device, a pipe or a socket",
    }
    if os.path.exists("/proc"):
        cases[Path(f"/proc/x.{ending}")] = "a folder that cannot be written to"

    for path, got in cases.items():
        with pytest.raises(InputError, match=got):
            scrub_file(source, ask(), columns=["tel"], outputs=Outputs(path))

    assert names(tmp_path) == [f"calls.{ending}"]


@every_kind
def test_an_interrupted_run_leaves_nothing(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C there is no part file or temporary folder; older results stay."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    source = write(tmp_path / f"calls.{ending}", MANY)
    clear, content = tmp_path / f"clear.{ending}", source.read_bytes()
    clear.write_bytes(b"older")

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrub_file(
            source,
            ask(),
            columns=["tel"],
            outputs=Outputs(clear, tmp_path / f"blocked.{ending}"),
            progress=interrupt,
        )

    assert names(tmp_path) == [f"calls.{ending}", f"clear.{ending}"]
    assert clear.read_bytes() == b"older"
    assert source.read_bytes() == content
    assert list(temporary.iterdir()) == []


@every_kind
def test_a_full_disk_leaves_nothing(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the system's error is raised, and no new file is left."""
    source = write(tmp_path / f"calls.{ending}", MANY)
    with small_disk(1) as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(1024 * 1024 - 32 * 1024))

        with pytest.raises(OSError, match="No space left"):
            scrub_file(
                source,
                ask(),
                columns=["tel"],
                outputs=Outputs(disk / f"clear.{ending}", disk / f"blocked.{ending}"),
            )

        assert names(disk) == ["filler"]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
@every_kind
def test_the_input_may_lie_where_nothing_can_be_written(
    ending: str, tmp_path: Path
) -> None:
    """Input is opened for reading only, also in a read-only folder."""
    with small_disk(4) as disk:
        source = write(disk / f"calls.{ending}", ROWS)
        options = ["mount", "-o", "remount,ro", str(disk)]
        if subprocess.run(options, capture_output=True).returncode:
            pytest.skip("a disk cannot be mounted to be read alone here")

        summary = scrub_file(
            source, ask(), columns=["tel"], outputs=Outputs(tmp_path / f"c.{ending}")
        )
        with pytest.raises(InputError, match="a folder that cannot be written to"):
            scrub_file(
                source, ask(), columns=["tel"], outputs=Outputs(disk / f"c.{ending}")
            )

    assert summary.rows == 3


@every_kind
def test_a_second_header_is_a_row_without_a_number(ending: str, tmp_path: Path) -> None:
    """A second header in a concatenated file is invalid, and no row is lost."""
    source = write(tmp_path / f"calls.{ending}", [*ROWS, ROWS[0], ROWS[2]])

    summary, outputs = scrub(source)

    assert (summary.rows, summary.clear) == (5, 2)
    assert read(outputs[2])[1:] == [[*ROWS[3], "short_number"], [*ROWS[0], "letters"]]


@every_kind
def test_the_added_column_holds_no_formula(ending: str, tmp_path: Path) -> None:
    """No name of a phone column makes the added column a formula."""
    columns = ["=1+1", "+tel", "-x", "@y"]
    table = [columns, ["12", "0639980001", "", ""], ["0639980001", "", "", ""]]
    source = write(tmp_path / f"calls.{ending}", table)

    _, outputs = scrub(source, columns)

    assert read(outputs[1]) == [
        [*columns, "bloctel"],
        [*table[1], "'+tel: own"],
        [*table[2], "'=1+1: own"],
    ]


# -- strange CSV files ---------------------------------------------------------------


def csv(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Scrub a CSV file with this content; return the outputs."""
    streams = io.BytesIO(), io.BytesIO(), io.BytesIO()
    scrub_file(io.BytesIO(content), ask(), columns=["tel"], outputs=Outputs(*streams))
    clear, blocked, invalid = (stream.getvalue() for stream in streams)
    return clear, blocked, invalid


def test_rows_with_too_few_fields_are_invalid() -> None:
    """A row with too few fields is invalid, because its phone number is unknown."""
    clear, _, invalid = csv(b"nom;x;tel\nA;1;0261910002\nB;0261910003\nC\n")

    assert clear == b"nom;x;tel\nA;1;0261910002\n"
    assert invalid.splitlines()[1:] == [
        b"B;0261910003;missing_field",
        b"C;missing_field",
    ]


@pytest.mark.parametrize("odd", [b"Zo\xe9", b"\x00", b"a\x00b", b"\xff\xfe"])
def test_odd_bytes_far_into_a_file_stay(odd: bytes) -> None:
    """Bytes of another encoding, or zeros: the row is classified by its number."""
    before = b"A;0261910002\n" * 20_000
    content = b"nom;tel\n" + before + odd + b";0261910003\n" + odd + b";0639980001\n"

    clear, blocked, _ = csv(content)

    assert clear == b"nom;tel\n" + before + odd + b";0261910003\n"
    assert blocked == b"nom;tel;bloctel\n" + odd + b";0639980001;own\n"


@pytest.mark.parametrize("odd", [b"\x00", b"\xe9", b"\xff"])
def test_odd_bytes_in_a_number_are_invalid(odd: bytes) -> None:
    """A number that cannot be read with certainty is invalid, not clear."""
    before = b"A;0261910002\n" * 20_000

    clear, _, invalid = csv(b"nom;tel\n" + before + b"B;02619" + odd + b"10003\n")

    assert clear == b"nom;tel\n" + before
    assert invalid.startswith(b"nom;tel;bloctel\nB;02619" + odd + b"10003;")


class LongLine:
    """Stream whose second line never ends."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int) -> bytes:
        """Return the first line, then bytes without a line feed."""
        piece = b"x" * size if self.given else b"tel\n0261910002\n"
        self.given += len(piece)
        return piece


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end is refused soon after the greatest allowed length."""
    monkeypatch.setattr(csv_reader, "_LONGEST_RECORD", 8 * 1024 * 1024)
    stream = LongLine()

    with pytest.raises(InputError, match="a row of at most 8 MiB"):
        scrub_file(stream, ask(), columns=["tel"])  # type: ignore[arg-type]

    assert stream.given < 20 * 1024 * 1024


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    """A plain or compressed file is refused, because its other rows would be lost."""
    for ending in ("csv", "csv.gz", "csv.zst"):
        source = write(tmp_path / f"calls.{ending}", ROWS)
        write(source, [["nom", "tel"], ["A", "0261910002"]])
        plain = b'nom;tel\nA;0261910002\nB;"0639980001\nC;0261910003\n'
        source.write_bytes(packed(ending, plain))

        with pytest.raises(InputError, match=f"a closing quote.* - at {source}, row 3"):
            scrub(source)


def packed(ending: str, data: bytes) -> bytes:
    """Return bytes, compressed as the file name ending requires."""
    import gzip

    import zstandard

    pack: dict[str, Callable[[bytes], bytes]] = {
        "csv.gz": gzip.compress,
        "csv.zst": zstandard.compress,
    }
    return pack.get(ending, bytes)(data)
