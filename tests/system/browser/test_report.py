"""Report of a scrub in a browser: colour schemes and window sizes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from bloctel import ScrubSummary
from bloctel.scrub import Example, OriginDetector, ReportSubject, write_report
from tests.helpers.pages import SCHEMES, WIDTHS, opened, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DAY: Final = date(2026, 11, 25)
_LONG: Final = "a-very-long-name-without-a-blank-" * 5


def report(path: Path, *, hostile: bool = False, lang: str = "en") -> str:
    """Write a report with all sections, and return its address."""
    detector = OriginDetector()
    detector.add_numbers(33_639_980_000 + np.arange(5_000, dtype=np.uint64))
    detector.add_numbers(np.arange(33 * 10**9, 34 * 10**9, 50_021, dtype=np.uint64))
    name = f"<script>window.hit = 1</script>{_LONG}" if hostile else "prospects.csv"
    reasons = {"letters": 20_000, "too_short": 5, "several_numbers": 1, "empty": 9}
    cells = {reason: (Example(1_234_567, name),) * 3 for reason in reasons}
    summary = ScrubSummary(
        *(12_345_678, 12_000_000, 325_663, 20_015, reasons),
        {"own:brand-a": 325_000, "fr.bloctel": 663},
        {"clear": Path(name), "blocked": Path("blocked.csv")},
        detector.anomalies(),
        cells,
    )
    assert len(summary.anomalies) >= 3
    subject = ReportSubject(
        file=name,
        columns=["telephone", name],
        against=name,
        days={"own:brand-a": DAY, "fr.bloctel": date(2024, 1, 2)},
        made_on=DAY,
        lang=lang,
    )
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    receipt = {"Number": "2026/7", "Input": {"SHA-256": digest, "Rows": 12_345_678}}
    write_report(path, summary, subject, receipt=receipt)
    return path.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a report with all sections."""
    return report(tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits_and_makes_no_requests(
    browser: Browser, address: str, scheme: str, width: int
) -> None:
    """The page makes no request, has no error, and needs no horizontal scrolling."""
    page, messages = opened(browser, address, scheme, width)

    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible(
    browser: Browser, address: str, scheme: str, width: int
) -> None:
    """The page passes the WCAG 2.2 AA rules that a program can check."""
    page, _ = opened(browser, address, scheme, width)

    assert violations(page) == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_french_page_is_accessible(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    """Findings in English are marked as English."""
    address = report(tmp_path / "report.html", lang="fr")

    page, messages = opened(browser, address, width=width)

    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert violations(page) == []
    assert page.evaluate("document.documentElement.lang") == "fr"
    assert page.locator(".finding p:not([lang=en])").count() == 0
    page.close()


def test_light_and_dark_differ(browser: Browser, address: str) -> None:
    """The background follows the colour scheme."""
    seen = set()
    for scheme in SCHEMES:
        page, _ = opened(browser, address, scheme)
        seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()

    assert len(seen) == 2


def test_parts_of_the_bar_are_proportional_to_counts(
    browser: Browser, address: str
) -> None:
    """Clear, blocked and invalid rows have their shares of the width."""
    page, _ = opened(browser, address)

    widths = page.evaluate(
        "[...document.querySelectorAll('.bar > rect[fill]')]"
        ".map(part => part.getBoundingClientRect().width)"
    )

    shares = [width / sum(widths) for width in widths]
    expected = [12_000_000 / 12_345_678, 325_663 / 12_345_678, 20_015 / 12_345_678]
    assert shares == pytest.approx(expected, abs=1e-3)
    page.close()


def test_the_bar_reads_without_colour(browser: Browser, address: str) -> None:
    """Each kind has a different pattern, also in the legend."""
    page, _ = opened(browser, address)

    shapes = page.evaluate(
        "['clear', 'blocked', 'invalid'].map(kind => [...document.getElementById(kind)"
        ".children].map(shape => shape.tagName).join())"
    )
    swatches = page.evaluate(
        "[...document.querySelectorAll('.swatch > rect')]"
        ".map(part => part.getAttribute('fill'))"
    )

    assert len(set(shapes)) == 3
    assert swatches == ["url(#clear)", "url(#blocked)", "url(#invalid)"]
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path, width: int) -> None:
    """HTML in names is shown as text, runs no script, and does not widen the page."""
    address = report(tmp_path / "report.html", hostile=True)

    page, messages = opened(browser, address, width=width)

    assert messages == []
    assert page.evaluate("window.hit") is None
    assert "<script>window.hit = 1</script>" in page.inner_text("h1")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_a_script_would_not_run(browser: Browser, address: str) -> None:
    """The content security policy of the page blocks scripts and requests."""
    page, messages = opened(browser, address)

    page.evaluate(
        "const s = document.createElement('script'); s.textContent = 'window.hit = 1';"
        "document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png';"
        "document.body.append(i)"
    )

    assert page.evaluate("window.hit") is None
    assert any("Content Security Policy" in message for message in messages)
    page.close()


def test_it_prints_on_white(browser: Browser, address: str) -> None:
    """The print is black on white, with any colour scheme, on at most five pages."""
    page, _ = opened(browser, address, "dark")
    page.emulate_media(media="print", color_scheme="dark")

    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.evaluate("getComputedStyle(document.body).color")
    printed = page.pdf(format="A4", prefer_css_page_size=True)

    assert (paper, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert printed.startswith(b"%PDF")
    assert 1 < printed.count(b"/Type /Page\n") <= 5
    page.close()
