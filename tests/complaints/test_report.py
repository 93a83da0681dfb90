"""Reports and pictures of complaints: deterministic, and without names."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.complaints import (
    Case,
    Complaint,
    ReportOptions,
    find_callers,
    new_id,
    plot_caller,
    plot_complaints,
    received,
    write_report,
)
from bloctel.complaints.report.report import as_html, by_period, by_sector
from bloctel.errors import InputError
from bloctel.numbers.phone_number import french_nsn
from tests.helpers.callers import Population

if TYPE_CHECKING:
    from pathlib import Path

NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)
_HARMLESS: Final = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer"),
    *("section", "div", "p", "span", "i", "h1", "h2", "h3", "code", "bdi"),
    *("dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "rect"),
}


@cache
def made() -> tuple[Case, ...]:
    """Return complaints about many callers."""
    return tuple(one for one, _ in Population(3).complaints(500))


def on(*days: str) -> list[Case]:
    """Return one complaint for each of these days."""
    return [
        received(Complaint(called_on=date.fromisoformat(day)), id=new_id(), at=NOW)
        for day in days
    ]


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)


@pytest.mark.parametrize("full", [False, True])
def test_a_page_has_no_number_called(full: bool) -> None:
    """Numbers and names of callers are shown only if requested."""
    page = as_html(made(), ReportOptions(full=full))
    digits = re.sub(r"[\s.]", "", page)

    shown = {case.complaint.shown_key for case in made()}
    for case in made():
        assert case.complaint.called is not None
        assert (french_nsn(case.complaint.called.key) or "?") not in digits
    in_full = [key for key in shown if key and f"{french_nsn(key)}" in digits]
    names = [c.complaint.caller for c in made() if c.complaint.caller.lower() in page]
    assert bool(in_full) == full
    assert bool([name for name in names if name]) == full
    assert (made()[0].id in page or made()[9].id in page) == full


def test_a_page_says_what_it_is_not() -> None:
    """A lead is not a proof, and the page is not legal advice."""
    page = as_html(made(), ReportOptions(made_on=date(2026, 12, 1)))

    assert "A pattern is a reason to investigate, not a proof" in page
    assert "It is not legal advice" in page
    assert "Chance of being wrong" in page
    assert "2026-12-01" in page
    assert "500 complaints" in page


def test_a_page_in_french_is_french() -> None:
    """The page also has French sectors, patterns, numbers and days."""
    page = as_html(made(), ReportOptions(made_on=date(2026, 12, 1), lang="fr"))

    assert '<html lang="fr">' in page
    assert "500 réclamations, sur des appels du 1er septembre 2026 au" in page
    assert "le 1er décembre 2026." in page
    assert "assurances et mutuelles" in page
    assert "Un numéro réservé à la fiction" in page
    for english in ("complaints", "mistyped", "one caller", "chance below"):
        assert english not in page


def test_a_page_is_the_same_each_time() -> None:
    """The same complaints give the same page, to the byte."""
    assert as_html(made(), ReportOptions()) == as_html(made(), ReportOptions())


def test_a_page_of_nothing_is_a_page() -> None:
    """A report without complaints is valid."""
    page = as_html([], ReportOptions())

    assert "0 complaints." in page
    assert "rare enough to be reported" in page


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_becomes_markup(title: str, sector: str) -> None:
    """HTML in texts of complaints is shown as text."""
    case = received(Complaint(sector=sector, caller=sector), id=new_id(), at=NOW)

    page = as_html([case], ReportOptions(title=title, full=True))

    assert _Tags(page).tags <= _HARMLESS


def test_a_page_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    """A report for a missing folder is refused, and no file is written."""
    write_report(tmp_path / "report.html", made()[:20])
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")

    with pytest.raises(InputError):
        write_report(tmp_path / "none" / "report.html", made()[:20])


# -- counting ----------------------------------------------------------------------


def test_periods_follow_the_span() -> None:
    """Complaints are counted by day, week or month, depending on the time they span."""
    assert by_period([]) == ("day", [])
    assert by_period(on("2026-11-01", "2026-11-03", "2026-11-03")) == (
        "day",
        [("2026-11-01", 1), ("2026-11-02", 0), ("2026-11-03", 2)],
    )
    unit, weeks = by_period(on("2026-10-01", "2026-11-25"))
    assert (unit, weeks[0], weeks[-1], len(weeks)) == (
        "week",
        ("2026-09-28", 1),
        ("2026-11-23", 1),
        9,
    )
    unit, months = by_period(on("2024-02-29", "2026-11-25"), "fr")
    assert (unit, months[0], len(months)) == ("month", ("février 2024", 1), 34)


def test_every_complaint_is_counted_once() -> None:
    """Complaints are counted by period and by sector."""
    assert sum(calls for _, calls in by_period(made())[1]) == 500
    assert sum(count for _, count in by_sector(made())) == 500


def test_small_sectors_are_added_up() -> None:
    """The last row of the table adds up the sectors with the fewest complaints."""
    cases = [
        received(Complaint(sector=f"sector {i}"), id=new_id(), at=NOW)
        for i in range(20)
    ]
    cases += [received(Complaint(sector="insurance"), id=new_id(), at=NOW)] * 2

    sectors = by_sector(cases, full=True)

    assert sectors[0] == ("insurance and mutual health cover", 2)
    assert sectors[-1] == ("all others", 9)
    assert len(sectors) == 13


def test_a_text_that_is_no_sector_is_not_published() -> None:
    """People can write a phone number in the field of the sector."""
    texts = ("06 39 98 55 55", "Zoe", "insurance", "Insurance and mutual health cover")
    cases = [received(Complaint(sector=text), id=new_id(), at=NOW) for text in texts]

    named = ("insurance and mutual health cover", 2)
    assert by_sector(cases) == [named, ("all others", 2)]
    assert by_sector(cases, full=True) == [named, ("06 39 98 55 55", 1), ("Zoe", 1)]
    page = as_html(cases, ReportOptions())
    assert "55 55" not in page
    assert "Zoe" not in page


# -- pictures ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_complaints_make_the_same_picture(tmp_path: Path, kind: str) -> None:
    """Equal complaints give identical picture files."""
    pictures = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{kind}"
        plot_complaints(path, made())
        pictures.append(path.read_bytes())

    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"<?xml" if kind == "svg" else b"\x89PNG")


def test_a_caller_is_drawn_with_or_without_names() -> None:
    """The graph of a caller has masked names unless full names are requested."""
    actor = max(find_callers(made()), key=lambda one: len(one.numbers))

    drawn = {}
    for full in (False, True):
        file = io.BytesIO()
        plot_caller(file, actor, made(), full=full, format="svg")
        drawn[full] = file.getvalue().decode()

    assert len(actor.numbers) > 2
    # the plot draws text as paths, and an SVG comment repeats each text
    labels = {full: re.findall(r"<!-- (.*?) -->", text) for full, text in drawn.items()}
    assert not set(actor.names) & set(labels[False])
    assert set(actor.names[:5]) <= set(labels[True])
    assert any("•" in text for text in labels[False])
    assert not any("•" in text for text in labels[True])


def test_a_picture_is_svg_or_png(tmp_path: Path) -> None:
    """A picture format other than SVG and PNG is refused before drawing."""
    with pytest.raises(InputError):
        plot_complaints(tmp_path / "out.pdf", made())
    with pytest.raises(InputError):
        plot_complaints(io.BytesIO(), made())
    assert list(tmp_path.iterdir()) == []


def test_nothing_can_be_drawn(tmp_path: Path) -> None:
    """Without complaints, an empty picture is written."""
    plot_complaints(tmp_path / "empty.svg", [])

    assert (tmp_path / "empty.svg").stat().st_size > 0
