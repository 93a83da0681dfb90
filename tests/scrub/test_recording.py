"""Arguments that scrubs share, and receipts and reports that `scrub_file` writes."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

import bloctel
from bloctel import InputError, Outputs, Registry, Snapshot
from bloctel.errors import BloctelError
from bloctel.scrub import (
    FileOptions,
    NumberFile,
    ReceiptOptions,
    ReportOptions,
    open_against,
    scrub_csv,
    scrub_file,
    scrub_files,
)
from bloctel.scrub.receipts import Journal, SigningKey, check_files, files_in, read
from tests.helpers.call_files import ENDINGS, names, write
from tests.helpers.command_line import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.scrub.opposition_source import Against

DAY = date(2026, 10, 6)
ROWS = [["n", "tel"], ["A", "0199000001"], ["B", "0261910002"], ["C", "12"]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a call file, a list and a snapshot."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "calls.csv", ROWS)
    (tmp_path / "list.csv").write_text("tel;fax\n0199000001;0261910002\n")
    with Registry.create("memory:", lists=["own"]) as registry:
        registry.register("0199000001", list="own", on=date(2024, 5, 3))
        registry.build_snapshot(tmp_path / "own.bloctel", on=DAY)
    return tmp_path


# -- arguments --------------------------------------------------------------------


def test_every_opposition_source_gives_the_same_counts(folder: Path) -> None:
    """Each kind of opposition source gives the same counts in each scrub function."""
    with open_against("own.bloctel") as book:
        sources: list[tuple[Against, dict[str, Any]]] = [
            ("own.bloctel", {"on": DAY}),
            (folder / "own.bloctel", {"on": DAY}),
            (NumberFile("list.csv", "tel"), {"on": DAY}),
            (NumberFile("list.csv", 1), {}),
            (book, {"on": DAY, "lists": ["own"], "region": "FR"}),
            (book.question(on=DAY), {}),
        ]
        for number, (against, asked) in enumerate(sources):
            into = folder / str(number)
            one = scrub_file("calls.csv", against, columns="tel", **asked)
            (done,) = scrub_files(
                "calls.csv", against, columns=2, into=into, write=["clear"], **asked
            )
            assert (one.clear, one.blocked, one.invalid) == (1, 1, 1)
            assert done.summary is not None
            assert done.summary.blocked_lists == one.blocked_lists == {"own": 1}


def test_a_column_of_the_list_is_read(folder: Path) -> None:
    """If a list has two columns, the column that was given is searched."""
    target = io.BytesIO()
    against = NumberFile(folder / "list.csv", "fax")

    scrub_file("calls.csv", against, columns="tel", outputs=Outputs(blocked=target))

    assert b"B;0261910002" in target.getvalue()


def test_a_prepared_look_up_accepts_no_second_day(folder: Path) -> None:
    """The error names the argument, and nothing is written."""
    with open_against("own.bloctel") as book:
        question = book.question(on=DAY)
        with pytest.raises(InputError, match="already has a value for 'on'"):
            scrub_file("calls.csv", question, columns="tel", on=DAY)
        with pytest.raises(InputError, match="already has a value for 'region'"):
            scrub_files("calls.csv", question, columns=2, into="out", region="FR")

    assert not Path("out").exists()


def test_no_output_overwrites_the_list(folder: Path) -> None:
    """An output never overwrites the list, however the list is given."""
    before = {name: Path(name).read_bytes() for name in names(folder)}

    def refused(against: Against, name: str, **more: Any) -> None:
        outputs = Outputs(clear=name)
        with pytest.raises(InputError, match="the same file as the opposition list"):
            scrub_file("calls.csv", against, columns="tel", outputs=outputs, **more)

    refused("list.csv", "list.csv")
    refused(NumberFile(folder / "list.csv", 1), "list.csv")
    with Snapshot.open("own.bloctel") as book:
        refused(book, "own.bloctel")
    Path("calls.clear.csv").hardlink_to("list.csv")
    with pytest.raises(InputError, match="the same file as the opposition list"):
        scrub_files("calls.csv", "list.csv", columns="tel", into=".", write=["clear"])
    Path("calls.clear.csv").unlink()

    assert {name: Path(name).read_bytes() for name in names(folder)} == before


# -- receipts and reports -------------------------------------------------------------


@pytest.mark.parametrize("against", ["own.bloctel", "sqlite:///lists.db"])
def test_they_equal_those_of_the_command(folder: Path, against: str) -> None:
    """Receipt and page equal the command's, except for the time and the journal."""
    SigningKey.create("key.pem")
    with Registry.create("sqlite:///lists.db", lists=["own"]) as registry:
        registry.register("0199000001", list="own", on=date(2024, 5, 3))
    done = run(
        *("scrub", "calls.csv", "--against", against, "--column", "tel"),
        *("--on", DAY, "--output", "clear.csv", "--annotated", "all.csv"),
        *("--receipt", "r.json", "--journal", "j.jsonl", "--sign-key", "key.pem"),
        *("--report", "r.html"),
    )
    assert done.code == 0, done
    receipt, page = read("r.json"), Path("r.html").read_text(encoding="utf-8")

    summary = scrub_file(
        "calls.csv",
        against,
        columns="tel",
        on=DAY,
        outputs=Outputs("clear.csv", annotated="all.csv"),
        receipt=ReceiptOptions("r.json", "j.jsonl", SigningKey.read("key.pem")),
        report="r.html",
    )

    made = summary.receipt
    assert made is not None
    assert [receipt, made] == list(Journal("j.jsonl").receipts())
    assert read("r.json") == made
    parts = {"made_at": receipt.made_at, "journal": None, "signature": None}
    assert replace(made, **parts) == replace(receipt, **parts)
    assert made.signature is not None
    other = Path("r.html").read_text(encoding="utf-8")
    for text, each in ((page, receipt), (other, made)):
        assert each.digest in text
    assert _without(page, receipt) == _without(other, made)


