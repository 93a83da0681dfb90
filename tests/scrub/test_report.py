"""The report: complete, safe whatever the file holds, and without a number."""

from __future__ import annotations

import io
import re
from datetime import date
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel import Reason, ScrubSummary, scrub_csv, scrub_file
from bloctel._util.messages import catalogue, message
from bloctel.errors import InputError
from bloctel.scrub import (
    Example,
    OriginDetector,
    Outputs,
    ReportSubject,
    classifier,
    open_against,
    write_report,
)
from bloctel.scrub.opposition_source import shown_target
from bloctel.scrub.report.report import as_html

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 25)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "&lt;b&gt; &amp; &#x3c;",
    "\u202eexe.vsc\u2066",
    "a\x00b\x1b[31m",
    "bad-\udce9-name",
    "javascript:alert(1)",
)
#: The elements that a page of ours is made of: none of them loads or runs anything.
HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer"),
    *("section", "div", "p", "span", "i", "h1", "h2", "h3", "code", "bdi"),
    *("dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "defs", "pattern", "rect", "circle"),
}


class Page(HTMLParser):
    """Content that an HTML parser sees in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], "every element that is opened is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Store the name and the attributes of an element."""
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the tag closes the last opened element."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Store the text of the page."""
        if self._open[-1:] != ["style"]:
            self.text += data


def summary(**changed: Any) -> ScrubSummary:
    """Return what a scrub of a thousand rows found."""
    found: dict[str, Any] = {
        "rows": 1_000,
        "clear": 825,
        "blocked": 150,
        "invalid": 25,
        "invalid_reasons": {"letters": 20, "too_short": 5},
        "blocked_lists": {"own": 150},
        "outputs": {},
    }
    return ScrubSummary(**{**found, **changed})


def subject(**changed: Any) -> ReportSubject:
    """Return what that scrub was about."""
    about: dict[str, Any] = {
        "file": "prospects.csv",
        "columns": ["telephone"],
        "against": "oppositions.bloctel",
        "days": {"own": DAY},
        "made_on": DAY,
    }
    return ReportSubject(**{**about, **changed})


def test_the_page_says_what_was_scrubbed_against_what_and_when() -> None:
    """The page has file, column, target, list, day, counts, shares and reasons."""
    text = Page(as_html(summary(), subject())).text

    for said in (
        *("prospects.csv", "telephone", "oppositions.bloctel", "own", "2026-11-25"),
        *("1,000 rows: 825 clear, 150 blocked, 25 invalid.", "82.5 %", "15.0 %"),
        *("Letters among the digits", "letters", "20", "2.0 %"),
        "2026-12-25",  # how long the rules of the list let one rely on the answer
    ):
        assert said in text


def test_the_page_says_that_clear_is_no_permission() -> None:
    """The page says this in words, with the law since the end of the national list."""
    text = Page(as_html(summary(), subject())).text

    assert "Clear does not mean that a number may be called" in text
    assert (
        "since 2026-08-11, prior consent (consentement préalable) is required" in text
    )
    assert "L223-1" in text
    assert '<i lang="fr">consentement préalable</i>' in as_html(summary(), subject())


def test_the_page_can_be_in_french() -> None:
    """Counts, dates, reasons and the law are in French too."""
    page = as_html(summary(), subject(lang="fr"))
    text = Page(page).text

    assert '<html lang="fr">' in page
    for said in (
        "1\u202f000 lignes\xa0: 825 hors liste, 150 bloquées, 25 invalides.",
        "depuis le 11 août 2026, le consentement préalable est requis",
        "25 novembre 2026",
        "82,5 %",
        "Des lettres parmi les chiffres",
    ):
        assert said in text


def test_nothing_is_fetched_and_nothing_runs() -> None:
    """The page is one file, and says so to the browser."""
    page = Page(as_html(summary(), subject()))

    policies = [dict(a)["content"] for t, a in page.tags if "http-equiv" in a]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert {tag for tag, _ in page.tags} <= HARMLESS
    for _, attributes in page.tags:
        assert not {"src", "href", "style"} & attributes.keys()


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_names_is_text(text: str) -> None:
    """Names of files, columns, lists and targets are shown as text."""
    plain = Page(as_html(summary(), subject()))
    receipt: dict[str, object] = {text: {text: [text]}}

    page = as_html(
        summary(
            blocked_lists={text: 150},
            invalid_reasons={text: 25},
            outputs={text: text},
            examples={text: (Example(2, text),)},
        ),
        subject(file=text, columns=[text, text], against=text, days={text: DAY}),
        receipt=receipt,
    )

    page.encode()
    held = Page(page)
    assert {tag for tag, _ in held.tags} <= HARMLESS
    names = {name for _, attributes in held.tags for name in attributes}
    known = {name for _, attributes in plain.tags for name in attributes}
    assert names <= known
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    # the page shows printable text unchanged
    if text.isprintable():
        assert text in held.text


@given(st.text())
def test_no_cell_gets_out_of_its_place(text: str) -> None:
    """Whatever a cell holds, the page has the same elements."""
    plain, held = (
        Page(as_html(summary(examples={"letters": (Example(2, cell),)}), subject()))
        for cell in ("x", text)
    )

    assert held.tags == plain.tags


def scrub_cells(cells: list[str], folder: Path) -> ScrubSummary:
    """Return what a scrub of a file with these cells finds."""
    (folder / "oppositions.csv").write_text("telephone\n01 99 00 00 01\n")
    rows = "".join(f"x,{cell}\n" for cell in cells)
    calls = io.BytesIO(f"id,telephone\n{rows}".encode())
    with open_against(str(folder / "oppositions.csv")) as book:
        return scrub_csv(calls, book.question(on=DAY), columns=["telephone"])


