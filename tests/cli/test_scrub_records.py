"""Receipts and reports of scrubs, for every file format and for many files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bloctel.scrub.receipts import Journal
from tests.helpers.call_files import ENDINGS, write
from tests.helpers.command_line import LISTED, NOT_LISTED, run, sentence

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [["nom", "tel"], ["A", LISTED], ["B", NOT_LISTED], ["C", "O1 99 00 00 12"]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_receipt_of_any_kind_of_file(
    ending: str, lists: Path, tmp_path: Path
) -> None:
    """A receipt agrees with the files, but not with a file that changed later."""
    calls, clear = write(tmp_path / f"calls.{ending}", ROWS), tmp_path / f"c.{ending}"
    receipt = tmp_path / "receipt.json"
    done = run(
        *("scrub", calls, "--against", lists, "--column", "tel"),
        *("--output", clear, "--receipt", receipt),
    )
    check = ("receipt", "verify", receipt, "--input", calls, "--clear", clear)

    assert done.code == 0
    assert run(*check).code == 0
    clear.write_bytes(clear.read_bytes() + b"\n")
    assert run(*check).code == 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_report_of_any_kind_of_file(ending: str, lists: Path, tmp_path: Path) -> None:
    """The report shows masked examples of errors, and the digest of the receipt."""
    calls, page = write(tmp_path / f"calls.{ending}", ROWS), tmp_path / "report.html"
    receipt = tmp_path / "receipt.json"

    run(
        *("scrub", calls, "--against", lists, "--column", "tel"),
        *("--report", page, "--receipt", receipt),
    )

    text = page.read_text(encoding="utf-8")
    assert "x1 99 0• •• ••" in text
    assert json.loads(receipt.read_text())["digest"] in text


def test_many_files_share_a_journal(lists: Path, tmp_path: Path) -> None:
    """Each scrubbed file has a receipt in the hash chain; a failed one does not."""
    calls, into = tmp_path / "calls", tmp_path / "out"
    calls.mkdir()
    for name in ("a.csv", "b.parquet"):
        write(calls / name, ROWS)
    (calls / "c.csv").write_text("nom;other\n")
    journal = tmp_path / "scrubs.jsonl"
    command = ("scrub", calls, "--against", lists, "--column", "tel", "--into", into)

    done = run(*command, "--journal", journal)

    assert done.code == 2
    kept = list(Journal(journal).receipts())
    assert [receipt.input.name for receipt in kept] == ["a.csv", "b.parquet"]
    assert kept[1].journal is not None
    assert kept[1].journal.previous == kept[0].digest
    check = ("receipt", "verify", journal, "--number", 2, "--input")
    assert run(*check, calls / "b.parquet").code == 0
    assert run(*check, calls / "a.csv").code == 1


@pytest.mark.parametrize(
    "options",
    [("--receipt", "r.json"), ("--report", "r.html"), ("--sign-key", "key.pem")],
)
def test_options_for_one_file_are_refused_for_many(
    options: tuple[str, str], lists: Path, tmp_path: Path
) -> None:
    """Options for the receipt or report of one file are refused with `--into`."""
    calls = write(tmp_path / "calls.csv", ROWS)
    command = ("scrub", calls, "--against", lists, "--column", "tel")

    done = run(*command, "--into", tmp_path / "out", *options)

    assert "--journal" in sentence(done)
    assert not (tmp_path / "out").exists()