def _without(page: str, receipt: Any) -> str:
    """Return a page without what differs from receipt to receipt."""
    differing = (
        receipt.digest,
        receipt.made_at.isoformat(),
        f"<dd>{receipt.journal.number}</dd>",
    )
    for text in differing:
        page = page.replace(text, "")
    return page


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_receipt_covers_annotated_outputs(folder: Path, ending: str) -> None:
    """In every format, the receipt does not agree with a changed output."""
    calls = write(folder / f"c.{ending}", ROWS)
    target = folder / f"all.{ending}"

    summary = scrub_file(
        calls,
        "own.bloctel",
        columns="tel",
        on=DAY,
        outputs=Outputs(annotated=target),
        receipt=folder / "r.json",
    )

    made = read("r.json")
    assert summary.receipt == made
    assert set(made.outputs) == {"annotated"}
    files = {"input": calls, **files_in(folder, made)}
    assert all(check.agrees for check in check_files(made, files))
    target.write_bytes(target.read_bytes() + b"\n")
    assert not all(check.agrees for check in check_files(made, files))


@pytest.mark.parametrize(
    "change",
    [
        {"columns": "fax"},
        {"against": "none.bloctel"},
        {"options": FileOptions(sheet="x"), "source": "broken.xlsx"},
        {"source": "broken.csv"},
        {"source": "none.csv"},
        {"outputs": Outputs("none/clear.csv")},
        {"report": ReportOptions("r.html", lang="de")},
        {"report": "list.csv"},
        {"report": "r.json"},
        {"report": "j.jsonl"},
        {"receipt": "clear.csv"},
        {"receipt": ReceiptOptions(journal="calls.csv")},
    ],
)
def test_a_scrub_that_fails_leaves_neither(
    folder: Path, change: dict[str, Any]
) -> None:
    """A failed scrub leaves no receipt, journal, report or output."""
    Path("broken.csv").write_text("tel\n" + 9 * "0199000001\n" + '"open\n')
    Path("broken.xlsx").write_bytes(b"PK\x03\x04")
    before = {name: Path(name).read_bytes() for name in names(folder)}
    arguments: dict[str, Any] = {
        "source": "calls.csv",
        "against": "list.csv",
        "columns": 1,
        "outputs": Outputs("clear.csv"),
        "receipt": ReceiptOptions("r.json", "j.jsonl"),
        "report": "r.html",
        **change,
    }
    if "against" not in change:
        arguments["against"] = NumberFile("list.csv", 1)

    with pytest.raises(BloctelError):
        scrub_file(**arguments)

    assert {name: Path(name).read_bytes() for name in names(folder)} == before


def test_a_book_without_an_identity_has_no_receipt(folder: Path) -> None:
    """The scrub is refused before it writes; a report of it is possible."""
    with open_against(NumberFile("list.csv", 1)) as book:
        for against in (book, book.question()):
            with pytest.raises(InputError, match="must name the source of the lists"):
                scrub_file(
                    "calls.csv",
                    against,
                    columns="tel",
                    outputs=Outputs("clear.csv"),
                    receipt="r.json",
                )
        scrub_file("calls.csv", book, columns="tel", report="r.html")

    assert "a set of lists that a program opened" in Path("r.html").read_text("utf-8")
    assert not Path("clear.csv").exists()
    assert not Path("r.json").exists()


def test_an_open_book_is_named_in_receipt_and_report(folder: Path) -> None:
    """Receipt and report name the snapshot's file and the day of the look-up."""
    with Snapshot.open("own.bloctel") as book:
        by_book = scrub_file("calls.csv", book, columns="tel", on=DAY, receipt="r.json")
        options = ReportOptions("r.html", lang="fr", file="appels")
        by_lookup = scrub_file(
            "calls.csv",
            book.question(on=DAY),
            columns="tel",
            receipt=ReceiptOptions(),
            report=options,
        )

    for summary, name in ((by_book, "own.bloctel"), (by_lookup, None)):
        assert summary.receipt is not None
        assert (summary.receipt.against.kind, summary.receipt.against.name) == (
            "snapshot",
            name,
        )
    page = Path("r.html").read_text(encoding="utf-8")
    assert "instantané du 6 octobre 2026" in page
    assert "empreinte du reçu" in page
    assert "appels" in page