def test_examples_are_masked_and_have_their_rows(tmp_path: Path) -> None:
    """Examples of faults have row numbers, and their phone numbers are masked."""
    cells = ["06 39 98 12", "O6 39 98 12 34", "Zoé 0199001234", "06 39 98 12 99 99"]

    scrubbed = scrub_cells(cells, tmp_path)
    page = as_html(scrubbed, subject())

    assert scrubbed.examples["too_short"] == (Example(2, "06 39 •• ••"),)
    assert scrubbed.examples["letters"] == (
        Example(3, "x6 39 9• •• ••"),
        Example(4, "xxx 0199••••••"),
    )
    assert "06 39 •• ••" in page
    assert "row 3" in page
    for part in ("98 12", "Zoé", "001234", "99 99"):
        assert part not in page


def test_findings_are_on_the_page_with_their_assumptions() -> None:
    """Each finding has its title, its figures, its chance and its threshold."""
    detector = OriginDetector()
    detector.add_numbers(33_639_980_000 + np.arange(3_000, dtype=np.uint64))
    found = detector.anomalies()

    text = Page(as_html(summary(anomalies=found), subject())).text

    assert found
    for finding in found:
        assert message(f"scrub.anomaly.{finding.code}", "en") in text
        assert finding.assumption in text
        assert finding.threshold in text
    assert "changes no result" in text


def test_no_finding_is_no_praise() -> None:
    """A page without findings says which files are not examined for anomalies."""
    text = Page(as_html(summary(), subject())).text

    assert "Files of fewer than 1,000 numbers are not examined" in text


def test_the_receipt_is_shown_whole() -> None:
    """The page shows all labels and values of a receipt, if there is a receipt."""
    receipt = {
        "Number": "2026/7",
        "Input": {"Rows": 12, "Parts": ["a", "b"]},
        "By": None,
    }

    text = Page(as_html(summary(), subject(), receipt=receipt)).text

    for part in ("Receipt", "2026/7", "Input", "Rows", "12", "a, b", "By"):
        assert part in text
    assert "Receipt" not in Page(as_html(summary(), subject())).text


def test_an_empty_scrub_has_a_report() -> None:
    """A file without rows is reported on, without a division by nothing."""
    nothing = dict.fromkeys(("rows", "clear", "blocked", "invalid"), 0)

    page = as_html(
        summary(**nothing, invalid_reasons={}, blocked_lists={}), subject(days={})
    )

    assert "0 rows" in Page(page).text


def test_the_chart_has_a_text_alternative() -> None:
    """The chart's text alternative contains the shares, for screen readers."""
    page = Page(as_html(summary(), subject()))

    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert charts[0]["role"] == "img"
    assert charts[0]["aria-labelledby"] == "bar-title"
    assert "clear 82.5 %, blocked 15.0 %, invalid 2.5 %" in page.text
    assert all(chart["aria-hidden"] == "true" for chart in charts[1:])


def group(name: str) -> set[str]:
    """Return the codes that have a text in a group of the message catalogue."""
    keys = (key.rpartition(".") for key in catalogue("en"))
    return {code for before, _, code in keys if before == name}


def test_every_code_has_words() -> None:
    """Each code of a reason has a text for readers."""
    reasons = {*Reason, *filter(None, classifier._REFUSALS)}

    assert group("scrub.reason") == reasons


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    """A report is written to a file or a stream with the same bytes."""
    stream = io.BytesIO()

    write_report(tmp_path / "report.html", summary(), subject())
    write_report(stream, summary(), subject())

    assert (tmp_path / "report.html").read_bytes() == stream.getvalue()
    assert stream.getvalue().startswith(b"<!DOCTYPE html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_report_without_a_folder_is_refused(tmp_path: Path) -> None:
    """The error is one sentence, and no file is left."""
    with pytest.raises(InputError, match="a folder for the output, got no such folder"):
        write_report(tmp_path / "none" / "report.html", summary(), subject())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", ["calls.csv", "clear.csv", "oppositions.csv"])
def test_a_report_takes_nobody_s_place(tmp_path: Path, taken: str) -> None:
    """A report never overwrites the input, an output or the opposition list."""
    for name in ("calls.csv", "oppositions.csv"):
        (tmp_path / name).write_text("telephone\n")

    with pytest.raises(InputError, match="a separate file"):
        scrub_file(
            tmp_path / "calls.csv",
            tmp_path / "oppositions.csv",
            columns=1,
            outputs=Outputs(tmp_path / "clear.csv"),
            report=tmp_path / taken,
        )


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("oppositions.bloctel", "oppositions.bloctel"),
        ("sqlite:///oppositions.db", "sqlite:///oppositions.db"),
        ("memory:", "memory:"),
        ("postgresql://me:s3cret@db.example:5432/a", "postgresql://db.example:5432/a"),
        ("valkey://:s3cret@db.example/0?secret=s3cret", "valkey://db.example/0"),
        ("mariadb://me:a@s3cret@[::1/lists", "mariadb://[::1/lists"),
        ("postgresql:///me:s3cret@host/lists", "postgresql:///host/lists"),
        ("postgresql://me:s3?cret@host/lists", "postgresql://"),
        ("postgresql://host:1/lists?password=s3@cret", "postgresql://"),
    ],
)
def test_no_password_is_shown(target: str, shown: str) -> None:
    """The page shows a URL without user, password and options."""
    assert shown_target(target) == shown