def test_streams_have_receipts_and_reports(folder: Path) -> None:
    """The page goes to a stream; the input has no name."""
    page = io.BytesIO()

    summary = scrub_file(
        io.BytesIO(Path("calls.csv").read_bytes()),
        "own.bloctel",
        columns="tel",
        on=DAY,
        receipt=ReceiptOptions(),
        report=page,
    )

    assert summary.receipt is not None
    assert summary.receipt.input.name is None
    assert b"the input stream" in page.getvalue()


def test_a_report_masks_a_number_in_the_name_of_the_file(folder: Path) -> None:
    """A number in the file name is masked, as in receipts; other digits are shown."""
    source = folder / "calls 2026-10-06 of 06 39 98 00 01.csv"
    write(source, ROWS)

    scrub_file(source, "own.bloctel", columns="tel", on=DAY, report="r.html")
    scrub_file(
        "calls.csv",
        "own.bloctel",
        columns="tel",
        on=DAY,
        report=ReportOptions("named.html", file="of 0639980001"),
    )

    page = Path("r.html").read_text(encoding="utf-8")
    assert "calls 2026-10-06 of (digits).csv" in page
    assert "06 39 98 00 01" not in page
    assert "0639980001" not in Path("named.html").read_text(encoding="utf-8")


def test_a_receipt_never_replaces_a_journal_of_one_line(folder: Path) -> None:
    """A first receipt is replaced only if the journal of the scrub contains it."""
    both = ReceiptOptions("r.json", journal="j.jsonl")
    scrub_file("calls.csv", "own.bloctel", columns="tel", on=DAY, receipt=both)
    content = Path("j.jsonl").read_bytes()
    for options in (
        ReceiptOptions("j.jsonl"),
        ReceiptOptions("j.jsonl", journal="another.jsonl"),
        ReceiptOptions("r.json"),
    ):
        with pytest.raises(InputError, match="may be the only line of a journal"):
            scrub_file(
                "calls.csv", "own.bloctel", columns="tel", on=DAY, receipt=options
            )
    assert Path("j.jsonl").read_bytes() == content

    scrub_file("calls.csv", "own.bloctel", columns="tel", on=DAY, receipt=both)
    assert Path("j.jsonl").read_bytes().startswith(content)
    scrub_file("calls.csv", "own.bloctel", columns="tel", on=DAY, receipt="r.json")


def test_several_files_have_receipts_in_a_journal(folder: Path) -> None:
    """A receipt for each file that was scrubbed; none for a bad one."""
    write(folder / "more.parquet", ROWS)
    (folder / "bad.csv").write_text("n;other\n")
    calls = ["bad.csv", "calls.csv", "more.parquet"]
    options = ReceiptOptions(journal="j.jsonl")

    done = scrub_files(
        calls, "own.bloctel", columns="tel", into="out", on=DAY, receipt=options
    )

    made = list(Journal("j.jsonl").receipts())
    assert [each.summary and each.summary.receipt for each in done] == [None, *made]
    assert [receipt.input.name for receipt in made] == calls[1:]
    with pytest.raises(InputError, match="give a journal"):
        scrub_files(
            calls,
            "own.bloctel",
            columns="tel",
            into="new",
            receipt=ReceiptOptions("r.json"),
        )
    assert not Path("new").exists()


def replaced(path: Path) -> Callable[[int, int | None], None]:
    """Return a progress callback that replaces a list by another once."""

    def progress(done: int, total: int | None) -> None:
        path.with_name("other").write_text("tel\n0261910002\n")
        path.with_name("other").replace(path)

    return progress


def test_a_list_that_is_replaced_during_a_run_gets_no_receipt(folder: Path) -> None:
    """A receipt would name the new list, but the old one was searched."""
    for name in ("1.csv", "2.csv"):
        write(folder / name, ROWS)

    done = scrub_files(
        ["1.csv", "2.csv"],
        NumberFile("list.csv", "tel"),
        columns="tel",
        into="out",
        receipt=ReceiptOptions(journal="j.jsonl"),
        progress=replaced(folder / "list.csv"),
    )

    assert [each.summary for each in done] == [None, None]
    assert all("changed while it was in use" in str(each.error) for each in done)
    assert not Path("j.jsonl").exists() or not list(Journal("j.jsonl").receipts())


def test_the_names_are_public() -> None:
    """`bloctel.scrub_file` and `bloctel.scrub_csv` are the tested functions."""
    assert bloctel.scrub_file is scrub_file
    assert bloctel.scrub_csv is scrub_csv
